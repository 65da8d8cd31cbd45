//! A ledger is readable for ever: those under tests/ledgers/ were left by the versions that wrote
//! them, and are never recorded again. `tests/ledgers/record.sh` records those of a new format.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use fleet::run::{Event, Fold};
use serde_json::{Value, json};

use crate::support::{FleetEnv, Record, SimProcess, repository};

const SUCCESS: &str = "20261121-010000-000001";
const OVER_BUDGET: &str = "20261121-020000-000002";
const RETRY: &str = "20261121-030000-000003";
const INTERRUPTED: &str = "20261121-040000-000004";
const BETWEEN_WAVES: &str = "20261121-050000-000005";
const UNDER_WAY: &str = "20261121-060000-000006";

/// A run that ended: its id, its exit code, its sentence, and how many instances have which outcome.
type Ended = (&'static str, i32, &'static str, &'static [(&'static str, u64)]);

const ENDED: [Ended; 4] = [
    (SUCCESS, 0, "4 of 4 instances succeeded", &[("succeeded", 4)]),
    (
        OVER_BUDGET,
        5,
        "7 of 10 instances succeeded, 2 failed, 1 not attempted: stopped by the error budget \
         (2 errors, 1 allowed)",
        &[("failed", 2), ("not_attempted", 1), ("succeeded", 7)],
    ),
    (RETRY, 1, "0 of 2 instances succeeded, 2 failed", &[("failed", 2)]),
    (INTERRUPTED, 130, "0 of 4 instances succeeded, 4 cancelled: interrupted", &[("cancelled", 4)]),
];

fn recorded() -> PathBuf {
    repository("tests/ledgers/v1")
}

/// Puts the recorded ledgers where `env` has its own.
fn install(env: &FleetEnv) {
    for run in fs::read_dir(recorded().join("runs")).unwrap() {
        let run = run.unwrap().path();
        let to = env.path("state/fleet/runs").join(run.file_name().unwrap());
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(&run).unwrap() {
            let file = file.unwrap().path();
            fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
        }
    }
}

fn installed() -> FleetEnv {
    let env = FleetEnv::new();
    install(&env);
    env
}

/// The recorded ledgers, and the instances that they speak of.
fn installed_with_instances() -> (SimProcess, FleetEnv) {
    let sim = SimProcess::of(&recorded().join("world.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02").set("FLEET_NOW", "2026-11-21T07:00:00Z");
    install(&env);
    (sim, env)
}

fn events_of(env: &FleetEnv, run: &str) -> PathBuf {
    env.path("state/fleet/runs").join(run).join("events.jsonl")
}

/// Changes the events of a run, a JSON value each.
fn rewrite(env: &FleetEnv, run: &str, change: impl FnOnce(&mut Vec<Value>)) {
    let path = events_of(env, run);
    let text = fs::read_to_string(&path).unwrap();
    let mut events = text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    change(&mut events);
    let lines: Vec<String> = events.iter().map(|it| format!("{it}\n")).collect();
    fs::write(&path, lines.concat()).unwrap();
}

fn stored_report(run: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(run.join("report.json")).unwrap()).unwrap()
}

/// Requires that all of an old report is in one of today, as it was: fields are added, never
/// renamed.
fn require_all(at: &str, old: &Value, new: &Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, old) in old {
                let new = new.get(name).unwrap_or_else(|| panic!("{at}.{name} is gone"));
                require_all(&format!("{at}.{name}"), old, new);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            assert_eq!(old.len(), new.len(), "{at}");
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                require_all(&format!("{at}[{index}]"), old, new);
            }
        }
        _ => assert_eq!(old, new, "{at}"),
    }
}

#[test]
fn the_events_of_an_old_ledger_amount_to_the_report_that_was_stored_then() {
    for (run, ..) in ENDED {
        let record = Record::read(&recorded().join("runs").join(run));
        let mut fold = Fold::default();
        for event in &record.events {
            fold.apply(&serde_json::from_value::<Event>(event.clone()).unwrap());
        }
        let folded = serde_json::to_value(fold.report().unwrap()).unwrap();
        require_all(run, record.complete(), &folded);
    }
}

#[test]
fn old_runs_are_listed_as_they_ended() {
    let env = installed();
    let output = env.run(&["runs", "--output", "json"]).exits(0);
    let listed = output.json();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 6, "{output}");
    let of = |run: &str| listed.iter().find(|it| it["run_id"] == run).unwrap();
    for (run, code, sentence, _) in ENDED {
        let entry = of(run);
        assert_eq!((&entry["exit_code"], &entry["sentence"]), (&code.into(), &sentence.into()));
    }
    for run in [BETWEEN_WAVES, UNDER_WAY] {
        assert_eq!(of(run)["exit_code"], Value::Null, "{run}");
    }
    let text = env.run(&["runs"]).exits(0);
    let all = [SUCCESS, OVER_BUDGET, RETRY, INTERRUPTED, BETWEEN_WAVES, UNDER_WAY];
    drop(text.prints(&all).prints(&["its process is gone: `fleet watch", "6 runs"]));
}

#[test]
fn old_reports_are_shown_in_every_format() {
    let env = installed();
    for (run, code, sentence, totals) in ENDED {
        let directory = env.path("state/fleet/runs").join(run);
        let stored = stored_report(&directory);
        for (outcome, n) in totals {
            assert_eq!(stored["totals"][outcome], *n, "{run}");
        }
        let text = env.run(&["report", run]).exits(0).stdout.replace('\n', " ");
        assert!(text.trim_end().ends_with(&format!("{sentence} (exit code {code})")), "{text}");
        let shown = env.run(&["report", run, "--output", "json"]).exits(0).json();
        require_all(run, &stored, &shown);
        let lines = env.run(&["report", run, "--output", "jsonl"]).exits(0).lines();
        require_all(run, &Record::read(&directory).events.into(), &lines.into());
        drop(env.run(&["report", run, "--report", "again.json"]).exits(0));
        let again = fs::read_to_string(env.path("again.json")).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), shown);
    }
}

#[test]
fn the_report_of_a_run_that_was_killed_says_so_and_has_everybody() {
    let env = installed();
    for (run, n_planned) in [(BETWEEN_WAVES, 4), (UNDER_WAY, 4)] {
        let report = env.run(&["report", run, "--output", "json"]).exits(0).json();
        assert_eq!(report["verdict"], Value::Null, "{run}");
        assert_eq!(report["instances"].as_array().unwrap().len(), n_planned, "{run}");
    }
}

fn ids<'a>(values: impl Iterator<Item = &'a Value>) -> BTreeSet<&'a str> {
    values.map(|it| it.as_str().unwrap()).collect()
}

#[test]
fn an_old_run_is_retried_over_those_that_failed() {
    let (sim, env) = installed_with_instances();
    let retry = ["retry", OVER_BUDGET, "--dry-run", "--output", "json"];
    let plan = env.run(&retry).exits(0).json();
    let stored = stored_report(&recorded().join("runs").join(OVER_BUDGET));
    let wanted = stored["instances"].as_array().unwrap().iter();
    let wanted = wanted.filter(|it| it["outcome"] != "succeeded").map(|it| &it["instance_id"]);
    let planned = plan["population"]["planned"].as_array().unwrap().iter().map(|it| &it["id"]);
    assert_eq!(ids(planned), ids(wanted));
    assert_eq!(plan["parent_id"], OVER_BUDGET);
    assert_eq!(plan["document"]["parameters"], stored["document"]["parameters"]);
    assert_eq!(sim.stats().commands(), 0);
    drop(env.run(&["retry", SUCCESS, "--dry-run"]).exits(4).complains(&[SUCCESS]));
    let output = env.run(&["retry", UNDER_WAY, "--dry-run"]).exits(2);
    drop(output.complains(&["has not ended", &format!("fleet watch {UNDER_WAY}")]));
}

#[test]
fn an_old_run_that_was_killed_between_waves_is_brought_to_its_end() {
    let (sim, env) = installed_with_instances();
    drop(
        env.run(&["watch", BETWEEN_WAVES])
            .exits(5)
            .prints(&["1 of 4 instances succeeded", "3 not attempted"]),
    );
    assert_eq!(sim.stats().commands(), 0);
    let record = Record::read(&env.path("state/fleet/runs").join(BETWEEN_WAVES));
    record.replayed().complete();

    let (sim, env) = installed_with_instances();
    drop(env.run(&["watch", BETWEEN_WAVES, "--continue", "--yes"]).exits(0));
    let record = Record::read(&env.path("state/fleet/runs").join(BETWEEN_WAVES));
    assert_eq!(record.replayed().complete()["totals"]["succeeded"], 4);
    // The first wave was over before the process was killed.
    assert_eq!(sim.stats().executions(), [1, 1, 1]);
}

#[test]
fn an_old_command_that_the_service_has_forgotten_is_unknown_and_not_sent_again() {
    let (sim, env) = installed_with_instances();
    drop(env.run(&["watch", UNDER_WAY, "--continue", "--yes"]).exits(6));
    let record = Record::read(&env.path("state/fleet/runs").join(UNDER_WAY));
    assert_eq!(record.replayed().complete()["totals"].to_string(), r#"{"unknown":4}"#);
    assert_eq!(sim.stats().commands(), 0);
}

#[test]
fn what_a_newer_fleet_adds_is_passed_over() {
    let env = installed();
    let before = env.run(&["report", OVER_BUDGET, "--output", "json"]).exits(0).json();
    rewrite(&env, OVER_BUDGET, |events| {
        for event in events.iter_mut() {
            event["mood"] = "calm".into();
            event["data"]["weather"] = json!({"sky": ["blue"]});
        }
        events[0]["data"]["plan"]["gates"] = json!([]);
        let newer = json!({"kind": "gate_opened", "gate": {"is": "an object"}});
        let newer = json!({"seq": 2, "at": events[0]["at"], "elapsed_ms": 0, "data": newer});
        events.insert(1, newer);
        events.iter_mut().zip(1..).for_each(|(it, seq)| it["seq"] = seq.into());
    });
    let output = env.run(&["report", OVER_BUDGET, "--output", "json"]).exits(0);
    assert_eq!(output.json(), before);
    drop(env.run(&["runs"]).exits(0).prints(&[OVER_BUDGET, "6 runs"]));
}

#[test]
fn a_last_line_that_was_torn_is_passed_over() {
    let (sim, env) = installed_with_instances();
    let path = events_of(&env, BETWEEN_WAVES);
    let whole = env.run(&["report", BETWEEN_WAVES, "--output", "json"]).exits(0).json();
    let torn = fs::read_to_string(&path).unwrap() + r#"{"seq":8,"at":"2026-1"#;
    fs::write(&path, torn).unwrap();
    let output = env.run(&["report", BETWEEN_WAVES, "--output", "json"]).exits(0);
    assert_eq!(output.json(), whole);
    drop(env.run(&["watch", BETWEEN_WAVES, "--continue", "--yes"]).exits(0));
    assert_eq!(sim.stats().executions(), [1, 1, 1]);
    Record::read(&env.path("state/fleet/runs").join(BETWEEN_WAVES)).replayed().complete();
}

#[test]
fn a_ledger_of_a_newer_major_version_is_refused_in_words() {
    let (sim, env) = installed_with_instances();
    rewrite(&env, BETWEEN_WAVES, |events| {
        let plan = &mut events[0]["data"]["plan"];
        plan["schema"] = "fleet.plan/v2".into();
        plan["waves"] = "are something else now".into();
    });
    let before = fs::read(events_of(&env, BETWEEN_WAVES)).unwrap();
    let words = [BETWEEN_WAVES, "fleet.plan/v2", "fleet.plan/v1", "newer fleet"];
    for command in ["report", "watch", "cancel"] {
        let output = env.run(&[command, BETWEEN_WAVES]).exits(2);
        drop(output.complains(&words).complains(&["nothing was sent"]));
    }
    let output = env.run(&["retry", BETWEEN_WAVES, "--dry-run"]).exits(2);
    drop(output.complains(&words).complains(&["nothing was sent"]));
    // The others can still be listed, and it is kept.
    let list = env.run(&["runs"]).exits(0).complains(&words).prints(&[SUCCESS, "5 runs"]);
    drop(list);
    drop(env.run(&["runs", "prune", "--older-than", "0s"]).exits(0));
    assert_eq!(fs::read(events_of(&env, BETWEEN_WAVES)).unwrap(), before);
    // Neither is a plan of it carried out.
    let plan = fs::read_to_string(recorded().join("runs").join(SUCCESS).join("plan.json")).unwrap();
    env.write("plan.json", &plan.replace("fleet.plan/v1", "fleet.plan/v2"));
    let output = env.run(&["run", "--plan", "plan.json", "--yes"]).exits(2);
    drop(output.complains(&["plan.json", "fleet.plan/v2", "newer fleet", "nothing was sent"]));
    assert_eq!(sim.stats().commands(), 0);
}

#[test]
fn a_run_that_has_ended_is_not_taken_up_again_because_its_events_are_gone() {
    for n_kept in [0, 1, 4] {
        let (sim, env) = installed_with_instances();
        rewrite(&env, OVER_BUDGET, |events| events.truncate(n_kept));
        let before = fs::read(events_of(&env, OVER_BUDGET)).unwrap();
        for flags in [&[][..], &["--continue", "--yes"]] {
            let output = env.run(&[&["watch", OVER_BUDGET], flags].concat()).exits(3);
            drop(output.complains(&[OVER_BUDGET, "damaged", "report.json", "nothing was sent"]));
        }
        drop(env.run(&["retry", OVER_BUDGET, "--yes"]).exits(3));
        // The report that was stored is shown instead, and in the list.
        let report = env.run(&["report", OVER_BUDGET, "--output", "json"]).exits(0);
        let report = report.complains(&["is damaged"]).json();
        assert_eq!(
            report["totals"],
            stored_report(&recorded().join("runs").join(OVER_BUDGET))["totals"]
        );
        assert!(report["notes"].to_string().contains("ledger.damaged"));
        drop(env.run(&["runs"]).exits(0).prints(&[OVER_BUDGET, "2 errors, 1 allowed", "6 runs"]));
        assert_eq!(fs::read(events_of(&env, OVER_BUDGET)).unwrap(), before);
        assert_eq!(sim.stats().commands(), 0);
    }
}

/// Damages the ledger of a run that was killed, and returns what taking it over says.
fn taken_over(change: impl FnOnce(&mut Vec<Value>), names: &[&str]) -> (SimProcess, FleetEnv) {
    let (sim, env) = installed_with_instances();
    rewrite(&env, BETWEEN_WAVES, change);
    let before = fs::read(events_of(&env, BETWEEN_WAVES)).unwrap();
    let output = env.run(&["watch", BETWEEN_WAVES, "--continue", "--yes"]).exits(3);
    drop(output.complains(names).complains(&[BETWEEN_WAVES, "damaged", "nothing was sent"]));
    assert_eq!(fs::read(events_of(&env, BETWEEN_WAVES)).unwrap(), before);
    assert_eq!(sim.stats().commands(), 0);
    (sim, env)
}

#[test]
fn lines_that_are_missing_or_doubled_are_refused_by_file_line_and_number() {
    let gap = "events.jsonl, line 3: event 4 follows event 2";
    let (_sim, env) = taken_over(|events| drop(events.remove(2)), &[gap]);
    let report = env.run(&["report", BETWEEN_WAVES, "--output", "json"]).exits(0);
    let report = report.complains(&[gap]).json();
    assert_eq!(report["instances"].as_array().unwrap().len(), 4);
    assert!(report["notes"].to_string().contains("this is what the rest tells"));
    let doubled = |events: &mut Vec<Value>| events.insert(2, events[1].clone());
    taken_over(doubled, &["events.jsonl, line 3: event 2 comes again after event 2"]);
    taken_over(
        |events| drop(events.remove(0)),
        &["events.jsonl, line 1: the first event is event 2"],
    );
}

#[test]
fn a_ledger_that_was_emptied_is_no_run_that_was_never_sent() {
    let (_sim, env) = taken_over(Vec::clear, &["events.jsonl", "there is no event"]);
    let report = env.run(&["report", BETWEEN_WAVES, "--output", "json"]).exits(0).json();
    assert_eq!(report["totals"].to_string(), r#"{"unknown":4}"#);
}
