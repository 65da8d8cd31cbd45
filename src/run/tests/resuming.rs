//! A process that dies, and one that takes over from its ledger.

use super::{
    EventKind, Outcome, by_ids, by_tag,
    dying::LastWords,
    id,
    model::Behaviour,
    script::{Answer, Reads, Script},
    seconds,
    world::{World, run},
};
use crate::{
    plan::{FindingFormat, Plan, Rollout, Sidecar},
    run::{Effect, OnInterrupt, Resume},
};

/// Runs until the process dies with `at` events written, and lets another one take over a minute
/// later. Returns `None` if the run was over before.
fn crash(plan: &Plan, script: &Script, at: usize, words: LastWords, mode: Resume) -> Option<World> {
    let mut world = World::dying(plan.clone(), script.clone(), Some((at, words)));
    world.finish();
    world.is_dead.then(|| {
        world.resume(seconds(60), mode, None);
        world.finish();
        world
    })
}

/// Kills the run of `plan` at every boundary of its events, and continues it.
fn check_everywhere(plan: &Plan, script: &Script) {
    let whole = run(plan.clone(), script.clone());
    let outcomes = |it: &World| {
        let report = it.report();
        report.instances.into_iter().map(|it| (it.instance_id, it.outcome)).collect::<Vec<_>>()
    };
    let n_events = whole.events.len();
    for at in 1..n_events {
        for words in [LastWords::Performed, LastWords::Withheld] {
            let world = crash(plan, script, at, words, Resume::Continue);
            let Some(world) = world else { continue };
            let last = &world.events[at - 1].data;
            // Whoever an intent names may have been sent to: only the service could tell.
            let is_lost = world.count(|it| matches!(it, EventKind::SendLost { .. })) > 0;
            if is_lost {
                assert!(matches!(last, EventKind::SendIntended { .. }), "{at} {words:?} {last:?}");
                assert_eq!(world.exit_code(), 6);
                continue;
            }
            assert_eq!(world.exit_code(), whole.exit_code(), "{at} {words:?} {last:?}");
            assert_eq!(outcomes(&world), outcomes(&whole), "{at} {words:?} {last:?}");
            let (resumed, whole) = (world.report(), whole.report());
            assert_eq!(resumed.budget, whole.budget);
            assert_eq!(resumed.coverage, whole.coverage);
            assert_eq!(resumed.notes, whole.notes, "{at} {words:?} {last:?}");
            assert_eq!(resumed.verdict, whole.verdict, "{at} {words:?} {last:?}");
            assert_eq!(resumed.population, whole.population);
        }
    }
}

fn three_waves() -> Plan {
    by_ids(&[1, 3, 5], 2, 1)
}

#[test]
fn three_waves_that_are_killed_anywhere_end_as_if_they_had_not_been() {
    let plan = three_waves();
    let mut script = Script::of(&plan);
    check_everywhere(&plan, &script);
    script.behave([2], &Behaviour::fails());
    check_everywhere(&plan, &script);
    script.behave([5], &Behaviour::fails());
    check_everywhere(&plan, &script);
}

#[test]
fn refusals_and_throttles_are_remembered() {
    let plan = three_waves();
    let mut script = Script::of(&plan);
    script.answers = [Answer::Throttle, Answer::Accept, Answer::Throttle].into();
    check_everywhere(&plan, &script);
    script.answers = [Answer::Accept, Answer::Deny].into();
    check_everywhere(&plan, &script);
    script.answers = [Answer::Accept, Answer::Refuse].into();
    check_everywhere(&plan, &script);
}

#[test]
fn findings_are_judged_the_same_whoever_finishes_the_run() {
    let mut plan = by_ids(&[1, 3], 2, 1);
    let format = FindingFormat {
        schema: "s".to_owned(),
        good: vec!["fine".to_owned()],
        ..FindingFormat::default()
    };
    let sidecar = Sidecar { findings: Some(format), ..Sidecar::default() };
    plan.document.sidecar = Some(sidecar);
    let mut script = Script::of(&plan);
    let says = |verdict: &str| Behaviour {
        output: format!(r#"{{"schema":"s","verdict":"{verdict}","findings":[]}}"#),
        ..Behaviour::default()
    };
    script.behave(0..4, &says("fine"));
    check_everywhere(&plan, &script);
    assert_eq!(run(plan.clone(), script.clone()).exit_code(), 0);
    // It succeeds by its exit code alone.
    script.behave([0], &says("bad"));
    check_everywhere(&plan, &script);
    assert_eq!(run(plan.clone(), script.clone()).exit_code(), 1);
    // What completes it is no finding either.
    let cut = "{\n---Output truncated---".to_owned();
    script.behave([0], &Behaviour { output: cut, ..Behaviour::default() });
    check_everywhere(&plan, &script);
    assert_eq!(run(plan, script).exit_code(), 1);
}

#[test]
fn an_unusable_id_is_isolated_across_processes() {
    let plan = by_ids(&[1, 8], 8, 3);
    let mut script = Script::of(&plan);
    script.unusable = [id(3), id(6)].into();
    check_everywhere(&plan, &script);
    script.names_unusable = false;
    check_everywhere(&plan, &script);
}

#[test]
fn who_joined_and_left_is_told_once() {
    let plan = by_tag(6, 2, 9);
    let mut script = Script::of(&plan);
    script.tagged.extend([id(6), id(7)]);
    script.behave([2], &Behaviour::ends("Failed", "Undeliverable"));
    script.behave([6], &Behaviour::fails());
    let cut = "aaa\n---Output truncated---".to_owned();
    script.behave([4], &Behaviour { output: cut, ..Behaviour::default() });
    script.members = Some([0, 1, 3, 4, 5, 6, 9].map(id).into());
    check_everywhere(&plan, &script);
}

#[test]
fn a_group_that_nobody_may_list_is_followed_by_another_process() {
    let limit = crate::plan::Limit::Count(2);
    let plan = super::unlisted(limit, limit);
    let mut script = Script::of(&plan);
    script.tagged = (0..7).map(id).collect();
    script.behave([2], &Behaviour::fails());
    check_everywhere(&plan, &script);
}

#[test]
fn a_pause_and_a_stop_are_kept() {
    let mut plan = three_waves();
    plan.rollout = Rollout { pause: Some(600), stop_after_wave: Some(2), ..Rollout::default() };
    let script = Script::of(&plan);
    check_everywhere(&plan, &script);
    let world = run(plan.clone(), script.clone());
    let is_pause = |it: &super::Event| matches!(it.data, EventKind::PauseStarted { .. });
    let pause = world.events.iter().position(is_pause).unwrap();
    let at = world.events[pause].elapsed_ms;
    let world = crash(&plan, &script, pause + 1, LastWords::Performed, Resume::Continue).unwrap();
    let next = world
        .events
        .iter()
        .find(|it| it.seq as usize > pause && matches!(it.data, EventKind::WaveStarted { .. }));
    assert!((600_000..600_100).contains(&(next.unwrap().elapsed_ms - at)));
}

#[test]
fn what_is_followed_only_is_not_continued() {
    let plan = three_waves();
    let script = Script::of(&plan);
    let whole = run(plan.clone(), script.clone());
    for at in 1..whole.events.len() {
        let world = crash(&plan, &script, at, LastWords::Performed, Resume::Follow);
        let Some(world) = world else { continue };
        let after = &world.events[at..];
        let n_sends = after.iter().filter(|it| matches!(it.data, EventKind::SendIntended { .. }));
        assert_eq!(n_sends.count(), 0);
        let n_left = world.n(Outcome::NotAttempted);
        let expected = if n_left == 0 {
            0
        } else if world.commands.is_empty() {
            3
        } else {
            5
        };
        assert_eq!(world.exit_code(), expected, "{at}");
        let verdict = world.report().verdict.unwrap();
        if expected == 5 {
            assert!(verdict.sentence.ends_with("because the run was followed only"));
            let next = ["fleet retry 20240719-040900-000001 --only not_attempted"];
            assert_eq!(verdict.next_commands, next);
        }
    }
}

#[test]
fn an_interrupt_outlives_the_process() {
    let plan = by_tag(4, 4, 0);
    let mut script = Script::of(&plan);
    script.behave(0..4, &Behaviour { takes: seconds(600), ..Behaviour::default() });
    script.interrupts = [seconds(10)].into();
    let whole = run(plan.clone(), script.clone());
    let is_interrupt = |it: &super::Event| matches!(it.data, EventKind::Interrupted { .. });
    let at = whole.events.iter().position(is_interrupt).unwrap() + 1;
    for words in [LastWords::Performed, LastWords::Withheld] {
        for at in [at, at + 1] {
            let world = crash(&plan, &script, at, words, Resume::Continue).unwrap();
            assert_eq!((world.exit_code(), world.n(Outcome::Cancelled)), (130, 4));
            let cancels = world.effects.iter().filter(|it| matches!(it, Effect::Cancel { .. }));
            assert!((1..=2).contains(&cancels.count()));
        }
    }
}

#[test]
fn what_an_interrupt_left_running_is_left_by_the_next_process_too() {
    let plan = by_ids(&[2, 4], 2, 0);
    let mut script = Script::of(&plan);
    script.behave(0..6, &Behaviour { takes: seconds(600), ..Behaviour::default() });
    (script.interrupts, script.on_interrupt) = ([seconds(10)].into(), OnInterrupt::Leave);
    let whole = run(plan.clone(), script.clone());
    let is_interrupt = |it: &super::Event| matches!(it.data, EventKind::Interrupted { .. });
    let at = whole.events.iter().position(is_interrupt).unwrap() + 1;
    let world = crash(&plan, &script, at, LastWords::Withheld, Resume::Continue).unwrap();
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (130, 2));
    assert_eq!(world.n(Outcome::NotAttempted), 4);
    assert!(!world.effects.iter().any(|it| matches!(it, Effect::Cancel { .. })));
}

/// Runs `script` to an end at which not everything is known, and looks again ten minutes later,
/// when all is well.
fn look_again(plan: &Plan, script: &Script) -> World {
    let mut world = run(plan.clone(), script.clone());
    assert!(world.n(Outcome::Unknown) > 0 || world.exit_code() == 6);
    let n_commands = world.commands.len();
    world.recover();
    world.is_dead = true;
    world.resume(seconds(600), Resume::Continue, None);
    world.finish();
    assert_eq!(world.commands.len(), n_commands, "nothing is sent");
    assert_eq!(world.budget_used(), world.report().budget.used);
    world
}

#[test]
fn a_run_that_stopped_following_is_followed_to_its_end_by_another() {
    let plan = by_ids(&[3, 3], 3, 0);
    let mut script = Script::of(&plan);
    let stubborn = Behaviour { takes: seconds(60), ignores_cancel: true, ..Behaviour::default() };
    script.behave(0..6, &stubborn);
    script.interrupts = [seconds(10), seconds(12)].into();
    let world = look_again(&plan, &script);
    assert_eq!((world.n(Outcome::Succeeded), world.n(Outcome::NotAttempted)), (3, 3));
    // It was interrupted all the same.
    assert_eq!((world.exit_code(), world.report().budget.used), (130, 0));
}

#[test]
fn a_doubt_that_could_not_be_settled_is_settled_later() {
    for plan in [by_ids(&[4], 4, 0), by_tag(4, 4, 0)] {
        let mut script = Script::of(&plan);
        script.answers = [Answer::DropAfter].into();
        script.settles = Reads::Failing;
        let world = look_again(&plan, &script);
        assert_eq!((world.n(Outcome::Succeeded), world.exit_code()), (4, 0));
    }
}

#[test]
fn a_send_that_nobody_ever_finds_stays_unknown_however_often_it_is_looked_for() {
    let plan = by_ids(&[4], 4, 0);
    let mut script = Script::of(&plan);
    script.answers = [Answer::DropBefore].into();
    let mut world = look_again(&plan, &script);
    assert_eq!((world.n(Outcome::Unknown), world.exit_code()), (4, 6));
    world.is_dead = true;
    world.resume(seconds(9), Resume::Follow, None);
    world.finish();
    assert_eq!((world.n(Outcome::Unknown), world.exit_code()), (4, 6));
    assert_eq!(world.report().budget.used, 4);
}

#[test]
fn a_run_that_lost_track_finds_it_again() {
    let limit = crate::plan::Limit::Count(3);
    for plan in [by_tag(5, 5, 0), super::unlisted(limit, limit)] {
        let mut script = Script::of(&plan);
        script.tagged = (0..5).map(id).collect();
        script.behave([1], &Behaviour::fails());
        script.rows = Reads::Failing;
        let world = look_again(&plan, &script);
        assert_eq!((world.n(Outcome::Succeeded), world.n(Outcome::Failed)), (4, 1));
        assert_eq!((world.exit_code(), world.report().budget.used), (1, 1));
    }
}

#[test]
fn a_deadline_that_passed_while_nobody_watched_still_lets_what_runs_answer() {
    let plan = Plan { deadline: Some(30), ..by_ids(&[6], 3, 0) };
    let mut script = Script::of(&plan);
    script.behave(0..6, &Behaviour { takes: seconds(900), ..Behaviour::default() });
    script.behave([0], &Behaviour { takes: seconds(20), ..Behaviour::default() });
    let mut world = World::dying(plan, script, Some((4, LastWords::Performed)));
    world.finish();
    world.resume(seconds(400), Resume::Continue, None);
    world.finish();
    assert_eq!((world.n(Outcome::Succeeded), world.n(Outcome::Cancelled)), (1, 2));
    assert_eq!((world.n(Outcome::NotAttempted), world.exit_code()), (3, 5));
}

#[test]
fn a_finished_run_stays_finished() {
    let plan = three_waves();
    let script = Script::of(&plan);
    let mut world = run(plan, script);
    let n_events = world.events.len();
    world.is_dead = true;
    world.resume(seconds(9), Resume::Continue, None);
    assert!(world.is_finished);
    assert_eq!(world.events.len(), n_events);
}

#[test]
fn a_value_that_the_ledger_withholds_cannot_be_sent_again() {
    let mut plan = three_waves();
    let script = Script::of(&plan);
    let is_accepted = |it: &super::Event| matches!(it.data, EventKind::CommandAccepted { .. });
    let at = run(plan.clone(), script.clone()).events.iter().position(is_accepted).unwrap() + 1;
    plan.document.parameters.0.insert("dbPassword".to_owned(), vec!["hunter2".to_owned()]);
    let mut world = World::dying(plan.clone(), script, Some((at, LastWords::Performed)));
    world.finish();
    let written = serde_json::to_string(&plan).unwrap();
    world.run.plan = serde_json::from_str(&written).unwrap();
    world.events[0].data = EventKind::RunStarted { plan: Box::new(world.run.plan.clone()) };
    world.resume(seconds(9), Resume::Continue, None);
    world.finish();
    assert!(world.has_note("parameter.withheld"));
    assert_eq!((world.exit_code(), world.n(Outcome::NotAttempted)), (5, 8));
}

#[test]
fn a_throttled_send_that_was_given_up_by_a_process_that_only_followed_stays_unsent() {
    let plan = by_ids(&[1], 1, 0);
    let mut script = Script::of(&plan);
    script.answers = [Answer::Throttle].into();
    let mut world = World::dying(plan, script, Some((4, LastWords::Withheld)));
    world.finish();
    world.resume(seconds(0), Resume::Follow, Some((6, LastWords::Withheld)));
    world.finish();
    assert!(matches!(world.events[5].data, EventKind::InstanceFinished { .. }));
    world.resume(seconds(0), Resume::Continue, None);
    world.finish();
    assert_eq!((world.commands.len(), world.exit_code()), (0, 3));
}

#[test]
fn who_had_left_and_is_looked_for_again_has_left_all_the_same() {
    let plan = by_ids(&[2], 2, 2);
    let mut script = Script::of(&plan);
    script.behave([1], &Behaviour { is_hidden: true, ..Behaviour::default() });
    script.members = Some(vec![id(0)]);
    let mut world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::LeftGroup)), (1, 1));
    world.is_dead = true;
    world.resume(seconds(600), Resume::Follow, None);
    world.finish();
    assert_eq!((world.exit_code(), world.n(Outcome::LeftGroup)), (1, 1));
    let report = world.report();
    assert_eq!((report.population.left, report.budget.used), (vec![id(1)], 1));
}

#[test]
fn whoever_takes_over_may_interrupt_once_without_losing_sight() {
    let plan = by_ids(&[3, 3], 3, 0);
    let mut script = Script::of(&plan);
    script.behave(0..6, &Behaviour { takes: seconds(200), ..Behaviour::default() });
    (script.interrupts, script.on_interrupt) = ([seconds(10)].into(), OnInterrupt::Leave);
    let is_it = |it: &crate::run::Event| matches!(it.data, EventKind::Interrupted { .. });
    let at = run(plan.clone(), script.clone()).events.iter().position(is_it).unwrap() + 1;
    script.interrupts.push_back(seconds(80));
    let world = crash(&plan, &script, at, LastWords::Performed, Resume::Follow).unwrap();
    assert_eq!(world.count(|it| matches!(it, EventKind::Interrupted { .. })), 2);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (130, 3));
}
