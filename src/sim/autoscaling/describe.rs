//! DescribeAutoScalingGroups and DescribeAutoScalingInstances.

use jiff::{SignedDuration, Timestamp};

use super::{
    arn,
    filter::filters,
    invalid,
    page::{Page, page},
    subnet_id,
};
use crate::sim::{
    api::{ApiError, Call},
    ids,
    state::{Group, Instance, State},
    wire::{form::Form, xml::Xml},
};

/// The quota of DescribeAutoScalingGroups (API reference, MaxRecords).
const GROUPS: Page = Page { default: 50, most: 100 };
/// The quota of DescribeAutoScalingInstances.
const INSTANCES: Page = Page { default: 50, most: 50 };

const COOLDOWN: u32 = 300;
/// Groups are this much older than the simulation.
const AGE: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn describe_groups(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let names = form.texts("AutoScalingGroupNames")?;
    let include_instances = form.boolean("IncludeInstances")?.unwrap_or(true);
    let filters = filters(form)?;
    let size = call.pages.of(GROUPS.size(form)?);
    if names.len() > size {
        return Err(invalid(&format!(
            "The number of group names cannot exceed {size}. You specified {}.",
            names.len()
        )));
    }
    let state = call.sim.state.borrow();
    let is_wanted = |it: &&Group| {
        (names.is_empty() || names.contains(&it.name.as_str()))
            && filters.iter().all(|filter| filter.matches(it))
    };
    let mut groups: Vec<&Group> = state.groups.iter().filter(is_wanted).collect();
    groups.sort_unstable_by_key(|it| it.name.as_str());
    let (page, next) = page(groups, form, size, |it| it.name.as_str())?;
    xml.list("AutoScalingGroups", page, |xml, it| {
        let instances = if include_instances { it.members.as_slice() } else { &[] };
        write_group(call, &state, it, instances, xml);
    });
    if let Some(it) = next {
        xml.text("NextToken", &it);
    }
    Ok(())
}

pub(super) fn describe_instances(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let ids = form.texts("InstanceIds")?;
    let size = call.pages.of(INSTANCES.size(form)?);
    if ids.len() > INSTANCES.most {
        return Err(invalid("The number of instance ids cannot exceed 50."));
    }
    let state = call.sim.state.borrow();
    let is_member = |it: &&Instance| !it.group.is_empty();
    let instances: Vec<&Instance> = if ids.is_empty() {
        state.instances.values().filter(is_member).collect()
    } else {
        let mut ids = ids;
        ids.sort_unstable();
        ids.dedup();
        // An id that does not exist is ignored with no error (API reference).
        ids.into_iter().filter_map(|it| state.instances.get(it)).filter(is_member).collect()
    };
    let (page, next) = page(instances, form, size, |it| it.id.as_str())?;
    xml.list("AutoScalingInstances", page, |xml, it| {
        xml.text("AutoScalingGroupName", &it.group);
        write_instance(it, &template_id(&it.group), xml);
    });
    if let Some(it) = next {
        xml.text("NextToken", &it);
    }
    Ok(())
}

fn write_group(call: &Call, state: &State, group: &Group, instances: &[String], xml: &mut Xml) {
    let created: Timestamp = call.sim.clock.epoch() - AGE;
    let template = template_id(&group.name);
    xml.text("AutoScalingGroupName", &group.name);
    xml.text("AutoScalingGroupARN", &arn(call, &group.name));
    xml.element("LaunchTemplate", |xml| launch_template(&group.name, &template, xml));
    xml.value("MinSize", group.min_size);
    xml.value("MaxSize", group.max_size);
    xml.value("DesiredCapacity", group.desired);
    xml.value("DefaultCooldown", COOLDOWN);
    xml.texts("AvailabilityZones", group.zones.iter().map(String::as_str));
    xml.texts("LoadBalancerNames", []);
    xml.texts("TargetGroupARNs", []);
    xml.text("HealthCheckType", "EC2");
    xml.value("HealthCheckGracePeriod", COOLDOWN);
    xml.list("Instances", instances.iter().filter_map(|it| state.instances.get(it)), |xml, it| {
        write_instance(it, &template, xml);
    });
    xml.text("CreatedTime", &created.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string());
    xml.list("SuspendedProcesses", &group.suspended, |xml, (process, reason)| {
        xml.text("ProcessName", process);
        xml.text("SuspensionReason", reason);
    });
    let subnets: Vec<String> = group.zones.iter().map(|it| subnet_id(it)).collect();
    xml.text("VPCZoneIdentifier", &subnets.join(","));
    xml.texts("EnabledMetrics", []);
    xml.list("Tags", &group.tags, |xml, (key, value)| {
        xml.text("ResourceId", &group.name);
        xml.text("ResourceType", "auto-scaling-group");
        xml.text("Key", key);
        xml.text("Value", value);
        xml.value("PropagateAtLaunch", true);
    });
    xml.texts("TerminationPolicies", ["Default"]);
    xml.value("NewInstancesProtectedFromScaleIn", false);
    xml.text("ServiceLinkedRoleARN", &service_role(&call.sim.account));
}

fn write_instance(instance: &Instance, template: &str, xml: &mut Xml) {
    xml.text("InstanceId", &instance.id);
    xml.text("InstanceType", &instance.hardware.instance_type);
    xml.text("AvailabilityZone", &instance.zone);
    xml.text("LifecycleState", &instance.lifecycle);
    xml.text("HealthStatus", &instance.health);
    xml.element("LaunchTemplate", |xml| launch_template(&instance.group, template, xml));
    xml.value("ProtectedFromScaleIn", instance.protected);
}

/// Returns the id of a group's launch template, which is in the shape of an instance's.
fn template_id(group: &str) -> String {
    ids::instance_id(0, group, 0).replacen("i-", "lt-", 1)
}

fn launch_template(group: &str, id: &str, xml: &mut Xml) {
    xml.text("LaunchTemplateId", id);
    // Templates have fewer characters in their names than groups, and at least three of them.
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "()./_-".contains(it);
    let name: String = group.chars().map(|it| if is_plain(it) { it } else { '-' }).collect();
    xml.text(
        "LaunchTemplateName",
        &format!("lt-of-{}", name.chars().take(100).collect::<String>()),
    );
    xml.text("Version", "1");
}

fn service_role(account: &str) -> String {
    format!(
        "arn:aws:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/\
         AWSServiceRoleForAutoScaling"
    )
}
