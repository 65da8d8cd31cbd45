//! Moves executions through simulated time: the queue of the account, step after step, and where
//! each leads. It is told the instant and never waits: what comes later goes to the timeline.

use std::{rc::Rc, time::Duration};

use jiff::Timestamp;

use super::{
    Automations,
    execution::{Execution, Failure, Status, Stop},
    play::{self, Play},
    runbook::{Step, Turn},
};
use crate::sim::{
    state::{Simulator, State},
    timeline::{Happening, plus},
};

/// "Each AWS account can run 100 automations simultaneously. This includes child automations"
/// (quotas of Systems Manager).
pub(super) const RUNNING: usize = 100;
/// Of them, rate control automations.
pub(super) const RATES_RUNNING: usize = 25;

/// No runbook here takes so many steps; one that goes in a circle does.
const MAX_STEPS: usize = 1_000;

/// How long Automation takes to cancel what runs.
const CANCEL: Duration = Duration::from_secs(1);

/// The account at an instant at which executions move.
pub(super) struct Engine<'a> {
    pub sim: &'a Simulator,
    pub state: &'a mut State,
    pub at: Timestamp,
}

/// Lets happen what an execution was waiting for.
pub(crate) fn automate(
    sim: &Simulator,
    state: &mut State,
    sequence: u64,
    tick: u64,
    at: Timestamp,
) {
    let mut engine = Engine { sim, state, at };
    let Some(execution) = engine.execution(sequence).filter(|it| it.tick == tick) else { return };
    match (execution.status, execution.current) {
        (Status::Cancelling, Some(step)) if execution.is_unwinding => {
            engine.step_due(sequence, step);
        }
        (Status::Cancelling, _) => engine.cancelled(sequence),
        (_, Some(step)) => engine.step_due(sequence, step),
        (_, None) => {} // it had nothing under way
    }
}

impl Engine<'_> {
    pub(super) fn automations(&mut self) -> &mut Automations {
        &mut self.state.ssm.automations
    }

    pub(super) fn execution(&mut self, sequence: u64) -> Option<&mut Execution> {
        self.automations().executions.get_mut(&sequence)
    }

    /// Starts what waits for a place, the oldest first.
    pub(super) fn start_queued(&mut self) {
        loop {
            let automations = self.automations();
            let (n, n_rates) = automations.running();
            if n >= RUNNING {
                return;
            }
            let may_start = |it: &&Execution| {
                it.status == Status::Pending && (it.rate.is_none() || n_rates < RATES_RUNNING)
            };
            let next = automations.active().find(may_start).map(|it| it.sequence);
            let Some(next) = next else { return };
            self.start(next);
        }
    }

    fn start(&mut self, sequence: u64) {
        let Some(execution) = self.execution(sequence) else { return };
        execution.status = Status::InProgress;
        if execution.rate.is_some() {
            self.start_children(sequence);
            return;
        }
        let (document, instances) = (execution.document.clone(), execution.instances.clone());
        for it in instances {
            let by_document = self.state.executions.entry(it).or_default();
            *by_document.entry(document.clone()).or_default() += 1;
        }
        self.begin_step(sequence, 0);
    }

    fn begin_step(&mut self, sequence: u64, step: usize) {
        let at = self.at;
        let Some(execution) = self.execution(sequence) else { return };
        execution.begun += 1;
        if execution.begun > MAX_STEPS {
            let message =
                format!("This simulator plays {MAX_STEPS} steps of a runbook at the most.");
            execution.failure_message = Some(message);
            self.finish(sequence, Status::Failed);
            return;
        }
        let inputs = execution.inputs(step);
        execution.current = Some(step);
        let run = &mut execution.steps[step];
        (run.status, run.started, run.ended, run.inputs) =
            (Status::InProgress, Some(at), None, inputs);
        let Play { after, status } = play::of(self.sim, self.state, sequence, step, at);
        let Some(execution) = self.execution(sequence) else { return };
        execution.steps[step].status = status;
        if execution.stop.is_none() {
            execution.status = status;
        }
        let Some(after) = after else { return };
        self.due(sequence, after);
    }

    fn due(&mut self, sequence: u64, after: Duration) {
        let at = plus(self.at, after);
        let Some(execution) = self.execution(sequence) else { return };
        execution.tick += 1;
        let tick = execution.tick;
        self.state.timeline.push(at, Happening::Automates(sequence, tick));
    }

    fn step_due(&mut self, sequence: u64, step: usize) {
        let end = play::end(self.sim, self.state, sequence, step, self.at);
        let at = self.at;
        let Some(execution) = self.execution(sequence) else { return };
        let run = &mut execution.steps[step];
        run.ended = Some(at);
        let runbook = Rc::clone(&execution.runbook);
        let declared = &runbook.steps[step];
        let (status, failure) = match end {
            Ok(outputs) => {
                run.outputs = outputs;
                (Status::Success, None)
            }
            Err((status, failure)) => (status, Some(failure)),
        };
        run.status = status;
        run.failure.clone_from(&failure);
        if execution.stop == Some(Stop::Complete) {
            // UNVERIFIED: no text tells the status of an execution that was completed early.
            let status = if failure.is_some() { Status::Failed } else { Status::Cancelled };
            execution.failure_message = failure.map(|it| it.message);
            self.finish(sequence, status);
            return;
        }
        let next = match &failure {
            None => Ok(following(declared, execution, step)),
            Some(failure) => after_failure(declared, failure, execution, step),
        };
        match next {
            Ok(Some(next)) => self.begin_step(sequence, next),
            Ok(None) => {
                let is_doomed = execution.is_doomed;
                let ended = match (execution.status, is_doomed) {
                    (Status::Cancelling, _) => Status::Cancelled,
                    (_, true) => Status::Failed,
                    (_, false) => Status::Success,
                };
                self.finish(sequence, ended);
            }
            Err(status) => self.finish(sequence, status),
        }
    }

    /// Cancels what runs, as soon as Automation gets to it.
    pub(super) fn cancel(&mut self, sequence: u64) {
        let Some(execution) = self.execution(sequence) else { return };
        if execution.status == Status::Pending {
            self.finish(sequence, Status::Cancelled);
            return;
        }
        execution.status = Status::Cancelling;
        self.due(sequence, CANCEL);
    }

    fn cancelled(&mut self, sequence: u64) {
        let at = self.at;
        let Some(execution) = self.execution(sequence) else { return };
        let Some(step) = execution.current else {
            self.finish(sequence, Status::Cancelled);
            return;
        };
        let run = &mut execution.steps[step];
        (run.status, run.ended) = (Status::Cancelled, Some(at));
        match execution.runbook.steps[step].on_cancel.clone() {
            Turn::Step(next) => {
                execution.is_unwinding = true;
                if let Some(next) = execution.runbook.place(&next) {
                    self.begin_step(sequence, next);
                }
            }
            Turn::Abort | Turn::Continue => self.finish(sequence, Status::Cancelled),
        }
    }

    pub(super) fn finish(&mut self, sequence: u64, status: Status) {
        let at = self.at;
        let Some(execution) = self.execution(sequence) else { return };
        execution.status = status;
        execution.ended = Some(at);
        execution.current = None;
        execution.tick += 1;
        let parent = execution.parent.clone();
        self.automations().active.remove(&sequence);
        if let Some(parent) = parent {
            self.child_ended(&parent, status);
        }
        self.start_queued();
    }
}

/// Where a step that succeeded leads; `None`: it is the last.
fn following(declared: &Step, execution: &Execution, step: usize) -> Option<usize> {
    if declared.action == "aws:branch" {
        let resolve = |text: &str| execution.resolve(text);
        let chosen = declared.choices.iter().find(|it| it.applies(&resolve));
        let next = chosen.map(|it| it.next.as_str()).or(declared.otherwise.as_deref());
        if let Some(next) = next {
            return execution.runbook.place(next);
        }
    }
    if declared.is_end {
        return None;
    }
    match &declared.next {
        Some(next) => execution.runbook.place(next),
        None => Some(step + 1).filter(|it| *it < execution.runbook.steps.len()),
    }
}

/// Where a step that failed leads, or how the execution ends.
fn after_failure(
    declared: &Step,
    failure: &Failure,
    execution: &mut Execution,
    step: usize,
) -> Result<Option<usize>, Status> {
    let status = execution.steps[step].status;
    let (turn, is_critical) = (declared.on_failure.clone(), declared.is_critical);
    if is_critical {
        execution.is_doomed = true;
        execution.failure_message.get_or_insert_with(|| failure.message.clone());
    }
    let runbook = Rc::clone(&execution.runbook);
    match turn {
        Turn::Abort => {
            execution.failure_message.get_or_insert_with(|| failure.message.clone());
            Err(status)
        }
        Turn::Continue => Ok(following(&runbook.steps[step], execution, step)),
        Turn::Step(next) => Ok(runbook.place(&next)),
    }
}
