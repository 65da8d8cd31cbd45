//! Ten thousand instances with outcomes.

use serde_json::{Value, json};

use super::{World, WorldSpec, exits, id, simulated};
use crate::sim::state::Outcome;

#[test]
fn ten_thousand_invocations_end_and_are_listed_once_each() {
    let outcomes = vec![Outcome { stdout: "o".repeat(2_500), ..exits(&[5], 1) }];
    simulated(
        WorldSpec { size: 10_000, outcomes, ..WorldSpec::default() },
        async |world: World| {
            let command = world.send(json!({ "MaxConcurrency": "10%", "MaxErrors": "1" })).await;
            world.wait(600.0).await;
            let view = world.command(&command).await;
            assert_eq!((&view["CompletedCount"], &view["ErrorCount"]), (&json!(10_000), &json!(1)));
            let (mut n, mut token) = (0, Value::Null);
            loop {
                let body = json!({ "CommandId": command, "Details": true, "NextToken": token });
                let page = world.ok("ListCommandInvocations", body).await;
                for row in page["CommandInvocations"].as_array().unwrap() {
                    assert_eq!(row["InstanceId"], id(9_999 - n)); // newest first
                    n += 1;
                }
                token = page["NextToken"].clone();
                if token.is_null() {
                    break;
                }
            }
            assert_eq!(n, 10_000);
            let failed = json!({
                "CommandId": command,
                "Filters": [{ "key": "Status", "value": "Failed" }],
            });
            let failed = world.ok("ListCommandInvocations", failed).await;
            assert_eq!(failed["CommandInvocations"].as_array().unwrap().len(), 1);
            assert!(failed.get("NextToken").is_none());
        },
    );
}
