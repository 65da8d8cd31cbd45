//! `fleet restore`: what a rescue has changed in groups is undone, from the journal in its ledger. It
//! is what the rescue itself does at its end, for one whose process did not live to do it.

use std::{collections::BTreeSet, io, path::Path};

use clap::Args;
use jiff::Timestamp;

use super::{
    access::AccessArgs,
    args::OutputArgs,
    context::{Context, connect_for, history, state_directory},
    execute::interrupted,
    remains::{Remains, remains},
    session::Purpose,
    standing::Standing,
};
use crate::{
    aws::Aws,
    drive::{Waits, Ward},
    error::Error,
    exit::Exit,
    output::{Ledger, Lock, Terminal},
    plan::{InstanceId, Plan, RunId},
    run::{ChangeState, Event, EventKind, Fold, GroupChange, ended},
    signal::Interrupts,
};

/// Undo what a rescue has changed: root volumes back, power and Auto Scaling groups as they were;
/// twice changes nothing
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

impl RestoreArgs {
    pub(super) fn of(run: &str, dry_run: bool, access: &AccessArgs, output: &OutputArgs) -> Self {
        let (access, output) = (access.clone(), output.clone());
        Self { run: run.to_owned(), dry_run, access, output }
    }
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
    let context = Context::from_env()?;
    let Remains { plan, ledger, held } = remains(&args.run, &directory, context.now, terminal)?;
    let run = plan.run_id.clone();
    let recovery = plan.document.automation.as_ref().and_then(|it| it.recovery.as_ref());
    if held.is_empty() && recovery.is_none() {
        terminal.restored(&run, &[]);
        terminal.hint(&nothing_left(&run));
        return Ok(Exit::Success);
    }
    let groups = held.groups();
    let access = args.access.or_those_of(&plan.region, &plan.operator);
    let purpose = match args.dry_run {
        true => Purpose::Look { actions: &READS },
        false => Purpose::Rescue { groups: &groups, role: None, online: None },
    };
    let connection = tokio::select! {
        it = connect_for(&access, &context, purpose, terminal) => it?,
        () = interrupts.next() => return Err(interrupted()),
    };
    connection.require_home_of(plan.account.as_deref(), &plan.region, plan.is_simulated)?;
    let _lock = if args.dry_run { None } else { Some(lock(&plan, &groups)?) };
    let clock = context.clock();
    let factor = connection.speed;
    let ward = Ward { plan: &plan, directory: &directory, factor, clock: &clock };
    let told = ledger.as_ref().map(|(_, events)| &events[..]);
    let ours = tokio::select! {
        it = touched(&connection.aws, &plan, told) => it,
        () = interrupts.next() => return Err(interrupted()),
    };
    let waits = Waits::default();
    let undoing = async {
        if args.dry_run {
            return ward.look(&connection.aws, &ours).await;
        }
        let work = ward.put_back(&connection.aws, &ours, &[], &waits);
        waits.noted(work, factor, terminal).await
    };
    let rows = tokio::select! {
        rows = undoing => rows
            .map_err(|err| Error::of(Exit::Setup, &err).but("some of it may be undone"))?,
        () = interrupts.next() => {
            let done = format!("some of it may be undone: `fleet restore {run}` undoes the rest");
            return Err(interrupted().but(done));
        }
    };
    if let Some((mut ledger, events)) = ledger.filter(|_| !args.dry_run) {
        write_down(&mut ledger, events, rows.clone(), clock()).map_err(|err| {
            let message = format!("what was restored of run {run} is not in its ledger");
            Error::new(Exit::Setup, message).because(&err).but("it is restored all the same")
        })?;
    }
    terminal.restored(&run, &rows);
    if rows.iter().all(|it| it.state == ChangeState::LeftBehind) {
        terminal.hint(&nothing_left(&run));
    }
    let remains = rows.iter().any(GroupChange::remains);
    if remains && !args.dry_run {
        let stopping = tokio::select! {
            it = stopping(&connection.aws, &directory, &rows) => it,
            () = interrupts.next() => Vec::new(),
        };
        stopping.iter().for_each(|it| terminal.hint(it));
        terminal.hint(&format!("`fleet restore {run}` again, when that is mended"));
    }
    Ok(if remains { Exit::Verdict(1) } else { Exit::Success })
}

fn nothing_left(run: &RunId) -> String {
    format!("there is nothing of run {run} left to restore")
}

/// Returns what stops the executions for which something could not be brought back: one may never end by
/// itself.
async fn stopping(aws: &Aws, directory: &Path, rows: &[GroupChange]) -> Vec<String> {
    let stuck = rows.iter().filter(|it| it.remains());
    let stuck: BTreeSet<InstanceId> = stuck.flat_map(|it| it.instances.clone()).collect();
    // What could not be read has been said of each of them.
    let Ok(under_way) = aws.under_way(&stuck).await else { return Vec::new() };
    let cancelled = Standing::of(directory).ok().filter(|it| {
        // A run that has ended takes no order.
        it.require_something_to_cancel(&BTreeSet::new()).is_ok()
    });
    let own: Vec<String> =
        cancelled.iter().flat_map(|it| it.commands_of(&BTreeSet::new())).map(|it| it.0).collect();
    let (own, others): (Vec<String>, Vec<String>) =
        under_way.into_iter().partition(|it| own.contains(it));
    let mut res = Vec::new();
    if let Some(standing) = cancelled.filter(|_| !own.is_empty()) {
        let run = &standing.report.run.id;
        res.push(format!(
            "`fleet cancel {run}` stops what is under way of it ({})",
            own.join(", ")
        ));
    }
    res.extend(others.iter().map(|it| {
        format!(
            "execution {it} is under way; what stops it: aws ssm stop-automation-execution \
         --automation-execution-id {it} --region {}",
            aws.region
        )
    }));
    res
}

/// Returns whom the run may have had a runbook stop: those that it meant to send to, and whoever has
/// no root volume, as a ledger may have lost its end. What somebody else has done to the others is not
/// for it to undo. Where its events cannot be read it may be all.
async fn touched(aws: &Aws, plan: &Plan, events: Option<&[Event]>) -> Vec<InstanceId> {
    let planned = || plan.population.planned.iter().map(|it| &it.id);
    let Some(events) = events else { return planned().cloned().collect() };
    let mut meant = BTreeSet::new();
    for event in events {
        if let EventKind::SendIntended { instances, .. } = &event.data {
            meant.extend(instances);
        }
    }
    let others: BTreeSet<InstanceId> =
        planned().filter(|it| !meant.contains(it)).cloned().collect();
    let sights = aws.sights(&others).await;
    let is_whole = |id: &InstanceId| {
        sights.as_ref().is_ok_and(|it| it.get(id).is_none_or(|it| it.root.is_some()))
    };
    planned().filter(|id| !others.contains(*id) || !is_whole(id)).cloned().collect()
}

/// Has the run's report tell how everything stands by now.
fn write_down(
    ledger: &mut Ledger,
    mut events: Vec<Event>,
    rows: Vec<GroupChange>,
    at: Timestamp,
) -> io::Result<()> {
    // Of a run that never came to tell anything there is no report.
    let Some(last) = events.last() else { return Ok(()) };
    let (seq, elapsed_ms) = (last.seq, last.elapsed_ms);
    let mut before = Fold::default();
    events.iter().for_each(|it| before.apply(it));
    let left = before.report().map(|it| it.left_changed()).unwrap_or_default();
    let is_as_told = left.is_empty();
    let changes = ended(rows, left);
    if is_as_told && changes.iter().all(|it| it.state == ChangeState::LeftBehind) {
        return Ok(());
    }
    let told = (seq + 1..).zip(changes).map(|(seq, change)| {
        let data = EventKind::GroupChanged { change };
        Event { seq, at, elapsed_ms, data }
    });
    let told: Vec<Event> = told.collect();
    ledger.append(&told)?;
    events.extend(told);
    let mut fold = Fold::default();
    events.iter().for_each(|it| fold.apply(it));
    match fold.report() {
        Some(report) if report.verdict.is_some() => ledger.finish(&report).map(drop),
        Some(_) | None => Ok(()),
    }
}

fn lock(plan: &Plan, groups: &[String]) -> Result<Lock, Error> {
    let account = plan.account.as_deref().unwrap_or("unknown");
    Ok(Lock::take(&state_directory()?, account, &plan.region, groups, &plan.run_id)?)
}
