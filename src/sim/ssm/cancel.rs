//! CancelCommand. "There is no guarantee that the command will be terminated."

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    command::Command,
    engine::{What, plus},
    shapes::CANCEL_COMMAND,
    status::{Cancel, Status},
    validate,
};
use crate::sim::api::{ApiError, Call, Facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    command_id: String,
    #[serde(default)]
    instance_ids: Vec<String>,
}

pub(super) fn cancel_command(call: &Call, body: &Value) -> Result<Value, ApiError> {
    call.authorize("ssm:CancelCommand", None, &Facts::default())?;
    let mut request: Request = validate::request(CANCEL_COMMAND, body)?;
    let now = call.sim.clock.now();
    let mut state = call.sim.state.borrow_mut();
    let Some(command) = state.ssm.command_mut(&request.command_id) else {
        return Err(ApiError::bare("InvalidCommandId")); // D14
    };
    if request.instance_ids.is_empty() {
        command.cancel_all(now);
    } else {
        let n = request.instance_ids.len();
        request.instance_ids.sort();
        request.instance_ids.dedup();
        if request.instance_ids.len() < n {
            return Err(ApiError::bare("DuplicateInstanceId"));
        }
        let known = |id: &String| command.by_instance.get(id).copied();
        let indices: Option<Vec<usize>> = request.instance_ids.iter().map(known).collect();
        // UNVERIFIED wording.
        let indices = indices.ok_or_else(|| {
            ApiError::new("InvalidInstanceId", "The command was not sent to that instance")
        })?;
        command.cancel_some(&indices, now);
    }
    command.wake.notify_one();
    Ok(json!({}))
}

/// How long an agent takes to kill what it runs.
const KILL: Duration = Duration::from_secs(1);

impl Command {
    /// Cancels everything; what an agent has must be killed by it first.
    fn cancel_all(&mut self, at: Timestamp) {
        if self.is_finished() {
            return;
        }
        self.cancel = Cancel::All;
        self.pace.stop();
        for index in 0..self.invocations.len() {
            self.cancel_one(index, at);
        }
    }

    fn cancel_some(&mut self, indices: &[usize], at: Timestamp) {
        if self.is_finished() {
            return;
        }
        if self.cancel == Cancel::None {
            self.cancel = Cancel::Some;
        }
        for index in indices {
            self.cancel_one(*index, at);
        }
        self.send_more(at);
    }

    fn cancel_one(&mut self, index: usize, at: Timestamp) {
        let invocation = &self.invocations[index];
        let running = invocation.running.clone();
        match invocation.status {
            Status::Cancelling => {}
            it if it.is_terminal() => {}
            _ if let Some(running) = running => {
                self.set(index, Status::Cancelling);
                running.send_replace(true);
            }
            _ if invocation.started.is_some() => {
                self.set(index, Status::Cancelling);
                self.push(plus(at, KILL), What::Ends(index, Status::Cancelled));
            }
            // "Never-delivered ones go straight to Cancelled" (aws-facts §3.5).
            _ => self.finish(index, Status::Cancelled, at),
        }
    }
}
