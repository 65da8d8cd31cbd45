//! How a rescue is done: what planning one and doing one have in common.

use clap::{Args, builder::NonEmptyStringValueParser};

use crate::{
    plan::{Limit, parse_deadline},
    rescue::{Backup, Bitlocker, Cure, Data, HELPER_TYPE, Members, Where, Wishes},
};

/// How a rescue is done.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rescue")]
pub(super) struct MannerArgs {
    /// Role that the runbook acts as; without one it acts as the caller
    #[arg(long, value_name = "ARN", value_parser = crate::config::role_arn)]
    pub automation_role: Option<String>,
    /// Subnet of the helper: an id, or `new` for a VPC of its own [default: the instance's]
    #[arg(long, value_name = "ID|new", value_parser = place)]
    subnet: Option<Where>,
    /// Security group of the helper [default: the VPC's default group]
    #[arg(long, value_name = "ID", value_parser = id_of("sg-"))]
    security_group: Option<String>,
    /// Instance profile of the helper, where none may be made for it
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    instance_profile: Option<String>,
    /// Instance type of the helper
    #[arg(long, value_name = "TYPE", default_value = HELPER_TYPE,
          value_parser = NonEmptyStringValueParser::new())]
    helper_type: String,
    /// How long an instance must have been impaired
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_deadline)]
    impaired_for: u64,
    /// Make no image of the instances before
    #[arg(long)]
    no_backup: bool,
    /// What is on volumes of the instances' own may be lost
    #[arg(long)]
    accept_data_loss: bool,
    /// Do not have the online document report afterwards: the agent's answer is proof enough
    #[arg(long)]
    no_report: bool,
    /// No root volume is locked by BitLocker
    #[arg(long)]
    no_bitlocker: bool,
}

impl MannerArgs {
    /// Returns the cure with only as much proof as is asked for.
    pub(super) fn proved(&self, cure: Cure) -> Cure {
        let online = cure.online.filter(|_| cure.answers && !self.no_report);
        Cure { online, ..cure }
    }

    pub(super) fn wishes(&self, limit: Limit, members: Members, n_targets: usize) -> Wishes {
        let at_once = limit.resolve_concurrency(u32::try_from(n_targets).unwrap_or(u32::MAX));
        Wishes {
            role: self.automation_role.clone(),
            subnet: self.subnet.clone().unwrap_or(Where::OfTheInstance),
            security_group: self.security_group.clone(),
            instance_profile: self.instance_profile.clone(),
            helper_type: self.helper_type.clone(),
            backup: if self.no_backup { Backup::None } else { Backup::Image },
            data: if self.accept_data_loss { Data::MayBeLost } else { Data::MustStay },
            bitlocker: if self.no_bitlocker { Bitlocker::Absent } else { Bitlocker::Unasked },
            members,
            impaired_for: i64::try_from(self.impaired_for).unwrap_or(i64::MAX),
            at_once: usize::try_from(at_once).unwrap_or(usize::MAX).min(n_targets.max(1)),
        }
    }
}

fn place(text: &str) -> Result<Where, String> {
    match text {
        "new" => Ok(Where::NewVpc),
        id => id_of("subnet-")(id).map(Where::Subnet),
    }
}

/// Returns what reads an id of EC2's: its kind, and 8 or 17 hexadecimal digits.
pub(super) fn id_of(kind: &'static str) -> impl Fn(&str) -> Result<String, String> + Clone {
    move |text| {
        let digits = text.strip_prefix(kind).unwrap_or_default();
        let is_hex = digits.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        if [8, 17].contains(&digits.len()) && is_hex {
            Ok(text.to_owned())
        } else {
            Err(format!("it is not an id such as {kind}0123456789abcdef0"))
        }
    }
}
