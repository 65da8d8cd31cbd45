//! The report: what became of a run, as it is stored and shown.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    change::GroupChange,
    event::{Coverage, Departure, StoredStream},
    findings::{self, FindingSummary, Reading},
    row::Execution,
    status::Outcome,
    verdict::{Verdict, restoring},
};
use crate::plan::{
    Dispatch, Document, Excluded, InstanceId, Limits, Note, Operator, Outputs, Plan, Platform,
    RunId, Selector,
};

/// The `schema` of the report.
pub const SCHEMA: &str = "fleet.report/v1";

/// What became of a run: every planned instance once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    pub run: RunFacts,
    pub operator: Operator,
    pub account: Option<String>,
    pub region: String,
    pub document: Document,
    /// Where the output went besides SSM, and whether it was fetched.
    #[serde(default, skip_serializing_if = "Outputs::is_default")]
    pub outputs: Outputs,
    pub selector: Selector,
    pub dispatch: Dispatch,
    pub limits: Limits,
    pub population: PopulationFacts,
    pub coverage: Coverage,
    pub waves: Vec<WaveFacts>,
    pub instances: Vec<InstanceFacts>,
    pub groups: Vec<OutputGroup>,
    /// What the instances have found, by schema, if the document prints findings.
    #[serde(default)]
    pub findings: Vec<FindingSummary>,
    /// By outcome; the sum is `population.planned`.
    pub totals: BTreeMap<Outcome, u32>,
    pub budget: BudgetFacts,
    pub api_calls: ApiCalls,
    /// What was done to the groups for the run, and back, in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<TimedChange>,
    /// Absent while the run goes on.
    pub verdict: Option<Verdict>,
    pub notes: Vec<Note>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunFacts {
    pub id: RunId,
    pub parent_id: Option<RunId>,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub tool_version: String,
    /// It was on a simulator that is gone.
    #[serde(default)]
    pub is_simulated: bool,
    pub reason: Option<String>,
    /// The last run that was begun over the same instances because this one had ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followed_by: Option<RunId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PopulationFacts {
    pub planned: u32,
    pub excluded: Vec<Excluded>,
    pub joined: Vec<Joined>,
    pub left: Vec<InstanceId>,
}

/// An instance that came after the plan. The document reached it only if it has an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Joined {
    pub instance_id: InstanceId,
    pub outcome: Option<Outcome>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaveFacts {
    pub index: u32,
    pub instances: Vec<InstanceId>,
    pub command_ids: Vec<String>,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceFacts {
    pub instance_id: InstanceId,
    pub group: Option<String>,
    pub zone: Option<String>,
    pub lifecycle: Option<String>,
    pub platform: Option<Platform>,
    pub wave: u32,
    pub command_id: Option<String>,
    /// Unknown until something else is known.
    pub outcome: Outcome,
    pub status: Option<String>,
    pub status_details: Option<String>,
    pub response_code: Option<i32>,
    pub requested: Option<Timestamp>,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub stdout: String,
    pub stderr: String,
    pub truncated: bool,
    /// The id of the group of identical output that it belongs to.
    pub output_group: Option<u32>,
    pub hint: Option<String>,
    /// The step at which an automation was seen last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// What took it out of its group during the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departure: Option<Departure>,
    /// What its output says as findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Box<Reading>>,
    /// All that it printed, as far as it could be had, if that was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Box<OutputFiles>>,
}

/// Instances with the same outcome, exit code and output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputGroup {
    pub id: u32,
    pub outcome: Outcome,
    pub response_code: Option<i32>,
    pub count: u32,
    /// One of its instances, whose output stands for all.
    pub sample: InstanceId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimedChange {
    pub at: Timestamp,
    pub change: GroupChange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BudgetFacts {
    pub limit: Option<u32>,
    pub used: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiCalls {
    pub by_operation: BTreeMap<String, u64>,
    pub throttled: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub throttled_by_operation: BTreeMap<String, u64>,
}

impl ApiCalls {
    /// Adds what was asked for after the run.
    pub(super) fn add(&mut self, calls: &BTreeMap<String, u64>, throttled: &BTreeMap<String, u64>) {
        for (operation, n) in calls {
            *self.by_operation.entry(operation.clone()).or_default() += n;
        }
        for (operation, n) in throttled {
            self.throttled += n;
            *self.throttled_by_operation.entry(operation.clone()).or_default() += n;
        }
    }
}

/// The files that an instance's output was fetched into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputFiles {
    pub stdout: StoredStream,
    pub stderr: StoredStream,
}

impl Report {
    pub(super) fn of_plan(plan: &Plan, started: Timestamp) -> Self {
        let mut instances = Vec::with_capacity(plan.population.planned.len());
        let targets: BTreeMap<_, _> =
            plan.population.planned.iter().map(|it| (&it.id, it)).collect();
        let mut seen = BTreeSet::new();
        for wave in &plan.waves {
            for id in &wave.instances {
                if !seen.insert(id) {
                    continue;
                }
                let mut facts = InstanceFacts::of(id.clone(), wave.index);
                if let Some(target) = targets.get(id) {
                    facts.group.clone_from(&target.group);
                    facts.zone.clone_from(&target.zone);
                    facts.lifecycle.clone_from(&target.lifecycle);
                    facts.platform.clone_from(&target.platform);
                }
                instances.push(facts);
            }
        }
        let waves = plan.waves.iter().map(|it| WaveFacts {
            index: it.index,
            instances: it.instances.clone(),
            command_ids: Vec::new(),
            started: None,
            ended: None,
        });
        Self {
            schema: SCHEMA.to_owned(),
            run: RunFacts {
                id: plan.run_id.clone(),
                parent_id: plan.parent_id.clone(),
                started,
                ended: None,
                tool_version: plan.tool_version.clone(),
                is_simulated: plan.is_simulated,
                reason: plan.reason.clone(),
                followed_by: None,
            },
            operator: plan.operator.clone(),
            account: plan.account.clone(),
            region: plan.region.clone(),
            document: plan.document.clone(),
            outputs: plan.outputs.clone(),
            selector: plan.selector.clone(),
            dispatch: plan.dispatch.clone(),
            limits: plan.limits,
            population: PopulationFacts {
                planned: plan.planned().unwrap_or(0),
                excluded: plan.population.excluded.clone(),
                joined: Vec::new(),
                left: Vec::new(),
            },
            coverage: Coverage::Unverified,
            waves: waves.collect(),
            instances,
            groups: Vec::new(),
            findings: Vec::new(),
            totals: BTreeMap::new(),
            budget: BudgetFacts { limit: plan.limits.max_errors.resolved, used: 0 },
            api_calls: ApiCalls::default(),
            changes: Vec::new(),
            verdict: None,
            notes: plan.notes.clone(),
        }
    }

    /// Returns what was changed for the run and is not as it was; a change that was made and never
    /// brought back is among them.
    pub fn left_changed(&self) -> Vec<GroupChange> {
        let mut left: Vec<GroupChange> = Vec::new();
        for TimedChange { change, .. } in &self.changes {
            change.follow(&mut left);
        }
        left
    }

    /// Returns the line that undoes all that is changed still; what was simulated is gone.
    pub fn restoring(&self) -> Option<String> {
        let is_there = !self.run.is_simulated && !self.left_changed().is_empty();
        is_there.then(|| restoring(&self.run.id))
    }

    pub(super) fn wave_mut(&mut self, index: u32) -> Option<&mut WaveFacts> {
        self.waves.iter_mut().find(|it| it.index == index)
    }

    pub(super) fn count(&mut self) {
        self.population.planned = u32::try_from(self.instances.len()).unwrap_or(u32::MAX);
        self.totals = BTreeMap::new();
        for it in &self.instances {
            *self.totals.entry(it.outcome).or_default() += 1;
        }
    }

    /// Reads what the instances printed as findings: of those on which the document has ended by
    /// itself.
    pub(super) fn read_findings(&mut self) {
        let format = self.document.findings();
        for it in &mut self.instances {
            it.findings = it
                .outcome
                .is_own_end()
                .then(|| findings::read(format, &it.stdout, it.truncated))
                .flatten()
                .map(Box::new);
        }
        self.findings = findings::summarise(format, &self.instances);
    }

    /// Gives instances with the same outcome, exit code and output the same group, the largest
    /// first within an outcome. What did not run has no output to compare.
    pub(super) fn group_output(&mut self) {
        let mut members: BTreeMap<(Outcome, Option<i32>, &str, &str), Vec<usize>> = BTreeMap::new();
        for (at, it) in self.instances.iter().enumerate() {
            let key = (it.outcome, it.response_code, it.stdout.as_str(), it.stderr.as_str());
            members.entry(key).or_default().push(at);
        }
        let mut groups: Vec<_> = members.into_iter().collect();
        groups.sort_by_key(|((outcome, ..), members)| {
            (*outcome, std::cmp::Reverse(members.len()), members[0])
        });
        let groups: Vec<_> =
            groups.into_iter().map(|((outcome, code, ..), it)| (outcome, code, it)).collect();
        for ((outcome, response_code, members), id) in groups.into_iter().zip(1..) {
            self.groups.push(OutputGroup {
                id,
                outcome,
                response_code,
                count: u32::try_from(members.len()).unwrap_or(u32::MAX),
                sample: self.instances[members[0]].instance_id.clone(),
            });
            for at in members {
                self.instances[at].output_group = Some(id);
            }
        }
    }
}

impl InstanceFacts {
    pub(super) fn of(instance_id: InstanceId, wave: u32) -> Self {
        Self {
            instance_id,
            group: None,
            zone: None,
            lifecycle: None,
            platform: None,
            wave,
            command_id: None,
            outcome: Outcome::Unknown,
            status: None,
            status_details: None,
            response_code: None,
            requested: None,
            started: None,
            ended: None,
            stdout: String::new(),
            stderr: String::new(),
            truncated: false,
            output_group: None,
            hint: None,
            progress: None,
            departure: None,
            files: None,
            findings: None,
        }
    }

    /// Returns whether it succeeded by its exit code alone: what it found is not good, or was to be
    /// findings and cannot be read.
    pub fn is_found_wanting(&self) -> bool {
        let is_wanting = |it: &Reading| match it {
            Reading::Read(found) => found.good == Some(false),
            Reading::Unread { .. } => true,
        };
        self.outcome == Outcome::Succeeded && self.findings.as_deref().is_some_and(is_wanting)
    }

    pub(super) fn fill(&mut self, execution: &Execution) {
        self.status = Some(execution.status.clone());
        self.status_details = Some(execution.status_details.clone());
        self.response_code = execution.response_code;
        self.requested = execution.requested;
        self.started = execution.started;
        self.ended = execution.ended;
        self.stdout.clone_from(&execution.stdout);
        self.stderr.clone_from(&execution.stderr);
        self.truncated = execution.truncated;
    }
}
