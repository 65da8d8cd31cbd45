//! What took an instance out of its group: the scaling activity that names it. It is asked for only
//! when somebody is missing, and a caller who may not ask is told once.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use aws_sdk_autoscaling::types::Activity;
use jiff::Timestamp;

use super::{
    activities::deed,
    clients::Aws,
    command::timestamp,
    error::{AwsError, ErrorKind},
};
use crate::{
    plan::{InstanceId, Note, Plan},
    run::Departure,
};

/// A group that does more than this during a run is not searched to the end.
const MOST: usize = 2000;

/// The ids of a group's missing instances.
type Missing<'a> = BTreeMap<&'a str, BTreeSet<&'a InstanceId>>;

impl Aws {
    /// Returns what took those of the plan's instances who were in one of `groups` and are not among
    /// their `members` any more, and a note if that could not be read.
    pub(super) async fn departures(
        &self,
        plan: &Plan,
        groups: &[String],
        members: &[InstanceId],
    ) -> (BTreeMap<InstanceId, Departure>, Option<Note>) {
        let members: BTreeSet<_> = members.iter().collect();
        let mut missing = Missing::new();
        for target in plan.population.planned.iter().filter(|it| !members.contains(&it.id)) {
            if let Some(group) = target.group.as_ref().filter(|it| groups.contains(it)) {
                missing.entry(group).or_default().insert(&target.id);
            }
        }
        let mut departures = BTreeMap::new();
        for (group, ids) in missing {
            let read = self.read_departures(group, plan.created, ids, &mut departures).await;
            if let Err(err) = read {
                return (departures, Some(unread(&err)));
            }
        }
        (departures, None)
    }

    /// Reads the group's activities, the newest first, until each of `ids` has one or they are
    /// older than the plan.
    async fn read_departures(
        &self,
        group: &str,
        since: Timestamp,
        mut ids: BTreeSet<&InstanceId>,
        departures: &mut BTreeMap<InstanceId, Departure>,
    ) -> Result<(), AwsError> {
        let mut n_left = MOST;
        let see = |it: &Activity| {
            if let Some(id) = taken(it).and_then(|id| ids.take(&id)) {
                departures.insert(id.clone(), departure(it));
            }
            n_left -= 1;
            if ids.is_empty() || n_left == 0 {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        self.activities(group, since, see).await
    }
}

/// Returns whom an activity takes out of its group.
fn taken(activity: &Activity) -> Option<InstanceId> {
    let (what, id) = deed(activity)?;
    id.filter(|_| what.starts_with("Terminating") || what.starts_with("Detaching"))
}

fn departure(activity: &Activity) -> Departure {
    Departure {
        activity_id: activity.activity_id().unwrap_or_default().to_owned(),
        cause: activity.cause().unwrap_or_default().trim().to_owned(),
        started: activity.start_time().and_then(timestamp),
    }
}

fn unread(err: &AwsError) -> Note {
    if err.kind == ErrorKind::Denied {
        let text = format!(
            "{} is not permitted: what took instances out of their group is not known",
            err.action()
        );
        return Note::new("permission.missing", text);
    }
    let text = format!("what took instances out of their group could not be read: {err}");
    Note::new("departure.unread", text)
}
