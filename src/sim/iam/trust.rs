//! Decides who may assume a role: the trust policy, and what it leaves to the caller's own policies.
//! It does not look at durations, tags or session policies: `session` does.

use super::{
    context::Context,
    evaluate::{Decision, PolicyKind, PolicySet, Request, evaluate, holds, is_about},
    policy::{Effect, TrustPolicy},
    principal::Principal,
    principals::{Reach, is_same_account},
};

/// Decides by the trust policy and the caller's policies together whether `caller` may do
/// `action` (`sts:AssumeRole`, `sts:TagSession`) on the role.
///
/// Within one account a trust policy that names the caller itself is enough; one that names the
/// account leaves the decision to the caller's policies; between accounts both must allow.
pub(crate) fn authorise_on_role(
    policy: &TrustPolicy,
    caller: &Principal,
    policies: &PolicySet,
    request: &Request<'_>,
) -> Decision {
    if *caller == Principal::Anyone {
        return Decision::Allowed;
    }
    let reach = reach(policy, caller, request.action, request.context);
    let own = evaluate(policies, request);
    let reach = match (reach, own) {
        (Err(denied @ Decision::ExplicitDeny(_)), _) => return denied,
        (_, Decision::ExplicitDeny(kind)) => return Decision::ExplicitDeny(kind),
        (Err(denied), _) => return denied,
        (Ok(reach), _) => reach,
    };
    if !is_same_account(caller, request.resource) {
        return own;
    }
    match reach {
        Reach::Account => own,
        // A grant to the user or the session itself is not limited by an implicit deny (IAM
        // reference, policy evaluation logic, resource-based policies).
        Reach::User | Reach::Session => Decision::Allowed,
        // A grant to the role is limited by the session policy and the permissions boundary;
        // a grant to everyone is taken for no more than that.
        Reach::Role | Reach::Everyone => match own {
            Decision::ImplicitDeny(PolicyKind::Identity) => limits(policies, request),
            other => other,
        },
    }
}

/// Decides by the session policy and the permissions boundary alone.
fn limits(policies: &PolicySet, request: &Request<'_>) -> Decision {
    for (kind, limit) in
        [(PolicyKind::Boundary, &policies.boundary), (PolicyKind::Session, &policies.session)]
    {
        let Some(limit) = limit else {
            continue;
        };
        let alone = PolicySet { identity: limit.clone(), ..PolicySet::default() };
        if !evaluate(&alone, request).is_allowed() {
            return Decision::ImplicitDeny(kind);
        }
    }
    Decision::Allowed
}

/// Returns how directly the trust policy reaches a caller that it allows.
fn reach(
    policy: &TrustPolicy,
    caller: &Principal,
    action: &str,
    context: &Context,
) -> Result<Reach, Decision> {
    let mut res = None;
    for statement in &policy.statements {
        if !is_about(statement, action) || !holds(statement, context) {
            continue;
        }
        let Some(reach) = statement.scope.reach(caller) else {
            continue;
        };
        match statement.effect {
            Effect::Deny => return Err(Decision::ExplicitDeny(PolicyKind::Resource)),
            Effect::Allow => res = res.max(Some(reach)),
        }
    }
    res.ok_or(Decision::ImplicitDeny(PolicyKind::Resource))
}

impl TrustPolicy {
    /// Tells whether a service may assume the role; `context` is what it brings.
    pub(crate) fn admits_service(&self, name: &str, context: &Context) -> bool {
        let mut res = false;
        for statement in &self.statements {
            let is_meant = is_about(statement, "sts:AssumeRole")
                && statement.scope.includes_service(name)
                && holds(statement, context);
            match statement.effect {
                Effect::Deny if is_meant => return false,
                Effect::Allow => res |= is_meant,
                Effect::Deny => {}
            }
        }
        res
    }
}

#[cfg(test)]
mod tests;
