//! A send without an answer: settled before anything else, and never repeated.

use super::{
    EventKind, Outcome, by_ids, by_tag, seconds, unlisted,
    world::{Answer, Reads, Script, World, run},
};
use crate::{plan::Limit, run::Effect};

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
    assert!(next.len() == 1 && next[0].contains("fleet:20240719-040900-000001:1"), "{next:?}");
}

#[test]
fn a_doubt_that_may_not_be_settled_is_unknown_at_once() {
    let world = check(Answer::DropAfter, Reads::Denied, 6);
    let lost = world.events.iter().find(|it| matches!(it.data, EventKind::SendLost { .. }));
    assert!(lost.unwrap().elapsed_ms < 1_000);
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
