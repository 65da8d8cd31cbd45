//! What the Auto Scaling group would do meanwhile.

use std::collections::BTreeSet;

use super::{Check, Judge, Judgement, Unknown, counted, fail, known, pass, unknown, warn};
use crate::rescue::{
    facts::{Instance, Seen, Site},
    wishes::Members,
};

pub(super) const GROUP: Check = Check {
    number: 9,
    name: "group",
    reads: &[
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeInstanceRefreshes",
    ],
    unknown: Unknown::Stops,
    judge: Judge::Each(group),
};

fn group(site: &Site, it: &Instance) -> Seen<Judgement> {
    let Some(name) = &it.target.group else { return pass("it is in no group") };
    let groups = known(&site.groups)?;
    let Some(group) = groups.get(name) else {
        return unknown(format!("the group {name} is not described"), "");
    };
    if let Some(status) = &group.refresh {
        return fail(
            format!("an instance refresh of {name} is {status}: it may end what is in Standby"),
            format!("aws autoscaling cancel-instance-refresh --auto-scaling-group-name {name}"),
        );
    }
    match it.target.lifecycle.as_deref() {
        Some("Standby") => return pass("it is in Standby already, and stays there"),
        Some("InService") => {}
        Some(other) => {
            return fail(
                format!("{name} has it as {other}"),
                "wait until it is InService or Standby, or leave it out: --exclude",
            );
        }
        None => return unknown("its lifecycle in the group is not told", ""),
    }
    if site.wishes.members == Members::Replaced {
        return pass(format!("{name} is asked to replace it: --replace"));
    }
    if group.suspended.iter().any(|it| it == "Launch") {
        return fail(
            format!("Launch is suspended in {name}: what is in Standby cannot come back"),
            format!(
                "aws autoscaling resume-processes --auto-scaling-group-name {name} \
                 --scaling-processes Launch"
            ),
        );
    }
    // EnterStandby takes n out if desired - n >= MinSize (Auto Scaling guide).
    let n = at_once(site, name);
    let room = group.desired.saturating_sub(group.min);
    if room < n {
        let least = group.desired.saturating_sub(n);
        return fail(
            format!(
                "{name} has MinSize {} of {} wanted: {} at once would fall below it",
                group.min,
                group.desired,
                counted(n, "instance")
            ),
            format!(
                "aws autoscaling update-auto-scaling-group --auto-scaling-group-name {name} \
                 --min-size {least}; or --replace, if the group may launch others instead"
            ),
        );
    }
    let said = format!("{name} goes from {} to {} meanwhile", group.desired, group.desired - n);
    if it.target.health.as_deref().is_some_and(|it| it.eq_ignore_ascii_case("unhealthy"))
        && !group.suspended.iter().any(|it| it == "ReplaceUnhealthy")
    {
        return warn(
            format!("{said}; it takes the instance for unhealthy, and is about to replace it"),
            format!(
                "be quick: aws autoscaling suspend-processes --auto-scaling-group-name {name} \
                 --scaling-processes ReplaceUnhealthy"
            ),
        );
    }
    pass(said)
}

/// Returns how many of a group's members would be in Standby at once for it.
fn at_once(site: &Site, group: &str) -> usize {
    let is_in_service =
        |it: &&Instance| it.target.group.as_deref() == Some(group) && it.is_in_service();
    site.instances.iter().filter(is_in_service).count().min(site.wishes.at_once)
}

impl Instance {
    fn is_in_service(&self) -> bool {
        self.target.lifecycle.as_deref() == Some("InService")
    }
}

pub(super) const BLAST_RADIUS: Check = Check {
    number: 24,
    name: "blast radius",
    reads: &["autoscaling:DescribeAutoScalingGroups"],
    unknown: Unknown::Asks,
    judge: Judge::Once(|site| {
        let names: BTreeSet<&str> =
            site.instances.iter().filter_map(|it| it.target.group.as_deref()).collect();
        let n = site.instances.len();
        let said =
            format!("{} of {}", counted(n, "instance"), counted(names.len(), "Auto Scaling group"));
        let whole: Vec<&str> = match &site.groups {
            Ok(groups) => names
                .iter()
                .filter(|name| {
                    let n = site.instances.iter();
                    let n = n.filter(|it| it.target.group.as_deref() == Some(name)).count();
                    n > 1 && groups.get(**name).is_some_and(|it| it.n_members == n)
                })
                .copied()
                .collect(),
            Err(_) => Vec::new(),
        };
        if !whole.is_empty() {
            return warn(
                format!("{said}; all there are of {}", whole.join(", ")),
                "name a few with --instance first",
            );
        }
        pass(said)
    }),
};
