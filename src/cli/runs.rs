//! `fleet runs`: what was run on this machine.

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};

use super::{
    args::OutputArgs,
    context::{Context, history},
};
use crate::{
    error::Error,
    exit::Exit,
    output::{Entry, Terminal},
    plan::count,
};

/// List the runs of this machine, the newest first
#[derive(Debug, Clone, Args)]
pub(super) struct RunsArgs {
    /// Only runs over this group
    #[arg(long = "asg", value_name = "NAME")]
    asg: Option<String>,
    /// Only runs that did not succeed, or did not end
    #[arg(long)]
    unsuccessful: bool,
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Clone, Subcommand)]
enum Action {
    /// Take away the ledgers of runs that ended, of which nothing may still be running, or be changed still
    Prune {
        /// Only those that started longer ago than this, such as 720h
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        older_than: SignedDuration,
    },
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    // The parser also knows durations into the past, such as `720h ago`: they lie in the future here.
    let duration = text.parse().ok().filter(|it: &SignedDuration| !it.is_negative());
    duration.ok_or_else(|| "it is not a duration such as 720h".to_owned())
}

pub(super) fn runs(args: &RunsArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let history = history()?;
    let (mut entries, errors) = history.list()?;
    for err in errors {
        let cause = std::error::Error::source(&err).map(|it| format!(": {it}"));
        terminal.warning(&format!("{err}{}", cause.unwrap_or_default()));
        Error::from(err).hints.iter().for_each(|it| terminal.hint(it));
    }
    if let Some(group) = &args.asg {
        entries.retain(|it| it.groups.contains(group));
    }
    if args.unsuccessful {
        entries.retain(|it| it.exit_code != Some(0));
    }
    let Some(Action::Prune { older_than }) = &args.action else {
        terminal.runs(&entries);
        return Ok(Exit::Success);
    };
    let now = Context::from_env()?.now;
    let before = now.saturating_sub(*older_than).unwrap_or(Timestamp::MIN);
    // Of these something may still run: their ledgers are what finds, cancels and reports it.
    entries.retain(|it| it.exit_code.is_some() && it.started < before);
    for entry in entries.extract_if(.., |it| it.unknown > 0) {
        let Entry { run_id, unknown, .. } = entry;
        let instances = count(unknown as usize, "instance");
        terminal.hint(&format!(
            "run {run_id} is kept: {instances} of it may still be running, and `fleet watch \
             {run_id}` finds out"
        ));
    }
    for Entry { run_id, .. } in entries.extract_if(.., |it| it.left_changed) {
        terminal.hint(&format!(
            "run {run_id} is kept: not everything that was changed for it is back, and \
             `fleet restore {run_id}` undoes it"
        ));
    }
    for entry in &entries {
        history.remove(&entry.run_id).map_err(|err| {
            let message = format!("the ledger of run {} could not be taken away", entry.run_id);
            Error::new(Exit::Setup, message).because(&err)
        })?;
    }
    terminal.runs(&entries);
    Ok(Exit::Success)
}
