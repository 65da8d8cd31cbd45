//! How a run calls back what it has sent: all of it, or only what SSM has not started.

use std::time::Duration;

use super::{
    event::EventKind,
    observed::{CancelAnswer, Denial, Effect, Step},
    send::SendState,
    state::{Phase, Run, Stop},
    status::{Outcome, Withholder},
};
use crate::plan::{IDS_PER_COMMAND, InstanceId, Limit, Note};

impl Run {
    /// Cancels what runs, and whatever turns out to have been accepted from now on.
    pub(super) fn call_off(&mut self, step: &mut Step, elapsed: Duration) {
        self.is_called_off = true;
        for index in 0..self.sends.len() {
            if self.sends[index].state == SendState::Accepted {
                self.cancel_command(step, elapsed, index, None);
            }
        }
    }

    /// Cancels `instances` of a command, or the whole of it, once.
    pub(super) fn cancel_command(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        index: usize,
        instances: Option<Vec<InstanceId>>,
    ) {
        let command = &mut self.sends[index].command;
        if command.is_cancelled || !self.cancels_allowed {
            return;
        }
        command.is_cancelled = instances.is_none();
        let command_id = command.id.clone();
        for id in instances.iter().flatten() {
            if let Some(member) = self.members.get_mut(id) {
                member.is_taken_back = true;
            }
        }
        let requested = EventKind::CancelRequested {
            command_id: command_id.clone(),
            instances: instances.clone(),
        };
        self.emit(step, elapsed, requested);
        self.cancels.push(command_id.clone());
        self.perform(step, Effect::Cancel { command_id, instances });
    }

    /// Concludes without the answers to cancellations, and says which are missing.
    pub(super) fn give_cancels_up(&mut self, step: &mut Step, elapsed: Duration) {
        let word = self.plan.document.kind().sent_word();
        for command_id in std::mem::take(&mut self.cancels) {
            let text = format!(
                "{word} {command_id} was to be cancelled, and that was not answered: it may go on"
            );
            self.note(step, elapsed, Note::new("cancel.unanswered", text));
        }
        self.conclude(step);
    }

    /// Cancels instances of a command, each once. After the budget is spent they are those that SSM
    /// has not started: what runs is left to run, because a script that is killed half-way may
    /// leave worse behind than one that fails.
    pub(super) fn withhold(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        index: usize,
        pending: Vec<InstanceId>,
    ) {
        let mut withheld = Vec::new();
        for id in pending {
            if let Some(member) = self.members.get_mut(&id)
                && member.is_open()
                && !std::mem::replace(&mut member.is_withheld, true)
            {
                withheld.push(id);
            }
        }
        for chunk in withheld.chunks(IDS_PER_COMMAND) {
            self.cancel_command(step, elapsed, index, Some(chunk.to_vec()));
        }
    }

    /// Returns who kept the document from an instance that came to `outcome`.
    pub(super) fn withholder(&self, id: &InstanceId, outcome: Outcome) -> Option<Withholder> {
        let is_taken_back = self.members.get(id).is_some_and(|it| it.is_taken_back);
        let is_ours = self.is_called_off || is_taken_back;
        match outcome {
            Outcome::Cancelled if !is_ours => Some(Withholder::SomebodyElse),
            // The limit that SSM holds is what was left of the run's budget.
            Outcome::Terminated if !is_ours && !self.is_budget_spent => Some(Withholder::Service),
            Outcome::Cancelled | Outcome::Terminated => Some(Withholder::Run),
            Outcome::Failed
            | Outcome::ExecutionTimedOut
            | Outcome::DeliveryTimedOut
            | Outcome::Undeliverable
            | Outcome::AccessDenied
            | Outcome::InvalidPlatform
            | Outcome::LeftGroup
            | Outcome::Skipped
            | Outcome::Unknown
            | Outcome::NotAttempted
            | Outcome::Succeeded => None,
        }
    }

    pub(super) fn cancel_answered(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        command_id: &str,
        answer: CancelAnswer,
    ) {
        match answer {
            // Whatever is answered after the end was told is too late for a note.
            CancelAnswer::Denied(_) | CancelAnswer::Refused(_) if self.is_finished() => {}
            CancelAnswer::Denied(Denial { action }) => {
                self.cancels_allowed = false;
                let text = format!(
                    "{action} is not permitted: what was sent goes on, and only SSM's own limits \
                     hold it back"
                );
                self.note(step, elapsed, Note::new("permission.missing", text));
            }
            CancelAnswer::Refused(why) if self.command_at(command_id).is_some() => {
                let word = self.plan.document.kind().sent_word();
                let text = format!("{word} {command_id} could not be cancelled: {why}");
                self.note(step, elapsed, Note::new("cancel.failed", text));
            }
            CancelAnswer::Taken | CancelAnswer::Refused(_) => {}
        }
        if let Some(at) = self.cancels.iter().position(|it| it == command_id) {
            self.cancels.swap_remove(at);
        }
        if matches!(self.phase, Phase::Cancelling { .. }) && self.cancels.is_empty() {
            self.conclude(step);
        }
    }

    /// Charges the budgets with one error; the one over a limit stops the run.
    pub(super) fn charge(&mut self, step: &mut Step, elapsed: Duration) {
        self.budget_used += 1;
        self.wave_used += 1;
        self.check_budget(step, elapsed);
    }

    /// Stops the run if the budget of it, or of the wave under way, is spent.
    pub(super) fn check_budget(&mut self, step: &mut Step, elapsed: Duration) {
        if self.is_budget_spent {
            return;
        }
        let wave = self.wave.map_or(1, |it| self.plan.waves[it].index);
        let of_wave = self.wave_limit().filter(|it| self.wave_used > *it);
        let limit = self.error_limit();
        let (stop, event) = if self.budget_used > limit {
            let used = self.budget_used;
            (Stop::Budget, EventKind::BudgetSpent { used, limit, wave: None })
        } else if let Some(limit) = of_wave {
            let used = self.wave_used;
            (Stop::WaveBudget(wave), EventKind::BudgetSpent { used, limit, wave: Some(wave) })
        } else {
            return;
        };
        self.is_budget_spent = true;
        self.stop_for(stop);
        self.emit(step, elapsed, event);
        for send in self.sends.iter_mut().filter(|it| it.state == SendState::Accepted) {
            send.command.is_sweep_due = true;
        }
        // Whoever is not looked at now may be started by SSM in the meantime.
        self.next_poll = self.next_poll.min(elapsed);
    }

    /// Stops the run for this, unless it has stopped for something else than having been followed only.
    pub(super) fn stop_for(&mut self, stop: Stop) {
        if matches!(self.stop, None | Some(Stop::NotContinued)) {
            self.stop = Some(stop);
        }
    }

    /// Returns whether so many more errors would spend a budget that is not spent yet.
    pub(super) fn would_spend(&self, n_errors: u32) -> bool {
        let used = self.budget_used.saturating_add(n_errors);
        let of_wave = self.wave_used.saturating_add(n_errors);
        let is_over = used > self.error_limit() || self.wave_limit().is_some_and(|it| of_wave > it);
        is_over && !self.is_budget_spent
    }

    /// Returns how many errors the wave under way is allowed, if it has a budget of its own.
    pub(super) fn wave_limit(&self) -> Option<u32> {
        let planned = self.wave.and_then(|it| self.plan.waves[it].max_errors);
        let share = || self.plan.rollout.max_errors_per_wave.map(|it| self.share(it));
        planned.or_else(share)
    }

    /// Returns how many errors are allowed.
    pub(super) fn error_limit(&self) -> u32 {
        let errors = self.plan.limits.max_errors;
        errors.resolved.unwrap_or_else(|| self.share(errors.input))
    }

    /// A share of a population that is not listed is a share of what SSM counts as targets, or of
    /// who has shown a row.
    fn share(&self, limit: Limit) -> u32 {
        let counts = self.sends.iter().filter_map(|it| it.command.counts.as_ref());
        let n_targets: u32 = counts.map(|it| it.targets).fold(0, u32::saturating_add);
        let n_members = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        limit.resolve_errors(n_members.max(n_targets))
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
}
