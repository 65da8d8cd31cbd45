//! EC2 Auto Scaling: what groups there are, who is in them, and what changes them.
//! It decides who may ask for what; how a group changes, `scaling` knows.

mod absent;
mod activities;
mod changes;
mod constraints;
mod describe;
mod filter;
mod page;
mod parameters;
mod processes;
mod refreshes;

use super::{
    api::{ApiError, Call, Facts},
    ids,
    state::Group,
    timeline,
    wire::{
        form::Form,
        protocol::{no_action, not_implemented},
        xml::Xml,
    },
};

/// Answers one operation into `xml`.
pub(crate) fn call(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    absent::check(&call.operation, form)?;
    constraints::check(&call.operation, form)?;
    timeline::catch_up(&call.sim);
    match call.operation.as_str() {
        "DescribeAutoScalingGroups" => {
            authorize(call, None)?;
            describe::describe_groups(call, form, xml)
        }
        "DescribeAutoScalingInstances" => {
            authorize(call, None)?;
            describe::describe_instances(call, form, xml)
        }
        "DescribeInstanceRefreshes" => {
            authorize(call, None)?;
            refreshes::describe_instance_refreshes(call, form, xml)
        }
        "DescribeScalingActivities" => {
            authorize(call, None)?;
            activities::describe_scaling_activities(call, form, xml)
        }
        "EnterStandby" => changes::enter_standby(call, form, xml),
        "ExitStandby" => changes::exit_standby(call, form, xml),
        "TerminateInstanceInAutoScalingGroup" => changes::terminate_instance(call, form, xml),
        "SetInstanceHealth" => changes::set_instance_health(call, form),
        "SetInstanceProtection" => changes::set_instance_protection(call, form),
        "SuspendProcesses" => processes::suspend(call, form),
        "ResumeProcesses" => processes::resume(call, form),
        other if absent::OPERATIONS.contains(&other) => Err(not_implemented(other)),
        other => Err(no_action(other, "2011-01-01")),
    }
}

/// Returns whether an operation is one of this service.
pub(crate) fn has(operation: &str) -> bool {
    constraints::OPERATIONS.contains(&operation)
}

/// Authorises the operation on a group, or on none where AWS knows no resources for it.
fn authorize(call: &Call, group: Option<&str>) -> Result<(), ApiError> {
    let action = format!("autoscaling:{}", call.operation);
    let Some(name) = group else { return call.authorize(&action, None, &Facts::default()) };
    let state = call.sim.state.borrow();
    let found = state.groups.iter().find(|it| it.name == name);
    let tags = found.map(|it| it.tags.clone()).unwrap_or_default();
    drop(state);
    call.authorize(&action, Some(&arn(call, name)), &Facts::of_tags(tags))
}

/// Returns the ARN of a group.
fn arn(call: &Call, name: &str) -> String {
    let uuid = ids::named_uuid(0, "group", name);
    format!(
        "arn:aws:autoscaling:{}:{}:autoScalingGroup:{uuid}:autoScalingGroupName/{name}",
        call.sim.region, call.sim.account
    )
}

/// Returns the id of the one subnet of a zone.
pub(crate) fn subnet_id(zone: &str) -> String {
    ids::instance_id(0, zone, 0).replacen("i-", "subnet-", 1)
}

/// UNVERIFIED: the wording for a group that does not exist differs by operation (D22).
fn no_group(name: &str) -> ApiError {
    invalid(&format!("AutoScalingGroup name not found - AutoScalingGroup {name} not found"))
}

fn invalid(message: &str) -> ApiError {
    ApiError::new("ValidationError", message)
}
