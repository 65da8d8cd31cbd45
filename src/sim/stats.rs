//! Counts what was asked, for `GET /_fleet/stats`.
//! It counts no time.

use std::{cell::RefCell, collections::BTreeMap};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::Simulator;

/// The calls since the start.
#[derive(Default)]
pub(crate) struct Stats {
    calls: RefCell<BTreeMap<String, u64>>,
    throttled: RefCell<u64>,
}

/// A client may make up operations; so many different ones are counted at most.
const MAX_OPERATIONS: usize = 500;

impl Stats {
    /// Counts a call.
    pub(crate) fn count(&self, operation: &str) {
        let mut calls = self.calls.borrow_mut();
        let is_plain =
            operation.len() <= 64 && operation.bytes().all(|it| it.is_ascii_alphanumeric());
        if let Some(it) = calls.get_mut(operation) {
            *it += 1;
        } else if is_plain && calls.len() < MAX_OPERATIONS {
            calls.insert(operation.to_owned(), 1);
        }
    }

    /// Counts an answer if it is a throttle.
    pub(crate) fn count_refusal(&self, code: &str) {
        if ["ThrottlingException", "Throttling", "RequestLimitExceeded"].contains(&code) {
            *self.throttled.borrow_mut() += 1;
        }
    }

    pub(crate) fn to_json(&self, sim: &Simulator) -> Value {
        let state = sim.state.borrow();
        json!({
            "calls": &*self.calls.borrow(),
            "throttled": *self.throttled.borrow(),
            "commands": state.ssm.command_count(),
            "executions": &state.executions,
            // Both in simulated time: how long ago that was is what a client can measure.
            "now": sim.clock.now(),
            "last_finished": state.ssm.last_finished(),
            "peak": state.ssm.peak(sim.clock.now()),
        })
    }
}

/// When the operations that can be stale were last answered.
#[derive(Default)]
pub(crate) struct Answered {
    commands: Option<Timestamp>,
    invocations: Option<Timestamp>,
}

impl Answered {
    pub(crate) fn note(&mut self, operation: &str, at: Timestamp) {
        if let Some(it) = self.place(operation) {
            *it = Some(at);
        }
    }

    pub(crate) fn last(&mut self, operation: &str) -> Option<Timestamp> {
        self.place(operation).and_then(|it| *it)
    }

    fn place(&mut self, operation: &str) -> Option<&mut Option<Timestamp>> {
        match operation {
            "ListCommands" => Some(&mut self.commands),
            "ListCommandInvocations" => Some(&mut self.invocations),
            _ => None, // the others have no past
        }
    }
}
