//! What a scripted instance does with a document: which `[[outcome]]` decides, how it ends, and
//! what its agent would have reported.

use std::time::Duration;

use bytes::Bytes;

use super::{
    command::{Chosen, StepResult},
    content::Content,
    status::Status,
    steps::Step,
};
use crate::sim::{
    agent::truncate,
    scripts::is_like,
    state::{AgentFault, Outcome, Platform},
};

/// How a scripted invocation goes on from its delivery.
pub(super) struct Ending {
    pub after: Duration,
    /// `None`: never.
    pub status: Option<Status>,
    /// Whether the agent starts the document.
    pub runs: bool,
    pub delayed: bool,
}

/// Returns the index of the first outcome that matches.
pub(super) fn find(outcomes: &[Outcome], chosen: &Chosen, document: &str) -> Option<usize> {
    outcomes.iter().position(|it| {
        it.group.as_ref().is_none_or(|group| *group == chosen.group)
            && it.instances.as_ref().is_none_or(|all| all.contains(&chosen.index))
            && is_like(&it.document, document)
    })
}

/// Reads the outcome's `status`: a final StatusDetails word; `Delayed`, which is late by half of
/// `after` and then goes by `exit`; or `InProgress`, which never replies.
pub(super) fn ending(outcome: Option<&Outcome>, platform: Platform, timeout: Duration) -> Ending {
    let Some(outcome) = outcome else {
        let after = Duration::from_secs(1);
        return Ending { after, status: Some(Status::Success), runs: true, delayed: false };
    };
    let mut res = Ending { after: outcome.after, status: None, runs: true, delayed: false };
    let by_exit = exit_status(outcome.exit, platform);
    match outcome.status.as_deref().and_then(Status::parse) {
        None => res.status = Some(by_exit),
        Some(Status::Delayed) => {
            res.status = Some(by_exit);
            res.delayed = true;
        }
        Some(Status::Pending | Status::InProgress | Status::Cancelling) => {}
        Some(it @ (Status::Success | Status::Failed | Status::ExecutionTimedOut)) => {
            res.status = Some(it);
        }
        Some(Status::Cancelled) => res.status = Some(Status::Cancelled),
        Some(
            it @ (Status::DeliveryTimedOut
            | Status::Undeliverable
            | Status::Terminated
            | Status::InvalidPlatform
            | Status::AccessDenied),
        ) => {
            res.status = Some(it);
            res.runs = false;
        }
    }
    if is_reboot(outcome.exit, platform) {
        res.after *= 2; // the step runs again after the boot
    }
    let is_kept_open = outcome.agent == Some(AgentFault::Hang);
    if res.runs && res.status.is_some() && (res.after > timeout || is_kept_open) {
        res.after = timeout;
        res.status = Some(Status::ExecutionTimedOut);
    }
    res
}

/// What the agent makes of an exit code (aws-facts §A.3).
fn exit_status(exit: i32, platform: Platform) -> Status {
    match exit {
        0 | 168 => Status::Success,
        _ if is_reboot(exit, platform) => Status::Success,
        _ if exit == kill_code(platform) => Status::ExecutionTimedOut,
        _ => Status::Failed,
    }
}

fn is_reboot(exit: i32, platform: Platform) -> bool {
    match platform {
        Platform::Windows => exit == 3010,
        Platform::Linux | Platform::MacOs => exit == 194,
    }
}

/// The exit code of a script that its agent killed.
pub(super) fn kill_code(platform: Platform) -> i32 {
    match platform {
        Platform::Windows => -1,
        Platform::Linux | Platform::MacOs => 137,
    }
}

/// What the agent reports of every step. The outcome is that of the first step that applies to
/// the platform; the later ones succeed and say nothing.
pub(super) fn results(
    outcome: Option<&Outcome>,
    platform: Platform,
    status: Status,
    content: &Content,
    timeout: Duration,
) -> Vec<StepResult> {
    let exit = outcome.map_or(0, |it| it.exit);
    let mut decided = false;
    let step = |step: &Step| {
        if !step.applies_to(platform) {
            return silent(step, Status::Success, 0, &skip_reason(step));
        }
        if decided && status == Status::Cancelled {
            // MarkAsCancelled: plugins that had not started get code 1.
            return silent(step, Status::Cancelled, 1, "");
        }
        if decided && matches!(exit, 168 | 169) {
            let (action, name) = (&step.action, &step.name);
            let text = format!(
                "Plugin with name {action} and id {name} skipped due to prior step with an exit \
                 condition"
            );
            return silent(step, Status::Success, 0, &text);
        }
        if decided {
            return silent(step, Status::Success, 0, "");
        }
        decided = true;
        // A script that was cut short has not printed what it would have printed.
        let said = outcome.filter(|it| status != Status::Cancelled && it.after <= timeout);
        let stdout = said.map_or("", |it| &it.stdout);
        let stderr = said.map_or("", |it| &it.stderr);
        match status {
            Status::Success if exit == 168 => {
                let text = format!("{stdout}{EXITED_168}");
                let output = truncate::combined(stdout, stderr, 168);
                StepResult { output, ..result(&step.name, Status::Success, 168, &text, "") }
            }
            Status::Success => result(&step.name, Status::Success, 0, stdout, stderr),
            Status::ExecutionTimedOut | Status::Cancelled => {
                result(&step.name, status, kill_code(platform), stdout, stderr)
            }
            _ => failed(&step.name, exit, stdout, stderr), // only Failed is left of those that run
        }
    };
    content.steps.iter().map(step).collect()
}

const EXITED_168: &str = "\nStep exited with code 168. Therefore, marking step as succeeded. \
                          Further document steps will be skipped.";
const EXITED_169: &str = "\nStep exited with code 169. Therefore, marking step as Failed. \
                          Further document steps will be skipped.";

fn failed(name: &str, exit: i32, stdout: &str, stderr: &str) -> StepResult {
    let exit = if exit == 0 { 1 } else { exit };
    let separator = if stderr.is_empty() { "" } else { "\n" };
    let stderr = format!("{stderr}{separator}failed to run commands: exit status {exit}");
    let res = result(name, Status::Failed, exit, stdout, &stderr);
    if exit != 169 {
        return res;
    }
    // The agent composes Output before it appends this.
    let (stdout, stderr) = (format!("{stdout}{EXITED_169}"), format!("{stderr}{EXITED_169}"));
    StepResult { output: res.output, ..result(name, Status::Failed, 169, &stdout, &stderr) }
}

/// A step that did not run: the text is in its Output only.
fn silent(step: &Step, status: Status, code: i32, output: &str) -> StepResult {
    StepResult { output: output.to_owned(), ..result(&step.name, status, code, "", "") }
}

/// A step's result with its streams truncated as the agent truncates them.
pub(super) fn result(
    name: &str,
    status: Status,
    code: i32,
    stdout: &str,
    stderr: &str,
) -> StepResult {
    let stream = |text: &str| truncate::stream(text, truncate::STREAM);
    StepResult {
        name: name.to_owned(),
        status,
        code,
        output: truncate::combined(stdout, stderr, code),
        stdout: stream(stdout),
        stderr: stream(stderr),
        full: [stdout, stderr].map(|it| Bytes::copy_from_slice(it.as_bytes())),
        started: None,
        ended: None,
    }
}

fn skip_reason(step: &Step) -> String {
    let (name, action) = (&step.name, &step.action);
    match step.only_on {
        Some(platform) => {
            let platform = super::documents::platform_word(platform);
            format!(
                "Step execution skipped due to unsatisfied preconditions: \
                 '\"StringEquals\": [platformType, {platform}]'. Step name: {name}"
            )
        }
        None => {
            format!("Step execution skipped due to unsupported plugin: {action}. Step name: {name}")
        }
    }
}
