//! The run that is to follow another one over the same instances: what was planned of it when that
//! one was. Whom it is for is known when that one has ended.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Document, Limits, Note, Outputs, Plan};

/// A document that is run afterwards, as `--then` says, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequel {
    pub document: Document,
    /// Over everybody whom the first plan has.
    pub limits: Limits,
    /// Seconds within which an instance must begin, or SSM gives up on it: 30 to 2592000.
    pub delivery_timeout: u32,
    #[serde(default, skip_serializing_if = "Outputs::is_default")]
    pub outputs: Outputs,
    /// What its reader should know of it.
    pub notes: Vec<Note>,
}

/// What a note is about that a plan of the second document alone would have as well.
const OF_THE_DOCUMENT: [&str; 2] = ["document.", "parameter."];

impl Sequel {
    /// Returns what is to be remembered of `plan`, which is what would be sent to the instances of
    /// `first` if that had ended already.
    pub fn of(plan: &Plan, first: &Plan) -> Self {
        let is_of_document = |it: &&Note| OF_THE_DOCUMENT.iter().any(|of| it.code.starts_with(of));
        let mut notes: Vec<Note> = plan.notes.iter().filter(is_of_document).cloned().collect();
        notes.retain(|it| !first.notes.contains(it));
        let reached: BTreeSet<_> = plan.population.planned.iter().map(|it| &it.id).collect();
        let planned = first.population.planned.iter().map(|it| &it.id);
        let missed: Vec<_> = planned.filter(|it| !reached.contains(it)).collect();
        if let (true, [one, more @ ..]) = (plan.population.is_listed, missed.as_slice()) {
            let excluded = plan.population.excluded.iter().find(|it| it.instance_id == **one);
            let why = excluded.map(|it| format!(": {it}")).unwrap_or_default();
            let whom = match more.len() {
                0 => format!("{one} is"),
                n => format!("{one} and {n} more are"),
            };
            let text = format!("{whom} left out by {}{why}", plan.document.name);
            notes.push(Note::new("then.left_out", text));
        }
        Self {
            document: plan.document.clone(),
            limits: plan.limits,
            delivery_timeout: plan.delivery_timeout,
            outputs: plan.outputs.clone(),
            notes,
        }
    }

    /// Returns whether it is known to change nothing on the instances.
    pub fn only_looks(&self) -> bool {
        let changes = self.document.sidecar.as_ref().is_none_or(|it| it.changes);
        !changes || self.document.dry_run == Some(true)
    }
}
