//! How commands and invocations look on the wire, fillers included.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    command::{Command, Echo, Invocation, StepResult},
    status::Status,
    steps::Step,
};

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
                let view = |step: &'a Step| StepView {
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

pub(super) fn no_notifications() -> Value {
    json!({ "NotificationArn": "", "NotificationEvents": [], "NotificationType": "" })
}

/// A timestamp as awsJson writes it: seconds since the epoch, with milliseconds.
pub(super) fn epoch(at: Timestamp) -> Value {
    json!(at.as_millisecond() as f64 / 1000.0)
}
