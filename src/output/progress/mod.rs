//! How far a run is, folded from its events. It reads no clock, for an event knows when it happened,
//! and it decides nothing of how it is shown.

mod board;
mod counts;
mod folding;
mod inquiry;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

pub(super) use self::{board::board, inquiry::answer};
use super::{expectation::Expected, words::count};
use crate::{
    plan::{DocumentKind, InstanceId},
    run::Outcome,
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

    /// Returns what is sent.
    pub(super) fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// Returns for whom this send is, in words; nothing where a tag says it.
    pub(super) fn whom(&self, send: u32) -> Option<String> {
        let instances = &self.commands.get(&send)?.instances;
        match (instances.as_slice(), self.kind) {
            ([], _) => None,
            ([only], DocumentKind::Automation | DocumentKind::Replacement) => {
                Some(only.to_string())
            }
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
