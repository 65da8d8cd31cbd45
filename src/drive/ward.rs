//! What a run changes besides sending: instances are taken out of their groups before it, and brought
//! back after it, one step at a time, from what is seen then.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

use jiff::Timestamp;

use super::{
    groups::{Keeper, foreseen, look},
    repairs::{mend, outlook},
    waits::Waits,
};
use crate::{
    aws::{Aws, AwsError},
    output::{
        Journal, changed, lacking, left_behind, mended, read_journal, unknown, unseen_leftovers,
    },
    plan::{Agent, InstanceId, Plan, Target},
    rescue::{Change, Condition, Entry, Held, Wreckage, leftovers},
    run::{ChangeState, Conclusion, GroupChange, Taken},
};

/// Whose groups and instances they are.
#[derive(Clone, Copy)]
pub struct Ward<'a> {
    pub plan: &'a Plan,
    /// The run's; the journal of changes is in it.
    pub directory: &'a Path,
    /// What every wait is multiplied by: 1 is real time.
    pub factor: f64,
    pub clock: &'a dyn Fn() -> Timestamp,
}

/// Why a member stays out of service: its group would end it there.
const STUCK: &str = "whoever is not as it was stays out of service";

/// Why it is not known what is changed.
#[derive(Debug, thiserror::Error)]
pub enum WardError {
    #[error("the journal of changes cannot be used")]
    Journal(#[source] io::Error),
    #[error("the groups could not be read")]
    Unread(#[source] AwsError),
}

impl Ward<'_> {
    /// Makes the next change that takes whoever of these is in service into Standby.
    pub(super) async fn take_out(&self, aws: &Aws, instances: &[InstanceId]) -> Taken {
        let failed = |err: &dyn std::error::Error| Taken::Failed { reason: with_causes(err) };
        let mut keeper = match self.keeper(aws, &[]) {
            Ok(it) => it,
            Err(err) => return failed(&WardError::Journal(err)),
        };
        let wanted = match self.wanted(aws, instances).await {
            Ok(it) => it,
            Err(err) => return failed(&err),
        };
        match keeper.take_next(&wanted).await {
            Ok(taken) => taken,
            Err(err) => failed(&err),
        }
    }

    /// Brings these instances and the groups back to how they were, as far as that can be done, and
    /// says what it waits for. The instances come first: nobody comes back into service without a root
    /// volume. What was `told` to be changed is undone also where the journal has lost it.
    ///
    /// # Errors
    /// If it is not known how the groups are.
    pub async fn put_back(
        &self,
        aws: &Aws,
        instances: &[InstanceId],
        told: &[GroupChange],
        waits: &Waits,
    ) -> Result<Vec<GroupChange>, WardError> {
        let mut rows = mend(aws, self.plan, instances, self.factor, waits).await;
        let mut keeper = self.keeper(aws, told).map_err(WardError::Journal)?;
        let stuck = rows.iter().filter(|it| it.remains());
        let broken = Condition::Broken(STUCK.to_owned());
        let stuck = stuck.flat_map(|it| it.instances.clone());
        keeper.known = stuck.map(|it| (it, broken.clone())).collect();
        if !keeper.held.is_empty() {
            rows.extend(keeper.restore(waits).await.map_err(WardError::Unread)?);
        }
        rows.extend(self.left_behind(aws, instances).await);
        Ok(rows)
    }

    /// Tells which helpers and stacks executions have left behind.
    async fn left_behind(&self, aws: &Aws, instances: &[InstanceId]) -> Vec<GroupChange> {
        if instances.is_empty() {
            return Vec::new();
        }
        let ids = instances.iter().cloned().collect();
        let wreckage = aws.wreckage(&ids, &BTreeSet::new()).await;
        leavings(wreckage.as_ref(), &aws.region)
    }

    /// Returns what would be done next to these instances, and undone of the groups. It only reads.
    ///
    /// # Errors
    /// If it is not known how the groups are.
    pub async fn look(
        &self,
        aws: &Aws,
        instances: &[InstanceId],
    ) -> Result<Vec<GroupChange>, WardError> {
        let mut rows = outlook(aws, self.plan, instances).await;
        let held = Held::of(&read_journal(self.directory).map_err(WardError::Journal)?);
        let mut known = BTreeMap::new();
        for it in &rows {
            let condition = match it.remains() {
                true => Condition::Broken(STUCK.to_owned()),
                false => Condition::Busy("it is brought back itself first".to_owned()),
            };
            known.extend(it.instances.iter().map(|id| (id.clone(), condition.clone())));
        }
        rows.extend(foreseen(&look(aws, &held, &known).await.map_err(WardError::Unread)?));
        Ok(rows)
    }

    /// Returns what stays changed where nobody waits until it is brought back.
    pub(super) fn left(&self, conclusion: &Conclusion, why: &str) -> Vec<GroupChange> {
        let entries = read_journal(self.directory);
        left(entries.map(|it| held(&it, &conclusion.changed)), &conclusion.sent, why)
    }

    /// A journal that can only be read is enough to undo what it has.
    fn keeper<'b>(&'b self, aws: &'b Aws, told: &[GroupChange]) -> io::Result<Keeper<'b>> {
        let (journal, entries) = match Journal::open(self.directory) {
            Ok((journal, entries)) => (Ok(journal), entries),
            Err(err) => (Err(err), read_journal(self.directory)?),
        };
        let held = held(&entries, told);
        Ok(Keeper {
            aws,
            journal,
            held,
            known: BTreeMap::new(),
            factor: self.factor,
            clock: self.clock,
        })
    }

    /// Returns whom of these the plan found in service, by group. Whoever has come back by itself since
    /// then, or was brought back by somebody else, stays in service.
    async fn wanted(
        &self,
        aws: &Aws,
        instances: &[InstanceId],
    ) -> Result<Vec<(String, Vec<InstanceId>)>, AwsError> {
        let planned = self.plan.population.planned.iter();
        let planned: BTreeMap<&InstanceId, &Target> = planned.map(|it| (&it.id, it)).collect();
        let of_plan = instances.iter().filter_map(|id| planned.get(id).copied());
        let members: Vec<&Target> =
            of_plan.filter(|it| it.lifecycle.as_deref() == Some("InService")).collect();
        let impaired = members.iter().filter(|it| it.agent != Agent::Online);
        let silent = aws.silent(impaired.map(|it| it.id.clone()).collect()).await?;
        let mut res: BTreeMap<String, Vec<InstanceId>> = BTreeMap::new();
        for it in members {
            if let Some(group) = &it.group
                && (it.agent == Agent::Online || silent.contains(&it.id))
            {
                res.entry(group.clone()).or_default().push(it.id.clone());
            }
        }
        Ok(res.into_iter().collect())
    }
}

/// Returns what executions have left behind; that nothing is left is said by nothing.
fn leavings(wreckage: Result<&Wreckage, &AwsError>, region: &str) -> Vec<GroupChange> {
    match wreckage {
        Ok(it) => leftovers(it, region).iter().map(left_behind).collect(),
        Err(err) => vec![unseen_leftovers(&err.to_string())],
    }
}

/// Returns what is changed by a journal's entries, and by what was told and is not among them.
fn held(entries: &[Entry], told: &[GroupChange]) -> Held {
    let mut res = Held::of(entries);
    for (group, change) in lacking(entries, told) {
        res.hold(&group, &change);
    }
    res
}

/// Returns what of this and of these instances stays changed.
fn left(held: io::Result<Held>, instances: &[InstanceId], why: &str) -> Vec<GroupChange> {
    let row = |it| mended(it, ChangeState::Remains, why);
    let of_instances = instances.iter().map(row);
    let held = match held {
        Ok(it) => it,
        // That nothing is changed is not known then.
        Err(err) => return of_instances.chain([unknown(&format!("{why}: {err}"))]).collect(),
    };
    let mut res = Vec::new();
    for (group, it) in held.0 {
        let standby = Change::Standby { instances: it.standby.into_iter().collect() };
        let suspend = Change::Suspend { processes: it.processes.into_iter().collect() };
        for change in [standby, suspend].iter().filter(|it| !it.is_empty()) {
            res.push(changed(&group, ChangeState::Remains, change, why));
        }
    }
    res.extend(of_instances);
    res
}

/// Returns an error with what caused it, in one line.
pub(super) fn with_causes(err: &dyn std::error::Error) -> String {
    let mut res = err.to_string();
    let mut cause = err.source();
    while let Some(it) = cause {
        res = format!("{res}: {it}");
        cause = it.source();
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(text: &str) -> Vec<GroupChange> {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("groups.jsonl"), text).unwrap();
        left(read_journal(home.path()).map(|it| held(&it, &[])), &[], "interrupted")
    }

    #[test]
    fn where_the_journal_cannot_be_read_the_groups_are_not_said_to_be_as_they_were() {
        let intended = r#"{"at":"2024-07-19T05:30:00Z","group":"web","stage":"intended","change":{"what":"suspend","processes":["AZRebalance"]}}"#;
        let found = journal(&format!("{intended}\n"));
        assert_eq!(found[0].text, "web: AZRebalance not restored: interrupted");
        let found = journal("{}\n");
        assert!(found.iter().any(GroupChange::remains), "{found:?}");
        let beginning =
            "what is changed of groups is not known: interrupted: line 1 of groups.jsonl";
        assert!(found[0].text.starts_with(beginning), "{found:?}");
        let nowhere = |told: &[GroupChange]| {
            left(read_journal(Path::new("/nowhere")).map(|it| held(&it, told)), &[], "interrupted")
        };
        assert_eq!(nowhere(&[]), []);
        let standby = Change::Standby { instances: vec![InstanceId::parse("i-01234567").unwrap()] };
        let told = [changed("web", ChangeState::Made, &standby, "told")];
        let found = nowhere(&told);
        assert_eq!(found[0].text, "web: i-01234567 not restored: interrupted");
    }

    #[test]
    fn where_helpers_cannot_be_seen_it_is_not_said_that_there_are_none() {
        let err = AwsError {
            operation: "DescribeInstances",
            kind: crate::aws::ErrorKind::Unreachable,
            code: String::new(),
            message: "no answer".to_owned(),
            request_id: None,
        };
        let found = leavings(Err(&err), "us-east-1");
        assert_eq!(found[0].state, ChangeState::LeftBehind);
        assert!(found[0].text.contains("could not be read"), "{found:?}");
        assert_eq!(leavings(Ok(&Wreckage::default()), "us-east-1"), []);
    }
}
