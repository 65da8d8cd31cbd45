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
            let [stdout, stderr] = self.output_urls(invocation, view.name);
            let mut res = json!({
                "Name": view.name,
                "Status": view.status.plugin_word(),
                "StatusDetails": view.status.details(),
                "ResponseCode": view.code,
                "Output": view.result.map_or("", |it| &it.output),
                "StandardOutputUrl": stdout,
                "StandardErrorUrl": stderr,
                "OutputS3Region": region,
                "OutputS3BucketName": self.echo.bucket.as_ref().map_or("", |it| &it.name),
                "OutputS3KeyPrefix": self.output_folder(invocation, view.name),
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

    /// Where the output of a step is in S3; empty without a bucket.
    pub(super) fn output_urls(&self, invocation: &Invocation, step: &str) -> [String; 2] {
        let place = self.echo.bucket.as_ref().zip(self.step(step));
        let instance = &invocation.chosen.instance;
        place.map(|(bucket, step)| bucket.urls(&self.id, instance, step)).unwrap_or_default()
    }

    fn output_folder(&self, invocation: &Invocation, step: &str) -> String {
        match self.echo.bucket.as_ref().zip(self.step(step)) {
            Some((bucket, step)) => bucket.folder(&self.id, &invocation.chosen.instance, step),
            None => self.echo.key_prefix.clone(),
        }
    }

    fn step(&self, name: &str) -> Option<&Step> {
        self.content.steps.iter().find(|it| it.name == name)
    }

    fn row(&self, invocation: &Invocation, plugins: &[Value]) -> Value {
        // "Populated if there is just one plugin defined for the command" (API reference).
        let [stdout, stderr] = match self.content.steps.as_slice() {
            [only] => self.output_urls(invocation, &only.name),
            _ => Default::default(),
        };
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
            "StandardOutputUrl": stdout,
            "StandardErrorUrl": stderr,
            "CommandPlugins": plugins,
            "ServiceRole": self.echo.service_role,
            "NotificationConfig": self.echo.notifications,
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
