//! What an outcome means and what to do about it, written once. What an execution says of its failure
//! goes before what any outcome means.

use super::{
    row::Execution,
    status::{Outcome, Withholder},
};
use crate::plan::{FindingFormat, awaited_by};

/// Returns advice for the reader of the report; `None` where the outcome speaks for itself. What an
/// exit code means may be declared with the findings.
pub(super) fn hint(
    outcome: Outcome,
    execution: Option<&Execution>,
    withheld_by: Option<Withholder>,
    findings: Option<&FindingFormat>,
) -> Option<String> {
    let is_foreign = withheld_by == Some(Withholder::SomebodyElse);
    let code = execution.and_then(|it| it.response_code);
    let has_started = execution.is_some_and(|it| it.started.is_some());
    let failure = execution.and_then(|it| it.failure.as_deref());
    if let Some(failure) = failure.filter(|_| outcome != Outcome::Cancelled) {
        return Some(failure.to_owned());
    }
    let text = match outcome {
        Outcome::Succeeded => return None,
        Outcome::Failed => match code {
            Some(-1) if has_started => {
                "killed by a signal that the agent did not send, often for want of memory: look at the \
                 kernel's log"
            }
            Some(-1) => "it never started on the instance: look at the agent's log there",
            Some(code) => {
                let declared = findings.and_then(|it| it.says(code)).map(ToOwned::to_owned);
                return declared.or_else(|| by_shells(code).map(ToOwned::to_owned));
            }
            None => return None,
        },
        // 137 is also what a shell returns whose last command was killed (amazon-ssm-agent
        // pluginutil_unix.go), so the time it took decides.
        Outcome::ExecutionTimedOut => {
            "the agent killed it at its executionTimeout (or it exited 137): see what it waited for"
        }
        Outcome::DeliveryTimedOut => {
            "no answer before the command expired; it may have run all the same: look before repeating"
        }
        Outcome::Undeliverable => {
            "the agent could not be reached; it may have run all the same: look before repeating"
        }
        Outcome::AccessDenied => {
            "ssm:SendCommand on this instance is not allowed, or denied: does it carry the tag that \
             the policy names? The notes say whose policy to look at, and the statement"
        }
        Outcome::InvalidPlatform => "the document does not run on this platform: leave it out",
        Outcome::LeftGroup => "it left its Auto Scaling group during the run",
        Outcome::Skipped => {
            "every step was skipped by a precondition: nothing was done; is it for this platform?"
        }
        Outcome::Unknown => "it may have run, or still be running: look before repeating",
        Outcome::Cancelled if is_foreign && has_started => {
            "cancelled while it ran, by somebody else than this run: look at what it left"
        }
        Outcome::Cancelled if is_foreign => {
            "cancelled before it started, by somebody else than this run"
        }
        Outcome::Cancelled if has_started => "cancelled while it ran: look at what it left",
        Outcome::Cancelled => "cancelled before it started",
        Outcome::Terminated => {
            "SSM withheld it after the command's error limit was exceeded: retry it when \
             the cause is mended"
        }
        Outcome::NotAttempted => "nothing was sent to it",
    };
    // Of who was cancelled it is the step that it was at: by whom, it does not say.
    let at = failure.map(|it| format!("; {it}")).unwrap_or_default();
    Some(format!("{text}{at}"))
}

/// Returns what is known of a member whose replacement was not followed to its end: the activity that
/// ends it has a name once its group was told, and nothing of it runs on.
pub(super) fn unreplaced(
    (group, region): (&str, &str),
    activity: Option<&str>,
    progress: Option<&str>,
) -> String {
    let awaited = awaited_by(group, region);
    let seen = progress.map(|it| format!(" (last seen: {})", it.trim_end_matches('.')));
    let seen = seen.unwrap_or_default();
    match activity {
        Some(_) => format!(
            "its group was told to end it, and was not seen to have replaced it{seen}; {awaited}"
        ),
        None => format!(
            "whether its group was told to end it is not known: look whether it is there; if it \
             was, {awaited}"
        ),
    }
}

/// Returns what an exit code means by the habit of shells (POSIX, Shell & Utilities, 2.8.2).
fn by_shells(code: i32) -> Option<&'static str> {
    Some(match code {
        126 => "a command could not be executed: is it a program, and may it be run?",
        127 => "a command was not found: is it installed, and on the agent's PATH?",
        134 | 139 => "a command crashed: look for its core dump",
        137 => "a command was killed, often for want of memory: look at the kernel's log",
        143 => "a command was ended from outside: did the instance shut down?",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_instance_is_told_apart_by_whether_it_had_started() {
        let check = |started: Option<&str>, expected: &str| {
            let started = started.map(|it| it.parse().unwrap());
            let execution = Execution { started, ..Execution::default() };
            let text = hint(Outcome::Cancelled, Some(&execution), None, None).unwrap();
            assert_eq!(text, expected);
        };
        check(Some("2024-07-19T04:09:00Z"), "cancelled while it ran: look at what it left");
        check(None, "cancelled before it started");
    }

    #[test]
    fn by_whom_an_execution_was_cancelled_is_told_with_its_step() {
        let execution = Execution {
            started: Some("2024-07-19T04:09:00Z".parse().unwrap()),
            failure: Some("at step 2 of 3: detach".to_owned()),
            ..Execution::default()
        };
        let check = |outcome, by, expected: &str| {
            assert_eq!(hint(outcome, Some(&execution), Some(by), None).unwrap(), expected);
        };
        check(
            Outcome::Cancelled,
            Withholder::SomebodyElse,
            "cancelled while it ran, by somebody else than this run: look at what it left; \
             at step 2 of 3: detach",
        );
        check(
            Outcome::Cancelled,
            Withholder::Run,
            "cancelled while it ran: look at what it left; at step 2 of 3: detach",
        );
        check(Outcome::Failed, Withholder::Run, "at step 2 of 3: detach");
    }
}
