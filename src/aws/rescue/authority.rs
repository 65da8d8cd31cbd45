//! What IAM says of the role that the runbook would have, and of the caller.

use std::collections::BTreeSet;

use super::unread;
use crate::{
    aws::{
        clients::Aws,
        error::AwsError,
        simulation::{Opinion, principal},
    },
    plan::Scope,
    rescue::{Role, Seen, Unread, Wishes, needed},
};

/// Who runs runbooks.
const SERVICE: &str = "ssm.amazonaws.com";

pub(super) async fn read(
    aws: &Aws,
    scope: Option<&Scope>,
    wishes: &Wishes,
    keys: &BTreeSet<&str>,
) -> Seen<Role> {
    let caller = aws.operator.caller_arn.as_deref().and_then(principal);
    let caller = caller.ok_or_else(|| Unread {
        said: "the caller is neither a user nor a role that can be named".to_owned(),
        remedy: String::new(),
    });
    let (arn, is_callers_own) = match &wishes.role {
        Some(arn) => (arn.clone(), false),
        None => (caller.clone()?, true),
    };
    let lacks = match scope {
        None => Err(Unread { said: "the account is not known".to_owned(), remedy: String::new() }),
        Some(scope) => {
            let needs = needed(scope, &wishes.subnet, keys.iter().copied());
            let mut lacks = Vec::new();
            let mut trouble = None;
            for it in needs {
                match denied(aws, &arn, it.actions, &it.resource, &[]).await {
                    Ok(actions) => lacks.extend(actions),
                    Err(err) => {
                        trouble = Some(unread(&err));
                        break;
                    }
                }
            }
            trouble.map_or(Ok(lacks), Err)
        }
    };
    let (trusts_ssm, may_be_passed) = if is_callers_own {
        (Ok(Some(true)), Ok(true))
    } else {
        (trusts_ssm(aws, &arn).await, may_pass(aws, &caller, &arn).await)
    };
    Ok(Role { arn, is_callers_own, trusts_ssm, may_be_passed, lacks })
}

async fn trusts_ssm(aws: &Aws, arn: &str) -> Seen<Option<bool>> {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let query = [("RoleName".to_owned(), name.to_owned())];
    match aws.ask_iam("GetRole", &query).await {
        Ok(answer) => {
            let trust = answer.at(&["GetRoleResult", "Role", "AssumeRolePolicyDocument"]);
            let unreadable = || Unread {
                said: format!("the trust policy of {arn} cannot be read"),
                remedy: String::new(),
            };
            Ok(Some(is_trusted(trust).ok_or_else(unreadable)?))
        }
        Err(err) if err.code == "NoSuchEntity" => Ok(None),
        Err(err) => Err(unread(&err)),
    }
}

/// Returns whether a trust policy lets the service assume the role. It is encoded as in a URL.
fn is_trusted(encoded: &str) -> Option<bool> {
    let pair = format!("policy={}", encoded.replace('+', "%2B"));
    let (_, json) = form_urlencoded::parse(pair.as_bytes()).next()?;
    let policy: serde_json::Value = serde_json::from_str(&json).ok()?;
    let has = |it: &serde_json::Value, text: &str| match it {
        serde_json::Value::String(it) => it == text,
        serde_json::Value::Array(all) => all.iter().any(|it| it == text),
        _ => false,
    };
    let statements = match &policy["Statement"] {
        serde_json::Value::Array(all) => all.clone(),
        other => vec![other.clone()],
    };
    Some(statements.iter().any(|it| {
        it["Effect"] == "Allow"
            && has(&it["Principal"]["Service"], SERVICE)
            && ["sts:AssumeRole", "sts:*", "*"].iter().any(|action| has(&it["Action"], action))
    }))
}

async fn may_pass(aws: &Aws, caller: &Seen<String>, role: &str) -> Seen<bool> {
    let caller = caller.clone()?;
    let context = [("iam:PassedToService".to_owned(), SERVICE.to_owned())];
    let denied = denied(aws, &caller, &["iam:PassRole"], role, &context).await;
    Ok(denied.map_err(|err| unread(&err))?.is_empty())
}

/// Returns those of the actions that a principal's policies do not allow.
async fn denied(
    aws: &Aws,
    principal: &str,
    actions: &[&str],
    resource: &str,
    context: &[(String, String)],
) -> Result<Vec<String>, AwsError> {
    let opinions = aws.simulate(principal, actions, resource, context).await?;
    let denied = opinions.into_iter().filter(|(_, it)| *it != Opinion::Allowed);
    Ok(denied.map(|(action, _)| action).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trust_policy_names_the_service() {
        let check = |statement: &str, expected: Option<bool>| {
            let policy = format!("{{\"Version\":\"2012-10-17\",\"Statement\":{statement}}}");
            let encoded: String = form_urlencoded::byte_serialize(policy.as_bytes()).collect();
            assert_eq!(is_trusted(&encoded), expected, "{statement}");
        };
        let of = |service: &str| {
            format!(
                "{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":{service}}},\
                 \"Action\":\"sts:AssumeRole\"}}"
            )
        };
        check(&of("\"ssm.amazonaws.com\""), Some(true));
        check(&format!("[{}]", of("[\"ec2.amazonaws.com\",\"ssm.amazonaws.com\"]")), Some(true));
        check(&of("\"ec2.amazonaws.com\""), Some(false));
        check("[]", Some(false));
        assert_eq!(is_trusted("%7B"), None);
    }
}
