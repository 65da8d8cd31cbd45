//! Properties under observations that no driver should make: repeated, late, out of order, for
//! sends and commands that do not exist.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::{
    Event, EventKind, Pace, by_ids, by_tag, id,
    random::{cases, check_events},
    report, started, unlisted,
};
use crate::{
    plan::{InstanceId, Limit, Plan},
    run::{
        Accepted, CancelAnswer, Cancellation, Counts, Denial, Effect, Membership, Observed,
        OnInterrupt, Output, OutputAnswer, ReadKind, ReadScope, Refusal, RefusalKind, Row, Run,
        Settlement, Status,
    },
};

fn command() -> impl Strategy<Value = String> {
    (0_u32..5).prop_map(|it| if it == 0 { String::new() } else { format!("command-{it}") })
}

fn row() -> impl Strategy<Value = Row> {
    let words = prop::sample::select(vec![
        ("Pending", "Pending"),
        ("InProgress", "InProgress"),
        ("Success", "Success"),
        ("Failed", "Failed"),
        ("Failed", "Undeliverable"),
        ("Failed", "Strange"),
        ("Delayed", ""),
        ("", ""),
    ]);
    (0_usize..14, words).prop_map(|(n, (status, details))| Row {
        instance_id: id(n),
        status: Status::parse(status, details),
        status_word: status.to_owned(),
        details_word: details.to_owned(),
        requested: None,
        progress: None,
        failure: None,
        note: None,
        plugins: Vec::new(),
    })
}

fn taken() -> impl Strategy<Value = Accepted> {
    let expires_in = prop_oneof![Just(None), Just(Some(Duration::MAX)), Just(Some(Duration::ZERO))];
    (command(), expires_in).prop_map(|(command_id, expires_in)| Accepted {
        command_id,
        expires_in,
        expires_after: None,
    })
}

fn refusal() -> impl Strategy<Value = Refusal> {
    let kind = prop_oneof![
        Just(RefusalKind::Throttled),
        prop::collection::vec((0_usize..14).prop_map(id), 0..3)
            .prop_map(RefusalKind::InvalidInstances),
        Just(RefusalKind::AccessDenied),
        Just(RefusalKind::Withdrawn),
        Just(RefusalKind::Other),
    ];
    kind.prop_map(|kind| Refusal {
        kind,
        code: "Code".to_owned(),
        message: String::new(),
        advice: Vec::new(),
    })
}

fn cancel_answer() -> impl Strategy<Value = CancelAnswer> {
    prop::sample::select(vec![
        CancelAnswer::Taken,
        CancelAnswer::Denied(Denial { action: "ssm:CancelCommand".to_owned() }),
        CancelAnswer::Refused("reason".to_owned()),
    ])
}

fn output_answer() -> impl Strategy<Value = OutputAnswer> {
    let output =
        Output { stdout: "\u{1b}[31m".to_owned(), stderr: String::new(), truncated: false };
    prop::sample::select(vec![
        OutputAnswer::Read(output),
        OutputAnswer::Denied(Denial { action: "ssm:GetCommandInvocation".to_owned() }),
        OutputAnswer::Failed("reason".to_owned()),
    ])
}

fn observed() -> impl Strategy<Value = Observed> {
    let send = || prop_oneof![6 => 1_u32..5, 1 => Just(0), 1 => Just(u32::MAX)];
    let reason = || Just("reason".to_owned());
    let denial = || prop::option::of(Just(Denial { action: "ssm:List".to_owned() }));
    let settlement = prop_oneof![
        taken().prop_map(Settlement::Accepted),
        Just(Settlement::NotFound),
        any::<bool>().prop_map(|is_denied| Settlement::Failed { is_denied, reason: String::new() }),
    ];
    let counts = (command(), any::<bool>(), 0_u32..400, 0_u32..400, any::<u32>());
    let counts = counts.prop_map(|(command_id, is_final, targets, completed, errors)| Counts {
        command_id,
        is_final,
        targets,
        completed,
        errors,
        delivery_timed_out: errors,
        stage: None,
    });
    let scope = prop::sample::select(vec![
        ReadScope::All,
        ReadScope::Whole,
        ReadScope::Only("Failed"),
        ReadScope::Ahead { unfinished: 1 },
        ReadScope::Only("Pending"),
    ]);
    let rows = prop::collection::vec(row(), 0..12);
    let ids = prop::collection::vec((0_usize..14).prop_map(id), 0..9);
    let kind = prop::sample::select(vec![ReadKind::Counts, ReadKind::Rows, ReadKind::Ahead]);
    prop_oneof![
        6 => (send(), taken()).prop_map(|(send, accepted)| Observed::Accepted { send, accepted }),
        4 => (send(), refusal()).prop_map(|(send, refusal)| Observed::Refused { send, refusal }),
        2 => (send(), reason()).prop_map(|(send, reason)| Observed::Doubted { send, reason }),
        3 => (send(), settlement)
            .prop_map(|(send, settlement)| Observed::Settled { send, settlement }),
        4 => prop::collection::vec(counts, 0..4).prop_map(|counts| Observed::Counted { counts }),
        9 => (command(), scope, rows)
            .prop_map(|(command_id, scope, rows)| Observed::Read { command_id, scope, rows }),
        2 => (kind, denial(), reason())
            .prop_map(|(of, denial, reason)| Observed::ReadFailed { of, denial, reason }),
        1 => (command(), cancel_answer())
            .prop_map(|(command_id, answer)| Observed::CancelAnswered { command_id, answer }),
        1 => (0_usize..14, output_answer())
            .prop_map(|(n, answer)| Observed::OutputRead { instance_id: id(n), answer }),
        1 => prop::option::of(ids).prop_map(|members| Observed::MembershipRead {
            membership: Membership {
                groups: vec!["web".to_owned()],
                members,
                departures: BTreeMap::new(),
                note: None,
            },
        }),
        1 => Just(Observed::Concluded { changes: Vec::new(), api_calls: BTreeMap::new(), throttled: BTreeMap::new() }),
        4 => Just(Observed::Tick),
        1 => prop::sample::select(vec![OnInterrupt::Cancel, OnInterrupt::Leave])
            .prop_map(Observed::Interrupted),
        1 => prop::option::of(prop::collection::btree_set((0_usize..14).prop_map(id), 1..4))
            .prop_map(|it| it.map_or(Cancellation::Run, Cancellation::Instances))
            .prop_map(Observed::CancelOrdered),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let plan = prop_oneof![
        (prop::collection::vec(0_usize..5, 1..4), 1_u32..12, 0_u32..4)
            .prop_map(|(waves, slots, errors)| by_ids(&waves, slots, errors)),
        (1_usize..12, 1_u32..12, 0_u32..4).prop_map(|(n, slots, errors)| by_tag(n, slots, errors)),
        (1_u8..100, 0_u8..100)
            .prop_map(|(slots, errors)| unlisted(Limit::Percent(slots), Limit::Percent(errors))),
    ];
    let deadline = prop_oneof![4 => Just(None), 1 => Just(Some(30)), 1 => Just(Some(u64::MAX))];
    (plan, deadline).prop_map(|(plan, deadline)| Plan { deadline, ..plan })
}

/// Lets time pass, and answers nothing but the last effect, until the run is over.
pub(super) fn wait(
    run: &mut Run,
    events: &mut Vec<Event>,
    mut now: Duration,
    mut is_concluding: bool,
) {
    for _ in 0..100_000 {
        let step = if is_concluding {
            run.apply(
                now,
                Observed::Concluded {
                    changes: Vec::new(),
                    api_calls: BTreeMap::new(),
                    throttled: BTreeMap::new(),
                },
            )
        } else {
            run.apply(now, Observed::Tick)
        };
        is_concluding = step.effects.iter().any(|it| matches!(it, Effect::Conclude(_)));
        events.extend(step.events);
        if step.is_finished {
            return;
        }
        assert!(is_concluding || step.wake.is_some(), "stuck: {run:?}");
        let wake = step.wake.unwrap_or(now);
        assert!(is_concluding || wake > now, "a wake in the past");
        now = wake;
    }
    panic!("endless: {run:?}");
}

fn sent_ids(events: &[Event]) -> Vec<(u32, Vec<InstanceId>)> {
    let sent = events.iter().filter_map(|it| match &it.data {
        EventKind::SendIntended { send, instances, .. } => Some((*send, instances.clone())),
        _ => None,
    });
    sent.collect()
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn nonsense_is_survived_and_accounted_for(
        plan in plan(),
        seen in prop::collection::vec((0_u64..40_000, observed()), 0..60),
    ) {
        let slots = plan.limits.max_concurrency.resolved;
        let (mut run, step) = Run::start(plan, Pace::default(), started());
        let mut is_concluding = step.effects.iter().any(|it| matches!(it, Effect::Conclude(_)));
        let mut events = step.events;
        let (mut now, mut is_finished) = (Duration::ZERO, false);
        for (after, observed) in seen {
            now += Duration::from_millis(after);
            let step = run.apply(now, observed);
            prop_assert!(step.wake.is_none_or(|it| it > now));
            prop_assert!(!is_finished || step.effects.is_empty());
            is_concluding |= step.effects.iter().any(|it| matches!(it, Effect::Conclude(_)));
            is_finished |= step.is_finished;
            events.extend(step.events);
        }
        if !is_finished {
            wait(&mut run, &mut events, now, is_concluding);
        }
        check_numbers(&events);
        let report = report(&events);
        prop_assert_eq!(report.totals.values().sum::<u32>(), report.population.planned);
        prop_assert_eq!(report.budget.used, run.budget_used);
        for facts in &report.instances {
            let outcome = run.members[&facts.instance_id].outcome;
            prop_assert_eq!(outcome, Some(facts.outcome));
        }
        // Never more at once than the window, whatever is claimed to have happened.
        for (_, ids) in sent_ids(&events) {
            prop_assert!(slots.is_none_or(|it| ids.len() <= it as usize));
        }
        prop_assert!(report.verdict.is_some());
    }
}

fn check_numbers(events: &[Event]) {
    // A command that is learnt of after the end is still written down.
    let is_late = |it: &Event| matches!(it.data, EventKind::CommandAccepted { .. });
    let end = events.iter().rposition(|it| !is_late(it)).map_or(0, |it| it + 1);
    check_events(&events[..end]);
    let after = events[end..].iter().zip(u64::try_from(end).unwrap() + 1..);
    after.for_each(|(event, seq)| assert_eq!(event.seq, seq));
}
