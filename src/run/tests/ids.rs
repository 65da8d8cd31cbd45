//! Dispatch by ids: the window, the chunks, the waves.

use super::{
    EventKind, Outcome, by_ids, id,
    model::Behaviour,
    script::Script,
    seconds,
    world::{World, run},
};
use crate::run::Effect;

fn check_window(n: usize, slots: u32, n_commands: usize) -> World {
    let plan = by_ids(&[n], slots, 0);
    let script = Script::of(&plan);
    let world = run(plan, script);
    assert_eq!(world.exit_code(), 0);
    assert_eq!(world.peak, slots.min(120) as usize);
    assert_eq!(world.commands.len(), n_commands);
    world
}

#[test]
fn a_window_of_one_sends_one_at_a_time() {
    check_window(120, 1, 120);
}

#[test]
fn a_window_of_ten_never_holds_an_eleventh() {
    check_window(120, 10, 12);
}

#[test]
fn a_window_wider_than_a_command_takes_several() {
    let world = check_window(120, 120, 3);
    assert!(world.commands.iter().all(|it| it.invocations.len() <= 50));
}

#[test]
fn a_slot_is_held_until_its_invocation_is_terminal() {
    let plan = by_ids(&[20], 10, 0);
    let mut script = Script::of(&plan);
    script.behave([0], &Behaviour { takes: seconds(900), ..Behaviour::default() });
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.peak), (0, 10));
    // Nine slots are free while the first instance runs, and the last waits for one of them.
    assert!(world.commands.len() > 2);
}

#[test]
fn a_wave_starts_when_the_one_before_is_entirely_terminal() {
    let plan = by_ids(&[1, 4, 15], 10, 0);
    let script = Script::of(&plan);
    let world = run(plan, script);
    assert_eq!(world.exit_code(), 0);
    let marks = world.events.iter().filter_map(|it| match it.data {
        EventKind::WaveStarted { wave, instances } => Some((wave, instances)),
        EventKind::WaveFinished { wave } => Some((wave, 0)),
        _ => None,
    });
    let expected = [(1, 1), (1, 0), (2, 4), (2, 0), (3, 15), (3, 0)];
    assert!(marks.eq(expected));
    let report = world.report();
    let n_commands = report.waves.iter().map(|it| it.command_ids.len());
    assert!(n_commands.eq([1, 1, 2]));
    assert!(report.waves.iter().all(|it| it.started.is_some() && it.ended.is_some()));
}

#[test]
fn a_wave_without_instances_is_passed_over() {
    let plan = by_ids(&[2, 0, 3, 0], 10, 0);
    let script = Script::of(&plan);
    assert_eq!(run(plan, script).exit_code(), 0);
}

#[test]
fn a_failed_canary_withholds_the_rest() {
    let plan = by_ids(&[1, 9], 10, 0);
    let mut script = Script::of(&plan);
    script.behave([0], &Behaviour::fails());
    let world = run(plan, script);
    assert_eq!(world.exit_code(), 5);
    assert_eq!((world.n(Outcome::Failed), world.n(Outcome::NotAttempted)), (1, 9));
    assert_eq!(world.commands.len(), 1);
}

#[test]
fn the_next_wave_waits_for_an_instance_that_may_still_be_running() {
    let plan = by_ids(&[3, 5], 10, 5);
    let mut script = Script::of(&plan);
    script.behave([1], &Behaviour { is_hidden: true, ..Behaviour::default() });
    let world = run(plan, script);
    assert_eq!(world.exit_code(), 6);
    assert_eq!((world.n(Outcome::Unknown), world.n(Outcome::NotAttempted)), (1, 5));
    assert!(world.has_note("slots.adrift"));
}

#[test]
fn a_slot_that_is_never_given_back_narrows_the_window() {
    let plan = by_ids(&[12], 3, 9);
    let mut script = Script::of(&plan);
    script.behave([1], &Behaviour { is_hidden: true, ..Behaviour::default() });
    let world = run(plan, script);
    assert_eq!(world.exit_code(), 6);
    assert_eq!((world.n(Outcome::Unknown), world.n(Outcome::Succeeded)), (1, 11));
    let sends = world.effects.iter().filter(|it| matches!(it, Effect::Send { .. }));
    assert!(sends.count() > 4);
}

#[test]
fn an_answer_that_never_comes_does_not_hold_the_run_up_when_ssm_has_given_up() {
    let plan = by_ids(&[3], 1, 9);
    let mut script = Script::of(&plan);
    // It runs for ever: SSM would have said DeliveryTimedOut long before.
    script.behave([0], &Behaviour { takes: seconds(90_000), ..Behaviour::default() });
    let world = run(plan, script);
    assert_eq!(world.exit_code(), 6);
    assert_eq!((world.n(Outcome::Unknown), world.n(Outcome::NotAttempted)), (1, 2));
    let end = world.events.last().unwrap().elapsed_ms;
    assert!((4_500_000..4_520_000).contains(&end), "{end}");
    assert_eq!(world.report().instances[0].instance_id, id(0));
}

#[test]
fn ten_thousand_instances_are_cheap_to_follow() {
    let plan = by_ids(&[10_000], 10_000, 0);
    let script = Script::of(&plan);
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.commands.len()), (0, 200));
    let is_read = |it: &&Effect| matches!(it, Effect::ReadRows { .. } | Effect::ReadCounts { .. });
    let n_reads = world.effects.iter().filter(is_read).count();
    assert!(n_reads <= 2 * 201, "{n_reads}");
}

#[test]
fn rows_that_never_show_are_given_up_once_ssm_counts_the_command_as_over() {
    let plan = by_ids(&[3], 3, 9);
    let mut script = Script::of(&plan);
    script.behave(0..3, &Behaviour { is_hidden: true, ..Behaviour::default() });
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Unknown)), (6, 3));
    assert!(world.events.last().unwrap().elapsed_ms < 200_000);
}

#[test]
fn an_instance_that_a_plan_names_twice_is_sent_to_and_reported_once() {
    let mut plan = by_ids(&[3, 3], 2, 0);
    plan.waves[0].instances.push(id(0));
    plan.waves[1].instances.push(id(1));
    let script = Script::of(&plan);
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (0, 6));
}

#[test]
fn rows_that_never_show_do_not_hold_up_a_run_whose_budget_is_spent() {
    let plan = by_ids(&[60], 60, 0);
    let mut script = Script::of(&plan);
    script.behave(50..60, &Behaviour { is_hidden: true, ..Behaviour::default() });
    script.behave([0], &Behaviour::fails());
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Unknown)), (6, 10));
    assert!(world.events.last().unwrap().elapsed_ms < 200_000);
}
