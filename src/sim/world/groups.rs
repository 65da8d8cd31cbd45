//! The groups of a world and their instances.
//! It makes no instance: `instances` does, when the simulator starts.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use toml::Spanned;

use super::{
    WorldError,
    check::{ReadFile, Source},
    materials::{Materials, Wish},
    raw,
};
use crate::sim::{
    machines::Hardware,
    state::{Ping, Platform, RunMode},
};

/// What groups and instances may name: images and keys, and files.
type Given<'a> = (&'a Materials, ReadFile<'a>);

/// A group as the world wants it.
#[derive(Debug, Clone)]
pub(crate) struct GroupSpec {
    pub name: String,
    pub min: u32,
    pub max: u32,
    pub desired: u32,
    pub zones: Vec<String>,
    pub tags: BTreeMap<String, String>,
    pub run: RunMode,
    /// What a member is that nothing makes different.
    pub usual: InstanceSpec,
    pub termination_hook: Option<Duration>,
    /// Why it cannot launch anybody.
    pub launch_failure: Option<String>,
    /// The status of the instance refresh that it is in.
    pub refresh: Option<&'static str>,
    /// The suspended processes.
    pub suspended: Vec<String>,
    /// By index.
    pub instances: Vec<InstanceSpec>,
}

/// What makes one instance different from the others.
#[derive(Debug, Clone)]
pub(crate) struct InstanceSpec {
    pub platform: Platform,
    pub ping: Ping,
    pub lifecycle: &'static str,
    pub health: &'static str,
    pub agent_version: String,
    /// Scripts that make its machine what it is, in their order.
    pub setup: Vec<Arc<str>>,
    /// `None`: the next of its group's.
    pub zone: Option<String>,
    /// EC2's word; `None`: what follows from the lifecycle.
    pub state: Option<&'static str>,
    /// EC2's status checks of it fail.
    pub impaired: bool,
    pub hardware: Hardware,
}

/// The size of a group, at most.
const MAX_SIZE: usize = 20_000;

/// The size of a setup script, at most: it is one argument of a program, and Linux takes 128 KiB.
const MAX_SETUP: usize = 100_000;

const AGENT_VERSION: &str = "3.3.987.0";

pub(super) const PLATFORMS: [(&str, Platform); 3] =
    [("Linux", Platform::Linux), ("Windows", Platform::Windows), ("MacOS", Platform::MacOs)];

const PINGS: [(&str, Ping); 3] =
    [("Online", Ping::Online), ("ConnectionLost", Ping::ConnectionLost), ("none", Ping::None)];

const RUNS: [(&str, RunMode); 2] = [("outcomes", RunMode::Outcomes), ("shell", RunMode::Shell)];

/// What DescribeAutoScalingGroups may say of a member; instances of a warm pool are not members.
const LIFECYCLES: [&str; 17] = [
    "InService",
    "Standby",
    "EnteringStandby",
    "Pending",
    "Pending:Wait",
    "Pending:Proceed",
    "Terminating",
    "Terminating:Wait",
    "Terminating:Proceed",
    "Terminating:Retained",
    "Terminated",
    "Detaching",
    "Detached",
    "ReplacingRootVolume",
    "ReplacingRootVolume:Wait",
    "ReplacingRootVolume:Proceed",
    "RootVolumeReplaced",
];

/// The statuses of an instance refresh (botocore model).
const REFRESHES: [(&str, &str); 10] = [
    ("Pending", "Pending"),
    ("InProgress", "InProgress"),
    ("Successful", "Successful"),
    ("Failed", "Failed"),
    ("Cancelling", "Cancelling"),
    ("Cancelled", "Cancelled"),
    ("RollbackInProgress", "RollbackInProgress"),
    ("RollbackFailed", "RollbackFailed"),
    ("RollbackSuccessful", "RollbackSuccessful"),
    ("Baking", "Baking"),
];

const HEALTHS: [&str; 2] = ["Healthy", "Unhealthy"];

impl Source<'_> {
    pub(super) fn groups(
        &self,
        raw: Vec<raw::Group>,
        region: &str,
        given: Given<'_>,
    ) -> Result<Vec<GroupSpec>, WorldError> {
        let mut names = BTreeSet::new();
        let mut res = Vec::new();
        for it in raw {
            let name = it.name.get_ref();
            if !names.insert(name.clone()) {
                let message = format!("the group {name:?} exists already");
                return Err(self.refuse(&it.name, "group.name", message));
            }
            res.push(self.group(it, region, given)?);
        }
        Ok(res)
    }

    fn group(
        &self,
        raw: raw::Group,
        region: &str,
        given: Given<'_>,
    ) -> Result<GroupSpec, WorldError> {
        let name = raw.name.get_ref();
        if name.is_empty() || name.chars().count() > 255 || name.contains(char::is_control) {
            let message = format!("{name:?} is not a group's name: expected 1 to 255 characters");
            return Err(self.refuse(&raw.name, "group.name", message));
        }
        let size = *raw.size.get_ref();
        if size > MAX_SIZE {
            let message = format!("{size} is too large: expected at most {MAX_SIZE}");
            return Err(self.refuse(&raw.size, "group.size", message));
        }
        let platform = raw
            .platform
            .map_or(Ok(Platform::Linux), |it| self.word(&it, "group.platform", &PLATFORMS))?;
        let run = match &raw.run {
            Some(it) => self.word(it, "group.run", &RUNS)?,
            None => RunMode::Outcomes,
        };
        let (materials, read) = given;
        let mut usual = InstanceSpec {
            platform,
            ping: Ping::Online,
            lifecycle: "InService",
            health: "Healthy",
            agent_version: AGENT_VERSION.to_owned(),
            setup: self.setup(raw.setup.as_ref(), "group.setup", run, read)?.into_iter().collect(),
            zone: None,
            state: None,
            impaired: false,
            hardware: self.hardware(raw.instance_type.as_ref(), "group.instance_type")?,
        };
        let (image, key) = (raw.image.as_ref(), raw.key.as_ref());
        let wish = Wish { image, key, table: "group" };
        self.of_materials(&mut usual.hardware, &wish, materials)?;
        if let Some(it) = image {
            self.check_image(&usual.hardware, platform, it, "group.image")?;
        }
        let zones = self.zones(raw.zones, region)?;
        let mut instances = vec![usual.clone(); size];
        let mut seen = BTreeSet::new();
        for it in raw.instance {
            if !seen.insert(*it.index.get_ref()) {
                let message = format!("instance {} is made different twice", it.index.get_ref());
                return Err(self.refuse(&it.index, "group.instance.index", message));
            }
            if let Some(zone) = it.zone.as_ref().filter(|it| !zones.contains(it.get_ref())) {
                let zones = zones.join(", ");
                let message = format!("{:?} is none of the group's zones: {zones}", zone.get_ref());
                return Err(self.refuse(zone, "group.instance.zone", message));
            }
            self.differ(&mut instances, it, run, given)?;
        }
        // The steps of a document run in Linux namespaces.
        if let Some(it) = raw.run.filter(|_| run == RunMode::Shell)
            && let Some(other) = instances.iter().find(|it| it.platform != Platform::Linux)
        {
            let word = PLATFORMS.iter().find(|(_, it)| *it == other.platform).map_or("", |it| it.0);
            let message = format!("documents really run on Linux only, and there is {word} in it");
            return Err(self.refuse(&it, "group.run", message));
        }
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let number = |it: &Option<Spanned<u32>>| it.as_ref().map(|it| *it.get_ref());
        let members = counted(&instances);
        let desired = number(&raw.desired).unwrap_or(*members.end());
        let (min, max) =
            (number(&raw.min).unwrap_or(0), number(&raw.max).unwrap_or(size.saturating_mul(2)));
        for (bound, is_kept, key) in [
            (&raw.min, min <= desired, "group.min"),
            (&raw.max, max >= desired, "group.max"),
            (&raw.desired, min <= desired && desired <= max, "group.desired"),
        ] {
            if let Some(it) = bound.as_ref().filter(|_| !is_kept) {
                let message =
                    format!("min {min}, desired {desired} and max {max} are not in order");
                return Err(self.refuse(it, key, message));
            }
        }
        // A group that wants more or fewer would launch or terminate them at once, and no world
        // begins in the middle of that.
        if let Some(it) = raw.desired.as_ref().filter(|_| !members.contains(&desired)) {
            let expected = match members.clone().into_inner() {
                (least, most) if least == most => format!("{most}"),
                (least, most) => format!("{least} to {most}"),
            };
            let message = format!(
                "{desired} is not what the group has: expected {expected}, its instances without \
                 those in Standby"
            );
            return Err(self.refuse(it, "group.desired", message));
        }
        Ok(GroupSpec {
            min,
            max,
            desired,
            zones,
            tags: self.tags(raw.tags)?,
            run,
            suspended: self.suspended(raw.suspended)?,
            usual,
            termination_hook: raw
                .termination_hook
                .map(|it| self.duration(&it, "group.termination_hook"))
                .transpose()?,
            launch_failure: raw.launch_failure,
            refresh: raw
                .instance_refresh
                .map(|it| self.word(&it, "group.instance_refresh", &REFRESHES))
                .transpose()?,
            instances,
            name: raw.name.into_inner(),
        })
    }

    fn zones(
        &self,
        raw: Option<Spanned<Vec<String>>>,
        region: &str,
    ) -> Result<Vec<String>, WorldError> {
        let Some(it) = raw else {
            return Ok(vec![format!("{region}a"), format!("{region}b")]);
        };
        if it.get_ref().is_empty() || it.get_ref().iter().any(String::is_empty) {
            return Err(self.refuse(&it, "group.zones", "expected at least one zone"));
        }
        Ok(it.into_inner())
    }

    fn tags(
        &self,
        raw: Option<Spanned<BTreeMap<String, String>>>,
    ) -> Result<BTreeMap<String, String>, WorldError> {
        let Some(it) = raw else { return Ok(BTreeMap::new()) };
        self.check_tag_keys(&it, "group.tags")?;
        Ok(it.into_inner())
    }

    /// Reads a script that makes a machine what it is.
    fn setup(
        &self,
        file: Option<&Spanned<String>>,
        key: &str,
        run: RunMode,
        read: ReadFile<'_>,
    ) -> Result<Option<Arc<str>>, WorldError> {
        let Some(it) = file else { return Ok(None) };
        if run != RunMode::Shell {
            let message = "only the instances of a group with run = \"shell\" have a machine";
            return Err(self.refuse(it, key, message));
        }
        let text = self.file(it, key, read)?;
        if text.len() > MAX_SETUP || text.contains('\0') {
            let message = format!("expected a script of at most {MAX_SETUP} bytes");
            return Err(self.refuse(it, key, message));
        }
        Ok(Some(text.into()))
    }

    fn differ(
        &self,
        instances: &mut [InstanceSpec],
        raw: raw::Instance,
        run: RunMode,
        (materials, read): Given<'_>,
    ) -> Result<(), WorldError> {
        let (index, size) = (*raw.index.get_ref(), instances.len());
        let Some(instance) = instances.get_mut(index) else {
            return Err(self.refuse(&raw.index, "group.instance.index", beyond(index, size)));
        };
        if let Some(it) = &raw.ping {
            instance.ping = self.word(it, "group.instance.ping", &PINGS)?;
        }
        if let Some(it) = &raw.platform {
            instance.platform = self.word(it, "group.instance.platform", &PLATFORMS)?;
        }
        if let Some(it) = &raw.lifecycle {
            let words = LIFECYCLES.map(|it| (it, it));
            instance.lifecycle = self.word(it, "group.instance.lifecycle", &words)?;
        }
        if let Some(it) = &raw.health {
            let words = HEALTHS.map(|it| (it, it));
            instance.health = self.word(it, "group.instance.health", &words)?;
        }
        self.differ_in_hardware(instance, &raw, materials)?;
        if let Some(it) = raw.agent_version {
            instance.agent_version = it;
        }
        instance.setup.extend(self.setup(raw.setup.as_ref(), "group.instance.setup", run, read)?);
        Ok(())
    }
}

/// Returns how many instances count in the desired capacity. Who is in Standby does not: EnterStandby
/// takes it out. Who is leaving may or may not have been replaced.
fn counted(instances: &[InstanceSpec]) -> RangeInclusive<u32> {
    let n = |is_meant: fn(&str) -> bool| {
        let n = instances.iter().filter(|it| is_meant(it.lifecycle)).count();
        u32::try_from(n).unwrap_or(u32::MAX)
    };
    let n_leaving = n(|it| it.starts_with("Terminat") || it.starts_with("Detach"));
    let most = n(|it| it != "Standby");
    most.saturating_sub(n_leaving)..=most
}

pub(super) fn beyond(index: usize, size: usize) -> String {
    let plural = if size == 1 { "" } else { "s" };
    format!("{index} is out of range: the group has {size} instance{plural}, counted from 0")
}
