//! Whether a region is set.

use super::{Check, fail, pass};

pub(super) const REGION: Check = Check {
    name: "region",
    reads: &[],
    look: |site| {
        Box::pin(async move {
            vec![match &site.region {
                Ok(region) => pass("region", region.clone()),
                Err(it) => fail("region", it.said.clone(), it.remedy.clone()),
            }]
        })
    },
};
