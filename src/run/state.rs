//! The state machine of one run. [`Run::apply`] is the only way in.
//! How it sends is in `sending` and `answering`, how it follows in `following` and `reading`, how
//! it ends in `closing` and `judging`.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    change::GroupChange,
    completing::Lookup,
    event::{Event, EventKind},
    losing::{Counting, Reads},
    member::Member,
    observed::{Effect, Observed, Pace, Step},
    outputs::Outputs,
    send::{Send, SendState},
    taking::Taking,
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
    /// Errors within the wave under way.
    pub(super) wave_used: u32,
    pub(super) is_budget_spent: bool,
    /// When the pause after the last wave ends.
    pub(super) pause: Option<Duration>,
    pub(super) stop: Option<Stop>,
    /// No wave after this one, counted from 1, was asked for.
    pub(super) stop_after: Option<u32>,
    /// When it was noticed that the deadline had passed.
    pub(super) deadline_passed: Option<Duration>,
    pub(super) interrupts: u32,
    /// What runs is to be cancelled, by the operator or by the deadline.
    pub(super) is_called_off: bool,
    /// An interrupt found something that was not finished.
    pub(super) is_cut_short: bool,
    /// Nothing is followed any more.
    pub(super) abandoned: bool,
    pub(super) counting: Counting,
    pub(super) cancels_allowed: bool,
    /// The commands whose cancellation has been asked for and not been answered; one that is
    /// cancelled by the instance may stand here more than once.
    pub(super) cancels: Vec<String>,
    pub(super) counts_reads: Reads,
    pub(super) rows_reads: Reads,
    /// Reads that nobody waits for.
    pub(super) ahead_reads: Reads,
    pub(super) next_poll: Duration,
    /// What is left to chance follows from the run's name.
    pub(super) chance: fastrand::Rng,
    pub(super) phase: Phase,
    pub(super) outputs: Outputs,
    pub(super) is_membership_wanted: bool,
    pub(super) is_coverage_read: bool,
    /// Who has been said to have joined, or left.
    pub(super) joined: BTreeSet<InstanceId>,
    pub(super) left: BTreeSet<InstanceId>,
    pub(super) notes: Vec<Note>,
    /// `fleet cancel` took back all of the run.
    pub(super) is_recalled: bool,
    /// Whom it took back by name; not all of them need to be known.
    pub(super) recalled: BTreeSet<InstanceId>,
    /// It is being asked which sends the service knows; nothing is sent before that is answered.
    pub(super) lookup: Option<Lookup>,
    /// The ledger that the run was taken over from does not tell everything: whoever it does not
    /// name may have been sent to.
    pub(super) is_damaged: bool,
    pub(super) taking: Taking,
    pub(super) taking_since: Option<Duration>,
    /// What was changed for the run and is not known to be undone.
    pub(super) changed: Vec<GroupChange>,
    /// Something that was changed for the run could not be brought back.
    pub(super) is_left_changed: bool,
}

/// Why nothing more is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    Budget,
    /// The budget of this wave.
    WaveBudget(u32),
    /// The operator wanted no more than this many waves.
    Asked {
        after: u32,
    },
    Deadline,
    Refused {
        code: String,
        message: String,
    },
    /// Nothing can be followed any more, or nothing can be sent for want of a slot.
    Lost,
    Interrupted,
    /// `fleet cancel` took it back.
    Cancelled,
    /// The run was taken over to be followed, not to be continued.
    NotContinued,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// Waiting for the last reads, but not for ever.
    Closing {
        until: Duration,
    },
    /// Nothing is followed any more; waiting until the service has taken what was cancelled.
    Cancelling {
        until: Duration,
    },
    Concluding,
    Finished,
}

impl Run {
    /// Returns the run of `plan`, and its first step, which starts it.
    pub fn start(plan: Plan, pace: Pace, started: Timestamp) -> (Self, Step) {
        let mut run = Self::new(plan, pace, started);
        let mut step = Step::default();
        run.begin(&mut step, Duration::ZERO);
        run.advance(&mut step, Duration::ZERO);
        (run, step)
    }

    pub(super) fn begin(&mut self, step: &mut Step, elapsed: Duration) {
        let plan = Box::new(self.plan.clone());
        self.emit(step, elapsed, EventKind::RunStarted { plan });
    }

    pub(super) fn new(plan: Plan, pace: Pace, started: Timestamp) -> Self {
        let mut members = BTreeMap::new();
        for wave in &plan.waves {
            for id in &wave.instances {
                members.entry(id.clone()).or_insert_with(|| Member::planned(wave.index));
            }
        }
        let chance = fastrand::Rng::with_seed(plan.run_id.seed());
        let recovery = plan.document.automation.as_ref().and_then(|it| it.recovery.as_ref());
        let taking = if recovery.is_some() { Taking::Due } else { Taking::Done };
        Self {
            members,
            stop_after: plan.rollout.stop_after_wave,
            plan,
            pace,
            started,
            seq: 0,
            queue: VecDeque::new(),
            wave: None,
            is_wave_finished: false,
            sends: Vec::new(),
            budget_used: 0,
            wave_used: 0,
            is_budget_spent: false,
            pause: None,
            stop: None,
            deadline_passed: None,
            interrupts: 0,
            is_called_off: false,
            is_cut_short: false,
            abandoned: false,
            counting: Counting::Asked,
            cancels_allowed: true,
            cancels: Vec::new(),
            counts_reads: Reads::default(),
            rows_reads: Reads::default(),
            ahead_reads: Reads::default(),
            next_poll: Duration::ZERO,
            chance,
            phase: Phase::Running,
            outputs: Outputs::default(),
            is_membership_wanted: false,
            is_coverage_read: false,
            joined: BTreeSet::new(),
            left: BTreeSet::new(),
            notes: Vec::new(),
            is_recalled: false,
            recalled: BTreeSet::new(),
            lookup: None,
            is_damaged: false,
            taking,
            taking_since: None,
            changed: Vec::new(),
            is_left_changed: false,
        }
    }

    /// Takes in one observation, made `elapsed` after the start.
    ///
    /// Observations may repeat, arrive late, name what this run does not know, or be older than
    /// the last one: an outcome, once reached, stays. A command that turns out to have been
    /// accepted is written down whenever that is learnt.
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
                self.read(&mut step, elapsed, &command_id, scope, &rows);
            }
            Observed::ReadFailed { of, denial, reason } => {
                self.read_failed(&mut step, elapsed, of, denial, &reason);
            }
            Observed::CancelAnswered { command_id, answer } => {
                self.cancel_answered(&mut step, elapsed, &command_id, answer);
            }
            Observed::OutputRead { instance_id, answer } => {
                self.output_read(&mut step, elapsed, instance_id, answer);
            }
            Observed::MembershipRead { membership } => {
                self.membership_read(&mut step, elapsed, membership);
            }
            Observed::Taken(taken) => self.taken(&mut step, elapsed, taken),
            Observed::Concluded { changes, api_calls, throttled } => {
                self.concluded(&mut step, elapsed, changes, (api_calls, throttled));
            }
            Observed::SendsListed { found } => self.sends_listed(&mut step, elapsed, found),
            Observed::SendsNotListed { denial, reason } => {
                self.sends_not_listed(&mut step, elapsed, denial, &reason);
            }
            Observed::Tick => {}
            Observed::Interrupted(running) => self.interrupted(&mut step, elapsed, running),
            Observed::CancelOrdered(what) => self.cancel_ordered(&mut step, elapsed, what),
        }
        self.advance(&mut step, elapsed);
        step
    }

    /// Does whatever is due: deadlines, the next send, the next round of reads, the end.
    pub(super) fn advance(&mut self, step: &mut Step, elapsed: Duration) {
        if self.phase == Phase::Running {
            self.check_deadlines(step, elapsed);
            self.look_up_again(step, elapsed);
            self.retry_sends(step, elapsed);
            self.take_out(step, elapsed);
            self.send_next(step, elapsed);
            self.poll(step, elapsed);
            self.close_if_done(step, elapsed);
        }
        if matches!(self.phase, Phase::Closing { until } if elapsed >= until) {
            let text = "the last reads were not answered in time";
            self.note(step, elapsed, Note::new("closing.cut", text));
            self.give_cancels_up(step, elapsed);
        }
        if matches!(self.phase, Phase::Cancelling { until } if elapsed >= until) {
            self.give_cancels_up(step, elapsed);
        }
        step.wake = self.wake(elapsed);
        step.is_finished = self.phase == Phase::Finished;
    }

    /// Returns when time alone changes something next. It always lies ahead, so that the driver
    /// never spins.
    fn wake(&self, elapsed: Duration) -> Option<Duration> {
        match self.phase {
            Phase::Running => {}
            Phase::Closing { until } | Phase::Cancelling { until } => return Some(until),
            Phase::Concluding | Phase::Finished => return None,
        }
        let sends = self.sends.iter().filter_map(|it| match it.state {
            SendState::InFlight { since } => Some(since + self.pace.lost_after),
            SendState::Throttled { retry } => Some(retry).filter(|_| self.lookup.is_none()),
            SendState::Doubted { retry: Some(retry), .. } => Some(retry),
            SendState::Doubted { until, retry: None } => Some(until + self.pace.lost_after),
            SendState::Accepted | SendState::Complete | SendState::Refused | SendState::Lost => {
                None
            }
        });
        let is_following = self.sends.iter().any(|it| it.state == SendState::Accepted);
        let reads = is_following.then(|| self.next_read()).into_iter().flatten().flatten();
        let deadline = self.plan.deadline.map(Duration::from_secs);
        let deadlines = deadline.into_iter().chain(self.grace_ends());
        let pause = self.pause.filter(|_| self.stop.is_none());
        let lookup = self.next_lookup();
        sends
            .chain(lookup)
            .chain(reads)
            .chain(deadlines)
            .chain(pause)
            .filter(|it| *it > elapsed)
            .min()
    }

    pub(super) fn emit(&mut self, step: &mut Step, elapsed: Duration, data: EventKind) {
        self.seq += 1;
        let since = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX);
        let at = self.started.saturating_add(since).unwrap_or(self.started);
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        step.events.push(Event { seq: self.seq, at, elapsed_ms, data });
    }

    /// Takes a note, once.
    pub(super) fn note(&mut self, step: &mut Step, elapsed: Duration, note: Note) {
        if self.notes.contains(&note) {
            return;
        }
        self.notes.push(note.clone());
        self.emit(step, elapsed, EventKind::NoteTaken { note });
    }

    pub(super) fn perform(&self, step: &mut Step, effect: Effect) {
        // A driver that has been told that the run is finished performs nothing more.
        if self.phase != Phase::Finished {
            step.effects.push(effect);
        }
    }
}
