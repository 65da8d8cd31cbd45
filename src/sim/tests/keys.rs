//! KMS: what a key is said to be, and who may ask.

use std::fs;

use serde_json::{Value, json};

use super::client::{Key, Reply, form, json as ask_json, signed_json, start};
use crate::sim::{Sim, World};

const WORLD: &str = r#"
key = [
    { name = "disks" },
    { name = "off", state = "Disabled" },
    { name = "doomed", state = "PendingDeletion" },
    { name = "theirs", account = "210987654321" },
]

[[group]]
name = "win"
size = 3
key = "off"
instance = [
    { index = 1, key = "theirs" },
    { index = 2, encrypted = false },
]

[[group]]
name = "web"
size = 1
instance = [
    { index = 0, encrypted = true },
]
"#;

const TARGET: &str = "TrentService.DescribeKey";

fn describe(sim: &Sim, key: &str) -> Reply {
    ask_json(sim, TARGET, &json!({ "KeyId": key }).to_string()).unwrap()
}

fn metadata(sim: &Sim, key: &str) -> Value {
    let reply = describe(sim, key);
    assert_eq!(reply.status, 200, "{key}: {}", reply.body);
    reply.json()["KeyMetadata"].clone()
}

/// The key of an instance's root volume.
fn key_of(sim: &Sim, group: &str, index: usize) -> Option<String> {
    let id = crate::sim::ids::instance_id(1, group, index);
    let ask = "Action=DescribeVolumes&Version=2016-11-15";
    let filter = format!("&Filter.1.Name=attachment.instance-id&Filter.1.Value.1={id}");
    let reply = form(sim, &format!("{ask}{filter}")).unwrap();
    reply.elements("kmsKeyId").first().map(|it| (*it).to_owned())
}

#[test]
fn a_volume_names_the_key_that_the_world_gives_it() {
    let sim = start(WORLD);
    let check = |group: &str, index: usize, state: &str, account: &str, manager: &str| {
        let arn = key_of(&sim, group, index).unwrap();
        let key = metadata(&sim, &arn);
        let told = [&key["Arn"], &key["KeyState"], &key["AWSAccountId"], &key["KeyManager"]];
        assert_eq!(told, [&arn, state, account, manager].map(|it: &str| json!(it)).each_ref());
    };
    check("win", 0, "Disabled", "123456789012", "CUSTOMER");
    check("win", 1, "Enabled", "210987654321", "CUSTOMER");
    check("web", 0, "Enabled", "123456789012", "AWS");
    assert_eq!(key_of(&sim, "win", 2), None);
}

#[test]
fn a_key_is_known_by_its_id_its_arn_and_its_alias() {
    let sim = start(WORLD);
    let key = metadata(&sim, "alias/disks");
    let arn = key["Arn"].as_str().unwrap();
    let alias = arn.split(":key/").next().unwrap().to_owned() + ":alias/disks";
    for name in [arn, key["KeyId"].as_str().unwrap(), &alias] {
        assert_eq!(metadata(&sim, name), key, "{name}");
    }
    assert_eq!((&key["Enabled"], key.get("DeletionDate")), (&json!(true), None));
    let doomed = metadata(&sim, "alias/doomed");
    assert_eq!(doomed["KeyState"], "PendingDeletion");
    assert!(doomed["DeletionDate"].as_i64() > doomed["CreationDate"].as_i64());
    assert_eq!(metadata(&sim, "alias/aws/ebs")["KeyManager"], "AWS");
}

#[test]
fn a_key_that_is_not_there_is_not_found() {
    let sim = start(WORLD);
    let none = "00000000-0000-4000-8000-000000000000";
    let own = |resource: &str| format!("arn:aws:kms:us-east-1:123456789012:{resource}");
    for (asked, code, message) in [
        (
            none.to_owned(),
            "NotFoundException",
            format!("Key '{}' does not exist", own(&format!("key/{none}"))),
        ),
        (
            "alias/none".to_owned(),
            "NotFoundException",
            format!("Alias {} is not found.", own("alias/none")),
        ),
        // The name of another account's is not this one's.
        (
            "alias/theirs".to_owned(),
            "NotFoundException",
            format!("Alias {} is not found.", own("alias/theirs")),
        ),
        ("disks".to_owned(), "NotFoundException", "Invalid keyId 'disks'".to_owned()),
        (own("key/disks"), "NotFoundException", format!("Invalid keyId '{}'", own("key/disks"))),
        (
            own("key").replace("us-east-1", "eu-west-1"),
            "NotFoundException",
            "Invalid arn eu-west-1".to_owned(),
        ),
        (
            "arn:aws:ec2:a:b:c".to_owned(),
            "InvalidArnException",
            "arn:aws:ec2:a:b:c is not a valid ARN".to_owned(),
        ),
    ] {
        let reply = describe(&sim, &asked).json();
        assert_eq!(
            (&reply["__type"], &reply["message"]),
            (&json!(code), &json!(message)),
            "{asked}"
        );
    }
}

#[test]
fn what_is_no_question_about_a_key_is_refused_by_name() {
    let sim = start(WORLD);
    for (target, body, code, message) in [
        (
            TARGET,
            json!({}),
            "ValidationException",
            "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: \
             Member must not be null",
        ),
        (TARGET, json!({ "KeyId": 1 }), "SerializationException", "KeyId is not a string"),
        (
            TARGET,
            json!({ "KeyId": "" }),
            "ValidationException",
            "1 validation error detected: Value '' at 'keyId' failed to satisfy constraint: Member \
             must have length greater than or equal to 1",
        ),
        (
            TARGET,
            json!({ "KeyId": "alias/disks", "GrantTokens": ["a"] }),
            "UnsupportedOperationException",
            "The parameter GrantTokens is not implemented by this simulator.",
        ),
        (
            "TrentService.Decrypt",
            json!({}),
            "UnknownOperationException",
            "The operation Decrypt is not implemented by this simulator",
        ),
    ] {
        let reply = ask_json(&sim, target, &body.to_string()).unwrap();
        assert_eq!(reply.status, 400, "{body}");
        let reply = reply.json();
        assert_eq!(
            (&reply["__type"], &reply["message"]),
            (&json!(code), &json!(message)),
            "{body}"
        );
    }
}

#[test]
fn a_name_that_is_too_long_is_refused_and_the_longest_is_looked_for() {
    let sim = start(WORLD);
    let code = |length: usize| {
        let reply = describe(&sim, &"a".repeat(length)).json();
        reply["__type"].as_str().unwrap().to_owned()
    };
    assert_eq!([code(2048), code(2049)], ["NotFoundException", "ValidationException"]);
}

/// A world in which one user may ask about keys, as far as `statement` says.
fn allowing(statement: &Value) -> Sim {
    let folder = tempfile::tempdir().unwrap();
    let policy = json!({ "Version": "2012-10-17", "Statement": statement });
    fs::write(folder.path().join("policy.json"), policy.to_string()).unwrap();
    let user = "[[user]]\nname = \"ann\"\naccess_key_id = \"AKIDANN\"\n\
                secret_access_key = \"secret\"\npolicy = \"policy.json\"\n";
    let world = World::parse(&format!("{WORLD}{user}"), &folder.path().join("w.toml")).unwrap();
    Sim::start(world, ([127, 0, 0, 1], 0).into()).unwrap()
}

#[test]
fn who_asks_has_to_be_allowed_to_for_that_very_key() {
    let disks = start(WORLD);
    let arn = metadata(&disks, "alias/disks")["Arn"].as_str().unwrap().to_owned();
    let ann = Key { id: "AKIDANN".to_owned(), secret: "secret".to_owned(), token: None };
    let check = |statement: Value, key: &str, expected: u16| {
        let sim = allowing(&statement);
        let reply = signed_json(&sim, &ann, TARGET, &json!({ "KeyId": key }).to_string());
        assert_eq!(reply.status, expected, "{statement} {key}: {}", reply.body);
        reply
    };
    let allow = |resource: &str, condition: Value| {
        json!([{ "Effect": "Allow", "Action": "kms:DescribeKey", "Resource": resource,
                 "Condition": condition }])
    };
    let free = json!({});
    check(allow(&arn, free.clone()), &arn, 200);
    check(allow(&arn, free.clone()), "alias/disks", 200);
    let denied = check(allow(&arn, free), "alias/aws/ebs", 400).json();
    assert_eq!(denied["__type"], "AccessDeniedException");
    let message = denied["message"].as_str().unwrap();
    let start = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: \
                 kms:DescribeKey on resource: arn:aws:kms:us-east-1:123456789012:key/";
    assert!(message.starts_with(start), "{message}");
    let equals = |key: &str, value: &str| json!({ "StringEquals": { key: value } });
    check(allow("*", equals("kms:RequestAlias", "alias/disks")), "alias/disks", 200);
    check(allow("*", equals("kms:RequestAlias", "alias/disks")), &arn, 400);
    check(allow("*", equals("kms:CallerAccount", "123456789012")), &arn, 200);
    check(allow("*", equals("kms:KeySpec", "RSA_2048")), &arn, 400);
    // Whoever may not ask is told nothing of what is there.
    let none = "00000000-0000-4000-8000-000000000000";
    let denied = check(allow(&arn, json!({})), none, 400).json();
    assert_eq!(denied["__type"], "AccessDeniedException");
}
