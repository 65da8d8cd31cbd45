//! What a process that takes a run over asks before it sends anything: which sends of the run the
//! service knows. A ledger whose end was lost, as on a disk that failed, tells of fewer.
//!
//! Intents are on the disk before they are carried out, so a ledger that is whole tells of all of
//! them. That the service shows no other send proves nothing by itself; that it shows one does.

use std::{collections::BTreeSet, time::Duration};

use super::{
    event::EventKind,
    observed::{Denial, Effect, Found, Step},
    send::{Command, Send, SendState},
    state::{Run, Stop},
};
use crate::plan::{Dispatch, DocumentKind, InstanceId, Note};

/// A question that is under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lookup {
    /// When it is given up.
    until: Duration,
    /// When it is asked again; `None` while it is being asked.
    retry: Option<Duration>,
}

impl Run {
    /// Asks for the sends of the run, if the ledger says that some of it was never sent.
    ///
    /// An execution does not show its token, so executions cannot be looked for. They need not be:
    /// what a lost end of the ledger told of is started again under the token that it had, which
    /// starts nobody twice for as long as the service remembers it. Nor is an instance ended twice.
    pub(super) fn look_up_sends(&mut self, step: &mut Step, elapsed: Duration) {
        let is_findable = self.plan.document.kind() == DocumentKind::Command;
        if !is_findable || self.is_damaged || !self.has_unsent() {
            return;
        }
        let until = elapsed + self.pace.settle_within;
        self.lookup = Some(Lookup { until, retry: None });
        self.perform(step, Effect::FindSends);
    }

    /// Asks again, or gives up, when it is time.
    pub(super) fn look_up_again(&mut self, step: &mut Step, elapsed: Duration) {
        match self.lookup {
            Some(Lookup { until, retry: Some(retry) }) if elapsed >= retry => {
                self.lookup = Some(Lookup { until, retry: None });
                self.perform(step, Effect::FindSends);
            }
            Some(Lookup { until, retry: None }) if elapsed >= until + self.pace.lost_after => {
                self.give_lookup_up(step, elapsed, "ListCommands was not answered");
            }
            Some(_) | None => {}
        }
    }

    /// Returns when time alone changes something about it.
    pub(super) fn next_lookup(&self) -> Option<Duration> {
        let Lookup { until, retry } = self.lookup?;
        Some(retry.unwrap_or(until + self.pace.lost_after))
    }

    pub(super) fn sends_not_listed(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        denial: Option<Denial>,
        reason: &str,
    ) {
        let Some(Lookup { until, retry: None }) = self.lookup else { return };
        if let Some(Denial { action }) = denial {
            let why = format!("{action} is not permitted");
            return self.give_lookup_up(step, elapsed, &why);
        }
        if elapsed >= until {
            return self.give_lookup_up(step, elapsed, reason);
        }
        let retry = Some(elapsed + self.pace.clamped(Duration::ZERO) * 2);
        self.lookup = Some(Lookup { until, retry });
    }

    fn give_lookup_up(&mut self, step: &mut Step, elapsed: Duration, why: &str) {
        let text = format!(
            "whether the ledger tells of everything that was sent could not be asked ({why}): \
             nothing more is sent, and whoever it does not tell of is unknown"
        );
        self.distrust(step, elapsed, Note::new("ledger.unproven", text));
    }

    /// Takes the ledger for one that does not tell everything.
    fn distrust(&mut self, step: &mut Step, elapsed: Duration, note: Note) {
        self.lookup = None;
        self.is_damaged = true;
        if matches!(self.stop, None | Some(Stop::NotContinued)) {
            self.stop = Some(Stop::Lost);
        }
        self.note(step, elapsed, note);
    }

    /// Takes in which sends of the run the service knows.
    pub(super) fn sends_listed(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        mut found: Vec<Found>,
    ) {
        if self.lookup.take().is_none() {
            return;
        }
        found.sort_by_key(|it| it.send);
        for found in found {
            let (send, command_id) = (found.send, found.accepted.command_id.clone());
            let is_taken_in = match self.position(send) {
                Some(index) if self.sends[index].command.id.is_empty() => {
                    self.accepted(step, elapsed, send, found.accepted);
                    true
                }
                Some(index) => self.sends[index].command.id == command_id,
                None => self.write_again(step, elapsed, found),
            };
            if !is_taken_in {
                let text = format!(
                    "the ledger does not tell of send {send}, which SSM shows as command \
                     {command_id}, nor of all before it: nothing more is sent"
                );
                return self.distrust(step, elapsed, Note::new("ledger.damaged", text));
            }
        }
    }

    /// Writes down a send that the ledger has lost. Returns whether it fits behind what the ledger
    /// tells.
    fn write_again(&mut self, step: &mut Step, elapsed: Duration, found: Found) -> bool {
        let Found { send, token, instances: ids, accepted, max_concurrency, max_errors } = found;
        let is_tag = matches!(self.plan.dispatch, Dispatch::Tag { .. });
        let index = self.sends.len();
        let is_next = send as usize == index + 1;
        let has_targets = if is_tag { index == 0 } else { self.is_one_wave(&ids) };
        if !is_next || !has_targets {
            return false;
        }
        self.enter_wave_of(step, elapsed, ids.first());
        let wave = self.wave.map_or(1, |it| self.plan.waves[it].index);
        let instances = match is_tag {
            true if self.plan.population.is_listed => Some(self.members.keys().cloned().collect()),
            true => None,
            false => Some(ids.clone()),
        };
        for id in instances.iter().flatten() {
            self.members.get_mut(id).expect("only planned instances are untouched").send =
                Some(index);
        }
        for chunk in &mut self.queue {
            chunk.retain(|it| !ids.contains(it));
        }
        self.queue.retain(|it| !it.is_empty());
        self.sends.push(Send {
            token: token.clone(),
            wave,
            instances,
            state: SendState::InFlight { since: elapsed },
            is_answered: true,
            intended: elapsed,
            throttled_since: None,
            command: Command::default(),
        });
        let instances = if is_tag { Vec::new() } else { ids };
        let intended =
            EventKind::SendIntended { send, token, wave, instances, max_concurrency, max_errors };
        self.emit(step, elapsed, intended);
        let text = format!(
            "the ledger had lost send {send}, which SSM shows as command {}: it is followed",
            accepted.command_id
        );
        self.note(step, elapsed, Note::new("ledger.completed", text));
        self.accepted(step, elapsed, send, accepted);
        // What has failed of it counts before anything else is sent.
        self.sends[index].command.is_unread = !is_tag;
        true
    }

    /// Returns whether these are instances of one wave, this one or a later one, that the ledger
    /// says were not sent to.
    fn is_one_wave(&self, ids: &[InstanceId]) -> bool {
        let waves: BTreeSet<_> =
            ids.iter().filter_map(|it| self.members.get(it)).map(|it| it.wave).collect();
        let current = self.wave.map_or(0, |it| self.plan.waves[it].index);
        let is_wave = |it: &u32| *it == current || (*it > current && self.queue.is_empty());
        waves.len() == 1 && waves.iter().all(is_wave) && ids.iter().all(|it| self.is_untouched(it))
    }

    /// Starts the wave that `id` is of, if it is not the one under way.
    fn enter_wave_of(&mut self, step: &mut Step, elapsed: Duration, id: Option<&InstanceId>) {
        let wave = id.and_then(|it| self.members.get(it)).map_or(1, |it| it.wave);
        let Some(at) = self.plan.waves.iter().position(|it| it.index == wave) else { return };
        if self.wave == Some(at) {
            return;
        }
        self.finish_wave(step, elapsed);
        self.start_wave(step, elapsed, at);
    }
}
