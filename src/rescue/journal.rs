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
        let group = self.0.entry(entry.group.clone()).or_default();
        match (&entry.change, entry.stage) {
            (Change::Suspend { processes }, Stage::Intended | Stage::Done) => {
                group.processes.extend(processes.iter().cloned());
            }
            (Change::Standby { instances }, Stage::Intended | Stage::Done) => {
                group.standby.extend(instances.iter().cloned());
            }
            (Change::Suspend { processes }, Stage::Refused | Stage::Undone) => {
                group.processes.retain(|it| !processes.contains(it));
            }
            (Change::Standby { instances }, Stage::Refused | Stage::Undone) => {
                group.standby.retain(|it| !instances.contains(it));
            }
        }
        if *group == HeldGroup::default() {
            self.0.remove(&entry.group);
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
