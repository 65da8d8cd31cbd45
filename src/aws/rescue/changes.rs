//! What a rescue changes in Auto Scaling groups, and how that is undone: each once, because the
//! answer to a second request says nothing of the first. Whether it was done is seen in the group.

use std::{error::Error as StdError, future::Future};

use aws_sdk_autoscaling::config::{Builder, retry::RetryConfig};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{
    aws::{
        clients::Aws,
        error::{AwsError, ErrorKind, explain},
        targets::read_groups,
    },
    plan::{InstanceId, Selector},
    rescue::{Change, GroupNow, GroupsNow},
};

impl Aws {
    /// Reads groups as they are now; those that are gone are not among them.
    pub async fn groups_now(&self, names: &[String]) -> Result<GroupsNow, AwsError> {
        let selector = Selector { groups: names.to_vec(), ..Selector::default() };
        let size = |it: Option<i32>| usize::try_from(it.unwrap_or(0)).unwrap_or(0);
        let groups =
            if names.is_empty() { Vec::new() } else { read_groups(self, &selector).await? };
        let now = groups.iter().map(|it| {
            let suspended = it.suspended_processes().iter();
            let members = it.instances().iter().filter_map(|it| {
                let id = InstanceId::parse(it.instance_id()?).ok()?;
                Some((id, it.lifecycle_state()?.as_str().to_owned()))
            });
            let group = GroupNow {
                min: size(it.min_size()),
                desired: size(it.desired_capacity()),
                max: size(it.max_size()),
                suspended: suspended.filter_map(|it| Some(it.process_name()?.to_owned())).collect(),
                members: members.collect(),
            };
            (it.auto_scaling_group_name().unwrap_or_default().to_owned(), group)
        });
        Ok(now.collect())
    }

    /// Changes a group.
    pub async fn change_group(&self, group: &str, change: &Change) -> Result<(), AwsError> {
        match change {
            Change::Suspend { processes } => {
                let call = self.autoscaling.suspend_processes().auto_scaling_group_name(group);
                let call = call.set_scaling_processes(Some(processes.clone()));
                let send = || call.clone().customize().config_override(without_retries()).send();
                self.ask_once("SuspendProcesses", send).await.map(drop)
            }
            Change::Standby { instances } => {
                let call = self.autoscaling.enter_standby().auto_scaling_group_name(group);
                let call = call.set_instance_ids(Some(texts(instances)));
                let call = call.should_decrement_desired_capacity(true);
                let send = || call.clone().customize().config_override(without_retries()).send();
                self.ask_once("EnterStandby", send).await.map(drop)
            }
        }
    }

    /// Undoes what [`Aws::change_group`] has done.
    pub async fn change_group_back(&self, group: &str, change: &Change) -> Result<(), AwsError> {
        match change {
            Change::Suspend { processes } => {
                let call = self.autoscaling.resume_processes().auto_scaling_group_name(group);
                let call = call.set_scaling_processes(Some(processes.clone()));
                let send = || call.clone().customize().config_override(without_retries()).send();
                self.ask_once("ResumeProcesses", send).await.map(drop)
            }
            Change::Standby { instances } => {
                let call = self.autoscaling.exit_standby().auto_scaling_group_name(group);
                let call = call.set_instance_ids(Some(texts(instances)));
                let send = || call.clone().customize().config_override(without_retries()).send();
                self.ask_once("ExitStandby", send).await.map(drop)
            }
        }
    }

    /// Asks for a change once, and in a new session if the old one had ended: that proves that
    /// nothing was done.
    async fn ask_once<T, E, F>(
        &self,
        operation: &'static str,
        send: impl Fn() -> F,
    ) -> Result<T, AwsError>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        self.pacing.turn(operation).await;
        let answer = send().await.map_err(|err| self.told(explain(operation, &err)));
        match answer {
            Err(err) if err.kind == ErrorKind::BadCredentials && self.renew() => {
                send().await.map_err(|err| self.told(explain(operation, &err)))
            }
            other => other,
        }
    }
}

fn without_retries() -> Builder {
    Builder::new().retry_config(RetryConfig::disabled())
}

fn texts(ids: &[InstanceId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
