//! `fleet retry`: a new run over exactly the instances of an earlier one that did not get there.

use std::fs;

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
    let document = fs::read_to_string(repository("tests/worlds/secret.yaml")).unwrap();
    let world = "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 1\n[[outcome]]\nexit = 1\n\
                 [[document]]\nname = \"Secretive\"\nfile = \"secret.yaml\"\n";
    let sim = SimProcess::start(world, &[("secret.yaml", &document)]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    let secret = "dbPassword=hunter2";
    let run = ["run", "--asg", "web", "--yes", "--doc", "Secretive", "--param", secret];
    drop(env.run(&run).exits(1));
    let retry = ["retry", "last", "--yes"];
    let output = env.run(&retry);
    drop(output.exits(2).complains(&["dbPassword", "--param", "nothing was sent"]));
    drop(env.run(&[&retry[..], &["--param", secret]].concat()).exits(1));
}

#[test]
fn what_succeeded_is_not_run_again_and_no_other_account_is_touched() {
    let (sim, env) = one_fails();
    let flags = ["--yes", "--max-errors", "5", "--", "true"];
    drop(env.run(&[&["run", "--asg", "web"], &flags[..]].concat()).exits(1));
    let output = env.run(&["retry", "last", "--yes", "--only", "succeeded"]);
    drop(output.exits(2).complains(&["succeeded", "nothing was sent"]));
    let other = "account = \"999999999999\"\n[[group]]\nname = \"web\"\nsize = 3\n";
    let other = SimProcess::start(other, &[]);
    let there = env.set("AWS_ENDPOINT_URL", other.endpoint());
    let names = ["123456789012", "999999999999", "nothing was sent"];
    drop(there.run(&["retry", "last", "--yes"]).exits(3).complains(&names));
    assert_eq!(other.stats().commands(), 0);
    drop(sim);
}

#[test]
fn a_run_on_a_simulator_that_is_gone_is_taken_up_by_no_other() {
    let sim = SimProcess::of(&repository("tests/worlds/one_fails.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01").unset("AWS_ENDPOINT_URL");
    let env = env.set("AWS_ENDPOINT_URL", sim.endpoint());
    let world = format!("--sim={}", repository("tests/worlds/one_fails.toml").display());
    let output = env.run(&["run", &world, "--asg", "web", "--max-errors", "5", "--", "true"]);
    assert!(!output.exits(1).stdout.contains("fleet retry"));
    let output = env.run(&["retry", "last", "--yes"]).exits(3);
    drop(output.complains(&["simulator of its own", "nothing was sent"]));
    assert_eq!(sim.stats().commands(), 0);
}

#[test]
fn whom_the_run_had_included_its_retry_includes() {
    let world = "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 2\n\
                 [[group.instance]]\nindex = 0\nlifecycle = \"Standby\"\n[[outcome]]\nexit = 1\n";
    let sim = SimProcess::start(world, &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    let flags = ["--yes", "--max-errors", "2", "--max-concurrency", "2"];
    let run = [&["run", "--asg", "web", "--include", "standby"], &flags[..], &["--", "false"]];
    drop(env.run(&run.concat()).exits(1));
    drop(env.run(&["retry", "last", "--yes", "--only", "failed"]).exits(1));
    assert_eq!(sim.stats().executions(), [2, 2]);
    // It can be said as well, where the run before did not take them.
    let only_one = [&["run", "--asg", "web"], &flags[..], &["--", "false"]].concat();
    drop(env.run(&only_one).exits(1));
    let plan = ["retry", "last", "--dry-run", "--include", "standby", "--output", "json"];
    assert_eq!(
        env.run(&plan).exits(0).json()["population"]["planned"].as_array().unwrap().len(),
        1
    );
}
