//! Where the output of a run goes besides SSM, and how much of it is fetched.
//! It reads and writes nothing there.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// SSM keeps 24,000 characters of a stream at the most; instances can put all of it elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outputs {
    /// Instances put their output there, with the permissions of their own profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Place>,
    /// A log group of CloudWatch Logs, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_group: Option<String>,
    /// What the list had cut is fetched, whole where it can be had, into files beside the ledger.
    #[serde(default)]
    pub full: bool,
}

impl Outputs {
    /// Returns whether output goes nowhere else and nothing is fetched.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the place in S3 that is read.
    pub fn fetched_s3(&self) -> Option<&S3Place> {
        self.s3.as_ref().filter(|_| self.full)
    }

    /// Returns the log group that is read: what is in S3 is not read there as well.
    pub fn fetched_logs(&self) -> Option<&str> {
        self.log_group.as_deref().filter(|_| self.full && self.s3.is_none())
    }
}

/// `s3://BUCKET/PREFIX`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct S3Place {
    pub bucket: String,
    /// Without a slash at either end; empty for none.
    #[serde(default)]
    pub prefix: String,
}

/// Why a text is no place for output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPlace {
    #[error("it is not s3://BUCKET or s3://BUCKET/PREFIX")]
    Scheme,
    #[error(
        "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, and begins and ends with a letter or a digit"
    )]
    Bucket,
    #[error("a prefix has at most 500 characters")]
    Prefix,
    #[error("a log group's name has 1 to 512 letters, digits and _ - / . #")]
    LogGroup,
}

impl FromStr for S3Place {
    type Err = BadPlace;

    fn from_str(text: &str) -> Result<Self, BadPlace> {
        let rest = text.strip_prefix("s3://").ok_or(BadPlace::Scheme)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
        // General purpose buckets naming rules (S3 guide).
        let is_bucket = (3..=63).contains(&bucket.len())
            && bucket.bytes().all(|it| is_plain(it) || b".-".contains(&it))
            && bucket.bytes().next().is_some_and(is_plain)
            && bucket.bytes().next_back().is_some_and(is_plain);
        if !is_bucket {
            return Err(BadPlace::Bucket);
        }
        let prefix = prefix.trim_matches('/');
        // SendCommand, OutputS3KeyPrefix (botocore model).
        if prefix.chars().count() > 500 {
            return Err(BadPlace::Prefix);
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for S3Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix.as_str() {
            "" => write!(f, "s3://{}", self.bucket),
            prefix => write!(f, "s3://{}/{prefix}", self.bucket),
        }
    }
}

/// Checks the name of a log group (CreateLogGroup reference).
pub fn parse_log_group(text: &str) -> Result<String, BadPlace> {
    let is_allowed = |it: char| it.is_ascii_alphanumeric() || "_-/.#".contains(it);
    let is_one = (1..=512).contains(&text.len()) && text.chars().all(is_allowed);
    if is_one { Ok(text.to_owned()) } else { Err(BadPlace::LogGroup) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_s3_is_a_bucket_and_perhaps_a_prefix() {
        let check = |text: &str, expected: &str| {
            assert_eq!(text.parse::<S3Place>().unwrap().to_string(), expected);
        };
        check("s3://logs", "s3://logs");
        check("s3://logs/", "s3://logs");
        check("s3://logs/a/b/", "s3://logs/a/b");
        let refused = |text: &str, why| assert_eq!(text.parse::<S3Place>(), Err(why), "{text}");
        refused("logs/a", BadPlace::Scheme);
        refused("s3://", BadPlace::Bucket);
        refused("s3://Logs", BadPlace::Bucket);
        refused("s3://logs-/a", BadPlace::Bucket);
        refused(&format!("s3://logs/{}", "x".repeat(501)), BadPlace::Prefix);
    }

    #[test]
    fn a_log_group_has_a_name_that_aws_takes() {
        assert_eq!(parse_log_group("/fleet/runs").as_deref(), Ok("/fleet/runs"));
        assert_eq!(parse_log_group("a b"), Err(BadPlace::LogGroup));
        assert_eq!(parse_log_group(""), Err(BadPlace::LogGroup));
    }
}
