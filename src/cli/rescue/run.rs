//! `fleet rescue crowdstrike` and `fleet rescue script`: what the preflight passes is taken out of its
//! group, has the runbook run on it, is proved, and is put back.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    drafting::{Drafted, draft},
    manner::MannerArgs,
    plan::of_script,
    wrecks::{Kept, kept},
};
use crate::{
    aws::{Aws, Intent},
    cli::{
        access::AccessArgs,
        args::{LimitArgs, OutputArgs, Selection},
        context::{Context, history},
        execute::{ConductArgs, Consent, confirm_despite, finish, interrupted, ledger, lock},
        planning::{self, Planned},
    },
    drive::{Beginning, Course, Sinks, Ward, drive},
    error::Error,
    exit::Exit,
    output::{Terminal, intend},
    plan::{Plan, Selector},
    rescue::{Cure, Members, Recipe},
    signal::Interrupts,
};

/// Remove the CrowdStrike channel file 291 from instances that no longer boot
#[derive(Debug, Clone, Args)]
pub(super) struct CrowdstrikeArgs {
    /// Delete every channel file 291, as the command that AWS published does
    #[arg(long, conflicts_with = "report_only")]
    all_291: bool,
    /// Change nothing on the volumes; the instances are stopped all the same
    #[arg(long)]
    report_only: bool,
    /// Rescue nobody: have the groups end their members in service, and launch others instead. What
    /// is only on their volumes is lost
    #[arg(long, conflicts_with_all = RESCUING)]
    replace: bool,
    #[command(flatten)]
    pub(super) how: HowArgs,
}

/// What says how a rescue is done, and nothing of a replacement.
pub(super) const RESCUING: [&str; 11] = [
    "all_291",
    "report_only",
    "automation_role",
    "subnet",
    "security_group",
    "instance_profile",
    "helper_type",
    "no_backup",
    "accept_data_loss",
    "no_bitlocker",
    "no_report",
];

/// Run a script of your own beside the root volumes of instances that no longer boot
#[derive(Debug, Clone, Args)]
pub(super) struct ScriptArgs {
    /// The script: ASCII, at most 384 bytes, without exit and throw
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    pub(super) how: HowArgs,
}

/// Whom, how, and as whom.
#[derive(Debug, Clone, Args)]
pub(super) struct HowArgs {
    #[command(flatten)]
    pub(super) selection: Selection,
    #[command(flatten)]
    pub(super) manner: MannerArgs,
    #[command(flatten)]
    pub(super) limits: LimitArgs,
    #[command(flatten)]
    pub(super) access: AccessArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    conduct: ConductArgs,
    /// Check, plan and show, and touch nothing
    #[arg(long, conflicts_with = "report")]
    dry_run: bool,
}

pub(super) async fn crowdstrike(
    args: &CrowdstrikeArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let script = match (args.all_291, args.report_only) {
        (true, _) => "all-291",
        (_, true) => "report-only",
        (false, false) => "bad-window",
    };
    let cure = Recipe::crowdstrike().cure("crowdstrike", script);
    let members = if args.replace { Members::Replaced } else { Members::Standby };
    rescue(cure, members, &args.how, terminal, interrupts).await
}

pub(super) async fn script(
    args: &ScriptArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    rescue(of_script(&args.file)?, Members::Standby, &args.how, terminal, interrupts).await
}

/// Has what is sent besides the runbook written down in the ledger before.
pub(in crate::cli) fn write_intents(aws: &mut Aws, directory: &Path) {
    let directory = directory.to_owned();
    aws.write_intents(move |token| {
        Ok(if intend(&directory, token)? { Intent::Old } else { Intent::New })
    });
}

/// Tells of earlier runs that have changed these groups and not brought them back: how they were before
/// is known to the journals of those runs alone.
fn tell_of_others(plan: &Plan, terminal: &mut Terminal) -> Result<(), Error> {
    let planned = plan.population.planned.iter();
    let groups: BTreeSet<String> = planned.filter_map(|it| it.group.clone()).collect();
    if groups.is_empty() {
        return Ok(());
    }
    let selector = Selector { groups: groups.into_iter().collect(), ..Selector::default() };
    let (kept, unread) = kept(&history()?, &selector)?;
    unread.iter().for_each(|it| terminal.warning(it));
    for Kept { plan: other, held, .. } in kept {
        let mut changed = held.groups().into_iter();
        let Some(group) = changed.find(|it| selector.groups.contains(it)) else { continue };
        let is_here = (&other.account, &other.region) == (&plan.account, &plan.region);
        if is_here && !other.is_simulated {
            let run = &other.run_id;
            terminal.warning(&format!(
                "run {run} has changed {group} as well, and has not brought all of it back: `fleet \
                 restore {run}` does"
            ));
        }
    }
    Ok(())
}

async fn rescue(
    cure: Cure,
    members: Members,
    args: &HowArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    planning::selector(&args.selection)?;
    let reports = args.conduct.reports()?;
    let consent = Consent::of(args.dry_run, args.conduct.yes, &args.access, terminal)?;
    let context = Context::from_env()?;
    let Drafted { mut connection, planned, doubt } = tokio::select! {
        drafted = draft(cure, members, args, &context, terminal) => drafted?,
        () = interrupts.next() => return Err(interrupted()),
    };
    let Planned { plan, groups } = planned;
    if consent == Consent::DryRun {
        terminal.plan(&plan);
        terminal.hint("nothing was sent: this was a dry run");
        return Ok(Exit::Success);
    }
    connection.settings.ceilings().admit_run(&plan)?;
    if !connection.is_private() {
        tell_of_others(&plan, terminal)?;
    }
    terminal.plan_preview(&plan);
    if consent == Consent::Ask {
        confirm_despite(doubt, &plan, terminal, interrupts).await?;
    }
    let _lock = if connection.is_private() { None } else { Some(lock(&plan, &groups)?) };
    let mut ledger = ledger(&plan)?;
    let directory = ledger.directory().to_owned();
    let secrets = plan.document.parameters.secrets();
    let aws = &mut connection.aws;
    aws.redaction = aws.redaction.clone().knowing(secrets.iter().map(String::as_str));
    terminal.expect(history()?.expected(&plan));
    let clock = context.clock();
    write_intents(&mut connection.aws, &directory);
    let course = Course {
        plan: &plan,
        groups: &groups,
        pace: connection.pace,
        on_interrupt: args.conduct.on_interrupt(),
        // What is replaced is not taken out before, and nobody is put back.
        ward: (members == Members::Standby).then_some(Ward {
            plan: &plan,
            directory: &directory,
            factor: connection.speed,
            clock: &clock,
        }),
    };
    let beginning = Beginning::New(context.started());
    let sinks = Sinks { terminal, ledger: &mut ledger };
    let report = drive(&mut connection.aws, course, beginning, sinks, interrupts).await;
    let exit = finish(&report, ledger, reports, terminal);
    Ok(exit)
}
