//! Every row of aws-facts §1.5: what SendCommand refuses at once, in AWS's words.

use serde_json::{Value, json};

use super::{World, WorldSpec, id, request, simulated};
use crate::sim::state::{Ping, Platform};

const PATTERNED: &str = r#"{ "schemaVersion": "2.2", "parameters": {
    "level": { "type": "String", "allowedValues": ["low", "high"], "default": "low" },
    "name": { "type": "String", "allowedPattern": "[a-z]+", "default": "a" } },
  "mainSteps": [{ "action": "aws:runShellScript", "name": "only", "inputs": {} }] }"#;
const AUTOMATION: &str =
    r#"{"schemaVersion":"0.3","mainSteps":[{"name":"a","action":"aws:sleep"}]}"#;
const PLAIN: &str =
    "schemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n  name: only\n";

/// Five instances: 0 healthy, 1 Windows, 2 never registered, 3 stopped, 4 terminated.
fn world() -> WorldSpec {
    let change = |index, instance: &mut crate::sim::state::Instance| match index {
        1 => instance.platform = Platform::Windows,
        2 => instance.ping = Ping::None,
        3 => "stopped".clone_into(&mut instance.ec2_state),
        4 => "terminated".clone_into(&mut instance.ec2_state),
        _ => {}
    };
    WorldSpec { size: 5, change, ..WorldSpec::default() }
}

/// Sends, expects `code`, and expects the message to contain `message`; nothing is created.
fn check(more: &Value, code: &str, message: Option<&str>) {
    simulated(world(), async |world: World| {
        world.add_document("Patterned", PATTERNED);
        world.add_document("Runbook", AUTOMATION);
        world.add_document("Plain", PLAIN);
        let err = world.call("SendCommand", request(more)).await.unwrap_err();
        assert_eq!((err.status, err.code.as_str()), (400, code), "{more}: {err:?}");
        match (message, &err.message) {
            (Some(wanted), Some(found)) => assert!(found.contains(wanted), "{found}"),
            (None, None) => {}
            other => panic!("{more}: {other:?}"),
        }
        assert_eq!(world.sim.state.borrow().ssm.command_count(), 0);
    });
}

#[test]
fn an_instance_that_is_not_managed_fails_the_whole_call() {
    let unknown = "i-0123456789abcdef0".to_owned();
    for bad in [unknown, id(2), id(3), id(4)] {
        let message = format!("Instances [[{bad}]] not in a valid state for account 123456789012");
        check(&json!({ "InstanceIds": [id(0), bad] }), "InvalidInstanceId", Some(&message));
        let targets = json!([{ "Key": "instanceids", "Values": [bad] }]);
        check(&json!({ "Targets": targets }), "InvalidInstanceId", Some(&message));
    }
    let both = format!("Instances [[{}, {}]] not", id(2), id(3));
    check(&json!({ "InstanceIds": [id(2), id(3)] }), "InvalidInstanceId", Some(&both));
}

#[test]
fn the_same_id_twice_is_refused_without_a_message() {
    check(&json!({ "InstanceIds": [id(0), id(0)] }), "DuplicateInstanceId", None);
}

#[test]
fn a_document_must_exist_be_a_command_and_have_the_version_and_the_hash() {
    let document = |name: &str| json!({ "DocumentName": name });
    check(&document("Nothing"), "InvalidDocument", Some("Nothing"));
    check(&document("Runbook"), "InvalidDocument", Some("Runbook"));
    check(
        &document("arn:aws:ssm:us-east-1:123456789012:document/AWS-RunShellScript"),
        "InvalidDocument",
        Some("does not exist"),
    );
    check(
        &json!({ "DocumentVersion": "7" }),
        "InvalidDocumentVersion",
        Some("isn't valid or doesn't exist"),
    );
    check(
        &json!({ "DocumentHash": "00", "DocumentHashType": "Sha256" }),
        "InvalidDocument",
        Some("hash does not match"),
    );
}

#[test]
fn parameters_are_held_against_their_declaration() {
    let with = |document: &str, parameters: Value| json!({ "DocumentName": document, "Parameters": parameters });
    let code = "InvalidParameters";
    let text = "document Plain does not support parameters.";
    check(&with("Plain", json!({ "commands": ["ls"] })), code, Some(text));
    let text = "Parameters provided in document are invalid or not supported.";
    check(&with("Patterned", json!({ "other": ["x"] })), code, Some(text));
    check(&json!({ "Parameters": null }), code, Some("commands is required"));
    check(&with("AWS-RunShellScript", json!({ "commands": [] })), code, Some("items"));
    check(&with("Patterned", json!({ "level": ["mid"] })), code, Some("[low, high]"));
    check(&with("Patterned", json!({ "name": ["a1"] })), code, Some("allowedPattern"));
    check(&with("Patterned", json!({ "name": ["a", "b"] })), code, Some("one value"));
    let timeout = json!({ "commands": ["ls"], "executionTimeout": ["172801"] });
    check(&with("AWS-RunShellScript", timeout), code, Some("allowedPattern"));
}

#[test]
fn a_named_instance_of_another_platform_is_refused() {
    let message =
        format!("Cannot perform operation for instance id {} of platform type Windows", id(1));
    let more = json!({ "InstanceIds": [id(0), id(1)] });
    check(&more, "UnsupportedPlatformType", Some(&message));
}

#[test]
fn document_and_parameters_together_have_64_kilobytes() {
    let more = json!({ "Parameters": { "commands": ["x".repeat(65_000)] } });
    check(&more, "MaxDocumentSizeExceeded", Some("64 KB"));
}

#[test]
fn there_is_no_bucket_no_topic_and_no_bad_role() {
    check(&json!({ "OutputS3BucketName": "bucket" }), "InvalidOutputFolder", None);
    check(&json!({ "ServiceRoleArn": "nobody" }), "InvalidRole", Some("role"));
    let topic = json!({ "NotificationArn": "arn:aws:sns:us-east-1:123456789012:t" });
    let role = "arn:aws:iam::123456789012:role/any";
    let more = json!({ "NotificationConfig": topic, "ServiceRoleArn": role });
    check(&more, "InvalidNotificationConfig", Some("valid Amazon Resource Name"));
}

#[test]
fn constraints_are_reported_as_aws_words_them() {
    let code = "ValidationException";
    let one = |value: &str, at: &str, why: &str| {
        let value = if value == "null" { "null".to_owned() } else { format!("'{value}'") };
        format!(
            "1 validation error detected: Value {value} at '{at}' failed to satisfy constraint: \
             {why}"
        )
    };
    let least = "Member must have value greater than or equal to 30";
    check(&json!({ "TimeoutSeconds": 29 }), code, Some(&one("29", "timeoutSeconds", least)));
    let most = "Member must have value less than or equal to 2592000";
    check(
        &json!({ "TimeoutSeconds": 2_592_001 }),
        code,
        Some(&one("2592001", "timeoutSeconds", most)),
    );
    let missing = one("null", "documentName", "Member must not be null");
    check(&json!({ "DocumentName": null }), code, Some(&missing));
    let long = "c".repeat(101);
    let text = one(&long, "comment", "Member must have length less than or equal to 100");
    check(&json!({ "Comment": long }), code, Some(&text));
    for bad in ["0", "0%", "05%", "101%", "1.5", "abc", "-1"] {
        let why = "Member must satisfy regular expression pattern: \
                   ^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$";
        check(&json!({ "MaxConcurrency": bad }), code, Some(&one(bad, "maxConcurrency", why)));
    }
    check(&json!({ "MaxErrors": "101%" }), code, Some("maxErrors"));
    let text = one("Md5", "documentHashType", "Member must satisfy enum value set: [Sha256, Sha1]");
    check(&json!({ "DocumentHashType": "Md5" }), code, Some(&text));
    let why = r"Member must satisfy constraint: [Member must satisfy regular expression pattern: (^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)]";
    check(&json!({ "InstanceIds": ["i-1"] }), code, Some(&one("[i-1]", "instanceIds", why)));
    let ids: Vec<String> = (0..51).map(id).collect();
    let text = "at 'instanceIds' failed to satisfy constraint: Member must have length less than \
                or equal to 50";
    check(&json!({ "InstanceIds": ids }), code, Some(text));
    let key = json!([{ "Key": "", "Values": [] }]);
    check(&json!({ "Targets": key }), code, Some("'targets.1.member.key'"));
    let two = json!({ "TimeoutSeconds": 5, "Comment": long });
    check(&two, code, Some("2 validation errors detected: Value '5' at 'timeoutSeconds'"));
}

#[test]
fn instances_are_named_or_targeted_but_not_both_or_neither() {
    let code = "ValidationException";
    check(&json!({ "Targets": null }), code, Some("Either InstanceIds or Targets"));
    let targets = json!([{ "Key": "tag:a", "Values": ["b"] }]);
    check(&json!({ "Targets": targets, "InstanceIds": [id(0)] }), code, Some("cannot both"));
    let two = json!([{ "Key": "resource-groups:Name", "Values": ["a", "b"] }]);
    check(&json!({ "Targets": two }), code, Some("takes 1 values at most"));
    let types = "resource-groups:ResourceTypeFilters";
    let six = json!([{ "Key": types, "Values": vec!["AWS::EC2::Instance"; 6] }]);
    check(&json!({ "Targets": six }), code, Some("takes 5 values at most"));
    let odd = json!([{ "Key": types, "Values": ["instance"] }]);
    check(&json!({ "Targets": odd }), code, Some("'instance' is not a resource type"));
    let odd = json!([{ "Key": "Colour", "Values": ["red"] }]);
    check(&json!({ "Targets": odd }), code, Some("Target key 'Colour' is not supported"));
}

#[test]
fn a_wrong_json_type_is_a_serialization_exception() {
    let code = "SerializationException";
    check(&json!({ "Comment": 5 }), code, Some("NUMBER_VALUE can not be converted to a String"));
    check(&json!({ "TimeoutSeconds": "60" }), code, Some("STRING_VALUE can not be converted"));
    check(&json!({ "TimeoutSeconds": 60.5 }), code, Some("Integer"));
    check(&json!({ "InstanceIds": id(0) }), code, Some("List"));
    check(&json!({ "Parameters": { "commands": "ls" } }), code, Some("List"));
    check(&json!({ "Targets": ["x"] }), code, Some("Structure"));
}
