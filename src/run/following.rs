//! How a run follows what it sent: as few reads as will do, and no conclusion from silence.
//!
//! It tolerates repeated, stale, missing and unknown rows. Truth comes from the invocations: the
//! parent's counters only say when reading is worth it, and when there is nothing left to wait for.

use std::time::Duration;

use super::{
    event::EventKind,
    observed::{Counts, Denial, Effect, ReadKind, ReadScope, Step},
    row::{Execution, Row},
    state::{Member, Run, SendState, Stop},
    status::Outcome,
};
use crate::plan::{Dispatch, IDS_PER_COMMAND, InstanceId, Note};

/// Up to this many rows, a change of the counters is answered by reading all of them: four pages.
const READ_WHOLE: u32 = 200;

/// Failures that no counter of the parent shows (SendCommand reference).
const UNCOUNTED: [&str; 3] = ["Undeliverable", "AccessDenied", "InvalidPlatform"];

impl Run {
    /// Starts the next round of reads when it is time.
    pub(super) fn poll(&mut self, step: &mut Step, elapsed: Duration) {
        let active: Vec<usize> = self.active();
        if active.is_empty() || self.reads_in_flight > 0 || elapsed < self.next_poll {
            return;
        }
        if elapsed.saturating_sub(self.last_answer) > self.pace.lost_after {
            return self.abandon(step, elapsed, "the service has not answered for too long");
        }
        for index in &active {
            if elapsed >= self.sends[*index].command.give_up {
                self.settle_send(step, elapsed, *index);
            }
        }
        let active = self.active();
        match active.as_slice() {
            [] => {}
            [only] if !self.counts_allowed || self.is_one_page(*only) => {
                let command_id = self.sends[*only].command.id.clone();
                self.read_rows(step, command_id, ReadScope::All);
            }
            _ if self.counts_allowed => {
                let command_ids = active.iter().map(|it| self.sends[*it].command.id.clone());
                let command_ids = command_ids.collect();
                self.reads_in_flight += 1;
                step.effects.push(Effect::ReadCounts { command_ids });
            }
            _ => {
                for index in active {
                    let command_id = self.sends[index].command.id.clone();
                    self.read_rows(step, command_id, ReadScope::All);
                }
            }
        }
    }

    fn active(&self) -> Vec<usize> {
        let sends = self.sends.iter().enumerate();
        sends.filter(|(_, it)| it.state == SendState::Accepted).map(|(index, _)| index).collect()
    }

    /// Returns whether reading the rows costs no more than reading the counters, and tells all.
    fn is_one_page(&self, index: usize) -> bool {
        let expected = self.sends[index].instances.as_ref().map(Vec::len);
        expected.is_some_and(|it| it <= IDS_PER_COMMAND) && !self.is_stalled(index)
    }

    /// Returns whether the visible rows are all final although instances are missing among them.
    fn is_stalled(&self, index: usize) -> bool {
        let mut sent = self.members.values().filter(|it| it.send == Some(index));
        let command = &self.sends[index].command;
        command.rows_seen > 0 && sent.all(|it| it.outcome.is_some() || it.seen.is_none())
    }

    pub(super) fn counted(&mut self, step: &mut Step, elapsed: Duration, counts: Vec<Counts>) {
        self.answered(elapsed);
        for counts in counts {
            let found = self.sends.iter().position(|it| it.command.id == counts.command_id);
            let Some(index) = found.filter(|it| self.sends[*it].state == SendState::Accepted)
            else {
                continue;
            };
            let before = self.sends[index].command.counts.replace(counts.clone());
            if before.as_ref() != Some(&counts) {
                let event = EventKind::CommandCounted {
                    command_id: counts.command_id.clone(),
                    targets: counts.targets,
                    completed: counts.completed,
                    errors: counts.errors.saturating_add(counts.delivery_timed_out),
                };
                self.emit(step, elapsed, event);
            }
            if counts.is_final {
                self.sends[index].command.final_since.get_or_insert(elapsed);
            }
            for scope in self.worth_reading(elapsed, index, before.as_ref(), &counts) {
                self.read_rows(step, counts.command_id.clone(), scope);
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
        if has_moved && elapsed >= command.uncounted_read + self.pace.poll_max * 4 {
            command.uncounted_read = elapsed;
            scopes.extend(UNCOUNTED.map(ReadScope::Only));
        }
        scopes
    }

    pub(super) fn read(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        command_id: &str,
        scope: ReadScope,
        rows: Vec<Row>,
    ) {
        self.answered(elapsed);
        let found = self.sends.iter().position(|it| it.command.id == command_id);
        if let Some(index) = found.filter(|_| !self.abandoned) {
            let n_rows = rows.len();
            let before = step.events.len();
            for row in rows {
                self.row_seen(step, elapsed, index, row);
            }
            let has_changed = step.events.len() > before;
            let command = &mut self.sends[index].command;
            if has_changed || n_rows > command.rows_seen {
                command.changed = elapsed;
            }
            if scope == ReadScope::All {
                command.rows_seen = command.rows_seen.max(n_rows);
                self.cancel_pending(step, elapsed, index);
                self.complete_if_done(step, elapsed, index);
            }
        }
        self.schedule(elapsed);
    }

    fn row_seen(&mut self, step: &mut Step, elapsed: Duration, index: usize, row: Row) {
        let id = row.instance_id.clone();
        if !self.members.contains_key(&id) {
            let is_planned = !self.plan.population.is_listed;
            let member = Member::joining(self.sends[index].wave, index, is_planned);
            self.members.insert(id.clone(), member);
            if !is_planned {
                self.emit(step, elapsed, EventKind::InstanceJoined { instance_id: id.clone() });
            }
        }
        let member = self.members.get_mut(&id).expect("it was there or has just been put there");
        // A final status stays: a page may be older than the one before.
        if member.outcome.is_some() || member.send != Some(index) {
            return;
        }
        let has_changed = member.seen.as_ref() != Some(&row.details_word);
        member.seen = Some(row.details_word.clone());
        member.command_id = Some(self.sends[index].command.id.clone());
        match row.outcome() {
            Some(outcome) => {
                member.cut = row.cut_plugins();
                self.finish(step, elapsed, &id, outcome, Some(row.execution()), None);
            }
            None if has_changed => {
                let command_id = self.sends[index].command.id.clone();
                let status_details = row.details_word;
                let event =
                    EventKind::InvocationChanged { instance_id: id, command_id, status_details };
                self.emit(step, elapsed, event);
            }
            None => {}
        }
    }

    pub(super) fn finish_unsent(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        id: &InstanceId,
        outcome: Outcome,
        hint: Option<String>,
    ) {
        self.finish(step, elapsed, id, outcome, None, hint);
    }

    /// Writes an instance's outcome down, once, and charges the budget.
    fn finish(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        id: &InstanceId,
        outcome: Outcome,
        execution: Option<Execution>,
        hint: Option<String>,
    ) {
        let Some(member) = self.members.get_mut(id) else { return };
        if member.outcome.is_some() {
            return;
        }
        member.outcome = Some(outcome);
        let hint = hint.or_else(|| super::hint::hint(outcome, execution.as_ref()));
        let event = EventKind::InstanceFinished {
            instance_id: id.clone(),
            wave: member.wave,
            command_id: member.command_id.clone(),
            outcome,
            execution,
            hint,
        };
        self.emit(step, elapsed, event);
        if outcome.counts_as_error() {
            self.charge(step, elapsed);
        }
    }

    fn charge(&mut self, step: &mut Step, elapsed: Duration) {
        self.budget_used += 1;
        let limit = self.error_limit();
        if self.budget_used <= limit || self.stop.is_some() {
            return;
        }
        self.stop = Some(Stop::Budget);
        self.emit(step, elapsed, EventKind::BudgetSpent { used: self.budget_used, limit });
        for send in &mut self.sends {
            send.command.cancel_pending = true;
        }
    }

    pub(super) fn error_limit(&self) -> u32 {
        let errors = self.plan.limits.max_errors;
        let population = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        errors.resolved.unwrap_or_else(|| errors.input.resolve_errors(population))
    }

    /// After the budget is spent: withholds what SSM has not started. What runs is left to run,
    /// because a script that is killed half-way may leave worse behind than one that fails.
    fn cancel_pending(&mut self, step: &mut Step, elapsed: Duration, index: usize) {
        if !std::mem::take(&mut self.sends[index].command.cancel_pending) {
            return;
        }
        let is_pending = |it: &Member| {
            it.send == Some(index)
                && it.outcome.is_none()
                && matches!(it.seen.as_deref(), Some("Pending" | "Delayed"))
        };
        let pending = self.members.iter().filter(|(_, it)| is_pending(it));
        let pending: Vec<InstanceId> = pending.map(|(id, _)| id.clone()).collect();
        for chunk in pending.chunks(IDS_PER_COMMAND) {
            self.cancel_command(step, elapsed, index, Some(chunk.to_vec()));
        }
    }

    fn complete_if_done(&mut self, step: &mut Step, elapsed: Duration, index: usize) {
        let mut sent = self.members.values().filter(|it| it.send == Some(index));
        let is_settled = sent.all(|it| it.outcome.is_some());
        let send = &self.sends[index];
        let command = &send.command;
        if is_settled && send.instances.is_some() {
            self.sends[index].state = SendState::Complete;
            return;
        }
        let has_all_rows =
            command.counts.as_ref().is_some_and(|it| command.rows_seen >= it.targets as usize);
        let waited = |since: Duration, patience| elapsed >= since + patience;
        let quiet = self.pace.visible_within / 4;
        let is_over = match command.final_since {
            // Every target has its row, and every row is final: whoever is missing was no target.
            Some(_) if has_all_rows && self.is_quiet(index) => true,
            Some(since) => waited(since, self.pace.visible_within),
            // Counters that are readable will tell; without them a still list has to do.
            None if self.counts_allowed => false,
            None if command.rows_seen == 0 => waited(command.accepted, self.pace.visible_within),
            None => self.is_quiet(index) && waited(command.changed, quiet),
        };
        if is_over {
            self.settle_send(step, elapsed, index);
        }
    }

    /// Returns whether every row that is visible is final.
    fn is_quiet(&self, index: usize) -> bool {
        let mut sent = self.members.values().filter(|it| it.send == Some(index));
        sent.all(|it| it.outcome.is_some() || it.seen.is_none())
    }

    /// Closes a command that will tell nothing more: who never had a row of a tag's command was
    /// not reached by the tag; everybody else is unknown.
    fn settle_send(&mut self, step: &mut Step, elapsed: Duration, index: usize) {
        let is_tag = matches!(self.plan.dispatch, Dispatch::Tag { .. });
        let is_final = self.sends[index].command.final_since.is_some();
        let sent = self.members.iter().filter(|(_, it)| it.send == Some(index));
        let open = sent.filter(|(_, it)| it.outcome.is_none());
        let open: Vec<_> = open.map(|(id, it)| (id.clone(), it.seen.is_none())).collect();
        for (id, is_unseen) in open {
            let (outcome, hint) = if is_unseen && is_tag && (is_final || !self.counts_allowed) {
                let hint = "SSM did not find it under the group's tag when it resolved the targets";
                (Outcome::NotAttempted, Some(hint.to_owned()))
            } else {
                (Outcome::Unknown, None)
            };
            self.finish(step, elapsed, &id, outcome, None, hint);
        }
        if self.sends[index].instances.is_none()
            && !self.members.values().any(|it| it.send == Some(index))
        {
            let text = "the group's tag reached no instance";
            self.note(step, elapsed, Note::new("nothing.matched", text));
        }
        self.sends[index].state = SendState::Complete;
    }

    pub(super) fn read_failed(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        of: ReadKind,
        denial: Option<Denial>,
        reason: &str,
    ) {
        self.reads_in_flight = self.reads_in_flight.saturating_sub(1);
        match (of, denial) {
            (ReadKind::Counts, Some(denial)) => {
                self.counts_allowed = false;
                self.last_answer = elapsed;
                self.next_poll = elapsed;
                let text = format!(
                    "{} is not permitted: progress is read from the invocations, which takes \
                     more calls and, at the end, a quiet period",
                    denial.action
                );
                self.note(step, elapsed, Note::new("permission.missing", text));
            }
            (ReadKind::Rows, Some(denial)) => {
                let why = format!("{} is not permitted: {reason}", denial.action);
                self.abandon(step, elapsed, &why);
            }
            (ReadKind::Counts | ReadKind::Rows, None) => self.schedule(elapsed),
        }
    }

    /// Stops following: whatever was sent and has no outcome is unknown.
    pub(super) fn abandon(&mut self, step: &mut Step, elapsed: Duration, why: &str) {
        self.abandoned = true;
        self.reads_in_flight = 0;
        self.stop.get_or_insert(Stop::Lost);
        let open = self.members.iter().filter(|(_, it)| it.send.is_some());
        let open = open.filter(|(_, it)| it.outcome.is_none()).map(|(id, _)| id.clone());
        for id in open.collect::<Vec<_>>() {
            self.finish(step, elapsed, &id, Outcome::Unknown, None, None);
        }
        for send in &mut self.sends {
            if !send.is_settled() {
                send.state = SendState::Lost;
            }
        }
        self.note(step, elapsed, Note::new("track.lost", why));
    }

    fn answered(&mut self, elapsed: Duration) {
        self.last_answer = self.last_answer.max(elapsed);
        self.reads_in_flight = self.reads_in_flight.saturating_sub(1);
    }

    /// Sets the next round a twentieth of the run's length away, within the pace's bounds: the
    /// end is noticed within five percent, and a long run costs few calls.
    fn schedule(&mut self, elapsed: Duration) {
        let pause = (elapsed / 20).clamp(self.pace.poll_min, self.pace.poll_max);
        self.next_poll = elapsed + pause;
    }
}

impl Member {
    fn joining(wave: u32, send: usize, is_planned: bool) -> Self {
        Self {
            wave,
            send: Some(send),
            seen: None,
            outcome: None,
            command_id: None,
            cut: Vec::new(),
            is_planned,
        }
    }
}
