//! What StartAutomationExecution and its neighbours refuse, in AWS's words where they are known.

use serde_json::{Value, json};

use super::{RUNBOOK, id, start, with_runbook};
use crate::sim::ssm::tests::World;

async fn check(world: &World, operation: &str, body: Value, code: &str, said: &str) {
    let refused = world.call(operation, body.clone()).await.expect_err(&body.to_string());
    assert_eq!(refused.code, code, "{body}: {refused:?}");
    let message = refused.message.unwrap_or_default();
    assert!(message.contains(said), "{body}: {message}");
}

fn numbered(n: usize) -> Value {
    (0..n).map(|it| (format!("P{it}"), json!(["a"]))).collect::<serde_json::Map<_, _>>().into()
}

fn tags(n: usize) -> Value {
    (0..n).map(|it| json!({ "Key": format!("k{it}"), "Value": "v" })).collect()
}

#[test]
fn what_cannot_be_started_is_refused_by_name() {
    with_runbook(RUNBOOK, Vec::new(), async |world| {
        let targets = json!([{ "Key": "tag:a", "Values": ["b"] }]);
        let two = json!([{ "Key": "tag:a", "Values": [] }, { "Key": "tag:b", "Values": [] }]);
        let bad = "InvalidAutomationExecutionParametersException";
        for (body, code, said) in [
            (json!({ "DocumentName": "None" }), "AutomationDefinitionNotFoundException", ""),
            (
                json!({ "DocumentName": "AWS-RunShellScript" }),
                "AutomationDefinitionNotFoundException",
                "couldn't be found",
            ),
            (
                json!({ "DocumentVersion": "7" }),
                "AutomationDefinitionVersionNotFoundException",
                "name and version",
            ),
            (json!({}), bad, "Missing required parameter: InstanceId in user inputs."),
            (
                json!({ "Parameters": { "InstanceId": ["i"], "Action": ["fix"] } }),
                bad,
                "Parameter \"Action\" has value \"fix\" not found in [Check, Fix].",
            ),
            (json!({ "Parameters": { "InstanceId": ["i"], "Other": ["x"] } }), bad, "Other"),
            (json!({ "Parameters": { "InstanceId": ["a", "b"] } }), bad, "takes one value"),
            (
                json!({ "TargetParameterName": "InstanceId", "Targets": two }),
                bad,
                "Only one resource group or tag can be specified at a time",
            ),
            (json!({ "Targets": targets }), bad, "TargetParameterName"),
            (json!({ "TargetParameterName": "Nope", "Targets": targets }), bad, "Nope"),
            (json!({ "TargetParameterName": "InstanceId" }), bad, "Targets are required"),
            (
                json!({ "TargetParameterName": "InstanceId",
                        "Targets": [{ "Key": "color", "Values": ["red"] }] }),
                bad,
                "Target key can have only following values",
            ),
            (
                json!({ "TargetParameterName": "InstanceId",
                        "Targets": [{ "Key": "ResourceGroup", "Values": ["none"] }] }),
                "InvalidTarget",
                "",
            ),
            (json!({ "Mode": "Interactive" }), "ValidationException", "Interactive"),
            (json!({ "TargetLocations": [] }), "ValidationException", "TargetLocations"),
            (json!({ "ClientToken": "short" }), "ValidationException", "clientToken"),
            (json!({ "MaxErrors": "101%" }), "ValidationException", "maxErrors"),
            (
                json!({ "Parameters": {} }),
                "ValidationException",
                "'parameters' failed to satisfy constraint: Member must have length greater than \
                 or equal to 1",
            ),
            (json!({ "Parameters": numbered(201) }), "ValidationException", "or equal to 200"),
            (
                json!({ "Parameters": { "x".repeat(51): ["a"] } }),
                "ValidationException",
                "'parameters' failed to satisfy constraint: Map keys must satisfy constraint: \
                 [Member must have length less than or equal to 50, Member must have length \
                 greater than or equal to 1]",
            ),
            (
                json!({ "TargetMaps": [numbered(21)] }),
                "ValidationException",
                "'targetMaps.1.member' failed to satisfy constraint: Member must have length less \
                 than or equal to 20",
            ),
            (
                json!({ "TargetMaps": [{ "": ["a"] }] }),
                "ValidationException",
                "Value '{=[a]}' at 'targetMaps.1.member' failed to satisfy constraint: Map keys",
            ),
            (json!({ "Tags": tags(6) }), "ValidationException", "at most 5 tags"),
            (json!({ "DocumentVersion": "0" }), "ValidationException", "documentVersion"),
            (json!({ "ClientToken": "g".repeat(36) }), "ValidationException", "clientToken"),
        ] {
            let mut request = json!({ "DocumentName": "Own" });
            for (name, value) in body.as_object().unwrap() {
                request[name.as_str()] = value.clone();
            }
            check(&world, "StartAutomationExecution", request, code, said).await;
        }
        let listed = world.ok("DescribeAutomationExecutions", json!({})).await;
        assert_eq!(listed["AutomationExecutionMetadataList"], json!([]));
    });
}

#[test]
fn a_token_starts_one_execution_however_often_it_comes() {
    with_runbook(RUNBOOK, Vec::new(), async |world| {
        let token = "0a1b2c3d-0000-4000-8000-0123456789AB";
        let body = |index: usize, token: &str| json!({ "Parameters": { "InstanceId": [id(index)] }, "ClientToken": token });
        let first = start(&world, body(1, token)).await;
        world.wait(30.0).await;
        assert_eq!(start(&world, body(1, &token.to_lowercase())).await, first);
        let mut other = body(2, token);
        other["DocumentName"] = json!("Own");
        check(&world, "StartAutomationExecution", other, "IdempotentParameterMismatch", "").await;
        let listed = world.ok("DescribeAutomationExecutions", json!({})).await;
        assert_eq!(listed["AutomationExecutionMetadataList"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn more_than_may_wait_is_refused() {
    with_runbook(RUNBOOK, Vec::new(), async |world| {
        for _ in 0..1_100 {
            super::start_on(&world, 1).await;
        }
        let body = json!({ "DocumentName": "Own", "Parameters": { "InstanceId": [id(1)] } });
        let code = "AutomationExecutionLimitExceededException";
        check(&world, "StartAutomationExecution", body, code, "limit").await;
    });
}

#[test]
fn an_unknown_execution_and_unknown_filters_are_refused() {
    with_runbook(RUNBOOK, Vec::new(), async |world| {
        let unknown = json!({ "AutomationExecutionId": "00000000-0000-4000-8000-000000000000" });
        for operation in [
            "GetAutomationExecution",
            "StopAutomationExecution",
            "DescribeAutomationStepExecutions",
        ] {
            let code = "AutomationExecutionNotFoundException";
            check(&world, operation, unknown.clone(), code, "There is no automation").await;
        }
        for (key, value, code) in [
            ("Color", "red", "InvalidFilterKey"),
            ("ExecutionStatus", "Done", "InvalidFilterValue"),
            ("StartTimeAfter", "yesterday", "InvalidFilterValue"),
        ] {
            let body = json!({ "Filters": [{ "Key": key, "Values": [value] }] });
            check(&world, "DescribeAutomationExecutions", body, code, "").await;
        }
        let body = json!({ "NextToken": "nowhere" });
        check(&world, "DescribeAutomationExecutions", body, "InvalidNextToken", "").await;
    });
}

#[test]
fn a_runbook_that_is_none_is_no_document() {
    with_runbook(RUNBOOK, Vec::new(), async |world| {
        for (content, said) in [
            (r#"{"schemaVersion":"0.3"}"#, "mainSteps is missing"),
            (r#"{"schemaVersion":"0.3","mainSteps":[]}"#, "mainSteps is empty"),
            (
                r#"{"schemaVersion":"0.3","mainSteps":[{"name":"a","action":"aws:juggle"}]}"#,
                "step a has the unknown action aws:juggle",
            ),
            (
                r#"{"schemaVersion":"0.3","mainSteps":[
                    {"name":"a","action":"aws:sleep","nextStep":"b"}]}"#,
                "step a leads to b, which is no step",
            ),
            (
                r#"{"schemaVersion":"0.3","mainSteps":[{"name":"a","action":"aws:sleep"},
                    {"name":"a","action":"aws:sleep"}]}"#,
                "step name a is used twice",
            ),
        ] {
            let body =
                json!({ "Name": "Bad-One", "Content": content, "DocumentType": "Automation" });
            check(&world, "CreateDocument", body, "InvalidDocumentContent", said).await;
        }
    });
}
