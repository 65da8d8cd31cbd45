//! How a run goes on that ended after the wave that was asked for: with the next one, under the same
//! plan, window and budget, and under its own id.

use std::time::Duration;

use super::{
    event::Event,
    member::Member,
    observed::Pace,
    state::{Phase, Run, Stop},
    status::Outcome,
};
use crate::plan::InstanceId;

/// What a run that has ended left to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOver {
    Nothing,
    /// What became of an instance, or of a send, is not known: it can be looked for.
    Unknown,
    /// Waves that were not asked for: they can be sent.
    Waves,
}

/// Returns what the run that wrote `events` left to be done, if it has ended.
pub fn left_over(events: &[Event]) -> LeftOver {
    let Some((plan, started)) = events.first().and_then(Event::beginning) else {
        return LeftOver::Nothing;
    };
    let mut run = Run::new(plan.clone(), Pace::default(), started);
    run.is_damaged = run.restore(events).damage.is_some();
    if !run.is_finished() {
        LeftOver::Nothing
    } else if run.can_go_on() {
        LeftOver::Waves
    } else if run.has_loose_ends() {
        LeftOver::Unknown
    } else {
        LeftOver::Nothing
    }
}

impl Run {
    /// Returns whether the run ended because no more waves were asked for, and nothing but that
    /// keeps them from being sent.
    pub(super) fn can_go_on(&self) -> bool {
        let (Some(after), Some(wave)) = (self.stop_after, self.wave) else { return false };
        let is_asked = matches!(self.stop, None | Some(Stop::Asked { .. } | Stop::NotContinued));
        let is_called_back = self.is_recalled || self.is_called_off || self.is_cut_short;
        let is_lost = self.is_damaged || self.members.values().any(|it| it.is_adrift);
        if wave + 1 < after as usize || !is_asked || is_called_back || is_lost {
            return false;
        }
        // A process that only followed may have left out some of an earlier wave, too.
        let last = self.plan.waves[wave].index;
        let mut left = self.members.iter().filter(|(id, it)| self.is_left(id, it)).peekable();
        !self.is_budget_spent && left.peek().is_some() && left.all(|(_, it)| it.wave > last)
    }

    fn is_left(&self, id: &InstanceId, member: &Member) -> bool {
        let is_unsent = member.send.is_none() && member.outcome == Some(Outcome::NotAttempted);
        is_unsent && !self.recalled.contains(id)
    }

    /// Takes back that the waves which were not asked for were not attempted.
    pub(super) fn go_on(&mut self, elapsed: Duration) {
        let left = self.members.iter().filter(|(id, it)| self.is_left(id, it));
        let left: Vec<_> = left.map(|(id, _)| id.clone()).collect();
        for id in left {
            if let Some(member) = self.members.get_mut(&id) {
                member.outcome = None;
            }
        }
        (self.stop, self.stop_after, self.phase) = (None, None, Phase::Running);
        // The pause before the next wave was as long as whoever looked at this one took.
        self.pause = Some(elapsed);
        // Whoever goes on may interrupt again, and finds the group as it is at the end.
        (self.interrupts, self.abandoned, self.is_coverage_read) = (0, false, false);
    }
}
