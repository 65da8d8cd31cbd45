//! Who may call what, in a world with users and roles.

use std::fs;

use super::client::{Key, Reply, form, json, signed, signed_at, signed_json};
use crate::sim::{Sim, World};

const OPERATOR: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession"],
     "Resource":"arn:aws:iam::123456789012:role/web"}]}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"sts:AssumeRole",
     "Principal":{"AWS":"arn:aws:iam::123456789012:root"},
     "Condition":{"StringEquals":{"sts:ExternalId":"secret-word"}}}]}"#;
const ROLE: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"autoscaling:Describe*","Resource":"*"}]}"#;
const WORLD: &str = r#"
seed = 7
[[group]]
name = "web"
size = 1
[[user]]
name = "operator"
access_key_id = "AKIDOPERATOR"
secret_access_key = "secret"
policy = "operator.json"
[[role]]
name = "web"
trust = "trust.json"
policy = "role.json"
"#;

pub(super) const GROUPS: &str = "Action=DescribeAutoScalingGroups&Version=2011-01-01";
pub(super) const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const ASSUME: &str = "Action=AssumeRole&Version=2011-06-15&RoleSessionName=me\
                      &RoleArn=arn:aws:iam::123456789012:role/web&ExternalId=secret-word";

fn start(world: &str) -> Sim {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("operator.json", OPERATOR), ("trust.json", TRUST), ("role.json", ROLE)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let world = World::parse(world, &folder.path().join("w.toml")).unwrap();
    Sim::start(world, ([127, 0, 0, 1], 0).into()).unwrap()
}

pub(super) fn operator() -> Key {
    Key { id: "AKIDOPERATOR".to_owned(), secret: "secret".to_owned(), token: None }
}

pub(super) fn session(reply: &Reply) -> Key {
    let element = |name| reply.element(name).to_owned();
    Key {
        id: element("AccessKeyId"),
        secret: element("SecretAccessKey"),
        token: Some(element("SessionToken")),
    }
}

#[track_caller]
pub(super) fn check_refused(reply: &Reply, status: u16, code: &str, message: &str) {
    assert_eq!(
        (reply.status, reply.element("Code"), reply.element("Message")),
        (status, code, message)
    );
}

#[test]
fn a_user_may_do_what_its_policy_allows_and_nothing_else() {
    let sim = start(WORLD);
    let who = signed(&sim, &operator(), "sts", WHO);
    assert_eq!(who.element("Arn"), "arn:aws:iam::123456789012:user/operator");
    check_refused(
        &signed(&sim, &operator(), "autoscaling", GROUPS),
        403,
        "AccessDenied",
        "User: arn:aws:iam::123456789012:user/operator is not authorized to perform: \
         autoscaling:DescribeAutoScalingGroups because no identity-based policy allows the \
         autoscaling:DescribeAutoScalingGroups action",
    );
}

#[test]
fn a_role_is_assumed_and_may_do_what_it_allows() {
    let sim = start(WORLD);
    let assumed = signed(&sim, &operator(), "sts", ASSUME);
    assert_eq!(assumed.element("Arn"), "arn:aws:sts::123456789012:assumed-role/web/me");
    let key = session(&assumed);
    assert_eq!(signed(&sim, &key, "autoscaling", GROUPS).status, 200);
    assert_eq!(signed(&sim, &key, "sts", WHO).element("UserId"), assumed.element("AssumedRoleId"));
}

#[test]
fn where_sts_is_not_activated_no_role_is_assumed() {
    let sim = start(&format!("sts_active = false\n{WORLD}"));
    assert_eq!(signed(&sim, &operator(), "sts", WHO).status, 200);
    check_refused(
        &signed(&sim, &operator(), "sts", ASSUME),
        403,
        "RegionDisabledException",
        "STS is not activated in this region for account:123456789012. Your account administrator \
         can activate STS in this region using the IAM Console.",
    );
}

#[test]
fn a_session_policy_narrows_the_role() {
    let sim = start(WORLD);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:*","Resource":"*"}]}"#;
    let policy: String = form_urlencoded::byte_serialize(policy.as_bytes()).collect();
    let key = session(&signed(&sim, &operator(), "sts", &format!("{ASSUME}&Policy={policy}")));
    check_refused(
        &signed(&sim, &key, "autoscaling", GROUPS),
        403,
        "AccessDenied",
        "User: arn:aws:sts::123456789012:assumed-role/web/me is not authorized to perform: \
         autoscaling:DescribeAutoScalingGroups because no session policy allows the \
         autoscaling:DescribeAutoScalingGroups action",
    );
}

#[test]
fn a_role_is_not_assumed_without_what_its_trust_policy_asks_for() {
    let sim = start(WORLD);
    let denied = |action: &str, role: &str| {
        format!(
            "User: arn:aws:iam::123456789012:user/operator is not authorized to perform: \
             {action} on resource: arn:aws:iam::123456789012:role/{role}"
        )
    };
    let other = ASSUME.replace("secret-word", "other-word");
    let absent = ASSUME.replace("role/web", "role/absent");
    let tagged = format!("{ASSUME}&Tags.member.1.Key=a&Tags.member.1.Value=b");
    for (body, message) in [
        (other, denied("sts:AssumeRole", "web")),
        (absent, denied("sts:AssumeRole", "absent")),
        (tagged, denied("sts:TagSession", "web")),
    ] {
        check_refused(&signed(&sim, &operator(), "sts", &body), 403, "AccessDenied", &message);
    }
}

#[test]
fn a_world_without_users_has_trust_policies_all_the_same() {
    let users = WORLD.find("[[user]]").unwrap()..WORLD.find("[[role]]").unwrap();
    let mut world = WORLD.to_owned();
    world.replace_range(users, "");
    let sim = start(&world);
    assert_eq!(form(&sim, ASSUME).unwrap().status, 200);
    let other = form(&sim, &ASSUME.replace("secret-word", "other-word")).unwrap();
    assert_eq!(other.element("Code"), "AccessDenied");
    // And the session is held to its role.
    let key = session(&form(&sim, ASSUME).unwrap());
    assert_eq!(signed(&sim, &key, "autoscaling", GROUPS).status, 200);
    let chained = signed(&sim, &key, "sts", ASSUME);
    assert_eq!(chained.element("Code"), "AccessDenied");
}

#[test]
fn keys_signatures_and_tokens_that_are_not_right_are_refused() {
    let sim = start(WORLD);
    let code = |key: &Key| signed(&sim, key, "sts", WHO).element("Code").to_owned();
    assert_eq!(code(&Key { id: "AKIDNOBODY".to_owned(), ..operator() }), "InvalidClientTokenId");
    assert_eq!(code(&Key { secret: "wrong".to_owned(), ..operator() }), "SignatureDoesNotMatch");
    let key = session(&signed(&sim, &operator(), "sts", ASSUME));
    assert_eq!(code(&Key { token: Some("x".to_owned()), ..key.clone() }), "InvalidClientTokenId");
    let late = signed_at(&sim, &operator(), "sts", 600, WHO);
    assert_eq!(late.element("Code"), "SignatureDoesNotMatch");
    assert_eq!(signed(&sim, &operator(), "ssm", WHO).element("Code"), "SignatureDoesNotMatch");
}

#[test]
fn who_asks_is_looked_at_before_what_is_asked() {
    let sim = start(WORLD);
    for body in ["{", "[]", "\u{0}", "{}"] {
        // The key is nobody's.
        let reply = json(&sim, "AmazonSSM.ListCommands", body).unwrap();
        let code = reply.json()["__type"].clone();
        assert_eq!((reply.status, code), (400, "UnrecognizedClientException".into()), "{body}");
    }
    let reply = signed_json(&sim, &operator(), "AmazonSSM.ListCommands", "{");
    assert_eq!(reply.json()["__type"], "SerializationException");
}

#[test]
fn a_member_of_a_wrong_type_is_told_to_those_alone_who_may_ask() {
    let sim = start(WORLD);
    for (operation, body) in [
        ("SendCommand", r#"{"DocumentName":"AWS-RunShellScript","TimeoutSeconds":"x"}"#),
        ("SendCommand", r#"{"DocumentName":1,"InstanceIds":[7,"i-0123456789abcdef0"]}"#),
        ("GetDocument", r#"{"Name":"AWS-RunShellScript","DocumentVersion":1}"#),
        ("StartAutomationExecution", r#"{"DocumentName":"a","Parameters":[]}"#),
        ("AddTagsToResource", r#"{"ResourceType":"Document","ResourceId":"a","Tags":"b"}"#),
    ] {
        let target = format!("AmazonSSM.{operation}");
        let denied = signed_json(&sim, &operator(), &target, body).json();
        assert_eq!(denied["__type"], "AccessDeniedException", "{operation} {body}");
        // In a world without users everybody may ask.
        let told = json(&super::client::start(""), &target, body).unwrap().json();
        assert_eq!(told["__type"], "SerializationException", "{operation} {body}");
    }
}

#[test]
fn who_marks_an_instance_needs_to_be_allowed_it_on_its_group() {
    let allowed = |name: &str| {
        let resource = format!(
            "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/{name}"
        );
        let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "autoscaling:SetInstanceHealth", "Resource": resource },
        ] });
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in
            [("operator.json", &*policy.to_string()), ("trust.json", TRUST), ("role.json", ROLE)]
        {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let world = World::parse(WORLD, &folder.path().join("w.toml")).unwrap();
        let sim = Sim::start(world, ([127, 0, 0, 1], 0).into()).unwrap();
        let id = crate::sim::ids::instance_id(7, "web", 0);
        let set = format!(
            "Action=SetInstanceHealth&Version=2011-01-01&InstanceId={id}&HealthStatus=Healthy"
        );
        signed(&sim, &operator(), "autoscaling", &set).status
    };
    assert_eq!([allowed("web"), allowed("db"), allowed("*")], [200, 403, 200]);
}

#[test]
fn a_session_ends_in_simulated_time() {
    // An hour passes within a thousandth of a second.
    let sim = start(&format!("speed = 999999\n{WORLD}"));
    let key = session(&signed(&sim, &operator(), "sts", ASSUME));
    let expired = (0..1_000).map(|_| signed(&sim, &key, "sts", WHO)).find(|it| it.status != 200);
    check_refused(
        &expired.unwrap(),
        403,
        "ExpiredToken",
        "The security token included in the request is expired",
    );
}

#[test]
fn the_parameters_of_assume_role_are_validated_in_aws_words() {
    let sim = start(WORLD);
    let check = |body: &str, code: &str, message: &str| {
        check_refused(&signed(&sim, &operator(), "sts", body), 400, code, message);
    };
    check(
        "Action=AssumeRole&Version=2011-06-15&RoleSessionName=a%20",
        "ValidationError",
        "2 validation errors detected: Value null at &apos;roleArn&apos; failed to satisfy \
         constraint: Member must not be null; Value &apos;a &apos; at \
         &apos;roleSessionName&apos; failed to satisfy constraint: Member must satisfy regular \
         expression pattern: [\\w+=,.@-]*",
    );
    check(
        &format!("{ASSUME}&DurationSeconds=899"),
        "ValidationError",
        "1 validation error detected: Value &apos;899&apos; at &apos;durationSeconds&apos; failed \
         to satisfy constraint: Member must have value greater than or equal to 900",
    );
    check(
        &format!("{ASSUME}&DurationSeconds=3601"),
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
    check(
        &format!("{ASSUME}&ProvidedContexts.member.1.ProviderArn=x"),
        "ValidationError",
        "The parameter ProvidedContexts is not implemented by this simulator.",
    );
    check(
        &format!("{ASSUME}&PolicyArns.member.1.arn=x"),
        "ValidationError",
        "1 validation error detected: Value &apos;x&apos; at \
         &apos;policyArns.1.member.arn&apos; failed to satisfy constraint: Member must have length \
         greater than or equal to 20",
    );
    let pattern = "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\
                   \\u10000-\\u10FFFF]+";
    let arn = "arn:aws:iam::123456789012:role/w\u{7f}b";
    let broken = |member: &str| {
        format!(
            "1 validation error detected: Value &apos;{arn}&apos; at &apos;{member}&apos; failed \
             to satisfy constraint: Member must satisfy regular expression pattern: {pattern}"
        )
    };
    let bad = ASSUME.replace("role/web", "role/w%7Fb");
    check(&bad, "ValidationError", &broken("roleArn"));
    let bad = format!("{ASSUME}&PolicyArns.member.1.arn=arn:aws:iam::123456789012:role/w%7Fb");
    check(&bad, "ValidationError", &broken("policyArns.1.member.arn"));
    let reply = signed(&sim, &operator(), "sts", &format!("{ASSUME}&Policy=%7B"));
    assert_eq!(reply.element("Code"), "MalformedPolicyDocument");
    let reply = signed(&sim, &operator(), "sts", &format!("{ASSUME}&Policy={}", "x".repeat(2049)));
    assert_eq!(reply.element("Code"), "ValidationError");
}
