//! The policies of IAM, parsed once.
//! It refuses every element and every condition key that it does not know: nothing in a policy is
//! ignored.

use super::{
    condition::Condition,
    evaluate::is_about,
    keys,
    parse::{Element, Kind, parse, parse_resources},
    pattern::{Pattern, Syntax},
    principals::Principals,
};

/// A policy of permissions: identity-based, session, or permissions boundary.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    pub(super) statements: Vec<Statement<Listed<Pattern>>>,
}

/// The trust policy of a role: who may assume it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TrustPolicy {
    pub(super) statements: Vec<Statement<Principals>>,
}

/// A statement over `S`: resources in a policy of permissions, principals in a trust policy.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement<S> {
    pub(super) effect: Effect,
    pub(super) actions: Listed<Pattern>,
    pub(super) scope: S,
    pub(super) conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// What an element lists, or with its `Not…` form, what it leaves out.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Listed<T> {
    Only(Vec<T>),
    AllBut(Vec<T>),
}

impl<T> Listed<T> {
    pub(super) fn includes(&self, is: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Only(items) => items.iter().any(is),
            Self::AllBut(items) => !items.iter().any(is),
        }
    }
}

/// Why a text is not a policy; the message names the statement and the element.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct PolicyError(pub(super) String);

/// The version of the policy language; policy variables exist since 2012-10-17 and are plain
/// text before (IAM reference, Version).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V2008,
    V2012,
}

impl Version {
    pub(super) fn plain(self) -> Syntax {
        Syntax { wildcards: false, variables: self == Self::V2012 }
    }

    pub(super) fn globbing(self) -> Syntax {
        Syntax { wildcards: true, variables: self == Self::V2012 }
    }
}

impl Policy {
    /// Parses an identity-based policy, a session policy or a permissions boundary.
    pub(crate) fn parse(text: &str) -> Result<Self, PolicyError> {
        let statements = parse(text, Kind::Permissions, parse_resources)?;
        let variables = |it: &Listed<Pattern>| -> Vec<String> {
            let (Listed::Only(all) | Listed::AllBut(all)) = it;
            all.iter().flat_map(Pattern::keys).map(str::to_owned).collect()
        };
        check_keys(&statements, variables)?;
        Ok(Self { statements })
    }
}

impl TrustPolicy {
    /// Parses the trust policy of a role.
    pub(crate) fn parse(text: &str) -> Result<Self, PolicyError> {
        let parse_scope = |element: &Element<'_>, _, effect| Principals::parse(element, effect);
        let statements = parse(text, Kind::Trust, parse_scope)?;
        check_keys(&statements, |_| Vec::new())?; // principals hold no variables
        Ok(Self { statements })
    }
}

/// Refuses a key that requests here do not have, in a statement that bears on one of them; what
/// is about other services decides nothing here.
fn check_keys<S>(
    statements: &[Statement<S>],
    variables: impl Fn(&S) -> Vec<String>,
) -> Result<(), PolicyError> {
    for (statement, n) in statements.iter().zip(1..) {
        if !keys::actions().iter().any(|it| is_about(statement, it)) {
            continue;
        }
        let variables = variables(&statement.scope);
        let own = statement.conditions.iter().flat_map(Condition::keys);
        let mut all = own.chain(variables.iter().map(String::as_str));
        if let Some(key) = all.find(|it| !keys::is_modelled(it)) {
            let message =
                format!("statement {n}: the condition key {key} is not modelled by this simulator");
            return Err(PolicyError(message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
