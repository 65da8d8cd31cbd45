//! The state of a run, read back from its events. Nothing is emitted and nothing is decided here.
//! What they say of sends and instances is in `rebuilding`.

use std::time::Duration;

use super::{
    event::{Event, EventKind, Resume},
    send::{Send, SendState},
    state::{Phase, Run, Stop},
};
use crate::plan::{Note, Plan};

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
    pub(super) fn damaged(&mut self, why: impl Into<String>) {
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
            EventKind::RunResumed { mode } => {
                self.restore_resumption(restored, at, *mode);
            }
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
                self.restore_intent(restored, (*send, at), token, *wave, instances);
            }
            EventKind::CommandAccepted { send, command_id, expires_after } => {
                self.restore_acceptance(restored, (*send, at), command_id, *expires_after);
            }
            EventKind::SendRefused { send, code, message, consequence } => {
                let why = Stop::Refused { code: code.clone(), message: message.clone() };
                self.restore_refusal(restored, *send, why, *consequence);
            }
            EventKind::SendThrottled { send } => {
                let state = SendState::Throttled { retry: Duration::ZERO };
                self.restore_state(restored, *send, state);
            }
            EventKind::SendDoubted { send, .. } => {
                let state = SendState::Doubted { until: at, retry: None };
                self.restore_state(restored, *send, state);
            }
            EventKind::SendLost { send, .. } => {
                self.restore_state(restored, *send, SendState::Lost);
            }
            EventKind::CommandCounted { command_id, targets, .. } => {
                self.restore_counts(command_id, *targets);
            }
            EventKind::InvocationChanged { instance_id, command_id, status_details, progress } => {
                let (command_id, progress) = (Some(command_id), progress.as_ref());
                self.restore_row(restored, instance_id, command_id, status_details, progress);
            }
            EventKind::InstanceFinished {
                instance_id,
                command_id,
                outcome,
                execution,
                withheld_by,
                ..
            } => {
                let (command_id, execution) = (command_id.as_ref(), execution.as_ref());
                self.restore_outcome(restored, instance_id, command_id, *outcome, execution);
                if outcome.counts_as_error(*withheld_by) {
                    self.budget_used = self.budget_used.saturating_add(1);
                    self.wave_used = self.wave_used.saturating_add(1);
                }
            }
            EventKind::InstanceJoined { instance_id } => {
                self.joined.insert(instance_id.clone());
            }
            EventKind::InstanceLeft { instance_id, .. } => {
                self.restore_departure(instance_id);
            }
            EventKind::OutputCompleted { instance_id, stdout, .. } => {
                self.weigh_completed(instance_id, stdout);
                self.restore_output(instance_id);
            }
            EventKind::BudgetSpent { wave, .. } => {
                self.is_budget_spent = true;
                self.stop_for(wave.map_or(Stop::Budget, Stop::WaveBudget));
            }
            EventKind::DeadlinePassed => {
                self.deadline_passed = Some(at);
                self.is_called_off = true;
                self.stop.get_or_insert(Stop::Deadline);
            }
            EventKind::Interrupted { running, .. } => self.restore_interrupt(*running),
            EventKind::CancelOrdered { instances: Some(ids) } => {
                self.recalled.extend(ids.iter().cloned());
            }
            EventKind::CancelOrdered { instances: None } => {
                (self.is_recalled, self.is_called_off) = (true, true);
                self.stop_for(Stop::Cancelled);
            }
            EventKind::CoverageRead { .. } => self.is_coverage_read = true,
            EventKind::NoteTaken { note } => self.restore_note(note),
            // They are asked for again.
            EventKind::CancelRequested { instances, .. } => {
                self.restore_cancellation(instances.as_deref().unwrap_or_default());
            }
            EventKind::GroupChanged { change } => self.heed(change),
            EventKind::OutputStored { .. }
            | EventKind::OutputsFetched { .. }
            | EventKind::SequelBegun { .. } => {}
            EventKind::Unknown => restored.damaged("it was written by a newer fleet"),
        }
    }

    fn restore_resumption(&mut self, restored: &mut Restored, at: Duration, mode: Resume) {
        restored.was_followed |= mode == Resume::Follow;
        if self.is_finished() && mode == Resume::Continue && self.can_go_on() {
            restored.was_followed = false;
            self.go_on(at);
        } else if self.is_finished() {
            self.reopen();
        }
    }

    fn restore_note(&mut self, note: &Note) {
        let is_lost = matches!(
            note.code.as_str(),
            "track.lost"
                | "send.contradicted"
                | "slots.adrift"
                | "ledger.damaged"
                | "ledger.unproven"
        );
        if is_lost {
            self.stop.get_or_insert(Stop::Lost);
        }
        if note.code == "track.lost" {
            self.restore_abandoned();
        }
        self.notes.push(note.clone());
    }

    fn wave_at(&self, wave: u32) -> Option<usize> {
        self.plan.waves.iter().position(|it| it.index == wave)
    }

    pub(super) fn command_at(&self, command_id: &str) -> Option<usize> {
        let is_it = |it: &Send| !it.command.id.is_empty() && it.command.id == command_id;
        self.sends.iter().position(is_it)
    }

    pub(super) fn known(&self, restored: &mut Restored, send: u32) -> Option<usize> {
        let found = self.position(send);
        if found.is_none() {
            restored.damaged(format!("the intent of send {send} is missing"));
        }
        found
    }
}
