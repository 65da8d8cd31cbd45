//! Where SDK errors die: what was attempted, what the service said, and what kind of trouble it is.

use std::error::Error as StdError;

use aws_smithy_runtime_api::{
    client::{orchestrator::HttpResponse, result::SdkError},
    http::StatusCode,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::action::action_of;

/// A call that failed. Nothing outside `aws` matches on the service's strings.
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed: {}", said(code, message))]
pub struct AwsError {
    pub operation: &'static str,
    pub kind: ErrorKind,
    /// The service's short name of the error; empty if the service did not answer.
    pub code: String,
    pub message: String,
    pub request_id: Option<String>,
}

/// The retryable throttling codes of both SDKs (aws-smithy-runtime 1.16.2).
pub(super) const THROTTLES: [&str; 11] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
];

/// What kind of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller lacks the permission.
    Denied,
    Throttled,
    /// The credentials are expired or not known to the service.
    BadCredentials,
    /// The session has ended, and only another code of an MFA device would open another one.
    SessionOver,
    /// No credentials could be had at all.
    NoCredentials,
    /// The connection was never made, so nothing was asked.
    Unreachable,
    /// The service said no to this request.
    Refused,
    /// No answer, or none that can be read: what was asked may have been done.
    Ambiguous,
}

impl AwsError {
    /// Says that an answer came that cannot be made use of, and why: the request was out.
    pub(super) fn unreadable(operation: &'static str, why: &str) -> Self {
        Self {
            operation,
            kind: ErrorKind::Ambiguous,
            code: String::new(),
            message: why.to_owned(),
            request_id: None,
        }
    }

    /// Returns the action of the caller's policy that this call needs.
    pub fn action(&self) -> String {
        action_of(self.operation).to_owned()
    }

    /// Returns whether the service says that a session has ended.
    pub(super) fn is_expiry(&self) -> bool {
        self.code.starts_with("ExpiredToken")
    }

    /// Returns whether the service proved that it did nothing. Where it has another request under the
    /// same token, it has taken that one (StartAutomationExecution, ClientToken).
    pub fn is_proof_of_nothing(&self) -> bool {
        self.kind != ErrorKind::Ambiguous && self.code != "IdempotentParameterMismatch"
    }
}

fn said(code: &str, message: &str) -> String {
    match (code, message) {
        ("", message) => message.to_owned(),
        (code, "") => code.to_owned(),
        (code, message) => format!("{code}: {message}"),
    }
}

/// Returns what `err`, which `operation` came back with, means.
pub(super) fn explain<E>(operation: &'static str, err: &SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let request_id = err.raw_response().and_then(|it| {
        let id = it.headers().get("x-amzn-requestid").or(it.headers().get("x-amz-request-id"));
        id.map(ToOwned::to_owned)
    });
    let status = err.raw_response().map(|it| it.status());
    let make = |kind, code: &str, message: String| AwsError {
        operation,
        kind,
        code: code.to_owned(),
        message,
        request_id: request_id.clone(),
    };
    match err {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or_default();
            let message = service.err().message().unwrap_or_default().to_owned();
            let message = match status {
                Some(status) if code.is_empty() && message.is_empty() => {
                    format!("HTTP {status} without a word of AWS: is this AWS's endpoint?")
                }
                _ => message,
            };
            make(kind_of(code, status), code, message)
        }
        SdkError::ConstructionFailure(_) => make(ErrorKind::Refused, "", chain(err)),
        SdkError::DispatchFailure(_) => {
            let kind = if never_connected(err) {
                ErrorKind::Unreachable
            } else if chain(err).contains("credentials") {
                ErrorKind::NoCredentials
            } else {
                ErrorKind::Ambiguous
            };
            make(kind, "", chain(err))
        }
        // Timeouts, unreadable answers, and whatever the SDK may add: the request was out.
        _ => make(ErrorKind::Ambiguous, "", chain(err)),
    }
}

fn kind_of(code: &str, status: Option<StatusCode>) -> ErrorKind {
    match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => ErrorKind::Denied,
        it if THROTTLES.contains(&it) => ErrorKind::Throttled,
        // So many executions wait already that no more are taken (StartAutomationExecution
        // reference); they end by themselves.
        "AutomationExecutionLimitExceededException" => ErrorKind::Throttled,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidAccessKeyId"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "AuthFailure"
        | "OptInRequired"
        | "RequestExpired"
        | "RequestTimeTooSkewed" => ErrorKind::BadCredentials,
        _ if status.is_some_and(|it| it.is_server_error()) => ErrorKind::Ambiguous,
        // A refusal has a 4xx status and a name; anything else proves nothing.
        _ if code.is_empty() => ErrorKind::Ambiguous,
        _ => ErrorKind::Refused,
    }
}

/// Returns whether the connection itself failed, so that not a byte of the request went out.
fn never_connected(err: &(dyn StdError + 'static)) -> bool {
    causes(err).any(|it| {
        it.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|it| it.is_connect())
    })
}

/// Walks an error and its causes.
fn causes<'a>(
    err: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(err);
    std::iter::from_fn(move || {
        let it = next?;
        next = it.source();
        Some(it)
    })
}

/// Returns an error and its causes on one line, each once.
pub(super) fn chain(err: &(dyn StdError + 'static)) -> String {
    let mut texts: Vec<String> = causes(err).map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_named_refusal_proves_that_nothing_was_done() {
        let check = |code: &str, status: u16, kind| {
            let status = StatusCode::try_from(status).unwrap();
            assert_eq!(kind_of(code, Some(status)), kind, "{code} {status}");
        };
        check("InvalidInstanceId", 400, ErrorKind::Refused);
        check("ThrottlingException", 400, ErrorKind::Throttled);
        check("AccessDeniedException", 400, ErrorKind::Denied);
        check("AccessDenied", 403, ErrorKind::Denied);
        check("ExpiredTokenException", 400, ErrorKind::BadCredentials);
        check("InternalServerError", 500, ErrorKind::Ambiguous);
        check("", 400, ErrorKind::Ambiguous);
        check("", 502, ErrorKind::Ambiguous);
    }

    #[test]
    fn a_token_that_is_taken_proves_that_something_was_started() {
        let err = |code: &str| AwsError {
            operation: "StartAutomationExecution",
            kind: kind_of(code, Some(StatusCode::try_from(400).unwrap())),
            code: code.to_owned(),
            message: String::new(),
            request_id: None,
        };
        assert!(err("AutomationDefinitionNotFoundException").is_proof_of_nothing());
        assert!(!err("IdempotentParameterMismatch").is_proof_of_nothing());
    }
}
