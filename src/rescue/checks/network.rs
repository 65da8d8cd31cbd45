//! Where the helper is put, and whether it reaches SSM from there: what is wrong with that shows
//! as nothing but a time-out, after the helper was launched.

use super::{Check, Judge, Judgement, Unknown, fail, known, pass, unknown, warn};
use crate::{
    plan::count,
    rescue::{
        facts::{Acl, Instance, SecurityGroup, Seen, Site, Subnet, WayOut},
        wishes::Where,
    },
};

/// The endpoints without which a managed node does not work where there is no way out (SSM guide).
const ENDPOINTS: [&str; 3] = ["ssm", "ssmmessages", "ec2messages"];

/// What an account has unless it asked for more (VPC quotas).
const VPCS: usize = 5;

pub(super) const SUBNET: Check = Check {
    number: 13,
    name: "subnet",
    reads: &["ec2:DescribeInstanceTypeOfferings", "ec2:DescribeSubnets"],
    unknown: Unknown::Asks,
    judge: Judge::Each(|site, it| {
        let described = known(&it.described)?;
        let helper = &site.wishes.helper_type;
        let offered = known(&site.network.helper_zones)?;
        if !offered.contains(&described.zone) {
            return fail(
                format!("{helper} is not offered in {}", described.zone),
                "--helper-type with one that is",
            );
        }
        if let (Where::Subnet(id), Ok(subnets)) = (&site.wishes.subnet, &site.network.subnets)
            && !subnets.contains_key(id)
        {
            let remedy = "--subnet with one that is there, or leave --subnet out";
            return fail(format!("there is no subnet {id}"), remedy);
        }
        let Some((id, subnet)) = site.subnet_of(it)? else {
            return match site.wishes.subnet {
                Where::NewVpc => pass("a new VPC is made for the helper"),
                Where::OfTheInstance | Where::Subnet(_) => unknown("its subnet is not told", ""),
            };
        };
        if subnet.zone != described.zone {
            return fail(
                format!("{id} is in {}, and the instance in {}", subnet.zone, described.zone),
                "a volume does not leave its zone: pass --subnet with one that is there, or leave \
                 --subnet out",
            );
        }
        if subnet.n_free < site.wishes.at_once {
            return fail(
                format!("addresses left in {id}: {}", subnet.n_free),
                "pass --subnet with one that has more, or rescue fewer at once",
            );
        }
        pass(format!("{id}, in {}", subnet.zone))
    }),
};

pub(super) const PATH: Check = Check {
    number: 14,
    name: "way to SSM",
    reads: &[
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints",
    ],
    unknown: Unknown::Asks,
    judge: Judge::Each(path),
};

fn path(site: &Site, it: &Instance) -> Seen<Judgement> {
    let Some((id, subnet)) = site.subnet_of(it)? else {
        return match site.wishes.subnet {
            Where::NewVpc => pass("the new VPC has one"),
            Where::OfTheInstance | Where::Subnet(_) => unknown("its subnet is not told", ""),
        };
    };
    if *known(&subnet.acl)? == Acl::Closed {
        let said = format!("the network ACL of {id} lets HTTPS out, or answers in, for nobody");
        return fail(said, "pass --subnet with another one");
    }
    let is_partial = subnet.acl == Ok(Acl::Partial);
    let judged = match known(&subnet.way_out)? {
        WayOut::InternetGateway => {
            pass("by an internet gateway: AssociatePublicIpAddress says so")?
        }
        WayOut::Other => pass("by a NAT gateway or the like")?,
        WayOut::None => endpoints(site, &subnet)?,
    };
    if is_partial && judged.verdict == crate::plan::Verdict::Pass {
        return warn(
            format!("{}; the network ACL of {id} distinguishes addresses", judged.said),
            "see that it lets HTTPS to the endpoints of SSM out, and the answers in",
        );
    }
    Ok(judged)
}

/// Without a way out there have to be endpoints in the VPC.
fn endpoints(site: &Site, subnet: &Subnet) -> Seen<Judgement> {
    let all = known(&site.network.endpoints)?;
    let here: Vec<_> = all.iter().filter(|it| it.vpc == subnet.vpc).collect();
    let find = |name: &str| here.iter().find(|it| it.service == name && !it.is_gateway);
    let mut missing: Vec<&str> =
        ENDPOINTS.iter().copied().filter(|it| find(it).is_none()).collect();
    // The agent and the tools come from buckets.
    if !here.iter().any(|it| it.service == "s3") {
        missing.push("s3");
    }
    if !missing.is_empty() {
        return fail(
            format!("{} has no way out, and no endpoint of {}", subnet.vpc, missing.join(", ")),
            "pass --subnet with one that has a way out, or --subnet new",
        );
    }
    let unnamed: Vec<&str> = ENDPOINTS
        .iter()
        .copied()
        .filter(|it| find(it).is_some_and(|it| !it.has_private_dns))
        .collect();
    if !unnamed.is_empty() {
        return fail(
            format!("the endpoints of {} have no private DNS", unnamed.join(", ")),
            "turn it on: the helper asks for the services by their public names",
        );
    }
    let groups = known(&site.network.security_groups)?;
    let lets_in = |it: &String| groups.get(it).is_some_and(|it| it.lets_https_in);
    let closed: Vec<&str> = ENDPOINTS
        .iter()
        .copied()
        .filter(|it| find(it).is_some_and(|it| !it.security_groups.iter().any(lets_in)))
        .collect();
    if !closed.is_empty() {
        return fail(
            format!(
                "the security groups of the endpoints of {} let no HTTPS in",
                closed.join(", ")
            ),
            "let the helper's security group in, on port 443",
        );
    }
    pass("by endpoints of the VPC")
}

pub(super) const SECURITY_GROUP: Check = Check {
    number: 15,
    name: "security group",
    reads: &["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets"],
    unknown: Unknown::Asks,
    judge: Judge::Each(|site, it| {
        let Some((_, subnet)) = site.subnet_of(it)? else {
            return match (&site.wishes.subnet, &site.wishes.security_group) {
                (Where::NewVpc, None) => pass("that of the new VPC"),
                // An instance has security groups of its own VPC alone (EC2 guide).
                (Where::NewVpc, Some(id)) => fail(
                    format!("{id} is of another VPC than the new one"),
                    "leave --security-group out",
                ),
                (Where::OfTheInstance | Where::Subnet(_), _) => {
                    unknown("its subnet is not told", "")
                }
            };
        };
        let groups = known(&site.network.security_groups)?;
        let is_default = |it: &&SecurityGroup| it.vpc == subnet.vpc && it.is_default;
        let (name, group) = match &site.wishes.security_group {
            Some(id) => (id.as_str(), groups.get(id)),
            None => ("the default group of the VPC", groups.values().find(is_default)),
        };
        let Some(group) = group else {
            return fail(format!("there is no {name}"), "--security-group with one that is there");
        };
        if group.vpc != subnet.vpc {
            let said = format!("{name} is of {}, and the subnet of {}", group.vpc, subnet.vpc);
            return fail(said, "--security-group with one of the subnet's VPC");
        }
        if !group.lets_https_out {
            return fail(
                format!("{name} lets no HTTPS out: the helper would never reach SSM"),
                "--security-group with one that does",
            );
        }
        pass(format!("{name} lets HTTPS out"))
    }),
};

pub(super) const NEW_VPC: Check = Check {
    number: 16,
    name: "new VPC",
    reads: &["ec2:DescribeVpcs"],
    unknown: Unknown::Stops,
    judge: Judge::Once(|site| {
        if site.wishes.subnet != Where::NewVpc {
            return pass("none is made");
        }
        let n = *known(&site.vpcs)?;
        if n + site.wishes.at_once <= VPCS {
            return pass(format!("{} of {VPCS} are there", count(n, "VPC")));
        }
        unknown(
            format!(
                "{} are there, and an account has {VPCS} unless it asked for more",
                count(n, "VPC")
            ),
            "see the quota L-F678F1CE, or put the helper into the instance's own subnet",
        )
    }),
};
