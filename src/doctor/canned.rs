//! Whether the documents that come with fleet are as they were shipped, where they are published.

use futures::future::join_all;

use super::{Check, Finding, pass, unknown, unreached, warn};
use crate::{
    aws::{Aws, DocumentError, find_document},
    documents::CANNED as SHIPPED,
};

const NAME: &str = "canned documents";

/// What the account has under the name of one of them.
enum Copy {
    Same,
    Modified,
    Absent,
    /// It could not be looked at, and why.
    Unseen(String),
}

pub(super) const CANNED: Check = Check {
    name: NAME,
    reads: &["ssm:DescribeDocument"],
    look: |site| {
        Box::pin(async move {
            let Some(aws) = site.session() else { return vec![unreached(NAME)] };
            let names = SHIPPED.iter().map(|it| it.name);
            let looks = SHIPPED.iter().map(|it| copy(aws, it.name, it.hash()));
            let found: Vec<(&str, Copy)> = names.zip(join_all(looks).await).collect();
            vec![judged(&found)]
        })
    },
};

async fn copy(aws: &Aws, name: &str, hash: String) -> Copy {
    match find_document(aws, name, None).await {
        Ok(found) => match found.hash {
            Some(theirs) if theirs == hash => Copy::Same,
            Some(_) => Copy::Modified,
            None => Copy::Unseen("ssm:DescribeDocument is not permitted".to_owned()),
        },
        Err(DocumentError::Unknown { .. }) => Copy::Absent,
        Err(err) => Copy::Unseen(err.to_string()),
    }
}

fn judged(found: &[(&str, Copy)]) -> Finding {
    let named = |is: fn(&Copy) -> bool| -> Vec<&str> {
        found.iter().filter(|(_, it)| is(it)).map(|(name, _)| *name).collect()
    };
    let modified = named(|it| matches!(it, Copy::Modified));
    let absent = named(|it| matches!(it, Copy::Absent));
    let same = named(|it| matches!(it, Copy::Same));
    let unseen = found.iter().find_map(|(name, it)| match it {
        Copy::Unseen(why) => Some(format!("{name}: {why}")),
        Copy::Same | Copy::Modified | Copy::Absent => None,
    });
    if !modified.is_empty() {
        let said = format!("not as they were shipped: {}", modified.join(", "));
        return warn(NAME, said, "`fleet docs verify` shows what is different");
    }
    if let Some(said) = unseen {
        return unknown(NAME, said, "a policy that allows ssm:DescribeDocument would show it");
    }
    let n = found.len();
    if same.is_empty() {
        return pass(NAME, format!("none of {n} is published here; `fleet docs publish` does it"));
    }
    if absent.is_empty() {
        return pass(NAME, format!("all {n} are published, as they were shipped"));
    }
    let said = format!("published as shipped: {}; missing: {}", same.join(", "), absent.join(", "));
    warn(NAME, said, "`fleet docs publish` puts the missing ones beside them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Verdict;

    #[test]
    fn what_was_changed_is_told_before_what_is_missing() {
        let check = |found: &[(&str, Copy)], verdict, text: &str| {
            let found = judged(found);
            assert_eq!(found.verdict, verdict, "{}", found.said);
            assert!(found.said.contains(text), "{}", found.said);
        };
        check(&[("a", Copy::Absent), ("b", Copy::Absent)], Verdict::Pass, "none of 2");
        check(&[("a", Copy::Same), ("b", Copy::Same)], Verdict::Pass, "all 2");
        check(&[("a", Copy::Same), ("b", Copy::Absent)], Verdict::Warn, "missing: b");
        check(&[("a", Copy::Modified), ("b", Copy::Absent)], Verdict::Warn, "shipped: a");
        check(&[("a", Copy::Unseen("no".to_owned()))], Verdict::Unknown, "a: no");
    }
}
