//! What an instance is made of, as far as a rescue asks for it: its volumes, where they hang, and
//! its power. How a group takes that, `scaling` knows.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    ids,
    state::{Instance, Ping, Platform, State},
    timeline::{Happening, plus},
};

/// An EBS volume.
#[derive(Debug, Clone, Default)]
pub(crate) struct Volume {
    pub id: String,
    pub zone: String,
    pub encrypted: bool,
    pub tags: BTreeMap<String, String>,
    /// `None`: it is available.
    pub attachment: Option<Attachment>,
    /// A script has been at it while it hung on another instance.
    pub is_mended: bool,
    /// The world's key that it is encrypted with; `None`: AWS's own for EBS.
    pub key: Option<String>,
    /// How long before the simulation a snapshot was made of it, if one was.
    pub snapshot: Option<Duration>,
}

/// Where a volume hangs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attachment {
    pub instance: String,
    pub device: String,
    pub delete_on_termination: bool,
    /// `None`: since the instance was launched.
    pub at: Option<Timestamp>,
}

/// An image of the account's own, which instances were launched from.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub name: String,
    pub platform: Platform,
    /// Codes of AWS Marketplace.
    pub product_codes: Vec<String>,
    /// It is not there any more.
    pub is_deregistered: bool,
}

/// An image that a runbook has made of an instance, and that stays.
#[derive(Debug, Clone)]
pub(crate) struct Backup {
    pub image: String,
    pub name: String,
    pub instance: String,
    /// The root volume, of which there is a snapshot.
    pub volume: Option<String>,
    pub platform: Platform,
    pub product_codes: Vec<String>,
    pub at: Timestamp,
}

/// What kind of machine an instance is.
#[derive(Debug, Clone)]
pub(crate) struct Hardware {
    pub instance_type: String,
    /// Its root is a volume, and not an instance store.
    pub has_ebs_root: bool,
    pub root_encrypted: bool,
    /// The world's key that its root is encrypted with; `None`: AWS's own for EBS.
    pub key: Option<String>,
    /// How long before the simulation a snapshot was made of its root, if one was.
    pub snapshot: Option<Duration>,
    /// `None`: one that AWS offers, or a seller.
    pub image: Option<Arc<Image>>,
    /// Codes of AWS Marketplace.
    pub product_codes: Vec<String>,
    pub is_spot: bool,
    /// DisableApiStop.
    pub stop_protected: bool,
    /// It has a public address that is not an elastic one.
    pub public_ip: bool,
}

impl Default for Hardware {
    fn default() -> Self {
        Self {
            instance_type: "t3.micro".to_owned(),
            has_ebs_root: true,
            root_encrypted: false,
            key: None,
            snapshot: None,
            image: None,
            product_codes: Vec::new(),
            is_spot: false,
            stop_protected: false,
            public_ip: false,
        }
    }
}

/// What a start or a stop comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    Running,
    Stopped,
}

/// How long a start and a stop take, and how long status checks are initializing after a start.
const START: Duration = Duration::from_secs(10);
const STOP: Duration = Duration::from_secs(20);
pub(crate) const CHECKS: Duration = Duration::from_secs(60);

/// From a stop to what the group does about it.
const NOTICE: Duration = super::scaling::CHECK;

/// The device of an instance's root volume.
pub(crate) fn root_device(instance: &Instance) -> &'static str {
    root_device_of(instance.platform)
}

pub(crate) fn root_device_of(platform: Platform) -> &'static str {
    match platform {
        Platform::Windows => "/dev/sda1",
        Platform::Linux | Platform::MacOs => "/dev/xvda",
    }
}

/// Returns the volumes of an instance, by device.
pub(crate) fn attached<'a>(state: &'a State, instance: &str) -> BTreeMap<&'a str, &'a Volume> {
    let Some(ids) = state.attached.get(instance) else { return BTreeMap::new() };
    let volumes = ids.iter().filter_map(|it| state.volumes.get(it));
    volumes.filter_map(|it| Some((it.attachment.as_ref()?.device.as_str(), it))).collect()
}

/// Returns an instance's root volume, if it is there.
pub(crate) fn root_volume<'a>(state: &'a State, instance: &Instance) -> Option<&'a Volume> {
    attached(state, &instance.id).remove(root_device(instance))
}

/// Gives an instance the root volume that it is launched with.
pub(crate) fn furnish(state: &mut State, instance: &Instance) {
    if !instance.hardware.has_ebs_root {
        return;
    }
    let id = ids::volume_id(&instance.id, "root");
    let volume = Volume {
        id: id.clone(),
        zone: instance.zone.clone(),
        encrypted: instance.hardware.root_encrypted,
        key: instance.hardware.key.clone(),
        snapshot: instance.hardware.snapshot,
        ..Volume::default()
    };
    state.volumes.insert(id.clone(), volume);
    let attachment = Attachment {
        instance: instance.id.clone(),
        device: root_device(instance).to_owned(),
        delete_on_termination: true,
        at: instance.launched,
    };
    attach(state, &id, attachment);
}

pub(crate) fn attach(state: &mut State, volume: &str, attachment: Attachment) {
    let instance = attachment.instance.clone();
    if let Some(it) = state.volumes.get_mut(volume) {
        it.attachment = Some(attachment);
        state.attached.entry(instance).or_default().insert(volume.to_owned());
    }
}

/// Takes a volume from where it hangs, and returns where that was.
pub(crate) fn detach(state: &mut State, volume: &str) -> Option<Attachment> {
    let res = state.volumes.get_mut(volume)?.attachment.take()?;
    if let Some(it) = state.attached.get_mut(&res.instance) {
        it.remove(volume);
    }
    Some(res)
}

/// What becomes of the volumes of an instance that is gone.
pub(crate) fn scrap(state: &mut State, instance: &str) {
    for id in state.attached.remove(instance).unwrap_or_default() {
        let Some(volume) = state.volumes.get_mut(&id) else { continue };
        if volume.attachment.take().is_some_and(|it| it.delete_on_termination) {
            state.volumes.remove(&id);
        }
    }
}

/// Stops an instance that runs.
pub(crate) fn stop(state: &mut State, instance: &str, at: Timestamp) {
    let Some(it) = state.instances.get_mut(instance) else { return };
    "stopping".clone_into(&mut it.ec2_state);
    it.power += 1;
    let change = Happening::Powers(instance.to_owned(), it.power, Power::Stopped);
    let group = it.group.clone();
    state.timeline.push(plus(at, STOP), change);
    // "Amazon EC2 Auto Scaling considers an instance that is not running unhealthy" (user guide,
    // health checks).
    if state.groups.iter().any(|it| it.name == group) {
        state.timeline.push(plus(at, NOTICE), Happening::Examines(group));
    }
}

/// Starts an instance that is stopped.
pub(crate) fn start(state: &mut State, instance: &str, at: Timestamp) {
    let Some(it) = state.instances.get_mut(instance) else { return };
    "pending".clone_into(&mut it.ec2_state);
    it.power += 1;
    let change = Happening::Powers(instance.to_owned(), it.power, Power::Running);
    state.timeline.push(plus(at, START), change);
}

/// Stops an instance at once, as a runbook that has waited for it finds it.
pub(crate) fn stopped(state: &mut State, instance: &str, at: Timestamp) {
    stop(state, instance, at);
    if let Some(power) = state.instances.get(instance).map(|it| it.power) {
        settle(state, instance, power, Power::Stopped, at);
    }
}

/// Starts an instance at once, as a runbook that has waited for it finds it.
pub(crate) fn started(state: &mut State, instance: &str, at: Timestamp) {
    start(state, instance, at);
    if let Some(power) = state.instances.get(instance).map(|it| it.power) {
        settle(state, instance, power, Power::Running, at);
    }
}

/// A start or a stop has come to its end, unless another has begun since.
pub(crate) fn settle(state: &mut State, instance: &str, power: u64, to: Power, at: Timestamp) {
    let is_mended = state
        .instances
        .get(instance)
        .and_then(|it| root_volume(state, it))
        .is_some_and(|it| it.is_mended);
    let Some(it) = state.instances.get_mut(instance) else { return };
    let expected = match to {
        Power::Running => "pending",
        Power::Stopped => "stopping",
    };
    if it.power != power || it.ec2_state != expected {
        return;
    }
    match to {
        Power::Stopped => "stopped".clone_into(&mut it.ec2_state),
        Power::Running => {
            "running".clone_into(&mut it.ec2_state);
            it.started = Some(at);
            if is_mended {
                it.impaired = false;
                it.ping = Ping::Online;
                it.lost = None;
            }
        }
    }
}
