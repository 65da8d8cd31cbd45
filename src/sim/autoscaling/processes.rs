//! SuspendProcesses and ResumeProcesses.

use super::{authorize, changes::find, invalid, parameters::Checked};
use crate::sim::{
    api::{ApiError, Call},
    scaling::Scaling,
    wire::form::Form,
};

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

pub(super) fn suspend(call: &Call, form: &Form) -> Result<(), ApiError> {
    let (name, processes) = read(call, form)?;
    let at = call.sim.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut state = call.sim.state.borrow_mut();
    let mut scaling = Scaling { state: &mut state, seed: call.sim.seed, at: call.sim.clock.now() };
    let suspended = &mut scaling.group(name).suspended;
    for it in processes {
        suspended.entry(it.to_owned()).or_insert_with(|| format!("User suspended at {at}"));
    }
    Ok(())
}

/// What was held up meanwhile happens now.
pub(super) fn resume(call: &Call, form: &Form) -> Result<(), ApiError> {
    let (name, processes) = read(call, form)?;
    let mut state = call.sim.state.borrow_mut();
    let mut scaling = Scaling { state: &mut state, seed: call.sim.seed, at: call.sim.clock.now() };
    scaling.group(name).suspended.retain(|it, _| !processes.contains(&it.as_str()));
    scaling.examine(name);
    scaling.settle(name);
    Ok(())
}

/// Returns the name of a group that exists, and the processes that are meant: all, if none is
/// named.
fn read<'a>(call: &Call, form: &'a Form) -> Result<(&'a str, Vec<&'a str>), ApiError> {
    authorize(call, Some(form.text("AutoScalingGroupName").unwrap_or_default()))?;
    let mut checked = Checked::new(form);
    let name = checked.text("AutoScalingGroupName", 255);
    checked.done()?;
    find(&call.sim.state.borrow(), name)?;
    let named = form.texts("ScalingProcesses")?;
    if let Some(it) = named.iter().find(|it| !PROCESSES.contains(it)) {
        // UNVERIFIED wording.
        return Err(invalid(&format!("The process {it} is not a valid scaling process.")));
    }
    Ok((name, if named.is_empty() { PROCESSES.to_vec() } else { named }))
}
