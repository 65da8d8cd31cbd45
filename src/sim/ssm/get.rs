//! GetCommandInvocation: one step of one invocation, with its output.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    command::{Command, Invocation},
    shapes::GET_COMMAND_INVOCATION,
    status::Status,
    validate,
    view::StepView,
};
use crate::sim::api::{ApiError, Call, Facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    command_id: String,
    instance_id: String,
    plugin_name: Option<String>,
}

/// The service's limits; the agent sends up to 24,000 bytes of either stream (C8).
const STDOUT_LIMIT: usize = 24_000;
const STDERR_LIMIT: usize = 8_000;

pub(super) fn get_command_invocation(call: &Call, body: &Value) -> Result<Value, ApiError> {
    call.authorize("ssm:GetCommandInvocation", None, &Facts::default())?;
    let request: Request = validate::request(GET_COMMAND_INVOCATION, body)?;
    let state = call.sim.state.borrow();
    let now = call.sim.clock.now();
    let command = state.ssm.command(&request.command_id).filter(|it| it.visible <= now);
    let found = command.and_then(|command| {
        let index = command.by_instance.get(&request.instance_id)?;
        Some((command, command.invocations.get(*index)?))
    });
    let Some((command, invocation)) = found else {
        return Err(ApiError::bare("InvocationDoesNotExist"));
    };
    let mut steps = command.steps(invocation);
    let step = match &request.plugin_name {
        Some(name) => {
            let found = steps.iter().position(|it| it.name == name);
            steps.swap_remove(found.ok_or_else(|| ApiError::bare("InvalidPluginName"))?)
        }
        None if steps.len() == 1 => steps.swap_remove(0),
        None => return Ok(answer(command, invocation, "", &whole(invocation, &steps))),
    };
    Ok(answer(command, invocation, step.name, &step))
}

/// D13, UNVERIFIED: several steps and no PluginName give the invocation's own status, no output,
/// and the code of the first step that failed.
fn whole<'a>(invocation: &Invocation, steps: &[StepView]) -> StepView<'a> {
    let is_amiss = |it: &&StepView| it.status.is_terminal() && it.status != Status::Success;
    let code = match steps.iter().find(is_amiss) {
        Some(it) => it.code,
        None if invocation.status == Status::Success => 0,
        None => -1,
    };
    StepView {
        name: "",
        status: invocation.status,
        code,
        started: invocation.started,
        ended: invocation.started.and(invocation.ended),
        result: None,
    }
}

fn answer(command: &Command, invocation: &Invocation, name: &str, step: &StepView) -> Value {
    // Both are empty until the step has finished: no live tailing.
    let finished = step.result.filter(|_| step.status.is_terminal());
    let [stdout_url, stderr_url] = command.output_urls(invocation, name);
    let elapsed = step.started.zip(step.ended);
    json!({
        "CommandId": command.id,
        "InstanceId": invocation.chosen.instance,
        "Comment": command.echo.comment,
        "DocumentName": command.document,
        "DocumentVersion": command.version,
        "PluginName": name,
        "ResponseCode": step.code,
        "ExecutionStartDateTime": step.started.map(iso).unwrap_or_default(),
        "ExecutionElapsedTime": elapsed.map(|(a, b)| iso_duration(a, b)).unwrap_or_default(),
        "ExecutionEndDateTime": step.ended.map(iso).unwrap_or_default(),
        "Status": step.status.word(),
        "StatusDetails": step.status.details(),
        "StandardOutputContent": finished.map_or("", |it| clipped(&it.stdout, STDOUT_LIMIT)),
        "StandardOutputUrl": stdout_url,
        "StandardErrorContent": finished.map_or("", |it| clipped(&it.stderr, STDERR_LIMIT)),
        "StandardErrorUrl": stderr_url,
        "CloudWatchOutputConfig": command.echo.log_config(),
    })
}

fn clipped(text: &str, limit: usize) -> &str {
    text.char_indices().nth(limit).map_or(text, |(end, _)| &text[..end])
}

/// Such as `2020-02-19T18:18:03.419Z`: here, unlike elsewhere, times are text.
fn iso(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Such as `PT0.091S` or `PT1H0.271S`.
fn iso_duration(from: Timestamp, to: Timestamp) -> String {
    let ms = (to.as_millisecond() - from.as_millisecond()).max(0);
    let part = |n: i64, unit| if n > 0 { format!("{n}{unit}") } else { String::new() };
    let hours = part(ms / 3_600_000, 'H');
    let minutes = part(ms / 60_000 % 60, 'M');
    let (seconds, fraction) = (ms / 1000 % 60, ms % 1000);
    if fraction == 0 {
        return format!("PT{hours}{minutes}{seconds}S");
    }
    format!("PT{hours}{minutes}{seconds}.{fraction:03}S")
}
