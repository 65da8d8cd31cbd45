//! EC2, as far as fleet looks at it and a rescue acts on it: instances, their power and their volumes,
//! and the network around them. Everything else is refused.

mod absent;
mod attributes;
mod changes;
mod describe;
mod filter;
mod images;
mod operations;
mod page;
mod shapes;
mod snapshots;
mod vpcs;
mod wanted;

use std::collections::BTreeMap;

use self::{
    filter::{INSTANCES as INSTANCE_FILTERS, Known, STATUSES as STATUS_FILTERS},
    operations::Authorization,
    page::{Page, next_page},
    shapes::{write_reservation, write_status},
};
use super::{
    api::{ApiError, Call, Facts},
    kms,
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
    let Some(known) = operations::find(operation) else {
        let message = format!("The action {operation} is not implemented by this simulator.");
        return Err(ApiError::new("UnsupportedOperation", message));
    };
    known.check(form)?;
    if known.authorization == Authorization::Whole {
        call.authorize(&format!("ec2:{operation}"), None, &Facts::default())?;
        dry_run(form)?;
    }
    match operation {
        "AttachVolume" => changes::attach(call, form, xml),
        "CreateImage" => create_image(call, form),
        "DescribeImages" => images::describe(call, form, xml),
        "DescribeInstanceAttribute" => attributes::describe(call, form, xml),
        "DescribeInstanceStatus" => describe_instance_status(call, form, xml),
        "DescribeInstanceTypeOfferings" => describe::type_offerings(call, form, xml),
        "DescribeInstanceTypes" => describe::instance_types(call, form, xml),
        "DescribeInstances" => describe_instances(call, form, xml),
        "DescribeNetworkAcls" => describe::network_acls(call, form, xml),
        "DescribeRouteTables" => describe::route_tables(call, form, xml),
        "DescribeSecurityGroups" => describe::security_groups(call, form, xml),
        "DescribeSnapshots" => snapshots::describe(call, form, xml),
        "DescribeSubnets" => describe::subnets(call, form, xml),
        "DescribeVolumeAttribute" => attributes::describe_volume(call, form, xml),
        "DescribeVolumes" => describe::volumes(call, form, xml),
        "DescribeVpcEndpoints" => describe::vpc_endpoints(call, form, xml),
        "DescribeVpcs" => vpcs::describe(call, form, xml),
        "DetachVolume" => changes::detach(call, form, xml),
        "GetEbsDefaultKmsKeyId" => {
            xml.text("kmsKeyId", &kms::default_of_ebs(&call.sim));
            Ok(())
        }
        "ModifyInstanceAttribute" => attributes::modify(call, form, xml),
        "StartInstances" => changes::start(call, form, xml),
        "StopInstances" => changes::stop(call, form, xml),
        _ => {
            describe::encryption_by_default(call, xml); // the last of them
            Ok(())
        }
    }
}

/// Ends a call that was to be a try: everything else would have been done.
fn dry_run(form: &Form) -> Result<(), ApiError> {
    if form.boolean("DryRun")? != Some(true) {
        return Ok(());
    }
    let message = "Request would have succeeded, but DryRun flag is set.";
    Err(ApiError::new("DryRunOperation", message).with_status(412))
}

fn authorize_instance(call: &Call, id: &str) -> Result<(), ApiError> {
    let tags = call.sim.state.borrow().instances.get(id).map(|it| it.tags.clone());
    authorize_on(call, &format!("instance/{id}"), tags.unwrap_or_default())
}

fn authorize_volume(call: &Call, id: &str) -> Result<(), ApiError> {
    let tags = call.sim.state.borrow().volumes.get(id).map(|it| it.tags.clone());
    authorize_on(call, &format!("volume/{id}"), tags.unwrap_or_default())
}

fn authorize_on(call: &Call, what: &str, tags: BTreeMap<String, String>) -> Result<(), ApiError> {
    let (region, account) = (&call.sim.region, &call.sim.account);
    let arn = format!("arn:aws:ec2:{region}:{account}:{what}");
    call.authorize(&format!("ec2:{}", call.operation), Some(&arn), &Facts::of_tags(tags))
}

/// Whether it may be made can be tried; made it is by the runbooks alone.
fn create_image(call: &Call, form: &Form) -> Result<(), ApiError> {
    let id = changes::required(form, "InstanceId")?;
    authorize_instance(call, id)?;
    check_instance_ids(&call.sim.state.borrow(), &[id])?;
    dry_run(form)?;
    let message = "CreateImage without DryRun is not implemented by this simulator.";
    Err(ApiError::new("UnsupportedOperation", message))
}

fn describe_instances(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let size = INSTANCES.size(form)?.map(|it| call.pages.of(it));
    let ids = form.flat_texts("InstanceId")?;
    either_ids_or_size(&ids, size)?;
    let state = call.sim.state.borrow();
    let found = select(call, &state, &INSTANCE_FILTERS, form, &ids)?;
    let (page, next) = next_page(found, form, size.unwrap_or(INSTANCES.most))?;
    xml.items("reservationSet", page, |xml, it| write_reservation(call, &state, it, xml));
    if let Some(it) = next {
        xml.text("nextToken", &it);
    }
    Ok(())
}

/// Refuses ids beside a size of pages (DescribeInstances and DescribeInstanceStatus references).
fn either_ids_or_size(ids: &[&str], size: Option<usize>) -> Result<(), ApiError> {
    if ids.is_empty() || size.is_none() {
        return Ok(());
    }
    let message = "The parameter instancesSet cannot be used with the parameter maxResults";
    Err(ApiError::new("InvalidParameterCombination", message))
}

fn describe_instance_status(call: &Call, form: &Form, xml: &mut Xml) -> Result<(), ApiError> {
    let size = STATUSES.size(form)?.map(|it| call.pages.of(it));
    let ids = form.flat_texts("InstanceId")?;
    either_ids_or_size(&ids, size)?;
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
    xml.items("instanceStatusSet", page, |xml, it| write_status(call, it, xml));
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
    check_instance_ids(state, ids)?;
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

/// Refuses ids that are none, and those that nothing has.
fn check_instance_ids(state: &State, ids: &[&str]) -> Result<(), ApiError> {
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
    Ok(())
}

#[cfg(test)]
mod tests;
