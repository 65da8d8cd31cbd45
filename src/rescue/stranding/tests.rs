use super::{super::trace::TraceStep, *};

const ROOT: &str = "vol-aaaaaaaa";
const OTHER: &str = "vol-bbbbbbbb";
const HOLDER: &str = "i-99999999";

fn id(n: u8) -> InstanceId {
    InstanceId::parse(&format!("i-0000000{n}")).unwrap()
}

fn stranded(n: u8) -> Stranded {
    Stranded {
        id: id(n),
        state: "stopped".to_owned(),
        zone: "a".to_owned(),
        root_device: "/dev/sda1".to_owned(),
    }
}

fn step(name: &str, status: &str, outputs: &[(&str, &str)]) -> TraceStep {
    let outputs = outputs.iter().map(|(name, it)| ((*name).to_owned(), vec![(*it).to_owned()]));
    TraceStep {
        name: name.to_owned(),
        status: status.to_owned(),
        outputs: outputs.collect(),
        ..TraceStep::default()
    }
}

/// An execution that was started for an instance, told of a volume, and died after detaching it.
fn trace(n: u8, execution: &str, volume: &str) -> Trace {
    let told = [("VolumeId", volume), ("State", "running"), ("DeleteOnTermination", "true")];
    Trace {
        execution: execution.to_owned(),
        instance: id(n).to_string(),
        status: "Failed".to_owned(),
        steps: vec![
            step("look", "Success", &told),
            step("detach", "Success", &[]),
            step("attach", "Failed", &[]),
            step("script", "Pending", &[]),
        ],
        ..Trace::default()
    }
}

fn helper(id: &str, mark: &str) -> Helper {
    Helper {
        id: id.to_owned(),
        name: format!("{HELPER}: {mark}"),
        stack: None,
        state: "running".to_owned(),
        root_device: "/dev/sda1".to_owned(),
    }
}

fn volume(zone: &str, held: Option<(&str, &str)>) -> Loose {
    let state = if held.is_some() { "in-use" } else { "available" };
    let held = held.map(|(instance, device)| Hold {
        instance: instance.to_owned(),
        device: device.to_owned(),
    });
    Loose { zone: zone.to_owned(), state: state.to_owned(), held }
}

/// An instance whose root volume hangs on the helper of the execution that died.
fn wreckage() -> Wreckage {
    let volumes = [
        (ROOT.to_owned(), volume("a", Some((HOLDER, "xvdf")))),
        ("vol-99999999".to_owned(), volume("a", Some((HOLDER, "/dev/sda1")))),
    ];
    Wreckage {
        stranded: vec![stranded(1)],
        traces: vec![trace(1, "e1", ROOT)],
        helpers: vec![helper(HOLDER, "e1")],
        volumes: volumes.into(),
        ..Wreckage::default()
    }
}

fn found(wreckage: &Wreckage) -> Belonging {
    belongings(wreckage, &BTreeMap::new(), Power::AsBefore).remove(&id(1)).unwrap()
}

#[track_caller]
fn known(wreckage: &Wreckage) -> Known {
    match found(wreckage) {
        Belonging::Known(it) => it,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn unproved(wreckage: &Wreckage) -> (String, Vec<String>) {
    match found(wreckage) {
        Belonging::Unproved { why, candidates } => (why, candidates),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_volume_that_the_execution_names_and_its_helper_holds_is_the_root() {
    let it = known(&wreckage());
    assert_eq!(it.before.volume, ROOT);
    assert_eq!((it.before.state.as_str(), it.before.delete_on_termination), ("running", true));
    assert_eq!((it.before.root_device.as_str(), it.holder.as_deref()), ("/dev/sda1", Some(HOLDER)));
    assert_eq!(it.by, "execution e1 names it, and its helper i-99999999 holds it");
    assert_eq!(it.notes, [""; 0]);
}

#[test]
fn a_helper_is_of_the_execution_by_its_name_or_its_stack_or_because_a_step_names_it() {
    let of = |change: &dyn Fn(&mut Wreckage)| {
        let mut it = wreckage();
        it.traces[0].unique = Some("u1".to_owned());
        it.helpers[0].name = HELPER.to_owned();
        change(&mut it);
        found(&it)
    };
    let is_known = |it: Belonging| matches!(it, Belonging::Known(_));
    assert!(!is_known(of(&|_| {})));
    assert!(is_known(of(&|it| it.helpers[0].name = format!("{HELPER}: u1"))));
    assert!(is_known(of(&|it| it.helpers[0].stack = Some(format!("{HELPER}-e1")))));
    assert!(is_known(of(&|it| {
        it.traces[0].steps.push(step("launch", "Success", &[("InstanceId", HOLDER)]));
    })));
    // No part of a name is enough.
    assert!(!is_known(of(&|it| it.helpers[0].name = format!("{HELPER}: u10"))));
}

#[test]
fn without_a_name_the_only_volume_on_the_executions_helper_is_the_root() {
    let mut it = wreckage();
    it.traces[0].steps[0].outputs.clear();
    let known = known(&it);
    assert_eq!(known.before.volume, ROOT);
    assert_eq!(
        (known.before.state.as_str(), known.before.delete_on_termination),
        ("stopped", false)
    );
    assert_eq!(known.notes.len(), 2, "{:?}", known.notes);
    assert!(known.notes[1].contains("it is kept"), "{:?}", known.notes);
    it.volumes.insert(OTHER.to_owned(), volume("a", Some((HOLDER, "xvdg"))));
    let (why, candidates) = unproved(&it);
    assert_eq!(candidates, [ROOT, OTHER]);
    assert!(why.contains(ROOT) && why.contains(OTHER), "{why}");
}

#[test]
fn two_candidates_are_both_named_and_neither_is_taken() {
    let mut it = wreckage();
    it.traces[0].steps.push(step("look again", "Success", &[("Other", OTHER)]));
    it.volumes.insert(OTHER.to_owned(), volume("a", None));
    assert_eq!(unproved(&it).1, [ROOT, OTHER]);
    // One that cannot be it is none.
    it.volumes.insert(OTHER.to_owned(), volume("b", None));
    assert_eq!(known(&it).before.volume, ROOT);
}

#[test]
fn a_volume_that_hangs_nowhere_is_the_root_only_if_the_execution_has_detached_it() {
    let mut it = wreckage();
    it.volumes.insert(ROOT.to_owned(), volume("a", None));
    assert_eq!(known(&it).by, "execution e1 names it, and has detached it");
    it.traces[0].steps[1].status = "Pending".to_owned();
    let (why, _) = unproved(&it);
    let expected =
        "vol-aaaaaaaa is attached to nobody, and no step of execution e1 tells of detaching it";
    assert_eq!(why, expected);
}

#[test]
fn what_others_have_or_claim_is_not_taken() {
    let check = |change: &dyn Fn(&mut Wreckage), expected: &str| {
        let mut it = wreckage();
        change(&mut it);
        let (why, _) = unproved(&it);
        assert!(why.contains(expected), "{why}");
    };
    let held_by = |holder: &'static str, device: &'static str| {
        move |it: &mut Wreckage| {
            it.volumes.insert(ROOT.to_owned(), volume("a", Some((holder, device))));
        }
    };
    check(&held_by("i-00000007", "/dev/sdf"), "which is no helper of EC2Rescue's");
    check(&held_by("i-00000001", "/dev/sdf"), "is attached to it at /dev/sdf");
    check(
        &|it| {
            it.helpers.push(helper("i-88888888", "e8"));
            held_by("i-88888888", "xvdf")(it);
        },
        "the helper of another execution",
    );
    check(&|it| it.traces.insert(0, trace(2, "e2", ROOT)), "execution e2 on i-00000002 names");
    check(&|it| drop(it.volumes.remove(ROOT)), "there is no volume vol-aaaaaaaa any more");
    check(
        &|it| drop(it.volumes.insert(ROOT.to_owned(), volume("b", None))),
        "vol-aaaaaaaa is in zone b, and the instance is in a",
    );
    check(&|it| it.traces[0].status = "Success".to_owned(), "succeeded: somebody else");
    check(&|it| it.stranded[0].state = "stopping".to_owned(), "it is stopping");
    // An older one may well name what was another's root then.
    let mut it = wreckage();
    it.traces.push(trace(2, "e2", ROOT));
    assert_eq!(known(&it).before.volume, ROOT);
}

#[test]
fn while_an_execution_on_it_is_under_way_nothing_is_concluded() {
    let mut it = wreckage();
    let under_way = Trace { is_under_way: true, ..trace(1, "e0", ROOT) };
    it.traces.push(under_way);
    assert_eq!(found(&it), Belonging::UnderWay("e0".to_owned()));
    let chosen = [(id(1), ROOT.to_owned())].into();
    let found = belongings(&it, &chosen, Power::AsBefore).remove(&id(1));
    assert_eq!(found, Some(Belonging::UnderWay("e0".to_owned())));
}

#[test]
fn without_an_execution_what_is_near_is_named_and_not_taken() {
    let mut it = wreckage();
    it.traces.clear();
    let (why, candidates) = unproved(&it);
    assert!(why.starts_with("no execution on it is known"), "{why}");
    assert_eq!(candidates, [ROOT]);
}

#[test]
fn the_operator_decides_among_what_can_be() {
    let check = |volume_id: &str, change: &dyn Fn(&mut Wreckage), expected: Result<(), &str>| {
        let mut it = wreckage();
        it.traces.clear();
        change(&mut it);
        let chosen = [(id(1), volume_id.to_owned())].into();
        match (belongings(&it, &chosen, Power::Running).remove(&id(1)).unwrap(), expected) {
            (Belonging::Known(it), Ok(())) => {
                assert_eq!(
                    (it.before.volume.as_str(), it.before.state.as_str()),
                    (volume_id, "running")
                );
            }
            (Belonging::Unproved { why, .. }, Err(part)) => assert!(why.contains(part), "{why}"),
            (other, _) => panic!("{volume_id}: {other:?}"),
        }
    };
    check(ROOT, &|_| {}, Ok(()));
    check("vol-99999999", &|_| {}, Err("is the root volume of a helper"));
    check(OTHER, &|_| {}, Err("there is no volume vol-bbbbbbbb"));
    let put = |zone: &'static str, held: Option<(&'static str, &'static str)>| {
        move |it: &mut Wreckage| drop(it.volumes.insert(OTHER.to_owned(), volume(zone, held)))
    };
    check(OTHER, &put("a", None), Ok(()));
    check(OTHER, &put("b", None), Err("is in zone b"));
    check(OTHER, &put("a", Some(("i-00000007", "/dev/sdf"))), Err("is attached to i-00000007"));
    let others = |it: &mut Wreckage| {
        it.traces.push(Trace { is_under_way: true, ..trace(2, "e1", OTHER) });
    };
    check(ROOT, &others, Err("execution e1 is under way"));
}

#[test]
fn what_two_would_get_neither_gets() {
    let mut it = wreckage();
    it.stranded.push(stranded(2));
    it.traces.clear();
    let chosen = [(id(1), ROOT.to_owned()), (id(2), ROOT.to_owned())].into();
    let found = belongings(&it, &chosen, Power::AsBefore);
    for n in [1, 2] {
        let Belonging::Unproved { why, .. } = &found[&id(n)] else { panic!("{found:?}") };
        assert_eq!(why, "vol-aaaaaaaa would be the root volume of each of i-00000001, i-00000002");
    }
}

#[test]
fn what_an_execution_took_from_another_is_neither_offered_nor_taken() {
    let mut it = wreckage();
    it.stranded.push(stranded(2));
    let unproved =
        |chosen: BTreeMap<InstanceId, String>| match belongings(&it, &chosen, Power::AsBefore)
            .remove(&id(2))
        {
            Some(Belonging::Unproved { why, candidates }) => (why, candidates),
            other => panic!("{other:?}"),
        };
    let (why, candidates) = unproved([(id(2), ROOT.to_owned())].into());
    assert_eq!(why, "execution e1 took vol-aaaaaaaa from i-00000001");
    assert_eq!((candidates, unproved(BTreeMap::new()).1), (Vec::new(), Vec::new()));
}

/// An execution that has failed at its first look.
fn look(n: u8, execution: &str) -> Trace {
    let inputs = [("Api".to_owned(), "\"DescribeVolumes\"".to_owned())].into();
    let action = "aws:executeAwsApi".to_owned();
    let first = TraceStep { action, inputs, ..step("describeRootVolume", "Failed", &[]) };
    let steps = vec![first, step("detach", "Pending", &[])];
    Trace { steps, ..trace(n, execution, "") }
}

#[test]
fn what_an_execution_proves_holds_until_another_may_have_changed_anything() {
    let with = |newer: Trace| {
        let mut it = wreckage();
        it.traces.insert(0, newer);
        belongings(&it, &BTreeMap::new(), Power::AsBefore).remove(&id(1)).unwrap()
    };
    match with(look(1, "e2")) {
        Belonging::Known(it) => {
            assert_eq!((it.before.volume.as_str(), it.before.state.as_str()), (ROOT, "running"));
            assert!(it.before.delete_on_termination);
            assert_eq!(
                it.by,
                "execution e1 names it, and its helper i-99999999 holds it; execution e2 after it, \
                 which ended as Failed at describeRootVolume, has changed nothing"
            );
        }
        other => panic!("{other:?}"),
    }
    let mut changed = look(1, "e2");
    changed.steps[0].action = "aws:executeScript".to_owned();
    let stops = |newer: Trace, expected: &str| match with(newer) {
        Belonging::Unproved { why, .. } => assert!(why.contains(expected), "{why}"),
        Belonging::UnderWay(execution) => assert_eq!(execution, expected),
        other => panic!("{other:?}"),
    };
    stops(changed, "execution e2, which ended as Failed at describeRootVolume, names no volume");
    stops(Trace { is_under_way: true, ..look(1, "e2") }, "e2");
    stops(
        Trace { status: "Success".to_owned(), ..look(1, "e2") },
        "execution e2, the newest on it",
    );
    // Without an older one it is the newest that does not tell.
    let mut alone = wreckage();
    alone.traces = vec![look(1, "e2")];
    alone.helpers[0] = helper(HOLDER, "e1");
    let found = belongings(&alone, &BTreeMap::new(), Power::AsBefore).remove(&id(1));
    assert!(matches!(found, Some(Belonging::Unproved { .. })), "{found:?}");
}

#[test]
fn who_was_stopped_by_an_execution_and_not_since_is_started_again() {
    let at = |it: &str| it.parse::<Timestamp>().unwrap();
    let check = |change: &dyn Fn(&mut Wreckage), expected: Option<(&str, bool)>| {
        let halted = Halted {
            id: id(1),
            root_device: "/dev/sda1".to_owned(),
            volume: ROOT.to_owned(),
            delete_on_termination: false,
            launched: at("2024-07-18T00:00:00Z"),
        };
        let mut it = Wreckage { halted: vec![halted], stranded: Vec::new(), ..wreckage() };
        it.traces[0].started = Some(at("2024-07-19T05:30:00Z"));
        change(&mut it);
        let found = belongings(&it, &BTreeMap::new(), Power::AsBefore).remove(&id(1));
        let found = found.map(|it| match it {
            Belonging::Known(it) => (it.before.state, it.before.delete_on_termination),
            other => panic!("{other:?}"),
        });
        assert_eq!(found, expected.map(|(state, delete)| (state.to_owned(), delete)));
    };
    check(&|_| {}, Some(("running", true)));
    check(&|it| it.traces[0].status = "Success".to_owned(), None);
    check(&|it| it.traces[0].is_under_way = true, None);
    check(&|it| it.halted[0].launched = at("2024-07-19T06:00:00Z"), None);
    check(&|it| it.halted[0].volume = OTHER.to_owned(), None);
    check(&|it| it.traces[0].steps.truncate(1), None);
    check(&|it| it.traces[0].instance = id(2).to_string(), None);
    let unknown = |it: &mut Wreckage| {
        it.traces[0].steps[0].outputs.retain(|name, _| name == "VolumeId");
    };
    check(&unknown, None);
    let delete_unknown = |it: &mut Wreckage| {
        it.traces[0].steps[0].outputs.remove("DeleteOnTermination");
    };
    check(&delete_unknown, Some(("running", false)));
}
