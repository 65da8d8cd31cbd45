//! What an operation is given and what it may answer, whatever the protocol on the wire.

use std::rc::Rc;

use jiff::Timestamp;

pub(crate) use super::authority::Facts;
use super::{
    authority::{self, Authority},
    state::Simulator,
};

/// An answer that is an error, in AWS's own terms; `server` turns it into the protocol's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// HTTP status: 400 unless the service says otherwise.
    pub status: u16,
    /// The short name, such as `InvalidInstanceId`.
    pub code: String,
    /// `None` where the service sends no message member.
    pub message: Option<String>,
}

impl ApiError {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.to_owned(), message: Some(message.into()) }
    }

    /// An error that AWS sends without a message member, such as `InvalidCommandId`.
    pub(crate) fn bare(code: &str) -> Self {
        Self { status: 400, code: code.to_owned(), message: None }
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

/// One authenticated request to one operation.
pub(crate) struct Call {
    pub sim: Rc<Simulator>,
    pub operation: String,
    pub caller: Caller,
    /// The instant whose state is to be shown; `None`: now. A fault can order it.
    pub as_of: Option<Timestamp>,
    pub pages: Pages,
}

/// How much of what was asked for a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pages {
    Full,
    /// Half of it: "pages may be shorter than MaxResults" (aws-facts §3.4). A fault can order it.
    Short,
}

impl Pages {
    /// Returns how many items a page of `size` has.
    pub(crate) fn of(self, size: usize) -> usize {
        match self {
            Self::Full => size,
            Self::Short => (size / 2).max(1),
        }
    }
}

/// Who signed the request and what they may do.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Such as `arn:aws:sts::123456789012:assumed-role/web/session`.
    pub arn: String,
    /// Such as `AROA…:session`.
    pub user_id: String,
    /// What `Call::authorize` decides by.
    pub authority: Rc<Authority>,
}

#[cfg(test)]
impl Caller {
    /// The caller of a world without users, who may do everything.
    pub(crate) fn administrator(account: &str) -> Self {
        Rc::new(Authority::administrator(account, 1)).caller()
    }
}

impl Call {
    /// Refuses with the service's own error unless the caller may do `action` on `resource`
    /// (`None`: the action knows no resources), as far as conditions see of it.
    pub(crate) fn authorize(
        &self,
        action: &str,
        resource: Option<&str>,
        facts: &Facts,
    ) -> Result<(), ApiError> {
        authority::authorize(self, action, resource, facts)
    }
}
