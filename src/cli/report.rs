//! `fleet report`: the report of an earlier run, in any format.

use std::path::PathBuf;

use clap::Args;

use super::{args::OutputArgs, context::history, execute::check_reports};
use crate::{
    error::Error,
    exit::Exit,
    output::{Terminal, events, report as fold},
};

/// Show the report of a run again
#[derive(Debug, Clone, Args)]
pub(super) struct ReportArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    run: String,
    /// Also write the report to this file; its format is its ending: .json
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

pub(super) fn report(args: &ReportArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let files = check_reports(&args.report)?;
    let directory = history()?.find(&args.run)?;
    let report = fold(&directory)?;
    for event in events(&directory)? {
        terminal.stored_event(&event);
    }
    let mut written = Vec::new();
    for file in files {
        file.write(&report).map_err(|err| {
            let message = format!("could not write the report to {}", file.path().display());
            Error::new(Exit::Setup, message).because(&err)
        })?;
        written.push(file.path().to_owned());
    }
    terminal.report(&report, &written);
    // The report was shown, whatever it says.
    Ok(Exit::Success)
}
