//! `fleet docs lint`: what is wrong with documents, wherever they come from.

use std::path::PathBuf;

use clap::Args;

use crate::{
    cli::args::OutputArgs,
    documents,
    error::Error,
    exit::Exit,
    output::{Linted, Terminal},
};

/// Check documents: what the service refuses, what the agent passes over, what a bad value could do
///
/// Takes Command documents of schema 1.2 and 2.x and Automation documents of schema 0.3, as YAML or
/// JSON. Ends with 0 if there is nothing but advice, with 3 if there is a warning or an error, and
/// with 2 if a file cannot be read. A comment `# fleet: allow CODE` in a document silences CODE.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct LintArgs {
    /// Documents; a .md or .toml file among them is passed over
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
}

pub(super) fn lint(args: &LintArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let mut found = Vec::new();
    for path in &args.files {
        let file = path.display().to_string();
        // `documents/*` names what stands beside documents as well.
        if path.extension().is_some_and(|it| it == "md" || it == "toml") {
            terminal.note(&format!("{file} is no document by its ending, and is passed over"));
            continue;
        }
        let bytes = std::fs::read(path).map_err(|err| {
            Error::new(Exit::Usage, format!("could not read {file}")).because(&err)
        })?;
        let text = String::from_utf8(bytes).map_err(|err| {
            Error::new(Exit::Usage, format!("{file} is not text")).because(&err.utf8_error())
        })?;
        found.push(Linted { file, findings: documents::lint(&text) });
    }
    if found.is_empty() {
        return Err(Error::new(Exit::Usage, "none of the files is a document"));
    }
    terminal.lint(&found);
    Ok(if found.iter().all(Linted::is_clean) { Exit::Success } else { Exit::Setup })
}
