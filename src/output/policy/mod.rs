//! The policies that `fleet policy` prints: as IAM takes them, and as templates that a team
//! deploys. What they grant was decided in `plan`.

mod cloudformation;
mod iam;
mod terraform;

use serde_json::Value;

pub use self::{cloudformation::cloudformation, iam::iam, terraform::terraform};
use crate::{
    documents::Notation,
    plan::{Scope, Statement},
};

/// What a template deploys besides the role.
#[derive(Debug, Clone, Copy)]
pub struct Template<'a> {
    /// What it is for, in a line.
    pub description: &'a str,
    pub statements: &'a [Statement],
    pub scope: &'a Scope,
    pub documents: &'a [NewDocument],
    pub user: User,
    /// What a session is given besides, which the trust has to allow.
    pub passed: &'a [Passed],
}

/// A document that is deployed along with the role that may send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDocument {
    pub name: String,
    /// Deployed byte for byte, so that its hash is the one that was reviewed.
    pub text: String,
    pub tags: Vec<(String, String)>,
}

impl NewDocument {
    /// Returns what the service calls the notation of the text.
    fn format(&self) -> &'static str {
        Notation::of(&self.text).name()
    }
}

/// What is passed to AssumeRole and has an action of its own, without which the whole call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    Tags,
    SourceIdentity,
}

impl Passed {
    fn sid(self) -> &'static str {
        match self {
            Self::Tags => "TagSession",
            Self::SourceIdentity => "SetSourceIdentity",
        }
    }

    fn action(self) -> &'static str {
        match self {
            Self::Tags => "sts:TagSession",
            Self::SourceIdentity => "sts:SetSourceIdentity",
        }
    }

    fn flag(self) -> &'static str {
        match self {
            Self::Tags => "--session-tag",
            Self::SourceIdentity => "--source-identity",
        }
    }
}

/// Who may assume the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// Whoever a parameter names.
    Existing,
    /// A user that the template makes, without an access key.
    New,
}

/// Lines of a text that is indented by levels of two spaces.
#[derive(Debug, Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, level: usize, text: &str) {
        if !text.is_empty() {
            self.0.extend(std::iter::repeat_n("  ", level));
            self.0.push_str(text);
        }
        self.0.push('\n');
    }
}

/// Returns `text` in quotes, as JSON has it, and with the characters escaped that JSON may hold as
/// they are and YAML may not (YAML 1.1: not printable, or line breaks of its own).
fn quoted(text: &str) -> String {
    let is_escaped =
        |it: char| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}' | '\u{feff}');
    let escaped = |it: char| match is_escaped(it) {
        true => format!("\\u{:04x}", u32::from(it)),
        false => it.to_string(),
    };
    Value::from(text).to_string().chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_yaml_would_take_for_something_else_is_escaped() {
        assert_eq!(quoted("a\"b\n\u{7f}\u{85}\u{2028}é"), r#""a\"b\n\u007f\u0085\u2028é""#);
    }
}
