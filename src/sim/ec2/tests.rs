//! EC2 over the wire.

mod preflight;
mod rescue;

use crate::sim::tests::client::{Reply, form, start};

const WORLD: &str = "[[group]]\nname = \"web\"\nsize = 7\ntags = { role = \"a&b\" }\n\
                     [[group.instance]]\nindex = 6\nlifecycle = \"Terminated\"\n\
                     [[group]]\nname = \"win\"\nsize = 1\nplatform = \"Windows\"\n";

fn ask(sim: &crate::sim::Sim, operation: &str, parameters: &str) -> Reply {
    form(sim, &format!("Action={operation}&Version=2016-11-15{parameters}")).unwrap()
}

fn tag(value: &str) -> String {
    format!("&Filter.1.Name=tag%3Aaws%3Aautoscaling%3AgroupName&Filter.1.Value.1={value}")
}

#[test]
fn instances_are_found_by_filters() {
    let sim = start(WORLD);
    let count =
        |parameters: &str| ask(&sim, "DescribeInstances", parameters).elements("instanceId").len();
    assert_eq!(count(""), 8);
    assert_eq!(count(&tag("web")), 7);
    assert_eq!(count(&tag("w*")), 8);
    assert_eq!(count(&format!("{}&Filter.1.Value.2=win", tag("web"))), 8);
    let running = "&Filter.2.Name=instance-state-name&Filter.2.Value.1=running";
    assert_eq!(count(&format!("{}{running}", tag("web"))), 6);
    assert_eq!(count("&Filter.1.Name=tag-key&Filter.1.Value.1=role"), 7);
    assert_eq!(count("&Filter.1.Name=instance-id&Filter.1.Value.1=i-nope"), 0);
    let reply = ask(&sim, "DescribeInstances", &tag("win"));
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><DescribeInstancesResponse \
                xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>";
    assert!(reply.body.starts_with(head), "{}", reply.body);
    assert_eq!((reply.element("platform"), reply.element("code")), ("Windows", "16"));
}

#[test]
fn what_is_told_of_an_instance_can_be_filtered_by() {
    let sim = start(WORLD);
    let find = |operation: &str, name: &str, value: &str| {
        let filter = format!("&Filter.1.Name={name}&Filter.1.Value.1={value}");
        ask(&sim, operation, &filter).elements("instanceId").len()
    };
    let reply = ask(&sim, "DescribeInstances", &tag("win"));
    for (name, element) in [
        ("image-id", "imageId"),
        ("instance-type", "instanceType"),
        ("availability-zone", "availabilityZone"),
        ("private-ip-address", "privateIpAddress"),
        ("private-dns-name", "privateDnsName"),
        ("subnet-id", "subnetId"),
        ("vpc-id", "vpcId"),
        ("owner-id", "ownerId"),
        ("reservation-id", "reservationId"),
        ("platform-details", "platformDetails"),
        ("instance-state-code", "code"),
        ("architecture", "architecture"),
        ("tenancy", "tenancy"),
        ("hypervisor", "hypervisor"),
        ("virtualization-type", "virtualizationType"),
        ("root-device-name", "rootDeviceName"),
        ("root-device-type", "rootDeviceType"),
    ] {
        let value = reply.element(element);
        assert!(find("DescribeInstances", name, value) >= 1, "{name} {value}");
        assert_eq!(find("DescribeInstances", name, "other"), 0, "{name}");
    }
    assert_eq!(find("DescribeInstances", "platform", "windows"), 1);
    // What is terminated has no network.
    assert_eq!(find("DescribeInstances", "vpc-id", "*"), 7);
    assert_eq!(find("DescribeInstanceStatus", "instance-status.status", "ok"), 7);
    assert_eq!(find("DescribeInstanceStatus", "system-status.reachability", "failed"), 0);
}

#[test]
fn a_filter_that_only_ec2_has_is_said_to_be_missing_here() {
    let sim = start(WORLD);
    for (operation, name, code, message) in [
        (
            "DescribeInstances",
            "key-name",
            "UnsupportedOperation",
            "not implemented by this simulator.",
        ),
        ("DescribeInstances", "color", "InvalidParameterValue", "invalid"),
        (
            "DescribeInstanceStatus",
            "event.code",
            "UnsupportedOperation",
            "not implemented by this simulator.",
        ),
        ("DescribeInstanceStatus", "tag:role", "InvalidParameterValue", "invalid"),
    ] {
        let reply = ask(&sim, operation, &format!("&Filter.1.Name={name}&Filter.1.Value.1=a"));
        let message = format!("The filter &apos;{name}&apos; is {message}");
        assert_eq!((reply.element("Code"), reply.element("Message")), (code, message.as_str()));
    }
}

#[test]
fn pages_and_ids_exclude_each_other() {
    let sim = start(WORLD);
    let first = ask(&sim, "DescribeInstances", "&MaxResults=5");
    let token = format!("&MaxResults=5&NextToken={}", first.element("nextToken"));
    let second = ask(&sim, "DescribeInstances", &token);
    let mut all = [first.elements("instanceId"), second.elements("instanceId")].concat();
    all.dedup();
    assert_eq!((all.len(), second.elements("nextToken").len()), (8, 0));
    let one = ask(&sim, "DescribeInstances", &format!("&InstanceId.1={}", all[3]));
    assert_eq!(one.elements("instanceId"), [all[3]]);
    for (parameters, code) in [
        (format!("&InstanceId.1={}&MaxResults=5", all[0]), "InvalidParameterCombination"),
        ("&InstanceId.1=i-00000000000000000".to_owned(), "InvalidInstanceID.NotFound"),
        ("&InstanceId.1=web".to_owned(), "InvalidInstanceID.Malformed"),
        ("&MaxResults=4".to_owned(), "InvalidParameterValue"),
        ("&NextToken=x".to_owned(), "InvalidNextToken"),
        ("&Filter.1.Name=color&Filter.1.Value.1=red".to_owned(), "InvalidParameterValue"),
        ("&DryRun=true".to_owned(), "DryRunOperation"),
    ] {
        let reply = ask(&sim, "DescribeInstances", &parameters);
        assert_eq!(reply.element("Code"), code, "{parameters}");
        assert!(reply.body.contains("<Response><Errors><Error>"), "{}", reply.body);
    }
}

#[test]
fn statuses_are_of_running_instances_unless_all_are_asked_for() {
    let sim = start(WORLD);
    let running = ask(&sim, "DescribeInstanceStatus", "");
    assert_eq!(running.elements("instanceId").len(), 7);
    let all = ask(&sim, "DescribeInstanceStatus", "&IncludeAllInstances=true");
    assert_eq!(all.elements("instanceId").len(), 8);
    assert!(all.body.contains("<code>48</code><name>terminated</name>"), "{}", all.body);
}

#[test]
fn everything_else_is_refused() {
    let reply = ask(&start(""), "TerminateInstances", "&InstanceId.1=i-0");
    assert_eq!(reply.element("Code"), "UnsupportedOperation");
}
