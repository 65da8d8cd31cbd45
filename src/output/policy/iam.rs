//! A policy as IAM takes it.

use crate::plan::{Policy, Scope, Statement};

/// Returns the policy on several lines.
pub fn iam(statements: &[Statement], scope: &Scope) -> String {
    let policy = Policy::of(statements, scope);
    let text = serde_json::to_string_pretty(&policy).expect("a policy is JSON");
    format!("{text}\n")
}
