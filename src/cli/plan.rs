//! `fleet plan`: what `fleet run` with the same flags would do.

use std::path::PathBuf;

use clap::Args;

use super::{
    access::AccessArgs,
    args::{DocumentArgs, LimitArgs, OutputArgs, Selection},
    context::{Context, connect},
    planning,
};
use crate::{error::Error, exit::Exit, output::Terminal};

/// Show what a run with the same flags would do; it only reads
#[derive(Debug, Clone, Args)]
pub(super) struct PlanArgs {
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
    /// Also write the plan to this file, as JSON
    #[arg(long = "out", short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn plan(args: &PlanArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    planning::something_to_run(&args.document)?;
    let context = Context::from_env()?;
    let selector = planning::selector(&args.selection)?;
    let documents = args.document.documents();
    let connection = connect(&args.access, &context, &selector, &documents, terminal).await?;
    let planned =
        planning::plan(&connection, &context, &args.selection, &args.document, &args.limits);
    let planned = planned.await?;
    if let Some(path) = &args.out {
        crate::output::write_plan(path, &planned.plan).map_err(|err| {
            let message = format!("the plan cannot be written to {}", path.display());
            Error::new(Exit::Usage, message).because(&err)
        })?;
    }
    terminal.plan(&planned.plan);
    Ok(Exit::Success)
}
