//! What is told of groups that are changed for a rescue, and changed back.

use serde::Serialize;

use super::{
    json,
    terminal::{Format, Terminal},
    words::{count, some_of},
};
use crate::{
    plan::{InstanceId, RunId},
    rescue::Change,
};

const SCHEMA: &str = "fleet.restore/v1";

/// One thing that was undone, or could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreRow {
    pub group: String,
    pub state: RestoreState,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<InstanceId>,
    /// For people.
    pub text: String,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RestoreState {
    /// It is as it was.
    Undone,
    /// It would be undone, or comes by itself.
    Pending,
    /// It stays changed.
    Remains,
}

impl RestoreRow {
    pub fn new(group: &str, state: RestoreState, change: &Change, why: &str) -> Self {
        let (processes, instances) = match change {
            Change::Suspend { processes } => (processes.clone(), Vec::new()),
            Change::Standby { instances } => (Vec::new(), instances.clone()),
        };
        let what = words(change);
        let text = match state {
            RestoreState::Undone | RestoreState::Pending => format!("{group}: {what}: {why}"),
            RestoreState::Remains => format!("{group}: {what} not restored: {why}"),
        };
        Self { group: group.to_owned(), state, processes, instances, text }
    }
}

/// Returns what a change is about.
fn words(change: &Change) -> String {
    match change {
        Change::Suspend { processes } => processes.join(", "),
        Change::Standby { instances } => some_of(instances),
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    schema: &'static str,
    run_id: &'a RunId,
    rows: &'a [RestoreRow],
}

impl Terminal {
    /// Says that a group is about to be changed.
    pub fn changing(&mut self, group: &str, change: &Change) {
        let text = match change {
            Change::Suspend { processes } => {
                format!("{group}: {} suspended", processes.join(", "))
            }
            Change::Standby { instances } => {
                format!("{group}: {} into Standby", count(instances.len(), "instance"))
            }
        };
        self.note(&text);
    }

    /// Shows what was undone, as the result of a command.
    pub fn restored(&mut self, run_id: &RunId, rows: &[RestoreRow]) {
        for it in rows.iter().filter(|it| it.state == RestoreState::Remains) {
            self.warning(&it.text);
        }
        let text = match self.format() {
            Format::Human => {
                let undone = rows.iter().filter(|it| it.state != RestoreState::Remains);
                undone.map(|it| super::sanitize(&it.text) + "\n").collect()
            }
            Format::Json => json::pretty(&Whole { schema: SCHEMA, run_id, rows }) + "\n",
            Format::Jsonl => rows.iter().map(|it| json::line(it) + "\n").collect::<String>(),
        };
        self.text(&text);
    }
}
