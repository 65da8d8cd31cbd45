//! `fleet docs`: the canned documents, those of the account, and your own.

mod lint;
mod list;
pub(super) mod publish;
mod show;
mod verify;
pub(super) mod wanted;

use clap::{Args, Subcommand};

use super::args::OutputArgs;
use crate::{error::Error, exit::Exit, output::Terminal, signal::Interrupts};

/// List, read, check and publish documents
#[derive(Debug, Clone, Args)]
pub(super) struct DocsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, Subcommand)]
enum Action {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Lint(lint::LintArgs),
    Publish(publish::PublishArgs),
    Verify(verify::VerifyArgs),
}

impl DocsArgs {
    pub(super) fn output(&self) -> &OutputArgs {
        match &self.action {
            Action::List(args) => &args.output,
            Action::Show(args) => &args.output,
            Action::Lint(args) => &args.output,
            Action::Publish(args) => &args.output,
            Action::Verify(args) => &args.output,
        }
    }
}

pub(super) async fn docs(
    args: &DocsArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let interrupted = || Error::new(Exit::Interrupted, "interrupted");
    match &args.action {
        Action::List(args) => tokio::select! {
            result = list::list(args, terminal) => result,
            () = interrupts.next() => Err(interrupted()),
        },
        Action::Show(args) => tokio::select! {
            result = show::show(args, terminal) => result,
            () = interrupts.next() => Err(interrupted()),
        },
        Action::Lint(args) => lint::lint(args, terminal),
        Action::Publish(args) => publish::publish(args, terminal, interrupts).await,
        Action::Verify(args) => tokio::select! {
            result = verify::verify(args, terminal) => result,
            () = interrupts.next() => Err(interrupted()),
        },
    }
}
