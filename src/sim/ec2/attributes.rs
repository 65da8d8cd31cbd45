//! DescribeInstanceAttribute and ModifyInstanceAttribute, as far as a rescue needs them.

use super::{
    ApiError, Call, Form, Xml, authorize_instance, authorize_volume, changes::required,
    check_instance_ids, dry_run, shapes,
};
use crate::sim::machines;

pub(super) fn describe(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let (id, attribute) = (required(form, "InstanceId")?, required(form, "Attribute")?);
    authorize_instance(call, id)?;
    let state = call.sim.state.borrow();
    check_instance_ids(&state, &[id])?;
    let Some(instance) = state.instances.get(id) else { return Ok(()) };
    let value = |it: &str| Some(it.to_owned());
    let shown = match attribute {
        "blockDeviceMapping" | "productCodes" => None,
        "disableApiStop" => value(&instance.hardware.stop_protected.to_string()),
        "disableApiTermination" => value("false"),
        "instanceInitiatedShutdownBehavior" => value("stop"),
        "instanceType" => value(&instance.hardware.instance_type),
        "rootDeviceName" => value(machines::root_device(instance)),
        other => {
            let message = format!("The attribute {other} is not implemented by this simulator.");
            return Err(ApiError::new("UnsupportedOperation", message));
        }
    };
    dry_run(form)?;
    xml.text("instanceId", id);
    match (attribute, shown) {
        (_, Some(it)) => xml.element(attribute, |xml| xml.text("value", &it)),
        ("productCodes", None) => shapes::write_product_codes(instance, xml),
        (_, None) => shapes::write_mappings(call, &state, instance, xml),
    }
    Ok(())
}

/// A volume has the product codes of the instance that it was made for (EC2 guide).
pub(super) fn describe_volume(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let (id, attribute) = (required(form, "VolumeId")?, required(form, "Attribute")?);
    authorize_volume(call, id)?;
    let state = call.sim.state.borrow();
    let Some(volume) = state.volumes.get(id) else {
        let message = format!("The volume '{id}' does not exist.");
        return Err(ApiError::new("InvalidVolume.NotFound", message));
    };
    if attribute != "productCodes" {
        let message = format!("The attribute {attribute} is not implemented by this simulator.");
        return Err(ApiError::new("UnsupportedOperation", message));
    }
    dry_run(form)?;
    xml.text("volumeId", id);
    let holder = volume.attachment.as_ref().and_then(|it| state.instances.get(&it.instance));
    match holder {
        Some(instance) => shapes::write_product_codes(instance, xml),
        None => xml.items("productCodes", [], |_, ()| {}),
    }
    Ok(())
}

pub(super) fn modify(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let id = required(form, "InstanceId")?;
    authorize_instance(call, id)?;
    let mut state = call.sim.state.borrow_mut();
    check_instance_ids(&state, &[id])?;
    let stop = match form.boolean("DisableApiStop.Value")? {
        None if form.text("Attribute") == Some("disableApiStop") => form.boolean("Value")?,
        other => other,
    };
    let mappings = form.flat_members("BlockDeviceMapping")?;
    if stop.is_none() && mappings.is_empty() {
        let message = "This simulator modifies disableApiStop and blockDeviceMapping alone.";
        return Err(ApiError::new("UnsupportedOperation", message));
    }
    let mut changes = Vec::new();
    for prefix in mappings {
        let device = required(form, &format!("{prefix}.DeviceName"))?;
        let volume = machines::attached(&state, id).get(device).map(|it| it.id.clone());
        let Some(volume) = volume else {
            // UNVERIFIED wording.
            let message = format!("No device is currently mapped at {device}");
            return Err(ApiError::new("InvalidInstanceAttributeValue", message));
        };
        if let Some(it) = form.boolean(&format!("{prefix}.Ebs.DeleteOnTermination"))? {
            changes.push((volume, it));
        }
    }
    dry_run(form)?;
    for (volume, it) in changes {
        let attachment = state.volumes.get_mut(&volume).and_then(|it| it.attachment.as_mut());
        if let Some(attachment) = attachment {
            attachment.delete_on_termination = it;
        }
    }
    if let (Some(stop), Some(it)) = (stop, state.instances.get_mut(id)) {
        it.hardware.stop_protected = stop;
    }
    xml.value("return", true);
    Ok(())
}
