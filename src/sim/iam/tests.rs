//! The published walk-through: a user takes the scoped role, sends its document to its group,
//! and is refused another document and an instance outside the group.

use jiff::Timestamp;

use super::*;

const ACCOUNT: &str = "000000000000";
const ROLE: &str = "arn:aws:iam::000000000000:role/aa-IamRoleSendCommand-aaa";
const SESSION: &str =
    "arn:aws:sts::000000000000:assumed-role/aa-IamRoleSendCommand-aaa/cli-session";
const REASON: &str = "because no identity-based policy allows the ssm:SendCommand action";

fn operator() -> Principal {
    Principal::User(User {
        arn: format!("arn:aws:iam::{ACCOUNT}:user/operator"),
        name: "operator".to_owned(),
        id: "AIDAOPERATOR".to_owned(),
        tags: vec![],
    })
}

fn scoped_session() -> Principal {
    Principal::RoleSession(RoleSession {
        arn: SESSION.to_owned(),
        role_arn: ROLE.to_owned(),
        id: "AROAROLE:cli-session".to_owned(),
        tags: vec![],
        issued: Timestamp::UNIX_EPOCH,
        mfa: None,
        source_identity: None,
    })
}

fn operator_policies() -> PolicySet {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
        "Action":["sts:AssumeRole"],"Resource":["arn:aws:iam::000000000000:role/aa-*"]}]}"#;
    PolicySet { identity: vec![Policy::parse(text).unwrap()], ..PolicySet::default() }
}

fn trust_policy() -> TrustPolicy {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
        "Principal":{"AWS":"arn:aws:iam::000000000000:user/operator"},
        "Action":["sts:AssumeRole","sts:TagSession"]}]}"#;
    TrustPolicy::parse(text).unwrap()
}

fn role_policies(session: Option<&str>) -> PolicySet {
    let text = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":["ssm:ListCommandInvocations"],"Resource":["*"]},
        {"Effect":"Allow","Action":["ssm:SendCommand"],"Resource":
          ["arn:aws:ssm:ap-northeast-1:000000000000:document/aa-SsmDocument-aaa"]},
        {"Effect":"Allow","Action":["ssm:SendCommand"],"Resource":
          ["arn:aws:ec2:ap-northeast-1:000000000000:instance/*"],"Condition":
          {"StringEquals":{"ssm:ResourceTag/aws:autoscaling:groupName":"web"}}}]}"#;
    let session = session.map(|it| vec![session_policy(it).unwrap()]);
    PolicySet { identity: vec![Policy::parse(text).unwrap()], session, boundary: None }
}

/// Does `ssm:SendCommand` on one resource as the scoped session.
#[track_caller]
fn check(policies: &PolicySet, resource: &str, group: Option<&str>, refusal: Option<&str>) {
    let caller = scoped_session();
    let tags: Vec<_> = group.map(|it| ("aws:autoscaling:groupName", it)).into_iter().collect();
    let context = Context::of(&caller, Timestamp::UNIX_EPOCH).with_resource_tags("ssm", &tags);
    let action = "ssm:SendCommand";
    let decision = authorise(&caller, policies, &Request { action, resource, context: &context });
    let found = match decision {
        Decision::Allowed => None,
        denied => Some(message(SESSION, action, Some(resource), denied, Form::Ssm)),
    };
    let expected = refusal.map(|reason| {
        format!(
            "User: {SESSION} is not authorized to perform: {action} on resource: {resource} {reason}"
        )
    });
    assert_eq!(found, expected);
}

#[test]
fn the_user_takes_the_role_that_trusts_it() {
    let caller = operator();
    let call = AssumeRole {
        role_arn: ROLE.to_owned(),
        session_name: "cli-session".to_owned(),
        ..AssumeRole::default()
    };
    let context = Context::of(&caller, Timestamp::UNIX_EPOCH);
    let policies = operator_policies();
    let assume = |caller: &Principal, policies: &PolicySet| {
        authorise_assume_role(&call, &trust_policy(), caller, policies, context.clone())
    };
    assert_eq!(assume(&caller, &policies), Ok(()));
    let denied = assume(&scoped_session(), &role_policies(None)).unwrap_err();
    assert_eq!(
        message(SESSION, denied.action, Some(ROLE), denied.decision, Form::Sts),
        format!("User: {SESSION} is not authorized to perform: sts:AssumeRole on resource: {ROLE}")
    );
}

#[test]
fn the_session_reaches_its_document_and_its_group_and_is_refused_the_rest() {
    let document = "arn:aws:ssm:ap-northeast-1:000000000000:document/aa-SsmDocument-aaa";
    let other_document = "arn:aws:ssm:ap-northeast-1:000000000000:document/xx-SsmDocument-xx";
    let instance = "arn:aws:ec2:ap-northeast-1:000000000000:instance/i-cccccccc";
    let role = role_policies(None);
    check(&role, document, None, None);
    check(&role, instance, Some("web"), None);
    check(&role, other_document, None, Some(REASON));
    check(&role, instance, Some("other"), Some(REASON));
    check(&role, instance, None, Some(REASON));
}

#[test]
fn a_session_policy_narrows_the_role_and_the_refusal_says_so() {
    let document = "arn:aws:ssm:ap-northeast-1:000000000000:document/aa-SsmDocument-aaa";
    let instance = "arn:aws:ec2:ap-northeast-1:000000000000:instance/i-cccccccc";
    let narrow = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
        "Action":"ssm:SendCommand","Resource":"arn:aws:ssm:*:*:document/aa-SsmDocument-aaa"}]}"#;
    let role = role_policies(Some(narrow));
    check(&role, document, None, None);
    let reason = "because no session policy allows the ssm:SendCommand action";
    check(&role, instance, Some("web"), Some(reason));
}
