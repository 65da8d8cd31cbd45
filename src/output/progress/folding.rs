//! What each event changes in what is known of a run.

use std::collections::HashMap;

use super::{Command, Member, Progress, Stage, Wave};
use crate::{
    output::words::place,
    plan::{InstanceId, Plan},
    run::{Event, EventKind, Outcome},
};

impl Progress {
    /// Takes an event in.
    pub(in crate::output) fn take(&mut self, event: &Event) {
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
            | EventKind::GroupChanged { .. }
            | EventKind::CoverageRead { .. }
            | EventKind::NoteTaken { .. }
            | EventKind::RunResumed { .. }
            | EventKind::RunFinished { .. }
            | EventKind::SequelBegun { .. }
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
}
