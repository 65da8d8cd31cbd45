//! A send without an answer: settled before anything else, and never repeated.

use super::{
    Event, EventKind, Outcome, Pace, by_ids, by_tag, id, report,
    script::{Answer, Reads, Script},
    seconds, started, unlisted,
    world::{World, run},
};
use crate::{
    plan::Limit,
    run::{
        Accepted, Counts, Denial, Effect, Observed, OnInterrupt, ReadKind, ReadScope, Refusal,
        RefusalKind, Row, Run, Settlement, Status,
    },
};

fn check(answer: Answer, settles: Reads, exit: u8) -> World {
    let plan = by_ids(&[12], 6, 0);
    let mut script = Script::of(&plan);
    script.answers = [answer].into();
    script.settles = settles;
    let world = run(plan, script);
    assert_eq!(world.exit_code(), exit);
    let sends = world.effects.iter().filter_map(|it| match it {
        Effect::Send { request, .. } => Some(&request.token),
        _ => None,
    });
    let mut tokens: Vec<_> = sends.collect();
    tokens.dedup();
    assert_eq!(tokens.len(), world.count(|it| matches!(it, EventKind::SendIntended { .. })));
    world
}

#[test]
fn a_lost_answer_to_an_accepted_send_is_found_by_its_token() {
    let world = check(Answer::DropAfter, Reads::True, 0);
    assert_eq!(world.commands.len(), 2);
    assert_eq!(world.count(|it| matches!(it, EventKind::SendDoubted { .. })), 1);
}

#[test]
fn a_send_that_is_not_found_is_unknown_and_never_repeated() {
    let world = check(Answer::DropBefore, Reads::True, 6);
    assert_eq!(world.commands.len(), 0);
    assert_eq!((world.n(Outcome::Unknown), world.n(Outcome::NotAttempted)), (6, 6));
    let lost = world.events.iter().find(|it| matches!(it.data, EventKind::SendLost { .. }));
    assert!(lost.unwrap().elapsed_ms >= 30_000);
    let next = world.report().verdict.unwrap().next_commands;
    assert_eq!(next[0], "fleet watch 20240719-040900-000001");
    assert!(next.len() == 2 && next[1].contains("fleet:20240719-040900-000001:1"), "{next:?}");
}

#[test]
fn a_doubt_that_may_not_be_settled_is_unknown_at_once() {
    let world = check(Answer::DropAfter, Reads::Denied, 6);
    let lost = world.events.iter().find(|it| matches!(it.data, EventKind::SendLost { .. }));
    assert!(lost.unwrap().elapsed_ms < 1_000);
    let notes = world.report().notes;
    let missing = notes.iter().filter(|it| it.code == "permission.missing");
    assert_eq!(missing.count(), 1, "{notes:?}");
}

#[test]
fn a_doubt_that_nobody_answers_is_given_up() {
    check(Answer::DropAfter, Reads::Never, 6);
    check(Answer::DropAfter, Reads::Failing, 6);
    check(Answer::Never, Reads::True, 6);
}

#[test]
fn an_answer_after_the_doubt_is_believed() {
    let world = check(Answer::Late(400), Reads::Failing, 6);
    assert_eq!(world.commands.len(), 1);
    let world = check(Answer::Late(181), Reads::True, 0);
    assert_eq!(world.commands.len(), 2);
}

#[test]
fn a_lost_send_to_an_unlisted_group_is_unknown_though_nobody_can_be_named() {
    let plan = unlisted(Limit::Count(2), Limit::Count(0));
    let mut script = Script::of(&plan);
    script.answers = [Answer::DropBefore].into();
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.report().population.planned), (6, 0));
}

#[test]
fn an_interrupted_doubt_is_still_settled_and_then_cancelled() {
    let plan = by_tag(4, 1, 0);
    let mut script = Script::of(&plan);
    script.answers = [Answer::DropAfter].into();
    script.interrupts = [seconds(1)].into();
    let world = run(plan, script);
    assert_eq!(world.exit_code(), 130);
    assert_eq!(world.count(|it| matches!(it, EventKind::CommandAccepted { .. })), 1);
    assert!(world.n(Outcome::Cancelled) >= 2);
}

#[test]
fn a_second_interrupt_leaves_a_doubted_send_unknown() {
    let plan = by_ids(&[4], 2, 0);
    let mut script = Script::of(&plan);
    script.answers = [Answer::DropBefore].into();
    script.interrupts = [seconds(1), seconds(2)].into();
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Unknown)), (130, 2));
    assert_eq!(world.n(Outcome::NotAttempted), 2);
}

/// A run by ids whose first send is under way, and that has been given up by two interrupts.
fn given_up() -> (Run, Vec<Event>) {
    let (mut run, step) = Run::start(by_ids(&[4], 2, 0), Pace::default(), started());
    let mut events = step.events;
    for at in [1, 2] {
        events.extend(run.apply(seconds(at), Observed::Interrupted(OnInterrupt::Cancel)).events);
    }
    (run, events)
}

fn accepted() -> Observed {
    let command_id = "command-1".to_owned();
    let accepted = Accepted { command_id, expires_in: None, expires_after: None };
    Observed::Accepted { send: 1, accepted }
}

fn concluded() -> Observed {
    Observed::Concluded {
        changes: Vec::new(),
        api_calls: std::collections::BTreeMap::new(),
        throttled: std::collections::BTreeMap::new(),
    }
}

#[test]
fn a_command_that_is_accepted_after_the_run_was_given_up_is_written_down_and_cancelled() {
    let (mut run, mut events) = given_up();
    let step = run.apply(seconds(3), accepted());
    assert!(matches!(&step.effects[..], [Effect::Cancel { .. }]), "{:?}", step.effects);
    events.extend(step.events);
    events.extend(run.apply(seconds(3), concluded()).events);
    let report = report(&events);
    assert_eq!(report.waves[0].command_ids, ["command-1"]);
    assert_eq!(report.instances[0].command_id.as_deref(), Some("command-1"));
    assert_eq!(report.instances[2].command_id, None);
    let verdict = report.verdict.unwrap();
    assert_eq!(verdict.exit_code, 130);
    assert!(verdict.next_commands[1].contains("--command-id command-1"));
}

#[test]
fn a_command_that_is_accepted_after_the_end_is_written_down() {
    let (mut run, mut events) = given_up();
    events.extend(run.apply(seconds(3), concluded()).events);
    let step = run.apply(seconds(9), accepted());
    assert!(step.is_finished && step.effects.is_empty());
    events.extend(step.events);
    assert_eq!(report(&events).waves[0].command_ids, ["command-1"]);
    assert_eq!(report(&events).verdict.unwrap().exit_code, 130);
}

#[test]
fn a_send_on_its_way_when_track_is_lost_is_still_waited_for() {
    let (mut run, _) = Run::start(by_ids(&[4], 2, 0), Pace::default(), started());
    let row = |n| {
        let plugins = Vec::new();
        let (word, requested) = ("Success".to_owned(), None);
        let status = Status::Success;
        Row {
            instance_id: id(n),
            status,
            status_word: word.clone(),
            details_word: word,
            requested,
            progress: None,
            failure: None,
            note: None,
            plugins,
        }
    };
    drop(run.apply(seconds(1), accepted()));
    let scope = ReadScope::All;
    let rows = vec![row(0)];
    let read = Observed::Read { command_id: "command-1".to_owned(), scope, rows };
    let step = run.apply(seconds(2), read);
    assert!(matches!(&step.effects[..], [Effect::Send { send: 2, .. }]), "{:?}", step.effects);
    let denial = Some(Denial { action: "ssm:ListCommandInvocations".to_owned() });
    let failed = Observed::ReadFailed { of: ReadKind::Rows, denial, reason: String::new() };
    let step = run.apply(seconds(3), failed);
    assert!(step.effects.is_empty() && step.wake.is_some());
    let taken =
        Accepted { command_id: "command-2".to_owned(), expires_in: None, expires_after: None };
    let step = run.apply(seconds(4), Observed::Accepted { send: 2, accepted: taken });
    assert!(matches!(&step.events[0].data, EventKind::CommandAccepted { .. }));
    assert!(matches!(&step.effects[..], [Effect::Conclude { .. }]), "{:?}", step.effects);
}

#[test]
fn an_answer_that_repeats_changes_nothing() {
    let (mut run, _) = Run::start(by_ids(&[4], 2, 0), Pace::default(), started());
    drop(run.apply(seconds(1), accepted()));
    let refusal = Refusal {
        kind: RefusalKind::Throttled,
        code: String::new(),
        message: String::new(),
        advice: Vec::new(),
    };
    for again in [
        accepted(),
        Observed::Refused { send: 1, refusal },
        Observed::Doubted { send: 1, reason: String::new() },
        Observed::Settled { send: 1, settlement: Settlement::NotFound },
        Observed::Doubted { send: 9, reason: String::new() },
        Observed::Settled { send: 0, settlement: Settlement::NotFound },
    ] {
        let step = run.apply(seconds(1), again);
        assert!(step.events.is_empty() && step.effects.is_empty(), "{step:?}");
    }
}

#[test]
fn a_command_without_an_id_that_is_accepted_again_is_not_opened_again() {
    let plan = unlisted(Limit::Count(1), Limit::Count(0));
    let (mut run, _) = Run::start(plan, Pace::default(), started());
    let accepted = || {
        let accepted =
            Accepted { command_id: String::new(), expires_in: None, expires_after: None };
        Observed::Accepted { send: 1, accepted }
    };
    drop(run.apply(seconds(1), accepted()));
    let counts = vec![Counts {
        command_id: String::new(),
        is_final: true,
        targets: 0,
        completed: 0,
        errors: 0,
        delivery_timed_out: 0,
        stage: None,
    }];
    drop(run.apply(seconds(2), Observed::Counted { counts }));
    let (command_id, rows) = (String::new(), Vec::new());
    let read = Observed::Read { command_id, scope: ReadScope::All, rows };
    let step = run.apply(seconds(3), read);
    assert!(matches!(&step.effects[..], [Effect::Conclude { .. }]), "{:?}", step.effects);
    let step = run.apply(seconds(4), accepted());
    assert!(step.events.is_empty() && step.effects.is_empty(), "{step:?}");
}
