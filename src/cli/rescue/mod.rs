//! `fleet rescue`: what would happen to instances that no longer boot, and what it takes.

mod plan;
mod prepare;

use clap::{Args, Subcommand};

use crate::{
    error::Error,
    exit::Exit,
    output::{Format, Terminal},
};

/// Offline recovery of instances that no longer boot: what it takes, and what would fail
#[derive(Debug, Clone, Args)]
pub(super) struct RescueArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, Subcommand)]
enum Action {
    Plan(Box<plan::PlanArgs>),
    Prepare(prepare::PrepareArgs),
}

impl RescueArgs {
    pub(super) fn terminal(&self) -> Terminal {
        match &self.action {
            Action::Plan(args) => args.output.terminal(),
            Action::Prepare(args) => Terminal::new(Format::Human, args.quiet),
        }
    }
}

pub(super) async fn rescue(args: &RescueArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    match &args.action {
        Action::Plan(args) => plan::plan(args, terminal).await,
        Action::Prepare(args) => Ok(prepare::prepare(args, terminal)),
    }
}
