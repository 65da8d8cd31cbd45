//! Rate control: an execution that starts others, one a target, within its limits.
//! What becomes of them is `engine`'s matter.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    engine::Engine,
    execution::{Execution, Parent, Status},
    parameters::with_defaults,
};
use crate::sim::{
    ids,
    ssm::{pace::Pace, parameters::Given},
};

/// What a parent knows of its targets.
pub(in crate::sim::ssm) struct Rate {
    pub parameter: String,
    /// As they were given.
    pub targets: Value,
    pub target_maps: Value,
    pub max_concurrency: String,
    pub max_errors: String,
    pub errors_allowed: usize,
    pub children: Vec<Child>,
    pub pace: Pace,
}

/// One target.
#[derive(Debug)]
pub(in crate::sim::ssm) struct Child {
    /// What its step is called: the target's value.
    pub target: String,
    pub parameters: Given,
    /// The execution, once it is started.
    pub execution: Option<u64>,
    pub status: Status,
    pub step_id: String,
}

impl Rate {
    pub(super) fn count(&self, is: impl Fn(Status) -> bool) -> usize {
        self.children.iter().filter(|it| is(it.status)).count()
    }

    /// Failed and timed out ones count against MaxErrors. UNVERIFIED of cancelled ones (D7).
    fn errors(&self) -> usize {
        self.count(|it| matches!(it, Status::Failed | Status::TimedOut))
    }

    fn is_over(&self) -> bool {
        self.children.iter().all(|it| it.status.is_terminal())
    }
}

impl Engine<'_> {
    /// Starts as many of a parent's targets as may run now.
    pub(super) fn start_children(&mut self, sequence: u64) {
        loop {
            let Some(parent) = self.execution(sequence) else { return };
            let is_stopped = parent.stop.is_some();
            let id = parent.id.clone();
            let Some(rate) = &mut parent.rate else { return };
            let waits = |it: &Child| it.execution.is_none() && it.status == Status::Pending;
            let Some(child) = rate.children.iter().position(waits) else { break };
            if is_stopped || !rate.pace.take() {
                break;
            }
            rate.children[child].status = Status::InProgress;
            let (target, parameters) =
                (rate.children[child].target.clone(), rate.children[child].parameters.clone());
            let started = self.automations().next_sequence();
            let execution = self.child(sequence, started, child, &id, target, &parameters);
            let Some(execution) = execution else { return };
            self.automations().insert(execution);
            if let Some(rate) = self.execution(sequence).and_then(|it| it.rate.as_mut()) {
                rate.children[child].execution = Some(started);
            }
        }
        self.start_queued();
        self.settle_parent(sequence);
    }

    fn child(
        &mut self,
        parent: u64,
        sequence: u64,
        child: usize,
        parent_id: &str,
        target: String,
        parameters: &Given,
    ) -> Option<Execution> {
        let (seed, at) = (self.sim.seed, self.at);
        let parent_execution = self.state.ssm.automations.executions.get(&parent)?;
        let parameters = with_defaults(&parent_execution.content, parameters);
        let instances = super::start::instances_in(self.state, &parameters);
        let id = ids::named_uuid(seed, "automation", &format!("{parent_id}/{child}"));
        let steps = super::start::steps(seed, &id, &parent_execution.runbook);
        Some(Execution {
            sequence,
            id,
            document: parent_execution.document.clone(),
            version: parent_execution.version.clone(),
            content: parent_execution.content.clone(),
            runbook: parent_execution.runbook.clone(),
            requested: at,
            ended: None,
            status: Status::Pending,
            parameters,
            instances,
            role: parent_execution.role.clone(),
            permits: parent_execution.permits.clone(),
            executed_by: parent_execution.executed_by.clone(),
            tags: BTreeMap::new(),
            steps,
            current: None,
            begun: 0,
            failure_message: None,
            is_doomed: false,
            stop: None,
            is_unwinding: false,
            tick: 0,
            parent: Some(Parent { sequence: parent, id: parent_id.to_owned(), child, target }),
            rate: None,
            memory: BTreeMap::new(),
        })
    }

    /// A child has come to its end: its place is free, or the parent has seen enough errors.
    pub(super) fn child_ended(&mut self, parent: &Parent, status: Status) {
        let Some(rate) = self.execution(parent.sequence).and_then(|it| it.rate.as_mut()) else {
            return;
        };
        rate.children[parent.child].status = status;
        // The ramp waits until a target is completed (C4).
        rate.pace.acknowledge();
        rate.pace.give_back();
        if rate.errors() > rate.errors_allowed {
            // "… stops running the automation on additional targets"; C2, C3: with the N+1st.
            rate.pace.stop();
            self.withhold(parent.sequence);
        }
        self.start_children(parent.sequence);
    }

    /// Ends the targets that were never started. That they are Cancelled is UNVERIFIED.
    pub(super) fn withhold(&mut self, sequence: u64) {
        let Some(rate) = self.execution(sequence).and_then(|it| it.rate.as_mut()) else { return };
        for it in &mut rate.children {
            if it.execution.is_none() && it.status == Status::Pending {
                it.status = Status::Cancelled;
            }
        }
    }

    /// Ends a parent whose targets have all ended. Whether one with errors that were allowed is a
    /// Success is UNVERIFIED, as is one without any target (D6).
    pub(super) fn settle_parent(&mut self, sequence: u64) {
        let Some(parent) = self.execution(sequence) else { return };
        let Some(rate) = &parent.rate else { return };
        if parent.status.is_terminal() || !rate.is_over() {
            return;
        }
        let is_over_budget = rate.errors() > rate.errors_allowed;
        let status = match (parent.stop, is_over_budget) {
            (Some(_), _) => Status::Cancelled,
            (None, true) => Status::Failed,
            (None, false) => Status::Success,
        };
        self.finish(sequence, status);
    }
}
