//! Whose credentials there are. GetCallerIdentity needs no permission (STS reference).

use super::{Check, fail, pass, warn};

const NAME: &str = "credentials";

pub(super) const CREDENTIALS: Check = Check {
    name: NAME,
    reads: &[],
    look: |site| {
        Box::pin(async move {
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
