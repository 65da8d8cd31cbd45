//! Interrupts, deadlines, and the last reads.

use std::time::Duration;

use super::{
    EventKind, Outcome, by_ids, by_tag, id,
    model::Behaviour,
    script::{Answer, Reads, Script},
    seconds,
    world::run,
};
use crate::{
    plan::Plan,
    run::{Coverage, Effect, OnInterrupt},
};

fn slow() -> Behaviour {
    Behaviour { takes: seconds(60), ..Behaviour::default() }
}

#[test]
fn an_interrupt_before_the_first_answer_cancels_what_comes_of_it() {
    let plan = by_ids(&[6], 3, 0);
    let mut script = Script::of(&plan);
    script.behave(0..6, &slow());
    script.answers = [Answer::Late(5)].into();
    script.interrupts = [seconds(1)].into();
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Cancelled)), (130, 3));
    assert_eq!((world.n(Outcome::NotAttempted), world.commands.len()), (3, 1));
}

#[test]
fn an_interrupt_cancels_what_runs_and_follows_it_to_its_end() {
    let plan = by_tag(4, 4, 0);
    let mut script = Script::of(&plan);
    script.behave(0..4, &slow());
    script.behave([1], &Behaviour { ignores_cancel: true, ..slow() });
    script.interrupts = [seconds(10)].into();
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Cancelled), world.n(Outcome::Succeeded)), (3, 1));
    assert_eq!(world.exit_code(), 130);
    assert_eq!(world.count(|it| matches!(it, EventKind::CancelRequested { .. })), 1);
}

#[test]
fn an_interrupt_that_leaves_what_runs_stops_sending_and_cancels_nothing() {
    let plan = by_ids(&[2, 4], 2, 0);
    let mut script = Script::of(&plan);
    script.behave(0..6, &slow());
    (script.interrupts, script.on_interrupt) = ([seconds(10)].into(), OnInterrupt::Leave);
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (130, 2));
    assert_eq!((world.n(Outcome::NotAttempted), world.commands.len()), (4, 1));
    assert_eq!(world.count(|it| matches!(it, EventKind::CancelRequested { .. })), 0);
}

#[test]
fn a_send_that_is_under_way_when_what_runs_is_left_runs_too() {
    let plan = by_ids(&[6], 3, 0);
    let mut script = Script::of(&plan);
    script.answers = [Answer::Late(5)].into();
    (script.interrupts, script.on_interrupt) = ([seconds(1)].into(), OnInterrupt::Leave);
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (130, 3));
    assert_eq!(world.count(|it| matches!(it, EventKind::CancelRequested { .. })), 0);
}

#[test]
fn the_deadline_cancels_what_an_interrupt_has_left() {
    let plan = Plan { deadline: Some(30), ..by_tag(4, 4, 0) };
    let mut script = Script::of(&plan);
    script.behave(0..4, &slow());
    (script.interrupts, script.on_interrupt) = ([seconds(10)].into(), OnInterrupt::Leave);
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Cancelled)), (130, 4));
}

#[test]
fn a_second_interrupt_stops_following() {
    let plan = by_tag(4, 4, 0);
    let mut script = Script::of(&plan);
    script.behave(0..4, &Behaviour { ignores_cancel: true, ..slow() });
    script.interrupts = [seconds(10), seconds(12)].into();
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Unknown)), (130, 4));
    assert!(world.events.last().unwrap().elapsed_ms < 13_000);
    let next = world.report().verdict.unwrap().next_commands;
    assert_eq!(next[0], "fleet watch 20240719-040900-000001");
    assert!(next.len() == 2 && next[1].contains("command-1"), "{next:?}");
}

#[test]
fn a_second_interrupt_while_a_send_is_under_way_leaves_it_unknown() {
    let plan = by_ids(&[6], 3, 0);
    let mut script = Script::of(&plan);
    script.then = Answer::Late(30);
    script.interrupts = [seconds(1), seconds(2)].into();
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Unknown)), (130, 3));
    assert_eq!(world.n(Outcome::NotAttempted), 3);
    assert_eq!(world.count(|it| matches!(it, EventKind::SendLost { .. })), 1);
}

#[test]
fn an_interrupt_during_the_last_reads_ends_them_and_changes_no_verdict() {
    let plan = by_tag(2, 2, 0);
    let mut script = Script::of(&plan);
    script.closing = Reads::Never;
    script.interrupts = [seconds(30)].into();
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (0, 2));
    assert!(world.has_note("closing.cut"));
}

#[test]
fn last_reads_that_are_never_answered_do_not_hold_the_report_up() {
    let plan = by_tag(2, 2, 0);
    let mut script = Script::of(&plan);
    script.closing = Reads::Never;
    let world = run(plan, script);
    assert_eq!(world.exit_code(), 0);
    assert_eq!(world.report().coverage, Coverage::Unverified);
}

#[test]
fn the_deadline_cancels_what_runs_and_stops_what_is_left() {
    let plan = Plan { deadline: Some(10), ..by_ids(&[6], 3, 0) };
    let mut script = Script::of(&plan);
    script.behave(0..6, &slow());
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Cancelled), world.n(Outcome::NotAttempted)), (3, 3));
    assert_eq!(world.exit_code(), 5);
}

#[test]
fn the_deadline_holds_when_the_budget_has_been_spent_before() {
    let plan = Plan { deadline: Some(20), ..by_ids(&[6], 3, 0) };
    let mut script = Script::of(&plan);
    script.behave(0..6, &Behaviour { takes: seconds(900), ..Behaviour::default() });
    script.behave([0], &Behaviour::fails());
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Failed), world.n(Outcome::Cancelled)), (1, 2));
    assert_eq!(world.count(|it| matches!(it, EventKind::DeadlinePassed)), 1);
    assert_eq!(world.exit_code(), 5);
}

#[test]
fn what_outlasts_the_deadline_is_unknown() {
    let plan = Plan { deadline: Some(10), ..by_tag(3, 3, 0) };
    let mut script = Script::of(&plan);
    script.behave(0..3, &Behaviour { ignores_cancel: true, takes: seconds(900), ..slow() });
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Unknown)), (6, 3));
    assert!(world.events.last().unwrap().elapsed_ms < 75_000);
}

#[test]
fn a_deadline_beyond_all_time_is_no_deadline() {
    let plan = Plan { deadline: Some(u64::MAX), ..by_tag(3, 3, 0) };
    let script = Script::of(&plan);
    assert_eq!(run(plan, script).exit_code(), 0);
}

#[test]
fn output_that_was_cut_is_completed_for_failures_first_and_up_to_a_limit() {
    let plan = by_tag(120, 120, 120);
    let mut script = Script::of(&plan);
    let cut = "aaa\n---Output truncated---".to_owned();
    script.behave(0..120, &Behaviour { output: cut.clone(), ..Behaviour::default() });
    script.behave(50..110, &Behaviour { output: cut, ..Behaviour::fails() });
    let world = run(plan, script);
    let read = world.effects.iter().filter_map(|it| match it {
        Effect::ReadOutput { instance_id, .. } => Some(instance_id.clone()),
        _ => None,
    });
    let read: Vec<_> = read.collect();
    // Those that succeeded have all said the same, and are too many to be read each.
    assert!(read.iter().cloned().eq((50..100).chain([0]).map(id)));
    let report = world.report();
    assert_eq!(report.instances.iter().filter(|it| it.stdout == "whole").count(), 51);
    assert!(world.has_note("output.cut"));
}

#[test]
fn of_output_that_was_cut_each_kind_is_completed_and_all_of_it_where_that_is_possible() {
    // One of them has said all that it had to say.
    for (size, n_read) in [(51, 50), (52, 2)] {
        let plan = by_tag(size, 100, 100);
        let mut script = Script::of(&plan);
        let says = |text: &str| Behaviour {
            output: format!("{text}\n---Output truncated---"),
            ..Behaviour::default()
        };
        script.behave(0..size, &says("aaa"));
        script.behave([7], &says("bbb"));
        script.behave([8], &Behaviour::default());
        let world = run(plan, script);
        let whole = world.report().instances.into_iter().filter(|it| it.stdout == "whole");
        assert_eq!(whole.count(), n_read);
        assert_eq!(world.has_note("output.cut"), size == 52);
    }
}

#[test]
fn cut_output_is_completed_while_the_run_goes_on() {
    let plan = by_tag(300, 30, 300);
    let mut script = Script::of(&plan);
    let cut = "aaa\n---Output truncated---".to_owned();
    script.behave([0], &Behaviour { output: cut.clone(), ..Behaviour::default() });
    script.behave([1], &Behaviour { output: cut, ..Behaviour::fails() });
    let world = run(plan, script);
    let at = |is_it: fn(&EventKind) -> bool| -> Vec<u64> {
        world.events.iter().filter(|it| is_it(&it.data)).map(|it| it.elapsed_ms).collect()
    };
    let completed = at(|it| matches!(it, EventKind::OutputCompleted { .. }));
    let finished = at(|it| matches!(it, EventKind::InstanceFinished { .. }));
    assert_eq!(completed.len(), 2);
    assert!(completed[1] < finished[299], "{completed:?}, {}", finished[299]);
}

#[test]
fn who_was_named_and_is_of_another_group_cannot_leave_those_that_were_read() {
    let mut plan = by_ids(&[3], 3, 0);
    plan.population.planned[2].group = Some("db".to_owned());
    let mut script = Script::of(&plan);
    script.behave([2], &Behaviour::ends("Failed", "Undeliverable"));
    script.members = Some(vec![id(0), id(1)]);
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Undeliverable), world.n(Outcome::Succeeded)), (1, 2));
    let report = world.report();
    assert_eq!((report.population.left.len(), report.coverage), (0, Coverage::Complete));
}

#[test]
fn cancellations_that_were_asked_for_are_made_before_a_second_interrupt_ends_the_run() {
    let plan = by_tag(2, 2, 0);
    let mut script = Script::of(&plan);
    script.behave(0..2, &Behaviour { ignores_cancel: true, ..slow() });
    script.interrupts = [seconds(10), seconds(11)].into();
    for (latency, until, is_told) in [(4, 14, false), (3600, 21, true)] {
        script.cancel_latency = seconds(latency);
        let world = run(plan.clone(), script.clone());
        assert_eq!((world.exit_code(), world.n(Outcome::Unknown)), (130, 2));
        assert_eq!(world.has_note("cancel.unanswered"), is_told);
        assert_eq!(world.events.last().unwrap().elapsed_ms, until * 1000);
    }
    // A third one has no patience for that either.
    script.interrupts.push_back(seconds(12));
    let world = run(plan, script);
    assert!(world.has_note("cancel.unanswered"));
    assert_eq!(world.events.last().unwrap().elapsed_ms, 12_000);
}

#[test]
fn the_end_is_not_told_before_cancellations_are_answered_though_everybody_has_ended() {
    let plan = by_tag(2, 2, 0);
    let mut script = Script::of(&plan);
    script.behave(0..2, &slow());
    script.interrupts = [seconds(10)].into();
    for (latency, until, is_told) in [(8, 18_000, false), (3600, 20_251, true)] {
        script.cancel_latency = seconds(latency);
        let world = run(plan.clone(), script.clone());
        assert_eq!((world.exit_code(), world.n(Outcome::Cancelled)), (130, 2));
        let at = |is_it: fn(&EventKind) -> bool| {
            let all = world.events.iter().filter(|it| is_it(&it.data));
            all.map(|it| it.elapsed_ms).max().unwrap()
        };
        let ended = at(|it| matches!(it, EventKind::InstanceFinished { .. }));
        let finished = at(|it| matches!(it, EventKind::RunFinished { .. }));
        assert!(ended < 11_000, "{ended}");
        assert_eq!(finished, until);
        assert_eq!(world.has_note("cancel.unanswered"), is_told);
    }
}

#[test]
fn what_was_accepted_after_track_was_lost_and_the_run_was_interrupted_is_cancelled() {
    let plan = by_ids(&[60], 60, 0);
    let mut script = Script::of(&plan);
    script.behave(0..60, &slow());
    script.answers = [Answer::Accept, Answer::Late(30)].into();
    script.rows = Reads::Denied;
    script.interrupts = [seconds(10)].into();
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Unknown)), (130, 60));
    let cancels = world.effects.iter().filter_map(|it| match it {
        Effect::Cancel { command_id, .. } => Some(command_id.as_str()),
        _ => None,
    });
    // The world holds that none is asked for in the step that concludes.
    assert_eq!(cancels.collect::<Vec<_>>(), ["command-2"]);
}

#[test]
fn a_deadline_that_passes_when_everybody_has_ended_stops_nothing() {
    let plan = Plan { deadline: Some(10), ..by_tag(2, 2, 0) };
    let mut script = Script::of(&plan);
    // The rows that show the end arrive after the deadline.
    script.latency = seconds(1);
    script.behave(0..2, &Behaviour { takes: Duration::from_millis(9_900), ..slow() });
    let world = run(plan, script);
    assert_eq!(world.count(|it| matches!(it, EventKind::DeadlinePassed)), 1);
    assert_eq!(world.exit_code(), 0);
    assert_eq!(world.report().verdict.unwrap().sentence, "2 of 2 instances succeeded");
}
