//! What documents print for fleet to read: findings, as `documents/README.md` describes them. An
//! instance's output is hostile text: nothing here is good because it could not be read.

mod reading;
mod summary;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::summary::{
    ChangeFacts, CodeCount, CodeFacts, FindingSummary, SharedFacts, UnreadFacts, VerdictFacts,
};
pub(super) use self::{
    reading::{is_wanting, read},
    summary::summarise,
};

/// What an instance's output says as findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Reading {
    Read(Findings),
    /// The document prints findings, and this is none.
    Unread {
        why: String,
    },
}

/// The findings of one instance. Texts are cut at 300 characters and lists at 100 elements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Findings {
    pub schema: String,
    pub verdict: String,
    /// Whether the verdict needs nothing done; absent where nobody has declared which do not.
    pub good: Option<bool>,
    pub findings: Vec<Finding>,
    pub changed: Vec<Change>,
    /// Changes were made, and taken back.
    pub rolled_back: bool,
    /// There were more findings or changes than are here.
    pub truncated: bool,
    /// Values that no two instances should share, by where they stand.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unique: BTreeMap<String, Vec<String>>,
}

/// One thing that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Dotted words: `hostkeys.missing`.
    pub code: String,
    /// `now`, `next-restart`, `none`, or a word that is newer than this version.
    pub effect: Option<String>,
    /// `high`, `medium`, `low`, `info`, or a word that is newer than this version.
    pub severity: Option<String>,
    pub evidence: Option<String>,
    pub path: Option<String>,
    pub line: Option<u64>,
    pub repair: Option<String>,
}

/// Something that was changed, or would be.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct Change {
    pub action: String,
    pub path: Option<String>,
    pub detail: Option<String>,
    /// It was not done: it is what would be.
    pub planned: bool,
}

impl Finding {
    /// Returns whether it hurts, or will.
    pub fn is_felt(&self) -> bool {
        matches!(self.effect.as_deref(), Some("now" | "next-restart"))
    }
}
