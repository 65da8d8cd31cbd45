//! DescribeVpcs: the one that everything is in, and as many more as the world has, which are empty.

use super::{
    ApiError, Call, Form, Xml,
    describe::write_token,
    page::Page,
    shapes::VPC,
    wanted::{Wanted, check_ids, cut},
};
use crate::sim::ids;

/// DescribeVpcs, MaxResults: 5 to 1000 (botocore model).
const SIZES: Page = Page { least: 5, most: 1000 };

const CIDR: &str = "10.0.0.0/8";
const DHCP_OPTIONS: &str = "dopt-0123456789abcdef0";

pub(super) fn describe(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let wanted = Wanted::read(
        form,
        &["cidr", "dhcp-options-id", "is-default", "owner-id", "state", "tag", "vpc-id"],
    )?;
    let asked = form.flat_texts("VpcId")?;
    let others = (1..call.sim.network.vpcs).map(|it| {
        let index = usize::try_from(it).unwrap_or(usize::MAX);
        ids::instance_id(0, "vpc", index).replacen("i-", "vpc-", 1)
    });
    let all: Vec<String> = std::iter::once(VPC.to_owned()).chain(others).collect();
    let known = |id: &str| all.iter().any(|it| it == id);
    check_ids(&asked, known, ("InvalidVpcID.NotFound", "vpc ID"))?;
    let is_meant = |id: &String| {
        (asked.is_empty() || asked.contains(&id.as_str()))
            && wanted.selects(|name| {
                vec![match name {
                    "cidr" => CIDR.to_owned(),
                    "dhcp-options-id" => DHCP_OPTIONS.to_owned(),
                    "is-default" => (id == VPC).to_string(),
                    "owner-id" => call.sim.account.clone(),
                    "state" => "available".to_owned(),
                    "vpc-id" => id.clone(),
                    _ => return Vec::new(), // there are no tags
                }]
            })
    };
    let found = all.into_iter().filter(is_meant).collect();
    let (page, next) = cut(call, form, found, &SIZES)?;
    xml.items("vpcSet", page, |xml, id: String| {
        xml.text("vpcId", &id);
        xml.text("ownerId", &call.sim.account);
        xml.text("state", "available");
        xml.text("cidrBlock", CIDR);
        xml.items("cidrBlockAssociationSet", [&id], |xml, it| {
            xml.text("cidrBlock", CIDR);
            xml.text("associationId", &it.replacen("vpc-", "vpc-cidr-assoc-", 1));
            xml.element("cidrBlockState", |xml| xml.text("state", "associated"));
        });
        xml.text("dhcpOptionsId", DHCP_OPTIONS);
        xml.items("tagSet", [], |_, ()| {});
        xml.text("instanceTenancy", "default");
        xml.value("isDefault", id == VPC);
    });
    write_token(next, xml);
    Ok(())
}
