//! Runbooks: an execution for each instance, under the window, the budget and the ledger that
//! commands have.

use super::{
    EventKind, Outcome, as_runbook, by_ids, count,
    dying::LastWords,
    id,
    model::Behaviour,
    script::{Answer, Reads, Script},
    seconds,
    world::{World, run},
};
use crate::run::{Effect, Resume, SendTargets};

fn runbook(waves: &[usize], slots: u32, errors: u32) -> (crate::plan::Plan, Script) {
    let plan = as_runbook(by_ids(waves, slots, errors));
    let script = Script::of(&plan);
    (plan, script)
}

fn sends(world: &World) -> Vec<(String, Vec<crate::plan::InstanceId>)> {
    let sends = world.effects.iter().filter_map(|it| match it {
        Effect::Send { request, .. } => match &request.targets {
            SendTargets::Ids(ids) => Some((request.token.clone(), ids.clone())),
            SendTargets::Tag { .. } => None,
        },
        _ => None,
    });
    sends.collect()
}

#[test]
fn every_instance_has_an_execution_under_a_token_of_its_own() {
    let (plan, script) = runbook(&[5], 3, 0);
    let world = run(plan, script);
    assert_eq!(world.n(Outcome::Succeeded), 5);
    assert_eq!(world.exit_code(), 0);
    assert_eq!(world.peak, 3);
    let mut sends = sends(&world);
    assert!(sends.iter().all(|(_, ids)| ids.len() == 1));
    sends.sort();
    sends.dedup_by(|a, b| a.0 == b.0);
    assert_eq!(sends.len(), 5);
}

#[test]
fn a_start_whose_answer_was_lost_is_asked_for_again_and_happens_once() {
    for answer in [Answer::DropAfter, Answer::DropBefore, Answer::Never, Answer::Late(400)] {
        let (plan, mut script) = runbook(&[3], 1, 0);
        script.answers = [answer].into();
        let world = run(plan, script);
        assert_eq!(world.exit_code(), 0, "{answer:?}");
        assert_eq!(world.commands.len(), 3, "{answer:?}");
        assert_eq!(count(&world.events, |it| matches!(it, EventKind::SendDoubted { .. })), 1);
    }
}

#[test]
fn a_doubted_start_is_not_asked_for_again_once_the_run_has_stopped() {
    let (plan, mut script) = runbook(&[3], 1, 0);
    script.answers = [Answer::Never].into();
    script.interrupts = [seconds(10)].into();
    let world = run(plan, script);
    assert!(world.commands.is_empty());
    assert_eq!((world.n(Outcome::Unknown), world.n(Outcome::NotAttempted)), (1, 2));
    let is_again = |it: &&Effect| matches!(it, Effect::Settle { again: Some(_), .. });
    assert_eq!(world.effects.iter().filter(is_again).count(), 0);
    // Whoever takes the run up again does not ask for it either.
    let next = world.report().verdict.unwrap().next_commands;
    let [look] = next.as_slice() else { panic!("{next:?}") };
    assert!(look.starts_with("aws ssm describe-automation-executions"), "{look}");
}

#[test]
fn whoever_takes_a_run_up_again_looks_at_the_executions_that_are_known() {
    let (plan, mut script) = runbook(&[3], 2, 0);
    script.answers = [Answer::Accept, Answer::Never].into();
    let lasting = Behaviour { ignores_cancel: true, takes: seconds(900), ..Behaviour::default() };
    script.behave(0..3, &lasting);
    script.interrupts = [seconds(10), seconds(11)].into();
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Unknown)), (130, 2));
    let next = world.report().verdict.unwrap().next_commands;
    assert!(next.len() == 3 && next[0].starts_with("fleet watch"), "{next:?}");
}

#[test]
fn a_token_that_may_have_been_forgotten_is_not_used_again() {
    for (after, expected) in [(100, 0), (601, 6)] {
        let (plan, script) = runbook(&[1], 1, 0);
        // RunStarted, WaveStarted, SendIntended: and then it dies, before or after the request.
        for last_words in [LastWords::Withheld, LastWords::Performed] {
            let mut world = World::dying(plan.clone(), script.clone(), Some((3, last_words)));
            world.finish();
            world.resume(seconds(after), Resume::Continue, None);
            world.finish();
            assert_eq!(world.exit_code(), expected, "{after} {last_words:?}");
            assert!(world.commands.len() <= 1);
        }
    }
}

#[test]
fn a_process_that_only_follows_asks_for_no_start_again() {
    let (plan, script) = runbook(&[2], 1, 0);
    let mut world = World::dying(plan, script, Some((3, LastWords::Withheld)));
    world.finish();
    world.resume(seconds(5), Resume::Follow, None);
    world.finish();
    assert!(world.commands.is_empty());
    assert_eq!((world.n(Outcome::Unknown), world.n(Outcome::NotAttempted)), (1, 1));
}

#[test]
fn the_budget_stops_the_executions_that_have_not_been_started() {
    let (plan, mut script) = runbook(&[1, 3, 8], 2, 0);
    script.behave([1, 2], &Behaviour::fails());
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Failed), world.exit_code()), (2, 5));
    assert_eq!(world.commands.len(), 3);
    assert_eq!(world.n(Outcome::NotAttempted), 9);
}

#[test]
fn the_step_of_each_execution_is_told_without_reading_it() {
    let (plan, mut script) = runbook(&[4], 4, 0);
    script.behave(0..4, &Behaviour { takes: seconds(60), ..Behaviour::default() });
    let world = run(plan, script);
    let is_progress = |it: &EventKind| {
        matches!(it, EventKind::InvocationChanged { progress: Some(it), .. }
            if it == "step 1 of 2: look")
    };
    assert_eq!(count(&world.events, is_progress), 4);
    let is_read = |it: &&Effect| matches!(it, Effect::ReadRows { .. });
    // Each is read once, when it has ended.
    assert_eq!(world.effects.iter().filter(is_read).count(), 4);
}

#[test]
fn executions_are_read_one_by_one_where_they_may_not_be_listed() {
    let (plan, mut script) = runbook(&[3], 3, 0);
    script.counts = Reads::Denied;
    let world = run(plan, script);
    assert_eq!(world.exit_code(), 0);
    let report = world.report();
    assert!(report.notes.iter().any(|it| it.text.contains("ssm:DescribeAutomationExecutions")));
}

#[test]
fn what_runs_is_stopped_when_the_operator_interrupts() {
    let (plan, mut script) = runbook(&[4], 2, 0);
    script.behave(0..4, &Behaviour { takes: seconds(60), ..Behaviour::default() });
    script.interrupts = [seconds(20)].into();
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Cancelled), world.n(Outcome::NotAttempted)), (2, 2));
    assert_eq!(world.exit_code(), 130);
    assert!(world.report().instances.iter().any(|it| it.instance_id == id(0)));
}
