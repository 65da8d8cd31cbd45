//! What the Auto Scaling group would do meanwhile.

use std::collections::BTreeSet;

use super::{Check, Judge, Judgement, Unknown, fail, known, pass, warn};
use crate::{
    plan::count,
    rescue::facts::{Group, Instance, Seen, Site, Unread},
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
    let group = described(site, name)?;
    if let Some(status) = &group.refresh {
        return refreshing(name, status, "it may end what is in Standby");
    }
    match lifecycle(it)? {
        "Standby" => return pass("it is in Standby already, and stays there"),
        "InService" => {}
        other => return elsewhere(name, other, "InService or Standby"),
    }
    if let Some(process) = held_up(group, &["Launch"]) {
        return suspended(name, process, "what is in Standby cannot come back");
    }
    // EnterStandby takes n out if desired - n >= MinSize (Auto Scaling guide).
    let n = in_service(site, name);
    if group.desired.saturating_sub(group.min) < n {
        return no_room(name, group, n);
    }
    let said = format!("{name} goes from {} to {} meanwhile", group.desired, group.desired - n);
    if it.target.health.as_deref().is_some_and(|it| it.eq_ignore_ascii_case("unhealthy"))
        && held_up(group, &["ReplaceUnhealthy"]).is_none()
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

/// All of them go into Standby before the first is rescued, however few are rescued at once: what helps
/// is to select fewer, where there is room for any.
fn no_room(name: &str, group: &Group, n: usize) -> Seen<Judgement> {
    let Group { min, desired, .. } = *group;
    let room = desired.saturating_sub(min);
    let first = if n > 1 { ", and all go there before the first is rescued" } else { "" };
    let said = format!(
        "{name} has MinSize {min} of {desired} wanted: {n} in Standby would fall below it{first}"
    );
    let fewer = match room {
        0 => String::new(),
        room => format!("select at most {room} of them at a time: --instance, or --exclude; or "),
    };
    let lowered = |to: usize| {
        format!(
            "aws autoscaling update-auto-scaling-group --auto-scaling-group-name {name} --min-size \
             {to} (afterwards {min} again)"
        )
    };
    let all = lowered(desired.saturating_sub(n));
    let lower = match (room, n) {
        (0, 2..) => {
            let one = lowered(desired.saturating_sub(1));
            format!("for one at a time (--instance): {one}; for all: {all}")
        }
        // Where there is room for any, a smaller selection stands before it.
        (0, 0..=1) | (1.., _) => all,
    };
    fail(said, format!("{fewer}{lower}; or --replace, if the group may launch others instead"))
}

/// The same number, for groups that are to replace their members instead.
pub(super) const REPLACEMENT: Check = Check {
    number: 9,
    name: "group",
    reads: &[
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeInstanceRefreshes",
        "autoscaling:DescribeScalingActivities",
    ],
    unknown: Unknown::Stops,
    judge: Judge::Each(replacement),
};

fn replacement(site: &Site, it: &Instance) -> Seen<Judgement> {
    let Some(name) = &it.target.group else {
        return fail("it is in no group that would launch another", "rescue it: without --replace");
    };
    let group = described(site, name)?;
    if let Some(status) = &group.refresh {
        return refreshing(name, status, "it replaces them itself");
    }
    match lifecycle(it)? {
        "InService" => {}
        // What is in Standby is not counted, so that its end leaves no gap (Auto Scaling guide,
        // temporarily removing instances).
        "Standby" => {
            return fail(
                format!("it is in Standby, and {name} launches nobody for what it does not count"),
                "rescue it where it stands, without --replace; or leave it out: --exclude",
            );
        }
        other => return elsewhere(name, other, "InService"),
    }
    if let Some(process) = held_up(group, &["Launch", "Terminate"]) {
        return suspended(name, process, "it cannot be replaced");
    }
    // Such a termination does not mind the protection (Auto Scaling guide), but its owner does.
    if group.protected.contains(&it.target.id) {
        return fail(
            "it is protected from scale-in: somebody wants to keep it",
            format!(
                "aws autoscaling set-instance-protection --auto-scaling-group-name {name} \
                 --instance-ids {} --no-protected-from-scale-in",
                it.target.id
            ),
        );
    }
    if let Some(why) = known(&group.failed_launch)? {
        return fail(
            format!("{name} could not launch the last time: {why}"),
            "see that it can: what is ended would not be replaced",
        );
    }
    pass(format!("{name} ends it and launches another"))
}

fn described<'a>(site: &'a Site, name: &str) -> Seen<&'a Group> {
    let absent =
        || Unread { said: format!("the group {name} is not described"), remedy: String::new() };
    known(&site.groups)?.get(name).ok_or_else(absent)
}

fn lifecycle(it: &Instance) -> Seen<&str> {
    let untold = || Unread {
        said: "its lifecycle in the group is not told".to_owned(),
        remedy: String::new(),
    };
    it.target.lifecycle.as_deref().ok_or_else(untold)
}

/// Returns the first of the processes that is suspended.
fn held_up<'a>(group: &Group, processes: &[&'a str]) -> Option<&'a str> {
    processes.iter().find(|it| group.suspended.iter().any(|held| held == *it)).copied()
}

fn refreshing(name: &str, status: &str, so: &str) -> Seen<Judgement> {
    fail(
        format!("an instance refresh of {name} is {status}: {so}"),
        format!("aws autoscaling cancel-instance-refresh --auto-scaling-group-name {name}"),
    )
}

fn elsewhere(name: &str, lifecycle: &str, wanted: &str) -> Seen<Judgement> {
    fail(
        format!("{name} has it as {lifecycle}"),
        format!("wait until it is {wanted}, or leave it out: --exclude"),
    )
}

fn suspended(name: &str, process: &str, so: &str) -> Seen<Judgement> {
    fail(
        format!("{process} is suspended in {name}: {so}"),
        format!(
            "aws autoscaling resume-processes --auto-scaling-group-name {name} \
             --scaling-processes {process}"
        ),
    )
}

/// Returns how many of a group's members would be in Standby for it: all of them, from the beginning.
fn in_service(site: &Site, group: &str) -> usize {
    let is_in_service =
        |it: &&Instance| it.target.group.as_deref() == Some(group) && it.is_in_service();
    site.instances.iter().filter(is_in_service).count()
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
            format!("{} of {}", count(n, "instance"), count(names.len(), "Auto Scaling group"));
        let whole: Vec<&str> = match &site.groups {
            Ok(groups) => names
                .iter()
                .filter(|name| {
                    let n = site.instances.iter();
                    let n = n.filter(|it| it.target.group.as_deref() == Some(name)).count();
                    n > 1 && groups.get(**name).is_some_and(|it| it.members.len() == n)
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
