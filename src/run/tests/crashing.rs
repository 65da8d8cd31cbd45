//! Properties over random worlds whose processes die, and over ledgers that no process wrote.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;

use super::{
    Event, EventKind, Pace,
    dying::LastWords,
    id,
    model::Behaviour,
    nonsense::wait,
    random::{self, cases},
    script::Script,
    seconds, started,
    world::World,
};
use crate::{
    plan::{Plan, Rollout},
    run::{Effect, Observed, Outcome, Resume, Run},
};

#[derive(Debug, Clone, Copy)]
struct Death {
    /// How many events a process writes at most.
    events: usize,
    last_words: LastWords,
    /// How long nobody watches.
    after: u64,
    mode: Resume,
}

fn death() -> impl Strategy<Value = Death> {
    let words = prop::sample::select(vec![LastWords::Performed, LastWords::Withheld]);
    let mode = prop_oneof![5 => Just(Resume::Continue), 1 => Just(Resume::Follow)];
    let after = prop_oneof![3 => 0_u64..300, 1 => 300_u64..10_000];
    (1_usize..40, words, after, mode).prop_map(|(events, last_words, after, mode)| Death {
        events,
        last_words,
        after,
        mode,
    })
}

/// Runs the world, with one process after the other dying, to its end.
fn run_to_the_end(plan: Plan, script: Script, deaths: &[Death]) -> World {
    let dies = |from: usize, it: Option<&Death>| it.map(|it| (from + it.events, it.last_words));
    let mut world = World::dying(plan, script, dies(0, deaths.first()));
    for (at, death) in deaths.iter().enumerate() {
        world.finish();
        if !world.is_dead {
            return world;
        }
        let next = dies(world.events.len(), deaths.get(at + 1));
        world.resume(seconds(death.after), death.mode, next);
    }
    world.finish();
    world
}

fn three_waves() -> impl Strategy<Value = (Plan, Script)> {
    let sizes = (1_usize..3, 1_usize..5, 1_usize..9);
    let bad = prop::collection::btree_set(0_usize..16, 0..3);
    let pause = prop::option::of(1_u64..90);
    (sizes, 1_u32..9, 0_u32..3, bad, pause, any::<bool>()).prop_map(
        |((a, b, c), slots, errors, bad, pause, is_runbook)| {
            let plan = super::by_ids(&[a, b, c], slots, errors);
            let plan = if is_runbook { super::as_runbook(plan) } else { plan };
            let plan = Plan { rollout: Rollout { pause, ..Rollout::default() }, ..plan };
            let mut script = Script::of(&plan);
            script.behave(bad, &Behaviour::fails());
            (plan, script)
        },
    )
}

proptest! {
    #![proptest_config(cases(192))]

    /// The world checks the rest: nobody twice, every planned instance once, never more than the
    /// window, outcomes that are true, and that it ends.
    #[test]
    fn any_run_survives_any_deaths(
        (plan, script) in random::world(),
        deaths in prop::collection::vec(death(), 1..4),
    ) {
        let world = run_to_the_end(plan, script, &deaths);
        let report = world.report();
        prop_assert_eq!(report.budget.used, world.budget_used());
        for facts in &report.instances {
            let outcome = world.run.members[&facts.instance_id].outcome;
            prop_assert_eq!(outcome, Some(facts.outcome));
        }
    }

}

proptest! {
    #![proptest_config(cases(12))]

    /// Each case is some two hundred runs: one death at every event, with and without last words,
    /// and then a second one.
    #[test]
    fn three_waves_survive_a_death_at_every_event((plan, script) in three_waves(), after in 0_u64..200) {
        let whole = super::world::run(plan.clone(), script.clone());
        let n_events = whole.events.len();
        let second = n_events / 3;
        for events in 1..n_events {
            for last_words in [LastWords::Performed, LastWords::Withheld] {
                let one = Death { events, last_words, after, mode: Resume::Continue };
                let other = Death { events: 1 + events % second.max(1), ..one };
                for deaths in [&[one][..], &[one, other]] {
                    let world = run_to_the_end(plan.clone(), script.clone(), deaths);
                    // A process that looks again for a lost send may lose it again.
                    let lost = world.events.iter().filter_map(|it| match it.data {
                        EventKind::SendLost { send, .. } => Some(send),
                        _ => None,
                    });
                    let n_lost = lost.collect::<BTreeSet<_>>().len();
                    prop_assert!(n_lost <= 1);
                    if n_lost == 0 {
                        prop_assert_eq!(world.n(Outcome::Unknown), 0);
                        // Executions end one by one, and whether a failure is seen before the last
                        // of them is started depends on when somebody looks.
                        let is_runbook = plan.document.automation.is_some();
                        let (code, expected) = (world.exit_code(), whole.exit_code());
                        let is_failure = |it: u8| matches!(it, 1 | 5);
                        let is_same = code == expected
                            || (is_runbook && is_failure(code) && is_failure(expected));
                        prop_assert!(is_same, "{} and not {}", code, expected);
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(96))]

    /// However a run ended, looking again sends nothing and finds what there is to be found.
    #[test]
    fn what_is_unknown_at_the_end_can_be_looked_for_again(
        (plan, script) in random::world(),
        deaths in prop::collection::vec(death(), 0..2),
        after in 0_u64..10_000,
    ) {
        let mut world = run_to_the_end(plan, script, &deaths);
        let (n_commands, before) = (world.commands.len(), world.report());
        world.recover();
        world.is_dead = true;
        world.resume(seconds(after), Resume::Follow, None);
        world.finish();
        let now = world.report();
        prop_assert_eq!(world.commands.len(), n_commands);
        prop_assert_eq!(now.budget.used, world.budget_used());
        for (before, now) in before.instances.iter().zip(&now.instances) {
            let was_loose = before.outcome == Outcome::Unknown;
            let has_left = now.outcome == Outcome::LeftGroup;
            prop_assert!(was_loose || has_left || before.outcome == now.outcome);
        }
    }
}

/// What is done to a ledger.
#[derive(Debug, Clone)]
enum Harm {
    Swap(usize, usize),
    Repeat(usize),
    Drop(usize),
    Delay(usize, u64),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = || 0_usize..80;
    prop_oneof![
        (at(), at()).prop_map(|(one, other)| Harm::Swap(one, other)),
        at().prop_map(Harm::Repeat),
        at().prop_map(Harm::Drop),
        (at(), any::<u64>()).prop_map(|(it, ms)| Harm::Delay(it, ms)),
    ]
}

fn harmed(mut events: Vec<Event>, harms: &[Harm], is_renumbered: bool) -> Vec<Event> {
    for harm in harms {
        let n = events.len();
        match harm {
            _ if n == 0 => {}
            Harm::Swap(one, other) => events.swap(one % n, other % n),
            Harm::Repeat(at) => events.insert(at % n, events[at % n].clone()),
            Harm::Drop(at) => drop(events.remove(at % n)),
            Harm::Delay(at, ms) => events[at % n].elapsed_ms = *ms,
        }
    }
    if is_renumbered {
        events.iter_mut().zip(1..).for_each(|(it, seq)| it.seq = seq);
    }
    events
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn a_ledger_that_makes_no_sense_is_survived(
        (plan, script) in random::world(),
        other in prop::option::of(random::plan()),
        written in 0_usize..90,
        harms in prop::collection::vec(harm(), 0..5),
        is_renumbered in any::<bool>(),
        mode in prop::sample::select(vec![Resume::Follow, Resume::Continue]),
    ) {
        let mut world = World::dying(plan.clone(), script, Some((written, LastWords::Performed)));
        world.finish();
        let whole = world.events.clone();
        let events = harmed(world.events, &harms, is_renumbered);
        let plan = other.unwrap_or(plan);
        let elapsed = seconds(500);
        let (mut run, step) = Run::resume(plan, Pace::default(), started(), &events, elapsed, mode, None);
        let is_prefix = whole.starts_with(&events);
        let mut now = events.iter().map(|it| Duration::from_millis(it.elapsed_ms)).max();
        now = now.max(Some(elapsed));
        let is_concluding = step.effects.iter().any(|it| matches!(it, Effect::Conclude { .. }));
        let mut after = step.events;
        if !step.is_finished {
            wait(&mut run, &mut after, now.unwrap_or(elapsed), is_concluding);
        }
        let is_intent = |it: &&Event| matches!(it.data, EventKind::SendIntended { .. });
        // Where numbers have a gap, nothing more is sent.
        if !is_prefix && !is_renumbered && events.iter().zip(1..).any(|(it, seq)| it.seq != seq) {
            prop_assert_eq!(after.iter().filter(is_intent).count(), 0);
        }
        let is_over = events.iter().any(|it| matches!(it.data, EventKind::RunFinished { .. }));
        prop_assert!(is_over || run.members.values().all(|it| it.outcome.is_some()));
    }
}

#[test]
fn a_ledger_without_a_line_is_a_run_that_sent_nothing_if_the_service_knows_nothing_of_it() {
    let plan = super::by_ids(&[2], 2, 0);
    let resume =
        |mode| Run::resume(plan.clone(), Pace::default(), started(), &[], seconds(9), mode, None);
    let listed = || Observed::SendsListed { found: Vec::new() };
    let (mut run, step) = resume(Resume::Continue);
    assert!(matches!(&step.effects[..], [Effect::FindSends]));
    let step = run.apply(seconds(9), listed());
    assert!(matches!(&step.effects[..], [Effect::Send { send: 1, .. }]));
    let (mut run, _) = resume(Resume::Follow);
    let step = run.apply(seconds(9), listed());
    assert!(matches!(&step.effects[..], [Effect::Conclude { .. }]));
}

#[test]
fn a_ledger_with_a_gap_leaves_whoever_it_does_not_name_unknown() {
    let plan = super::by_ids(&[1, 3], 1, 0);
    let script = Script::of(&plan);
    let mut world = World::dying(plan, script, Some((9, LastWords::Performed)));
    world.finish();
    world.events.remove(7);
    let (plan, events) = (world.run.plan.clone(), world.events);
    let (mut run, step) =
        Run::resume(plan, Pace::default(), started(), &events, seconds(60), Resume::Continue, None);
    let mut after = step.events;
    wait(&mut run, &mut after, seconds(60), false);
    let is_unknown = |n: usize| run.members[&id(n)].outcome == Some(Outcome::Unknown);
    assert!((1..4).all(is_unknown));
    let Some(EventKind::RunFinished { verdict, .. }) = after.last().map(|it| &it.data) else {
        panic!("{after:?}")
    };
    assert_eq!(verdict.exit_code, 6);
}
