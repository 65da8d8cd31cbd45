//! StopAutomationExecution.

use serde_json::json;

use super::{RUNBOOK, StepEnd, ends, id, script, start, start_on, with_runbook, words};

#[test]
fn what_runs_is_cancelled_and_nothing_else_begins() {
    with_runbook(RUNBOOK, Vec::new(), async |world| {
        let execution = start_on(&world, 1).await;
        world.wait(1.5).await;
        let body = json!({ "AutomationExecutionId": execution });
        assert_eq!(world.ok("StopAutomationExecution", body.clone()).await, json!({}));
        assert_eq!(words(&world, &execution).await[0], "Cancelling");
        world.wait(1.5).await;
        let expected = ["Cancelled", "Success", "Cancelled", "Pending"];
        assert_eq!(words(&world, &execution).await, expected);
        let refused = world.call("StopAutomationExecution", body).await.unwrap_err();
        assert_eq!(refused.code, "InvalidAutomationStatusUpdateException");
    });
}

#[test]
fn complete_lets_the_step_that_runs_come_to_its_end() {
    with_runbook(RUNBOOK, Vec::new(), async |world| {
        let execution = start_on(&world, 1).await;
        let body = json!({ "AutomationExecutionId": execution, "Type": "Complete" });
        world.ok("StopAutomationExecution", body).await;
        world.wait(3.0).await;
        let expected = ["Cancelled", "Success", "Pending", "Pending"];
        assert_eq!(words(&world, &execution).await, expected);
    });
}

#[test]
fn a_cancelled_step_may_lead_to_one_that_tidies_up() {
    let runbook = RUNBOOK.replace(r#""isCritical":false"#, r#""onCancel":"step:tell""#);
    with_runbook(&runbook, vec![script("act", ends(StepEnd::Waiting))], async |world| {
        let execution = start_on(&world, 1).await;
        world.wait(2.0).await;
        let body = json!({ "AutomationExecutionId": execution });
        world.ok("StopAutomationExecution", body).await;
        world.wait(1.5).await;
        let expected = ["Cancelling", "Success", "Cancelled", "InProgress"];
        assert_eq!(words(&world, &execution).await, expected);
        world.wait(1.5).await;
        let expected = ["Cancelled", "Success", "Cancelled", "Success"];
        assert_eq!(words(&world, &execution).await, expected);
    });
}

#[test]
fn a_parent_stops_its_children_and_starts_no_others() {
    with_runbook(RUNBOOK, Vec::new(), async |world| {
        let parent = start(
            &world,
            json!({
                "TargetParameterName": "InstanceId",
                "Targets": [{ "Key": "ParameterValues", "Values": [id(1), id(2)] }],
                "MaxConcurrency": "1",
            }),
        )
        .await;
        let body = json!({ "AutomationExecutionId": parent });
        world.ok("StopAutomationExecution", body).await;
        assert_eq!(words(&world, &parent).await, ["Cancelling", "InProgress", "Cancelled"]);
        world.wait(2.0).await;
        assert_eq!(words(&world, &parent).await, ["Cancelled"; 3]);
    });
}
