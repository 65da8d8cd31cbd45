//! Which configuration files hold here, and whether they are understood: a run does not start under
//! one that is not.

use super::{Check, fail, pass};

const NAME: &str = "configuration";

pub(super) const CONFIGURATION: Check = Check {
    name: NAME,
    reads: &[],
    look: |site| {
        Box::pin(async move {
            vec![match &site.configuration {
                Ok(files) if files.is_empty() => pass(NAME, "no fleet.toml is followed"),
                Ok(files) => pass(NAME, format!("follows {}", files.join(", "))),
                Err(it) => fail(NAME, it.said.clone(), it.remedy.clone()),
            }]
        })
    },
};
