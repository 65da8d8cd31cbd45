//! Whether the run that is to follow another one is due, as that one's events tell: it is begun once
//! for each end that the run comes to.

use jiff::Timestamp;

use super::{
    event::{Event, EventKind},
    verdict::Kind,
};
use crate::plan::{RunId, Sequel};

/// How it stands with the run that is to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequelState {
    /// There is none to be.
    Unplanned,
    /// The run has not ended.
    Ahead,
    /// The run has ended as none that something follows.
    Withheld,
    Due,
    /// It has a ledger of its own.
    Begun {
        run_id: RunId,
    },
}

/// Returns whether `sequel` follows a run that has ended so. What is known to change nothing also
/// shows how those are that a run was stopped after; nothing follows one that the operator took
/// back, or that may still be running.
pub(super) fn follows(sequel: &Sequel, kind: Kind) -> bool {
    match kind {
        Kind::Succeeded | Kind::InstancesFailed => true,
        Kind::Halted => sequel.only_looks(),
        Kind::NothingSent | Kind::Unknown | Kind::Interrupted => false,
    }
}

/// The same of a run that `fleet cancel` took back, too late for some or for everybody.
pub(super) fn follows_cancelled(sequel: &Sequel, kind: Kind) -> bool {
    kind != Kind::Halted && follows(sequel, kind)
}

/// Returns how it stands with what follows the run that wrote `events`.
pub fn sequel_state(events: &[Event]) -> SequelState {
    let plan = events.first().and_then(Event::beginning).map(|(plan, _)| plan);
    let Some(sequel) = plan.and_then(|it| it.then.as_deref()) else {
        return SequelState::Unplanned;
    };
    let mut state = SequelState::Ahead;
    let mut follows: fn(&Sequel, Kind) -> bool = follows;
    for event in events {
        match &event.data {
            EventKind::CancelOrdered { instances: None } => follows = follows_cancelled,
            EventKind::RunResumed { .. } => state = SequelState::Ahead,
            EventKind::RunFinished { verdict, .. } if follows(sequel, verdict.kind) => {
                state = SequelState::Due;
            }
            EventKind::RunFinished { .. } => state = SequelState::Withheld,
            EventKind::SequelBegun { run_id, .. } => {
                state = SequelState::Begun { run_id: run_id.clone() };
            }
            _ => {} // nothing else ends a run, or begins another
        }
    }
    state
}

/// Returns the event that tells of the run which follows the one that wrote `events`; `None` if they
/// have no beginning.
pub fn sequel_begun(
    events: &[Event],
    at: Timestamp,
    run_id: RunId,
    document: String,
) -> Option<Event> {
    let (_, started) = events.first()?.beginning()?;
    let last = events.last()?;
    let since = u64::try_from(at.duration_since(started).as_millis()).unwrap_or(0);
    Some(Event {
        seq: last.seq + 1,
        // A clock may have been set back meanwhile; the story does not go back in time.
        at: at.max(last.at),
        elapsed_ms: since.max(last.elapsed_ms),
        data: EventKind::SequelBegun { run_id, document },
    })
}
