//! What a scripted instance does with a document: which `[[outcome]]` decides, how it ends, and
//! what its agent would have reported.

use std::time::Duration;

use super::{
    command::{Chosen, StepResult},
    content::Content,
    status::Status,
    truncate,
};
use crate::sim::state::{Outcome, Platform};

/// The `status` words that a world's `[[outcome]]` may use. `Delayed` is late by half of `after`
/// and then goes by `exit`; `InProgress` never replies.
pub(crate) const OUTCOME_STATUSES: [&str; 11] = [
    "Success",
    "Failed",
    "Cancelled",
    "ExecutionTimedOut",
    "DeliveryTimedOut",
    "Undeliverable",
    "Terminated",
    "InvalidPlatform",
    "AccessDenied",
    "Delayed",
    "InProgress",
];

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

/// Whether `text` matches a pattern in which `*` stands for anything.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|it| text.strip_prefix(it)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

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
    if res.runs && res.status.is_some() && res.after > timeout {
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
    let mut decided = false;
    let step = |step: &super::content::Step| {
        if !step.applies_to(platform) {
            return result(&step.name, Status::Success, 0, &skip_reason(step), "");
        }
        if decided && status == Status::Cancelled {
            // MarkAsCancelled: plugins that had not started get code 1.
            return result(&step.name, Status::Cancelled, 1, "", "");
        }
        if decided {
            return result(&step.name, Status::Success, 0, "", "");
        }
        decided = true;
        let exit = outcome.map_or(0, |it| it.exit);
        // A script that was cut short has not printed what it would have printed.
        let said = outcome.filter(|it| status != Status::Cancelled && it.after <= timeout);
        let stdout = said.map_or("", |it| &it.stdout);
        let stderr = said.map_or("", |it| &it.stderr);
        match status {
            Status::Success => succeeded(&step.name, exit, stdout, stderr),
            Status::ExecutionTimedOut | Status::Cancelled => {
                result(&step.name, status, kill_code(platform), stdout, stderr)
            }
            _ => failed(&step.name, exit, stdout, stderr), // only Failed is left of those that run
        }
    };
    content.steps.iter().map(step).collect()
}

fn succeeded(name: &str, exit: i32, stdout: &str, stderr: &str) -> StepResult {
    if exit != 168 {
        return result(name, Status::Success, 0, stdout, stderr);
    }
    let text = "\nStep exited with code 168. Therefore, marking step as succeeded. \
                Further document steps will be skipped.";
    result(name, Status::Success, 168, &format!("{stdout}{text}"), "")
}

/// Also used for a document that could not be run at all.
pub(super) fn failed(name: &str, exit: i32, stdout: &str, stderr: &str) -> StepResult {
    if exit == 169 {
        let text = "\nStep exited with code 169. Therefore, marking step as Failed. \
                    Further document steps will be skipped.";
        let (stdout, stderr) = (format!("{stdout}{text}"), format!("{stderr}{text}"));
        return result(name, Status::Failed, 169, &stdout, &stderr);
    }
    let exit = if exit == 0 { 1 } else { exit };
    let separator = if stderr.is_empty() { "" } else { "\n" };
    let stderr = format!("{stderr}{separator}failed to run commands: exit status {exit}");
    result(name, Status::Failed, exit, stdout, &stderr)
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
    let output = truncate::combined(stdout, stderr, code);
    let (stdout, stderr) = (stream(stdout), stream(stderr));
    StepResult {
        name: name.to_owned(),
        status,
        code,
        stdout,
        stderr,
        output,
        started: None,
        ended: None,
    }
}

fn skip_reason(step: &super::content::Step) -> String {
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
