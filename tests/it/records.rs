//! What a run leaves, on stdout and on the disk: it agrees with itself, only its owner may read
//! it, and neither secrets nor control sequences are in it.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use fleet::run::{Event, Fold};
use serde_json::Value;

use crate::support::{FleetEnv, Record, repository};

fn mixed() -> String {
    format!("--sim={}", repository("tests/worlds/mixed.toml").display())
}

#[test]
fn json_is_the_report_and_nothing_else_and_the_files_say_the_same() {
    let env = FleetEnv::new();
    let args = ["run", &mixed(), "--asg", "partly", "--output", "json", "--report", "r.json"];
    let output = env.run(&[&args[..], &["--report", "s.json", "--", "true"]].concat()).exits(0);
    assert_eq!(output.stderr, "");
    let record = env.record();
    assert_eq!(&output.json(), record.complete());
    assert_eq!(record.report["schema"], "fleet.report/v1");
    for file in ["r.json", "s.json"] {
        let text = fs::read_to_string(env.path(file)).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), record.report);
    }
}

#[test]
fn jsonl_is_the_ledgers_events_and_their_fold_is_the_report() {
    for (world, flags, code) in [
        ("mixed", &["--asg", "partly"][..], 0),
        ("one_fails", &["--asg", "web", "--max-errors", "3"], 1),
        ("one_fails", &["--asg", "web", "--max-concurrency", "1"], 5),
    ] {
        let env = FleetEnv::new();
        let sim = format!("--sim={}", repository(&format!("tests/worlds/{world}.toml")).display());
        let args = [&["run", &sim], flags, &["--output", "jsonl", "--", "true"]].concat();
        let output = env.run(&args).exits(code);
        assert_eq!(output.stderr, "");
        let record = env.record();
        record.complete();
        let stored = fs::read_to_string(record.directory.join("events.jsonl")).unwrap();
        assert_eq!(output.stdout, stored);
        let events = output.lines();
        let seqs: Vec<u64> = events.iter().map(|it| it["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>());
        let mut fold = Fold::default();
        for event in events {
            fold.apply(&serde_json::from_value::<Event>(event).unwrap());
        }
        let folded = serde_json::to_value(fold.report().unwrap()).unwrap();
        assert_eq!(folded, record.report);
    }
}

#[test]
fn the_intent_is_written_down_before_each_answer() {
    let env = FleetEnv::new();
    drop(env.run(&["run", &mixed(), "--asg", "partly", "--", "true"]).exits(0));
    let record = env.record();
    let kinds = record.kinds();
    let sends = kinds.iter().filter(|it| ["send_intended", "command_accepted"].contains(it));
    let sends: Vec<_> = sends.copied().collect();
    assert_eq!(sends, ["send_intended", "command_accepted"].repeat(3));
    assert_eq!(kinds.first(), Some(&"run_started"));
    assert_eq!(kinds.last(), Some(&"run_finished"));
}

#[test]
fn only_the_owner_may_read_the_ledger() {
    let env = FleetEnv::new();
    drop(env.run(&["run", &mixed(), "--asg", "web", "--", "true"]).exits(0));
    let mode = |it: &Path| fs::metadata(it).unwrap().permissions().mode() & 0o777;
    let record = env.record();
    assert_eq!(mode(&record.directory), 0o700);
    assert_eq!(mode(record.directory.parent().unwrap()), 0o700);
    for file in ["plan.json", "events.jsonl", "report.json"] {
        assert_eq!(mode(&record.directory.join(file)), 0o600, "{file}");
    }
}

/// Returns every file below `directory`, read.
fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|it| it.unwrap().path());
    let texts = entries.flat_map(|it| {
        if it.is_dir() { files(&it) } else { vec![fs::read_to_string(&it).unwrap()] }
    });
    texts.collect()
}

#[test]
fn a_secret_parameter_is_written_nowhere() {
    const SECRET: &str = "hunter2-is-not-it";
    for format in ["human", "json", "jsonl"] {
        let env = FleetEnv::new();
        let param = format!("dbPassword={SECRET}");
        let what = ["--asg", "web", "--doc", "Secretive", "--param", &param, "--output", format];
        let (plan, run) = (["plan", &mixed(), "-o", "plan.json"], ["run", &mixed()]);
        let plan = env.run(&[&plan[..], &what].concat()).exits(0);
        let run = env.run(&[&run[..], &what, &["--report", "r.json"]].concat()).exits(0);
        let texts = [plan.stdout, plan.stderr, run.stdout, run.stderr];
        let texts: Vec<_> = texts.into_iter().chain(files(&env.path(""))).collect();
        for text in &texts {
            assert!(!text.contains(SECRET), "{format}: {text}");
        }
        assert!(texts.iter().any(|it| it.contains("dbPassword") && it.contains("redacted")));
    }
}

#[test]
fn temporary_credentials_are_written_nowhere() {
    let env = FleetEnv::new();
    let world = format!("--sim={}", repository("examples/scoped-role/world.toml").display());
    let what = ["--asg", "aaa-Ec2InstanceAutoScalingGroup-aaa", "--doc", "aaa-SsmDocument-aaa"];
    let role = ["--role-arn", "arn:aws:iam::000000000000:role/aaa-IamRoleSendCommand-aaa"];
    let args = [&["run", &world], &what[..], &role, &["--report", "r.json"]].concat();
    let output = env.run(&[&args[..], &["--max-concurrency", "1"]].concat()).exits(0);
    let texts = [output.stdout, output.stderr].into_iter().chain(files(&env.path("")));
    for text in texts {
        for word in ["ASIA", "not-a-secret", "SecretAccessKey", "SessionToken"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }
}

#[test]
fn control_sequences_of_an_instance_never_reach_the_terminal_and_survive_in_the_report() {
    let hostile = r"\u001b]0;owned\u0007\u001b[2J\u001b[31mred\u009b2J\r\b\u202e\nerror: fake";
    let world = format!(
        "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 2\n\
         [[outcome]]\nexit = 1\nstdout = \"{hostile}\"\nstderr = \"{hostile}\"\n"
    );
    let env = FleetEnv::new();
    let sim = env.world(&world);
    let limits = ["--max-errors", "2", "--max-concurrency", "2"];
    let args = [&["run", &sim, "--asg", "web"], &limits[..], &["--", "true"]].concat();
    let output = env.run(&args).exits(1);
    for text in [&output.stdout, &output.stderr] {
        assert!(text.chars().all(|it| it == '\n' || !it.is_control()), "{text:?}");
        assert!(!text.contains('\u{202e}'), "{text:?}");
        assert!(!text.lines().any(|it| it.starts_with("error: fake")), "{text:?}");
    }
    let record = env.record();
    let stdout = record.complete()["instances"][0]["stdout"].as_str().unwrap();
    assert!(stdout.contains("\u{1b}[31mred"), "{stdout:?}");
    // JSON for a terminal that cats it: what is dangerous is escaped.
    let raw = fs::read_to_string(record.directory.join("report.json")).unwrap();
    assert!(raw.chars().all(|it| it == '\n' || !it.is_ascii_control()), "{raw:?}");
}

#[test]
fn every_run_has_a_ledger_of_its_own() {
    let env = FleetEnv::new();
    for _ in 0..2 {
        drop(env.run(&["run", &mixed(), "--asg", "web", "--", "true"]).exits(0));
    }
    let runs = env.runs();
    assert_eq!(runs.len(), 2);
    for run in &runs {
        Record::read(run).complete();
    }
}

#[test]
fn a_run_id_that_is_taken_is_refused_before_the_send() {
    let env = FleetEnv::new().set("FLEET_SEED", "7");
    drop(env.run(&["run", &mixed(), "--asg", "web", "--", "true"]).exits(0));
    let again = env.run(&["run", &mixed(), "--asg", "web", "--", "true"]).exits(3);
    let again = again.complains(&["ledger", "run it again", "nothing was sent"]);
    assert!(!again.stderr.contains("XDG_STATE_HOME"), "{again}");
    // A file where the runs belong is another matter.
    let state = env.write("file", "");
    let env = env.set("XDG_STATE_HOME", state.to_str().unwrap());
    let refused = env.run(&["run", &mixed(), "--asg", "web", "--", "true"]).exits(3);
    drop(refused.complains(&["XDG_STATE_HOME", "nothing was sent"]));
}
