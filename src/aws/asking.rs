//! One question to the service: paced, asked again as long as it is only throttled, and once more
//! when the session had ended. What changes something is asked once, but for the one in a renewed
//! session: each further try is an event, or is decided by what is seen then. STS is not asked here: it
//! comes before there is a session.

use std::{error::Error as StdError, future::Future};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::time::Instant;

use super::{
    clients::Aws,
    error::{AwsError, ErrorKind, explain},
    scope::no_second_code,
};

/// No list that is read here comes near it (10,000 instances are 200 pages); one that never ends does.
const MOST_PAGES: usize = 2_000;

impl Aws {
    /// Asks until there is an answer, or a refusal that another try would not change.
    pub(super) async fn ask<T, E, F>(
        &self,
        operation: &'static str,
        call: impl Fn() -> F,
    ) -> Result<T, AwsError>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let began = Instant::now();
        let mut is_renewed = false;
        loop {
            self.pacing.turn(operation).await;
            let err = match call().await {
                Ok(answer) => {
                    self.pacing.answered(operation);
                    return Ok(answer);
                }
                Err(err) => self.told(explain(operation, &err)),
            };
            match err.kind {
                ErrorKind::Throttled if self.pacing.is_patient(began) => {
                    self.pacing.throttled(operation);
                }
                ErrorKind::BadCredentials if !is_renewed && self.renew() => is_renewed = true,
                ErrorKind::Denied
                | ErrorKind::Throttled
                | ErrorKind::BadCredentials
                | ErrorKind::SessionOver
                | ErrorKind::NoCredentials
                | ErrorKind::Unreachable
                | ErrorKind::Refused
                | ErrorKind::Ambiguous => return Err(err),
            }
        }
    }

    /// Asks for a change once, and once more in a new session if the old one had ended: that proves
    /// that nothing was done. The call has the SDK's retries off. It keeps no pace.
    pub(super) async fn ask_once<T, E, F>(
        &self,
        operation: &'static str,
        call: impl Fn() -> F,
    ) -> Result<T, AwsError>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let told = |err| self.told(explain(operation, &err));
        match call().await.map_err(told) {
            Err(err) if err.kind == ErrorKind::BadCredentials && self.renew() => {
                call().await.map_err(told)
            }
            answer => answer,
        }
    }

    /// Asks for page after page. `take` gets each of them and returns the token of the next one,
    /// or `None` if it has seen enough.
    pub(super) async fn pages<T, E, F>(
        &self,
        operation: &'static str,
        call: impl Fn(Option<String>) -> F,
        take: impl FnMut(T) -> Option<String>,
    ) -> Result<(), AwsError>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        self.pages_from(None, operation, call, take).await
    }

    /// The same from the page of `token` on, or from the first without one.
    pub(super) async fn pages_from<T, E, F>(
        &self,
        mut token: Option<String>,
        operation: &'static str,
        call: impl Fn(Option<String>) -> F,
        mut take: impl FnMut(T) -> Option<String>,
    ) -> Result<(), AwsError>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        for _ in 0..MOST_PAGES {
            let page = self.ask(operation, || call(token.clone())).await?;
            // At the end it is absent or empty.
            let next = take(page).filter(|it| !it.is_empty());
            if next.is_none() {
                return Ok(());
            }
            if next == token {
                return Err(AwsError::unreadable(operation, "its pages lead back to themselves"));
            }
            token = next;
        }
        Err(AwsError::unreadable(operation, "its pages do not end"))
    }

    /// Returns the error with what only this side knows of a session that has ended: that there
    /// can be no other one.
    pub(super) fn told(&self, err: AwsError) -> AwsError {
        let device = self.session.as_ref().and_then(|it| it.device());
        match device.filter(|_| err.is_expiry()) {
            Some(serial) => no_second_code(serial, err),
            None => err,
        }
    }

    /// Has the next call open a new session; the service says that this one has ended. Returns
    /// whether there can be one.
    pub(super) fn renew(&self) -> bool {
        self.session.as_ref().is_some_and(|it| it.renew())
    }
}
