//! What changes instances and volumes: starts, stops, attachments. Each is authorised on what it
//! changes, and with DryRun nothing is changed.

use super::{
    ApiError, Call, Form, Xml, authorize_instance, authorize_volume, check_instance_ids,
    describe::write_attachment, dry_run, shapes,
};
use crate::sim::machines::{self, Attachment};

pub(super) fn start(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let ids = instances(call, form)?;
    let at = call.sim.clock.now();
    let mut state = call.sim.state.borrow_mut();
    for id in &ids {
        let Some(it) = state.instances.get(*id) else { continue };
        match it.ec2_state.as_str() {
            "running" | "pending" => {}
            "stopped"
                if it.hardware.has_ebs_root && machines::root_volume(&state, it).is_none() =>
            {
                // UNVERIFIED code.
                let message = format!(
                    "Invalid value '{id}' for instanceId. Instance does not have a volume \
                     attached at root ({})",
                    machines::root_device(it)
                );
                return Err(ApiError::new("InvalidParameterValue", message));
            }
            "stopped" => {}
            _ => return Err(wrong_state(id, "started")),
        }
    }
    let mut changes = Vec::new();
    for id in ids {
        let before = state.instances.get(id).map(|it| it.ec2_state.clone()).unwrap_or_default();
        if before == "stopped" {
            machines::start(&mut state, id, at);
        }
        let after = state.instances.get(id).map(|it| it.ec2_state.clone()).unwrap_or_default();
        changes.push((id, before, after));
    }
    write_changes(changes, xml);
    Ok(())
}

pub(super) fn stop(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    if form.boolean("Hibernate")? == Some(true) {
        let message = "Hibernate is not implemented by this simulator.";
        return Err(ApiError::new("UnsupportedOperation", message));
    }
    let ids = instances(call, form)?;
    let at = call.sim.clock.now();
    let mut state = call.sim.state.borrow_mut();
    for id in &ids {
        let Some(it) = state.instances.get(*id) else { continue };
        if !it.hardware.has_ebs_root {
            let message = format!(
                "The instance '{id}' does not have an 'ebs' root device type and cannot be stopped"
            );
            return Err(ApiError::new("UnsupportedOperation", message));
        }
        if it.hardware.stop_protected {
            let message = format!(
                "The instance '{id}' may not be stopped. Modify its 'disableApiStop' instance \
                 attribute and try again."
            );
            return Err(ApiError::new("OperationNotPermitted", message));
        }
        if !["running", "pending", "stopping", "stopped"].contains(&it.ec2_state.as_str()) {
            return Err(wrong_state(id, "stopped"));
        }
    }
    let mut changes = Vec::new();
    for id in ids {
        let before = state.instances.get(id).map(|it| it.ec2_state.clone()).unwrap_or_default();
        if ["running", "pending"].contains(&before.as_str()) {
            machines::stop(&mut state, id, at);
        }
        let after = state.instances.get(id).map(|it| it.ec2_state.clone()).unwrap_or_default();
        changes.push((id, before, after));
    }
    write_changes(changes, xml);
    Ok(())
}

/// The instances that a start or a stop names, which the caller may change.
fn instances<'a>(call: &Call, form: &'a Form) -> Result<Vec<&'a str>, ApiError> {
    let ids = form.flat_texts("InstanceId")?;
    if ids.is_empty() {
        let message = "The request must contain the parameter InstanceId";
        return Err(ApiError::new("MissingParameter", message));
    }
    for id in &ids {
        authorize_instance(call, id)?;
    }
    check_instance_ids(&call.sim.state.borrow(), &ids)?;
    dry_run(form)?;
    Ok(ids)
}

fn wrong_state(id: &str, done: &str) -> ApiError {
    let message = format!("The instance '{id}' is not in a state from which it can be {done}.");
    ApiError::new("IncorrectInstanceState", message)
}

fn write_changes(changes: Vec<(&str, String, String)>, xml: &mut Xml) {
    xml.items("instancesSet", changes, |xml, (id, before, after)| {
        xml.text("instanceId", id);
        for (name, word) in [("currentState", after), ("previousState", before)] {
            xml.element(name, |xml| {
                xml.value("code", shapes::code_of(&word));
                xml.text("name", &word);
            });
        }
    });
}

pub(super) fn attach(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let volume = required(form, "VolumeId")?;
    let id = required(form, "InstanceId")?;
    let device = required(form, "Device")?;
    authorize_instance(call, id)?;
    authorize_volume(call, volume)?;
    let mut state = call.sim.state.borrow_mut();
    check_instance_ids(&state, &[id])?;
    let found = state.volumes.get(volume).ok_or_else(|| no_volume(volume))?;
    let Some(instance) = state.instances.get(id) else { return Err(no_volume(volume)) };
    if found.attachment.is_some() {
        let message = format!("{volume} is already attached to an instance");
        return Err(ApiError::new("VolumeInUse", message));
    }
    if found.zone != instance.zone {
        let message = format!(
            "The volume '{volume}' is not in the same availability zone as instance '{id}'"
        );
        return Err(ApiError::new("InvalidVolume.ZoneMismatch", message));
    }
    if !["running", "stopped"].contains(&instance.ec2_state.as_str()) {
        let message = format!("Instance '{id}' is not 'running'.");
        return Err(ApiError::new("IncorrectState", message));
    }
    if machines::attached(&state, id).contains_key(device) {
        let message = format!(
            "Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
        );
        return Err(ApiError::new("InvalidParameterValue", message));
    }
    dry_run(form)?;
    let attachment = Attachment {
        instance: id.to_owned(),
        device: device.to_owned(),
        // "By default … false for attached volumes": only launches set it.
        delete_on_termination: false,
        at: Some(call.sim.clock.now()),
    };
    machines::attach(&mut state, volume, attachment.clone());
    if let Some(it) = state.volumes.get(volume) {
        write_attachment(call, it, &attachment, "attaching", xml);
    }
    Ok(())
}

pub(super) fn detach(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let volume = required(form, "VolumeId")?;
    authorize_volume(call, volume)?;
    let mut state = call.sim.state.borrow_mut();
    let found = state.volumes.get(volume).ok_or_else(|| no_volume(volume))?;
    let Some(attachment) = found.attachment.clone() else {
        let message = format!("Volume '{volume}' is in the 'available' state.");
        return Err(ApiError::new("IncorrectState", message));
    };
    drop(state);
    authorize_instance(call, &attachment.instance)?;
    state = call.sim.state.borrow_mut();
    let named = form.text("InstanceId").is_none_or(|it| it == attachment.instance)
        && form.text("Device").is_none_or(|it| it == attachment.device);
    if !named {
        let message = format!("Volume '{volume}' is not attached as specified.");
        return Err(ApiError::new("InvalidAttachment.NotFound", message));
    }
    let holder = state.instances.get(&attachment.instance);
    if holder.is_some_and(|it| {
        it.ec2_state != "stopped" && machines::root_device(it) == attachment.device
    }) {
        let message = format!(
            "Unable to detach root volume '{volume}' from instance '{}'",
            attachment.instance
        );
        return Err(ApiError::new("OperationNotPermitted", message));
    }
    dry_run(form)?;
    machines::detach(&mut state, volume);
    if let Some(it) = state.volumes.get(volume) {
        write_attachment(call, it, &attachment, "detaching", xml);
    }
    Ok(())
}

pub(super) fn required<'a>(form: &'a Form, name: &str) -> Result<&'a str, ApiError> {
    form.text(name).filter(|it| !it.is_empty()).ok_or_else(|| {
        let message = format!("The request must contain the parameter {name}");
        ApiError::new("MissingParameter", message)
    })
}

fn no_volume(id: &str) -> ApiError {
    ApiError::new("InvalidVolume.NotFound", format!("The volume '{id}' does not exist."))
}
