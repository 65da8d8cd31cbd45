//! How instances look in EC2's answers.

use jiff::SignedDuration;

use super::{Call, Instance, Xml};
use crate::sim::{autoscaling::subnet_id, ids, state::Platform};

/// Instances of the world's beginning are this much older than the simulation.
const AGE: SignedDuration = SignedDuration::from_hours(24);

pub(super) const INSTANCE_TYPE: &str = "t3.micro";
pub(super) const VPC: &str = "vpc-0123456789abcdef0";

/// Tells whether the instance has a network still.
pub(super) fn is_there(instance: &Instance) -> bool {
    instance.ec2_state != "terminated"
}

pub(super) fn image_id(instance: &Instance) -> String {
    ids::instance_id(0, details(instance), 0).replacen("i-", "ami-", 1)
}

pub(super) fn reservation_id(instance: &Instance) -> String {
    instance.id.replacen("i-", "r-", 1)
}

/// Every instance has a reservation of its own, as those of Auto Scaling do.
pub(super) fn write_reservation(call: &Call, instance: &Instance, xml: &mut Xml) {
    xml.text("reservationId", &reservation_id(instance));
    xml.text("ownerId", &call.sim.account);
    xml.items("groupSet", [], |_, ()| {});
    xml.items("instancesSet", [instance], |xml, it| write_instance(call, it, xml));
}

fn write_instance(call: &Call, instance: &Instance, xml: &mut Xml) {
    let launched = instance.launched.unwrap_or(call.sim.clock.epoch() - AGE);
    let is_there = is_there(instance);
    xml.text("instanceId", &instance.id);
    xml.text("imageId", &image_id(instance));
    xml.element("instanceState", |xml| write_state(instance, xml));
    let private = if is_there { instance.computer_name.as_str() } else { "" };
    xml.text("privateDnsName", private);
    xml.text("dnsName", "");
    xml.text("reason", "");
    xml.value("amiLaunchIndex", 0);
    xml.items("productCodes", [], |_, ()| {});
    xml.text("instanceType", INSTANCE_TYPE);
    xml.text("launchTime", &launched.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string());
    xml.element("placement", |xml| {
        xml.text("availabilityZone", &instance.zone);
        xml.text("groupName", "");
        xml.text("tenancy", "default");
    });
    if instance.platform == Platform::Windows {
        // As the service model spells it; the service itself has been seen to say `windows`.
        xml.text("platform", "Windows");
    }
    xml.element("monitoring", |xml| xml.text("state", "disabled"));
    if is_there {
        xml.text("subnetId", &subnet_id(&instance.zone));
        xml.text("vpcId", VPC);
        xml.text("privateIpAddress", &instance.ip_address);
    }
    xml.text("architecture", "x86_64");
    xml.text("rootDeviceType", "ebs");
    xml.text("rootDeviceName", "/dev/xvda");
    xml.text("virtualizationType", "hvm");
    xml.text("hypervisor", "xen");
    xml.items("tagSet", &instance.tags, |xml, (key, value)| {
        xml.text("key", key);
        xml.text("value", value);
    });
    xml.text("platformDetails", details(instance));
}

pub(super) fn write_status(instance: &Instance, xml: &mut Xml) {
    xml.text("instanceId", &instance.id);
    xml.text("availabilityZone", &instance.zone);
    xml.element("instanceState", |xml| write_state(instance, xml));
    for (name, (status, check)) in
        ["systemStatus", "instanceStatus"].into_iter().zip(checks(instance))
    {
        xml.element(name, |xml| {
            xml.text("status", status);
            let checks: &[&str] = if check.is_empty() { &[] } else { &["reachability"] };
            xml.items("details", checks, |xml, it| {
                xml.text("name", it);
                xml.text("status", check);
            });
        });
    }
}

/// Returns the system's status and the instance's own, each with the state of its one check.
pub(super) fn checks(instance: &Instance) -> [(&'static str, &'static str); 2] {
    // Auto Scaling's word for an instance whose checks failed.
    let is_sick = instance.impaired || instance.health == "Unhealthy";
    match (instance.ec2_state.as_str(), is_sick) {
        ("running", true) => [("ok", "passed"), ("impaired", "failed")],
        ("running", false) => [("ok", "passed"); 2],
        _ => [("not-applicable", ""); 2],
    }
}

fn write_state(instance: &Instance, xml: &mut Xml) {
    xml.value("code", state_code(instance));
    xml.text("name", &instance.ec2_state);
}

pub(super) fn state_code(instance: &Instance) -> u8 {
    match instance.ec2_state.as_str() {
        "pending" => 0,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        "stopped" => 80,
        _ => 16, // running
    }
}

pub(super) fn details(instance: &Instance) -> &'static str {
    match instance.platform {
        Platform::Linux | Platform::MacOs => "Linux/UNIX",
        Platform::Windows => "Windows",
    }
}
