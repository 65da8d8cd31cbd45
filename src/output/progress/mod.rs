//! How far a run is, folded from its events. It reads no clock, for an event knows when it happened,
//! and it decides nothing of how it is shown.

mod board;
mod inquiry;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

pub(super) use self::{board::board, inquiry::answer};
use super::{
    expectation::Expected,
    words::{count, outcome, place},
};
use crate::{
    plan::{DocumentKind, InstanceId, Plan},
    run::{Event, EventKind, Outcome},
};

/// Where an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    /// Its command was accepted then, in milliseconds of the run.
    Sent {
        at_ms: u64,
    },
    /// Its row says that it has begun; sent then, or seen first then.
    Running {
        since_ms: u64,
    },
    Ended(Outcome),
}

#[derive(Debug)]
struct Member {
    wave: u32,
    /// `web/us-east-1a`.
    place: String,
    stage: Stage,
    send: Option<u32>,
    /// At which step of a runbook it was seen last.
    step: Option<String>,
}

/// One wave in numbers.
#[derive(Debug, Default)]
struct Wave {
    planned: u32,
    /// Sent, and not ended as far as rows tell.
    out: u32,
    ended: u32,
    totals: BTreeMap<Outcome, u32>,
    started_ms: Option<u64>,
    finished_ms: Option<u64>,
}

/// One SendCommand, or one execution of a runbook.
#[derive(Debug, Default)]
struct Command {
    wave: u32,
    /// None where a tag names them.
    instances: Vec<InstanceId>,
    /// Completed by its counters, and by its rows.
    counted: u32,
    read: u32,
}

impl Command {
    /// Returns how many have ended whose rows have not been read: counters run ahead of them.
    fn unread(&self) -> u32 {
        self.counted.saturating_sub(self.read)
    }
}

/// What is known so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    now_ms: u64,
    /// False while the population is not known.
    is_listed: bool,
    /// The most that run at once.
    concurrency: Option<u32>,
    kind: DocumentKind,
    members: HashMap<InstanceId, Member>,
    waves: BTreeMap<u32, Wave>,
    /// By the number of the send.
    commands: BTreeMap<u32, Command>,
    sends: HashMap<String, u32>,
    /// A wave that has ended, and when the next one begins.
    pause: Option<(u32, u64)>,
    expected: Option<Expected>,
}

impl Progress {
    /// Takes in how long the run may take, by what earlier ones took.
    pub(super) fn expect(&mut self, expected: Option<Expected>) {
        self.expected = expected;
    }

    /// Takes in that time has gone on.
    pub(super) fn pass(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Returns how many are planned, if that is known.
    pub(super) fn planned(&self) -> Option<u32> {
        self.is_listed.then(|| self.waves.values().map(|it| it.planned).sum())
    }

    /// Returns `web/us-east-1a`, where that is known.
    pub(super) fn place_of(&self, id: &InstanceId) -> Option<&str> {
        self.members.get(id).map(|it| it.place.as_str()).filter(|it| *it != "-")
    }

    /// Returns how many instances the command of this send names; 0 where a tag does.
    pub(super) fn n_sent(&self, send: u32) -> usize {
        self.commands.get(&send).map_or(0, |it| it.instances.len())
    }

    pub(super) fn n_commands(&self) -> usize {
        self.sends.len()
    }

    /// Returns what SSM calls one of those.
    pub(super) fn command_word(&self) -> &'static str {
        match self.kind {
            DocumentKind::Command => "command",
            DocumentKind::Automation => "execution",
        }
    }

    /// Returns for whom this send is, in words; nothing where a tag says it.
    pub(super) fn whom(&self, send: u32) -> Option<String> {
        let instances = &self.commands.get(&send)?.instances;
        match (instances.as_slice(), self.kind) {
            ([], _) => None,
            ([only], DocumentKind::Automation) => Some(only.to_string()),
            (ids, _) => Some(count(ids.len(), "instance")),
        }
    }

    /// Returns how many are over, as far as rows or counters tell.
    pub(super) fn done(&self) -> u32 {
        self.waves.keys().map(|it| self.done_of(*it)).sum()
    }

    fn done_of(&self, wave: u32) -> u32 {
        let Some(it) = self.waves.get(&wave) else { return 0 };
        let done = it.ended + self.unread_of(wave);
        if self.is_listed { done.min(it.planned) } else { done }
    }

    fn unread_of(&self, wave: u32) -> u32 {
        let of_wave = self.commands.values().filter(|it| it.wave == wave);
        let unread = of_wave.map(Command::unread).sum();
        // What counters count may have joined after the plan.
        self.waves
            .get(&wave)
            .map_or(unread, |it| if self.is_listed { it.out.min(unread) } else { unread })
    }

    fn running_of(&self, wave: u32) -> u32 {
        let Some(it) = self.waves.get(&wave) else { return 0 };
        let out = it.out.saturating_sub(self.unread_of(wave));
        self.concurrency.map_or(out, |most| out.min(most))
    }

    /// Returns `12/40 · 9 succeeded · 2 failed · 1 running`.
    pub(super) fn summary(&self) -> String {
        let mut totals: BTreeMap<Outcome, u32> = BTreeMap::new();
        for (it, n) in self.waves.values().flat_map(|it| &it.totals) {
            *totals.entry(*it).or_default() += n;
        }
        let sum = |of: fn(&Self, u32) -> u32| self.waves.keys().map(|it| of(self, *it)).sum();
        let counts = Counts {
            done: self.done(),
            planned: self.planned(),
            totals: &totals,
            running: sum(Self::running_of),
            step: self.step_of(None),
            unread: sum(Self::unread_of),
        };
        counts.parts().join(" · ")
    }

    fn counts_of(&self, wave: u32) -> Option<Counts<'_>> {
        let it = self.waves.get(&wave)?;
        Some(Counts {
            done: self.done_of(wave),
            planned: self.is_listed.then_some(it.planned),
            totals: &it.totals,
            running: self.running_of(wave),
            step: self.step_of(Some(wave)),
            unread: self.unread_of(wave),
        })
    }

    /// Returns at which step of a runbook most of those are who run, in a wave or in all, and how
    /// many; of equally many the one that comes first.
    fn step_of(&self, wave: Option<u32>) -> Option<(&str, u32)> {
        let is_open = |it: &&Member| matches!(it.stage, Stage::Sent { .. } | Stage::Running { .. });
        let members = self.members.values().filter(is_open);
        let members = members.filter(|it| wave.is_none_or(|wave| it.wave == wave));
        let mut steps: BTreeMap<&str, u32> = BTreeMap::new();
        for step in members.filter_map(|it| it.step.as_deref()) {
            *steps.entry(step).or_default() += 1;
        }
        steps.into_iter().rev().max_by_key(|(_, n)| *n)
    }

    /// Takes an event in.
    pub(super) fn take(&mut self, event: &Event) {
        self.pass(event.elapsed_ms);
        match &event.data {
            EventKind::RunStarted { plan } => self.begin(plan),
            EventKind::WaveStarted { wave, .. } => {
                self.pause = None;
                self.waves.entry(*wave).or_default().started_ms = Some(event.elapsed_ms);
            }
            EventKind::WaveFinished { wave } => {
                self.waves.entry(*wave).or_default().finished_ms = Some(event.elapsed_ms);
            }
            EventKind::PauseStarted { wave, until_ms, .. } => self.pause = Some((*wave, *until_ms)),
            EventKind::SendIntended { send, wave, instances, .. } => {
                let command =
                    Command { wave: *wave, instances: instances.clone(), ..Command::default() };
                self.commands.insert(*send, command);
            }
            EventKind::CommandAccepted { send, command_id, .. } => {
                self.sends.insert(command_id.clone(), *send);
                self.accepted(*send, event.elapsed_ms);
            }
            EventKind::CommandCounted { command_id, completed, .. } => {
                if let Some(it) = self.command_mut(command_id) {
                    it.counted = *completed;
                }
            }
            EventKind::InvocationChanged { instance_id, command_id, status_details, progress }
                if status_details == "InProgress" || progress.is_some() =>
            {
                self.has_begun(instance_id, command_id, event.elapsed_ms);
                if let Some(it) = self.members.get_mut(instance_id) {
                    it.step.clone_from(progress);
                }
            }
            EventKind::InstanceFinished { instance_id, wave, command_id, outcome, .. } => {
                self.finished(instance_id, *wave, command_id.as_deref(), *outcome);
            }
            EventKind::InvocationChanged { .. }
            | EventKind::SendRefused { .. }
            | EventKind::SendThrottled { .. }
            | EventKind::SendDoubted { .. }
            | EventKind::SendLost { .. }
            | EventKind::InstanceJoined { .. }
            | EventKind::InstanceLeft { .. }
            | EventKind::OutputCompleted { .. }
            | EventKind::OutputStored { .. }
            | EventKind::OutputsFetched { .. }
            | EventKind::BudgetSpent { .. }
            | EventKind::CancelRequested { .. }
            | EventKind::CancelOrdered { .. }
            | EventKind::DeadlinePassed
            | EventKind::Interrupted { .. }
            | EventKind::CoverageRead { .. }
            | EventKind::NoteTaken { .. }
            | EventKind::RunResumed { .. }
            | EventKind::RunFinished { .. }
            | EventKind::Unknown => {}
        }
    }

    fn begin(&mut self, plan: &Plan) {
        self.is_listed = plan.population.is_listed;
        self.concurrency = plan.limits.max_concurrency.resolved;
        self.kind = plan.document.kind();
        let places = plan.population.planned.iter();
        let mut places: HashMap<_, _> =
            places.map(|it| (&it.id, place(it.group.as_deref(), it.zone.as_deref()))).collect();
        for wave in &plan.waves {
            for id in &wave.instances {
                let place = places.remove(id).unwrap_or_default();
                let wave = wave.index;
                let member = Member { wave, place, stage: Stage::Waiting, send: None, step: None };
                self.members.insert(id.clone(), member);
            }
            let planned = u32::try_from(wave.instances.len()).unwrap_or(u32::MAX);
            self.waves.insert(wave.index, Wave { planned, ..Wave::default() });
        }
    }

    fn command_mut(&mut self, command_id: &str) -> Option<&mut Command> {
        self.commands.get_mut(self.sends.get(command_id)?)
    }

    fn accepted(&mut self, send: u32, at_ms: u64) {
        let Some(command) = self.commands.get(&send) else { return };
        let wave = self.waves.entry(command.wave).or_default();
        let mut set_out = |it: &mut Member| {
            if it.stage == Stage::Waiting {
                (it.stage, it.send) = (Stage::Sent { at_ms }, Some(send));
                wave.out += 1;
            }
        };
        if command.instances.is_empty() {
            let of_wave = self.members.values_mut().filter(|it| it.wave == command.wave);
            of_wave.for_each(set_out);
            return;
        }
        for id in &command.instances {
            if let Some(it) = self.members.get_mut(id) {
                set_out(it);
            }
        }
    }

    /// Gives whoever answers a place, where the plan lists nobody.
    fn reached(&mut self, id: &InstanceId, wave: u32, send: Option<u32>) -> Option<&mut Member> {
        if !self.is_listed && !self.members.contains_key(id) {
            let stage = Stage::Sent { at_ms: self.now_ms };
            let member = Member { wave, place: "-".to_owned(), stage, send, step: None };
            self.members.insert(id.clone(), member);
            self.waves.entry(wave).or_default().out += 1;
        }
        self.members.get_mut(id)
    }

    fn has_begun(&mut self, id: &InstanceId, command_id: &str, at_ms: u64) {
        let send = self.sends.get(command_id).copied();
        let is_by_tag = send.is_some_and(|it| self.n_sent(it) == 0);
        let Some(member) = self.reached(id, 1, send) else { return };
        if let Stage::Sent { at_ms: sent_ms } = member.stage {
            // Behind a tag SSM lets some wait; an instance that is named begins when it is sent to.
            member.stage = Stage::Running { since_ms: if is_by_tag { at_ms } else { sent_ms } };
        }
    }

    fn finished(&mut self, id: &InstanceId, wave: u32, command: Option<&str>, ended: Outcome) {
        let send = command.and_then(|it| self.sends.get(it)).copied();
        let before = self.reached(id, wave, send).map(|it| {
            let before = std::mem::replace(&mut it.stage, Stage::Ended(ended));
            (before, it.wave)
        });
        let was_over = matches!(before, Some((Stage::Ended(_), _)));
        if let Some(it) = send.and_then(|it| self.commands.get_mut(&it))
            && !was_over
        {
            it.read += 1;
        }
        // Who joined has an outcome of its own, but no place in the plan.
        let Some((before, wave)) = before else { return };
        let wave = self.waves.entry(wave).or_default();
        match before {
            Stage::Waiting => wave.ended += 1,
            Stage::Sent { .. } | Stage::Running { .. } => {
                wave.ended += 1;
                wave.out = wave.out.saturating_sub(1);
            }
            // Who was unknown when the run ended may have been found since.
            Stage::Ended(before) => {
                if let Some(n) = wave.totals.get_mut(&before) {
                    *n -= 1;
                }
            }
        }
        *wave.totals.entry(ended).or_default() += 1;
        wave.totals.retain(|_, n| *n > 0);
    }

    /// Returns who is known to run, with how long in milliseconds, the longest first. Of a command
    /// whose counters are ahead of its rows nobody knows who it is.
    fn running(&self) -> Vec<(&InstanceId, &Member, u64)> {
        let is_certain = |it: &Member| {
            let command = it.send.and_then(|it| self.commands.get(&it));
            command.is_none_or(|it| it.unread() == 0)
        };
        let is_named = |it: &Member| it.send.is_some_and(|it| self.n_sent(it) > 0);
        let mut res: Vec<_> = self
            .members
            .iter()
            .filter_map(|(id, it)| match it.stage {
                Stage::Running { since_ms } if is_certain(it) => Some((id, it, since_ms)),
                Stage::Sent { at_ms } if is_named(it) && is_certain(it) => Some((id, it, at_ms)),
                _ => None,
            })
            .collect();
        res.sort_by(|a, b| (a.2, a.0).cmp(&(b.2, b.0)));
        res.into_iter().map(|(id, it, at)| (id, it, self.now_ms.saturating_sub(at))).collect()
    }
}

/// The numbers of a wave, or of all.
struct Counts<'a> {
    done: u32,
    planned: Option<u32>,
    totals: &'a BTreeMap<Outcome, u32>,
    running: u32,
    /// At which step of a runbook most of those are who run, and how many.
    step: Option<(&'a str, u32)>,
    unread: u32,
}

impl Counts<'_> {
    fn share(&self) -> String {
        match self.planned {
            Some(planned) => format!("{}/{planned}", self.done),
            None => format!("{} done", self.done),
        }
    }

    fn parts(&self) -> Vec<String> {
        let mut totals: Vec<_> = self.totals.iter().collect();
        totals.sort_by_key(|(it, _)| (**it != Outcome::Succeeded, **it));
        let mut parts = vec![self.share()];
        parts.extend(totals.into_iter().map(|(it, n)| format!("{n} {}", outcome(*it))));
        if self.unread > 0 {
            parts.push(format!("{} not read yet", self.unread));
        }
        if self.running > 0 {
            let n = self.running;
            parts.push(match self.step {
                None => format!("{n} running"),
                Some((step, on_it)) if on_it >= n => format!("{n} running: {step}"),
                Some((step, on_it)) => format!("{n} running, {on_it} of them: {step}"),
            });
        }
        parts
    }

    /// Returns how many have ended otherwise than by success.
    fn wanting(&self) -> u32 {
        self.totals.iter().filter(|(it, _)| **it != Outcome::Succeeded).map(|it| it.1).sum()
    }
}
