//! The flags that several commands share. Parsing only validates; it does nothing.

mod document;
mod limits;

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};

pub(super) use self::{
    document::{DocumentArgs, Origin, ParamArgs, SHELLS, document_version},
    limits::LimitArgs,
};
use crate::{
    output::{Format, Terminal},
    plan::{Agent, Include, InstanceId, Plan, Selector, Tag},
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

    /// Returns the same, with instances in Standby and offline ones included.
    pub(super) fn with_everybody(&self) -> Self {
        Self { include: vec![Also::Standby, Also::Offline], ..self.clone() }
    }

    pub(super) fn include(&self) -> Include {
        Include {
            standby: self.include.contains(&Also::Standby),
            offline: self.include.contains(&Also::Offline),
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
