//! Moves a command through simulated time: delivery, concurrency, error limit, expiry.
//! Pure: it is told the time, plays everything due until then, and never waits.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Store,
    command::{Command, Invocation},
    status::{Cancel, Status},
    workers::Invoked,
};
pub(super) use crate::sim::timeline::plus;
use crate::sim::{
    archive::Archive,
    elsewhere::AlarmState,
    state::{Instance, Outcome, Simulator, State},
    timeline::Timeline,
};

/// From the send to the agent's acknowledgement.
const ACKNOWLEDGE: Duration = Duration::from_millis(100);

/// What the engine may see and count while it moves a command.
pub(super) struct World<'a> {
    pub instances: &'a mut BTreeMap<String, Instance>,
    pub outcomes: &'a [Outcome],
    pub executions: &'a mut BTreeMap<String, BTreeMap<String, u64>>,
    pub timeline: &'a mut Timeline,
    pub alarms: &'a BTreeMap<String, (AlarmState, Timestamp)>,
    pub archive: &'a mut Archive,
    /// The groups whose instances may not write to buckets and log groups.
    pub shut_out: &'a BTreeSet<String>,
}

/// Something that happens to a command at an instant; earlier ones, then older ones, first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub at: Timestamp,
    order: u64,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Resolves,
    Arrives(usize),
    Retries(usize),
    Resumes(usize),
    /// The instance's agent is lost.
    Leaves(usize),
    Ends(usize, Status),
    Expires,
}

impl Ord for Due {
    // Reversed, because BinaryHeap pops its greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Plays everything due until `now` in every active command.
pub(crate) fn advance(sim: &Simulator, state: &mut State, now: Timestamp) {
    let (store, mut world) = split(sim, state);
    let Store { commands, active, .. } = store;
    active.retain(|sequence| {
        let Some(command) = commands.get_mut(sequence) else { return false };
        command.advance(now, &mut world);
        if !command.starts.is_empty() || command.is_finished() {
            command.wake.notify_one();
        }
        !command.is_finished()
    });
}

/// Lets an invocation begin that has waited on its node for a worker of the agent.
pub(crate) fn begin(sim: &Simulator, state: &mut State, (sequence, index): Invoked, at: Timestamp) {
    let (store, mut world) = split(sim, state);
    let Some(command) = store.commands.get_mut(&sequence) else { return };
    if command.invocations[index].status.is_terminal() {
        // Nobody wants it any more; there may be one behind it.
        command.free_worker(index, at, &mut world);
    } else {
        command.play(index, at, &mut world);
    }
    command.wake.notify_one();
}

/// Separates what SSM remembers from what it looks at.
pub(super) fn split<'a>(sim: &'a Simulator, state: &'a mut State) -> (&'a mut Store, World<'a>) {
    let State { ssm, instances, executions, timeline, alarms, archive, .. } = state;
    let (outcomes, shut_out) = (&sim.outcomes, &sim.elsewhere.shut_out);
    (ssm, World { instances, outcomes, executions, timeline, alarms, archive, shut_out })
}

impl Command {
    /// Puts the command on its way: ids are sent at once, targets when they are resolved.
    pub(super) fn schedule(&mut self) {
        let is_by_id = !self.echo.instance_ids.is_empty();
        let resolves = if is_by_id { self.requested } else { self.visible.min(self.expires) };
        self.push(resolves, What::Resolves);
        self.push(self.expires, What::Expires);
    }

    /// Plays everything due until `now`, each at its own instant; but nothing from when something
    /// happens to an instance, which comes first.
    pub(super) fn advance(&mut self, now: Timestamp, world: &mut World) {
        let is_due = |it: &Due, world: &World| {
            it.at <= now && world.timeline.next().is_none_or(|next| it.at < next)
        };
        while self.queue.peek().is_some_and(|it| is_due(it, world)) {
            let Some(Due { at, what, .. }) = self.queue.pop() else { return };
            match what {
                What::Resolves => {
                    self.resolve(at);
                    self.look_at_alarm(at, world.alarms);
                }
                What::Arrives(index) => {
                    self.pace.acknowledge();
                    self.arrive(index, at, world);
                }
                What::Retries(index) => self.deliver(index, at, world),
                What::Resumes(index) if self.invocations[index].status == Status::Delayed => {
                    self.set(index, Status::InProgress);
                    self.start(index, at, world);
                }
                What::Resumes(_) => {}
                What::Leaves(index) => self.disconnect(index, at, world),
                What::Ends(index, status) => self.ends(index, status, at, world),
                What::Expires => self.expire(at, world),
            }
            self.send_more(at);
        }
        if self.is_finished() {
            self.queue.clear();
        }
    }

    pub(super) fn push(&mut self, at: Timestamp, what: What) {
        // A time is unique enough with the order of arrival.
        let order = self.pushed;
        self.pushed += 1;
        self.queue.push(Due { at, order, what });
    }

    fn resolve(&mut self, at: Timestamp) {
        self.resolved = true;
        let chosen = std::mem::take(&mut self.chosen);
        let n = chosen.len();
        for (index, chosen) in chosen.into_iter().enumerate() {
            self.by_instance.insert(chosen.instance.clone(), index);
            // Every invocation has its own RequestedDateTime, a little after the command's and in
            // the order of sending: in the published captures the one that failed is older than
            // the one that was withheld for it.
            let share = (index + 1) as f64 / n as f64;
            let requested = plus(self.requested, Duration::from_millis(50).mul_f64(share));
            let refused = chosen.refused;
            self.tally.add(Status::Pending);
            self.invocations.push(Invocation {
                chosen,
                requested,
                running: None,
                status: Status::Pending,
                sent: false,
                started: None,
                ended: None,
                outcome: None,
                results: None,
                trace: String::new(),
            });
            if let Some(status) = refused {
                self.finish(index, status, at);
            }
        }
        if self.cancel == Cancel::All {
            self.withhold(Status::Cancelled, at);
        }
    }

    pub(super) fn send_more(&mut self, at: Timestamp) {
        loop {
            let is_waiting = |it: &Invocation| it.status == Status::Pending && !it.sent;
            let left = self.invocations.get(self.next_unsent..).unwrap_or_default();
            let Some(skipped) = left.iter().position(is_waiting) else {
                self.next_unsent = self.invocations.len();
                return;
            };
            self.next_unsent += skipped;
            if !self.pace.take() {
                return;
            }
            let index = self.next_unsent;
            self.invocations[index].sent = true;
            self.push(plus(at, ACKNOWLEDGE), What::Arrives(index));
        }
    }

    /// "At ExpiresAfter, every invocation still InProgress|Pending|Delayed becomes
    /// DeliveryTimedOut, even if the script is running" (Command.ExpiresAfter).
    fn expire(&mut self, at: Timestamp, world: &mut World) {
        self.pace.stop();
        for index in 0..self.invocations.len() {
            // The execution timeout is over as well: no script runs any longer.
            self.free_worker(index, at, world);
            if !self.invocations[index].status.is_terminal() {
                self.finish(index, Status::DeliveryTimedOut, at);
            }
        }
    }

    pub(super) fn set(&mut self, index: usize, status: Status) {
        let invocation = &mut self.invocations[index];
        self.tally.moved(invocation.status, status);
        invocation.status = status;
    }

    pub(super) fn finish(&mut self, index: usize, status: Status, at: Timestamp) {
        self.set(index, status);
        let invocation = &mut self.invocations[index];
        invocation.ended = Some(at);
        if invocation.sent {
            self.pace.give_back();
        }
        if status.is_error() && self.tally.errors() > self.max_errors {
            // "Sending stops when error N+1 is received"; what runs, runs on. (C2)
            self.pace.stop();
            self.withhold(Status::Terminated, at);
        }
    }

    /// Ends every invocation that was never sent.
    pub(super) fn withhold(&mut self, status: Status, at: Timestamp) {
        for index in self.next_unsent..self.invocations.len() {
            let invocation = &self.invocations[index];
            if invocation.status == Status::Pending && !invocation.sent {
                self.set(index, status);
                self.invocations[index].ended = Some(at);
            }
        }
        self.next_unsent = self.invocations.len();
    }
}
