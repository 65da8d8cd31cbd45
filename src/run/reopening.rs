//! How a run that ended without knowing what became of an instance is taken up again: what was lost
//! sight of is looked for, and nothing is sent.

use std::time::Duration;

use super::{
    member::Member,
    send::{Send, SendState},
    state::{Phase, Run, Stop},
};

impl Run {
    /// Returns whether looking again may tell more: what an instance, or a whole send to a group
    /// that nobody may list, came to is not known.
    pub(super) fn has_loose_ends(&self) -> bool {
        self.members.values().any(is_loose) || self.sends.iter().any(is_lost_unlisted)
    }

    /// Takes back that what was lost sight of is unknown.
    pub(super) fn reopen(&mut self) {
        for index in 0..self.sends.len() {
            let is_loose = |it: &Member| it.send == Some(index) && is_loose(it);
            let send = &self.sends[index];
            let has_loose = self.members.values().any(is_loose) || is_lost_unlisted(send);
            let is_given_up = matches!(send.state, SendState::Lost | SendState::Complete);
            if has_loose && is_given_up {
                self.sends[index].state = match send.command.id.as_str() {
                    "" => SendState::Doubted { until: Duration::ZERO, retry: None },
                    _ => SendState::Accepted,
                };
            }
        }
        let wave = self.wave.map(|it| self.plan.waves[it].index);
        for member in self.members.values_mut().filter(|it| is_loose(it)) {
            (member.outcome, member.is_adrift) = (None, false);
            self.budget_used = self.budget_used.saturating_sub(1);
            if Some(member.wave) == wave {
                self.wave_used = self.wave_used.saturating_sub(1);
            }
        }
        if matches!(self.stop, None | Some(Stop::Lost)) {
            self.stop = Some(Stop::NotContinued);
        }
        self.phase = Phase::Running;
        // Whoever looks again may interrupt again, and finds the group as it is then.
        (self.interrupts, self.abandoned, self.is_coverage_read) = (0, false, false);
    }
}

fn is_loose(member: &Member) -> bool {
    member.is_adrift && member.send.is_some()
}

fn is_lost_unlisted(send: &Send) -> bool {
    send.state == SendState::Lost && send.instances.is_none()
}
