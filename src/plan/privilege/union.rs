//! What two runs need, one after the other, in one policy.

use super::{Purpose, Statement};

/// Returns the statements of both: what both say is said once, and what they say of different
/// resources of that of both.
pub fn union(first: Vec<Statement>, second: Vec<Statement>) -> Vec<Statement> {
    let mut res = first;
    for it in second {
        let is_same = |of: &&mut Statement| {
            of.sid == it.sid && of.actions == it.actions && of.conditions == it.conditions
        };
        // What is required of one need not be optional for the other.
        let is_covered = |of: &Statement| {
            let is_optional = matches!(it.purpose, Purpose::Optional(_));
            is_optional
                && of.actions == it.actions
                && of.conditions.is_empty()
                && it.resources.iter().all(|one| of.resources.contains(one))
        };
        if let Some(of) = res.iter_mut().find(is_same) {
            let n_before = of.resources.len();
            for resource in it.resources {
                if !of.resources.contains(&resource) {
                    of.resources.push(resource);
                }
            }
            if of.sid == "SendDocument" && of.resources.len() > n_before {
                let text = "sending these documents, and no others";
                of.purpose = Purpose::Required(text.to_owned());
            }
        } else if !res.iter().any(is_covered) {
            res.push(it);
        }
    }
    // What can be taken out stands at the end.
    res.sort_by_key(|it| matches!(it.purpose, Purpose::Optional(_)));
    res
}
