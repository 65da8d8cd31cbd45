//! The state of a run, read back from its events. Nothing is emitted and nothing is decided here.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;

use super::{
    answering::EXECUTION_TIMEOUT,
    event::{Consequence, Event, EventKind, Resume},
    member::Member,
    observed::Counts,
    row::Execution,
    send::{Command, Send, SendState},
    state::{Phase, Run, Stop},
    status::Outcome,
};
use crate::plan::{Dispatch, InstanceId, Plan};

/// The most sends that a gap in the ledger is filled with.
const GAP_FILLED: usize = 10_000;

/// What the events say besides the state.
#[derive(Debug, Default)]
pub(super) struct Restored {
    pub has_started: bool,
    /// When the last event was written.
    pub latest: Duration,
    /// Sends that the caller may not make.
    pub denied: Vec<usize>,
    /// A process before this one only followed.
    pub was_followed: bool,
    /// Why the events cannot be all that happened.
    pub damage: Option<String>,
}

impl Restored {
    fn damaged(&mut self, why: impl Into<String>) {
        self.damage.get_or_insert_with(|| why.into());
    }
}

impl Run {
    pub(super) fn restore(&mut self, events: &[Event]) -> Restored {
        let mut restored = Restored::default();
        for event in events {
            if event.seq != self.seq.saturating_add(1) {
                restored.damaged(format!("event {} follows event {}", event.seq, self.seq));
            }
            self.seq = self.seq.max(event.seq);
            let at = Duration::from_millis(event.elapsed_ms);
            restored.latest = restored.latest.max(at);
            self.restore_event(&mut restored, event, at);
        }
        if !restored.has_started && !events.is_empty() {
            restored.damaged("its first event is missing");
        }
        restored
    }

    fn restore_event(&mut self, restored: &mut Restored, event: &Event, at: Duration) {
        match &event.data {
            EventKind::RunStarted { plan } => {
                let of = |it: &Plan| (it.run_id.clone(), it.dispatch.clone(), it.waves.clone());
                if of(plan) != of(&self.plan) {
                    restored.damaged("it is of another plan");
                }
                restored.has_started = true;
            }
            EventKind::RunResumed { mode } => restored.was_followed |= *mode == Resume::Follow,
            EventKind::RunFinished { .. } => self.phase = Phase::Finished,
            EventKind::WaveStarted { wave, .. } => match self.wave_at(*wave) {
                Some(at) => {
                    self.wave = Some(at);
                    (self.is_wave_finished, self.wave_used, self.pause) = (false, 0, None);
                }
                None => restored.damaged(format!("the plan has no wave {wave}")),
            },
            EventKind::WaveFinished { .. } => self.is_wave_finished = true,
            EventKind::PauseStarted { until_ms, .. } => {
                self.pause = Some(Duration::from_millis(*until_ms));
            }
            EventKind::SendIntended { send, token, wave, instances, .. } => {
                self.restore_intent(restored, *send, token, *wave, instances);
            }
            EventKind::CommandAccepted { send, command_id, expires_after } => {
                let Some(index) = self.known(restored, *send) else { return };
                let give_up = match expires_after {
                    Some(it) => {
                        let since = it.duration_since(self.started);
                        Duration::try_from(since.max(SignedDuration::ZERO)).unwrap_or(at)
                    }
                    None => {
                        let delivery = u64::from(self.plan.delivery_timeout);
                        at + Duration::from_secs(delivery) + EXECUTION_TIMEOUT
                    }
                };
                let give_up = give_up.saturating_add(self.pace.expiry_grace);
                self.restore_accepted(index, command_id, at, give_up);
            }
            EventKind::SendRefused { send, code, message, consequence } => {
                let Some(index) = self.known(restored, *send) else { return };
                self.sends[index].state = SendState::Refused;
                let (code, message) = (code.clone(), message.clone());
                match consequence {
                    Consequence::Split => self.unsend(index),
                    Consequence::Denied => {
                        self.stop.get_or_insert(Stop::Refused { code, message });
                        restored.denied.push(index);
                    }
                    Consequence::Stopped => {
                        self.stop.get_or_insert(Stop::Refused { code, message });
                        self.unsend(index);
                    }
                }
            }
            EventKind::SendThrottled { send } => {
                let Some(index) = self.known(restored, *send) else { return };
                self.sends[index].state = SendState::Throttled { retry: Duration::ZERO };
            }
            EventKind::SendDoubted { send, .. } => {
                let Some(index) = self.known(restored, *send) else { return };
                self.sends[index].state = SendState::Doubted { until: at, retry: None };
            }
            EventKind::SendLost { send, .. } => {
                let Some(index) = self.known(restored, *send) else { return };
                self.sends[index].state = SendState::Lost;
            }
            EventKind::CommandCounted { command_id, targets, .. } => {
                // How many have completed is asked again, so that their rows are read again.
                if let Some(index) = self.command_at(command_id) {
                    self.sends[index].command.counts = Some(Counts {
                        command_id: command_id.clone(),
                        is_final: false,
                        targets: *targets,
                        completed: 0,
                        errors: 0,
                        delivery_timed_out: 0,
                    });
                }
            }
            EventKind::InvocationChanged { instance_id, command_id, status_details } => {
                self.restore_row(restored, instance_id, Some(command_id), status_details);
            }
            EventKind::InstanceFinished { instance_id, command_id, outcome, execution, .. } => {
                let (command_id, execution) = (command_id.as_ref(), execution.as_ref());
                self.restore_outcome(restored, instance_id, command_id, *outcome, execution);
            }
            EventKind::InstanceJoined { instance_id } => {
                self.joined.insert(instance_id.clone());
            }
            EventKind::InstanceLeft { instance_id } => {
                self.left.insert(instance_id.clone());
                if let Some(member) = self.members.get_mut(instance_id)
                    && member.outcome.is_some_and(Outcome::may_be_absence)
                {
                    member.outcome = Some(Outcome::LeftGroup);
                }
            }
            EventKind::OutputCompleted { instance_id, .. } => {
                if let Some(member) = self.members.get_mut(instance_id) {
                    self.n_outputs_read += usize::from(!member.cut.is_empty());
                    member.cut.clear();
                }
            }
            EventKind::BudgetSpent { wave, .. } => {
                self.is_budget_spent = true;
                let stop = wave.map_or(Stop::Budget, Stop::WaveBudget);
                self.stop.get_or_insert(stop);
            }
            EventKind::DeadlinePassed => {
                self.deadline_passed = Some(at);
                self.stop.get_or_insert(Stop::Deadline);
            }
            EventKind::Interrupted { .. } => self.restore_interrupt(),
            EventKind::CoverageRead { .. } => self.is_coverage_read = true,
            EventKind::NoteTaken { note } => {
                let is_lost = matches!(
                    note.code.as_str(),
                    "track.lost" | "send.contradicted" | "slots.adrift" | "ledger.damaged"
                );
                if is_lost {
                    self.stop.get_or_insert(Stop::Lost);
                }
                if note.code == "track.lost" {
                    self.restore_abandoned();
                }
                self.notes.push(note.clone());
            }
            // They are asked for again.
            EventKind::CancelRequested { .. } => {}
            EventKind::Unknown => restored.damaged("it was written by a newer fleet"),
        }
    }

    fn wave_at(&self, wave: u32) -> Option<usize> {
        self.plan.waves.iter().position(|it| it.index == wave)
    }

    fn command_at(&self, command_id: &str) -> Option<usize> {
        let is_it = |it: &Send| !it.command.id.is_empty() && it.command.id == command_id;
        self.sends.iter().position(is_it)
    }

    fn known(&self, restored: &mut Restored, send: u32) -> Option<usize> {
        let found = self.position(send);
        if found.is_none() {
            restored.damaged(format!("the intent of send {send} is missing"));
        }
        found
    }
}

impl Run {
    fn restore_intent(
        &mut self,
        restored: &mut Restored,
        send: u32,
        token: &str,
        wave: u32,
        instances: &[InstanceId],
    ) {
        let in_flight = SendState::InFlight { since: Duration::ZERO };
        let index = (send as usize).saturating_sub(1);
        if let Some(known) = self.sends.get_mut(index) {
            // Only a throttle lets the same send be tried again.
            if !matches!(known.state, SendState::Throttled { .. }) || known.token != token {
                restored.damaged(format!("send {send} was intended twice"));
            }
            if !known.is_settled() {
                known.state = in_flight;
            }
            return;
        }
        // What the ledger does not tell of may have been sent.
        for missing in (self.sends.len()..index).take(GAP_FILLED) {
            restored.damaged(format!("the intent of send {} is missing", missing + 1));
            let token = format!("fleet:{}:{}", self.plan.run_id, missing + 1);
            self.sends.push(Send::restored(token, wave, SendState::Lost, None));
        }
        let index = self.sends.len();
        let is_tag = matches!(self.plan.dispatch, Dispatch::Tag { .. });
        let instances = match instances {
            [] if is_tag && !self.plan.population.is_listed => None,
            [] if is_tag => Some(self.members.keys().cloned().collect()),
            ids => Some(ids.to_vec()),
        };
        for id in instances.iter().flatten() {
            match self.members.get_mut(id) {
                Some(it) if it.send.is_none() && it.outcome.is_none() => it.send = Some(index),
                _ => restored.damaged(format!("{id} was not to be sent to")),
            }
        }
        self.sends.push(Send::restored(token.to_owned(), wave, in_flight, instances));
    }

    fn restore_accepted(&mut self, index: usize, id: &str, accepted: Duration, give_up: Duration) {
        let send = &mut self.sends[index];
        if !send.command.id.is_empty() {
            return;
        }
        send.command = Command {
            id: id.to_owned(),
            accepted,
            give_up,
            changed: accepted,
            ..Command::default()
        };
        send.state = match send.state {
            SendState::Refused => {
                self.stop.get_or_insert(Stop::Lost);
                SendState::Lost
            }
            SendState::Lost => SendState::Lost,
            _ if self.abandoned => SendState::Lost,
            SendState::InFlight { .. }
            | SendState::Throttled { .. }
            | SendState::Doubted { .. }
            | SendState::Accepted
            | SendState::Complete => SendState::Accepted,
        };
        for member in self.members.values_mut().filter(|it| it.send == Some(index)) {
            member.command_id = Some(id.to_owned());
        }
    }

    /// Restores that the instance has shown a row. Returns whether it belongs to the run.
    fn restore_row(
        &mut self,
        restored: &mut Restored,
        id: &InstanceId,
        command_id: Option<&String>,
        details: &str,
    ) -> bool {
        let Some(index) = command_id.and_then(|it| self.command_at(it)) else {
            restored.damaged(format!("the command of {id} is missing"));
            return self.members.contains_key(id);
        };
        let wave = self.sends[index].wave;
        let is_planned = !self.plan.population.is_listed;
        let member = self
            .members
            .entry(id.clone())
            .or_insert_with(|| Member::reached(wave, index, is_planned));
        if member.send != Some(index) {
            restored.damaged(format!("{id} was not sent to by its command"));
            member.send = Some(index);
        }
        self.sends[index].command.rows_seen += usize::from(member.seen.is_none());
        member.seen = Some(details.to_owned());
        member.command_id = command_id.cloned();
        true
    }

    fn restore_outcome(
        &mut self,
        restored: &mut Restored,
        id: &InstanceId,
        command_id: Option<&String>,
        outcome: Outcome,
        execution: Option<&Execution>,
    ) {
        if let Some(it) = execution
            && !self.restore_row(restored, id, command_id, &it.status_details)
        {
            return;
        }
        let Some(member) = self.members.get_mut(id) else {
            return restored.damaged(format!("{id} is not in the plan"));
        };
        if member.outcome.is_some() {
            return restored.damaged(format!("{id} finished twice"));
        }
        member.outcome = Some(outcome);
        member.is_adrift = outcome == Outcome::Unknown && execution.is_none();
        member.cut = execution.map(|it| it.cut_plugins.clone()).unwrap_or_default();
        let n_errors = u32::from(outcome.counts_as_error());
        self.budget_used = self.budget_used.saturating_add(n_errors);
        self.wave_used = self.wave_used.saturating_add(n_errors);
    }

    /// Restores that the operator wanted the run to end. However often they said so, the process
    /// that takes it over follows what is left.
    fn restore_interrupt(&mut self) {
        self.interrupts = 1;
        let is_untouched = |it: &Member| it.send.is_none() && it.outcome.is_none();
        let is_closing = self.is_wave_finished && !self.members.values().any(is_untouched);
        if !is_closing {
            self.is_cut_short = true;
            self.stop.get_or_insert(Stop::Interrupted);
        }
    }

    fn restore_abandoned(&mut self) {
        self.abandoned = true;
        let is_tag = matches!(self.plan.dispatch, Dispatch::Tag { .. });
        let adrift = self.members.values().filter(|it| it.is_adrift).filter_map(|it| it.send);
        let adrift: BTreeSet<_> = adrift.collect();
        for (index, send) in self.sends.iter_mut().enumerate() {
            if send.state == SendState::Accepted && (is_tag || adrift.contains(&index)) {
                send.state = SendState::Lost;
            }
        }
    }
}

impl Send {
    /// Returns a send as the ledger tells of it: its answer can only come from ListCommands.
    fn restored(
        token: String,
        wave: u32,
        state: SendState,
        instances: Option<Vec<InstanceId>>,
    ) -> Self {
        let command = Command::default();
        Self { token, wave, instances, state, is_answered: true, throttled_since: None, command }
    }
}
