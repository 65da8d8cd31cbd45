//! The agent of a simulated instance: it runs SSM documents as the real one does, on a machine of
//! its own. It refuses what it does not implement, and never runs anything outside that machine.
//!
//! ```text
//! Work → document (typed steps) → steps (run, skip or fail?) → script → Machine
//!          ↑ interpolate           ↑ precondition                ↓
//!                        Execution ← steps (what a result means) ←
//! ```

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use tokio::sync::watch;

mod document;
mod execute;
mod hidden;
mod ids;
mod inputs;
mod interpolate;
mod machine;
mod precondition;
mod script;
mod steps;
#[cfg(test)]
mod tests;
pub(crate) mod truncate;

pub(crate) use machine::{Machine, MachineSpec};

/// One document to be run.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) command_id: String,
    /// The parsed content.
    pub(crate) document: Value,
    /// As the caller gave them; the defaults come from the document.
    pub(crate) parameters: BTreeMap<String, Vec<String>>,
    /// How much of each stream is kept, in bytes.
    pub(crate) kept: usize,
    /// Becomes true when the command is cancelled.
    pub(crate) cancel: watch::Receiver<bool>,
}

/// How a document or a plugin ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Success,
    Failed,
    TimedOut,
    Cancelled,
}

/// What became of a document.
#[derive(Clone, Debug)]
pub(crate) struct Execution {
    pub(crate) status: Status,
    pub(crate) plugins: Vec<Plugin>,
    /// Why the document as a whole could not be run (`TraceOutput`); there are no plugins then.
    pub(crate) trace: String,
}

/// What became of one step.
#[derive(Clone, Debug)]
pub(crate) struct Plugin {
    /// The step's name in schema 2.x, the plugin's in 1.2.
    pub(crate) name: String,
    pub(crate) status: Status,
    /// SSM shows such a step as one that succeeded.
    #[cfg_attr(not(test), expect(dead_code, reason = "told apart by the tests alone"))]
    pub(crate) skipped: bool,
    pub(crate) code: i32,
    /// At most 24,000 bytes, as is `stderr`: for `GetCommandInvocation`.
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Standard output and standard error as far as they were kept.
    pub(crate) full: [Vec<u8>; 2],
    /// At most 2,500 bytes: `CommandPlugin.Output`. It is not always what `truncate::combined` makes of
    /// the two streams: the agent composes it before it appends what exit codes and `onFailure` say, and
    /// for a step that did not run it is the only text there is.
    pub(crate) output: String,
    /// Since the start of the execution.
    pub(crate) started: Option<Duration>,
    pub(crate) finished: Option<Duration>,
}
