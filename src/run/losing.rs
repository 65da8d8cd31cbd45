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
    pub(super) asked: Duration,
    /// When the first one failed since one succeeded.
    failing_since: Option<Duration>,
    /// It has been told that they fail.
    is_told: bool,
    /// What the last one failed of.
    pub(super) failure: Option<String>,
}

/// Whether the counters tell when reading is worth it. They only save calls: rows are read without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    Asked,
    /// They go on failing; the rows are read instead, until they answer again.
    Failing,
    Denied,
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
        [&self.rows_reads, &self.ahead_reads]
            .into_iter()
            .filter_map(|it| it.lost_at(patience))
            .min()
    }

    /// Returns when the counters have failed, or not been answered, for so long that the rows are
    /// read instead.
    pub(super) fn counting_fails_at(&self) -> Option<Duration> {
        let is_asked = self.counting == Counting::Asked;
        self.counts_reads.silent_at(self.pace.lost_after).filter(|_| is_asked)
    }

    /// Reads the rows from now on, if the counters go on failing, and tells so once.
    pub(super) fn check_counting(&mut self, step: &mut Step, elapsed: Duration) {
        if self.counting_fails_at().is_none_or(|it| elapsed < it) {
            return;
        }
        self.counting = Counting::Failing;
        self.next_poll = elapsed;
        // A list that has not changed for long is only still if it was looked at.
        let active = self.active();
        active.into_iter().for_each(|it| self.sends[it].command.changed = elapsed);
        if !std::mem::replace(&mut self.counts_reads.is_told, true) {
            let reason = self.counts_reads.failure.clone();
            let reason = reason.unwrap_or_else(|| format!("{} does not answer", self.listing()));
            let text = format!(
                "reads of progress go on failing, so it is read from the invocations until they \
                 succeed, which takes more calls: {reason}"
            );
            self.note(step, elapsed, Note::new("counts.failing", text));
        }
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
            (ReadKind::Counts, Some(_)) if self.counting != Counting::Denied && !is_over => {
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
            (ReadKind::Counts, _) => self.schedule(elapsed),
            (ReadKind::Rows, _) => {
                self.schedule(elapsed);
                self.tell_failing(step, elapsed, reason);
            }
            (ReadKind::Ahead, _) => {}
        }
    }

    /// Tells that reads of rows go on failing, once; those of counters may still be answered.
    fn tell_failing(&mut self, step: &mut Step, elapsed: Duration, reason: &str) {
        let patience = self.pace.lost_after;
        let is_due = self.rows_reads.is_worth_telling(elapsed, patience);
        if is_due && !self.abandoned && !self.is_finished() {
            let seconds = patience.as_secs();
            let text =
                format!("reads go on failing, and are tried for {seconds} s in all: {reason}");
            self.note(step, elapsed, Note::new("reads.failing", text));
        }
    }

    /// Asks for no counters again, and says once what that costs.
    pub(super) fn counts_denied(&mut self, step: &mut Step, elapsed: Duration, cost: &str) {
        self.counts_reads = Reads::default();
        if std::mem::replace(&mut self.counting, Counting::Denied) != Counting::Denied {
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

    /// Returns when they have failed, or not been answered, for so long that what else there is to
    /// read is read.
    fn silent_at(&self, patience: Duration) -> Option<Duration> {
        let failing = self.failing_since.map(|it| it + patience / TOLD_AFTER);
        let unanswered = (self.in_flight > 0).then(|| self.asked + patience);
        [failing, unanswered].into_iter().flatten().min()
    }

    /// Returns when it must be said that the service does not answer any more.
    fn lost_at(&self, patience: Duration) -> Option<Duration> {
        let failing = self.failing_since.filter(|_| self.in_flight == 0).map(|it| it + patience);
        failing.or_else(|| (self.in_flight > 0).then(|| self.asked + patience * PATIENCE))
    }
}
