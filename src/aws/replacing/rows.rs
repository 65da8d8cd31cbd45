//! How far replacements are: of a group's members and activities a row of each instance that it ends.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::types::AutoScalingGroup;

use crate::{
    aws::{
        clients::Aws,
        command::read_failed,
        error::{AwsError, ErrorKind},
        targets::read_groups,
    },
    plan::{InstanceId, Plan, Selector, TERMINATION, awaited_by},
    rescue::{Activity, BeforeReplacing, Deed, GroupSight, MemberSight, Replaced, replaced},
    run::{Counts, Observed, Outcome, Plugin, ReadKind, ReadScope, Row, Stage, Status, StepUrls},
};

impl Aws {
    /// Reads how far replacements are, all of them at once.
    pub async fn read_replacements(&self, plan: &Plan, ids: &[String]) -> Observed {
        match self.replacement_rows(plan, ids).await {
            Ok(rows) => {
                let counts = rows.into_iter().map(|(id, row)| counted(id, row)).collect();
                Observed::Counted { counts }
            }
            Err(err) => read_failed(ReadKind::Counts, &err),
        }
    }

    /// Reads one replacement. One that was begun just now may not be shown yet.
    pub async fn read_replacement(&self, plan: &Plan, id: String, scope: ReadScope) -> Observed {
        match self.replacement_rows(plan, std::slice::from_ref(&id)).await {
            Ok(rows) => {
                let rows = rows.into_iter().map(|(_, row)| row).collect();
                Observed::Read { command_id: id, scope, rows }
            }
            Err(err) => read_failed(ReadKind::Rows, &err),
        }
    }

    /// Returns what has become of the instances that the activities `ids` end.
    async fn replacement_rows(
        &self,
        plan: &Plan,
        ids: &[String],
    ) -> Result<Vec<(String, Row)>, AwsError> {
        let Some(replacement) = &plan.document.replacement else { return Ok(Vec::new()) };
        let names: Vec<String> = replacement.groups.keys().cloned().collect();
        let selector = Selector { groups: names.clone(), ..Selector::default() };
        let planned: BTreeSet<InstanceId> =
            plan.population.planned.iter().map(|it| it.id.clone()).collect();
        let mut sights: BTreeMap<String, GroupSight> = BTreeMap::new();
        // What a group did is read first: it is not ahead of who is in it then.
        for name in &names {
            let activities = self.deeds(name, plan.created).await?;
            sights.insert(name.clone(), GroupSight { activities, ..GroupSight::default() });
        }
        for it in read_groups(self, &selector).await? {
            let name = it.auto_scaling_group_name().unwrap_or_default();
            let (Some(sight), Some(before)) = (sights.get_mut(name), replacement.groups.get(name))
            else {
                continue;
            };
            sight.desired = usize::try_from(it.desired_capacity().unwrap_or(0)).unwrap_or(0);
            sight.members = self.members(&it, before).await?;
        }
        let mut rows = Vec::new();
        for (name, now) in &sights {
            let before = BeforeReplacing { members: &replacement.groups[name], planned: &planned };
            for id in ids {
                let Some(how) = replaced(before, id, now) else { continue };
                let activity = now.activities.iter().find(|it| it.id == *id);
                let Some(activity) = activity else { continue };
                rows.extend(self.row(name, activity, how).map(|it| (id.clone(), it)));
            }
        }
        Ok(rows)
    }

    async fn members(
        &self,
        group: &AutoScalingGroup,
        before: &BTreeSet<InstanceId>,
    ) -> Result<Vec<MemberSight>, AwsError> {
        let member = |it: &aws_sdk_autoscaling::types::Instance| {
            Some(MemberSight {
                id: InstanceId::parse(it.instance_id()?).ok()?,
                lifecycle: it.lifecycle_state()?.as_str().to_owned(),
                is_healthy: it.health_status()?.eq_ignore_ascii_case("healthy"),
                is_online: None,
            })
        };
        let mut res: Vec<MemberSight> = group.instances().iter().filter_map(member).collect();
        let is_new = |it: &MemberSight| !before.contains(&it.id) && it.lifecycle == "InService";
        let new: Vec<&str> = res.iter().filter(|it| is_new(it)).map(|it| it.id.as_str()).collect();
        if new.is_empty() {
            return Ok(res);
        }
        let online = match self.online(&new).await {
            Ok(it) => it,
            Err(err) if err.kind == ErrorKind::Denied => return Ok(res),
            Err(err) => return Err(err),
        };
        for it in res.iter_mut().filter(|it| is_new(it)) {
            it.is_online = Some(online.contains(it.id.as_str()));
        }
        Ok(res)
    }

    /// Makes a row of how far a replacement is; one that has been waited for long enough is over.
    fn row(&self, group: &str, activity: &Activity, how: Replaced) -> Option<Row> {
        let Deed::Ends { instance, .. } = &activity.deed else { return None };
        let is_late = || self.proofs.is_late(&activity.id);
        let going_on = |what| (Status::InProgress, "InProgress", Some(what), None, String::new());
        let failed = |why| (Status::Failed, "Failed", None, Some(why), String::new());
        let (status, word, progress, failure, output) = match how {
            Replaced::By(new) => {
                // Neither the activities nor the members say which launch is for which end.
                let said = format!(
                    "{new} is in service in place of {instance}\n\
                     by their order: the group does not tell which launch is for which end"
                );
                (Status::Success, "Success", None, None, said)
            }
            Replaced::Ending(word) => going_on(format!("it is being ended: {word}")),
            Replaced::Vacant(why) if is_late() => {
                let (why, awaited) = (why.trim_end_matches('.'), awaited_by(group, &self.region));
                failed(format!(
                    "it was ended, and nobody came in its place in time: {why}; {awaited}"
                ))
            }
            Replaced::Silent(why) if is_late() => {
                let why = format!(
                    "it was ended, and its replacement is not proved: {why}; `fleet targets \
                     --asg {group}` tells whether it answers by now"
                );
                (Status::Unproven, "Unproven", None, Some(why), String::new())
            }
            Replaced::Vacant(what) | Replaced::Silent(what) => {
                going_on(format!("replacement: {what}"))
            }
            Replaced::Failed(why) => failed(format!("it was not ended: {why}")),
            Replaced::Cancelled(why) => {
                let why = format!("that it ends was cancelled: {why}");
                (Status::Cancelled, "Cancelled", None, Some(why), String::new())
            }
        };
        let plugin = Plugin {
            name: TERMINATION.to_owned(),
            response_code: None,
            started: activity.started,
            ended: activity.ended,
            output,
            urls: StepUrls::default(),
        };
        Some(Row {
            instance_id: instance.clone(),
            status,
            status_word: word.to_owned(),
            details_word: word.to_owned(),
            requested: activity.started,
            progress,
            failure,
            note: None,
            plugins: vec![plugin],
        })
    }
}

fn counted(command_id: String, row: Row) -> Counts {
    let outcome = row.outcome();
    let is_error = outcome.is_some_and(|it| it != Outcome::Succeeded);
    Counts {
        command_id,
        is_final: outcome.is_some(),
        targets: 1,
        completed: u32::from(outcome.is_some()),
        errors: u32::from(is_error),
        delivery_timed_out: 0,
        stage: outcome
            .is_none()
            .then_some(Stage { status_word: row.status_word, progress: row.progress }),
    }
}
