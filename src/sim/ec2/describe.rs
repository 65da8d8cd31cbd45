//! What EC2 tells of volumes and of the network around them.

use super::{
    ApiError, Call, Form, Xml,
    page::Page,
    shapes::{VPC, launch_time},
    wanted::{Wanted, check_ids, cut},
};
use crate::sim::{
    autoscaling::subnet_id,
    ids, kms,
    machines::{Attachment, Volume},
    network::Internet,
    state::State,
};

/// DescribeVolumes, MaxResults: "between 5 and 1,000".
const VOLUMES: Page = Page { least: 5, most: 1000 };
/// DescribeRouteTables, MaxResults: 5 to 100 (botocore model).
const ROUTE_TABLES: Page = Page { least: 5, most: 100 };
/// The others: "Minimum value of 5. Maximum value of 1000."
const OTHERS: Page = Page { least: 5, most: 1000 };

pub(super) fn volumes(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let wanted = Wanted::read(
        form,
        &[
            "attachment.delete-on-termination",
            "attachment.device",
            "attachment.instance-id",
            "attachment.status",
            "availability-zone",
            "encrypted",
            "status",
            "tag",
            "volume-id",
        ],
    )?;
    let ids = form.flat_texts("VolumeId")?;
    let state = call.sim.state.borrow();
    let known = |it: &str| state.volumes.contains_key(it);
    check_ids(&ids, known, ("InvalidVolume.NotFound", "volume"))?;
    let values = |it: &Volume, name: &str| {
        let at = it.attachment.as_ref();
        let one = |it: Option<String>| it.into_iter().collect::<Vec<_>>();
        match name {
            "attachment.delete-on-termination" => {
                one(at.map(|it| it.delete_on_termination.to_string()))
            }
            "attachment.device" => one(at.map(|it| it.device.clone())),
            "attachment.instance-id" => one(at.map(|it| it.instance.clone())),
            "attachment.status" => one(at.map(|_| "attached".to_owned())),
            "availability-zone" => vec![it.zone.clone()],
            "encrypted" => vec![it.encrypted.to_string()],
            "status" => vec![word(it).to_owned()],
            "tag-key" => it.tags.keys().cloned().collect(),
            "volume-id" => vec![it.id.clone()],
            tag => one(tag.strip_prefix("tag:").and_then(|it_| it.tags.get(it_).cloned())),
        }
    };
    let is_meant = |it: &&Volume| {
        (ids.is_empty() || ids.contains(&it.id.as_str())) && wanted.selects(|name| values(it, name))
    };
    let found: Vec<&Volume> = state.volumes.values().filter(is_meant).collect();
    let (page, next) = cut(call, form, found, &VOLUMES)?;
    xml.items("volumeSet", page, |xml, it| write_volume(call, it, xml));
    write_token(next, xml);
    Ok(())
}

fn word(volume: &Volume) -> &'static str {
    if volume.attachment.is_some() { "in-use" } else { "available" }
}

fn write_volume(call: &Call, volume: &Volume, xml: &mut Xml) {
    xml.text("volumeId", &volume.id);
    xml.value("size", 30);
    xml.text("snapshotId", &volume.id.replacen("vol-", "snap-", 1));
    xml.text("availabilityZone", &volume.zone);
    xml.text("status", word(volume));
    xml.text("createTime", &launch_time(call, None));
    xml.items("attachmentSet", volume.attachment.as_ref(), |xml, it| {
        write_attachment(call, volume, it, "attached", xml);
    });
    xml.items("tagSet", &volume.tags, |xml, (key, value)| {
        xml.text("key", key);
        xml.text("value", value);
    });
    xml.text("volumeType", "gp3");
    xml.value("encrypted", volume.encrypted);
    if volume.encrypted {
        xml.text("kmsKeyId", &kms::arn(&call.sim, volume.key.as_deref()));
    }
}

pub(super) fn write_attachment(
    call: &Call,
    volume: &Volume,
    attachment: &Attachment,
    status: &str,
    xml: &mut Xml,
) {
    xml.text("volumeId", &volume.id);
    xml.text("instanceId", &attachment.instance);
    xml.text("device", &attachment.device);
    xml.text("status", status);
    xml.text("attachTime", &launch_time(call, attachment.at));
    xml.value("deleteOnTermination", attachment.delete_on_termination);
}

/// The zones that have a subnet: those of the groups and of their instances.
fn zones(state: &State) -> Vec<String> {
    let of_groups = state.groups.iter().flat_map(|it| it.zones.iter().cloned());
    let mut res: Vec<String> =
        of_groups.chain(state.instances.values().map(|it| it.zone.clone())).collect();
    res.sort();
    res.dedup();
    res
}

pub(super) fn subnets(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let wanted = Wanted::read(form, &["availability-zone", "state", "subnet-id", "vpc-id"])?;
    let ids = form.flat_texts("SubnetId")?;
    let state = call.sim.state.borrow();
    let zones = zones(&state);
    let known = |id: &str| zones.iter().any(|it| subnet_id(it) == id);
    check_ids(&ids, known, ("InvalidSubnetID.NotFound", "subnet ID"))?;
    let is_meant = |(_, zone): &(usize, String)| {
        let id = subnet_id(zone);
        (ids.is_empty() || ids.contains(&id.as_str()))
            && wanted.selects(|name| {
                vec![match name {
                    "availability-zone" => zone.clone(),
                    "state" => "available".to_owned(),
                    "subnet-id" => id.clone(),
                    _ => VPC.to_owned(), // the last that was read
                }]
            })
    };
    let found = zones.into_iter().enumerate().filter(is_meant).collect();
    let (page, next) = cut(call, form, found, &OTHERS)?;
    let network = &call.sim.network;
    xml.items("subnetSet", page, |xml, (at, zone)| {
        xml.text("subnetId", &subnet_id(&zone));
        xml.text("state", "available");
        xml.text("vpcId", VPC);
        xml.text("cidrBlock", &format!("10.{at}.0.0/20"));
        xml.value("availableIpAddressCount", network.free_addresses);
        xml.text("availabilityZone", &zone);
        xml.value("defaultForAz", true);
        xml.value("mapPublicIpOnLaunch", network.internet == Internet::Gateway);
        xml.text("ownerId", &call.sim.account);
    });
    write_token(next, xml);
    Ok(())
}

const ROUTE_TABLE: &str = "rtb-0123456789abcdef0";

/// The VPC has its main route table alone, which no subnet is associated with by name.
pub(super) fn route_tables(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let wanted = Wanted::read(
        form,
        &["association.main", "association.subnet-id", "route-table-id", "vpc-id"],
    )?;
    let ids = form.flat_texts("RouteTableId")?;
    check_ids(&ids, |it| it == ROUTE_TABLE, ("InvalidRouteTableID.NotFound", "routeTable ID"))?;
    let is_meant = wanted.selects(|name| match name {
        "association.main" => vec!["true".to_owned()],
        "route-table-id" => vec![ROUTE_TABLE.to_owned()],
        "vpc-id" => vec![VPC.to_owned()],
        _ => Vec::new(), // no subnet
    });
    let found: Vec<()> = is_meant.then_some(()).into_iter().collect();
    let (page, next) = cut(call, form, found, &ROUTE_TABLES)?;
    let way_out = match call.sim.network.internet {
        Internet::Gateway => Some(("gatewayId", "igw-0123456789abcdef0")),
        Internet::Nat => Some(("natGatewayId", "nat-0123456789abcdef0")),
        Internet::None => None,
    };
    xml.items("routeTableSet", page, |xml, ()| {
        xml.text("routeTableId", ROUTE_TABLE);
        xml.text("vpcId", VPC);
        let local = ("10.0.0.0/8", ("gatewayId", "local"), "CreateRouteTable");
        let others = way_out.map(|it| ("0.0.0.0/0", it, "CreateRoute"));
        xml.items("routeSet", [local].into_iter().chain(others), |xml, (to, (by, id), origin)| {
            xml.text("destinationCidrBlock", to);
            xml.text(by, id);
            xml.text("state", "active");
            xml.text("origin", origin);
        });
        xml.items("associationSet", [()], |xml, ()| {
            xml.text("routeTableAssociationId", "rtbassoc-0123456789abcdef0");
            xml.text("routeTableId", ROUTE_TABLE);
            xml.value("main", true);
        });
        xml.items("propagatingVgwSet", [], |_, ()| {});
        xml.items("tagSet", [], |_, ()| {});
        xml.text("ownerId", &call.sim.account);
    });
    write_token(next, xml);
    Ok(())
}

const NETWORK_ACL: &str = "acl-0123456789abcdef0";

/// The one network ACL: the default one, which lets everything pass (VPC guide).
pub(super) fn network_acls(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let wanted = Wanted::read(form, &["association.subnet-id", "network-acl-id", "vpc-id"])?;
    let ids = form.flat_texts("NetworkAclId")?;
    check_ids(&ids, |it| it == NETWORK_ACL, ("InvalidNetworkAclID.NotFound", "networkAcl ID"))?;
    let subnets: Vec<String> =
        zones(&call.sim.state.borrow()).iter().map(|it| subnet_id(it)).collect();
    let is_meant = wanted.selects(|name| match name {
        "association.subnet-id" => subnets.clone(),
        "network-acl-id" => vec![NETWORK_ACL.to_owned()],
        _ => vec![VPC.to_owned()], // the last that was read
    });
    let found: Vec<()> = is_meant.then_some(()).into_iter().collect();
    let (page, next) = cut(call, form, found, &OTHERS)?;
    xml.items("networkAclSet", page, |xml, ()| {
        xml.text("networkAclId", NETWORK_ACL);
        xml.text("vpcId", VPC);
        xml.value("default", true);
        let rules = [true, false].into_iter().flat_map(|it| [(it, 100), (it, 32767)]);
        xml.items("entrySet", rules, |xml, (is_egress, number)| {
            xml.value("ruleNumber", number);
            xml.text("protocol", "-1");
            xml.text("ruleAction", if number == 100 { "allow" } else { "deny" });
            xml.value("egress", is_egress);
            xml.text("cidrBlock", "0.0.0.0/0");
        });
        xml.items("associationSet", &subnets, |xml, it| {
            xml.text("networkAclId", NETWORK_ACL);
            xml.text("subnetId", it);
        });
        xml.items("tagSet", [], |_, ()| {});
    });
    write_token(next, xml);
    Ok(())
}

pub(super) const SECURITY_GROUP: &str = "sg-0123456789abcdef0";

/// The VPC has its default security group.
pub(super) fn security_groups(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let wanted = Wanted::read(form, &["group-id", "group-name", "vpc-id"])?;
    let ids = form.flat_texts("GroupId")?;
    check_ids(&ids, |it| it == SECURITY_GROUP, ("InvalidGroup.NotFound", "security group"))?;
    let is_meant = wanted.selects(|name| {
        vec![match name {
            "group-id" => SECURITY_GROUP.to_owned(),
            "group-name" => "default".to_owned(),
            _ => VPC.to_owned(), // the last that was read
        }]
    });
    let found: Vec<()> = is_meant.then_some(()).into_iter().collect();
    let (page, next) = cut(call, form, found, &OTHERS)?;
    xml.items("securityGroupInfo", page, |xml, ()| {
        xml.text("ownerId", &call.sim.account);
        xml.text("groupId", SECURITY_GROUP);
        xml.text("groupName", "default");
        xml.text("groupDescription", "default VPC security group");
        xml.text("vpcId", VPC);
        // "Inbound traffic … from all other network interfaces assigned to the same security group"
        // (VPC guide, default security groups).
        xml.items("ipPermissions", [SECURITY_GROUP], |xml, from| {
            xml.text("ipProtocol", "-1");
            xml.items("groups", [from], |xml, it| {
                xml.text("userId", &call.sim.account);
                xml.text("groupId", it);
            });
            xml.items("ipRanges", [], |_, ()| {});
            xml.items("ipv6Ranges", [], |_, ()| {});
            xml.items("prefixListIds", [], |_, ()| {});
        });
        let all = call.sim.network.default_egress.then_some("0.0.0.0/0");
        xml.items("ipPermissionsEgress", all, |xml, to| {
            xml.text("ipProtocol", "-1");
            xml.items("groups", [], |_, ()| {});
            xml.items("ipRanges", [to], |xml, it| xml.text("cidrIp", it));
            xml.items("ipv6Ranges", [], |_, ()| {});
            xml.items("prefixListIds", [], |_, ()| {});
        });
        xml.items("tagSet", [], |_, ()| {});
    });
    write_token(next, xml);
    Ok(())
}

pub(super) fn vpc_endpoints(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let wanted = Wanted::read(form, &["service-name", "vpc-endpoint-state", "vpc-id"])?;
    let region = &call.sim.region;
    let names = call.sim.network.endpoints.iter();
    let found = names.filter(|service| {
        wanted.selects(|name| {
            vec![match name {
                "service-name" => format!("com.amazonaws.{region}.{service}"),
                "vpc-endpoint-state" => "available".to_owned(),
                _ => VPC.to_owned(), // the last that was read
            }]
        })
    });
    let (page, next) = cut(call, form, found.collect(), &Page { least: 1, most: 1000 })?;
    let zones = zones(&call.sim.state.borrow());
    xml.items("vpcEndpointSet", page, |xml, service: &String| {
        let id = ids::instance_id(0, service, 0).replacen("i-", "vpce-", 1);
        // "s3" has a gateway in the route table, the others an interface in every subnet.
        let is_gateway = service == "s3";
        xml.text("vpcEndpointId", &id);
        xml.text("vpcEndpointType", if is_gateway { "Gateway" } else { "Interface" });
        xml.text("vpcId", VPC);
        xml.text("serviceName", &format!("com.amazonaws.{region}.{service}"));
        xml.text("state", "available");
        xml.items("routeTableIdSet", is_gateway.then_some(ROUTE_TABLE), |xml, it| xml.raw(it));
        let subnets = zones.iter().filter(|_| !is_gateway).map(|it| subnet_id(it));
        xml.items("subnetIdSet", subnets, |xml, it| xml.raw(&it));
        xml.items("groupSet", (!is_gateway).then_some(SECURITY_GROUP), |xml, it| {
            xml.text("groupId", it);
            xml.text("groupName", "default");
        });
        xml.value("privateDnsEnabled", !is_gateway);
        xml.text("ownerId", &call.sim.account);
    });
    write_token(next, xml);
    Ok(())
}

pub(super) fn encryption_by_default(call: &Call, xml: &mut Xml) {
    xml.value("ebsEncryptionByDefault", call.sim.network.ebs_encryption);
}

/// The types that are told: those that helpers have, and those of the instances.
fn types(state: &State) -> Vec<String> {
    let helpers = ["t2.small", "t2.medium", "t2.large", "t3.small", "t3.medium", "t3.large"];
    let own = state.instances.values().map(|it| it.hardware.instance_type.clone());
    let mut res: Vec<String> = helpers.map(str::to_owned).into_iter().chain(own).collect();
    res.sort();
    res.dedup();
    res
}

pub(super) fn type_offerings(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let wanted = Wanted::read(form, &["instance-type", "location"])?;
    let by_zone = match form.text("LocationType") {
        None | Some("region") => false,
        Some("availability-zone") => true,
        Some(other) => {
            let message =
                format!("The location type {other} is not implemented by this simulator.");
            return Err(ApiError::new("UnsupportedOperation", message));
        }
    };
    let state = call.sim.state.borrow();
    let places = if by_zone { zones(&state) } else { vec![call.sim.region.clone()] };
    let mut found = Vec::new();
    for place in &places {
        let missing = call.sim.network.not_offered.get(place);
        for it in types(&state) {
            let is_offered = !missing.is_some_and(|missing| missing.contains(&it));
            let value =
                |name: &str| vec![if name == "location" { place.clone() } else { it.clone() }];
            if is_offered && wanted.selects(value) {
                found.push((place.clone(), it));
            }
        }
    }
    let (page, next) = cut(call, form, found, &OTHERS)?;
    xml.items("instanceTypeOfferingSet", page, |xml, (place, it)| {
        xml.text("instanceType", &it);
        xml.text("locationType", if by_zone { "availability-zone" } else { "region" });
        xml.text("location", &place);
    });
    write_token(next, xml);
    Ok(())
}

/// The families with disks of their own that worlds are likely to have: what is on them is lost with
/// a stop.
pub(super) fn has_instance_store(instance_type: &str) -> bool {
    let family = instance_type.split('.').next().unwrap_or_default();
    let digit = family.find(|it: char| it.is_ascii_digit());
    let suffix = digit.map_or("", |it| &family[it + 1..]);
    suffix.contains('d')
        || ["i2", "i3", "i3en", "i4i", "d2", "d3", "h1", "m3", "c3", "r3"].contains(&family)
}

pub(super) fn instance_types(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let wanted = Wanted::read(form, &["instance-storage-supported", "instance-type"])?;
    let asked = form.flat_texts("InstanceType")?;
    let state = call.sim.state.borrow();
    let all = types(&state);
    if let Some(it) = asked.iter().find(|it| !all.iter().any(|all| all == **it)) {
        let message = format!("The following supplied instance types do not exist: [{it}]");
        return Err(ApiError::new("InvalidInstanceType", message));
    }
    let is_meant = |it: &String| {
        (asked.is_empty() || asked.contains(&it.as_str()))
            && wanted.selects(|name| {
                vec![match name {
                    "instance-type" => it.clone(),
                    _ => has_instance_store(it).to_string(), // the other that was read
                }]
            })
    };
    let found = all.into_iter().filter(is_meant).collect();
    let (page, next) = cut(call, form, found, &Page { least: 5, most: 100 })?;
    xml.items("instanceTypeSet", page, |xml, it: String| {
        xml.text("instanceType", &it);
        xml.value("currentGeneration", true);
        xml.value("instanceStorageSupported", has_instance_store(&it));
    });
    write_token(next, xml);
    Ok(())
}

pub(super) fn write_token(next: Option<String>, xml: &mut Xml) {
    if let Some(it) = next {
        xml.text("nextToken", &it);
    }
}
