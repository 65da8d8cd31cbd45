//! A command and its invocations as SSM remembers them.
//! It holds; `engine` moves, and `view` shows.

use std::{
    collections::{BTreeMap, BinaryHeap, HashMap},
    rc::Rc,
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{Notify, watch};

use super::{
    alarm::Watch,
    content::Content,
    engine::Due,
    outputs::Bucket,
    pace::Pace,
    parameters::Given,
    status::{Cancel, Status, Tally},
};
use crate::sim::state::Platform;

pub(super) struct Command {
    /// Ascends with every command: the position in lists, and the paging key.
    pub sequence: u64,
    pub id: String,
    /// The short name, whatever the caller wrote.
    pub document: String,
    pub content: Rc<Content>,
    /// As the caller gave it; `$DEFAULT` otherwise.
    pub version: String,
    pub requested: Timestamp,
    pub expires: Timestamp,
    /// Before it, neither invocations nor (with Targets) counts can be seen.
    pub visible: Timestamp,
    pub given: Given,
    pub echo: Echo,
    pub max_errors: usize,
    /// Chosen when the command was accepted; `invocations` has them once resolved.
    pub chosen: Vec<Chosen>,
    pub resolved: bool,
    pub invocations: Vec<Invocation>,
    pub by_instance: HashMap<String, usize>,
    pub tally: Tally,
    pub cancel: Cancel,
    pub alarm: Option<Watch>,
    /// The caller may not look into the resource group that the targets name.
    pub is_shut_out: bool,
    pub pace: Pace,
    /// The first invocation that may not have been sent.
    pub next_unsent: usize,
    pub queue: BinaryHeap<Due>,
    /// How many were ever queued: what happens at one instant happens in that order.
    pub pushed: u64,
    /// How long all steps together may take.
    pub steps_timeout: Duration,
    /// Invocations whose documents must really run; `drive` takes them.
    pub starts: Vec<usize>,
    pub wake: Rc<Notify>,
    /// Results of outcomes, which instances share: by outcome, platform and end.
    pub scripts: BTreeMap<(Option<usize>, u8, Status), Rc<Vec<StepResult>>>,
}

/// What SendCommand's answer and ListCommands repeat as it was given.
#[derive(Debug, Default)]
pub(super) struct Echo {
    pub comment: String,
    pub parameters: Value,
    pub instance_ids: Vec<String>,
    pub targets: Value,
    pub timeout_seconds: i64,
    pub max_concurrency: String,
    pub max_errors: String,
    pub service_role: String,
    pub key_prefix: String,
    pub bucket: Option<Bucket>,
    pub notifications: Value,
    pub log_group: String,
    pub log_enabled: bool,
}

/// One instance that the targets matched.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub instance: String,
    pub platform: Platform,
    pub group: String,
    pub index: usize,
    /// AccessDenied or InvalidPlatform, for instances that a tag matched but that will not be sent.
    pub refused: Option<Status>,
}

pub(super) struct Invocation {
    pub chosen: Chosen,
    pub requested: Timestamp,
    pub status: Status,
    /// Takes a slot of MaxConcurrency until it is terminal.
    pub sent: bool,
    /// A machine has it, and is told here to stop.
    pub running: Option<watch::Sender<bool>>,
    /// When the agent started to run it.
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    /// The `[[outcome]]` that decides, once looked up.
    pub outcome: Option<usize>,
    pub results: Option<Rc<Vec<StepResult>>>,
    /// Why the agent could not run the document at all.
    pub trace: String,
}

/// What the agent reported of one step.
#[derive(Debug, Clone)]
pub(super) struct StepResult {
    pub name: String,
    pub status: Status,
    pub code: i32,
    /// Truncated as the agent does.
    pub stdout: String,
    pub stderr: String,
    /// Standard output and standard error as the agent has them, for buckets and logs.
    pub full: [Bytes; 2],
    /// Both, combined into at most 2,500 bytes.
    pub output: String,
    /// `None`: the invocation's own.
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
}

impl Command {
    pub(super) fn is_finished(&self) -> bool {
        self.resolved && self.tally.completed() == self.tally.total()
    }
}
