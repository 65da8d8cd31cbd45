//! How something that was looked at came out, and what would help.

use serde::Serialize;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Warn,
    /// What it is about would not work.
    Fail,
    /// It could not be looked at.
    Unknown,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub verdict: Verdict,
    pub said: String,
    pub remedy: Option<String>,
}
