//! The flags that several commands share. Parsing only validates; it does nothing.

use std::path::PathBuf;

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};

use super::storage::StorageArgs;
use crate::{
    error::Error,
    exit::Exit,
    output::{Format, Terminal},
    plan::{
        ASSUME_ROLE, Agent, BadWaves, Document, DocumentKind, Documents, Include, InstanceId,
        Limit, Plan, Rollout, Selector, Sidecar, Tag,
    },
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
pub(super) enum Also {
    /// Instances in Standby
    Standby,
    /// Instances whose agent has lost its connection
    Offline,
}

impl Also {
    pub(super) const ALL: [Self; 2] = [Self::Standby, Self::Offline];

    /// Returns whom the plan took.
    pub(super) fn of_plan(plan: &Plan) -> Vec<Self> {
        let planned = &plan.population.planned;
        let is_standby = planned.iter().any(|it| it.lifecycle.as_deref() == Some("Standby"));
        let is_offline = planned.iter().any(|it| it.agent == Agent::ConnectionLost);
        let also = [is_standby.then_some(Self::Standby), is_offline.then_some(Self::Offline)];
        also.into_iter().flatten().collect()
    }
}

impl Selection {
    /// Returns the selection of exactly these instances.
    pub(super) fn of_instances(instance: Vec<InstanceId>, include: Vec<Also>) -> Self {
        Self { instance, include, ..Self::default() }
    }

    /// Returns the selection that `plan` was made from. Whom it included besides shows in whom it
    /// planned.
    pub(super) fn of_plan(plan: &Plan) -> Self {
        let selector = plan.selector.clone();
        Self {
            asg: selector.groups,
            asg_tag: selector.group_tags,
            instance: selector.instances,
            tag: selector.tags,
            exclude: selector.exclude,
            include: Also::of_plan(plan),
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

    /// Returns whether any of it was given.
    pub(super) fn is_given(&self) -> bool {
        let Self { asg, asg_tag, instance, tag, exclude, include } = self;
        let is_any_named = !(asg.is_empty() && asg_tag.is_empty());
        let is_any_meant = !(instance.is_empty() && tag.is_empty());
        is_any_named || is_any_meant || !(exclude.is_empty() && include.is_empty())
    }

    pub(super) fn include(&self) -> Include {
        Include {
            standby: self.include.contains(&Also::Standby),
            offline: self.include.contains(&Also::Offline),
        }
    }
}

/// What a document is given.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ParamArgs {
    /// Parameter of the document; repeated for a list, or a JSON array of strings
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    param: Vec<(String, Vec<String>)>,
    /// Parameter whose value is in a file, or on standard input (-): it does not stand in the
    /// process list; a line end at its end is dropped
    #[arg(long = "param-file", value_name = "NAME=FILE", value_parser = parameter_file)]
    param_file: Vec<(String, PathBuf)>,
    /// From files that were read, and from earlier runs.
    #[arg(skip)]
    read: Vec<(String, Vec<String>)>,
}

impl ParamArgs {
    /// Reads the files, once: what stood on standard input is gone then. What is dropped while it
    /// waits for one that nobody writes to, as an interrupt does, leaves a thread behind in its read.
    pub(super) async fn read(mut self) -> Result<Self, Error> {
        for (name, path) in std::mem::take(&mut self.param_file) {
            let from = path.clone();
            let reading = tokio::task::spawn_blocking(move || match from.as_os_str() == "-" {
                true => std::io::read_to_string(std::io::stdin()),
                false => std::fs::read_to_string(&from),
            });
            let text = reading.await.map_err(std::io::Error::other).flatten();
            let mut text = text.map_err(|err| {
                let message = format!("could not read {} for parameter {name}", path.display());
                Error::new(Exit::Usage, message).because(&err)
            })?;
            for end in ['\n', '\r'] {
                if text.ends_with(end) {
                    text.pop();
                }
            }
            self.read.push((name, vec![text]));
        }
        Ok(self)
    }

    /// Returns whether any was given.
    pub(super) fn is_given(&self) -> bool {
        !(self.param.is_empty() && self.param_file.is_empty() && self.read.is_empty())
    }

    /// Returns all values. The files must have been read.
    pub(super) fn values(&self) -> impl Iterator<Item = &(String, Vec<String>)> {
        self.read.iter().chain(&self.param)
    }

    /// Returns whether a value stands on the command line, where anybody may read it.
    pub(super) fn is_on_the_command_line(&self, name: &str) -> bool {
        self.param.iter().any(|it| it.0 == name)
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
    #[command(flatten)]
    pub params: ParamArgs,
    /// What a document of your own declares, as NAME.fleet.toml: how its findings are read, and how
    /// it is rolled out
    #[arg(long, value_name = "FILE", alias = "findings")]
    pub sidecar: Option<PathBuf>,
    /// What it declared when it was planned before.
    #[arg(skip)]
    pub before: Option<Sidecar>,
    /// The document is an Automation runbook, as its type says where that may be read: an execution
    /// for each instance
    #[arg(long, requires = "doc")]
    pub automation: bool,
    /// Parameter of an Automation runbook that takes the instance, where its content does not tell
    #[arg(long, value_name = "NAME", requires = "doc", value_parser = NonEmptyStringValueParser::new())]
    pub target_parameter: Option<String>,
    /// A shell command to run: short for AWS-RunShellScript, or AWS-RunPowerShellScript on Windows
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

impl DocumentArgs {
    /// Returns the document of an earlier run at its version, with its parameters; `given` stand in
    /// for those that were withheld, or replace them.
    pub(super) async fn again(document: &Document, given: &ParamArgs) -> Result<Self, Error> {
        let given = given.clone().read().await?;
        let mut parameters = document.parameters.clone();
        parameters.0.retain(|name, _| !given.values().any(|it| it.0 == *name));
        if let Some(name) = parameters.missing_secrets().first() {
            let message = format!("the ledger withholds the value of parameter {name}");
            return Err(Error::new(Exit::Usage, message)
                .hint(format!("pass it again: --param-file {name}=FILE")));
        }
        let read = parameters.0.into_iter().chain(given.read).collect();
        Ok(Self {
            doc: Some(document.name.clone()),
            doc_version: document.version.clone(),
            params: ParamArgs { read, ..given },
            sidecar: None,
            before: document.sidecar.clone(),
            automation: document.automation.is_some(),
            target_parameter: document.automation.as_ref().map(|it| it.target_parameter.clone()),
            command: Vec::new(),
        })
    }

    /// Returns the document that shows whether `first` worked, with the parameters that this passes
    /// on to it.
    pub(super) fn verifying(name: &str, first: &Document) -> Self {
        let rollout = first.sidecar.as_ref().map(|it| &it.rollout);
        let passed = rollout.filter(|it| it.verify.as_deref() == Some(name));
        let passed = passed.into_iter().flat_map(|it| &it.verify_parameters);
        let given = &first.parameters.0;
        let read = passed.filter_map(|it| Some((it.clone(), given.get(it)?.clone()))).collect();
        let params = ParamArgs { read, ..ParamArgs::default() };
        Self { doc: Some(name.to_owned()), params, ..Self::default() }
    }

    /// Returns whether a document or a command was given; its parameters are another matter.
    pub(super) fn is_given(&self) -> bool {
        self.doc.is_some() || self.sidecar.is_some() || !self.command.is_empty()
    }

    /// Reads the files that hold parameters, once.
    pub(super) async fn read(self) -> Result<Self, Error> {
        Ok(Self { params: self.params.read().await?, ..self })
    }

    /// Returns what is sent: `names` are its documents. That a document is a runbook is known
    /// before it is read only where the flag says so.
    pub(super) fn sent<'a>(&'a self, names: &'a [&'a str]) -> Documents<'a> {
        let kind = if self.automation { DocumentKind::Automation } else { DocumentKind::Command };
        Documents { names, kind, role: self.assume_role() }
    }

    /// Returns the role that the parameters name for the steps of a runbook.
    pub(super) fn assume_role(&self) -> Option<&str> {
        let given = self.params.values().find(|(name, _)| name == ASSUME_ROLE);
        given.and_then(|(_, values)| values.first()).map(String::as_str).filter(|it| !it.is_empty())
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
    /// When to stop sending and cancel what runs, counted from the start in real time, such as 1h
    #[arg(long, value_name = "DURATION", value_parser = crate::plan::parse_deadline)]
    pub deadline: Option<u64>,
    /// Run in waves of these cumulative sizes, such as 1,5%,25%,100%; the last step repeats until
    /// everybody is covered
    #[arg(long, value_name = "N|P%,…", value_parser = steps)]
    pub waves: Option<Steps>,
    /// Finish one availability zone before the next; --waves then holds within each
    #[arg(long)]
    pub by_zone: bool,
    /// Wait this long between two waves, in real time however fast a simulation runs, such as 5m
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
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// `--waves`.
#[derive(Debug, Clone)]
pub(super) struct Steps(Vec<Limit>);

impl From<Vec<Limit>> for Steps {
    fn from(steps: Vec<Limit>) -> Self {
        Self(steps)
    }
}

fn steps(text: &str) -> Result<Steps, BadWaves> {
    Rollout::parse_waves(text).map(Steps)
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
            waves: self.waves.clone().map(|it| it.0).unwrap_or_default(),
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
            // That there are none was decided, too.
            waves: Some(Steps(rollout.waves)),
            by_zone: rollout.by_zone,
            pause: rollout.pause,
            stop_after_wave: rollout.stop_after_wave,
            max_errors_per_wave: rollout.max_errors_per_wave,
            max_concurrency: Some(plan.limits.max_concurrency.input),
            max_errors: Some(plan.limits.max_errors.input),
            timeout: Some(plan.delivery_timeout),
            deadline: plan.deadline,
            reason: plan.reason.clone(),
            storage: StorageArgs::of(&plan.outputs),
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
            || self.storage.is_given()
    }

    /// Returns these limits, and those of an earlier run where none was given.
    pub(super) fn or_those_of(&self, before: &Report) -> Self {
        let limits = &before.limits;
        Self {
            max_concurrency: self.max_concurrency.or(Some(limits.max_concurrency.input)),
            max_errors: self.max_errors.or(Some(limits.max_errors.input)),
            reason: self.reason.clone().or_else(|| before.run.reason.clone()),
            storage: match self.storage.is_given() {
                true => self.storage.clone(),
                false => StorageArgs::of(&before.outputs),
            },
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

fn parameter_file(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text.split_once('=').ok_or("it is not NAME=FILE")?;
    if name.is_empty() || path.is_empty() {
        return Err("it is not NAME=FILE".to_owned());
    }
    Ok((name.to_owned(), path.into()))
}

pub(super) fn document_version(text: &str) -> Result<String, &'static str> {
    let is_number = text.parse::<u32>().is_ok_and(|it| it > 0) && !text.starts_with(['0', '+']);
    if is_number || matches!(text, "$LATEST" | "$DEFAULT") {
        return Ok(text.to_owned());
    }
    Err("it is not a number from 1, $LATEST or $DEFAULT")
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
