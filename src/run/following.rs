//! How a run follows what it sent: as few reads as will do, and no conclusion from silence.
//!
//! Truth comes from the invocations: the parent's counters only say when reading is worth it, and
//! when there is nothing left to wait for.

use std::time::Duration;

use super::{
    event::EventKind,
    observed::{Counts, Denial, Effect, ReadKind, ReadScope, Step},
    send::{Send, SendState},
    state::{Run, Stop},
    status::Outcome,
};
use crate::plan::{IDS_PER_COMMAND, InstanceId, Note};

/// Up to this many rows, a change of the counters is answered by reading all of them: four pages.
const READ_WHOLE: u32 = 200;

/// Failures that no counter of the parent shows (SendCommand reference).
const UNCOUNTED: [&str; 3] = ["Undeliverable", "AccessDenied", "InvalidPlatform"];

/// What SSM has not started.
const UNSTARTED: [&str; 2] = ["Pending", "Delayed"];

/// A read that is under way may be two hundred throttled pages; it is waited for this many times
/// longer than reads that fail.
const PATIENCE: u32 = 10;

/// The reads of one kind.
#[derive(Debug, Default)]
pub(super) struct Reads {
    in_flight: u32,
    /// When the last one was asked for.
    asked: Duration,
    /// When the first one failed since one succeeded.
    failing_since: Option<Duration>,
}

/// What is given up when track is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The commands that are followed; a send that is in doubt is still settled.
    Followed,
    Everything,
}

impl Run {
    /// Starts the next round of reads when it is time.
    pub(super) fn poll(&mut self, step: &mut Step, elapsed: Duration) {
        let active = self.active();
        if active.is_empty() {
            return;
        }
        if self.lost_at().is_some_and(|it| elapsed >= it) {
            let why = "the service has not answered for too long";
            return self.abandon(step, elapsed, Reach::Followed, why);
        }
        if self.has_reads_in_flight() || elapsed < self.next_poll {
            return;
        }
        let is_due = |it: &Send| it.command.is_sweep_due || elapsed >= it.command.give_up;
        if active.iter().any(|it| is_due(&self.sends[*it])) {
            for index in active {
                self.read_due(step, elapsed, index);
            }
            return;
        }
        match active.as_slice() {
            [only] if !self.counts_allowed || self.is_one_page(elapsed, *only) => {
                self.read_rows(step, elapsed, *only, ReadScope::All);
            }
            _ if self.counts_allowed => {
                let command_ids = active.iter().map(|it| self.sends[*it].command.id.clone());
                let command_ids = command_ids.collect();
                self.counts_reads.ask(elapsed);
                self.perform(step, Effect::ReadCounts { command_ids });
            }
            _ => {
                for index in active {
                    self.read_rows(step, elapsed, index, ReadScope::All);
                }
            }
        }
    }

    /// Reads a command that has reached its end by the clock, or whose pending instances are to be
    /// withheld.
    fn read_due(&mut self, step: &mut Step, elapsed: Duration, index: usize) {
        let command = &self.sends[index].command;
        let is_small = self.sends[index].instances.as_ref().is_some_and(|it| it.len() <= 200);
        if elapsed >= command.give_up || (command.is_sweep_due && is_small) {
            self.read_rows(step, elapsed, index, ReadScope::All);
        } else if command.is_sweep_due {
            for word in UNSTARTED {
                self.read_rows(step, elapsed, index, ReadScope::Only(word));
            }
        }
    }

    fn read_rows(&mut self, step: &mut Step, elapsed: Duration, index: usize, scope: ReadScope) {
        self.rows_reads.ask(elapsed);
        let command_id = self.sends[index].command.id.clone();
        self.perform(step, Effect::ReadRows { command_id, scope });
    }

    fn has_reads_in_flight(&self) -> bool {
        self.counts_reads.in_flight > 0 || self.rows_reads.in_flight > 0
    }

    /// Returns when time alone makes the next reads due, or makes the run lose track.
    pub(super) fn next_read(&self) -> [Option<Duration>; 2] {
        let poll = (!self.has_reads_in_flight()).then_some(self.next_poll);
        [poll, self.lost_at()]
    }

    fn lost_at(&self) -> Option<Duration> {
        let patience = self.pace.lost_after;
        [&self.counts_reads, &self.rows_reads]
            .into_iter()
            .filter_map(|it| it.lost_at(patience))
            .min()
    }

    fn active(&self) -> Vec<usize> {
        let sends = self.sends.iter().enumerate();
        sends.filter(|(_, it)| it.state == SendState::Accepted).map(|(index, _)| index).collect()
    }

    /// Returns the command that is followed under `command_id`.
    pub(super) fn followed(&self, command_id: &str) -> Option<usize> {
        let is_it = |it: &Send| it.state == SendState::Accepted && it.command.id == command_id;
        self.sends.iter().position(is_it)
    }

    /// Returns whether reading the rows costs no more than reading the counters, and tells all.
    fn is_one_page(&self, elapsed: Duration, index: usize) -> bool {
        let expected = self.sends[index].instances.as_ref().map(Vec::len);
        expected.is_some_and(|it| it <= IDS_PER_COMMAND) && !self.is_stalled(elapsed, index)
    }

    /// Returns whether the visible rows are all final although instances are missing among them.
    fn is_stalled(&self, elapsed: Duration, index: usize) -> bool {
        let command = &self.sends[index].command;
        let is_visible =
            command.rows_seen > 0 || elapsed >= command.accepted + self.pace.visible_within;
        is_visible && self.is_quiet(index)
    }

    /// Returns whether every row that is visible is final.
    pub(super) fn is_quiet(&self, index: usize) -> bool {
        let mut sent = self.members.values().filter(|it| it.send == Some(index));
        sent.all(|it| it.outcome.is_some() || it.seen.is_none())
    }

    pub(super) fn counted(&mut self, step: &mut Step, elapsed: Duration, counts: Vec<Counts>) {
        if self.is_finished() {
            return;
        }
        self.counts_reads.answer();
        for counts in counts {
            let Some(index) = self.followed(&counts.command_id) else { continue };
            let command = &mut self.sends[index].command;
            let before = command.counts.clone();
            let has_changed = command.count(elapsed, &counts);
            let now = command.counts.clone().unwrap_or(counts);
            if has_changed {
                let event = EventKind::CommandCounted {
                    command_id: now.command_id.clone(),
                    targets: now.targets,
                    completed: now.completed,
                    errors: now.errors.saturating_add(now.delivery_timed_out),
                };
                self.emit(step, elapsed, event);
            }
            for scope in self.worth_reading(elapsed, index, before.as_ref(), &now) {
                self.read_rows(step, elapsed, index, scope);
            }
        }
        self.schedule(elapsed);
    }

    /// Returns what to read now that the counters have moved from `before` to `now`.
    fn worth_reading(
        &mut self,
        elapsed: Duration,
        index: usize,
        before: Option<&Counts>,
        now: &Counts,
    ) -> Vec<ReadScope> {
        let has_moved = before.is_none_or(|it| it.completed != now.completed);
        if now.is_final || (now.targets <= READ_WHOLE && has_moved) {
            return vec![ReadScope::All];
        }
        let grew = |count: fn(&Counts) -> u32| count(now) > before.map_or(0, count);
        let mut scopes = Vec::new();
        if grew(|it| it.errors) {
            scopes.extend([ReadScope::Only("Failed"), ReadScope::Only("ExecutionTimedOut")]);
        }
        if grew(|it| it.delivery_timed_out) {
            scopes.push(ReadScope::Only("DeliveryTimedOut"));
        }
        let command = &mut self.sends[index].command;
        let is_due = elapsed >= command.uncounted_read + self.pace.poll_max * 4;
        if is_due && now.completed != command.uncounted_at {
            command.uncounted_read = elapsed;
            command.uncounted_at = now.completed;
            scopes.extend(UNCOUNTED.map(ReadScope::Only));
        }
        scopes
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
            ReadKind::Counts => self.counts_reads.fail(elapsed),
            ReadKind::Rows => self.rows_reads.fail(elapsed),
        }
        let is_over = self.abandoned || self.is_finished();
        match (of, denial) {
            (ReadKind::Counts, Some(denial)) if self.counts_allowed && !is_over => {
                self.counts_allowed = false;
                self.counts_reads = Reads::default();
                self.next_poll = elapsed;
                let text = format!(
                    "{} is not permitted: progress is read from the invocations, which takes \
                     more calls and, at the end, a quiet period",
                    denial.action
                );
                self.note(step, elapsed, Note::new("permission.missing", text));
            }
            (ReadKind::Rows, Some(denial)) if !self.active().is_empty() => {
                let why = format!("{} is not permitted: {reason}", denial.action);
                self.abandon(step, elapsed, Reach::Followed, &why);
            }
            (ReadKind::Counts | ReadKind::Rows, _) => self.schedule(elapsed),
        }
    }

    /// Stops following: whatever was sent and has no outcome is unknown.
    pub(super) fn abandon(&mut self, step: &mut Step, elapsed: Duration, reach: Reach, why: &str) {
        let is_first = !std::mem::replace(&mut self.abandoned, true);
        self.counts_reads = Reads::default();
        self.rows_reads = Reads::default();
        self.stop.get_or_insert(Stop::Lost);
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

    /// Sets the next round a twentieth of the run's length away, within the pace's bounds: the
    /// end is noticed within five percent, and a long run costs few calls.
    pub(super) fn schedule(&mut self, elapsed: Duration) {
        self.next_poll = elapsed + self.pace.clamped(elapsed / 20);
    }
}

impl Reads {
    fn ask(&mut self, elapsed: Duration) {
        self.in_flight += 1;
        self.asked = elapsed;
    }

    pub(super) fn answer(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.failing_since = None;
    }

    fn fail(&mut self, elapsed: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.failing_since.get_or_insert(elapsed);
    }

    /// Returns when it must be said that the service does not answer any more.
    fn lost_at(&self, patience: Duration) -> Option<Duration> {
        let failing = self.failing_since.filter(|_| self.in_flight == 0).map(|it| it + patience);
        failing.or_else(|| (self.in_flight > 0).then(|| self.asked + patience * PATIENCE))
    }
}
