//! The network of the account, as far as a rescue looks at it: one VPC with a subnet a zone, and the
//! way out. Nothing is sent over it.

use std::collections::{BTreeMap, BTreeSet};

/// `[network]` of the world.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub internet: Internet,
    /// The services that the VPC has an endpoint for, such as `ssmmessages`.
    pub endpoints: BTreeSet<String>,
    /// The default security group lets everything out.
    pub default_egress: bool,
    /// Addresses that are free in every subnet.
    pub free_addresses: u32,
    /// Instance types that a zone does not have.
    pub not_offered: BTreeMap<String, Vec<String>>,
    /// EBS encryption by default.
    pub ebs_encryption: bool,
    /// The world's key that new volumes have then; `None`: AWS's own for EBS.
    pub ebs_key: Option<String>,
    /// How many VPCs there are; all but one are empty.
    pub vpcs: u32,
}

/// Where the default route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Internet {
    /// An Internet gateway: whoever has a public address gets out.
    Gateway,
    Nat,
    None,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            internet: Internet::Gateway,
            endpoints: BTreeSet::new(),
            default_egress: true,
            free_addresses: 4_000,
            not_offered: BTreeMap::new(),
            ebs_encryption: false,
            ebs_key: None,
            vpcs: 1,
        }
    }
}
