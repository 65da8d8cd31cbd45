//! The process of a run is killed (SIGKILL) after each of its events, and another one finishes it.

use crate::support::{FleetEnv, Output, Record, SimProcess, each};

const WORLD: &str =
    "speed = 100.0\n[[group]]\nname = \"web\"\nsize = 4\n[[outcome]]\nstdout = \"ok\"\n";

const RUN: [&str; 12] = [
    "run",
    "--asg",
    "web",
    "--yes",
    "--waves",
    "1,2,4",
    "--max-concurrency",
    "4",
    "--output",
    "jsonl",
    "--",
    "true",
];

fn start() -> (SimProcess, FleetEnv) {
    let sim = SimProcess::start(WORLD, &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01").unset("FLEET_NOW");
    (sim, env)
}

/// Kills a run when it has told of so many events, finishes it, and checks what became of it.
fn survives(n_events: usize) {
    let (sim, env) = start();
    let mut run = env.spawn(&RUN);
    if run.wait_for_lines(n_events) {
        run.kill();
    }
    drop(run);
    let output = env.run(&["watch", "last", "--continue", "--yes"]);
    let record = env.record();
    check(n_events, &sim, &record, &output);
}

fn check(n_events: usize, sim: &SimProcess, record: &Record, output: &Output) {
    let report = record.replayed().complete();
    let stats = sim.stats();
    let place = format!("killed after {n_events} events: {:?}\n{output}", record.kinds());
    assert_eq!(report["population"]["planned"], 4, "{place}");
    let mut n_unknown = 0;
    for row in report["instances"].as_array().unwrap() {
        let n_times = stats.executions_on(row["instance_id"].as_str().unwrap());
        match row["outcome"].as_str().unwrap() {
            "succeeded" => assert_eq!(n_times, 1, "{place}"),
            "not_attempted" => assert_eq!(n_times, 0, "{place}"),
            "unknown" => {
                // The process had no time to send it; what had been accepted was found.
                n_unknown += 1;
                assert_eq!(n_times, 0, "{place}");
            }
            other => panic!("{other}: {place}"),
        }
    }
    assert!(stats.executions().iter().all(|it| *it <= 1), "{stats:?}: {place}");
    if n_unknown == 0 {
        assert_eq!(output.code, Some(0), "{place}");
        assert_eq!(stats.executions(), [1, 1, 1, 1], "{place}");
    } else {
        assert_eq!(output.code, Some(6), "{place}");
        assert!(record.kinds().contains(&"send_lost"), "{place}");
    }
    assert_eq!(report["verdict"]["exit_code"], output.code.unwrap(), "{place}");
}

const WATCH: [&str; 4] = ["watch", "last", "--continue", "--yes"];

/// A run that ended without knowing whether its send was accepted; it could be told now.
fn ended_unknown() -> (SimProcess, FleetEnv) {
    let faults = "[[fault]]\noperation = \"SendCommand\"\nrate = 1.0\n\
                  kind = \"drop-after-accept\"\n[[fault]]\noperation = \"ListCommands\"\n\
                  rate = 1.0\nkind = \"error-500\"\n";
    let sim = SimProcess::start(&format!("{WORLD}{faults}"), &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01").unset("FLEET_NOW");
    drop(env.run(&["run", "--asg", "web", "--yes", "--", "true"]).exits(6));
    sim.heal();
    (sim, env)
}

/// A run that ended after its first wave, as it was asked to.
fn stopped() -> (SimProcess, FleetEnv) {
    let (sim, env) = start();
    let args = ["run", "--asg", "web", "--yes", "--waves", "1,2,4", "--stop-after-wave", "1"];
    let limits = ["--max-concurrency", "4", "--", "true"];
    drop(env.run(&[&args[..], &limits].concat()).exits(5));
    (sim, env)
}

/// Kills whoever takes up again what `begin` leaves, after each of its events, and has another one
/// finish it.
fn survives_again(begin: fn() -> (SimProcess, FleetEnv)) {
    let again = [&WATCH[..], &["--output", "jsonl"]].concat();
    let (_sim, env) = begin();
    let n_events = env.run(&again).exits(0).lines().len();
    assert!((3..100).contains(&n_events), "{n_events} events");
    each(n_events, |n| {
        let (sim, env) = begin();
        let mut watch = env.spawn(&again);
        if watch.wait_for_lines(n) {
            watch.kill();
        }
        drop(watch);
        let output = env.run(&WATCH);
        check(n, &sim, &env.record(), &output);
    });
}

#[test]
fn one_that_looks_again_for_what_was_lost_and_is_killed_is_finished_by_the_next() {
    survives_again(ended_unknown);
}

#[test]
fn one_that_goes_on_after_a_stop_and_is_killed_is_finished_by_the_next() {
    survives_again(stopped);
}

#[test]
fn a_run_that_is_killed_after_any_of_its_events_is_finished_by_watch() {
    let (_sim, env) = start();
    let n_events = env.run(&RUN).exits(0).lines().len();
    assert!((15..200).contains(&n_events), "{n_events} events");
    each(n_events, survives);
}
