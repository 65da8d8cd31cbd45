//! A command and its invocations as SSM remembers them, and how they look on the wire.
//! It holds; `engine` moves.

use std::{
    collections::{BTreeMap, BinaryHeap, HashMap},
    rc::Rc,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use super::{
    content::Content,
    engine::{Due, Pace},
    parameters::Given,
    status::{Cancel, Status, Tally},
};
use crate::sim::state::Platform;

pub(super) struct Command {
    /// Ascends with every command: the position in lists, and the paging key.
    pub sequence: u64,
    pub id: String,
    /// The short name, whatever the caller wrote.
    pub document: String,
    pub content: Rc<Content>,
    /// As the caller gave it; `$DEFAULT` otherwise.
    pub version: String,
    pub requested: Timestamp,
    pub expires: Timestamp,
    /// Before it, neither invocations nor (with Targets) counts can be seen.
    pub visible: Timestamp,
    pub given: Given,
    pub echo: Echo,
    pub max_errors: usize,
    /// Chosen when the command was accepted; `invocations` has them once resolved.
    pub chosen: Vec<Chosen>,
    pub resolved: bool,
    pub invocations: Vec<Invocation>,
    pub by_instance: HashMap<String, usize>,
    pub tally: Tally,
    pub cancel: Cancel,
    pub pace: Pace,
    pub queue: BinaryHeap<Due>,
    /// How many were ever queued: what happens at one instant happens in that order.
    pub pushed: u64,
    /// How long all steps together may take.
    pub steps_timeout: Duration,
    /// Invocations whose documents must really run; `drive` takes them.
    pub starts: Vec<usize>,
    pub wake: Rc<Notify>,
    /// Results of outcomes, which instances share: by outcome, platform and end.
    pub scripts: BTreeMap<(Option<usize>, u8, Status), Rc<Vec<StepResult>>>,
}

/// What SendCommand's answer and ListCommands repeat as it was given.
#[derive(Debug, Default)]
pub(super) struct Echo {
    pub comment: String,
    pub parameters: Value,
    pub instance_ids: Vec<String>,
    pub targets: Value,
    pub timeout_seconds: i64,
    pub max_concurrency: String,
    pub max_errors: String,
    pub service_role: String,
    pub key_prefix: String,
    pub log_group: String,
    pub log_enabled: bool,
}

/// One instance that the targets matched.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub instance: String,
    pub platform: Platform,
    pub group: String,
    pub index: usize,
    /// AccessDenied or InvalidPlatform, for instances that a tag matched but that will not be sent.
    pub refused: Option<Status>,
}

pub(super) struct Invocation {
    pub chosen: Chosen,
    pub requested: Timestamp,
    pub status: Status,
    /// Takes a slot of MaxConcurrency until it is terminal.
    pub sent: bool,
    /// A machine has it, and is told here to stop.
    pub running: Option<watch::Sender<bool>>,
    /// When the agent started to run it.
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    /// The `[[outcome]]` that decides, once looked up.
    pub outcome: Option<usize>,
    pub results: Option<Rc<Vec<StepResult>>>,
    /// Why the agent could not run the document at all.
    pub trace: String,
}

/// What the agent reported of one step.
#[derive(Debug, Clone)]
pub(super) struct StepResult {
    pub name: String,
    pub status: Status,
    pub code: i32,
    /// Truncated as the agent does.
    pub stdout: String,
    pub stderr: String,
    /// Both, combined into at most 2,500 bytes.
    pub output: String,
    /// `None`: the invocation's own.
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
}

/// Where a step stands, for GetCommandInvocation and Details.
pub(super) struct StepView<'a> {
    pub name: &'a str,
    pub status: Status,
    pub code: i32,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub result: Option<&'a StepResult>,
}

impl Command {
    pub(super) fn status(&self) -> (&'static str, &'static str) {
        match (self.resolved, self.cancel) {
            (true, cancel) => self.tally.command_status(self.max_errors, cancel),
            (false, Cancel::All) => ("Cancelling", "Cancelling"),
            (false, Cancel::None | Cancel::Some) => ("Pending", "Pending"),
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.resolved && self.tally.completed() == self.tally.total()
    }

    /// The `Command` of SendCommand and ListCommands, fillers included (aws-facts §1.6).
    pub(super) fn to_json(&self) -> Value {
        let (status, details) = self.status();
        let echo = &self.echo;
        json!({
            "CommandId": self.id,
            "DocumentName": self.document,
            "DocumentVersion": self.version,
            "Comment": echo.comment,
            "ExpiresAfter": epoch(self.expires),
            "Parameters": echo.parameters,
            "InstanceIds": echo.instance_ids,
            "Targets": echo.targets,
            "RequestedDateTime": epoch(self.requested),
            "Status": status,
            "StatusDetails": details,
            "OutputS3Region": "",
            "OutputS3BucketName": "",
            "OutputS3KeyPrefix": echo.key_prefix,
            "MaxConcurrency": echo.max_concurrency,
            "MaxErrors": echo.max_errors,
            "TargetCount": self.target_count(),
            "CompletedCount": self.tally.completed(),
            "ErrorCount": self.tally.errors(),
            "DeliveryTimedOutCount": self.tally.of(Status::DeliveryTimedOut),
            "ServiceRole": echo.service_role,
            "NotificationConfig": no_notifications(),
            "CloudWatchOutputConfig": echo.log_config(),
            "TimeoutSeconds": echo.timeout_seconds,
            "AlarmConfiguration": { "IgnorePollAlarmFailure": false, "Alarms": [] },
            "TriggeredAlarms": [],
        })
    }

    /// Explicit ids are counted at once, targets when they are resolved (aws-facts §1.2).
    fn target_count(&self) -> usize {
        if self.resolved { self.tally.total() } else { self.echo.instance_ids.len() }
    }

    pub(super) fn invocation_json(&self, invocation: &Invocation) -> Value {
        self.row(invocation, &[])
    }

    pub(super) fn detailed_invocation_json(&self, invocation: &Invocation, region: &str) -> Value {
        let plugin = |view: StepView| {
            let mut res = json!({
                "Name": view.name,
                "Status": view.status.plugin_word(),
                "StatusDetails": view.status.details(),
                "ResponseCode": view.code,
                "Output": view.result.map_or("", |it| &it.output),
                "StandardOutputUrl": "",
                "StandardErrorUrl": "",
                "OutputS3Region": region,
                "OutputS3BucketName": "",
                "OutputS3KeyPrefix": self.echo.key_prefix,
            });
            if let Some(at) = view.started {
                res["ResponseStartDateTime"] = epoch(at);
            }
            if let Some(at) = view.ended {
                res["ResponseFinishDateTime"] = epoch(at);
            }
            res
        };
        let plugins: Vec<Value> = self.steps(invocation).into_iter().map(plugin).collect();
        self.row(invocation, &plugins)
    }

    fn row(&self, invocation: &Invocation, plugins: &[Value]) -> Value {
        let mut res = json!({
            "CommandId": self.id,
            "InstanceId": invocation.chosen.instance,
            "InstanceName": "",
            "Comment": self.echo.comment,
            "DocumentName": self.document,
            "DocumentVersion": self.version,
            "RequestedDateTime": epoch(invocation.requested),
            "Status": invocation.status.word(),
            "StatusDetails": invocation.status.details(),
            "StandardOutputUrl": "",
            "StandardErrorUrl": "",
            "CommandPlugins": plugins,
            "ServiceRole": self.echo.service_role,
            "NotificationConfig": no_notifications(),
            "CloudWatchOutputConfig": self.echo.log_config(),
        });
        if !invocation.trace.is_empty() {
            res["TraceOutput"] = json!(invocation.trace);
        }
        res
    }

    /// Every step of the document; without a report of the agent they share the invocation's
    /// status, with ResponseCode -1 ("not started", aws-facts §2.6).
    pub(super) fn steps<'a>(&'a self, invocation: &'a Invocation) -> Vec<StepView<'a>> {
        match &invocation.results {
            Some(results) => {
                let view = |it: &'a StepResult| StepView {
                    name: &it.name,
                    status: it.status,
                    code: it.code,
                    started: it.started.or(invocation.started),
                    ended: it.ended.or(invocation.ended),
                    result: Some(it),
                };
                results.iter().map(view).collect()
            }
            None => {
                let view = |step: &'a super::content::Step| StepView {
                    name: &step.name,
                    status: invocation.status,
                    code: -1,
                    started: invocation.started,
                    ended: invocation.started.and(invocation.ended),
                    result: None,
                };
                self.content.steps.iter().map(view).collect()
            }
        }
    }
}

impl Echo {
    pub(super) fn log_config(&self) -> Value {
        json!({
            "CloudWatchLogGroupName": self.log_group,
            "CloudWatchOutputEnabled": self.log_enabled,
        })
    }
}

fn no_notifications() -> Value {
    json!({ "NotificationArn": "", "NotificationEvents": [], "NotificationType": "" })
}

/// A timestamp as awsJson writes it: seconds since the epoch, with milliseconds.
pub(super) fn epoch(at: Timestamp) -> Value {
    json!(at.as_millisecond() as f64 / 1000.0)
}
