//! `fleet report`: an earlier run, rendered again from its events.

use std::{collections::BTreeSet, fs};

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
fn every_format_is_a_file_by_its_ending_and_the_same_on_standard_output() {
    const ENDINGS: [(&str, &str); 7] = [
        ("json", "json"),
        ("jsonl", "jsonl"),
        ("html", "html"),
        ("md", "md"),
        ("csv", "csv"),
        ("xml", "junit"),
        ("txt", "text"),
    ];
    let env = FleetEnv::new();
    let world = format!("--sim={}", repository("tests/worlds/one_fails.toml").display());
    let files = ENDINGS.map(|(ending, _)| format!("report.{ending}"));
    let reports: Vec<&str> = files.iter().flat_map(|it| ["--report", it.as_str()]).collect();
    let run = ["run", &world, "--asg", "web", "--max-errors", "1"];
    let told = env.run(&[&run[..], &reports, &["--", "true"]].concat()).exits(1);
    for file in &files {
        assert!(told.stdout.contains(&format!("  report      {file}\n")), "{file}");
    }
    for (ending, format) in ENDINGS {
        let written = fs::read_to_string(env.path(&format!("report.{ending}"))).unwrap();
        let printed = env.run(&["report", "--format", format]).exits(0);
        assert_eq!(printed.stderr, "", "{format}");
        assert_eq!(printed.stdout, written, "{format}");
        assert!(written.contains("disk full"), "{format}");
    }
    // A script that takes a report apart is not to meet the report twice.
    drop(env.run(&["report", "--format", "csv", "--output", "json"]).exits(2));
}

#[test]
fn two_hundred_instances_fit_on_one_screen() {
    let env = FleetEnv::new();
    let world = format!("--sim={}", repository("examples/worlds/two-hundred.toml").display());
    let limits = ["--max-errors", "10%", "--max-concurrency", "100%", "--quiet"];
    let run = [&["run", &world, "--asg", "web"], &limits[..], &["--", "true"]].concat();
    let told = env.run(&run).exits(1);
    assert!(told.stdout.lines().count() <= 40, "{told}");
    for text in
        ["6 failed, exit code 1 (web ×6: ", "166 succeeded with the same output (web ×166: "]
    {
        assert!(told.stdout.contains(text), "{told}");
    }
    let names = |flags: &[&str]| {
        let told = env.run(&[&["report"], flags].concat()).exits(0).stdout;
        let words: BTreeSet<&str> =
            told.split(|it: char| !it.is_alphanumeric() && it != '-').collect();
        words.into_iter().filter(|it| it.starts_with("i-")).count()
    };
    assert!(names(&[]) < 20);
    assert_eq!(names(&["--expand"]), 200);
    assert_eq!(names(&["--fold", "none"]), 200);
    let differences = env.run(&["report", "--diff"]).exits(0);
    drop(differences.prints(&["166 succeeded", "+nginx/1.25.3", "No space left on device"]));
}

#[test]
fn output_is_the_same_up_to_what_differs_by_nature_unless_said_otherwise() {
    let outputs = ["ip-10-0-0-1 up 3 days, 1:02", "ip-10-0-0-2 up 9 min", "maintenance mode"];
    let outcomes = outputs.iter().enumerate();
    let outcomes =
        outcomes.map(|(n, it)| format!("[[outcome]]\ninstances = [{n}]\nstdout = \"{it}\"\n"));
    let group = "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 3\n";
    let world = group.to_owned() + &outcomes.collect::<String>();
    let env = FleetEnv::new();
    let run = ["run", &env.world(&world), "--asg", "web", "--quiet", "--", "uptime"];
    let masked = "‹host› up ‹duration›";
    drop(env.run(&run).exits(0).prints(&["2 succeeded", "but for", masked, outputs[2]]));
    drop(env.run(&["report", "--fold", "exact"]).exits(0).prints(&outputs));
    drop(env.run(&["report", "--format", "md"]).exits(0).prints(&["### 2 succeeded", masked]));
    let exact = env.run(&["report", "--format", "md", "--fold", "exact"]).exits(0);
    assert!(!exact.stdout.contains('‹'), "{exact}");
    let diff = env.run(&["report", "--diff"]).exits(0);
    drop(diff.prints(&[&format!("-{masked}"), "+maintenance mode"]));
    // What is stored is exact, however it is shown.
    assert_eq!(env.record().report["groups"].as_array().unwrap().len(), 3);
}

#[test]
fn the_schema_needs_no_run_and_names_what_is_in_a_report() {
    let env = FleetEnv::new();
    let schema = env.run(&["report", "--schema"]).exits(0).json();
    assert_eq!(schema["properties"]["schema"]["const"], "fleet.report/v1");
    drop(env.run(&["run", "--sim", "--asg", "win", "--", "dir"]).exits(0));
    for name in env.record().report.as_object().unwrap().keys() {
        assert!(schema["properties"].get(name).is_some(), "{name}");
    }
}

#[test]
fn a_run_that_is_not_there_is_named() {
    let env = FleetEnv::new();
    let output = env.run(&["report", "19991231-235959-abcdef"]);
    assert!([Some(2), Some(3)].contains(&output.code), "\n{output}");
    drop(output.complains(&["19991231-235959-abcdef", "nothing was sent"]));
}
