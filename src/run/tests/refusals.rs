//! Sends that the service did not take, and reads that it did not allow.

use std::collections::BTreeSet;

use super::{
    EventKind, Outcome, by_ids, by_tag, id,
    model::Behaviour,
    script::{Answer, Reads, Script},
    seconds, unlisted,
    world::{World, run},
};
use crate::{
    plan::Limit,
    run::{Effect, Kind},
};

fn tokens(world: &World) -> Vec<&str> {
    let sends = world.effects.iter().filter_map(|it| match it {
        Effect::Send { request, .. } => Some(request.token.as_str()),
        _ => None,
    });
    sends.collect()
}

fn check_unusable(bad: &[usize], is_named: bool, errors: u32) -> World {
    let plan = by_ids(&[20], 20, errors);
    let mut script = Script::of(&plan);
    script.unusable = bad.iter().map(|it| id(*it)).collect();
    script.names_unusable = is_named;
    let world = run(plan, script);
    assert_eq!(world.n(Outcome::Undeliverable) as usize, bad.len());
    world
}

#[test]
fn an_unusable_id_that_is_named_does_not_sink_its_chunk() {
    let world = check_unusable(&[3, 11], true, 2);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (1, 18));
    assert_eq!(tokens(&world).len(), 2);
}

#[test]
fn an_unusable_id_that_is_not_named_is_isolated_by_halving() {
    let world = check_unusable(&[3, 11], false, 2);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (1, 18));
    assert!(tokens(&world).len() <= 20);
}

#[test]
fn unusable_ids_are_charged() {
    let world = check_unusable(&[3], true, 0);
    assert_eq!((world.exit_code(), world.n(Outcome::NotAttempted)), (3, 19));
    assert_eq!(world.report().verdict.unwrap().kind, Kind::NothingSent);
}

#[test]
fn a_throttled_send_is_tried_again_with_its_token() {
    let plan = by_ids(&[4], 4, 0);
    let mut script = Script::of(&plan);
    script.answers = [Answer::Throttle; 5].into();
    let world = run(plan, script);
    assert_eq!(world.exit_code(), 0);
    let distinct: BTreeSet<_> = tokens(&world).into_iter().collect();
    assert_eq!((tokens(&world).len(), distinct.len()), (6, 1));
}

#[test]
fn a_retry_that_is_under_way_is_not_made_twice() {
    let plan = by_ids(&[4], 4, 0);
    let mut script = Script::of(&plan);
    script.answers = [Answer::Throttle, Answer::Late(30)].into();
    // An interrupt is something else that happens while the retry has no answer.
    script.interrupts = [seconds(20)].into();
    let world = run(plan, script);
    assert_eq!((tokens(&world).len(), world.commands.len()), (2, 1));
}

#[test]
fn a_throttle_without_end_is_a_refusal() {
    let plan = by_ids(&[4], 4, 0);
    let mut script = Script::of(&plan);
    script.then = Answer::Throttle;
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::NotAttempted)), (3, 4));
    let end = world.events.last().unwrap().elapsed_ms;
    assert!((600_000..620_000).contains(&end), "{end}");
    assert!(tokens(&world).len() < 100);
}

#[test]
fn an_interrupt_ends_the_retries() {
    let plan = by_ids(&[4], 4, 0);
    let mut script = Script::of(&plan);
    script.then = Answer::Throttle;
    script.interrupts = [seconds(9)].into();
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::NotAttempted)), (130, 4));
    assert!(world.events.last().unwrap().elapsed_ms < 10_000);
}

#[test]
fn a_first_send_that_is_denied_sends_nothing_and_says_why() {
    for plan in [by_ids(&[4], 2, 0), by_tag(4, 2, 0), unlisted(Limit::Count(1), Limit::Count(0))] {
        let mut script = Script::of(&plan);
        script.answers = [Answer::Deny].into();
        let verdict = run(plan, script).report().verdict.unwrap();
        assert_eq!((verdict.kind, verdict.exit_code), (Kind::NothingSent, 3));
        assert!(verdict.sentence.ends_with("AccessDenied: no"), "{}", verdict.sentence);
    }
}

#[test]
fn a_later_send_that_is_denied_halts_the_run() {
    let plan = by_ids(&[6], 2, 0);
    let mut script = Script::of(&plan);
    script.answers = [Answer::Accept, Answer::Deny].into();
    let world = run(plan, script);
    assert_eq!(world.exit_code(), 5);
    let n = |outcome| world.n(outcome);
    let found = (n(Outcome::Succeeded), n(Outcome::AccessDenied), n(Outcome::NotAttempted));
    assert_eq!(found, (2, 2, 2));
}

#[test]
fn a_refused_send_by_tag_ends_the_run() {
    let plan = by_tag(4, 2, 0);
    let mut script = Script::of(&plan);
    script.unusable = [id(1)].into();
    assert_eq!(run(plan, script).exit_code(), 3);
}

#[test]
fn counters_that_are_denied_cost_a_note_and_a_quiet_period() {
    for (plan, tagged) in [
        (by_tag(6, 2, 0), 6),
        (by_ids(&[120], 120, 0), 120),
        (unlisted(Limit::Count(2), Limit::Count(0)), 7),
    ] {
        let mut script = Script::of(&plan);
        script.tagged = (0..tagged).map(id).collect();
        script.counts = Reads::Denied;
        let world = run(plan, script);
        assert_eq!((world.exit_code(), world.report().population.planned as usize), (0, tagged));
        let n_notes =
            world.report().notes.iter().filter(|it| it.code == "permission.missing").count();
        assert!(n_notes <= 1);
    }
}

#[test]
fn rows_that_are_denied_leave_everything_unknown() {
    let plan = by_ids(&[9], 3, 0);
    let mut script = Script::of(&plan);
    script.rows = Reads::Denied;
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Unknown)), (6, 3));
    assert_eq!(world.n(Outcome::NotAttempted), 6);
    assert!(world.has_note("track.lost"));
}

#[test]
fn reads_that_fail_for_too_long_lose_track() {
    let told = |it: &EventKind| match it {
        EventKind::NoteTaken { note } => note.code == "reads.failing",
        _ => false,
    };
    let plan = by_ids(&[120], 120, 0);
    let mut script = Script::of(&plan);
    script.rows = Reads::Failing;
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Unknown)), (6, 120));
    assert_eq!(world.count(told), 1);
    let end = world.events.last().unwrap().elapsed_ms;
    assert!((180_000..190_000).contains(&end), "{end}");
}

#[test]
fn reads_that_are_never_answered_lose_track_too() {
    let plan = by_ids(&[4], 4, 0);
    let mut script = Script::of(&plan);
    script.rows = Reads::Never;
    assert_eq!(run(plan, script).exit_code(), 6);
}

#[test]
fn a_send_that_was_throttled_when_track_was_lost_was_not_attempted() {
    let plan = by_ids(&[50], 2, 0);
    let mut script = Script::of(&plan);
    script.answers = std::iter::once(Answer::Accept).chain([Answer::Throttle; 200]).collect();
    // One slot is free at once; the other's reads fail from then on.
    script.behave([0], &Behaviour { takes: seconds(1), ..Behaviour::default() });
    script.behave([1], &Behaviour { takes: seconds(900), ..Behaviour::default() });
    script.rows_fail_from = Some(seconds(5));
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Unknown)), (6, 1));
    assert_eq!((world.n(Outcome::Succeeded), world.n(Outcome::NotAttempted)), (1, 48));
    assert_eq!(world.count(|it| matches!(it, EventKind::SendLost { .. })), 0);
}
