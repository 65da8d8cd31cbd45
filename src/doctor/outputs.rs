//! Whether output could be fetched from the place that the flags name.

use super::{Check, fail, pass, unknown, unreached, warn};
use crate::aws::Reach;

const NAME: &str = "output";

pub(super) const OUTPUTS: Check = Check {
    name: NAME,
    reads: &["logs:GetLogEvents", "s3:GetObject"],
    look: |site| {
        Box::pin(async move {
            let outputs = &site.outputs;
            let place = match (&outputs.s3, &outputs.log_group) {
                (Some(it), _) => it.to_string(),
                (None, Some(it)) => format!("log group {it}"),
                (None, None) => return Vec::new(),
            };
            let Some(aws) = site.session() else { return vec![unreached(NAME)] };
            vec![match aws.try_outputs(outputs).await {
                None => return Vec::new(),
                Some(Reach::Readable) => pass(
                    NAME,
                    format!("{place} can be read; whether instances may write there, not"),
                ),
                Some(Reach::Missing(why)) => {
                    let remedy = "SSM refuses a command that names it: make it, or name another";
                    fail(NAME, why, remedy)
                }
                Some(Reach::Denied(action)) => {
                    let said = format!("{action} on {place} is not permitted");
                    warn(
                        NAME,
                        said,
                        "output is fetched as far as SSM keeps it; allow it for all of it",
                    )
                }
                Some(Reach::Unknown(why)) => {
                    unknown(NAME, why, "check the endpoint, and where the bucket is")
                }
            }]
        })
    },
};
