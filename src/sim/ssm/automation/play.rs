//! What a step does here: what the world scripts, and without a script that it succeeds after a
//! second. Nothing is called: neither Lambda nor a command nor another runbook. Two of AWS's own
//! act on the account: `support`.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    execution::{Failure, Status},
    runbook::Runbook,
    sleep, support,
};
use crate::sim::{
    api::ApiError,
    scripts::{Script, StepEnd, StepScript},
    ssm::validate::invalid,
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

pub(super) fn of(
    sim: &Simulator,
    state: &State,
    sequence: u64,
    step: usize,
    at: Timestamp,
) -> Play {
    let Some(execution) = state.ssm.automations.executions.get(&sequence) else {
        return Play { after: None, status: Status::InProgress };
    };
    let declared = &execution.runbook.steps[step];
    let script = script(sim, state, &execution.document, &execution.instances);
    let own = script.and_then(|it| it.steps.get(&declared.name));
    let timeout = declared.timeout_seconds.map(Duration::from_secs);
    let sleep = sleep::of(execution, step, at);
    if own.is_none() && sleep.as_ref().is_some_and(Result::is_err) {
        return Play { after: Some(Duration::ZERO), status: Status::InProgress };
    }
    let after = own.and_then(|it| it.after).or_else(|| script.and_then(|it| it.after));
    match own.map(|it| it.end) {
        Some(StepEnd::InProgress) => Play { after: timeout, status: Status::InProgress },
        Some(StepEnd::Waiting) => Play { after: timeout, status: Status::Waiting },
        Some(StepEnd::Success | StepEnd::Failed | StepEnd::TimedOut) | None => {
            let after = after
                .or_else(|| sleep.and_then(Result::ok))
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
    let script = script(sim, state, &execution.document, &execution.instances);
    let own = script.and_then(|it| it.steps.get(&declared.name));
    let timeout = declared.timeout_seconds.map(|it| SignedDuration::from_secs(it.cast_signed()));
    let started = execution.steps[step].started.unwrap_or(at);
    if own.is_none()
        && let Some(Err(why)) = sleep::of(execution, step, started)
    {
        return Err((Status::Failed, invalid_inputs(&why)));
    }
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

/// The script of the world that decides about an execution on some instances: the first that matches.
fn script<'a>(
    sim: &'a Simulator,
    state: &State,
    document: &str,
    instances: &[String],
) -> Option<&'a Script> {
    let instance = instances.first().and_then(|it| state.instances.get(it));
    sim.runbooks.iter().find(|it| it.is_for(document, instance))
}

/// Actions that end or go on by what the simulator does not have, and what that is.
const SCRIPTED_ONLY: [(&str, &str); 4] = [
    ("aws:approve", "waits for SendAutomationSignal"),
    ("aws:loop", "has steps of its own"),
    ("aws:pause", "waits for SendAutomationSignal"),
    ("aws:updateVariable", "changes a variable"),
];

/// Refuses a runbook with a step that only a script could end, and that has none.
pub(super) fn check(
    sim: &Simulator,
    state: &State,
    (document, runbook): (&str, &Runbook),
    instances: &[String],
) -> Result<(), ApiError> {
    let script = script(sim, state, document, instances);
    for step in &runbook.steps {
        let is_scripted = script.is_some_and(|it| it.steps.contains_key(&step.name));
        let found = SCRIPTED_ONLY.iter().find(|(action, _)| *action == step.action);
        if let Some((_, why)) = found.filter(|_| !is_scripted) {
            return Err(invalid(format!(
                "The step {} of {document} {why}, which is not implemented by this simulator: a \
                 [[runbook.step]] of its world has to say how the step ends.",
                step.name
            )));
        }
    }
    Ok(())
}

/// UNVERIFIED: the type; the sentence is as users quote it.
fn invalid_inputs(why: &str) -> Failure {
    Failure {
        message: format!(
            "Step fails when it is validating and resolving the step inputs. {why} {GUIDE}"
        ),
        stage: "InputValidation",
        kind: "Verification",
    }
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
