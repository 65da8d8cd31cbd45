//! How what a rescue has changed in groups is undone: from the journal and what is seen now, again
//! and again until nothing is left. What is undone already is only written down, so that doing it
//! twice changes nothing, and nobody is touched whom the rescue did not touch.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    journal::{Change, GroupNow, GroupsNow, Held, HeldGroup},
    taking::{BATCH, is_leaving},
};
use crate::plan::InstanceId;

/// Whether an instance can come back into service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It has its root volume, and no rescue of it is under way.
    Whole,
    /// It is whole, and passes its status checks.
    Sound,
    /// Something is under way that ends by itself.
    Busy(String),
    /// Somebody has to do something first.
    Broken(String),
}

/// What is to be done next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restoring {
    /// Calls: what is undone, of which group.
    pub calls: Vec<(String, Change)>,
    /// Members that are to be marked as healthy: whoever was marked otherwise stays so until somebody
    /// does that (Auto Scaling guide, health checks), and would be replaced when processes go on.
    pub healing: Vec<(String, InstanceId)>,
    /// Nothing is left to undo of it, and why.
    pub settled: Vec<(String, Change, String)>,
    /// Members whom somebody has taken out of the group meanwhile: nobody brings them back, and what the
    /// group's desired capacity was lowered for them is for somebody to decide.
    pub departed: Vec<(String, Change, String)>,
    /// What is waited for, of which group: it comes by itself.
    pub awaited: Vec<(String, Change, String)>,
    /// Processes that are resumed when all members are where they stay, of which group.
    pub held_up: Vec<(String, Change)>,
    /// What cannot be undone now.
    pub remaining: Vec<Remaining>,
}

/// Something that stays changed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remaining {
    pub group: String,
    pub change: Change,
    pub why: String,
}

impl Restoring {
    /// Returns whether nothing more happens by itself or by fleet.
    pub fn is_over(&self) -> bool {
        self.calls.is_empty() && self.awaited.is_empty() && self.healing.is_empty()
    }
}

/// Returns what is done next to undo what is held. Who has no condition is not known, and stays.
pub fn restoring(
    held: &Held,
    now: &GroupsNow,
    conditions: &BTreeMap<InstanceId, Condition>,
) -> Restoring {
    let mut res = Restoring::default();
    for (name, held) in &held.0 {
        match now.get(name) {
            None => res.gone(name, held),
            Some(group) => res.group(name, held, group, conditions),
        }
    }
    res
}

impl Restoring {
    fn gone(&mut self, name: &str, held: &HeldGroup) {
        let why = "the group is gone";
        if !held.standby.is_empty() {
            self.settle_members(name, held.standby.iter().cloned().collect(), why);
        }
        if !held.processes.is_empty() {
            let processes = held.processes.iter().cloned().collect();
            self.settled.push((name.to_owned(), Change::Suspend { processes }, why.to_owned()));
        }
    }

    fn group(
        &mut self,
        name: &str,
        held: &HeldGroup,
        group: &GroupNow,
        conditions: &BTreeMap<InstanceId, Condition>,
    ) {
        let mut back = Vec::new();
        let (n_awaited, n_healing) = (self.awaited.len(), self.healing.len());
        for id in &held.standby {
            let lifecycle = group.members.get(id).map(String::as_str);
            match (lifecycle, conditions.get(id)) {
                (None, _) => self.depart(name, id, "gone from the group"),
                (Some("InService"), Some(Condition::Sound)) if group.unhealthy.contains(id) => {
                    self.healing.push((name.to_owned(), id.clone()));
                }
                (Some("InService"), _) => {
                    self.settle_members(name, vec![id.clone()], "in service");
                }
                (Some("Standby"), Some(Condition::Whole)) if group.would_end(id, held) => {
                    let why = "its group takes it for unhealthy, and would end it in service: \
                               ReplaceUnhealthy is not suspended";
                    self.remain(name, vec![id.clone()], why);
                }
                (Some("Standby"), Some(Condition::Sound)) if group.would_end(id, held) => {
                    self.healing.push((name.to_owned(), id.clone()));
                }
                (Some("Standby"), Some(Condition::Whole | Condition::Sound)) => {
                    back.push(id.clone());
                }
                (Some("Standby"), Some(Condition::Busy(what))) => {
                    self.await_member(name, id, what);
                }
                (Some("Standby"), Some(Condition::Broken(why))) => {
                    self.remain(name, vec![id.clone()], why);
                }
                (Some("Standby"), None) => {
                    self.remain(name, vec![id.clone()], "how it is could not be read");
                }
                (Some(lifecycle), _) if is_leaving(lifecycle) => {
                    self.depart(name, id, &format!("{lifecycle} in the group"));
                }
                // EnteringStandby, Pending and what comes between.
                (Some(lifecycle), _) => {
                    self.await_member(name, id, &format!("the group has it as {lifecycle}"));
                }
            }
        }
        self.return_members(name, group, back);
        let is_quiet = self.awaited.len() == n_awaited
            && self.healing.len() == n_healing
            && !self.calls.iter().any(|(group, _)| group == name);
        self.processes(name, held, group, is_quiet);
    }

    fn return_members(&mut self, name: &str, group: &GroupNow, back: Vec<InstanceId>) {
        if back.is_empty() {
            return;
        }
        if group.suspended.contains("Launch") {
            let why = "Launch is suspended in the group, by somebody else: nobody comes out of \
                       Standby without it";
            return self.remain(name, back, why);
        }
        let mut room = group.max.saturating_sub(group.desired);
        let mut held_back = Vec::new();
        for batch in back.chunks(BATCH) {
            let (taken, left) = batch.split_at(batch.len().min(room));
            room -= taken.len();
            if !taken.is_empty() {
                let change = Change::Standby { instances: taken.to_vec() };
                self.calls.push((name.to_owned(), change));
            }
            held_back.extend(left.iter().cloned());
        }
        if !held_back.is_empty() {
            let GroupNow { desired, max, .. } = group;
            let why = format!(
                "the group's MaxSize is {max} and {desired} are wanted: it was changed meanwhile, \
                 and has no room"
            );
            self.remain(name, held_back, &why);
        }
    }

    /// They are resumed when everybody is where they stay: who comes back boots unexamined.
    fn processes(&mut self, name: &str, held: &HeldGroup, group: &GroupNow, is_quiet: bool) {
        let (still, over): (BTreeSet<&String>, BTreeSet<&String>) =
            held.processes.iter().partition(|it| group.suspended.contains(*it));
        let listed = |it: BTreeSet<&String>| it.into_iter().cloned().collect::<Vec<_>>();
        if !over.is_empty() {
            let change = Change::Suspend { processes: listed(over) };
            self.settled.push((name.to_owned(), change, "not suspended any more".to_owned()));
        }
        if !still.is_empty() {
            let list = if is_quiet { &mut self.calls } else { &mut self.held_up };
            list.push((name.to_owned(), Change::Suspend { processes: listed(still) }));
        }
    }

    fn await_member(&mut self, group: &str, id: &InstanceId, what: &str) {
        let change = Change::Standby { instances: vec![id.clone()] };
        self.awaited.push((group.to_owned(), change, what.to_owned()));
    }

    fn settle_members(&mut self, group: &str, instances: Vec<InstanceId>, why: &str) {
        join(&mut self.settled, group, instances, why);
    }

    fn depart(&mut self, group: &str, id: &InstanceId, what: &str) {
        let why = format!("{what}, whose desired capacity is not raised again for who has left");
        join(&mut self.departed, group, vec![id.clone()], &why);
    }

    fn remain(&mut self, group: &str, instances: Vec<InstanceId>, why: &str) {
        let same = self.remaining.iter_mut().find(|it| it.group == group && it.why == why);
        if let Some(Remaining { change: Change::Standby { instances: others }, .. }) = same {
            return others.extend(instances);
        }
        let change = Change::Standby { instances };
        self.remaining.push(Remaining { group: group.to_owned(), change, why: why.to_owned() });
    }
}

impl GroupNow {
    /// Returns whether the group would end a member in service, at once or when what is held of it
    /// goes on: in Standby its mark stays what it was (Auto Scaling guide, health checks).
    fn would_end(&self, id: &InstanceId, held: &HeldGroup) -> bool {
        let goes_on = |it: &str| !self.suspended.contains(it) || held.processes.contains(it);
        self.unhealthy.contains(id) && goes_on("ReplaceUnhealthy") && goes_on("Terminate")
    }
}

/// Those of whom the same is said are told of together.
fn join(
    said: &mut Vec<(String, Change, String)>,
    group: &str,
    instances: Vec<InstanceId>,
    why: &str,
) {
    let same = said.iter_mut().find(|it| it.0 == group && it.2 == why);
    if let Some((_, Change::Standby { instances: others }, _)) = same {
        return others.extend(instances);
    }
    said.push((group.to_owned(), Change::Standby { instances }, why.to_owned()));
}

#[cfg(test)]
mod tests;
