//! How a run ends: whoever was left out is said to be, last reads are made, and a verdict is found.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    event::{Coverage, EventKind},
    observed::{Effect, Membership, Output, Step},
    state::{Phase, Run, SendState, Stop},
    status::Outcome,
    verdict::{Kind, Verdict},
};
use crate::plan::{InstanceId, Note};

/// The most calls spent on completing output that was cut; each is one GetCommandInvocation.
const OUTPUTS_COMPLETED: usize = 50;

impl Run {
    /// Begins the end as soon as nothing more can be sent or heard.
    pub(super) fn close_if_done(&mut self, step: &mut Step, elapsed: Duration) {
        let is_open = self.sends.iter().any(|it| !it.is_settled());
        let has_more = self.stop.is_none()
            && (!self.queue.is_empty() || self.wave.map_or(0, |it| it + 1) < self.plan.waves.len());
        if is_open || has_more {
            return;
        }
        let unsent = self.members.iter().filter(|(_, it)| it.outcome.is_none());
        let unsent: Vec<InstanceId> = unsent.map(|(id, _)| id.clone()).collect();
        for id in unsent {
            self.finish_unsent(step, elapsed, &id, Outcome::NotAttempted, None);
        }
        if let Some(wave) = self.wave.filter(|_| !self.is_wave_finished) {
            self.is_wave_finished = true;
            let wave = self.plan.waves[wave].index;
            self.emit(step, elapsed, EventKind::WaveFinished { wave });
        }
        let has_sent = self.sends.iter().any(|it| it.state != SendState::Refused);
        if self.abandoned || self.interrupts > 1 || !has_sent {
            self.emit_unread_coverage(step, elapsed);
            return self.conclude(step);
        }
        let waiting = self.complete_outputs(step, elapsed) + self.read_membership(step, elapsed);
        self.phase = Phase::Closing { waiting };
        if waiting == 0 {
            self.conclude(step);
        }
    }

    fn complete_outputs(&mut self, step: &mut Step, elapsed: Duration) -> u32 {
        let cut = self.members.iter().filter(|(_, it)| !it.cut.is_empty());
        let mut cut: Vec<_> = cut.collect();
        // Failures are what the reader wants to see whole; `Outcome` orders them first.
        cut.sort_by_key(|(_, it)| it.outcome);
        let n_left = cut.len().saturating_sub(OUTPUTS_COMPLETED);
        let effects = cut.into_iter().take(OUTPUTS_COMPLETED).filter_map(|(id, it)| {
            Some(Effect::ReadOutput {
                command_id: it.command_id.clone()?,
                instance_id: id.clone(),
                plugins: it.cut.clone(),
            })
        });
        let effects: Vec<_> = effects.collect();
        if n_left > 0 {
            let text = format!("the output of {n_left} more stays cut at 2,500 characters");
            self.note(step, elapsed, Note::new("output.cut", text));
        }
        let waiting = u32::try_from(effects.len()).unwrap_or(u32::MAX);
        step.effects.extend(effects);
        waiting
    }

    fn read_membership(&mut self, step: &mut Step, elapsed: Duration) -> u32 {
        let selector = &self.plan.selector;
        let has_groups = !(selector.groups.is_empty() && selector.group_tags.is_empty());
        if self.plan.population.is_listed && has_groups {
            step.effects.push(Effect::ReadMembership);
            return 1;
        }
        self.emit_unread_coverage(step, elapsed);
        0
    }

    fn emit_unread_coverage(&mut self, step: &mut Step, elapsed: Duration) {
        let coverage = Coverage::Unverified;
        self.emit(step, elapsed, EventKind::CoverageRead { coverage });
    }

    pub(super) fn output_read(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        instance_id: InstanceId,
        output: Option<Output>,
    ) {
        if let Some(Output { stdout, stderr, truncated }) = output {
            let event = EventKind::OutputCompleted { instance_id, stdout, stderr, truncated };
            self.emit(step, elapsed, event);
        }
        self.closed_one(step);
    }

    /// Compares the group with the plan: nobody who was promised may be missing without a word.
    pub(super) fn membership_read(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        membership: Membership,
    ) {
        if let Some(note) = membership.note {
            self.note(step, elapsed, note);
        }
        let Some(members) = membership.members else {
            self.emit_unread_coverage(step, elapsed);
            return self.closed_one(step);
        };
        let now: BTreeSet<_> = members.into_iter().collect();
        let population = &self.plan.population;
        let known: BTreeSet<_> = population.planned.iter().map(|it| it.id.clone()).collect();
        let excluded: BTreeSet<_> =
            population.excluded.iter().map(|it| it.instance_id.clone()).collect();
        // Only instances that a group brought in can leave it.
        let grouped = population.planned.iter().filter(|it| it.group.is_some());
        let left: Vec<_> =
            grouped.map(|it| &it.id).filter(|it| !now.contains(it)).cloned().collect();
        let joined: Vec<_> = now
            .iter()
            .filter(|it| !known.contains(it) && !excluded.contains(it))
            .cloned()
            .collect();
        let is_complete = left.is_empty() && joined.is_empty() && excluded.is_empty();
        for instance_id in left {
            let member = self.members.get_mut(&instance_id).expect("it is planned");
            if member.outcome.is_some_and(Outcome::may_be_absence) {
                member.outcome = Some(Outcome::LeftGroup);
            }
            self.emit(step, elapsed, EventKind::InstanceLeft { instance_id });
        }
        for instance_id in joined {
            if !self.members.contains_key(&instance_id) {
                self.emit(step, elapsed, EventKind::InstanceJoined { instance_id });
            }
        }
        let coverage = if is_complete { Coverage::Complete } else { Coverage::Partial };
        self.emit(step, elapsed, EventKind::CoverageRead { coverage });
        self.closed_one(step);
    }

    fn closed_one(&mut self, step: &mut Step) {
        if let Phase::Closing { waiting } = &mut self.phase {
            *waiting = waiting.saturating_sub(1);
            if *waiting == 0 {
                self.conclude(step);
            }
        }
    }

    pub(super) fn conclude(&mut self, step: &mut Step) {
        self.phase = Phase::Concluding;
        step.effects.push(Effect::Conclude);
    }

    pub(super) fn concluded(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        api_calls: BTreeMap<String, u64>,
        throttled: u64,
    ) {
        let verdict = self.verdict();
        self.emit(step, elapsed, EventKind::RunFinished { verdict, api_calls, throttled });
        self.phase = Phase::Finished;
    }

    fn verdict(&self) -> Verdict {
        let mut totals: BTreeMap<Outcome, usize> = BTreeMap::new();
        for outcome in self.members.values().filter(|it| it.is_planned).filter_map(|it| it.outcome)
        {
            *totals.entry(outcome).or_default() += 1;
        }
        let total = totals.values().sum::<usize>();
        let n = |outcome| totals.get(&outcome).copied().unwrap_or(0);
        let n_untouched: usize =
            totals.iter().filter(|(it, _)| it.is_untouched()).map(|(_, n)| n).sum();
        let is_sent = self.sends.iter().any(|it| it.state != SendState::Refused);
        // The worst that applies.
        let mut kind = Kind::Succeeded;
        if n(Outcome::Succeeded) < total || total == 0 {
            kind = kind.max(Kind::InstancesFailed);
        }
        if self.stop.is_some() && n_untouched > 0 {
            kind = kind.max(Kind::Halted);
        }
        if n(Outcome::Unknown) > 0 {
            kind = kind.max(Kind::Unknown);
        }
        if !is_sent && kind != Kind::Succeeded {
            kind = kind.max(Kind::NothingSent);
        }
        if self.interrupts > 0 {
            kind = kind.max(Kind::Interrupted);
        }
        let sentence = self.sentence(kind, &totals, total);
        let next_commands = self.next_commands(kind);
        Verdict { exit_code: kind.exit_code(), kind, sentence, next_commands }
    }

    fn sentence(&self, kind: Kind, totals: &BTreeMap<Outcome, usize>, total: usize) -> String {
        let n_succeeded = totals.get(&Outcome::Succeeded).copied().unwrap_or(0);
        let noun = if total == 1 { "instance" } else { "instances" };
        let others = totals.iter().filter(|(it, _)| **it != Outcome::Succeeded);
        let others: Vec<_> =
            others.map(|(it, n)| format!("{n} {}", it.word().replace('_', " "))).collect();
        let mut tally = format!("{n_succeeded} of {total} {noun} succeeded");
        if !others.is_empty() {
            tally = format!("{tally}, {}", others.join(", "));
        }
        let why = match (&self.stop, kind) {
            (_, Kind::Interrupted) => Some("interrupted".to_owned()),
            (Some(Stop::Refused { code, message }), _) => Some(format!("{code}: {message}")),
            (Some(Stop::Budget), Kind::Halted) => Some(format!(
                "stopped by the error budget ({} of {} allowed)",
                self.budget_used,
                self.error_limit()
            )),
            (Some(Stop::Deadline), _) => Some("stopped by the deadline".to_owned()),
            (Some(Stop::Lost), _) => Some("track was lost".to_owned()),
            _ if total == 0 => Some("the group's tag reached no instance".to_owned()),
            (Some(Stop::Budget | Stop::Interrupted) | None, _) => None,
        };
        match why {
            Some(why) => format!("{tally}: {why}"),
            None => tally,
        }
    }

    fn next_commands(&self, kind: Kind) -> Vec<String> {
        let is_open = matches!(kind, Kind::Unknown | Kind::Interrupted);
        let commands = self.sends.iter().filter(|it| is_open && !it.command.id.is_empty());
        let region = &self.plan.region;
        let line = |id: &str| {
            format!(
                "aws ssm list-command-invocations --region {region} --command-id {id} --details"
            )
        };
        let mut lines: Vec<_> = commands.map(|it| line(&it.command.id)).collect();
        let is_lost =
            |it: &&super::state::Send| it.state == SendState::Lost && it.command.id.is_empty();
        lines.extend(self.sends.iter().filter(is_lost).map(|it| {
            format!(
                "aws ssm list-commands --region {region} --query \"Commands[?Comment=='{}']\"",
                it.token
            )
        }));
        lines
    }
}
