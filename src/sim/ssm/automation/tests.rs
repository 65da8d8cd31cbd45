//! Automation as its callers see it, on a paused clock.

mod permissions;
mod rates;
mod refusals;
mod sleeps;
mod stops;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::sim::{
    scripts::{Script, StepEnd, StepScript},
    ssm::tests::{World, WorldSpec, id, simulated},
};

/// Three steps; the second leads to the last if it fails, and is not critical.
const RUNBOOK: &str = r#"{"schemaVersion":"0.3","assumeRole":"{{ AutomationAssumeRole }}",
    "parameters":{
        "InstanceId":{"type":"String"},
        "Action":{"type":"String","default":"Check","allowedValues":["Check","Fix"]},
        "AutomationAssumeRole":{"type":"String","default":""}},
    "mainSteps":[
        {"name":"look","action":"aws:executeAwsApi","inputs":{"Of":"{{ InstanceId }}"}},
        {"name":"act","action":"aws:executeScript","onFailure":"step:tell","isCritical":false},
        {"name":"tell","action":"aws:executeScript","isEnd":true,"timeoutSeconds":10}],
    "outputs":["look.Output","act.Output"]}"#;

fn script(step: &str, own: StepScript) -> Script {
    Script {
        group: None,
        instances: None,
        document: "*".to_owned(),
        after: None,
        steps: BTreeMap::from([(step.to_owned(), own)]),
    }
}

fn ends(end: StepEnd) -> StepScript {
    StepScript { end, ..StepScript::default() }
}

fn seconds(n: u64) -> Option<Duration> {
    Some(Duration::from_secs(n))
}

/// Runs a test in a world that has `own` as the runbook `Own`.
fn with_runbook<F: AsyncFnOnce(World)>(own: &str, runbooks: Vec<Script>, test: F) {
    let size = 200;
    simulated(WorldSpec { size, runbooks, ..WorldSpec::default() }, async |world| {
        world.add_document("Own", own);
        test(world).await;
    });
}

async fn start(world: &World, more: Value) -> String {
    let mut body = json!({ "DocumentName": "Own" });
    for (name, value) in more.as_object().unwrap() {
        body[name.as_str()] = value.clone();
    }
    let answer = world.ok("StartAutomationExecution", body).await;
    answer["AutomationExecutionId"].as_str().unwrap().to_owned()
}

async fn start_on(world: &World, index: usize) -> String {
    start(world, json!({ "Parameters": { "InstanceId": [id(index)] } })).await
}

async fn get(world: &World, execution: &str) -> Value {
    let body = json!({ "AutomationExecutionId": execution });
    world.ok("GetAutomationExecution", body).await["AutomationExecution"].clone()
}

/// Returns the status of an execution, then those of its steps.
async fn words(world: &World, execution: &str) -> Vec<String> {
    let all = get(world, execution).await;
    let steps = all["StepExecutions"].as_array().unwrap().iter().map(|it| &it["StepStatus"]);
    let all = std::iter::once(&all["AutomationExecutionStatus"]).chain(steps);
    all.map(|it| it.as_str().unwrap().to_owned()).collect()
}

#[test]
fn steps_follow_each_other_a_second_each() {
    with_runbook(RUNBOOK, Vec::new(), async |world| {
        let execution = start_on(&world, 1).await;
        assert_eq!(
            words(&world, &execution).await,
            ["InProgress", "InProgress", "Pending", "Pending"]
        );
        world.wait(1.5).await;
        let shown = get(&world, &execution).await;
        assert_eq!(shown["CurrentStepName"], "act");
        assert_eq!(shown["CurrentAction"], "aws:executeScript");
        assert_eq!(shown["StepExecutions"][0]["Inputs"]["Of"], format!("\"{}\"", id(1)));
        assert_eq!(shown["Parameters"]["Action"], json!(["Check"]));
        world.wait(2.0).await;
        assert_eq!(words(&world, &execution).await, ["Success"; 4]);
        let counted = world.sim.state.borrow().executions.clone();
        assert_eq!(counted, BTreeMap::from([(id(1), BTreeMap::from([("Own".to_owned(), 1)]))]));
    });
}

#[test]
fn outputs_are_those_of_the_steps_that_have_succeeded() {
    let outputs = BTreeMap::from([("Output".to_owned(), vec!["found".to_owned()])]);
    let script = script("act", StepScript { outputs, after: seconds(5), ..StepScript::default() });
    with_runbook(RUNBOOK, vec![script], async |world| {
        let execution = start_on(&world, 1).await;
        let nothing = "No output available yet because the step is not successfully executed";
        world.wait(5.0).await;
        let early = get(&world, &execution).await;
        assert_eq!(early["Outputs"]["act.Output"], json!([nothing]));
        world.wait(2.0).await;
        let late = get(&world, &execution).await;
        assert_eq!(late["Outputs"]["act.Output"], json!(["found"]));
        assert_eq!(late["StepExecutions"][1]["Outputs"]["Output"], json!(["found"]));
    });
}

#[test]
fn a_step_that_fails_ends_the_execution_or_leads_where_the_runbook_says() {
    let failing = |step: &str| vec![script(step, ends(StepEnd::Failed))];
    with_runbook(RUNBOOK, failing("look"), async |world| {
        let execution = start_on(&world, 1).await;
        world.wait(5.0).await;
        assert_eq!(words(&world, &execution).await, ["Failed", "Failed", "Pending", "Pending"]);
        let shown = get(&world, &execution).await;
        let step = &shown["StepExecutions"][0];
        assert_eq!(step["FailureDetails"]["FailureStage"], "Invocation");
        assert_eq!(step["FailureDetails"]["FailureType"], "Action");
        assert_eq!(shown["FailureMessage"], step["FailureMessage"]);
        assert!(shown["FailureMessage"].as_str().unwrap().starts_with("Step fails when it is "));
    });
    with_runbook(RUNBOOK, failing("act"), async |world| {
        let execution = start_on(&world, 1).await;
        world.wait(5.0).await;
        assert_eq!(words(&world, &execution).await, ["Success", "Success", "Failed", "Success"]);
    });
    let critical = RUNBOOK.replace(r#","isCritical":false"#, "");
    with_runbook(&critical, failing("act"), async |world| {
        let execution = start_on(&world, 1).await;
        world.wait(5.0).await;
        assert_eq!(words(&world, &execution).await, ["Failed", "Success", "Failed", "Success"]);
    });
}

#[test]
fn a_step_that_waits_ends_with_its_own_time_out() {
    for (end, word) in [(StepEnd::Waiting, "Waiting"), (StepEnd::InProgress, "InProgress")] {
        with_runbook(RUNBOOK, vec![script("tell", ends(end))], async |world| {
            let execution = start_on(&world, 1).await;
            world.wait(5.0).await;
            assert_eq!(words(&world, &execution).await, [word, "Success", "Success", word]);
            world.wait(8.0).await;
            assert_eq!(
                words(&world, &execution).await,
                ["TimedOut", "Success", "Success", "TimedOut"]
            );
        });
    }
    let late = StepScript { after: seconds(60), ..StepScript::default() };
    with_runbook(RUNBOOK, vec![script("tell", late)], async |world| {
        let execution = start_on(&world, 1).await;
        world.wait(13.0).await;
        assert_eq!(words(&world, &execution).await[0], "TimedOut");
    });
}

#[test]
fn a_branch_goes_where_its_choices_say() {
    let runbook = RUNBOOK.replace(
        r#""mainSteps":["#,
        r#""mainSteps":[{"name":"choose","action":"aws:branch","inputs":{"Choices":[
            {"NextStep":"tell","Variable":"{{ Action }}","StringEquals":"Fix"}],"Default":"look"}},"#,
    );
    with_runbook(&runbook, Vec::new(), async |world| {
        let parameters = json!({ "InstanceId": [id(1)], "Action": ["Fix"] });
        let fixed = start(&world, json!({ "Parameters": parameters })).await;
        let checked = start_on(&world, 2).await;
        world.wait(10.0).await;
        let short = ["Success", "Success", "Pending", "Pending", "Success"];
        assert_eq!(words(&world, &fixed).await, short);
        assert_eq!(words(&world, &checked).await, ["Success"; 5]);
    });
}

#[test]
fn the_first_script_that_is_for_the_instance_decides() {
    let mut first = script("look", ends(StepEnd::Failed));
    (first.group, first.instances) = (Some("web".to_owned()), Some(vec![1]));
    with_runbook(RUNBOOK, vec![first], async |world| {
        let (scripted, other) = (start_on(&world, 1).await, start_on(&world, 2).await);
        world.wait(5.0).await;
        assert_eq!(words(&world, &scripted).await[0], "Failed");
        assert_eq!(words(&world, &other).await[0], "Success");
    });
}

#[test]
fn what_goes_in_a_circle_comes_to_an_end() {
    let runbook = r#"{"schemaVersion":"0.3","mainSteps":[
        {"name":"again","action":"aws:sleep","inputs":{"Duration":"PT0S"},"nextStep":"again"}]}"#;
    with_runbook(runbook, Vec::new(), async |world| {
        let execution = start(&world, json!({})).await;
        world.wait(1.0).await;
        assert_eq!(words(&world, &execution).await[0], "Failed");
    });
}

#[test]
fn executions_and_steps_are_found_by_filters_page_by_page() {
    with_runbook(RUNBOOK, vec![script("act", ends(StepEnd::Failed))], async |world| {
        let first = start_on(&world, 1).await;
        world.wait(5.0).await;
        let second = start_on(&world, 2).await;
        let ids = async |filters: Value| {
            let body = json!({ "Filters": filters });
            let answer = world.ok("DescribeAutomationExecutions", body).await;
            let found = answer["AutomationExecutionMetadataList"].as_array().unwrap().clone();
            let id = |it: &Value| it["AutomationExecutionId"].as_str().unwrap().to_owned();
            found.iter().map(id).collect::<Vec<_>>()
        };
        let by = |key: &str, value: &str| json!([{ "Key": key, "Values": [value] }]);
        assert_eq!(ids(by("ExecutionStatus", "Success")).await, std::slice::from_ref(&first));
        assert_eq!(ids(by("DocumentNamePrefix", "Ow")).await, [second.clone(), first.clone()]);
        assert_eq!(ids(by("ExecutionId", &second)).await, std::slice::from_ref(&second));
        assert_eq!(
            ids(by("CurrentAction", "aws:executeAwsApi")).await,
            std::slice::from_ref(&second)
        );
        assert_eq!(
            ids(by("StartTimeAfter", "2026-01-01T00:00:03Z")).await,
            std::slice::from_ref(&second)
        );
        assert_eq!(
            ids(by("StartTimeBefore", "2026-01-01T00:00:03Z")).await,
            std::slice::from_ref(&first)
        );
        assert!(ids(by("AutomationType", "CrossAccount")).await.is_empty());
        let page = world.ok("DescribeAutomationExecutions", json!({ "MaxResults": 1 })).await;
        let body = json!({ "MaxResults": 1, "NextToken": page["NextToken"] });
        let next = world.ok("DescribeAutomationExecutions", body).await;
        assert_eq!(next["AutomationExecutionMetadataList"][0]["AutomationExecutionId"], first);
        assert_eq!(next["NextToken"], Value::Null);
        let names = async |more: Value| {
            let mut body = json!({ "AutomationExecutionId": first });
            for (name, value) in more.as_object().unwrap() {
                body[name.as_str()] = value.clone();
            }
            let answer = world.ok("DescribeAutomationStepExecutions", body).await;
            let found = answer["StepExecutions"].as_array().unwrap().clone();
            found.iter().map(|it| it["StepName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(json!({})).await, ["look", "act", "tell"]);
        assert_eq!(names(json!({ "ReverseOrder": true })).await, ["tell", "act", "look"]);
        let failed = by("StepExecutionStatus", "Failed");
        assert_eq!(names(json!({ "Filters": failed })).await, ["act"]);
        assert_eq!(names(json!({ "Filters": by("StepName", "tell") })).await, ["tell"]);
        // What has not begun is no step execution yet.
        let body = json!({ "AutomationExecutionId": second });
        let answer = world.ok("DescribeAutomationStepExecutions", body).await;
        assert_eq!(answer["StepExecutions"].as_array().unwrap().len(), 1);
    });
}
