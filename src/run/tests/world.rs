//! The driver and the service in one, on a clock of its own: it carries effects out, answers them
//! as scripted, and checks after every step what must hold whatever happens.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::{
    Event, EventKind, Pace, Report,
    model::{Behaviour, Command, Invocation},
    report, seconds, started,
};
use crate::{
    plan::{Dispatch, InstanceId, Plan},
    run::{
        Accepted, Denial, Effect, Membership, Observed, Output, ReadKind, ReadScope, Refusal,
        RefusalKind, Row, Run, SendRequest, SendTargets, Settlement, Step,
    },
};

/// How SendCommand is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Accept,
    Throttle,
    Deny,
    Refuse,
    /// No answer; accepted all the same.
    DropAfter,
    /// No answer, and not accepted.
    DropBefore,
    /// Accepted, and the answer takes this many seconds.
    Late(u64),
    Never,
}

/// How a read or a look for a token is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    True,
    Denied,
    Failing,
    Never,
}

/// What the world is like. Every field has a harmless default.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub answers: VecDeque<Answer>,
    pub then: Answer,
    pub behaviours: BTreeMap<InstanceId, Behaviour>,
    /// Ids that SSM refuses a command for, and whether it says which.
    pub unusable: BTreeSet<InstanceId>,
    pub names_unusable: bool,
    /// Whom the tag reaches.
    pub tagged: Vec<InstanceId>,
    pub latency: Duration,
    pub visible_after: Duration,
    pub counts: Reads,
    pub rows: Reads,
    pub settles: Reads,
    pub closing: Reads,
    /// One read in this many is as old as the one before, and one is missing every second row.
    pub stale: Option<u64>,
    pub interrupts: VecDeque<Duration>,
    pub members: Option<Vec<InstanceId>>,
    pub seed: u64,
}

impl Script {
    pub(super) fn of(plan: &Plan) -> Self {
        let planned: Vec<_> = plan.population.planned.iter().map(|it| it.id.clone()).collect();
        Self {
            answers: VecDeque::new(),
            then: Answer::Accept,
            behaviours: BTreeMap::new(),
            unusable: BTreeSet::new(),
            names_unusable: true,
            tagged: planned.clone(),
            latency: Duration::from_millis(30),
            visible_after: seconds(1),
            counts: Reads::True,
            rows: Reads::True,
            settles: Reads::True,
            closing: Reads::True,
            stale: None,
            interrupts: VecDeque::new(),
            members: Some(planned),
            seed: 1,
        }
    }

    pub(super) fn behave(&mut self, ids: impl IntoIterator<Item = usize>, behaviour: &Behaviour) {
        self.behaviours.extend(ids.into_iter().map(|it| (super::id(it), behaviour.clone())));
    }
}

#[derive(Debug)]
pub(super) struct World {
    run: Run,
    script: Script,
    slots: Option<usize>,
    random: fastrand::Rng,
    now: Duration,
    wake: Option<Duration>,
    pub is_finished: bool,
    pub commands: Vec<Command>,
    last_rows: BTreeMap<String, Vec<Row>>,
    replies: Vec<(Duration, Observed)>,
    pub events: Vec<Event>,
    pub effects: Vec<Effect>,
    /// The most instances that ran at once.
    pub peak: usize,
}

/// Runs `plan` in the world of `script` to its end.
pub(super) fn run(plan: Plan, script: Script) -> World {
    let mut world = World::new(plan, script);
    world.finish();
    world
}

impl World {
    pub(super) fn new(plan: Plan, script: Script) -> Self {
        let is_ids = matches!(plan.dispatch, Dispatch::Ids { .. });
        let slots = plan.limits.max_concurrency.resolved.filter(|_| is_ids).map(|it| it as usize);
        let (run, step) = Run::start(plan, Pace::default(), started());
        let mut world = Self {
            run,
            slots,
            random: fastrand::Rng::with_seed(script.seed),
            script,
            now: Duration::ZERO,
            wake: None,
            is_finished: false,
            commands: Vec::new(),
            last_rows: BTreeMap::new(),
            replies: Vec::new(),
            events: Vec::new(),
            effects: Vec::new(),
            peak: 0,
        };
        world.take(step);
        world
    }

    pub(super) fn report(&self) -> Report {
        report(&self.events)
    }

    pub(super) fn finish(&mut self) {
        let mut n_still = 0;
        for _ in 0..400_000 {
            if self.is_finished {
                return self.check_end();
            }
            let reply = self.replies.iter().map(|(at, _)| *at).min();
            let change = self.commands.iter().filter_map(Command::next_change).min();
            let interrupt = self.script.interrupts.front().copied();
            let next = [reply, change, interrupt, self.wake].into_iter().flatten().min();
            let next = next.unwrap_or_else(|| panic!("stuck: {:?}", self.run));
            n_still = if next <= self.now { n_still + 1 } else { 0 };
            assert!(n_still < 2_000, "time stands still at {:?}", self.now);
            self.now = self.now.max(next);
            for command in &mut self.commands {
                command.advance(self.now);
            }
            self.check_now();
            let observed = self.observe(interrupt);
            if let Some(observed) = observed {
                let step = self.run.apply(self.now, observed);
                self.take(step);
            }
        }
        panic!("endless: {:?}", self.run);
    }

    fn observe(&mut self, interrupt: Option<Duration>) -> Option<Observed> {
        if interrupt.is_some_and(|it| it <= self.now) {
            self.script.interrupts.pop_front();
            return Some(Observed::Interrupted);
        }
        let due = self.replies.iter().position(|(at, _)| *at <= self.now);
        if let Some(due) = due {
            return Some(self.replies.remove(due).1);
        }
        self.wake.is_some_and(|it| it <= self.now).then_some(Observed::Tick)
    }

    fn take(&mut self, step: Step) {
        let Step { events, effects, wake, is_finished } = step;
        assert!(wake.is_none_or(|it| it > self.now), "wake {wake:?} is not after {:?}", self.now);
        self.events.extend(events);
        for effect in effects {
            self.effects.push(effect.clone());
            self.perform(effect);
        }
        self.wake = wake;
        self.is_finished |= is_finished;
    }

    fn reply(&mut self, after: Duration, observed: Observed) {
        self.replies.push((self.now + after, observed));
    }

    fn perform(&mut self, effect: Effect) {
        let latency = self.script.latency;
        match effect {
            Effect::Send { send, request } => self.send(send, &request),
            Effect::Settle { send, token } => {
                let found = self.commands.iter().find(|it| it.token == token);
                let settlement = match (self.script.settles, found) {
                    (Reads::Never, _) => return,
                    (Reads::Denied | Reads::Failing, _) => Settlement::Failed {
                        is_denied: self.script.settles == Reads::Denied,
                        reason: "no".to_owned(),
                    },
                    (Reads::True, Some(it)) if self.now >= it.accepted + seconds(3) => {
                        Settlement::Accepted(accepted(&it.id))
                    }
                    (Reads::True, _) => Settlement::NotFound,
                };
                self.reply(latency, Observed::Settled { send, settlement });
            }
            Effect::ReadCounts { command_ids } => {
                let is_it = |it: &&Command| command_ids.contains(&it.id);
                let counts = self.commands.iter().filter(is_it).map(Command::counts).collect();
                self.answer_read(ReadKind::Counts, Observed::Counted { counts });
            }
            Effect::ReadRows { command_id, scope } => {
                let rows = self.rows(&command_id, scope);
                self.answer_read(ReadKind::Rows, Observed::Read { command_id, scope, rows });
            }
            Effect::Cancel { command_id, instances } => {
                let now = self.now;
                let command = self.commands.iter_mut().find(|it| it.id == command_id);
                command
                    .expect("only known commands are cancelled")
                    .cancel(now, instances.as_deref());
                self.reply(latency, Observed::CancelAnswered { command_id, refused: None });
            }
            Effect::ReadOutput { instance_id, .. } => {
                let output =
                    Output { stdout: "whole".to_owned(), stderr: String::new(), truncated: false };
                self.answer_closing(Observed::OutputRead { instance_id, output: Some(output) });
            }
            Effect::ReadMembership => {
                let membership = Membership { members: self.script.members.clone(), note: None };
                self.answer_closing(Observed::MembershipRead { membership });
            }
            Effect::Conclude => {
                let api_calls = BTreeMap::new();
                self.reply(Duration::ZERO, Observed::Concluded { api_calls, throttled: 0 });
            }
        }
    }

    fn answer_closing(&mut self, observed: Observed) {
        if self.script.closing != Reads::Never {
            self.reply(self.script.latency, observed);
        }
    }

    fn answer_read(&mut self, of: ReadKind, observed: Observed) {
        let reads = if of == ReadKind::Counts { self.script.counts } else { self.script.rows };
        let denial = (reads == Reads::Denied).then(|| Denial { action: "ssm:List".to_owned() });
        match reads {
            Reads::True => self.reply(self.script.latency, observed),
            Reads::Never => {}
            Reads::Denied | Reads::Failing => {
                let failed = Observed::ReadFailed { of, denial, reason: "no".to_owned() };
                self.reply(self.script.latency, failed);
            }
        }
    }

    fn rows(&mut self, command_id: &str, scope: ReadScope) -> Vec<Row> {
        let command = self.commands.iter().find(|it| it.id == command_id);
        let command = command.expect("only known commands are read");
        if self.now < command.accepted + self.script.visible_after {
            return Vec::new();
        }
        let mut rows = command.rows();
        if let Some(one_in) = self.script.stale {
            match self.random.u64(0..one_in * 2) {
                0 => rows = self.last_rows.get(command_id).cloned().unwrap_or_default(),
                1 => rows = rows.into_iter().step_by(2).collect(),
                _ => {}
            }
        }
        self.last_rows.insert(command_id.to_owned(), rows.clone());
        if let ReadScope::Only(word) = scope {
            rows.retain(|it| it.details_word == word);
        }
        rows
    }

    fn send(&mut self, send: u32, request: &SendRequest) {
        let latency = self.script.latency;
        let answer = self.script.answers.pop_front().unwrap_or(self.script.then);
        let ids = match &request.targets {
            SendTargets::Ids(ids) => ids.clone(),
            SendTargets::Tag { .. } => self.script.tagged.clone(),
        };
        let refuse = |kind, code: &str| Observed::Refused {
            send,
            refusal: Refusal { kind, code: code.to_owned(), message: "no".to_owned() },
        };
        let bad: Vec<_> =
            ids.iter().filter(|it| self.script.unusable.contains(it)).cloned().collect();
        if !bad.is_empty() && answer == Answer::Accept {
            let named = if self.script.names_unusable { bad } else { Vec::new() };
            let kind = RefusalKind::InvalidInstances(named);
            return self.reply(latency, refuse(kind, "InvalidInstanceId"));
        }
        let doubt = Observed::Doubted { send, reason: "reset".to_owned() };
        match answer {
            Answer::Throttle => {
                return self.reply(latency, refuse(RefusalKind::Throttled, "Throttling"));
            }
            Answer::Deny => {
                return self.reply(latency, refuse(RefusalKind::AccessDenied, "AccessDenied"));
            }
            Answer::Refuse => return self.reply(latency, refuse(RefusalKind::Other, "Invalid")),
            Answer::DropBefore => return self.reply(latency, doubt),
            Answer::Never => return,
            Answer::Accept | Answer::DropAfter | Answer::Late(_) => {}
        }
        let command_id = self.accept(request, &ids);
        let taken = Observed::Accepted { send, accepted: accepted(&command_id) };
        match answer {
            Answer::DropAfter => self.reply(latency, doubt),
            Answer::Late(after) => self.reply(seconds(after), taken),
            _ => self.reply(latency, taken),
        }
    }

    fn accept(&mut self, request: &SendRequest, ids: &[InstanceId]) -> String {
        let command_id = format!("command-{}", self.commands.len() + 1);
        let number = |it: &str| match it.strip_suffix('%') {
            Some(share) => share.parse::<usize>().unwrap() * ids.len() / 100,
            None => it.parse().unwrap(),
        };
        let invocation = |it: &InstanceId| Invocation {
            behaviour: self.script.behaviours.get(it).cloned().unwrap_or_default(),
            started: None,
            ended: None,
        };
        let mut command = Command {
            id: command_id.clone(),
            token: request.token.clone(),
            accepted: self.now,
            slots: number(&request.max_concurrency).max(1),
            errors: number(&request.max_errors),
            invocations: ids.iter().map(|it| (it.clone(), invocation(it))).collect(),
        };
        command.advance(self.now);
        self.commands.push(command);
        command_id
    }

    /// What holds at every moment.
    fn check_now(&mut self) {
        let n_open = |it: &Command| it.invocations.values().filter(|it| it.ended.is_none()).count();
        let n_open = self.commands.iter().map(n_open).sum::<usize>();
        self.peak = self.peak.max(n_open);
        if let Some(slots) = self.slots {
            assert!(n_open <= slots, "{n_open} run in a window of {slots}");
        }
    }

    /// What holds of a run that has finished.
    fn check_end(&self) {
        super::random::check_events(&self.events);
        let mut reached = BTreeSet::new();
        for id in self.commands.iter().flat_map(|it| it.invocations.keys()) {
            assert!(reached.insert(id), "{id} was sent to twice");
        }
        let report = self.report();
        let planned = report.population.planned;
        assert_eq!(report.totals.values().sum::<u32>(), planned);
        assert_eq!(report.instances.len(), planned as usize);
        let verdict = report.verdict.expect("the run is finished");
        let promises_nothing = matches!(verdict.exit_code, 2..=4);
        assert!(!promises_nothing || self.commands.is_empty(), "{verdict:?}");
        if verdict.exit_code == 0 {
            for it in &report.instances {
                let found = self.commands.iter().find_map(|c| c.invocations.get(&it.instance_id));
                let words = found.and_then(|it| it.ended).map(|(_, words)| words);
                assert_eq!(words, Some(("Success", "Success")), "{}", it.instance_id);
            }
        }
        let intents =
            self.events.iter().filter(|it| matches!(it.data, EventKind::SendIntended { .. }));
        let n_sends = self.effects.iter().filter(|it| matches!(it, Effect::Send { .. })).count();
        assert_eq!(intents.count(), n_sends);
    }
}

fn accepted(command_id: &str) -> Accepted {
    let expires_in = Some(seconds(4200));
    Accepted { command_id: command_id.to_owned(), expires_in, expires_after: None }
}

impl World {
    pub(super) fn budget_used(&self) -> u32 {
        self.run.budget_used
    }

    pub(super) fn exit_code(&self) -> u8 {
        self.report().verdict.expect("the run is finished").exit_code
    }

    /// Returns how many instances came to `outcome`.
    pub(super) fn n(&self, outcome: crate::run::Outcome) -> u32 {
        self.report().totals.get(&outcome).copied().unwrap_or(0)
    }

    pub(super) fn count(&self, is_it: impl Fn(&EventKind) -> bool) -> usize {
        super::count(&self.events, is_it)
    }

    pub(super) fn has_note(&self, code: &str) -> bool {
        self.report().notes.iter().any(|it| it.code == code)
    }
}
