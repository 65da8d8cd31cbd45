//! Takes requests from the wire to their operations and back.
//! It knows the order of things: count, fault, identify, call, answer. Nothing of an operation.

use std::rc::Rc;

use bytes::Bytes;
use futures::FutureExt;
use http::{Request, request::Parts};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde_json::Value;

use super::{
    api::{ApiError, Call},
    autoscaling,
    fault::{Fault, FaultKind, Faults},
    iam::{Protocol, RequestParts},
    ids,
    keyring::Keyring,
    ssm,
    state::Simulator,
    stats::Stats,
    sts::Sts,
    wire::{
        answer::{self, Answer},
        protocol::{self, Asked, Service},
    },
};

/// No operation's request comes near it: a document has 64 KB at most.
const MAX_BODY: usize = 1024 * 1024;

/// Everything that a request meets.
pub(crate) struct Edge {
    pub sim: Rc<Simulator>,
    pub keyring: Keyring,
    pub sts: Sts,
    pub faults: Faults,
    pub stats: Stats,
    /// Apart from `sim.random`, so that the ids of requests do not shift those of commands.
    pub request_ids: std::cell::RefCell<fastrand::Rng>,
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was dropped, as the world orders")]
pub(crate) struct Dropped;

impl Edge {
    /// Answers one request, or has its connection closed.
    pub(crate) async fn serve(&self, request: Request<Incoming>) -> Result<Answer, Dropped> {
        let request_id = ids::uuid(&mut self.request_ids.borrow_mut());
        let (parts, body) = request.into_parts();
        if parts.uri.path().starts_with("/_fleet/") {
            return Ok(self.own(&parts));
        }
        let body = match Limited::new(body, MAX_BODY).collect().await {
            Ok(it) => it.to_bytes(),
            Err(err) if err.is::<LengthLimitError>() => {
                let error = ApiError::new("RequestEntityTooLarge", "Request entity is too large");
                let protocol = protocol::seeming(&parts.headers);
                return Ok(answer::error(&error.with_status(413), protocol, None, &request_id));
            }
            // The client is gone.
            Err(_) => return Err(Dropped),
        };
        match protocol::read(&parts, &body) {
            Ok(asked) => self.answer(&parts, &body, asked, &request_id).await,
            Err(it) => Ok(answer::error(&it.error, it.protocol, None, &request_id)),
        }
    }

    async fn answer(
        &self,
        parts: &Parts,
        body: &Bytes,
        asked: Asked,
        request_id: &str,
    ) -> Result<Answer, Dropped> {
        let service = asked.service();
        let number = self.stats.count(asked.operation());
        let fault = self.faults.strike(asked.operation(), number);
        if let Some(res) = self.before(fault, service, request_id).await {
            return res;
        }
        let res = self.call(parts, body, asked, request_id).await;
        let res = res.unwrap_or_else(|err| self.refuse(&err, service, request_id));
        self.after(fault, res, service, request_id)
    }

    /// Applies a fault that comes before the operation; `None` if the operation goes ahead.
    async fn before(
        &self,
        fault: Option<&Fault>,
        service: Service,
        request_id: &str,
    ) -> Option<Result<Answer, Dropped>> {
        let fault = fault?;
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
            FaultKind::Error500 => internal_error(service),
            FaultKind::Throttle => throttle(service),
            FaultKind::ExpiredToken => expired_token(service),
            FaultKind::DropAfterAccept
            | FaultKind::Error500AfterAccept
            | FaultKind::TruncatedBody => return None,
        };
        Some(Ok(self.refuse(&error, service, request_id)))
    }

    /// Applies a fault that takes away the answer of an operation that was carried out.
    fn after(
        &self,
        fault: Option<&Fault>,
        res: Answer,
        service: Service,
        request_id: &str,
    ) -> Result<Answer, Dropped> {
        match fault.map(|it| it.kind) {
            Some(FaultKind::DropAfterAccept) => Err(Dropped),
            Some(FaultKind::Error500AfterAccept) => {
                Ok(self.refuse(&internal_error(service), service, request_id))
            }
            Some(FaultKind::TruncatedBody) => Ok(truncated(res)),
            _ => Ok(res),
        }
    }

    async fn call(
        &self,
        parts: &Parts,
        body: &Bytes,
        asked: Asked,
        request_id: &str,
    ) -> Result<Answer, ApiError> {
        let service = asked.service();
        let request = RequestParts {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            headers: &parts.headers,
            body,
        };
        let now = self.sim.clock.now();
        let caller = self.keyring.identify(&request, service, now, Timestamp::now())?;
        let operation = asked.operation().to_owned();
        let call = Call { sim: Rc::clone(&self.sim), operation, caller };
        match asked {
            Asked::Json { body, .. } => {
                let res: Value = ssm::call(&call, &body).await?;
                Ok(answer::json(&res, request_id))
            }
            Asked::Form { form, .. } => match service {
                Service::Sts => answer::query(service, &call.operation, request_id, |xml| {
                    self.sts.call(&call, &self.keyring, &form, xml)
                }),
                Service::AutoScaling => {
                    answer::query(service, &call.operation, request_id, |xml| {
                        autoscaling::call(&call, &form, xml)
                    })
                }
                Service::Ec2 | Service::Ssm => {
                    let message = format!(
                        "The action {} is not implemented by this simulator.",
                        call.operation
                    );
                    Err(ApiError::new("UnsupportedOperation", message))
                }
            },
        }
    }

    fn refuse(&self, error: &ApiError, service: Service, request_id: &str) -> Answer {
        self.stats.count_refusal(&error.code);
        answer::error(error, service.protocol(), Some(service), request_id)
    }

    /// Answers what is not AWS's: the simulator's own questions.
    fn own(&self, parts: &Parts) -> Answer {
        match (parts.method.as_str(), parts.uri.path()) {
            ("GET", "/_fleet/stats") => {
                let body = self.stats.to_json(&self.sim).to_string();
                answer::plain(200, "application/json", body)
            }
            (_, "/_fleet/stats") => answer::plain(405, "text/plain", "use GET\n"),
            _ => answer::plain(404, "text/plain", "there is /_fleet/stats\n"),
        }
    }
}

fn internal_error(service: Service) -> ApiError {
    let code = match service.protocol() {
        Protocol::Json => "InternalServerError",
        Protocol::Query => "InternalFailure",
        Protocol::Ec2 => "InternalError",
    };
    ApiError::new(code, "An error occurred on the server side.").with_status(500)
}

fn throttle(service: Service) -> ApiError {
    match service.protocol() {
        Protocol::Json => ApiError::new("ThrottlingException", "Rate exceeded"),
        Protocol::Query => ApiError::new("Throttling", "Rate exceeded"),
        Protocol::Ec2 => {
            ApiError::new("RequestLimitExceeded", "Request limit exceeded.").with_status(503)
        }
    }
}

fn expired_token(service: Service) -> ApiError {
    let wire = super::iam::SigError::ExpiredToken.on_wire(service.protocol());
    ApiError::new(wire.code, wire.message).with_status(wire.status)
}

/// Cuts the body in half, with the length that was promised left out of it: what is there is
/// well-formed HTTP, and no answer.
fn truncated(res: Answer) -> Answer {
    let (parts, body) = res.into_parts();
    // All of it is there, so collecting it does not wait.
    let body = body.collect().now_or_never().and_then(Result::ok);
    let body = body.map_or_else(Bytes::new, http_body_util::Collected::to_bytes);
    http::Response::from_parts(parts, Full::new(body.slice(..body.len() / 2)))
}
