//! How a run sends: one window and one budget over all waves and commands, each instance once.

use std::{collections::BTreeSet, time::Duration};

use super::{
    event::EventKind,
    member::Member,
    observed::{Effect, SendRequest, SendTargets, Step},
    send::{Command, Send, SendState, number},
    state::{Run, Stop},
    taking::Taking,
};
use crate::plan::{Bound, Dispatch, DocumentKind, InstanceId, Note, client_token, count};

impl Run {
    /// Sends whatever the window and the budget allow.
    pub(super) fn send_next(&mut self, step: &mut Step, elapsed: Duration) {
        let is_unread = |it: &Send| it.state == SendState::Accepted && it.command.is_unread;
        let must_wait = |it: &Send| it.is_in_doubt() || is_unread(it);
        let is_in_service = self.taking != Taking::Done;
        if self.stop.is_some()
            || self.lookup.is_some()
            || is_in_service
            || self.sends.iter().any(must_wait)
        {
            return;
        }
        // The ends of executions are read one by one: one that failed counts before another one that
        // has ended with it gives its slot away.
        let is_one_by_one = match self.plan.document.kind() {
            DocumentKind::Automation | DocumentKind::Replacement => true,
            DocumentKind::Command => false,
        };
        if is_one_by_one && self.rows_reads.in_flight > 0 {
            return;
        }
        self.enter_wave(step, elapsed);
        if self.stop.is_some() {
            return;
        }
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
        } else if !self.queue.is_empty() && self.sends.iter().all(Send::is_settled) {
            self.halt_adrift(step, elapsed);
        }
    }

    /// Starts the next wave if the one before is entirely terminal.
    fn enter_wave(&mut self, step: &mut Step, elapsed: Duration) {
        while self.queue.is_empty() && self.sends.iter().all(Send::is_settled) {
            let next = self.wave.map_or(0, |it| it + 1);
            self.finish_wave(step, elapsed);
            if next >= self.plan.waves.len() {
                return;
            }
            if self.members.values().any(|it| it.is_adrift) {
                return self.halt_adrift(step, elapsed);
            }
            if !self.may_start(step, elapsed, next) {
                return;
            }
            self.start_wave(step, elapsed, next);
            if matches!(self.plan.dispatch, Dispatch::Tag { .. }) {
                return;
            }
        }
    }

    /// Starts the wave at `at`: whoever of it was not sent to waits to be.
    pub(super) fn start_wave(&mut self, step: &mut Step, elapsed: Duration, at: usize) {
        let wave = &self.plan.waves[at];
        let index = wave.index;
        let mut instances = wave.instances.clone();
        // A plan may have been edited by hand: whoever it names twice is sent to once.
        let mut seen = BTreeSet::new();
        instances.retain(|it| self.is_untouched(it) && seen.insert(it.clone()));
        self.wave = Some(at);
        self.is_wave_finished = false;
        self.wave_used = 0;
        self.pause = None;
        let n_instances = u32::try_from(instances.len()).unwrap_or(u32::MAX);
        self.emit(step, elapsed, EventKind::WaveStarted { wave: index, instances: n_instances });
        let is_by_ids = matches!(self.plan.dispatch, Dispatch::Ids { .. });
        if is_by_ids && !instances.is_empty() {
            self.queue.push_back(instances.into());
        }
    }

    /// Returns whether the wave at `next` may start now: the one before was not the last that was
    /// asked for, and the pause after it is over.
    fn may_start(&mut self, step: &mut Step, elapsed: Duration, next: usize) -> bool {
        let rollout = &self.plan.rollout;
        if let Some(after) = self.stop_after.filter(|it| next >= *it as usize) {
            self.stop = Some(Stop::Asked { after });
            return false;
        }
        let (Some(seconds), Some(last)) = (rollout.pause, self.wave) else { return true };
        if !self.plan.waves[next].instances.iter().any(|it| self.is_untouched(it)) {
            return true;
        }
        if let Some(until) = self.pause {
            return elapsed >= until;
        }
        let until = elapsed.saturating_add(Duration::from_secs(seconds));
        let until_ms = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        self.pause = Some(until);
        let wave = self.plan.waves[last].index;
        self.emit(step, elapsed, EventKind::PauseStarted { wave, seconds, until_ms });
        elapsed >= until
    }

    pub(super) fn is_untouched(&self, id: &InstanceId) -> bool {
        self.members.get(id).is_some_and(|it| it.send.is_none() && it.outcome.is_none())
    }

    pub(super) fn finish_wave(&mut self, step: &mut Step, elapsed: Duration) {
        if let Some(wave) = self.wave.filter(|_| !self.is_wave_finished) {
            self.is_wave_finished = true;
            let wave = self.plan.waves[wave].index;
            self.emit(step, elapsed, EventKind::WaveFinished { wave });
        }
    }

    /// Stops, because instances that may still be running keep their slots, and their wave open.
    fn halt_adrift(&mut self, step: &mut Step, elapsed: Duration) {
        self.stop = Some(Stop::Lost);
        let n_adrift = self.members.values().filter(|it| it.is_adrift).count();
        let subject = count(n_adrift, "instance");
        let text = match self.plan.document.kind() {
            DocumentKind::Command | DocumentKind::Automation => {
                format!("{subject} may still be running, so nothing more was sent")
            }
            DocumentKind::Replacement => {
                format!("the replacement of {subject} may be under way, so nobody else was ended")
            }
        };
        self.note(step, elapsed, Note::new("slots.adrift", text));
    }

    /// Takes as many instances from the head of the queue as there are free slots.
    ///
    /// A slot is held until its invocation is terminal. Because nothing waits inside SSM, what
    /// may still fail after the budget is spent is exactly what is running.
    fn next_chunk(&mut self) -> Option<Vec<InstanceId>> {
        let head = self.queue.front_mut()?;
        let slots = self.plan.limits.max_concurrency.resolved.unwrap_or(1) as usize;
        let n_held = self.members.values().filter(|it| it.holds_slot()).count();
        let free = slots.saturating_sub(n_held).min(self.plan.ids_per_send());
        let n = free.min(head.len());
        let chunk: Vec<_> = head.drain(..n).collect();
        if head.is_empty() {
            self.queue.pop_front();
        }
        (!chunk.is_empty()).then_some(chunk)
    }

    fn send(&mut self, step: &mut Step, elapsed: Duration, targets: SendTargets) {
        let index = self.sends.len();
        let token = self.token(index, &targets);
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
            state: SendState::InFlight { since: elapsed },
            is_answered: false,
            intended: elapsed,
            throttled_since: None,
            command: Command::default(),
        });
        self.go(step, elapsed, index, targets);
    }

    /// Returns the words by which the send is known to the service: a command is found by them, an
    /// execution is not started twice under them, and what ends an instance names that.
    fn token(&self, index: usize, targets: &SendTargets) -> String {
        let run_id = &self.plan.run_id;
        match (self.plan.document.kind(), targets) {
            (DocumentKind::Automation, SendTargets::Ids(ids)) if ids.len() == 1 => {
                client_token(run_id, &ids[0])
            }
            (DocumentKind::Replacement, SendTargets::Ids(ids)) if ids.len() == 1 => {
                ids[0].to_string()
            }
            (DocumentKind::Automation | DocumentKind::Command | DocumentKind::Replacement, _) => {
                format!("fleet:{run_id}:{}", index + 1)
            }
        }
    }

    /// Writes the intent down and asks for the send.
    pub(super) fn go(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        index: usize,
        targets: SendTargets,
    ) {
        self.sends[index].state = SendState::InFlight { since: elapsed };
        self.sends[index].is_answered = false;
        self.sends[index].intended = elapsed;
        let wave = self.sends[index].wave;
        let request = self.request(index, targets);
        let instances = match &request.targets {
            SendTargets::Ids(ids) => ids.clone(),
            SendTargets::Tag { .. } => Vec::new(),
        };
        let send = number(index);
        let intended = EventKind::SendIntended {
            send,
            token: request.token.clone(),
            wave,
            instances,
            max_concurrency: request.max_concurrency.clone(),
            max_errors: request.max_errors.clone(),
        };
        self.emit(step, elapsed, intended);
        self.perform(step, Effect::Send { send, request });
    }

    /// Returns what is asked of the service for a send, now.
    pub(super) fn request(&self, index: usize, targets: SendTargets) -> SendRequest {
        let token = self.sends[index].token.clone();
        let limits = &self.plan.limits;
        let (max_concurrency, max_errors) = match &targets {
            // All of a chunk has its slot already. SSM's own error limit is a backstop for the
            // case that nobody watches any more: what is left of the budget.
            SendTargets::Ids(ids) => {
                let limit = limits.max_errors.resolved.unwrap_or(0);
                let left = limit.saturating_sub(self.budget_used);
                let of_wave = self.wave_limit().map(|it| it.saturating_sub(self.wave_used));
                let left = of_wave.unwrap_or(left).min(left);
                (ids.len().to_string(), left.to_string())
            }
            SendTargets::Tag { .. } => {
                let word = |it: Bound| {
                    it.resolved.map_or_else(|| it.input.to_string(), |it| it.to_string())
                };
                // Of two budgets that can be compared, the smaller; of others, the run's.
                let max_errors = match (limits.max_errors.resolved, self.wave_limit()) {
                    (Some(run), Some(wave)) => run.min(wave).to_string(),
                    _ => word(limits.max_errors),
                };
                (word(limits.max_concurrency), max_errors)
            }
        };
        SendRequest { token, targets, max_concurrency, max_errors }
    }

    pub(super) fn targets_of(&self, index: usize) -> SendTargets {
        match (&self.plan.dispatch, &self.sends[index].instances) {
            (Dispatch::Tag { key, values, .. }, _) => {
                SendTargets::Tag { key: key.clone(), values: values.clone() }
            }
            (Dispatch::Ids { .. }, ids) => SendTargets::Ids(ids.clone().unwrap_or_default()),
        }
    }

    /// Takes the instances of a send that was not accepted back among the unsent.
    pub(super) fn unsend(&mut self, index: usize) {
        for member in self.members.values_mut().filter(|it| it.send == Some(index)) {
            member.send = None;
        }
    }

    /// Returns where `send` stands in the list, or `None` if this run has no such send.
    pub(super) fn position(&self, send: u32) -> Option<usize> {
        let index = (send as usize).checked_sub(1)?;
        (index < self.sends.len()).then_some(index)
    }

    /// Returns the instances of a send that have no outcome.
    pub(super) fn open_of(&self, index: usize) -> Vec<InstanceId> {
        let is_open = |it: &Member| it.send == Some(index) && it.outcome.is_none();
        let open = self.members.iter().filter(|(_, it)| is_open(it));
        open.map(|(id, _)| id.clone()).collect()
    }
}
