//! `fleet rescue plan`: what would fail, before anything is touched.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{
    manner::MannerArgs,
    run::RESCUING,
    selecting::{Selected, select},
};
use crate::{
    aws::{self, Aws},
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
    plan::Limit,
    rescue::{self, Cure, Members, OfflineScript, Recipe, preflight},
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
    /// How many instances at a time [default: 10%, at least 1]
    #[arg(long, value_name = "N|P%", value_parser = Limit::parse_concurrency)]
    max_concurrency: Option<Limit>,
    /// Have the groups replace their members in service, instead of rescuing them
    #[arg(long, conflicts_with = "script", conflicts_with_all = RESCUING)]
    replace: bool,
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

pub(super) async fn plan(args: &PlanArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let cure = args.manner.proved(cure(args)?);
    let selector = planning::selector(&args.selection)?;
    let context = Context::from_env()?;
    let actions: Vec<&'static str> = rescue::actions().into_iter().chain(RESOLVING).collect();
    let purpose = Purpose::Look { actions: &actions };
    let mut connection = connect_for(&args.access, &context, purpose, terminal).await?;
    withhold(&mut connection.aws, &cure.script);
    let found = select(&connection.aws, &selector).await?;
    found.resolved.notes.iter().for_each(|it| terminal.warning(&it.text));
    found.require_somebody(&cure)?;
    let Selected { targets, answering, .. } = found;
    let limit = args.max_concurrency.unwrap_or(Limit::Percent(10));
    let members = if args.replace { Members::Replaced } else { Members::Standby };
    let wishes = args.manner.wishes(limit, members, targets.len());
    let site = aws::rescue_site(&connection.aws, cure, wishes, &targets, context.now).await;
    let preflight = preflight(&site);
    let region = connection.aws.region.clone();
    let redaction = &connection.aws.redaction;
    let plan = RescuePlan::new(region, &site, &preflight, answering.len(), redaction);
    terminal.rescue_plan(&plan);
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
    of_script(path)
}

/// Withholds the base64 of a script in which something is to be withheld: it says the same.
pub(super) fn withhold(aws: &mut Aws, script: &OfflineScript) {
    if aws.redaction.apply(script.text()) != script.text() {
        aws.redaction = aws.redaction.clone().knowing([script.encoded()]);
    }
}

/// Returns what a script of one's own does.
pub(super) fn of_script(path: &Path) -> Result<Cure, Error> {
    let bytes = std::fs::read(path).map_err(|err| {
        let message = format!("could not read the script {}", path.display());
        Error::new(Exit::Usage, message).because(&err)
    })?;
    Cure::of_script(&path.display().to_string(), &bytes).map_err(|err| {
        let message = format!("the script {} cannot be sent", path.display());
        Error::new(Exit::Usage, message).because(&err)
    })
}
