//! What goes wrong on the wire: no document runs twice, nobody is missing from the report, and the
//! exit code says what is known.

use std::fs;

use crate::support::{FleetEnv, Record, SimProcess, repository};

fn healthy() -> String {
    fs::read_to_string(repository("tests/worlds/three_healthy.toml")).unwrap()
}

fn fault(operation: &str, when: &str, kind: &str) -> String {
    format!("[[fault]]\noperation = \"{operation}\"\n{when}\nkind = \"{kind}\"\n")
}

#[test]
fn whatever_becomes_of_the_answer_to_a_send_nothing_runs_twice() {
    let kinds = [
        ("drop-before-accept", 6),
        ("error-500", 6),
        ("html-500", 6),
        ("drop-after-accept", 0),
        ("error-500-after-accept", 0),
        ("truncated-body", 0),
        ("throttle", 0),
        ("expired-token", 3),
    ];
    let check = |kind: &str, code: i32| {
        let world = healthy() + &fault("SendCommand", "calls = [1]", kind);
        let sim = SimProcess::start(&world, &[]);
        let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
        let output = env.run(&["run", "--yes", "--asg", "web", "--", "true"]).exits(code);
        let says_nothing = output.stderr.contains("nothing was sent");
        assert_eq!(says_nothing, code == 3, "{kind}:\n{output}");
        let executions = sim.stats().executions();
        assert!(executions.iter().all(|it| *it == 1), "{kind}: {executions:?}");
        assert_eq!(executions.len(), if code == 0 { 3 } else { 0 }, "{kind}");
        env.record().complete();
    };
    kinds.iter().for_each(|(kind, code)| check(kind, *code));
}

#[test]
fn reads_that_fail_now_and_then_change_nothing() {
    let kinds = ["error-500", "drop-after-accept", "truncated-body", "throttle", "html-500"];
    let operations = ["ListCommandInvocations", "ListCommands", "DescribeAutoScalingGroups"];
    for kind in kinds {
        let faults = operations.map(|it| fault(it, "rate = 0.3", kind)).concat();
        let env = FleetEnv::new();
        let sim = env.world(&(healthy() + &faults));
        drop(env.run(&["run", &sim, "--asg", "web", "--", "true"]).exits(0));
        assert_eq!(env.record().complete()["totals"]["succeeded"], 3, "{kind}");
    }
}

#[test]
fn counters_that_cannot_be_read_leave_nobody_unknown() {
    for kind in ["error-500", "drop-after-accept", "throttle"] {
        let world = "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 70\n\
                     [[outcome]]\ninstances = [6]\nafter = \"30s\"\nexit = 9\n"
            .to_owned();
        let world = world + &fault("ListCommands", "rate = 1.0", kind);
        let sim = SimProcess::start(&world, &[]);
        let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
        let limits = ["--max-concurrency", "70", "--max-errors", "1"];
        let args = [&["run", "--yes", "--asg", "web"], &limits[..], &["--", "true"]].concat();
        let output = env.run(&args).exits(1);
        drop(
            output.complains(&[
                "reads of progress go on failing, so it is read from the invocations",
            ]),
        );
        let record = env.record();
        let totals = &record.replayed().complete()["totals"];
        assert_eq!((&totals["succeeded"], &totals["failed"]), (&69.into(), &1.into()), "{kind}");
        let notes = record.report["notes"].as_array().unwrap();
        let n_notes = notes.iter().filter(|it| it["code"] == "counts.failing").count();
        assert_eq!(n_notes, 1, "{notes:#?}");
    }
}

#[test]
fn a_group_that_cannot_be_read_is_3_and_is_not_taken_for_an_empty_one() {
    for kind in ["error-500", "drop-before-accept", "truncated-body", "html-500", "throttle"] {
        let world = healthy() + &fault("DescribeAutoScalingGroups", "rate = 1.0", kind);
        let sim = SimProcess::start(&world, &[]);
        let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
        let output = env.run(&["run", "--yes", "--asg", "web", "--", "true"]).exits(3);
        drop(output.complains(&["DescribeAutoScalingGroups failed", "nothing was sent"]));
        assert_eq!(sim.stats().commands(), 0);
    }
}

#[test]
fn a_run_that_was_killed_can_be_told_from_its_ledger() {
    let world = fs::read_to_string(repository("tests/worlds/never_ends.toml")).unwrap();
    let sim = SimProcess::start(&world, &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let mut run = env.spawn(&["run", "--asg", "web", "--yes", "--", "true"]);
    run.wait_for("accepted");
    run.kill();
    let report = env.run(&["report", "last", "--output", "json"]).exits(0).json();
    let record = Record { directory: env.path(""), plan: report.clone(), events: vec![], report };
    assert_eq!(record.complete()["totals"]["unknown"], 3);
    assert!(record.report["verdict"].is_null());
    assert_eq!(record.report["waves"][0]["command_ids"].as_array().unwrap().len(), 1);
    drop(env.run(&["report", "last"]).exits(0).prints(&["3 unknown of 3 instances"]));
}

#[test]
fn one_id_that_ssm_refuses_costs_nobody_else_their_turn() {
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[
        "ssm:SendCommand","ssm:ListCommandInvocations"],"Resource":"*"}]}"#;
    let user = "[[user]]\nname = \"minimal\"\naccess_key_id = \"AKIDMINIMAL\"\n\
                secret_access_key = \"s\"\npolicy = \"p.json\"\n";
    // The ids are those of the same world without the user, who may not ask for them.
    let env = FleetEnv::new();
    let listed = env.run(&["targets", &env.world(&healthy()), "--asg", "web", "--output", "json"]);
    let listed = listed.exits(0).json();
    let ids: Vec<&str> = (0..3).map(|it| listed["planned"][it]["id"].as_str().unwrap()).collect();
    let sim = SimProcess::start(&(healthy() + user), &[("p.json", policy)]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let named = [ids[0], "i-00000000000000bad", ids[1], ids[2]];
    let named: Vec<&str> = named.iter().flat_map(|it| ["--instance", *it]).collect();
    let limits = ["--max-concurrency", "4", "--max-errors", "1", "--yes"];
    drop(env.run(&[&["run"], &named[..], &limits, &["--", "true"]].concat()).exits(1));
    let record = env.record();
    assert_eq!(record.complete()["totals"]["succeeded"], 3, "{}", record.report["totals"]);
    assert_eq!(record.report["totals"]["undeliverable"], 1);
    assert_eq!(sim.stats().executions(), [1, 1, 1]);
}
