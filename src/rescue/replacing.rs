//! Whether a group has replaced an instance that it was to end. That the termination succeeded is no
//! proof: another member has to be in service, healthy, and to answer, and the group to lack nobody.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::plan::InstanceId;

/// A group, and what it did since the plan was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupSight {
    pub desired: usize,
    pub members: Vec<MemberSight>,
    /// The oldest first.
    pub activities: Vec<Activity>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSight {
    pub id: InstanceId,
    /// Auto Scaling's word, such as `InService`.
    pub lifecycle: String,
    pub is_healthy: bool,
    /// Whether its agent answers; `None` where the caller may not ask.
    pub is_online: Option<bool>,
}

/// A scaling activity that ends or launches an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    pub id: String,
    pub deed: Deed,
    /// Auto Scaling's word and its percentage, such as `InProgress, 60%`.
    pub word: String,
    pub stage: Stage,
    /// What Auto Scaling says of it, if it says anything.
    pub message: Option<String>,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    Ends {
        instance: InstanceId,
        /// The group becomes smaller by it, so that nobody comes instead.
        is_shrinking: bool,
    },
    /// An instance that could not be launched has no id.
    Launches { instance: Option<InstanceId> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    UnderWay,
    Successful,
    Failed,
    Cancelled,
}

/// How far a replacement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaced {
    /// By this one, as far as it can be told.
    By(InstanceId),
    /// The group still ends the instance.
    Ending(String),
    /// The instance is gone, and nobody is in its place yet.
    Vacant(String),
    /// Another one is in service, and its agent does not answer yet.
    Silent(String),
    /// It was not ended.
    Failed(String),
    Cancelled(String),
}

/// Who was there before, and which of them are to be replaced.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    pub members: &'a BTreeSet<InstanceId>,
    pub planned: &'a BTreeSet<InstanceId>,
}

/// Judges the termination that is the activity `id`; `None` if the group does not show it.
///
/// A group does not say which launch is for which termination. They are taken in their order: of the
/// instances that were to be replaced the first one that ended has the first newcomer. Whatever else
/// the group lacks counts against those that ended last, so that nobody is called replaced too early.
pub fn replaced(before: Before<'_>, id: &str, now: &GroupSight) -> Option<Replaced> {
    let at = now.activities.iter().position(|it| it.id == id)?;
    let activity = &now.activities[at];
    let said = || activity.message.clone().unwrap_or_else(|| activity.word.clone());
    match activity.stage {
        Stage::UnderWay => return Some(Replaced::Ending(activity.word.clone())),
        Stage::Failed => return Some(Replaced::Failed(said())),
        Stage::Cancelled => return Some(Replaced::Cancelled(said())),
        Stage::Successful => {}
    }
    let is_planned = |it: &&Activity| match &it.deed {
        Deed::Ends { instance, is_shrinking: false } => {
            !matches!(it.stage, Stage::Failed | Stage::Cancelled)
                && before.planned.contains(instance)
        }
        Deed::Ends { .. } | Deed::Launches { .. } => false,
    };
    let rank = now.activities[..at].iter().filter(is_planned).count();
    let n_after = now.activities[at + 1..].iter().filter(is_planned).count();
    let there = |counts: &dyn Fn(&MemberSight) -> bool| {
        let n_new = now.newcomers(before).filter(|it| counts(it)).count();
        let n_lacking = now.desired.saturating_sub(now.stayed(before) + n_new);
        n_new > rank && n_lacking <= n_after
    };
    let newcomer = now.newcomers(before).nth(rank);
    let is_up = |it: &MemberSight| it.lifecycle == "InService" && it.is_healthy;
    if there(&|it| is_up(it) && it.is_online != Some(false)) {
        let last = || now.newcomers(before).next_back();
        return newcomer.or_else(last).map(|it| Replaced::By(it.id.clone()));
    }
    let who = newcomer.map(|it| it.id.as_str()).unwrap_or("another one");
    if there(&is_up) {
        return Some(Replaced::Silent(format!("{who} is in service, and an agent is not online")));
    }
    let newest = now.activities[at..].iter().rfind(|it| matches!(it.deed, Deed::Launches { .. }));
    Some(Replaced::Vacant(match (newcomer, newest) {
        (Some(it), _) if !it.is_healthy => format!("{who} was launched, and is unhealthy"),
        (Some(it), _) if it.lifecycle != "InService" => format!("{who} is {}", it.lifecycle),
        (_, Some(Activity { stage: Stage::Failed, message, word, .. })) => {
            let why = message.as_ref().unwrap_or(word);
            format!("another one could not be launched: {why}")
        }
        (Some(_), _) => format!("{who} is in service, and the group lacks more"),
        (None, _) => "nobody is launched in its place yet".to_owned(),
    }))
}

impl GroupSight {
    /// Who came after the plan, in the order of their launches.
    fn newcomers<'a>(
        &'a self,
        before: Before<'a>,
    ) -> impl DoubleEndedIterator<Item = &'a MemberSight> {
        let launch = |id: &InstanceId| {
            let is_its = |it: &Activity| matches!(&it.deed, Deed::Launches { instance: Some(it) } if it == id);
            self.activities.iter().position(is_its).unwrap_or(usize::MAX)
        };
        let mut res: Vec<&MemberSight> =
            self.members.iter().filter(|it| !before.members.contains(&it.id)).collect();
        res.sort_by_key(|it| launch(&it.id));
        res.into_iter()
    }

    /// Returns how many of those who were there before are in service, and stay: the list of members
    /// may be older than the one of activities.
    fn stayed(&self, before: Before<'_>) -> usize {
        let is_ended = |id: &InstanceId| {
            let ends = |it: &Activity| {
                let is_its = matches!(&it.deed, Deed::Ends { instance, .. } if instance == id);
                is_its && !matches!(it.stage, Stage::Failed | Stage::Cancelled)
            };
            self.activities.iter().any(ends)
        };
        let old = self.members.iter().filter(|it| before.members.contains(&it.id));
        old.filter(|it| it.lifecycle == "InService" && !is_ended(&it.id)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> InstanceId {
        InstanceId::parse(&format!("i-0000000{n}")).unwrap()
    }

    fn member(n: usize) -> MemberSight {
        MemberSight {
            id: id(n),
            lifecycle: "InService".to_owned(),
            is_healthy: true,
            is_online: Some(true),
        }
    }

    fn activity(name: &str, deed: Deed, stage: Stage) -> Activity {
        Activity {
            id: name.to_owned(),
            deed,
            word: "InProgress, 60%".to_owned(),
            stage,
            message: None,
            started: None,
            ended: None,
        }
    }

    fn ends(n: usize) -> Activity {
        let deed = Deed::Ends { instance: id(n), is_shrinking: false };
        activity(&format!("end-{n}"), deed, Stage::Successful)
    }

    fn launches(n: usize) -> Activity {
        activity("launch", Deed::Launches { instance: Some(id(n)) }, Stage::Successful)
    }

    /// Four members were there, of which 1 and 2 are to be replaced.
    #[track_caller]
    fn check(now: &GroupSight, of: &str, expected: &Replaced) {
        let (members, planned) = ((1..5).map(id).collect(), (1..3).map(id).collect());
        let before = Before { members: &members, planned: &planned };
        assert_eq!(replaced(before, of, now).as_ref(), Some(expected), "{now:?}");
    }

    fn sight(members: &[usize], activities: Vec<Activity>) -> GroupSight {
        let members = members.iter().map(|it| member(*it)).collect();
        GroupSight { desired: 4, members, activities }
    }

    fn vacant(it: &str) -> Replaced {
        Replaced::Vacant(it.to_owned())
    }

    #[test]
    fn who_ended_is_replaced_once_another_is_in_service_healthy_and_answers() {
        let mut now = sight(&[2, 3, 4, 5], vec![ends(1), launches(5)]);
        check(&now, "end-1", &Replaced::By(id(5)));
        // Where nobody may ask for agents, health has to do.
        now.members[3].is_online = None;
        check(&now, "end-1", &Replaced::By(id(5)));
        now.members[3].is_online = Some(false);
        let silent = "i-00000005 is in service, and an agent is not online".to_owned();
        check(&now, "end-1", &Replaced::Silent(silent));
        now.members[3].is_healthy = false;
        check(&now, "end-1", &vacant("i-00000005 was launched, and is unhealthy"));
        now.members[3].is_healthy = true;
        now.members[3].lifecycle = "Pending".to_owned();
        check(&now, "end-1", &vacant("i-00000005 is Pending"));
    }

    #[test]
    fn as_long_as_it_is_being_ended_nothing_else_counts() {
        let mut now = sight(&[2, 3, 4, 5], vec![ends(1), launches(5)]);
        now.activities[0].stage = Stage::UnderWay;
        check(&now, "end-1", &Replaced::Ending("InProgress, 60%".to_owned()));
        now.activities[0].stage = Stage::Failed;
        now.activities[0].message = Some("no".to_owned());
        check(&now, "end-1", &Replaced::Failed("no".to_owned()));
        now.activities[0].stage = Stage::Cancelled;
        check(&now, "end-1", &Replaced::Cancelled("no".to_owned()));
    }

    #[test]
    fn the_first_that_ended_has_the_first_that_came() {
        let activities = vec![ends(1), ends(2), launches(6), launches(5)];
        let mut now = sight(&[3, 4, 6], activities);
        check(&now, "end-1", &Replaced::By(id(6)));
        check(&now, "end-2", &vacant("nobody is launched in its place yet"));
        now.members.push(member(5));
        check(&now, "end-2", &Replaced::By(id(5)));
    }

    #[test]
    fn a_launch_that_failed_says_why_nobody_came() {
        let mut failed = activity("launch", Deed::Launches { instance: None }, Stage::Failed);
        failed.message = Some("InsufficientInstanceCapacity".to_owned());
        let now = sight(&[2, 3, 4], vec![ends(1), failed]);
        let text = "another one could not be launched: InsufficientInstanceCapacity";
        check(&now, "end-1", &vacant(text));
    }

    #[test]
    fn who_came_because_the_group_has_grown_replaces_nobody() {
        let mut now = sight(&[2, 3, 4, 5], vec![ends(1), launches(5)]);
        now.desired = 5;
        check(&now, "end-1", &vacant("i-00000005 is in service, and the group lacks more"));
    }

    #[test]
    fn a_group_that_has_shrunk_has_replaced_nobody() {
        let mut now = sight(&[2, 3, 4], vec![ends(1)]);
        now.desired = 3;
        check(&now, "end-1", &vacant("nobody is launched in its place yet"));
        // Of two that ended one has a successor, although nobody is lacking.
        let mut now = sight(&[3, 4, 5], vec![ends(1), ends(2), launches(5)]);
        now.desired = 3;
        check(&now, "end-1", &Replaced::By(id(5)));
        check(&now, "end-2", &vacant("nobody is launched in its place yet"));
    }

    #[test]
    fn a_list_of_members_that_is_behind_makes_nobody_replaced() {
        let now = sight(&[2, 3, 4, 5], vec![ends(1), ends(2), launches(5)]);
        check(&now, "end-1", &Replaced::By(id(5)));
        check(&now, "end-2", &vacant("nobody is launched in its place yet"));
        // Whoever was ended is no member that stays, though the list has it still.
        let mut now = sight(&[1, 2, 3, 4, 5], vec![ends(1), launches(5)]);
        now.desired = 5;
        check(&now, "end-1", &vacant("i-00000005 is in service, and the group lacks more"));
    }

    #[test]
    fn what_the_group_does_not_show_is_not_judged() {
        let none = BTreeSet::new();
        let before = Before { members: &none, planned: &none };
        assert_eq!(replaced(before, "end-1", &GroupSight::default()), None);
    }
}
