//! `fleet run`: plan, confirm, send, follow, report.

use std::path::PathBuf;

use clap::Args;

use super::{
    args::{AccessArgs, DocumentArgs, LimitArgs, OutputArgs, Selection},
    context::{Connection, Context, connect, state_directory},
    planning::{self, Planned},
    prompt::{Answer, ask},
};
use crate::{
    drive::{Sinks, drive},
    error::Error,
    exit::Exit,
    output::{Ledger, ReportFile, Terminal},
    plan::Plan,
    run::Kind,
    signal::Interrupts,
};

/// Run a document over a group's instances, within limits, and report on each of them
#[derive(Debug, Clone, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    document: DocumentArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// Do not ask before sending
    #[arg(long, short)]
    yes: bool,
    /// Plan and show, send nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the report to this file; its format is its ending: .json
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
}

pub(super) async fn run(
    args: &RunArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let reports = check_reports(&args.report)?;
    let must_ask = !(args.yes || args.dry_run || args.access.sim.is_some());
    if must_ask && !terminal.is_interactive() {
        let message = "there is no terminal to ask for confirmation on, and --yes was not passed";
        return Err(Error::new(Exit::Usage, message));
    }
    let context = Context::from_env()?;
    let selector = planning::selector(&args.selection)?;
    let documents = args.document.documents();
    let planning = async {
        let connection = connect(&args.access, &context, &selector, &documents, terminal).await?;
        let planned =
            planning::plan(&connection, &context, &args.selection, &args.document, &args.limits);
        let planned = planned.await?;
        Ok::<_, Error>((connection, planned))
    };
    let (mut connection, Planned { plan, groups }) = tokio::select! {
        planned = planning => planned?,
        () = interrupts.next() => return Err(interrupted()),
    };
    if args.dry_run {
        terminal.plan(&plan);
        terminal.hint("nothing was sent: this was a dry run");
        return Ok(Exit::Success);
    }
    terminal.plan_preview(&plan);
    if must_ask {
        confirm(&plan, terminal, interrupts).await?;
    }
    let mut ledger = ledger(&plan)?;
    let Connection { aws, pace, .. } = &mut connection;
    let sinks = Sinks { terminal, ledger: &mut ledger };
    let report = drive(aws, plan, &groups, *pace, context.now, sinks, interrupts).await;
    let mut files = Vec::new();
    match ledger.finish(&report) {
        Ok(path) => files.push(path),
        Err(err) => terminal.warning(&format!("could not write the report to the ledger: {err}")),
    }
    for file in reports {
        match file.write(&report) {
            Ok(()) => files.push(file.path().to_owned()),
            Err(err) => {
                let path = file.path().display();
                terminal.warning(&format!("could not write the report to {path}: {err}"));
            }
        }
    }
    terminal.report(&report, &files);
    let Some(verdict) = report.verdict else { return Ok(Exit::Bug) };
    if verdict.kind == Kind::NothingSent {
        terminal.hint("nothing was sent");
    }
    Ok(Exit::Verdict(verdict.exit_code))
}

/// Refuses a report that could not be written, before anything is sent.
pub(super) fn check_reports(paths: &[PathBuf]) -> Result<Vec<ReportFile>, Error> {
    let check =
        |path: &PathBuf| ReportFile::check(path).map_err(|err| Error::of(Exit::Usage, &err));
    paths.iter().map(check).collect()
}

async fn confirm(
    plan: &Plan,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<(), Error> {
    let whom = match plan.planned() {
        Some(1) => "1 instance".to_owned(),
        Some(n) => format!("{n} instances"),
        None => "every instance that the group's tag reaches".to_owned(),
    };
    let question = format!("Run {} on {whom}?", plan.document.name);
    match ask(terminal, &question, interrupts).await {
        Answer::Yes => Ok(()),
        Answer::No => Err(Error::new(Exit::Interrupted, "not confirmed")),
        Answer::Interrupted => Err(interrupted()),
    }
}

fn interrupted() -> Error {
    Error::new(Exit::Interrupted, "interrupted")
}

fn ledger(plan: &Plan) -> Result<Ledger, Error> {
    let directory = state_directory()?;
    Ledger::create(&directory, plan).map_err(|err| {
        let message = format!("could not create the ledger under {}", directory.display());
        Error::new(Exit::Setup, message)
            .because(&err)
            .hint("set XDG_STATE_HOME to a directory that can be written")
    })
}
