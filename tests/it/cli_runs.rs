//! `fleet runs`: what was run on this machine.

use std::fs;

use crate::support::{FleetEnv, SimProcess, repository};

fn run(env: &FleetEnv, world: &str, flags: &[&str], code: i32) {
    let world = format!("--sim={}", repository(&format!("tests/worlds/{world}.toml")).display());
    drop(env.run(&[&["run", &world, "--asg", "web"], flags, &["--", "true"]].concat()).exits(code));
}

#[test]
fn the_runs_of_this_machine_are_listed_and_pruned() {
    let env = FleetEnv::new();
    drop(env.run(&["runs"]).exits(0));
    run(&env, "three_healthy", &[], 0);
    run(&env, "one_fails", &["--max-errors", "1"], 1);
    let list = |flags: &[&str]| env.run(&[&["runs"], flags].concat()).exits(0).stdout;
    let ids = ["20240719-052700-000002", "20240719-052700-000003"];
    assert!(ids.iter().all(|it| list(&[]).contains(it)), "{}", list(&[]));
    let failed = list(&["--unsuccessful"]);
    assert!(!failed.contains(ids[0]) && failed.contains(ids[1]), "{failed}");
    assert!(!list(&["--asg", "batch"]).contains(ids[0]));
    assert!(list(&["--asg", "web"]).contains(ids[0]));
    // What is not told by a length of time is not pruned by; the last of these lies in the future.
    for when in ["soon", "-1h", "1000h ago"] {
        drop(env.run(&["runs", "prune", "--older-than", when]).exits(2));
    }
    assert_eq!(env.runs().len(), 2);
    let prune = ["runs", "prune", "--older-than", "720h"];
    drop(env.run(&prune).exits(0));
    assert_eq!(env.runs().len(), 2, "no run is older than that at the time that is pinned");
    let later = env.set("FLEET_NOW", "2024-09-01T00:00:00Z");
    drop(later.run(&prune).exits(0));
    assert_eq!(later.runs().len(), 0);
}

#[test]
fn a_state_directory_that_cannot_be_read_has_not_no_runs() {
    let env = FleetEnv::new();
    fs::create_dir_all(env.path("state/fleet")).unwrap();
    // Not a directory: permissions do not keep root, who may run this, from reading one.
    fs::write(env.path("state/fleet/runs"), "").unwrap();
    for command in [&["runs"][..], &["report"], &["watch"], &["cancel", "last"]] {
        let output = env.run(command).exits(3);
        drop(output.complains(&["cannot be listed", "state/fleet/runs"]));
    }
}

#[test]
fn the_ledger_of_a_run_that_lost_sight_of_its_instances_is_not_pruned() {
    let sim = SimProcess::of(&repository("tests/worlds/never_ends.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let flags = ["--max-concurrency", "3", "--on-interrupt", "leave", "--", "true"];
    let mut run = env.spawn(&[&["run", "--asg", "web", "--yes"], &flags[..]].concat());
    run.wait_for("accepted");
    sim.wait_for_call("ListCommandInvocations");
    run.interrupt();
    run.wait_for("interrupted");
    run.interrupt();
    drop(run.finish().exits(130));
    assert_eq!(env.record().complete()["totals"]["unknown"], 3);
    let later = env.set("FLEET_NOW", "2024-09-01T00:00:00Z");
    let output = later.run(&["runs", "prune", "--older-than", "0s"]).exits(0).prints(&["0 runs"]);
    drop(output.complains(&["is kept: 3 instances of it may still be running", "fleet watch"]));
    assert_eq!(later.runs().len(), 1);
    // What it has kept can be used.
    drop(later.run(&["cancel", "last"]).exits(0).prints(&["cancel requested"]));
    drop(later.run(&["watch", "last"]).exits(130));
    drop(later.run(&["runs", "prune", "--older-than", "0s"]).exits(0).prints(&["1 run"]));
    assert_eq!(later.runs().len(), 0);
}

#[test]
fn a_run_over_instances_of_a_group_is_one_over_the_group() {
    let sim = SimProcess::of(&repository("tests/worlds/one_fails.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    drop(env.run(&["run", "--asg", "web", "--yes", "--max-errors", "1", "--", "true"]).exits(1));
    drop(env.run(&["retry", "last", "--yes"]).exits(1));
    drop(env.run(&["runs", "--asg", "web"]).exits(0).prints(&["2 runs"]));
    drop(env.run(&["runs", "--asg", "batch"]).exits(0).prints(&["0 runs"]));
}
