//! What took an instance out of its group: the scaling activity that names it. It is asked for only
//! when somebody is missing, and a caller who may not ask is told once.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::{
    operation::describe_scaling_activities::DescribeScalingActivitiesOutput, types::Activity,
};
use jiff::Timestamp;

use super::{
    clients::Aws,
    command::{CLOCK_SKEW, timestamp},
    error::{AwsError, ErrorKind},
};
use crate::{
    plan::{InstanceId, Note, Plan},
    run::Departure,
};

/// On one page (botocore model).
const PAGE: i32 = 100;

/// A group that changes more than this during a run is not searched to the end.
const MOST_PAGES: usize = 20;

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
            let read = self.read_activities(group, plan.created, ids, &mut departures).await;
            if let Err(err) = read {
                return (departures, Some(unread(&err)));
            }
        }
        (departures, None)
    }

    /// Reads the group's activities, the newest first, until each of `ids` has one or they are
    /// older than the plan.
    async fn read_activities(
        &self,
        group: &str,
        since: Timestamp,
        mut ids: BTreeSet<&InstanceId>,
        departures: &mut BTreeMap<InstanceId, Departure>,
    ) -> Result<(), AwsError> {
        let since = since.saturating_sub(CLOCK_SKEW).unwrap_or(since);
        let request = self.autoscaling.describe_scaling_activities();
        let request = request.auto_scaling_group_name(group).max_records(PAGE);
        let page = |token| request.clone().set_next_token(token).send();
        let mut n_left = MOST_PAGES;
        let take = |page: DescribeScalingActivitiesOutput| {
            let mut is_older = false;
            for it in page.activities() {
                is_older |= it.start_time().and_then(timestamp).is_some_and(|it| it < since);
                if let Some(id) = taken(it).and_then(|id| ids.take(&id)) {
                    departures.insert(id.clone(), departure(it));
                }
            }
            n_left -= 1;
            page.next_token.filter(|_| !is_older && !ids.is_empty() && n_left > 0)
        };
        self.pages("DescribeScalingActivities", page, take).await
    }
}

/// Returns whom an activity takes out of its group: `Terminating EC2 instance: i-…` and
/// `Detaching EC2 instance: i-…` (Auto Scaling guide).
fn taken(activity: &Activity) -> Option<InstanceId> {
    let (what, id) = activity.description()?.split_once(": ")?;
    let is_departure = what.starts_with("Terminating") || what.starts_with("Detaching");
    let id = id.split_whitespace().next().filter(|_| is_departure)?;
    InstanceId::parse(id).ok()
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
