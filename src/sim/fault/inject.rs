//! Applies the fault that hits a call, before its operation and after it.

use bytes::Bytes;
use futures::FutureExt;
use http_body_util::{BodyExt, Full};

use super::{Fault, FaultKind, pages};
use crate::sim::{
    api::ApiError,
    iam::{Presented, Protocol, SigError},
    server::{Dropped, Edge, Meeting},
    wire::{
        answer::{self, Answer},
        protocol::Asked,
    },
};

/// Takes the token of a page that a fault has made back to what it stands for, and returns it as
/// it was sent.
pub(crate) fn token(asked: &mut Asked) -> String {
    if pages::list_of(asked.operation()).is_none() {
        return String::new();
    }
    pages::unwrap_token(asked)
}

impl Edge {
    /// Applies a fault that comes before the operation; `None` if the operation goes ahead.
    pub(crate) async fn before(
        &self,
        fault: Option<&Fault>,
        meeting: &Meeting<'_>,
    ) -> Option<Result<Answer, Dropped>> {
        let fault = fault?;
        let protocol = meeting.protocol;
        let error = match fault.kind {
            FaultKind::DropBeforeAccept => return Some(Err(Dropped)),
            FaultKind::Html500 => {
                let page = "<html><body><h1>500 Internal Server Error</h1></body></html>";
                return Some(Ok(answer::plain(500, "text/html", page)));
            }
            FaultKind::Delay => {
                self.sim.clock.sleep(fault.delay).await;
                return None;
            }
            FaultKind::Error500 => internal_error(protocol),
            FaultKind::Throttle => throttle(protocol),
            FaultKind::Contention => contention(),
            FaultKind::ExpiredToken => {
                if let Ok(it) = Presented::parse(&meeting.parts.headers) {
                    self.keyring.expire(&it.access_key_id);
                }
                expired_token(protocol)
            }
            FaultKind::DropAfterAccept
            | FaultKind::Error500AfterAccept
            | FaultKind::TruncatedBody
            | FaultKind::EmptyPage
            | FaultKind::RepeatedPage
            | FaultKind::StalePage
            | FaultKind::ShortPage
            | FaultKind::EmptyMessage => return None,
        };
        Some(Ok(self.refuse(&error, meeting)))
    }

    /// Applies a fault that takes away or changes the answer of an operation that was carried
    /// out. `token` is that of the page that was asked for.
    pub(crate) fn after(
        &self,
        fault: Option<&Fault>,
        res: Answer,
        meeting: &Meeting<'_>,
        token: &str,
    ) -> Result<Answer, Dropped> {
        let (operation, protocol) = (meeting.operation.as_str(), meeting.protocol);
        match fault.map(|it| it.kind) {
            Some(FaultKind::DropAfterAccept) => Err(Dropped),
            Some(FaultKind::Error500AfterAccept) => {
                Ok(self.refuse(&internal_error(protocol), meeting))
            }
            // The length that was promised is left out: what is there is well-formed HTTP, and
            // no answer.
            Some(FaultKind::TruncatedBody) => Ok(changed(res, |it| it.slice(..it.len() / 2))),
            Some(FaultKind::EmptyPage) => {
                Ok(changed(res, |it| pages::emptied(it, protocol, operation, token)))
            }
            Some(FaultKind::RepeatedPage) => {
                Ok(changed(res, |it| pages::repeated(it, protocol, operation, token)))
            }
            // The operation knew of these.
            Some(FaultKind::StalePage | FaultKind::ShortPage | FaultKind::EmptyMessage) => Ok(res),
            Some(
                FaultKind::DropBeforeAccept
                | FaultKind::Error500
                | FaultKind::Throttle
                | FaultKind::Contention
                | FaultKind::Delay
                | FaultKind::ExpiredToken
                | FaultKind::Html500,
            )
            | None => Ok(res),
        }
    }
}

fn internal_error(protocol: Protocol) -> ApiError {
    let code = match protocol {
        Protocol::Json | Protocol::Cbor => "InternalServerError",
        Protocol::Query => "InternalFailure",
        Protocol::Ec2 | Protocol::S3 => "InternalError",
    };
    ApiError::new(code, "An error occurred on the server side.").with_status(500)
}

fn throttle(protocol: Protocol) -> ApiError {
    match protocol {
        Protocol::Json | Protocol::Cbor => ApiError::new("ThrottlingException", "Rate exceeded"),
        Protocol::Query => ApiError::new("Throttling", "Rate exceeded"),
        Protocol::S3 => {
            ApiError::new("SlowDown", "Please reduce your request rate.").with_status(503)
        }
        Protocol::Ec2 => {
            ApiError::new("RequestLimitExceeded", "Request limit exceeded.").with_status(503)
        }
    }
}

/// Its words are those of the service model, where all of Auto Scaling's operations can have it.
fn contention() -> ApiError {
    let message = "You already have a pending update to an Amazon EC2 Auto Scaling resource (for \
                   example, an Auto Scaling group, instance, or load balancer).";
    ApiError::new("ResourceContention", message).with_status(500)
}

fn expired_token(protocol: Protocol) -> ApiError {
    let wire = SigError::ExpiredToken.on_wire(protocol);
    ApiError::new(wire.code, wire.message).with_status(wire.status)
}

fn changed(res: Answer, change: impl FnOnce(&Bytes) -> Bytes) -> Answer {
    let (parts, body) = res.into_parts();
    // All of it is there, so collecting it does not wait.
    let body = body.collect().now_or_never().and_then(Result::ok);
    let body = body.map_or_else(Bytes::new, http_body_util::Collected::to_bytes);
    http::Response::from_parts(parts, Full::new(change(&body)))
}
