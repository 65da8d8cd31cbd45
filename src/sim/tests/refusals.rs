//! Every row of aws-facts §1.5 by name: what SendCommand refuses at once, as it is on the wire.

use std::fs;

use serde_json::{Value, json};

use super::client::{Key, json as unsigned, send, signed_json};
use crate::sim::{Sim, World, ids};

const PATTERNED: &str = r#"{ "schemaVersion": "2.2", "parameters": {
    "level": { "type": "String", "allowedValues": ["low", "high"], "default": "low" },
    "name": { "type": "String", "allowedPattern": "[a-z]+", "default": "a" } },
  "mainSteps": [{ "action": "aws:runShellScript", "name": "only", "inputs": {} }] }"#;
const RUNBOOK: &str = r#"{"schemaVersion":"0.3","mainSteps":[{"name":"a","action":"aws:sleep"}]}"#;
const PLAIN: &str =
    "schemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n  name: only\n";
const TRACKING: &str = r#"{ "Version": "2012-10-17", "Statement":
    [{ "Effect": "Allow", "Action": "ssm:List*", "Resource": "*" }] }"#;

/// 0 is healthy, 1 Windows, 2 never registered, 3 terminated, 4 out of reach.
const WORLD: &str = r#"
[[group]]
name = "web"
size = 5
instance = [
    { index = 1, platform = "Windows" },
    { index = 2, ping = "none" },
    { index = 3, lifecycle = "Terminated" },
    { index = 4, ping = "ConnectionLost" },
]
[[document]]
name = "Patterned"
file = "patterned.json"
[[document]]
name = "Runbook"
file = "runbook.json"
[[document]]
name = "Plain"
file = "plain.yaml"
"#;
const USER: &str = r#"
[[user]]
name = "tracker"
access_key_id = "AKIDTRACKER"
secret_access_key = "secret"
policy = "tracking.json"
"#;

fn start(more: &str) -> Sim {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("patterned.json", PATTERNED),
        ("runbook.json", RUNBOOK),
        ("plain.yaml", PLAIN),
        ("tracking.json", TRACKING),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let world = World::parse(&format!("{WORLD}{more}"), &folder.path().join("w.toml")).unwrap();
    Sim::start(world, ([127, 0, 0, 1], 0).into()).unwrap()
}

fn id(index: usize) -> String {
    ids::instance_id(1, "web", index)
}

fn request(more: &Value) -> String {
    let mut res = json!({
        "DocumentName": "AWS-RunShellScript",
        "Parameters": { "commands": ["uptime"] },
        "InstanceIds": [id(0)],
    });
    for (name, value) in more.as_object().unwrap() {
        res[name.as_str()] = value.clone();
    }
    res.to_string()
}

/// A row: its name, what is merged into a good request, the code, and the message.
type Row<'a> = (&'a str, Value, &'a str, Option<String>);

fn said(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn not_valid(ids: &str) -> Option<String> {
    said(&format!("Instances [[{ids}]] not in a valid state for account 123456789012"))
}

fn parameters(document: &str, parameters: &Value) -> Value {
    json!({ "DocumentName": document, "Parameters": parameters })
}

fn rows() -> Vec<Row<'static>> {
    let unknown = "i-0123456789abcdef0";
    let own = "arn:aws:iam::123456789012:role/any";
    let topic = json!({ "NotificationArn": "arn:aws:sns:us-east-1:123456789012:absent" });
    let too_small = "Value '5' at 'timeoutSeconds' failed to satisfy constraint: Member must have \
                     value greater than or equal to 30";
    let wrong = "Value '0' at 'maxConcurrency' failed to satisfy constraint: Member must satisfy \
                 regular expression pattern: ^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$";
    let windows = said(&format!(
        "Cannot perform operation for instance id {} of platform type Windows",
        id(1)
    ));
    vec![
        (
            "InvalidInstanceId: unknown, and one bad id fails the whole call",
            json!({ "InstanceIds": [id(0), unknown] }),
            "InvalidInstanceId",
            not_valid(unknown),
        ),
        (
            "InvalidInstanceId: no agent, never online",
            json!({ "InstanceIds": [id(2)] }),
            "InvalidInstanceId",
            not_valid(&id(2)),
        ),
        (
            "InvalidInstanceId: terminated",
            json!({ "InstanceIds": [id(3)] }),
            "InvalidInstanceId",
            not_valid(&id(3)),
        ),
        (
            "InvalidInstanceId: named by Targets",
            json!({ "InstanceIds": [], "Targets": [{ "Key": "InstanceIds", "Values": [unknown] }] }),
            "InvalidInstanceId",
            not_valid(unknown),
        ),
        (
            "DuplicateInstanceId, without a message",
            json!({ "InstanceIds": [id(0), id(0)] }),
            "DuplicateInstanceId",
            None,
        ),
        (
            "InvalidDocument: missing",
            json!({ "DocumentName": "Absent" }),
            "InvalidDocument",
            said("Document with name Absent does not exist."),
        ),
        (
            "InvalidDocument: not shared",
            json!({ "DocumentName": "arn:aws:ssm:us-east-1:210987654321:document/Theirs" }),
            "InvalidDocument",
            said(
                "Document with name arn:aws:ssm:us-east-1:210987654321:document/Theirs does not exist.",
            ),
        ),
        (
            "InvalidDocument: wrong type",
            json!({ "DocumentName": "Runbook" }),
            "InvalidDocument",
            said("Document with name Runbook does not exist."),
        ),
        (
            "InvalidDocumentVersion",
            json!({ "DocumentVersion": "7" }),
            "InvalidDocumentVersion",
            said("The document version isn't valid or doesn't exist."),
        ),
        (
            "InvalidParameters: the document has none",
            parameters("Plain", &json!({ "commands": ["ls"] })),
            "InvalidParameters",
            said("document Plain does not support parameters."),
        ),
        (
            "InvalidParameters: unknown",
            parameters("Patterned", &json!({ "other": ["x"] })),
            "InvalidParameters",
            said("Parameters provided in document are invalid or not supported."),
        ),
        (
            "InvalidParameters: missing",
            parameters("AWS-RunShellScript", &json!({})),
            "InvalidParameters",
            said("Parameter commands is required."),
        ),
        (
            "InvalidParameters: allowedValues",
            parameters("Patterned", &json!({ "level": ["mid"] })),
            "InvalidParameters",
            said("Parameter level has a value that is not in [low, high]."),
        ),
        (
            "InvalidParameters: allowedPattern",
            parameters("Patterned", &json!({ "name": ["a1"] })),
            "InvalidParameters",
            said("Parameter name does not match its allowedPattern."),
        ),
        (
            "UnsupportedPlatformType",
            json!({ "InstanceIds": [id(0), id(1)] }),
            "UnsupportedPlatformType",
            windows,
        ),
        (
            "MaxDocumentSizeExceeded",
            parameters("AWS-RunShellScript", &json!({ "commands": ["x".repeat(65_536)] })),
            "MaxDocumentSizeExceeded",
            said("The size limit of a document is 64 KB."),
        ),
        (
            "InvalidOutputFolder, without a message",
            json!({ "OutputS3BucketName": "absent" }),
            "InvalidOutputFolder",
            None,
        ),
        (
            "InvalidRole",
            json!({ "ServiceRoleArn": "nobody" }),
            "InvalidRole",
            said(
                "The role name can't contain invalid characters. Also verify that you specified \
                 an IAM role for notifications that includes the required trust policy.",
            ),
        ),
        (
            "InvalidNotificationConfig",
            json!({ "NotificationConfig": topic, "ServiceRoleArn": own }),
            "InvalidNotificationConfig",
            said(
                "One or more configuration items isn't valid. Verify that a valid Amazon Resource \
                 Name (ARN) was provided for an Amazon Simple Notification Service topic.",
            ),
        ),
        (
            "ValidationException: the member in lowerCamel",
            json!({ "TimeoutSeconds": 5 }),
            "ValidationException",
            said(&format!("1 validation error detected: {too_small}")),
        ),
        (
            "ValidationException: several",
            json!({ "TimeoutSeconds": 5, "MaxConcurrency": "0" }),
            "ValidationException",
            said(&format!("2 validation errors detected: {too_small}; {wrong}")),
        ),
    ]
}

#[track_caller]
fn check(reply: &super::client::Reply, name: &str, status: u16, code: &str, message: Option<&str>) {
    let body = reply.json();
    assert_eq!((reply.status, body["__type"].as_str()), (status, Some(code)), "{name}: {body}");
    let header = format!("x-amzn-errortype: {code}\r\n");
    assert!(
        format!("{}\r\n", reply.head.to_lowercase()).contains(&header.to_lowercase()),
        "{name}"
    );
    for member in ["message", "Message"] {
        assert_eq!(body.get(member).and_then(Value::as_str), message, "{name}: {body}");
    }
}

#[test]
fn every_modelled_refusal_has_its_code_and_its_words() {
    let sim = start("");
    for (name, more, code, message) in rows() {
        let reply = unsigned(&sim, "AmazonSSM.SendCommand", &request(&more)).unwrap();
        check(&reply, name, 400, code, message.as_deref());
    }
    let stats = send(&sim, "GET", "/_fleet/stats", &[], b"").unwrap().json();
    assert_eq!((&stats["commands"], &stats["executions"]), (&json!(0), &json!({})));
}

#[test]
fn a_refusal_comes_without_its_words_if_the_world_orders_it() {
    let sim =
        start("[[fault]]\noperation = \"SendCommand\"\nkind = \"empty-message\"\nrate = 1.0\n");
    for (name, more, code, _) in rows() {
        let reply = unsigned(&sim, "AmazonSSM.SendCommand", &request(&more)).unwrap();
        check(&reply, name, 400, code, None);
    }
}

#[test]
fn a_registered_instance_that_is_out_of_reach_is_accepted() {
    let sim = start("");
    let more = json!({ "InstanceIds": [id(4)] });
    let reply = unsigned(&sim, "AmazonSSM.SendCommand", &request(&more)).unwrap();
    assert_eq!(reply.json()["Command"]["TargetCount"], 1);
}

#[test]
fn what_no_model_has_and_every_operation_answers_has_its_words_too() {
    for (kind, status, code, message) in [
        ("throttle", 400, "ThrottlingException", "Rate exceeded"),
        ("error-500", 500, "InternalServerError", "An error occurred on the server side."),
        (
            "expired-token",
            400,
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
    ] {
        let sim = start(&format!(
            "[[fault]]\noperation = \"SendCommand\"\nkind = \"{kind}\"\nrate = 1.0\n"
        ));
        let reply = unsigned(&sim, "AmazonSSM.SendCommand", &request(&json!({}))).unwrap();
        check(&reply, code, status, code, Some(message));
    }
    let sim = start(USER);
    let key =
        |id: &str, secret: &str| Key { id: id.to_owned(), secret: secret.to_owned(), token: None };
    let asked = |key: &Key| signed_json(&sim, key, "AmazonSSM.SendCommand", &request(&json!({})));
    check(
        &asked(&key("AKIDTRACKER", "secret")),
        "AccessDeniedException",
        400,
        "AccessDeniedException",
        Some(
            "User: arn:aws:iam::123456789012:user/tracker is not authorized to perform: \
             ssm:SendCommand on resource: arn:aws:ssm:us-east-1::document/AWS-RunShellScript \
             because no identity-based policy allows the ssm:SendCommand action",
        ),
    );
    check(
        &asked(&key("AKIDNOBODY", "secret")),
        "UnrecognizedClientException",
        400,
        "UnrecognizedClientException",
        Some("The security token included in the request is invalid."),
    );
    let reply = asked(&key("AKIDTRACKER", "wrong"));
    let body = reply.json();
    assert_eq!((reply.status, &body["__type"]), (400, &json!("InvalidSignatureException")));
}
