//! A send without an answer is settled before anything else goes out, and what cannot be settled is
//! unknown. A command is looked for by its token, and never sent again. An execution shows no token,
//! but is not started twice under one: it is asked for again, as long as the service is sure to
//! remember the token. What ends an instance is looked for by the instance, and never asked for again.

use std::time::Duration;

use super::{
    event::EventKind,
    observed::{Effect, Settlement, Step},
    send::{SendState, number},
    state::Run,
};
use crate::plan::DocumentKind;

/// For so long a start is asked for again under its ClientToken.
///
/// "The token must be unique … and can't be reused", and a mismatch of its parameters is an error
/// of its own (StartAutomationExecution reference). UNVERIFIED: how long the service remembers it;
/// nothing that has a ClientToken is known to forget it within ten minutes.
const TOKEN_HOLDS: Duration = Duration::from_secs(600);

impl Run {
    pub(super) fn doubted(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        send: u32,
        reason: String,
    ) {
        let Some(index) = self.position(send) else { return };
        if std::mem::replace(&mut self.sends[index].is_answered, true) {
            return;
        }
        if matches!(self.sends[index].state, SendState::InFlight { .. }) {
            self.doubt(step, elapsed, index, reason);
        }
    }

    pub(super) fn doubt(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        index: usize,
        reason: String,
    ) {
        let until = elapsed + self.pace.settle_within;
        let send = number(index);
        self.sends[index].state = SendState::Doubted { until, retry: None };
        self.emit(step, elapsed, EventKind::SendDoubted { send, reason });
        self.look_for(step, elapsed, index);
    }

    /// Asks what became of a doubted send.
    pub(super) fn look_for(&mut self, step: &mut Step, elapsed: Duration, index: usize) {
        let again = match self.plan.document.kind() {
            DocumentKind::Command | DocumentKind::Replacement => None,
            DocumentKind::Automation => {
                if let Some(why) = self.reason_against_repeating(elapsed, index) {
                    return self.lose(step, elapsed, index, why.to_owned());
                }
                Some(self.request(index, self.targets_of(index)))
            }
        };
        let token = self.sends[index].token.clone();
        self.perform(step, Effect::Settle { send: number(index), token, again });
    }

    /// Returns why a start of an execution may not be asked for again. If the first request never
    /// arrived, the second one starts it, so it is made only where the first still might be.
    fn reason_against_repeating(&self, elapsed: Duration, index: usize) -> Option<&'static str> {
        let send = &self.sends[index];
        let is_recalled = send.instances.iter().flatten().any(|it| self.recalled.contains(it));
        if elapsed >= send.intended.saturating_add(TOKEN_HOLDS) {
            Some("it is too long ago to be asked for again under its token")
        } else if self.stop.is_some() || is_recalled {
            Some("the run has stopped, and to ask for it again might start it")
        } else {
            None
        }
    }

    pub(super) fn settled(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        send: u32,
        settlement: Settlement,
    ) {
        let Some(index) = self.position(send) else { return };
        if let Settlement::Accepted(accepted) = settlement {
            return self.accepted(step, elapsed, send, accepted);
        }
        let SendState::Doubted { until, retry: None } = self.sends[index].state else { return };
        let reason = match settlement {
            Settlement::Failed { is_denied: true, reason } => {
                self.counts_denied(step, elapsed, "a send in doubt cannot be looked for");
                reason
            }
            Settlement::Accepted(_) | Settlement::NotFound | Settlement::Failed { .. }
                if elapsed < until =>
            {
                let retry = Some(elapsed + self.pace.clamped(Duration::ZERO) * 2);
                self.sends[index].state = SendState::Doubted { until, retry };
                return;
            }
            Settlement::Failed { reason, .. } => reason,
            Settlement::Accepted(_) | Settlement::NotFound => {
                format!("{} does not show it; a late arrival cannot be excluded", self.listing())
            }
        };
        self.lose(step, elapsed, index, reason);
    }

    /// Gives a doubted send up. What it may have reached is unknown, counts as errors, and is never
    /// sent to again.
    pub(super) fn lose(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        index: usize,
        reason: String,
    ) {
        self.sends[index].state = SendState::Lost;
        self.emit(step, elapsed, EventKind::SendLost { send: number(index), reason });
        self.set_adrift(step, elapsed, index);
    }
}
