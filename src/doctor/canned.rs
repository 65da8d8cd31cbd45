//! Whether the documents that come with fleet are published, and as they were shipped.

use futures::future::join_all;

use super::{Check, Finding, Trouble, fail, pass, unknown, unreached, warn};
use crate::aws::{Aws, DocumentError, find_document};

const NAME: &str = "canned documents";

/// A document that comes with fleet, and the SHA-256 of its content.
struct Shipped {
    name: &'static str,
    hash: &'static str,
}

/// All of them.
const SHIPPED: [Shipped; 0] = [];

pub(super) const CANNED: Check = Check {
    name: NAME,
    reads: &["ssm:DescribeDocument"],
    look: |site| {
        Box::pin(async move {
            let Some(aws) = site.session() else { return vec![unreached(NAME)] };
            if SHIPPED.is_empty() {
                return vec![pass(NAME, "this version ships none")];
            }
            join_all(SHIPPED.iter().map(|it| compared(aws, it))).await
        })
    },
};

async fn compared(aws: &Aws, shipped: &Shipped) -> Finding {
    let Shipped { name, hash } = shipped;
    match find_document(aws, name, None).await {
        Ok(found) => match found.hash.as_deref() {
            Some(theirs) if theirs == *hash => pass(NAME, format!("{name} is as it was shipped")),
            Some(_) => {
                let remedy = "`fleet docs verify` shows what was changed, and by how much";
                warn(NAME, format!("{name} is not as it was shipped"), remedy)
            }
            None => {
                let said = format!("{name}: ssm:DescribeDocument is not permitted");
                unknown(NAME, said, "a policy that allows it would show it")
            }
        },
        Err(DocumentError::Unknown { .. }) => {
            let remedy = format!("`fleet docs publish {name}`, if you want it at hand");
            warn(NAME, format!("{name} is not published"), remedy)
        }
        Err(err) => {
            let Trouble { said, remedy } = Trouble::of(err.into());
            fail(NAME, said, remedy)
        }
    }
}
