//! The fold of the events: a live run and a replayed ledger give the same report.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    change::ChangeState,
    event::{Event, EventKind},
    report::{ApiCalls, InstanceFacts, Joined, OutputFiles, Report, TimedChange},
    status::Outcome,
    verdict::Wanting,
};
use crate::plan::{InstanceId, Plan};

/// Notes of what is waited for while the run goes on: whoever reads the report has nothing to wait for.
const PASSING: [&str; 3] = ["standby.awaited", "standby.throttled", "reads.failing"];

/// Folds events into a report, one at a time.
#[derive(Debug, Default)]
pub struct Fold {
    report: Option<Report>,
    /// Where each instance stands in the report.
    positions: BTreeMap<InstanceId, usize>,
    /// The wave and the instances of each send, none where a tag names them.
    sends: BTreeMap<u32, (u32, Vec<InstanceId>)>,
    /// Whom the budget is charged for: who was unknown may turn out to have succeeded.
    charged: BTreeSet<InstanceId>,
    is_listed: bool,
}

impl Fold {
    /// Takes one event in. Events before the first RunStarted, and kinds that are newer than this
    /// version, are passed over.
    pub fn apply(&mut self, event: &Event) {
        if let EventKind::RunStarted { plan } = &event.data {
            self.begin(plan, event.at);
            return;
        }
        let Some(mut report) = self.report.take() else { return };
        self.apply_to(&mut report, event);
        self.report = Some(report);
    }

    fn apply_to(&mut self, report: &mut Report, event: &Event) {
        match &event.data {
            EventKind::WaveStarted { wave, .. } => {
                if let Some(it) = report.wave_mut(*wave) {
                    it.started = Some(event.at);
                }
            }
            EventKind::WaveFinished { wave } => {
                if let Some(it) = report.wave_mut(*wave) {
                    it.ended = Some(event.at);
                }
            }
            EventKind::SendIntended { send, wave, instances, .. } => {
                self.sends.insert(*send, (*wave, instances.clone()));
            }
            EventKind::CommandAccepted { send, command_id, .. } => {
                self.accepted(report, *send, command_id);
            }
            EventKind::InstanceFinished {
                instance_id,
                wave,
                command_id,
                outcome,
                execution,
                hint,
                withheld_by,
            } => {
                if let Some(it) = self.instance_mut(report, instance_id, *wave) {
                    if command_id.is_some() {
                        it.command_id.clone_from(command_id);
                    }
                    it.outcome = *outcome;
                    it.hint.clone_from(hint);
                    if let Some(execution) = execution {
                        it.fill(execution);
                    }
                } else {
                    let joined = &mut report.population.joined;
                    if let Some(it) = joined.iter_mut().find(|it| it.instance_id == *instance_id) {
                        it.outcome = Some(*outcome);
                    }
                }
                if outcome.counts_as_error(*withheld_by) {
                    self.charged.insert(instance_id.clone());
                } else {
                    self.charged.remove(instance_id);
                }
                report.budget.used = u32::try_from(self.charged.len()).unwrap_or(u32::MAX);
            }
            // What was seen last is all that is known of an instance that never finishes.
            EventKind::InvocationChanged { instance_id, command_id, status_details, progress } => {
                if let Some(it) = self.instance_mut(report, instance_id, 1) {
                    it.command_id = Some(command_id.clone());
                    it.status_details = Some(status_details.clone());
                    it.progress.clone_from(progress);
                }
            }
            EventKind::OutputCompleted { instance_id, stdout, stderr, truncated } => {
                if let Some(at) = self.positions.get(instance_id) {
                    let it = &mut report.instances[*at];
                    it.stdout.clone_from(stdout);
                    it.stderr.clone_from(stderr);
                    it.truncated = *truncated;
                }
            }
            EventKind::OutputStored { instance_id, stdout, stderr } => {
                if let Some(at) = self.positions.get(instance_id) {
                    let files = OutputFiles { stdout: stdout.clone(), stderr: stderr.clone() };
                    report.instances[*at].files = Some(Box::new(files));
                }
            }
            EventKind::OutputsFetched { api_calls, throttled_by_operation } => {
                report.api_calls.add(api_calls, throttled_by_operation);
            }
            EventKind::InstanceJoined { instance_id } => {
                let joined = Joined { instance_id: instance_id.clone(), outcome: None };
                report.population.joined.push(joined);
            }
            EventKind::InstanceLeft { instance_id, departure } => {
                let left = &mut report.population.left;
                if !left.contains(instance_id) {
                    left.push(instance_id.clone());
                }
                if let Some(at) = self.positions.get(instance_id) {
                    let it = &mut report.instances[*at];
                    if it.outcome.may_be_absence() {
                        it.outcome = Outcome::LeftGroup;
                        it.hint = super::hint::hint(Outcome::LeftGroup, None, None, None);
                        if let (Some(hint), Some(departure)) = (&mut it.hint, departure) {
                            *hint = format!("{hint}: {}", departure.cause);
                        }
                    }
                    it.departure.clone_from(departure);
                }
            }
            EventKind::GroupChanged { change } => {
                // Each attempt to undo it says once more what stays as it is.
                let is_same = |it: &TimedChange| it.change.is_of_the_same(change);
                let last = report.changes.iter().rposition(is_same);
                if let Some(at) = last.filter(|at| report.changes[*at].change.state == change.state)
                    && matches!(change.state, ChangeState::Remains | ChangeState::LeftBehind)
                {
                    report.changes.remove(at);
                }
                report.changes.push(TimedChange { at: event.at, change: change.clone() });
                let is_success = |it: &InstanceFacts| it.outcome == Outcome::Succeeded;
                let wanting = match report.instances.iter().all(is_success) {
                    true => Wanting::Groups,
                    false => Wanting::Instances,
                };
                if report.left_changed().is_empty()
                    && let Some(verdict) = &mut report.verdict
                {
                    verdict.put_back(&report.run.id, wanting);
                }
            }
            EventKind::CoverageRead { coverage } => report.coverage = *coverage,
            EventKind::NoteTaken { note } if PASSING.contains(&note.code.as_str()) => {}
            EventKind::NoteTaken { note } => report.notes.push(note.clone()),
            EventKind::RunFinished { verdict, api_calls, throttled, throttled_by_operation } => {
                report.run.ended = Some(event.at);
                report.verdict = Some(verdict.clone());
                report.api_calls = ApiCalls {
                    by_operation: api_calls.clone(),
                    throttled: *throttled,
                    throttled_by_operation: throttled_by_operation.clone(),
                };
            }
            EventKind::SequelBegun { run_id, .. } => {
                report.run.followed_by = Some(run_id.clone());
            }
            // A run that had ended without knowing everything goes on.
            EventKind::RunResumed { .. } => (report.run.ended, report.verdict) = (None, None),
            EventKind::RunStarted { .. }
            | EventKind::SendRefused { .. }
            | EventKind::SendThrottled { .. }
            | EventKind::SendDoubted { .. }
            | EventKind::SendLost { .. }
            | EventKind::CommandCounted { .. }
            | EventKind::BudgetSpent { .. }
            | EventKind::PauseStarted { .. }
            | EventKind::CancelRequested { .. }
            | EventKind::CancelOrdered { .. }
            | EventKind::DeadlinePassed
            | EventKind::Interrupted { .. }
            | EventKind::Unknown => {}
        }
    }

    /// Gives the command to the wave, and to whoever of the send has none: it may be learnt of
    /// after they have been given up.
    fn accepted(&self, report: &mut Report, send: u32, command_id: &str) {
        let (wave, instances) = self.sends.get(&send).map_or((1, &[][..]), |it| (it.0, &it.1));
        if let Some(it) = report.wave_mut(wave) {
            it.command_ids.push(command_id.to_owned());
        }
        let positions = instances.iter().filter_map(|it| self.positions.get(it).copied());
        let positions = match instances {
            [] => (0..report.instances.len()).collect::<Vec<_>>(),
            _ => positions.collect(),
        };
        for at in positions {
            report.instances[at].command_id.get_or_insert_with(|| command_id.to_owned());
        }
    }

    fn begin(&mut self, plan: &Plan, at: Timestamp) {
        let report = Report::of_plan(plan, at);
        let positions = report.instances.iter().enumerate();
        self.positions = positions.map(|(at, it)| (it.instance_id.clone(), at)).collect();
        self.is_listed = plan.population.is_listed;
        self.report = Some(report);
    }

    /// Returns the instance's place; under a plan that lists nobody, whoever answers gets one.
    fn instance_mut<'a>(
        &mut self,
        report: &'a mut Report,
        id: &InstanceId,
        wave: u32,
    ) -> Option<&'a mut InstanceFacts> {
        if let Some(at) = self.positions.get(id) {
            return report.instances.get_mut(*at);
        }
        if self.is_listed {
            return None;
        }
        self.positions.insert(id.clone(), report.instances.len());
        report.instances.push(InstanceFacts::of(id.clone(), wave));
        report.instances.last_mut()
    }

    /// Returns the report so far, or `None` if no run has started.
    pub fn report(mut self) -> Option<Report> {
        let mut report = self.report.take()?;
        report.count();
        report.group_output();
        report.read_findings();
        Some(report)
    }
}
