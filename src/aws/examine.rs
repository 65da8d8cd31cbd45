//! Reads that only `fleet doctor` makes: what is permitted, what shape a group is in, what time the
//! service has.

use aws_sdk_autoscaling::types::AutoScalingGroup;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeDeserializationInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{
    clients::Aws,
    error::{AwsError, explain},
    targets::read_groups,
};
use crate::plan::Selector;

/// A read that a run may make, and that needs no name of anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    ListCommandInvocations,
    ListCommands,
    GetCommandInvocation,
    DescribeInstanceInformation,
    DescribeAutoScalingGroups,
    DescribeAutoScalingInstances,
}

/// What shape a group is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupState {
    pub name: String,
    /// The names of the processes that are held up.
    pub suspended: Vec<String>,
}

/// A command and an instance that nobody has: whoever may ask is told so.
const NO_COMMAND: &str = "00000000-0000-4000-8000-000000000000";
const NO_INSTANCE: &str = "i-00000000000000000";

impl Aws {
    /// Makes a read and drops its answer. That there is nothing to read is an answer.
    pub async fn try_read(&self, read: Read) -> Result<(), AwsError> {
        match read {
            Read::ListCommandInvocations => {
                let call = self.ssm.list_command_invocations().max_results(1);
                self.ask("ListCommandInvocations", || call.clone().send()).await.map(drop)
            }
            Read::ListCommands => {
                let call = self.ssm.list_commands().max_results(1);
                self.ask("ListCommands", || call.clone().send()).await.map(drop)
            }
            Read::GetCommandInvocation => {
                let call = self.ssm.get_command_invocation();
                let call = call.command_id(NO_COMMAND).instance_id(NO_INSTANCE);
                match self.ask("GetCommandInvocation", || call.clone().send()).await {
                    Err(err) if err.code.starts_with("Invalid") || err.code.ends_with("Exist") => {
                        Ok(())
                    }
                    other => other.map(drop),
                }
            }
            Read::DescribeInstanceInformation => {
                let call = self.ssm.describe_instance_information().max_results(5);
                self.ask("DescribeInstanceInformation", || call.clone().send()).await.map(drop)
            }
            Read::DescribeAutoScalingGroups => {
                let call = self.autoscaling.describe_auto_scaling_groups().max_records(1);
                self.ask("DescribeAutoScalingGroups", || call.clone().send()).await.map(drop)
            }
            Read::DescribeAutoScalingInstances => {
                let call = self.autoscaling.describe_auto_scaling_instances().max_records(1);
                self.ask("DescribeAutoScalingInstances", || call.clone().send()).await.map(drop)
            }
        }
    }

    /// Returns the state of those of the groups that there are.
    pub async fn group_states(&self, names: &[String]) -> Result<Vec<GroupState>, AwsError> {
        let selector = Selector { groups: names.to_vec(), ..Selector::default() };
        let groups = read_groups(self, &selector).await?;
        let state = |group: &AutoScalingGroup| {
            let suspended = group.suspended_processes().iter();
            let suspended = suspended.filter_map(|it| it.process_name().map(ToOwned::to_owned));
            let name = group.auto_scaling_group_name().unwrap_or_default().to_owned();
            GroupState { name, suspended: suspended.collect() }
        };
        Ok(groups.iter().map(state).collect())
    }

    /// Returns the status of the instance refresh of a group that has not ended, if there is one.
    pub async fn refresh_of(&self, group: &str) -> Result<Option<String>, AwsError> {
        // Newest first (DescribeInstanceRefreshes reference), and a group has one at a time.
        let call = self.autoscaling.describe_instance_refreshes().auto_scaling_group_name(group);
        let call = call.max_records(1);
        let answer = self.ask("DescribeInstanceRefreshes", || call.clone().send()).await?;
        let status = answer.instance_refreshes().first().and_then(|it| it.status());
        let ended = ["Successful", "Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"];
        Ok(status.map(|it| it.as_str().to_owned()).filter(|it| !ended.contains(&it.as_str())))
    }

    /// Returns what time the service has, by an answer of STS; `None` if it does not say.
    pub async fn date(&self) -> Result<Option<Timestamp>, AwsError> {
        let (sender, mut dates) = mpsc::unbounded_channel();
        let call = self.sts.get_caller_identity().customize().interceptor(Date(sender));
        call.send().await.map_err(|err| explain("GetCallerIdentity", &err))?;
        let text: Option<String> = dates.try_recv().ok();
        let date = text.and_then(|it| jiff::fmt::rfc2822::parse(&it).ok());
        Ok(date.map(|it| it.timestamp()))
    }
}

/// Passes the Date header of each answer on.
#[derive(Debug, Clone)]
struct Date(mpsc::UnboundedSender<String>);

impl Intercept for Date {
    fn name(&self) -> &'static str {
        "fleet-date"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            // Looking at the clock must not be able to fail a call.
            self.0.send(date.to_owned()).ok();
        }
        Ok(())
    }
}
