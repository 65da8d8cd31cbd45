//! The operations that Auto Scaling has and the simulator has not, and the parameters of the others,
//! as botocore's service model 2011-01-01 lists them. Their refusal says so; that of any other is AWS's
//! own.

use super::{ApiError, Form};
use crate::sim::absent;

const PARAMETERS: [(&str, &[&str]); 4] = [
    ("DescribeAutoScalingGroups", &["IncludeManagedResources"]),
    ("DescribeAutoScalingInstances", &["IncludeManagedResources"]),
    ("DescribeScalingActivities", &["Filters", "IncludeDeletedGroups", "IncludeManagedResources"]),
    ("TerminateInstanceInAutoScalingGroup", &["AutoScalingGroupName", "InstanceIds"]),
];

/// Refuses a parameter that an operation does not look at. It comes before the authorisation, as the
/// constraints do.
pub(super) fn check(operation: &str, form: &Form) -> Result<(), ApiError> {
    let found = PARAMETERS.iter().find(|(it, _)| *it == operation);
    found.map_or(Ok(()), |(_, names)| absent::check_form(form, names, "ValidationError"))
}

pub(super) const OPERATIONS: [&str; 57] = [
    "AttachInstances",
    "AttachLoadBalancerTargetGroups",
    "AttachLoadBalancers",
    "AttachTrafficSources",
    "BatchDeleteScheduledAction",
    "BatchPutScheduledUpdateGroupAction",
    "CancelInstanceRefresh",
    "CompleteLifecycleAction",
    "CreateAutoScalingGroup",
    "CreateLaunchConfiguration",
    "CreateOrUpdateTags",
    "DeleteAutoScalingGroup",
    "DeleteLaunchConfiguration",
    "DeleteLifecycleHook",
    "DeleteNotificationConfiguration",
    "DeletePolicy",
    "DeleteScheduledAction",
    "DeleteTags",
    "DeleteWarmPool",
    "DescribeAccountLimits",
    "DescribeAccountSettings",
    "DescribeAdjustmentTypes",
    "DescribeAutoScalingNotificationTypes",
    "DescribeLaunchConfigurations",
    "DescribeLifecycleHookTypes",
    "DescribeLifecycleHooks",
    "DescribeLoadBalancerTargetGroups",
    "DescribeLoadBalancers",
    "DescribeMetricCollectionTypes",
    "DescribeNotificationConfigurations",
    "DescribePolicies",
    "DescribeScalingProcessTypes",
    "DescribeScheduledActions",
    "DescribeTags",
    "DescribeTerminationPolicyTypes",
    "DescribeTrafficSources",
    "DescribeWarmPool",
    "DetachInstances",
    "DetachLoadBalancerTargetGroups",
    "DetachLoadBalancers",
    "DetachTrafficSources",
    "DisableMetricsCollection",
    "EnableMetricsCollection",
    "ExecutePolicy",
    "GetPredictiveScalingForecast",
    "LaunchInstances",
    "PutAccountSetting",
    "PutLifecycleHook",
    "PutNotificationConfiguration",
    "PutScalingPolicy",
    "PutScheduledUpdateGroupAction",
    "PutWarmPool",
    "RecordLifecycleActionHeartbeat",
    "RollbackInstanceRefresh",
    "SetDesiredCapacity",
    "StartInstanceRefresh",
    "UpdateAutoScalingGroup",
];
