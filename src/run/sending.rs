//! How a run sends: one window and one budget over all waves and commands, each instance once.

use std::{collections::VecDeque, time::Duration};

use super::{
    event::EventKind,
    observed::{
        Accepted, Effect, Refusal, RefusalKind, SendRequest, SendTargets, Settlement, Step,
    },
    state::{Command, Run, Send, SendState, Stop},
    status::Outcome,
};
use crate::plan::{Dispatch, IDS_PER_COMMAND, InstanceId};

/// SSM's own default for executionTimeout, which its expiry adds to the delivery timeout.
const EXECUTION_TIMEOUT: Duration = Duration::from_secs(3600);

impl Run {
    /// Sends whatever the window and the budget allow.
    pub(super) fn send_next(&mut self, step: &mut Step, elapsed: Duration) {
        if self.stop.is_some() || self.is_in_doubt() {
            return;
        }
        self.enter_wave(step, elapsed);
        if let Dispatch::Tag { key, values, .. } = &self.plan.dispatch {
            if self.sends.is_empty() {
                let targets = SendTargets::Tag { key: key.clone(), values: values.clone() };
                self.send(step, elapsed, targets);
            }
            return;
        }
        // One at a time until the service has answered: a send that turns out to be in doubt is
        // settled before anything else goes out.
        if let Some(chunk) = self.next_chunk() {
            self.send(step, elapsed, SendTargets::Ids(chunk));
        }
    }

    /// Starts the next wave if the one before is entirely terminal.
    fn enter_wave(&mut self, step: &mut Step, elapsed: Duration) {
        if !self.queue.is_empty() || self.sends.iter().any(|it| !it.is_settled()) {
            return;
        }
        let next = self.wave.map_or(0, |it| it + 1);
        if let Some(before) = self.wave
            && next <= self.plan.waves.len()
            && !self.is_wave_finished
        {
            let wave = self.plan.waves[before].index;
            self.is_wave_finished = true;
            self.emit(step, elapsed, EventKind::WaveFinished { wave });
        }
        let Some(wave) = self.plan.waves.get(next) else { return };
        let (index, instances) = (wave.index, wave.instances.clone());
        self.wave = Some(next);
        self.is_wave_finished = false;
        let n_instances = u32::try_from(instances.len()).unwrap_or(u32::MAX);
        self.emit(step, elapsed, EventKind::WaveStarted { wave: index, instances: n_instances });
        if matches!(self.plan.dispatch, Dispatch::Ids { .. }) {
            self.queue.push_back(instances.into());
        }
    }

    /// Takes as many instances from the head of the queue as there are free slots.
    ///
    /// A slot is held until its invocation is terminal. Because nothing waits inside SSM, what
    /// may still fail after the budget is spent is exactly what is running.
    fn next_chunk(&mut self) -> Option<Vec<InstanceId>> {
        let slots = self.plan.limits.max_concurrency.resolved.unwrap_or(1) as usize;
        let sent = self.members.values().filter(|it| it.send.is_some() && it.outcome.is_none());
        let free = slots.saturating_sub(sent.count()).min(IDS_PER_COMMAND);
        let head = self.queue.front_mut()?;
        let n = free.min(head.len());
        let chunk: Vec<_> = head.drain(..n).collect();
        if head.is_empty() {
            self.queue.pop_front();
        }
        (!chunk.is_empty()).then_some(chunk)
    }

    fn send(&mut self, step: &mut Step, elapsed: Duration, targets: SendTargets) {
        let index = self.sends.len();
        let token = format!("fleet:{}:{}", self.plan.run_id, index + 1);
        let wave = self.wave.map_or(1, |it| self.plan.waves[it].index);
        let instances = match &targets {
            SendTargets::Ids(ids) => Some(ids.clone()),
            SendTargets::Tag { .. } if self.plan.population.is_listed => {
                Some(self.members.keys().cloned().collect())
            }
            SendTargets::Tag { .. } => None,
        };
        for id in instances.iter().flatten() {
            self.members.get_mut(id).expect("only planned instances are queued").send = Some(index);
        }
        self.sends.push(Send {
            token,
            wave,
            instances,
            state: SendState::InFlight,
            command: Command::default(),
        });
        self.go(step, elapsed, index, targets);
    }

    /// Writes the intent down and asks for the send.
    fn go(&mut self, step: &mut Step, elapsed: Duration, index: usize, targets: SendTargets) {
        let (token, wave) = (self.sends[index].token.clone(), self.sends[index].wave);
        let limits = &self.plan.limits;
        let (max_concurrency, max_errors, instances) = match &targets {
            // All of a chunk has its slot already. SSM's own error limit is a backstop for the
            // case that nobody watches any more: what is left of the budget.
            SendTargets::Ids(ids) => {
                let limit = limits.max_errors.resolved.unwrap_or(0);
                let left = limit.saturating_sub(self.budget_used);
                (ids.len().to_string(), left.to_string(), ids.clone())
            }
            SendTargets::Tag { .. } => {
                let word = |it: crate::plan::Bound| {
                    it.resolved.map_or_else(|| it.input.to_string(), |it| it.to_string())
                };
                (word(limits.max_concurrency), word(limits.max_errors), Vec::new())
            }
        };
        let send = number(index);
        let intended = EventKind::SendIntended {
            send,
            token: token.clone(),
            wave,
            instances,
            max_concurrency: max_concurrency.clone(),
            max_errors: max_errors.clone(),
        };
        self.emit(step, elapsed, intended);
        let request = SendRequest { token, targets, max_concurrency, max_errors };
        step.effects.push(Effect::Send { send, request });
    }

    /// Tries throttled sends again and asks again for doubted ones, when it is time.
    pub(super) fn retry_sends(&mut self, step: &mut Step, elapsed: Duration) {
        for index in 0..self.sends.len() {
            match self.sends[index].state {
                SendState::Throttled { retry, .. } if self.stop.is_some() || elapsed >= retry => {
                    if self.stop.is_some() {
                        self.sends[index].state = SendState::Refused;
                        self.unsend(index);
                        continue;
                    }
                    let targets = self.targets_of(index);
                    self.go(step, elapsed, index, targets);
                }
                SendState::Doubted { until, retry: Some(retry) } if elapsed >= retry => {
                    self.sends[index].state = SendState::Doubted { until, retry: None };
                    let token = self.sends[index].token.clone();
                    step.effects.push(Effect::Settle { send: number(index), token });
                }
                SendState::InFlight
                | SendState::Throttled { .. }
                | SendState::Doubted { .. }
                | SendState::Accepted
                | SendState::Complete
                | SendState::Refused
                | SendState::Lost => {}
            }
        }
    }

    fn targets_of(&self, index: usize) -> SendTargets {
        match (&self.plan.dispatch, &self.sends[index].instances) {
            (Dispatch::Tag { key, values, .. }, _) => {
                SendTargets::Tag { key: key.clone(), values: values.clone() }
            }
            (Dispatch::Ids { .. }, ids) => SendTargets::Ids(ids.clone().unwrap_or_default()),
        }
    }

    pub(super) fn accepted(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        send: u32,
        accepted: Accepted,
    ) {
        let index = position(send);
        let expiry = accepted.expires_in.unwrap_or_else(|| {
            Duration::from_secs(u64::from(self.plan.delivery_timeout)) + EXECUTION_TIMEOUT
        });
        let give_up = elapsed + expiry + self.pace.expiry_grace;
        let Some(it) = self.sends.get_mut(index) else { return };
        if matches!(it.state, SendState::Accepted | SendState::Complete | SendState::Lost) {
            return;
        }
        it.state = SendState::Accepted;
        it.command = Command {
            id: accepted.command_id.clone(),
            accepted: elapsed,
            give_up,
            changed: elapsed,
            ..Command::default()
        };
        for id in it.instances.iter().flatten() {
            if let Some(member) = self.members.get_mut(id) {
                member.command_id = Some(accepted.command_id.clone());
            }
        }
        let event = EventKind::CommandAccepted {
            send,
            command_id: accepted.command_id,
            expires_after: accepted.expires_after,
        };
        self.emit(step, elapsed, event);
        self.last_answer = elapsed;
        self.next_poll = self.next_poll.max(elapsed + self.pace.poll_min);
        if matches!(self.stop, Some(Stop::Interrupted | Stop::Deadline)) {
            self.cancel_command(step, elapsed, index, None);
        }
    }

    pub(super) fn refused(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        send: u32,
        refusal: Refusal,
    ) {
        let index = position(send);
        let Refusal { kind, code, message } = refusal;
        let is_throttled = kind == RefusalKind::Throttled;
        let since = match self.sends[index].state {
            SendState::Throttled { since, .. } => since,
            SendState::InFlight
            | SendState::Doubted { .. }
            | SendState::Accepted
            | SendState::Complete
            | SendState::Refused
            | SendState::Lost => elapsed,
        };
        if is_throttled && elapsed < since + self.pace.throttled_for {
            // Back off by as much as has been waited already, between one second and ten
            // at the usual pace: throttles arrive in bunches.
            let waited = elapsed.saturating_sub(since);
            let pause = waited.clamp(self.pace.poll_min * 2, self.pace.poll_max * 2);
            self.sends[index].state = SendState::Throttled { since, retry: elapsed + pause };
            self.emit(step, elapsed, EventKind::SendThrottled { send });
            return;
        }
        self.sends[index].state = SendState::Refused;
        self.emit(
            step,
            elapsed,
            EventKind::SendRefused { send, code: code.clone(), message: message.clone() },
        );
        match kind {
            RefusalKind::InvalidInstances(named) if self.sends[index].instances.is_some() => {
                self.isolate(step, elapsed, index, &named, &code);
            }
            RefusalKind::AccessDenied => {
                let outcome = Outcome::AccessDenied;
                self.fail_send(step, elapsed, index, outcome);
                self.stop.get_or_insert(Stop::Refused { code, message });
            }
            RefusalKind::InvalidInstances(_) | RefusalKind::Throttled | RefusalKind::Other => {
                self.unsend(index);
                self.stop.get_or_insert(Stop::Refused { code, message });
            }
        }
    }

    /// SSM refuses a whole command for one unusable id (recorded answers): take out what the
    /// message names, or halve the chunk until what is left is the culprit.
    fn isolate(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        index: usize,
        named: &[InstanceId],
        code: &str,
    ) {
        let ids = self.sends[index].instances.clone().unwrap_or_default();
        self.unsend(index);
        let (bad, good): (Vec<_>, Vec<_>) = match ids.as_slice() {
            [_] => (ids, Vec::new()),
            _ => ids.into_iter().partition(|it| named.contains(it)),
        };
        for id in &bad {
            let hint = format!("SSM refused the id ({code}): it is not in a valid state");
            self.finish_unsent(step, elapsed, id, Outcome::Undeliverable, Some(hint));
        }
        let mut rest: VecDeque<InstanceId> = good.into();
        if bad.is_empty() {
            let second = rest.split_off(rest.len() / 2);
            self.queue.push_front(second);
        }
        if !rest.is_empty() {
            self.queue.push_front(rest);
        }
    }

    /// Takes the instances of a send that was not accepted back among the unsent.
    pub(super) fn unsend(&mut self, index: usize) {
        for member in self.members.values_mut().filter(|it| it.send == Some(index)) {
            member.send = None;
        }
    }

    fn fail_send(&mut self, step: &mut Step, elapsed: Duration, index: usize, outcome: Outcome) {
        let sent = self.members.iter().filter(|(_, it)| it.send == Some(index));
        let ids: Vec<InstanceId> = sent.map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.finish_unsent(step, elapsed, &id, outcome, None);
        }
    }

    pub(super) fn doubted(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        send: u32,
        reason: String,
    ) {
        let until = elapsed + self.pace.settle_within;
        let index = position(send);
        self.sends[index].state = SendState::Doubted { until, retry: None };
        self.emit(step, elapsed, EventKind::SendDoubted { send, reason });
        let token = self.sends[index].token.clone();
        step.effects.push(Effect::Settle { send, token });
    }

    pub(super) fn settled(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        send: u32,
        settlement: Settlement,
    ) {
        let SendState::Doubted { until, .. } = self.sends[position(send)].state else { return };
        let reason = match settlement {
            Settlement::Accepted(accepted) => return self.accepted(step, elapsed, send, accepted),
            Settlement::Failed { is_denied: true, reason } => reason,
            Settlement::NotFound | Settlement::Failed { .. } if elapsed < until => {
                let retry = Some(elapsed + self.pace.poll_min * 2);
                self.sends[position(send)].state = SendState::Doubted { until, retry };
                return;
            }
            Settlement::Failed { reason, .. } => reason,
            Settlement::NotFound => {
                "ListCommands does not show it; a late arrival cannot be excluded".to_owned()
            }
        };
        self.lose(step, elapsed, send, reason);
    }

    /// Gives a doubted send up. What it may have reached is unknown, counts as errors, and is never
    /// sent to again.
    pub(super) fn lose(&mut self, step: &mut Step, elapsed: Duration, send: u32, reason: String) {
        let index = position(send);
        self.sends[index].state = SendState::Lost;
        self.emit(step, elapsed, EventKind::SendLost { send, reason });
        self.fail_send(step, elapsed, index, Outcome::Unknown);
    }

    fn is_in_doubt(&self) -> bool {
        self.sends.iter().any(|it| {
            matches!(
                it.state,
                SendState::InFlight | SendState::Throttled { .. } | SendState::Doubted { .. }
            )
        })
    }
}

impl Send {
    /// Returns whether nothing more will come of it.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.state, SendState::Complete | SendState::Refused | SendState::Lost)
    }
}

/// Sends are numbered from 1 outside, from 0 inside.
pub(super) fn number(index: usize) -> u32 {
    u32::try_from(index + 1).expect("a run has fewer than four thousand million sends")
}

pub(super) fn position(send: u32) -> usize {
    send as usize - 1
}
