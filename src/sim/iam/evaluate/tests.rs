//! Permissions, case by case; the roles are the published ones.

use Decision::{Allowed, ExplicitDeny, ImplicitDeny};
use PolicyKind::{Boundary, Identity, Session};

use super::*;

const DOCUMENT: &str = "arn:aws:ssm:ap-northeast-1:000000000000:document/aaa-SsmDocument-aaa";
const SHELL: &str = "arn:aws:ssm:ap-northeast-1::document/AWS-RunShellScript";
const INSTANCE: &str = "arn:aws:ec2:ap-northeast-1:000000000000:instance/i-aaaaaaaa";
const GROUP: &str = "aaa-Ec2InstanceAutoScalingGroup-aaa";

/// The role of the article, as CloudFormation would write it.
const SCOPED_ROLE: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":["ssm:ListCommandInvocations"],"Resource":["*"]},
  {"Effect":"Allow","Action":["ssm:SendCommand"],
   "Resource":["arn:aws:ssm:ap-northeast-1:000000000000:document/aaa-SsmDocument-aaa"]},
  {"Effect":"Allow","Action":["ssm:SendCommand"],
   "Resource":["arn:aws:ec2:ap-northeast-1:000000000000:instance/*"],
   "Condition":{"StringEquals":
     {"ssm:ResourceTag/aws:autoscaling:groupName":"aaa-Ec2InstanceAutoScalingGroup-aaa"}}}]}"#;

const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

fn parse(text: &str) -> Policy {
    Policy::parse(text).unwrap_or_else(|err| panic!("{err}: {text}"))
}

fn one(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{{statement}}}]}}"#)
}

fn context() -> Context {
    Context::default().with("aws:username", "ann").with_tags("aws:PrincipalTag", &[("team", "red")])
}

#[track_caller]
fn check_set(policies: &PolicySet, action: &str, resource: &str, group: &str, expected: Decision) {
    let context = context().with_resource_tags("ssm", &[("aws:autoscaling:groupName", group)]);
    let request = Request { action, resource, context: &context };
    assert_eq!(evaluate(policies, &request), expected, "{action} on {resource} of {group:?}");
}

#[track_caller]
fn check(policies: &[&str], action: &str, resource: &str, expected: Decision) {
    let identity = policies.iter().map(|it| parse(it)).collect();
    let policies = PolicySet { identity, ..PolicySet::default() };
    check_set(&policies, action, resource, GROUP, expected);
}

#[track_caller]
fn check_one(statement: &str, action: &str, resource: &str, expected: bool) {
    let expected = if expected { Allowed } else { ImplicitDeny(Identity) };
    check(&[&one(statement)], action, resource, expected);
}

#[test]
fn the_published_role_sends_its_document_to_its_group_and_nothing_else() {
    let role = PolicySet { identity: vec![parse(SCOPED_ROLE)], ..PolicySet::default() };
    let other_document = "arn:aws:ssm:ap-northeast-1:000000000000:document/xx-SsmDocument-xx";
    let other_region = "arn:aws:ec2:us-east-1:000000000000:instance/i-aaaaaaaa";
    let denied = ImplicitDeny(Identity);
    check_set(&role, "ssm:SendCommand", DOCUMENT, "", Allowed);
    check_set(&role, "ssm:SendCommand", INSTANCE, GROUP, Allowed);
    check_set(&role, "ssm:ListCommandInvocations", "*", "", Allowed);
    check_set(&role, "ssm:SendCommand", other_document, "", denied);
    check_set(&role, "ssm:SendCommand", other_document, GROUP, denied);
    check_set(&role, "ssm:SendCommand", SHELL, "", denied);
    check_set(&role, "ssm:SendCommand", INSTANCE, "other", denied);
    check_set(&role, "ssm:SendCommand", INSTANCE, &GROUP.to_uppercase(), denied);
    check_set(&role, "ssm:SendCommand", other_region, GROUP, denied);
    check_set(&role, "ssm:CancelCommand", "*", "", denied);
    check_set(&role, "ssm:ListCommands", "arn:aws:ssm:ap-northeast-1:000000000000:*", "", denied);
}

#[test]
fn a_tag_condition_on_an_aws_owned_document_denies_it() {
    let statement = r#""Effect":"Allow","Action":"ssm:SendCommand","Resource":"*",
        "Condition":{"StringEquals":{"ssm:resourceTag/aws:autoscaling:groupName":"web"}}"#;
    let policies = PolicySet { identity: vec![parse(&one(statement))], ..PolicySet::default() };
    check_set(&policies, "ssm:SendCommand", INSTANCE, "web", Allowed);
    let untagged = Context::default();
    let request = Request { action: "ssm:SendCommand", resource: SHELL, context: &untagged };
    assert_eq!(evaluate(&policies, &request), ImplicitDeny(Identity));
}

#[test]
fn actions_ignore_case_and_take_wildcards() {
    let allow = |action: &str| format!(r#""Effect":"Allow","Action":{action},"Resource":"*""#);
    for (pattern, action, expected) in [
        (r#""ssm:SendCommand""#, "ssm:SendCommand", true),
        (r#""SSM:sendcommand""#, "ssm:SendCommand", true),
        (r#""ssm:*""#, "ssm:SendCommand", true),
        (r#""ssm:Send*""#, "ssm:ListCommands", false),
        (r#""ssm:*Command""#, "ssm:SendCommand", true),
        (r#""ssm:*Command""#, "ssm:ListCommands", false),
        (r#""ssm:?endCommand""#, "ssm:SendCommand", true),
        (r#""*""#, "ec2:DescribeInstances", true),
        (r#""ec2:*""#, "ssm:SendCommand", false),
        (r#"["ssm:ListCommands","ssm:SendCommand"]"#, "ssm:SendCommand", true),
    ] {
        check_one(&allow(pattern), action, "*", expected);
    }
}

#[test]
fn resources_keep_case_and_take_wildcards_and_variables() {
    let allow =
        |it: &str| format!(r#""Effect":"Allow","Action":"ssm:SendCommand","Resource":{it}"#);
    for (pattern, resource, expected) in [
        (r#""*""#, SHELL, true),
        (r#""arn:aws:ssm:*::document/AWS-*""#, SHELL, true),
        (r#""arn:aws:ssm:*::document/aws-*""#, SHELL, false),
        (r#""arn:aws:ssm:ap-northeast-1:*:document/AWS-RunShellScript""#, SHELL, true),
        (r#""arn:aws:ssm:*:000000000000:document/AWS-*""#, SHELL, false),
        (r#""arn:aws:ec2:*:*:instance/i-aaaaaaa?""#, INSTANCE, true),
        (r#""arn:aws:ec2:*:*:instance/i-aaaaaaaa?""#, INSTANCE, false),
        (r#""arn:aws:ec2:*:*:instance/*""#, SHELL, false),
        (r#""arn:aws:ssm:*:*:document/${aws:username}-*""#, "arn:aws:ssm:a:1:document/ann-x", true),
        (
            r#""arn:aws:ssm:*:*:document/${aws:username}-*""#,
            "arn:aws:ssm:a:1:document/bob-x",
            false,
        ),
        (
            r#""arn:aws:ssm:*:*:document/${aws:PrincipalTag/Team}""#,
            "arn:aws:ssm:a:1:document/red",
            true,
        ),
        (
            r#""arn:aws:ssm:*:*:document/${aws:PrincipalTag/none}""#,
            "arn:aws:ssm:a:1:document/",
            false,
        ),
        (r#""arn:aws:ssm:*:*:document/a${*}""#, "arn:aws:ssm:a:1:document/ab", false),
        (r#""arn:aws:ssm:a:1:*""#, "arn:aws:ssm:a:1:*", true),
        (r#""arn:aws:ssm:a:1:document/x""#, "arn:aws:ssm:a:1:*", false),
    ] {
        check_one(&allow(pattern), "ssm:SendCommand", resource, expected);
    }
}

#[test]
fn an_auto_scaling_group_is_reached_whatever_its_uuid() {
    let statement = r#""Effect":"Allow","Action":"autoscaling:EnterStandby",
        "Resource":"arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/web""#;
    let arn = |name| {
        format!(
            "arn:aws:autoscaling:us-east-1:1:autoScalingGroup:5b1f-9c:autoScalingGroupName/{name}"
        )
    };
    check_one(statement, "autoscaling:EnterStandby", &arn("web"), true);
    check_one(statement, "autoscaling:EnterStandby", &arn("web2"), false);
}

#[test]
fn before_2012_a_variable_is_plain_text() {
    let policy = |version: &str| {
        format!(
            r#"{{{version}"Statement":{{"Effect":"Allow","Action":"a:B","Resource":"arn:a/${{aws:username}}"}}}}"#
        )
    };
    let (old, new) = (policy(""), policy(r#""Version":"2012-10-17","#));
    check(&[&old], "a:B", "arn:a/ann", ImplicitDeny(Identity));
    check(&[&old], "a:B", "arn:a/${aws:username}", Allowed);
    check(&[&new], "a:B", "arn:a/ann", Allowed);
}

#[test]
fn not_action_and_not_resource_are_all_but_those_listed() {
    let not_action = r#""Effect":"Allow","NotAction":["iam:*","ssm:SendCommand"],"Resource":"*""#;
    check_one(not_action, "ssm:ListCommands", "*", true);
    check_one(not_action, "ssm:SENDcommand", "*", false);
    check_one(not_action, "iam:CreateUser", "*", false);
    let not_resource =
        r#""Effect":"Allow","Action":"ssm:*","NotResource":"arn:aws:ssm:*::document/AWS-*""#;
    check_one(not_resource, "ssm:SendCommand", DOCUMENT, true);
    check_one(not_resource, "ssm:SendCommand", SHELL, false);
    let no_value =
        r#""Effect":"Allow","Action":"ssm:*","NotResource":"arn:aws:ssm:::${aws:PrincipalTag/x}""#;
    check_one(no_value, "ssm:SendCommand", DOCUMENT, true);
    let deny = one(r#""Effect":"Deny","NotAction":"ssm:*","Resource":"*""#);
    check(&[EVERYTHING, &deny], "ec2:DescribeInstances", "*", ExplicitDeny(Identity));
    check(&[EVERYTHING, &deny], "ssm:ListCommands", "*", Allowed);
}

#[test]
fn an_explicit_deny_wins_wherever_it_stands() {
    let deny = one(r#""Effect":"Deny","Action":"ssm:SendCommand","Resource":"*""#);
    check(&[EVERYTHING, &deny], "ssm:SendCommand", DOCUMENT, ExplicitDeny(Identity));
    check(&[&deny, EVERYTHING], "ssm:SendCommand", DOCUMENT, ExplicitDeny(Identity));
    check(&[&deny, EVERYTHING], "ssm:ListCommands", "*", Allowed);
    check(&[&deny], "ssm:ListCommands", "*", ImplicitDeny(Identity));
    check(&[], "ssm:ListCommands", "*", ImplicitDeny(Identity));
    let outside = one(r#""Effect":"Deny","Action":"*","Resource":"*","Condition":
           {"StringNotEquals":{"ssm:resourceTag/aws:autoscaling:groupName":"other"}}"#);
    check(&[EVERYTHING, &outside], "ssm:SendCommand", INSTANCE, ExplicitDeny(Identity));
    let both = PolicySet {
        identity: vec![parse(&deny)],
        session: Some(vec![parse(&deny)]),
        boundary: Some(vec![parse(EVERYTHING)]),
    };
    check_set(&both, "ssm:SendCommand", DOCUMENT, "", ExplicitDeny(Identity));
}

#[test]
fn a_session_policy_only_takes_away() {
    let narrow = one(
        r#""Effect":"Allow","Action":["ssm:SendCommand","ec2:*"],"Resource":["arn:aws:ec2:*:*:instance/i-aaaaaaaa",
           "arn:aws:ssm:*:*:document/aaa-SsmDocument-aaa"]"#,
    );
    let session = |session: Option<Vec<Policy>>| PolicySet {
        identity: vec![parse(SCOPED_ROLE)],
        session,
        boundary: None,
    };
    let narrowed = session(Some(vec![parse(&narrow)]));
    check_set(&narrowed, "ssm:SendCommand", DOCUMENT, "", Allowed);
    check_set(&narrowed, "ssm:SendCommand", INSTANCE, GROUP, Allowed);
    check_set(&narrowed, "ssm:SendCommand", INSTANCE, "other", ImplicitDeny(Identity));
    let second = "arn:aws:ec2:ap-northeast-1:000000000000:instance/i-bbbbbbbb";
    check_set(&narrowed, "ssm:SendCommand", second, GROUP, ImplicitDeny(Session));
    check_set(&narrowed, "ssm:ListCommandInvocations", "*", "", ImplicitDeny(Session));
    check_set(&narrowed, "ec2:StopInstances", INSTANCE, GROUP, ImplicitDeny(Identity));
    check_set(&session(Some(vec![])), "ssm:SendCommand", DOCUMENT, "", ImplicitDeny(Session));
    check_set(&session(None), "ssm:SendCommand", DOCUMENT, "", Allowed);
    let deny = one(r#""Effect":"Deny","Action":"ssm:*","Resource":"*""#);
    let denied = session(Some(vec![parse(EVERYTHING), parse(&deny)]));
    check_set(&denied, "ssm:SendCommand", DOCUMENT, "", ExplicitDeny(Session));
    let union = session(Some(vec![parse(&narrow), parse(EVERYTHING)]));
    check_set(&union, "ssm:ListCommandInvocations", "*", "", Allowed);
}

#[test]
fn a_boundary_only_takes_away() {
    let boundary = one(r#""Effect":"Allow","Action":"ssm:List*","Resource":"*""#);
    let policies = PolicySet {
        identity: vec![parse(EVERYTHING)],
        session: None,
        boundary: Some(vec![parse(&boundary)]),
    };
    check_set(&policies, "ssm:ListCommands", "*", "", Allowed);
    check_set(&policies, "ssm:SendCommand", DOCUMENT, "", ImplicitDeny(Boundary));
}

#[test]
fn the_administrator_of_a_world_without_users_may_do_everything() {
    let context = Context::default();
    let request = Request { action: "ssm:SendCommand", resource: SHELL, context: &context };
    assert_eq!(authorise(&Principal::Anyone, &PolicySet::default(), &request), Allowed);
}
