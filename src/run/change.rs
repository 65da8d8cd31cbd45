//! What is done to groups and instances for a run besides its document, and how that stands: what was
//! made and not undone is changed still.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::InstanceId;

/// Something that was done to an Auto Scaling group for the run, or to an instance, or back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupChange {
    /// `None` where it is about an instance itself: its root volume, or its power.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    pub state: ChangeState,
    /// Scaling processes that are suspended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<String>,
    /// Members that are in Standby.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<InstanceId>,
    /// For people.
    pub text: String,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    Made,
    /// It is as it was before.
    Undone,
    /// It would be undone, or comes by itself.
    Pending,
    /// It stays changed: `fleet restore` undoes it when what stands against it is mended.
    Remains,
    /// A runbook has made it and left it, such as a helper: fleet deletes nothing.
    LeftBehind,
}

impl GroupChange {
    pub fn remains(&self) -> bool {
        self.state == ChangeState::Remains
    }

    /// Returns whether somebody has to do something about it.
    pub fn is_lasting(&self) -> bool {
        matches!(self.state, ChangeState::Remains | ChangeState::LeftBehind)
    }

    /// Returns whether both are about the same processes and members, or, of what has neither, say the
    /// same.
    pub(super) fn is_of_the_same(&self, other: &Self) -> bool {
        let is_nameless = self.processes.is_empty() && self.instances.is_empty();
        self.group == other.group
            && self.processes == other.processes
            && self.instances == other.instances
            && (!is_nameless || self.text == other.text)
    }

    /// Takes out of what is changed still what this one says of the same, and adds what it leaves.
    pub(super) fn follow(&self, left: &mut Vec<Self>) {
        left.retain_mut(|it| self.leaves_of(it));
        match self.state {
            ChangeState::Made | ChangeState::Remains => left.push(self.clone()),
            ChangeState::Undone | ChangeState::Pending | ChangeState::LeftBehind => {}
        }
    }

    /// Returns whether anything of an earlier change is left.
    fn leaves_of(&self, earlier: &mut Self) -> bool {
        // What is said of instances alone is said of them wherever they are.
        if self.group.is_none() || self.group == earlier.group {
            earlier.instances.retain(|it| !self.instances.contains(it));
            earlier.processes.retain(|it| !self.processes.contains(it));
        }
        !(earlier.instances.is_empty() && earlier.processes.is_empty())
    }
}

/// Returns what is told at an end, where `left` was changed still: if nothing remains changed, a
/// process that did not live to tell has undone what `changes` say nothing of.
pub fn ended(mut changes: Vec<GroupChange>, mut left: Vec<GroupChange>) -> Vec<GroupChange> {
    changes.iter().for_each(|it| it.follow(&mut left));
    if changes.iter().any(GroupChange::remains) {
        return changes;
    }
    changes.extend(left.into_iter().map(|it| {
        let place = it.group.as_deref().unwrap_or("every instance");
        let text = format!("{place} is as it was before");
        GroupChange { state: ChangeState::Undone, text, ..it }
    }));
    changes
}
