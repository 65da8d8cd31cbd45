//! How a run ends: whoever was left out is said to be, and last reads are made.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    event::{Coverage, EventKind},
    observed::{Denial, Effect, Membership, Output, Step},
    state::{Phase, Run},
    status::Outcome,
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
        let silent = self.members.iter().filter(|(_, it)| it.outcome.is_none());
        let silent: Vec<_> = silent.map(|(id, it)| (id.clone(), it.send.is_some())).collect();
        for (id, is_sent) in silent {
            // Of a ledger that does not tell everything, silence proves nothing.
            let is_unknown = is_sent || self.is_damaged;
            let outcome = if is_unknown { Outcome::Unknown } else { Outcome::NotAttempted };
            self.finish_unsent(step, elapsed, &id, outcome, None);
        }
        self.finish_wave(step, elapsed);
        if self.abandoned || self.interrupts > 1 || !self.has_sent() {
            self.emit_unread_coverage(step, elapsed);
            return self.conclude(step);
        }
        self.phase = Phase::Closing { until: elapsed + self.pace.lost_after };
        self.complete_outputs(step, elapsed);
        self.read_membership(step, elapsed);
        self.conclude_if_read(step);
    }

    pub(super) fn is_finished(&self) -> bool {
        self.phase == Phase::Finished
    }

    fn complete_outputs(&mut self, step: &mut Step, elapsed: Duration) {
        // The report has no place for the output of an instance that was not planned.
        let cut = self.members.iter().filter(|(_, it)| it.is_planned && !it.cut.is_empty());
        let mut cut: Vec<_> = cut.collect();
        // Failures are what the reader wants to see whole; `Outcome` orders them first.
        cut.sort_by_key(|(_, it)| it.outcome);
        let n_more = OUTPUTS_COMPLETED.saturating_sub(self.n_outputs_read);
        let n_left = cut.len().saturating_sub(n_more);
        let mut waiting = Vec::new();
        for (id, it) in cut.into_iter().take(n_more) {
            let Some(command_id) = it.command_id.clone() else { continue };
            self.outputs_wanted.insert(id.clone());
            let (instance_id, plugins) = (id.clone(), it.cut.clone());
            waiting.push(Effect::ReadOutput { command_id, instance_id, plugins });
        }
        if !waiting.is_empty() {
            step.effects.push(waiting.remove(0));
        }
        self.outputs_waiting = waiting;
        if n_left > 0 {
            let text = format!("the output of {n_left} more stays cut at 2,500 characters");
            self.note(step, elapsed, Note::new("output.cut", text));
        }
    }

    fn read_membership(&mut self, step: &mut Step, elapsed: Duration) {
        if self.is_coverage_read {
            return;
        }
        let selector = &self.plan.selector;
        let has_groups = !(selector.groups.is_empty() && selector.group_tags.is_empty());
        if self.plan.population.is_listed && has_groups {
            self.is_membership_wanted = true;
            step.effects.push(Effect::ReadMembership);
        } else {
            self.emit_unread_coverage(step, elapsed);
        }
    }

    fn emit_unread_coverage(&mut self, step: &mut Step, elapsed: Duration) {
        if !std::mem::replace(&mut self.is_coverage_read, true) {
            let coverage = Coverage::Unverified;
            self.emit(step, elapsed, EventKind::CoverageRead { coverage });
        }
    }

    pub(super) fn output_read(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        instance_id: InstanceId,
        output: Option<Output>,
        denial: Option<Denial>,
        failure: Option<String>,
    ) {
        if !self.outputs_wanted.remove(&instance_id) || self.is_finished() {
            return;
        }
        let waiting = std::mem::take(&mut self.outputs_waiting);
        if let Some(Denial { action }) = denial {
            self.outputs_wanted.clear();
            let text =
                format!("{action} is not permitted: output beyond 2,500 characters stays cut");
            self.note(step, elapsed, Note::new("permission.missing", text));
        } else {
            step.effects.extend(waiting);
        }
        if let Some(why) = failure {
            let text = format!(
                "the output of {instance_id} could not be read whole and stays cut at 2,500 \
                 characters: {why}"
            );
            self.note(step, elapsed, Note::new("output.cut", text));
        }
        if let Some(Output { stdout, stderr, truncated }) = output {
            let event = EventKind::OutputCompleted { instance_id, stdout, stderr, truncated };
            self.emit(step, elapsed, event);
        }
        self.conclude_if_read(step);
    }

    /// Compares the group with the plan: nobody who was promised may be missing without a word.
    pub(super) fn membership_read(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        membership: Membership,
    ) {
        if !std::mem::take(&mut self.is_membership_wanted) || self.is_finished() {
            return;
        }
        if let Some(note) = membership.note {
            self.note(step, elapsed, note);
        }
        let Some(members) = membership.members else {
            self.emit_unread_coverage(step, elapsed);
            return self.conclude_if_read(step);
        };
        let mut departures = membership.departures;
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
            if let Some(member) = self.members.get_mut(&instance_id)
                && member.outcome.is_some_and(Outcome::may_be_absence)
            {
                member.outcome = Some(Outcome::LeftGroup);
            }
            if self.left.insert(instance_id.clone()) {
                let departure = departures.remove(&instance_id);
                self.emit(step, elapsed, EventKind::InstanceLeft { instance_id, departure });
            }
        }
        for instance_id in joined {
            let is_new = !self.members.contains_key(&instance_id);
            if is_new && self.joined.insert(instance_id.clone()) {
                self.emit(step, elapsed, EventKind::InstanceJoined { instance_id });
            }
        }
        let coverage = if is_complete { Coverage::Complete } else { Coverage::Partial };
        self.is_coverage_read = true;
        self.emit(step, elapsed, EventKind::CoverageRead { coverage });
        self.conclude_if_read(step);
    }

    fn conclude_if_read(&mut self, step: &mut Step) {
        let is_closing = matches!(self.phase, Phase::Closing { .. });
        if is_closing && self.outputs_wanted.is_empty() && !self.is_membership_wanted {
            self.conclude(step);
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
        throttled: BTreeMap<String, u64>,
    ) {
        if self.phase != Phase::Concluding {
            return;
        }
        let verdict = self.verdict();
        let event = EventKind::RunFinished {
            verdict,
            api_calls,
            throttled: throttled.values().sum(),
            throttled_by_operation: throttled,
        };
        self.emit(step, elapsed, event);
        self.phase = Phase::Finished;
    }
}
