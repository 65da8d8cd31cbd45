//! Whose credentials there are. GetCallerIdentity needs no permission (STS reference).

use super::{Check, fail, pass, unknown, warn};

const NAME: &str = "credentials";

pub(super) const CREDENTIALS: Check = Check {
    name: NAME,
    reads: &[],
    look: |site| {
        Box::pin(async move {
            if site.region.is_err() {
                let said = "not looked at: there is no region to ask in";
                return vec![unknown(NAME, said, "see the checks above that failed")];
            }
            let aws = match &site.caller {
                Ok(aws) => aws,
                Err(it) => return vec![fail(NAME, it.said.clone(), it.remedy.clone())],
            };
            let arn = aws.operator.caller_arn.as_deref().unwrap_or("nobody");
            let said = format!("{arn} of account {}", aws.account.as_deref().unwrap_or("unknown"));
            if arn.ends_with(":root") {
                let remedy = "nothing limits the root user: use a user or a role of your own";
                return vec![warn(NAME, said, remedy)];
            }
            vec![pass(NAME, said)]
        })
    },
};
