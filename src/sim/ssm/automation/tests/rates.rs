//! Executions with targets: one child each, within limits.

use serde_json::{Value, json};

use super::{RUNBOOK, StepEnd, ends, get, id, script, start, with_runbook, words};
use crate::sim::ssm::tests::World;

fn by_tag(more: &Value) -> Value {
    let mut res = json!({
        "TargetParameterName": "InstanceId",
        "Targets": [{ "Key": "tag:aws:autoscaling:groupName", "Values": ["web"] }],
    });
    for (name, value) in more.as_object().unwrap() {
        res[name.as_str()] = value.clone();
    }
    res
}

fn by_ids(ids: &[usize], more: &Value) -> Value {
    let values: Vec<String> = ids.iter().map(|it| id(*it)).collect();
    let mut res = by_tag(more);
    res["Targets"] = json!([{ "Key": "ParameterValues", "Values": values }]);
    res
}

async fn children(world: &World, parent: &str) -> Vec<Value> {
    let filters = json!([{ "Key": "ParentExecutionId", "Values": [parent] }]);
    let body = json!({ "Filters": filters });
    let answer = world.ok("DescribeAutomationExecutions", body).await;
    answer["AutomationExecutionMetadataList"].as_array().unwrap().clone()
}

#[test]
fn every_target_has_an_execution_of_its_own() {
    with_runbook(RUNBOOK, Vec::new(), async |world| {
        let parent = start(&world, by_ids(&[3, 4], &json!({ "MaxConcurrency": "2" }))).await;
        let shown = get(&world, &parent).await;
        assert_eq!(shown["ResolvedTargets"]["ParameterValues"], json!([id(3), id(4)]));
        assert_eq!(shown["TargetParameterName"], "InstanceId");
        assert_eq!(shown["StepExecutions"][0]["StepName"], id(3));
        assert_eq!(shown["StepExecutions"][0]["Action"], "aws:executeAutomation");
        assert_eq!(shown["StepExecutions"][0]["Inputs"]["InstanceId"], format!("\"{}\"", id(3)));
        world.wait(20.0).await;
        assert_eq!(words(&world, &parent).await, ["Success"; 3]);
        let children = children(&world, &parent).await;
        let targets: Vec<&Value> = children.iter().map(|it| &it["Target"]).collect();
        assert_eq!(targets, [&id(4), &id(3)]);
        assert!(children.iter().all(|it| it["ParentAutomationExecutionId"] == parent.as_str()));
        let counters = get(&world, &parent).await["ProgressCounters"].clone();
        assert_eq!((&counters["TotalSteps"], &counters["SuccessSteps"]), (&json!(2), &json!(2)));
        assert_eq!(world.sim.state.borrow().executions[&id(3)]["Own"], 1);
    });
}

#[test]
fn targets_start_one_then_two_then_four_as_they_complete() {
    with_runbook(RUNBOOK, Vec::new(), async |world| {
        let parent = start(&world, by_tag(&json!({ "MaxConcurrency": "100%" }))).await;
        let mut started = Vec::new();
        for _ in 0..4 {
            let counts = get(&world, &parent).await["StepExecutions"].clone();
            let begun = |it: &&Value| it["StepStatus"] != "Pending";
            started.push(counts.as_array().unwrap().iter().filter(begun).count());
            world.wait(3.05).await;
        }
        assert_eq!(started, [1, 3, 7, 15]);
    });
}

#[test]
fn more_errors_than_allowed_withhold_the_other_targets() {
    let failing = || {
        let mut it = script("look", ends(StepEnd::Failed));
        (it.group, it.instances) = (Some("web".to_owned()), Some(vec![1, 2]));
        vec![it]
    };
    let all = [0, 1, 2, 3];
    with_runbook(RUNBOOK, failing(), async |world| {
        let one = json!({ "MaxConcurrency": "1", "MaxErrors": "0" });
        let parent = start(&world, by_ids(&all, &one)).await;
        world.wait(30.0).await;
        let expected = ["Failed", "Success", "Failed", "Cancelled", "Cancelled"];
        assert_eq!(words(&world, &parent).await, expected);
        assert_eq!(children(&world, &parent).await.len(), 2);
    });
    with_runbook(RUNBOOK, failing(), async |world| {
        let half = json!({ "MaxConcurrency": "1", "MaxErrors": "50%" });
        let parent = start(&world, by_ids(&all, &half)).await;
        world.wait(30.0).await;
        // What its own status says is no account of its targets.
        let expected = ["Success", "Success", "Failed", "Failed", "Success"];
        assert_eq!(words(&world, &parent).await, expected);
    });
}

#[test]
fn maps_give_several_parameters_to_each_execution() {
    with_runbook(RUNBOOK, Vec::new(), async |world| {
        let maps = json!([
            { "InstanceId": [id(1)], "Action": ["Fix"] },
            { "InstanceId": [id(2)] },
        ]);
        let parent = start(&world, json!({ "TargetMaps": maps })).await;
        world.wait(20.0).await;
        assert_eq!(words(&world, &parent).await, ["Success"; 3]);
        let children = children(&world, &parent).await;
        let first = children[1]["AutomationExecutionId"].as_str().unwrap();
        assert_eq!(get(&world, first).await["Parameters"]["Action"], json!(["Fix"]));
    });
}

#[test]
fn what_the_targets_give_is_held_against_the_runbook_and_completed_by_its_defaults() {
    let runbook = RUNBOOK.replace(
        r#""InstanceId":{"type":"String"}"#,
        r#""InstanceId":{"type":"String","allowedPattern":"^i-[0-9a-f]{17}$"}"#,
    );
    with_runbook(&runbook, Vec::new(), async |world| {
        let given = |name: &str, value: &str| {
            json!({ "DocumentName": "Own", "TargetParameterName": name,
                    "Targets": [{ "Key": "ParameterValues", "Values": [value] }] })
        };
        let mut of_action = given("Action", "Break");
        of_action["Parameters"] = json!({ "InstanceId": [id(1)] });
        let maps = |map: Value| json!({ "DocumentName": "Own", "TargetMaps": [{ "InstanceId": [id(1)] }, map] });
        for (body, said) in [
            (given("InstanceId", "web"), "\"InstanceId\" has value \"web\" not matching"),
            (of_action, "\"Action\" has value \"Break\" not found in [Check, Fix]."),
            (maps(json!({ "InstanceId": ["web"] })), "not matching its allowedPattern"),
            (maps(json!({ "InstanceId": [id(1), id(2)] })), "takes one value"),
            (maps(json!({ "Action": ["Fix"] })), "Missing required parameter: InstanceId"),
        ] {
            let refused = world.call("StartAutomationExecution", body.clone()).await.unwrap_err();
            assert_eq!(refused.code, "InvalidAutomationExecutionParametersException", "{body}");
            let message = refused.message.unwrap();
            assert!(message.contains(said), "{body}: {message}");
        }
        let parent = start(&world, by_ids(&[3], &json!({}))).await;
        let child = children(&world, &parent).await[0]["AutomationExecutionId"].clone();
        let shown = get(&world, child.as_str().unwrap()).await;
        assert_eq!(shown["Parameters"]["Action"], json!(["Check"]));
    });
}

#[test]
fn a_hundred_run_at_a_time_and_the_others_wait() {
    with_runbook(RUNBOOK, Vec::new(), async |world| {
        for index in 0..150 {
            super::start_on(&world, index).await;
        }
        let count = async |status: &str| {
            let state = world.sim.state.borrow();
            let all = state.ssm.automations.executions.values();
            all.filter(|it| it.status.word() == status).count()
        };
        assert_eq!((count("InProgress").await, count("Pending").await), (100, 50));
        world.wait(3.5).await;
        world.ok("DescribeAutomationExecutions", json!({})).await;
        assert_eq!((count("Success").await, count("InProgress").await), (100, 50));
        world.wait(4.0).await;
        world.ok("DescribeAutomationExecutions", json!({})).await;
        assert_eq!(count("Success").await, 150);
    });
}
