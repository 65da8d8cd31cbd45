//! `fleet completions` and `fleet man`: made from the same definitions as `--help`.

use std::{io, path::PathBuf};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;
use crate::{error::Error, exit::Exit, output::Terminal};

/// Print a completion script for a shell
#[derive(Debug, Clone, Args)]
pub(super) struct CompletionsArgs {
    shell: Shell,
}

/// Print the manual page, or write one for each command into a directory
#[derive(Debug, Clone, Args)]
pub(super) struct ManArgs {
    /// Directory for fleet.1, fleet-run.1 and so on
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn completions(args: &CompletionsArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "fleet", &mut script);
    terminal.text(&String::from_utf8_lossy(&script));
    Ok(Exit::Success)
}

pub(super) fn man(args: &ManArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let failed = |err: io::Error| {
        let dir = args.dir.as_deref().map(|it| format!(" to {}", it.display()));
        let message = format!("the manual could not be written{}", dir.unwrap_or_default());
        Error::new(Exit::Usage, message).because(&err)
    };
    if let Some(dir) = &args.dir {
        clap_mangen::generate_to(Cli::command(), dir).map_err(failed)?;
        return Ok(Exit::Success);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(failed)?;
    terminal.text(&String::from_utf8_lossy(&page));
    Ok(Exit::Success)
}
