//! StopAutomationExecution: cancels what runs, or lets its step come to its end and begins no other.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    authorize,
    engine::Engine,
    execution::{Status, Stop},
    shapes::STOP,
};
use crate::sim::{
    api::{ApiError, Call},
    ssm::validate::Checked,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    automation_execution_id: String,
    #[serde(rename = "Type")]
    kind: Option<String>,
}

pub(super) fn stop_automation_execution(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let checked = Checked::of(STOP, body);
    authorize(call, "ssm:StopAutomationExecution", checked.text("AutomationExecutionId"))?;
    let request: Request = checked.request()?;
    let stop = match request.kind.as_deref() {
        Some("Complete") => Stop::Complete,
        _ => Stop::Cancel, // the default; the shape knows no third
    };
    let sim = &call.sim;
    let mut state = sim.state.borrow_mut();
    let execution = state.ssm.automations.find(&request.automation_execution_id)?;
    if execution.status.is_terminal() {
        let message = "The specified update status operation isn't valid.";
        return Err(ApiError::new("InvalidAutomationStatusUpdateException", message));
    }
    let sequence = execution.sequence;
    Engine { sim, state: &mut state, at: sim.clock.now() }.stop(sequence, stop);
    Ok(json!({}))
}

impl Engine<'_> {
    /// Stops an execution, and those that it has started. That these are stopped as well is
    /// UNVERIFIED.
    fn stop(&mut self, sequence: u64, stop: Stop) {
        let Some(execution) = self.execution(sequence) else { return };
        if execution.status.is_terminal() || execution.status == Status::Cancelling {
            return;
        }
        execution.stop = Some(stop);
        let children = execution.rate.as_ref().map(|it| {
            let started = it.children.iter().filter_map(|it| it.execution);
            started.collect::<Vec<u64>>()
        });
        match (children, stop) {
            (Some(children), _) => {
                self.withhold(sequence);
                if let Some(it) = self.execution(sequence)
                    && it.status == Status::InProgress
                {
                    it.status = Status::Cancelling;
                }
                for child in children {
                    self.stop(child, stop);
                }
                self.settle_parent(sequence);
            }
            (None, Stop::Cancel) => self.cancel(sequence),
            (None, Stop::Complete) => {
                // One that has not begun has nothing to complete.
                if self.execution(sequence).is_some_and(|it| it.status == Status::Pending) {
                    self.finish(sequence, Status::Cancelled);
                }
            }
        }
    }
}
