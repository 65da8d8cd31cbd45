//! What is a policy, and what is said of a text that is not.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(Policy::parse(text).unwrap_err().to_string(), expected, "{text}");
}

#[track_caller]
fn check_statement(statement: &str, expected: &str) {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{{{statement}}}]}}"#);
    check(&text, &format!("statement 1: {expected}"));
}

#[track_caller]
fn check_principal(principal: &str, expected: &str) {
    let text = format!(
        r#"{{"Statement":{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{principal}}}}}"#
    );
    let err = TrustPolicy::parse(&text).unwrap_err();
    assert_eq!(err.to_string(), format!("statement 1: {expected}"));
}

const ALLOW: &str = r#""Effect":"Allow","Action":"ssm:SendCommand","Resource":"*""#;

#[test]
fn every_element_of_the_language_is_taken() {
    let text = r#"{"Version":"2012-10-17","Id":"x","Statement":[
        {"Sid":"One","Effect":"Allow","Action":"*","Resource":"*","Condition":{}},
        {"Sid":"","Effect":"Deny","NotAction":["iam:*"],"NotResource":["arn:aws:s3:::b"]},
        {"Sid":"","Effect":"Deny","Action":"s3:*","Resource":"*","Condition":
          {"Null":{"aws:TokenIssueTime":true},"NumericLessThan":{"aws:MultiFactorAuthAge":[1,"2"]}}}]}"#;
    assert_eq!(Policy::parse(text).unwrap().statements.len(), 3);
}

#[test]
fn what_is_unknown_is_named() {
    check(
        r#"{"Version":"2012-10-17","Statment":[]}"#,
        r#"unknown element "Statment" of the policy"#,
    );
    check(r#"{"Version":"2024-01-01","Statement":[]}"#, r#"unknown Version "2024-01-01""#);
    check("[]", "the policy is a list, not an object");
    check(r#"{"Version":"2012-10-17"}"#, "Statement is missing");
    check(r#"{"Version":"2012-10-17","Statement":[]}"#, "Statement is missing");
    check_statement(&format!(r#"{ALLOW},"Conditions":{{}}"#), r#"unknown element "Conditions""#);
    check_statement(r#""Effect":"allow","Action":"*","Resource":"*""#, r#"unknown Effect "allow""#);
    let condition = |text| format!(r#"{ALLOW},"Condition":{text}"#);
    for operator in ["StringEqual", "stringEquals", "BinaryEquals", "ForSome:StringEquals"] {
        check_statement(
            &condition(format!(r#"{{"{operator}":{{"aws:username":"x"}}}}"#)),
            &format!("unknown condition operator {operator:?}"),
        );
    }
    check_statement(
        &condition(r#"{"NullIfExists":{"aws:username":"true"}}"#.to_owned()),
        r#"unknown condition operator "NullIfExists""#,
    );
}

#[test]
fn what_is_missing_or_excluded_is_named() {
    check_statement(r#""Action":"*","Resource":"*""#, "Effect is missing");
    check_statement(r#""Effect":"Allow","Resource":"*""#, "Action is missing");
    check_statement(r#""Effect":"Allow","Action":"*""#, "Resource is missing");
    check_statement(
        &format!(r#"{ALLOW},"NotAction":"x:y""#),
        "Action and NotAction exclude each other",
    );
    check_statement(
        &format!(r#"{ALLOW},"Principal":"*""#),
        "Principal is not allowed in this kind of policy",
    );
    check_statement(
        &format!(r#""Sid":"a b",{ALLOW}"#),
        r#"the Sid "a b" has other characters than letters and digits"#,
    );
    let twice = format!(r#"{{"Statement":[{{"Sid":"A",{ALLOW}}},{{"Sid":"A",{ALLOW}}}]}}"#);
    check(&twice, r#"statement 2: the Sid "A" is given twice"#);
}

#[test]
fn a_value_that_cannot_be_compared_is_named() {
    let condition = |text: &str| format!(r#"{ALLOW},"Condition":{text}"#);
    for (text, expected) in [
        (
            r#"{"Bool":{"aws:PrincipalTag/b":"yes"}}"#,
            r#"Bool of aws:PrincipalTag/b: "yes" is neither true nor false"#,
        ),
        (
            r#"{"NumericEquals":{"aws:PrincipalTag/b":"x"}}"#,
            r#"NumericEquals of aws:PrincipalTag/b: "x" is no number"#,
        ),
        (
            r#"{"DateEquals":{"aws:PrincipalTag/b":"soon"}}"#,
            r#"DateEquals of aws:PrincipalTag/b: "soon" is no date"#,
        ),
        (
            r#"{"IpAddress":{"aws:PrincipalTag/b":"10.0.0.0/33"}}"#,
            r#"IpAddress of aws:PrincipalTag/b: "10.0.0.0/33" is no network"#,
        ),
        (
            r#"{"StringEquals":{"aws:PrincipalTag/b":[]}}"#,
            "StringEquals of aws:PrincipalTag/b: there are no values",
        ),
        (
            r#"{"StringEquals":{"aws:PrincipalTag/b":null}}"#,
            "StringEquals of aws:PrincipalTag/b: a value is null, not a string",
        ),
        (
            r#"{"StringEquals":{"username":"x"}}"#,
            r#"the condition key "username" names no service"#,
        ),
    ] {
        check_statement(&condition(text), expected);
    }
    check_statement(
        r#""Effect":"Allow","Action":"SendCommand","Resource":"*""#,
        r#"the action "SendCommand" names no service"#,
    );
    check_statement(
        r#""Effect":"Allow","Action":"ssm:*","Resource":"document/x""#,
        r#"the resource "document/x" is neither an ARN nor "*""#,
    );
    check_statement(
        r#""Effect":"Allow","Action":"ssm:*","Resource":"arn:${aws:username""#,
        r#"the policy variable in "arn:${aws:username" is not closed"#,
    );
}

#[test]
fn a_principal_is_a_whole_name() {
    check_principal(r#""x""#, r#"Principal is "x", neither "*" nor an object"#);
    check_principal("{}", "Principal is empty");
    check_principal(r#"{"Aws":"*"}"#, r#"unknown kind of principal "Aws""#);
    for bad in [
        "arn:aws:iam::123456789012:user/*",
        "arn:aws:iam::123456789012:*",
        "arn:aws:iam::1234:root",
        "arn:aws:iam::123456789012:group/x",
        "12345678901",
        "ann",
    ] {
        check_principal(&format!(r#"{{"AWS":"{bad}"}}"#), &format!("invalid principal {bad:?}"));
    }
    let not = r#"{"Statement":{"Effect":"Allow","Action":"sts:*","NotPrincipal":{"AWS":"*"}}}"#;
    let err = TrustPolicy::parse(not).unwrap_err();
    assert_eq!(err.to_string(), "statement 1: NotPrincipal is not supported with Allow");
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes: Vec<u8>) {
        let text = String::from_utf8_lossy(&bytes);
        drop((Policy::parse(&text), TrustPolicy::parse(&text)));
    }

    #[test]
    fn no_values_make_the_parser_panic(
        element in "(Effect|Action|Resource|Sid|Condition|Principal|\\PC{0,6})",
        operator in "(ForA[a-z]{2}Values?:)?(String|Date|Numeric|Ip|Arn|Null|Bool)(Not)?[A-Za-z]{0,9}",
        value in "[\\PC${}*?:',/0-9-]{0,12}",
    ) {
        let inner = serde_json::json!({"Effect": "Allow", "Action": "aws:PrincipalTag/b", "Resource": "*",
            "Condition": {operator: {"aws:PrincipalTag/b": value}}});
        let mut outer = inner.clone();
        outer[element] = value.into();
        for statement in [inner, outer] {
            let text = serde_json::json!({"Version": "2012-10-17", "Statement": statement});
            let text = text.to_string();
            drop((Policy::parse(&text), TrustPolicy::parse(&text)));
        }
    }
}
