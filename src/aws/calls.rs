//! How many calls were made, by operation, and how many the service slowed down.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{
                AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
                InterceptorContext,
            },
        },
        orchestrator::{HttpResponse, Metadata},
        retries::classifiers::{ClassifyRetry, RetryAction},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use tokio::sync::mpsc;

use super::error::THROTTLES;

/// The books of one connection: every attempt counts, retries included.
#[derive(Debug)]
pub struct CallLog {
    entries: mpsc::UnboundedReceiver<Entry>,
    tally: Tally,
}

/// The sums.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    pub by_operation: BTreeMap<String, u64>,
    /// By operation, too.
    pub throttled: BTreeMap<String, u64>,
}

#[derive(Debug)]
enum Entry {
    Attempt(String),
    Throttled(String),
}

/// Sees every attempt of every client.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    entries: mpsc::UnboundedSender<Entry>,
}

impl CallLog {
    pub(super) fn new() -> (Self, Counter) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let log = Self { entries: receiver, tally: Tally::default() };
        (log, Counter { entries: sender })
    }

    /// Takes over the sums of an earlier connection.
    pub fn absorb(&mut self, mut earlier: Self) {
        let Tally { by_operation, throttled } = earlier.tally().clone();
        for (operation, n) in by_operation {
            *self.tally.by_operation.entry(operation).or_default() += n;
        }
        for (operation, n) in throttled {
            *self.tally.throttled.entry(operation).or_default() += n;
        }
    }

    /// Returns the sums so far.
    pub fn tally(&mut self) -> &Tally {
        while let Ok(entry) = self.entries.try_recv() {
            match entry {
                Entry::Attempt(operation) => {
                    *self.tally.by_operation.entry(operation).or_default() += 1;
                }
                Entry::Throttled(operation) => {
                    *self.tally.throttled.entry(operation).or_default() += 1;
                }
            }
        }
        &self.tally
    }
}

impl Counter {
    /// Counting must not be able to fail a call: if nobody keeps the books, nothing is counted.
    fn count(&self, entry: Entry) {
        self.entries.send(entry).ok();
    }
}

impl Intercept for Counter {
    fn name(&self) -> &'static str {
        "fleet-call-counter"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.count(Entry::Attempt(operation(cfg)));
        Ok(())
    }

    /// Before, the body would not have been read yet.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if is_throttle(context.response()) {
            self.count(Entry::Throttled(operation(cfg)));
        }
        Ok(())
    }
}

fn operation(cfg: &ConfigBag) -> String {
    cfg.load::<Metadata>().map_or("unknown", |it| it.name()).to_owned()
}

fn is_throttle(response: &HttpResponse) -> bool {
    if !(response.status().is_client_error() || response.status().is_server_error()) {
        return false;
    }
    let named = response.headers().get("x-amzn-errortype").unwrap_or_default();
    let body = response.body().bytes().unwrap_or_default();
    let body = String::from_utf8_lossy(&body[..body.len().min(512)]);
    names_throttle(named) || names_throttle(&body)
}

/// Returns whether a header or the beginning of an error names a code that means too fast.
fn names_throttle(text: &str) -> bool {
    text.split(|it: char| !it.is_ascii_alphanumeric()).any(|it| THROTTLES.contains(&it))
}

/// Keeps the SDK from trying again what was throttled: whoever asked knows how fast all calls of
/// the connection may be, and has more patience than three attempts.
#[derive(Debug, Clone, Copy)]
pub(super) struct NotThrottles;

impl ClassifyRetry for NotThrottles {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response() {
            Some(response) if is_throttle(response) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "fleet-not-throttles"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttle_is_known_by_each_of_its_names_and_by_no_other() {
        let check = |text: &str, expected| assert_eq!(names_throttle(text), expected, "{text}");
        check(r#"{"__type":"com.amazonaws.ssm#ThrottlingException","message":"Rate"}"#, true);
        check("<Error><Code>RequestLimitExceeded</Code></Error>", true);
        check("TooManyRequestsException:http://internal.amazon.com/", true);
        check("SlowDown", true);
        check("DocumentLimitExceeded", false);
        check("AccessDeniedException", false);
        check("", false);
    }
}
