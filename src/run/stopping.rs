//! What stops a run from outside: its operator, and its deadline.

use std::time::Duration;

use super::{
    event::{EventKind, OnInterrupt},
    losing::Reach,
    observed::Step,
    state::{Phase, Run, Stop},
};
use crate::plan::Note;

impl Run {
    pub(super) fn interrupted(&mut self, step: &mut Step, elapsed: Duration, running: OnInterrupt) {
        if self.phase == Phase::Finished {
            return;
        }
        self.interrupts = self.interrupts.saturating_add(1);
        self.emit(step, elapsed, EventKind::Interrupted { times: self.interrupts, running });
        self.is_cut_short |= self.phase == Phase::Running;
        match self.phase {
            Phase::Closing { .. } => {
                let text = "the last reads were cut short by an interrupt; everything had ended";
                self.note(step, elapsed, Note::new("closing.cut", text));
                self.give_cancels_up(step, elapsed);
            }
            Phase::Cancelling { .. } => self.give_cancels_up(step, elapsed),
            Phase::Running if self.interrupts == 1 => {
                self.stop.get_or_insert(Stop::Interrupted);
                match running {
                    OnInterrupt::Cancel => self.call_off(step, elapsed),
                    // A send that is on its way is still waited for: it may run as well.
                    OnInterrupt::Leave => {}
                }
            }
            Phase::Running => {
                let why = "following was stopped by a second interrupt";
                self.abandon(step, elapsed, Reach::Everything, why);
            }
            Phase::Concluding | Phase::Finished => {}
        }
    }

    pub(super) fn check_deadlines(&mut self, step: &mut Step, elapsed: Duration) {
        let Some(deadline) = self.plan.deadline.map(Duration::from_secs) else { return };
        if elapsed >= deadline && self.deadline_passed.is_none() {
            self.deadline_passed = Some(elapsed);
            self.stop.get_or_insert(Stop::Deadline);
            self.emit(step, elapsed, EventKind::DeadlinePassed);
            self.call_off(step, elapsed);
        }
        let is_over = self.grace_ends().is_some_and(|it| elapsed >= it);
        if is_over && self.sends.iter().any(|it| !it.is_settled()) {
            let why = "the deadline passed and instances had not answered";
            self.abandon(step, elapsed, Reach::Everything, why);
        }
    }

    /// Returns until when those that the deadline has cancelled may answer. A process that takes
    /// the run over long after the deadline gives them the same time.
    pub(super) fn grace_ends(&self) -> Option<Duration> {
        self.deadline_passed.map(|it| it.saturating_add(self.pace.visible_within))
    }
}
