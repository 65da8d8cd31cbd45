//! What IAM says of the role that the runbook would have, and of the caller.

use std::collections::BTreeSet;

use super::unread;
use crate::{
    aws::{
        ErrorKind,
        clients::Aws,
        signed::Service,
        simulation::{Opinion, principal},
    },
    plan::Scope,
    rescue::{Need, Reach, Role, Seen, Unread, Wishes, needed, needed_of_caller},
};

/// Who runs runbooks.
const SERVICE: &str = "ssm.amazonaws.com";

pub(super) async fn read(
    aws: &Aws,
    scope: Option<&Scope>,
    wishes: &Wishes,
    keys: &BTreeSet<&str>,
    of_caller: Reach<'_>,
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
    let told = match (scope, &caller) {
        (Some(scope), Ok(caller)) => lacks(aws, caller, needed_of_caller(scope, of_caller)).await,
        (_, Err(err)) => Err(err.clone()),
        (None, _) => {
            Err(Unread { said: "the account is not known".to_owned(), remedy: String::new() })
        }
    };
    let caller_lacks = match told {
        Ok(it) => Ok(it),
        Err(err) => match refused_of_following(aws, of_caller).await {
            none if none.is_empty() => Err(err),
            some => Ok(some),
        },
    };
    let lacks = match scope {
        None => Err(Unread { said: "the account is not known".to_owned(), remedy: String::new() }),
        Some(scope) => lacks(aws, &arn, needed(scope, &wishes.subnet, keys.iter().copied())).await,
    };
    let (trusts_ssm, may_be_passed) = if is_callers_own {
        (Ok(Some(true)), Ok(true))
    } else {
        (trusts_ssm(aws, &arn).await, may_pass(aws, &caller, &arn).await)
    };
    Ok(Role { arn, is_callers_own, trusts_ssm, may_be_passed, lacks, caller_lacks })
}

/// What no execution and no command is called.
const NOBODYS: &str = "00000000-0000-0000-0000-000000000000";

/// Asks for what is not there, as it will be asked for once the runbook runs, and returns the actions
/// that were refused: without them how it ends is not seen.
async fn refused_of_following(aws: &Aws, of_caller: Reach<'_>) -> Vec<String> {
    let request = aws.ssm.get_automation_execution().automation_execution_id(NOBODYS);
    let followed = aws.ask("GetAutomationExecution", || request.clone().send()).await;
    let mut all = vec![followed.err()];
    if of_caller.online.is_some() {
        let request = aws.ssm.list_command_invocations().command_id(NOBODYS);
        all.push(aws.ask("ListCommandInvocations", || request.clone().send()).await.err());
    }
    // Whoever may ask is told that there is no such thing.
    let refused = all.into_iter().flatten().filter(|it| it.kind == ErrorKind::Denied);
    refused.map(|it| it.action()).collect()
}

async fn trusts_ssm(aws: &Aws, arn: &str) -> Seen<Option<bool>> {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let query = [("RoleName".to_owned(), name.to_owned())];
    match aws.ask_query("GetRole", &Service::IAM, &query).await {
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
    let opinions = aws.simulate(&caller, &["iam:PassRole"], role, &context).await;
    Ok(denied(opinions.map_err(|err| unread(&err))?)?.is_empty())
}

/// Returns what a role lacks of what is needed.
async fn lacks(aws: &Aws, arn: &str, needs: Vec<Need>) -> Seen<Vec<String>> {
    let mut opinions = Vec::new();
    for it in needs {
        let found = aws.simulate(arn, it.actions, &it.resource, &it.context).await;
        opinions.extend(found.map_err(|err| unread(&err))?);
    }
    denied(opinions)
}

/// Returns the actions that are denied. If none is, but one hangs on conditions that IAM's simulator
/// was not told of, nobody knows.
fn denied(opinions: Vec<(String, Opinion)>) -> Seen<Vec<String>> {
    let (mut denied, mut missing) = (Vec::new(), BTreeSet::new());
    for (action, opinion) in opinions {
        match opinion {
            Opinion::Allowed => {}
            // Of two resources that it takes, each may be denied.
            Opinion::Denied if denied.contains(&action) => {}
            Opinion::Denied => denied.push(action),
            Opinion::Open(keys) => missing.extend(keys),
        }
    }
    if denied.is_empty() && !missing.is_empty() {
        let keys = missing.into_iter().collect::<Vec<_>>().join(", ");
        let said = format!("IAM's simulator would have to be told of {keys}");
        return Err(Unread { said, remedy: String::new() });
    }
    Ok(denied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_on_a_condition_is_neither_allowed_nor_denied() {
        let open = || Opinion::Open(vec!["aws:ResourceTag/team".to_owned()]);
        let check = |opinions: &[Opinion], expected: Option<&[&str]>| {
            let names = ["a", "b"].map(ToOwned::to_owned);
            let found = denied(names.into_iter().zip(opinions.iter().cloned()).collect());
            assert_eq!(found.ok(), expected.map(|it| it.iter().map(ToString::to_string).collect()));
        };
        check(&[Opinion::Allowed, Opinion::Allowed], Some(&[]));
        check(&[Opinion::Allowed, Opinion::Denied], Some(&["b"]));
        check(&[open(), Opinion::Denied], Some(&["b"]));
        let twice = ["a", "a"].map(|it| (it.to_owned(), Opinion::Denied));
        assert_eq!(denied(twice.to_vec()), Ok(vec!["a".to_owned()]));
        check(&[Opinion::Allowed, open()], None);
    }

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
