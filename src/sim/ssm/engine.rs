//! Moves a command through simulated time: delivery, concurrency, error limit, expiry.
//! Pure: it is told the time, plays everything due until then, and never waits.

use std::{cmp::Ordering, collections::BTreeMap, rc::Rc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    Store,
    command::{Command, Invocation, StepResult},
    outcome,
    status::{Cancel, Status},
};
use crate::sim::state::{Instance, Outcome, Ping, Platform, RunMode, Simulator, State};

/// From the send to the agent's acknowledgement.
const ACKNOWLEDGE: Duration = Duration::from_millis(100);
/// How often delivery to an unreachable agent is tried again.
const RETRY: Duration = Duration::from_secs(30);
/// How long an agent takes to kill what it runs.
const CANCEL: Duration = Duration::from_secs(1);

/// What the engine may see and count while it moves a command.
pub(super) struct World<'a> {
    pub instances: &'a BTreeMap<String, Instance>,
    pub outcomes: &'a [Outcome],
    pub executions: &'a mut BTreeMap<String, BTreeMap<String, u64>>,
}

/// MaxConcurrency and its ramp: 1, then 2, then 4, … until the limit, each batch sent when the
/// one before is acknowledged (C4).
#[derive(Debug)]
pub(super) struct Pace {
    limit: usize,
    batch: usize,
    batch_left: usize,
    unacknowledged: usize,
    in_flight: usize,
    /// The first invocation that may not have been sent.
    next: usize,
    stopped: bool,
}

/// Something that happens to a command at an instant; earlier ones, then older ones, first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub at: Timestamp,
    order: u64,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Resolves,
    Arrives(usize),
    Retries(usize),
    Resumes(usize),
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

impl Pace {
    pub(super) fn limited_to(limit: usize) -> Self {
        Self {
            limit,
            batch: 1,
            batch_left: 1,
            unacknowledged: 0,
            in_flight: 0,
            next: 0,
            stopped: false,
        }
    }

    /// Takes a slot if there is one now.
    fn take(&mut self) -> bool {
        if self.stopped || self.in_flight >= self.limit {
            return false;
        }
        if self.batch < self.limit && self.batch_left == 0 {
            if self.unacknowledged > 0 {
                return false;
            }
            self.batch = (self.batch * 2).min(self.limit);
            self.batch_left = self.batch;
        }
        self.batch_left = self.batch_left.saturating_sub(1);
        self.unacknowledged += 1;
        self.in_flight += 1;
        true
    }
}

/// Plays everything due in every active command, so that an answer is of this instant.
pub(super) fn catch_up(sim: &Simulator) {
    let now = sim.clock.now();
    let mut state = sim.state.borrow_mut();
    let (store, mut world) = split(sim, &mut state);
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

/// Separates what SSM remembers from what it looks at.
pub(super) fn split<'a>(sim: &'a Simulator, state: &'a mut State) -> (&'a mut Store, World<'a>) {
    let State { ssm, instances, executions, .. } = state;
    (ssm, World { instances, outcomes: &sim.outcomes, executions })
}

impl Command {
    /// Puts the command on its way: ids are sent at once, targets when they are resolved.
    pub(super) fn schedule(&mut self) {
        let resolves =
            if self.echo.instance_ids.is_empty() { self.visible } else { self.requested };
        self.push(resolves, What::Resolves);
        self.push(self.expires, What::Expires);
    }

    /// Plays everything due until `now`, each at its own instant.
    pub(super) fn advance(&mut self, now: Timestamp, world: &mut World) {
        while self.queue.peek().is_some_and(|it| it.at <= now) {
            let Some(Due { at, what, .. }) = self.queue.pop() else { return };
            match what {
                What::Resolves => self.resolve(at),
                What::Arrives(index) => {
                    self.pace.unacknowledged -= 1;
                    self.deliver(index, at, world);
                }
                What::Retries(index) => self.deliver(index, at, world),
                What::Resumes(index) if self.invocations[index].status == Status::Delayed => {
                    self.set(index, Status::InProgress);
                    self.start(index, at, world);
                }
                What::Resumes(_) => {}
                What::Ends(index, status) => self.ends(index, status, at, world),
                What::Expires => self.expire(at),
            }
            self.send_more(at);
        }
        if self.is_finished() {
            self.queue.clear();
        }
    }

    fn push(&mut self, at: Timestamp, what: What) {
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
            // Every invocation has its own RequestedDateTime, a little after the command's. Lists
            // show the newest first (D9), so the first one in a list is the last one requested.
            let share = (n - index) as f64 / n as f64;
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

    fn send_more(&mut self, at: Timestamp) {
        loop {
            let is_waiting = |it: &Invocation| it.status == Status::Pending && !it.sent;
            let left = self.invocations.get(self.pace.next..).unwrap_or_default();
            let Some(skipped) = left.iter().position(is_waiting) else {
                self.pace.next = self.invocations.len();
                return;
            };
            self.pace.next += skipped;
            if !self.pace.take() {
                return;
            }
            let index = self.pace.next;
            self.invocations[index].sent = true;
            self.push(plus(at, ACKNOWLEDGE), What::Arrives(index));
        }
    }

    /// The system has acknowledged the invocation: it reaches the agent if there is one.
    fn deliver(&mut self, index: usize, at: Timestamp, world: &mut World) {
        if self.invocations[index].status.is_terminal() {
            return;
        }
        let chosen = &self.invocations[index].chosen;
        let outcome = outcome::find(world.outcomes, chosen, &self.document);
        self.invocations[index].outcome = outcome;
        let instance = world.instances.get(&self.invocations[index].chosen.instance);
        let Some(instance) = instance.filter(|it| it.ec2_state != "terminated") else {
            self.finish(index, Status::Undeliverable, at);
            return;
        };
        self.set(index, Status::InProgress);
        if instance.ping == Ping::Online && instance.ec2_state == "running" {
            match instance.run {
                RunMode::Shell if instance.platform == Platform::Linux => self.starts.push(index),
                RunMode::Shell | RunMode::Outcomes => self.play(index, at, world),
            }
            return;
        }
        // D8: an unreachable agent's invocation stays InProgress until ExpiresAfter, unless the
        // world says what becomes of it. Meanwhile the agent may come back.
        let scripted = outcome.and_then(|it| world.outcomes.get(it));
        let fate = scripted.and_then(|it| Some((it.after, Status::parse(it.status.as_deref()?)?)));
        match fate {
            Some((after, status @ (Status::Undeliverable | Status::DeliveryTimedOut))) => {
                self.push(plus(at, after), What::Ends(index, status));
            }
            _ => self.push(plus(at, RETRY), What::Retries(index)), // it may be reachable then
        }
    }

    /// Plays the `[[outcome]]` found for the invocation; without one, exit 0 after a second.
    pub(super) fn play(&mut self, index: usize, at: Timestamp, world: &mut World) {
        let invocation = &self.invocations[index];
        let scripted = invocation.outcome.and_then(|it| world.outcomes.get(it));
        let ending = outcome::ending(scripted, invocation.chosen.platform, self.steps_timeout);
        if ending.delayed {
            self.set(index, Status::Delayed);
            self.push(plus(at, ending.after / 2), What::Resumes(index));
        } else if ending.runs {
            self.start(index, at, world);
        }
        if let Some(status) = ending.status {
            self.push(plus(at, ending.after), What::Ends(index, status));
        }
    }

    fn start(&mut self, index: usize, at: Timestamp, world: &mut World) {
        self.invocations[index].started = Some(at);
        self.count_execution(index, world);
    }

    pub(super) fn count_execution(&self, index: usize, world: &mut World) {
        let instance = self.invocations[index].chosen.instance.clone();
        let by_document = world.executions.entry(instance).or_default();
        *by_document.entry(self.document.clone()).or_default() += 1;
    }

    fn ends(&mut self, index: usize, status: Status, at: Timestamp, world: &World) {
        let invocation = &self.invocations[index];
        if invocation.status.is_terminal() {
            return;
        }
        let instance = world.instances.get(&invocation.chosen.instance);
        let gone = instance.is_none_or(|it| it.ec2_state == "terminated");
        if gone && invocation.started.is_some() {
            return; // its reply never comes: it stays until ExpiresAfter
        }
        if invocation.started.is_some() {
            let key = (invocation.outcome, invocation.chosen.platform as u8, status);
            let scripted = invocation.outcome.and_then(|it| world.outcomes.get(it));
            let platform = invocation.chosen.platform;
            let (content, timeout) = (Rc::clone(&self.content), self.steps_timeout);
            let results = self.scripts.entry(key).or_insert_with(|| {
                Rc::new(outcome::results(scripted, platform, status, &content, timeout))
            });
            self.invocations[index].results = Some(Rc::clone(results));
        }
        self.finish(index, status, at);
    }

    /// Takes what an agent reported of a document that really ran.
    pub(super) fn reported(
        &mut self,
        index: usize,
        status: Status,
        results: Vec<StepResult>,
        at: Timestamp,
    ) {
        if self.invocations[index].status.is_terminal() {
            return; // too late: DeliveryTimedOut "even if the script is running"
        }
        self.invocations[index].results = Some(Rc::new(results));
        self.finish(index, status, at);
        self.send_more(at);
    }

    /// "At ExpiresAfter, every invocation still InProgress|Pending|Delayed becomes
    /// DeliveryTimedOut, even if the script is running" (Command.ExpiresAfter).
    fn expire(&mut self, at: Timestamp) {
        self.pace.stopped = true;
        for index in 0..self.invocations.len() {
            if !self.invocations[index].status.is_terminal() {
                self.finish(index, Status::DeliveryTimedOut, at);
            }
        }
    }

    /// Cancels everything, or one invocation; what the agent has must be killed by it first.
    pub(super) fn cancel_all(&mut self, at: Timestamp) {
        if self.is_finished() {
            return;
        }
        self.cancel = Cancel::All;
        self.pace.stopped = true;
        for index in 0..self.invocations.len() {
            self.cancel_one(index, at);
        }
    }

    pub(super) fn cancel_some(&mut self, indices: &[usize], at: Timestamp) {
        if self.is_finished() {
            return;
        }
        if self.cancel == Cancel::None {
            self.cancel = Cancel::Some;
        }
        for index in indices {
            self.cancel_one(*index, at);
        }
        self.send_more(at);
    }

    fn cancel_one(&mut self, index: usize, at: Timestamp) {
        let invocation = &self.invocations[index];
        let running = invocation.running.clone();
        match invocation.status {
            Status::Cancelling => {}
            it if it.is_terminal() => {}
            _ if let Some(running) = running => {
                self.set(index, Status::Cancelling);
                running.send_replace(true);
            }
            _ if invocation.started.is_some() => {
                self.set(index, Status::Cancelling);
                self.push(plus(at, CANCEL), What::Ends(index, Status::Cancelled));
            }
            // "Never-delivered ones go straight to Cancelled" (aws-facts §3.5).
            _ => self.finish(index, Status::Cancelled, at),
        }
    }

    fn set(&mut self, index: usize, status: Status) {
        let invocation = &mut self.invocations[index];
        self.tally.moved(invocation.status, status);
        invocation.status = status;
    }

    fn finish(&mut self, index: usize, status: Status, at: Timestamp) {
        self.set(index, status);
        let invocation = &mut self.invocations[index];
        invocation.ended = Some(at);
        if invocation.sent {
            self.pace.in_flight -= 1;
        }
        if status.is_error() && self.tally.errors() > self.max_errors {
            // "Sending stops when error N+1 is received"; what runs, runs on. (C2)
            self.pace.stopped = true;
            self.withhold(Status::Terminated, at);
        }
    }

    /// Ends every invocation that was never sent.
    fn withhold(&mut self, status: Status, at: Timestamp) {
        for index in self.pace.next..self.invocations.len() {
            let invocation = &self.invocations[index];
            if invocation.status == Status::Pending && !invocation.sent {
                self.set(index, status);
                self.invocations[index].ended = Some(at);
            }
        }
        self.pace.next = self.invocations.len();
    }
}

pub(super) fn plus(at: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    at.saturating_add(duration).unwrap_or(Timestamp::MAX)
}
