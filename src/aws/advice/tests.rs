//! Sentences of AWS as they are on the wire, and what is made of them.

use super::*;
use crate::aws::denial::{Cause, Kind, read};

const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/fleet-web/fleet-1";
const DOCUMENT: &str = "arn:aws:ssm:eu-west-1:111122223333:document/Restart";

fn advice(operation: &'static str, kind: ErrorKind, code: &str, message: &str) -> Vec<String> {
    let (code, message) = (code.to_owned(), message.to_owned());
    let err = AwsError { operation, kind, code, message, request_id: None };
    err.advice().into_iter().map(|it| it.text).collect()
}

/// Returns the advice on a denied SendCommand, whose sentence ends like this.
fn denied(ending: &str) -> Vec<String> {
    let message = format!(
        "User: {SESSION} is not authorized to perform: ssm:SendCommand on resource: {DOCUMENT}{ending}"
    );
    advice("SendCommand", ErrorKind::Denied, "AccessDeniedException", &message)
}

#[test]
fn every_ending_of_a_denial_names_whose_policy_decided() {
    let check = |ending: &str, cause| {
        let message = format!(
            "User: {SESSION} is not authorized to perform: ssm:SendCommand on resource: \
             {DOCUMENT}{ending}"
        );
        let found = read(&message).unwrap();
        assert_eq!(found.cause, cause, "{ending}");
        assert_eq!(found.principal.as_deref(), Some(SESSION));
        assert_eq!(
            (found.action.as_str(), found.resource.as_deref()),
            ("ssm:SendCommand", Some(DOCUMENT))
        );
    };
    let action = "allows the ssm:SendCommand action";
    for (word, kind) in [
        ("identity-based policy", Kind::Identity),
        ("session policy", Kind::Session),
        ("permissions boundary", Kind::Boundary),
        ("service control policy", Kind::ServiceControl),
        ("resource control policy", Kind::ResourceControl),
        ("resource-based policy", Kind::Resource),
        ("role trust policy", Kind::Trust),
        ("VPC endpoint policy", Kind::Endpoint),
    ] {
        check(&format!(" because no {word} {action}"), Cause::NotAllowed(kind));
        check(&format!(" with an explicit deny in a {word}"), Cause::Forbidden(kind));
        check(&format!(" with an explicit deny in the {word}"), Cause::Forbidden(kind));
    }
    check(" with an explicit deny in an identity-based policy", Cause::Forbidden(Kind::Identity));
    check(" with an explicit deny in a sessions policy", Cause::Forbidden(Kind::Session));
    check(" with an explicit deny in a policy of tomorrow", Cause::Unsaid);
    check(" because no policy of tomorrow allows it", Cause::Unsaid);
    check("", Cause::Unsaid);
}

#[test]
fn the_policy_is_named_where_the_service_names_it() {
    let arn = "arn:aws:organizations::111122223333:policy/o-1/service_control_policy/p-1";
    let text = denied(&format!(" with an explicit deny in a service control policy: {arn}"));
    assert!(text[0].contains(arn), "{text:?}");
}

#[test]
fn a_permission_that_nobody_gives_is_answered_by_a_statement_to_paste() {
    let text = denied(" because no identity-based policy allows the ssm:SendCommand action");
    assert_eq!(
        text,
        [
            format!(
                "no identity-based policy of the role fleet-web allows ssm:SendCommand on {DOCUMENT}"
            ),
            format!(
                "this statement would allow it: {{\"Effect\":\"Allow\",\"Action\":\
                 \"ssm:SendCommand\",\"Resource\":\"{DOCUMENT}\"}}"
            ),
        ]
    );
    let (_, statement) = text[1].split_once(": ").unwrap();
    assert!(serde_json::from_str::<Value>(statement).is_ok());
}

#[test]
fn a_deny_is_not_answered_by_an_allow() {
    for policy in ["an identity-based policy", "a service control policy", "a permissions boundary"]
    {
        let text = denied(&format!(" with an explicit deny in {policy}")).join("\n");
        assert!(text.contains("no Allow helps"), "{text}");
        assert!(!text.contains("\"Effect\""), "{text}");
    }
}

#[test]
fn each_kind_of_policy_is_sought_where_it_is() {
    let check = |ending: &str, says: &str| {
        let text = denied(ending).join("\n");
        assert!(text.contains(says), "`{says}` is missing:\n{text}");
    };
    let no = |word: &str| format!(" because no {word} allows the ssm:SendCommand action");
    check(&no("session policy"), "--session-policy none");
    check(&no("permissions boundary"), "set by whoever made the role");
    check(&no("service control policy"), "belongs to the organisation");
    check(&no("VPC endpoint policy"), "belongs to the VPC endpoint");
    check("", "which policy decided was not said");
}

#[test]
fn a_read_that_is_denied_says_what_it_would_buy() {
    let check = |message: &str, operation, expected: &[&str]| {
        let text = advice(operation, ErrorKind::Denied, "AccessDenied", message);
        for it in expected {
            assert!(text.iter().any(|line| line.contains(it)), "`{it}` is missing: {text:?}");
        }
    };
    // Auto Scaling names no resource, SSM one that stands for all (aws-facts §8.3).
    check(
        "User: arn:aws:iam::111122223333:user/ops/eve is not authorized to perform: \
         autoscaling:DescribeAutoScalingGroups because no identity-based policy allows the \
         autoscaling:DescribeAutoScalingGroups action",
        "DescribeAutoScalingGroups",
        &["of the user eve allows", "\"Resource\":\"*\"", "buys the group's instances"],
    );
    check(
        "User: arn:aws:iam::111122223333:user/eve is not authorized to perform: \
         ssm:ListCommandInvocations on resource: arn:aws:ssm:eu-west-1:111122223333:* because no \
         identity-based policy allows the ssm:ListCommandInvocations action",
        "ListCommandInvocations",
        &["\"Resource\":\"*\"", "buys following every instance"],
    );
    check("", "ListCommands", &["must allow ssm:ListCommands", "\"Action\":\"ssm:ListCommands\""]);
}

#[test]
fn trust_has_two_sides_and_both_are_shown() {
    let role = "arn:aws:iam::444455556666:role/fleet-web";
    let check = |action: &str, says: &str| {
        let message =
            format!("User: {SESSION} is not authorized to perform: {action} on resource: {role}");
        let text = advice("AssumeRole", ErrorKind::Denied, "AccessDenied", &message);
        assert!(text[0].contains(says), "{text:?}");
        assert!(text[1].ends_with(&format!("\"Action\":\"{action}\",\"Resource\":\"{role}\"}}")));
        // A session is trusted as its role.
        assert!(
            text[2].contains("{\"AWS\":\"arn:aws:iam::111122223333:role/fleet-web\"}"),
            "{text:?}"
        );
    };
    check("sts:AssumeRole", "external id");
    check("sts:TagSession", "session tags are passed");
    check("sts:SetSourceIdentity", "a source identity is set");
    let text = advice(
        "AssumeRole",
        ErrorKind::Denied,
        "AccessDenied",
        "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
    );
    assert!(text[0].starts_with("the code is wrong"), "{text:?}");
}

#[test]
fn credentials_that_do_not_work_say_why() {
    let check = |code: &str, message: &str, says: &str| {
        let text = advice("GetCallerIdentity", ErrorKind::BadCredentials, code, message);
        assert!(text[0].contains(says), "{code}: {text:?}");
    };
    let expired = "The security token included in the request is expired";
    check("ExpiredToken", expired, "have expired: log in again");
    check("ExpiredTokenException", expired, "have expired: log in again");
    let unknown = "The security token included in the request is invalid.";
    check("InvalidClientTokenId", unknown, "the region is not enabled");
    check("UnrecognizedClientException", unknown, "the access key is not known here");
    let late = "Signature expired: 20240719T040000Z is now earlier than 20240719T041000Z \
                (20240719T041500Z - 5 min.)";
    check("InvalidSignatureException", late, "set the clock");
    let early = "Signature not yet current: 20240719T050000Z is still later than \
                 20240719T042000Z (20240719T041500Z + 5 min.)";
    check("SignatureDoesNotMatch", early, "set the clock");
    let wrong = "The request signature we calculated does not match the signature you provided.";
    check("SignatureDoesNotMatch", wrong, "the secret access key does not belong");
    let elsewhere = "Credential should be scoped to a valid region. ";
    check("SignatureDoesNotMatch", elsewhere, "--region");
    check("MissingAuthenticationToken", "Missing Authentication Token", "without a signature");
}

#[test]
fn refusals_of_a_request_say_what_to_change() {
    let check = |code: &str, message: &str, says: &str| {
        let text = advice("AssumeRole", ErrorKind::Refused, code, message);
        assert!(text.first().is_some_and(|it| it.contains(says)), "{code}: {text:?}");
    };
    check(
        "PackedPolicyTooLarge",
        "Packed size of session tags consumes 142% of allotted space.",
        "--session-policy none",
    );
    check(
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role \
         chaining.",
        "one hour",
    );
    check(
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        "raise the role's MaxSessionDuration",
    );
    check(
        "InvalidParameterValue",
        "One of the specified transitive tag keys can't be set because it conflicts with a \
         transitive tag key from the calling session.",
        "leave the --session-tag of that key out",
    );
    check(
        "ValidationError",
        "The source identity cannot be changed in a chained session.",
        "leave --source-identity out",
    );
    check("MalformedPolicyDocument", "Syntax errors in policy.", "--session-policy");
    check("RegionDisabledException", "STS is not activated in this region", "--region");
    check("InvalidDocument", "", "one region of one account");
    check(
        "InvalidInstanceId",
        "Instances [[i-00903e1796f3b1cb6]] not in a valid state for account 775288309636",
        "fleet targets",
    );
    assert_eq!(advice("SendCommand", ErrorKind::Refused, "Unheard", "of"), Vec::<String>::new());
}
