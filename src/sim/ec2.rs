//! EC2, as far as fleet looks at it: DescribeInstances and DescribeInstanceStatus.
//! Everything else is refused, and it changes nothing.

mod absent;
mod filter;
mod page;
mod shapes;

use self::{
    filter::{INSTANCES as INSTANCE_FILTERS, Known, STATUSES as STATUS_FILTERS},
    page::{Page, next_page},
    shapes::{write_reservation, write_status},
};
use super::{
    api::{ApiError, Call, Facts},
    state::{Instance, State},
    timeline,
    wire::{form::Form, xml::Xml},
};

/// DescribeInstances, MaxResults: "between 5 and 1000".
const INSTANCES: Page = Page { least: 5, most: 1000 };
/// DescribeInstanceStatus, MaxResults: "between 5 and 1000"; as many come without it.
const STATUSES: Page = Page { least: 5, most: 1000 };

/// DescribeInstanceStatus, InstanceIds: "Maximum 100 explicitly specified instance IDs".
const STATUS_IDS: usize = 100;

/// Answers one operation into `xml`.
pub(crate) fn call(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    timeline::catch_up(&call.sim);
    let operation = call.operation.as_str();
    if !["DescribeInstances", "DescribeInstanceStatus"].contains(&operation) {
        let message = format!("The action {operation} is not implemented by this simulator.");
        return Err(ApiError::new("UnsupportedOperation", message));
    }
    call.authorize(&format!("ec2:{operation}"), None, &Facts::default())?;
    if form.boolean("DryRun")? == Some(true) {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(ApiError::new("DryRunOperation", message).with_status(412));
    }
    match operation {
        "DescribeInstances" => describe_instances(call, form, xml),
        _ => describe_instance_status(call, form, xml), // the other of the two
    }
}

fn describe_instances(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let size = INSTANCES.size(form)?.map(|it| call.pages.of(it));
    let ids = form.flat_texts("InstanceId");
    if !ids.is_empty() && size.is_some() {
        let message = "The parameter instancesSet cannot be used with the parameter maxResults";
        return Err(ApiError::new("InvalidParameterCombination", message));
    }
    let state = call.sim.state.borrow();
    let found = select(call, &state, &INSTANCE_FILTERS, form, &ids)?;
    let (page, next) = next_page(found, form, size.unwrap_or(INSTANCES.most))?;
    xml.items("reservationSet", page, |xml, it| write_reservation(call, it, xml));
    if let Some(it) = next {
        xml.text("nextToken", &it);
    }
    Ok(())
}

fn describe_instance_status(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let size = STATUSES.size(form)?.map(|it| call.pages.of(it));
    let ids = form.flat_texts("InstanceId");
    if ids.len() > STATUS_IDS {
        // UNVERIFIED wording.
        let message = format!("The maximum number of instance IDs is {STATUS_IDS}.");
        return Err(ApiError::new("InvalidParameterValue", message));
    }
    let all = form.boolean("IncludeAllInstances")? == Some(true);
    let state = call.sim.state.borrow();
    let mut found = select(call, &state, &STATUS_FILTERS, form, &ids)?;
    found.retain(|it| all || it.ec2_state == "running");
    let (page, next) = next_page(found, form, size.unwrap_or(STATUSES.most))?;
    xml.items("instanceStatusSet", page, |xml, it| write_status(it, xml));
    if let Some(it) = next {
        xml.text("nextToken", &it);
    }
    Ok(())
}

/// Returns the instances that the ids and the filters mean, in the order of their ids.
fn select<'a>(
    call: &Call,
    state: &'a State,
    known: &Known,
    form: &Form,
    ids: &[&str],
) -> Result<Vec<&'a Instance>, ApiError> {
    let filters = known.read(form)?;
    for id in ids {
        let hex = id.strip_prefix("i-").unwrap_or_default();
        if ![8, 17].contains(&hex.len()) || !hex.bytes().all(|it| it.is_ascii_hexdigit()) {
            let message = format!("Invalid id: \"{id}\"");
            return Err(ApiError::new("InvalidInstanceID.Malformed", message));
        }
    }
    let unknown: Vec<&str> =
        ids.iter().filter(|it| !state.instances.contains_key(**it)).copied().collect();
    match unknown.as_slice() {
        [] => {}
        [id] => {
            let message = format!("The instance ID '{id}' does not exist");
            return Err(ApiError::new("InvalidInstanceID.NotFound", message));
        }
        several => {
            let message = format!("The instance IDs '{}' do not exist", several.join(", "));
            return Err(ApiError::new("InvalidInstanceID.NotFound", message));
        }
    }
    let is_meant = |it: &&Instance| filters.iter().all(|filter| filter.selects(call, it));
    if ids.is_empty() {
        return Ok(state.instances.values().filter(is_meant).collect());
    }
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let named = ids.into_iter().filter_map(|it| state.instances.get(it));
    Ok(named.filter(is_meant).collect())
}

#[cfg(test)]
mod tests;
