//! What the checks before a rescue read besides instances: images, snapshots, VPCs, network ACLs.

use super::{ask, tag};
use crate::sim::{
    Sim,
    tests::client::{Reply, start},
};

const WORLD: &str = r#"
[[image]]
name = "golden"
platform = "Windows"

[[image]]
name = "sold"
platform = "Windows"
product_codes = ["abc"]

[[image]]
name = "gone"
deregistered = true

[[key]]
name = "disks"

[[group]]
name = "win"
size = 5
platform = "Windows"
instance = [
    { index = 1, image = "golden", key = "disks", snapshot = "2h" },
    { index = 2, image = "sold", snapshot = "25h" },
    { index = 3, image = "sold", product_codes = [], public_ip = true },
    { index = 4, product_codes = ["xyz"] },
]

[[group]]
name = "web"
size = 1
image = "gone"

[network]
vpcs = 7
ebs_encryption = true
ebs_key = "disks"
"#;

fn id(group: &str, index: usize) -> String {
    crate::sim::ids::instance_id(1, group, index)
}

fn described(sim: &Sim, group: &str, index: usize) -> Reply {
    ask(sim, "DescribeInstances", &format!("&InstanceId.1={}", id(group, index)))
}

fn image(sim: &Sim, group: &str, index: usize) -> String {
    described(sim, group, index).element("imageId").to_owned()
}

fn filter(name: &str, value: &str) -> String {
    format!("&Filter.1.Name={name}&Filter.1.Value.1={value}")
}

#[track_caller]
fn refused(sim: &Sim, operation: &str, parameters: &str, code: &str, message: &str) {
    let reply = ask(sim, operation, parameters);
    assert_eq!((reply.element("Code"), reply.element("Message")), (code, message), "{operation}");
}

#[test]
fn an_image_has_the_product_codes_of_what_was_launched_from_it() {
    let sim = start(WORLD);
    let codes = |group: &str, index: usize| {
        let images = ask(&sim, "DescribeImages", &filter("image-id", &image(&sim, group, index)));
        assert_eq!(images.elements("imageId").len(), 1, "{}", images.body);
        let own = described(&sim, group, index);
        let of = |it: &Reply| it.elements("productCode").join(" ");
        (of(&own), of(&images), images.element("imageOwnerId").to_owned())
    };
    let check = |index: usize, own: &str, of_image: &str, owner: &str| {
        assert_eq!(codes("win", index), (own.into(), of_image.into(), owner.into()), "{index}");
    };
    check(0, "", "", "801119661308");
    check(1, "", "", "123456789012");
    check(2, "abc", "abc", "123456789012");
    check(3, "", "abc", "123456789012");
    check(4, "xyz", "xyz", "679593333241");
}

#[test]
fn an_image_that_was_deregistered_is_no_longer_told() {
    let sim = start(WORLD);
    let gone = image(&sim, "web", 0);
    assert!(ask(&sim, "DescribeImages", &filter("image-id", &gone)).elements("imageId").is_empty());
    let parameters = format!("&ImageId.1={gone}");
    let told = ask(&sim, "DescribeImages", &parameters);
    assert_eq!((told.status, told.elements("imageId").len()), (200, 0), "it is in use still");
    let over =
        start(&WORLD.replace(
            "size = 1",
            "size = 1\ninstance = [{ index = 0, lifecycle = \"Terminated\" }]",
        ));
    let message = format!("The image id &apos;[{gone}]&apos; does not exist");
    refused(&over, "DescribeImages", &parameters, "InvalidAMIID.NotFound", &message);
    let message = "Invalid id: &quot;web&quot; (expecting &quot;ami-...&quot;)";
    refused(&sim, "DescribeImages", "&ImageId.1=web", "InvalidAMIID.Malformed", message);
}

#[test]
fn images_are_found_by_their_owners_and_by_what_is_told_of_them() {
    let sim = start(WORLD);
    let count =
        |parameters: &str| ask(&sim, "DescribeImages", parameters).elements("imageId").len();
    assert_eq!(count(""), 4);
    assert_eq!(count("&Owner.1=self"), 2);
    assert_eq!(count("&Owner.1=amazon&Owner.2=679593333241"), 2);
    assert_eq!(count("&Owner.1=210987654321"), 0);
    let golden = ask(&sim, "DescribeImages", &filter("name", "golden"));
    for (name, element) in [
        ("architecture", "architecture"),
        ("hypervisor", "hypervisor"),
        ("image-id", "imageId"),
        ("image-type", "imageType"),
        ("is-public", "isPublic"),
        ("owner-id", "imageOwnerId"),
        ("root-device-name", "rootDeviceName"),
        ("root-device-type", "rootDeviceType"),
        ("state", "imageState"),
        ("virtualization-type", "virtualizationType"),
    ] {
        assert!(count(&filter(name, golden.element(element))) >= 1, "{name}");
        assert_eq!(count(&filter(name, "other")), 0, "{name}");
    }
    assert_eq!((count(&filter("platform", "windows")), golden.element("platform")), (4, "Windows"));
    assert_eq!(count(&filter("product-code", "abc")), 1);
    assert_eq!(count(&filter("product-code.type", "marketplace")), 2);
    assert_eq!(count(&filter("owner-alias", "amazon")), 1);
    assert_eq!(count(&filter("tag-key", "*")), 0);
    let pages = ask(&sim, "DescribeImages", "&MaxResults=3");
    let rest = format!("&MaxResults=3&NextToken={}", pages.element("nextToken"));
    assert_eq!((pages.elements("imageId").len(), count(&rest)), (3, 1));
    for (parameters, what) in [
        ("&ExecutableBy.1=self".to_owned(), "parameter ExecutableBy"),
        (filter("kernel-id", "x"), "filter &apos;kernel-id&apos;"),
    ] {
        let message = format!("The {what} is not implemented by this simulator.");
        refused(&sim, "DescribeImages", &parameters, "UnsupportedOperation", &message);
    }
}

#[test]
fn a_snapshot_is_as_old_as_the_world_says() {
    let sim = start(WORLD);
    let roots = ask(&sim, "DescribeVolumes", &filter("attachment.instance-id", &id("win", 1)));
    let root = roots.element("volumeId");
    let reply = ask(&sim, "DescribeSnapshots", &filter("volume-id", root));
    assert_eq!((reply.element("volumeId"), reply.element("status")), (root, "completed"));
    assert_eq!(reply.element("kmsKeyId"), roots.element("kmsKeyId"));
    let begun: jiff::Timestamp = reply.element("startTime").parse().unwrap();
    let age = jiff::Timestamp::now().duration_since(begun).as_secs();
    assert!((7_200..7_500).contains(&age), "{age} s");
    let count =
        |parameters: &str| ask(&sim, "DescribeSnapshots", parameters).elements("snapshotId").len();
    let snapshot = reply.element("snapshotId");
    assert_eq!(count(&format!("&SnapshotId.1={snapshot}&Owner.1=self")), 1);
    assert_eq!((count("&Owner.1=amazon"), count(&filter("status", "pending"))), (0, 0));
    assert_eq!((count(&filter("encrypted", "true")), count(&filter("encrypted", "false"))), (1, 1));
    let message = "The snapshot &apos;snap-1&apos; does not exist.";
    let parameters = "&SnapshotId.1=snap-1";
    refused(&sim, "DescribeSnapshots", parameters, "InvalidSnapshot.NotFound", message);
    let message = "The parameter RestorableBy is not implemented by this simulator.";
    let parameters = "&RestorableBy.1=self";
    refused(&sim, "DescribeSnapshots", parameters, "UnsupportedOperation", message);
}

#[test]
fn the_vpcs_are_as_many_as_the_world_has_and_the_first_is_the_default() {
    let sim = start(WORLD);
    let all = ask(&sim, "DescribeVpcs", "");
    assert_eq!(all.elements("isDefault").iter().filter(|it| **it == "true").count(), 1);
    let mut ids = all.elements("vpcId");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 7);
    let usual = ask(&sim, "DescribeVpcs", &filter("is-default", "true"));
    assert_eq!(usual.elements("vpcId"), described(&sim, "win", 0).elements("vpcId")[..1]);
    let message = "The vpc ID &apos;vpc-1&apos; does not exist.";
    refused(&sim, "DescribeVpcs", "&VpcId.1=vpc-1", "InvalidVpcID.NotFound", message);
}

#[test]
fn the_network_acl_of_all_subnets_lets_everything_pass() {
    let sim = start(WORLD);
    let subnet = described(&sim, "win", 0).element("subnetId").to_owned();
    let reply = ask(&sim, "DescribeNetworkAcls", &filter("association.subnet-id", &subnet));
    assert_eq!(reply.elements("ruleAction"), ["allow", "deny", "allow", "deny"]);
    assert_eq!(reply.elements("egress"), ["true", "true", "false", "false"]);
    let other = ask(&sim, "DescribeNetworkAcls", &filter("vpc-id", "vpc-1"));
    assert!(other.elements("networkAclId").is_empty(), "{}", other.body);
}

#[test]
fn what_a_call_asks_for_is_looked_at_or_refused() {
    let sim = start(WORLD);
    let absent = |operation: &str, name: &str, parameters: &str| {
        let message = format!("The parameter {name} is not implemented by this simulator.");
        refused(&sim, operation, parameters, "UnsupportedOperation", &message);
    };
    absent("DescribeSecurityGroups", "GroupName", "&GroupName.1=other");
    absent("DescribeVpcEndpoints", "VpcEndpointId", "&VpcEndpointId.1=vpce-0");
    absent(
        "DescribeInstanceTypes",
        "IncludeUnsupportedInRegion",
        "&IncludeUnsupportedInRegion=true",
    );
    let both =
        format!("&InstanceId={}&DisableApiStop.Value=true&EbsOptimized.Value=true", id("win", 0));
    absent("ModifyInstanceAttribute", "EbsOptimized", &both);
    let attribute = format!("&InstanceId={}&Attribute=disableApiStop", id("win", 0));
    let kept = ask(&sim, "DescribeInstanceAttribute", &attribute);
    assert_eq!(kept.element("value"), "false", "nothing of it is done");
    for (operation, parameters) in [
        ("DescribeImages", "&ImageIds.1=ami-0"),
        ("DescribeInstances", "&Filters.1.Name=vpc-id"),
        ("GetEbsDefaultKmsKeyId", "&MaxResults=5"),
        ("StopInstances", "&InstanceIds.1=i-0"),
    ] {
        let name = parameters[1..].split(['.', '=']).next().unwrap();
        let message = format!("The parameter {name} is not recognized");
        refused(&sim, operation, parameters, "UnknownParameter", &message);
    }
    let message =
        "Value ( 101 ) for parameter maxResults is invalid. Expecting a value between 5 and 100.";
    refused(&sim, "DescribeRouteTables", "&MaxResults=101", "InvalidParameterValue", message);
}

#[test]
fn a_volume_has_the_product_codes_of_its_instance() {
    let sim = start(WORLD);
    let roots = ask(&sim, "DescribeVolumes", &filter("attachment.instance-id", &id("win", 4)));
    let root = roots.element("volumeId");
    let of = |attribute: &str| format!("&VolumeId={root}&Attribute={attribute}");
    let codes = ask(&sim, "DescribeVolumeAttribute", &of("productCodes"));
    assert_eq!((codes.element("volumeId"), codes.element("productCode")), (root, "xyz"));
    let message = "The attribute autoEnableIO is not implemented by this simulator.";
    let parameters = of("autoEnableIO");
    refused(&sim, "DescribeVolumeAttribute", &parameters, "UnsupportedOperation", message);
    let parameters = "&VolumeId=vol-1&Attribute=productCodes";
    let message = "The volume &apos;vol-1&apos; does not exist.";
    refused(&sim, "DescribeVolumeAttribute", parameters, "InvalidVolume.NotFound", message);
}

#[test]
fn an_address_that_amazon_lends_is_told_with_its_interface() {
    let sim = start(WORLD);
    let lent = described(&sim, "win", 3);
    assert_eq!(lent.element("publicIp"), lent.element("ipAddress"));
    assert_eq!(lent.element("ipOwnerId"), "amazon");
    let without = described(&sim, "win", 0);
    assert_eq!(without.elements("networkInterfaceId").len(), 1);
    assert!(!without.body.contains("<association>"), "{}", without.body);
}

#[test]
fn who_is_impaired_has_been_so_since_before_the_beginning() {
    let world = WORLD.replace("public_ip = true", "impaired = true");
    let sim = start(&world);
    let reply = ask(&sim, "DescribeInstanceStatus", &format!("&InstanceId.1={}", id("win", 3)));
    let since: jiff::Timestamp = reply.element("impairedSince").parse().unwrap();
    assert!(jiff::Timestamp::now().duration_since(since).as_hours() >= 24, "{since}");
    let whole = ask(&sim, "DescribeInstanceStatus", &format!("&InstanceId.1={}", id("win", 0)));
    assert!(!whole.body.contains("impairedSince"), "{}", whole.body);
    assert_eq!(ask(&sim, "DescribeInstances", &tag("win")).elements("imageId").len(), 5);
}
