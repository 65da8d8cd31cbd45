//! Every row of aws-facts §2.2 as it ends, and the way there.

use serde_json::{Value, json};

use super::{World, WorldSpec, ends, exits, id, outcome, simulated};
use crate::sim::state::{Outcome, Ping, Platform};

/// One instance, one outcome: sends, waits and compares the only row.
fn check(outcomes: Vec<Outcome>, wait: f64, expected: (&str, &str, i64)) -> Value {
    let mut res = Value::Null;
    let spec = WorldSpec { size: 1, outcomes, ..WorldSpec::default() };
    simulated(spec, async |world: World| {
        let command = world.send(json!({})).await;
        world.wait(wait).await;
        let rows = world.rows(&command).await;
        let (details, status, code) = expected;
        assert_eq!(rows[0]["StatusDetails"], details, "{rows:?}");
        assert_eq!(rows[0]["Status"], status);
        assert_eq!(rows[0]["CommandPlugins"][0]["ResponseCode"], code);
        assert_eq!(rows[0]["CommandPlugins"][0]["Name"], "aws:runShellScript");
        res = rows[0].clone();
    });
    res
}

fn after(seconds: u64, outcome: Outcome) -> Outcome {
    Outcome { after: std::time::Duration::from_secs(seconds), ..outcome }
}

#[test]
fn every_scripted_status_has_its_word_and_its_code() {
    let ending = |word| vec![ends(&[0], word)];
    check(ending("Success"), 9.0, ("Success", "Success", 0));
    check(ending("Failed"), 9.0, ("Failed", "Failed", 1));
    check(ending("Cancelled"), 9.0, ("Cancelled", "Cancelled", 137));
    check(ending("ExecutionTimedOut"), 9.0, ("ExecutionTimedOut", "TimedOut", 137));
    check(ending("DeliveryTimedOut"), 9.0, ("DeliveryTimedOut", "TimedOut", -1));
    check(ending("Undeliverable"), 9.0, ("Undeliverable", "Failed", -1));
    check(ending("Terminated"), 9.0, ("Terminated", "Failed", -1));
    check(ending("InvalidPlatform"), 9.0, ("InvalidPlatform", "Failed", -1));
    check(ending("AccessDenied"), 9.0, ("AccessDenied", "Failed", -1));
    check(ending("InProgress"), 9.0, ("InProgress", "InProgress", -1));
    check(ending("InProgress"), 7300.0, ("DeliveryTimedOut", "TimedOut", -1));
}

#[test]
fn exit_codes_mean_what_the_agent_makes_of_them() {
    let exiting = |exit| vec![Outcome { stdout: "out".to_owned(), ..exits(&[0], exit) }];
    let output = |row: &Value| row["CommandPlugins"][0]["Output"].as_str().unwrap().to_owned();
    let row = check(exiting(0), 9.0, ("Success", "Success", 0));
    assert_eq!(output(&row), "out");
    let row = check(exiting(3), 9.0, ("Failed", "Failed", 3));
    let expected = "out\n----------ERROR-------\nfailed to run commands: exit status 3";
    assert_eq!(output(&row), expected);
    let row = check(exiting(168), 9.0, ("Success", "Success", 168));
    assert_eq!(output(&row), "out", "the agent composes Output before it says why");
    check(exiting(169), 9.0, ("Failed", "Failed", 169));
    check(exiting(194), 9.0, ("Success", "Success", 0));
    check(exiting(137), 9.0, ("ExecutionTimedOut", "TimedOut", 137));
}

#[test]
fn pending_becomes_in_progress_when_the_agent_acknowledges() {
    let slow = || vec![after(60, outcome(&[0]))];
    check(slow(), 1.05, ("Pending", "Pending", -1));
    let row = check(slow(), 2.0, ("InProgress", "InProgress", -1));
    assert_eq!(row["CommandPlugins"][0]["Output"], "");
    check(slow(), 70.0, ("Success", "Success", 0));
}

#[test]
fn a_delayed_invocation_goes_on_and_ends_by_its_exit_code() {
    let late = || vec![after(20, Outcome { exit: 4, ..ends(&[0], "Delayed") })];
    check(late(), 5.0, ("Delayed", "Delayed", -1));
    check(late(), 15.0, ("InProgress", "InProgress", -1));
    check(late(), 30.0, ("Failed", "Failed", 4));
}

#[test]
fn a_script_is_killed_after_its_execution_timeout() {
    let outcomes = vec![after(900, outcome(&[0]))];
    simulated(WorldSpec { size: 1, outcomes, ..WorldSpec::default() }, async |world: World| {
        let parameters = json!({ "commands": ["sleep 900"], "executionTimeout": ["60"] });
        let command = world.send(json!({ "Parameters": parameters })).await;
        world.wait(50.0).await;
        assert_eq!(world.statuses(&command).await, ["InProgress"]);
        world.wait(20.0).await;
        assert_eq!(world.statuses(&command).await, ["ExecutionTimedOut"]);
        let view = json!({ "CommandId": command, "InstanceId": id(0) });
        let view = world.ok("GetCommandInvocation", view).await;
        assert_eq!(view["ExecutionElapsedTime"], "PT1M0S");
        assert_eq!(view["ResponseCode"], 137);
    });
}

#[test]
fn an_offline_agent_stays_in_progress_until_the_command_expires() {
    let change = |_, it: &mut crate::sim::state::Instance| it.ping = Ping::ConnectionLost;
    simulated(WorldSpec { size: 1, change, ..WorldSpec::default() }, async |world: World| {
        let parameters = json!({ "commands": ["ls"], "executionTimeout": ["70"] });
        let more = json!({ "TimeoutSeconds": 30, "Parameters": parameters });
        let command = world.send(more).await;
        world.wait(90.0).await;
        assert_eq!(world.statuses(&command).await, ["InProgress"]);
        world.wait(11.0).await;
        assert_eq!(world.statuses(&command).await, ["DeliveryTimedOut"]);
        let command = world.command(&command).await;
        assert_eq!(command["DeliveryTimedOutCount"], 1);
        assert_eq!(command["StatusDetails"], "DeliveryTimedOut");
        assert!(world.sim.state.borrow().executions.is_empty());
    });
}

#[test]
fn an_offline_agent_that_comes_back_runs_the_document_once() {
    let change = |_, it: &mut crate::sim::state::Instance| it.ping = Ping::ConnectionLost;
    simulated(WorldSpec { size: 1, change, ..WorldSpec::default() }, async |world: World| {
        let command = world.send(json!({})).await;
        world.wait(100.0).await;
        for it in world.sim.state.borrow_mut().instances.values_mut() {
            it.ping = Ping::Online;
        }
        world.wait(100.0).await;
        assert_eq!(world.statuses(&command).await, ["Success"]);
        assert_eq!(world.sim.state.borrow().executions[&id(0)]["AWS-RunShellScript"], 1);
    });
}

#[test]
fn an_offline_agent_is_undeliverable_when_the_world_says_so() {
    let change = |_, it: &mut crate::sim::state::Instance| it.ping = Ping::ConnectionLost;
    let outcomes = vec![after(5, ends(&[0], "Undeliverable"))];
    simulated(
        WorldSpec { size: 1, change, outcomes, ..WorldSpec::default() },
        async |world: World| {
            let command = world.send(json!({})).await;
            world.wait(3.0).await;
            assert_eq!(world.statuses(&command).await, ["InProgress"]);
            world.wait(5.0).await;
            assert_eq!(world.statuses(&command).await, ["Undeliverable"]);
            assert_eq!(world.rows(&command).await[0]["CommandPlugins"][0]["ResponseCode"], -1);
        },
    );
}

#[test]
fn a_tag_target_of_another_platform_gets_invalid_platform() {
    let change = |index, it: &mut crate::sim::state::Instance| {
        if index == 1 {
            it.platform = Platform::Windows;
        }
    };
    simulated(WorldSpec { change, ..WorldSpec::default() }, async |world: World| {
        let command = world.send(json!({})).await;
        world.wait(9.0).await;
        assert_eq!(world.statuses(&command).await, ["Success", "InvalidPlatform", "Success"]);
        assert_eq!(world.command(&command).await["StatusDetails"], "Success");
    });
}

#[test]
fn an_instance_that_is_gone_is_undeliverable_or_never_replies() {
    let outcomes = vec![after(60, outcome(&[0]))];
    simulated(WorldSpec { outcomes, ..WorldSpec::default() }, async |world: World| {
        let command = world.send(json!({ "MaxConcurrency": "1" })).await;
        world.wait(10.0).await;
        for it in world.sim.state.borrow_mut().instances.values_mut() {
            "terminated".clone_into(&mut it.ec2_state);
        }
        world.wait(7300.0).await;
        let expected = ["DeliveryTimedOut", "DeliveryTimedOut", "DeliveryTimedOut"];
        assert_eq!(world.statuses(&command).await, expected);
    });
}
