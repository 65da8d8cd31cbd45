//! The numbers of a wave, or of all, and their words.

use std::collections::BTreeMap;

use super::{Member, Progress, Stage};
use crate::{output::words::outcome, run::Outcome};

/// The numbers of a wave, or of all.
pub(super) struct Counts<'a> {
    done: u32,
    planned: Option<u32>,
    totals: &'a BTreeMap<Outcome, u32>,
    running: u32,
    /// At which step of a runbook most of those are who run, and how many.
    step: Option<(&'a str, u32)>,
    unread: u32,
}

impl Counts<'_> {
    pub(super) fn share(&self) -> String {
        match self.planned {
            Some(planned) => format!("{}/{planned}", self.done),
            None => format!("{} done", self.done),
        }
    }

    pub(super) fn parts(&self) -> Vec<String> {
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
    pub(super) fn wanting(&self) -> u32 {
        self.totals.iter().filter(|(it, _)| **it != Outcome::Succeeded).map(|it| it.1).sum()
    }
}

impl Progress {
    /// Returns `12/40 · 9 succeeded · 2 failed · 1 running`.
    pub(in crate::output) fn summary(&self) -> String {
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

    pub(super) fn counts_of(&self, wave: u32) -> Option<Counts<'_>> {
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
}
