//! Takes requests from the wire to their operations and back.
//! It knows the order of things: count, fault, identify, call, answer. Nothing of an operation.

use std::{cell::RefCell, rc::Rc, time::Duration};

use bytes::Bytes;
use http::{Request, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    api::{ApiError, Call, Pages},
    autoscaling, cloudwatch, ec2,
    fault::{Fault, FaultKind, Faults, inject, orders},
    iam::{Protocol, RequestParts},
    identity, ids,
    keyring::Keyring,
    kms, logs, s3, ssm,
    state::Simulator,
    stats::{Answered, Stats},
    sts::Sts,
    timeline,
    wire::{
        answer::{self, Answer},
        protocol::{self, Asked, Service, no_action},
    },
};

/// No operation's request comes near it: a document has 64 KB at most.
const MAX_BODY: usize = 1024 * 1024;

/// How long a connection may keep the simulator waiting for a request, or for the rest of one.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that a request meets.
pub(crate) struct Edge {
    pub sim: Rc<Simulator>,
    pub keyring: Keyring,
    pub sts: Sts,
    pub faults: Faults,
    pub stats: Stats,
    pub answered: RefCell<Answered>,
    /// Apart from `sim.random`, so that the ids of requests do not shift those of commands.
    pub request_ids: RefCell<fastrand::Rng>,
}

/// A request that is for an operation.
pub(crate) struct Meeting<'a> {
    pub parts: Parts,
    pub body: Bytes,
    pub service: Service,
    pub protocol: Protocol,
    pub operation: String,
    pub request_id: &'a str,
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was dropped, as the world orders or the client gave reason to")]
pub(crate) struct Dropped;

impl Edge {
    /// Answers one request, or has its connection closed.
    pub(crate) async fn serve(&self, request: Request<Incoming>) -> Result<Answer, Dropped> {
        let request_id = ids::uuid(&mut self.request_ids.borrow_mut());
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, MAX_BODY).collect();
        // What is not there by then never comes.
        let Ok(body) = tokio::time::timeout(PATIENCE, body).await else { return Err(Dropped) };
        let body = match body {
            Ok(it) => it.to_bytes(),
            Err(err) if err.is::<LengthLimitError>() => {
                let error = ApiError::new("RequestEntityTooLarge", "Request entity is too large");
                let protocol = protocol::seeming(&parts.headers);
                return Ok(answer::error(&error.with_status(413), protocol, None, &request_id));
            }
            // The client is gone.
            Err(_) => return Err(Dropped),
        };
        if parts.uri.path().starts_with("/_fleet/") {
            return Ok(self.own(&parts, &body));
        }
        match protocol::read(&parts, &body) {
            Ok(asked) => {
                let (service, protocol) = (asked.service(), asked.protocol());
                let (operation, request_id) = (asked.operation().to_owned(), &*request_id);
                let meeting = Meeting { parts, body, service, protocol, operation, request_id };
                self.answer(&meeting, asked).await
            }
            Err(it) => Ok(answer::error(&it.error, it.protocol, None, &request_id)),
        }
    }

    async fn answer(&self, meeting: &Meeting<'_>, mut asked: Asked) -> Result<Answer, Dropped> {
        self.stats.count(&meeting.operation);
        let fault = self.faults.strike(&meeting.operation, self.sim.clock.now());
        let fault = fault.as_deref();
        let token = inject::token(&mut asked);
        if let Some(res) = self.before(fault, meeting).await {
            return res;
        }
        let as_of = fault.and_then(|it| self.as_of(it, &meeting.operation));
        let page = match fault.map(|it| it.kind) {
            Some(FaultKind::ShortPage) => Pages::Short,
            _ => Pages::Full, // of no other fault does the operation know
        };
        let res = self.call(meeting, asked, as_of, page).await;
        self.answered.borrow_mut().note(&meeting.operation, self.sim.clock.now());
        let res = res.unwrap_or_else(|mut err| {
            if fault.is_some_and(|it| it.kind == FaultKind::EmptyMessage) {
                err.message = None;
            }
            self.refuse(&err, meeting)
        });
        self.after(fault, res, meeting, &token)
    }

    /// Returns the instant whose state a stale page shows.
    fn as_of(&self, fault: &Fault, operation: &str) -> Option<Timestamp> {
        if fault.kind != FaultKind::StalePage {
            return None;
        }
        let last = self.answered.borrow_mut().last(operation);
        let last = last.unwrap_or_else(|| self.sim.clock.now());
        let age = SignedDuration::try_from(fault.age).unwrap_or(SignedDuration::MAX);
        Some(last.saturating_sub(age).unwrap_or(Timestamp::MIN))
    }

    async fn call(
        &self,
        meeting: &Meeting<'_>,
        asked: Asked,
        as_of: Option<Timestamp>,
        pages: Pages,
    ) -> Result<Answer, ApiError> {
        let Meeting { parts, body, service, protocol, request_id, .. } = meeting;
        let (service, protocol) = (*service, *protocol);
        let request = RequestParts {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            headers: &parts.headers,
            body,
        };
        let now = self.sim.clock.now();
        let caller = self.keyring.identify(&request, (service, protocol), now, Timestamp::now())?;
        let operation = meeting.operation.clone();
        let call = Call { sim: Rc::clone(&self.sim), operation, caller, as_of, pages };
        match asked {
            Asked::Json { body, .. } => {
                let res: Value = match service {
                    Service::CloudWatch => cloudwatch::call(&call, &body?)?,
                    Service::Logs => logs::call(&call, &body?)?,
                    Service::Kms => kms::call(&call, &body?)?,
                    // No other service is asked this way.
                    Service::Ssm
                    | Service::Sts
                    | Service::AutoScaling
                    | Service::Ec2
                    | Service::Iam
                    | Service::S3 => ssm::call(&call, &body?).await?,
                };
                Ok(answer::json(&res, service, protocol, request_id))
            }
            Asked::S3(place) => s3::call(&call, &place, request_id),
            Asked::Form { form, .. } => match service {
                Service::Sts => answer::query(service, &call.operation, request_id, |xml| {
                    self.sts.call(&call, &self.keyring, &form, xml)
                }),
                Service::AutoScaling => {
                    answer::query(service, &call.operation, request_id, |xml| {
                        autoscaling::call(&call, &form, xml)
                    })
                }
                Service::Ec2 => {
                    answer::ec2(&call.operation, request_id, |xml| ec2::call(&call, &form, xml))
                }
                Service::Iam => answer::query(service, &call.operation, request_id, |xml| {
                    identity::call(&call, &form, xml)
                }),
                Service::CloudWatch => answer::query(service, &call.operation, request_id, |xml| {
                    let res = cloudwatch::call(&call, &cloudwatch::asked(&form)?)?;
                    cloudwatch::write(&res, xml);
                    Ok(())
                }),
                // They are asked otherwise.
                Service::Ssm | Service::Logs | Service::Kms | Service::S3 => {
                    Err(no_action(&call.operation, ""))
                }
            },
        }
    }

    pub(crate) fn refuse(&self, error: &ApiError, meeting: &Meeting<'_>) -> Answer {
        self.stats.count_refusal(&error.code);
        let (service, protocol) = (meeting.service, meeting.protocol);
        let of_old = (service == Service::CloudWatch && protocol == Protocol::Query)
            .then(|| cloudwatch::in_queries(error));
        let error = of_old.as_ref().unwrap_or(error);
        answer::error(error, protocol, Some(service), meeting.request_id)
    }

    /// Answers what is not AWS's: the simulator's own questions.
    fn own(&self, parts: &Parts, body: &[u8]) -> Answer {
        match (parts.method.as_str(), parts.uri.path()) {
            (_, "/_fleet/faults") => orders::answer(&self.faults, parts, body),
            ("GET", "/_fleet/stats") => {
                // Nothing else may have looked since something was due.
                timeline::catch_up(&self.sim);
                let body = self.stats.to_json(&self.sim).to_string();
                answer::plain(200, "application/json", body)
            }
            (_, "/_fleet/stats") => answer::plain(405, "text/plain", "use GET\n"),
            _ => answer::plain(404, "text/plain", "there are /_fleet/stats and /_fleet/faults\n"),
        }
    }
}
