//! What IAM's own policy simulator says of a principal. It weighs the policies of a user or a role;
//! it knows no session policy and no resource's tags but those that it is told of.

use super::{
    clients::Aws,
    error::AwsError,
    signed::{Element, Service},
};

/// The most pages of one simulation; a page has a hundred results.
const MOST_PAGES: usize = 20;

/// What the policies of a principal say to an action on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opinion {
    Allowed,
    Denied,
    /// Not allowed as far as was told; these condition keys of the policies were not.
    Open(Vec<String>),
}

impl Aws {
    /// Asks what a principal's policies say to each of the actions, where conditions see `context`:
    /// keys with a value each. Needs `iam:SimulatePrincipalPolicy` on the principal.
    ///
    /// # Errors
    /// If it cannot be asked, or the answer leaves an action out.
    pub async fn simulate(
        &self,
        principal: &str,
        actions: &[&str],
        resource: &str,
        context: &[(String, String)],
    ) -> Result<Vec<(String, Opinion)>, AwsError> {
        let mut query = vec![
            ("PolicySourceArn".to_owned(), principal.to_owned()),
            ("ResourceArns.member.1".to_owned(), resource.to_owned()),
        ];
        for (n, it) in (1..).zip(actions) {
            query.push((format!("ActionNames.member.{n}"), (*it).to_owned()));
        }
        for (n, (key, value)) in (1..).zip(context) {
            let name = |it: &str| format!("ContextEntries.member.{n}.{it}");
            query.push((name("ContextKeyName"), key.clone()));
            query.push((name("ContextKeyType"), "string".to_owned()));
            query.push((name("ContextKeyValues.member.1"), value.clone()));
        }
        let mut res = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = query.clone();
            query.extend(marker.iter().map(|it| ("Marker".to_owned(), it.clone())));
            let answer = self.ask_query("SimulatePrincipalPolicy", &Service::IAM, &query).await?;
            let Some(answer) = answer.child("SimulatePrincipalPolicyResult") else {
                break;
            };
            let opinions = answer.set("EvaluationResults");
            res.extend(opinions.map(|it| (it.at(&["EvalActionName"]).to_owned(), opinion(it))));
            marker = Some(answer.at(&["Marker"]).to_owned()).filter(|it| !it.is_empty());
            if marker.is_none() {
                break;
            }
        }
        // Nobody is allowed what nothing was said of.
        if res.len() < actions.len() {
            let why = "it does not say something of each action";
            return Err(AwsError::unreadable("SimulatePrincipalPolicy", why));
        }
        Ok(res)
    }
}

/// Of a resource that was named, the keys that are missing stand beside that resource; otherwise
/// beside the action (SimulatePrincipalPolicy reference, EvaluationResult).
fn opinion(result: &Element) -> Opinion {
    if result.at(&["EvalDecision"]) == "allowed" {
        return Opinion::Allowed;
    }
    let of_resources = result.set("ResourceSpecificResults");
    let all = of_resources.chain([result]).flat_map(|it| it.set("MissingContextValues"));
    let mut missing: Vec<String> = all.map(|it| it.text.trim().to_owned()).collect();
    missing.sort();
    missing.dedup();
    if missing.is_empty() { Opinion::Denied } else { Opinion::Open(missing) }
}

/// Returns the user or role behind a caller: policies are a role's, not a session's. The path of a
/// role is not told by its session.
pub fn principal(caller: &str) -> Option<String> {
    let parts: Vec<&str> = caller.splitn(6, ':').collect();
    let [arn, partition, service, _, account, resource] = parts[..] else { return None };
    match (service, resource.split('/').collect::<Vec<_>>().as_slice()) {
        ("iam", ["user" | "role", ..]) => Some(caller.to_owned()),
        ("sts", ["assumed-role", name, _]) => {
            Some(format!("{arn}:{partition}:iam::{account}:role/{name}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policies_of_a_session_are_those_of_its_role() {
        let check = |caller: &str, expected: Option<&str>| {
            assert_eq!(principal(caller).as_deref(), expected, "{caller}");
        };
        let user = "arn:aws:iam::123456789012:user/a/operator";
        check(user, Some(user));
        check(
            "arn:aws-cn:sts::123456789012:assumed-role/ops/me",
            Some("arn:aws-cn:iam::123456789012:role/ops"),
        );
        check("arn:aws:iam::123456789012:root", None);
        check("arn:aws:sts::123456789012:federated-user/x", None);
        check("nobody", None);
    }
}
