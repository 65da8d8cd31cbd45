//! What a rescue reads of EC2 and IAM, and what it changes.

use super::{ask, tag};
use crate::sim::{
    Sim,
    tests::client::{Reply, form, start},
};

const WORLD: &str = r#"
speed = 1000.0

[[group]]
name = "web"
size = 3
max = 9
platform = "Windows"
zones = ["us-east-1a", "us-east-1c"]

[[group.instance]]
index = 1
zone = "us-east-1c"
encrypted = true
product_codes = ["abc"]
spot = true
instance_type = "m5d.large"

[[group.instance]]
index = 2
lifecycle = "Standby"
impaired = true

[[group]]
name = "old"
size = 1

[[group.instance]]
index = 0
root = "instance-store"
stop_protection = true

[network]
internet = "nat"
endpoints = ["ssm", "s3"]
default_egress = false
free_addresses = 3
not_offered = { "us-east-1c" = ["t3.medium"] }
ebs_encryption = true
"#;

fn ids(sim: &Sim, group: &str) -> Vec<String> {
    let reply = ask(sim, "DescribeInstances", &tag(group));
    let mut of_index: Vec<String> = Vec::new();
    for it in 0..3 {
        let id = crate::sim::ids::instance_id(1, group, it);
        if reply.body.contains(&id) {
            of_index.push(id);
        }
    }
    of_index
}

/// Waits until a question has the answer; a simulated minute is a moment here.
fn until(mut ask: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !ask() {
        assert!(std::time::Instant::now() < deadline, "it never came to that");
        std::thread::yield_now();
    }
}

fn state(sim: &Sim, id: &str) -> String {
    let reply = ask(sim, "DescribeInstances", &format!("&InstanceId.1={id}"));
    let (_, rest) = reply.body.split_once("<instanceState>").unwrap();
    rest.split("<name>").nth(1).unwrap().split('<').next().unwrap().to_owned()
}

fn root(sim: &Sim, id: &str) -> String {
    let filter = format!("&Filter.1.Name=attachment.instance-id&Filter.1.Value.1={id}");
    ask(sim, "DescribeVolumes", &filter).element("volumeId").to_owned()
}

#[track_caller]
fn refused(sim: &Sim, operation: &str, parameters: &str, code: &str) -> Reply {
    let reply = ask(sim, operation, parameters);
    assert_eq!(reply.element("Code"), code, "{operation} {parameters}: {}", reply.body);
    reply
}

#[test]
fn an_instance_shows_what_a_rescue_looks_for() {
    let sim = start(WORLD);
    let web = ids(&sim, "web");
    let reply = ask(&sim, "DescribeInstances", &format!("&InstanceId.1={}", web[1]));
    for (name, expected) in [
        ("productCode", "abc"),
        ("instanceLifecycle", "spot"),
        ("instanceType", "m5d.large"),
        ("availabilityZone", "us-east-1c"),
        ("rootDeviceType", "ebs"),
        ("rootDeviceName", "/dev/sda1"),
        ("deviceName", "/dev/sda1"),
        ("deleteOnTermination", "true"),
    ] {
        assert_eq!(reply.element(name), expected, "{name}");
    }
    let volume = ask(&sim, "DescribeVolumes", &format!("&VolumeId.1={}", root(&sim, &web[1])));
    assert_eq!((volume.element("encrypted"), volume.element("status")), ("true", "in-use"));
    let old = ask(&sim, "DescribeInstances", &tag("old"));
    assert_eq!(old.element("rootDeviceType"), "instance-store");
    assert!(!old.body.contains("<volumeId>"), "{}", old.body);
    let types = ask(&sim, "DescribeInstanceTypes", "&InstanceType.1=m5d.large");
    assert_eq!(types.element("instanceStorageSupported"), "true");
    let sick = ask(&sim, "DescribeInstanceStatus", &format!("&InstanceId.1={}", web[2]));
    assert!(sick.body.contains("<status>impaired</status>"), "{}", sick.body);
}

#[test]
fn the_network_is_as_the_world_has_it() {
    let sim = start(WORLD);
    let subnets = ask(&sim, "DescribeSubnets", "");
    assert_eq!(subnets.elements("subnetId").len(), 3);
    assert_eq!(subnets.element("availableIpAddressCount"), "3");
    let routes = ask(&sim, "DescribeRouteTables", "");
    assert!(routes.body.contains("<natGatewayId>nat-"), "{}", routes.body);
    let groups =
        ask(&sim, "DescribeSecurityGroups", "&Filter.1.Name=group-name&Filter.1.Value.1=default");
    assert!(groups.body.contains("<ipPermissionsEgress></ipPermissionsEgress>"), "{}", groups.body);
    assert_eq!(ask(&sim, "DescribeVpcEndpoints", "").elements("serviceName").len(), 2);
    let encryption = ask(&sim, "GetEbsEncryptionByDefault", "");
    assert_eq!(encryption.element("ebsEncryptionByDefault"), "true");
    let offered = |zone: &str| {
        let filters = format!(
            "&LocationType=availability-zone&Filter.1.Name=instance-type&Filter.1.Value.1=t3.medium\
             &Filter.2.Name=location&Filter.2.Value.1={zone}"
        );
        ask(&sim, "DescribeInstanceTypeOfferings", &filters).elements("location").len()
    };
    assert_eq!((offered("us-east-1a"), offered("us-east-1c")), (1, 0));
}

#[test]
fn a_member_that_stops_is_replaced_and_one_in_standby_is_not() {
    let sim = start(WORLD);
    let web = ids(&sim, "web");
    for id in [&web[0], &web[2]] {
        let reply = ask(&sim, "StopInstances", &format!("&InstanceId.1={id}"));
        assert_eq!(reply.elements("name"), ["stopping", "running"]);
    }
    until(|| state(&sim, &web[2]) == "stopped");
    until(|| state(&sim, &web[0]) == "terminated");
    let group = form(
        &sim,
        "Action=DescribeAutoScalingGroups&Version=2011-01-01&AutoScalingGroupNames.member.1=web",
    );
    let members = group.unwrap();
    assert_eq!(members.elements("InstanceId").len(), 3);
    assert_eq!(state(&sim, &web[2]), "stopped");
    let gone = format!("&Filter.1.Name=attachment.instance-id&Filter.1.Value.1={}", web[0]);
    assert!(ask(&sim, "DescribeVolumes", &gone).elements("volumeId").is_empty());
}

#[test]
fn a_root_volume_goes_and_comes_back() {
    let sim = start(WORLD);
    let web = ids(&sim, "web");
    let (id, helper) = (&web[2], &web[0]);
    let volume = root(&sim, id);
    let detach = format!("&VolumeId={volume}&InstanceId={id}");
    refused(&sim, "DetachVolume", &detach, "OperationNotPermitted");
    ask(&sim, "StopInstances", &format!("&InstanceId.1={id}"));
    until(|| state(&sim, id) == "stopped");
    refused(&sim, "DetachVolume", &format!("{detach}&DryRun=true"), "DryRunOperation");
    refused(&sim, "AttachVolume", &format!("{detach}&Device=/dev/xvdf"), "VolumeInUse");
    assert_eq!(ask(&sim, "DetachVolume", &detach).element("status"), "detaching");
    refused(&sim, "DetachVolume", &detach, "IncorrectState");
    refused(&sim, "StartInstances", &format!("&InstanceId.1={id}"), "InvalidParameterValue");
    let other = format!("&VolumeId={volume}&InstanceId={}&Device=/dev/xvdf", web[1]);
    refused(&sim, "AttachVolume", &other, "InvalidVolume.ZoneMismatch");
    let at = |device: &str, id: &str| format!("&VolumeId={volume}&InstanceId={id}&Device={device}");
    refused(&sim, "AttachVolume", &at("/dev/sda1", helper), "InvalidParameterValue");
    ask(&sim, "AttachVolume", &at("/dev/xvdf", helper)).element("attachTime");
    assert_eq!(
        ask(&sim, "DescribeInstances", &format!("&InstanceId.1={helper}")).elements("deviceName"),
        ["/dev/sda1", "/dev/xvdf"]
    );
    ask(&sim, "DetachVolume", &format!("&VolumeId={volume}"));
    ask(&sim, "AttachVolume", &at("/dev/sda1", id));
    let mapping = format!("&InstanceId={id}&BlockDeviceMapping.1.DeviceName=/dev/sda1");
    let set = format!("{mapping}&BlockDeviceMapping.1.Ebs.DeleteOnTermination=true");
    let shown = || {
        let attribute = format!("&InstanceId={id}&Attribute=blockDeviceMapping");
        ask(&sim, "DescribeInstanceAttribute", &attribute).element("deleteOnTermination").to_owned()
    };
    assert_eq!(shown(), "false");
    ask(&sim, "ModifyInstanceAttribute", &set).element("return");
    assert_eq!(shown(), "true");
    ask(&sim, "StartInstances", &format!("&InstanceId.1={id}")).element("instanceId");
    until(|| state(&sim, id) == "running");
}

#[test]
fn what_cannot_be_stopped_says_why() {
    let sim = start(WORLD);
    let old = ids(&sim, "old");
    let stop = format!("&InstanceId.1={}", old[0]);
    refused(&sim, "StopInstances", &stop, "UnsupportedOperation");
    refused(&sim, "StopInstances", "", "MissingParameter");
    let nobody = "&InstanceId.1=i-0123456789abcdef0";
    refused(&sim, "StopInstances", nobody, "InvalidInstanceID.NotFound");
    refused(&sim, "DescribeVolumes", "&VolumeId.1=vol-0", "InvalidVolume.NotFound");
    let protect = format!("&InstanceId={}&Attribute=disableApiStop", old[0]);
    assert_eq!(ask(&sim, "DescribeInstanceAttribute", &protect).element("value"), "true");
    let filter = "&Filter.1.Name=iops&Filter.1.Value.1=3";
    refused(&sim, "DescribeVolumes", filter, "UnsupportedOperation");
}

#[test]
fn iam_says_what_a_role_may_do() {
    let folder = tempfile::tempdir().unwrap();
    let trust = r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ssm.amazonaws.com"}}}"#;
    let policy = r#"{"Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"},
        {"Effect":"Deny","Action":"ec2:DetachVolume","Resource":"*"}]}"#;
    std::fs::write(folder.path().join("trust.json"), trust).unwrap();
    std::fs::write(folder.path().join("policy.json"), policy).unwrap();
    let world = "[[role]]\nname = \"rescue\"\ntrust = \"trust.json\"\npolicy = \"policy.json\"\n";
    let world = crate::sim::World::parse(world, &folder.path().join("w.toml")).unwrap();
    let sim = Sim::start(world, ([127, 0, 0, 1], 0).into()).unwrap();
    let iam = |operation: &str, parameters: &str| {
        form(&sim, &format!("Action={operation}&Version=2010-05-08{parameters}")).unwrap()
    };
    let role = "&PolicySourceArn=arn:aws:iam::123456789012:role/rescue";
    let actions = "&ActionNames.member.1=ec2:StopInstances&ActionNames.member.2=ec2:DetachVolume\
                   &ActionNames.member.3=lambda:InvokeFunction";
    let reply = iam("SimulatePrincipalPolicy", &format!("{role}{actions}"));
    assert_eq!(reply.elements("EvalDecision"), ["allowed", "explicitDeny", "implicitDeny"]);
    let first = iam("SimulatePrincipalPolicy", &format!("{role}{actions}&MaxItems=2"));
    assert_eq!((first.element("IsTruncated"), first.element("Marker")), ("true", "2"));
    let rest = iam("SimulatePrincipalPolicy", &format!("{role}{actions}&MaxItems=2&Marker=2"));
    assert_eq!(rest.elements("EvalDecision"), ["implicitDeny"]);
    let entry = "&ContextEntries.member.1.ContextKeyName=ec2:Region\
                 &ContextEntries.member.1.ContextKeyType=string\
                 &ContextEntries.member.1.ContextKeyValues.member.1=x";
    let reply = iam("SimulatePrincipalPolicy", &format!("{role}{actions}{entry}"));
    assert_eq!(reply.elements("EvalDecision").len(), 3);
    for (parameters, code, status) in [
        (format!("{role}-not{actions}"), "NoSuchEntity", 404),
        (role.to_owned(), "InvalidInput", 400),
        (format!("{role}&ActionNames.member.1=Stop"), "InvalidInput", 400),
    ] {
        let reply = iam("SimulatePrincipalPolicy", &parameters);
        assert_eq!((reply.element("Code"), reply.status), (code, status), "{parameters}");
    }
    let reply = iam("GetRole", "&RoleName=rescue");
    assert!(reply.element("AssumeRolePolicyDocument").starts_with("%7B%22Statement%22"));
    assert_eq!(iam("GetRole", "&RoleName=none").element("Code"), "NoSuchEntity");
    assert_eq!(iam("ListRoles", "").element("Code"), "InvalidAction");
}
