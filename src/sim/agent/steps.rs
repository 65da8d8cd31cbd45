//! Which step of a document runs, and what its result means for the rest.
//! Pure: it neither runs anything nor knows how that is done.

use serde_json::Value;

use super::{
    Status,
    document::{Schema, Step},
    precondition::{self, Verdict},
};

/// Ends the document with success.
pub(super) const EXIT_WITH_SUCCESS: i32 = 168;
/// Ends the document with failure.
pub(super) const EXIT_WITH_FAILURE: i32 = 169;

/// The plugins that the agent knows by name, on whatever platform.
const KNOWN: [&str; 16] = [
    "aws:applications",
    "aws:cloudWatch",
    "aws:configureDaemon",
    "aws:configureDocker",
    "aws:configurePackage",
    "aws:domainJoin",
    "aws:downloadContent",
    "aws:psModule",
    "aws:refreshAssociation",
    "aws:runDockerAction",
    "aws:runDocument",
    RUN_POWERSHELL_SCRIPT,
    RUN_SHELL_SCRIPT,
    "aws:softwareInventory",
    "aws:updateAgent",
    "aws:updateSsmAgent",
];
/// Those among them that a Linux instance does not have.
const ELSEWHERE: [&str; 6] = [
    "aws:applications",
    "aws:cloudWatch",
    "aws:configureDaemon",
    "aws:psModule",
    RUN_POWERSHELL_SCRIPT,
    "aws:updateAgent",
];
const RUN_SHELL_SCRIPT: &str = "aws:runShellScript";
const RUN_POWERSHELL_SCRIPT: &str = "aws:runPowerShellScript";

/// What is to be done about a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Run,
    Skip(String),
    Fail(String),
}

/// The agent's own status of a step, in the order in which several properties of one are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Skipped,
    Success,
    SuccessAndReboot,
    Failed,
    Cancelled,
    TimedOut,
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) state: State,
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) output: String,
    /// Both streams as they were written, without what the agent says of them.
    pub(super) raw: [Vec<u8>; 2],
}

impl Done {
    /// A step that did not run: the text is in the plugin's `Output` only.
    pub(super) fn without_running(state: State, output: String) -> Self {
        // The agent reports a failure that has no code as 1.
        let code = i32::from(state == State::Failed);
        let raw = Default::default();
        Self { state, code, stdout: String::new(), stderr: String::new(), output, raw }
    }
}

/// Decides on step `index`, the ones before it being done.
pub(super) fn operation(steps: &[Step], index: usize, done: &[Done]) -> Operation {
    let step = &steps[index];
    let Step { action, id, .. } = step;
    if is_ended(steps, index, done) {
        return Operation::Skip(format!(
            "Plugin with name {action} and id {id} skipped due to prior step with an exit condition"
        ));
    }
    let is_known = KNOWN.contains(&action.as_str());
    let is_supported = is_known && !ELSEWHERE.contains(&action.as_str());
    let unknown = || {
        Operation::Fail(format!(
            "Plugin with name {action} is not supported by this version of ssm agent, please update \
             to latest version. Step name: {id}"
        ))
    };
    let unsupported = || {
        Operation::Skip(format!(
            "Step execution skipped due to unsupported plugin: {action}. Step name: {id}"
        ))
    };
    let verdict = precondition::judge(&step.precondition);
    match (step.schema, verdict) {
        (Schema::V1 | Schema::V2, _) if !is_known => unknown(),
        (Schema::V1 | Schema::V2, _) if !is_supported => Operation::Fail(format!(
            "Plugin with name {action} is not supported in current platform. Step name: {id}"
        )),
        (Schema::V1 | Schema::V2, _) if !step.precondition.is_empty() => Operation::Fail(format!(
            "Precondition is not supported for document schema version prior to 2.2. Step name: {id}"
        )),
        (Schema::V1 | Schema::V2, _) => Operation::Run,
        (Schema::V22, Verdict::Satisfied | Verdict::Unrecognized(_)) if !is_known => unknown(),
        // Published outputs of Linux instances show this text for the PowerShell half of a document:
        // there the condition is named rather than the plugin.
        (Schema::V22, Verdict::Unsatisfied(_))
            if !is_supported && action != RUN_POWERSHELL_SCRIPT =>
        {
            unsupported()
        }
        (Schema::V22, Verdict::Unsatisfied(text)) => Operation::Skip(format!(
            "Step execution skipped due to unsatisfied preconditions: '{text}'. Step name: {id}"
        )),
        (Schema::V22, _) if !is_supported => unsupported(),
        (Schema::V22, Verdict::Unrecognized(text)) => Operation::Fail(format!(
            "Unrecognized precondition(s): '{text}', please update agent to latest version. \
             Step name: {id}"
        )),
        (Schema::V22, Verdict::Satisfied) => Operation::Run,
    }
}

/// Says whether the simulator can run this plugin of a Linux instance.
pub(super) fn is_implemented(action: &str) -> bool {
    action == RUN_SHELL_SCRIPT
}

/// Appends what the agent says of a step that ran, and lets `onFailure` change its result.
pub(super) fn conclude(step: &Step, mut done: Done) -> Done {
    let on_failure = modifier(&step.inputs, "onFailure");
    let exits = matches!(on_failure.as_str(), "exit" | "successAndExit");
    match done.code {
        EXIT_WITH_SUCCESS => {
            done.state = State::Success;
            done.stderr.clear();
            done.stdout.push_str(
                "\nStep exited with code 168. Therefore, marking step as succeeded. Further document \
                 steps will be skipped.",
            );
        }
        EXIT_WITH_FAILURE => append_to_both(
            &mut done,
            "\nStep exited with code 169. Therefore, marking step as Failed. Further document steps \
             will be skipped.",
        ),
        // Only a failure: a step that timed out or was cancelled lets the next one run.
        _ if done.state == State::Failed && exits => {
            append_to_both(
                &mut done,
                "\nStep was found to have onFailure property. Further document steps will be skipped.",
            );
            if on_failure == "successAndExit" {
                done.state = State::Success;
                done.code = EXIT_WITH_SUCCESS;
            }
        }
        _ => {}
    }
    done
}

/// The status of a document: Failed, TimedOut, Cancelled, Success, the first that applies.
pub(super) fn aggregate(done: &[Done]) -> Status {
    let any = |state| done.iter().any(|it| it.state == state);
    if any(State::Failed) {
        Status::Failed
    } else if any(State::TimedOut) {
        Status::TimedOut
    } else if any(State::Cancelled) {
        Status::Cancelled
    } else {
        Status::Success
    }
}

fn append_to_both(done: &mut Done, text: &str) {
    done.stdout.push_str(text);
    done.stderr.push_str(text);
}

/// Says whether a step before this one ended the document for it.
fn is_ended(steps: &[Step], index: usize, done: &[Done]) -> bool {
    // `finallyStep` counts on the last step only.
    if index + 1 == steps.len() && modifier(&steps[index].inputs, "finallyStep") == "true" {
        return false;
    }
    steps[..index].iter().zip(done).any(|(step, done)| {
        matches!(done.code, EXIT_WITH_SUCCESS | EXIT_WITH_FAILURE)
            || (done.state == State::Failed && modifier(&step.inputs, "onFailure") == "exit")
            || (done.state == State::Success && modifier(&step.inputs, "onSuccess") == "exit")
    })
}

fn modifier(inputs: &Value, name: &str) -> String {
    match inputs.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(flag)) => flag.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(inputs: Value) -> Step {
        Step {
            id: "s".to_owned(),
            action: RUN_SHELL_SCRIPT.to_owned(),
            inputs,
            precondition: Vec::new(),
            schema: Schema::V22,
            environment: std::collections::BTreeMap::new(),
        }
    }

    /// Whether the second of three steps and the last run after the first came to this.
    fn check(modifiers: &Value, state: State, code: i32, expected: [bool; 2]) {
        for (finally, last_runs) in [(json!(true), true), (json!(null), expected[1])] {
            let last = json!({ "finallyStep": finally });
            let steps = [step(modifiers.clone()), step(json!({ "finallyStep": true })), step(last)];
            let done = Done { code, ..Done::without_running(state, String::new()) };
            let done =
                [conclude(&steps[0], done), Done::without_running(State::Skipped, String::new())];
            let actual = [1, 2].map(|it| operation(&steps, it, &done) == Operation::Run);
            assert_eq!(actual, [expected[0], last_runs], "{modifiers} after {state:?} {code}");
        }
    }

    #[test]
    fn a_modifier_ends_the_document_for_all_but_the_finally_step() {
        let (go, stop) = ([true; 2], [false; 2]);
        let modifier = |name: &str, value: &str| json!({ name: value });
        check(&json!({}), State::Failed, 1, go);
        check(&json!({}), State::Success, 168, stop);
        check(&json!({}), State::Failed, 169, stop);
        check(&modifier("onFailure", "exit"), State::Failed, 1, stop);
        check(&modifier("onFailure", "exit"), State::Success, 0, go);
        check(&modifier("onFailure", "exit"), State::TimedOut, 137, go);
        check(&modifier("onFailure", "exit"), State::Cancelled, 137, go);
        check(&modifier("onFailure", "successAndExit"), State::Failed, 1, stop);
        check(&modifier("onFailure", "Abort"), State::Failed, 1, go);
        check(&modifier("onSuccess", "exit"), State::Success, 0, stop);
        check(&modifier("onSuccess", "exit"), State::Skipped, 0, go);
        check(&modifier("onSuccess", "exit"), State::Failed, 1, go);
    }

    #[test]
    fn a_document_is_as_bad_as_its_worst_step() {
        let check = |states: &[State], expected| {
            let done: Vec<_> =
                states.iter().map(|&it| Done::without_running(it, String::new())).collect();
            assert_eq!(aggregate(&done), expected, "{states:?}");
        };
        check(&[State::TimedOut, State::Failed, State::Success], Status::Failed);
        check(&[State::Cancelled, State::TimedOut], Status::TimedOut);
        check(&[State::Success, State::Cancelled], Status::Cancelled);
        check(&[State::Skipped, State::Skipped], Status::Success);
    }
}
