//! Policies have a length; what can be said in fewer words without allowing more is.

use super::{Policy, Scope, Statement};

/// The longest inline session policy (AssumeRole reference). Its packed form has a limit of its
/// own, which only STS can tell.
pub const LONGEST_SESSION_POLICY: usize = 2_048;

/// The longest managed policy (IAM quotas reference).
pub const LONGEST_MANAGED_POLICY: usize = 6_144;

/// The most that the inline policies of one role may amount to (IAM quotas reference).
pub const LONGEST_ROLE_POLICY: usize = 10_240;

/// Statements that fit, and what was given up for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitting {
    pub statements: Vec<Statement>,
    /// On one line, without whitespace between its elements: that does not count for the quotas of
    /// IAM, and does for a session policy.
    pub json: String,
    pub folded: Option<&'static str>,
}

/// Returns the policy of `statements` in at most `longest` characters, or how many it has at the
/// least.
///
/// Only the ARNs of single instances can be shortened: a pattern in the place of groups' names
/// would reach groups that nobody named.
pub fn fit(statements: Vec<Statement>, scope: &Scope, longest: usize) -> Result<Fitting, usize> {
    let json = Policy::of(&statements, scope).on_one_line();
    if json.chars().count() <= longest {
        return Ok(Fitting { statements, json, folded: None });
    }
    let statements: Vec<Statement> = statements.into_iter().map(shortened).collect();
    let json = Policy::of(&statements, scope).on_one_line();
    let length = json.chars().count();
    let folded = "to be short enough, the policy names the instances by their ids alone, without \
                  account and region";
    if length <= longest {
        Ok(Fitting { statements, json, folded: Some(folded) })
    } else {
        Err(length)
    }
}

fn shortened(statement: Statement) -> Statement {
    let resources = statement.resources.into_iter().map(|it| it.shortened()).collect();
    Statement { resources, ..statement }
}
