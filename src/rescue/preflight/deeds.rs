//! What a rescue does to the instances that the checks pass and to their groups, in a few sentences: who
//! agrees to it is to know it.

use std::collections::BTreeMap;

use super::Preflight;
use crate::{
    plan::{Platform, count},
    rescue::{
        facts::{Group, Instance, Site},
        taking::SUSPENDED,
        wishes::{Backup, Bitlocker, Members, Where},
    },
};

/// Returns what is done to those that may be rescued, or replaced; nothing if nobody may.
pub fn deeds(site: &Site, preflight: &Preflight) -> Vec<String> {
    let judged = site.instances.iter().zip(&preflight.instances);
    let able: Vec<&Instance> =
        judged.filter(|(_, it)| it.readiness.may_start()).map(|(it, _)| it).collect();
    if able.is_empty() {
        return Vec::new();
    }
    match site.wishes.members {
        Members::Standby => rescued(site, &able),
        Members::Replaced => replaced(site, &able),
    }
}

impl Site {
    /// Returns whether root volumes may be locked by BitLocker, as far as anybody has said.
    pub fn may_be_locked(&self) -> bool {
        self.wishes.members == Members::Standby
            && self.wishes.bitlocker == Bitlocker::Unasked
            && self.cure.platform != Some(Platform::Linux)
    }
}

fn rescued(site: &Site, able: &[&Instance]) -> Vec<String> {
    let wishes = &site.wishes;
    let mut res = Vec::new();
    let is_stopped = |it: &&&Instance| it.described.as_ref().is_ok_and(|it| it.state == "stopped");
    let n_stopped = able.iter().filter(is_stopped).count();
    if able.len() > n_stopped {
        let n = are(able.len() - n_stopped, "instance");
        res.push(format!("{n} stopped for it, and started again"));
    }
    if n_stopped > 0 {
        res.push(format!("{} stopped already, and not started", are(n_stopped, "instance")));
    }
    for (name, members) in by_group(able) {
        let n = members.iter().filter(|it| it.is_in_service()).count();
        let n_standby = members.len() - n;
        if let Some(group) = group(site, name).filter(|_| n > 0) {
            let members = count(n, "member");
            let (from, to) = (group.desired, group.desired.saturating_sub(n));
            let (go, before) = match n {
                0 | 1 => ("goes", "before it is rescued"),
                2.. => ("go", "all before the first is rescued"),
            };
            res.push(format!(
                "{name}: {members} {go} out of service into Standby, {before}: its desired capacity \
                 goes from {from} to {to} meanwhile"
            ));
            let held: Vec<&str> = SUSPENDED
                .into_iter()
                .filter(|it| !group.suspended.iter().any(|held| held == it))
                .collect();
            if !held.is_empty() {
                let are = if held.len() == 1 { "is" } else { "are" };
                res.push(format!("{name}: {} {are} suspended meanwhile", held.join(", ")));
            }
        }
        if n_standby > 0 {
            let n = are(n_standby, "member");
            res.push(format!("{name}: {n} in Standby already, and not brought back from it"));
        }
    }
    res.push(match (wishes.backup, able.len()) {
        (Backup::Image, 1) => {
            "an image is made of it before; it stays, and costs until somebody deletes it"
                .to_owned()
        }
        (Backup::Image, n) => format!(
            "an image is made of each before; these {n} stay, and cost until somebody deletes them"
        ),
        (Backup::None, _) => "no image is made before: --no-backup".to_owned(),
    });
    let vpc = if wishes.subnet == Where::NewVpc { " with a VPC of its own" } else { "" };
    res.push(format!(
        "for each a stack{vpc} and a helper instance ({}) are made, and deleted at its end; after a \
         failure they may stay, and cost until somebody deletes them",
        wishes.helper_type
    ));
    if let (Some(online), Ok(Some(_))) = (&site.cure.online, &site.online) {
        res.push(format!("{} is sent to each afterwards, to report", online.document));
    }
    if site.may_be_locked() {
        res.push(
            "whether BitLocker is used is not known: a root volume that it locks cannot be read on \
             a helper, and its instance is stopped for nothing"
                .to_owned(),
        );
    }
    res
}

fn replaced(site: &Site, able: &[&Instance]) -> Vec<String> {
    let mut res = Vec::new();
    for (name, members) in by_group(able) {
        let Some(group) = group(site, name) else { continue };
        res.push(format!(
            "{name}: {} terminated, and the group launches others: its desired capacity stays {}",
            are(members.len(), "member"),
            group.desired
        ));
    }
    let goes = |it: &&&Instance| it.described.as_ref().is_ok_and(|it| it.goes_with_instance);
    match able.iter().filter(goes).count() {
        0 => {}
        1 => res.push("1 root volume goes with its instance, for good".to_owned()),
        n => res.push(format!("{n} root volumes go with their instances, for good")),
    }
    res
}

fn by_group<'a>(able: &[&'a Instance]) -> BTreeMap<&'a str, Vec<&'a Instance>> {
    let mut res: BTreeMap<&str, Vec<&Instance>> = BTreeMap::new();
    for it in able {
        let Some(name) = &it.target.group else { continue };
        res.entry(name).or_default().push(it);
    }
    res
}

fn group<'a>(site: &'a Site, name: &str) -> Option<&'a Group> {
    site.groups.as_ref().ok()?.get(name)
}

fn are(n: usize, noun: &str) -> String {
    format!("{} {}", count(n, noun), if n == 1 { "is" } else { "are" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rescue::{
        preflight::preflight,
        testing::{instance, site},
    };

    fn group_of(site: &mut Site) -> &mut Group {
        site.groups.as_mut().unwrap().get_mut("web").unwrap()
    }

    /// What is said to be done after `change`, a line each.
    fn done(change: impl Fn(&mut Site)) -> String {
        let mut site = site();
        change(&mut site);
        deeds(&site, &preflight(&site)).join("\n")
    }

    #[test]
    fn what_is_done_to_instances_and_groups_is_told_as_it_is_planned() {
        insta::assert_snapshot!(done(|_| {}), @r"
        1 instance is stopped for it, and started again
        web: 1 member goes out of service into Standby, before it is rescued: its desired capacity goes from 4 to 3 meanwhile
        web: AZRebalance, HealthCheck, ReplaceUnhealthy are suspended meanwhile
        an image is made of it before; it stays, and costs until somebody deletes it
        for each a stack and a helper instance (t3.medium) are made, and deleted at its end; after a failure they may stay, and cost until somebody deletes them
        Fleet-CrowdStrike291 is sent to each afterwards, to report
        ");
        let several = done(|it| {
            it.instances.extend([2, 3].map(instance));
            it.instances[1].described.as_mut().unwrap().state = "stopped".to_owned();
            it.instances[2].target.lifecycle = Some("Standby".to_owned());
            group_of(it).suspended = vec!["HealthCheck".to_owned(), "ReplaceUnhealthy".to_owned()];
            it.wishes.backup = Backup::None;
            it.wishes.bitlocker = Bitlocker::Unasked;
            it.wishes.subnet = Where::NewVpc;
            it.cure.online = None;
        });
        insta::assert_snapshot!(several, @r"
        2 instances are stopped for it, and started again
        1 instance is stopped already, and not started
        web: 2 members go out of service into Standby, all before the first is rescued: its desired capacity goes from 4 to 2 meanwhile
        web: AZRebalance is suspended meanwhile
        web: 1 member is in Standby already, and not brought back from it
        no image is made before: --no-backup
        for each a stack with a VPC of its own and a helper instance (t3.medium) are made, and deleted at its end; after a failure they may stay, and cost until somebody deletes them
        whether BitLocker is used is not known: a root volume that it locks cannot be read on a helper, and its instance is stopped for nothing
        ");
        let replaced = done(|it| {
            it.wishes.members = Members::Replaced;
            it.wishes.bitlocker = Bitlocker::Unasked;
            it.instances.push(instance(2));
            it.instances[0].described.as_mut().unwrap().goes_with_instance = true;
        });
        insta::assert_snapshot!(replaced, @r"
        web: 2 members are terminated, and the group launches others: its desired capacity stays 4
        1 root volume goes with its instance, for good
        ");
        // Nothing is done to whom a check refuses.
        assert_eq!(done(|it| it.instances[0].described.as_mut().unwrap().is_windows = false), "");
        let refused = done(|it| {
            group_of(it).min = 0;
            it.instances.extend([2, 3].map(instance));
            it.instances[2].described.as_mut().unwrap().is_windows = false;
        });
        assert!(refused.starts_with("2 instances are stopped"), "{refused}");
    }
}
