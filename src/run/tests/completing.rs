//! A ledger that has lost its end: what was sent after it is found, and nobody is sent to twice.

use super::{
    EventKind, Outcome, by_ids, by_tag,
    dying::LastWords,
    model::Behaviour,
    script::{Reads, Script},
    seconds,
    world::{World, run},
};
use crate::{
    plan::Plan,
    run::{Effect, Resume},
};

/// Runs until so many events are written, forgets all but the first `kept`, and takes over a minute
/// later.
fn forget(plan: &Plan, script: &Script, at: usize, kept: usize, mode: Resume) -> Option<World> {
    let dies = Some((at, LastWords::Performed));
    let mut world = World::dying(plan.clone(), script.clone(), dies);
    world.finish();
    world.is_dead.then(|| {
        world.events.truncate(kept);
        world.resume(seconds(60), mode, None);
        world.finish();
        world
    })
}

/// Cuts off the end of the ledger, at every line of it; the world checks that nobody is sent to
/// twice.
fn check_everywhere(plan: &Plan, script: &Script) {
    let whole = run(plan.clone(), script.clone());
    let n_events = whole.events.len();
    for at in 2..n_events {
        for kept in 1..at {
            let Some(world) = forget(plan, script, at, kept, Resume::Continue) else { continue };
            let n_lost = world.count(|it| matches!(it, EventKind::SendLost { .. }));
            if n_lost == 0 {
                let why = format!("{at} {kept} {:?}", world.events);
                assert_eq!(world.exit_code(), whole.exit_code(), "{why}");
                assert_eq!(world.report().totals, whole.report().totals, "{why}");
                assert_eq!(world.report().budget, whole.report().budget, "{why}");
            }
        }
    }
}

#[test]
fn a_ledger_that_was_cut_at_any_line_sends_to_nobody_twice() {
    let plan = by_ids(&[1, 3], 2, 1);
    let mut script = Script::of(&plan);
    check_everywhere(&plan, &script);
    script.behave([0], &Behaviour::fails());
    check_everywhere(&plan, &script);
    let plan = by_tag(3, 3, 1);
    check_everywhere(&plan, &Script::of(&plan));
}

/// The first wave is known to have ended; that the second was sent is forgotten.
fn lost_second_wave(change: impl FnOnce(&mut Script), mode: Resume) -> World {
    let plan = by_ids(&[1, 2, 2], 2, 0);
    let mut script = Script::of(&plan);
    let whole = run(plan.clone(), script.clone());
    let nth = |n: usize, is_it: fn(&EventKind) -> bool| {
        let places = whole.events.iter().enumerate().filter(|(_, it)| is_it(&it.data));
        places.map(|(at, _)| at + 1).nth(n).unwrap()
    };
    let kept = nth(0, |it| matches!(it, EventKind::WaveFinished { .. }));
    let at = nth(1, |it| matches!(it, EventKind::CommandAccepted { .. }));
    change(&mut script);
    forget(&plan, &script, at, kept, mode).unwrap()
}

#[test]
fn a_send_that_the_ledger_has_lost_is_found_and_followed() {
    let world = lost_second_wave(|_| {}, Resume::Continue);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (0, 5));
    assert!(world.has_note("ledger.completed"));
    // Also by a process that only follows.
    let world = lost_second_wave(|_| {}, Resume::Follow);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (5, 3));
    assert_eq!(world.n(Outcome::NotAttempted), 2);
}

#[test]
fn where_the_sends_cannot_be_listed_nothing_more_is_sent_and_the_rest_is_unknown() {
    for reads in [Reads::Denied, Reads::Failing, Reads::Never] {
        let world = lost_second_wave(|it| it.settles = reads, Resume::Continue);
        assert_eq!((world.commands.len(), world.n(Outcome::Unknown)), (2, 4), "{reads:?}");
        assert_eq!(world.exit_code(), 6);
        assert!(world.has_note("ledger.unproven"));
    }
}

#[test]
fn nobody_is_asked_if_nothing_is_left_to_be_sent() {
    let plan = by_ids(&[3], 3, 0);
    let script = Script::of(&plan);
    let mut world = World::dying(plan, script, Some((4, LastWords::Performed)));
    world.finish();
    world.resume(seconds(60), Resume::Continue, None);
    world.finish();
    assert!(!world.effects.contains(&Effect::FindSends));
    assert_eq!(world.exit_code(), 0);
}
