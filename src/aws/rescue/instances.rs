//! What EC2 knows of each instance and its root volume.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use jiff::Timestamp;

use super::{ask::Query, unread};
use crate::{
    aws::{clients::Aws, signed::Element},
    plan::{InstanceId, Target},
    rescue::{Condition, Described, Instance, Key, Seen, Status, Unread, Volume},
};

/// DescribeInstanceStatus, InstanceIds: "Maximum 100 explicitly specified instance IDs".
const STATUS_IDS: usize = 100;

/// How many questions are asked at a time that are about one thing each.
const AT_ONCE: usize = 10;

/// Reads the instances, in the order of the targets.
pub(super) async fn read(aws: &Aws, targets: &[Target]) -> Vec<Instance> {
    let ids: Vec<&str> = targets.iter().map(|it| it.id.as_str()).collect();
    let reservations =
        aws.ask_ec2_for_each("DescribeInstances", "instance-id", &ids, "reservationSet").await;
    let all: Seen<BTreeMap<String, Described>> = match &reservations {
        Ok(all) => Ok(all.iter().flat_map(|it| it.set("instancesSet")).map(described).collect()),
        Err(err) => Err(unread(err)),
    };
    let there: Vec<&str> = match &all {
        Ok(all) => all.keys().map(String::as_str).collect(),
        Err(_) => ids.clone(),
    };
    let statuses = statuses(aws, &there).await;
    let volumes = volumes(aws, all.as_ref().ok()).await;
    let mut res = Vec::new();
    for targets in targets.chunks(AT_ONCE) {
        let read = targets.iter().map(|target| async {
            let id = target.id.as_str();
            let described = of(&all, id, "EC2 does not know it");
            let root = described.as_ref().ok().and_then(|it| it.root_volume.clone());
            let nothing = || Unread {
                said: "its root volume is not known".to_owned(),
                remedy: String::new(),
            };
            let (volume, snapshot) = match &root {
                None => (Err(nothing()), Err(nothing())),
                Some(root) => {
                    let mut volume = of(&volumes, root, "EC2 does not know its root volume");
                    if let Ok(volume) = &mut volume {
                        volume.marketplace = marketplace_of(aws, root).await;
                    }
                    (volume, newest_snapshot(aws, root).await)
                }
            };
            Instance {
                target: target.clone(),
                status: of(&statuses, id, "its status is not told"),
                is_stop_protected: stop_protection(aws, id).await,
                described,
                volume,
                snapshot,
            }
        });
        res.extend(join_all(read).await);
    }
    res
}

/// Reads whether each instance has its root volume and does not go from one state to another. Those
/// that EC2 does not know are not among them.
pub(super) async fn root_of(
    aws: &Aws,
    ids: &BTreeSet<InstanceId>,
) -> Seen<BTreeMap<InstanceId, Condition>> {
    let ids: Vec<&str> = ids.iter().map(InstanceId::as_str).collect();
    let found =
        aws.ask_ec2_for_each("DescribeInstances", "instance-id", &ids, "reservationSet").await;
    let found = found.map_err(|err| unread(&err))?;
    let each = found.iter().flat_map(|it| it.set("instancesSet")).map(described);
    let condition = |it: &Described| match it.state.as_str() {
        "pending" | "stopping" => Condition::Busy(format!("it is {}", it.state)),
        _ if it.root_device_type == "ebs" && it.root_volume.is_none() => {
            Condition::Broken(format!("it has no root volume at {}", it.root_device))
        }
        "stopped" => Condition::Broken(
            "it is stopped, and its group would end it in service: start it first".to_owned(),
        ),
        _ => Condition::Whole,
    };
    let each = each.filter_map(|(id, it)| Some((InstanceId::parse(&id).ok()?, condition(&it))));
    Ok(each.collect())
}

/// Returns what was read of one of them.
fn of<T: Clone>(all: &Seen<BTreeMap<String, T>>, id: &str, absent: &str) -> Seen<T> {
    let all = all.as_ref().map_err(Clone::clone)?;
    let absent = || Unread { said: absent.to_owned(), remedy: String::new() };
    all.get(id).cloned().ok_or_else(absent)
}

fn text(it: &str) -> Option<String> {
    Some(it.to_owned()).filter(|it| !it.is_empty())
}

/// Codes of the marketplace; `devpay` is what came before it.
pub(super) fn marketplace<'a>(codes: impl Iterator<Item = &'a Element>) -> Vec<String> {
    codes.filter_map(|it| text(it.at(&["productCode"])).or(text(it.at(&["code"])))).collect()
}

/// Returns what hangs where an instance's root volume is to be.
pub(super) fn root(it: &Element) -> Option<&Element> {
    let root_device = it.at(&["rootDeviceName"]);
    it.set("blockDeviceMapping").find(|it| it.at(&["deviceName"]) == root_device)
}

fn described(it: &Element) -> (String, Described) {
    let root_device = it.at(&["rootDeviceName"]);
    let root = root(it);
    let root_goes = root.is_some_and(|it| it.at(&["ebs", "deleteOnTermination"]) == "true");
    let interfaces = it.set("networkInterfaceSet");
    // An address that EC2 lends ends with the stop; an elastic one has an owner of its own.
    let lent = interfaces
        .filter(|it| it.at(&["association", "ipOwnerId"]) == "amazon")
        .find_map(|it| text(it.at(&["association", "publicIp"])));
    let res = Described {
        state: it.at(&["instanceState", "name"]).to_owned(),
        is_windows: it.at(&["platform"]).eq_ignore_ascii_case("windows"),
        image: it.at(&["imageId"]).to_owned(),
        kind: it.at(&["instanceType"]).to_owned(),
        zone: it.at(&["placement", "availabilityZone"]).to_owned(),
        root_device_type: it.at(&["rootDeviceType"]).to_owned(),
        root_device: root_device.to_owned(),
        root_volume: root.and_then(|it| text(it.at(&["ebs", "volumeId"]))),
        goes_with_instance: root_goes,
        marketplace: marketplace(it.set("productCodes")),
        lifecycle: text(it.at(&["instanceLifecycle"])),
        tenancy: it.at(&["placement", "tenancy"]).to_owned(),
        is_hibernation_set_up: it.at(&["hibernationOptions", "configured"]) == "true",
        passing_address: lent,
        has_reserved_capacity: !it.at(&["capacityReservationId"]).is_empty(),
        subnet: text(it.at(&["subnetId"])),
        vpc: text(it.at(&["vpcId"])),
    };
    (it.at(&["instanceId"]).to_owned(), res)
}

pub(super) async fn statuses(aws: &Aws, ids: &[&str]) -> Seen<BTreeMap<String, Status>> {
    let mut res = BTreeMap::new();
    for ids in ids.chunks(STATUS_IDS) {
        let mut query: Query = vec![("IncludeAllInstances".to_owned(), "true".to_owned())];
        let numbered = (1..).zip(ids).map(|(n, it)| (format!("InstanceId.{n}"), (*it).to_owned()));
        query.extend(numbered);
        let found = aws.ask_ec2("DescribeInstanceStatus", &query, "instanceStatusSet").await;
        for it in found.map_err(|err| unread(&err))? {
            res.insert(it.at(&["instanceId"]).to_owned(), status(&it));
        }
    }
    Ok(res)
}

fn status(it: &Element) -> Status {
    let details = it.child("instanceStatus").into_iter().flat_map(|it| it.set("details"));
    let since = details.filter_map(|it| it.at(&["impairedSince"]).parse::<Timestamp>().ok());
    Status {
        system: it.at(&["systemStatus", "status"]).to_owned(),
        instance: it.at(&["instanceStatus", "status"]).to_owned(),
        impaired_since: since.min(),
    }
}

async fn volumes(
    aws: &Aws,
    described: Option<&BTreeMap<String, Described>>,
) -> Seen<BTreeMap<String, Volume>> {
    let ids = described.into_iter().flat_map(BTreeMap::values);
    let ids: Vec<&str> = ids.filter_map(|it| it.root_volume.as_deref()).collect();
    let found = aws.ask_ec2_for_each("DescribeVolumes", "volume-id", &ids, "volumeSet").await;
    let found = found.map_err(|err| unread(&err))?;
    let ids: BTreeSet<String> = found.iter().filter_map(|it| text(it.at(&["kmsKeyId"]))).collect();
    let mut keys: BTreeMap<String, Seen<Key>> = BTreeMap::new();
    for id in ids {
        let key = key(aws, &id).await;
        keys.insert(id, key);
    }
    let volume = |it: &Element| {
        let id = it.at(&["volumeId"]).to_owned();
        let res = Volume {
            id: id.clone(),
            is_encrypted: it.at(&["encrypted"]) == "true",
            key: keys.get(it.at(&["kmsKeyId"])).cloned(),
            marketplace: Ok(Vec::new()),
        };
        (id, res)
    };
    Ok(found.iter().map(volume).collect())
}

async fn key(aws: &Aws, id: &str) -> Seen<Key> {
    let body = serde_json::json!({ "KeyId": id });
    let answer = aws.ask_kms("DescribeKey", &body).await.map_err(|err| unread(&err))?;
    let text = |name: &str| answer["KeyMetadata"][name].as_str().unwrap_or_default().to_owned();
    Ok(Key { arn: text("Arn"), state: text("KeyState") })
}

async fn marketplace_of(aws: &Aws, volume: &str) -> Seen<Vec<String>> {
    let query = [("VolumeId", volume), ("Attribute", "productCodes")];
    let query = query.map(|(name, it)| (name.to_owned(), it.to_owned()));
    let answer = aws.ask_ec2_for_one("DescribeVolumeAttribute", &query).await;
    Ok(marketplace(answer.map_err(|err| unread(&err))?.set("productCodes")))
}

async fn stop_protection(aws: &Aws, instance: &str) -> Seen<bool> {
    let query = [("InstanceId", instance), ("Attribute", "disableApiStop")];
    let query = query.map(|(name, it)| (name.to_owned(), it.to_owned()));
    let answer = aws.ask_ec2_for_one("DescribeInstanceAttribute", &query).await;
    let answer = answer.map_err(|err| unread(&err))?;
    match answer.at(&["disableApiStop", "value"]) {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Unread {
            said: "whether it is protected from being stopped is not told".to_owned(),
            remedy: String::new(),
        }),
    }
}

async fn newest_snapshot(aws: &Aws, volume: &str) -> Seen<Option<Timestamp>> {
    let volumes = [volume];
    let found =
        aws.ask_ec2_for_each("DescribeSnapshots", "volume-id", &volumes, "snapshotSet").await;
    let found = found.map_err(|err| unread(&err))?;
    let is_complete = |it: &&Element| it.at(&["status"]) == "completed";
    let begun = found.iter().filter(is_complete);
    Ok(begun.filter_map(|it| it.at(&["startTime"]).parse::<Timestamp>().ok()).max())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the EC2 reference shows it, cut to what is read.
    const INSTANCE: &str = "<item><instanceId>i-0123456789abcdef0</instanceId>\
        <imageId>ami-0abc</imageId><instanceState><code>16</code><name>running</name>\
        </instanceState><productCodes><item><productCode>4i20ezfza3p7xx2kt2g8weu2u</productCode>\
        <type>marketplace</type></item></productCodes><instanceType>m5d.large</instanceType>\
        <placement><availabilityZone>us-east-1a</availabilityZone><tenancy>host</tenancy>\
        </placement><platform>windows</platform><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>\
        <rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/sda1</rootDeviceName>\
        <blockDeviceMapping><item><deviceName>xvdb</deviceName><ebs><volumeId>vol-b</volumeId>\
        </ebs></item><item><deviceName>/dev/sda1</deviceName><ebs><volumeId>vol-a</volumeId>\
        <status>attached</status></ebs></item></blockDeviceMapping>\
        <instanceLifecycle>spot</instanceLifecycle><networkInterfaceSet><item><association>\
        <publicIp>192.0.2.1</publicIp><ipOwnerId>amazon</ipOwnerId></association></item>\
        </networkInterfaceSet><hibernationOptions><configured>true</configured>\
        </hibernationOptions></item>";

    #[test]
    fn an_instance_is_read_from_what_ec2_says_of_it() {
        let (id, it) = described(&Element::parse(INSTANCE.as_bytes()).unwrap());
        assert_eq!(id, "i-0123456789abcdef0");
        let expected = Described {
            state: "running".to_owned(),
            is_windows: true,
            image: "ami-0abc".to_owned(),
            kind: "m5d.large".to_owned(),
            zone: "us-east-1a".to_owned(),
            root_device_type: "ebs".to_owned(),
            root_device: "/dev/sda1".to_owned(),
            root_volume: text("vol-a"),
            goes_with_instance: false,
            marketplace: vec!["4i20ezfza3p7xx2kt2g8weu2u".to_owned()],
            lifecycle: text("spot"),
            tenancy: "host".to_owned(),
            is_hibernation_set_up: true,
            passing_address: text("192.0.2.1"),
            has_reserved_capacity: false,
            subnet: text("subnet-1"),
            vpc: text("vpc-1"),
        };
        assert_eq!(it, expected);
    }

    #[test]
    fn since_when_an_instance_is_impaired_is_of_its_own_check() {
        let xml = "<item><instanceId>i-1</instanceId><systemStatus><status>ok</status></systemStatus>\
            <instanceStatus><status>impaired</status><details><item><name>reachability</name>\
            <status>failed</status><impairedSince>2024-07-19T04:31:00.000Z</impairedSince></item>\
            </details></instanceStatus></item>";
        let it = status(&Element::parse(xml.as_bytes()).unwrap());
        assert_eq!((it.system.as_str(), it.instance.as_str()), ("ok", "impaired"));
        assert_eq!(it.impaired_since, Some("2024-07-19T04:31:00Z".parse().unwrap()));
    }
}
