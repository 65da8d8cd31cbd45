//! ListCommands, ListCommandInvocations and GetCommandInvocation: filters, pages, output.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{World, WorldSpec, ends, exits, id, request, simulated};
use crate::sim::state::Outcome;

fn ids(rows: &Value) -> Vec<String> {
    let rows = rows["CommandInvocations"].as_array().unwrap();
    rows.iter().map(|it| it["InstanceId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn pages_have_every_row_once_though_new_commands_arrive_meanwhile() {
    simulated(WorldSpec { size: 120, ..WorldSpec::default() }, async |world: World| {
        let command = world.send(json!({})).await;
        world.wait(30.0).await;
        let (mut seen, mut token) = (Vec::new(), Value::Null);
        loop {
            let body = json!({ "MaxResults": 50, "NextToken": token });
            let page = world.ok("ListCommandInvocations", body).await;
            for row in page["CommandInvocations"].as_array().unwrap() {
                assert_eq!(row["CommandId"].as_str(), Some(command.as_str()));
            }
            seen.extend(ids(&page));
            token = page["NextToken"].clone();
            if token.is_null() {
                break;
            }
            world.send(json!({})).await;
            world.wait(30.0).await;
        }
        assert_eq!(seen, (0..120).rev().map(id).collect::<Vec<_>>());
    });
}

#[test]
fn the_invocation_that_was_withheld_is_listed_before_the_one_that_failed() {
    let outcomes = vec![exits(&[0, 1], 1)];
    simulated(WorldSpec { size: 2, outcomes, ..WorldSpec::default() }, async |world: World| {
        let command = world.send(json!({ "MaxConcurrency": "1", "MaxErrors": "0" })).await;
        world.wait(30.0).await;
        let rows = world.ok("ListCommandInvocations", json!({ "CommandId": command })).await;
        let row = |index: usize| &rows["CommandInvocations"][index];
        // As in the published capture: Terminated …639.381, Failed …639.291.
        assert_eq!(
            (&row(0)["StatusDetails"], &row(1)["StatusDetails"]),
            (&json!("Terminated"), &json!("Failed"))
        );
        let requested = |index| row(index)["RequestedDateTime"].as_f64().unwrap();
        assert!(requested(0) > requested(1));
    });
}

#[test]
fn invocations_are_filtered_by_command_instance_status_time_and_document() {
    let outcomes = vec![exits(&[1], 1), ends(&[2], "ExecutionTimedOut")];
    simulated(WorldSpec { outcomes, ..WorldSpec::default() }, async |world: World| {
        let command = world.send(json!({ "MaxErrors": "5" })).await;
        world.wait(30.0).await;
        let check = async |body: Value, expected: &[usize]| {
            let rows = world.ok("ListCommandInvocations", body).await;
            assert_eq!(ids(&rows), expected.iter().map(|it| id(*it)).collect::<Vec<_>>());
        };
        let filter =
            |key: &str, value: &str| json!({ "Filters": [{ "key": key, "value": value }] });
        check(json!({ "CommandId": command }), &[2, 1, 0]).await;
        check(json!({ "CommandId": "0".repeat(36) }), &[]).await;
        check(json!({ "InstanceId": id(1) }), &[1]).await;
        check(json!({ "InstanceId": id(7) }), &[]).await;
        check(filter("Status", "Success"), &[0]).await;
        check(filter("Status", "Failed"), &[1]).await;
        check(filter("Status", "TimedOut"), &[2]).await;
        check(filter("Status", "DeliveryTimedOut"), &[]).await;
        check(filter("DocumentName", "AWS-RunShellScript"), &[2, 1, 0]).await;
        check(filter("DocumentName", "Other"), &[]).await;
        check(filter("InvokedAfter", "2026-01-01T00:00:00Z"), &[2, 1, 0]).await;
        check(filter("InvokedAfter", "2026-01-01T00:00:09Z"), &[]).await;
        check(filter("InvokedBefore", "2026-01-01T00:00:00Z"), &[]).await;
    });
}

#[test]
fn a_list_refuses_bad_filters_tokens_and_sizes() {
    simulated(WorldSpec::default(), async |world: World| {
        let check = async |operation: &str, body: Value, code: &str| {
            assert_eq!(world.call(operation, body).await.unwrap_err().code, code);
        };
        let filter =
            |key: &str, value: &str| json!({ "Filters": [{ "key": key, "value": value }] });
        let list = "ListCommandInvocations";
        check(list, filter("ExecutionStage", "Complete"), "InvalidFilterKey").await;
        check(list, filter("Nonsense", "x"), "ValidationException").await;
        check(list, filter("Status", "Incomplete"), "ValidationException").await;
        check(list, filter("InvokedAfter", "yesterday"), "ValidationException").await;
        check(list, json!({ "Filters": [{ "Key": "Status" }] }), "ValidationException").await;
        check(list, json!({ "MaxResults": 51 }), "ValidationException").await;
        check(list, json!({ "CommandId": "short" }), "ValidationException").await;
        for token in ["garbage", "ff", "é", "636f6d6d616e64732f312e30"] {
            check(list, json!({ "NextToken": token }), "InvalidNextToken").await;
        }
        let mut pending = filter("Status", "Pending");
        pending["InstanceId"] = json!(id(0));
        check("ListCommands", pending, "ValidationException").await;
    });
}

#[test]
fn commands_are_listed_newest_first_and_filtered() {
    simulated(WorldSpec::default(), async |world: World| {
        let first = world.send(json!({ "Comment": "one" })).await;
        world.wait(10.0).await;
        let second = world.send(json!({ "InstanceIds": [id(0)] })).await;
        let check = async |body: Value, expected: &[&String]| {
            let found = world.ok("ListCommands", body).await;
            let found = found["Commands"].as_array().unwrap();
            let found: Vec<_> = found.iter().map(|it| it["CommandId"].as_str().unwrap()).collect();
            assert_eq!(found, expected);
        };
        let filter =
            |key: &str, value: &str| json!({ "Filters": [{ "key": key, "value": value }] });
        check(json!({}), &[&second, &first]).await;
        check(json!({ "InstanceId": id(1) }), &[&first]).await;
        check(filter("ExecutionStage", "Executing"), &[&second]).await;
        check(filter("ExecutionStage", "Complete"), &[&first]).await;
        check(filter("Status", "Success"), &[&first]).await;
        let page = world.ok("ListCommands", json!({ "MaxResults": 1 })).await;
        let token = page["NextToken"].clone();
        check(json!({ "MaxResults": 1, "NextToken": token }), &[&first]).await;
    });
}

#[test]
fn details_have_every_plugin_and_without_them_the_list_is_empty() {
    let outcomes = vec![Outcome { stdout: "hello".to_owned(), ..exits(&[0], 0) }];
    simulated(WorldSpec { size: 1, outcomes, ..WorldSpec::default() }, async |world: World| {
        let command = world.send(json!({})).await;
        world.wait(5.0).await;
        let plain = world.ok("ListCommandInvocations", json!({ "CommandId": command })).await;
        assert_eq!(plain["CommandInvocations"][0]["CommandPlugins"], json!([]));
        let plugin = world.rows(&command).await[0]["CommandPlugins"][0].clone();
        assert_eq!(plugin["Output"], "hello");
        assert_eq!(plugin["OutputS3Region"], "us-east-1");
        let started = plugin["ResponseStartDateTime"].as_f64().unwrap();
        let ended = plugin["ResponseFinishDateTime"].as_f64().unwrap();
        assert!((ended - started - 1.0).abs() < 0.002);
    });
}

#[test]
fn an_invocation_is_shown_by_step_with_its_output_once_it_has_finished() {
    let outcomes =
        vec![Outcome { stdout: "o".repeat(30_000), stderr: "e".repeat(9_000), ..exits(&[0], 0) }];
    simulated(WorldSpec { size: 1, outcomes, ..WorldSpec::default() }, async |world: World| {
        let command = world.send(json!({})).await;
        let get = async |plugin: Value| {
            let body = json!({ "CommandId": command, "InstanceId": id(0), "PluginName": plugin });
            world.call("GetCommandInvocation", body).await
        };
        let err = get(Value::Null).await.unwrap_err();
        assert_eq!((err.code.as_str(), err.message), ("InvocationDoesNotExist", None));
        world.wait(1.5).await;
        let view = get(Value::Null).await.unwrap();
        assert_eq!((&view["Status"], &view["ResponseCode"]), (&json!("InProgress"), &json!(-1)));
        assert_eq!(
            (&view["ExecutionEndDateTime"], &view["ExecutionElapsedTime"]),
            (&json!(""), &json!(""))
        );
        assert_eq!(view["StandardOutputContent"], "");
        world.wait(5.0).await;
        let view = get(json!("aws:runShellScript")).await.unwrap();
        assert_eq!(view["ExecutionStartDateTime"], "2026-01-01T00:00:01.100Z");
        assert_eq!(view["ExecutionElapsedTime"], "PT1S");
        let stdout = view["StandardOutputContent"].as_str().unwrap();
        assert_eq!(stdout.len(), 24_000);
        assert!(stdout.ends_with("o--output truncated--"));
        assert_eq!(view["StandardErrorContent"].as_str().unwrap().len(), 8_000);
        assert_eq!(get(json!("another")).await.unwrap_err().code, "InvalidPluginName");
    });
}

#[test]
fn a_document_of_several_steps_is_shown_whole_or_by_step() {
    let document = r#"{ "schemaVersion": "2.2", "mainSteps": [
        { "action": "aws:runPowerShellScript", "name": "windows", "inputs": {},
          "precondition": { "StringEquals": ["platformType", "Windows"] } },
        { "action": "aws:runShellScript", "name": "first", "inputs": { "timeoutSeconds": "60" } },
        { "action": "aws:runShellScript", "name": "second", "inputs": {} }] }"#;
    let outcomes = vec![exits(&[0], 9)];
    simulated(WorldSpec { size: 1, outcomes, ..WorldSpec::default() }, async |world: World| {
        world.add_document("Steps", document);
        let more = request(&json!({ "DocumentName": "Steps", "Parameters": null }));
        let answer = world.ok("SendCommand", more).await;
        let command = &answer["Command"]["CommandId"];
        world.wait(5.0).await;
        let rows = world.rows(command.as_str().unwrap()).await;
        let plugins = rows[0]["CommandPlugins"].as_array().unwrap();
        let seen: Vec<_> = plugins.iter().map(|it| (&it["Name"], &it["Status"])).collect();
        let [success, failed] = [&json!("Success"), &json!("Failed")];
        let [windows, first, second] = [&json!("windows"), &json!("first"), &json!("second")];
        assert_eq!(seen, [(windows, success), (first, failed), (second, success)]);
        let skipped = "Step execution skipped due to unsatisfied preconditions: '\"StringEquals\": [platformType, Windows]'. Step name: windows";
        assert_eq!(plugins[0]["Output"], skipped);
        let body = json!({ "CommandId": command, "InstanceId": id(0) });
        let view = world.ok("GetCommandInvocation", body).await;
        assert_eq!((&view["Status"], &view["ResponseCode"]), (failed, &json!(9)));
        assert_eq!((&view["PluginName"], &view["StandardErrorContent"]), (&json!(""), &json!("")));
    });
}

#[test]
fn an_earlier_instant_is_shown_as_it_was() {
    let spec = WorldSpec { outcomes: vec![exits(&[1], 1)], ..WorldSpec::default() };
    simulated(spec, async |mut world: World| {
        let command = world.send(json!({ "MaxErrors": "3" })).await;
        world.wait(60.0).await;
        assert_eq!(world.statuses(&command).await, ["Success", "Failed", "Success"]);
        for (seconds, status, statuses) in [
            (0, "Pending", vec![]),
            (1, "Pending", vec!["Pending"; 3]),
            (2, "InProgress", vec!["InProgress", "InProgress", "InProgress"]),
            (9, "Success", vec!["Success", "Failed", "Success"]),
        ] {
            world.as_of = Some(Timestamp::from_second(EPOCH + seconds).unwrap());
            assert_eq!(world.command(&command).await["Status"], status, "{seconds}");
            assert_eq!(world.statuses(&command).await, statuses, "{seconds}");
            for row in world.rows(&command).await {
                let is_ended = row["Status"] != "Pending" && row["Status"] != "InProgress";
                assert_eq!(row["CommandPlugins"][0]["ResponseCode"] != -1, is_ended, "{row}");
            }
        }
        world.as_of = Some(Timestamp::from_second(EPOCH - 1).unwrap());
        assert!(world.command(&command).await.is_null());
    });
}

/// 2026-01-01T00:00:00Z, when these worlds begin.
const EPOCH: i64 = 1_767_225_600;
