//! How a run loses track: reads that fail or are never answered, permissions that are missing, an
//! operator who has no more time. What was sent and has no outcome is unknown then.

use std::time::Duration;

use super::{
    observed::{Denial, ReadKind, Step},
    send::{Ahead, SendState},
    state::{Run, Stop},
    status::Outcome,
};
use crate::plan::{InstanceId, Note};

/// A read that is under way may be two hundred throttled pages; it is waited for this many times
/// longer than reads that fail.
const PATIENCE: u32 = 10;

/// Reads that fail for this share of the time after which they are given up are told: somebody may
/// be able to log in again.
const TOLD_AFTER: u32 = 12;

/// The reads of one kind.
#[derive(Debug, Default)]
pub(super) struct Reads {
    pub(super) in_flight: u32,
    /// When the last one was asked for.
    asked: Duration,
    /// When the first one failed since one succeeded.
    failing_since: Option<Duration>,
    /// It has been told that they fail.
    is_told: bool,
    /// What the last one failed of.
    pub(super) failure: Option<String>,
}

/// What is given up when track is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The commands that are followed; a send that is in doubt is still settled.
    Followed,
    Everything,
}

impl Run {
    pub(super) fn lost_at(&self) -> Option<Duration> {
        let patience = self.pace.lost_after;
        [&self.counts_reads, &self.rows_reads, &self.ahead_reads]
            .into_iter()
            .filter_map(|it| it.lost_at(patience))
            .min()
    }

    pub(super) fn read_failed(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        of: ReadKind,
        denial: Option<Denial>,
        reason: &str,
    ) {
        match of {
            ReadKind::Counts => self.counts_reads.fail(elapsed, reason),
            ReadKind::Rows => self.rows_reads.fail(elapsed, reason),
            // What it would have shown is read at the end.
            ReadKind::Ahead => {
                self.ahead_reads = Reads::default();
                let asked = self.sends.iter_mut().filter(|it| it.command.ahead == Ahead::Asked);
                asked.for_each(|it| it.command.ahead = Ahead::Over);
            }
        }
        let is_over = self.abandoned || self.is_finished();
        match (of, denial) {
            (ReadKind::Counts, Some(_)) if self.counts_allowed && !is_over => {
                self.next_poll = elapsed;
                self.counts_denied(
                    step,
                    elapsed,
                    "progress is read from the invocations, which takes more calls and, at the \
                     end, a quiet period",
                );
            }
            (ReadKind::Rows | ReadKind::Ahead, Some(denial)) if !self.active().is_empty() => {
                let why = format!("{} is not permitted: {reason}", denial.action);
                self.abandon(step, elapsed, Reach::Followed, &why);
            }
            (ReadKind::Counts | ReadKind::Rows, _) => {
                self.schedule(elapsed);
                self.tell_failing(step, elapsed, of, reason);
            }
            (ReadKind::Ahead, _) => {}
        }
    }

    /// Tells that reads of this kind go on failing, once; those of the other may still be answered.
    fn tell_failing(&mut self, step: &mut Step, elapsed: Duration, of: ReadKind, reason: &str) {
        let patience = self.pace.lost_after;
        let reads = match of {
            ReadKind::Counts => &mut self.counts_reads,
            ReadKind::Rows => &mut self.rows_reads,
            ReadKind::Ahead => return, // they are not tried again
        };
        if reads.is_worth_telling(elapsed, patience) && !self.abandoned && !self.is_finished() {
            let seconds = patience.as_secs();
            let text =
                format!("reads go on failing, and are tried for {seconds} s in all: {reason}");
            self.note(step, elapsed, Note::new("reads.failing", text));
        }
    }

    /// Asks for no counters again, and says once what that costs.
    pub(super) fn counts_denied(&mut self, step: &mut Step, elapsed: Duration, cost: &str) {
        self.counts_reads = Reads::default();
        if std::mem::take(&mut self.counts_allowed) {
            let text = format!("ssm:{} is not permitted: {cost}", self.listing());
            self.note(step, elapsed, Note::new("permission.missing", text));
        }
    }

    /// Stops following: whatever was sent and has no outcome is unknown.
    pub(super) fn abandon(&mut self, step: &mut Step, elapsed: Duration, reach: Reach, why: &str) {
        let is_first = !std::mem::replace(&mut self.abandoned, true);
        self.counts_reads = Reads::default();
        self.rows_reads = Reads::default();
        self.ahead_reads = Reads::default();
        self.stop.get_or_insert(Stop::Lost);
        self.lookup = None;
        for index in 0..self.sends.len() {
            match self.sends[index].state {
                SendState::Throttled { .. } => self.withdraw(index),
                SendState::Accepted => self.sends[index].state = SendState::Lost,
                SendState::InFlight { .. } | SendState::Doubted { .. }
                    if reach == Reach::Everything =>
                {
                    self.lose(step, elapsed, index, why.to_owned());
                }
                SendState::InFlight { .. }
                | SendState::Doubted { .. }
                | SendState::Complete
                | SendState::Refused
                | SendState::Lost => {}
            }
        }
        let sends = &self.sends;
        let is_lost = |at: Option<usize>| at.is_some_and(|it| sends[it].state == SendState::Lost);
        let open = self.members.iter().filter(|(_, it)| it.outcome.is_none() && is_lost(it.send));
        let open: Vec<InstanceId> = open.map(|(id, _)| id.clone()).collect();
        for id in open {
            self.finish(step, elapsed, &id, Outcome::Unknown, None, None);
        }
        if is_first {
            self.note(step, elapsed, Note::new("track.lost", why));
        }
    }
}

impl Reads {
    pub(super) fn ask(&mut self, elapsed: Duration) {
        self.in_flight += 1;
        self.asked = elapsed;
    }

    pub(super) fn answer(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.failing_since = None;
        self.failure = None;
    }

    fn fail(&mut self, elapsed: Duration, reason: &str) {
        self.failure = Some(reason.to_owned());
        self.in_flight = self.in_flight.saturating_sub(1);
        self.failing_since.get_or_insert(elapsed);
    }

    /// Returns, once, whether they have failed for so long that it should be told.
    fn is_worth_telling(&mut self, elapsed: Duration, patience: Duration) -> bool {
        let lasts = self.failing_since.is_some_and(|it| elapsed >= it + patience / TOLD_AFTER);
        lasts && !std::mem::replace(&mut self.is_told, true)
    }

    /// Returns when it must be said that the service does not answer any more.
    fn lost_at(&self, patience: Duration) -> Option<Duration> {
        let failing = self.failing_since.filter(|_| self.in_flight == 0).map(|it| it + patience);
        failing.or_else(|| (self.in_flight > 0).then(|| self.asked + patience * PATIENCE))
    }
}
