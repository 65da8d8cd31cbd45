//! `fleet retry`: a new run over exactly the instances of an earlier one that did not get there.

use crate::support::{FleetEnv, Record, SimProcess, repository};

fn one_fails() -> (SimProcess, FleetEnv) {
    let sim = SimProcess::of(&repository("tests/worlds/one_fails.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    (sim, env)
}

#[test]
fn only_the_instances_with_these_outcomes_are_run_again_and_the_parent_is_named() {
    let (sim, env) = one_fails();
    let flags = ["--yes", "--max-errors", "5", "--max-concurrency", "100%"];
    drop(env.run(&[&["run", "--asg", "web"], &flags[..], &["--", "true"]].concat()).exits(1));
    let before = env.record();
    let before = before.complete();
    let n_before: u64 = sim.stats().executions().iter().sum();
    drop(env.run(&["retry", "last", "--yes"]).exits(1));
    let runs = env.runs();
    let after = Record::read(runs.last().unwrap());
    let after = after.complete();
    assert_eq!(after["run"]["parent_id"], before["run"]["id"]);
    assert_eq!(after["population"]["planned"], before["totals"]["failed"]);
    // The limits of the parent are the child's.
    assert_eq!(after["limits"]["max_errors"]["input"], "5");
    assert_eq!(after["document"]["parameters"], before["document"]["parameters"]);
    let n_failed = before["totals"]["failed"].as_u64().unwrap();
    assert_eq!(sim.stats().executions().iter().sum::<u64>(), n_before + n_failed);
}

#[test]
fn a_run_without_such_instances_is_4_and_sends_nothing() {
    let (sim, env) = one_fails();
    drop(env.run(&["run", "--asg", "web", "--yes", "--max-errors", "5", "--", "true"]));
    let n_commands = sim.stats().commands();
    let output = env.run(&["retry", "last", "--yes", "--only", "undeliverable"]);
    drop(output.exits(4).complains(&["undeliverable", "nothing was sent"]));
    let output = env.run(&["retry", "last", "--yes", "--only", "sleepy"]);
    drop(output.exits(2).complains(&["sleepy", "not_attempted", "nothing was sent"]));
    assert_eq!(sim.stats().commands(), n_commands);
}

#[test]
fn a_value_that_the_ledger_withholds_must_be_given_again() {
    let sim = SimProcess::of(&repository("tests/worlds/mixed.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    let secret = "dbPassword=hunter2";
    let run = ["run", "--asg", "web", "--yes", "--doc", "Secretive", "--param", secret];
    drop(env.run(&run).exits(0));
    let retry = ["retry", "last", "--yes", "--only", "succeeded"];
    let output = env.run(&retry);
    drop(output.exits(2).complains(&["dbPassword", "--param", "nothing was sent"]));
    drop(env.run(&[&retry[..], &["--param", secret]].concat()).exits(0));
}
