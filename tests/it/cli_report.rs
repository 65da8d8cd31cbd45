//! `fleet report`: an earlier run, rendered again from its events.

use std::fs;

use serde_json::Value;

use crate::support::{FleetEnv, repository};

#[test]
fn the_report_of_an_earlier_run_is_the_one_that_was_written() {
    let env = FleetEnv::new();
    let world = format!("--sim={}", repository("tests/worlds/one_fails.toml").display());
    let run = ["run", &world, "--asg", "web", "--max-errors", "1", "--", "true"];
    let told = env.run(&run).exits(1);
    let record = env.record();
    let id = record.report["run"]["id"].as_str().unwrap();
    for name in [id, &id[..id.len() - 1], "last"] {
        let output = env.run(&["report", name, "--output", "json"]).exits(0);
        assert_eq!(output.json(), record.report, "{name}");
    }
    let lines = env.run(&["report", "--output", "jsonl"]).exits(0);
    assert_eq!(lines.lines(), record.events);
    drop(
        env.run(&["report", "--report", "again.json"]).exits(0).prints(&["1 failed (exit code 1)"]),
    );
    let again = fs::read_to_string(env.path("again.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), record.report);
    let verdict = |text: &str| text.lines().last().unwrap().to_owned();
    assert_eq!(verdict(&env.run(&["report"]).exits(0).stdout), verdict(&told.stdout));
}

#[test]
fn a_run_that_is_not_there_is_named() {
    let env = FleetEnv::new();
    let output = env.run(&["report", "19991231-235959-abcdef"]);
    assert!([Some(2), Some(3)].contains(&output.code), "\n{output}");
    drop(output.complains(&["19991231-235959-abcdef", "nothing was sent"]));
}
