//! How a run ended, in order of severity, and the exit code that says so to a script.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::RunId;

/// How a run ended; the worst that applies is the verdict.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Every planned instance has an invocation of its own that succeeded.
    Succeeded,
    /// Finished; at least one instance did not succeed.
    InstancesFailed,
    /// Stopped by the budget, a deadline or a refusal; the rest was left alone.
    Halted,
    /// The service accepted nothing, so nothing ran.
    NothingSent,
    /// Sent, then lost track.
    Unknown,
    Interrupted,
}

impl Kind {
    /// Returns the exit code of the table in README; 3 promises that nothing was sent.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Succeeded => 0,
            Self::InstancesFailed => 1,
            Self::NothingSent => 3,
            Self::Halted => 5,
            Self::Unknown => 6,
            Self::Interrupted => 130,
        }
    }
}

/// What the sentence ends with while something is not as it was before the run.
const LEFT_CHANGED: &str = "; not everything that was changed for the run is back as it was";

/// What takes its place when that was undone after the end.
const BACK: &str = "; what was changed for the run was undone after its end";

/// The same where every instance has succeeded, so that nothing else tells of the exit code.
const STAYED: &str =
    "what was still changed for the run when it ended, and that was undone afterwards";

/// What kept a run from success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanting {
    /// Instances, whatever else.
    Instances,
    /// Only that something stayed changed.
    Groups,
}

/// The verdict as it stands in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    pub exit_code: u8,
    pub kind: Kind,
    pub sentence: String,
    /// Commands that make sense next, ready to paste.
    pub next_commands: Vec<String>,
}

impl Verdict {
    /// Says that something stays changed, and how it is undone.
    pub(super) fn leaving_changed(mut self, restore: Option<String>) -> Self {
        self.sentence.push_str(LEFT_CHANGED);
        self.next_commands.splice(0..0, restore);
        self
    }

    /// Takes back what it says of that, now that it is undone. How the run ended stays as it was, and
    /// where that is no success for nothing else, it says so.
    pub(super) fn put_back(&mut self, run_id: &RunId, wanting: Wanting) {
        if let Some(rest) = self.sentence.strip_suffix(LEFT_CHANGED) {
            self.sentence = match (wanting, self.kind) {
                (Wanting::Groups, Kind::InstancesFailed) => {
                    format!("{rest}; exit code {} is for {STAYED}", self.exit_code)
                }
                (Wanting::Groups | Wanting::Instances, _) => format!("{rest}{BACK}"),
            };
        }
        let restore = restoring(run_id);
        self.next_commands.retain(|it| *it != restore);
    }
}

/// Returns the line that undoes what a run has changed.
pub(super) fn restoring(run_id: &RunId) -> String {
    format!("fleet restore {run_id}")
}
