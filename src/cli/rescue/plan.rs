//! `fleet rescue plan`: what would fail, before anything is touched.

use std::path::PathBuf;

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};

use crate::{
    aws,
    cli::{
        access::AccessArgs,
        args::{OutputArgs, Selection},
        context::{Context, connect_for},
        planning,
        session::Purpose,
    },
    error::Error,
    exit::Exit,
    output::{RescuePlan, Terminal},
    plan::{Agent, Limit, Target, parse_deadline},
    rescue::{
        self, Backup, Bitlocker, Cure, Data, HELPER_TYPE, Members, Recipe, Where, Wishes, preflight,
    },
};

/// Check everything that would keep a rescue from working, and say of each instance whether it
/// would be rescued; it only reads
#[derive(Debug, Clone, Args)]
pub(super) struct PlanArgs {
    /// What is to be done to the root volumes
    #[arg(value_name = "RECIPE", required_unless_present = "script", conflicts_with = "script")]
    recipe: Option<RecipeName>,
    /// Instead of a recipe, a script of your own: ASCII, at most 384 bytes, without exit and throw
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Delete every channel file 291, as the command that AWS published does
    #[arg(long, conflicts_with_all = ["report_only", "script"])]
    all_291: bool,
    /// Change nothing on the volumes; the instances are stopped all the same
    #[arg(long, conflicts_with = "script")]
    report_only: bool,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    manner: MannerArgs,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// Recipes that ship with fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RecipeName {
    /// The CrowdStrike channel file 291 of 19 July 2024
    Crowdstrike,
}

/// How a rescue is done.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rescue")]
struct MannerArgs {
    /// Role that the runbook acts as; without one it acts as the caller
    #[arg(long, value_name = "ARN", value_parser = crate::config::role_arn)]
    automation_role: Option<String>,
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
    /// How many instances at a time [default: 10%, at least 1]
    #[arg(long, value_name = "N|P%", value_parser = Limit::parse_concurrency)]
    max_concurrency: Option<Limit>,
    /// How long an instance must have been impaired
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_deadline)]
    impaired_for: u64,
    /// Make no image of the instances before
    #[arg(long)]
    no_backup: bool,
    /// What is on volumes of the instances' own may be lost
    #[arg(long)]
    accept_data_loss: bool,
    /// No root volume is locked by BitLocker
    #[arg(long)]
    no_bitlocker: bool,
    /// Have the groups replace their members in service, instead of rescuing them
    #[arg(long)]
    replace: bool,
}

pub(super) async fn plan(args: &PlanArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let cure = cure(args)?;
    let selector = planning::selector(&args.selection)?;
    let context = Context::from_env()?;
    let actions: Vec<&'static str> = rescue::actions().into_iter().chain(RESOLVING).collect();
    let purpose = Purpose::Look { actions: &actions };
    let connection = connect_for(&args.access, &context, purpose, terminal).await?;
    let resolved = aws::resolve(&connection.aws, &selector).await?;
    for note in &resolved.notes {
        terminal.warning(&note.text);
    }
    let Some(candidates) = resolved.candidates else {
        let message = "the instances cannot be listed by this caller";
        return Err(Error::new(Exit::Setup, message)
            .hint("the caller's policy must allow autoscaling:DescribeAutoScalingGroups"));
    };
    let is_wanted = |it: &Target| {
        !selector.exclude.contains(&it.id)
            // Of a group's members those are meant that do not answer.
            && (it.agent != Agent::Online || selector.instances.contains(&it.id))
    };
    let (targets, others): (Vec<Target>, Vec<Target>) = candidates.into_iter().partition(is_wanted);
    let n_answering = others.iter().filter(|it| it.agent == Agent::Online).count();
    if targets.is_empty() {
        let message = match n_answering {
            0 => "nobody was selected".to_owned(),
            n => format!("nobody needs a rescue: the agents of all {n} instances answer"),
        };
        let err = Error::new(Exit::NothingEligible, message);
        return Err(match &cure.online {
            Some(document) if n_answering > 0 => {
                err.hint(format!("fleet run --doc {document} does the same online"))
            }
            Some(_) | None => err,
        });
    }
    let wishes = args.manner.wishes(targets.len());
    let site = aws::rescue_site(&connection.aws, cure, wishes, &targets, context.now).await;
    let preflight = preflight(&site);
    let region = connection.aws.region.clone();
    terminal.rescue_plan(&RescuePlan::new(region, &site, &preflight, n_answering));
    let may_start = preflight.instances.iter().all(|it| it.readiness.may_start());
    Ok(if may_start { Exit::Success } else { Exit::Setup })
}

/// What it takes to find the instances.
const RESOLVING: [&str; 4] = [
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeAutoScalingInstances",
    "ssm:DescribeInstanceInformation",
    "ssm:DescribeInstanceProperties",
];

/// Returns what is to be done, before anything is asked.
fn cure(args: &PlanArgs) -> Result<Cure, Error> {
    let Some(path) = &args.script else {
        let script = match (args.all_291, args.report_only) {
            (true, _) => "all-291",
            (_, true) => "report-only",
            (false, false) => "bad-window",
        };
        return Ok(match args.recipe.unwrap_or(RecipeName::Crowdstrike) {
            RecipeName::Crowdstrike => Recipe::crowdstrike().cure("crowdstrike", script),
        });
    };
    let bytes = std::fs::read(path).map_err(|err| {
        let message = format!("could not read the script {}", path.display());
        Error::new(Exit::Usage, message).because(&err)
    })?;
    Cure::of_script(&path.display().to_string(), &bytes).map_err(|err| {
        let message = format!("the script {} cannot be sent", path.display());
        Error::new(Exit::Usage, message).because(&err)
    })
}

impl MannerArgs {
    fn wishes(&self, n_targets: usize) -> Wishes {
        let limit = self.max_concurrency.unwrap_or(Limit::Percent(10));
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
            members: if self.replace { Members::Replaced } else { Members::Standby },
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
fn id_of(kind: &'static str) -> impl Fn(&str) -> Result<String, String> + Clone {
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
