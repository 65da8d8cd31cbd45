//! What a rescue changes in Auto Scaling groups, as it is written down: each change before it is
//! made, and again when it is known to be made, refused, or undone. It reads and writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::InstanceId;

/// Something that is done to a group, and can be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Change {
    /// Processes of the group are held up.
    Suspend { processes: Vec<String> },
    /// Members go into Standby, and the desired capacity down with them.
    Standby { instances: Vec<InstanceId> },
}

impl Change {
    /// Returns whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Suspend { processes } => processes.is_empty(),
            Self::Standby { instances } => instances.is_empty(),
        }
    }
}

/// How far a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is about to be made. If nothing follows, it may have been.
    Intended,
    Done,
    /// It is proved that nothing was changed.
    Refused,
    /// It is as it was before, or there is nothing left that could be.
    Undone,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Timestamp,
    pub group: String,
    pub stage: Stage,
    pub change: Change,
    /// Why it was refused, or how it came to be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What may be changed still: by group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held(pub BTreeMap<String, HeldGroup>);

/// What may be changed still of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldGroup {
    pub processes: BTreeSet<String>,
    pub standby: BTreeSet<InstanceId>,
}

impl Held {
    /// Returns what the entries of a journal leave.
    pub fn of(entries: &[Entry]) -> Self {
        let mut res = Self::default();
        entries.iter().for_each(|it| res.apply(it));
        res
    }

    pub fn apply(&mut self, entry: &Entry) {
        match entry.stage {
            Stage::Intended | Stage::Done => self.hold(&entry.group, &entry.change),
            Stage::Refused | Stage::Undone => self.let_go(&entry.group, &entry.change),
        }
    }

    /// Adds what is changed.
    pub fn hold(&mut self, group: &str, change: &Change) {
        if change.is_empty() {
            return;
        }
        let group = self.0.entry(group.to_owned()).or_default();
        match change {
            Change::Suspend { processes } => group.processes.extend(processes.iter().cloned()),
            Change::Standby { instances } => group.standby.extend(instances.iter().cloned()),
        }
    }

    /// Takes out what is as it was.
    pub fn let_go(&mut self, name: &str, change: &Change) {
        let Some(group) = self.0.get_mut(name) else { return };
        match change {
            Change::Suspend { processes } => group.processes.retain(|it| !processes.contains(it)),
            Change::Standby { instances } => group.standby.retain(|it| !instances.contains(it)),
        }
        if *group == HeldGroup::default() {
            self.0.remove(name);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names of the groups.
    pub fn groups(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Returns the members of all groups that are in Standby for the rescue.
    pub fn instances(&self) -> BTreeSet<InstanceId> {
        self.0.values().flat_map(|it| &it.standby).cloned().collect()
    }
}

/// Returns what a journal has no word of, of a change that was told elsewhere: it is cut off, or gone.
pub fn unwritten(entries: &[Entry], group: &str, told: &Change) -> Option<Change> {
    let of_group = || entries.iter().filter(|it| it.group == group).map(|it| &it.change);
    let lost = match told {
        Change::Suspend { processes } => {
            let has = |name: &String| {
                of_group().any(
                    |it| matches!(it, Change::Suspend { processes } if processes.contains(name)),
                )
            };
            let processes = processes.iter().filter(|it| !has(it)).cloned().collect();
            Change::Suspend { processes }
        }
        Change::Standby { instances } => {
            let has = |id: &InstanceId| {
                of_group()
                    .any(|it| matches!(it, Change::Standby { instances } if instances.contains(id)))
            };
            let instances = instances.iter().filter(|it| !has(it)).cloned().collect();
            Change::Standby { instances }
        }
    };
    Some(lost).filter(|it| !it.is_empty())
}

/// A group as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupNow {
    pub min: usize,
    pub desired: usize,
    pub max: usize,
    /// The names of the processes that are held up.
    pub suspended: BTreeSet<String>,
    /// The LifecycleState of each member.
    pub members: BTreeMap<InstanceId, String>,
    /// The members that it takes for unhealthy.
    pub unhealthy: BTreeSet<InstanceId>,
}

/// Groups as they are now, by their names.
pub type GroupsNow = BTreeMap<String, GroupNow>;

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(stage: Stage, change: &Change) -> Entry {
        let at = "2024-07-19T05:30:00Z".parse().unwrap();
        Entry { at, group: "web".to_owned(), stage, change: change.clone(), why: None }
    }

    fn suspend(names: &[&str]) -> Change {
        Change::Suspend { processes: names.iter().map(|it| (*it).to_owned()).collect() }
    }

    #[test]
    fn what_was_told_and_never_written_is_lost_and_what_was_undone_is_not() {
        let both = suspend(&["AZRebalance", "HealthCheck"]);
        let written = [entry(Stage::Done, &suspend(&["AZRebalance"]))];
        let undone = [written[0].clone(), entry(Stage::Undone, &suspend(&["AZRebalance"]))];
        assert_eq!(unwritten(&[], "web", &both), Some(both.clone()));
        assert_eq!(unwritten(&written, "batch", &both), Some(both.clone()));
        assert_eq!(unwritten(&written, "web", &both), Some(suspend(&["HealthCheck"])));
        assert_eq!(unwritten(&undone, "web", &suspend(&["AZRebalance"])), None);
        let id = InstanceId::parse("i-0123456789abcdef0").unwrap();
        let standby = Change::Standby { instances: vec![id] };
        assert_eq!(unwritten(&written, "web", &standby), Some(standby.clone()));
        assert_eq!(unwritten(&[entry(Stage::Intended, &standby)], "web", &standby), None);
    }

    #[test]
    fn what_was_intended_may_be_changed_until_it_is_refused_or_undone() {
        let both = suspend(&["AZRebalance", "HealthCheck"]);
        let check = |entries: &[Entry], left: &[&str]| {
            let held = Held::of(entries);
            let found = held.0.get("web").map(|it| it.processes.clone()).unwrap_or_default();
            assert!(found.iter().eq(left.iter()), "{found:?}");
            assert_eq!(held.is_empty(), left.is_empty());
        };
        let intended = entry(Stage::Intended, &both);
        check(std::slice::from_ref(&intended), &["AZRebalance", "HealthCheck"]);
        check(&[intended.clone(), entry(Stage::Done, &both)], &["AZRebalance", "HealthCheck"]);
        check(&[intended.clone(), entry(Stage::Refused, &both)], &[]);
        let one = entry(Stage::Undone, &suspend(&["HealthCheck"]));
        check(&[intended, one], &["AZRebalance"]);
    }

    #[test]
    fn a_line_reads_as_it_was_written() {
        let instances = vec![InstanceId::parse("i-01234567").unwrap()];
        let line = entry(Stage::Intended, &Change::Standby { instances });
        let text = serde_json::to_string(&line).unwrap();
        let expected = r#"{"at":"2024-07-19T05:30:00Z","group":"web","stage":"intended","change":{"what":"standby","instances":["i-01234567"]}}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), line);
    }
}
