//! `fleet sim`: the simulated AWS on its own, for any client.

use std::path::PathBuf;

use clap::Args;

use super::context::start_sim;
use crate::{error::Error, exit::Exit, output::Terminal, signal::Interrupts};

/// Serve a simulated AWS on this machine until stopped
#[derive(Debug, Clone, Args)]
pub(super) struct SimArgs {
    /// The world to simulate; without it, the built-in one
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Port on the loopback interface; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
}

pub(super) async fn sim(
    args: &SimArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let sim = start_sim(args.world.as_deref(), args.port)?;
    for notice in sim.notices() {
        terminal.note(&notice);
    }
    for (name, value) in sim.exports() {
        terminal.line(&format!("export {name}={}", shell_words::quote(&value)));
    }
    terminal.note("serving until interrupted; paste the lines above into another shell");
    interrupts.next().await;
    sim.stop();
    Ok(Exit::Success)
}
