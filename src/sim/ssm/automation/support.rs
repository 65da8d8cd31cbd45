//! AWS's own runbooks that act on the account here: AWSSupport-StartEC2RescueWorkflow and
//! AWSSupport-TroubleshootSSH. Their steps stand in the documented order; that they are called so, and
//! how long each takes, is UNVERIFIED: AWS does not publish it.

mod base64;
mod permits;
mod rescue;
mod ssh;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

pub(super) use self::permits::Permits;
use super::{
    execution::{Execution, Failure, Status},
    play::{End, sentence},
};
use crate::sim::state::{Simulator, State};

const RESCUE: &str = "AWSSupport-StartEC2RescueWorkflow";
const SSH: &str = "AWSSupport-TroubleshootSSH";

/// The account at the end of a step that succeeds unless something in the account is against it.
struct Acting<'a> {
    sim: &'a Simulator,
    state: &'a mut State,
    sequence: u64,
    at: Timestamp,
}

/// What a step puts out: one text each.
type Outputs = Vec<(&'static str, String)>;

/// Why a step fails, and how.
struct Refusal {
    why: String,
    kind: &'static str,
    status: Status,
}

/// How long a step of AWS's runbooks takes here; `None`: as any other.
pub(super) fn usual(document: &str, step: &str) -> Option<Duration> {
    let seconds = match (document, step) {
        (RESCUE, "createRescueStack" | "deleteStack" | "deleteStackAfterFailure") => 30,
        (RESCUE, "launchHelperInstance" | "waitForHelperInstance") => 60,
        (RESCUE, "preScriptBackup" | "postScriptBackup") => 60,
        (RESCUE, "stopInstance" | "stopHelperInstance" | "installEC2Rescue") => 20,
        (RESCUE, "runScriptForWindows" | "runScriptForLinux") => 20,
        (RESCUE, "restoreInstanceState") => 10,
        (SSH, "installEC2Rescue" | "troubleshootSSH") => 20,
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

/// Lets a step of AWS's runbooks do what it does; `None`: it is no such step.
pub(super) fn act(
    sim: &Simulator,
    state: &mut State,
    sequence: u64,
    step: usize,
    at: Timestamp,
) -> Option<End> {
    let execution = state.ssm.automations.executions.get(&sequence)?;
    let name = execution.runbook.steps[step].name.clone();
    let document = execution.document.clone();
    let mut acting = Acting { sim, state, sequence, at };
    let res = match document.as_str() {
        RESCUE => acting.rescue(&name),
        SSH => acting.troubleshoot(&name),
        _ => return None,
    };
    Some(match res {
        Ok(outputs) => {
            let outputs = outputs.into_iter().map(|(name, it)| (name.to_owned(), vec![it]));
            Ok(outputs.collect::<BTreeMap<_, _>>())
        }
        Err(refusal) => Err((
            refusal.status,
            Failure {
                message: sentence(&refusal.why),
                stage: if refusal.kind == "Verification" {
                    "PostVerification"
                } else {
                    "Invocation"
                },
                kind: refusal.kind,
            },
        )),
    })
}

impl Refusal {
    fn of(kind: &'static str, why: impl Into<String>) -> Self {
        Self { why: why.into(), kind, status: Status::Failed }
    }

    /// An error of EC2, as the SDK of a runbook words it.
    fn ec2(code: &str, operation: &str, why: &str) -> Self {
        Self::of(
            "Action",
            format!("An error occurred ({code}) when calling the {operation} operation: {why}"),
        )
    }
}

impl Acting<'_> {
    fn execution(&mut self) -> &mut Execution {
        let all = &mut self.state.ssm.automations.executions;
        all.get_mut(&self.sequence).expect("its step is being played")
    }

    /// Returns the value of a parameter; empty if there is none.
    fn parameter(&mut self, name: &str) -> String {
        let values = self.execution().parameters.get(name);
        values.and_then(|it| it.first()).cloned().unwrap_or_default()
    }

    fn remember(&mut self, name: &'static str, value: impl Into<String>) {
        self.execution().memory.insert(name, value.into());
    }

    fn recall(&mut self, name: &str) -> String {
        self.execution().memory.get(name).cloned().unwrap_or_default()
    }
}
