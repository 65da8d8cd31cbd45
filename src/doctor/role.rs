//! Whether the role can be assumed. What it may do is for the next check.

use super::{Check, Finding, fail, pass, unreached, warn};

const NAME: &str = "role";

pub(super) const ROLE: Check = Check {
    name: NAME,
    reads: &[],
    look: |site| {
        Box::pin(async move {
            let Some(role) = &site.role_arn else {
                return vec![pass(NAME, "none is assumed: the caller's own permissions hold")];
            };
            if site.caller.is_err() {
                return vec![unreached(NAME)];
            }
            let aws = match &site.session {
                Some(Ok(aws)) => aws,
                Some(Err(it)) => return vec![fail(NAME, it.said.clone(), it.remedy.clone())],
                None => return vec![unreached(NAME)],
            };
            let session = aws.operator.session_name.as_deref().unwrap_or("unnamed");
            let mut found = vec![pass(NAME, format!("{role} can be assumed, as {session}"))];
            found.extend(aws.notes.iter().map(note));
            found
        })
    },
};

fn note(note: &crate::plan::Note) -> Finding {
    warn(NAME, note.text.clone(), "shorten what a run takes, or ask for a shorter session")
}
