//! What happens to instances at its own time: lifecycle transitions, the world's events, agents
//! that come back. Nothing waits for it: whoever looks at the account first lets happen what is
//! due, in order, together with what happens to the commands.

use std::{cmp::Ordering, collections::BinaryHeap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    machines::{self, Power},
    scaling::{Phase, Scaling},
    ssm,
    state::{Ping, Simulator, Since},
};

/// What is to happen to the account, besides its commands.
#[derive(Default)]
pub(crate) struct Timeline {
    queue: BinaryHeap<Due>,
    /// How many were ever queued: what happens at one instant happens in that order.
    pushed: u64,
    /// What waits for the first command, and how long it comes after that.
    waiting: Vec<(Duration, Happening)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happening {
    /// An instance gets to the next state of its lifecycle.
    Moves(String, Phase),
    /// An instance's agent can be reached again.
    Connects(String),
    /// One of the world's events, by its index.
    Event(usize),
    /// An alarm gets into another state; by its index in the world.
    Turns(usize),
    /// An agent's worker is free for an invocation that waits on the node: its command's sequence
    /// number, and its index.
    Begins(u64, usize),
    /// A step of an execution of Automation comes to its end; unless something else has happened to
    /// the execution since it had that number.
    Automates(u64, u64),
    /// An instance is started or stopped at last, unless it has been meanwhile.
    Powers(String, u64, Power),
    /// A group tries again to launch what it owes its capacity.
    Launches(String),
    /// A group looks after the health of its members.
    Examines(String),
}

#[derive(Debug, PartialEq, Eq)]
struct Due {
    at: Timestamp,
    order: u64,
    what: Happening,
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

impl Timeline {
    pub(crate) fn push(&mut self, at: Timestamp, what: Happening) {
        self.queue.push(Due { at, order: self.pushed, what });
        self.pushed += 1;
    }

    /// Puts something on the world's own timetable, which begins at `start`.
    pub(crate) fn schedule(
        &mut self,
        start: Timestamp,
        (since, after): (Since, Duration),
        what: Happening,
    ) {
        match since {
            Since::Start => self.push(plus(start, after), what),
            Since::Command => self.waiting.push((after, what)),
        }
    }

    /// A command was accepted, or an execution of a runbook.
    pub(crate) fn command_sent(&mut self, at: Timestamp) {
        for (after, what) in std::mem::take(&mut self.waiting) {
            self.push(plus(at, after), what);
        }
    }

    /// When something happens next.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.queue.peek().map(|it| it.at)
    }

    fn pop_until(&mut self, now: Timestamp) -> Option<(Timestamp, Happening)> {
        self.queue.peek().filter(|it| it.at <= now)?;
        self.queue.pop().map(|it| (it.at, it.what))
    }
}

/// Lets happen everything that is due, so that an answer is of this instant.
pub(crate) fn catch_up(sim: &Simulator) {
    let now = sim.clock.now();
    let mut state = sim.state.borrow_mut();
    loop {
        let until = state.timeline.next().map_or(now, |it| it.min(now));
        // A command that makes something happen sooner stops there.
        ssm::advance(sim, &mut state, until);
        let Some((at, what)) = state.timeline.pop_until(now) else { return };
        let mut scaling = Scaling { state: &mut state, seed: sim.seed, at };
        match what {
            Happening::Moves(instance, phase) => scaling.move_on(&instance, phase),
            Happening::Connects(instance) => {
                if let Some(it) = state.instances.get_mut(&instance)
                    && it.ping == Ping::ConnectionLost
                {
                    it.ping = Ping::Online;
                }
            }
            Happening::Event(index) => {
                if let Some(it) = sim.events.get(index) {
                    scaling.event(it);
                }
            }
            Happening::Begins(sequence, index) => {
                ssm::begin(sim, &mut state, (sequence, index), at);
            }
            Happening::Automates(sequence, tick) => {
                ssm::automate(sim, &mut state, sequence, tick, at);
            }
            Happening::Powers(instance, power, to) => {
                machines::settle(&mut state, &instance, power, to, at);
            }
            Happening::Examines(group) => scaling.examine(&group),
            Happening::Launches(group) => scaling.retry(&group),
            Happening::Turns(index) => {
                let alarm = sim.elsewhere.alarms.get(index);
                if let Some((alarm, turn)) = alarm.and_then(|it| Some((it, it.turn?))) {
                    state.alarms.insert(alarm.name.clone(), (turn.to, at));
                    ssm::look_at_alarms(&mut state, at);
                }
            }
        }
    }
}

pub(crate) fn plus(at: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    at.saturating_add(duration).unwrap_or(Timestamp::MAX)
}
