//! The operations that change who is in service: standby, termination, protection.
//! Each is refused whole or done whole.

use super::{activities::write_activity, authorize, invalid, no_group, parameters::Checked};
use crate::sim::{
    api::{ApiError, Call},
    scaling::{Activity, Scaling},
    state::{Capacity, Group, State},
    timeline::Happening,
    wire::{form::Form, xml::Xml},
};

const GROUP: &str = "AutoScalingGroupName";
const IDS: &str = "InstanceIds";
const DECREMENT: &str = "ShouldDecrementDesiredCapacity";

/// Ids in a call: of EnterStandby and ExitStandby, and of SetInstanceProtection.
const STANDBY_BATCH: usize = 20;
const PROTECTION_BATCH: usize = 50;

pub(super) fn enter_standby(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    authorize(call, Some(form.text(GROUP).unwrap_or_default()))?;
    let mut checked = Checked::new(form);
    let name = checked.text(GROUP, 255);
    let ids = checked.ids(IDS, STANDBY_BATCH)?;
    let capacity = capacity(checked.flag(DECREMENT)?);
    checked.done()?;
    change(call, xml, |scaling| {
        let group = find(scaling.state, name)?;
        members(scaling.state, group, &ids)?;
        in_state(scaling.state, &ids, &["InService"], "InService")?;
        let room = u64::from(group.desired.saturating_sub(group.min_size));
        if capacity == Capacity::Follows && room < ids.len() as u64 {
            return Err(sizes(group, &format!("place into standby {}", instances(ids.len()))));
        }
        Ok(ids.iter().map(|it| scaling.enter_standby(it, capacity)).collect())
    })
}

pub(super) fn exit_standby(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    authorize(call, Some(form.text(GROUP).unwrap_or_default()))?;
    let mut checked = Checked::new(form);
    let name = checked.text(GROUP, 255);
    let ids = checked.ids(IDS, STANDBY_BATCH)?;
    checked.done()?;
    change(call, xml, |scaling| {
        let group = find(scaling.state, name)?;
        members(scaling.state, group, &ids)?;
        in_state(scaling.state, &ids, &["Standby"], "Standby")?;
        if group.suspended.contains_key("Launch") {
            // UNVERIFIED wording; that it needs the Launch process is documented.
            let message = format!("The Launch process of AutoScalingGroup {name} is suspended.");
            return Err(invalid(&message));
        }
        let room = u64::from(group.max_size.saturating_sub(group.desired));
        if room < ids.len() as u64 {
            // UNVERIFIED wording, after EnterStandby's.
            return Err(sizes(group, &format!("move out of standby {}", instances(ids.len()))));
        }
        Ok(ids.iter().map(|it| scaling.exit_standby(it)).collect())
    })
}

pub(super) fn terminate_instance(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let id = form.text("InstanceId").unwrap_or_default();
    let group = group_of(call, id);
    authorize(call, group.as_deref())?;
    let mut checked = Checked::new(form);
    checked.text("InstanceId", 19);
    let capacity = capacity(checked.flag(DECREMENT)?);
    checked.done()?;
    let mut state = call.sim.state.borrow_mut();
    let name = group.ok_or_else(|| no_member(id))?;
    let group = find(&state, &name)?;
    let lifecycle = state.instances.get(id).map_or("", |it| &it.lifecycle);
    let is_counted = !["Standby", "EnteringStandby"].contains(&lifecycle);
    if lifecycle.starts_with("Terminat") {
        // UNVERIFIED.
        let message = format!("The instance {id} is being terminated already.");
        return Err(invalid(&message));
    }
    if capacity == Capacity::Follows && is_counted && group.desired <= group.min_size {
        // UNVERIFIED wording.
        let message = format!(
            "Currently, desiredSize equals minSize ({}). Terminating instance without \
             replacement will violate group's min size constraint. Either set \
             shouldDecrementDesiredCapacity flag to false or lower group's min size.",
            group.min_size
        );
        return Err(invalid(&message));
    }
    let (seed, at) = (call.sim.seed, call.sim.clock.now());
    let activity = Scaling { state: &mut state, seed, at }.terminate(id, capacity);
    drop(state);
    xml.element("Activity", |xml| write_activity(call, &activity, xml));
    Ok(())
}

/// Whoever has been marked unhealthy stays so until somebody marks it otherwise (user guide, health
/// checks).
pub(super) fn set_instance_health(call: &Call, form: &Form) -> Result<(), ApiError> {
    let id = form.text("InstanceId").unwrap_or_default();
    let group = group_of(call, id);
    authorize(call, group.as_deref())?;
    let mut checked = Checked::new(form);
    checked.text("InstanceId", 19);
    let health = checked.text("HealthStatus", 32).to_owned();
    // What a call does that respects the grace period of whoever has just come into service is not
    // documented: here it marks at once, as one does that does not respect it. UNVERIFIED.
    form.boolean("ShouldRespectGracePeriod")?;
    checked.done()?;
    if !["Healthy", "Unhealthy"].contains(&health.as_str()) {
        // UNVERIFIED wording.
        let message = "Valid instance health states are: [Healthy, Unhealthy].";
        return Err(invalid(message));
    }
    let name = group.ok_or_else(|| no_member(id))?;
    let at = call.sim.clock.now();
    let mut state = call.sim.state.borrow_mut();
    let Some(instance) = state.instances.get_mut(id) else { return Ok(()) };
    if instance.lifecycle.starts_with("Terminat") {
        // "it returns an error if the instance is already terminating" (user guide); UNVERIFIED wording.
        let message = format!("The instance {id} is being terminated already.");
        return Err(invalid(&message));
    }
    instance.health = health;
    state.timeline.push(at, Happening::Examines(name));
    Ok(())
}

pub(super) fn set_instance_protection(call: &Call, form: &Form) -> Result<(), ApiError> {
    authorize(call, Some(form.text(GROUP).unwrap_or_default()))?;
    let mut checked = Checked::new(form);
    let name = checked.text(GROUP, 255);
    let ids = checked.ids(IDS, PROTECTION_BATCH)?;
    let protected = checked.flag("ProtectedFromScaleIn")?;
    checked.done()?;
    let mut state = call.sim.state.borrow_mut();
    members(&state, find(&state, name)?, &ids)?;
    let states = ["InService", "EnteringStandby", "Standby"];
    in_state(&state, &ids, &states, "InService or EnteringStandby or Standby")?;
    for id in &ids {
        if let Some(it) = state.instances.get_mut(id) {
            it.protected = protected;
        }
    }
    Ok(())
}

fn capacity(decrements: bool) -> Capacity {
    if decrements { Capacity::Follows } else { Capacity::Stays }
}

fn change(
    call: &Call,
    xml: &mut Xml,
    act: impl FnOnce(&mut Scaling) -> Result<Vec<Activity>, ApiError>,
) -> Result<(), ApiError> {
    let (seed, at) = (call.sim.seed, call.sim.clock.now());
    let mut state = call.sim.state.borrow_mut();
    let activities = act(&mut Scaling { state: &mut state, seed, at })?;
    drop(state);
    xml.list("Activities", &activities, |xml, it| write_activity(call, it, xml));
    Ok(())
}

/// Returns the group that an instance is a member of.
fn group_of(call: &Call, id: &str) -> Option<String> {
    let state = call.sim.state.borrow();
    state.groups.iter().find(|it| it.members.iter().any(|it| it == id)).map(|it| it.name.clone())
}

/// UNVERIFIED wording.
fn no_member(id: &str) -> ApiError {
    invalid(&format!("Instance Id not found - No managed instance found for instance ID: {id}"))
}

pub(super) fn find<'a>(state: &'a State, name: &str) -> Result<&'a Group, ApiError> {
    state.groups.iter().find(|it| it.name == name).ok_or_else(|| no_group(name))
}

/// Refuses ids that are none of the group's, and a call that names none or one twice. UNVERIFIED
/// wordings.
fn members(state: &State, group: &Group, ids: &[String]) -> Result<(), ApiError> {
    if ids.is_empty() {
        return Err(invalid("At least one instance ID must be specified."));
    }
    for (index, id) in ids.iter().enumerate() {
        if state.instances.get(id).is_none_or(|it| it.group != group.name) {
            let name = &group.name;
            let message = format!("The instance {id} is not part of Auto Scaling group {name}.");
            return Err(invalid(&message));
        }
        if ids[..index].contains(id) {
            return Err(invalid(&format!("The instance {id} is specified twice.")));
        }
    }
    Ok(())
}

fn in_state(state: &State, ids: &[String], states: &[&str], words: &str) -> Result<(), ApiError> {
    let is_elsewhere = |id: &&String| {
        state.instances.get(*id).is_none_or(|it| !states.contains(&it.lifecycle.as_str()))
    };
    match ids.iter().find(is_elsewhere) {
        Some(id) => Err(invalid(&format!("The instance {id} is not in {words}."))),
        None => Ok(()),
    }
}

fn sizes(group: &Group, wish: &str) -> ApiError {
    let Group { name, min_size, max_size, desired, .. } = group;
    invalid(&format!(
        "AutoScalingGroup {name} has min-size={min_size}, max-size={max_size}, and \
         desired-size={desired}. To {wish}, please update the AutoScalingGroup sizes \
         appropriately."
    ))
}

fn instances(n: usize) -> String {
    format!("{n} instance{}", if n == 1 { "" } else { "s" })
}
