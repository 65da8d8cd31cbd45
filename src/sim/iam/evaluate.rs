//! Decides whether policies allow a request, as IAM's policy evaluation logic has it.
//! It asks no one and remembers nothing.

use std::collections::BTreeSet;

use super::{
    condition::Condition,
    context::Context,
    pattern::Pattern,
    policy::{Effect, Listed, Policy, Statement},
    principal::Principal,
};

/// The policies that bear on a principal.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PolicySet {
    pub(crate) identity: Vec<Policy>,
    /// The policies passed to AssumeRole: together they limit the session. None if none were.
    pub(crate) session: Option<Vec<Policy>>,
    /// The permissions boundary. None if there is none.
    pub(crate) boundary: Option<Vec<Policy>>,
}

/// One action on one resource. A call that touches several resources is several requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// `ssm:SendCommand`
    pub(crate) action: &'a str,
    /// An ARN; for an action without resources what the service names in its place, or `*`.
    pub(crate) resource: &'a str,
    pub(crate) context: &'a Context,
}

/// What the policies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Allowed,
    ExplicitDeny(PolicyKind),
    ImplicitDeny(PolicyKind),
}

/// The kind of policy that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PolicyKind {
    Identity,
    Session,
    Boundary,
    /// A resource-based policy; here, the trust policy of a role.
    Resource,
}

impl Decision {
    pub(crate) fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

/// Decides for a principal: the administrator of a world without users may do everything.
pub(crate) fn authorise(
    principal: &Principal,
    policies: &PolicySet,
    request: &Request<'_>,
) -> Decision {
    match principal {
        Principal::Anyone => Decision::Allowed,
        Principal::User(_) | Principal::RoleSession(_) => evaluate(policies, request),
    }
}

/// Decides for whoever has these policies, as SimulatePrincipalPolicy does.
pub(crate) fn simulate(policies: &PolicySet, request: &Request<'_>) -> Decision {
    evaluate(policies, request)
}

/// Returns the keys, in lower case, that conditions on the action look for and that the request has
/// not: "context keys that are required by the included input policies but that were not provided"
/// (SimulatePrincipalPolicy reference).
pub(crate) fn missing_keys(policies: &PolicySet, request: &Request<'_>) -> BTreeSet<String> {
    let all = layers(policies).into_iter().filter_map(|(_, policies)| policies).flatten();
    let statements = all.flat_map(|it| &it.statements).filter(|it| is_about(it, request.action));
    let keys = statements.flat_map(|it| &it.conditions).flat_map(Condition::keys);
    keys.filter(|it| request.context.values(it).is_none()).map(str::to_owned).collect()
}

/// Decides: an explicit deny anywhere wins, then each kind of policy has to allow.
pub(crate) fn evaluate(policies: &PolicySet, request: &Request<'_>) -> Decision {
    let layers = layers(policies);
    let verdicts = layers.map(|(kind, policies)| (kind, policies.map(|it| verdict(it, request))));
    for (kind, verdict) in verdicts {
        if verdict == Some(Verdict::Denied) {
            return Decision::ExplicitDeny(kind);
        }
    }
    for (kind, verdict) in verdicts {
        if verdict == Some(Verdict::Silent) {
            return Decision::ImplicitDeny(kind);
        }
    }
    Decision::Allowed
}

/// The policies that decide about a request, each kind with its own verdict, in the order in
/// which IAM asks them.
fn layers(policies: &PolicySet) -> [(PolicyKind, Option<&[Policy]>); 3] {
    [
        (PolicyKind::Identity, Some(policies.identity.as_slice())),
        (PolicyKind::Boundary, policies.boundary.as_deref()),
        (PolicyKind::Session, policies.session.as_deref()),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Allowed,
    Denied,
    Silent,
}

fn verdict(policies: &[Policy], request: &Request<'_>) -> Verdict {
    let mut res = Verdict::Silent;
    for statement in policies.iter().flat_map(|it| &it.statements) {
        match statement.effect {
            Effect::Deny if applies(statement, request) => return Verdict::Denied,
            Effect::Allow if res == Verdict::Silent && applies(statement, request) => {
                res = Verdict::Allowed;
            }
            Effect::Deny | Effect::Allow => {}
        }
    }
    res
}

fn applies(statement: &Statement<Listed<Pattern>>, request: &Request<'_>) -> bool {
    is_about(statement, request.action)
        && statement.scope.includes(|it| it.matches(request.resource, request.context))
        && holds(statement, request.context)
}

/// Tells whether a statement is about an action; actions ignore case.
pub(super) fn is_about<S>(statement: &Statement<S>, action: &str) -> bool {
    let action = action.to_lowercase();
    // Action has no policy variables, so there is nothing to look up.
    statement.actions.includes(|it| it.matches(&action, &Context::default()))
}

pub(super) fn holds<S>(statement: &Statement<S>, context: &Context) -> bool {
    statement.conditions.iter().all(|it| it.holds(context))
}

#[cfg(test)]
mod conditions;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
