//! Where output and notifications of a command go besides SSM: S3, CloudWatch Logs and SNS.
//! It checks and names the places, and stores output there; nothing is published.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    command::{Command, Echo},
    engine::World,
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

impl Echo {
    /// Tells whether output goes anywhere besides SSM.
    pub(super) fn is_stored(&self) -> bool {
        self.bucket.is_some() || self.log_enabled
    }
}

impl Command {
    /// The agent uploads what each step has printed, whole, when the step is done; nothing where it
    /// has printed nothing, or where the instance's profile may not write (aws-facts §1.8).
    pub(super) fn store_outputs(&self, index: usize, at: Timestamp, world: &mut World) {
        let invocation = &self.invocations[index];
        let chosen = &invocation.chosen;
        if !self.echo.is_stored() || world.shut_out.contains(&chosen.group) {
            return;
        }
        for result in invocation.results.iter().flat_map(|it| it.iter()) {
            let Some(step) = self.content.steps.iter().find(|it| it.name == result.name) else {
                continue;
            };
            for (name, content) in ["stdout", "stderr"].into_iter().zip(&result.full) {
                if content.is_empty() {
                    continue;
                }
                if let Some(bucket) = &self.echo.bucket {
                    let folder = bucket.folder(&self.id, &chosen.instance, step);
                    let key = format!("{folder}/{}/{name}", step.folder);
                    world.archive.put(&bucket.name, key, content.clone(), at);
                }
                if self.echo.log_enabled {
                    let plugin = step.name.replace([':', '*'], "-");
                    let stream = format!("{}/{}/{plugin}/{name}", self.id, chosen.instance);
                    world.archive.log(&self.log_group(), stream, content, at);
                }
            }
        }
    }

    /// `/aws/ssm/DOCUMENT` unless the caller names one; what a name cannot have becomes a dot
    /// (aws-facts §1.8). The agent makes the group where there is none.
    fn log_group(&self) -> String {
        let is_allowed = |it: char| it.is_ascii_alphanumeric() || "_-/.#".contains(it);
        let named = match self.echo.log_group.as_str() {
            "" => format!("/aws/ssm/{}", self.document),
            named => named.to_owned(),
        };
        named.chars().map(|it| if is_allowed(it) { it } else { '.' }).collect()
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
