//! What the rows of a command say. Repeated, stale, missing and unknown rows are tolerated, and
//! an outcome that was reached stays.

use std::time::Duration;

use super::{
    event::EventKind,
    findings,
    losing::Counting,
    observed::{ReadScope, Stage, Step},
    row::{Execution, Row},
    send::SendState,
    state::Run,
    status::{Outcome, Status},
};
use crate::plan::{Dispatch, DocumentKind, InstanceId, Note};

impl Run {
    pub(super) fn read(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        command_id: &str,
        scope: ReadScope,
        rows: &[Row],
    ) {
        if self.is_finished() {
            return;
        }
        match scope {
            ReadScope::All | ReadScope::Whole | ReadScope::Only(_) => self.rows_reads.answer(),
            ReadScope::Ahead { .. } => self.ahead_reads.answer(),
        }
        if let Some(index) = self.followed(command_id) {
            let before = step.events.len();
            // Who there is comes first: a share of the population is a share of all of it.
            for row in rows {
                self.row_joins(step, elapsed, index, row);
            }
            // Of rows that were read together, what SSM withheld comes after what it withheld them
            // for: whether the budget was spent by then decides on whose account they go.
            let is_untouched = |it: &&Row| it.outcome().is_some_and(Outcome::is_untouched);
            let (untouched, others): (Vec<_>, Vec<_>) = rows.iter().partition(is_untouched);
            for row in others.into_iter().chain(untouched) {
                self.row_seen(step, elapsed, index, row);
            }
            // A process that took the run over has not judged what it was told by the ledger.
            self.check_budget(step, elapsed);
            if step.events.len() > before {
                self.sends[index].command.changed = elapsed;
            }
            if self.is_budget_spent {
                self.sweep(step, elapsed, index, scope, rows);
            }
            self.cancel_recalled(step, elapsed, index);
            self.complete_outputs(step);
            match scope {
                ReadScope::All | ReadScope::Whole => {
                    self.sends[index].command.is_unread = false;
                    self.complete_if_done(step, elapsed, index, scope);
                }
                ReadScope::Ahead { .. } => self.has_read_ahead(step, elapsed, index),
                ReadScope::Only(_) => {}
            }
        }
        if matches!(scope, ReadScope::Ahead { .. }) {
            return;
        }
        self.schedule(elapsed);
        if self.is_budget_spent && self.sends.iter().any(is_swept_next) {
            self.next_poll = elapsed;
        }
    }

    fn row_joins(&mut self, step: &mut Step, elapsed: Duration, index: usize, row: &Row) {
        let id = &row.instance_id;
        if self.members.contains_key(id) {
            return;
        }
        let member = self.reached(index);
        let has_joined = !member.is_planned;
        self.members.insert(id.clone(), member);
        if has_joined && self.joined.insert(id.clone()) {
            self.emit(step, elapsed, EventKind::InstanceJoined { instance_id: id.clone() });
        }
    }

    fn row_seen(&mut self, step: &mut Step, elapsed: Duration, index: usize, row: &Row) {
        let id = &row.instance_id;
        let Some(member) = self.members.get_mut(id) else { return };
        // A final status stays: a page may be older than the one before.
        if member.outcome.is_some() || member.send != Some(index) {
            return;
        }
        let command = &mut self.sends[index].command;
        command.rows_seen += usize::from(member.seen.is_none());
        let has_changed =
            member.seen.as_ref() != Some(&row.details_word) || member.progress != row.progress;
        member.seen = Some(row.details_word.clone());
        member.progress.clone_from(&row.progress);
        member.command_id = Some(command.id.clone());
        match row.outcome() {
            Some(outcome) => {
                let execution = row.execution();
                member.keep(&execution);
                row.note.iter().for_each(|it| self.note(step, elapsed, it.clone()));
                self.finish(step, elapsed, id, outcome, Some(execution), None);
            }
            None if has_changed => {
                let event = EventKind::InvocationChanged {
                    instance_id: id.clone(),
                    command_id: command.id.clone(),
                    status_details: row.details_word.clone(),
                    progress: row.progress.clone(),
                };
                self.emit(step, elapsed, event);
            }
            None => {}
        }
    }

    /// Takes in how far an execution is that has not ended: the listing tells it of all of them at
    /// once, so that nobody's own has to be read for it.
    pub(super) fn stage_seen(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        index: usize,
        stage: &Stage,
    ) {
        let Some([id]) = self.sends[index].instances.as_deref() else { return };
        let row = Row {
            instance_id: id.clone(),
            status: Status::of_automation(&stage.status_word),
            status_word: stage.status_word.clone(),
            details_word: stage.status_word.clone(),
            requested: None,
            progress: stage.progress.clone(),
            failure: None,
            note: None,
            plugins: Vec::new(),
        };
        // Its end has to be read: the listing does not tell all of it.
        if row.outcome().is_none() {
            self.row_seen(step, elapsed, index, &row);
        }
    }

    /// Withholds those of `rows` that SSM has not started.
    fn sweep(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        index: usize,
        scope: ReadScope,
        rows: &[Row],
    ) {
        let is_pending = |it: &&Row| matches!(it.status, Status::Pending | Status::Delayed);
        let pending = rows.iter().filter(is_pending).map(|it| it.instance_id.clone());
        self.withhold(step, elapsed, index, pending.collect());
        let is_telling =
            matches!(scope, ReadScope::All | ReadScope::Whole | ReadScope::Only("Pending"));
        // Just after the send an empty list says nothing about who is pending.
        let command = &mut self.sends[index].command;
        let is_visible =
            command.rows_seen > 0 || elapsed >= command.accepted + self.pace.visible_within;
        if is_telling && is_visible {
            command.is_sweep_due = false;
        }
    }

    /// Writes an instance's outcome down, once, and charges the budget.
    pub(super) fn finish(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        id: &InstanceId,
        outcome: Outcome,
        execution: Option<Execution>,
        hint: Option<String>,
    ) {
        let withheld_by = self.withholder(id, outcome);
        let hint = hint.or_else(|| self.unreplaced(id, outcome, execution.as_ref()));
        let Some(member) = self.members.get_mut(id) else { return };
        if member.outcome.is_some() {
            return;
        }
        member.outcome = Some(outcome);
        // A word that is not known but final came with a row; nobody runs there any more.
        member.is_adrift = outcome == Outcome::Unknown && execution.is_none();
        let format = self.plan.document.findings();
        member.is_found_wanting = match &execution {
            Some(it) if outcome.is_own_end() => findings::is_wanting(format, &it.stdout),
            Some(_) | None => false,
        };
        let hint =
            hint.or_else(|| super::hint::hint(outcome, execution.as_ref(), withheld_by, format));
        let event = EventKind::InstanceFinished {
            instance_id: id.clone(),
            wave: member.wave,
            command_id: member.command_id.clone(),
            outcome,
            execution,
            hint,
            withheld_by,
        };
        self.emit(step, elapsed, event);
        if outcome.counts_as_error(withheld_by) {
            self.charge(step, elapsed);
        }
    }

    /// Returns what is said of a member whose group was to replace it, where that is not known.
    fn unreplaced(
        &self,
        id: &InstanceId,
        outcome: Outcome,
        execution: Option<&Execution>,
    ) -> Option<String> {
        let is_replaced = self.plan.document.kind() == DocumentKind::Replacement;
        if !is_replaced || outcome != Outcome::Unknown || execution.is_some() {
            return None;
        }
        let target = self.plan.population.planned.iter().find(|it| it.id == *id)?;
        let member = self.members.get(id)?;
        let place = (target.group.as_deref()?, self.plan.region.as_str());
        let activity = member.send.map(|it| self.sends[it].command.id.as_str());
        let activity = activity.filter(|it| !it.is_empty());
        Some(super::hint::unreplaced(place, activity, member.progress.as_deref()))
    }

    fn complete_if_done(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        index: usize,
        scope: ReadScope,
    ) {
        let send = &self.sends[index];
        let command = &send.command;
        // A tag may have reached more than the plan lists: SSM's count of targets tells.
        let is_missing_rows = command.counts.is_some() && !command.has_all_rows();
        if send.instances.is_some() && !is_missing_rows && self.open_of(index).is_empty() {
            self.sends[index].state = SendState::Complete;
            return;
        }
        let waited = |since: Duration, patience| elapsed >= since + patience;
        let quiet = self.pace.visible_within / 4;
        let is_over = match command.final_since {
            _ if elapsed >= command.give_up => scope == ReadScope::Whole,
            // Every target has its row, and every row is final: whoever is missing was no target.
            Some(_) if command.has_all_rows() && self.is_quiet(index) => true,
            Some(since) => waited(since, self.pace.visible_within),
            // Counters that are readable will tell; without them a still list has to do.
            None if self.counting == Counting::Asked => false,
            // They have told of more than it shows, and may be readable again.
            None if self.counting == Counting::Failing && is_missing_rows => false,
            None if command.rows_seen == 0 => waited(command.accepted, self.pace.visible_within),
            None => self.is_quiet(index) && waited(command.changed, quiet),
        };
        if is_over {
            self.settle_send(step, elapsed, index);
        }
    }

    /// Closes a command that will tell nothing more: where SSM counts no more targets than have
    /// shown a row, who never had one was not reached by the tag; everybody else is unknown.
    fn settle_send(&mut self, step: &mut Step, elapsed: Duration, index: usize) {
        let is_tag = matches!(self.plan.dispatch, Dispatch::Tag { .. });
        let command = &self.sends[index].command;
        let is_all_known = command.final_since.is_some() && command.has_all_rows();
        let n_targets = command.counts.as_ref().map_or(0, |it| it.targets as usize);
        let n_missing = n_targets.saturating_sub(command.rows_seen);
        let has_rows = command.rows_seen > 0;
        for id in self.open_of(index) {
            let is_unseen = self.members.get(&id).is_some_and(|it| it.seen.is_none());
            let (outcome, hint) = if is_unseen && is_tag && is_all_known {
                let hint = "SSM did not find it under the group's tag when it resolved the targets";
                (Outcome::NotAttempted, Some(hint.to_owned()))
            } else {
                (Outcome::Unknown, None)
            };
            self.finish(step, elapsed, &id, outcome, None, hint);
        }
        // Where nobody was listed, nobody can be called unknown by name; the send is, then.
        let is_listed = self.sends[index].instances.is_some();
        let (state, note) = if n_missing > 0 {
            let state = if is_listed { SendState::Complete } else { SendState::Lost };
            let text = format!("SSM counts {n_targets} targets, and {n_missing} never showed");
            (state, Some(Note::new("targets.missing", text)))
        } else if is_listed || has_rows {
            (SendState::Complete, None)
        } else if is_all_known {
            let text = "the group's tag reached no instance";
            (SendState::Complete, Some(Note::new("nothing.matched", text)))
        } else {
            let text = "no invocation became visible, and whether any exists cannot be told";
            (SendState::Lost, Some(Note::new("targets.missing", text)))
        };
        self.sends[index].state = state;
        if let Some(note) = note {
            self.note(step, elapsed, note);
        }
    }
}

fn is_swept_next(send: &super::send::Send) -> bool {
    send.state == SendState::Accepted && send.command.is_sweep_due && send.command.rows_seen > 0
}
