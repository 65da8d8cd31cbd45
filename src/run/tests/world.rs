//! The driver and the service in one, on a clock of its own: it carries effects out, answers them
//! as scripted, and checks after every step what must hold whatever happens.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Event, Pace, Report,
    dying::LastWords,
    model::{Command, Invocation},
    report,
    script::{Answer, Reads, Script},
    seconds, started,
};
use crate::{
    plan::{Dispatch, InstanceId, Plan},
    run::{
        Accepted, CancelAnswer, Cancellation, Denial, Effect, Membership, Observed, Output,
        OutputAnswer, ReadKind, ReadScope, Refusal, RefusalKind, Row, Run, SendRequest,
        SendTargets, Settlement, Step, Taken,
    },
};

#[derive(Debug)]
pub(super) struct World {
    pub run: Run,
    script: Script,
    pub slots: Option<usize>,
    random: fastrand::Rng,
    pub now: Duration,
    pub wake: Option<Duration>,
    pub is_finished: bool,
    pub commands: Vec<Command>,
    last_rows: BTreeMap<String, Vec<Row>>,
    pub replies: Vec<(Duration, Observed)>,
    pub events: Vec<Event>,
    pub effects: Vec<Effect>,
    /// The most instances that ran at once.
    pub peak: usize,
    /// The process dies as soon as it has written this many events, and whether it still carries
    /// out what the last step asked for.
    pub recalled: Option<Cancellation>,
    pub dies: Option<(usize, LastWords)>,
    pub is_dead: bool,
    pub n_deaths: usize,
}

/// Runs `plan` in the world of `script` to its end.
pub(super) fn run(plan: Plan, script: Script) -> World {
    let mut world = World::new(plan, script);
    world.finish();
    world
}

impl World {
    pub(super) fn new(plan: Plan, script: Script) -> Self {
        Self::dying(plan, script, None)
    }

    /// Returns a world whose process dies once it has written so many events.
    pub(super) fn dying(plan: Plan, script: Script, dies: Option<(usize, LastWords)>) -> Self {
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
            recalled: None,
            dies,
            is_dead: false,
            n_deaths: 0,
        };
        world.take(step);
        world
    }

    /// From now on every read is answered, and nobody interrupts.
    pub(super) fn recover(&mut self) {
        let script = &mut self.script;
        (script.counts, script.rows) = (Reads::True, Reads::True);
        (script.settles, script.closing) = (Reads::True, Reads::True);
        (script.rows_fail_from, script.stale) = (None, None);
        script.counts_fail = Duration::ZERO..Duration::ZERO;
        script.interrupts.clear();
    }

    pub(super) fn report(&self) -> Report {
        report(&self.events)
    }

    pub(super) fn finish(&mut self) {
        let mut n_still = 0;
        for _ in 0..400_000 {
            if self.is_dead {
                return;
            }
            if self.is_finished {
                return self.check_end();
            }
            let reply = self.replies.iter().map(|(at, _)| *at).min();
            let change = self.commands.iter().filter_map(Command::next_change).min();
            let interrupt = self.script.interrupts.front().copied();
            let stranger = self.script.strangers.front().map(|(at, _)| *at);
            let recall = self.script.recalls.front().map(|(at, _)| *at);
            let next = [reply, change, interrupt, stranger, recall, self.wake];
            let next = next.into_iter().flatten().min();
            let next = next.unwrap_or_else(|| panic!("stuck: {:?}", self.run));
            n_still = if next <= self.now { n_still + 1 } else { 0 };
            assert!(n_still < 2_000, "time stands still at {:?}", self.now);
            self.now = self.now.max(next);
            for command in &mut self.commands {
                command.advance(self.now);
            }
            self.cancel_as_a_stranger();
            self.check_now();
            let observed = self.observe(interrupt);
            if let Some(observed) = observed {
                let step = self.run.apply(self.now, observed);
                self.take(step);
            }
        }
        panic!("endless: {:?}", self.run);
    }

    fn cancel_as_a_stranger(&mut self) {
        let now = self.now;
        while let Some((_, ids)) = self.script.strangers.pop_front_if(|(at, _)| *at <= now) {
            self.commands.iter_mut().for_each(|it| it.cancel(now, Some(&ids)));
        }
    }

    fn observe(&mut self, interrupt: Option<Duration>) -> Option<Observed> {
        if interrupt.is_some_and(|it| it <= self.now) {
            self.script.interrupts.pop_front();
            return Some(Observed::Interrupted(self.script.on_interrupt));
        }
        let now = self.now;
        if let Some((_, what)) = self.script.recalls.pop_front_if(|(at, _)| *at <= now) {
            let before = self.recalled.take();
            self.recalled = Some(before.map_or(what.clone(), |it| it.and(what.clone())));
            return Some(Observed::CancelOrdered(what));
        }
        let due = self.replies.iter().position(|(at, _)| *at <= self.now);
        if let Some(due) = due {
            return Some(self.replies.remove(due).1);
        }
        self.wake.is_some_and(|it| it <= self.now).then_some(Observed::Tick)
    }

    pub(super) fn take(&mut self, step: Step) {
        let Step { events, effects, wake, is_finished } = step;
        assert!(wake.is_none_or(|it| it > self.now), "wake {wake:?} is not after {:?}", self.now);
        self.events.extend(events);
        if let Some((at, last_words)) = self.dies
            && self.events.len() >= at
        {
            let is_torn = self.events.len() > at;
            self.events.truncate(at);
            if is_torn || last_words == LastWords::Withheld {
                return self.die();
            }
            self.is_dead = true;
        }
        let is_cancel = |it: &Effect| matches!(it, Effect::Cancel { .. });
        let is_last = effects.iter().any(|it| matches!(it, Effect::Conclude { .. }));
        assert!(!is_last || !effects.iter().any(is_cancel), "none would carry it out: {effects:?}");
        for effect in effects {
            self.effects.push(effect.clone());
            self.perform(effect);
        }
        self.wake = wake;
        self.is_finished |= is_finished;
        if self.is_dead {
            self.die();
        }
    }

    fn reply(&mut self, after: Duration, observed: Observed) {
        self.replies.push((self.now + after, observed));
    }

    fn perform(&mut self, effect: Effect) {
        let latency = self.script.latency;
        match effect {
            Effect::Send { send, request } => self.send(send, &request),
            Effect::Settle { send, again: Some(request), .. } => {
                let settlement = match self.script.settles {
                    Reads::Never => return,
                    Reads::Denied | Reads::Failing => {
                        Settlement::Failed { is_denied: false, reason: "no".to_owned() }
                    }
                    Reads::True => {
                        let SendTargets::Ids(ids) = &request.targets else {
                            panic!("an execution is for an instance: {request:?}")
                        };
                        Settlement::Accepted(accepted(&self.accept(&request, ids)))
                    }
                };
                self.reply(latency, Observed::Settled { send, settlement });
            }
            Effect::Settle { send, token, again: None } => {
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
            Effect::FindSends => {
                let observed = match self.script.settles {
                    Reads::Never => return,
                    Reads::Denied | Reads::Failing => Observed::SendsNotListed {
                        denial: (self.script.settles == Reads::Denied)
                            .then(|| Denial { action: "ssm:ListCommands".to_owned() }),
                        reason: "no".to_owned(),
                    },
                    Reads::True => {
                        let visible =
                            self.commands.iter().filter(|it| self.now >= it.accepted + seconds(3));
                        Observed::SendsListed { found: visible.map(|it| it.found()).collect() }
                    }
                };
                self.reply(latency, observed);
            }
            Effect::ReadCounts { command_ids } => {
                let is_it = |it: &&Command| command_ids.contains(&it.id);
                let mut counts: Vec<_> =
                    self.commands.iter().filter(is_it).map(Command::counts).collect();
                // TargetCount is 0 for a while after a send by tag, and an answer may be that old.
                if self.script.stale.is_some_and(|it| self.random.u64(0..it * 2) == 0) {
                    for it in &mut counts {
                        (it.is_final, it.targets, it.completed) = (false, 0, 0);
                    }
                }
                self.answer_read(ReadKind::Counts, Observed::Counted { counts });
            }
            Effect::ReadRows { command_id, scope } => {
                let rows = self.rows(&command_id, scope);
                let of = match scope {
                    ReadScope::All | ReadScope::Whole | ReadScope::Only(_) => ReadKind::Rows,
                    ReadScope::Ahead { .. } => ReadKind::Ahead,
                };
                self.answer_read(of, Observed::Read { command_id, scope, rows });
            }
            Effect::Cancel { command_id, instances } => {
                let now = self.now;
                let command = self.commands.iter_mut().find(|it| it.id == command_id);
                command
                    .expect("only known commands are cancelled")
                    .cancel(now, instances.as_deref());
                self.reply(
                    self.script.cancel_latency,
                    Observed::CancelAnswered { command_id, answer: CancelAnswer::Taken },
                );
            }
            Effect::ReadOutput { instance_id, .. } => {
                let output =
                    Output { stdout: "whole".to_owned(), stderr: String::new(), truncated: false };
                self.answer_closing(Observed::OutputRead {
                    instance_id,
                    answer: OutputAnswer::Read(output),
                });
            }
            Effect::ReadMembership => {
                let membership = Membership {
                    groups: vec!["web".to_owned()],
                    members: self.script.members.clone(),
                    departures: BTreeMap::new(),
                    note: None,
                };
                self.answer_closing(Observed::MembershipRead { membership });
            }
            Effect::TakeOut { .. } => self.reply(latency, Observed::Taken(Taken::All)),
            Effect::Conclude { .. } => {
                let api_calls = BTreeMap::new();
                self.reply(
                    Duration::ZERO,
                    Observed::Concluded {
                        changes: Vec::new(),
                        api_calls,
                        throttled: BTreeMap::new(),
                    },
                );
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
        let is_failing = match of {
            ReadKind::Counts => self.script.counts_fail.contains(&self.now),
            ReadKind::Rows | ReadKind::Ahead => {
                self.script.rows_fail_from.is_some_and(|it| self.now >= it)
            }
        };
        let reads = if is_failing { Reads::Failing } else { reads };
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
        match scope {
            ReadScope::All | ReadScope::Whole => {}
            ReadScope::Only(word) => rows.retain(|it| it.details_word == word),
            ReadScope::Ahead { .. } => rows.truncate(rows.len() / 2),
        }
        rows
    }

    fn send(&mut self, send: u32, request: &SendRequest) {
        if let Some(what) = &self.recalled
            && !matches!(
                (what, &request.targets),
                (Cancellation::Instances(_), SendTargets::Tag { .. })
            )
        {
            assert!(!what.forbids(&request.targets), "{request:?} was taken back");
        }
        let latency = self.script.latency;
        let answer = self.script.answers.pop_front().unwrap_or(self.script.then);
        let ids = match &request.targets {
            SendTargets::Ids(ids) => ids.clone(),
            SendTargets::Tag { .. } => self.script.tagged.clone(),
        };
        let refuse = |kind, code: &str| Observed::Refused {
            send,
            refusal: Refusal {
                kind,
                code: code.to_owned(),
                message: "no".to_owned(),
                advice: Vec::new(),
            },
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
        // A ClientToken starts nothing twice.
        let is_token = self.run.plan.document.automation.is_some();
        let known = self.commands.iter().find(|it| is_token && it.token == request.token);
        if let Some(known) = known {
            return known.id.clone();
        }
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
            is_automation: is_token,
            token: request.token.clone(),
            accepted: self.now,
            slots: number(&request.max_concurrency).max(1),
            errors: number(&request.max_errors),
            ids: match &request.targets {
                SendTargets::Ids(ids) => ids.clone(),
                SendTargets::Tag { .. } => Vec::new(),
            },
            invocations: ids.iter().map(|it| (it.clone(), invocation(it))).collect(),
        };
        command.advance(self.now);
        self.commands.push(command);
        command_id
    }
}

pub(super) fn accepted(command_id: &str) -> Accepted {
    let expires_in = Some(seconds(4200));
    Accepted { command_id: command_id.to_owned(), expires_in, expires_after: None }
}
