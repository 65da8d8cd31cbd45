//! `fleet run`: plan, confirm, send, follow, report.

use std::path::PathBuf;

use clap::Args;

use super::{
    args::{AccessArgs, DocumentArgs, LimitArgs, OutputArgs, Selection},
    context::{Context, connect},
    execute::{check_reports, confirm, execute, interrupted, require_consent},
    planning,
};
use crate::{error::Error, exit::Exit, output::Terminal, signal::Interrupts};

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
    require_consent(must_ask, terminal)?;
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
    let (connection, planned) = tokio::select! {
        planned = planning => planned?,
        () = interrupts.next() => return Err(interrupted()),
    };
    if args.dry_run {
        terminal.plan(&planned.plan);
        terminal.hint("nothing was sent: this was a dry run");
        return Ok(Exit::Success);
    }
    terminal.plan_preview(&planned.plan);
    if must_ask {
        confirm(&planned.plan, terminal, interrupts).await?;
    }
    let is_private = args.access.sim.is_some();
    execute(connection, planned, &context, is_private, reports, terminal, interrupts).await
}
