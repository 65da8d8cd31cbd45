//! `fleet restore`: what a rescue has changed in groups is undone, from the journal in its ledger. It
//! is what the rescue itself does at its end, for one whose process did not live to do it.

use std::path::Path;

use clap::Args;

use super::{
    access::AccessArgs,
    args::OutputArgs,
    context::{Connection, Context, connect_for, history, state_directory},
    execute::interrupted,
    session::Purpose,
};
use crate::{
    drive::Keeper,
    error::Error,
    exit::Exit,
    output::{
        HistoryError, Journal, Ledger, Lock, RestoreRow, RestoreState, Terminal, read_journal,
        read_plan,
    },
    plan::Plan,
    rescue::Held,
    signal::Interrupts,
};

/// Undo what a rescue has changed in its Auto Scaling groups; twice changes nothing
#[derive(Debug, Clone, Args)]
pub(super) struct RestoreArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    run: String,
    /// Show what would be undone, and undo nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// What it takes to see how groups and instances are.
pub(super) const READS: [&str; 5] = [
    "autoscaling:DescribeAutoScalingGroups",
    "ec2:DescribeInstances",
    "ec2:DescribeVolumes",
    "ssm:DescribeAutomationExecutions",
    "ssm:GetAutomationExecution",
];

pub(super) async fn restore(
    args: &RestoreArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let directory = history()?.find(&args.run)?;
    let unreadable = |source| HistoryError::of(args.run.clone(), source);
    let plan = read_plan(&directory.join("plan.json")).map_err(unreadable)?;
    let run = plan.run_id.clone();
    // It belongs to whoever carries the run out, and so does what is written there.
    let Some((_ledger, _)) = Ledger::reopen(&directory).map_err(unreadable)? else {
        let message = format!("the process of run {run} lives, and restores its groups itself");
        return Err(Error::new(Exit::Setup, message)
            .hint(format!("`fleet watch {run}` follows it, `fleet cancel {run}` ends it")));
    };
    let held = Held::of(&read_journal(&directory).map_err(unreadable)?);
    if held.is_empty() {
        terminal.restored(&run, &[]);
        terminal.hint(&format!("there is nothing of run {run} left to restore"));
        return Ok(Exit::Success);
    }
    let groups = held.groups();
    let context = Context::from_env()?;
    let access = args.access.or_those_of(&plan.region, &plan.operator);
    let purpose = match args.dry_run {
        true => Purpose::Look { actions: &READS },
        false => Purpose::Restore { reads: &READS, groups: &groups },
    };
    let connection = tokio::select! {
        it = connect_for(&access, &context, purpose, terminal) => it?,
        () = interrupts.next() => return Err(interrupted()),
    };
    connection.require_home_of(plan.account.as_deref(), plan.is_simulated)?;
    let _lock = if args.dry_run { None } else { Some(lock(&plan, &groups)?) };
    let rows = undo(args, &directory, &connection, &context);
    let rows = tokio::select! {
        rows = rows => rows?,
        () = interrupts.next() => {
            let done = format!("some of it may be undone: `fleet restore {run}` undoes the rest");
            return Err(interrupted().but(done));
        }
    };
    terminal.restored(&run, &rows);
    let remains = rows.iter().any(|it| it.state == RestoreState::Remains);
    if remains && !args.dry_run {
        terminal.hint(&format!("`fleet restore {run}` again, when that is mended"));
    }
    Ok(if remains { Exit::Verdict(1) } else { Exit::Success })
}

async fn undo(
    args: &RestoreArgs,
    directory: &Path,
    connection: &Connection,
    context: &Context,
) -> Result<Vec<RestoreRow>, Error> {
    let failed = |err: &dyn std::error::Error| {
        Error::new(
            Exit::Setup,
            format!("the journal in {} cannot be used: {err}", directory.display()),
        )
    };
    let (journal, entries) = Journal::open(directory).map_err(|err| failed(&err))?;
    let (held, clock) = (Held::of(&entries), context.clock());
    let factor = connection.speed;
    let mut keeper = Keeper { aws: &connection.aws, journal, held, factor, clock: &clock };
    let unread = |err| {
        Error::new(Exit::Setup, "the groups could not be read")
            .because(&err)
            .but("some of it may be undone")
    };
    if !args.dry_run {
        return keeper.restore().await.map_err(unread);
    }
    let next = keeper.look().await.map_err(unread)?;
    let row = RestoreRow::new;
    let mut rows = Vec::new();
    for (group, change, why) in &next.settled {
        rows.push(row(group, RestoreState::Undone, change, why));
    }
    for (group, change) in &next.calls {
        rows.push(row(group, RestoreState::Pending, change, "it would be undone now"));
    }
    for (group, change, what) in &next.awaited {
        rows.push(row(group, RestoreState::Pending, change, what));
    }
    for it in &next.remaining {
        rows.push(row(&it.group, RestoreState::Remains, &it.change, &it.why));
    }
    Ok(rows)
}

fn lock(plan: &Plan, groups: &[String]) -> Result<Lock, Error> {
    let account = plan.account.as_deref().unwrap_or("unknown");
    Ok(Lock::take(&state_directory()?, account, &plan.region, groups, &plan.run_id)?)
}
