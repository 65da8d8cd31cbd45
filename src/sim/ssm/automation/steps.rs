//! DescribeAutomationStepExecutions: "all active and terminated step executions", so none that has
//! not begun.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{authorize, execution::Status, list::Filter, shapes::DESCRIBE_STEPS, view::StepRow};
use crate::sim::{
    api::{ApiError, Call},
    ssm::{page, validate::Checked},
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    automation_execution_id: String,
    filters: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
    reverse_order: bool,
}

const KEYS: [&str; 9] = [
    "StartTimeBefore",
    "StartTimeAfter",
    "StepExecutionStatus",
    "StepExecutionId",
    "StepName",
    "Action",
    "ParentStepExecutionId",
    "ParentStepIteration",
    "ParentStepIteratorValue",
];

/// UNVERIFIED: as many as may be asked for.
const DEFAULT_PAGE: usize = 50;

pub(super) fn describe_automation_step_executions(
    call: &Call,
    body: &Value,
) -> Result<Value, ApiError> {
    let checked = Checked::of(DESCRIBE_STEPS, body);
    let action = "ssm:DescribeAutomationStepExecutions";
    authorize(call, action, checked.text("AutomationExecutionId"))?;
    let request: Request = checked.request()?;
    for it in &request.filters {
        it.check(&KEYS)?;
    }
    let of = page::list("automation steps", body);
    let from: usize = match page::place(&of, request.next_token.as_deref())? {
        Some(it) => it.parse().map_err(|_| page::invalid())?,
        None => 0,
    };
    let state = call.sim.state.borrow();
    let execution = state.ssm.automations.find(&request.automation_execution_id)?;
    let mut rows = execution.step_rows();
    if request.reverse_order {
        rows.reverse();
    }
    let has_begun = |it: &StepRow| it.status != Status::Pending;
    let selects = |it: &StepRow| request.filters.iter().all(|by| by.selects_step(it));
    let places = rows.iter().enumerate().skip(from);
    let mut found = places.filter(|(_, it)| has_begun(it) && selects(it));
    let size = call.pages.of(request.max_results.unwrap_or(DEFAULT_PAGE));
    let page: Vec<Value> = found.by_ref().take(size).map(|(_, it)| it.json.clone()).collect();
    let mut res = json!({ "StepExecutions": page });
    if let Some((next, _)) = found.next() {
        res["NextToken"] = page::token(&of, &next.to_string()).into();
    }
    Ok(res)
}

impl Filter {
    fn selects_step(&self, row: &StepRow) -> bool {
        let is = |member: &str| row.json[member].as_str().is_some_and(|it| self.has(it));
        match self.key.as_str() {
            "StepExecutionStatus" => self.has(row.status.word()),
            "StepExecutionId" => is("StepExecutionId"),
            "StepName" => is("StepName"),
            "Action" => is("Action"),
            "StartTimeBefore" | "StartTimeAfter" => {
                row.started.is_some_and(|it| self.is_in_time(it))
            }
            _ => false, // no step here is within a loop
        }
    }
}
