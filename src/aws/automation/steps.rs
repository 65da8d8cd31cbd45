//! DescribeAutomationStepExecutions: the steps of an execution that has more of them than its own
//! answer shows.

use aws_sdk_ssm::{
    operation::describe_automation_step_executions::DescribeAutomationStepExecutionsOutput,
    types::{AutomationExecution, StepExecution, StepExecutionFilter, StepExecutionFilterKey},
};

use crate::{
    aws::{
        clients::Aws,
        error::{AwsError, ErrorKind},
    },
    plan::Note,
    run::{Outcome, Status},
};

/// As many as an answer may hold (botocore model).
const PAGE: i32 = 50;

/// The most steps that are read of an execution: one whose loops take more is told by these.
const MOST_STEPS: usize = 1_000;

/// The statuses of steps that may be why an execution did not succeed.
const UNSUCCESSFUL: [&str; 4] = ["Failed", "TimedOut", "Cancelled", "Rejected"];

/// Which steps of an execution are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::aws) enum Steps {
    All,
    /// Those that may be why it did not succeed.
    Unsuccessful,
}

impl Aws {
    /// Puts the steps that did not succeed in the place of the first hundred, where an execution that
    /// came to nothing has more than its answer shows; returns what should be known if that failed.
    /// Whoever was denied them once is not asked for those of others.
    pub(super) async fn complete_steps(
        &self,
        id: &str,
        it: &mut AutomationExecution,
    ) -> Option<Note> {
        let status = Status::of_automation(it.automation_execution_status()?.as_str());
        let is_lost = status.outcome().is_some_and(|it| it != Outcome::Succeeded);
        if !it.step_executions_truncated || !is_lost {
            return None;
        }
        let denied = self.steps_denied.borrow().clone();
        if denied.is_some() {
            return denied;
        }
        match self.steps_of(id, Steps::Unsuccessful).await {
            Ok(steps) if steps.is_empty() => None,
            Ok(steps) => {
                it.step_executions = Some(steps);
                it.step_executions_truncated = false;
                None
            }
            Err(err) => {
                let note = unread(&err);
                if err.kind == ErrorKind::Denied {
                    self.steps_denied.replace(Some(note.clone()));
                }
                Some(note)
            }
        }
    }

    /// Reads steps of an execution, page after page.
    pub(in crate::aws) async fn steps_of(
        &self,
        id: &str,
        wanted: Steps,
    ) -> Result<Vec<StepExecution>, AwsError> {
        let filter = StepExecutionFilter::builder()
            .key(StepExecutionFilterKey::StepExecutionStatus)
            .set_values(Some(UNSUCCESSFUL.map(ToOwned::to_owned).to_vec()))
            .build()
            .expect("both members are set");
        let filters = match wanted {
            Steps::All => None,
            Steps::Unsuccessful => Some(vec![filter]),
        };
        let request = self.ssm.describe_automation_step_executions().automation_execution_id(id);
        let request = request.set_filters(filters).max_results(PAGE);
        let mut res = Vec::new();
        let page = |token| request.clone().set_next_token(token).send();
        let take = |page: DescribeAutomationStepExecutionsOutput| {
            res.extend(page.step_executions.unwrap_or_default());
            page.next_token.filter(|_| res.len() < MOST_STEPS)
        };
        self.pages("DescribeAutomationStepExecutions", page, take).await?;
        Ok(res)
    }
}

/// It names no execution: one note is enough for all of them.
fn unread(err: &AwsError) -> Note {
    let cost = "of runbooks with more than 100 steps it is not told which of them failed";
    match err.kind {
        ErrorKind::Denied => {
            Note::new("permission.missing", format!("{} is not permitted: {cost}", err.action()))
        }
        ErrorKind::Throttled
        | ErrorKind::BadCredentials
        | ErrorKind::SessionOver
        | ErrorKind::NoCredentials
        | ErrorKind::Unreachable
        | ErrorKind::Refused
        | ErrorKind::Ambiguous => Note::new("steps.unread", format!("{err}: {cost}")),
    }
}
