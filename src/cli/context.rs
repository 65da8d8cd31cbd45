//! What a command finds around it: the time, the seed, where its state is, the way to AWS.

mod connection;
mod preparation;

use std::path::PathBuf;

use jiff::Timestamp;

pub(super) use self::{
    connection::{Connection, connect_beside, connect_for, establish},
    preparation::{Prepared, prepare, prepare_under, region, start_sim},
};
use crate::{
    error::Error,
    exit::Exit,
    output::{History, state_dir},
    plan::RunId,
};

/// The time and the randomness of one command, which tests pin by FLEET_NOW and FLEET_SEED.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub now: Timestamp,
    pub run_id: RunId,
    is_pinned: bool,
}

impl Context {
    /// # Errors
    /// If FLEET_NOW or FLEET_SEED is set and cannot be read.
    pub(super) fn from_env() -> Result<Self, Error> {
        let now = pinned("FLEET_NOW", "a timestamp such as 2024-07-19T05:27:00Z")?;
        let seed: Option<u32> = pinned("FLEET_SEED", "a whole number")?;
        let is_pinned = now.is_some();
        let now = now.unwrap_or_else(Timestamp::now);
        let random = seed.unwrap_or_else(|| fastrand::u32(..));
        Ok(Self { now, run_id: RunId::new(now, random), is_pinned })
    }

    /// Returns the context of the run that the same command begins after this one.
    ///
    /// # Errors
    /// As `from_env`.
    pub(super) fn next(&self) -> Result<Self, Error> {
        Self::from_env()?.beside(&self.run_id)
    }

    /// Returns the context of a run that is not `first`.
    ///
    /// # Errors
    /// As `from_env`.
    pub(super) fn beside(self, first: &RunId) -> Result<Self, Error> {
        if self.run_id != *first {
            return Ok(self);
        }
        // No two runs have one name, also where both are pinned; the seed after this one is for
        // another command.
        let seed = pinned::<u32>("FLEET_SEED", "a whole number")?.unwrap_or_default();
        Ok(Self { run_id: RunId::new(self.now, seed ^ 0x80_0000), ..self })
    }

    /// Returns what tells the time: by the clock, or always what FLEET_NOW says.
    pub(super) fn clock(&self) -> impl Fn() -> Timestamp + use<> {
        let pinned = self.is_pinned.then_some(self.now);
        move || pinned.unwrap_or_else(Timestamp::now)
    }

    /// Returns the time at which a run starts: planning, and the operator's answer, are over.
    pub(super) fn started(&self) -> Timestamp {
        if self.is_pinned { self.now } else { Timestamp::now() }
    }
}

fn pinned<T: std::str::FromStr>(name: &str, wanted: &str) -> Result<Option<T>, Error> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    match text.parse() {
        Ok(it) => Ok(Some(it)),
        Err(_) => Err(Error::new(Exit::Usage, format!("{name} is `{text}`, not {wanted}"))),
    }
}

/// Returns the runs of this machine.
pub(super) fn history() -> Result<History, Error> {
    Ok(History::of(&state_directory()?))
}

/// Returns where fleet keeps its state.
pub(super) fn state_directory() -> Result<PathBuf, Error> {
    state_dir(|name| std::env::var_os(name)).ok_or_else(|| {
        Error::new(Exit::Setup, "there is no directory for the ledger")
            .hint("set XDG_STATE_HOME or HOME")
    })
}
