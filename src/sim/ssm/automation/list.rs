//! DescribeAutomationExecutions: filters and pages, newest first. The order is UNVERIFIED, as is
//! that children are listed beside their parents.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    execution::{Execution, Status},
    shapes::DESCRIBE,
};
use crate::sim::{
    api::{ApiError, Call, Facts},
    ssm::{page, validate},
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    filters: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Filter {
    pub key: String,
    pub values: Vec<String>,
}

const KEYS: [&str; 12] = [
    "DocumentNamePrefix",
    "ExecutionStatus",
    "ExecutionId",
    "ParentExecutionId",
    "CurrentAction",
    "StartTimeBefore",
    "StartTimeAfter",
    "AutomationType",
    "TagKey",
    "TargetResourceGroup",
    "AutomationSubtype",
    "OpsItemId",
];

/// The statuses that executions never have here; that they are asked for is no mistake.
pub(super) const OTHER_STATUSES: [&str; 11] = [
    "PendingApproval",
    "Approved",
    "Rejected",
    "Scheduled",
    "RunbookInProgress",
    "PendingChangeCalendarOverride",
    "ChangeCalendarOverrideApproved",
    "ChangeCalendarOverrideRejected",
    "CompletedWithSuccess",
    "CompletedWithFailure",
    "Exited",
];

/// UNVERIFIED: as many as may be asked for.
const DEFAULT_PAGE: usize = 50;

pub(super) fn describe_automation_executions(call: &Call, body: &Value) -> Result<Value, ApiError> {
    call.authorize("ssm:DescribeAutomationExecutions", None, &Facts::default())?;
    let request: Request = validate::request(DESCRIBE, body)?;
    for it in &request.filters {
        it.check(&KEYS)?;
    }
    let of = page::list("automations", body);
    let from = match page::place(&of, request.next_token.as_deref())? {
        Some(it) => it.parse().map_err(|_| page::invalid())?,
        None => u64::MAX,
    };
    let state = call.sim.state.borrow();
    let newest_first = state.ssm.automations.executions.range(..=from).rev().map(|(_, it)| it);
    let mut found = newest_first.filter(|it| request.filters.iter().all(|by| by.selects(it)));
    let size = call.pages.of(request.max_results.unwrap_or(DEFAULT_PAGE));
    let page: Vec<Value> = found.by_ref().take(size).map(Execution::metadata).collect();
    let mut res = json!({ "AutomationExecutionMetadataList": page });
    if let Some(next) = found.next() {
        res["NextToken"] = page::token(&of, &next.sequence.to_string()).into();
    }
    Ok(res)
}

impl Execution {
    fn metadata(&self) -> Value {
        let mut res = self.common();
        res.insert("AutomationType".to_owned(), json!("Local"));
        Value::Object(res)
    }
}

impl Filter {
    pub(super) fn check(&self, keys: &[&str]) -> Result<(), ApiError> {
        if !keys.contains(&self.key.as_str()) {
            return Err(ApiError::bare("InvalidFilterKey"));
        }
        let is_valid = |value: &String| match self.key.as_str() {
            "ExecutionStatus" | "StepExecutionStatus" => {
                Status::ALL.iter().any(|it| it.word() == value)
                    || OTHER_STATUSES.contains(&value.as_str())
            }
            "StartTimeBefore" | "StartTimeAfter" => value.parse::<Timestamp>().is_ok(),
            "AutomationType" => ["CrossAccount", "Local"].contains(&value.as_str()),
            "AutomationSubtype" => ["ChangeRequest", "AccessRequest"].contains(&value.as_str()),
            _ => true, // any text may be a name
        };
        if self.values.iter().all(is_valid) {
            return Ok(());
        }
        // UNVERIFIED wording.
        let message = "The filter value isn't valid. Verify the value and try again.";
        Err(ApiError::new("InvalidFilterValue", message))
    }

    pub(super) fn has(&self, value: &str) -> bool {
        self.values.iter().any(|it| it == value)
    }

    /// Tells whether an instant is before all of the values, or after them, as the key says.
    pub(super) fn is_in_time(&self, at: Timestamp) -> bool {
        let mut limits = self.values.iter().filter_map(|it| it.parse::<Timestamp>().ok());
        if self.key == "StartTimeBefore" {
            limits.all(|it| at < it)
        } else {
            limits.all(|it| at >= it)
        }
    }

    fn selects(&self, execution: &Execution) -> bool {
        match self.key.as_str() {
            "DocumentNamePrefix" => self.values.iter().any(|it| execution.document.starts_with(it)),
            "ExecutionStatus" => self.has(execution.status.word()),
            "ExecutionId" => self.has(&execution.id),
            "ParentExecutionId" => execution.parent.as_ref().is_some_and(|it| self.has(&it.id)),
            "CurrentAction" => {
                let current = execution.current.and_then(|it| execution.runbook.steps.get(it));
                current.is_some_and(|it| self.has(&it.action))
            }
            "StartTimeBefore" | "StartTimeAfter" => self.is_in_time(execution.requested),
            "AutomationType" => self.has("Local"),
            "TagKey" => execution.tags.keys().any(|it| self.has(it)),
            "TargetResourceGroup" => execution.rate.as_ref().is_some_and(|it| {
                let targets = it.targets.as_array().into_iter().flatten();
                let groups = targets.filter(|it| it["Key"] == "ResourceGroup");
                let mut names = groups.filter_map(|it| it["Values"].as_array()).flatten();
                names.any(|it| it.as_str().is_some_and(|it| self.has(it)))
            }),
            // Change requests and OpsItems start nothing here.
            _ => false,
        }
    }
}
