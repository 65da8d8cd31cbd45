//! What a rescue changes in Auto Scaling groups, and how that is undone: each once, because the
//! answer to a second request says nothing of the first. Whether it was done is seen in the group.

use aws_sdk_autoscaling::{
    config::{Builder, retry::RetryConfig},
    types::Instance as Member,
};

use crate::{
    aws::{clients::Aws, error::AwsError, targets::read_groups},
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
            let is_unhealthy = |it: &&Member| it.health_status() == Some("Unhealthy");
            let unhealthy = it.instances().iter().filter(is_unhealthy);
            let unhealthy = unhealthy.filter_map(|it| InstanceId::parse(it.instance_id()?).ok());
            let group = GroupNow {
                unhealthy: unhealthy.collect(),
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

    /// Has its group take an instance for healthy again.
    pub async fn heal(&self, id: &InstanceId) -> Result<(), AwsError> {
        let call = self.autoscaling.set_instance_health().instance_id(id.as_str());
        let call = call.health_status("Healthy");
        let send = || call.clone().customize().config_override(without_retries()).send();
        self.ask_once("SetInstanceHealth", send).await.map(drop)
    }
}

pub(in crate::aws) fn without_retries() -> Builder {
    Builder::new().retry_config(RetryConfig::disabled())
}

fn texts(ids: &[InstanceId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
