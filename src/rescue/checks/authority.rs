//! Whose permissions the runbook has, and whether they are enough.

use super::{Check, Judge, Unknown, fail, known, pass, warn};
use crate::rescue::permissions::SEEN;

const PREPARE: &str = "`fleet rescue prepare` prints the template of a role that has them";

pub(super) const ROLE: Check = Check {
    number: 17,
    name: "role",
    reads: &["iam:GetRole", "iam:SimulatePrincipalPolicy"],
    unknown: Unknown::Asks,
    judge: Judge::Once(|site| {
        let role = known(&site.role)?;
        if role.is_callers_own {
            return warn(
                "none is named: the runbook acts as the caller, until the session ends",
                "--automation-role ARN; `fleet rescue prepare` prints the template of one",
            );
        }
        match known(&role.trusts_ssm)? {
            None => return fail(format!("there is no role {}", role.arn), PREPARE),
            Some(false) => {
                let said = format!("{} does not trust ssm.amazonaws.com", role.arn);
                return fail(said, "its trust policy must allow sts:AssumeRole to the service");
            }
            Some(true) => {}
        }
        if !*known(&role.may_be_passed)? {
            return fail(
                format!("the caller may not hand {} over", role.arn),
                "the caller's policy must allow iam:PassRole on it, to ssm.amazonaws.com",
            );
        }
        pass(format!("{} trusts SSM, and may be handed over", role.arn))
    }),
};

/// How many names a finding lists.
const NAMED: usize = 8;

pub(super) const PERMISSIONS: Check = Check {
    number: 18,
    name: "permissions",
    reads: &[
        "iam:SimulatePrincipalPolicy",
        "ssm:GetAutomationExecution",
        "ssm:ListCommandInvocations",
    ],
    unknown: Unknown::Asks,
    judge: Judge::Once(|site| {
        // A read that was refused is proof enough, whatever IAM's simulator says, or may not be asked.
        let mut lacking = site.refused_of(SEEN);
        if let Ok(told) = site.role.as_ref().and_then(|it| it.caller_lacks.as_ref()) {
            let others = told.iter().map(String::as_str).filter(|it| !lacking.contains(it));
            lacking.extend(others.collect::<Vec<_>>());
        }
        if !lacking.is_empty() {
            let lacking = lacking.join(", ");
            return fail(
                format!(
                    "the caller lacks {lacking}, without which a rescue is not begun, followed, or \
                     undone"
                ),
                "`fleet rescue prepare` prints the policy of its operators",
            );
        }
        let role = known(&site.role)?;
        known(&role.caller_lacks)?;
        let lacks = known(&role.lacks)?;
        if lacks.is_empty() {
            return pass("it has all that the runbook is known to need");
        }
        let n_more = lacks.len().saturating_sub(NAMED);
        let shown: Vec<&str> = lacks.iter().take(NAMED).map(String::as_str).collect();
        let shown = shown.join(", ");
        let more = if n_more == 0 { String::new() } else { format!(" and {n_more} more") };
        fail(format!("{} lacks {shown}{more}", role.arn), PREPARE)
    }),
};
