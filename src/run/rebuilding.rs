//! What the events of a ledger say of sends and instances.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    event::{Consequence, OnInterrupt},
    findings,
    member::Member,
    observed::Counts,
    restoring::Restored,
    row::Execution,
    send::{Command, Send, SendState},
    state::{Run, Stop},
    status::Outcome,
};
use crate::plan::{Dispatch, InstanceId};

/// The most sends that a gap in the ledger is filled with.
const GAP_FILLED: usize = 10_000;

impl Run {
    pub(super) fn restore_intent(
        &mut self,
        restored: &mut Restored,
        (send, at): (u32, Duration),
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
            known.intended = at;
            if !known.is_settled() {
                known.state = in_flight;
            }
            return;
        }
        // What the ledger does not tell of may have been sent.
        for missing in (self.sends.len()..index).take(GAP_FILLED) {
            restored.damaged(format!("the intent of send {} is missing", missing + 1));
            let token = format!("fleet:{}:{}", self.plan.run_id, missing + 1);
            self.sends.push(Send::restored((token, at), wave, SendState::Lost, None));
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
        self.sends.push(Send::restored((token.to_owned(), at), wave, in_flight, instances));
    }

    pub(super) fn restore_acceptance(
        &mut self,
        restored: &mut Restored,
        (send, at): (u32, Duration),
        command_id: &str,
        expires_after: Option<Timestamp>,
    ) {
        let Some(index) = self.known(restored, send) else { return };
        let give_up = match expires_after {
            Some(it) => {
                let since = it.duration_since(self.started);
                Duration::try_from(since.max(SignedDuration::ZERO)).unwrap_or(at)
            }
            None => at + self.expiry(),
        };
        if self.sends[index].command.id.is_empty() {
            self.take_command(index, command_id, at, give_up);
        }
    }

    pub(super) fn restore_refusal(
        &mut self,
        restored: &mut Restored,
        send: u32,
        why: Stop,
        consequence: Consequence,
    ) {
        let Some(index) = self.known(restored, send) else { return };
        self.sends[index].state = SendState::Refused;
        match consequence {
            Consequence::Split => self.unsend(index),
            Consequence::Denied => {
                self.stop.get_or_insert(why);
                restored.denied.push(index);
            }
            Consequence::Stopped => {
                self.stop.get_or_insert(why);
                self.unsend(index);
            }
        }
    }

    pub(super) fn restore_state(&mut self, restored: &mut Restored, send: u32, state: SendState) {
        if let Some(index) = self.known(restored, send) {
            self.sends[index].state = state;
        }
    }

    /// Restores how many a command has. How many have completed is asked again, so that their rows
    /// are read again.
    pub(super) fn restore_counts(&mut self, command_id: &str, targets: u32) {
        if let Some(index) = self.command_at(command_id) {
            self.sends[index].command.counts = Some(Counts {
                command_id: command_id.to_owned(),
                is_final: false,
                targets,
                completed: 0,
                errors: 0,
                delivery_timed_out: 0,
                stage: None,
            });
        }
    }

    /// Restores that the instance has shown a row. Returns whether it belongs to the run.
    pub(super) fn restore_row(
        &mut self,
        restored: &mut Restored,
        id: &InstanceId,
        command_id: Option<&String>,
        details: &str,
        progress: Option<&String>,
    ) -> bool {
        let Some(index) = command_id.and_then(|it| self.command_at(it)) else {
            let word = self.plan.document.kind().sent_word();
            restored.damaged(format!("the {word} of {id} is missing"));
            return self.members.contains_key(id);
        };
        let reached = self.reached(index);
        let member = self.members.entry(id.clone()).or_insert(reached);
        if member.send != Some(index) {
            let word = self.plan.document.kind().sent_word();
            restored.damaged(format!("{id} was not sent to by its {word}"));
            member.send = Some(index);
        }
        self.sends[index].command.rows_seen += usize::from(member.seen.is_none());
        member.seen = Some(details.to_owned());
        member.progress = progress.cloned();
        member.command_id = command_id.cloned();
        true
    }

    pub(super) fn restore_outcome(
        &mut self,
        restored: &mut Restored,
        id: &InstanceId,
        command_id: Option<&String>,
        outcome: Outcome,
        execution: Option<&Execution>,
    ) {
        if let Some(it) = execution
            && !self.restore_row(restored, id, command_id, &it.status_details, None)
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
        if let Some(it) = execution {
            member.keep(it);
        }
        let stdout = execution.filter(|_| outcome.is_own_end()).map(|it| &it.stdout);
        let format = self.plan.document.findings();
        member.is_found_wanting = stdout.is_some_and(|it| findings::is_wanting(format, it));
    }

    pub(super) fn restore_departure(&mut self, id: &InstanceId) {
        self.left.insert(id.clone());
        if let Some(member) = self.members.get_mut(id)
            && member.outcome.is_some_and(Outcome::may_be_absence)
        {
            member.outcome = Some(Outcome::LeftGroup);
        }
    }

    pub(super) fn restore_cancellation(&mut self, ids: &[InstanceId]) {
        for id in ids {
            if let Some(member) = self.members.get_mut(id) {
                member.is_taken_back = true;
            }
        }
    }

    /// Restores that the operator wanted the run to end. However often they said so, the process
    /// that takes it over follows what is left, and may be interrupted again.
    pub(super) fn restore_interrupt(&mut self, running: OnInterrupt) {
        self.is_called_off |= running == OnInterrupt::Cancel;
        let is_untouched = |it: &Member| it.send.is_none() && it.outcome.is_none();
        let is_closing = self.is_wave_finished && !self.members.values().any(is_untouched);
        if !is_closing {
            self.is_cut_short = true;
            self.stop.get_or_insert(Stop::Interrupted);
        }
    }

    pub(super) fn restore_abandoned(&mut self) {
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
    /// Returns a send as the ledger tells of it: its answer can only come from looking for it.
    fn restored(
        (token, intended): (String, Duration),
        wave: u32,
        state: SendState,
        instances: Option<Vec<InstanceId>>,
    ) -> Self {
        let command = Command::default();
        Self {
            token,
            wave,
            instances,
            state,
            is_answered: true,
            intended,
            throttled_since: None,
            command,
        }
    }
}
