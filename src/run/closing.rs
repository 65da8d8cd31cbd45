//! How a run ends: whoever was left out is said to be, and last reads are made.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    change::GroupChange,
    event::{Coverage, EventKind},
    member::Member,
    observed::{Conclusion, Effect, Membership, PuttingBack, Step},
    state::{Phase, Run},
    status::Outcome,
    taking::Taking,
};
use crate::plan::{Note, Target, count, reaching};

impl Run {
    /// Begins the end as soon as nothing more can be sent or heard.
    pub(super) fn close_if_done(&mut self, step: &mut Step, elapsed: Duration) {
        let is_open = self.sends.iter().any(|it| !it.is_settled());
        let has_more = self.stop.is_none()
            && (!self.queue.is_empty() || self.wave.map_or(0, |it| it + 1) < self.plan.waves.len());
        // What was asked for a moment ago may be made yet, and has to be brought back.
        let is_taking = self.taking == Taking::Asked && self.interrupts < 2;
        if is_open || has_more || is_taking || self.lookup.is_some() {
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
        self.explain_denials(step, elapsed);
        if self.abandoned || self.interrupts > 1 || !self.has_sent() {
            self.emit_unread_coverage(step, elapsed);
            return self.conclude_if_cancelled(step, elapsed);
        }
        self.phase = Phase::Closing { until: elapsed + self.pace.lost_after };
        self.complete_last_outputs(step, elapsed);
        self.read_membership(step, elapsed);
        self.conclude_if_read(step, elapsed);
    }

    /// A command by tag is taken, and denied an instance at a time, without a word of whose policy
    /// decided: what would allow it is said once.
    fn explain_denials(&mut self, step: &mut Step, elapsed: Duration) {
        let is_denied =
            |it: &&Member| it.outcome == Some(Outcome::AccessDenied) && it.command_id.is_some();
        let n_denied = self.members.values().filter(is_denied).count();
        if n_denied == 0 {
            return;
        }
        let operator = &self.plan.operator;
        let whose = match (&operator.role_arn, &operator.caller_arn) {
            (Some(role), _) => format!(
                "the policy of the role {role} does not allow it, or a Deny or its boundary stands \
                 against it; the session policy that fleet makes allows it, and one from the FILE \
                 of --session-policy has to as well"
            ),
            (None, Some(caller)) => format!(
                "no policy of {caller} allows it, or a Deny or its boundary stands against it"
            ),
            (None, None) => "look at the policies of the caller".to_owned(),
        };
        let whom = count(n_denied, "instance");
        let text = format!(
            "ssm:SendCommand was denied on {whom}: {whose}; `fleet policy` with the same flags \
             writes a policy that reaches them"
        );
        self.note(step, elapsed, Note::new("advice", text));
        for statement in reaching(&self.plan) {
            let text = format!("this statement would allow it: {statement}");
            self.note(step, elapsed, Note::new("advice.statement", text));
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.phase == Phase::Finished
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
            return self.conclude_if_read(step, elapsed);
        };
        let (mut departures, groups) = (membership.departures, membership.groups);
        let now: BTreeSet<_> = members.into_iter().collect();
        let population = &self.plan.population;
        let known: BTreeSet<_> = population.planned.iter().map(|it| it.id.clone()).collect();
        let excluded: BTreeSet<_> =
            population.excluded.iter().map(|it| it.instance_id.clone()).collect();
        // Who was named may be of a group that was not, and whose members were not read.
        let is_read = |it: &&Target| it.group.as_ref().is_some_and(|it| groups.contains(it));
        let grouped = population.planned.iter().filter(is_read);
        let left: Vec<_> =
            grouped.map(|it| &it.id).filter(|it| !now.contains(it)).cloned().collect();
        let joined: Vec<_> = now
            .iter()
            .filter(|it| !known.contains(it) && !excluded.contains(it))
            .cloned()
            .collect();
        let is_complete = left.is_empty() && joined.is_empty() && excluded.is_empty();
        for instance_id in left {
            let is_new = self.left.insert(instance_id.clone());
            let member = self.members.get_mut(&instance_id);
            let explained = member.filter(|it| it.outcome.is_some_and(Outcome::may_be_absence));
            // Who was looked for once more came to an outcome of its own again.
            let is_explained = explained.map(|it| it.outcome = Some(Outcome::LeftGroup)).is_some();
            if is_new || is_explained {
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
        self.conclude_if_read(step, elapsed);
    }

    pub(super) fn conclude_if_read(&mut self, step: &mut Step, elapsed: Duration) {
        let is_closing = matches!(self.phase, Phase::Closing { .. });
        if is_closing && self.outputs.are_read() && !self.is_membership_wanted {
            self.conclude_if_cancelled(step, elapsed);
        }
    }

    /// Concludes as soon as the service has taken every cancellation: nobody will see whether it did.
    fn conclude_if_cancelled(&mut self, step: &mut Step, elapsed: Duration) {
        if self.cancels.is_empty() {
            return self.conclude(step);
        }
        self.phase = Phase::Cancelling { until: elapsed + self.pace.cancel_within };
    }

    pub(super) fn conclude(&mut self, step: &mut Step) {
        self.phase = Phase::Concluding;
        let putting_back = if self.interrupts < 2 { PuttingBack::Now } else { PuttingBack::Later };
        let may_be_sent = |it: &Member| it.send.is_some() || self.is_damaged;
        let members = self.members.iter().filter(|(_, it)| may_be_sent(it));
        let sent = members.map(|(id, _)| id.clone()).collect();
        let changed = self.changed.clone();
        step.effects.push(Effect::Conclude(Conclusion { putting_back, sent, changed }));
    }

    pub(super) fn concluded(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        changes: Vec<GroupChange>,
        (api_calls, throttled): (BTreeMap<String, u64>, BTreeMap<String, u64>),
    ) {
        if self.phase != Phase::Concluding {
            return;
        }
        self.put_back(step, elapsed, changes);
        self.tell_unread_outputs(step, elapsed);
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
