//! Which configuration files hold here. That one which is wrong stops every command shows elsewhere.

use super::{Check, pass};

pub(super) const CONFIGURATION: Check = Check {
    name: "configuration",
    reads: &[],
    look: |site| {
        Box::pin(async move {
            let files = &site.configuration;
            let said = if files.is_empty() {
                "no fleet.toml is followed".to_owned()
            } else {
                format!("follows {}", files.join(", "))
            };
            vec![pass("configuration", said)]
        })
    },
};
