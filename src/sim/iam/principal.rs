//! Who makes a request.
//! It holds no policies and no secrets.

use jiff::Timestamp;

/// Who signed a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Principal {
    User(User),
    RoleSession(RoleSession),
    /// The administrator of a world that has no users: everything is allowed.
    Anyone,
}

/// An IAM user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// `arn:aws:iam::A:user/NAME`
    pub(crate) arn: String,
    pub(crate) name: String,
    /// `AIDA…`, the value of `aws:userid`
    pub(crate) id: String,
    pub(crate) tags: Vec<(String, String)>,
}

/// Temporary credentials of an assumed role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleSession {
    /// `arn:aws:sts::A:assumed-role/ROLE/SESSION`
    pub(crate) arn: String,
    /// `arn:aws:iam::A:role/PATH/ROLE`
    pub(crate) role_arn: String,
    /// `AROA…:SESSION`, the value of `aws:userid`
    pub(crate) id: String,
    /// The session's tags, then the role's (a session tag wins over a role's tag of that name).
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) issued: Timestamp,
    /// When a one-time code was shown to assume the role. A chained session has none.
    pub(crate) mfa: Option<Timestamp>,
    pub(crate) source_identity: Option<String>,
}

impl Principal {
    /// Returns the ARN that denials and GetCallerIdentity show; `Anyone` has none.
    pub(crate) fn arn(&self) -> Option<&str> {
        match self {
            Self::User(it) => Some(&it.arn),
            Self::RoleSession(it) => Some(&it.arn),
            Self::Anyone => None,
        }
    }

    /// Returns the twelve digits of the principal's account.
    pub(crate) fn account(&self) -> Option<&str> {
        self.arn().and_then(account_of)
    }

    /// Tells whether an AssumeRole by this principal is role chaining.
    pub(crate) fn is_role_session(&self) -> bool {
        matches!(self, Self::RoleSession(_))
    }
}

/// Returns the account field of an ARN.
pub(super) fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|it| !it.is_empty())
}

/// Callers for the tests of this module's neighbours.
#[cfg(test)]
pub(super) mod fixtures {
    use super::*;

    pub(in super::super) fn user(account: &str) -> Principal {
        Principal::User(User {
            arn: format!("arn:aws:iam::{account}:user/ann"),
            name: "ann".to_owned(),
            id: "AIDAANN".to_owned(),
            tags: vec![],
        })
    }

    pub(in super::super) fn session() -> Principal {
        Principal::RoleSession(RoleSession {
            arn: "arn:aws:sts::123456789012:assumed-role/base/s".to_owned(),
            role_arn: "arn:aws:iam::123456789012:role/path/base".to_owned(),
            id: "AROABASE:s".to_owned(),
            tags: vec![],
            issued: Timestamp::UNIX_EPOCH,
            mfa: None,
            source_identity: None,
        })
    }
}
