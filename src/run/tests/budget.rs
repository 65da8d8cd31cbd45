//! One error budget for the whole run: everything that is not a success counts.

use super::{
    EventKind, Outcome, by_ids, by_tag, model::Behaviour, script::Script, seconds, unlisted,
    world::run,
};
use crate::{plan::Limit, run::Effect};

/// Ten instances, one at a time, the first `n_bad` of which come to these words.
fn check(words: (&'static str, &'static str), n_bad: usize, errors: u32, exit: u8, sent: usize) {
    let plan = by_ids(&[10], 1, errors);
    let mut script = Script::of(&plan);
    script.behave(0..n_bad, &Behaviour::ends(words.0, words.1));
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.commands.len()), (exit, sent), "{words:?}");
    let used = world.report().budget.used;
    assert_eq!(used as usize, n_bad, "{words:?}");
}

#[test]
fn an_error_within_the_budget_stops_nothing() {
    check(("Failed", "Failed"), 2, 2, 1, 10);
}

#[test]
fn the_error_over_the_budget_stops_the_run() {
    check(("Failed", "Failed"), 3, 2, 5, 3);
    check(("Failed", "Failed"), 1, 0, 5, 1);
}

#[test]
fn what_ssm_does_not_count_counts_here() {
    let uncounted = [
        ("Failed", "Undeliverable"),
        ("TimedOut", "DeliveryTimedOut"),
        ("TimedOut", "ExecutionTimedOut"),
        ("Failed", "AccessDenied"),
        ("Failed", "InvalidPlatform"),
    ];
    for words in uncounted {
        check(words, 3, 2, 5, 3);
    }
}

#[test]
fn an_end_that_is_not_understood_counts_and_is_never_success() {
    check(("Failed", "Rebooted"), 1, 0, 6, 1);
    check(("Success", "Hibernated"), 1, 0, 6, 1);
}

#[test]
fn what_was_left_alone_is_not_charged() {
    let plan = by_tag(20, 2, 1);
    let mut script = Script::of(&plan);
    script.behave([0, 3], &Behaviour::fails());
    let world = run(plan, script);
    let (withheld, cancelled) = (world.n(Outcome::Terminated), world.n(Outcome::Cancelled));
    assert!(withheld + cancelled > 10);
    assert_eq!(world.report().budget.used, 2);
    assert_eq!(world.exit_code(), 5);
}

#[test]
fn what_somebody_else_cancelled_counts() {
    let plan = by_ids(&[1, 4], 4, 0);
    let mut script = Script::of(&plan);
    script.behave([0], &Behaviour { takes: seconds(30), ..Behaviour::default() });
    script.strangers = [(seconds(5), vec![super::id(0)])].into();
    let world = run(plan, script.clone());
    assert_eq!((world.exit_code(), world.n(Outcome::NotAttempted)), (5, 4));
    assert_eq!(world.report().budget.used, 1);
    let hint = world.report().instances[0].hint.clone().unwrap();
    assert_eq!(hint, "cancelled before it started, by somebody else than this run");
    // Within the budget the run goes on.
    let world = run(by_ids(&[1, 4], 4, 1), script);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (1, 4));
    assert_eq!((world.n(Outcome::Cancelled), world.report().budget.used), (1, 1));
}

#[test]
fn what_the_run_itself_takes_back_is_not_charged() {
    let plan = by_ids(&[4], 4, 0);
    let mut script = Script::of(&plan);
    script.behave(0..4, &Behaviour { takes: seconds(30), ..Behaviour::default() });
    script.interrupts = [seconds(5)].into();
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Cancelled), world.report().budget.used), (4, 0));
}

#[test]
fn what_ssm_terminates_while_the_budget_is_not_spent_counts() {
    let plan = by_ids(&[2, 3], 2, 1);
    let mut script = Script::of(&plan);
    script.behave(0..2, &Behaviour::ends("Failed", "Terminated"));
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.commands.len()), (5, 1));
    assert_eq!((world.report().budget.used, world.n(Outcome::NotAttempted)), (2, 3));
}

#[test]
fn when_ssm_terminates_the_rest_the_run_is_halted() {
    let plan = by_tag(6, 1, 0);
    let mut script = Script::of(&plan);
    script.behave([0], &Behaviour::fails());
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Failed), world.n(Outcome::Terminated)), (1, 5));
    assert_eq!((world.exit_code(), world.report().budget.used), (5, 1));
    assert_eq!(
        world.report().verdict.unwrap().sentence,
        "0 of 6 instances succeeded, 1 failed, 5 terminated: \
         stopped by the error budget (1 error, 0 allowed)"
    );
}

#[test]
fn a_tag_command_full_of_dead_agents_is_called_back() {
    // SSM's own limit never stops it: Undeliverable does not count there. More than 200, so that
    // fleet looks at the counters and not at every row.
    let plan = by_tag(300, 5, 2);
    let mut script = Script::of(&plan);
    let dead = Behaviour { takes: seconds(20), ..Behaviour::ends("Failed", "Undeliverable") };
    script.behave(0..300, &dead);
    let world = run(plan, script);
    assert_eq!(world.exit_code(), 5);
    assert!(world.n(Outcome::Cancelled) > 200, "{:?}", world.report().totals);
    assert!(world.report().budget.used < 60);
}

#[test]
fn what_runs_is_left_to_run_when_the_budget_is_spent() {
    let plan = by_ids(&[4], 4, 0);
    let mut script = Script::of(&plan);
    script.behave(0..4, &Behaviour { takes: seconds(60), ..Behaviour::default() });
    script.behave([0], &Behaviour::fails());
    let world = run(plan, script);
    assert_eq!((world.n(Outcome::Failed), world.n(Outcome::Succeeded)), (1, 3));
    assert_eq!(world.exit_code(), 1);
    assert!(!world.effects.iter().any(|it| matches!(it, Effect::Cancel { .. })));
}

#[test]
fn a_share_of_an_unlisted_population_is_a_share_of_all_of_it() {
    let plan = unlisted(Limit::Percent(50), Limit::Percent(10));
    let mut script = Script::of(&plan);
    script.tagged = (0..40).map(super::id).collect();
    script.behave([0, 7], &Behaviour::fails());
    let world = run(plan, script);
    assert_eq!((world.exit_code(), world.n(Outcome::Succeeded)), (1, 38));
    assert_eq!(world.count(|it| matches!(it, EventKind::BudgetSpent { .. })), 0);
}

#[test]
fn an_instance_that_joined_and_failed_is_charged() {
    let plan = by_tag(3, 3, 0);
    let mut script = Script::of(&plan);
    script.tagged = (0..4).map(super::id).collect();
    script.behave([3], &Behaviour::fails());
    let world = run(plan, script);
    let report = world.report();
    assert_eq!((report.budget.used, report.population.planned), (1, 3));
    assert_eq!(report.population.joined[0].outcome, Some(Outcome::Failed));
}

#[test]
fn what_was_charged_before_makes_the_counters_decide_sooner() {
    let plan = by_tag(300, 300, 5);
    let mut script = Script::of(&plan);
    script.behave(0..300, &Behaviour { takes: seconds(400), ..Behaviour::default() });
    script.behave(0..3, &Behaviour::ends("Failed", "Undeliverable"));
    for (n, takes) in [(3, 30), (4, 60), (5, 90), (6, 200)] {
        script.behave([n], &Behaviour { takes: seconds(takes), ..Behaviour::fails() });
    }
    let world = run(plan, script);
    let spent = world.events.iter().find(|it| matches!(it.data, EventKind::BudgetSpent { .. }));
    let at = spent.unwrap().elapsed_ms;
    assert!((90_000..110_000).contains(&at), "{at}");
}

#[test]
fn what_ssm_does_not_count_is_seen_within_a_minute_however_old_the_command_is() {
    let plan = by_tag(300, 5, 0);
    let mut script = Script::of(&plan);
    script.behave(0..300, &Behaviour { takes: seconds(120), ..Behaviour::default() });
    script.behave([150], &Behaviour::ends("Failed", "Undeliverable"));
    let world = run(plan, script);
    let spent = world.events.iter().find(|it| matches!(it.data, EventKind::BudgetSpent { .. }));
    let at = spent.unwrap().elapsed_ms;
    assert!((3_600_000..3_680_000).contains(&at), "{at}");
}
