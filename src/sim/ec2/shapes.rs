//! How instances look in EC2's answers.

use jiff::{SignedDuration, Timestamp};

use super::{Call, Instance, State, Xml, describe::SECURITY_GROUP};
use crate::sim::{
    autoscaling::subnet_id,
    ids,
    machines::{CHECKS, Hardware, attached, root_device},
    state::Platform,
    timeline::plus,
};

/// Instances of the world's beginning are this much older than the simulation.
const AGE: SignedDuration = SignedDuration::from_hours(24);

pub(super) const VPC: &str = "vpc-0123456789abcdef0";

/// Tells whether the instance has a network still.
pub(super) fn is_there(instance: &Instance) -> bool {
    instance.ec2_state != "terminated"
}

/// Those with other product codes, and those with another root, were launched from another image.
pub(super) fn image_id(hardware: &Hardware, platform: Platform) -> String {
    if let Some(it) = &hardware.image {
        return own_image_id(&it.name);
    }
    let mut name = platform_details(platform).to_owned();
    for it in &hardware.product_codes {
        name.push(',');
        name.push_str(it);
    }
    if !hardware.has_ebs_root {
        name.push_str(",instance-store");
    }
    named_image_id(&name)
}

/// Returns the id of an image of the account's own.
pub(super) fn own_image_id(name: &str) -> String {
    named_image_id(&format!("own,{name}"))
}

fn named_image_id(name: &str) -> String {
    ids::instance_id(0, name, 0).replacen("i-", "ami-", 1)
}

pub(super) fn reservation_id(instance: &Instance) -> String {
    instance.id.replacen("i-", "r-", 1)
}

/// Every instance has a reservation of its own, as those of Auto Scaling do.
pub(super) fn write_reservation(call: &Call, state: &State, instance: &Instance, xml: &mut Xml) {
    xml.text("reservationId", &reservation_id(instance));
    xml.text("ownerId", &call.sim.account);
    xml.items("groupSet", [], |_, ()| {});
    xml.items("instancesSet", [instance], |xml, it| write_instance(call, state, it, xml));
}

fn write_instance(call: &Call, state: &State, instance: &Instance, xml: &mut Xml) {
    // "The time that the instance was last launched", starts included.
    let launched = instance.started.or(instance.launched);
    let hardware = &instance.hardware;
    let is_there = is_there(instance);
    xml.text("instanceId", &instance.id);
    xml.text("imageId", &image_id(hardware, instance.platform));
    xml.element("instanceState", |xml| write_state(instance, xml));
    let private = if is_there { instance.computer_name.as_str() } else { "" };
    xml.text("privateDnsName", private);
    xml.text("dnsName", "");
    xml.text("reason", "");
    xml.value("amiLaunchIndex", 0);
    write_product_codes(instance, xml);
    xml.text("instanceType", &hardware.instance_type);
    xml.text("launchTime", &launch_time(call, launched));
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
    if let Some(it) = public_address(instance) {
        xml.text("ipAddress", &it);
    }
    if hardware.is_spot {
        xml.text("instanceLifecycle", "spot");
    }
    xml.text("architecture", "x86_64");
    xml.text("rootDeviceType", root_type(instance));
    xml.text("rootDeviceName", root_device(instance));
    write_mappings(call, state, instance, xml);
    xml.items("groupSet", is_there.then_some(SECURITY_GROUP), |xml, it| {
        xml.text("groupId", it);
        xml.text("groupName", "default");
    });
    xml.items("networkInterfaceSet", is_there.then_some(instance), |xml, it| {
        write_interface(call, it, xml);
    });
    xml.text("virtualizationType", "hvm");
    xml.text("hypervisor", "xen");
    xml.items("tagSet", &instance.tags, |xml, (key, value)| {
        xml.text("key", key);
        xml.text("value", value);
    });
    xml.text("platformDetails", platform_details(instance.platform));
}

/// An address that Amazon lends as long as the instance runs; there are no elastic ones.
fn public_address(instance: &Instance) -> Option<String> {
    let has_one = instance.hardware.public_ip && instance.ec2_state == "running";
    has_one.then(|| instance.ip_address.replacen("10.", "198.", 1))
}

fn write_interface(call: &Call, instance: &Instance, xml: &mut Xml) {
    xml.text("networkInterfaceId", &instance.id.replacen("i-", "eni-", 1));
    xml.text("subnetId", &subnet_id(&instance.zone));
    xml.text("vpcId", VPC);
    xml.text("ownerId", &call.sim.account);
    xml.text("status", "in-use");
    xml.text("privateIpAddress", &instance.ip_address);
    if let Some(it) = public_address(instance) {
        xml.element("association", |xml| {
            xml.text("publicIp", &it);
            xml.text("ipOwnerId", "amazon");
        });
    }
}

/// An instant as EC2 writes it; `None`: a day before the simulation began.
pub(super) fn launch_time(call: &Call, at: Option<Timestamp>) -> String {
    let at = at.unwrap_or(call.sim.clock.epoch() - AGE);
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

pub(super) fn root_type(instance: &Instance) -> &'static str {
    if instance.hardware.has_ebs_root { "ebs" } else { "instance-store" }
}

pub(super) fn write_product_codes(instance: &Instance, xml: &mut Xml) {
    xml.items("productCodes", &instance.hardware.product_codes, |xml, it| {
        xml.text("productCode", it);
        xml.text("type", "marketplace");
    });
}

/// The volumes that hang on it; an instance store is not among them.
pub(super) fn write_mappings(call: &Call, state: &State, instance: &Instance, xml: &mut Xml) {
    xml.items("blockDeviceMapping", attached(state, &instance.id), |xml, (device, volume)| {
        let Some(attachment) = &volume.attachment else { return };
        xml.text("deviceName", device);
        xml.element("ebs", |xml| {
            xml.text("volumeId", &volume.id);
            xml.text("status", "attached");
            xml.text("attachTime", &launch_time(call, attachment.at));
            xml.value("deleteOnTermination", attachment.delete_on_termination);
        });
    });
}

pub(super) fn write_status(call: &Call, instance: &Instance, xml: &mut Xml) {
    xml.text("instanceId", &instance.id);
    xml.text("availabilityZone", &instance.zone);
    xml.element("instanceState", |xml| write_state(instance, xml));
    for (name, (status, check)) in
        ["systemStatus", "instanceStatus"].into_iter().zip(checks(call, instance))
    {
        xml.element(name, |xml| {
            xml.text("status", status);
            let checks: &[&str] = if check.is_empty() { &[] } else { &["reachability"] };
            xml.items("details", checks, |xml, it| {
                xml.text("name", it);
                xml.text("status", check);
                if check == "failed" {
                    // "The time when a status check failed" (EC2 reference).
                    let since = instance.impaired_since.unwrap_or(call.sim.clock.epoch() - AGE);
                    xml.text("impairedSince", &launch_time(call, Some(since)));
                }
            });
        });
    }
}

/// Returns the system's status and the instance's own, each with the state of its one check.
pub(super) fn checks(call: &Call, instance: &Instance) -> [(&'static str, &'static str); 2] {
    let since = instance.started.or(instance.launched);
    let is_new = since.is_some_and(|it| call.sim.clock.now() < plus(it, CHECKS));
    match (instance.ec2_state.as_str(), instance.impaired) {
        ("running", _) if is_new => [("initializing", "initializing"); 2],
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
    code_of(&instance.ec2_state)
}

pub(super) fn code_of(word: &str) -> u8 {
    match word {
        "pending" => 0,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        "stopped" => 80,
        _ => 16, // running
    }
}

pub(super) fn platform_details(platform: Platform) -> &'static str {
    match platform {
        Platform::Linux | Platform::MacOs => "Linux/UNIX",
        Platform::Windows => "Windows",
    }
}
