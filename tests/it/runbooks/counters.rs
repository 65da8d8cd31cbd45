//! Executions that cannot be listed, and are read one by one.

use super::{RUN, SCRIPT, failing, outcomes, run, start_with};

const FAULT: &str = "[[fault]]\noperation = \"DescribeAutomationExecutions\"\nrate = 1.0\n\
                     kind = \"error-500\"\n";

const WAITING: &str =
    "[[runbook]]\n[[runbook.step]]\nname = \"detachRootVolume\"\nstatus = \"Waiting\"\n";

const FAILING: &str = "reads of progress go on failing, so it is read from the invocations";

#[test]
fn a_listing_that_fails_for_ever_leaves_nobody_unknown() {
    let (sim, env) = start_with(&format!("{FAULT}{SCRIPT}"), 4);
    drop(run(&env, &["--max-concurrency", "2"]).exits(0).complains(&[FAILING]));
    let record = env.record();
    assert_eq!(record.replayed().complete()["totals"]["succeeded"], 4);
    let notes = record.report["notes"].as_array().unwrap();
    assert_eq!(notes.iter().filter(|it| it["code"] == "counts.failing").count(), 1, "{notes:#?}");
    assert_eq!(sim.stats().executions(), [1, 1, 1, 1]);
}

#[test]
fn a_failure_that_no_listing_shows_spends_the_budget() {
    let (sim, env) = start_with(&format!("{FAULT}{}", failing("[0, 1, 2, 3]")), 4);
    drop(run(&env, &["--waves", "1,100%"]).exits(5).prints(&["no such volume"]));
    let record = env.record();
    let totals = &record.replayed().complete()["totals"];
    assert_eq!((&totals["failed"], &totals["not_attempted"]), (&1.into(), &3.into()));
    assert_eq!(sim.stats().calls("StartAutomationExecution"), 1);
}

#[test]
fn what_cannot_be_listed_is_stopped_and_seen_to_end_by_the_operator_and_by_whoever_takes_over() {
    let (sim, env) = start_with(&format!("{FAULT}{WAITING}"), 3);
    let args = [&RUN[..], &["--max-concurrency", "2"]].concat();
    let mut run = env.spawn(&args);
    run.wait_for(FAILING);
    run.wait_for_times("step 2 of 3: detachRootVolume", 2);
    run.kill();
    drop(run);
    let mut watch = env.spawn(&["watch", "last"]);
    watch.wait_for("taken over from its ledger");
    watch.interrupt();
    drop(watch.finish().exits(130));
    let record = env.record();
    let mut found = outcomes(record.replayed().complete());
    found.sort_unstable();
    assert_eq!(found, ["cancelled", "cancelled", "not_attempted"]);
    assert_eq!(sim.stats().calls("StopAutomationExecution"), 2);
}
