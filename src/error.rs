//! What fleet could not do, said once at the edge: the message, its causes, and what would help.
//! An instance that fails is not an error; it is data.

use std::{error::Error as StdError, io::ErrorKind};

use crate::{
    aws::{AwsError, ConnectError, DocumentError, ProfileError, TargetsError},
    documents::Canned,
    exit::Exit,
    output::{HistoryError, LockError},
    plan::{AboveCeiling, BadParameter, Permission, Refusal},
    sim::{SimError, WorldError},
};

/// A failure of fleet itself, with the exit code that it means. Before the first send every one of
/// them promises that nothing was sent, unless it has more to say of that.
#[derive(Debug)]
pub struct Error {
    pub exit: Exit,
    pub message: String,
    pub causes: Vec<String>,
    pub hints: Vec<String>,
    /// What was or may have been done all the same, to be said instead of the promise.
    pub done: Option<String>,
}

impl Error {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { exit, message, causes: Vec::new(), hints: Vec::new(), done: None }
    }

    /// Returns an error that says what `err` says, with its causes.
    pub fn of(exit: Exit, err: &(dyn StdError + 'static)) -> Self {
        Self::new(exit, err.to_string()).caused_by(err.source())
    }

    pub fn because(mut self, cause: &(dyn StdError + 'static)) -> Self {
        self.causes.push(cause.to_string());
        self.caused_by(cause.source())
    }

    fn caused_by(mut self, cause: Option<&(dyn StdError + 'static)>) -> Self {
        let mut next = cause;
        while let Some(it) = next {
            let text = it.to_string();
            // Libraries repeat their cause in their own message; once is enough.
            if !self.causes.contains(&text) {
                self.causes.push(text);
            }
            next = it.source();
        }
        self
    }

    /// Says `done` where it would be promised that nothing was sent. What was said first stands.
    pub fn but(mut self, done: impl Into<String>) -> Self {
        self.done.get_or_insert_with(|| done.into());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl From<ConnectError> for Error {
    fn from(err: ConnectError) -> Self {
        let it = Self::of(Exit::Setup, &err);
        match &err {
            ConnectError::NoRegion => {
                it.hint("pass --region, or set AWS_REGION or the profile's region")
            }
            ConnectError::Profile(ProfileError::Unreadable { .. }) => {
                it.hint("correct the file, or name others with AWS_CONFIG_FILE")
            }
            ConnectError::Profile(ProfileError::Unknown { known, .. }) if known.is_empty() => it
                .hint("they name none: `aws configure` makes one, AWS_CONFIG_FILE says where they are"),
            ConnectError::Profile(ProfileError::Unknown { known, .. }) => {
                it.hint(format!("they name {}", known.join(", ")))
            }
            ConnectError::NoCredentials(source)
            | ConnectError::NoCredentialsIn { source, .. } => explain(it, source),
            ConnectError::RoleRefused { source, .. } => explain(it, source),
            ConnectError::ForeignRole { .. } => it.hint(
                "the fleet.toml of a working directory chooses roles of one's own account alone: \
                 pass --role-arn ARN, or --config FILE if the file can be trusted",
            ),
            ConnectError::NotIdentified { source, .. } => explain(it, source),
        }
    }
}

impl From<TargetsError> for Error {
    fn from(err: TargetsError) -> Self {
        match &err {
            TargetsError::UnknownGroup { .. } => Self::of(Exit::NothingEligible, &err)
                .hint("names are case-sensitive, and a group lives in one region of one account"),
            TargetsError::Unreadable(source) => explain(Self::of(Exit::Setup, &err), source),
        }
    }
}

impl From<DocumentError> for Error {
    fn from(err: DocumentError) -> Self {
        let it = Self::of(Exit::Setup, &err);
        match &err {
            DocumentError::Unknown { name, .. } if Canned::find(name).is_some() => it.hint(format!(
                "it is one of fleet's own: `fleet docs publish {name}` puts it there, and so does \
                 `fleet run --publish`"
            )),
            DocumentError::Unknown { .. } => it.hint(
                "a document lives in one region, and one that another account shares is named by its \
                 ARN; \
                 `aws ssm list-documents` lists what there is",
            ),
            DocumentError::Unreadable { source, .. } => explain(it, source),
            DocumentError::UnknownVersion { .. }
            | DocumentError::WrongType { .. }
            | DocumentError::NotActive { .. } => it,
        }
    }
}

impl From<Refusal> for Error {
    fn from(err: Refusal) -> Self {
        let is_unlisted = matches!(err, Refusal::NotListable { .. } | Refusal::NotDivisible { .. });
        let exit = match &err {
            Refusal::Parameter(_)
            | Refusal::StopBeforeAll
            | Refusal::StopBeyondAll { .. }
            | Refusal::ShrinkingWave(_) => Exit::Usage,
            Refusal::WrongPlatform { .. }
            | Refusal::NotListable { .. }
            | Refusal::NotDivisible { .. } => Exit::Setup,
            Refusal::NothingMatched { .. } | Refusal::NothingEligible { .. } => {
                Exit::NothingEligible
            }
        };
        let it = Self::of(exit, &err);
        match &err {
            Refusal::Parameter(BadParameter::Missing { name, .. }) => {
                it.hint(format!("pass --param {name}=VALUE"))
            }
            _ if is_unlisted => it.hint(allow(Permission::DescribeAutoScalingGroups)),
            _ => it, // its words say it all
        }
    }
}

impl From<AboveCeiling> for Error {
    fn from(err: AboveCeiling) -> Self {
        let AboveCeiling { what, origin } = err;
        Self { causes: vec![origin], ..Self::new(Exit::Usage, what) }
    }
}

impl From<HistoryError> for Error {
    fn from(err: HistoryError) -> Self {
        let exit = match &err {
            HistoryError::Damaged { .. }
            | HistoryError::Unlisted { .. }
            | HistoryError::Unbegun { .. } => Exit::Setup,
            // What is in the file is of a newer fleet; anything else keeps it from being read.
            HistoryError::Unreadable { source, .. } if source.kind() != ErrorKind::InvalidData => {
                Exit::Setup
            }
            HistoryError::Ambiguous { .. }
            | HistoryError::Unknown { .. }
            | HistoryError::Unreadable { .. }
            | HistoryError::Empty { .. } => Exit::Usage,
        };
        let it = Self::of(exit, &err);
        match &err {
            HistoryError::Damaged { name, .. } => it.hint(format!(
                "`fleet report {name}` shows what can still be read of it, and `fleet cancel {name}` \
                 cancels what that tells of"
            )),
            HistoryError::Unbegun { parent, instead: None, .. } => {
                it.hint(format!("`fleet watch {parent} --continue` begins it anew"))
            }
            HistoryError::Unbegun { instead: Some(run), .. } => {
                it.hint(format!("`fleet watch {run}`: that one has followed instead"))
            }
            HistoryError::Ambiguous { found, .. } => it.hint(found.join(", ")),
            HistoryError::Unknown { .. } => it.hint("`fleet runs` lists what there is"),
            HistoryError::Unreadable { .. }
            | HistoryError::Unlisted { .. }
            | HistoryError::Empty { .. } => it,
        }
    }
}

impl From<LockError> for Error {
    fn from(err: LockError) -> Self {
        let it = Self::of(Exit::Setup, &err);
        match &err {
            LockError::Held { .. } => it.hint("`fleet watch RUN` follows it"),
            LockError::Io { .. } => {
                it.hint("set XDG_STATE_HOME to a directory that can be written")
            }
        }
    }
}

impl From<WorldError> for Error {
    fn from(err: WorldError) -> Self {
        Self::of(Exit::Usage, &err)
    }
}

impl From<SimError> for Error {
    fn from(err: SimError) -> Self {
        Self::of(Exit::Setup, &err)
    }
}

/// Returns which permission is missing, and what it would buy.
pub(crate) fn allow(permission: Permission) -> String {
    let (action, buys) = (permission.action(), permission.buys());
    format!("the caller's policy must allow {action}, which buys {buys}; `fleet policy` writes it")
}

fn explain(it: Error, source: &AwsError) -> Error {
    source.advice().into_iter().fold(it, |it, advice| it.hint(advice.text))
}
