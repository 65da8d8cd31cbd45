//! Dispatch by tag: one command, whose targets SSM resolves.

use super::{
    EventKind, Outcome, Pace, by_tag, count, id,
    model::Behaviour,
    script::{Reads, Script},
    seconds, started, unlisted,
    world::run,
};
use crate::{
    plan::Limit,
    run::{Accepted, Counts, Coverage, Effect, Observed, ReadKind, ReadScope, Run, Step},
};

#[test]
fn a_whole_group_takes_one_command_and_succeeds() {
    let plan = by_tag(6, 2, 0);
    let script = Script::of(&plan);
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.commands.len()), (0, 1));
    let report = world.report();
    assert_eq!(report.coverage, Coverage::Complete);
    assert_eq!(report.verdict.unwrap().sentence, "6 of 6 instances succeeded");
    assert_eq!(report.waves[0].command_ids, ["command-1"]);
    assert_eq!(report.groups.len(), 1);
}

#[test]
fn an_empty_list_right_after_the_send_proves_nothing() {
    for visible_after in [20, 59] {
        let plan = by_tag(6, 2, 0);
        let mut script = Script::of(&plan);
        script.visible_after = seconds(visible_after);
        assert_eq!(run(plan, script).exit_code(), 0);
    }
}

#[test]
fn stale_and_partial_lists_change_no_outcome() {
    for seed in 0..40 {
        let plan = by_tag(230, 40, 0);
        let mut script = Script::of(&plan);
        (script.seed, script.stale) = (seed, Some(2));
        assert_eq!(run(plan, script).exit_code(), 0);
    }
}

#[test]
fn whom_the_tag_did_not_reach_was_not_attempted() {
    let plan = by_tag(6, 6, 0);
    let mut script = Script::of(&plan);
    script.tagged.remove(2);
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::NotAttempted)), (1, 1));
    assert!(world.report().instances[2].hint.as_ref().unwrap().contains("did not find it"));
}

#[test]
fn without_counters_whom_the_tag_did_not_reach_cannot_be_told() {
    let plan = by_tag(6, 6, 0);
    let mut script = Script::of(&plan);
    script.tagged.remove(2);
    script.counts = Reads::Denied;
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Unknown)), (6, 1));
}

#[test]
fn a_target_that_never_shows_is_unknown_and_not_unattempted() {
    let plan = by_tag(6, 6, 0);
    let mut script = Script::of(&plan);
    script.behave([2], &Behaviour { is_hidden: true, ..Behaviour::default() });
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Unknown)), (6, 1));
    assert!(world.has_note("targets.missing"));
}

#[test]
fn who_joined_is_reported_apart_and_once() {
    let plan = by_tag(3, 3, 0);
    let mut script = Script::of(&plan);
    script.tagged.push(id(7));
    script.members = Some((0..3).chain([7, 8]).map(id).collect());
    let world = run(plan, script);
    let report = world.report();
    assert_eq!((world.exit_code(), report.population.planned), (0, 3));
    let joined: Vec<_> =
        report.population.joined.iter().map(|it| (it.instance_id.clone(), it.outcome)).collect();
    assert_eq!(joined, [(id(7), Some(Outcome::Succeeded)), (id(8), None)]);
    assert_eq!(report.coverage, Coverage::Partial);
}

#[test]
fn who_left_the_group_before_it_could_finish_is_said_to_have_left() {
    let plan = by_tag(3, 3, 0);
    let mut script = Script::of(&plan);
    script.behave([1], &Behaviour::ends("Failed", "Undeliverable"));
    script.members = Some(vec![id(2)]);
    let world = run(plan, script);
    let report = world.report();
    assert_eq!((world.n(Outcome::LeftGroup), world.n(Outcome::Succeeded)), (1, 2));
    assert_eq!(report.population.left, [id(0), id(1)]);
    let hint = report.instances[1].hint.as_deref();
    assert_eq!(hint, Some("it left its Auto Scaling group during the run"));
    assert_eq!(report.budget.used, 1);
}

#[test]
fn an_unlisted_group_is_learnt_from_its_rows() {
    for counts in [Reads::True, Reads::Denied] {
        let plan = unlisted(Limit::Percent(20), Limit::Count(0));
        let mut script = Script::of(&plan);
        script.tagged = (0..12).map(id).collect();
        script.counts = counts;
        let world = run(plan, script);
        assert_eq!((world.exit_code(), world.report().population.planned), (0, 12));
        assert_eq!(world.report().coverage, Coverage::Unverified);
    }
}

#[test]
fn an_unlisted_target_that_never_shows_keeps_the_run_from_success() {
    let plan = unlisted(Limit::Count(9), Limit::Count(0));
    let mut script = Script::of(&plan);
    script.tagged = (0..5).map(id).collect();
    script.behave([2], &Behaviour { is_hidden: true, ..Behaviour::default() });
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (6, 4));
    assert!(world.has_note("targets.missing"));
}

#[test]
fn a_tag_that_matches_nothing_is_no_success() {
    for (counts, exit, note) in
        [(Reads::True, 1, "nothing.matched"), (Reads::Denied, 6, "targets.missing")]
    {
        let plan = unlisted(Limit::Count(9), Limit::Count(0));
        let mut script = Script::of(&plan);
        script.tagged = Vec::new();
        script.counts = counts;
        let world = run(plan, script);
        assert_eq!(world.exit_code(), exit);
        assert!(world.has_note(note));
    }
}

#[test]
fn a_thousand_instances_take_few_reads_and_early_failures_are_seen() {
    let plan = by_tag(1_000, 100, 10);
    let mut script = Script::of(&plan);
    script.behave([0, 1], &Behaviour::fails());
    let world = run(plan, script);
    assert_eq!(world.exit_code(), 1);
    let all = |it: &&Effect| matches!(it, Effect::ReadRows { scope: ReadScope::All, .. });
    assert_eq!(world.effects.iter().filter(all).count(), 1);
    let failed = world
        .events
        .iter()
        .find(|it| matches!(it.data, EventKind::InstanceFinished { outcome: Outcome::Failed, .. }));
    assert!(failed.unwrap().elapsed_ms < 10_000);
}

#[test]
fn what_has_ended_of_a_large_command_is_read_before_its_end_and_once() {
    let plan = by_tag(1_000, 100, 0);
    let script = Script::of(&plan);
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.report().coverage), (0, Coverage::Complete));
    let ahead =
        |it: &&Effect| matches!(it, Effect::ReadRows { scope: ReadScope::Ahead { .. }, .. });
    assert_eq!(world.effects.iter().filter(ahead).count(), 1);
    let finished = world.events.iter().filter_map(|it| match it.data {
        EventKind::InstanceFinished { .. } => Some(it.elapsed_ms),
        _ => None,
    });
    let finished: Vec<_> = finished.collect();
    assert_eq!(finished.len(), 1_000);
    assert!(finished[0] + 1_000 < finished[999], "{} and {}", finished[0], finished[999]);
}

#[test]
fn the_last_read_waits_for_the_one_ahead_of_it_and_outlives_it() {
    let command_id = || "command-1".to_owned();
    let counts = |completed| Observed::Counted {
        counts: vec![Counts {
            command_id: command_id(),
            is_final: completed == 300,
            targets: 300,
            completed,
            errors: 0,
            delivery_timed_out: 0,
            stage: None,
        }],
    };
    let scopes = |step: &Step| -> Vec<ReadScope> {
        let scope = |it: &Effect| match it {
            Effect::ReadRows { scope, .. } => Some(*scope),
            _ => None,
        };
        step.effects.iter().filter_map(scope).collect()
    };
    let ahead = ReadScope::Ahead { unfinished: 1 };
    let failed = Observed::ReadFailed { of: ReadKind::Ahead, denial: None, reason: String::new() };
    let read = Observed::Read { command_id: command_id(), scope: ahead, rows: Vec::new() };
    for (answer, expected) in [(read, vec![ReadScope::All]), (failed, Vec::new())] {
        let (mut run, _) = Run::start(by_tag(300, 30, 0), Pace::default(), started());
        let accepted = Accepted { command_id: command_id(), expires_in: None, expires_after: None };
        drop(run.apply(seconds(1), Observed::Accepted { send: 1, accepted }));
        assert_eq!(scopes(&run.apply(seconds(2), counts(269))), []);
        assert_eq!(scopes(&run.apply(seconds(3), counts(270))), [ahead]);
        assert_eq!(scopes(&run.apply(seconds(4), counts(300))), []);
        assert_eq!(scopes(&run.apply(seconds(5), answer)), expected);
        if expected.is_empty() {
            assert_eq!(scopes(&run.apply(seconds(6), counts(300))), [ReadScope::All]);
        }
    }
}

#[test]
fn failures_that_trickle_in_do_not_cost_a_read_each() {
    let plan = by_tag(2_000, 2_000, 2_000);
    let mut script = Script::of(&plan);
    for n in 0..2_000 {
        let takes = seconds(1 + n as u64 / 7);
        script.behave([n], &Behaviour { takes, ..Behaviour::fails() });
    }
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Failed)), (1, 2_000));
    let reads = world.effects.iter().filter(|it| matches!(it, Effect::ReadRows { .. })).count();
    assert!(reads < 50, "{reads}");
}

#[test]
fn counters_of_a_tag_that_is_not_resolved_yet_cost_no_read_of_all() {
    let (mut run, _) = Run::start(by_tag(300, 9, 0), Pace::default(), started());
    let command_id = "command-1".to_owned();
    let accepted = Accepted { command_id, expires_in: None, expires_after: None };
    drop(run.apply(seconds(1), Observed::Accepted { send: 1, accepted }));
    let counts = |targets| Observed::Counted {
        counts: vec![Counts {
            command_id: "command-1".to_owned(),
            is_final: false,
            targets,
            completed: 0,
            errors: 0,
            delivery_timed_out: 0,
            stage: None,
        }],
    };
    for targets in [0, 300] {
        let step = run.apply(seconds(2), counts(targets));
        assert!(step.effects.is_empty(), "{targets}: {:?}", step.effects);
    }
}

#[test]
fn counters_that_are_older_than_the_last_ones_take_nothing_back() {
    let counts = |targets, is_final| Observed::Counted {
        counts: vec![Counts {
            command_id: "command-1".to_owned(),
            is_final,
            targets,
            completed: targets,
            errors: 0,
            delivery_timed_out: 0,
            stage: None,
        }],
    };
    let rows = || Observed::Read {
        command_id: "command-1".to_owned(),
        scope: ReadScope::All,
        rows: Vec::new(),
    };
    let (mut run, _) = Run::start(by_tag(300, 9, 0), Pace::default(), started());
    let command_id = "command-1".to_owned();
    let accepted = Accepted { command_id, expires_in: None, expires_after: None };
    drop(run.apply(seconds(1), Observed::Accepted { send: 1, accepted }));
    for observed in [counts(300, true), rows(), counts(0, false), rows(), counts(0, true), rows()] {
        let step = run.apply(seconds(2), observed);
        let finished = count(&step.events, |it| matches!(it, EventKind::InstanceFinished { .. }));
        assert_eq!(finished, 0);
    }
}

#[test]
fn nobody_is_given_up_before_every_page_has_been_read_again() {
    let (mut run, _) = Run::start(by_tag(300, 9, 300), Pace::default(), started());
    let (command_id, expires_in) = ("command-1".to_owned(), Some(seconds(60)));
    let accepted = Accepted { command_id, expires_in, expires_after: None };
    drop(run.apply(seconds(1), Observed::Accepted { send: 1, accepted }));
    let counted = Observed::Counted { counts: Vec::new() };
    drop(run.apply(seconds(2), counted));
    let step = run.apply(seconds(400), Observed::Tick);
    let is_whole = |it: &Effect| matches!(it, Effect::ReadRows { scope: ReadScope::Whole, .. });
    assert!(step.effects.iter().any(is_whole), "{:?}", step.effects);
    let given_up =
        |step: &Step| count(&step.events, |it| matches!(it, EventKind::InstanceFinished { .. }));
    for (scope, expected) in [(ReadScope::All, 0), (ReadScope::Whole, 300)] {
        let command_id = "command-1".to_owned();
        let step = run.apply(seconds(401), Observed::Read { command_id, scope, rows: Vec::new() });
        assert_eq!(given_up(&step), expected);
    }
}
