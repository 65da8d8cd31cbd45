//! `fleet report`: the report of an earlier run, in any format.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};

use super::{
    access::AccessArgs,
    args::OutputArgs,
    context::{Context, connect_for, history},
    execute::{Reports, fetched, interrupted},
    folds::FoldArgs,
    session::Purpose,
};
use crate::{
    error::Error,
    exit::Exit,
    output::{
        Format, HistoryError, Ledger, ReportFormat, Salvage, Terminal, render, report as fold,
        salvage, schema,
    },
    plan::Outputs,
    signal::Interrupts,
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
    /// First fetch what the list has cut into files beside the report: from the place that the run
    /// was sent with, or as far as SSM keeps it, which is for 30 days
    #[arg(long, conflicts_with = "schema")]
    full_output: bool,
    #[command(flatten)]
    folds: FoldArgs,
    #[command(flatten)]
    access: AccessArgs,
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

pub(super) async fn report(
    args: &ReportArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    if args.schema {
        terminal.text(&schema());
        return Ok(Exit::Success);
    }
    let Reports { files, folds } = Reports::check(&args.report, args.folds)?;
    let directory = history()?.find(&args.run)?;
    if args.full_output {
        complete(args, &directory, terminal, interrupts).await?;
    }
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

/// Fetches what the list has cut, and writes the report down again, which tells of it.
async fn complete(
    args: &ReportArgs,
    directory: &Path,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<(), Error> {
    let unreadable = |source| HistoryError::of(args.run.clone(), source);
    let before = fold(directory)?;
    let id = &before.run.id;
    let not_ended = || {
        Error::new(Exit::Usage, format!("run {id} has not ended"))
            .hint(format!("`fleet watch {id}` follows it to its end"))
    };
    if before.verdict.is_none() {
        return Err(not_ended());
    }
    let Some((mut ledger, _)) = Ledger::reopen(directory).map_err(unreadable)? else {
        return Err(not_ended());
    };
    if !before.document.parameters.missing_secrets().is_empty() {
        terminal.warning(
            "the ledger withholds values of parameters, so they cannot be withheld in what is \
             fetched now: --redact says what they look like",
        );
    }
    let context = Context::from_env()?;
    let access = args.access.or_those_of(&before.region, &before.operator);
    let outputs = Outputs { full: true, ..before.outputs.clone() };
    let kind = before.document.kind();
    let purpose = Purpose::Follow { selector: &before.selector, kind, outputs: &outputs };
    let mut connection = tokio::select! {
        it = connect_for(&access, &context, purpose, terminal) => it?,
        () = interrupts.next() => return Err(interrupted()),
    };
    connection.require_home_of(
        before.account.as_deref(),
        &before.region,
        before.run.is_simulated,
    )?;
    let since = Duration::try_from(context.now.duration_since(before.run.started));
    let since = since.unwrap_or_default();
    let aws = &mut connection.aws;
    let after = fetched(aws, before, since, (&mut ledger, &mut *terminal), interrupts).await;
    ledger.finish(&after).map_err(unreadable)?;
    Ok(())
}
