//! Flags that say where instances put what they print, and how much of it is fetched.

use clap::Args;

use crate::plan::{Outputs, S3Place, parse_log_group};

/// Where output goes, and how much of it comes back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Instance output")]
pub(super) struct StorageArgs {
    /// Have the instances put all that they print there as well: s3://BUCKET/PREFIX. Their own
    /// profiles need s3:PutObject on it
    #[arg(long, value_name = "S3-URL")]
    pub output_s3: Option<S3Place>,
    /// Have them put it into this log group of CloudWatch Logs
    #[arg(long, value_name = "GROUP", value_parser = parse_log_group)]
    pub output_logs: Option<String>,
    /// Fetch what the list has cut at 2,500 characters into files beside the report, from where the
    /// instances put it; without such a place as far as SSM keeps it, 24,000 and 8,000 characters
    #[arg(long)]
    pub full_output: bool,
}

impl StorageArgs {
    pub(super) fn of(outputs: &Outputs) -> Self {
        Self {
            output_s3: outputs.s3.clone(),
            output_logs: outputs.log_group.clone(),
            full_output: outputs.full,
        }
    }

    pub(super) fn is_given(&self) -> bool {
        *self != Self::default()
    }

    pub(super) fn outputs(&self) -> Outputs {
        Outputs {
            s3: self.output_s3.clone(),
            log_group: self.output_logs.clone(),
            full: self.full_output,
        }
    }
}
