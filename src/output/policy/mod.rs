//! The policies that `fleet policy` prints: as IAM takes them, and as templates that a team
//! deploys. What they grant was decided in `plan`.

mod cloudformation;
mod iam;
mod terraform;

use serde_json::Value;

pub use self::{cloudformation::cloudformation, iam::iam, terraform::terraform};
use crate::plan::{Scope, Statement};

/// What a template deploys besides the role.
#[derive(Debug, Clone, Copy)]
pub struct Template<'a> {
    /// What it is for, in a line.
    pub description: &'a str,
    pub statements: &'a [Statement],
    pub scope: &'a Scope,
    pub document: Option<&'a NewDocument>,
    pub user: User,
}

/// A document that is deployed along with the role that may send it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDocument {
    pub name: String,
    pub content: Value,
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

    /// Adds JSON, whose further lines are indented as well.
    fn add_json(&mut self, level: usize, before: &str, value: &Value) {
        let text = serde_json::to_string_pretty(value).expect("a value is JSON");
        let mut lines = text.lines();
        self.add(level, &format!("{before}{}", lines.next().unwrap_or_default()));
        for line in lines {
            self.add(level, line);
        }
    }
}

/// Returns `text` in quotes, as JSON has it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
