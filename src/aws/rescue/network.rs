//! The subnets that helpers would be in, and how they get out of them.

use std::collections::BTreeSet;

use super::{ask::filtered, unread};
use crate::{
    aws::{clients::Aws, error::AwsError, signed::Element},
    rescue::{
        Acl, Endpoint, Instance, Network, SecurityGroup, Seen, Subnet, Unread, WayOut, Where,
        Wishes,
    },
};

const HTTPS: u32 = 443;

pub(super) async fn read(aws: &Aws, wishes: &Wishes, instances: &[Instance]) -> Network {
    let helper = [wishes.helper_type.as_str()];
    let mut query = filtered(&[("instance-type", &helper)]);
    query.push(("LocationType".to_owned(), "availability-zone".to_owned()));
    let offered =
        aws.ask_ec2("DescribeInstanceTypeOfferings", &query, "instanceTypeOfferingSet").await;
    let helper_zones = offered.map_err(|err| unread(&err));
    let helper_zones =
        helper_zones.map(|all| all.iter().map(|it| it.at(&["location"]).to_owned()).collect());
    let ids: BTreeSet<&str> = match &wishes.subnet {
        Where::NewVpc => BTreeSet::new(),
        Where::Subnet(id) => BTreeSet::from([id.as_str()]),
        Where::OfTheInstance => {
            let described = instances.iter().filter_map(|it| it.described.as_ref().ok());
            described.filter_map(|it| it.subnet.as_deref()).collect()
        }
    };
    let ids: Vec<&str> = ids.into_iter().collect();
    let found = aws.ask_ec2_for_each("DescribeSubnets", "subnet-id", &ids, "subnetSet").await;
    let found = match found {
        Ok(found) => found,
        Err(err) => {
            let why = unread(&err);
            return Network {
                subnets: Err(why.clone()),
                endpoints: Err(why.clone()),
                security_groups: Err(why),
                helper_zones,
            };
        }
    };
    let vpcs: BTreeSet<&str> = found.iter().map(|it| it.at(&["vpcId"])).collect();
    let vpcs: Vec<&str> = vpcs.into_iter().collect();
    let (routes, acls, endpoints, groups) = tokio::join!(
        aws.ask_ec2_for_each("DescribeRouteTables", "vpc-id", &vpcs, "routeTableSet"),
        aws.ask_ec2_for_each("DescribeNetworkAcls", "vpc-id", &vpcs, "networkAclSet"),
        aws.ask_ec2_for_each("DescribeVpcEndpoints", "vpc-id", &vpcs, "vpcEndpointSet"),
        aws.ask_ec2_for_each("DescribeSecurityGroups", "vpc-id", &vpcs, "securityGroupInfo"),
    );
    let subnets = found.iter().map(|it| {
        let id = it.at(&["subnetId"]).to_owned();
        let vpc = it.at(&["vpcId"]).to_owned();
        let subnet = Subnet {
            zone: it.at(&["availabilityZone"]).to_owned(),
            n_free: it.at(&["availableIpAddressCount"]).parse().unwrap_or(0),
            way_out: seen(&routes).and_then(|all| way_out(all, &id, &vpc)),
            acl: seen(&acls).and_then(|all| acl(all, &id)),
            vpc,
        };
        (id, subnet)
    });
    Network {
        subnets: Ok(subnets.collect()),
        endpoints: seen(&endpoints).map(|all| all.iter().filter_map(endpoint).collect()),
        security_groups: seen(&groups).map(|all| all.iter().map(security_group).collect()),
        helper_zones,
    }
}

fn seen(read: &Result<Vec<Element>, AwsError>) -> Seen<&[Element]> {
    read.as_deref().map_err(unread)
}

/// A subnet has the table that it is associated with, and that of its VPC without one.
fn way_out(tables: &[Element], subnet: &str, vpc: &str) -> Seen<WayOut> {
    let is_of = |it: &&Element, name: &str, value: &str| {
        it.at(&["vpcId"]) == vpc && it.set("associationSet").any(|it| it.at(&[name]) == value)
    };
    let own = tables.iter().find(|it| is_of(it, "subnetId", subnet));
    let table = own.or_else(|| tables.iter().find(|it| is_of(it, "main", "true")));
    let Some(table) = table else {
        return Err(Unread {
            said: format!("{subnet} has no route table that is told"),
            remedy: String::new(),
        });
    };
    let is_default = |it: &&Element| {
        it.at(&["destinationCidrBlock"]) == "0.0.0.0/0" && it.at(&["state"]) != "blackhole"
    };
    Ok(match table.set("routeSet").find(is_default) {
        None => WayOut::None,
        Some(it) if it.at(&["gatewayId"]).starts_with("igw-") => WayOut::InternetGateway,
        Some(_) => WayOut::Other,
    })
}

fn acl(acls: &[Element], subnet: &str) -> Seen<Acl> {
    let is_its = |it: &&Element| {
        it.set("associationSet").any(|association| association.at(&["subnetId"]) == subnet)
    };
    let Some(acl) = acls.iter().find(is_its) else {
        return Err(Unread {
            said: format!("{subnet} has no network ACL that is told"),
            remedy: String::new(),
        });
    };
    // Answers come back to a port that the helper chooses: Windows takes 49152 and up.
    let ways = [decided(acl, "true", HTTPS), decided(acl, "false", 50_000)];
    Ok(match ways {
        _ if ways.contains(&Acl::Closed) => Acl::Closed,
        [Acl::Open, Acl::Open] => Acl::Open,
        _ => Acl::Partial,
    })
}

/// Returns what the first entry says that is about TCP to this port: entries are looked at in the
/// order of their numbers, and the first that matches decides (VPC guide).
fn decided(acl: &Element, egress: &str, port: u32) -> Acl {
    let is_about = |it: &&Element| {
        it.at(&["egress"]) == egress
            && ["-1", "6"].contains(&it.at(&["protocol"]))
            && covers(it.at(&["portRange", "from"]), it.at(&["portRange", "to"]), port)
            && !it.at(&["cidrBlock"]).is_empty()
    };
    let mut entries: Vec<&Element> = acl.set("entrySet").filter(is_about).collect();
    entries.sort_by_key(|it| it.at(&["ruleNumber"]).parse::<u32>().unwrap_or(u32::MAX));
    let everywhere = entries.iter().position(|it| it.at(&["cidrBlock"]) == "0.0.0.0/0");
    match everywhere {
        Some(0) if entries[0].at(&["ruleAction"]) == "allow" => Acl::Open,
        Some(0) | None if entries.iter().all(|it| it.at(&["ruleAction"]) != "allow") => Acl::Closed,
        Some(0) => Acl::Closed,
        Some(_) | None => Acl::Partial,
    }
}

/// A rule about all traffic has no ports.
fn covers(from: &str, to: &str, port: u32) -> bool {
    match (from.parse::<u32>(), to.parse::<u32>()) {
        (Ok(from), Ok(to)) => (from..=to).contains(&port),
        _ => true,
    }
}

fn endpoint(it: &Element) -> Option<Endpoint> {
    if it.at(&["state"]) != "available" {
        return None;
    }
    let service = it.at(&["serviceName"]).rsplit('.').next().unwrap_or_default().to_owned();
    let groups = it.set("groupSet").map(|it| it.at(&["groupId"]).to_owned());
    Some(Endpoint {
        vpc: it.at(&["vpcId"]).to_owned(),
        service,
        is_gateway: it.at(&["vpcEndpointType"]) == "Gateway",
        has_private_dns: it.at(&["privateDnsEnabled"]) == "true",
        security_groups: groups.collect(),
    })
}

fn security_group(it: &Element) -> (String, SecurityGroup) {
    let lets = |set: &str| {
        it.set(set).any(|rule| match rule.at(&["ipProtocol"]) {
            "-1" => true,
            "tcp" | "6" => covers(rule.at(&["fromPort"]), rule.at(&["toPort"]), HTTPS),
            _ => false,
        })
    };
    let group = SecurityGroup {
        vpc: it.at(&["vpcId"]).to_owned(),
        is_default: it.at(&["groupName"]) == "default",
        lets_https_out: lets("ipPermissionsEgress"),
        lets_https_in: lets("ipPermissions"),
    };
    (it.at(&["groupId"]).to_owned(), group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(xml: &str) -> Element {
        Element::parse(xml.as_bytes()).unwrap()
    }

    #[test]
    fn a_subnet_goes_out_by_its_own_table_and_by_that_of_its_vpc_without_one() {
        let table = |association: &str, route: &str| {
            parse(&format!(
                "<item><vpcId>vpc-1</vpcId><associationSet><item>{association}</item>\
                 </associationSet><routeSet><item><destinationCidrBlock>10.0.0.0/16\
                 </destinationCidrBlock><gatewayId>local</gatewayId></item>{route}</routeSet></item>"
            ))
        };
        let to = |target: &str| {
            format!(
                "<item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock>{target}\
                 <state>active</state></item>"
            )
        };
        let tables = [
            table("<main>true</main>", &to("<natGatewayId>nat-1</natGatewayId>")),
            table("<subnetId>subnet-1</subnetId>", &to("<gatewayId>igw-1</gatewayId>")),
            table("<subnetId>subnet-2</subnetId>", ""),
        ];
        let check = |subnet: &str, expected| {
            assert_eq!(way_out(&tables, subnet, "vpc-1").unwrap(), expected, "{subnet}");
        };
        check("subnet-1", WayOut::InternetGateway);
        check("subnet-2", WayOut::None);
        check("subnet-3", WayOut::Other);
        assert!(way_out(&tables, "subnet-3", "vpc-2").is_err());
    }

    #[test]
    fn the_first_entry_of_a_network_acl_that_is_about_it_decides() {
        let entry = |number: u32, protocol: &str, egress: bool, action: &str, rest: &str| {
            format!(
                "<item><ruleNumber>{number}</ruleNumber><protocol>{protocol}</protocol>\
                 <ruleAction>{action}</ruleAction><egress>{egress}</egress>{rest}</item>"
            )
        };
        let all = "<cidrBlock>0.0.0.0/0</cidrBlock>";
        let some = "<cidrBlock>10.0.0.0/8</cidrBlock>";
        let http = format!("{all}<portRange><from>80</from><to>80</to></portRange>");
        let https = format!("{all}<portRange><from>443</from><to>443</to></portRange>");
        let check = |entries: &[String], expected: Acl| {
            let acl = parse(&format!(
                "<item><associationSet><item><subnetId>s</subnetId></item></associationSet>\
                 <entrySet>{}{}</entrySet></item>",
                entry(100, "-1", false, "allow", all),
                entries.concat()
            ));
            assert_eq!(super::acl(&[acl], "s").unwrap(), expected, "{entries:?}");
        };
        check(&[entry(100, "-1", true, "allow", all)], Acl::Open);
        check(&[entry(32767, "-1", true, "deny", all)], Acl::Closed);
        check(&[entry(100, "6", true, "allow", &http)], Acl::Closed);
        let late = [entry(200, "6", true, "deny", &https), entry(100, "6", true, "allow", &https)];
        check(&late, Acl::Open);
        check(&[entry(100, "6", true, "allow", some)], Acl::Partial);
        let narrow = [entry(100, "-1", true, "deny", some), entry(200, "-1", true, "allow", all)];
        check(&narrow, Acl::Partial);
        check(&[entry(100, "17", true, "allow", all)], Acl::Closed);
    }

    #[test]
    fn a_security_group_lets_https_pass_if_one_of_its_rules_does() {
        let check = |rule: &str, expected: bool| {
            let xml = format!(
                "<item><groupId>sg-1</groupId><groupName>default</groupName><vpcId>vpc-1</vpcId>\
                 <ipPermissionsEgress><item>{rule}</item></ipPermissionsEgress></item>"
            );
            let (id, it) = security_group(&parse(&xml));
            assert_eq!((id.as_str(), it.is_default, it.lets_https_in), ("sg-1", true, false));
            assert_eq!(it.lets_https_out, expected, "{rule}");
        };
        check("<ipProtocol>-1</ipProtocol>", true);
        let ports = |from: u32, to: u32| {
            format!("<ipProtocol>tcp</ipProtocol><fromPort>{from}</fromPort><toPort>{to}</toPort>")
        };
        check(&ports(0, 1024), true);
        check(&ports(80, 80), false);
        check("<ipProtocol>udp</ipProtocol>", false);
    }
}
