//! The session that AssumeRole grants: who it is, and what limits it.
//! It decides nothing: the call was authorised before.

use super::{AssumeRole, Authority, Call, Policy, Role};
use crate::sim::iam::{PolicySet, Principal, RoleSession};

/// Makes the authority of a session that was granted.
pub(super) fn authority(
    call: &Call,
    role: &Role,
    request: &AssumeRole,
    policies: Option<Vec<Policy>>,
) -> Authority {
    // Inherited tags cannot be overridden, and a session tag wins over a tag of the role.
    let tags = [request.inherited_tags.as_slice(), request.tags.as_slice()].concat();
    let is_transitive = |key: &str| {
        request.inherited_tags.iter().any(|(it, _)| it == key)
            || request.transitive_tag_keys.iter().any(|it| it.eq_ignore_ascii_case(key))
    };
    let transitive_tags: Vec<_> =
        tags.iter().filter(|(key, _)| is_transitive(key)).cloned().collect();
    let now = call.sim.clock.now();
    let principal = RoleSession {
        arn: format!(
            "arn:aws:sts::{}:assumed-role/{}/{}",
            call.sim.account, role.name, request.session_name
        ),
        role_arn: role.arn.clone(),
        id: format!("{}:{}", role.id, request.session_name),
        tags: [tags, role.tags.clone()].concat(),
        issued: now,
        mfa: request.has_mfa.then_some(now),
        source_identity: request.source_identity.clone(),
    };
    Authority {
        principal: Principal::RoleSession(principal),
        policies: PolicySet {
            identity: role.policy.iter().cloned().collect(),
            session: policies,
            boundary: None,
        },
        transitive_tags,
        mfa: None,
        is_unlimited: false,
    }
}
