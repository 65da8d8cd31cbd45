//! A send without an answer: it is looked for by its token before anything else goes out, and what
//! cannot be settled is unknown. It is never sent again.

use std::time::Duration;

use super::{
    event::EventKind,
    observed::{Effect, Settlement, Step},
    send::{SendState, number},
    state::Run,
};

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
        let token = self.sends[index].token.clone();
        self.perform(step, Effect::Settle { send, token });
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
                "ListCommands does not show it; a late arrival cannot be excluded".to_owned()
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
