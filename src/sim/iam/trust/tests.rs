//! Who may assume a role, within an account and across.

use super::{
    super::{
        policy::Policy,
        principal::fixtures::{session, user},
    },
    *,
};

const ROLE: &str = "arn:aws:iam::123456789012:role/web";

fn allow(principal: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{principal}}}"#)
}

fn trusting(statements: &str) -> TrustPolicy {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    TrustPolicy::parse(&text).unwrap()
}

#[track_caller]
fn check(statements: &str, caller: &Principal, keys: &[(&str, &str)], expected: bool) {
    let mut context = Context::of(caller, jiff::Timestamp::UNIX_EPOCH);
    for (key, value) in keys {
        context = context.with(key, *value);
    }
    // By the trust policy alone.
    let reached = reach(&trusting(statements), caller, "sts:AssumeRole", &context);
    assert_eq!(reached.is_ok(), expected, "{statements} for {caller:?}: {reached:?}");
}

#[test]
fn a_trust_policy_names_principals_in_many_ways() {
    let ann = user("123456789012");
    for (principal, allows_user, allows_session) in [
        (r#""*""#, true, true),
        (r#"{"AWS":"*"}"#, true, true),
        (r#"{"AWS":"123456789012"}"#, true, true),
        (r#"{"AWS":"arn:aws:iam::123456789012:root"}"#, true, true),
        (r#"{"AWS":["210987654321","arn:aws:iam::123456789012:user/ann"]}"#, true, false),
        (r#"{"AWS":"arn:aws:iam::123456789012:user/Ann"}"#, false, false),
        (r#"{"AWS":"arn:aws:iam::123456789012:role/path/base"}"#, false, true),
        (r#"{"AWS":"arn:aws:iam::123456789012:role/base"}"#, false, false),
        (r#"{"AWS":"arn:aws:sts::123456789012:assumed-role/base/s"}"#, false, true),
        (r#"{"AWS":"arn:aws:sts::123456789012:assumed-role/base/t"}"#, false, false),
        (r#"{"AWS":"210987654321"}"#, false, false),
        (r#"{"Service":"ec2.amazonaws.com"}"#, false, false),
        (r#"{"Service":"ssm.amazonaws.com","AWS":"123456789012"}"#, true, true),
    ] {
        check(&allow(principal), &ann, &[], allows_user);
        check(&allow(principal), &session(), &[], allows_session);
    }
}

#[test]
fn conditions_of_a_trust_policy_hold_or_the_role_is_closed() {
    let ann = user("123456789012");
    let external = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"123456789012"},
        "Condition":{"StringEquals":{"sts:ExternalId":"s3cret"}}}"#;
    check(external, &ann, &[("sts:ExternalId", "s3cret")], true);
    check(external, &ann, &[("sts:ExternalId", "S3cret")], false);
    check(external, &ann, &[], false);
    let own_name = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*",
        "Condition":{"StringLike":{"sts:RoleSessionName":"${aws:username}"}}}"#;
    check(own_name, &ann, &[("sts:RoleSessionName", "ann")], true);
    check(own_name, &ann, &[("sts:RoleSessionName", "bob")], false);
    check(own_name, &session(), &[("sts:RoleSessionName", "ann")], false);
}

#[test]
fn a_deny_in_a_trust_policy_wins_and_not_principal_spares_those_it_lists() {
    let ann = user("123456789012");
    let deny = |element: &str| {
        format!(r#"{},{{"Effect":"Deny","Action":"sts:*",{element}}}"#, allow(r#""*""#))
    };
    check(&deny(r#""Principal":{"AWS":"123456789012"}"#), &ann, &[], false);
    check(&deny(r#""Principal":{"AWS":"210987654321"}"#), &ann, &[], true);
    let listed = r#""NotPrincipal":{"AWS":["arn:aws:iam::123456789012:user/ann","123456789012"]}"#;
    check(&deny(listed), &ann, &[], true);
    check(&deny(listed), &session(), &[], false);
    let without_account = r#""NotPrincipal":{"AWS":"arn:aws:iam::123456789012:user/ann"}"#;
    check(&deny(without_account), &ann, &[], false);
}

/// The caller's own policies: the statements of each kind, none for `""`.
fn policies(identity: &str, session: &str) -> PolicySet {
    let parse = |text: &str| {
        let action = format!(r#"{{"Effect":"{text}","Action":"sts:*","Resource":"{ROLE}"}}"#);
        Policy::parse(&format!(r#"{{"Statement":{action}}}"#)).unwrap()
    };
    let own = |text: &str| if text.is_empty() { vec![] } else { vec![parse(text)] };
    let session = match session {
        "none" => None,
        other => Some(own(other)),
    };
    PolicySet { identity: own(identity), session, boundary: None }
}

#[track_caller]
fn check_both(principal: &str, caller: &Principal, policies: &PolicySet, expected: Decision) {
    let context = Context::of(caller, jiff::Timestamp::UNIX_EPOCH);
    let request = Request { action: "sts:AssumeRole", resource: ROLE, context: &context };
    let decision = authorise_on_role(&trusting(&allow(principal)), caller, policies, &request);
    assert_eq!(decision, expected, "{principal} for {caller:?} with {policies:?}");
}

#[test]
fn a_trust_in_the_account_leaves_the_decision_to_the_callers_policies() {
    use Decision::{Allowed, ExplicitDeny, ImplicitDeny};
    let (ann, account) = (user("123456789012"), r#"{"AWS":"123456789012"}"#);
    let identity = ImplicitDeny(PolicyKind::Identity);
    check_both(account, &ann, &policies("Allow", "none"), Allowed);
    check_both(account, &ann, &policies("", "none"), identity);
    let denied = ExplicitDeny(PolicyKind::Identity);
    check_both(account, &ann, &policies("Deny", "none"), denied);
    let named = r#"{"AWS":"arn:aws:iam::123456789012:user/ann"}"#;
    check_both(named, &ann, &policies("", "none"), Allowed);
    check_both(named, &ann, &policies("Deny", "none"), denied);
    let nobody = r#"{"AWS":"210987654321"}"#;
    check_both(nobody, &ann, &policies("Allow", "none"), ImplicitDeny(PolicyKind::Resource));
    check_both(nobody, &Principal::Anyone, &PolicySet::default(), Allowed);
}

#[test]
fn a_session_policy_limits_what_the_role_was_granted_but_not_the_session() {
    use Decision::{Allowed, ImplicitDeny};
    let role = r#"{"AWS":"arn:aws:iam::123456789012:role/path/base"}"#;
    let itself = r#"{"AWS":"arn:aws:sts::123456789012:assumed-role/base/s"}"#;
    let session_denies = ImplicitDeny(PolicyKind::Session);
    check_both(role, &session(), &policies("", "none"), Allowed);
    check_both(role, &session(), &policies("", ""), session_denies);
    check_both(role, &session(), &policies("Allow", ""), session_denies);
    check_both(role, &session(), &policies("", "Allow"), Allowed);
    check_both(itself, &session(), &policies("", ""), Allowed);
}

#[test]
fn between_accounts_both_sides_have_to_allow() {
    use Decision::{Allowed, ImplicitDeny};
    let foreign = user("210987654321");
    let named = r#"{"AWS":"arn:aws:iam::210987654321:user/ann"}"#;
    check_both(named, &foreign, &policies("Allow", "none"), Allowed);
    check_both(named, &foreign, &policies("", "none"), ImplicitDeny(PolicyKind::Identity));
    check_both(r#""*""#, &foreign, &policies("", "none"), ImplicitDeny(PolicyKind::Identity));
    let other = r#"{"AWS":"123456789012"}"#;
    check_both(other, &foreign, &policies("Allow", "none"), ImplicitDeny(PolicyKind::Resource));
}

#[test]
fn a_service_is_admitted_by_its_name_and_under_the_conditions() {
    let context = Context::default().with("aws:SourceAccount", "123456789012");
    let admits =
        |statement: &str| trusting(statement).admits_service("ssm.amazonaws.com", &context);
    assert!(admits(&allow(r#"{"Service":["ec2.amazonaws.com","ssm.amazonaws.com"]}"#)));
    assert!(!admits(&allow(r#"{"Service":"ec2.amazonaws.com"}"#)));
    assert!(!admits(&allow(r#"{"AWS":"123456789012"}"#)));
    let under = |account: &str| {
        let condition =
            format!(r#","Condition":{{"StringEquals":{{"aws:SourceAccount":"{account}"}}}}}}"#);
        allow(r#"{"Service":"ssm.amazonaws.com"}"#).strip_suffix('}').unwrap().to_owned()
            + &condition
    };
    assert!(admits(&under("123456789012")) && !admits(&under("210987654321")));
}
