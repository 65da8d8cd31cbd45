//! Who may start what, and with whose role.

use std::rc::Rc;

use serde_json::{Value, json};

use super::{RUNBOOK, id, start, with_runbook};
use crate::sim::{authority::Authority, iam::Policy, ssm::tests::World};

const ROLE: &str = "arn:aws:iam::123456789012:role/automation";

fn limit(world: &mut World, statements: &Value) {
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    let policy = Policy::parse(&policy.to_string()).unwrap();
    world.caller = Rc::new(Authority::user("123456789012", 1, "limited", Some(policy))).caller();
}

async fn denied(world: &World, operation: &str, body: Value) -> String {
    let refused = world.call(operation, body).await.unwrap_err();
    assert_eq!((refused.status, refused.code.as_str()), (400, "AccessDeniedException"));
    refused.message.unwrap()
}

fn request(more: &Value) -> Value {
    let mut res = json!({ "DocumentName": "Own", "Parameters": { "InstanceId": [id(1)] } });
    for (name, value) in more.as_object().unwrap() {
        res[name.as_str()] = value.clone();
    }
    res
}

#[test]
fn a_runbook_is_a_definition_with_its_version() {
    with_runbook(RUNBOOK, Vec::new(), async |mut world| {
        let definition = "arn:aws:ssm:us-east-1:123456789012:automation-definition/Own";
        let only_first = json!([{ "Effect": "Allow", "Action": "ssm:StartAutomationExecution",
                                  "Resource": format!("{definition}:1") }]);
        limit(&mut world, &only_first);
        world.ok("StartAutomationExecution", request(&json!({ "DocumentVersion": "1" }))).await;
        let message = denied(&world, "StartAutomationExecution", request(&json!({}))).await;
        assert_eq!(
            message,
            format!(
                "User: arn:aws:iam::123456789012:user/limited is not authorized to perform: \
                 ssm:StartAutomationExecution on resource: {definition}:$DEFAULT because no \
                 identity-based policy allows the ssm:StartAutomationExecution action"
            )
        );
        let amazons = json!({ "DocumentName": "AWS-Nothing" });
        let message = denied(&world, "StartAutomationExecution", amazons).await;
        assert!(message.contains("arn:aws:ssm:us-east-1::automation-definition/AWS-Nothing:"));
    });
}

#[test]
fn the_role_of_a_runbook_has_to_be_passed() {
    with_runbook(RUNBOOK, Vec::new(), async |mut world| {
        let start = json!({ "Effect": "Allow", "Action": "ssm:StartAutomationExecution",
                            "Resource": "*" });
        let parameters = json!({ "InstanceId": [id(1)], "AutomationAssumeRole": [ROLE] });
        let body = request(&json!({ "Parameters": parameters }));
        limit(&mut world, &json!([start]));
        let message = denied(&world, "StartAutomationExecution", body.clone()).await;
        assert!(message.contains(&format!("iam:PassRole on resource: {ROLE} because")));
        let pass = |service: &str| {
            json!({ "Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE,
                    "Condition": { "StringEquals": { "iam:PassedToService": service } } })
        };
        limit(&mut world, &json!([start, pass("ec2.amazonaws.com")]));
        denied(&world, "StartAutomationExecution", body.clone()).await;
        limit(&mut world, &json!([start, pass("ssm.amazonaws.com")]));
        world.ok("StartAutomationExecution", body).await;
    });
}

#[test]
fn a_role_is_named_with_spaces_or_without_and_by_what_automation_knows() {
    for written in [
        "{{AutomationAssumeRole}}",
        "{{AutomationAssumeRole }}",
        "{{ AutomationAssumeRole}}",
        "{{  AutomationAssumeRole  }}",
        "arn:{{global:AWS_PARTITION}}:iam::{{ global:ACCOUNT_ID }}:role/automation",
    ] {
        let runbook = RUNBOOK.replace("{{ AutomationAssumeRole }}", written);
        with_runbook(&runbook, Vec::new(), async |mut world| {
            let start = json!([{ "Effect": "Allow", "Action": "ssm:StartAutomationExecution",
                                 "Resource": "*" }]);
            limit(&mut world, &start);
            let parameters = json!({ "InstanceId": [id(1)], "AutomationAssumeRole": [ROLE] });
            let body = request(&json!({ "Parameters": parameters }));
            let message = denied(&world, "StartAutomationExecution", body).await;
            assert!(message.contains(&format!("iam:PassRole on resource: {ROLE} because")));
        });
    }
}

#[test]
fn a_role_that_is_not_known_is_not_taken_for_the_caller() {
    let runbook = RUNBOOK.replace("{{ AutomationAssumeRole }}", "{{ Nowhere }}");
    with_runbook(&runbook, Vec::new(), async |world| {
        let refused =
            world.call("StartAutomationExecution", request(&json!({}))).await.unwrap_err();
        assert_eq!(refused.message.unwrap(), "The defined assume role is unable to be assumed.");
    });
    with_runbook(RUNBOOK, Vec::new(), async |world| {
        let maps = json!([{ "InstanceId": [id(1)], "AutomationAssumeRole": [ROLE] }]);
        let body = json!({ "DocumentName": "Own", "TargetMaps": maps });
        let refused = world.call("StartAutomationExecution", body).await.unwrap_err();
        assert_eq!(
            refused.message.unwrap(),
            "An assumeRole that the targets give is not implemented by this simulator."
        );
    });
}

#[test]
fn an_execution_is_a_resource_of_its_own() {
    with_runbook(RUNBOOK, Vec::new(), async |mut world| {
        let (first, second) =
            (super::start_on(&world, 1).await, start(&world, request(&json!({}))).await);
        let arn = format!("arn:aws:ssm:us-east-1:123456789012:automation-execution/{first}");
        let statements = json!([{ "Effect": "Allow", "Action": "ssm:*", "Resource": arn }]);
        limit(&mut world, &statements);
        for operation in [
            "GetAutomationExecution",
            "DescribeAutomationStepExecutions",
            "StopAutomationExecution",
        ] {
            let body = |id: &str| json!({ "AutomationExecutionId": id });
            world.ok(operation, body(&first)).await;
            let message = denied(&world, operation, body(&second)).await;
            assert!(message.contains(&format!("automation-execution/{second} because")));
        }
        denied(&world, "DescribeAutomationExecutions", json!({})).await;
    });
}
