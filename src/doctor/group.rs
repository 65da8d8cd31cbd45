//! Whether the groups are there and in shape, and which of their processes are held up.

use std::collections::BTreeMap;

use super::{Check, Finding, Site, fail, pass, some_of, unknown, unreached, unread, warn};
use crate::{
    aws::GroupState,
    plan::{Target, count},
};

const NAME: &str = "group";
const PROCESSES_NAME: &str = "processes";

pub(super) const GROUP: Check = Check {
    name: NAME,
    reads: &["autoscaling:DescribeAutoScalingGroups"],
    look: |site| {
        Box::pin(async move {
            let population = match &site.population {
                None if site.session().is_none() => return vec![unreached(NAME)],
                None => {
                    let said = "no instances were selected";
                    return vec![unknown(NAME, said, "pass --asg NAME")];
                }
                Some(Err(it)) => return vec![fail(NAME, it.said.clone(), it.remedy.clone())],
                Some(Ok(it)) => it,
            };
            let Some(candidates) = &population.candidates else {
                let said = "autoscaling:DescribeAutoScalingGroups is not permitted";
                let remedy = "a policy that allows it would show it; a run reaches a group by its \
                              tag without it";
                return vec![unknown(NAME, said, remedy)];
            };
            vec![members(&population.groups, candidates)]
        })
    },
};

fn members(groups: &[String], candidates: &[Target]) -> Finding {
    let is_in_service = |it: &&Target| it.lifecycle.as_deref().is_none_or(|it| it == "InService");
    let n_in_service = candidates.iter().filter(is_in_service).count();
    let n = candidates.len();
    let whose = if groups.is_empty() { "the selection".to_owned() } else { some_of(groups.iter()) };
    let said = format!("{whose}: {}, {n_in_service} in service", count(n, "instance"));
    if n_in_service == 0 {
        return fail(NAME, said, "there is nobody to run on: look at the group's activities");
    }
    if n_in_service < n {
        return warn(NAME, said, "a run leaves the others out; --include standby takes Standby");
    }
    pass(NAME, said)
}

pub(super) const PROCESSES: Check = Check {
    name: PROCESSES_NAME,
    reads: &["autoscaling:DescribeAutoScalingGroups"],
    look: |site| {
        Box::pin(async move {
            let (Some(aws), Some(groups)) = (site.session(), groups(site)) else {
                return Vec::new();
            };
            if groups.is_empty() {
                return Vec::new();
            }
            match aws.group_states(groups).await {
                Ok(states) => suspended(&states, site.candidates().unwrap_or_default()),
                Err(err) => vec![unread(PROCESSES_NAME, &err)],
            }
        })
    },
};

/// Returns the groups that the selection means, if they are known.
pub(super) fn groups(site: &Site) -> Option<&[String]> {
    Some(&site.population.as_ref()?.as_ref().ok()?.groups)
}

/// Groups with the same processes held up are told together: often it is all of them.
fn suspended(states: &[GroupState], members: &[Target]) -> Vec<Finding> {
    let mut res: Vec<Finding> = states.iter().filter_map(|it| stuck(it, members)).collect();
    let mut held: BTreeMap<&[String], Vec<&str>> = BTreeMap::new();
    for it in states.iter().filter(|it| !it.suspended.is_empty()) {
        held.entry(&it.suspended).or_default().push(&it.name);
    }
    if held.is_empty() {
        return vec![pass(PROCESSES_NAME, "none is suspended")];
    }
    let told = held.into_iter().map(|(processes, groups)| {
        let groups = some_of(groups.iter());
        let said = format!("{groups}: {} suspended", processes.join(", "));
        let remedy = "what is suspended stays so: instances that go are not replaced without \
                      Launch, and none leaves Standby; `aws autoscaling resume-processes` takes it \
                      back";
        warn(PROCESSES_NAME, said, remedy)
    });
    res.extend(told);
    res
}

/// ExitStandby needs the process Launch (Auto Scaling guide, suspended processes): whoever is in
/// Standby can neither be run on nor be brought back.
fn stuck(state: &GroupState, members: &[Target]) -> Option<Finding> {
    let is_stuck = |it: &&Target| {
        it.group.as_ref() == Some(&state.name) && it.lifecycle.as_deref() == Some("Standby")
    };
    let stuck: Vec<&Target> = members.iter().filter(is_stuck).collect();
    if stuck.is_empty() || !state.suspended.iter().any(|it| it == "Launch") {
        return None;
    }
    let ids = some_of(stuck.iter().map(|it| &it.id));
    let said = format!("{}: Launch is suspended, and cannot leave Standby: {ids}", state.name);
    let remedy =
        "`aws autoscaling resume-processes` for Launch, then `aws autoscaling exit-standby`";
    Some(fail(PROCESSES_NAME, said, remedy))
}
