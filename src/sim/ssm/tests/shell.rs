//! Documents that really run; where this computer cannot isolate, what happens instead.

use std::time::Duration;

use serde_json::json;

use super::{World, WorldSpec, exits, id, really};
use crate::sim::{
    agent::Machine,
    state::{Instance, Outcome, RunMode},
};

fn shell(outcomes: Vec<Outcome>) -> WorldSpec {
    let change = |_, it: &mut Instance| it.run = RunMode::Shell;
    WorldSpec { size: 1, outcomes, change, visible_after: Duration::ZERO, ..WorldSpec::default() }
}

#[test]
fn a_shell_instance_really_runs_the_document_or_fails_with_the_reason() {
    really(shell(Vec::new()), async |world: World| {
        let isolates = Machine::probe().await;
        let command =
            world.send(json!({ "Parameters": { "commands": ["echo hi", "exit 3"] } })).await;
        world.until_finished(&command).await;
        let row = world.rows(&command).await.remove(0);
        let plugin = &row["CommandPlugins"][0];
        assert_eq!((&row["StatusDetails"], &row["Status"]), (&json!("Failed"), &json!("Failed")));
        let runs = world.sim.state.borrow().executions.get(&id(0)).cloned().unwrap_or_default();
        if let Err(why) = isolates {
            assert!(plugin["Output"].as_str().unwrap().contains(&why));
            assert!(runs.is_empty());
            return;
        }
        assert_eq!(plugin["ResponseCode"], 3);
        let output = "hi\n\n----------ERROR-------\nfailed to run commands: exit status 3";
        assert_eq!(plugin["Output"], output);
        assert_eq!(runs["AWS-RunShellScript"], 1);
        let body = json!({ "CommandId": command, "InstanceId": id(0) });
        let view = world.ok("GetCommandInvocation", body).await;
        assert_eq!(view["StandardOutputContent"], "hi\n");
    });
}

#[test]
fn without_a_machine_the_worlds_outcome_decides() {
    really(shell(vec![exits(&[0], 0)]), async |world: World| {
        let command = world.send(json!({ "Parameters": { "commands": ["true"] } })).await;
        world.until_finished(&command).await;
        assert_eq!(world.statuses(&command).await, ["Success"]);
    });
}

#[test]
fn cancelling_kills_a_script_that_really_runs() {
    really(shell(Vec::new()), async |world: World| {
        if Machine::probe().await.is_err() {
            return;
        }
        let command = world.send(json!({ "Parameters": { "commands": ["sleep 3000"] } })).await;
        while world.sim.state.borrow().executions.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        world.ok("CancelCommand", json!({ "CommandId": command })).await;
        assert_eq!(world.statuses(&command).await, ["Cancelling"]);
        world.until_finished(&command).await;
        assert_eq!(world.statuses(&command).await, ["Cancelled"]);
        assert_eq!(world.rows(&command).await[0]["CommandPlugins"][0]["ResponseCode"], 137);
    });
}
