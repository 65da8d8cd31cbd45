//! What a session carries on: one-time codes, tags, a source identity, managed policies.

use std::fs;

use jiff::Timestamp;

use super::{
    client::{Key, Reply, signed},
    permissions::{GROUPS, check_refused, operator, session},
};
use crate::sim::{Sim, World, authority::MfaDevice};

const ANYTHING: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
const DESCRIBE: &str = r#"{"Effect":"Allow","Action":"autoscaling:Describe*","Resource":"*"}"#;
const WORLD: &str = r#"
[[group]]
name = "web"
size = 1

[[user]]
name = "operator"
access_key_id = "AKIDOPERATOR"
secret_access_key = "secret"
policy = "anything.json"
tags = { team = "edge" }
mfa_serial = "arn:aws:iam::123456789012:mfa/operator"
mfa_code = "271828"

[[user]]
name = "nobody"
access_key_id = "AKIDNOBODY"
secret_access_key = "secret"
policy = "anything.json"

[[policy]]
arn = "arn:aws:iam::123456789012:policy/nothing-but-commands"
file = "commands.json"

[[policy]]
arn = "arn:aws:iam::aws:policy/AutoScalingReadOnlyAccess"
file = "describe.json"

[[role]]
name = "web"
trust = "trust.json"
policy = "role.json"
tags = { stage = "test" }

[[role]]
name = "next"
trust = "trust.json"
policy = "role.json"
"#;

/// Starts a world whose roles trust and allow as told: one statement each.
fn start(trust: &str, role: &str) -> Sim {
    let folder = tempfile::tempdir().unwrap();
    let commands = r#"{"Effect":"Allow","Action":"ssm:*","Resource":"*"}"#;
    for (name, statement) in [
        ("anything.json", ANYTHING),
        ("commands.json", commands),
        ("describe.json", DESCRIBE),
        ("trust.json", trust),
        ("role.json", role),
    ] {
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        fs::write(folder.path().join(name), policy).unwrap();
    }
    let world = World::parse(WORLD, &folder.path().join("w.toml")).unwrap();
    Sim::start(world, ([127, 0, 0, 1], 0).into()).unwrap()
}

fn trusting(actions: &str, condition: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Action":{actions},"Condition":{condition},
            "Principal":{{"AWS":"arn:aws:iam::123456789012:root"}}}}"#
    )
}

/// Every action behind AssumeRole.
const EVERY: &str = r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"#;

fn assume(sim: &Sim, key: &Key, role: &str, more: &str) -> Reply {
    let body = format!(
        "Action=AssumeRole&Version=2011-06-15&RoleSessionName=me\
         &RoleArn=arn:aws:iam::123456789012:role/{role}{more}"
    );
    signed(sim, key, "sts", &body)
}

fn describes(sim: &Sim, key: &Key) -> u16 {
    signed(sim, key, "autoscaling", GROUPS).status
}

const MFA: &str = "&SerialNumber=arn:aws:iam::123456789012:mfa/operator&TokenCode=271828";

#[test]
fn a_role_that_asks_for_a_one_time_code_is_assumed_with_the_right_one_only() {
    let trust = trusting(EVERY, r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#);
    let sim = start(&trust, ANYTHING);
    let denied = "User: arn:aws:iam::123456789012:user/operator is not authorized to perform: \
                  sts:AssumeRole on resource: arn:aws:iam::123456789012:role/web";
    let wrong = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
    let half = "MultiFactorAuthentication failed, must provide both MFA serial number and one \
                time pass code.";
    let not_theirs = "MultiFactorAuthentication failed, unable to validate MFA code.  Please \
                      verify your MFA serial number is valid and associated with this user.";
    for (more, message) in [
        ("".to_owned(), denied),
        (MFA.replace("271828", "271829"), wrong),
        (MFA.replace("/operator", "/other"), not_theirs),
        ("&TokenCode=271828".to_owned(), half),
        ("&SerialNumber=arn:aws:iam::123456789012:mfa/operator".to_owned(), half),
    ] {
        check_refused(&assume(&sim, &operator(), "web", &more), 403, "AccessDenied", message);
    }
    let nobody = Key { id: "AKIDNOBODY".to_owned(), ..operator() };
    check_refused(&assume(&sim, &nobody, "web", MFA), 403, "AccessDenied", not_theirs);
    assert_eq!(assume(&sim, &operator(), "web", MFA).status, 200);
    check_refused(&assume(&sim, &operator(), "web", MFA), 403, "AccessDenied", wrong);
}

#[test]
fn a_one_time_code_is_good_once_until_the_device_shows_it_again() {
    let device = MfaDevice::new("GAHT12345678", "123456");
    let at = |seconds: i64| Timestamp::from_second(1_700_000_000 + seconds).unwrap();
    let used = [0, 0, 29, 30, 59, 60].map(|it| device.use_up(at(it)));
    assert_eq!(used, [true, false, false, true, false, true]);
}

#[test]
fn a_one_time_code_holds_for_the_session_and_not_down_a_chain() {
    let condition = r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"},
        "NumericLessThan":{"aws:MultiFactorAuthAge":"600"}}"#;
    let role = [
        r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#.to_owned(),
        DESCRIBE.replace("\"Resource\"", &format!("\"Condition\":{condition},\"Resource\"")),
    ];
    let sim = start(&trusting(EVERY, "{}"), &role.join(","));
    let with = session(&assume(&sim, &operator(), "web", MFA));
    let without = session(&assume(&sim, &operator(), "web", ""));
    assert_eq!((describes(&sim, &with), describes(&sim, &without)), (200, 403));
    let chained = session(&assume(&sim, &with, "next", ""));
    assert_eq!(describes(&sim, &chained), 403);
    // And a session has no device of its own.
    assert_eq!(assume(&sim, &with, "next", MFA).element("Code"), "AccessDenied");
}

#[test]
fn session_tags_are_seen_by_the_trust_policy_and_by_the_roles() {
    let trust = trusting(
        EVERY,
        r#"{"StringEquals":{"aws:RequestTag/team":"${aws:PrincipalTag/team}"},
            "ForAllValues:StringEquals":{"aws:TagKeys":["team","run"]}}"#,
    );
    let role = DESCRIBE.replace(
        "\"Resource\"",
        r#""Condition":{"StringEquals":{"aws:PrincipalTag/run":"7","aws:PrincipalTag/stage":"test"}},"Resource""#,
    );
    let sim = start(&trust, &role);
    let tags = |pairs: &[(&str, &str)]| -> String {
        let one = |(n, (key, value)): (usize, &(&str, &str))| {
            format!("&Tags.member.{0}.Key={key}&Tags.member.{0}.Value={value}", n + 1)
        };
        pairs.iter().enumerate().map(one).collect()
    };
    let status = |pairs| assume(&sim, &operator(), "web", &tags(pairs)).status;
    assert_eq!(status(&[("team", "edge"), ("run", "7")]), 200);
    assert_eq!(status(&[("team", "core"), ("run", "7")]), 403);
    assert_eq!(status(&[("team", "edge"), ("other", "7")]), 403);
    let key = |pairs| session(&assume(&sim, &operator(), "web", &tags(pairs)));
    assert_eq!(describes(&sim, &key(&[("team", "edge"), ("run", "7")])), 200);
    assert_eq!(describes(&sim, &key(&[("team", "edge"), ("run", "8")])), 403);
    // A session tag hides the role's tag of that name.
    let hidden = trusting(EVERY, "{}");
    let sim = start(&hidden, &role);
    let key = |pairs| session(&assume(&sim, &operator(), "web", &tags(pairs)));
    assert_eq!(describes(&sim, &key(&[("run", "7")])), 200);
    assert_eq!(describes(&sim, &key(&[("run", "7"), ("stage", "live")])), 403);
}

#[test]
fn more_tags_than_fit_are_shown_in_the_refusal() {
    let sim = start(&trusting(EVERY, "{}"), DESCRIBE);
    let tag = |n: usize| format!("&Tags.member.{n}.Key=k{n}&Tags.member.{n}.Value=v");
    let refused = assume(&sim, &operator(), "web", &(1..=51).map(tag).collect::<String>());
    assert_eq!(refused.status, 400);
    let expected = "at &apos;tags&apos; failed to satisfy constraint: Member must have length less \
                    than or equal to 50";
    let text = refused.body.replace("&#39;", "&apos;").replace('\'', "&apos;");
    assert!(
        text.contains(expected) && !text.contains("Value null") && text.contains("k51"),
        "{text}"
    );
}

#[test]
fn transitive_tags_and_a_source_identity_go_down_a_chain_and_cannot_be_changed() {
    let condition =
        r#"{"StringEquals":{"aws:PrincipalTag/team":"edge","aws:SourceIdentity":"ann"}}"#;
    let role = [
        r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#.to_owned(),
        DESCRIBE.replace("\"Resource\"", &format!("\"Condition\":{condition},\"Resource\"")),
    ];
    let sim = start(&trusting(EVERY, "{}"), &role.join(","));
    let tag = "&Tags.member.1.Key=team&Tags.member.1.Value=edge&SourceIdentity=ann";
    let first = session(&assume(&sim, &operator(), "web", tag));
    assert_eq!(describes(&sim, &first), 200);
    // Without TransitiveTagKeys the tag ends here.
    let second = session(&assume(&sim, &first, "next", ""));
    assert_eq!(describes(&sim, &second), 403);

    let transitive = format!("{tag}&TransitiveTagKeys.member.1=team");
    let first = session(&assume(&sim, &operator(), "web", &transitive));
    let second = assume(&sim, &first, "next", "");
    assert_eq!(second.element("SourceIdentity"), "ann");
    let third = session(&assume(&sim, &session(&second), "web", ""));
    assert_eq!(describes(&sim, &third), 200);
    let again = "&Tags.member.1.Key=TEAM&Tags.member.1.Value=core";
    assert_eq!(assume(&sim, &first, "next", again).element("Code"), "InvalidParameterValue");
    let other = assume(&sim, &first, "next", "&SourceIdentity=bob");
    assert_eq!(other.element("Code"), "ValidationError");
}

#[test]
fn what_is_inherited_needs_the_right_of_the_next_role_too() {
    let narrow = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/web"},
        "Action":"sts:AssumeRole"}"#;
    let by_user = r#"{"Effect":"Allow","Action":"sts:*",
        "Principal":{"AWS":"arn:aws:iam::123456789012:user/operator"}}"#;
    let sim = start(&format!("{narrow},{by_user}"), ANYTHING);
    let denied = |action: &str| {
        format!(
            "User: arn:aws:sts::123456789012:assumed-role/web/me is not authorized to perform: \
             {action} on resource: arn:aws:iam::123456789012:role/next"
        )
    };
    for (more, action) in [
        (
            "&Tags.member.1.Key=a&Tags.member.1.Value=b&TransitiveTagKeys.member.1=a",
            "sts:TagSession",
        ),
        ("&SourceIdentity=ann", "sts:SetSourceIdentity"),
    ] {
        let first = session(&assume(&sim, &operator(), "web", more));
        let next = assume(&sim, &first, "next", "");
        check_refused(&next, 403, "AccessDenied", &denied(action));
    }
    let first = session(&assume(&sim, &operator(), "web", ""));
    assert_eq!(assume(&sim, &first, "next", "").status, 200);
}

#[test]
fn managed_policies_limit_a_session_together_with_the_inline_one() {
    let sim = start(&trusting(EVERY, "{}"), ANYTHING);
    let commands = "&PolicyArns.member.1.arn=arn:aws:iam::123456789012:policy/nothing-but-commands";
    let both = format!(
        "{commands}&PolicyArns.member.2.arn=arn:aws:iam::aws:policy/AutoScalingReadOnlyAccess"
    );
    let narrow = assume(&sim, &operator(), "web", commands);
    assert!(narrow.element("PackedPolicySize").parse::<u32>().unwrap() > 0);
    check_refused(
        &signed(&sim, &session(&narrow), "autoscaling", GROUPS),
        403,
        "AccessDenied",
        "User: arn:aws:sts::123456789012:assumed-role/web/me is not authorized to perform: \
         autoscaling:DescribeAutoScalingGroups because no session policy allows the \
         autoscaling:DescribeAutoScalingGroups action",
    );
    // What one of them allows is allowed; what one of them denies is denied.
    assert_eq!(describes(&sim, &session(&assume(&sim, &operator(), "web", &both))), 200);
    let deny =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let deny: String = form_urlencoded::byte_serialize(deny.as_bytes()).collect();
    let denied = assume(&sim, &operator(), "web", &format!("{both}&Policy={deny}"));
    assert_eq!(describes(&sim, &session(&denied)), 403);

    let unknown = commands.replace("nothing-but-commands", "unknown");
    check_refused(
        &assume(&sim, &operator(), "web", &unknown),
        400,
        "ValidationError",
        "Policy arn:aws:iam::123456789012:policy/unknown does not exist or is not attachable.",
    );
    let foreign = "&PolicyArns.member.1.arn=arn:aws:s3:::bucket/with-a-name";
    check_refused(
        &assume(&sim, &operator(), "web", foreign),
        400,
        "ValidationError",
        "ARN arn:aws:s3:::bucket/with-a-name is not valid.",
    );
    let long = format!("{commands}&Policy={}", "%20".repeat(2_000 - 76));
    let policy: String = form_urlencoded::byte_serialize(
        format!(r#"{{"Version":"2012-10-17","Statement":[{ANYTHING}]}}"#).as_bytes(),
    )
    .collect();
    let long = assume(&sim, &operator(), "web", &format!("{long}{policy}"));
    assert_eq!(long.element("Code"), "PackedPolicyTooLarge");
}
