//! Properties over random worlds: whatever a well-behaved service does.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::{
    Event, EventKind, Outcome, as_runbook, by_ids, by_tag, id,
    model::Behaviour,
    script::{Answer, Reads, Script},
    seconds, unlisted,
    world::run,
};
use crate::{
    plan::{Dispatch, InstanceId, Limit, Plan, Rollout},
    run::Cancellation,
};

/// What holds of the events of any run, in any world.
pub(super) fn check_events(events: &[Event]) {
    let mut finished = BTreeMap::new();
    let (mut is_over, mut is_reopened) = (false, false);
    let mut open = None;
    // Of the newest send, which was certainly not made yet.
    let mut throttled: &[InstanceId] = &[];
    let mut intended: &[InstanceId] = &[];
    let mut is_spent = false;
    for (event, seq) in events.iter().zip(1..) {
        assert_eq!(event.seq, seq, "a gap");
        let is_resumed = matches!(event.data, EventKind::RunResumed { .. });
        assert!(!is_over || is_resumed, "{event:?} after the end");
        match &event.data {
            EventKind::BudgetSpent { .. } => is_spent = true,
            EventKind::SendIntended { send, instances, .. } => {
                assert!(!is_spent, "sent after the budget was spent");
                assert!(open.is_none_or(|it| it == *send), "sent while {open:?} was in doubt");
                assert!(instances.len() <= 50);
                (open, intended, throttled) = (Some(*send), instances, &[]);
            }
            EventKind::SendThrottled { send } if open == Some(*send) => throttled = intended,
            EventKind::CommandAccepted { send, .. }
            | EventKind::SendRefused { send, .. }
            | EventKind::SendLost { send, .. }
                if open == Some(*send) =>
            {
                open = None;
            }
            EventKind::InstanceFinished { instance_id, outcome, .. } => {
                // It is not made any more, once one of it is said not to have been attempted.
                if throttled.contains(instance_id) {
                    (open, throttled) = (None, &[]);
                }
                let before = finished.insert(instance_id, *outcome);
                // Only who was unknown, or was not asked for, may turn out to be something else
                // after the run has ended.
                let is_loose = |it| matches!(it, Outcome::Unknown | Outcome::NotAttempted);
                let is_news = before.is_none_or(|it| is_reopened && is_loose(it));
                assert!(is_news, "{instance_id} finished twice");
            }
            EventKind::RunFinished { .. } => is_over = true,
            EventKind::RunResumed { .. } => {
                is_reopened |= std::mem::take(&mut is_over);
            }
            _ => {}
        }
    }
}

fn words() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop_oneof![
        12 => Just(("Success", "Success")),
        2 => Just(("Failed", "Failed")),
        1 => Just(("Failed", "Undeliverable")),
        1 => Just(("TimedOut", "DeliveryTimedOut")),
        1 => Just(("TimedOut", "ExecutionTimedOut")),
        1 => Just(("Failed", "AccessDenied")),
        1 => Just(("Failed", "Rebooted")),
    ]
}

fn behaviours(n: usize) -> impl Strategy<Value = Vec<Behaviour>> {
    let one = (words(), 0_u64..90, prop::bool::weighted(0.03), any::<bool>());
    let one = one.prop_map(|(words, takes, is_hidden, ignores_cancel)| Behaviour {
        takes: seconds(takes),
        words,
        is_hidden,
        ignores_cancel,
        ..Behaviour::default()
    });
    prop::collection::vec(one, n)
}

fn answers() -> impl Strategy<Value = VecDeque<Answer>> {
    let answer = prop_oneof![
        8 => Just(Answer::Accept),
        3 => Just(Answer::Throttle),
        2 => Just(Answer::DropAfter),
        2 => Just(Answer::DropBefore),
        1 => Just(Answer::Never),
        1 => (1_u64..400).prop_map(Answer::Late),
        1 => Just(Answer::Deny),
        1 => Just(Answer::Refuse),
    ];
    prop::collection::vec(answer, 0..6).prop_map(Into::into)
}

fn reads() -> impl Strategy<Value = Reads> {
    prop_oneof![
        9 => Just(Reads::True),
        2 => Just(Reads::Denied),
        1 => Just(Reads::Failing),
        1 => Just(Reads::Never),
    ]
}

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    let errors = 0_u32..6;
    let ids = (prop::collection::vec(0_usize..70, 1..4), 1_u32..130, errors.clone())
        .prop_map(|(waves, slots, errors)| by_ids(&waves, slots, errors));
    let tag =
        (1_usize..260, 1_u32..60, errors).prop_map(|(n, slots, errors)| by_tag(n, slots, errors));
    let blind = (1_u8..100, 0_u8..100)
        .prop_map(|(slots, errors)| unlisted(Limit::Percent(slots), Limit::Percent(errors)));
    let runbook = (prop::collection::vec(0_usize..30, 1..4), 1_u32..40, 0_u32..6)
        .prop_map(|(waves, slots, errors)| as_runbook(by_ids(&waves, slots, errors)));
    let plan = prop_oneof![3 => ids, 2 => tag, 1 => blind, 3 => runbook];
    let rollout = (
        prop::option::weighted(0.3, 0_u64..200),
        prop::option::weighted(0.1, 1_u32..4),
        prop::option::weighted(0.3, 0_u32..4),
    );
    (plan, prop::option::weighted(0.2, 1_u64..300), rollout).prop_map(
        |(mut plan, deadline, (pause, stop_after_wave, errors))| {
            let max_errors_per_wave = errors.map(Limit::Count);
            plan.waves.iter_mut().for_each(|it| it.max_errors = errors);
            let rollout =
                Rollout { pause, stop_after_wave, max_errors_per_wave, ..Rollout::default() };
            Plan { deadline, rollout, ..plan }
        },
    )
}

fn recalled() -> impl Strategy<Value = Cancellation> {
    let ids = prop::collection::btree_set((0_usize..70).prop_map(id), 1..9);
    prop_oneof![Just(Cancellation::Run), ids.prop_map(Cancellation::Instances)]
}

pub(super) type World = (Plan, Script);

pub(super) fn world() -> impl Strategy<Value = World> {
    let service = (answers(), reads(), reads(), reads(), reads());
    let noise = (prop::option::of(1_u64..6), 0_u64..80, any::<u64>(), any::<bool>());
    let hands = (
        prop::collection::btree_set(0_usize..60, 0..4),
        prop::collection::vec(0_u64..300, 0..3),
        prop::collection::btree_set(0_usize..210, 0..6),
        prop::option::weighted(
            0.2,
            (0_u64..90, prop::collection::vec((0_usize..70).prop_map(id), 1..9)),
        ),
        prop::option::weighted(0.2, (0_u64..90, recalled())),
    );
    (plan(), service, noise, hands, behaviours(270)).prop_map(
        |(plan, service, (stale, visible_after, seed, names), hands, behaviours)| {
            let (bad, mut interrupts, strangers, cancelled, recalled) = hands;
            interrupts.sort_unstable();
            let mut script = Script::of(&plan);
            (script.answers, script.counts, script.rows, script.settles, script.closing) = service;
            script.stale = stale;
            script.visible_after = seconds(visible_after);
            script.seed = seed;
            script.names_unusable = names;
            script.unusable = bad.into_iter().map(id).collect();
            script.strangers = cancelled.map(|(at, ids)| (seconds(at), ids)).into_iter().collect();
            script.recalls = recalled.map(|(at, it)| (seconds(at), it)).into_iter().collect();
            script.interrupts = interrupts.into_iter().map(seconds).collect();
            // The tag reaches some that are not planned, and not all that are.
            script
                .tagged
                .retain(|it| !strangers.contains(&usize::from(it.as_str().as_bytes()[18])));
            script.tagged.extend(strangers.into_iter().map(|it| id(200 + it)));
            script.tagged.sort();
            script.tagged.dedup();
            let behaviours = behaviours.into_iter().enumerate();
            script.behaviours = behaviours.map(|(at, it)| (id(at), it)).collect::<BTreeMap<_, _>>();
            (plan, script)
        },
    )
}

pub(super) fn cases(usual: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|it| it.parse().ok());
    let cases = ProptestConfig::with_cases(cases.unwrap_or(usual));
    ProptestConfig { failure_persistence: None, ..cases }
}

proptest! {
    #![proptest_config(cases(192))]

    /// The world checks the rest: nobody twice, never more than the window, the totals, the exit
    /// codes that promise that nothing was sent, and that it ends.
    #[test]
    fn any_run_ends_and_accounts_for_everybody((plan, script) in world()) {
        let limit = plan.limits.max_errors.resolved;
        let worst = plan.limits.worst_case_failures;
        let is_by_ids = matches!(plan.dispatch, Dispatch::Ids { .. });
        let world = run(plan, script);
        let report = world.report();
        // By tag, SSM counts fewer errors than fleet, and fleet sees them later.
        prop_assert!(!is_by_ids || worst.is_none_or(|it| report.budget.used <= it));
        let charged = world.events.iter().filter_map(|it| match &it.data {
            EventKind::InstanceFinished { instance_id, outcome, withheld_by, .. } => {
                let is_planned = report.instances.iter().any(|it| it.instance_id == *instance_id);
                Some(is_planned && outcome.counts_as_error(*withheld_by))
            }
            _ => None,
        });
        let charged = charged.filter(|it| *it).count();
        let is_spent = world.events.iter().any(|it| matches!(it.data, EventKind::BudgetSpent { .. }));
        let of_waves = world.events.iter().any(|it| {
            matches!(it.data, EventKind::BudgetSpent { wave: Some(_), .. })
        });
        prop_assert!(!is_spent || of_waves || limit.is_none_or(|it| report.budget.used > it));
        // Who joined was charged for as well.
        let n_joined = report.population.joined.len();
        let used = report.budget.used as usize;
        prop_assert!(charged <= used && used <= charged + n_joined);
        prop_assert_eq!(report.budget.used, world.budget_used());
    }
}
