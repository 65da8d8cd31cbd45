//! Whether the documents that come with fleet are published, as they were shipped.

use futures::future::join_all;

use super::{Check, Finding, fail, pass, unknown, unreached, warn};
use crate::{
    aws::{self, Aws, ErrorKind, Standing},
    documents::CANNED as SHIPPED,
};

const NAME: &str = "canned documents";

/// What the account has under the name of one of them.
enum Copy {
    There(Standing),
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
            judged(&found)
        })
    },
};

async fn copy(aws: &Aws, name: &str, hash: String) -> Copy {
    match aws::describe(aws, name, "$DEFAULT").await {
        Ok(Some(found)) => Copy::There(found.standing(&hash)),
        Ok(None) => Copy::Absent,
        Err(err) if err.kind == ErrorKind::Denied => {
            Copy::Unseen(format!("{} is not permitted", err.action()))
        }
        Err(err) => Copy::Unseen(err.to_string()),
    }
}

/// A document that is not what it says would do something else in the incident than was reviewed;
/// one that is missing or old can be put there beforehand.
fn judged(found: &[(&str, Copy)]) -> Vec<Finding> {
    let (mut modified, mut outdated) = (Vec::new(), Vec::new());
    let (mut absent, mut unseen) = (Vec::new(), None);
    for (name, copy) in found {
        match copy {
            Copy::There(Standing::Same) => {}
            Copy::There(Standing::Outdated { tool_version }) => {
                outdated.push(format!("{name} ({tool_version})"));
            }
            Copy::There(Standing::Modified) => modified.push(*name),
            Copy::Absent => absent.push(*name),
            Copy::Unseen(why) => unseen = unseen.or(Some(format!("{name}: {why}"))),
        }
    }
    let mut res = Vec::new();
    if !modified.is_empty() {
        let said = format!("not as they were shipped: {}", modified.join(", "));
        res.push(fail(NAME, said, "`fleet docs verify` shows what is different"));
    }
    if !outdated.is_empty() {
        let said = format!("of another version of fleet: {}", outdated.join(", "));
        res.push(warn(NAME, said, "`fleet docs publish` brings them up to this one"));
    }
    if absent.len() == found.len() {
        let said = format!("none of {} is published here", found.len());
        res.push(warn(NAME, said, "`fleet docs publish` puts them there before they are needed"));
    } else if !absent.is_empty() {
        let names = absent.join(" ");
        let said = format!("not published here: {}", absent.join(", "));
        res.push(warn(NAME, said, format!("`fleet docs publish {names}` puts them there")));
    }
    if let Some(said) = unseen {
        let remedy = "a policy that allows ssm:DescribeDocument would show it";
        res.push(unknown(NAME, said, remedy));
    }
    if res.is_empty() {
        res.push(pass(NAME, format!("all {} are published, as they were shipped", found.len())));
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Verdict;

    #[test]
    fn whatever_is_not_as_it_was_shipped_is_named_by_what_became_of_it() {
        let check = |found: &[(&str, Copy)], expected: &[(Verdict, &str)]| {
            let found = judged(found);
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (found, (verdict, text)) in found.iter().zip(expected) {
                assert_eq!(found.verdict, *verdict, "{}", found.said);
                assert!(found.said.contains(text), "{}", found.said);
            }
        };
        let same = || Copy::There(Standing::Same);
        let modified = || Copy::There(Standing::Modified);
        let old = || Copy::There(Standing::Outdated { tool_version: "0.1.0".to_owned() });
        check(&[("a", Copy::Absent), ("b", Copy::Absent)], &[(Verdict::Warn, "none of 2")]);
        check(&[("a", same()), ("b", same())], &[(Verdict::Pass, "all 2")]);
        check(&[("a", same()), ("b", Copy::Absent)], &[(Verdict::Warn, "not published here: b")]);
        check(
            &[("a", modified()), ("b", Copy::Absent), ("c", modified()), ("d", old())],
            &[
                (Verdict::Fail, "shipped: a, c"),
                (Verdict::Warn, "d (0.1.0)"),
                (Verdict::Warn, "here: b"),
            ],
        );
        let unseen = || Copy::Unseen("no".to_owned());
        check(&[("a", unseen()), ("b", unseen())], &[(Verdict::Unknown, "a: no")]);
    }
}
