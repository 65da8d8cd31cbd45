//! The workers of an agent: how many documents run on an instance at a time, and which wait.
//! It knows invocations by their numbers, and starts nothing.

use std::collections::{BTreeSet, VecDeque};

/// Documents that an agent runs at a time; others wait on the node (`CommandWorkersLimit`,
/// aws-facts §A.2).
pub(super) const LIMIT: usize = 5;

/// An invocation: its command's sequence number, and its index in the command.
pub(super) type Invoked = (u64, usize);

/// The scripted documents that an instance's agent has. Those that really run have workers of
/// their own kind, in `shell`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workers {
    busy: BTreeSet<Invoked>,
    /// In the order of their arrival. That all of them wait on the node, and none at the service,
    /// is UNVERIFIED: the agent has a buffer of five.
    waiting: VecDeque<Invoked>,
}

impl Workers {
    /// Takes a worker, or has the invocation wait for one; tells whether it may start.
    pub(super) fn take(&mut self, invoked: Invoked) -> bool {
        if self.busy.contains(&invoked) {
            return true; // it was handed the worker that it waited for
        }
        if self.busy.len() < LIMIT {
            return self.busy.insert(invoked);
        }
        self.waiting.push_back(invoked);
        false
    }

    /// Hands the worker of an invocation to the one that has waited longest, and returns that.
    pub(super) fn release(&mut self, invoked: Invoked) -> Option<Invoked> {
        if !self.busy.remove(&invoked) {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.busy.insert(next);
        Some(next)
    }
}
