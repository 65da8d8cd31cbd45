//! StartAutomationExecution and what follows it: what `command` does for Run Command, for documents
//! of type Automation. An execution is the invocation of one instance; `failing` says why one did not
//! succeed, for which `steps` reads what its own answer does not show.

mod failing;
mod steps;

use std::collections::HashMap;

use aws_sdk_ssm::{
    config::{Builder, retry::RetryConfig},
    operation::describe_automation_executions::DescribeAutomationExecutionsOutput,
    types::{
        AutomationExecution, AutomationExecutionFilter, AutomationExecutionFilterKey,
        AutomationExecutionMetadata, StepExecution, StopType,
    },
};

pub(super) use self::steps::Steps;
use super::{
    clients::Aws,
    command::{cancel_answer, read_failed, refusal, timestamp},
    error::AwsError,
};
use crate::{
    plan::{Automation, InstanceId, Plan},
    run::{
        Accepted, Counts, Observed, Outcome, Plugin, ReadKind, ReadScope, Refusal, Row,
        STDERR_TITLE, SendRequest, SendTargets, Settlement, Stage, Status, StepUrls,
    },
};

/// The most values of one filter of DescribeAutomationExecutions (botocore model).
const IDS_PER_FILTER: usize = 10;

/// What stands in the place of the output of a step that was not reached (recorded answers).
const NO_OUTPUT: &str = "No output available yet";

impl Aws {
    /// Starts one execution, once.
    ///
    /// The SDK's retries are off, as they are for SendCommand: each try is an event. It would be
    /// safe to make it again, because the request has a ClientToken.
    pub async fn start(&self, plan: &Plan, send: u32, request: SendRequest) -> Observed {
        if let Err(refusal) = self.check_turn(plan, &request).await {
            return Observed::Refused { send, refusal };
        }
        match self.start_execution(plan, &request).await {
            Ok(accepted) => Observed::Accepted { send, accepted },
            Err(err) if err.is_proof_of_nothing() => {
                Observed::Refused { send, refusal: refusal(err) }
            }
            Err(err) => Observed::Doubted { send, reason: err.message },
        }
    }

    /// Makes a doubted start again under its token: the service answers with the execution that it
    /// has started, or starts it now.
    ///
    /// A refusal says nothing of the first request, which may have been taken all the same.
    pub async fn start_again(&self, plan: &Plan, send: u32, request: SendRequest) -> Observed {
        if let Err(Refusal { message, .. }) = self.check_again(plan, &request).await {
            let settlement = Settlement::Failed { is_denied: false, reason: message };
            return Observed::Settled { send, settlement };
        }
        let settlement = match self.start_execution(plan, &request).await {
            Ok(accepted) => Settlement::Accepted(accepted),
            Err(err) => Settlement::Failed { is_denied: false, reason: err.to_string() },
        };
        Observed::Settled { send, settlement }
    }

    async fn start_execution(
        &self,
        plan: &Plan,
        request: &SendRequest,
    ) -> Result<Accepted, AwsError> {
        let document = &plan.document;
        let mut parameters: HashMap<_, _> = document.parameters.0.clone().into_iter().collect();
        if let (Some(automation), SendTargets::Ids(ids)) = (&document.automation, &request.targets)
        {
            let own = automation.recovery.iter().flat_map(|it| &it.instances);
            for (_, it) in own.filter(|(id, _)| ids.contains(id)) {
                parameters.extend(it.parameters.clone());
            }
            let ids = ids.iter().map(ToString::to_string).collect();
            parameters.insert(automation.target_parameter.clone(), ids);
        }
        let call = self
            .ssm
            .start_automation_execution()
            .document_name(&document.name)
            .set_document_version(document.version.clone())
            .set_parameters(Some(parameters))
            .client_token(&request.token);
        let try_once = || {
            let once = Builder::new().retry_config(RetryConfig::disabled());
            call.clone().customize().config_override(once).send()
        };
        let answer = self.ask_once("StartAutomationExecution", try_once).await?;
        let command_id = answer.automation_execution_id.ok_or_else(|| {
            AwsError::unreadable("StartAutomationExecution", "the answer names no execution")
        })?;
        Ok(Accepted { command_id, expires_in: None, expires_after: None })
    }

    /// Reads how far executions are: ten of them a call.
    pub async fn read_stages(&self, plan: &Plan, ids: &[String]) -> Observed {
        let mut counts = Vec::new();
        for ids in ids.chunks(IDS_PER_FILTER) {
            let filter = AutomationExecutionFilter::builder()
                .key(AutomationExecutionFilterKey::ExecutionId)
                .set_values(Some(ids.to_vec()))
                .build()
                .expect("both members are set");
            let request = self.ssm.describe_automation_executions().filters(filter).max_results(50);
            let page = |token| request.clone().set_next_token(token).send();
            let take = |page: DescribeAutomationExecutionsOutput| {
                let found = page.automation_execution_metadata_list.unwrap_or_default();
                counts.extend(found.iter().filter_map(|it| counted(it, plan)));
                page.next_token
            };
            if let Err(err) = self.pages("DescribeAutomationExecutions", page, take).await {
                return read_failed(ReadKind::Counts, &err);
            }
        }
        counts.retain(|it| ids.contains(&it.command_id));
        if plan.document.automation.as_ref().is_some_and(|it| it.recovery.is_some()) {
            for it in counts.iter_mut().filter(|it| it.is_final && it.errors == 0) {
                self.hold_open(plan, it).await;
            }
        }
        Observed::Counted { counts }
    }

    /// Counts an execution as ended only when it is known whether it has helped.
    async fn hold_open(&self, plan: &Plan, counts: &mut Counts) {
        let id = counts.command_id.clone();
        let stage = match self.read_execution(plan, id, ReadScope::All).await {
            Observed::Read { rows, .. } if rows.iter().any(|it| it.outcome().is_some()) => return,
            Observed::Read { rows, .. } => rows.into_iter().next(),
            _ => None, // it is asked again
        };
        let stage = stage.map(|it| Stage { status_word: it.status_word, progress: it.progress });
        *counts = Counts { is_final: false, completed: 0, stage, ..counts.clone() };
    }

    /// Reads an execution whole. One that was started just now may not be there yet.
    pub async fn read_execution(&self, plan: &Plan, id: String, scope: ReadScope) -> Observed {
        let request = self.ssm.get_automation_execution().automation_execution_id(&id);
        let rows = match self.ask("GetAutomationExecution", || request.clone().send()).await {
            Ok(answer) => {
                let row = match answer.automation_execution {
                    Some(it) => self.shown(plan, &id, it).await,
                    None => None,
                };
                Vec::from_iter(row)
            }
            Err(err) if err.code == "AutomationExecutionNotFoundException" => Vec::new(),
            Err(err) => return read_failed(ReadKind::Rows, &err),
        };
        Observed::Read { command_id: id, scope, rows }
    }

    /// Returns what an execution shows, with what has to be read besides.
    async fn shown(&self, plan: &Plan, id: &str, mut it: AutomationExecution) -> Option<Row> {
        let note = self.complete_steps(id, &mut it).await;
        let mut row = Row { note, ..row(&it, plan)? };
        self.prove(plan, id, &mut row).await;
        Some(row)
    }

    /// Stops an execution: the step that runs is told, and nothing comes after it.
    pub async fn stop(&self, id: String) -> Observed {
        let answer = cancel_answer(self.request_stop(&id).await);
        Observed::CancelAnswered { command_id: id, answer }
    }

    /// Asks for the end of an execution. One that has ended in the meantime is none that could not be
    /// stopped: reading it tells how.
    pub async fn request_stop(&self, id: &str) -> Result<(), AwsError> {
        let call = self.ssm.stop_automation_execution().automation_execution_id(id);
        let call = call.r#type(StopType::Cancel);
        match self.ask("StopAutomationExecution", || call.clone().send()).await {
            Err(err) if err.code != "InvalidAutomationStatusUpdateException" => Err(err),
            _ => Ok(()),
        }
    }
}

fn counted(it: &AutomationExecutionMetadata, plan: &Plan) -> Option<Counts> {
    let status_word = it.automation_execution_status()?.as_str().to_owned();
    let outcome = Status::of_automation(&status_word).outcome();
    let is_error = outcome.is_some_and(|it| it != Outcome::Succeeded);
    let progress = it.current_step_name().map(|it| progress(plan, it));
    Some(Counts {
        command_id: it.automation_execution_id()?.to_owned(),
        is_final: outcome.is_some(),
        targets: 1,
        completed: u32::from(outcome.is_some()),
        errors: u32::from(is_error),
        delivery_timed_out: 0,
        stage: outcome.is_none().then_some(Stage { status_word, progress }),
    })
}

fn progress(plan: &Plan, step: &str) -> String {
    plan.document.automation.as_ref().map_or_else(|| step.to_owned(), |it| it.progress(step))
}

fn row(it: &AutomationExecution, plan: &Plan) -> Option<Row> {
    let Automation { target_parameter, .. } = plan.document.automation.as_ref()?;
    let status_word = it.automation_execution_status()?.as_str().to_owned();
    let status = Status::of_automation(&status_word);
    let steps = it.step_executions();
    let place = |step: &str| progress(plan, step);
    let failure = match status.outcome() {
        None | Some(Outcome::Succeeded) => None,
        Some(Outcome::Cancelled) => failing::cancelled(it, steps, place),
        Some(_) => failing::failure(it, steps, place),
    };
    let output = it.outputs().map(output).unwrap_or_default();
    // What is said of a failure stands with its place already.
    let error = it.failure_message().filter(|_| failure.is_none()).unwrap_or_default();
    let separator = if error.is_empty() { "" } else { STDERR_TITLE };
    let plugin = Plugin {
        name: plan.document.name.clone(),
        response_code: None,
        started: it.execution_start_time().and_then(timestamp),
        ended: it.execution_end_time().and_then(timestamp),
        output: format!("{output}{separator}{error}"),
        urls: StepUrls::default(),
    };
    let instance = it.parameters()?.get(target_parameter)?.first()?;
    Some(Row {
        instance_id: InstanceId::parse(instance).ok()?,
        details_word: status_word.clone(),
        status,
        status_word,
        requested: plugin.started,
        progress: current(it).map(|it| progress(plan, it)),
        failure,
        note: None,
        plugins: vec![plugin],
    })
}

/// Returns the step that runs.
fn current(it: &AutomationExecution) -> Option<&str> {
    let is_open = |it: &&StepExecution| {
        let word = it.step_status().map(|it| it.as_str());
        it.execution_start_time().is_some()
            && word.is_some_and(|it| Status::of_automation(it).outcome().is_none())
    };
    let open = it.step_executions().iter().rfind(is_open).and_then(StepExecution::step_name);
    open.or(it.current_step_name())
}

/// Returns what was put out: as it is if that is one thing, under its names otherwise.
fn output(outputs: &HashMap<String, Vec<String>>) -> String {
    let said = |values: &Vec<String>| {
        let values = values.iter().filter(|it| !it.starts_with(NO_OUTPUT));
        values.map(String::as_str).collect::<Vec<_>>().join("\n")
    };
    let mut said: Vec<(&str, String)> =
        outputs.iter().map(|(name, it)| (name.as_str(), said(it))).collect();
    said.retain(|(_, it)| !it.trim().is_empty());
    said.sort();
    match said.as_slice() {
        [(_, only)] => only.clone(),
        several => {
            let blocks = several.iter().map(|(name, it)| format!("{name}:\n{}\n", it.trim_end()));
            blocks.collect::<Vec<_>>().join("\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(outputs: &[(&str, &[&str])], expected: &str) {
        let owned = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let outputs = outputs.iter().map(|(name, it)| ((*name).to_owned(), owned(it)));
        assert_eq!(output(&outputs.collect()), expected);
    }

    #[test]
    fn one_output_stands_alone_and_several_under_their_names() {
        check(&[], "");
        check(&[("a.Output", &["x", "y"])], "x\ny");
        check(&[("b", &["2"]), ("a", &["1\n"])], "a:\n1\n\nb:\n2\n");
    }

    #[test]
    fn what_was_not_reached_has_put_out_nothing() {
        let none = "No output available yet because the step is not successfully executed";
        check(&[("a", &["1"]), ("b", &[none]), ("c", &[""])], "1");
    }
}
