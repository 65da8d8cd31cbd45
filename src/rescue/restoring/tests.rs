//! A group of any shape, a rescue that dies at any moment, and whatever comes after it.

use proptest::prelude::*;

use super::*;
use crate::rescue::{
    journal::{Entry, Stage},
    taking::{CannotTake, is_made, taking},
};

fn id(n: usize) -> InstanceId {
    InstanceId::parse(&format!("i-{n:08x}")).unwrap()
}

/// Whom a group has, as a list of lifecycles, and the processes that are held up.
#[derive(Debug, Clone)]
struct Shape {
    lifecycles: Vec<&'static str>,
    suspended: Vec<&'static str>,
    spare: usize,
}

fn group(shape: &Shape) -> GroupNow {
    let n_serving = shape.lifecycles.iter().filter(|it| **it == "InService").count();
    GroupNow {
        min: 0,
        desired: n_serving,
        max: n_serving + shape.spare,
        suspended: shape.suspended.iter().map(|it| (*it).to_owned()).collect(),
        unhealthy: BTreeSet::new(),
        members: shape
            .lifecycles
            .iter()
            .enumerate()
            .map(|(n, it)| (id(n), (*it).to_owned()))
            .collect(),
    }
}

/// What EC2 Auto Scaling does when it is asked; each is refused whole or done whole.
fn make(group: &mut GroupNow, change: &Change) {
    match change {
        Change::Suspend { processes } => group.suspended.extend(processes.iter().cloned()),
        Change::Standby { instances } => {
            assert!(instances.len() <= BATCH && group.desired - instances.len() >= group.min);
            for it in instances {
                assert_eq!(group.members[it], "InService");
                group.members.insert(it.clone(), "EnteringStandby".to_owned());
                group.desired -= 1;
            }
        }
    }
}

fn unmake(group: &mut GroupNow, change: &Change) {
    match change {
        Change::Suspend { processes } => {
            group.suspended.retain(|it| !processes.contains(it));
        }
        Change::Standby { instances } => {
            assert!(instances.len() <= BATCH && group.desired + instances.len() <= group.max);
            assert!(!group.suspended.contains("Launch"));
            for it in instances {
                assert_eq!(group.members[it], "Standby");
                group.members.insert(it.clone(), "Pending".to_owned());
                group.desired += 1;
            }
        }
    }
}

/// What comes by itself.
fn pass(group: &mut GroupNow) {
    for it in group.members.values_mut() {
        let next = match it.as_str() {
            "EnteringStandby" => "Standby",
            "Pending" => "InService",
            other => other,
        };
        *it = next.to_owned();
    }
}

struct World {
    now: GroupsNow,
    journal: Vec<Entry>,
}

impl World {
    fn note(&mut self, stage: Stage, change: &Change) {
        let at = "2024-07-19T05:30:00Z".parse().unwrap();
        let group = "web".to_owned();
        self.journal.push(Entry { at, group, stage, change: change.clone(), why: None });
    }

    fn web(&mut self) -> &mut GroupNow {
        self.now.get_mut("web").unwrap()
    }

    /// Takes everybody out whom it may, and dies after `n_steps`: before a call or after it.
    fn take(&mut self, changes: &[(String, Change)], n_steps: usize) {
        let mut left = n_steps;
        let mut is_dead = || {
            let res = left == 0;
            left = left.saturating_sub(1);
            res
        };
        for (_, change) in changes {
            if is_dead() {
                return;
            }
            self.note(Stage::Intended, change);
            if is_dead() {
                return;
            }
            make(self.web(), change);
            if is_dead() {
                return;
            }
            self.note(Stage::Done, change);
            pass(self.web());
        }
    }

    /// Restores until nothing more happens, dying after `n_steps` of it if that comes first; returns
    /// how many calls it made.
    fn restore(&mut self, conditions: &BTreeMap<InstanceId, Condition>, n_steps: usize) -> usize {
        let mut n_calls = 0;
        for _ in 0..n_steps {
            let held = Held::of(&self.journal);
            let next = restoring(&held, &self.now, conditions);
            for (_, change, _) in &next.settled {
                self.note(Stage::Undone, change);
            }
            for (_, change) in &next.calls {
                unmake(self.web(), change);
                n_calls += 1;
            }
            if next.is_over() {
                break;
            }
            pass(self.web());
        }
        n_calls
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    let lifecycle = prop_oneof![4 => Just("InService"), 1 => Just("Standby")];
    let processes = ["AZRebalance", "AlarmNotification", "HealthCheck", "ReplaceUnhealthy"];
    let suspended = proptest::sample::subsequence(processes.to_vec(), 0..=4);
    (proptest::collection::vec(lifecycle, 1..50), suspended, 0..5_usize)
        .prop_map(|(lifecycles, suspended, spare)| Shape { lifecycles, suspended, spare })
}

fn whole(n: usize) -> BTreeMap<InstanceId, Condition> {
    (0..n).map(|it| (id(it), Condition::Whole)).collect()
}

const ENOUGH: usize = 20;

proptest! {
    #[test]
    fn whenever_it_dies_the_group_is_in_the_end_as_it_was(
        shape in shapes(),
        chosen in any::<u64>(),
        (dies, dies_again) in (0..20_usize, 0..4_usize),
    ) {
        let before = group(&shape);
        let n = shape.lifecycles.len();
        let wanted: Vec<InstanceId> = (0..n).filter(|it| chosen >> it & 1 == 1).map(id).collect();
        let now = GroupsNow::from([("web".to_owned(), before.clone())]);
        let changes = taking(&now, &[("web".to_owned(), wanted)]).unwrap();
        let mut world = World { now, journal: Vec::new() };
        world.take(&changes, dies);
        world.restore(&whole(n), dies_again);
        pass(world.web());
        world.restore(&whole(n), ENOUGH);
        prop_assert_eq!(&*world.web(), &before);
        prop_assert!(Held::of(&world.journal).is_empty());
        prop_assert_eq!(world.restore(&whole(n), ENOUGH), 0, "twice");
    }

    #[test]
    fn who_is_broken_stays_and_all_others_come_back(shape in shapes(), broken in any::<u64>()) {
        let before = group(&shape);
        let n = shape.lifecycles.len();
        let now = GroupsNow::from([("web".to_owned(), before.clone())]);
        let wanted: Vec<InstanceId> = (0..n).map(id).collect();
        let changes = taking(&now, &[("web".to_owned(), wanted)]).unwrap();
        let mut world = World { now, journal: Vec::new() };
        world.take(&changes, usize::MAX);
        let is_broken = |it: usize| broken >> it & 1 == 1;
        let conditions = (0..n).map(|it| match is_broken(it) {
            true => (id(it), Condition::Broken("no volume".to_owned())),
            false => (id(it), Condition::Whole),
        });
        world.restore(&conditions.collect(), ENOUGH);
        prop_assert_eq!(&world.now["web"].suspended, &before.suspended);
        for it in 0..n {
            let is_left = is_broken(it) && before.members[&id(it)] == "InService";
            let expected = if is_left { "Standby" } else { before.members[&id(it)].as_str() };
            prop_assert_eq!(world.now["web"].members[&id(it)].as_str(), expected);
        }
        world.restore(&whole(n), ENOUGH);
        prop_assert_eq!(&world.now["web"], &before);
    }
}

#[test]
fn processes_wait_for_who_comes_back_and_are_not_touched_twice() {
    let shape = Shape { lifecycles: vec!["InService"], suspended: vec!["AZRebalance"], spare: 0 };
    let now = GroupsNow::from([("web".to_owned(), group(&shape))]);
    let changes = taking(&now, &[("web".to_owned(), vec![id(0)])]).unwrap();
    let names = |it: &Change| match it {
        Change::Suspend { processes } => processes.join(" "),
        Change::Standby { instances } => format!("{} instances", instances.len()),
    };
    let order: Vec<String> = changes.iter().map(|(_, it)| names(it)).collect();
    assert_eq!(order, ["HealthCheck ReplaceUnhealthy", "1 instances"]);
    let mut world = World { now, journal: Vec::new() };
    world.take(&changes, usize::MAX);
    assert!(changes.iter().all(|(group, it)| is_made(&world.now, group, it)));
    let next = restoring(&Held::of(&world.journal), &world.now, &whole(1));
    let calls: Vec<String> = next.calls.iter().map(|(_, it)| names(it)).collect();
    assert_eq!(calls, ["1 instances"]);
    world.restore(&whole(1), ENOUGH);
    assert_eq!(world.now["web"], group(&shape));
}

#[test]
fn what_somebody_else_has_done_meanwhile_is_left_to_them() {
    let shape = Shape { lifecycles: vec!["InService"; 3], suspended: Vec::new(), spare: 0 };
    let now = GroupsNow::from([("web".to_owned(), group(&shape))]);
    let changes = taking(&now, &[("web".to_owned(), vec![id(0), id(1), id(2)])]).unwrap();
    let mut world = World { now, journal: Vec::new() };
    world.take(&changes, usize::MAX);
    world.web().members.remove(&id(0));
    world.web().members.insert(id(1), "Terminating:Wait".to_owned());
    world.web().max = 0;
    let next = restoring(&Held::of(&world.journal), &world.now, &whole(3));
    let why: Vec<&str> = next.departed.iter().map(|(_, _, it)| it.as_str()).collect();
    let stays = "whose desired capacity is not raised again for who has left";
    let left = format!("gone from the group, {stays}");
    assert_eq!(why, [left, format!("Terminating:Wait in the group, {stays}")]);
    assert!(next.remaining[0].why.contains("MaxSize is 0"), "{:?}", next.remaining);
    world.web().max = 3;
    world.web().suspended.insert("Launch".to_owned());
    let next = restoring(&Held::of(&world.journal), &world.now, &whole(3));
    assert!(next.remaining[0].why.contains("Launch is suspended"), "{:?}", next.remaining);
    world.now.clear();
    let next = restoring(&Held::of(&world.journal), &world.now, &whole(3));
    assert!(next.is_over() && next.settled.iter().all(|(_, _, it)| it == "the group is gone"));
}

#[test]
fn who_is_out_or_on_the_way_is_not_taken_twice() {
    let lifecycles = vec!["InService", "EnteringStandby", "Standby"];
    let shape = Shape { lifecycles, suspended: vec!["AZRebalance", "HealthCheck"], spare: 0 };
    let now = GroupsNow::from([("web".to_owned(), group(&shape))]);
    let changes = taking(&now, &[("web".to_owned(), vec![id(0), id(1), id(2)])]).unwrap();
    let suspend = Change::Suspend { processes: vec!["ReplaceUnhealthy".to_owned()] };
    let standby = Change::Standby { instances: vec![id(0)] };
    assert_eq!(changes, [("web".to_owned(), suspend), ("web".to_owned(), standby)]);
    assert_eq!(taking(&now, &[("web".to_owned(), vec![id(1), id(2)])]), Ok(Vec::new()));
}

#[test]
fn whoever_has_left_holds_up_nobody() {
    let lifecycles = vec!["InService", "Terminating:Wait", "Detaching"];
    let suspended = vec!["AZRebalance", "HealthCheck", "ReplaceUnhealthy"];
    let shape = Shape { lifecycles, suspended, spare: 0 };
    let now = GroupsNow::from([("web".to_owned(), group(&shape))]);
    let wanted = (0..4).map(id).collect();
    let standby = Change::Standby { instances: vec![id(0)] };
    assert_eq!(taking(&now, &[("web".to_owned(), wanted)]), Ok(vec![("web".to_owned(), standby)]));
}

#[test]
fn nobody_is_taken_whom_the_group_could_not_take_back() {
    let check = |group: &GroupNow, wanted: &[usize], expected: &str| {
        let now = GroupsNow::from([("web".to_owned(), group.clone())]);
        let wanted = wanted.iter().map(|it| id(*it)).collect();
        let err: CannotTake = taking(&now, &[("web".to_owned(), wanted)]).unwrap_err();
        assert_eq!(err.to_string(), expected);
    };
    let shape = Shape { lifecycles: vec!["InService", "Pending"], suspended: vec![], spare: 0 };
    let plain = group(&shape);
    check(&plain, &[1], "web has i-00000001 as Pending");
    let full = GroupNow { min: 1, ..plain.clone() };
    check(&full, &[0], "web has MinSize 1 of 1 wanted: 1 in Standby would fall below it");
    let mut held = plain;
    held.suspended.insert("Launch".to_owned());
    check(&held, &[0], "Launch is suspended in web: what is in Standby cannot come back");
}

#[test]
fn who_is_sound_again_is_marked_so_before_processes_go_on() {
    let held = Held(
        [(
            "web".to_owned(),
            HeldGroup {
                processes: ["ReplaceUnhealthy".to_owned()].into(),
                standby: [id(0), id(1)].into(),
            },
        )]
        .into(),
    );
    let shape =
        Shape { lifecycles: vec!["InService"; 2], suspended: vec!["ReplaceUnhealthy"], spare: 0 };
    let mut group = group(&shape);
    group.unhealthy = [id(0), id(1)].into();
    let conditions = [(id(0), Condition::Sound), (id(1), Condition::Whole)].into();
    let next = restoring(&held, &[("web".to_owned(), group.clone())].into(), &conditions);
    assert_eq!(next.healing, [("web".to_owned(), id(0))], "the other is as it was");
    assert_eq!(next.calls, []);
    assert!(!next.is_over());
    group.unhealthy = [id(1)].into();
    let next = restoring(&held, &[("web".to_owned(), group)].into(), &conditions);
    let resumed = Change::Suspend { processes: vec!["ReplaceUnhealthy".to_owned()] };
    assert_eq!((next.healing, next.calls), (Vec::new(), vec![("web".to_owned(), resumed)]));
}

#[test]
fn who_stays_out_for_the_same_reason_is_told_of_together_and_so_is_what_is_held_up_by_it() {
    let lifecycles = vec!["InService", "InService", "InService"];
    let shape = Shape { lifecycles, suspended: Vec::new(), spare: 0 };
    let now = GroupsNow::from([("web".to_owned(), group(&shape))]);
    let changes = taking(&now, &[("web".to_owned(), vec![id(0), id(1), id(2)])]).unwrap();
    let mut world = World { now, journal: Vec::new() };
    world.take(&changes, usize::MAX);
    let broken = Condition::Broken("no root volume".to_owned());
    let mut conditions = BTreeMap::from([(id(0), broken.clone()), (id(1), broken)]);
    conditions.insert(id(2), Condition::Whole);
    let next = restoring(&Held::of(&world.journal), &world.now, &conditions);
    let [one] = &next.remaining[..] else { panic!("{next:?}") };
    assert_eq!(one.change, Change::Standby { instances: vec![id(0), id(1)] });
    // As long as somebody comes back, nothing examines who boots.
    let [(group, Change::Suspend { processes })] = &next.held_up[..] else { panic!("{next:?}") };
    assert_eq!((group.as_str(), processes.len()), ("web", 3));
    conditions.remove(&id(2));
    world.web().members.insert(id(2), "InService".to_owned());
    let next = restoring(&Held::of(&world.journal), &world.now, &conditions);
    assert_eq!((next.held_up.len(), next.calls.len()), (0, 1), "{next:?}");
}

#[test]
fn nobody_is_brought_back_whom_the_group_would_end_in_service() {
    let standby = |n| Change::Standby { instances: vec![id(n)] };
    let check = |held: &[&str], suspended: Vec<&'static str>, unhealthy: &[usize]| {
        let processes = held.iter().map(|it| (*it).to_owned()).collect();
        let held = HeldGroup { processes, standby: [id(0), id(1)].into() };
        let shape = Shape { lifecycles: vec!["Standby"; 2], suspended, spare: 2 };
        let mut group = group(&shape);
        group.unhealthy = unhealthy.iter().map(|it| id(*it)).collect();
        let conditions = [(id(0), Condition::Whole), (id(1), Condition::Sound)].into();
        let held = Held([("web".to_owned(), held)].into());
        restoring(&held, &[("web".to_owned(), group)].into(), &conditions)
    };
    for (held, suspended) in [(vec![], vec![]), (vec!["Terminate"], vec!["Terminate"])] {
        let next = check(&held, suspended, &[0, 1]);
        let remaining: Vec<&Change> = next.remaining.iter().map(|it| &it.change).collect();
        assert_eq!(remaining, [&standby(0)]);
        assert_eq!(next.healing, [("web".to_owned(), id(1))], "it is marked before it comes back");
        assert_eq!(next.calls, []);
    }
    let both = Change::Standby { instances: vec![id(0), id(1)] };
    for (suspended, unhealthy) in
        [(vec![], &[][..]), (vec!["ReplaceUnhealthy"], &[0, 1]), (vec!["Terminate"], &[0, 1])]
    {
        let next = check(&[], suspended, unhealthy);
        assert_eq!(next.calls, [("web".to_owned(), both.clone())]);
        assert_eq!((next.remaining, next.healing), (Vec::new(), Vec::new()));
    }
}
