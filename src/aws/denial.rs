//! What a service says when it denies something: to whom, what, on what, and which kind of policy
//! decided. It is read piece by piece, because services end the sentence differently and add to it.

use regex::Regex;

/// A denial, as far as the service explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Denied {
    /// An ARN; `None` where the service names nobody.
    pub(super) principal: Option<String>,
    /// Such as `ssm:SendCommand`.
    pub(super) action: String,
    /// An ARN; `None` where the action knows no resource, or the service names none.
    pub(super) resource: Option<String>,
    pub(super) cause: Cause,
    /// The policy that decided, where the service names it.
    pub(super) policy_arn: Option<String>,
}

/// Why it was denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// No policy of this kind allows it.
    NotAllowed(Kind),
    /// A policy of this kind denies it, which no Allow can change.
    Forbidden(Kind),
    Unsaid,
}

/// The kinds of policies that can decide (IAM user guide, access denied messages).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Identity,
    Session,
    Boundary,
    ServiceControl,
    ResourceControl,
    Resource,
    Trust,
    Endpoint,
}

/// Reads `message`; `None` if it names no action.
pub(super) fn read(message: &str) -> Option<Denied> {
    let pattern = r"(?:User: (?P<who>\S+) is )?not authorized to perform: (?P<action>[\w-]+:\w+)";
    let sentence = Regex::new(pattern).expect("the pattern is one").captures(message)?;
    let after = &message[sentence.get(0).map_or(0, |it| it.end())..];
    let on = Regex::new(r"^ on resource: (?P<arn>\S+)").expect("the pattern is one");
    let named = on.captures(after).map(|it| it["arn"].trim_matches('"').to_owned());
    Some(Denied {
        principal: sentence.name("who").map(|it| it.as_str().to_owned()),
        action: sentence["action"].to_owned(),
        resource: named.filter(|it| it != "*" && !it.ends_with(":*")),
        cause: cause(after),
        policy_arn: policy_arn(after),
    })
}

fn cause(text: &str) -> Cause {
    if let Some((_, rest)) = text.split_once("with an explicit deny in ") {
        return kind(rest).map_or(Cause::Unsaid, Cause::Forbidden);
    }
    if let Some((_, rest)) = text.split_once("because no ") {
        return kind(rest).map_or(Cause::Unsaid, Cause::NotAllowed);
    }
    Cause::Unsaid
}

fn kind(text: &str) -> Option<Kind> {
    let text = ["an ", "a ", "the "].iter().find_map(|it| text.strip_prefix(it)).unwrap_or(text);
    let kinds = [
        ("identity-based policy", Kind::Identity),
        ("session policy", Kind::Session),
        // So the user guide spells it in an example.
        ("sessions policy", Kind::Session),
        ("permissions boundary", Kind::Boundary),
        ("service control policy", Kind::ServiceControl),
        ("resource control policy", Kind::ResourceControl),
        ("resource-based policy", Kind::Resource),
        ("role trust policy", Kind::Trust),
        ("VPC endpoint policy", Kind::Endpoint),
    ];
    kinds.into_iter().find(|(word, _)| text.starts_with(word)).map(|(_, kind)| kind)
}

/// Since 2026 some services add the ARN of the policy behind its kind.
fn policy_arn(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("policy: ").or_else(|| text.split_once("boundary: "))?;
    let arn = rest.split_whitespace().next()?;
    arn.starts_with("arn:").then(|| arn.trim_end_matches(['.', ',']).to_owned())
}

impl Denied {
    /// Returns who was denied, in words.
    pub(super) fn who(&self) -> String {
        let Some(arn) = &self.principal else { return "the caller".to_owned() };
        let name = arn.splitn(6, ':').nth(5).unwrap_or_default();
        let mut parts = name.split('/');
        match (parts.next(), parts.next(), parts.next_back()) {
            (Some("assumed-role"), Some(role), Some(_)) => format!("the role {role}"),
            (Some("user"), Some(user), last) => format!("the user {}", last.unwrap_or(user)),
            (Some("federated-user"), Some(user), _) => format!("the federated user {user}"),
            (Some("root"), _, _) => "the account's root user".to_owned(),
            _ => arn.clone(),
        }
    }

    /// Returns the principal as a trust policy names it: a session is its role's.
    pub(super) fn trusted(&self) -> Option<String> {
        let arn = self.principal.as_deref()?;
        let mut parts = arn.splitn(6, ':');
        let (_, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (_, account, name) = (parts.next()?, parts.next()?, parts.next()?);
        match (service, name.strip_prefix("assumed-role/").and_then(|it| it.split('/').next())) {
            ("sts", Some(role)) => Some(format!("arn:{partition}:iam::{account}:role/{role}")),
            _ => Some(arn.to_owned()),
        }
    }
}
