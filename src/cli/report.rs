//! `fleet report`: the report of an earlier run, in any format.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{args::OutputArgs, context::history, execute::Reports, folds::FoldArgs};
use crate::{
    error::Error,
    exit::Exit,
    output::{Format, ReportFormat, Salvage, Terminal, render, salvage, schema},
};

/// Show the report of a run again, in any format
#[derive(Debug, Clone, Args)]
pub(super) struct ReportArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    run: String,
    /// What to print on standard output, instead of what --output says
    #[arg(long, value_name = "FORMAT", conflicts_with = "output")]
    format: Option<Rendering>,
    /// Also write the report to this file; may be repeated. Its format is its ending: .json, .jsonl,
    /// .html, .md, .csv, .xml (JUnit) or .txt
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
    /// Print the JSON Schema of the report, and read no run
    #[arg(long, conflicts_with_all = ["format", "report", "run", "output", "diff"])]
    schema: bool,
    /// Show how the outputs that are not the majority's differ from it
    #[arg(long, conflicts_with_all = ["format", "output"])]
    diff: bool,
    #[command(flatten)]
    folds: FoldArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rendering {
    /// The report itself; --schema describes it
    Json,
    /// Its events, one JSON object a line
    Jsonl,
    /// One page that needs nothing else, for a browser
    Html,
    /// Markdown for a ticket or a pull request
    Md,
    /// A row an instance, for a spreadsheet
    Csv,
    /// XML for CI: a suite a wave, a case an instance
    Junit,
    /// What the terminal shows at the end of a run
    Text,
}

impl From<Rendering> for ReportFormat {
    fn from(rendering: Rendering) -> Self {
        match rendering {
            Rendering::Json => Self::Json,
            Rendering::Jsonl => Self::Jsonl,
            Rendering::Html => Self::Html,
            Rendering::Md => Self::Markdown,
            Rendering::Csv => Self::Csv,
            Rendering::Junit => Self::Junit,
            Rendering::Text => Self::Text,
        }
    }
}

impl ReportArgs {
    /// What is rendered goes out as it is: a terminal's colours are not looked for in it.
    pub(super) fn terminal(&self) -> Terminal {
        match self.format {
            Some(_) => Terminal::new(Format::Json, self.output.quiet),
            None => self.output.terminal(),
        }
    }
}

pub(super) fn report(args: &ReportArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    if args.schema {
        terminal.text(&schema());
        return Ok(Exit::Success);
    }
    let Reports { files, folds } = Reports::check(&args.report, args.folds)?;
    let directory = history()?.find(&args.run)?;
    let Salvage { report, events, damage } = salvage(&directory)?;
    if let Some(damage) = damage {
        let cause = std::error::Error::source(&damage).map(|it| format!(": {it}"));
        terminal.warning(&format!("{damage}{}", cause.unwrap_or_default()));
    }
    let mut written = Vec::new();
    for file in files {
        file.write(&report, folds, &directory).map_err(|err| {
            let message = format!("could not write the report to {}", file.path().display());
            Error::new(Exit::Setup, message).because(&err)
        })?;
        written.push(file.path().to_owned());
    }
    match args.format {
        Some(format) => {
            let text = render(format.into(), &report, folds, &directory);
            let text = text.map_err(|err| {
                Error::new(Exit::Setup, "could not render the report").because(&err)
            })?;
            terminal.text(&text);
        }
        None if args.diff => terminal.differences(&report, folds),
        None => {
            for event in events {
                terminal.stored_event(&event);
            }
            terminal.report(&report, &written, folds);
        }
    }
    // The report was shown, whatever it says.
    Ok(Exit::Success)
}
