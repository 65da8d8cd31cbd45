//! A world: what exists in the simulated account when it starts, read from a TOML file.
//! It refuses what it does not know, naming the file, the line and the key.

mod builtin;
mod check;
mod documents;
mod elsewhere;
mod events;
mod faults;
mod groups;
mod identities;
mod instances;
mod machines;
mod materials;
mod outcomes;
mod policies;
mod raw;
mod runbooks;

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use self::check::Source;
pub(crate) use self::{
    documents::DocumentSpec,
    faults::fault_of,
    groups::{GroupSpec, InstanceSpec},
    identities::{RoleSpec, UserSpec},
    policies::PolicySpec,
};
use super::{
    elsewhere::Elsewhere,
    fault::Fault,
    kms::Key,
    machines::Image,
    network::Network,
    scripts::Script,
    state::{Event, Outcome},
};

/// The largest file that is read as a world, in bytes.
const LARGEST: u64 = 4 << 20;

/// What exists in the simulated account, validated.
///
/// Made by [`World::load`], [`World::parse`] or [`World::builtin`]; given to
/// [`Sim::start`](super::Sim::start).
#[derive(Debug, Clone)]
pub struct World {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) seed: u64,
    pub(crate) speed: f64,
    pub(crate) visible_after: Duration,
    /// How long an agent that is lost is still said to be Online.
    pub(crate) ping_lag: Duration,
    /// STS hands out sessions in the region.
    pub(crate) sts_active: bool,
    pub(crate) groups: Vec<GroupSpec>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) runbooks: Vec<Script>,
    pub(crate) events: Vec<Event>,
    pub(crate) documents: Vec<DocumentSpec>,
    pub(crate) users: Vec<UserSpec>,
    pub(crate) roles: Vec<RoleSpec>,
    pub(crate) policies: Vec<PolicySpec>,
    pub(crate) elsewhere: Elsewhere,
    pub(crate) network: Network,
    pub(crate) images: Vec<Arc<Image>>,
    pub(crate) keys: Vec<Key>,
    pub(crate) faults: Vec<Fault>,
    /// What the user should know before the world is used.
    pub(crate) notices: Vec<String>,
}

/// How the builtin world's `web` group runs documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// Documents really run where the machine can isolate them, and are scripted elsewhere.
    RealWherePossible,
    /// Documents never run; every outcome is scripted.
    Scripted,
}

/// Why a world cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The world's file cannot be read.
    #[error("could not read the world {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The world has an unknown key or a bad value.
    #[error("{origin}:{line}:{column}: {key}{}{message}", if key.is_empty() { "" } else { ": " })]
    Invalid {
        /// The file, or whatever the text came from.
        origin: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// Such as `group.instance.ping`; empty where the text is no TOML at all.
        key: String,
        /// What is wrong with it.
        message: String,
    },
}

impl World {
    /// Reads the world in a file. Files that it names are read from the file's folder.
    pub fn load(path: &Path) -> Result<Self, WorldError> {
        let bytes =
            read(path).map_err(|source| WorldError::Read { path: path.to_owned(), source })?;
        match String::from_utf8(bytes) {
            Ok(text) => Self::parse(&text, path),
            Err(err) => Err(check::not_text(&err, path.display().to_string())),
        }
    }

    /// Reads a world from its text. `origin` names it in errors, and the files that it names are
    /// read from the folder of `origin`.
    pub fn parse(text: &str, origin: &Path) -> Result<Self, WorldError> {
        let folder = origin.parent().unwrap_or(Path::new("")).to_owned();
        let source = Source::new(text, origin.display().to_string());
        source.world(&|name| std::fs::read_to_string(folder.join(name)))
    }

    /// Returns the world that needs no file: `web` (6 Linux), `batch` (40 Linux; a few failing,
    /// one offline, one in Standby) and `win` (4 Windows).
    pub fn builtin(execution: Execution) -> Self {
        builtin::world(execution)
    }

    /// Returns the number of instances of all groups.
    pub fn instance_count(&self) -> usize {
        self.groups.iter().map(|it| it.instances.len()).sum()
    }

    /// Returns the names of the groups, in their order.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(|it| it.name.as_str())
    }
}

/// Reads a file that nobody has vouched for: it may be a device without an end.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut res = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut res)?;
    if res.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("it is larger than {LARGEST} bytes")));
    }
    Ok(res)
}

/// Shows what the world holds, in a line.
impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (groups, instances) = (self.groups.len(), self.instance_count());
        let plural = |n| if n == 1 { "" } else { "s" };
        write!(
            f,
            "account {} in {}: {groups} group{}, {instances} instance{}",
            self.account,
            self.region,
            plural(groups),
            plural(instances)
        )
    }
}

#[cfg(test)]
mod tests;
