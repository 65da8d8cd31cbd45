//! `fleet rescue`: instances that no longer boot are brought back, what would happen to them, and what
//! it takes.

mod drafting;
mod manner;
mod plan;
mod prepare;
mod resume;
mod returning;
mod run;
mod selecting;
mod wrecks;

use clap::{Args, Subcommand};

pub(super) use self::run::write_intents;
use crate::{
    error::Error,
    exit::Exit,
    output::{Format, Terminal},
    signal::Interrupts,
};

/// Offline recovery of instances that no longer boot: what it takes, what would fail, and doing it
#[derive(Debug, Clone, Args)]
pub(super) struct RescueArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, Subcommand)]
enum Action {
    Plan(Box<plan::PlanArgs>),
    Crowdstrike(Box<run::CrowdstrikeArgs>),
    Script(Box<run::ScriptArgs>),
    Resume(Box<resume::ResumeArgs>),
    Prepare(prepare::PrepareArgs),
}

impl RescueArgs {
    pub(super) fn terminal(&self) -> Terminal {
        match &self.action {
            Action::Plan(args) => args.output.terminal(),
            Action::Crowdstrike(args) => args.how.output.terminal(),
            Action::Script(args) => args.how.output.terminal(),
            Action::Resume(args) => args.output.terminal(),
            Action::Prepare(args) => Terminal::new(Format::Human, args.quiet),
        }
    }
}

pub(super) async fn rescue(
    args: &RescueArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    match &args.action {
        Action::Plan(args) => tokio::select! {
            result = plan::plan(args, terminal) => result,
            () = interrupts.next() => Err(Error::new(Exit::Interrupted, "interrupted")),
        },
        Action::Crowdstrike(args) => run::crowdstrike(args, terminal, interrupts).await,
        Action::Script(args) => run::script(args, terminal, interrupts).await,
        Action::Resume(args) => resume::resume(args, terminal, interrupts).await,
        Action::Prepare(args) => Ok(prepare::prepare(args, terminal)),
    }
}
