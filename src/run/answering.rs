//! What the answers to a send amount to: taken, refused, or in doubt until it is settled.
//! A document that may have been accepted is never sent again.

use std::{collections::VecDeque, time::Duration};

use super::{
    event::{Consequence, EventKind},
    observed::{Accepted, Refusal, RefusalKind, Step},
    send::{Command, Send, SendState},
    state::{Run, Stop},
    status::Outcome,
};
use crate::plan::{Dispatch, DocumentKind, InstanceId, Note, TERMINATION, UNTYPED};

/// SSM's own default for executionTimeout, which its expiry adds to the delivery timeout.
const EXECUTION_TIMEOUT: Duration = Duration::from_secs(3600);

/// An execution has no expiry. The longest that one of its steps waits by itself is a week
/// (aws:approve, aws:pause; Automation actions reference).
const LONGEST_AUTOMATION: Duration = Duration::from_secs(7 * 24 * 3600);

/// A lifecycle hook holds an instance for at most 48 hours (Auto Scaling guide, lifecycle hooks); the
/// rest is for the replacement.
const LONGEST_REPLACEMENT: Duration = Duration::from_secs(50 * 3600);

/// What it can mean that an id is not in a valid state, and where to look (SSM guide,
/// troubleshooting Run Command).
const NOT_VALID: &str = "it is not in a valid state: stopped or terminated, never registered (no \
                         agent, no instance profile that allows it, no way to the endpoints), or \
                         of another region or account. `fleet targets` with the same flags shows \
                         what SSM knows of it, the agent's log on the instance why";

impl Run {
    /// Tries throttled sends again, asks again for doubted ones, and doubts or gives up those
    /// that have not been answered for too long.
    pub(super) fn retry_sends(&mut self, step: &mut Step, elapsed: Duration) {
        let patience = self.pace.lost_after;
        for index in 0..self.sends.len() {
            match self.sends[index].state {
                // The throttle proved that the service took nothing.
                SendState::Throttled { .. } if self.stop.is_some() => self.withdraw(index),
                SendState::Throttled { retry } if elapsed >= retry && self.lookup.is_none() => {
                    let targets = self.targets_of(index);
                    self.go(step, elapsed, index, targets);
                }
                SendState::InFlight { since } if elapsed >= since + patience => {
                    let reason = format!("{} was not answered", self.sending());
                    self.doubt(step, elapsed, index, reason);
                }
                SendState::Doubted { until, retry: Some(retry) } if elapsed >= retry => {
                    self.sends[index].state = SendState::Doubted { until, retry: None };
                    self.look_for(step, elapsed, index);
                }
                SendState::Doubted { until, retry: None } if elapsed >= until + patience => {
                    let reason = format!("{} was not answered", self.listing());
                    self.lose(step, elapsed, index, reason);
                }
                SendState::InFlight { .. }
                | SendState::Throttled { .. }
                | SendState::Doubted { .. }
                | SendState::Accepted
                | SendState::Complete
                | SendState::Refused
                | SendState::Lost => {}
            }
        }
    }

    /// Returns after what time the service lets go of what it has taken, unless it says so itself.
    pub(super) fn expiry(&self) -> Duration {
        match self.plan.document.kind() {
            DocumentKind::Command => {
                Duration::from_secs(u64::from(self.plan.delivery_timeout)) + EXECUTION_TIMEOUT
            }
            DocumentKind::Automation => LONGEST_AUTOMATION,
            DocumentKind::Replacement => LONGEST_REPLACEMENT,
        }
    }

    /// Returns the operation that sends.
    pub(super) fn sending(&self) -> &'static str {
        match self.plan.document.kind() {
            DocumentKind::Command => "SendCommand",
            DocumentKind::Automation => "StartAutomationExecution",
            DocumentKind::Replacement => TERMINATION,
        }
    }

    /// Returns the operation that shows what was sent.
    pub(super) fn listing(&self) -> &'static str {
        match self.plan.document.kind() {
            DocumentKind::Command => "ListCommands",
            DocumentKind::Automation => "DescribeAutomationExecutions",
            DocumentKind::Replacement => "DescribeScalingActivities",
        }
    }

    /// Gives up a send that the service has certainly not taken.
    pub(super) fn withdraw(&mut self, index: usize) {
        self.sends[index].state = SendState::Refused;
        self.unsend(index);
    }

    pub(super) fn accepted(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        send: u32,
        accepted: Accepted,
    ) {
        let Some(index) = self.position(send) else { return };
        let before = self.sends[index].state;
        let is_known = matches!(before, SendState::Accepted | SendState::Complete);
        if is_known || !self.sends[index].command.id.is_empty() {
            return;
        }
        let Accepted { command_id, expires_in, expires_after } = accepted;
        let expiry = expires_in.unwrap_or_else(|| self.expiry());
        let event =
            EventKind::CommandAccepted { send, command_id: command_id.clone(), expires_after };
        self.emit(step, elapsed, event);
        self.sends[index].is_answered = true;
        if self.is_finished() {
            self.sends[index].command.id = command_id;
            return;
        }
        let give_up = elapsed.saturating_add(expiry);
        self.take_command(index, &command_id, elapsed, give_up);
        if before == SendState::Refused {
            let word = self.plan.document.kind().sent_word();
            let text = format!("send {send} was refused, and then accepted as {word} {command_id}");
            self.note(step, elapsed, Note::new("send.contradicted", text));
        }
        if self.sends[index].state == SendState::Lost {
            self.set_adrift(step, elapsed, index);
        } else {
            self.next_poll = self.next_poll.max(elapsed + self.pace.poll_min);
        }
        if self.is_called_off {
            self.cancel_command(step, elapsed, index, None);
        }
        self.cancel_recalled(step, elapsed, index);
    }

    /// Takes in that a send was accepted as the command `id`, now or in an earlier process: what
    /// had been given up, or given to another send, stays lost. SSM lets go of it at `expiry`.
    pub(super) fn take_command(
        &mut self,
        index: usize,
        id: &str,
        accepted: Duration,
        expiry: Duration,
    ) {
        let give_up = expiry.saturating_add(self.pace.expiry_grace);
        let is_sweep_due = self.is_budget_spent;
        let send = &mut self.sends[index];
        let (id, changed) = (id.to_owned(), accepted);
        send.command =
            Command { id, accepted, give_up, changed, is_sweep_due, ..Command::default() };
        send.state = match send.state {
            SendState::Refused => {
                // Its instances may have been sent to again, or be about to be.
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
            member.command_id = Some(send.command.id.clone());
        }
    }

    pub(super) fn refused(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        send: u32,
        refusal: Refusal,
    ) {
        let Some(index) = self.position(send) else { return };
        let it = &mut self.sends[index];
        if it.is_answered || it.is_settled() {
            return;
        }
        it.is_answered = true;
        let since = *it.throttled_since.get_or_insert(elapsed);
        let Refusal { kind, code, message, advice } = refusal;
        if kind == RefusalKind::Throttled && elapsed < since + self.pace.throttled_for {
            // Back off by as much as has been waited already, between one second and ten
            // at the usual pace: throttles arrive in bunches.
            let pause = self.pace.clamped(elapsed.saturating_sub(since) / 2) * 2;
            it.state = SendState::Throttled { retry: elapsed + pause };
            self.emit(step, elapsed, EventKind::SendThrottled { send });
            // Whoever was taken back before this answer came is not asked for again.
            let recalled = self.recalled.clone();
            if !recalled.is_empty() {
                self.take_back(step, elapsed, &recalled);
            }
            return;
        }
        it.state = SendState::Refused;
        let is_by_ids = matches!(self.plan.dispatch, Dispatch::Ids { .. });
        let consequence = match &kind {
            RefusalKind::InvalidInstances(_) if is_by_ids => Consequence::Split,
            RefusalKind::Withdrawn | RefusalKind::LeftAlone if is_by_ids => Consequence::Split,
            RefusalKind::AccessDenied => Consequence::Denied,
            RefusalKind::Withdrawn
            | RefusalKind::LeftAlone
            | RefusalKind::InvalidInstances(_)
            | RefusalKind::Throttled
            | RefusalKind::Other => Consequence::Stopped,
        };
        let (text, reason) = (code.clone(), message.clone());
        let event = EventKind::SendRefused { send, code: text, message: reason, consequence };
        self.emit(step, elapsed, event);
        if consequence == Consequence::Denied {
            // What would allow it may be of no use: it may be no command at all.
            let untyped = self.plan.notes.iter().find(|it| it.code == UNTYPED).cloned();
            untyped
                .into_iter()
                .for_each(|it| self.note(step, elapsed, Note::new("advice", it.text)));
        }
        if consequence != Consequence::Split {
            advice.into_iter().for_each(|it| self.note(step, elapsed, it));
        }
        match kind {
            RefusalKind::InvalidInstances(named) if is_by_ids => {
                self.isolate(step, elapsed, index, &named, (&code, &message));
            }
            RefusalKind::Withdrawn => self.withdrawn(step, elapsed, index),
            RefusalKind::LeftAlone if is_by_ids => {
                for id in self.open_of(index) {
                    let outcome = Outcome::NotAttempted;
                    self.finish_unsent(step, elapsed, &id, outcome, Some(message.clone()));
                }
                self.unsend(index);
            }
            RefusalKind::AccessDenied => {
                // The refusal, not the budget that it uses up, is why the run stops.
                let hint = format!("{} was refused: {message}", self.sending());
                self.stop.get_or_insert(Stop::Refused { code, message });
                for id in self.open_of(index) {
                    let outcome = Outcome::AccessDenied;
                    self.finish_unsent(step, elapsed, &id, outcome, Some(hint.clone()));
                }
            }
            RefusalKind::InvalidInstances(_)
            | RefusalKind::LeftAlone
            | RefusalKind::Throttled
            | RefusalKind::Other => {
                self.stop.get_or_insert(Stop::Refused { code, message });
                self.unsend(index);
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
        (code, message): (&str, &str),
    ) {
        let ids = self.sends[index].instances.clone().unwrap_or_default();
        self.unsend(index);
        let (bad, good): (Vec<_>, Vec<_>) = match ids.as_slice() {
            [_] => (ids, Vec::new()),
            _ => ids.into_iter().partition(|it| named.contains(it)),
        };
        let (back, good): (Vec<_>, Vec<_>) =
            good.into_iter().partition(|it| self.recalled.contains(it));
        let mut rest: VecDeque<InstanceId> = good.into();
        let second = if bad.is_empty() { rest.split_off(rest.len() / 2) } else { VecDeque::new() };
        for part in [second, rest].into_iter().filter(|it| !it.is_empty()) {
            self.queue.push_front(part);
        }
        self.leave_out(step, elapsed, back);
        for id in &bad {
            let hint = match self.plan.document.kind() {
                DocumentKind::Command | DocumentKind::Automation => {
                    format!("SSM refused the id ({code}): {NOT_VALID}")
                }
                DocumentKind::Replacement => {
                    format!("it was not ended ({code}): {message}")
                }
            };
            self.finish_unsent(step, elapsed, id, Outcome::Undeliverable, Some(hint));
        }
    }

    pub(super) fn fail_send(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        index: usize,
        outcome: Outcome,
    ) {
        for id in self.open_of(index) {
            self.finish_unsent(step, elapsed, &id, outcome, None);
        }
    }

    /// Writes down that whoever the send may have reached is unknown and may still be running.
    pub(super) fn set_adrift(&mut self, step: &mut Step, elapsed: Duration, index: usize) {
        self.fail_send(step, elapsed, index, Outcome::Unknown);
    }

    /// Returns whether the service has taken anything, or may have.
    pub(super) fn has_sent(&self) -> bool {
        self.is_damaged || self.sends.iter().any(|it: &Send| it.state != SendState::Refused)
    }
}
