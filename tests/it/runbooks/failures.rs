//! What is told of executions that did not succeed.

use serde_json::{Value, json};

use super::{RUN, minimal, run, start_with};
use crate::support::{
    FleetEnv, SimProcess,
    scoped::{ROLE, Scoped},
};

/// A script in which two steps fail; the second cleans up after the first.
const CLEANS_UP: &str = "[[runbook]]\n[[runbook.step]]\nname = \"act\"\nstatus = \"Failed\"\n\
                         message = \"the volume is locked\"\n[[runbook.step]]\nname = \"clean\"\n\
                         status = \"Failed\"\nmessage = \"nothing to clean\"\n";

/// A script in which a step fails that is far beyond the first hundred.
const FAILS_LATE: &str = "[[runbook]]\nafter = \"10ms\"\n[[runbook.step]]\nname = \"s120\"\n\
                          status = \"Failed\"\nmessage = \"no such volume\"\n";

/// The content of a runbook of these steps.
fn runbook(steps: &[Value]) -> String {
    let action = json!({"type": "String", "default": ""});
    let parameters = json!({"InstanceId": {"type": "String"}, "Action": action});
    json!({"schemaVersion": "0.3", "parameters": parameters, "mainSteps": steps}).to_string()
}

fn many_steps() -> Vec<Value> {
    let step = |at| json!({"name": format!("s{at}"), "action": "aws:executeScript"});
    (1..=130).map(step).collect()
}

/// A world with one instance, and a runbook `Mend` of these steps.
fn start_steps(steps: &[Value], scripts: &str) -> (SimProcess, FleetEnv) {
    let world = format!(
        "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 1\n\
         [[document]]\nname = \"Mend\"\nfile = \"mend.json\"\n{scripts}"
    );
    let sim = SimProcess::start(&world, &[("mend.json", &runbook(steps))]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02").unset("FLEET_NOW");
    (sim, env)
}

fn hint(env: &FleetEnv) -> String {
    let record = env.record();
    record.replayed().complete()["instances"][0]["hint"].as_str().unwrap().to_owned()
}

#[test]
fn a_clean_up_that_fails_does_not_hide_why_the_runbook_failed() {
    let steps = [
        json!({"name": "act", "action": "aws:executeScript", "onFailure": "step:clean"}),
        json!({"name": "rest", "action": "aws:executeScript", "isEnd": true}),
        json!({"name": "clean", "action": "aws:executeScript", "onFailure": "Continue"}),
        json!({"name": "tell", "action": "aws:executeScript"}),
    ];
    let (_sim, env) = start_steps(&steps, CLEANS_UP);
    let output = run(&env, &[]).exits(1);
    drop(output.prints(&["step 1 of 4: act: the volume is locked"]));
    let expected = "step 1 of 4: act: the volume is locked (Invocation, Action); failed after it: \
                    step 3 of 4: clean";
    assert_eq!(hint(&env), expected);
}

#[test]
fn an_execution_that_somebody_else_stopped_is_told_as_that() {
    let waiting = "[[runbook]]\n[[runbook.step]]\nname = \"look\"\nstatus = \"Waiting\"\n";
    let (sim, env) = start_with(waiting, 1);
    let mut run = env.spawn(&RUN);
    run.wait_for_times("step 1 of 3: look", 1);
    let listed = sim.ask_ssm("DescribeAutomationExecutions", &json!({}));
    let id = &listed["AutomationExecutionMetadataList"][0]["AutomationExecutionId"];
    sim.ssm("StopAutomationExecution", &json!({ "AutomationExecutionId": id, "Type": "Cancel" }));
    drop(run.finish().exits(5));
    let record = env.record();
    let instance = &record.replayed().complete()["instances"][0];
    assert_eq!(instance["outcome"], "cancelled");
    let expected = "cancelled while it ran, by somebody else than this run: look at what it left; \
                    at step 1 of 3: look";
    assert_eq!(instance["hint"], expected);
}

#[test]
fn a_step_that_fails_beyond_the_first_hundred_is_named() {
    let (sim, env) = start_steps(&many_steps(), FAILS_LATE);
    drop(run(&env, &[]).exits(1));
    assert_eq!(hint(&env), "step 120 of 130: s120: no such volume (Invocation, Action)");
    assert_eq!(sim.stats().calls("DescribeAutomationStepExecutions"), 1);
}

#[test]
fn steps_beyond_the_first_hundred_that_may_not_be_read_are_a_note() {
    let groups = format!("[[group]]\nname = \"web\"\nsize = 2\n{FAILS_LATE}");
    let mut world = Scoped::of(&groups, &minimal());
    world.document = runbook(&many_steps());
    let (_sim, env) = world.start();
    let args = ["run", "--yes", "--asg", "web", "--doc", "Restart", "--role-arn", ROLE];
    let kind = ["--automation", "--target-parameter", "InstanceId", "--session-policy", "none"];
    let limits = ["--max-concurrency", "2", "--max-errors", "2"];
    drop(env.run(&[&args[..], &kind, &limits].concat()).exits(1));
    let record = env.record();
    let report = record.complete();
    let notes = report["notes"].as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap());
    let action = "ssm:DescribeAutomationStepExecutions is not permitted";
    assert_eq!(notes.filter(|it| it.starts_with(action)).count(), 1, "{report:#}");
    let mut hints = report["instances"].as_array().unwrap().iter().map(|it| &it["hint"]);
    assert!(hints.all(|it| it == "no such volume"), "{report:#}");
}

#[test]
fn steps_that_may_not_be_read_are_asked_for_once() {
    let groups = format!("[[group]]\nname = \"web\"\nsize = 3\n{FAILS_LATE}");
    let mut world = Scoped::of(&groups, &minimal());
    world.document = runbook(&many_steps());
    let (sim, env) = world.start();
    let args = ["run", "--yes", "--asg", "web", "--doc", "Restart", "--role-arn", ROLE];
    let kind = ["--automation", "--target-parameter", "InstanceId", "--session-policy", "none"];
    let limits = ["--max-concurrency", "1", "--max-errors", "3"];
    drop(env.run(&[&args[..], &kind, &limits].concat()).exits(1));
    assert_eq!(env.record().replayed().complete()["totals"]["failed"], 3);
    assert_eq!(sim.stats().calls("DescribeAutomationStepExecutions"), 1);
}

#[test]
fn of_a_runbook_that_succeeds_no_steps_are_read() {
    let (sim, env) = start_steps(&many_steps(), "[[runbook]]\nafter = \"10ms\"\n");
    drop(run(&env, &[]).exits(0));
    assert_eq!(sim.stats().calls("DescribeAutomationStepExecutions"), 0);
}
