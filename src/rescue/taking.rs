//! Which changes take instances safely out of their groups, and in which order.

use super::journal::{Change, GroupsNow};
use crate::plan::InstanceId;

/// Ids in one EnterStandby or ExitStandby (botocore model).
pub(super) const BATCH: usize = 20;

/// What would end or replace an instance that is stopped for a while. AZRebalance launches and
/// terminates elsewhere while zones are uneven, which Standby makes them (Auto Scaling guide);
/// HealthCheck and ReplaceUnhealthy would act on a member that has just come back and still boots.
/// Launch stays: nobody comes out of Standby without it (Auto Scaling guide).
pub(super) const SUSPENDED: [&str; 3] = ["AZRebalance", "HealthCheck", "ReplaceUnhealthy"];

/// Why instances cannot be taken out of their group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotTake {
    #[error("the Auto Scaling group {0} is not described")]
    NoGroup(String),
    #[error("{group} has {instance} as {lifecycle}")]
    NotInService { group: String, instance: InstanceId, lifecycle: String },
    #[error("Launch is suspended in {0}: what is in Standby cannot come back")]
    LaunchSuspended(String),
    #[error("{group} has MinSize {min} of {desired} wanted: {n} in Standby would fall below it")]
    NoRoom { group: String, min: usize, desired: usize, n: usize },
}

/// Returns what is changed, in this order, so that `instances` of each group are in Standby and stay
/// there. Who is in Standby already is left as it is, and so is every process that is suspended.
pub fn taking(
    now: &GroupsNow,
    wanted: &[(String, Vec<InstanceId>)],
) -> Result<Vec<(String, Change)>, CannotTake> {
    let mut res = Vec::new();
    for (name, instances) in wanted {
        let group = now.get(name).ok_or_else(|| CannotTake::NoGroup(name.clone()))?;
        let mut taken = Vec::new();
        for it in instances {
            match group.members.get(it).map(String::as_str) {
                Some("Standby" | "EnteringStandby") => {}
                Some("InService") => taken.push(it.clone()),
                // Whoever has left meanwhile is left alone at its turn; the others are not for it to hold up.
                None => {}
                Some(lifecycle) if is_leaving(lifecycle) => {}
                Some(lifecycle) => {
                    return Err(CannotTake::NotInService {
                        group: name.clone(),
                        instance: it.clone(),
                        lifecycle: lifecycle.to_owned(),
                    });
                }
            }
        }
        if taken.is_empty() {
            continue;
        }
        if group.suspended.contains("Launch") {
            return Err(CannotTake::LaunchSuspended(name.clone()));
        }
        let (min, desired, n) = (group.min, group.desired, taken.len());
        // EnterStandby takes n out if desired - n >= MinSize (Auto Scaling guide).
        if desired.saturating_sub(min) < n {
            return Err(CannotTake::NoRoom { group: name.clone(), min, desired, n });
        }
        let processes: Vec<String> = SUSPENDED
            .iter()
            .filter(|it| !group.suspended.contains(**it))
            .map(|it| (*it).to_owned())
            .collect();
        if !processes.is_empty() {
            res.push((name.clone(), Change::Suspend { processes }));
        }
        for batch in taken.chunks(BATCH) {
            res.push((name.clone(), Change::Standby { instances: batch.to_vec() }));
        }
    }
    Ok(res)
}

/// Returns whether a member goes, and does not come back.
pub fn is_leaving(lifecycle: &str) -> bool {
    lifecycle.starts_with("Terminat") || lifecycle.starts_with("Detach")
}

/// Returns whether what was to be changed is seen to be changed.
pub fn is_made(now: &GroupsNow, group: &str, change: &Change) -> bool {
    let Some(group) = now.get(group) else { return false };
    match change {
        Change::Suspend { processes } => processes.iter().all(|it| group.suspended.contains(it)),
        Change::Standby { instances } => instances.iter().all(|it| {
            let lifecycle = group.members.get(it).map(String::as_str);
            matches!(lifecycle, Some("Standby" | "EnteringStandby"))
        }),
    }
}

/// Returns whether nothing of what was to be changed is seen to be changed.
pub fn is_unmade(now: &GroupsNow, group: &str, change: &Change) -> bool {
    let Some(group) = now.get(group) else { return true };
    match change {
        Change::Suspend { processes } => !processes.iter().any(|it| group.suspended.contains(it)),
        Change::Standby { instances } => !instances.iter().any(|it| {
            let lifecycle = group.members.get(it).map(String::as_str);
            matches!(lifecycle, Some("Standby" | "EnteringStandby"))
        }),
    }
}
