//! The exit codes, which scripts rely on. 2, 3 and 4 promise that nothing was sent.

use std::process::ExitCode;

/// How fleet ends. The codes of finished runs are those of [`crate::run::Kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Success,
    /// A bad flag or file. Nothing was sent.
    Usage,
    /// Credentials, permissions, the document. Nothing was sent.
    Setup,
    /// Nothing eligible to run on. Nothing was sent.
    NothingEligible,
    /// A bug. Assume that something was sent.
    Bug,
    /// Interrupted before this command sent anything. What an earlier one has sent may go on, and a
    /// document may have been published.
    Interrupted,
    /// As a run's verdict says.
    Verdict(u8),
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Usage => 2,
            Self::Setup => 3,
            Self::NothingEligible => 4,
            Self::Bug => 70,
            Self::Interrupted => 130,
            Self::Verdict(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
