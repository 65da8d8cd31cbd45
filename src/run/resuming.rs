//! How a process takes over a run that another one left behind. It sends nothing of which the
//! ledger does not prove that it was never sent.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    event::{Event, EventKind, Resume},
    observed::{Cancellation, Pace, Step},
    restoring::Restored,
    send::SendState,
    state::{Phase, Run, Stop},
    status::Outcome,
};
use crate::plan::{Dispatch, Note, Plan};

impl Run {
    /// Returns the run that wrote `events` about `plan`, and the step with which it goes on.
    ///
    /// The process before may have died at any moment: `events` are whatever whole lines it left.
    /// `started` is the start of the first process; `elapsed` counts from it, here and in
    /// [`Run::apply`], and is at least that of the last event. Then:
    ///
    /// * A send that was intended, and not answered, is looked for by its token before anything
    ///   else is sent. It is sent again only if a throttle proved that nothing was taken.
    /// * If the events leave anybody unsent, the service is asked which sends of the run it knows,
    ///   before anything is sent: `events` may have lost their end. Where that cannot be asked,
    ///   nothing more is sent.
    /// * Commands are followed again, and cancels asked for again; outcomes stay. What happened
    ///   while nobody watched is read before anything else is sent.
    /// * With [`Resume::Follow`] nothing that was not sent is sent any more.
    /// * Where `events` have a gap, are of another run, or were written by a newer fleet, nothing
    ///   more is sent either, and whoever they do not tell of is unknown.
    /// * Of what `fleet cancel` has `recalled` by now, nothing is sent, and what was is cancelled.
    /// * A run that is finished stays so, and its step is empty; unless it ended without knowing
    ///   what became of an instance: that is looked for again, and nothing is sent. One that was
    ///   asked to stop after a wave goes on with the next, with [`Resume::Continue`].
    pub fn resume(
        plan: Plan,
        pace: Pace,
        started: Timestamp,
        events: &[Event],
        elapsed: Duration,
        mode: Resume,
        recalled: Option<Cancellation>,
    ) -> (Self, Step) {
        let mut run = Self::new(plan, pace, started);
        let restored = run.restore(events);
        let mut step = Step::default();
        let mut mode = mode;
        let elapsed = elapsed.max(restored.latest);
        if run.is_finished() {
            let is_recalled = recalled == Some(Cancellation::Run);
            if mode == Resume::Continue && !is_recalled && run.can_go_on() {
                run.go_on(elapsed);
            } else if run.has_loose_ends() {
                run.reopen();
                mode = Resume::Follow;
            } else {
                step.is_finished = true;
                return (run, step);
            }
        }
        if !restored.has_started {
            run.begin(&mut step, elapsed);
        }
        run.emit(&mut step, elapsed, EventKind::RunResumed { mode });
        if let Some(why) = &restored.damage {
            run.is_damaged = true;
            run.stop = Some(Stop::Lost);
            let text = format!("the ledger does not tell everything ({why}): nothing more is sent");
            run.note(&mut step, elapsed, Note::new("ledger.damaged", text));
        }
        run.finish_torn_step(&mut step, elapsed, &restored);
        if let Some(what) = recalled {
            run.cancel_ordered(&mut step, elapsed, what);
        }
        run.decide_to_send(&mut step, elapsed, mode, &restored);
        run.follow_again(&mut step, elapsed);
        run.look_up_sends(&mut step, elapsed);
        run.next_poll = elapsed;
        run.advance(&mut step, elapsed);
        (run, step)
    }

    /// Draws the conclusions that the process before had begun to write down.
    fn finish_torn_step(&mut self, step: &mut Step, elapsed: Duration, restored: &Restored) {
        for index in &restored.denied {
            self.fail_send(step, elapsed, *index, Outcome::AccessDenied);
        }
        for index in 0..self.sends.len() {
            let has_ended = |it: &super::member::Member| it.send == Some(index) && !it.is_open();
            match self.sends[index].state {
                SendState::Lost => self.set_adrift(step, elapsed, index),
                // Somebody of it has been said not to have been attempted, and must not be now.
                SendState::Throttled { .. } if self.members.values().any(has_ended) => {
                    self.withdraw(index);
                }
                SendState::InFlight { .. }
                | SendState::Throttled { .. }
                | SendState::Doubted { .. }
                | SendState::Accepted
                | SendState::Complete
                | SendState::Refused => {}
            }
        }
        let recalled = self.recalled.clone();
        if !recalled.is_empty() {
            self.take_back(step, elapsed, &recalled);
        }
        // A share of those who have answered is only known once they have been read again.
        if self.plan.population.is_listed {
            self.check_budget(step, elapsed);
        }
    }

    /// Decides whether what was not sent is sent now.
    fn decide_to_send(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        mode: Resume,
        restored: &Restored,
    ) {
        let has_unsent = self.has_unsent();
        let is_redacted = self.plan.document.parameters.is_redacted();
        if mode == Resume::Continue && has_unsent && is_redacted && self.stop.is_none() {
            let text = "the ledger withholds a parameter's value, so nothing more can be sent";
            self.note(step, elapsed, Note::new("parameter.withheld", text));
        }
        let is_left = match mode {
            Resume::Follow => has_unsent,
            Resume::Continue if has_unsent => is_redacted,
            // The process before had begun to say so of everybody who was left.
            Resume::Continue => restored.was_followed && self.is_anybody_left_alone(),
        };
        if is_left {
            self.stop.get_or_insert(Stop::NotContinued);
        }
        if let Some(wave) = self.wave.filter(|_| !self.is_wave_finished)
            && matches!(self.plan.dispatch, Dispatch::Ids { .. })
        {
            let mut rest = self.plan.waves[wave].instances.clone();
            let mut seen = std::collections::BTreeSet::new();
            rest.retain(|it| self.is_untouched(it) && seen.insert(it.clone()));
            if !rest.is_empty() {
                self.queue.push_back(rest.into());
            }
        }
    }

    pub(super) fn has_unsent(&self) -> bool {
        let is_untouched = |it: &super::member::Member| it.send.is_none() && it.outcome.is_none();
        let is_throttled = |it: &SendState| matches!(it, SendState::Throttled { .. });
        self.members.values().any(is_untouched)
            || self.sends.iter().any(|it| is_throttled(&it.state))
            || (self.sends.is_empty() && self.members.is_empty())
    }

    fn is_anybody_left_alone(&self) -> bool {
        self.members.values().any(|it| it.outcome == Some(Outcome::NotAttempted))
    }

    /// Asks for what the process before may have died without: what became of a send, and that
    /// what runs is cancelled.
    fn follow_again(&mut self, step: &mut Step, elapsed: Duration) {
        let is_by_ids = matches!(self.plan.dispatch, Dispatch::Ids { .. });
        for index in 0..self.sends.len() {
            match self.sends[index].state {
                SendState::InFlight { .. } => {
                    let reason = "the process that sent it ended before the answer was written";
                    self.doubt(step, elapsed, index, reason.to_owned());
                }
                SendState::Doubted { .. } => {
                    let until = elapsed + self.pace.settle_within;
                    self.sends[index].state = SendState::Doubted { until, retry: None };
                    self.look_for(step, elapsed, index);
                }
                SendState::Accepted => {
                    // A list that has not changed for long is only still if it was looked at.
                    self.sends[index].command.changed = elapsed;
                    self.sends[index].command.is_sweep_due = self.is_budget_spent;
                    if is_by_ids && self.open_of(index).is_empty() {
                        self.sends[index].state = SendState::Complete;
                    } else {
                        self.sends[index].command.is_unread = is_by_ids;
                    }
                }
                SendState::Throttled { .. }
                | SendState::Complete
                | SendState::Refused
                | SendState::Lost => {}
            }
        }
        if self.phase == Phase::Running && self.is_called_off {
            self.deadline_passed = self.deadline_passed.map(|_| elapsed);
            self.call_off(step, elapsed);
        }
    }
}
