//! Conditions, case by case as the IAM reference describes them.

use super::{
    super::{
        evaluate::{PolicySet, Request, evaluate},
        policy::Policy,
    },
    *,
};

/// Evaluates `{"Condition": …}` over a request with these keys; several values of a key are
/// separated by `|`, and a key with no text has an empty set of values.
#[track_caller]
fn check(condition: &str, keys: &[(&str, &str)], expected: bool) {
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}}}"#
    );
    let policies =
        PolicySet { identity: vec![Policy::parse(&policy).unwrap()], ..PolicySet::default() };
    let mut context = Context::default();
    for (key, values) in keys {
        context = context.with_all(key, values.split('|').filter(|it| !it.is_empty()));
    }
    let request = Request { action: "ssm:SendCommand", resource: "*", context: &context };
    let decision = evaluate(&policies, &request);
    assert_eq!(decision.is_allowed(), expected, "{condition} over {keys:?}: {decision:?}");
}

#[test]
fn string_operators_compare_whole_values() {
    let tag = |value| [("ssm:resourceTag/env", value)];
    check(r#"{"StringEquals":{"ssm:resourceTag/env":"prod"}}"#, &tag("prod"), true);
    check(r#"{"StringEquals":{"ssm:resourceTag/env":"prod"}}"#, &tag("Prod"), false);
    check(r#"{"StringEquals":{"ssm:resourceTag/env":"pr*"}}"#, &tag("prod"), false);
    check(r#"{"StringEquals":{"ssm:resourceTag/env":"pr*"}}"#, &tag("pr*"), true);
    check(r#"{"StringNotEquals":{"ssm:resourceTag/env":"prod"}}"#, &tag("Prod"), true);
    check(r#"{"StringNotEquals":{"ssm:resourceTag/env":"prod"}}"#, &tag("prod"), false);
    check(r#"{"StringEqualsIgnoreCase":{"ssm:resourceTag/env":"PROD"}}"#, &tag("Prod"), true);
    check(r#"{"StringNotEqualsIgnoreCase":{"ssm:resourceTag/env":"PROD"}}"#, &tag("Prod"), false);
    check(r#"{"StringLike":{"ssm:resourceTag/env":"pr?d*"}}"#, &tag("prod-1"), true);
    check(r#"{"StringLike":{"ssm:resourceTag/env":"pr?d*"}}"#, &tag("Prod-1"), false);
    check(r#"{"StringNotLike":{"ssm:resourceTag/env":"prod-*"}}"#, &tag("prod-1"), false);
    check(r#"{"StringNotLike":{"ssm:resourceTag/env":"prod-*"}}"#, &tag("test-1"), true);
}

#[test]
fn names_of_keys_ignore_case_and_so_do_the_tags_in_them() {
    let condition = r#"{"StringEquals":{"ssm:ResourceTag/aws:autoscaling:GROUPNAME":"web"}}"#;
    check(condition, &[("ssm:resourceTag/aws:autoscaling:groupName", "web")], true);
    check(condition, &[("ssm:resourceTag/aws:autoscaling:groupName", "Web")], false);
    check(condition, &[("aws:ResourceTag/aws:autoscaling:groupName", "web")], false);
}

#[test]
fn keys_are_joined_by_and_and_values_by_or() {
    let condition = r#"{"StringEquals":{"aws:PrincipalTag/x":["1","2"],"aws:PrincipalTag/y":"3"}}"#;
    check(condition, &[("aws:PrincipalTag/x", "2"), ("aws:PrincipalTag/y", "3")], true);
    check(condition, &[("aws:PrincipalTag/x", "2"), ("aws:PrincipalTag/y", "4")], false);
    check(condition, &[("aws:PrincipalTag/x", "2")], false);
    let operators =
        r#"{"StringEquals":{"aws:PrincipalTag/x":"1"},"StringLike":{"aws:PrincipalTag/y":"3*"}}"#;
    check(operators, &[("aws:PrincipalTag/x", "1"), ("aws:PrincipalTag/y", "30")], true);
    check(operators, &[("aws:PrincipalTag/x", "1"), ("aws:PrincipalTag/y", "40")], false);
    let none_of = r#"{"StringNotEquals":{"aws:PrincipalTag/x":["1","2"]}}"#;
    check(none_of, &[("aws:PrincipalTag/x", "2")], false);
    check(none_of, &[("aws:PrincipalTag/x", "3")], true);
    check("{}", &[], true);
}

#[test]
fn a_missing_key_fails_a_positive_operator_and_satisfies_a_negated_one() {
    for operator in ["StringEquals", "StringLike", "StringEqualsIgnoreCase"] {
        check(&format!(r#"{{"{operator}":{{"aws:PrincipalTag/x":"1"}}}}"#), &[], false);
        check(&format!(r#"{{"{operator}IfExists":{{"aws:PrincipalTag/x":"1"}}}}"#), &[], true);
        check(
            &format!(r#"{{"{operator}IfExists":{{"aws:PrincipalTag/x":"1"}}}}"#),
            &[("aws:PrincipalTag/x", "2")],
            false,
        );
    }
    check(r#"{"Bool":{"aws:PrincipalTag/x":"false"}}"#, &[], false);
    check(r#"{"NumericLessThan":{"aws:PrincipalTag/x":"1"}}"#, &[], false);
    check(r#"{"DateLessThan":{"aws:PrincipalTag/x":"2026-01-01"}}"#, &[], false);
    check(r#"{"ArnLike":{"aws:PrincipalTag/x":"arn:aws:iam::*:role/x"}}"#, &[], false);
    check(r#"{"IpAddress":{"aws:PrincipalTag/x":"0.0.0.0/0"}}"#, &[], false);
    for (operator, value) in [
        ("StringNotEquals", "1"),
        ("StringNotLike", "1"),
        ("ArnNotLike", "arn:aws:iam::*:role/x"),
        ("NumericNotEquals", "1"),
        ("DateNotEquals", "2026-01-01"),
        ("NotIpAddress", "10.0.0.0/8"),
    ] {
        check(&format!(r#"{{"{operator}":{{"aws:PrincipalTag/x":"{value}"}}}}"#), &[], true);
    }
}

#[test]
fn null_asks_whether_the_key_is_absent() {
    check(r#"{"Null":{"aws:TokenIssueTime":"true"}}"#, &[], true);
    check(r#"{"Null":{"aws:TokenIssueTime":"false"}}"#, &[], false);
    check(r#"{"Null":{"aws:TokenIssueTime":false}}"#, &[("aws:TokenIssueTime", "x")], true);
    check(r#"{"Null":{"aws:TokenIssueTime":"true"}}"#, &[("aws:TokenIssueTime", "x")], false);
    check(r#"{"Null":{"aws:TagKeys":"true"}}"#, &[("aws:TagKeys", "")], true);
}

#[test]
fn booleans_and_numbers_may_be_json_or_text() {
    check(r#"{"Bool":{"aws:SecureTransport":true}}"#, &[("aws:SecureTransport", "true")], true);
    check(r#"{"Bool":{"aws:SecureTransport":"True"}}"#, &[("aws:SecureTransport", "true")], true);
    check(r#"{"Bool":{"aws:SecureTransport":"false"}}"#, &[("aws:SecureTransport", "true")], false);
    check(r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}"#, &[], true);
    let age = |value| [("aws:MultiFactorAuthAge", value)];
    check(r#"{"NumericEquals":{"aws:MultiFactorAuthAge":"10"}}"#, &age("10.0"), true);
    check(r#"{"NumericNotEquals":{"aws:MultiFactorAuthAge":10}}"#, &age("10"), false);
    check(r#"{"NumericLessThan":{"aws:MultiFactorAuthAge":10}}"#, &age("9.5"), true);
    check(r#"{"NumericLessThan":{"aws:MultiFactorAuthAge":10}}"#, &age("10"), false);
    check(r#"{"NumericLessThanEquals":{"aws:MultiFactorAuthAge":10}}"#, &age("10"), true);
    check(r#"{"NumericGreaterThan":{"aws:MultiFactorAuthAge":"9"}}"#, &age("10"), true);
    check(r#"{"NumericGreaterThanEquals":{"aws:MultiFactorAuthAge":"11"}}"#, &age("10"), false);
    check(r#"{"NumericLessThan":{"aws:MultiFactorAuthAge":10}}"#, &age("ten"), false);
}

#[test]
fn dates_compare_as_points_in_time() {
    let now = |value| [("aws:CurrentTime", value)];
    let noon = "2026-11-20T12:00:00Z";
    check(r#"{"DateLessThan":{"aws:CurrentTime":"2026-11-20T12:30:00+01:00"}}"#, &now(noon), false);
    check(r#"{"DateLessThan":{"aws:CurrentTime":"2026-11-20T13:30:00Z"}}"#, &now(noon), true);
    check(r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-11-20"}}"#, &now(noon), true);
    check(
        r#"{"DateGreaterThanEquals":{"aws:CurrentTime":"2026-11-20T12:00:00Z"}}"#,
        &now(noon),
        true,
    );
    check(
        r#"{"DateLessThanEquals":{"aws:CurrentTime":"2026-11-20T11:59:59Z"}}"#,
        &now(noon),
        false,
    );
    check(r#"{"DateEquals":{"aws:CurrentTime":"2026-11-20T12:00:00Z"}}"#, &now(noon), true);
    check(r#"{"DateNotEquals":{"aws:CurrentTime":"2026-11-20T12:00:00Z"}}"#, &now(noon), false);
    check(
        r#"{"DateLessThan":{"aws:EpochTime":"1800000000"}}"#,
        &[("aws:EpochTime", "1795176000")],
        true,
    );
    // A time without an offset is no point in time, and not its day either.
    check(
        r#"{"DateLessThan":{"aws:PrincipalTag/x":"2026-11-21"}}"#,
        &[("aws:PrincipalTag/x", "2026-11-20T12:00:00")],
        false,
    );
}

#[test]
fn arns_match_component_by_component_also_under_equals() {
    let arn = "arn:aws:iam::123456789012:role/team/web";
    let is = [("aws:PrincipalArn", arn)];
    for operator in ["ArnLike", "ArnEquals"] {
        let check = |pattern: &str, expected| {
            check(
                &format!(r#"{{"{operator}":{{"aws:PrincipalArn":"{pattern}"}}}}"#),
                &is,
                expected,
            );
        };
        check(arn, true);
        check("arn:aws:iam::123456789012:role/*", true);
        check("arn:*:iam::12345678901?:role/team/web", true);
        check("arn:aws:iam::*:role/web", false);
        check("arn:*:role/team/web", false);
        check("*", false);
    }
    check(r#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}}"#, &is, false);
    check(r#"{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"}}"#, &is, true);
}

#[test]
fn addresses_are_looked_for_in_networks() {
    let from = |value| [("aws:SourceIp", value)];
    check(
        r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.7"]}}"#,
        &from("10.255.1.2"),
        true,
    );
    check(
        r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.7"]}}"#,
        &from("192.0.2.8"),
        false,
    );
    check(r#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, &from("11.0.0.1"), true);
    check(r#"{"IpAddress":{"aws:SourceIp":"2001:db8::/32"}}"#, &from("2001:db8:1::1"), true);
    check(r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#, &from("::1"), false);
}

#[test]
fn quantifiers_look_at_every_value_of_the_request() {
    let keys = |values| [("aws:TagKeys", values)];
    let all = r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["env","team"]}}"#;
    check(all, &keys("env|team"), true);
    check(all, &keys("env|cost"), false);
    check(all, &[], true);
    check(all, &keys(""), true);
    let any = r#"{"ForAnyValue:StringLike":{"aws:TagKeys":["env*","team"]}}"#;
    check(any, &keys("cost|env1"), true);
    check(any, &keys("cost"), false);
    check(any, &[], false);
    check(r#"{"ForAnyValue:StringEqualsIfExists":{"aws:TagKeys":"env"}}"#, &[], true);
    let none = r#"{"ForAllValues:StringNotEquals":{"aws:TagKeys":["env"]}}"#;
    check(none, &keys("team|cost"), true);
    check(none, &keys("team|env"), false);
    let some_other = r#"{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["env"]}}"#;
    check(some_other, &keys("team|env"), true);
    check(some_other, &keys("env"), false);
    check(some_other, &[], false);
}

#[test]
fn variables_in_values_are_replaced() {
    let both = |principal, resource| {
        [("aws:PrincipalTag/team", principal), ("ssm:resourceTag/team", resource)]
    };
    let same = r#"{"StringEquals":{"ssm:resourceTag/team":"${aws:PrincipalTag/team}"}}"#;
    check(same, &both("red", "red"), true);
    check(same, &both("red", "blue"), false);
    check(same, &both("*", "blue"), false);
    check(same, &[("ssm:resourceTag/team", "red")], false);
    check(same, &[], false);
    let like = r#"{"StringLike":{"ssm:resourceTag/team":"${aws:PrincipalTag/team}-*"}}"#;
    check(like, &both("red", "red-1"), true);
    check(like, &both("*", "red-1"), false);
    let other = r#"{"StringNotEquals":{"ssm:resourceTag/team":"${aws:PrincipalTag/team}"}}"#;
    check(other, &both("red", "red"), false);
    check(other, &[("ssm:resourceTag/team", "red")], true);
    let default = r#"{"StringEquals":{"ssm:resourceTag/team":"${aws:PrincipalTag/team, 'all'}"}}"#;
    check(default, &[("ssm:resourceTag/team", "all")], true);
    check(
        r#"{"StringLike":{"aws:PrincipalTag/x":"a${*}c"}}"#,
        &[("aws:PrincipalTag/x", "abc")],
        false,
    );
    check(
        r#"{"StringLike":{"aws:PrincipalTag/x":"a${*}c"}}"#,
        &[("aws:PrincipalTag/x", "a*c")],
        true,
    );
    let arn = r#"{"ArnLike":{"aws:PrincipalTag/x":"arn:aws:iam::${aws:PrincipalAccount}:role/*"}}"#;
    let account = ("aws:PrincipalAccount", "123456789012");
    check(arn, &[account, ("aws:PrincipalTag/x", "arn:aws:iam::123456789012:role/x")], true);
    check(arn, &[account, ("aws:PrincipalTag/x", "arn:aws:iam::210987654321:role/x")], false);
}
