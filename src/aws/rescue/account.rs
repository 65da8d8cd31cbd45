//! What is the same for all instances: settings of the account, kinds of instances, images, and
//! what earlier rescues have left behind.

use std::collections::{BTreeMap, BTreeSet};

use super::{ask::filtered, instances::marketplace, unread};
use crate::{
    aws::clients::Aws,
    rescue::{EncryptionByDefault, InstanceStore, Seen, Where},
};

/// How helpers are named by the stack that makes them (EC2Rescue's own template).
const HELPERS: &str = "AWSSupport-EC2Rescue*";

pub(super) async fn encryption(aws: &Aws) -> Seen<EncryptionByDefault> {
    let answer = aws.ask_ec2_for_one("GetEbsEncryptionByDefault", &[]).await;
    let answer = answer.map_err(|err| unread(&err))?;
    if answer.at(&["ebsEncryptionByDefault"]) != "true" {
        return Ok(EncryptionByDefault { is_on: false, key: None });
    }
    let answer = aws.ask_ec2_for_one("GetEbsDefaultKmsKeyId", &[]).await;
    let key = answer.map_err(|err| unread(&err))?.at(&["kmsKeyId"]).to_owned();
    Ok(EncryptionByDefault { is_on: true, key: Some(key).filter(|it| !it.is_empty()) })
}

/// Returns how many VPCs there are, if that decides anything.
pub(super) async fn vpcs(aws: &Aws, place: &Where) -> Seen<usize> {
    if *place != Where::NewVpc {
        return Ok(0);
    }
    let found = aws.ask_ec2("DescribeVpcs", &[], "vpcSet").await;
    Ok(found.map_err(|err| unread(&err))?.len())
}

pub(super) async fn types(
    aws: &Aws,
    kinds: &BTreeSet<&str>,
) -> Seen<BTreeMap<String, InstanceStore>> {
    let kinds: Vec<&str> = kinds.iter().copied().collect();
    let found = aws
        .ask_ec2_for_each("DescribeInstanceTypes", "instance-type", &kinds, "instanceTypeSet")
        .await
        .map_err(|err| unread(&err))?;
    let store = found.iter().map(|it| {
        let store = match it.at(&["instanceStorageSupported"]) {
            "true" => InstanceStore::Some,
            _ => InstanceStore::None,
        };
        (it.at(&["instanceType"]).to_owned(), store)
    });
    Ok(store.collect())
}

pub(super) async fn images(aws: &Aws, ids: &BTreeSet<&str>) -> Seen<BTreeMap<String, Vec<String>>> {
    let ids: Vec<&str> = ids.iter().copied().collect();
    let found = aws.ask_ec2_for_each("DescribeImages", "image-id", &ids, "imagesSet").await;
    let found = found.map_err(|err| unread(&err))?;
    let codes = found
        .iter()
        .map(|it| (it.at(&["imageId"]).to_owned(), marketplace(it.set("productCodes"))));
    Ok(codes.collect())
}

pub(super) async fn helpers(aws: &Aws) -> Seen<Vec<String>> {
    let states = ["pending", "running", "stopping", "stopped"];
    let query = filtered(&[("tag:Name", &[HELPERS]), ("instance-state-name", &states)]);
    let found = aws.ask_ec2("DescribeInstances", &query, "reservationSet").await;
    let found = found.map_err(|err| unread(&err))?;
    let instances = found.iter().flat_map(|it| it.set("instancesSet"));
    Ok(instances.map(|it| it.at(&["instanceId"]).to_owned()).collect())
}
