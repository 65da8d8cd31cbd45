//! Whether the session policy of a run with these flags can be made. The doctor's own session has
//! another one, with which it only reads.

use super::{Check, Finding, Narrowing, fail, pass, unknown};
use crate::plan::LONGEST_SESSION_POLICY;

const NAME: &str = "session policy";

pub(super) const NARROWING: Check =
    Check { name: NAME, reads: &[], look: |site| Box::pin(async move { judged(&site.narrowing) }) };

fn judged(narrowing: &Narrowing) -> Vec<Finding> {
    vec![match narrowing {
        Narrowing::Unasked => return Vec::new(),
        Narrowing::NotWanted => pass(NAME, "none: the role alone decides, as was asked for"),
        Narrowing::Written { length } => {
            pass(NAME, format!("{length} of {LONGEST_SESSION_POLICY} characters, from a file"))
        }
        Narrowing::Made { length, folded } => {
            let folded = folded.map(|it| format!("; {it}")).unwrap_or_default();
            pass(NAME, format!("{length} of {LONGEST_SESSION_POLICY} characters{folded}"))
        }
        Narrowing::Refused(it) => fail(NAME, it.said.clone(), it.remedy.clone()),
        Narrowing::Open => {
            let said = "not made: which groups the tags match, or the region, is not known";
            unknown(NAME, said, "see the checks that did not pass")
        }
    }]
}
