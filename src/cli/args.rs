//! The flags that several commands share. Parsing only validates; it does nothing.

use std::path::PathBuf;

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};

use crate::{
    error::Error,
    exit::Exit,
    output::{Format, Terminal},
    plan::{Agent, Document, Include, InstanceId, Limit, Operator, Plan, Rollout, Selector, Tag},
    run::Report,
};

/// Which instances.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct Selection {
    /// Auto Scaling group by name; may be repeated
    #[arg(long = "asg", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    asg: Vec<String>,
    /// Auto Scaling groups by a tag of theirs; repeated tags must all match
    #[arg(long = "asg-tag", value_name = "KEY=VALUE")]
    asg_tag: Vec<Tag>,
    /// Instance by id; may be repeated
    #[arg(long = "instance", value_name = "ID")]
    instance: Vec<InstanceId>,
    /// Instances by a tag of theirs; repeated tags must all match
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    tag: Vec<Tag>,
    /// Leave this instance out; may be repeated
    #[arg(long = "exclude", value_name = "ID")]
    exclude: Vec<InstanceId>,
    /// Also take instances that are left out by default
    #[arg(long = "include", value_name = "WHOM", value_delimiter = ',')]
    include: Vec<Also>,
}

/// Whom `--include` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Also {
    /// Instances in Standby
    Standby,
    /// Instances whose agent has lost its connection
    Offline,
}

impl Selection {
    /// Returns the selection of exactly these instances.
    pub(super) fn of_instances(instance: Vec<InstanceId>) -> Self {
        Self { instance, ..Self::default() }
    }

    /// Returns the selection that `plan` was made from. Whom it included besides shows in whom it
    /// planned.
    pub(super) fn of_plan(plan: &Plan) -> Self {
        let planned = &plan.population.planned;
        let is_standby = planned.iter().any(|it| it.lifecycle.as_deref() == Some("Standby"));
        let is_offline = planned.iter().any(|it| it.agent == Agent::ConnectionLost);
        let include = [is_standby.then_some(Also::Standby), is_offline.then_some(Also::Offline)];
        let selector = plan.selector.clone();
        Self {
            asg: selector.groups,
            asg_tag: selector.group_tags,
            instance: selector.instances,
            tag: selector.tags,
            exclude: selector.exclude,
            include: include.into_iter().flatten().collect(),
        }
    }

    pub(super) fn selector(&self) -> Selector {
        Selector {
            groups: self.asg.clone(),
            group_tags: self.asg_tag.clone(),
            instances: self.instance.clone(),
            tags: self.tag.clone(),
            exclude: self.exclude.clone(),
        }
    }

    pub(super) fn include(&self) -> Include {
        Include {
            standby: self.include.contains(&Also::Standby),
            offline: self.include.contains(&Also::Offline),
        }
    }
}

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
    #[arg(long, value_name = "ARN")]
    pub role_arn: Option<String>,
    /// External id that the role's trust policy asks for
    #[arg(long, value_name = "ID")]
    pub external_id: Option<String>,
    /// MFA device whose code the role's trust policy asks for: its ARN or serial number; the code
    /// is asked for on the terminal
    #[arg(long, value_name = "SERIAL", value_parser = mfa_serial)]
    pub mfa_serial: Option<String>,
    /// The code that the MFA device shows, where there is no terminal to ask on
    #[arg(long, value_name = "CODE", value_parser = mfa_token)]
    pub mfa_token: Option<String>,
    /// Tag of the role's session, for conditions on aws:PrincipalTag; may be repeated
    #[arg(long = "session-tag", value_name = "KEY=VALUE", value_parser = session_tag)]
    pub session_tag: Vec<(String, String)>,
    /// Key of a session tag that also holds for roles assumed from this one; may be repeated
    #[arg(long = "transitive-tag", value_name = "KEY")]
    pub transitive_tag: Vec<String>,
    /// Who is behind the session, for CloudTrail and for conditions on sts:SourceIdentity
    #[arg(long, value_name = "NAME", value_parser = source_identity)]
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

/// What is run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Document")]
pub(super) struct DocumentArgs {
    /// SSM document: a name, or the ARN of a shared one
    #[arg(long, value_name = "DOC", conflicts_with = "command",
          value_parser = NonEmptyStringValueParser::new())]
    pub doc: Option<String>,
    /// Version of the document: a number, $LATEST or $DEFAULT
    #[arg(long, value_name = "VERSION", requires = "doc", value_parser = document_version)]
    pub doc_version: Option<String>,
    /// Parameter of the document; repeated for a list, or a JSON array of strings
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    pub param: Vec<(String, Vec<String>)>,
    /// A shell command to run: short for AWS-RunShellScript, or AWS-RunPowerShellScript on Windows
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

impl DocumentArgs {
    /// Returns the document of an earlier run at its version, with its parameters; `given` stand in
    /// for those that were withheld, or replace them.
    pub(super) fn again(
        document: &Document,
        given: &[(String, Vec<String>)],
    ) -> Result<Self, Error> {
        let mut parameters = document.parameters.clone();
        parameters.0.extend(given.iter().cloned());
        if let Some(name) = parameters.missing_secrets().first() {
            let message = format!("the ledger withholds the value of parameter {name}");
            return Err(Error::new(Exit::Usage, message)
                .hint(format!("pass it again: --param {name}=VALUE")));
        }
        Ok(Self {
            doc: Some(document.name.clone()),
            doc_version: document.version.clone(),
            param: parameters.0.into_iter().collect(),
            command: Vec::new(),
        })
    }

    /// Returns the documents that may be sent: which of two runs a command is known only when the
    /// platform is.
    pub(super) fn documents(&self) -> Vec<&str> {
        match &self.doc {
            Some(name) => vec![name],
            None => vec!["AWS-RunShellScript", "AWS-RunPowerShellScript"],
        }
    }
}

/// How fast, how far, how long.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// How many instances may run at once, over the whole run: N or P% [default: 10%]
    #[arg(long, value_name = "N|P%", allow_hyphen_values = true,
          value_parser = Limit::parse_concurrency)]
    pub max_concurrency: Option<Limit>,
    /// How many may fail before the run is stopped: N or P%; everything that is no success counts
    /// [default: 0]
    #[arg(long, value_name = "N|P%", allow_hyphen_values = true,
          value_parser = Limit::parse_errors)]
    pub max_errors: Option<Limit>,
    /// How long SSM tries to reach an instance, such as 10m: 30s to 720h; whoever never answers is
    /// given up when the document's own timeout has passed as well [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = crate::plan::parse_delivery_timeout)]
    pub timeout: Option<u32>,
    /// When to stop sending and cancel what runs, counted from the start, such as 1h
    #[arg(long, value_name = "DURATION", value_parser = crate::plan::parse_deadline)]
    pub deadline: Option<u64>,
    /// Run in waves of these cumulative sizes, such as 1,5%,25%,100%; the last step repeats until
    /// everybody is covered
    #[arg(long, value_name = "N|P%,…", value_delimiter = ',',
          value_parser = Limit::parse_concurrency)]
    pub waves: Vec<Limit>,
    /// Finish one availability zone before the next; --waves then holds within each
    #[arg(long)]
    pub by_zone: bool,
    /// Wait this long between two waves, such as 5m
    #[arg(long, value_name = "DURATION", value_parser = crate::plan::parse_deadline)]
    pub pause: Option<u64>,
    /// Send nothing after wave N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub stop_after_wave: Option<u32>,
    /// How many may fail within one wave before the run is stopped: N or P%
    #[arg(long, value_name = "N|P%", allow_hyphen_values = true,
          value_parser = Limit::parse_errors)]
    pub max_errors_per_wave: Option<Limit>,
    /// Why this is run; kept in the report
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

impl LimitArgs {
    pub(super) fn max_concurrency(&self) -> Limit {
        self.max_concurrency.unwrap_or(Limit::Percent(10))
    }

    pub(super) fn max_errors(&self) -> Limit {
        self.max_errors.unwrap_or(Limit::Count(0))
    }

    /// Seconds.
    pub(super) fn timeout(&self) -> u32 {
        self.timeout.unwrap_or(600)
    }

    /// Returns how the population is cut into waves; `seed` decides who goes first.
    pub(super) fn rollout(&self, seed: u64) -> Rollout {
        Rollout {
            waves: self.waves.clone(),
            by_zone: self.by_zone,
            pause: self.pause,
            stop_after_wave: self.stop_after_wave,
            max_errors_per_wave: self.max_errors_per_wave,
            seed,
        }
    }

    pub(super) fn of_plan(plan: &Plan) -> Self {
        let rollout = plan.rollout.clone();
        Self {
            waves: rollout.waves,
            by_zone: rollout.by_zone,
            pause: rollout.pause,
            stop_after_wave: rollout.stop_after_wave,
            max_errors_per_wave: rollout.max_errors_per_wave,
            max_concurrency: Some(plan.limits.max_concurrency.input),
            max_errors: Some(plan.limits.max_errors.input),
            timeout: Some(plan.delivery_timeout),
            deadline: plan.deadline,
            reason: plan.reason.clone(),
        }
    }

    /// Returns whether any of them was given.
    pub(super) fn is_given(&self) -> bool {
        self.rollout(0) != Rollout::default()
            || self.max_concurrency.is_some()
            || self.max_errors.is_some()
            || self.timeout.is_some()
            || self.deadline.is_some()
            || self.reason.is_some()
    }

    /// Returns these limits, and those of an earlier run where none was given.
    pub(super) fn or_those_of(&self, before: &Report) -> Self {
        let limits = &before.limits;
        Self {
            max_concurrency: self.max_concurrency.or(Some(limits.max_concurrency.input)),
            max_errors: self.max_errors.or(Some(limits.max_errors.input)),
            reason: self.reason.clone().or_else(|| before.run.reason.clone()),
            ..self.clone()
        }
    }
}

/// What is printed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// What to print on standard output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub output: OutputFormat,
    /// Print no progress and no notes
    #[arg(long, short)]
    pub quiet: bool,
}

impl OutputArgs {
    pub(super) fn terminal(&self) -> Terminal {
        Terminal::new(self.output.into(), self.quiet)
    }
}

/// `--output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    Human,
    /// One JSON document at the end
    Json,
    /// One JSON object a line, as it happens
    Jsonl,
}

impl From<OutputFormat> for Format {
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Human => Self::Human,
            OutputFormat::Json => Self::Json,
            OutputFormat::Jsonl => Self::Jsonl,
        }
    }
}

pub(super) fn parameter(text: &str) -> Result<(String, Vec<String>), String> {
    let (name, value) = text.split_once('=').ok_or("it is not NAME=VALUE")?;
    if name.is_empty() {
        return Err("it has no name before the =".to_owned());
    }
    // A JSON array of strings is a list; anything else is one value, brackets or not.
    let values = serde_json::from_str::<Vec<String>>(value).unwrap_or(vec![value.to_owned()]);
    Ok((name.to_owned(), values))
}

fn url(text: &str) -> Result<String, &'static str> {
    let uri = text.parse::<http::Uri>().ok();
    let is_url = uri.is_some_and(|it| {
        matches!(it.scheme_str(), Some("http" | "https"))
            && it.host().is_some_and(|it| !it.is_empty())
    });
    if is_url { Ok(text.to_owned()) } else { Err("it is not a URL such as http://127.0.0.1:4566") }
}

fn document_version(text: &str) -> Result<String, &'static str> {
    let is_number = text.parse::<u32>().is_ok_and(|it| it > 0) && !text.starts_with(['0', '+']);
    if is_number || matches!(text, "$LATEST" | "$DEFAULT") {
        return Ok(text.to_owned());
    }
    Err("it is not a number from 1, $LATEST or $DEFAULT")
}

/// AssumeRole takes 9 to 256 of `[\w+=/:,.@-]` (botocore model).
fn mfa_serial(text: &str) -> Result<String, &'static str> {
    let is_serial = (9..=256).contains(&text.len())
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"_+=/:,.@-".contains(&it));
    if is_serial {
        return Ok(text.to_owned());
    }
    Err("it is not an MFA device such as arn:aws:iam::123456789012:mfa/name")
}

/// AssumeRole takes six digits (botocore model).
pub(super) fn mfa_token(text: &str) -> Result<String, &'static str> {
    let is_code = text.len() == 6 && text.bytes().all(|it| it.is_ascii_digit());
    if is_code { Ok(text.to_owned()) } else { Err("a code has six digits") }
}

/// A key of 1 to 128 characters and a value of at most 256 (AssumeRole reference).
fn session_tag(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("it is not KEY=VALUE")?;
    if !(1..=128).contains(&key.chars().count()) || value.chars().count() > 256 {
        return Err("STS takes a key of 1 to 128 characters and a value of at most 256");
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// AssumeRole takes 2 to 64 of `[\w+=,.@-]`, not beginning with `aws:` (AssumeRole reference).
fn source_identity(text: &str) -> Result<String, &'static str> {
    let is_taken = (2..=64).contains(&text.len())
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"_+=,.@-".contains(&it));
    if is_taken { Ok(text.to_owned()) } else { Err("STS takes 2 to 64 of A-Z a-z 0-9 _+=,.@-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_one_value_or_a_json_array_of_strings() {
        let check = |text: &str, values: &[&str]| {
            assert_eq!(parameter(text).unwrap().1, values, "{text}");
        };
        check("commands=uname -a; uptime", &["uname -a; uptime"]);
        check("commands=[\"a\",\"b\"]", &["a", "b"]);
        check("commands=[ -f /etc/passwd ]", &["[ -f /etc/passwd ]"]);
        check("empty=", &[""]);
        check("a=b=c", &["b=c"]);
        assert!(parameter("commands").is_err());
        assert!(parameter("=x").is_err());
    }
}
