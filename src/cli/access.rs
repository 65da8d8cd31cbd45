//! The flags that say how to reach AWS, and as whom. Parsing only validates; it does nothing.

use std::path::PathBuf;

use clap::{Args, builder::NonEmptyStringValueParser};
use regex::Regex;

use crate::plan::{
    Operator, check_session_tag, parse_external_id, parse_mfa_serial, parse_mfa_token,
    parse_source_identity,
};

/// How to reach AWS.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access")]
pub(super) struct AccessArgs {
    /// Region; otherwise as the AWS CLI finds it
    #[arg(long, value_name = "REGION", value_parser = crate::config::region)]
    pub region: Option<String>,
    /// Profile of the AWS configuration files
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Send every call here instead of to AWS
    #[arg(long, value_name = "URL", conflicts_with = "sim", value_parser = url)]
    pub endpoint_url: Option<String>,
    /// Assume this role for the run
    #[arg(long, value_name = "ARN", value_parser = crate::config::role_arn)]
    pub role_arn: Option<String>,
    /// External id that the role's trust policy asks for
    #[arg(long, value_name = "ID", value_parser = parse_external_id)]
    pub external_id: Option<String>,
    /// MFA device whose code the role's trust policy asks for: its ARN or serial number; the code
    /// is asked for on the terminal
    #[arg(long, value_name = "SERIAL", value_parser = parse_mfa_serial)]
    pub mfa_serial: Option<String>,
    /// The code that the MFA device shows, where there is no terminal to ask on
    #[arg(long, value_name = "CODE", value_parser = parse_mfa_token)]
    pub mfa_token: Option<String>,
    /// Tag of the role's session, for conditions on aws:PrincipalTag; may be repeated
    #[arg(long = "session-tag", value_name = "KEY=VALUE", value_parser = session_tag)]
    pub session_tag: Vec<(String, String)>,
    /// Key of a session tag that also holds for roles assumed from this one; may be repeated
    #[arg(long = "transitive-tag", value_name = "KEY")]
    pub transitive_tag: Vec<String>,
    /// Who is behind the session, for CloudTrail and for conditions on sts:SourceIdentity
    #[arg(long, value_name = "NAME", value_parser = parse_source_identity)]
    pub source_identity: Option<String>,
    /// How long the role's session lasts, such as 1h: 15m to 12h
    #[arg(long, value_name = "DURATION", value_parser = crate::plan::parse_session_length)]
    pub duration: Option<i32>,
    /// What the role's session may do at the most: what this run needs, whatever the role may, or
    /// the policy in FILE [default: plan]
    #[arg(
        long,
        value_name = "plan|none|FILE",
        value_parser = |text: &str| Ok::<_, std::convert::Infallible>(SessionPolicy::from(text))
    )]
    pub session_policy: Option<SessionPolicy>,
    /// Withhold what this matches from everything that is shown or written; may be repeated
    #[arg(long = "redact", value_name = "REGEX", help_heading = "Output",
          value_parser = crate::config::redaction)]
    pub redact: Vec<Regex>,
    /// Follow this fleet.toml alone, instead of those in the working directory and in the user's
    /// configuration directory
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Environment of fleet.toml that holds: its [profile.NAME]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub env: Option<String>,
    /// Run against a simulated AWS on this machine: its built-in world, or the one in WORLD
    #[arg(long, value_name = "WORLD", num_args = 0..=1, require_equals = true)]
    pub sim: Option<Option<PathBuf>>,
}

impl AccessArgs {
    /// Returns whether it says where to go, or as whom.
    pub(super) fn is_given(&self) -> bool {
        self.profile.is_some()
            || self.endpoint_url.is_some()
            || self.role_arn.is_some()
            || self.sim.is_some()
    }

    /// Returns this access, with the region and the role of an earlier run where none was given.
    pub(super) fn or_those_of(&self, region: &str, operator: &Operator) -> Self {
        let is_simulated = self.sim.is_some();
        let region = self.region.clone().or_else(|| (!is_simulated).then(|| region.to_owned()));
        let role_arn = self.role_arn.clone().or_else(|| operator.role_arn.clone());
        Self { region, role_arn, ..self.clone() }
    }

    /// Returns the first flag that says something of a role's session.
    pub(super) fn role_flag(&self) -> Option<&'static str> {
        let flags = [
            ("--external-id", self.external_id.is_some()),
            ("--mfa-serial", self.mfa_serial.is_some()),
            ("--mfa-token", self.mfa_token.is_some()),
            ("--session-tag", !self.session_tag.is_empty()),
            ("--transitive-tag", !self.transitive_tag.is_empty()),
            ("--source-identity", self.source_identity.is_some()),
            ("--duration", self.duration.is_some()),
            ("--session-policy", self.session_policy.is_some()),
        ];
        flags.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
    }
}

/// `--session-policy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SessionPolicy {
    Plan,
    None,
    File(PathBuf),
}

impl From<&str> for SessionPolicy {
    fn from(text: &str) -> Self {
        match text {
            "plan" => Self::Plan,
            "none" => Self::None,
            file => Self::File(file.into()),
        }
    }
}

fn url(text: &str) -> Result<String, &'static str> {
    let uri = text.parse::<http::Uri>().ok();
    let is_url = uri.is_some_and(|it| {
        matches!(it.scheme_str(), Some("http" | "https"))
            && it.host().is_some_and(|it| !it.is_empty())
    });
    if is_url { Ok(text.to_owned()) } else { Err("it is not a URL such as http://127.0.0.1:4566") }
}

fn session_tag(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("it is not KEY=VALUE")?;
    check_session_tag(key, value)?;
    Ok((key.to_owned(), value.to_owned()))
}
