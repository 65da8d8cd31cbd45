//! Whether the documents that come with fleet are published, and as they were shipped.

use super::{Check, pass, unreached};

const NAME: &str = "canned documents";

pub(super) const CANNED: Check = Check {
    name: NAME,
    reads: &["ssm:DescribeDocument"],
    look: |site| {
        Box::pin(async move {
            if site.session().is_none() {
                return vec![unreached(NAME)];
            }
            vec![pass(NAME, "this version ships none")]
        })
    },
};
