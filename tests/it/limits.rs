//! One window and one budget over all the commands of a run, on the wire.

use serde_json::{Value, json};

use crate::support::{FleetEnv, Record, SimProcess, repository};

/// Runs over a group of so many, and returns what became of it.
fn run(size: usize, outcomes: &str, flags: &[&str], code: i32) -> (SimProcess, Record) {
    let world = format!("speed = 100.0\n[[group]]\nname = \"web\"\nsize = {size}\n{outcomes}");
    let sim = SimProcess::start(&world, &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    drop(
        env.run(&[&["run", "--asg", "web", "--yes"], flags, &["--", "true"]].concat()).exits(code),
    );
    let record = env.record();
    record.replayed().complete();
    (sim, record)
}

fn outcome(instances: &str, what: &str) -> String {
    format!("[[outcome]]\n{instances}\n{what}\n")
}

fn total(record: &Record, outcome: &str) -> u64 {
    record.report["totals"][outcome].as_u64().unwrap_or(0)
}

#[test]
fn what_somebody_cancels_in_the_console_counts() {
    let sim = SimProcess::of(&repository("tests/worlds/never_ends.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let flags = ["--waves", "1,3", "--output", "jsonl", "--", "true"];
    let mut run = env.spawn(&[&["run", "--asg", "web", "--yes"], &flags[..]].concat());
    run.wait_for("expires_after");
    let printed = run.stdout();
    let events = printed.lines().filter_map(|it| serde_json::from_str::<Value>(it).ok());
    let mut commands = events.filter_map(|it| it["data"]["command_id"].as_str().map(str::to_owned));
    sim.ssm("CancelCommand", &json!({ "CommandId": commands.next().unwrap() }));
    drop(run.finish().exits(5));
    let record = env.record();
    let report = record.replayed().complete();
    assert_eq!(report["budget"]["used"], 1);
    assert_eq!(report["totals"].to_string(), r#"{"cancelled":1,"not_attempted":2}"#);
    let of_one = record.events.iter().find(|it| it["data"]["outcome"] == "cancelled").unwrap();
    assert_eq!(of_one["data"]["withheld_by"], "somebody_else");
    assert_eq!(sim.stats().commands(), 1);
}

#[test]
fn the_error_over_the_budget_may_come_from_any_of_several_commands_at_once() {
    // The canary is well; then 150 of 180 run at once, in three commands. One fails in each of
    // these, and the third is one too many.
    let slow = outcome("", "after = \"60s\"\nstdout = \"ok\"");
    let size = 181;
    for errors in [2, 3] {
        // Who is in which command follows from the seed: so many fail that each has some.
        let failing = outcome(
            "instances = [1, 20, 40, 60, 80, 100, 120, 140, 160, 180]",
            "exit = 1\nafter = \"20s\"",
        );
        let limit = errors.to_string();
        let flags = ["--waves", "1,100%", "--max-concurrency", "150", "--max-errors", &limit];
        let (sim, record) = run(size, &(failing + &slow), &flags, 5);
        let report = &record.report;
        assert!(sim.stats().peak() <= 150);
        let used = report["budget"]["used"].as_u64().unwrap();
        assert!(used > errors && used <= errors + 150, "{}", report["totals"]);
        assert!(total(&record, "not_attempted") > 0, "{}", report["totals"]);
        let failed: Vec<_> = report["instances"].as_array().unwrap().iter().collect();
        let failed = failed.into_iter().filter(|it| it["outcome"] == "failed");
        let mut commands: Vec<&str> = failed.map(|it| it["command_id"].as_str().unwrap()).collect();
        commands.sort_unstable();
        commands.dedup();
        assert!(commands.len() > 1, "all of them failed in one command");
        let kinds = record.kinds();
        let spent = kinds.iter().position(|it| *it == "budget_spent").unwrap();
        assert!(!kinds[spent..].contains(&"send_intended"));
    }
}

#[test]
fn one_window_holds_over_all_commands() {
    let (sim, record) = run(
        130,
        &outcome("", "after = \"20s\""),
        &["--waves", "1,100%", "--max-concurrency", "60"],
        0,
    );
    assert_eq!(sim.stats().peak(), 60);
    assert!(sim.stats().commands() >= 4);
    assert_eq!(total(&record, "succeeded"), 130);
}

#[test]
fn each_wave_has_a_budget_of_its_own() {
    // All fail: the run could bear ten, a wave none but one.
    let flags = ["--waves", "2,4,12", "--max-errors", "10", "--max-errors-per-wave", "1"];
    let (_, record) =
        run(12, &outcome("", "exit = 1"), &[&flags[..], &["--max-concurrency", "1"]].concat(), 5);
    assert_eq!((total(&record, "failed"), total(&record, "not_attempted")), (2, 10));
    let spent = record.events.iter().find(|it| it["data"]["kind"] == "budget_spent").unwrap();
    assert_eq!((&spent["data"]["wave"], &spent["data"]["limit"]), (&1.into(), &1.into()));
    let sentence = record.report["verdict"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("budget of wave 1"), "{sentence}");
}

#[test]
fn what_ssm_calls_a_success_over_undeliverable_instances_is_a_failed_run() {
    let dead = outcome("instances = [0, 1, 2, 3]", "status = \"Undeliverable\"");
    let (sim, record) = run(5, &dead, &["--max-concurrency", "5", "--max-errors", "5"], 1);
    assert_eq!(sim.stats().commands(), 1);
    assert_eq!((total(&record, "undeliverable"), total(&record, "succeeded")), (4, 1));
    assert_eq!(record.report["budget"]["used"], 4);
}

#[test]
fn a_rollout_that_stops_after_a_wave_names_the_line_that_goes_on() {
    let flags = ["--waves", "1,3,6", "--stop-after-wave", "2", "--max-concurrency", "6"];
    let (sim, record) = run(6, &outcome("", "stdout = \"ok\""), &flags, 5);
    assert_eq!((total(&record, "succeeded"), total(&record, "not_attempted")), (3, 3));
    let run = record.report["run"]["id"].as_str().unwrap();
    let next = Value::from(vec![format!("fleet watch {run} --continue")]);
    assert_eq!(record.report["verdict"]["next_commands"], next);
    assert_eq!(sim.stats().executions(), [1, 1, 1]);
}

#[test]
fn the_same_seed_chooses_the_same_canary() {
    let canary = |seed: &str| {
        let sim = SimProcess::start("speed = 100.0\n[[group]]\nname = \"web\"\nsize = 9\n", &[]);
        let env = FleetEnv::of(&sim).set("FLEET_SEED", seed);
        let plan = ["plan", "--asg", "web", "--waves", "1,100%", "--output", "json", "--", "true"];
        env.run(&plan).exits(0).json()["waves"][0]["instances"].clone()
    };
    assert_eq!(canary("1"), canary("1"));
    assert!((2..9).any(|it| canary(&it.to_string()) != canary("1")));
}
