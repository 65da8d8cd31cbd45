//! What happened: a closed set of facts in the past tense. The terminal, the ledger and the report
//! are readers of this one stream.
//!
//! The JSON is a promise: fields are added, never renamed; a reader meets kinds that are newer
//! than itself as [`EventKind::Unknown`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    change::GroupChange,
    row::Execution,
    status::{Outcome, Withholder},
    verdict::Verdict,
};
use crate::plan::{InstanceId, Note, Plan, RunId};

/// One fact. `seq` counts from 1 without a gap, so that a reader knows that it missed nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub seq: u64,
    pub at: Timestamp,
    /// Milliseconds since the run started.
    pub elapsed_ms: u64,
    pub data: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventKind {
    RunStarted {
        plan: Box<Plan>,
    },
    WaveStarted {
        wave: u32,
        instances: u32,
    },
    /// Written down, and flushed, before SendCommand or StartAutomationExecution goes out.
    SendIntended {
        send: u32,
        token: String,
        wave: u32,
        /// Empty where a tag names them.
        instances: Vec<InstanceId>,
        max_concurrency: String,
        max_errors: String,
    },
    CommandAccepted {
        send: u32,
        command_id: String,
        expires_after: Option<Timestamp>,
    },
    SendRefused {
        send: u32,
        code: String,
        message: String,
        #[serde(default)]
        consequence: Consequence,
    },
    /// The service proved that it took nothing; the same send is tried again later.
    SendThrottled {
        send: u32,
    },
    /// No answer, or none that can be read: it may have been accepted.
    SendDoubted {
        send: u32,
        reason: String,
    },
    /// What became of it cannot be told; it is never sent again.
    SendLost {
        send: u32,
        reason: String,
    },
    /// The counters of a command, where the service lets them be read.
    CommandCounted {
        command_id: String,
        targets: u32,
        completed: u32,
        errors: u32,
    },
    InvocationChanged {
        instance_id: InstanceId,
        command_id: String,
        status_details: String,
        /// At which step an automation is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        progress: Option<String>,
    },
    InstanceFinished {
        instance_id: InstanceId,
        wave: u32,
        command_id: Option<String>,
        outcome: Outcome,
        execution: Option<Execution>,
        hint: Option<String>,
        /// Of one that was cancelled or terminated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        withheld_by: Option<Withholder>,
    },
    /// An instance that the plan did not list: the tag reached it, or it was in the group at the end.
    InstanceJoined {
        instance_id: InstanceId,
    },
    InstanceLeft {
        instance_id: InstanceId,
        /// What took it, where Auto Scaling may be asked.
        #[serde(default)]
        departure: Option<Departure>,
    },
    OutputCompleted {
        instance_id: InstanceId,
        stdout: String,
        stderr: String,
        truncated: bool,
    },
    /// After the run: what an instance has printed was fetched into files beside the ledger.
    OutputStored {
        instance_id: InstanceId,
        stdout: StoredStream,
        stderr: StoredStream,
    },
    /// What fetching has asked for, besides what the run had.
    OutputsFetched {
        api_calls: BTreeMap<String, u64>,
        throttled_by_operation: BTreeMap<String, u64>,
    },
    BudgetSpent {
        used: u32,
        limit: u32,
        /// The wave whose own budget it is; `None`: the run's.
        #[serde(default)]
        wave: Option<u32>,
    },
    CancelRequested {
        command_id: String,
        /// `None`: the whole command.
        instances: Option<Vec<InstanceId>>,
    },
    /// `fleet cancel` took the run back, in another process.
    CancelOrdered {
        /// `None`: all of it. Otherwise the rest goes on.
        instances: Option<Vec<InstanceId>>,
    },
    DeadlinePassed,
    Interrupted {
        /// 1 asks, 2 stops following.
        times: u32,
        /// What the first one means for what runs.
        #[serde(default)]
        running: OnInterrupt,
    },
    /// Something besides the document was done to a group, or to an instance, or back.
    GroupChanged {
        change: GroupChange,
    },
    /// The group was read again at the end.
    CoverageRead {
        coverage: Coverage,
    },
    NoteTaken {
        note: Note,
    },
    WaveFinished {
        wave: u32,
    },
    /// After this wave the run waits before it starts the next.
    PauseStarted {
        wave: u32,
        seconds: u64,
        /// Milliseconds since the run started.
        until_ms: u64,
    },
    /// Another process took the run over from its ledger.
    RunResumed {
        mode: Resume,
    },
    RunFinished {
        verdict: Verdict,
        /// By operation. A process that took the run over knows only its own.
        api_calls: BTreeMap<String, u64>,
        throttled: u64,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        throttled_by_operation: BTreeMap<String, u64>,
    },
    /// After the run: the one that is to follow it has a ledger of its own, and nothing of it was sent
    /// before.
    SequelBegun {
        run_id: RunId,
        document: String,
    },
    /// Written by a newer fleet.
    #[serde(other)]
    Unknown,
}

impl Event {
    /// Returns the plan, and when its run started, if this is the first event of a run.
    pub fn beginning(&self) -> Option<(&Plan, Timestamp)> {
        let EventKind::RunStarted { plan } = &self.data else { return None };
        Some((plan, self.at))
    }
}

/// A stream of an instance, as far as it could be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoredStream {
    /// Below the directory of the run. Secrets are withheld in it, so that it may be longer or
    /// shorter than what was printed.
    pub file: String,
    /// How long the file is.
    pub bytes: u64,
    /// How many bytes were printed, if that is known.
    pub printed: Option<u64>,
    pub from: StoredFrom,
    /// Nothing is missing.
    pub is_whole: bool,
}

/// Where a stream was fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoredFrom {
    /// GetCommandInvocation.
    Ssm,
    S3,
    /// CloudWatch Logs, which keeps lines: a break at the end is as good as none there.
    Logs,
}

/// What a refusal means for the instances of the send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// The run stops; they were not attempted.
    #[default]
    Stopped,
    /// The run stops; the caller may not send to them.
    Denied,
    /// One of them is unusable: they are sent to again without it, or in halves.
    Split,
}

/// The scaling activity that took an instance out of its group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Departure {
    pub activity_id: String,
    /// Auto Scaling's own sentence.
    pub cause: String,
    pub started: Option<Timestamp>,
}

/// What becomes of what runs when the operator interrupts the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnInterrupt {
    /// It is cancelled, and followed to its end.
    #[default]
    Cancel,
    /// It is left to run, and followed to its end.
    Leave,
}

/// What a process does with a run that another one has left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resume {
    /// What was sent is followed to its end, and nothing more is sent.
    Follow,
    /// The run goes on as if nothing had happened.
    Continue,
}

/// Whether the report covers the group as it is at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// Every instance of the group was planned.
    Complete,
    /// Some were left out, joined, or left.
    Partial,
    /// The group may not be listed by this caller.
    Unverified,
}
