//! What a world says of machines and of the network that a rescue meets, checked.

use std::ops::RangeInclusive;

use toml::Spanned;

use super::{
    WorldError,
    check::Source,
    groups::InstanceSpec,
    materials::{Materials, Wish},
    raw,
};
use crate::sim::{
    machines::Hardware,
    network::{Internet, Network},
    state::Ping,
};

const STATES: [(&str, &str); 4] = [
    ("pending", "pending"),
    ("running", "running"),
    ("stopping", "stopping"),
    ("stopped", "stopped"),
];

/// Whether the root is a volume.
const ROOTS: [(&str, bool); 2] = [("ebs", true), ("instance-store", false)];

const INTERNETS: [(&str, Internet); 3] =
    [("gateway", Internet::Gateway), ("nat", Internet::Nat), ("none", Internet::None)];

/// Everything is in the first.
const VPCS: RangeInclusive<u32> = 1..=1000;

const PROCESSES: [&str; 9] = [
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
];

impl Source<'_> {
    pub(super) fn hardware(
        &self,
        instance_type: Option<&Spanned<String>>,
        key: &str,
    ) -> Result<Hardware, WorldError> {
        let mut res = Hardware::default();
        if let Some(it) = instance_type {
            res.instance_type = self.instance_type(it, key)?;
        }
        Ok(res)
    }

    fn instance_type(&self, it: &Spanned<String>, key: &str) -> Result<String, WorldError> {
        let is_plain = |it: &str| {
            !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
        };
        match it.get_ref().split_once('.') {
            Some((family, size)) if is_plain(family) && is_plain(size) => Ok(it.get_ref().clone()),
            Some(_) | None => {
                let message =
                    format!("{:?} is not an instance type such as t3.medium", it.get_ref());
                Err(self.refuse(it, key, message))
            }
        }
    }

    pub(super) fn suspended(
        &self,
        raw: Option<Spanned<Vec<String>>>,
    ) -> Result<Vec<String>, WorldError> {
        let Some(it) = raw else { return Ok(Vec::new()) };
        if let Some(other) = it.get_ref().iter().find(|it| !PROCESSES.contains(&it.as_str())) {
            let message = format!("{other:?} is no process, expected {}", PROCESSES.join(", "));
            return Err(self.refuse(&it, "group.suspended", message));
        }
        Ok(it.into_inner())
    }

    pub(super) fn differ_in_hardware(
        &self,
        instance: &mut InstanceSpec,
        raw: &raw::Instance,
        materials: &Materials,
    ) -> Result<(), WorldError> {
        if let Some(it) = &raw.zone {
            instance.zone = Some(it.get_ref().clone());
        }
        if let Some(it) = &raw.state {
            instance.state = Some(self.word(it, "group.instance.state", &STATES)?);
        }
        instance.impaired = raw.impaired.unwrap_or(instance.impaired);
        // What does not boot has no agent that could be reached.
        if instance.impaired && raw.ping.is_none() {
            instance.ping = Ping::ConnectionLost;
        }
        let hardware = &mut instance.hardware;
        if let Some(it) = &raw.instance_type {
            hardware.instance_type = self.instance_type(it, "group.instance.instance_type")?;
        }
        if let Some(it) = &raw.root {
            hardware.has_ebs_root = self.word(it, "group.instance.root", &ROOTS)?;
        }
        let (image, key) = (raw.image.as_ref(), raw.key.as_ref());
        let wish = Wish { image, key, table: "group.instance" };
        self.of_materials(hardware, &wish, materials)?;
        if let Some(it) = &raw.encrypted {
            if !it.get_ref() && raw.key.is_some() {
                let message = "what has a key of its own is encrypted";
                return Err(self.refuse(it, "group.instance.encrypted", message));
            }
            hardware.root_encrypted = *it.get_ref();
        }
        if let Some(it) = &raw.snapshot {
            hardware.snapshot = Some(self.duration(it, "group.instance.snapshot")?);
        }
        if let Some(it) = &raw.product_codes {
            hardware.product_codes.clone_from(it);
        }
        hardware.is_spot = raw.spot.unwrap_or(hardware.is_spot);
        hardware.stop_protected = raw.stop_protection.unwrap_or(hardware.stop_protected);
        hardware.public_ip = raw.public_ip.unwrap_or(hardware.public_ip);
        self.check_image(hardware, instance.platform, &raw.index, "group.instance.image")
    }

    pub(super) fn network(
        &self,
        raw: Option<raw::Network>,
        materials: &Materials,
    ) -> Result<Network, WorldError> {
        let usual = Network::default();
        let Some(raw) = raw else { return Ok(usual) };
        if let Some(it) = &raw.ebs_key
            && !materials.keys.iter().any(|known| known.name == *it.get_ref())
        {
            let message = format!("there is no [[key]] {:?}", it.get_ref());
            return Err(self.refuse(it, "network.ebs_key", message));
        }
        if let Some(it) = raw.vpcs.as_ref().filter(|it| !VPCS.contains(it.get_ref())) {
            let message = format!("{} is out of range: expected 1 to 1,000", it.get_ref());
            return Err(self.refuse(it, "network.vpcs", message));
        }
        let internet = match &raw.internet {
            Some(it) => self.word(it, "network.internet", &INTERNETS)?,
            None => usual.internet,
        };
        Ok(Network {
            internet,
            endpoints: raw.endpoints.unwrap_or_default().into_iter().collect(),
            default_egress: raw.default_egress.unwrap_or(usual.default_egress),
            free_addresses: raw.free_addresses.unwrap_or(usual.free_addresses),
            not_offered: raw.not_offered.unwrap_or_default(),
            ebs_encryption: raw.ebs_encryption.unwrap_or(usual.ebs_encryption),
            ebs_key: raw.ebs_key.map(Spanned::into_inner),
            vpcs: raw.vpcs.map_or(usual.vpcs, Spanned::into_inner),
        })
    }
}
