//! Where output and notifications of a command go besides SSM: S3, CloudWatch Logs and SNS.
//! It checks and names the places; nothing is stored or published there.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    send::Request,
    steps::{Step, without_colons},
    view::no_notifications,
};
use crate::sim::api::{ApiError, Call};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NotificationConfig {
    pub notification_arn: String,
    pub notification_events: Vec<String>,
    pub notification_type: String,
}

/// An S3 bucket that a command's output goes to.
#[derive(Debug)]
pub(super) struct Bucket {
    pub name: String,
    pub prefix: String,
    pub region: String,
}

impl Request {
    pub(super) fn check_outputs(&self, call: &Call) -> Result<(), ApiError> {
        let elsewhere = &call.sim.elsewhere;
        if self.bucket.as_ref().is_some_and(|it| !elsewhere.buckets.contains(it)) {
            return Err(ApiError::bare("InvalidOutputFolder"));
        }
        let role = &self.service_role_arn;
        let topic = self.notification_config.as_ref().map_or("", |it| &it.notification_arn);
        if !role.is_empty() || !topic.is_empty() {
            let own = format!("arn:aws:iam::{}:role/", call.sim.account);
            // The last part is the name; the others are its path.
            let name = role.strip_prefix(&own).and_then(|it| it.rsplit('/').next());
            let roles = &elsewhere.roles;
            if !name.is_some_and(|it| roles.is_empty() || roles.contains(it)) {
                let message = "The role name can't contain invalid characters. Also verify that \
                               you specified an IAM role for notifications that includes the \
                               required trust policy.";
                return Err(ApiError::new("InvalidRole", message));
            }
        }
        if !topic.is_empty() && !elsewhere.topics.contains(topic) {
            let message = "One or more configuration items isn't valid. Verify that a valid \
                           Amazon Resource Name (ARN) was provided for an Amazon Simple \
                           Notification Service topic.";
            return Err(ApiError::new("InvalidNotificationConfig", message));
        }
        Ok(())
    }
}

impl NotificationConfig {
    pub(super) fn to_json(config: Option<&Self>) -> Value {
        config.map_or_else(no_notifications, |it| {
            json!({
                "NotificationArn": it.notification_arn,
                "NotificationEvents": it.notification_events,
                "NotificationType": it.notification_type,
            })
        })
    }
}

impl Bucket {
    /// A plugin's `OutputS3KeyPrefix`: the folder of its output (API reference, CommandPlugin).
    pub(super) fn folder(&self, command: &str, instance: &str, step: &Step) -> String {
        let parts = self.prefix.split('/').filter(|it| !it.is_empty());
        let action = without_colons(&step.action);
        parts.chain([command, instance, &action]).collect::<Vec<_>>().join("/")
    }

    /// `StandardOutputUrl` and `StandardErrorUrl`, as captures of the service have them.
    pub(super) fn urls(&self, command: &str, instance: &str, step: &Step) -> [String; 2] {
        let folder = self.folder(command, instance, step);
        ["stdout", "stderr"].map(|it| {
            format!(
                "https://s3.{}.amazonaws.com/{}/{folder}/{}/{it}",
                self.region, self.name, step.folder
            )
        })
    }
}
