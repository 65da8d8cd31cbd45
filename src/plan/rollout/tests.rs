use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::plan::{
    BadWaves, Dispatch, Draft, InstanceId, Plan, Refusal, build,
    build::tests::{draft, target},
};

/// Instances over zones: the n-th is in the zone of that number, or in none.
fn zoned(zones: &[Option<u32>]) -> Vec<Target> {
    let zone = |it: u32| format!("us-east-1{}", char::from(b'a' + u8::try_from(it).unwrap()));
    let target =
        |(zone_of, n): (&Option<u32>, u32)| Target { zone: zone_of.map(zone), ..target(n) };
    zones.iter().zip(0..).map(target).collect()
}

fn plan(waves: &str, targets: Vec<Target>, mut rollout: Rollout) -> Plan {
    if !waves.is_empty() {
        rollout.waves = Rollout::parse_waves(waves).unwrap();
    }
    build(Draft { rollout, ..draft(targets) }).unwrap()
}

fn check_sizes(waves: &str, population: u32, expected: &[usize]) {
    let plan = plan(waves, (0..population).map(target).collect(), Rollout::default());
    let found: Vec<_> = plan.waves.iter().map(|it| it.instances.len()).collect();
    assert_eq!(found, expected, "{waves} of {population}");
    assert!(plan.waves.iter().zip(1..).all(|(it, index)| it.index == index));
}

#[test]
fn sizes_are_cumulative_and_the_last_step_repeats() {
    check_sizes("", 7, &[7]);
    check_sizes("100%", 7, &[7]);
    check_sizes("1,5%,25%,100%", 40, &[1, 1, 8, 30]);
    check_sizes("1,5%,25%,100%", 3, &[1, 1, 1]);
    check_sizes("1,5%,25%,100%", 1, &[1]);
    check_sizes("10%", 20, &[2; 10]);
    check_sizes("10%", 7, &[1; 7]);
    check_sizes("1,10%", 40, &[1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]);
    check_sizes("5,25%", 8, &[5, 1, 1, 1]);
    check_sizes("50,100", 30, &[30]);
}

#[test]
fn waves_are_parsed_or_refused_by_name() {
    assert_eq!(Rollout::parse_waves("1, 5%").unwrap(), [Limit::Count(1), Limit::Percent(5)]);
    for text in ["", "1,,2", "0", "0%", "101%", "1,x"] {
        assert!(matches!(Rollout::parse_waves(text), Err(BadWaves::Size(_))), "{text}");
    }
    for text in ["3,1", "1,5,5", "1,50%,25%", "100%,100%", "50%,1", "5,10%,3", "5%,9,5%"] {
        let refusal = Rollout::parse_waves(text).unwrap_err();
        assert!(matches!(refusal, BadWaves::NotGrowing { .. }), "{text}: {refusal}");
    }
}

#[test]
fn a_number_that_is_no_more_than_the_share_before_it_is_refused() {
    let refusal = |waves: &str, population: u32| {
        let rollout = Rollout { waves: Rollout::parse_waves(waves).unwrap(), ..Rollout::default() };
        build(Draft { rollout, ..draft((0..population).map(target).collect()) }).err()
    };
    let check = |waves, population| {
        let it = refusal(waves, population);
        assert!(matches!(it, Some(Refusal::ShrinkingWave(_))), "{waves} of {population}: {it:?}");
    };
    check("50%,5", 10);
    check("50%,3", 10);
    check("1,50%,5", 40);
    assert!(refusal("50%,6", 10).is_none());
    assert!(refusal("10%,5", 10).is_none());
    assert_eq!(
        refusal("50%,3", 10).unwrap().to_string(),
        "3 follows 50% in --waves, which is 5 of these instances: sizes are cumulative, so each is \
         larger than the one before"
    );
}

#[test]
fn one_wave_keeps_the_order_and_the_tag_and_more_go_by_ids() {
    let targets: Vec<_> = (0..9).rev().map(target).collect();
    let one = plan("100%", targets.clone(), Rollout { seed: 7, ..Rollout::default() });
    assert!(one.waves[0].instances.iter().eq(targets.iter().map(|it| &it.id)));
    assert!(matches!(one.dispatch, Dispatch::Tag { .. }));
    let two = plan("1,100%", targets, Rollout::default());
    assert!(matches!(two.dispatch, Dispatch::Ids { .. }));
}

#[test]
fn the_canary_follows_from_the_seed_and_not_from_the_listing() {
    let targets: Vec<_> = (0..40).map(target).collect();
    let canary = |targets: &[Target], seed| {
        let plan = plan("1,100%", targets.to_vec(), Rollout { seed, ..Rollout::default() });
        plan.waves[0].instances[0].clone()
    };
    let reversed: Vec<_> = targets.iter().rev().cloned().collect();
    assert_eq!(canary(&targets, 1), canary(&reversed, 1));
    let chosen: BTreeSet<_> = (0..20).map(|seed| canary(&targets, seed)).collect();
    assert!(chosen.len() > 5);
}

#[test]
fn a_wave_touches_the_zones_evenly() {
    let zones: Vec<_> = (0..30).map(|n| Some(n % 3)).collect();
    let targets = zoned(&zones);
    let plan = plan("3,9,100%", targets.clone(), Rollout { seed: 3, ..Rollout::default() });
    let zone = |id: &InstanceId| targets.iter().find(|it| it.id == *id).unwrap().zone.clone();
    let first: BTreeSet<_> = plan.waves[0].instances.iter().map(zone).collect();
    assert_eq!((plan.waves[0].instances.len(), first.len()), (3, 3));
    let second = plan.waves[1].instances.iter().map(zone);
    let n_a = second.filter(|it| it.as_deref() == Some("us-east-1a")).count();
    assert_eq!(n_a, 2);
}

#[test]
fn by_zone_one_zone_is_finished_before_the_next() {
    let zones: Vec<_> = [2, 0, 0, 2, 2, 0, 0].into_iter().map(Some).chain([None]).collect();
    let rollout = || Rollout { by_zone: true, ..Rollout::default() };
    let steps = plan("1,100%", zoned(&zones), rollout());
    let found = steps.waves.iter().map(|it| (it.zone.as_deref(), it.instances.len()));
    let expected = [
        (None, 1),
        (Some("us-east-1a"), 1),
        (Some("us-east-1a"), 3),
        (Some("us-east-1c"), 1),
        (Some("us-east-1c"), 2),
    ];
    assert!(found.eq(expected), "{:?}", steps.waves);
    let whole = plan("", zoned(&zones), rollout());
    assert_eq!(whole.waves.len(), 3);
}

#[test]
fn what_cannot_be_listed_cannot_be_cut() {
    let rollout = Rollout { waves: vec![Limit::Count(1)], ..Rollout::default() };
    let refusal = build(Draft { rollout, candidates: None, ..draft(Vec::new()) }).unwrap_err();
    assert!(matches!(refusal, Refusal::NotDivisible { .. }));
    let rollout = Rollout { stop_after_wave: Some(0), ..Rollout::default() };
    let refusal = build(Draft { rollout, ..draft(vec![target(0)]) }).unwrap_err();
    assert!(matches!(refusal, Refusal::StopBeforeAll));
    let stop = |after, steps: &str| {
        let waves = Rollout::parse_waves(steps).unwrap();
        let rollout = Rollout { stop_after_wave: Some(after), waves, ..Rollout::default() };
        build(Draft { rollout, ..draft((0..4).map(target).collect()) })
    };
    assert_eq!(stop(2, "1,4").unwrap().waves.len(), 2);
    let refusal = stop(3, "1,4").unwrap_err();
    assert!(matches!(refusal, Refusal::StopBeyondAll { after: 3, n_waves: 2 }));
    assert!(matches!(stop(2, "100%"), Err(Refusal::StopBeyondAll { n_waves: 1, .. })));
}

#[test]
fn the_worst_case_knows_the_waves() {
    let check = |waves: &str, slots, errors, rollout: Rollout, worst| {
        let waves = Rollout::parse_waves(waves).unwrap();
        let draft = Draft {
            rollout: Rollout { waves, ..rollout },
            max_concurrency: Limit::Count(slots),
            max_errors: Limit::Count(errors),
            ..draft((0..100).map(target).collect())
        };
        assert_eq!(build(draft).unwrap().limits.worst_case_failures, Some(worst));
    };
    let of_wave =
        |it| Rollout { max_errors_per_wave: Some(Limit::Count(it)), ..Rollout::default() };
    check("100%", 10, 0, Rollout::default(), 10);
    check("1,10,100%", 10, 0, Rollout::default(), 10);
    check("1,10,100%", 10, 2, Rollout::default(), 12);
    check("1,10,100%", 10, 100, of_wave(0), 10);
    check("10,20,100%", 10, 100, of_wave(2), 16);
    check("1,10,100%", 50, 0, Rollout { stop_after_wave: Some(2), ..Rollout::default() }, 9);
}

#[test]
fn a_plan_that_was_written_before_there_were_waves_is_still_read() {
    let plan = plan("1,100%", (0..3).map(target).collect(), Rollout::default());
    let mut json = serde_json::to_value(&plan).unwrap();
    assert_eq!(serde_json::from_value::<Plan>(json.clone()).unwrap(), plan);
    json.as_object_mut().unwrap().remove("rollout");
    assert!(json["waves"][0].get("zone").is_none());
    assert_eq!(serde_json::from_value::<Plan>(json).unwrap().waves, plan.waves);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn waves_hold_everybody_once(
        zones in prop::collection::vec(prop::option::weighted(0.9, 0_u32..4), 1..120),
        steps in prop::collection::vec(
            prop_oneof![(1_u32..130).prop_map(Limit::Count), (1_u8..=100).prop_map(Limit::Percent)],
            0..5,
        ),
        by_zone in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let targets = zoned(&zones);
        let rollout = Rollout { waves: steps, by_zone, seed, ..Rollout::default() };
        let plan = match build(Draft { rollout, ..draft(targets.clone()) }) {
            Err(Refusal::ShrinkingWave(_)) => return Ok(()),
            plan => plan.unwrap(),
        };
        let all: Vec<_> = plan.waves.iter().flat_map(|it| &it.instances).collect();
        let distinct: BTreeSet<_> = all.iter().collect();
        prop_assert_eq!((all.len(), distinct.len()), (targets.len(), targets.len()));
        prop_assert!(plan.waves.iter().all(|it| !it.instances.is_empty()));
        let zone = |id: &InstanceId| targets.iter().find(|it| it.id == *id).unwrap().zone.as_deref();
        let mut last = None;
        for wave in plan.waves.iter().filter(|_| by_zone) {
            let zones: BTreeSet<_> = wave.instances.iter().map(zone).collect();
            prop_assert_eq!(zones.iter().collect::<Vec<_>>(), [&wave.zone.as_deref()]);
            prop_assert!(last.is_none_or(|it| it <= zone(&wave.instances[0])));
            last = Some(zone(&wave.instances[0]));
        }
    }
}
