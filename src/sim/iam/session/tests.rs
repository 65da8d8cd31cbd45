//! What AssumeRole refuses, in AWS's words.

use super::{
    super::{
        evaluate::PolicyKind,
        principal::fixtures::{session, user},
    },
    *,
};

const ROLE: &str = "arn:aws:iam::123456789012:role/web";

#[track_caller]
fn check_duration(
    requested: Option<i64>,
    max: i64,
    caller: &Principal,
    expected: Result<i64, &str>,
) {
    let found = session_duration(requested, max, caller).map_err(|err| {
        assert_eq!(err.code(), "ValidationError");
        err.to_string()
    });
    assert_eq!(found, expected.map_err(str::to_owned));
}

#[test]
fn a_duration_is_held_to_the_roles_maximum_and_a_chained_one_to_an_hour() {
    let (user, session) = (user("123456789012"), session());
    check_duration(None, 3_600, &user, Ok(3_600));
    check_duration(Some(43_200), 43_200, &user, Ok(43_200));
    check_duration(
        Some(3_601),
        3_600,
        &user,
        Err("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."),
    );
    check_duration(Some(3_600), 43_200, &session, Ok(3_600));
    check_duration(
        Some(3_601),
        43_200,
        &session,
        Err("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by \
             role chaining."),
    );
    check_duration(
        Some(899),
        3_600,
        &user,
        Err("1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy \
             constraint: Member must have value greater than or equal to 900"),
    );
    check_duration(
        Some(43_201),
        43_200,
        &session,
        Err("1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy \
             constraint: Member must have value less than or equal to 43200"),
    );
}

#[test]
fn a_session_policy_is_short_plain_and_well_formed() {
    let policy =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let code = |text: &str| session_policy(text).map(drop).map_err(|err| err.code());
    assert_eq!(code(policy), Ok(()));
    let padded = |n: usize| format!("{policy}{}", " ".repeat(n - policy.len()));
    assert_eq!(code(&padded(2_048)), Ok(()));
    assert_eq!(code(&padded(2_049)), Err("ValidationError"));
    assert_eq!(code(""), Err("ValidationError"));
    assert_eq!(code(&policy.replace("2012", "\u{2012}")), Err("ValidationError"));
    assert_eq!(code("{"), Err("MalformedPolicyDocument"));
    assert_eq!(code(&policy.replace("Effect", "Efect")), Err("MalformedPolicyDocument"));
    let err = session_policy(&padded(2_049)).unwrap_err().to_string();
    assert!(err.ends_with("Member must have length less than or equal to 2048"), "{err}");
}

fn trusting(actions: &str) -> TrustPolicy {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":{actions},
           "Principal":{{"AWS":"arn:aws:iam::123456789012:user/ann"}}}}}}"#
    );
    TrustPolicy::parse(&text).unwrap()
}

#[track_caller]
fn check(actions: &str, identity: &str, call: &AssumeRole, expected: Result<(), &'static str>) {
    let caller = user("123456789012");
    let identity =
        format!(r#"{{"Statement":{{"Effect":"Allow","Action":{identity},"Resource":"{ROLE}"}}}}"#);
    let policies =
        PolicySet { identity: vec![Policy::parse(&identity).unwrap()], ..PolicySet::default() };
    let context = Context::of(&caller, jiff::Timestamp::UNIX_EPOCH);
    let found = authorise_assume_role(call, &trusting(actions), &caller, &policies, context);
    assert_eq!(found.map_err(|it| it.action), expected);
}

#[test]
fn session_tags_and_a_source_identity_need_rights_of_their_own() {
    let plain = AssumeRole {
        role_arn: ROLE.to_owned(),
        session_name: "cli-session".to_owned(),
        ..AssumeRole::default()
    };
    let tag = vec![("run".to_owned(), "1".to_owned())];
    let tagged = AssumeRole { tags: tag.clone(), ..plain.clone() };
    let inherited = AssumeRole { inherited_tags: tag, ..plain.clone() };
    let assume = r#""sts:AssumeRole""#;
    let with_tags = r#"["sts:AssumeRole","sts:TagSession"]"#;
    check(assume, assume, &plain, Ok(()));
    check(with_tags, assume, &tagged, Ok(()));
    check(assume, r#""sts:*""#, &tagged, Err("sts:TagSession"));
    check(assume, r#""sts:*""#, &inherited, Err("sts:TagSession"));
    check(r#""sts:TagSession""#, r#""sts:*""#, &tagged, Err("sts:AssumeRole"));
    let named = AssumeRole { source_identity: Some("ann".to_owned()), ..plain };
    check(r#""sts:*""#, r#""sts:*""#, &named, Ok(()));
    check(r#""sts:*""#, assume, &named, Err("sts:SetSourceIdentity"));
    check(assume, r#""sts:*""#, &named, Err("sts:SetSourceIdentity"));
}

#[test]
fn the_parameters_of_the_call_are_condition_keys() {
    let call = AssumeRole {
        role_arn: ROLE.to_owned(),
        session_name: "s".to_owned(),
        external_id: Some("x".to_owned()),
        source_identity: Some("ann".to_owned()),
        tags: vec![("Env".to_owned(), "test".to_owned()), ("run".to_owned(), "1".to_owned())],
        inherited_tags: vec![("env".to_owned(), "prod".to_owned())],
        transitive_tag_keys: vec!["run".to_owned()],
        has_mfa: true,
    };
    let context = call.add_to(Context::default());
    assert_eq!(context.single("sts:externalid"), Some("x"));
    assert_eq!(context.single("sts:rolesessionname"), Some("s"));
    assert_eq!(context.single("sts:sourceidentity"), Some("ann"));
    assert_eq!(context.single("aws:requesttag/env"), Some("prod"));
    assert_eq!(context.single("aws:requesttag/run"), Some("1"));
    assert_eq!(context.single("sts:transitivetagkeys"), Some("run"));
    assert_eq!(context.single("aws:multifactorauthpresent"), Some("true"));
    assert_eq!(context.single("aws:multifactorauthage"), Some("0"));
}

#[test]
fn a_denial_keeps_the_kind_of_policy_that_decided() {
    let call = AssumeRole { role_arn: ROLE.to_owned(), ..AssumeRole::default() };
    let caller = user("210987654321");
    let context = Context::of(&caller, jiff::Timestamp::UNIX_EPOCH);
    let trust = trusting(r#""sts:AssumeRole""#);
    let denied =
        authorise_assume_role(&call, &trust, &caller, &PolicySet::default(), context).unwrap_err();
    assert_eq!(denied.decision, Decision::ImplicitDeny(PolicyKind::Resource));
}
