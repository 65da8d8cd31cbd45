//! How the operator wants a rescue done, and the parameters of the runbook that say so.

use std::collections::BTreeMap;

use super::facts::{Instance, Site};
use crate::{documents, plan::Declared};

/// The runbook.
pub const RUNBOOK: &str = documents::RESCUE;

/// The helper's instance type that the runbook has as its default.
pub const HELPER_TYPE: &str = "t3.medium";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// The role that the runbook assumes; without one it acts as the caller.
    pub role: Option<String>,
    pub subnet: Where,
    pub security_group: Option<String>,
    pub instance_profile: Option<String>,
    pub helper_type: String,
    pub backup: Backup,
    pub data: Data,
    pub bitlocker: Bitlocker,
    pub members: Members,
    /// How long an instance must have been impaired, in seconds.
    pub impaired_for: i64,
    /// How many are rescued at once, from 1.
    pub at_once: usize,
}

/// Where the helper is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    OfTheInstance,
    NewVpc,
    Subnet(String),
}

/// Whether an image is made of each instance before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backup {
    Image,
    None,
}

/// What a stop does to volumes of the instance's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    MustStay,
    MayBeLost,
}

/// What the operator says of BitLocker: it cannot be seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bitlocker {
    Unasked,
    Absent,
}

/// What becomes of a group's members that are in service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Members {
    /// They are put into Standby, and out of it afterwards.
    Standby,
    /// They are not rescued: the group replaces them.
    Replaced,
}

/// The runbook has no parameter, or no value, for what has to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsayable {
    pub parameter: &'static str,
    /// The value that it does not allow; `None` where there is no such parameter.
    pub value: Option<String>,
}

/// Returns what the runbook is to be given for one instance. Empty values are left out: none may be
/// shorter than a character (botocore model). `declared` decides how a boolean is written.
///
/// # Errors
/// If the runbook cannot be told something that matters.
pub fn parameters(
    site: &Site,
    it: &Instance,
    declared: &BTreeMap<String, Declared>,
) -> Result<BTreeMap<String, Vec<String>>, Unsayable> {
    let mut said = Saying { declared, res: BTreeMap::new() };
    let wishes = &site.wishes;
    said.text("InstanceId", it.target.id.as_str())?;
    said.text("OfflineScript", site.cure.script.encoded())?;
    if let Some(role) = &wishes.role {
        said.text("AutomationAssumeRole", role)?;
    }
    match &wishes.subnet {
        Where::OfTheInstance => said.text("SubnetId", "SelectedInstanceSubnet")?,
        Where::NewVpc => said.text("SubnetId", "CreateNewVPC")?,
        Where::Subnet(id) => said.text("SubnetId", id)?,
    }
    if wishes.helper_type != HELPER_TYPE {
        said.text("EC2RescueInstanceType", &wishes.helper_type)?;
    }
    said.yes_or_no("CreatePreEC2RescueBackup", wishes.backup == Backup::Image)?;
    if it.volume.as_ref().is_ok_and(|it| it.is_encrypted) {
        said.yes_or_no("AllowEncryptedVolume", true)?;
    }
    if needs_public_address(site, it) {
        said.yes_or_no("AssociatePublicIpAddress", true)?;
    }
    if let Some(id) = &wishes.security_group {
        said.text("HelperInstanceSecurityGroupId", id)?;
    }
    if let Some(name) = &wishes.instance_profile {
        said.text("HelperInstanceProfileName", name)?;
    }
    Ok(said.res)
}

/// Returns whether the only way out of the helper's subnet is one for public addresses.
pub(super) fn needs_public_address(site: &Site, it: &Instance) -> bool {
    let subnet = site.subnet_of(it).ok().flatten();
    subnet.is_some_and(|(_, it)| it.way_out == Ok(super::facts::WayOut::InternetGateway))
}

struct Saying<'a> {
    declared: &'a BTreeMap<String, Declared>,
    res: BTreeMap<String, Vec<String>>,
}

impl Saying<'_> {
    fn text(&mut self, parameter: &'static str, value: &str) -> Result<(), Unsayable> {
        let declared = self.declared.get(parameter);
        let declared = declared.ok_or(Unsayable { parameter, value: None })?;
        let allowed = &declared.allowed_values;
        if !allowed.is_empty() && !allowed.iter().any(|it| it == value) {
            return Err(Unsayable { parameter, value: Some(value.to_owned()) });
        }
        self.res.insert(parameter.to_owned(), vec![value.to_owned()]);
        Ok(())
    }

    /// Runbooks write booleans as `True`, as `true`, or as a Boolean of their own.
    fn yes_or_no(&mut self, parameter: &'static str, is_yes: bool) -> Result<(), Unsayable> {
        let word = if is_yes { "True" } else { "False" };
        let declared = self.declared.get(parameter);
        let declared = declared.ok_or(Unsayable { parameter, value: None })?;
        let allowed = &declared.allowed_values;
        let known = allowed.iter().find(|it| it.eq_ignore_ascii_case(word)).cloned();
        let value = match (known, declared.kind.as_str()) {
            (Some(it), _) => it,
            (None, _) if !allowed.is_empty() => {
                return Err(Unsayable { parameter, value: Some(word.to_owned()) });
            }
            (None, "Boolean") => word.to_ascii_lowercase(),
            (None, _) => word.to_owned(),
        };
        self.res.insert(parameter.to_owned(), vec![value]);
        Ok(())
    }
}
