//! Output that the list had cut is read whole while the run goes on: of whoever failed, and of the
//! others one of each kind. It reads a bounded number, and never what may not be read.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    event::EventKind,
    findings,
    member::Member,
    observed::{Denial, Effect, Output, OutputAnswer, Step},
    state::Run,
    status::Outcome,
};
use crate::plan::{DocumentKind, InstanceId, Note};

/// The most instances that failed whose output is completed, and the most others; each takes one
/// GetCommandInvocation a step.
const OUTPUTS_COMPLETED: usize = 50;

/// The same for a document that prints findings: what is cut cannot be read at all.
const FINDINGS_COMPLETED: usize = 1000;

/// What has been asked for.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    /// Whose output is being read.
    wanted: BTreeSet<InstanceId>,
    /// Reads that wait for the first one: it shows whether they are permitted.
    waiting: Vec<Effect>,
    permission: Permission,
    n_asked: BTreeMap<Class, usize>,
    /// What was said, as far as the list tells, by others whose output has been asked for.
    kinds: BTreeSet<u64>,
    /// Why some could not be read: the first of them, and how many.
    failed: BTreeMap<String, (InstanceId, usize)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Permission {
    #[default]
    Unknown,
    Asked,
    Given,
    Missing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Errors,
    Others,
}

impl Run {
    /// Asks for what the list has cut, as soon as it is seen.
    pub(super) fn complete_outputs(&mut self, step: &mut Step) {
        // What an automation has put out stands whole in its execution.
        if self.plan.document.kind() != DocumentKind::Command {
            return;
        }
        let (prints_findings, most) = (self.plan.document.findings().is_some(), self.most());
        let outputs = &mut self.outputs;
        for (id, member) in cut(&mut self.members) {
            let is_worth =
                prints_findings || Class::of(member) == Class::Errors || outputs.is_new(member);
            if is_worth && outputs.room(Class::of(member), most) > 0 {
                outputs.ask(id, member);
            }
        }
        outputs.go_on(step);
    }

    /// Asks for the rest, if that can be read of all who succeeded: some of them, chosen by nothing,
    /// would tell no more than one of each kind.
    pub(super) fn complete_last_outputs(&mut self, step: &mut Step, elapsed: Duration) {
        if self.plan.document.kind() != DocumentKind::Command {
            return;
        }
        self.complete_outputs(step);
        let most = self.most();
        let outputs = &mut self.outputs;
        let others = cut(&mut self.members).filter(|(_, it)| Class::of(it) == Class::Others);
        let others: Vec<_> = others.collect();
        if others.len() <= outputs.room(Class::Others, most) {
            others.into_iter().for_each(|(id, it)| outputs.ask(id, it));
        }
        outputs.go_on(step);
        let n_left = cut(&mut self.members).count();
        if n_left > 0 && self.outputs.permission != Permission::Missing {
            let text = format!("the output of {n_left} more stays cut at 2,500 characters");
            self.note(step, elapsed, Note::new("output.cut", text));
        }
    }

    pub(super) fn output_read(
        &mut self,
        step: &mut Step,
        elapsed: Duration,
        instance_id: InstanceId,
        answer: OutputAnswer,
    ) {
        if !self.outputs.wanted.remove(&instance_id) || self.is_finished() {
            return;
        }
        match answer {
            OutputAnswer::Denied(Denial { action }) => {
                self.outputs.permission = Permission::Missing;
                self.outputs.wanted.clear();
                self.outputs.waiting.clear();
                let text =
                    format!("{action} is not permitted: output beyond 2,500 characters stays cut");
                self.note(step, elapsed, Note::new("permission.missing", text));
            }
            OutputAnswer::Failed(why) => {
                self.outputs.permitted(step);
                self.outputs.failed.entry(why).or_insert((instance_id, 0)).1 += 1;
            }
            OutputAnswer::Read(Output { stdout, stderr, truncated }) => {
                self.outputs.permitted(step);
                self.weigh_completed(&instance_id, &stdout);
                let event = EventKind::OutputCompleted { instance_id, stdout, stderr, truncated };
                self.emit(step, elapsed, event);
            }
        }
        self.conclude_if_read(step, elapsed);
    }

    /// Says whose output could not be read, once for all to whom the same happened.
    pub(super) fn tell_unread_outputs(&mut self, step: &mut Step, elapsed: Duration) {
        for (why, (first, n)) in std::mem::take(&mut self.outputs.failed) {
            let whose = match n {
                1 => first.to_string(),
                n => format!("{first} and {} more", n - 1),
            };
            let text = format!(
                "the output of {whose} could not be read whole and stays cut at 2,500 characters: \
                 {why}"
            );
            self.note(step, elapsed, Note::new("output.cut", text));
        }
    }

    /// Judges the findings of an instance again, now that its output is whole.
    pub(super) fn weigh_completed(&mut self, id: &InstanceId, stdout: &str) {
        let Some(member) = self.members.get_mut(id) else { return };
        if member.outcome.is_some_and(Outcome::is_own_end) {
            let format = self.plan.document.findings();
            member.is_found_wanting = findings::is_wanting(format, stdout);
        }
    }

    /// Returns the most instances of a class whose output is completed.
    fn most(&self) -> usize {
        match self.plan.document.findings() {
            Some(_) => FINDINGS_COMPLETED,
            None => OUTPUTS_COMPLETED,
        }
    }

    /// Restores that an output was read whole.
    pub(super) fn restore_output(&mut self, id: &InstanceId) {
        if let Some(member) = self.members.get_mut(id)
            && !member.cut.is_empty()
        {
            self.outputs.count(member);
            member.cut.clear();
        }
    }
}

/// Returns whose output is cut and was not asked for, failures first, as `Outcome` orders them. The
/// report has no place for the output of an instance that was not planned.
fn cut(
    members: &mut BTreeMap<InstanceId, Member>,
) -> impl Iterator<Item = (&InstanceId, &mut Member)> {
    let cut = members.iter_mut().filter(|(_, it)| it.is_planned && !it.cut.is_empty());
    let mut cut: Vec<_> = cut.collect();
    cut.sort_by_key(|(_, it)| it.outcome);
    cut.into_iter()
}

impl Class {
    fn of(member: &Member) -> Self {
        // Whoever withheld an instance, it has no output of its own.
        let is_error = member.outcome.is_some_and(|it| it.counts_as_error(None));
        if is_error { Self::Errors } else { Self::Others }
    }
}

impl Outputs {
    pub(super) fn are_read(&self) -> bool {
        self.wanted.is_empty()
    }

    fn room(&self, class: Class, most: usize) -> usize {
        most.saturating_sub(self.n_asked.get(&class).copied().unwrap_or(0))
    }

    fn is_new(&self, member: &Member) -> bool {
        !self.kinds.contains(&member.said)
    }

    fn count(&mut self, member: &Member) {
        *self.n_asked.entry(Class::of(member)).or_default() += 1;
        if Class::of(member) == Class::Others {
            self.kinds.insert(member.said);
        }
    }

    fn ask(&mut self, id: &InstanceId, member: &mut Member) {
        let Some(command_id) = member.command_id.clone() else { return };
        self.count(member);
        let (instance_id, plugins) = (id.clone(), std::mem::take(&mut member.cut));
        self.wanted.insert(id.clone());
        self.waiting.push(Effect::ReadOutput { command_id, instance_id, plugins });
    }

    /// Lets the reads go that need not wait.
    /// Takes in that it may be read; what has waited for that is asked for.
    fn permitted(&mut self, step: &mut Step) {
        self.permission = Permission::Given;
        self.go_on(step);
    }

    fn go_on(&mut self, step: &mut Step) {
        match self.permission {
            Permission::Unknown if !self.waiting.is_empty() => {
                self.permission = Permission::Asked;
                step.effects.push(self.waiting.remove(0));
            }
            Permission::Unknown | Permission::Asked => {}
            Permission::Given => step.effects.append(&mut self.waiting),
            Permission::Missing => {
                self.waiting.clear();
                self.wanted.clear();
            }
        }
    }
}
