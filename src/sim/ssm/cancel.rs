//! CancelCommand. "There is no guarantee that the command will be terminated."

use serde::Deserialize;
use serde_json::{Value, json};

use super::{engine, shapes::CANCEL_COMMAND, validate};
use crate::sim::api::{ApiError, Call};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    command_id: String,
    #[serde(default)]
    instance_ids: Vec<String>,
}

pub(super) fn cancel_command(call: &Call, body: &Value) -> Result<Value, ApiError> {
    call.authorize("ssm:CancelCommand", None, &Default::default())?;
    let mut request: Request = validate::request(CANCEL_COMMAND, body)?;
    engine::catch_up(&call.sim);
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
