//! Counters that cannot be read: they only save calls, so the rows are asked instead.

use std::time::Duration;

use super::{
    EventKind, Outcome, as_runbook, by_ids, by_tag, id,
    model::Behaviour,
    script::{Reads, Script},
    seconds, unlisted,
    world::{World, run},
};
use crate::{
    plan::{Limit, Plan},
    run::{Effect, ReadScope},
};

fn lasting(seconds_: u64) -> Behaviour {
    Behaviour { takes: seconds(seconds_), ..Behaviour::default() }
}

fn notes(world: &World) -> usize {
    told(world, "counts.failing")
}

/// How often it was told while it lasted.
fn told(world: &World, code: &str) -> usize {
    let is_of = |it: &&EventKind| matches!(it, EventKind::NoteTaken { note } if note.code == code);
    world.events.iter().map(|it| &it.data).filter(is_of).count()
}

fn reads(world: &World, is_it: fn(&Effect) -> bool) -> usize {
    world.effects.iter().filter(|it| is_it(it)).count()
}

fn is_whole(effect: &Effect) -> bool {
    matches!(effect, Effect::ReadRows { scope: ReadScope::All | ReadScope::Whole, .. })
}

fn is_counting(effect: &Effect) -> bool {
    matches!(effect, Effect::ReadCounts { .. })
}

fn plans() -> [Plan; 4] {
    let limit = Limit::Count(60);
    [
        by_tag(60, 60, 0),
        by_ids(&[120], 120, 0),
        as_runbook(by_ids(&[9], 9, 0)),
        unlisted(limit, Limit::Count(0)),
    ]
}

#[test]
fn counters_that_fail_for_ever_cost_a_note_and_no_outcome() {
    for (plan, counts) in plans()
        .into_iter()
        .flat_map(|it| [Reads::Failing, Reads::Never].map(|counts| (it.clone(), counts)))
    {
        let kind = plan.document.kind();
        let mut script = Script::of(&plan);
        if script.tagged.is_empty() {
            script.tagged = (0..60).map(id).collect();
        }
        let n = u32::try_from(script.tagged.len()).unwrap();
        script.behave(0..120, &lasting(400));
        script.counts = counts;
        let world = run(plan, script);
        assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (0, n), "{kind:?} {counts:?}");
        assert_eq!((notes(&world), told(&world, "reads.failing")), (1, 0));
        let end = world.events.last().unwrap().elapsed_ms;
        assert!(end < 425_000, "{kind:?} {counts:?}: {end}");
    }
}

#[test]
fn a_failure_stops_the_run_though_no_counter_tells_of_it() {
    let plan = as_runbook(by_ids(&[1, 9], 3, 0));
    let mut script = Script::of(&plan);
    script.behave(0..10, &lasting(300));
    script.behave([2], &Behaviour { takes: seconds(100), ..Behaviour::fails() });
    script.counts_fail = Duration::ZERO..Duration::MAX;
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Failed)), (5, 1));
    assert_eq!((world.n(Outcome::Succeeded), world.n(Outcome::NotAttempted)), (3, 6));
}

#[test]
fn counters_that_are_back_are_asked_alone_again() {
    let plan = by_tag(1_000, 1_000, 0);
    let mut script = Script::of(&plan);
    script.behave(0..1_000, &lasting(900));
    script.counts_fail = seconds(100)..seconds(200);
    let world = run(plan.clone(), script.clone());
    assert_eq!((world.exit_code(), notes(&world)), (0, 1));
    let n_whole = reads(&world, is_whole);
    // From the note on, 115 s to 240 s at the most, five seconds apart; and the end.
    assert!((17..=33).contains(&n_whole), "{n_whole}");
    script.counts_fail = seconds(0)..seconds(0);
    let usual = run(plan, script);
    assert!(reads(&usual, is_whole) <= 2);
    let n_fewer = reads(&usual, is_counting) - reads(&world, is_counting);
    assert!((10..40).contains(&n_fewer), "{n_fewer}");
}

#[test]
fn counters_that_fail_for_a_moment_cost_nothing() {
    let plan = by_tag(1_000, 1_000, 0);
    let mut script = Script::of(&plan);
    script.behave(0..1_000, &lasting(900));
    script.counts_fail = seconds(100)..seconds(112);
    let world = run(plan, script);
    assert_eq!((world.exit_code(), notes(&world)), (0, 0));
    assert!(reads(&world, is_whole) <= 2);
}

#[test]
fn of_whom_the_counters_have_told_before_nobody_is_given_up_for_a_still_list() {
    let plan = by_tag(60, 60, 0);
    let mut script = Script::of(&plan);
    // Seen by the counters, and not yet in the list when the counters fail.
    script.behave(0..60, &lasting(90));
    script.visible_after = seconds(300);
    script.counts_fail = seconds(20)..Duration::MAX;
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (0, 60));
}

#[test]
fn track_is_lost_once_the_rows_fail_as_well() {
    for plan in [by_ids(&[120], 120, 0), as_runbook(by_ids(&[9], 9, 0))] {
        let mut script = Script::of(&plan);
        (script.counts, script.rows) = (Reads::Failing, Reads::Failing);
        let world = run(plan, script);
        assert_eq!(world.exit_code(), 6);
        assert!(world.has_note("track.lost"));
        assert_eq!(told(&world, "reads.failing"), 1);
        let end = world.events.last().unwrap().elapsed_ms;
        assert!((180_000..210_000).contains(&end), "{end}");
    }
}

#[test]
fn counters_that_are_denied_after_they_have_failed_are_not_asked_again() {
    let plan = as_runbook(by_ids(&[9], 9, 0));
    let mut script = Script::of(&plan);
    script.behave(0..9, &lasting(300));
    script.counts = Reads::Denied;
    script.counts_fail = Duration::ZERO..seconds(70);
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (0, 9));
    assert_eq!(notes(&world), 1);
    let last = world.effects.iter().rposition(is_counting).unwrap();
    assert!(world.effects[last..].iter().filter(|it| is_whole(it)).count() > 100);
    assert!(world.has_note("permission.missing"));
}
