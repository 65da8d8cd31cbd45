//! What is known before anything is touched: of the account, of the instances, and what the
//! operator has said. What could not be read is not there, with the reason.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{leftovers::Leftover, recipe::Cure, wishes::Wishes};
use crate::plan::{Declared, InstanceId, Online, Target};

/// What was read, or why it was not.
pub type Seen<T> = Result<T, Unread>;

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    pub said: String,
    pub remedy: String,
}

impl Unread {
    /// Returns that the caller may not do what would have shown it.
    pub fn not_permitted(action: &str) -> Self {
        Self {
            said: format!("{action} is not permitted"),
            remedy: format!("a policy that allows {action} would show it"),
        }
    }
}

/// Everything that the checks look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    pub cure: Cure,
    pub wishes: Wishes,
    pub account: Option<String>,
    pub now: Timestamp,
    pub runbook: Seen<Runbook>,
    /// The document that is to tell afterwards whether anything is left, if it is there.
    pub online: Seen<Option<Online>>,
    pub role: Seen<Role>,
    pub encryption: Seen<EncryptionByDefault>,
    /// How many VPCs the region has.
    pub vpcs: Seen<usize>,
    /// Executions of the runbook that have not ended.
    pub executions: Seen<Vec<Execution>>,
    /// Helpers and stacks that earlier executions have left behind.
    pub leftovers: Seen<Vec<Leftover>>,
    pub groups: Seen<BTreeMap<String, Group>>,
    /// By their names: whether types have volumes of their own that a stop empties.
    pub types: Seen<BTreeMap<String, InstanceStore>>,
    /// By their ids: the marketplace codes of images that are still there.
    pub images: Seen<BTreeMap<String, Vec<String>>>,
    pub network: Network,
    pub instances: Vec<Instance>,
}

/// The runbook as GetDocument tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Runbook {
    pub version: Option<String>,
    pub declared: BTreeMap<String, Declared>,
}

/// The role that the runbook is to assume, or the caller where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub arn: String,
    pub is_callers_own: bool,
    /// Whether ssm.amazonaws.com may assume it; `None` where there is no such role.
    pub trusts_ssm: Seen<Option<bool>>,
    /// Whether the caller may hand it over.
    pub may_be_passed: Seen<bool>,
    /// What it lacks of what the runbook does.
    pub lacks: Seen<Vec<String>>,
    /// What the caller lacks of what a rescue takes besides.
    pub caller_lacks: Seen<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionByDefault {
    pub is_on: bool,
    /// The default key, by its id, ARN or alias.
    pub key: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    pub id: String,
    pub instance: Option<String>,
}

/// A group, as far as one of its instances can be taken out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub arn: String,
    pub min: usize,
    pub desired: usize,
    pub max: usize,
    pub members: BTreeSet<InstanceId>,
    /// Those of them that are protected from scale-in.
    pub protected: BTreeSet<InstanceId>,
    /// The names of the processes that are held up.
    pub suspended: Vec<String>,
    /// The status of a refresh that has not ended.
    pub refresh: Option<String>,
    /// Why its newest launch failed, if it did; read only where it is to launch others.
    pub failed_launch: Seen<Option<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceStore {
    None,
    Some,
}

/// One instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    pub target: Target,
    pub described: Seen<Described>,
    pub status: Seen<Status>,
    pub volume: Seen<Volume>,
    /// Whether DisableApiStop is set.
    pub is_stop_protected: Seen<bool>,
    /// When the newest snapshot of its root volume was begun, if there is one.
    pub snapshot: Seen<Option<Timestamp>>,
}

/// What DescribeInstances tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    pub state: String,
    pub is_windows: bool,
    pub image: String,
    pub kind: String,
    pub zone: String,
    pub root_device_type: String,
    pub root_device: String,
    /// The volume at the root device, if one is there.
    pub root_volume: Option<String>,
    /// Whether the root volume goes with the instance (DeleteOnTermination).
    pub goes_with_instance: bool,
    /// Codes of the marketplace; others say who sells the system, such as Amazon's own for Windows.
    pub marketplace: Vec<String>,
    /// `spot`, `scheduled` or `capacity-block`; an ordinary instance has none.
    pub lifecycle: Option<String>,
    pub tenancy: String,
    pub is_hibernation_set_up: bool,
    /// An address that is lost when the instance stops.
    pub passing_address: Option<String>,
    pub has_reserved_capacity: bool,
    pub subnet: Option<String>,
    pub vpc: Option<String>,
}

/// What DescribeInstanceStatus tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub system: String,
    pub instance: String,
    /// Since when the instance's own check fails, if it does and that is told.
    pub impaired_since: Option<Timestamp>,
}

/// The root volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    pub id: String,
    pub is_encrypted: bool,
    pub key: Option<Seen<Key>>,
    /// Codes of the marketplace.
    pub marketplace: Seen<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub arn: String,
    /// `Enabled`, or what is wrong with it.
    pub state: String,
}

/// Where helpers will be.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// By their ids.
    pub subnets: Seen<BTreeMap<String, Subnet>>,
    pub endpoints: Seen<Vec<Endpoint>>,
    /// By their ids.
    pub security_groups: Seen<BTreeMap<String, SecurityGroup>>,
    /// The zones in which the helper's type can be had.
    pub helper_zones: Seen<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    pub zone: String,
    pub vpc: String,
    pub n_free: usize,
    pub way_out: Seen<WayOut>,
    /// Whether its network ACL lets HTTPS out and the answers in.
    pub acl: Seen<Acl>,
}

/// Where the subnet's default route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayOut {
    /// For who has a public address.
    InternetGateway,
    /// A NAT gateway, a transit gateway, an appliance: what is behind it cannot be seen.
    Other,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acl {
    Open,
    Closed,
    /// It distinguishes addresses.
    Partial,
}

/// A VPC endpoint that is available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub vpc: String,
    /// The last part of the service's name, such as `ssmmessages`.
    pub service: String,
    pub is_gateway: bool,
    pub has_private_dns: bool,
    pub security_groups: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroup {
    pub vpc: String,
    pub is_default: bool,
    /// Whether any rule lets HTTPS out, or in.
    pub lets_https_out: bool,
    pub lets_https_in: bool,
}

impl Instance {
    /// Returns whether its group counts it.
    pub(super) fn is_in_service(&self) -> bool {
        self.target.lifecycle.as_deref() == Some("InService")
    }
}

impl Site {
    /// Returns which of these actions the caller was refused while this was read.
    pub fn refused_of<'a>(&self, actions: &[&'a str]) -> Vec<&'a str> {
        fn why<T>(seen: &Seen<T>) -> Option<&Unread> {
            seen.as_ref().err()
        }
        let shared = [why(&self.executions), why(&self.leftovers), why(&self.groups)];
        let each = self.instances.iter();
        let each = each.flat_map(|it| [why(&it.described), why(&it.status), why(&it.volume)]);
        let all: Vec<&Unread> = shared.into_iter().chain(each).flatten().collect();
        let is_refused = |action: &&&str| all.contains(&&Unread::not_permitted(action));
        actions.iter().filter(is_refused).copied().collect()
    }

    pub fn subnet_of(&self, it: &Instance) -> Seen<Option<(String, Subnet)>> {
        let id = match &self.wishes.subnet {
            super::wishes::Where::OfTheInstance => it.described.clone()?.subnet,
            super::wishes::Where::Subnet(id) => Some(id.clone()),
            super::wishes::Where::NewVpc => None,
        };
        let Some(id) = id else { return Ok(None) };
        let subnets = self.network.subnets.as_ref().map_err(Clone::clone)?;
        let subnet = subnets.get(&id).cloned().ok_or_else(|| Unread {
            said: format!("there is no subnet {id}"),
            remedy: "pass --subnet with one of the instance's zone".to_owned(),
        })?;
        Ok(Some((id, subnet)))
    }
}
