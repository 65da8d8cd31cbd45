//! Automation: runbooks, their executions, and what is asked of them.
//! A step calls nothing: it takes as long and ends as the world says.

mod choice;
mod engine;
mod execution;
mod list;
mod parameters;
mod play;
mod rate;
mod runbook;
mod shapes;
mod sleep;
mod start;
mod steps;
mod stop;
mod support;
mod targets;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

pub(crate) use self::engine::automate;
pub(super) use self::runbook::Runbook;
use self::{
    execution::Execution,
    list::describe_automation_executions,
    start::{Asked, start_automation_execution},
    steps::describe_automation_step_executions,
    stop::stop_automation_execution,
};
use crate::sim::api::{ApiError, Call, Facts};

/// The executions that Automation remembers. How long it does is UNVERIFIED (D20): for ever.
#[derive(Default)]
pub(super) struct Automations {
    /// By sequence number, so that the newest is last.
    executions: BTreeMap<u64, Execution>,
    by_id: HashMap<String, u64>,
    /// The sequence numbers of those that are not over.
    active: BTreeSet<u64>,
    /// What was asked for under a ClientToken in lower case, and the execution that it started.
    tokens: HashMap<String, (Asked, String)>,
    last_sequence: u64,
}

/// Answers an operation of Automation; `None`: it is another's.
pub(super) fn call(call: &Call, body: &Value) -> Option<Result<Value, ApiError>> {
    Some(match call.operation.as_str() {
        "StartAutomationExecution" => start_automation_execution(call, body),
        "StopAutomationExecution" => stop_automation_execution(call, body),
        "GetAutomationExecution" => view::get_automation_execution(call, body),
        "DescribeAutomationExecutions" => describe_automation_executions(call, body),
        "DescribeAutomationStepExecutions" => describe_automation_step_executions(call, body),
        _ => return None,
    })
}

impl Automations {
    fn next_sequence(&mut self) -> u64 {
        self.last_sequence += 1;
        self.last_sequence
    }

    fn insert(&mut self, execution: Execution) {
        self.by_id.insert(execution.id.clone(), execution.sequence);
        self.active.insert(execution.sequence);
        self.executions.insert(execution.sequence, execution);
    }

    fn find(&self, id: &str) -> Result<&Execution, ApiError> {
        let found = self.by_id.get(id).and_then(|it| self.executions.get(it));
        found.ok_or_else(|| {
            ApiError::new(
                "AutomationExecutionNotFoundException",
                "There is no automation execution information for the requested automation \
                 execution ID.",
            )
        })
    }

    /// Those that are not over, the oldest first.
    fn active(&self) -> impl Iterator<Item = &Execution> {
        self.active.iter().filter_map(|it| self.executions.get(it))
    }

    /// How many run, and how many of them start others.
    fn running(&self) -> (usize, usize) {
        let running = || self.active().filter(|it| it.status.is_running());
        (running().count(), running().filter(|it| it.rate.is_some()).count())
    }
}

/// Authorises an action on one execution, also on one that does not exist.
fn authorize(call: &Call, action: &str, id: Option<&str>) -> Result<(), ApiError> {
    let Some(id) = id else {
        return call.authorize(action, None, &Facts::default()); // validation refuses it next
    };
    let sim = &call.sim;
    let arn = format!("arn:aws:ssm:{}:{}:automation-execution/{id}", sim.region, sim.account);
    let state = sim.state.borrow();
    let tags = state.ssm.automations.find(id).map(|it| it.tags.clone()).unwrap_or_default();
    drop(state);
    call.authorize(action, Some(&arn), &Facts::of_tags(tags))
}
