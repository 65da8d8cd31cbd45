//! How an invocation reaches its agent, and what comes back.
//! When that is, `engine` says.

use std::{rc::Rc, time::Duration};

use jiff::Timestamp;

use super::{
    command::{Command, StepResult},
    engine::{What, World, plus},
    outcome,
    status::Status,
};
use crate::sim::{
    state::{AgentFault, Instance, Ping, Platform, RunMode},
    timeline::Happening,
};

/// How often delivery to an unreachable agent is tried again.
const RETRY: Duration = Duration::from_secs(30);

/// How long after its reply an agent sends it again.
const REPEAT: Duration = Duration::from_secs(1);

impl Command {
    /// The system has acknowledged the invocation: it reaches the agent if there is one.
    pub(super) fn arrive(&mut self, index: usize, at: Timestamp, world: &mut World) {
        let chosen = &self.invocations[index].chosen;
        let outcome = outcome::find(world.outcomes, chosen, &self.document);
        self.invocations[index].outcome = outcome;
        let agent = outcome.and_then(|it| world.outcomes.get(it)?.agent);
        let is_over = self.invocations[index].status.is_terminal();
        if let Some(AgentFault::Offline(away)) = agent.filter(|_| !is_over) {
            self.disconnect(index, at, world);
            if let Some(away) = away {
                self.reconnect(index, plus(at, away), world);
                self.set(index, Status::InProgress);
                // The timeline comes first: the agent is there then.
                self.push(plus(at, away), What::Retries(index));
                return;
            }
        }
        self.deliver(index, at, world);
    }

    pub(super) fn disconnect(&self, index: usize, at: Timestamp, world: &mut World) {
        let instance = world.instances.get_mut(&self.invocations[index].chosen.instance);
        if let Some(it) = instance {
            it.lose_agent(at);
        }
    }

    fn reconnect(&self, index: usize, at: Timestamp, world: &mut World) {
        let instance = self.invocations[index].chosen.instance.clone();
        world.timeline.push(at, Happening::Connects(instance));
    }

    pub(super) fn deliver(&mut self, index: usize, at: Timestamp, world: &mut World) {
        if self.invocations[index].status.is_terminal() {
            return;
        }
        let outcome = self.invocations[index].outcome;
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
        let agent = scripted.and_then(|it| it.agent);
        let instance = world.instances.get_mut(&invocation.chosen.instance);
        let takes = |it: &mut Instance| it.workers.take((self.sequence, index));
        // What is Delayed has not reached the agent yet.
        if ending.runs && !ending.delayed && !instance.is_none_or(takes) {
            return; // it stays InProgress, and begins when a worker is free (aws-facts §A.2)
        }
        if ending.delayed {
            self.set(index, Status::Delayed);
            self.push(plus(at, ending.after / 2), What::Resumes(index));
        } else if ending.runs {
            self.start(index, at, world);
        }
        let Some(status) = ending.status else { return };
        let ends = plus(at, ending.after);
        match agent {
            None | Some(AgentFault::Offline(_) | AgentFault::Hang) => {
                self.push(ends, What::Ends(index, status));
            }
            Some(AgentFault::Lost) => self.push(ends, What::Leaves(index)),
            Some(AgentFault::Late) => {
                self.push(plus(self.expires, ending.after), What::Ends(index, status));
            }
            Some(AgentFault::Duplicate) => {
                self.push(ends, What::Ends(index, status));
                self.push(plus(ends, REPEAT), What::Ends(index, status));
            }
            Some(AgentFault::Reboot(away)) => {
                let leaves = plus(at, ending.after / 2);
                self.push(leaves, What::Leaves(index));
                self.reconnect(index, plus(leaves, away), world);
                self.push(plus(ends, away), What::Ends(index, status));
            }
        }
    }

    pub(super) fn start(&mut self, index: usize, at: Timestamp, world: &mut World) {
        self.invocations[index].started = Some(at);
        self.count_execution(index, world);
    }

    /// The agent is done with an invocation: its worker is free for one that waits.
    pub(super) fn free_worker(&self, index: usize, at: Timestamp, world: &mut World) {
        let instance = world.instances.get_mut(&self.invocations[index].chosen.instance);
        let next = instance.and_then(|it| it.workers.release((self.sequence, index)));
        if let Some((sequence, index)) = next {
            world.timeline.push(at, Happening::Begins(sequence, index));
        }
    }

    pub(super) fn count_execution(&self, index: usize, world: &mut World) {
        let instance = self.invocations[index].chosen.instance.clone();
        let by_document = world.executions.entry(instance).or_default();
        *by_document.entry(self.document.clone()).or_default() += 1;
    }

    pub(super) fn ends(&mut self, index: usize, status: Status, at: Timestamp, world: &mut World) {
        self.free_worker(index, at, world);
        let invocation = &self.invocations[index];
        if invocation.status.is_terminal() {
            return;
        }
        let instance = world.instances.get(&invocation.chosen.instance);
        let gone = instance.is_none_or(|it| it.ec2_state != "running");
        if gone && invocation.started.is_some() {
            return; // its reply never comes: it stays until ExpiresAfter
        }
        if invocation.started.is_some() && instance.is_some_and(|it| it.ping != Ping::Online) {
            // The agent keeps its reply, and tries again while nobody hears it.
            self.push(plus(at, RETRY), What::Ends(index, status));
            return;
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
            self.store_outputs(index, at, world);
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
        world: &mut World,
    ) {
        if self.invocations[index].status.is_terminal() {
            return; // too late: DeliveryTimedOut "even if the script is running"
        }
        self.invocations[index].results = Some(Rc::new(results));
        self.store_outputs(index, at, world);
        self.finish(index, status, at);
        self.send_more(at);
    }
}
