//! What `fleet cancel` shows.

use serde::Serialize;

use super::{Format, Terminal};
use crate::{
    output::json,
    plan::{InstanceId, RunId},
};

/// The name of the format of [`Terminal::cancelled()`].
const SCHEMA: &str = "fleet.cancel/v1";

/// One thing that was done to cancel a run, or could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CancelRow {
    pub state: CancelState,
    /// Absent where it is about all instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// Absent where SSM is not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// For people.
    pub text: String,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelState {
    /// Nothing more of the run is sent, whoever carries it out.
    Ordered,
    /// There is nothing to ask SSM for.
    Settled,
    /// SSM took the request.
    Requested,
    /// SSM did not.
    Refused,
    /// Whether SSM took the request is not known.
    Unknown,
}

#[derive(Serialize)]
struct Whole<'a> {
    schema: &'static str,
    run_id: &'a RunId,
    rows: &'a [CancelRow],
}

impl Terminal {
    /// Shows what was just done to cancel a run.
    pub fn cancel_row(&mut self, row: &CancelRow) {
        let has_failed = matches!(row.state, CancelState::Refused | CancelState::Unknown);
        if has_failed {
            self.warning(&row.text);
        }
        match self.format {
            Format::Human if has_failed => {}
            Format::Human => self.line(&row.text),
            Format::Json => {}
            Format::Jsonl => self.print(&(json::line(row) + "\n")),
        }
    }

    /// Shows a script all that was done to cancel a run.
    pub fn cancelled(&mut self, run_id: &RunId, rows: &[CancelRow]) {
        if self.format == Format::Json {
            let whole = Whole { schema: SCHEMA, run_id, rows };
            self.print(&(json::pretty(&whole) + "\n"));
        }
    }
}
