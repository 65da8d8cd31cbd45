//! What a step waits for by itself: time, or somebody.

use serde_json::{Value, json};

use super::{StepEnd, ends, get, script, start, with_runbook, words};

/// A runbook of one step, and one after it.
fn runbook(action: &str, inputs: &Value) -> String {
    json!({
        "schemaVersion": "0.3",
        "parameters": { "For": { "type": "String", "default": "PT3S" } },
        "mainSteps": [
            { "name": "wait", "action": action, "inputs": inputs },
            { "name": "tell", "action": "aws:executeScript" },
        ],
    })
    .to_string()
}

#[test]
fn a_sleep_takes_its_duration_or_lasts_until_its_timestamp() {
    for (inputs, seconds) in [
        (json!({ "Duration": "PT10M" }), 600.0),
        (json!({ "Duration": "P1DT1H" }), 90_000.0),
        (json!({ "Duration": "P6DT23H59M59S" }), 604_799.0),
        (json!({ "Duration": "{{ For }}" }), 3.0),
        (json!({ "Timestamp": "2026-01-01T01:00:00Z" }), 3_600.0),
        // "If the specified date and time has passed, the action proceeds immediately" (user guide).
        (json!({ "Timestamp": "2020-01-01T01:00:00Z" }), 0.0),
    ] {
        with_runbook(&runbook("aws:sleep", &inputs), Vec::new(), async |world| {
            let execution = start(&world, json!({})).await;
            if seconds > 0.0 {
                world.wait(seconds - 1.0).await;
                let expected = ["InProgress", "InProgress", "Pending"];
                assert_eq!(words(&world, &execution).await, expected, "{inputs}");
                world.wait(1.5).await;
            } else {
                world.wait(0.5).await;
            }
            let expected = ["InProgress", "Success", "InProgress"];
            assert_eq!(words(&world, &execution).await, expected, "{inputs}");
        });
    }
}

#[test]
fn a_sleep_that_says_no_time_fails_before_it_begins() {
    for (inputs, said) in [
        (json!({}), "Duration or Timestamp is required."),
        (json!({ "Duration": "10 minutes" }), "10 minutes is no ISO 8601 duration."),
        (json!({ "Duration": "10s" }), "10s is no ISO 8601 duration."),
        (json!({ "Duration": 10 }), "10 is no ISO 8601 duration."),
        (json!({ "Duration": "-PT1S" }), "-PT1S is negative."),
        (json!({ "Duration": "P7D" }), "P7D is more than 604799 seconds."),
        (json!({ "Duration": "P1M" }), "P1M is more than 604799 seconds."),
        (json!({ "Timestamp": "tomorrow" }), "tomorrow is no ISO 8601 timestamp."),
        (json!({ "Timestamp": "2027-01-01T00:00:00Z" }), "is more than 604799 seconds from now."),
        (
            json!({ "Duration": "PT1S", "Timestamp": "2020-01-01T01:00:00Z" }),
            "Duration and Timestamp together are not implemented by this simulator.",
        ),
    ] {
        with_runbook(&runbook("aws:sleep", &inputs), Vec::new(), async |world| {
            let execution = start(&world, json!({})).await;
            world.wait(0.5).await;
            let expected = ["Failed", "Failed", "Pending"];
            assert_eq!(words(&world, &execution).await, expected, "{inputs}");
            let shown = get(&world, &execution).await;
            let message = shown["FailureMessage"].as_str().unwrap();
            assert!(message.contains(said), "{inputs}: {message}");
            let details = &shown["StepExecutions"][0]["FailureDetails"];
            assert_eq!(details["FailureStage"], "InputValidation");
        });
    }
    // What the world scripts is not looked at.
    let scripted = vec![script("wait", ends(StepEnd::Success))];
    with_runbook(&runbook("aws:sleep", &json!({})), scripted, async |world| {
        let execution = start(&world, json!({})).await;
        world.wait(3.0).await;
        assert_eq!(words(&world, &execution).await, ["Success"; 3]);
    });
}

#[test]
fn a_step_that_only_a_script_can_end_is_refused_without_one() {
    for (action, why) in [
        ("aws:approve", "waits for SendAutomationSignal"),
        ("aws:pause", "waits for SendAutomationSignal"),
        ("aws:loop", "has steps of its own"),
        ("aws:updateVariable", "changes a variable"),
    ] {
        let runbook = runbook(action, &json!({}));
        with_runbook(&runbook, Vec::new(), async |world| {
            let by_targets = json!({ "TargetParameterName": "For", "Targets": [
                { "Key": "ParameterValues", "Values": ["PT1S"] }] });
            for mut body in [json!({}), by_targets] {
                body["DocumentName"] = json!("Own");
                let refused = world.call("StartAutomationExecution", body).await.unwrap_err();
                assert_eq!(refused.code, "ValidationException");
                let expected = format!(
                    "The step wait of Own {why}, which is not implemented by this simulator: a \
                     [[runbook.step]] of its world has to say how the step ends."
                );
                assert_eq!(refused.message.unwrap(), expected, "{action}");
            }
        });
        let scripted = vec![script("wait", ends(StepEnd::Success))];
        with_runbook(&runbook, scripted, async |world| {
            let execution = start(&world, json!({})).await;
            world.wait(3.0).await;
            assert_eq!(words(&world, &execution).await, ["Success"; 3], "{action}");
        });
    }
}
