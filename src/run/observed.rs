//! The vocabulary between the core and the driver: what was seen, and what must be done.
//! Plain data, so that the core never meets an SDK error.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    change::GroupChange,
    event::{Departure, Event, OnInterrupt},
    row::Row,
    taking::Taken,
};
use crate::plan::{InstanceId, Note};

/// Something the driver saw.
#[derive(Debug, Clone)]
pub enum Observed {
    /// SendCommand was answered.
    Accepted {
        send: u32,
        accepted: Accepted,
    },
    /// SendCommand was refused: nothing was accepted.
    Refused {
        send: u32,
        refusal: Refusal,
    },
    /// SendCommand had no answer, or none that can be read.
    Doubted {
        send: u32,
        reason: String,
    },
    /// ListCommands was asked for the send's token.
    Settled {
        send: u32,
        settlement: Settlement,
    },
    Counted {
        counts: Vec<Counts>,
    },
    Read {
        command_id: String,
        scope: ReadScope,
        rows: Vec<Row>,
    },
    /// A read of counters or rows failed.
    ReadFailed {
        of: ReadKind,
        denial: Option<Denial>,
        reason: String,
    },
    CancelAnswered {
        command_id: String,
        answer: CancelAnswer,
    },
    OutputRead {
        instance_id: InstanceId,
        answer: OutputAnswer,
    },
    MembershipRead {
        membership: Membership,
    },
    /// It was tried to take instances out of service.
    Taken(Taken),
    /// The driver's books at the end.
    Concluded {
        /// How instances and groups were brought back.
        changes: Vec<GroupChange>,
        api_calls: BTreeMap<String, u64>,
        /// By operation.
        throttled: BTreeMap<String, u64>,
    },
    /// Time has passed.
    Tick,
    /// Ctrl-C, SIGTERM or SIGHUP, and what it means for what runs.
    Interrupted(OnInterrupt),
    /// The sends of this run that ListCommands shows.
    SendsListed {
        found: Vec<Found>,
    },
    /// They could not be listed.
    SendsNotListed {
        denial: Option<Denial>,
        reason: String,
    },
    /// `fleet cancel` has left word.
    CancelOrdered(Cancellation),
}

/// What `fleet cancel` takes back of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancellation {
    Run,
    /// The rest goes on.
    Instances(BTreeSet<InstanceId>),
}

impl Cancellation {
    /// Returns what both take back.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Instances(mut one), Self::Instances(other)) => {
                one.extend(other);
                Self::Instances(one)
            }
            (Self::Run, _) | (_, Self::Run) => Self::Run,
        }
    }

    /// Returns whether a send to `targets` would reach whom it takes back, as far as is known: a
    /// tag may reach anybody.
    pub fn forbids(&self, targets: &SendTargets) -> bool {
        match (self, targets) {
            (Self::Run, _) | (Self::Instances(_), SendTargets::Tag { .. }) => true,
            (Self::Instances(back), SendTargets::Ids(ids)) => {
                ids.iter().any(|it| back.contains(it))
            }
        }
    }
}

/// What the service says to a cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelAnswer {
    /// What has not ended will be ended.
    Taken,
    /// A permission is missing.
    Denied(Denial),
    /// It has refused this one, or not answered.
    Refused(String),
}

/// What becomes of a read of one instance's whole output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputAnswer {
    Read(Output),
    /// A permission is missing.
    Denied(Denial),
    /// There is none for another reason.
    Failed(String),
}

/// A command that the service has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    pub command_id: String,
    /// How long after its request SSM gives up on what has not answered.
    pub expires_in: Option<Duration>,
    pub expires_after: Option<Timestamp>,
}

/// A send of this run as ListCommands shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// From its token.
    pub send: u32,
    pub token: String,
    /// Empty where a tag names them.
    pub instances: Vec<InstanceId>,
    pub accepted: Accepted,
    pub max_concurrency: String,
    pub max_errors: String,
}

/// Why the service took nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub kind: RefusalKind,
    pub code: String,
    pub message: String,
    /// What it means, and what would help.
    pub advice: Vec<Note>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusalKind {
    /// Too fast; the same request may be tried again.
    Throttled,
    /// At least one id is not in a valid state; those that the message names.
    InvalidInstances(Vec<InstanceId>),
    AccessDenied,
    /// fleet did not send it, because `fleet cancel` had taken it back in the meantime.
    Withdrawn,
    /// fleet did not send it, because who was meant needs it no more, or must not have it now.
    LeftAlone,
    /// Anything else: a document, a parameter, expired credentials, an unreachable endpoint.
    Other,
}

/// What ListCommands says of a doubted send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    Accepted(Accepted),
    /// The token is not there, yet.
    NotFound,
    /// It could not be asked; for good if denied.
    Failed {
        is_denied: bool,
        reason: String,
    },
}

/// One command's counters (ListCommands).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    pub command_id: String,
    /// The parent's Status is Success, Failed, Cancelled or TimedOut. Which of them is not used:
    /// SSM calls four undeliverable instances of five a Success (SSM guide).
    pub is_final: bool,
    pub targets: u32,
    pub completed: u32,
    /// Failed and ExecutionTimedOut.
    pub errors: u32,
    pub delivery_timed_out: u32,
    /// Of an execution that has not ended: its status, and at which step it is.
    pub stage: Option<Stage>,
}

/// How far an execution of an automation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// As the service says it.
    pub status_word: String,
    pub progress: Option<String>,
}

/// Which rows of a command to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadScope {
    /// All, but for the pages on which every row was final when they were read.
    All,
    /// All of them, before somebody is given up.
    Whole,
    /// Only those with this StatusDetails word (the Status filter of ListCommandInvocations).
    Only(&'static str),
    /// All from the first on, until more than this many pages have shown rows that are not final:
    /// what is read before the end need not be read after it.
    Ahead { unfinished: u32 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadKind {
    Counts,
    Rows,
    /// Rows before the end.
    Ahead,
}

/// The caller lacks a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    pub action: String,
}

/// An instance's output beyond what the list carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub truncated: bool,
}

/// The groups as they are at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The groups that were asked for.
    pub groups: Vec<String>,
    /// `None` where they may not be listed.
    pub members: Option<Vec<InstanceId>>,
    /// What took those that are planned and not members any more, as far as that could be read.
    pub departures: BTreeMap<InstanceId, Departure>,
    pub note: Option<Note>,
}

/// Something the driver must do. Every effect but the fire-and-forget ones is answered by exactly
/// one observation.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Send {
        send: u32,
        request: SendRequest,
    },
    /// Look for the token among the commands of this run; or send `again`, which does nothing if
    /// the service knows the token.
    Settle {
        send: u32,
        token: String,
        again: Option<SendRequest>,
    },
    /// Look for every command of this run.
    FindSends,
    ReadCounts {
        command_ids: Vec<String>,
    },
    ReadRows {
        command_id: String,
        scope: ReadScope,
    },
    Cancel {
        command_id: String,
        instances: Option<Vec<InstanceId>>,
    },
    ReadOutput {
        command_id: String,
        instance_id: InstanceId,
        plugins: Vec<String>,
    },
    ReadMembership,
    /// Make the next change that takes these out of service.
    TakeOut {
        instances: Vec<InstanceId>,
    },
    /// Bring back what was changed, and close the books.
    Conclude(Conclusion),
}

/// What is to be brought back at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    pub putting_back: PuttingBack,
    /// Who may have been sent to.
    pub sent: Vec<InstanceId>,
    /// What was told to be changed of groups, and not to be undone.
    pub changed: Vec<GroupChange>,
}

/// Whether what was changed for the run is brought back at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PuttingBack {
    Now,
    /// The operator does not wait: `fleet restore` does it.
    Later,
}

/// One SendCommand or StartAutomationExecution, besides what the plan says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendRequest {
    /// Goes into Comment (at most 100 characters): the only field of a command that can be found
    /// again. Of an execution it is the ClientToken.
    pub token: String,
    pub targets: SendTargets,
    pub max_concurrency: String,
    pub max_errors: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendTargets {
    Tag { key: String, values: Vec<String> },
    Ids(Vec<InstanceId>),
}

/// What a transition came to.
#[derive(Debug, Default)]
#[must_use]
pub struct Step {
    /// To be written down before the effects are carried out.
    pub events: Vec<Event>,
    pub effects: Vec<Effect>,
    /// When, counted from the start, time alone changes something.
    pub wake: Option<Duration>,
    /// Nothing is left to do.
    pub is_finished: bool,
}

/// How long things may take, in real time. Tests and fast worlds shrink it.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The shortest and the longest time between two rounds of reads. In between, a twentieth of
    /// the time since the run began: a long run is read less often.
    pub poll_min: Duration,
    pub poll_max: Duration,
    /// Reads that fail for this long mean that track is lost.
    pub lost_after: Duration,
    /// How long a command's rows may stay away after it was accepted or declared final
    /// (ListCommandInvocations is eventually consistent; a second is usual).
    pub visible_within: Duration,
    /// How long a doubted send is looked for.
    pub settle_within: Duration,
    /// How long a throttled send is tried.
    pub throttled_for: Duration,
    /// How long it is waited for that a cancellation is taken, once nothing is followed any more.
    pub cancel_within: Duration,
    /// Added to SSM's own expiry before an instance that never answered is given up.
    pub expiry_grace: Duration,
    /// How long it may take until all are in Standby: a target group lets connections drain for an
    /// hour at the most (Elastic Load Balancing, deregistration_delay.timeout_seconds).
    pub taken_within: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            poll_min: Duration::from_millis(500),
            poll_max: seconds(5),
            lost_after: seconds(180),
            visible_within: seconds(60),
            settle_within: seconds(30),
            throttled_for: seconds(600),
            cancel_within: seconds(10),
            expiry_grace: seconds(300),
            taken_within: seconds(3700),
        }
    }
}

/// The shortest wait from whose end something is concluded.
const LEAST_PATIENCE: Duration = Duration::from_millis(1500);

impl Pace {
    /// Returns `pause` within the shortest and the longest time between two rounds of reads.
    pub(super) fn clamped(&self, pause: Duration) -> Duration {
        pause.min(self.poll_max).max(self.poll_min)
    }

    /// Returns the pace `factor` times as slow; a factor under 1 is faster.
    pub fn scaled(self, factor: f64) -> Self {
        // A poll of less than a millisecond would only spin.
        let scale = |it: Duration| it.mul_f64(factor).max(Duration::from_millis(1));
        // Conclusions from silence: a machine that stalls for a moment must not be taken for a
        // service that has nothing to say, however fast the world is.
        let patient = |it: Duration| scale(it).max(it.min(LEAST_PATIENCE));
        Self {
            poll_min: scale(self.poll_min),
            poll_max: scale(self.poll_max),
            lost_after: patient(self.lost_after),
            visible_within: patient(self.visible_within),
            settle_within: patient(self.settle_within),
            throttled_for: scale(self.throttled_for),
            cancel_within: patient(self.cancel_within),
            expiry_grace: scale(self.expiry_grace),
            taken_within: patient(self.taken_within),
        }
    }
}
