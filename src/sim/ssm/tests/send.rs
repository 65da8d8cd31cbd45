//! What SendCommand accepts, and what becomes of it.

use serde_json::json;

use super::{World, WorldSpec, exits, id, request, simulated};

#[test]
fn ids_are_counted_at_once_and_end_in_success() {
    simulated(WorldSpec::default(), async |world: World| {
        let ids = [id(0), id(1)];
        let answer = world.ok("SendCommand", request(&json!({ "InstanceIds": ids }))).await;
        let command = &answer["Command"];
        assert_eq!(command["TargetCount"], 2);
        assert_eq!(command["Status"], "Pending");
        assert_eq!(command["DocumentVersion"], "$DEFAULT");
        let expires = command["ExpiresAfter"].as_f64().unwrap();
        assert_eq!(expires - command["RequestedDateTime"].as_f64().unwrap(), 7200.0);
        let command = command["CommandId"].as_str().unwrap();
        assert_eq!(command.len(), 36);
        assert!(world.statuses(command).await.is_empty(), "not visible yet");
        assert_eq!(world.sim.state.borrow().ssm.last_finished(), None);
        world.wait(10.0).await;
        assert_eq!(world.statuses(command).await, ["Success", "Success"]);
        let finished = world.sim.state.borrow().ssm.last_finished().unwrap();
        assert!(finished < world.sim.clock.now());
        let command = world.command(command).await;
        assert_eq!(command["Status"], "Success");
        assert_eq!(command["CompletedCount"], 2);
    });
}

#[test]
fn a_tag_is_resolved_later_and_zero_errors_withhold_the_rest() {
    let outcomes = vec![exits(&[0], 1)];
    simulated(WorldSpec { outcomes, ..WorldSpec::default() }, async |world: World| {
        let answer = world
            .ok("SendCommand", request(&json!({ "MaxConcurrency": "1", "MaxErrors": "0" })))
            .await;
        assert_eq!(answer["Command"]["TargetCount"], 0);
        assert_eq!(answer["Command"]["InstanceIds"], json!([]));
        let command = answer["Command"]["CommandId"].as_str().unwrap();
        world.wait(10.0).await;
        assert_eq!(world.statuses(command).await, ["Failed", "Terminated", "Terminated"]);
        let state = world.sim.state.borrow();
        assert_eq!(state.executions[&id(0)]["AWS-RunShellScript"], 1);
        assert_eq!(state.executions.len(), 1);
    });
}
