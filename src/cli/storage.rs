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

    /// Returns the same, with this place where none is named: of two places one alone is read, so
    /// whoever names either has chosen.
    pub(super) fn or_place(&self, s3: Option<S3Place>, logs: Option<String>) -> Self {
        if self.output_s3.is_some() || self.output_logs.is_some() {
            return self.clone();
        }
        Self { output_s3: s3, output_logs: logs, ..self.clone() }
    }

    /// Returns the same, with the place of an earlier run where none is named; what that run fetched
    /// is fetched again.
    pub(super) fn or_those_of(&self, before: &Outputs) -> Self {
        let Outputs { s3, log_group, full } = before.clone();
        Self { full_output: self.full_output || full, ..self.or_place(s3, log_group) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_named_is_chosen_and_what_is_not_named_is_as_it_was() {
        let place = |it: &str| it.parse::<S3Place>().ok();
        let before = Outputs {
            s3: place("s3://logs/runs"),
            log_group: Some("/runs".to_owned()),
            full: true,
        };
        let again = |it: StorageArgs| it.or_those_of(&before).outputs();
        assert_eq!(again(StorageArgs::default()), before);
        let full_output = StorageArgs { full_output: true, ..StorageArgs::default() };
        assert_eq!(again(full_output), before);
        let elsewhere = StorageArgs { output_s3: place("s3://others"), ..StorageArgs::default() };
        let expected = Outputs { s3: place("s3://others"), log_group: None, full: true };
        assert_eq!(again(elsewhere), expected);
    }
}
