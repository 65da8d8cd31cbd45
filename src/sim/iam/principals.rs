//! The `Principal` and `NotPrincipal` of a trust policy.
//! It matches whole names only: IAM has no wildcards within a principal.

use super::{
    parse::{Element, object, strings},
    policy::Effect,
    principal::{Principal, account_of},
};

/// Whom a statement of a trust policy is about.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Principals {
    Only(Vec<Entry>),
    /// Everyone but these; IAM has it with Deny only.
    AllBut(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Entry {
    Everyone,
    /// An account, by its root ARN or its twelve digits.
    Account(String),
    /// A user, a role, or a role session.
    Arn(String),
    /// A service, by its name: never one of the simulator's callers.
    Service(String),
    /// A federated or a canonical user: never one of the simulator's callers.
    Foreign,
}

/// How a statement reaches a caller; the later, the more directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Through its account, whose own policies then decide.
    Account,
    Everyone,
    /// A role, of which the caller is a session.
    Role,
    User,
    Session,
}

impl Principals {
    pub(super) fn parse(element: &Element<'_>, effect: Effect) -> Result<Self, String> {
        let entries = parse_entries(element)?;
        match (element.negated, effect) {
            (false, Effect::Allow | Effect::Deny) => Ok(Self::Only(entries)),
            (true, Effect::Deny) => Ok(Self::AllBut(entries)),
            (true, Effect::Allow) => Err("NotPrincipal is not supported with Allow".to_owned()),
        }
    }

    /// Returns how directly the statement reaches `caller`, if it does.
    pub(super) fn reach(&self, caller: &Principal) -> Option<Reach> {
        let reached = |entries: &[Entry]| entries.iter().filter_map(|it| it.reach(caller)).max();
        match self {
            Self::Only(entries) => reached(entries),
            // The account has to be listed besides the principal, or the whole account is denied
            // and the principal with it (IAM reference, NotPrincipal).
            Self::AllBut(entries) => {
                let account = entries.iter().any(|it| it.reach(caller) == Some(Reach::Account));
                let is_exempt = match reached(entries) {
                    Some(Reach::Everyone) => true,
                    Some(Reach::User | Reach::Role | Reach::Session) => account,
                    Some(Reach::Account) | None => false,
                };
                (!is_exempt).then_some(Reach::Everyone)
            }
        }
    }
}

impl Principals {
    /// Tells whether the statement is about a service, by name or with everyone.
    pub(super) fn includes_service(&self, name: &str) -> bool {
        let is_in = |entries: &[Entry]| {
            entries.iter().any(|it| match it {
                Entry::Everyone => true,
                Entry::Service(it) => it == name,
                Entry::Account(_) | Entry::Arn(_) | Entry::Foreign => false,
            })
        };
        match self {
            Self::Only(entries) => is_in(entries),
            Self::AllBut(entries) => !is_in(entries),
        }
    }
}

impl Entry {
    fn reach(&self, caller: &Principal) -> Option<Reach> {
        match self {
            Self::Everyone => Some(Reach::Everyone),
            Self::Service(_) | Self::Foreign => None,
            Self::Account(account) => (caller.account() == Some(account)).then_some(Reach::Account),
            Self::Arn(arn) => match caller {
                Principal::User(user) => (user.arn == *arn).then_some(Reach::User),
                Principal::RoleSession(session) if session.arn == *arn => Some(Reach::Session),
                Principal::RoleSession(session) => {
                    (session.role_arn == *arn).then_some(Reach::Role)
                }
                Principal::Anyone => None,
            },
        }
    }
}

fn parse_entries(element: &Element<'_>) -> Result<Vec<Entry>, String> {
    if let super::json::Json::Text(text) = element.value {
        return match text.as_str() {
            "*" => Ok(vec![Entry::Everyone]),
            _ => Err(format!("{} is {text:?}, neither \"*\" nor an object", element.name)),
        };
    }
    let mut res = Vec::new();
    for (kind, value) in object(element.value, element.name)? {
        let names = strings(value, kind)?;
        match kind.as_str() {
            "AWS" => {
                for name in names {
                    res.push(parse_aws(name)?);
                }
            }
            "Service" => res.extend(names.into_iter().map(|it| Entry::Service(it.to_owned()))),
            "Federated" | "CanonicalUser" => res.push(Entry::Foreign),
            _ => return Err(format!("unknown kind of principal {kind:?}")),
        }
    }
    if res.is_empty() {
        return Err(format!("{} is empty", element.name));
    }
    Ok(res)
}

fn parse_aws(name: &str) -> Result<Entry, String> {
    let invalid = || format!("invalid principal {name:?}");
    if name == "*" {
        return Ok(Entry::Everyone);
    }
    if is_account(name) {
        return Ok(Entry::Account(name.to_owned()));
    }
    let mut parts = name.splitn(6, ':');
    let (arn, _partition, service) = (parts.next(), parts.next(), parts.next());
    let (region, account, resource) = (parts.next(), parts.next(), parts.next());
    let account = account.filter(|it| is_account(it)).ok_or_else(invalid)?;
    let resource = resource.filter(|it| !it.contains(['*', '?'])).ok_or_else(invalid)?;
    if arn != Some("arn") || region != Some("") {
        return Err(invalid());
    }
    let kind = resource.split_once('/').map(|(kind, rest)| (kind, rest.is_empty()));
    match (service, kind) {
        (Some("iam"), None) if resource == "root" => Ok(Entry::Account(account.to_owned())),
        (Some("iam"), Some(("user" | "role", false)))
        | (Some("sts"), Some(("assumed-role", false))) => Ok(Entry::Arn(name.to_owned())),
        (Some("sts"), Some(("federated-user", false))) => Ok(Entry::Foreign),
        _ => Err(invalid()),
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|it| it.is_ascii_digit())
}

/// Tells whether a role is in the account of its caller.
pub(super) fn is_same_account(caller: &Principal, role_arn: &str) -> bool {
    caller.account().is_some() && caller.account() == account_of(role_arn)
}
