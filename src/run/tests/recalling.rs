//! `fleet cancel` in another process, as the run sees it.

use std::time::Duration;

use super::{
    EventKind, Outcome, Pace, by_ids, by_tag,
    dying::LastWords,
    id,
    model::Behaviour,
    script::{Answer, Script},
    seconds, started,
    world::{World, run},
};
use crate::{
    plan::{Plan, Rollout},
    run::{
        Accepted, Cancellation, Effect, Observed, Refusal, RefusalKind, Resume, Run, SendTargets,
    },
};

fn slow(plan: &Plan) -> Script {
    let mut script = Script::of(plan);
    script.behave(0..20, &Behaviour { takes: seconds(60), ..Behaviour::default() });
    script
}

fn instances(ids: &[usize]) -> Cancellation {
    Cancellation::Instances(ids.iter().map(|it| id(*it)).collect())
}

fn outcome(world: &World, n: usize) -> Outcome {
    world.run.members[&id(n)].outcome.unwrap()
}

#[test]
fn a_run_that_is_cancelled_sends_nothing_more_and_cancels_what_runs() {
    let plan = by_ids(&[2, 4], 2, 0);
    let mut script = slow(&plan);
    script.recalls = [(seconds(10), Cancellation::Run)].into();
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Cancelled), world.n(Outcome::NotAttempted)), (2, 4));
    assert_eq!((world.commands.len(), world.exit_code()), (1, 130));
    let report = world.report();
    assert_eq!(report.budget.used, 0);
    let verdict = report.verdict.unwrap();
    assert_eq!(
        verdict.sentence,
        "0 of 6 instances succeeded, 2 cancelled, 4 not attempted: cancelled by `fleet cancel`"
    );
    let retry = "fleet retry 20240719-040900-000001 --only cancelled,not_attempted";
    assert_eq!(verdict.next_commands, [retry]);
}

#[test]
fn a_cancel_ends_a_pause() {
    let rollout = Rollout { pause: Some(9000), ..Rollout::default() };
    let plan = Plan { rollout, ..by_ids(&[1, 4], 4, 0) };
    let mut script = Script::of(&plan);
    script.recalls = [(seconds(100), Cancellation::Run)].into();
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Succeeded), world.n(Outcome::NotAttempted)), (1, 4));
    assert!(world.now < seconds(200));
}

#[test]
fn who_is_taken_back_is_cancelled_or_never_sent_to_and_the_rest_goes_on() {
    let plan = by_ids(&[2, 4], 2, 0);
    let mut script = slow(&plan);
    script.recalls = [(seconds(10), instances(&[1, 3, 4]))].into();
    let world = run(plan, script);
    assert_eq!(outcome(&world, 1), Outcome::Cancelled);
    assert_eq!([3, 4].map(|it| outcome(&world, it)), [Outcome::NotAttempted; 2]);
    assert_eq!([0, 2, 5].map(|it| outcome(&world, it)), [Outcome::Succeeded; 3]);
    assert_eq!((world.exit_code(), world.report().budget.used), (1, 0));
    let hint = world.report().instances[3].hint.clone().unwrap();
    assert_eq!(hint, "taken back by `fleet cancel` before it was sent to");
}

#[test]
fn who_is_taken_back_while_a_send_is_throttled_is_left_out_of_it() {
    let plan = by_ids(&[4], 4, 0);
    let mut script = Script::of(&plan);
    (script.answers, script.then) = ([Answer::Throttle; 3].into(), Answer::Accept);
    script.recalls = [(Duration::from_millis(900), instances(&[2]))].into();
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Succeeded), outcome(&world, 2)), (3, Outcome::NotAttempted));
}

#[test]
fn who_is_taken_back_before_a_send_proves_throttled_is_left_out_of_it() {
    let plan = by_ids(&[4], 4, 0);
    let mut script = Script::of(&plan);
    (script.answers, script.then) = ([Answer::Throttle].into(), Answer::Accept);
    script.recalls = [(Duration::ZERO, instances(&[2]))].into();
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Succeeded), outcome(&world, 2)), (3, Outcome::NotAttempted));
}

#[test]
fn who_is_taken_back_before_a_send_is_refused_for_another_is_in_none_of_its_parts() {
    for names_unusable in [true, false] {
        let plan = by_ids(&[4], 4, 4);
        let mut script = Script::of(&plan);
        script.recalls = [(Duration::ZERO, instances(&[1]))].into();
        (script.unusable, script.names_unusable) = ([id(3)].into(), names_unusable);
        let world = run(plan, script);
        assert_eq!((world.n(Outcome::Succeeded), outcome(&world, 1)), (2, Outcome::NotAttempted));
        assert_eq!(outcome(&world, 3), Outcome::Undeliverable);
    }
}

#[test]
fn a_tag_cannot_leave_anybody_out_and_is_not_sent() {
    let plan = by_tag(4, 4, 0);
    let mut script = Script::of(&plan);
    script.then = Answer::Throttle;
    script.recalls = [(seconds(20), instances(&[2]))].into();
    let world = run(plan, script);
    assert_eq!((world.commands.len(), world.n(Outcome::NotAttempted)), (0, 4));
    assert!(world.has_note("tag.withdrawn"));
}

#[test]
fn what_a_tag_reached_is_cancelled_by_name() {
    let plan = by_tag(4, 4, 0);
    let mut script = slow(&plan);
    script.recalls = [(seconds(20), instances(&[2]))].into();
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Succeeded), outcome(&world, 2)), (3, Outcome::Cancelled));
}

/// The first fails at once, and the others outlast the cancel that comes after ten seconds.
fn cancelled_after_an_error(plan: &Plan) -> Script {
    let mut script = slow(plan);
    script.behave([0], &Behaviour::fails());
    script.recalls = [(seconds(10), Cancellation::Run)].into();
    script
}

#[test]
fn a_run_that_its_budget_had_stopped_stays_stopped_by_that_when_it_is_cancelled() {
    let plan = by_ids(&[2, 4], 2, 0);
    let script = cancelled_after_an_error(&plan);
    let world = run(plan.clone(), script.clone());
    assert_eq!((world.n(Outcome::Cancelled), world.n(Outcome::NotAttempted)), (1, 4));
    let verdict = world.report().verdict.unwrap();
    assert_eq!(
        (verdict.exit_code, verdict.sentence.as_str()),
        (
            5,
            "0 of 6 instances succeeded, 1 failed, 1 cancelled, 4 not attempted: stopped by the \
             error budget (1 error, 0 allowed), what still ran cancelled by `fleet cancel`"
        )
    );
    check_everywhere(&plan, &script);
    // What its budget has taken back of one command is as good as never sent.
    let plan = by_tag(20, 2, 0);
    let script = cancelled_after_an_error(&plan);
    let world = run(plan.clone(), script.clone());
    assert_eq!(world.exit_code(), 5, "{:?}", world.report().verdict);
    check_everywhere(&plan, &script);
}

#[test]
fn a_budget_that_had_nobody_left_to_stop_does_not_hide_a_cancel() {
    let plan = by_ids(&[4], 4, 0);
    let script = cancelled_after_an_error(&plan);
    let world = run(plan.clone(), script.clone());
    assert_eq!((world.n(Outcome::Failed), world.n(Outcome::Cancelled)), (1, 3));
    let verdict = world.report().verdict.unwrap();
    assert_eq!(verdict.exit_code, 130);
    assert!(verdict.sentence.ends_with("cancelled by `fleet cancel`"), "{verdict:?}");
    check_everywhere(&plan, &script);
}

#[test]
fn a_budget_that_is_spent_after_a_cancel_does_not_hide_it() {
    let plan = by_ids(&[2, 4], 2, 0);
    let mut script = slow(&plan);
    let stubborn = Behaviour { takes: seconds(20), ignores_cancel: true, ..Behaviour::fails() };
    script.behave([0], &stubborn);
    script.recalls = [(seconds(10), Cancellation::Run)].into();
    let world = run(plan.clone(), script.clone());
    assert_eq!(world.count(|it| matches!(it, EventKind::BudgetSpent { .. })), 1);
    assert_eq!((world.n(Outcome::Failed), world.exit_code()), (1, 130));
    check_everywhere(&plan, &script);
}

#[test]
fn whoever_was_taken_back_by_name_was_not_left_alone_by_the_budget() {
    let plan = by_ids(&[2, 1], 2, 0);
    let mut script = cancelled_after_an_error(&plan);
    script.recalls.push_front((seconds(1), instances(&[2])));
    let world = run(plan, script);
    assert_eq!(outcome(&world, 2), Outcome::NotAttempted);
    assert_eq!((world.n(Outcome::Cancelled), world.exit_code()), (1, 130));
}

#[test]
fn what_was_lost_sight_of_is_not_called_cancelled() {
    let plan = by_ids(&[2, 4], 2, 0);
    let mut script = cancelled_after_an_error(&plan);
    script.behave([1], &Behaviour { is_hidden: true, ..Behaviour::default() });
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Unknown), world.exit_code()), (1, 6));
}

#[test]
fn a_run_that_its_deadline_had_stopped_stays_stopped_by_that_when_it_is_cancelled() {
    let plan = Plan { deadline: Some(9), ..by_ids(&[2, 4], 2, 0) };
    let mut script = slow(&plan);
    let stubborn = Behaviour { takes: seconds(12), ignores_cancel: true, ..Behaviour::default() };
    script.behave([0], &stubborn);
    script.recalls = [(seconds(10), Cancellation::Run)].into();
    let world = run(plan.clone(), script.clone());
    let verdict = world.report().verdict.unwrap();
    assert!(verdict.sentence.ends_with("stopped by the deadline"), "{verdict:?}");
    assert_eq!(verdict.exit_code, 5);
    check_everywhere(&plan, &script);
}

/// A cancel that comes between the intent and its send: the driver does not make it.
fn withdrawn(what: Cancellation) -> (Run, Vec<Effect>) {
    let plan = by_ids(&[3], 3, 0);
    let (mut run, _) = Run::start(plan, Pace::default(), started());
    let mut effects = run.apply(seconds(0), Observed::CancelOrdered(what)).effects;
    let refusal = Refusal {
        kind: RefusalKind::Withdrawn,
        code: "Withdrawn".to_owned(),
        message: "taken back".to_owned(),
        advice: Vec::new(),
    };
    effects.extend(run.apply(seconds(0), Observed::Refused { send: 1, refusal }).effects);
    (run, effects)
}

#[test]
fn a_send_that_was_withdrawn_at_the_last_moment_goes_out_without_those_taken_back() {
    let (run, effects) = withdrawn(instances(&[1]));
    let [Effect::Send { send: 2, request }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(request.targets, SendTargets::Ids(vec![id(0), id(2)]));
    assert_eq!(run.members[&id(1)].outcome, Some(Outcome::NotAttempted));
    let (run, effects) = withdrawn(Cancellation::Run);
    assert!(matches!(&effects[..], [Effect::Conclude(_)]));
    assert!(run.members.values().all(|it| it.outcome == Some(Outcome::NotAttempted)));
}

#[test]
fn what_is_taken_back_during_its_send_is_cancelled_when_that_was_accepted() {
    let (mut run, _) = Run::start(by_ids(&[3], 3, 0), Pace::default(), started());
    drop(run.apply(seconds(0), Observed::CancelOrdered(instances(&[1]))));
    let accepted = Accepted { command_id: "c".to_owned(), expires_in: None, expires_after: None };
    let step = run.apply(seconds(1), Observed::Accepted { send: 1, accepted });
    let cancel = Effect::Cancel { command_id: "c".to_owned(), instances: Some(vec![id(1)]) };
    assert!(step.effects.contains(&cancel), "{step:?}");
}

/// Kills the run after each event from the cancel on, or before it saw that, and continues it.
fn check_everywhere(plan: &Plan, script: &Script) {
    let whole = run(plan.clone(), script.clone());
    let is_order = |it: &super::Event| matches!(it.data, EventKind::CancelOrdered { .. });
    let order = whole.events.iter().position(is_order).unwrap();
    for at in order..whole.events.len() {
        for words in [LastWords::Performed, LastWords::Withheld] {
            let mut world = World::dying(plan.clone(), script.clone(), Some((at, words)));
            world.finish();
            if !world.is_dead {
                continue;
            }
            world.recalled = Some(script.recalls[0].1.clone());
            world.resume(seconds(1), Resume::Continue, None);
            world.finish();
            // What an intent names may have been sent: only the service could tell.
            if world.count(|it| matches!(it, EventKind::SendLost { .. })) > 0 {
                continue;
            }
            let (report, expected) = (world.report(), whole.report());
            assert_eq!(report.totals, expected.totals, "{at} {words:?}");
            assert_eq!(report.budget, expected.budget, "{at} {words:?}");
            assert_eq!(report.verdict, expected.verdict, "{at} {words:?}");
        }
    }
}

#[test]
fn a_cancel_outlives_the_process_that_heard_it_and_reaches_the_one_after_it() {
    let plan = by_ids(&[2, 4], 2, 0);
    let mut script = slow(&plan);
    script.recalls = [(seconds(10), Cancellation::Run)].into();
    check_everywhere(&plan, &script);
    script.recalls = [(seconds(10), instances(&[1, 3]))].into();
    check_everywhere(&plan, &script);
    let plan = by_tag(4, 4, 0);
    let mut script = slow(&plan);
    script.recalls = [(seconds(10), instances(&[1, 3]))].into();
    check_everywhere(&plan, &script);
}
