//! MaxConcurrency with its ramp, MaxErrors, and cancelling.

use serde_json::json;

use super::{World, WorldSpec, exits, id, outcome, simulated};
use crate::sim::state::{Outcome, Ping};

fn slow(seconds: u64, instances: &[usize]) -> Outcome {
    Outcome { after: std::time::Duration::from_secs(seconds), ..outcome(instances) }
}

/// Returns how many invocations of the command are in each of the given states.
async fn count(world: &World, command: &str, details: &str) -> usize {
    world.statuses(command).await.iter().filter(|it| *it == details).count()
}

#[test]
fn delivery_ramps_up_one_two_four_until_the_limit() {
    let all: Vec<usize> = (0..20).collect();
    let outcomes = vec![slow(60, &all)];
    let visible_after = std::time::Duration::ZERO;
    let spec = WorldSpec { size: 20, outcomes, visible_after, ..WorldSpec::default() };
    simulated(spec, async |world: World| {
        let command = world.send(json!({ "MaxConcurrency": "10" })).await;
        let mut seen = Vec::new();
        world.wait(0.05).await;
        for _ in 0..6 {
            seen.push(count(&world, &command, "InProgress").await);
            world.wait(0.1).await;
        }
        assert_eq!(seen, [0, 1, 3, 7, 10, 10]);
    });
}

#[test]
fn a_percentage_is_of_the_targets_rounded_down_but_at_least_one() {
    let all: Vec<usize> = (0..7).collect();
    for (limit, expected) in [("10%", 1), ("30%", 2), ("100%", 7), ("3", 3)] {
        let outcomes = vec![slow(60, &all)];
        simulated(WorldSpec { size: 7, outcomes, ..WorldSpec::default() }, async |world: World| {
            let command = world.send(json!({ "MaxConcurrency": limit })).await;
            world.wait(30.0).await;
            assert_eq!(count(&world, &command, "InProgress").await, expected, "{limit}");
        });
    }
}

#[test]
fn error_n_plus_one_stops_sending_and_what_runs_runs_on() {
    // 0 and 1 fail, 2 is slow, 3 takes the slot of 0 before 1 has failed; 4 to 9 are never sent.
    let outcomes = vec![exits(&[0, 1], 1), slow(30, &[2])];
    simulated(WorldSpec { size: 10, outcomes, ..WorldSpec::default() }, async |world: World| {
        let command = world.send(json!({ "MaxConcurrency": "3", "MaxErrors": "1" })).await;
        world.wait(10.0).await;
        let seen = world.statuses(&command).await;
        assert_eq!(&seen[..4], ["Failed", "Failed", "InProgress", "Success"]);
        assert!(seen[4..].iter().all(|it| it == "Terminated"), "{seen:?}");
        assert_eq!(world.command(&command).await["Status"], "InProgress");
        world.wait(30.0).await;
        let view = world.command(&command).await;
        assert_eq!(view["Status"], "Failed");
        assert_eq!(view["CompletedCount"], 10);
        assert_eq!(view["ErrorCount"], 2);
        let row = &world.rows(&command).await[9];
        assert_eq!(row["Status"], "Failed");
        assert_eq!(row["CommandPlugins"][0]["ResponseCode"], -1);
        assert_eq!(world.sim.state.borrow().executions.len(), 4);
        assert_eq!(world.sim.state.borrow().ssm.peak(world.sim.clock.now()), 3);
    });
}

#[test]
fn undeliverable_and_timed_out_deliveries_do_not_count_against_max_errors() {
    let outcomes = vec![
        super::ends(&[0], "Undeliverable"),
        super::ends(&[1], "DeliveryTimedOut"),
        super::ends(&[2], "Cancelled"),
    ];
    simulated(WorldSpec { size: 4, outcomes, ..WorldSpec::default() }, async |world: World| {
        let command = world.send(json!({ "MaxConcurrency": "1" })).await;
        world.wait(20.0).await;
        let expected = ["Undeliverable", "DeliveryTimedOut", "Cancelled", "Success"];
        assert_eq!(world.statuses(&command).await, expected);
        assert_eq!(world.command(&command).await["ErrorCount"], 0);
    });
}

#[test]
fn cancelling_withholds_what_was_not_sent_and_kills_what_runs() {
    let outcomes = vec![slow(60, &[0, 1, 2, 3])];
    let change = |index, it: &mut crate::sim::state::Instance| {
        if index == 1 {
            it.ping = Ping::ConnectionLost;
        }
    };
    let spec = WorldSpec { size: 4, outcomes, change, ..WorldSpec::default() };
    simulated(spec, async |world: World| {
        let command = world.send(json!({ "MaxConcurrency": "2" })).await;
        world.wait(5.0).await;
        assert_eq!(world.ok("CancelCommand", json!({ "CommandId": command })).await, json!({}));
        let expected = ["Cancelling", "Cancelled", "Cancelled", "Cancelled"];
        assert_eq!(world.statuses(&command).await, expected);
        assert_eq!(world.command(&command).await["Status"], "Cancelling");
        world.wait(2.0).await;
        let row = &world.rows(&command).await[0];
        assert_eq!(row["Status"], "Cancelled");
        assert_eq!(row["CommandPlugins"][0]["ResponseCode"], 137);
        let view = world.command(&command).await;
        assert_eq!((&view["Status"], &view["ErrorCount"]), (&json!("Cancelled"), &json!(0)));
        assert_eq!(view["CompletedCount"], 4);
    });
}

#[test]
fn a_cancel_may_lose_against_the_end_and_leaves_ended_commands_alone() {
    let outcomes = vec![slow(5, &[0])];
    simulated(WorldSpec { size: 1, outcomes, ..WorldSpec::default() }, async |world: World| {
        let command = world.send(json!({})).await;
        world.wait(5.6).await;
        world.ok("CancelCommand", json!({ "CommandId": command })).await;
        assert_eq!(world.statuses(&command).await, ["Cancelling"]);
        world.wait(5.0).await;
        assert_eq!(world.statuses(&command).await, ["Success"]);
        world.ok("CancelCommand", json!({ "CommandId": command })).await;
        assert_eq!(world.command(&command).await["Status"], "Success");
    });
}

#[test]
fn single_instances_can_be_cancelled_and_unknown_ones_are_refused() {
    let outcomes = vec![slow(30, &[0, 1, 2])];
    simulated(WorldSpec { outcomes, ..WorldSpec::default() }, async |world: World| {
        let command = world.send(json!({})).await;
        world.wait(5.0).await;
        let some = |ids: &[String]| json!({ "CommandId": command, "InstanceIds": ids });
        let refused = |body| world.call("CancelCommand", body);
        let err = refused(some(&[id(9)])).await.unwrap_err();
        assert_eq!(err.code, "InvalidInstanceId");
        let err = refused(some(&[id(0), id(0)])).await.unwrap_err();
        assert_eq!(err.code, "DuplicateInstanceId");
        let unknown = "00000000-0000-4000-8000-000000000000";
        let err = refused(json!({ "CommandId": unknown })).await.unwrap_err();
        assert_eq!((err.code.as_str(), err.message), ("InvalidCommandId", None));
        world.ok("CancelCommand", some(&[id(1)])).await;
        world.wait(60.0).await;
        assert_eq!(world.statuses(&command).await, ["Success", "Cancelled", "Success"]);
        assert_eq!(world.command(&command).await["StatusDetails"], "Incomplete");
    });
}

#[test]
fn a_command_cancelled_before_its_targets_are_resolved_runs_nowhere() {
    simulated(WorldSpec::default(), async |world: World| {
        let command = world.send(json!({})).await;
        world.ok("CancelCommand", json!({ "CommandId": command })).await;
        assert_eq!(world.command(&command).await["Status"], "Cancelling");
        world.wait(5.0).await;
        assert_eq!(world.statuses(&command).await, ["Cancelled"; 3]);
        assert!(world.sim.state.borrow().executions.is_empty());
    });
}

#[test]
fn an_agent_runs_five_documents_at_a_time_and_the_others_wait_on_the_node() {
    let outcomes = vec![slow(60, &[0])];
    simulated(WorldSpec { size: 1, outcomes, ..WorldSpec::default() }, async |world: World| {
        let mut commands = Vec::new();
        for _ in 0..8 {
            commands.push(world.send(json!({ "InstanceIds": [id(0)] })).await);
        }
        // The sixth is cancelled while it waits, and takes no worker.
        let look = async || {
            let mut res = Vec::new();
            for command in &commands {
                let row = &world.rows(command).await[0];
                let body = json!({ "CommandId": command, "InstanceId": id(0) });
                let invocation = world.ok("GetCommandInvocation", body).await;
                let has_begun = invocation["ExecutionStartDateTime"] != "";
                res.push((row["StatusDetails"].as_str().unwrap().to_owned(), has_begun));
            }
            res
        };
        let seen = |status: &str, has_begun| (status.to_owned(), has_begun);
        world.wait(30.0).await;
        let (runs, waits) = (seen("InProgress", true), seen("InProgress", false));
        assert_eq!(look().await, [vec![runs.clone(); 5], vec![waits; 3]].concat());
        world.ok("CancelCommand", json!({ "CommandId": commands[5] })).await;
        world.wait(40.0).await;
        let (done, not) = (seen("Success", true), seen("Cancelled", false));
        let last = [vec![not.clone()], vec![runs; 2]].concat();
        assert_eq!(look().await, [vec![done.clone(); 5], last].concat());
        world.wait(60.0).await;
        let last = [vec![not], vec![done.clone(); 2]].concat();
        assert_eq!(look().await, [vec![done; 5], last].concat());
        let ran = world.sim.state.borrow().executions[&id(0)]["AWS-RunShellScript"];
        assert_eq!(ran, 7);
    });
}

#[test]
fn a_document_that_is_killed_makes_room_on_its_node() {
    let outcomes = vec![slow(600, &[0])];
    simulated(WorldSpec { size: 1, outcomes, ..WorldSpec::default() }, async |world: World| {
        let mut commands = Vec::new();
        for _ in 0..6 {
            commands.push(world.send(json!({ "InstanceIds": [id(0)] })).await);
        }
        world.wait(10.0).await;
        world.ok("CancelCommand", json!({ "CommandId": commands[0] })).await;
        world.wait(2.0).await;
        let ran = || world.sim.state.borrow().executions[&id(0)]["AWS-RunShellScript"];
        assert_eq!((world.statuses(&commands[5]).await, ran()), (vec!["InProgress".into()], 6));
        world.wait(600.0).await;
        assert_eq!(world.statuses(&commands[5]).await, ["Success"]);
    });
}

#[test]
fn what_is_cancelled_before_it_starts_keeps_no_worker_from_the_others() {
    let late = Outcome { document: "Late".to_owned(), ..super::ends(&[0], "Delayed") };
    let outcomes = vec![Outcome { after: std::time::Duration::from_secs(60), ..late }];
    simulated(WorldSpec { size: 1, outcomes, ..WorldSpec::default() }, async |world: World| {
        let step = r#"{"action":"aws:runShellScript","name":"a","inputs":{"runCommand":["true"]}}"#;
        world.add_document("Late", &format!(r#"{{"schemaVersion":"2.2","mainSteps":[{step}]}}"#));
        for _ in 0..5 {
            let late = json!({
                "InstanceIds": [id(0)], "DocumentName": "Late", "Parameters": null,
            });
            let command = world.send(late).await;
            world.wait(2.0).await;
            assert_eq!(world.statuses(&command).await, ["Delayed"]);
            world.ok("CancelCommand", json!({ "CommandId": command })).await;
        }
        let command = world.send(json!({ "InstanceIds": [id(0)] })).await;
        world.wait(3.0).await;
        assert_eq!(world.statuses(&command).await, ["Success"]);
    });
}
