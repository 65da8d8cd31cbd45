//! What is the same for all instances: settings of the account, kinds of instances, images, and
//! what earlier rescues have left behind.

use std::collections::{BTreeMap, BTreeSet};

use super::{ask::filtered, instances::marketplace, unread};
use crate::{
    aws::{clients::Aws, error::AwsError, signed::Element},
    rescue::{self, EncryptionByDefault, HELPER, InstanceStore, Leftover, Seen, Where},
};

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
    Ok(found.iter().filter_map(store).collect())
}

/// Reads whether a type has volumes of its own. What is not told is not known to be none: a stop
/// empties them.
fn store(it: &Element) -> Option<(String, InstanceStore)> {
    let store = match it.at(&["instanceStorageSupported"]) {
        "true" => InstanceStore::Some,
        "false" => InstanceStore::None,
        _ => return None,
    };
    Some((it.at(&["instanceType"]).to_owned(), store))
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

/// Reads what is left behind of executions, whoever's they were.
pub(super) async fn leftovers(aws: &Aws) -> Seen<Vec<Leftover>> {
    let found = aws.wreckage(&BTreeSet::new(), &BTreeSet::new()).await;
    Ok(rescue::leftovers(&found.map_err(|err| unread(&err))?, &aws.region))
}

/// Reads the instances that the runbook has made and nobody has terminated.
pub(super) async fn read_helpers(aws: &Aws) -> Result<Vec<Element>, AwsError> {
    let states = ["pending", "running", "stopping", "stopped"];
    let names = format!("{HELPER}*");
    let query = filtered(&[("tag:Name", &[&names]), ("instance-state-name", &states)]);
    let found = aws.ask_ec2("DescribeInstances", &query, "reservationSet").await?;
    Ok(found.iter().flat_map(|it| it.set("instancesSet")).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_of_which_it_is_not_told_is_not_taken_for_one_without_volumes_of_its_own() {
        let check = |told: &str, expected: Option<InstanceStore>| {
            let xml = format!("<item><instanceType>m5d.large</instanceType>{told}</item>");
            let found = store(&Element::parse(xml.as_bytes()).unwrap());
            assert_eq!(found.map(|it| it.1), expected, "{told}");
        };
        let told = |it: &str| format!("<instanceStorageSupported>{it}</instanceStorageSupported>");
        check(&told("true"), Some(InstanceStore::Some));
        check(&told("false"), Some(InstanceStore::None));
        check("", None);
    }
}
