//! One send, a SendCommand or a StartAutomationExecution: where it stands, and what is known of the
//! command, or the execution, that came of it.

use std::time::Duration;

use super::observed::Counts;
use crate::plan::InstanceId;

#[derive(Debug)]
pub(super) struct Send {
    pub token: String,
    pub wave: u32,
    /// `None`: whoever the tag reaches.
    pub instances: Option<Vec<InstanceId>>,
    pub state: SendState,
    /// The service's answer, or the want of one, has been seen; another one is not believed.
    pub is_answered: bool,
    /// When it was last written down that it would be asked for.
    pub intended: Duration,
    /// When it was throttled first.
    pub throttled_since: Option<Duration>,
    pub command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendState {
    /// Asked for at `since`, and not answered.
    InFlight {
        since: Duration,
    },
    /// Tried again at `retry`.
    Throttled {
        retry: Duration,
    },
    /// Looked for until `until`; asked again at `retry`, or `None` while being asked.
    Doubted {
        until: Duration,
        retry: Option<Duration>,
    },
    Accepted,
    /// Accepted, and every instance of it is settled.
    Complete,
    Refused,
    Lost,
}

/// What is known of an accepted command; an execution of an automation is one for one instance.
#[derive(Debug, Default)]
pub(super) struct Command {
    pub id: String,
    pub accepted: Duration,
    /// After this nothing more will be heard.
    pub give_up: Duration,
    pub counts: Option<Counts>,
    /// When its counters first said that it is over.
    pub final_since: Option<Duration>,
    /// When the list of its rows last changed; for callers who may not read counters.
    pub changed: Duration,
    /// How many different instances have shown a row.
    pub rows_seen: usize,
    /// When the words that no counter counts were last asked for, and how many had completed.
    pub uncounted_read: Duration,
    pub uncounted_at: u32,
    /// The counters when the failures that they count were last asked for.
    pub errors_at: u32,
    pub delivery_timed_out_at: u32,
    pub ahead: Ahead,
    /// What SSM has not started is to be found and cancelled.
    pub is_sweep_due: bool,
    /// A process took the run over and has not seen its rows: nothing is sent before that.
    pub is_unread: bool,
    pub is_cancelled: bool,
}

/// How far its rows have been read before its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Ahead {
    #[default]
    NotYet,
    Asked,
    Over,
}

impl Send {
    /// Returns whether nothing more will come of it.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.state, SendState::Complete | SendState::Refused | SendState::Lost)
    }

    /// Returns whether it is not known yet if the service has taken it.
    pub(super) fn is_in_doubt(&self) -> bool {
        matches!(
            self.state,
            SendState::InFlight { .. } | SendState::Throttled { .. } | SendState::Doubted { .. }
        )
    }
}

impl Command {
    /// Returns whether as many instances have shown a row as SSM counts targets.
    pub(super) fn has_all_rows(&self) -> bool {
        self.counts.as_ref().is_some_and(|it| self.rows_seen >= it.targets as usize)
    }

    /// Takes newer counters in. They only ever grow, so an answer that is older than the last one
    /// changes nothing. Returns whether anything did change.
    pub(super) fn count(&mut self, elapsed: Duration, now: &Counts) -> bool {
        let merged = match &self.counts {
            None => Counts { stage: None, ..now.clone() },
            Some(before) => Counts {
                command_id: now.command_id.clone(),
                is_final: before.is_final || now.is_final,
                targets: before.targets.max(now.targets),
                completed: before.completed.max(now.completed),
                errors: before.errors.max(now.errors),
                delivery_timed_out: before.delivery_timed_out.max(now.delivery_timed_out),
                stage: None,
            },
        };
        if merged.is_final {
            self.final_since.get_or_insert(elapsed);
        }
        let has_changed = self.counts.as_ref() != Some(&merged);
        self.counts = Some(merged);
        has_changed
    }
}

/// Sends are numbered from 1 outside, from 0 inside.
pub(super) fn number(index: usize) -> u32 {
    u32::try_from(index + 1).expect("a run has fewer than four thousand million sends")
}
