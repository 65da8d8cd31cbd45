//! How `fleet cancel` reaches a run, from another process: what was not sent is never sent, and what
//! was sent is cancelled and followed to its end.

use std::{collections::BTreeSet, time::Duration};

use super::{
    event::{Consequence, EventKind},
    observed::{Cancellation, Step},
    send::{SendState, number},
    state::{Phase, Run, Stop},
    status::Outcome,
};
use crate::plan::{Dispatch, InstanceId, Note};

impl Run {
    pub(super) fn cancel_ordered(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        what: Cancellation,
    ) {
        if self.phase != Phase::Running {
            return;
        }
        match what {
            Cancellation::Run => self.recall(step, elapsed),
            Cancellation::Instances(mut ids) => {
                ids.retain(|it| !self.recalled.contains(it));
                if ids.is_empty() {
                    return;
                }
                let instances = Some(ids.iter().cloned().collect());
                self.emit(step, elapsed, EventKind::CancelOrdered { instances });
                self.recalled.extend(ids.iter().cloned());
                self.take_back(step, elapsed, &ids);
            }
        }
    }

    /// Takes all of the run back, as the first interrupt does: so does the verdict, unless the run had
    /// stopped by itself before.
    fn recall(&mut self, step: &mut Step, elapsed: Duration) {
        if std::mem::replace(&mut self.is_recalled, true) {
            return;
        }
        self.emit(step, elapsed, EventKind::CancelOrdered { instances: None });
        self.stop_for(Stop::Cancelled);
        self.call_off(step, elapsed);
    }

    /// Takes instances back: from what waits to be sent, and from commands. One whose send has not
    /// been answered is cancelled when that turns out to have been accepted.
    pub(super) fn take_back(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        ids: &BTreeSet<InstanceId>,
    ) {
        let is_tag = matches!(self.plan.dispatch, Dispatch::Tag { .. });
        let is_throttled = |it: &SendState| matches!(it, SendState::Throttled { .. });
        if is_tag && self.sends.iter().all(|it| is_throttled(&it.state)) {
            return self.recall_tag(step, elapsed);
        }
        for index in 0..self.sends.len() {
            let names = |it: &Vec<InstanceId>| it.iter().any(|it| ids.contains(it));
            let send = &self.sends[index];
            if is_throttled(&send.state) && send.instances.as_ref().is_some_and(names) {
                let (code, message) = ("Withdrawn".to_owned(), "taken back".to_owned());
                self.sends[index].state = SendState::Refused;
                let (send, consequence) = (number(index), Consequence::Split);
                let event = EventKind::SendRefused { send, code, message, consequence };
                self.emit(step, elapsed, event);
                self.send_without_recalled(step, elapsed, index);
            }
            if self.sends[index].state == SendState::Accepted {
                self.cancel_recalled(step, elapsed, index);
            }
        }
        for chunk in &mut self.queue {
            chunk.retain(|it| !ids.contains(it));
        }
        self.queue.retain(|it| !it.is_empty());
        let unsent: Vec<_> = ids.iter().filter(|it| self.is_untouched(it)).cloned().collect();
        self.leave_out(step, elapsed, unsent);
    }

    /// One command to a tag reaches everybody or nobody.
    fn recall_tag(&mut self, step: &mut Step, elapsed: Duration) {
        let text = "an instance was taken back before the command to the group's tag was sent, \
                    which would have reached it: nothing was sent";
        self.note(step, elapsed, Note::new("tag.withdrawn", text));
        self.recall(step, elapsed);
    }

    /// Takes in that the driver did not make a send, because somebody of it had been taken back.
    pub(super) fn withdrawn(&mut self, step: &mut Step, elapsed: Duration, index: usize) {
        if matches!(self.plan.dispatch, Dispatch::Tag { .. }) {
            self.unsend(index);
            if !self.is_recalled {
                self.recall_tag(step, elapsed);
            }
            return;
        }
        self.send_without_recalled(step, elapsed, index);
    }

    /// Puts the instances of a send that certainly was not made back to the head of the queue,
    /// without those that were taken back.
    fn send_without_recalled(&mut self, step: &mut Step, elapsed: Duration, index: usize) {
        let ids = self.sends[index].instances.clone().unwrap_or_default();
        self.unsend(index);
        let (back, rest): (Vec<_>, Vec<_>) =
            ids.into_iter().partition(|it| self.recalled.contains(it));
        if !rest.is_empty() {
            self.queue.push_front(rest.into());
        }
        self.leave_out(step, elapsed, back);
    }

    pub(super) fn leave_out(&mut self, step: &mut Step, elapsed: Duration, ids: Vec<InstanceId>) {
        for id in ids {
            let hint = "taken back by `fleet cancel` before it was sent to".to_owned();
            self.finish_unsent(step, elapsed, &id, Outcome::NotAttempted, Some(hint));
        }
    }

    /// Cancels those of a command that were taken back and have not ended.
    pub(super) fn cancel_recalled(&mut self, step: &mut Step, elapsed: Duration, index: usize) {
        if !self.recalled.is_empty() {
            let mut open = self.open_of(index);
            open.retain(|it| self.recalled.contains(it));
            self.withhold(step, elapsed, index, open);
        }
    }
}
