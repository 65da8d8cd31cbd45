//! How a run that stops instances takes them out of service first, one change after another, and how
//! what was changed is told. Nothing is sent before everybody who is left is out.

use std::time::Duration;

use super::{
    change::{GroupChange, ended},
    event::EventKind,
    observed::{Effect, Step},
    state::{Run, Stop},
};
use crate::plan::{InstanceId, Note};

/// How far the run is with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taking {
    /// Nobody has to be, or everybody is out.
    Done,
    /// The next change is to be asked for.
    Due,
    Asked,
}

/// What came of asking for the next change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    Changed(GroupChange),
    Awaited(Awaited),
    /// Everybody who was asked for is out.
    All,
    /// Somebody cannot be taken out.
    Failed {
        reason: String,
    },
}

/// What the next change waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// Connections drain, or what was changed is not seen yet.
    Standby,
    /// The service throttles what is asked of groups.
    Throttle,
}

impl Run {
    /// Asks for the next change, if one is due.
    pub(super) fn take_out(&mut self, step: &mut Step, elapsed: Duration) {
        if self.taking != Taking::Due || self.stop.is_some() || self.lookup.is_some() {
            return;
        }
        let instances: Vec<InstanceId> = self
            .members
            .iter()
            .filter(|(_, it)| it.outcome.is_none() && it.send.is_none())
            .map(|(id, _)| id.clone())
            .collect();
        if instances.is_empty() {
            self.taking = Taking::Done;
            return;
        }
        self.taking = Taking::Asked;
        self.taking_since.get_or_insert(elapsed);
        self.perform(step, Effect::TakeOut { instances });
    }

    pub(super) fn taken(&mut self, step: &mut Step, elapsed: Duration, taken: Taken) {
        if self.taking != Taking::Asked || self.is_finished() {
            return;
        }
        self.taking = Taking::Due;
        match taken {
            Taken::Changed(change) => {
                self.heed(&change);
                self.emit(step, elapsed, EventKind::GroupChanged { change });
            }
            Taken::Awaited(what) => {
                let since = self.taking_since.unwrap_or(elapsed);
                self.note(step, elapsed, what.note());
                if elapsed.saturating_sub(since) > self.pace.taken_within {
                    let why = what.why();
                    self.not_taken(format!("not all instances are in Standby: {why}"));
                }
            }
            Taken::All => self.taking = Taking::Done,
            Taken::Failed { reason } => self.not_taken(reason),
        }
    }

    fn not_taken(&mut self, message: String) {
        let code = "NotTakenOut".to_owned();
        self.stop.get_or_insert(Stop::Refused { code, message });
    }

    /// Tells how instances and groups were brought back.
    pub(super) fn put_back(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        changes: Vec<GroupChange>,
    ) {
        self.is_left_changed = changes.iter().any(GroupChange::remains);
        for change in ended(changes, std::mem::take(&mut self.changed)) {
            self.heed(&change);
            self.emit(step, elapsed, EventKind::GroupChanged { change });
        }
    }

    /// Keeps in mind what is changed still.
    pub(super) fn heed(&mut self, change: &GroupChange) {
        change.follow(&mut self.changed);
    }
}

impl Awaited {
    fn note(self) -> Note {
        match self {
            Self::Standby => Note::new(
                "standby.awaited",
                "it is awaited that connections have drained and all are in Standby",
            ),
            Self::Throttle => Note::new(
                "standby.throttled",
                "the service throttles what is asked of groups: instances are taken out more slowly",
            ),
        }
    }

    fn why(self) -> &'static str {
        match self {
            Self::Standby => "their connections still drain",
            Self::Throttle => "the service throttles what is asked of their groups",
        }
    }
}
