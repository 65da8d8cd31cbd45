//! How a run ended, in order of severity, and the exit code that says so to a script.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// The verdict as it stands in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    pub exit_code: u8,
    pub kind: Kind,
    pub sentence: String,
    /// Commands that make sense next, ready to paste.
    pub next_commands: Vec<String>,
}
