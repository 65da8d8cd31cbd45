//! How a run follows what it sent: as few reads as will do, and no conclusion from silence.
//!
//! Truth comes from the invocations: the parent's counters only say when reading is worth it, and
//! when there is nothing left to wait for.

use std::time::Duration;

use super::{
    event::EventKind,
    losing::{Counting, Reach},
    member::Member,
    observed::{Counts, Effect, ReadScope, Step},
    send::{Ahead, Send, SendState},
    state::Run,
    status::Outcome,
};
use crate::plan::{DocumentKind, IDS_PER_COMMAND};

/// Up to this many rows, a change of the counters is answered by reading all of them: four pages.
const READ_WHOLE: u32 = 200;

/// What a page of rows holds at the most (ListCommandInvocations reference).
const ROWS_A_PAGE: u32 = 50;

/// This share of a command's targets may be missing when its rows are read ahead: a tenth. So many
/// of its pages may turn out to be unfinished, too, before that is given up.
const MISSING_AHEAD: u32 = 10;

/// As long as they may decide whether the run stops, they are looked for at least this many of the
/// longest pauses apart: once a minute.
const UNCOUNTED_WITHIN: u32 = 12;

/// Counters that fail are asked for again this many of the longest pauses apart: once a minute.
const COUNTED_AGAIN_WITHIN: u32 = 12;

/// Failures that no counter of the parent shows (SendCommand reference).
const UNCOUNTED: [&str; 3] = ["Undeliverable", "AccessDenied", "InvalidPlatform"];

/// What SSM has not started.
const UNSTARTED: [&str; 2] = ["Pending", "Delayed"];

impl Run {
    /// Starts the next round of reads when it is time.
    pub(super) fn poll(&mut self, step: &mut Step, elapsed: Duration) {
        let active = self.active();
        if active.is_empty() {
            return;
        }
        if self.lost_at().is_some_and(|it| elapsed >= it) {
            let failure = [&self.rows_reads, &self.counts_reads];
            let failure = failure.into_iter().find_map(|it| it.failure.as_ref());
            let failure = failure.map(|it| format!("; the last failure: {it}")).unwrap_or_default();
            let why = format!("reads have not been answered for too long, or failed{failure}");
            return self.abandon(step, elapsed, Reach::Followed, &why);
        }
        self.check_counting(step, elapsed);
        if self.has_reads_in_flight() || elapsed < self.next_poll {
            return;
        }
        let is_due = |it: &Send| {
            it.command.is_sweep_due || it.command.is_unread || elapsed >= it.command.give_up
        };
        if active.iter().any(|it| is_due(&self.sends[*it])) {
            for index in active {
                self.read_due(step, elapsed, index);
            }
            return;
        }
        let is_one_page = matches!(active.as_slice(), [it] if self.is_one_page(elapsed, *it));
        if !is_one_page && self.is_worth_counting(elapsed) {
            let command_ids = active.iter().map(|it| self.sends[*it].command.id.clone());
            let command_ids = command_ids.collect();
            self.counts_reads.ask(elapsed);
            self.perform(step, Effect::ReadCounts { command_ids });
        }
        if is_one_page || self.counting != Counting::Asked {
            for index in active {
                self.read_rows(step, elapsed, index, ReadScope::All);
            }
        }
    }

    /// Returns whether the counters are asked for in this round.
    fn is_worth_counting(&self, elapsed: Duration) -> bool {
        let again = self.counts_reads.asked + self.pace.poll_max * COUNTED_AGAIN_WITHIN;
        match self.counting {
            Counting::Asked => true,
            Counting::Failing => self.counts_reads.in_flight == 0 && elapsed >= again,
            Counting::Denied => false,
        }
    }

    /// Reads a command that has reached its end by the clock, or whose pending instances are to be
    /// withheld.
    fn read_due(&mut self, step: &mut Step, elapsed: Duration, index: usize) {
        let command = &self.sends[index].command;
        let is_small =
            self.sends[index].instances.as_ref().is_some_and(|it| it.len() <= READ_WHOLE as usize);
        let is_whole = command.is_unread || elapsed >= command.give_up;
        if is_whole {
            self.read_rows(step, elapsed, index, ReadScope::Whole);
        } else if command.is_sweep_due && is_small {
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

    /// Returns whether something is being read that is waited for. Counters that fail may take long
    /// to do so, and the rows tell all that they would.
    fn has_reads_in_flight(&self) -> bool {
        let is_counting = self.counting == Counting::Asked && self.counts_reads.in_flight > 0;
        is_counting || self.rows_reads.in_flight > 0
    }

    /// Returns when time alone makes the next reads due, or makes the run read otherwise or lose track.
    pub(super) fn next_read(&self) -> [Option<Duration>; 3] {
        let poll = (!self.has_reads_in_flight()).then_some(self.next_poll);
        [poll, self.counting_fails_at(), self.lost_at()]
    }

    pub(super) fn active(&self) -> Vec<usize> {
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
        if self.counting == Counting::Failing {
            self.counting = Counting::Asked;
        }
        for counts in counts {
            let Some(index) = self.followed(&counts.command_id) else { continue };
            let command = &mut self.sends[index].command;
            let before = command.counts.clone();
            let has_changed = command.count(elapsed, &counts);
            let stage = counts.stage.clone();
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
            if let Some(stage) = stage {
                self.stage_seen(step, elapsed, index, &stage);
            }
            for scope in self.worth_reading(step, elapsed, index, before.as_ref(), &now) {
                self.read_rows(step, elapsed, index, scope);
            }
        }
        self.schedule(elapsed);
    }

    /// Returns what to read now that the counters have moved from `before` to `now`.
    fn worth_reading(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        index: usize,
        before: Option<&Counts>,
        now: &Counts,
    ) -> Vec<ReadScope> {
        if now.is_final && self.sends[index].command.ahead == Ahead::Asked {
            // What it shows need not be read a second time.
            return Vec::new();
        }
        // These tell of stages, and their first counts tell of nothing that has ended.
        let has_stages = self.plan.document.kind() != DocumentKind::Command;
        let n_before = before.map_or_else(|| has_stages.then_some(0), |it| Some(it.completed));
        let has_moved = n_before != Some(now.completed);
        // SSM counts no target before it has resolved the tag: few so far is not few.
        let n_sent = self.members.values().filter(|it| it.send == Some(index)).count();
        let is_small = now.targets <= READ_WHOLE && n_sent <= READ_WHOLE as usize;
        if now.is_final || (is_small && has_moved) {
            return vec![ReadScope::All];
        }
        self.read_ahead(step, elapsed, index, now);
        let n_errors = now.errors.saturating_add(now.delivery_timed_out);
        let is_decisive = self.would_spend(n_errors.saturating_sub(self.n_counted(index)));
        let n_new = now.completed.saturating_sub(self.sends[index].command.uncounted_at);
        let is_telling = self.would_spend(n_new);
        let command = &mut self.sends[index].command;
        let mut scopes = Vec::new();
        // A read shows the earlier failures again, so it is worth its pages when they have doubled,
        // or when they decide whether the run stops.
        let is_worth =
            |now: u32, read: u32| now > read && (is_decisive || now >= read.saturating_mul(2));
        if is_worth(now.errors, command.errors_at) {
            command.errors_at = now.errors;
            scopes.extend([ReadScope::Only("Failed"), ReadScope::Only("ExecutionTimedOut")]);
        }
        if is_worth(now.delivery_timed_out, command.delivery_timed_out_at) {
            command.delivery_timed_out_at = now.delivery_timed_out;
            scopes.push(ReadScope::Only("DeliveryTimedOut"));
        }
        let mut pause = elapsed.saturating_sub(command.accepted) / 4;
        if is_telling {
            // SSM goes on starting instances meanwhile.
            pause = pause.min(self.pace.poll_max * UNCOUNTED_WITHIN);
        }
        let is_due = elapsed >= command.uncounted_read + pause.max(self.pace.poll_max * 4);
        if is_due && now.completed != command.uncounted_at {
            command.uncounted_read = elapsed;
            command.uncounted_at = now.completed;
            scopes.extend(UNCOUNTED.map(ReadScope::Only));
        }
        scopes
    }

    /// Returns how many of a send have shown a failure that its counters count as well.
    fn n_counted(&self, index: usize) -> u32 {
        let is_counted = |it: &&Member| {
            let counted = [Outcome::Failed, Outcome::ExecutionTimedOut, Outcome::DeliveryTimedOut];
            it.send == Some(index) && it.outcome.is_some_and(|it| counted.contains(&it))
        };
        let n = self.members.values().filter(is_counted).count();
        u32::try_from(n).unwrap_or(u32::MAX)
    }

    /// Reads what has ended of a large command while the last of it runs, so that little is left
    /// to read when it is over.
    fn read_ahead(&mut self, step: &mut Step, elapsed: Duration, index: usize, now: &Counts) {
        let command = &mut self.sends[index].command;
        let n_missing = now.targets.saturating_sub(now.completed);
        let is_near = now.targets > READ_WHOLE && n_missing <= now.targets / MISSING_AHEAD;
        if !is_near || command.ahead != Ahead::NotYet {
            return;
        }
        command.ahead = Ahead::Asked;
        let command_id = command.id.clone();
        let n_pages = now.targets / ROWS_A_PAGE;
        let scope = ReadScope::Ahead { unfinished: n_pages / MISSING_AHEAD + 1 };
        self.ahead_reads.ask(elapsed);
        self.perform(step, Effect::ReadRows { command_id, scope });
    }

    pub(super) fn has_read_ahead(&mut self, step: &mut Step, elapsed: Duration, index: usize) {
        let command = &mut self.sends[index].command;
        command.ahead = Ahead::Over;
        if command.final_since.is_some() && self.rows_reads.in_flight == 0 {
            self.read_rows(step, elapsed, index, ReadScope::All);
        }
    }

    /// Sets the next round a twentieth of the run's length away, within the pace's bounds: the
    /// end is noticed within five percent, and a long run costs few calls. Runs that were started
    /// together do not ask together for long.
    pub(super) fn schedule(&mut self, elapsed: Duration) {
        let pause = self.pace.clamped(elapsed / 20);
        self.next_poll = elapsed + pause.mul_f64(0.8 + 0.4 * self.chance.f64());
    }
}
