//! How executions and their steps look on the wire, and GetAutomationExecution.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    authorize,
    execution::{Execution, Status, StepRun},
    rate::{Child, Rate},
    shapes::GET,
};
use crate::sim::{
    api::{ApiError, Call},
    ssm::{validate::Checked, view::epoch},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    automation_execution_id: String,
}

/// StepExecutionsTruncated is true beyond it. UNVERIFIED: the number is not documented.
const MAX_STEPS: usize = 100;

/// What an output shows of a step that has not put it out, as captures have it.
const NOTHING_YET: &str = "No output available yet because the step is not successfully executed";

pub(super) fn get_automation_execution(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let checked = Checked::of(GET, body);
    authorize(call, "ssm:GetAutomationExecution", checked.text("AutomationExecutionId"))?;
    let request: Request = checked.request()?;
    let state = call.sim.state.borrow();
    let execution = state.ssm.automations.find(&request.automation_execution_id)?;
    let steps = execution.step_rows();
    let mut res = execution.common();
    res.insert("StepExecutionsTruncated".to_owned(), json!(steps.len() > MAX_STEPS));
    let shown = steps.into_iter().take(MAX_STEPS).map(|it| it.json).collect();
    res.insert("StepExecutions".to_owned(), Value::Array(shown));
    res.insert("Parameters".to_owned(), json!(execution.parameters));
    if let Some(rate) = &execution.rate {
        res.insert("ProgressCounters".to_owned(), rate.counters());
    }
    Ok(json!({ "AutomationExecution": res }))
}

/// One step as the answers have it, and what filters look at.
pub(super) struct StepRow {
    pub json: Value,
    pub status: Status,
    pub started: Option<jiff::Timestamp>,
}

impl Execution {
    /// What the answers about one and about many have in common.
    pub(super) fn common(&self) -> Map<String, Value> {
        let mut res = Map::new();
        let mut put = |name: &str, value: Value| res.insert(name.to_owned(), value);
        put("AutomationExecutionId", json!(self.id));
        put("DocumentName", json!(self.document));
        put("DocumentVersion", json!(self.version));
        put("ExecutionStartTime", epoch(self.requested));
        if let Some(at) = self.ended {
            put("ExecutionEndTime", epoch(at));
        }
        put("AutomationExecutionStatus", json!(self.status.word()));
        put("Outputs", self.outputs_json());
        put("Mode", json!("Auto"));
        put("ExecutedBy", json!(self.executed_by));
        if let Some(it) = &self.failure_message {
            put("FailureMessage", json!(it));
        }
        if let Some(step) = self.current.and_then(|it| self.runbook.steps.get(it)) {
            put("CurrentStepName", json!(step.name));
            put("CurrentAction", json!(step.action));
        }
        if let Some(parent) = &self.parent {
            put("ParentAutomationExecutionId", json!(parent.id));
            put("Target", json!(parent.target));
        }
        let rate = self.rate.as_ref();
        put("Targets", rate.map_or_else(|| json!([]), |it| it.targets.clone()));
        let values = rate.map(|it| it.children.iter().map(|it| it.target.as_str()).collect());
        let values: Vec<&str> = values.unwrap_or_default();
        put("ResolvedTargets", json!({ "ParameterValues": values, "Truncated": false }));
        if let Some(rate) = rate {
            if !rate.parameter.is_empty() {
                put("TargetParameterName", json!(rate.parameter));
            }
            if rate.target_maps.as_array().is_some_and(|it| !it.is_empty()) {
                put("TargetMaps", rate.target_maps.clone());
            }
            put("MaxConcurrency", json!(rate.max_concurrency));
            put("MaxErrors", json!(rate.max_errors));
        }
        res
    }

    fn outputs_json(&self) -> Value {
        if self.rate.is_some() {
            return json!({});
        }
        let output = |name: &String| {
            let value = self.output(name).cloned();
            (name.clone(), json!(value.unwrap_or_else(|| vec![NOTHING_YET.to_owned()])))
        };
        Value::Object(self.runbook.outputs.iter().map(output).collect())
    }

    /// Returns its steps in their order; a parent's are its targets.
    pub(super) fn step_rows(&self) -> Vec<StepRow> {
        if let Some(rate) = &self.rate {
            return rate.children.iter().map(|it| rate.step_row(it)).collect();
        }
        self.steps.iter().enumerate().map(|(at, it)| self.step_row(at, it)).collect()
    }

    fn step_row(&self, at: usize, run: &StepRun) -> StepRow {
        let step = &self.runbook.steps[at];
        let mut json = json!({
            "StepName": step.name,
            "Action": step.action,
            "StepStatus": run.status.word(),
            "StepExecutionId": run.id,
            "Inputs": run.inputs,
            "Outputs": run.outputs,
            "OverriddenParameters": {},
            "OnFailure": step.on_failure.to_text(),
            "MaxAttempts": step.max_attempts,
            "IsEnd": step.is_end,
            "IsCritical": step.is_critical,
        });
        if let Some(it) = step.timeout_seconds {
            json["TimeoutSeconds"] = json!(it);
        }
        if let Some(it) = &step.next {
            json["NextStep"] = json!(it);
        }
        if let Some(at) = run.started {
            json["ExecutionStartTime"] = epoch(at);
        }
        if let Some(at) = run.ended {
            json["ExecutionEndTime"] = epoch(at);
        }
        if let Some(failure) = &run.failure {
            json["FailureMessage"] = json!(failure.message);
            json["FailureDetails"] = json!({
                "FailureStage": failure.stage,
                "FailureType": failure.kind,
                "Details": {},
            });
        }
        StepRow { json, status: run.status, started: run.started }
    }
}

impl Rate {
    fn step_row(&self, child: &Child) -> StepRow {
        let inputs: Map<String, Value> = match self.parameter.as_str() {
            "" => child
                .parameters
                .iter()
                .map(|(name, it)| (name.clone(), json!(json!(it).to_string())))
                .collect(),
            name => Map::from_iter([(name.to_owned(), json!(json!(child.target).to_string()))]),
        };
        let json = json!({
            "StepName": child.target,
            "Action": "aws:executeAutomation",
            "StepStatus": child.status.word(),
            "StepExecutionId": child.step_id,
            "Inputs": inputs,
            "Outputs": {},
            "OverriddenParameters": {},
        });
        StepRow { json, status: child.status, started: None }
    }

    fn counters(&self) -> Value {
        let count = |status: Status| self.count(|it| it == status);
        json!({
            "TotalSteps": self.children.len(),
            "SuccessSteps": count(Status::Success),
            "FailedSteps": count(Status::Failed),
            "CancelledSteps": count(Status::Cancelled),
            "TimedOutSteps": count(Status::TimedOut),
        })
    }
}
