//! Waves: the pause between them, where they stop, and what each of them may fail.

use super::{
    EventKind, Outcome, by_ids,
    dying::LastWords,
    model::Behaviour,
    script::Script,
    seconds,
    world::{World, run},
};
use crate::{
    plan::{Limit, Plan, Rollout},
    run::{Cancellation, Effect, Resume},
};

fn check(plan: Plan, exit: u8, untouched: u32, bad: &[usize]) -> World {
    let mut script = Script::of(&plan);
    script.behave(bad.iter().copied(), &Behaviour::fails());
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::NotAttempted)), (exit, untouched));
    world
}

fn rollout(plan: Plan, rollout: Rollout) -> Plan {
    Plan { rollout, ..plan }
}

fn paused(seconds: u64) -> Plan {
    rollout(by_ids(&[1, 2, 3], 3, 0), Rollout { pause: Some(seconds), ..Rollout::default() })
}

fn stopping_after(wave: u32) -> Plan {
    let stop_after_wave = Some(wave);
    rollout(by_ids(&[1, 2, 3], 3, 0), Rollout { stop_after_wave, ..Rollout::default() })
}

/// Three waves of four, of which each may fail once, and the whole run nine times.
fn of_waves() -> Plan {
    let mut plan = rollout(
        by_ids(&[4, 4, 4], 1, 9),
        Rollout { max_errors_per_wave: Some(Limit::Count(1)), ..Rollout::default() },
    );
    plan.waves.iter_mut().for_each(|it| it.max_errors = Some(1));
    plan
}

fn sentence(world: &World) -> String {
    world.report().verdict.unwrap().sentence
}

#[test]
fn a_pause_lies_between_waves_and_not_after_the_last() {
    let world = check(paused(600), 0, 0, &[]);
    let pauses = world.events.iter().filter_map(|it| match it.data {
        EventKind::PauseStarted { wave, seconds, until_ms } => {
            assert_eq!(until_ms, it.elapsed_ms + 600_000);
            Some((wave, seconds))
        }
        _ => None,
    });
    assert!(pauses.eq([(1, 600), (2, 600)]));
    let waves = world.report().waves;
    for pair in waves.windows(2) {
        let waited = pair[1].started.unwrap().duration_since(pair[0].ended.unwrap());
        assert!((600..602).contains(&waited.as_secs()), "{waited}");
    }
}

#[test]
fn nothing_is_asked_for_during_a_pause() {
    let world = check(paused(36_000), 0, 0, &[]);
    let short = check(paused(1), 0, 0, &[]);
    assert!(world.effects.len() <= short.effects.len());
}

#[test]
fn an_interrupt_ends_a_pause() {
    let plan = paused(600);
    let mut script = Script::of(&plan);
    script.interrupts = [seconds(60)].into();
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::NotAttempted)), (130, 5));
    assert!(world.events.last().unwrap().elapsed_ms < 61_000);
    let next = world.report().verdict.unwrap().next_commands;
    assert_eq!(next, ["fleet retry 20240719-040900-000001 --only not_attempted"]);
}

#[test]
fn the_deadline_ends_a_pause() {
    let world = check(Plan { deadline: Some(60), ..paused(600) }, 5, 5, &[]);
    assert!(world.events.last().unwrap().elapsed_ms < 61_000);
}

#[test]
fn a_pause_beyond_all_time_waits_for_the_interrupt() {
    let plan = paused(u64::MAX);
    let mut script = Script::of(&plan);
    script.interrupts = [seconds(9_999)].into();
    assert_eq!(run(plan, script).exit_code(), 130);
}

#[test]
fn after_the_wave_that_was_asked_for_nothing_is_sent() {
    let world = check(stopping_after(2), 5, 3, &[]);
    assert_eq!(
        sentence(&world),
        "3 of 6 instances succeeded, 3 not attempted: stopped after wave 2, as asked"
    );
    let next = world.report().verdict.unwrap().next_commands;
    assert_eq!(next, ["fleet watch 20240719-040900-000001 --continue"]);
    check(stopping_after(3), 0, 0, &[]);
    check(stopping_after(9), 0, 0, &[]);
}

/// Goes on with a run that has ended.
fn go_on(mut world: World, mode: Resume) -> World {
    world.is_dead = true;
    world.resume(seconds(500), mode, None);
    world.finish();
    world
}

#[test]
fn a_run_that_stopped_as_asked_goes_on_with_the_next_wave_and_only_once() {
    let mut plan = stopping_after(1);
    plan.rollout.pause = Some(600);
    let world = go_on(check(plan, 5, 5, &[]), Resume::Continue);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (0, 6));
    // The operator has been the pause before the second wave, and not before the third.
    let is_pause = |it: &EventKind| matches!(it, EventKind::PauseStarted { .. });
    assert_eq!((world.count(is_pause), world.commands.len()), (1, 3));
    let n_events = world.events.len();
    assert_eq!(go_on(world, Resume::Continue).events.len(), n_events);
}

#[test]
fn what_was_spent_before_the_stop_is_spent_after_it() {
    let mut plan = stopping_after(1);
    plan.limits = by_ids(&[1, 2, 3], 1, 1).limits;
    let world = check(plan, 5, 5, &[0, 1]);
    assert_eq!(world.report().budget.used, 1);
    let world = go_on(world, Resume::Continue);
    assert_eq!((world.exit_code(), world.n(Outcome::NotAttempted)), (5, 4));
    assert_eq!((world.report().budget.used, world.commands.len()), (2, 2));
    // A budget that is spent is no stop that was asked for.
    let n_events = world.events.len();
    assert_eq!(go_on(world, Resume::Continue).events.len(), n_events);
}

#[test]
fn a_run_that_stopped_as_asked_stays_as_it_is_if_it_is_followed_or_was_cancelled() {
    let world = check(stopping_after(1), 5, 5, &[]);
    let n_events = world.events.len();
    let mut world = go_on(world, Resume::Follow);
    assert_eq!(world.events.len(), n_events);
    world.recalled = Some(Cancellation::Run);
    let world = go_on(world, Resume::Continue);
    assert_eq!((world.events.len(), world.commands.len()), (n_events, 1));
}

#[test]
fn who_was_taken_back_after_the_stop_is_left_out_of_what_goes_on() {
    let mut world = check(stopping_after(1), 5, 5, &[]);
    world.recalled = Some(Cancellation::Instances([super::id(4)].into()));
    let world = go_on(world, Resume::Continue);
    assert_eq!((world.n(Outcome::Succeeded), world.n(Outcome::NotAttempted)), (5, 1));
}

#[test]
fn a_run_that_goes_on_survives_a_death_at_every_event() {
    let again = |dies: Option<(usize, LastWords)>| {
        let mut world = check(stopping_after(1), 5, 5, &[]);
        let n_stopped = world.events.len();
        world.is_dead = true;
        world.resume(seconds(500), Resume::Continue, dies);
        world.finish();
        (world, n_stopped)
    };
    let (whole, n_stopped) = again(None);
    for at in n_stopped + 1..whole.events.len() {
        for words in [LastWords::Performed, LastWords::Withheld] {
            let (mut world, _) = again(Some((at, words)));
            if world.is_dead {
                world.resume(seconds(60), Resume::Continue, None);
                world.finish();
            }
            let n_lost = world.count(|it| matches!(it, EventKind::SendLost { .. }));
            let exit = if n_lost > 0 { 6 } else { 0 };
            assert_eq!(world.exit_code(), exit, "{at} {words:?}: {:?}", world.events);
            assert!(n_lost > 0 || world.n(Outcome::Succeeded) == 6);
        }
    }
}

#[test]
fn a_stop_that_was_asked_for_comes_without_a_pause() {
    let mut plan = stopping_after(1);
    plan.rollout.pause = Some(600);
    let world = check(plan, 5, 5, &[]);
    assert_eq!(world.count(|it| matches!(it, EventKind::PauseStarted { .. })), 0);
}

#[test]
fn each_wave_has_errors_of_its_own() {
    let world = check(of_waves(), 1, 0, &[0, 5, 11]);
    assert_eq!(world.report().budget.used, 3);
}

#[test]
fn the_error_over_the_budget_of_a_wave_stops_the_run() {
    let world = check(of_waves(), 5, 6, &[0, 4, 5]);
    let spent = world.events.iter().find_map(|it| match it.data {
        EventKind::BudgetSpent { used, limit, wave } => Some((used, limit, wave)),
        _ => None,
    });
    assert_eq!(spent, Some((2, 1, Some(2))));
    let sentence = sentence(&world);
    assert!(sentence.ends_with("stopped by the budget of wave 2 (2 errors, 1 allowed)"));
}

#[test]
fn ssm_gets_what_is_left_of_the_smaller_budget() {
    let world = check(of_waves(), 1, 0, &[4]);
    let left = world.effects.iter().filter_map(|it| match it {
        Effect::Send { request, .. } => Some(request.max_errors.as_str()),
        _ => None,
    });
    let left: Vec<_> = left.collect();
    assert_eq!(left, ["1", "1", "1", "1", "1", "0", "0", "0", "1", "1", "1", "1"]);
}

#[test]
fn a_line_for_what_is_next_names_the_outcomes_that_are_there() {
    let world = check(by_ids(&[1, 2], 3, 5), 1, 0, &[0, 2]);
    let next = world.report().verdict.unwrap().next_commands;
    assert_eq!(next, ["fleet retry 20240719-040900-000001 --only failed"]);
    assert!(
        check(by_ids(&[2], 3, 0), 0, 0, &[]).report().verdict.unwrap().next_commands.is_empty()
    );
}

#[test]
fn whom_a_later_run_takes_up_is_chosen_by_outcome() {
    let plan = by_ids(&[4, 3], 1, 1);
    let mut script = Script::of(&plan);
    script.behave([1], &Behaviour::fails());
    script.behave([2], &Behaviour::ends("Failed", "InvalidPlatform"));
    let report = run(plan, script).report();
    let check = |only: &[Outcome], expected: &[usize]| {
        let expected = expected.iter().copied().map(super::id);
        assert!(crate::run::unsuccessful(&report, only).into_iter().eq(expected), "{only:?}");
    };
    check(&[], &[1, 3, 4, 5, 6]);
    check(&[Outcome::NotAttempted], &[3, 4, 5, 6]);
    check(&[Outcome::InvalidPlatform, Outcome::Succeeded], &[0, 2]);
    check(&[Outcome::Unknown], &[]);
}
