//! What a step does here: what the world scripts, and without a script that it succeeds after a
//! second. Nothing is called: neither Lambda nor a command nor another runbook. Two of AWS's own
//! act on the account: `support`.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    execution::{Execution, Failure, Status},
    support,
};
use crate::sim::{
    scripts::{Script, StepEnd, StepScript},
    state::{Simulator, State},
};

/// How a step goes on from its beginning.
pub(super) struct Play {
    /// `None`: it never ends.
    pub after: Option<Duration>,
    /// Until then.
    pub status: Status,
}

/// What a step puts out, or how it failed.
pub(super) type End = Result<BTreeMap<String, Vec<String>>, (Status, Failure)>;

const UNSCRIPTED: Duration = Duration::from_secs(1);

pub(super) fn of(sim: &Simulator, state: &State, sequence: u64, step: usize) -> Play {
    let Some(execution) = state.ssm.automations.executions.get(&sequence) else {
        return Play { after: None, status: Status::InProgress };
    };
    let declared = &execution.runbook.steps[step];
    let script = script(sim, state, execution);
    let own = script.and_then(|it| it.steps.get(&declared.name));
    let timeout = declared.timeout_seconds.map(Duration::from_secs);
    let after = own.and_then(|it| it.after).or_else(|| script.and_then(|it| it.after));
    match own.map(|it| it.end) {
        Some(StepEnd::InProgress) => Play { after: timeout, status: Status::InProgress },
        Some(StepEnd::Waiting) => Play { after: timeout, status: Status::Waiting },
        Some(StepEnd::Success | StepEnd::Failed | StepEnd::TimedOut) | None => {
            let after = after
                .or_else(|| sleep(execution, step))
                .or_else(|| support::usual(&execution.document, &declared.name))
                .unwrap_or(UNSCRIPTED);
            Play {
                after: Some(timeout.map_or(after, |it| after.min(it))),
                status: Status::InProgress,
            }
        }
    }
}

pub(super) fn end(
    sim: &Simulator,
    state: &mut State,
    sequence: u64,
    step: usize,
    at: Timestamp,
) -> End {
    let Some(execution) = state.ssm.automations.executions.get(&sequence) else {
        return Ok(BTreeMap::new());
    };
    let declared = &execution.runbook.steps[step];
    let script = script(sim, state, execution);
    let own = script.and_then(|it| it.steps.get(&declared.name));
    let timeout = declared.timeout_seconds.map(|it| SignedDuration::from_secs(it.cast_signed()));
    let started = execution.steps[step].started.unwrap_or(at);
    // One that was to take longer has come to its own time-out.
    let wanted = own.and_then(|it| it.after).or_else(|| script.and_then(|it| it.after));
    let wanted = wanted.and_then(|it| SignedDuration::try_from(it).ok());
    let is_late = timeout.is_some_and(|timeout| {
        at.duration_since(started) >= timeout && wanted.is_some_and(|it| it > timeout)
    });
    let unnamed = StepScript::default();
    let own = own.unwrap_or(&unnamed);
    match own.end {
        StepEnd::InProgress | StepEnd::Waiting | StepEnd::TimedOut => {
            Err((Status::TimedOut, timed_out(own)))
        }
        StepEnd::Success | StepEnd::Failed if is_late => Err((Status::TimedOut, timed_out(own))),
        StepEnd::Failed => Err((Status::Failed, failed(own))),
        StepEnd::Success => {
            let scripted = own.outputs.clone();
            let mut res =
                support::act(sim, state, sequence, step, at).unwrap_or(Ok(BTreeMap::new()))?;
            res.extend(scripted);
            Ok(res)
        }
    }
}

/// The script of the world that decides about an execution: the first that matches.
fn script<'a>(sim: &'a Simulator, state: &State, execution: &Execution) -> Option<&'a Script> {
    let instance = execution.instances.first().and_then(|it| state.instances.get(it));
    sim.runbooks.iter().find(|it| it.is_for(&execution.document, instance))
}

/// How long `aws:sleep` takes.
fn sleep(execution: &Execution, step: usize) -> Option<Duration> {
    let declared = &execution.runbook.steps[step];
    let text = declared.inputs.get("Duration").filter(|_| declared.action == "aws:sleep")?;
    let text = execution.resolve(text.as_str()?);
    text.parse::<SignedDuration>().ok().and_then(|it| Duration::try_from(it).ok())
}

fn failed(script: &StepScript) -> Failure {
    let why = script.message.as_deref().unwrap_or("The step failed, as the world orders.");
    Failure {
        message: sentence(why),
        stage: script.failure_stage.unwrap_or("Invocation"),
        kind: script.failure_type.unwrap_or("Action"),
    }
}

fn timed_out(script: &StepScript) -> Failure {
    let why = script.message.as_deref().unwrap_or("The step took too long.");
    Failure {
        // As a capture of EC2 Image Builder has it.
        message: format!(
            "Step timed out while step is verifying the completion of its action. {why} {GUIDE}"
        ),
        stage: script.failure_stage.unwrap_or("PostVerification"),
        kind: script.failure_type.unwrap_or("Verification"),
    }
}

const GUIDE: &str =
    "Please refer to Automation Service Troubleshooting Guide for more diagnosis details.";

/// What FailureMessage says around the reason, as captures have it.
pub(super) fn sentence(why: &str) -> String {
    format!("Step fails when it is Execute/Cancelling action. {why} {GUIDE}")
}
