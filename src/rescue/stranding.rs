//! Whose root a volume is that a runbook has left elsewhere. It is proved by what the newest execution
//! tells that may have changed anything on the instance, and by where volumes hang, and nothing is
//! guessed: what is not proved says why.

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::search::Search;
use super::trace::Trace;
use crate::plan::{Before, InstanceId};

mod halted;
mod search;

/// An instance that has no volume at its root device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranded {
    pub id: InstanceId,
    /// EC2's word, such as `stopped`.
    pub state: String,
    pub zone: String,
    pub root_device: String,
}

/// An instance that is stopped, with its root volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halted {
    pub id: InstanceId,
    pub root_device: String,
    pub volume: String,
    pub delete_on_termination: bool,
    /// When it was started last.
    pub launched: Timestamp,
}

/// An instance that a runbook has made to work on volumes of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    pub id: String,
    /// The value of its tag `Name`.
    pub name: String,
    /// The stack that made it, where its tags tell.
    pub stack: Option<String>,
    pub state: String,
    pub root_device: String,
}

/// A volume, and where it hangs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loose {
    pub zone: String,
    /// EC2's word, such as `available`.
    pub state: String,
    pub held: Option<Hold>,
}

/// Where a volume hangs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub instance: String,
    pub device: String,
}

/// Everything that is known of instances without a root volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wreckage {
    pub stranded: Vec<Stranded>,
    pub halted: Vec<Halted>,
    /// Who has a root volume, and which.
    pub roots: BTreeMap<InstanceId, String>,
    /// Executions of the runbook, the newest first: as far back as the newest of each stranded
    /// instance that may have changed anything, and all that are under way.
    pub traces: Vec<Trace>,
    pub helpers: Vec<Helper>,
    /// By their ids: those that executions name, and those on helpers.
    pub volumes: BTreeMap<String, Loose>,
}

/// What becomes of the power of an instance that has its root volume again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// As it was, where the execution tells.
    AsBefore,
    Running,
    Stopped,
}

/// Which volume is the root of a stranded instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belonging {
    Known(Known),
    /// This execution on it has not ended: two must not move one volume.
    UnderWay(String),
    Unproved {
        why: String,
        /// Volumes that it may be.
        candidates: Vec<String>,
    },
}

/// A root volume and how the instance was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub before: Before,
    /// Who has the volume now.
    pub holder: Option<String>,
    pub by: String,
    /// What is not known of how it was, and what is done instead.
    pub notes: Vec<String>,
}

/// Returns which volume each stranded instance gets, by what the operator says and by proof, and which
/// instances an execution has stopped and not started again. What two instances would get, neither gets.
pub fn belongings(
    wreckage: &Wreckage,
    chosen: &BTreeMap<InstanceId, String>,
    power: Power,
) -> BTreeMap<InstanceId, Belonging> {
    let each = wreckage.stranded.iter().map(|it| {
        let search = Search { it, wreckage, power };
        (it.id.clone(), search.belonging(chosen.get(&it.id)))
    });
    let mut res: BTreeMap<InstanceId, Belonging> = each.collect();
    let halted = wreckage.halted.iter();
    res.extend(halted.filter_map(|it| Some((it.id.clone(), it.left_stopped(wreckage, power)?))));
    let mut claims: BTreeMap<String, Vec<InstanceId>> = BTreeMap::new();
    for (id, it) in &res {
        if let Belonging::Known(it) = it {
            claims.entry(it.before.volume.clone()).or_default().push(id.clone());
        }
    }
    for (volume, ids) in claims.into_iter().filter(|(_, ids)| ids.len() > 1) {
        let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let why = format!("{volume} would be the root volume of each of {}", names.join(", "));
        for id in ids {
            let candidates = vec![volume.clone()];
            res.insert(id, Belonging::Unproved { why: why.clone(), candidates });
        }
    }
    res
}

impl Trace {
    /// Returns whether the execution has made this helper. That the name ends in the execution's id,
    /// or in the runbook's UniqueId, is UNVERIFIED; where it does not, a step has to name the helper.
    pub fn has_made(&self, helper: &Helper) -> bool {
        let marks = [Some(self.execution.as_str()), self.unique.as_deref()];
        let names = [Some(helper.name.as_str()), helper.stack.as_deref()];
        names.into_iter().flatten().any(|it| marks.contains(&Some(mark(it))))
            || self.stack().is_some_and(|it| helper.stack.as_deref() == Some(it.as_str()))
            || self.names(&helper.id)
    }
}

/// How helpers and their stacks are named (EC2Rescue's own template).
pub const HELPER: &str = "AWSSupport-EC2Rescue";

/// Returns what tells helpers and stacks apart that are all named alike.
fn mark(name: &str) -> &str {
    name.strip_prefix(HELPER).unwrap_or(name).trim_start_matches([':', '-', ' '])
}

impl Wreckage {
    pub fn helper(&self, id: &str) -> Option<&Helper> {
        self.helpers.iter().find(|it| it.id == id)
    }

    /// Returns the volumes on a helper that are not its own root.
    pub fn on(&self, helper: &Helper) -> Vec<String> {
        let is_on = |it: &Loose| {
            let hold = it.held.as_ref().filter(|it| it.instance == helper.id);
            hold.is_some_and(|it| it.device != helper.root_device)
        };
        self.volumes.iter().filter(|(_, it)| is_on(it)).map(|(id, _)| id.clone()).collect()
    }

    /// Returns where the newest execution on an instance stands of which it is not proved that it has
    /// changed nothing: what an older one tells does not hold any more. If all are proved to be such,
    /// it is the newest.
    pub fn last_to_change(&self, instance: &str) -> Option<usize> {
        let own = || self.traces.iter().enumerate().filter(|(_, it)| it.instance == instance);
        let last = own().find(|(_, it)| !it.is_void()).or_else(|| own().next());
        last.map(|(at, _)| at)
    }

    /// Returns the execution that is under way on an instance.
    pub fn under_way(&self, instance: &str) -> Option<&Trace> {
        self.traces.iter().find(|it| it.is_under_way && it.instance == instance)
    }

    /// Returns the execution that has made a helper, if it was read.
    pub fn maker(&self, helper: &Helper) -> Option<&Trace> {
        self.traces.iter().find(|it| it.has_made(helper))
    }
}

#[cfg(test)]
mod tests;
