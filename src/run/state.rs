//! The state machine of one run. [`Run::apply`] is the only way in.
//! How it sends is in `sending`, how it follows in `following`, how it ends in `closing`.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    event::{Event, EventKind},
    observed::{Effect, Observed, Pace, ReadScope, Step},
    status::Outcome,
};
use crate::plan::{InstanceId, Note, Plan};

/// One run, from its plan to its verdict. It is owned by the driver and shared with nobody.
#[derive(Debug)]
pub struct Run {
    pub(super) plan: Plan,
    pub(super) pace: Pace,
    pub(super) started: Timestamp,
    pub(super) seq: u64,
    pub(super) members: BTreeMap<InstanceId, Member>,
    /// The instances of the wave under way that have not been sent to, in chunks: an id that the
    /// service refuses is isolated by splitting its chunk.
    pub(super) queue: VecDeque<VecDeque<InstanceId>>,
    /// Index into the plan's waves; `None` before the first.
    pub(super) wave: Option<usize>,
    pub(super) is_wave_finished: bool,
    pub(super) sends: Vec<Send>,
    pub(super) budget_used: u32,
    pub(super) stop: Option<Stop>,
    pub(super) interrupts: u32,
    /// Nothing is followed any more.
    pub(super) abandoned: bool,
    pub(super) counts_allowed: bool,
    pub(super) reads_in_flight: u32,
    pub(super) next_poll: Duration,
    pub(super) last_answer: Duration,
    pub(super) phase: Phase,
}

/// One instance's part in the run.
#[derive(Debug)]
pub(super) struct Member {
    pub wave: u32,
    pub send: Option<usize>,
    /// The last StatusDetails that was seen.
    pub seen: Option<String>,
    pub outcome: Option<Outcome>,
    pub command_id: Option<String>,
    /// Steps whose output was cut.
    pub cut: Vec<String>,
    /// Listed by the plan, or under a plan that lists nobody.
    pub is_planned: bool,
}

/// One SendCommand.
#[derive(Debug)]
pub(super) struct Send {
    pub token: String,
    pub wave: u32,
    /// `None`: whoever the tag reaches.
    pub instances: Option<Vec<InstanceId>>,
    pub state: SendState,
    pub command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendState {
    InFlight,
    /// Tried again at `retry`; first tried at `since`.
    Throttled {
        since: Duration,
        retry: Duration,
    },
    /// Looked for until `until`; asked again at `retry`, or `None` while being asked.
    Doubted {
        until: Duration,
        retry: Option<Duration>,
    },
    Accepted,
    /// Accepted, and every instance of it is settled.
    Complete,
    Refused,
    Lost,
}

/// What is known of an accepted command.
#[derive(Debug, Default)]
pub(super) struct Command {
    pub id: String,
    pub accepted: Duration,
    /// After this nothing more will be heard.
    pub give_up: Duration,
    pub counts: Option<super::observed::Counts>,
    /// When its counters first said that it is over.
    pub final_since: Option<Duration>,
    /// When the list of its rows last changed; for callers who may not read counters.
    pub changed: Duration,
    pub rows_seen: usize,
    /// When the words that no counter counts were last asked for.
    pub uncounted_read: Duration,
    /// Cancel what is pending as soon as the rows are known.
    pub cancel_pending: bool,
    pub is_cancelled: bool,
}

/// Why nothing more is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    Budget,
    Deadline,
    Refused {
        code: String,
        message: String,
    },
    /// Nothing can be followed any more.
    Lost,
    Interrupted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// Waiting for this many last reads.
    Closing {
        waiting: u32,
    },
    Concluding,
    Finished,
}

impl Run {
    /// Returns the run of `plan`, and its first step, which starts it.
    pub fn start(plan: Plan, pace: Pace, started: Timestamp) -> (Self, Step) {
        let member = |wave: u32| Member {
            wave,
            send: None,
            seen: None,
            outcome: None,
            command_id: None,
            cut: Vec::new(),
            is_planned: true,
        };
        let waves = plan.waves.iter();
        let members = waves
            .flat_map(|wave| wave.instances.iter().map(move |it| (it.clone(), member(wave.index))));
        let members = members.collect();
        let mut run = Self {
            members,
            plan,
            pace,
            started,
            seq: 0,
            queue: VecDeque::new(),
            wave: None,
            is_wave_finished: false,
            sends: Vec::new(),
            budget_used: 0,
            stop: None,
            interrupts: 0,
            abandoned: false,
            counts_allowed: true,
            reads_in_flight: 0,
            next_poll: Duration::ZERO,
            last_answer: Duration::ZERO,
            phase: Phase::Running,
        };
        let mut step = Step::default();
        let plan = Box::new(run.plan.clone());
        run.emit(&mut step, Duration::ZERO, EventKind::RunStarted { plan });
        run.advance(&mut step, Duration::ZERO);
        (run, step)
    }

    /// Takes in one observation, made `elapsed` after the start.
    ///
    /// Observations may repeat, arrive late, or be older than the last one: an outcome, once
    /// reached, stays.
    pub fn apply(&mut self, elapsed: Duration, observed: Observed) -> Step {
        let mut step = Step::default();
        match observed {
            Observed::Accepted { send, accepted } => {
                self.accepted(&mut step, elapsed, send, accepted);
            }
            Observed::Refused { send, refusal } => self.refused(&mut step, elapsed, send, refusal),
            Observed::Doubted { send, reason } => self.doubted(&mut step, elapsed, send, reason),
            Observed::Settled { send, settlement } => {
                self.settled(&mut step, elapsed, send, settlement);
            }
            Observed::Counted { counts } => self.counted(&mut step, elapsed, counts),
            Observed::Read { command_id, scope, rows } => {
                self.read(&mut step, elapsed, &command_id, scope, rows);
            }
            Observed::ReadFailed { of, denial, reason } => {
                self.read_failed(&mut step, elapsed, of, denial, &reason);
            }
            Observed::CancelAnswered { command_id, refused } => {
                if let Some(why) = refused {
                    let text = format!("command {command_id} could not be cancelled: {why}");
                    self.note(&mut step, elapsed, Note::new("cancel.failed", text));
                }
            }
            Observed::OutputRead { instance_id, output } => {
                self.output_read(&mut step, elapsed, instance_id, output);
            }
            Observed::MembershipRead { membership } => {
                self.membership_read(&mut step, elapsed, membership);
            }
            Observed::Concluded { api_calls, throttled } => {
                self.concluded(&mut step, elapsed, api_calls, throttled);
            }
            Observed::Tick => {}
            Observed::Interrupted => self.interrupted(&mut step, elapsed),
        }
        self.advance(&mut step, elapsed);
        step
    }

    /// Does whatever is due: deadlines, the next send, the next round of reads, the end.
    fn advance(&mut self, step: &mut Step, elapsed: Duration) {
        if self.phase == Phase::Running {
            self.check_deadlines(step, elapsed);
            self.retry_sends(step, elapsed);
            self.send_next(step, elapsed);
            self.poll(step, elapsed);
            self.close_if_done(step, elapsed);
        }
        step.wake = self.wake(elapsed);
        step.is_finished = self.phase == Phase::Finished;
    }

    fn interrupted(&mut self, step: &mut Step, elapsed: Duration) {
        self.interrupts += 1;
        self.emit(step, elapsed, EventKind::Interrupted { times: self.interrupts });
        if matches!(self.phase, Phase::Closing { .. }) {
            self.conclude(step);
        } else if self.interrupts == 1 {
            self.stop.get_or_insert(Stop::Interrupted);
            self.cancel_all(step, elapsed);
        } else {
            self.abandon(step, elapsed, "following was stopped by a second interrupt");
        }
    }

    fn check_deadlines(&mut self, step: &mut Step, elapsed: Duration) {
        let deadline = self.plan.deadline.map(Duration::from_secs);
        if deadline.is_some_and(|it| elapsed >= it) && self.stop.is_none() {
            self.stop = Some(Stop::Deadline);
            self.emit(step, elapsed, EventKind::DeadlinePassed);
            self.cancel_all(step, elapsed);
        }
        let is_over = deadline.is_some_and(|it| elapsed >= it + self.pace.visible_within);
        if is_over && !self.abandoned {
            self.abandon(step, elapsed, "the deadline passed and instances had not answered");
        }
    }

    /// Returns when time alone changes something next.
    fn wake(&self, elapsed: Duration) -> Option<Duration> {
        if self.phase != Phase::Running {
            return None;
        }
        let retries = self.sends.iter().filter_map(|it| match it.state {
            SendState::Throttled { retry, .. } => Some(retry),
            SendState::Doubted { retry, .. } => retry,
            SendState::InFlight
            | SendState::Accepted
            | SendState::Complete
            | SendState::Refused
            | SendState::Lost => None,
        });
        let is_following = self.sends.iter().any(|it| it.state == SendState::Accepted);
        let poll = (is_following && self.reads_in_flight == 0).then_some(self.next_poll);
        let deadline = self.plan.deadline.map(Duration::from_secs);
        let deadlines = deadline.into_iter().flat_map(|it| [it, it + self.pace.visible_within]);
        let deadlines = deadlines.filter(|it| *it > elapsed);
        retries.chain(poll).chain(deadlines).min()
    }

    pub(super) fn cancel_all(&mut self, step: &mut Step, elapsed: Duration) {
        for index in 0..self.sends.len() {
            if self.sends[index].state == SendState::Accepted {
                self.cancel_command(step, elapsed, index, None);
            }
        }
    }

    /// Cancels `instances` of a command, or the whole of it, once.
    pub(super) fn cancel_command(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        send: usize,
        instances: Option<Vec<InstanceId>>,
    ) {
        let command = &mut self.sends[send].command;
        if command.is_cancelled {
            return;
        }
        command.is_cancelled = instances.is_none();
        let command_id = command.id.clone();
        let requested = EventKind::CancelRequested {
            command_id: command_id.clone(),
            instances: instances.clone(),
        };
        self.emit(step, elapsed, requested);
        step.effects.push(Effect::Cancel { command_id, instances });
    }

    pub(super) fn emit(&mut self, step: &mut Step, elapsed: Duration, data: EventKind) {
        self.seq += 1;
        let since = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX);
        let at = self.started.saturating_add(since).unwrap_or(self.started);
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        step.events.push(Event { seq: self.seq, at, elapsed_ms, data });
    }

    pub(super) fn note(&mut self, step: &mut Step, elapsed: Duration, note: Note) {
        self.emit(step, elapsed, EventKind::NoteTaken { note });
    }

    pub(super) fn read_rows(&mut self, step: &mut Step, command_id: String, scope: ReadScope) {
        self.reads_in_flight += 1;
        step.effects.push(Effect::ReadRows { command_id, scope });
    }
}
