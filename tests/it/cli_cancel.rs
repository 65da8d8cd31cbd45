//! `fleet cancel`: from another process than the one that follows the run.

use std::fs;

use serde_json::{Value, json};

use crate::support::{FleetEnv, Running, SimProcess, repository};

#[test]
fn a_run_is_cancelled_from_outside_and_its_process_sees_the_end() {
    let sim = SimProcess::of(&repository("tests/worlds/never_ends.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    let run = env.spawn(&["run", "--asg", "web", "--yes", "--max-concurrency", "3", "--", "true"]);
    sim.wait_for_call("ListCommandInvocations");
    let output = env.run(&["cancel", "last"]).exits(0);
    drop(output.prints(&["nothing more is sent"]));
    let output = run.finish().exits(130);
    drop(output.prints(&["3 cancelled: cancelled by `fleet cancel`"]));
    let record = env.record();
    assert_eq!(record.replayed().complete()["totals"]["cancelled"], 3);
    assert_eq!(record.report["budget"]["used"], 0);
}

/// Three waves, the first of which never ends.
fn stuck(flags: &[&str]) -> (SimProcess, FleetEnv, Running) {
    stuck_under("", flags)
}

/// The same where this fault hits every CancelCommand.
fn stuck_under(fault: &str, flags: &[&str]) -> (SimProcess, FleetEnv, Running) {
    let mut world = fs::read_to_string(repository("tests/worlds/never_ends.toml")).unwrap();
    if !fault.is_empty() {
        world.push_str("[[fault]]\noperation = \"CancelCommand\"\nrate = 1.0\nkind = ");
        world.push_str(fault);
    }
    let sim = SimProcess::start(&world, &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let args = ["run", "--asg", "web", "--yes", "--max-concurrency", "1", "--waves", "1,2,3"];
    let mut run = env.spawn(&[&args, flags, &["--output", "jsonl", "--", "true"]].concat());
    run.wait_for("invocation_changed");
    (sim, env, run)
}

#[test]
fn a_run_that_is_cancelled_sends_no_later_wave() {
    let (sim, env, run) = stuck(&[]);
    drop(env.run(&["cancel", "last"]).exits(0));
    drop(run.finish().exits(130));
    assert_eq!(sim.stats().commands(), 1);
    let record = env.record();
    let totals = record.replayed().complete()["totals"].to_string();
    assert_eq!(totals, r#"{"cancelled":1,"not_attempted":2}"#);
    // Nor does it afterwards.
    for flags in [&[][..], &["--continue", "--yes"]] {
        drop(env.run(&[&["watch", "last"], flags].concat()).exits(130));
    }
    drop(env.run(&["cancel", "last"]).exits(4).complains(&["has ended"]));
    assert_eq!((sim.stats().commands(), env.record().events.len()), (1, record.events.len()));
}

#[test]
fn a_cancel_is_heard_during_a_pause() {
    let sim = SimProcess::of(&repository("tests/worlds/three_healthy.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let flags = ["--waves", "1,3", "--pause", "24h", "--output", "jsonl", "--", "true"];
    let mut run = env.spawn(&[&["run", "--asg", "web", "--yes"], &flags[..]].concat());
    run.wait_for("pause_started");
    drop(env.run(&["cancel", "last"]).exits(0));
    drop(run.finish().exits(130));
    assert_eq!((sim.stats().commands(), sim.stats().calls("CancelCommand")), (1, 0));
}

#[test]
fn a_run_whose_process_is_gone_stays_cancelled_whoever_takes_it_over() {
    let (sim, env, mut run) = stuck(&[]);
    run.kill();
    let output = env.run(&["cancel", "last"]).exits(0);
    let output = output.prints(&["nothing more is sent", "cancel requested for command"]);
    let gone = "is gone: 1 instance may still be running, and `fleet watch";
    drop(output.complains(&["no guarantee", gone]));
    let output = env.run(&["watch", "last", "--continue", "--yes"]).exits(130);
    drop(output.complains(&["was cancelled: nothing more of it is sent", "fleet retry"]));
    assert_eq!(sim.stats().commands(), 1);
    let record = env.record();
    let totals = record.replayed().complete()["totals"].to_string();
    assert_eq!(totals, r#"{"cancelled":1,"not_attempted":2}"#);
    assert!(record.kinds().contains(&"cancel_ordered"));
}

#[test]
fn of_single_instances_it_is_said_what_was_done_with_each() {
    let (sim, env, run) = stuck(&[]);
    let [directory] = &env.runs()[..] else { panic!("no run") };
    let plan = fs::read_to_string(directory.join("plan.json")).unwrap();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let wave = |n: usize| plan["waves"][n]["instances"][0].as_str().unwrap();
    let (runs, waits, last) = (wave(0), wave(1), wave(2));
    let cancel = |ids: &[&str]| {
        let flags: Vec<&str> = ids.iter().flat_map(|it| ["--instance", it]).collect();
        env.run(&[&["cancel", "last"], &flags[..]].concat())
    };
    let strange = "i-0123456789abcdef0";
    let output = cancel(&[waits, strange]).exits(2);
    drop(
        output.complains(&[&format!("not in run {}: {strange}", plan["run_id"].as_str().unwrap())]),
    );
    let output = cancel(&[waits]).exits(0);
    drop(output.prints(&[&format!("{waits}: was not sent to, and will not be")]));
    assert_eq!(sim.stats().calls("CancelCommand"), 0);
    // The one that runs gives way to the last.
    let output = cancel(&[runs]).exits(0);
    drop(output);
    let mut run = run;
    run.wait_for(last);
    run.wait_for("\"wave\":3");
    let output = cancel(&[runs, waits]).exits(4);
    let done = [
        format!("{runs}: cancelled: there is"),
        format!("{waits}: was not sent to, and will not be"),
    ];
    drop(output.complains(&[&done[0], &done[1], "nothing to cancel"]));
    drop(cancel(&[last]).exits(0));
    // Nobody interrupted it: its verdict is that of its instances.
    drop(run.finish().exits(1));
    assert_eq!(sim.stats().commands(), 2);
    let totals = env.record().replayed().complete()["totals"].to_string();
    assert_eq!(totals, r#"{"cancelled":2,"not_attempted":1}"#);
}

#[test]
fn a_run_that_its_budget_has_stopped_stays_stopped_by_that_when_its_stragglers_are_cancelled() {
    let world = fs::read_to_string(repository("tests/worlds/never_ends.toml")).unwrap();
    let fails = "[[outcome]]\ngroup = \"web\"\ninstances = [0]\nexit = 1\n\n[[outcome]]";
    let sim = SimProcess::start(&world.replace("[[outcome]]", fails), &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let args = ["run", "--asg", "web", "--yes", "--max-concurrency", "2", "--waves", "2,3"];
    let mut run = env.spawn(&[&args[..], &["--output", "jsonl", "--", "true"]].concat());
    run.wait_for("budget_spent");
    drop(env.run(&["cancel", "last"]).exits(0).prints(&["nothing more is sent"]));
    drop(run.finish().exits(5));
    let record = env.record();
    let report = record.replayed().complete();
    assert_eq!(report["totals"].to_string(), r#"{"cancelled":1,"failed":1,"not_attempted":1}"#);
    let sentence = report["verdict"]["sentence"].as_str().unwrap();
    assert!(sentence.ends_with("what still ran cancelled by `fleet cancel`"), "{sentence}");
    // Nor is it cancelled once it has ended.
    drop(env.run(&["cancel", "last"]).exits(4).complains(&["has ended", "nothing to cancel"]));
    drop(env.run(&["watch", "last"]).exits(5));
    assert_eq!(env.record().events.len(), record.events.len());
}

#[test]
fn a_run_that_has_ended_has_nothing_to_cancel() {
    let sim = SimProcess::of(&repository("tests/worlds/three_healthy.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    drop(env.run(&["run", "--asg", "web", "--yes", "--", "true"]).exits(0));
    drop(env.run(&["cancel", "last"]).exits(4).complains(&["has ended", "nothing to cancel"]));
    assert_eq!(sim.stats().calls("CancelCommand"), 0);
}

#[test]
fn a_run_that_is_not_there_is_2() {
    let env = FleetEnv::new();
    drop(env.run(&["cancel", "nope"]).exits(2).complains(&["nope", "nothing was sent"]));
}

#[test]
fn a_run_without_a_name_is_not_the_only_one_that_there_is() {
    let (_sim, env, run) = stuck(&[]);
    for command in [&["cancel"][..], &["watch"], &["report"], &["retry", "--yes"]] {
        let output = env.run(&[command, &[""]].concat()).exits(2);
        drop(output.complains(&["there is no run ``", "nothing was sent"]));
    }
    let [directory] = &env.runs()[..] else { panic!("no run") };
    assert!(!directory.join("cancel.jsonl").exists());
    drop(run);
}

#[test]
fn what_the_run_has_sent_is_not_denied_where_watching_or_cancelling_fails() {
    let (sim, env, mut run) = stuck(&[]);
    run.kill();
    let fail = |command| {
        let args = [command, "last", "--endpoint-url", "http://127.0.0.1:9"];
        env.run(&args).exits(3).complains(&["hint: "])
    };
    let run = env.runs()[0].file_name().unwrap().to_str().unwrap().to_owned();
    let sent = format!("nothing was sent by this command; what run {run} has sent may still be");
    drop(fail("watch").complains(&[&sent]));
    let output = fail("cancel").prints(&["nothing more is sent"]);
    let stands = format!(
        "the order to run {run} stands; its process is gone, and nobody who takes the run up \
         sends anything more of it; 1 instance may still be running, and `fleet watch {run}` cancels \
         what runs and brings the run to its end; SSM was not asked to cancel what was sent"
    );
    let output = output.complains(&[&stands]);
    assert!(!output.stderr.contains("nothing was sent"), "{output}");
    assert!(!output.stderr.contains("obeys it"), "{output}");
    assert_eq!(sim.stats().calls("CancelCommand"), 0);
    drop(env.run(&["cancel", "last"]).exits(0).prints(&["cancel requested"]));
}

#[test]
fn an_order_to_some_instances_of_a_run_without_a_process_is_one_to_leave_them_out() {
    let (_sim, env, mut run) = stuck(&[]);
    run.kill();
    let plan = fs::read_to_string(env.runs()[0].join("plan.json")).unwrap();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let id = plan["waves"][0]["instances"][0].as_str().unwrap();
    let away = ["--endpoint-url", "http://127.0.0.1:9"];
    let output = env.run(&[&["cancel", "last", "--instance", id], &away[..]].concat()).exits(3);
    let text = "nobody who takes the run up sends anything more to those instances; 1 instance \
                may still be running";
    drop(output.complains(&["stands; its process is gone", text, "cancels those"]));
}

#[test]
fn an_order_to_a_run_that_goes_on_is_obeyed_by_its_process() {
    // Its own cancel is not answered, so that it cannot end meanwhile.
    let (_sim, env, mut run) = stuck_under("\"delay\"\ndelay = \"24h\"", &[]);
    let away = ["cancel", "last", "--endpoint-url", "http://127.0.0.1:9"];
    let output = env.run(&away).exits(3).complains(&["stands, and its process obeys it"]);
    assert!(!output.stderr.contains("is gone"), "{output}");
    run.kill();
}

#[test]
fn of_a_run_that_has_obeyed_meanwhile_it_is_said_that_it_has_ended() {
    let (sim, env, run) = stuck(&[]);
    sim.order(&json!([
        {"operation": "GetCallerIdentity", "kind": "delay", "delay": "24h", "rate": 1.0}
    ]));
    let cancel = env.spawn(&["cancel", "last"]);
    drop(run.finish().exits(130));
    cancel.interrupt();
    let output = cancel.finish().exits(130);
    let output = output.complains(&["has ended; nothing that it has sent is running"]);
    assert!(!output.stderr.contains("is gone"), "{output}");
}

#[test]
fn where_nothing_is_out_there_a_cancel_says_so() {
    let sim = SimProcess::of(&repository("tests/worlds/three_healthy.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let flags = ["--waves", "1,3", "--pause", "24h", "--output", "jsonl", "--", "true"];
    let mut run = env.spawn(&[&["run", "--asg", "web", "--yes"], &flags[..]].concat());
    run.wait_for("pause_started");
    run.kill();
    let output = env.run(&["cancel", "last"]).exits(0);
    let gone = "its process is gone: nothing that it has sent is running, and `fleet watch";
    drop(output.complains(&[gone, "brings the run to its end"]));
    assert_eq!(sim.stats().calls("CancelCommand"), 0);
    drop(env.run(&["watch", "last"]).exits(130));
    assert_eq!(sim.stats().commands(), 1);
}

#[test]
fn a_run_whose_simulator_went_with_its_process_needs_nobody_to_be_asked() {
    let env = FleetEnv::new();
    let world = repository("tests/worlds/never_ends.toml");
    let world = format!("--sim={}", world.display());
    let mut run = env.spawn(&["run", &world, "--asg", "web", "--yes", "--", "true"]);
    run.wait_for("accepted");
    run.kill();
    let output = env.run(&["cancel", "last"]).exits(0).prints(&["nothing more is sent"]);
    let output = output.complains(&["its simulator is gone with it, and nothing of it is running"]);
    assert!(!output.stderr.contains("fleet watch"), "{output}");
}

#[test]
fn an_interrupted_cancel_says_that_its_order_stands() {
    let (sim, env, mut run) = stuck_under("\"delay\"\ndelay = \"24h\"", &[]);
    run.kill();
    let cancel = env.spawn(&["cancel", "last"]);
    sim.wait_for_call("CancelCommand");
    cancel.interrupt();
    let words = ["interrupted", "stands; its process is gone", "fleet watch", "SSM may not"];
    let output = cancel.finish().exits(130).complains(&words);
    assert!(!output.stderr.contains("nothing was sent"), "{output}");
}

#[test]
fn a_cancel_without_an_answer_is_not_called_a_refusal() {
    let (sim, env, mut run) = stuck_under("\"drop-after-accept\"", &[]);
    run.kill();
    let output = env.run(&["cancel", "last", "--output", "json"]).exits(3);
    let output = output.complains(&["whether command ", " is being cancelled is not known"]);
    assert!(!output.stderr.contains("could not be cancelled"), "{output}");
    assert_eq!(output.json()["rows"][1]["state"], "unknown");
    sim.heal();
    drop(env.run(&["watch", "last"]).exits(130));
    assert_eq!(env.record().replayed().complete()["totals"]["cancelled"], 1);
}

#[test]
fn a_script_is_told_what_was_cancelled_in_its_own_format() {
    let (_sim, env, mut run) = stuck(&[]);
    run.kill();
    let told = env.run(&["cancel", "last", "--output", "json"]).exits(0).json();
    assert_eq!(told["schema"], "fleet.cancel/v1");
    let [ordered, requested] = &told["rows"].as_array().unwrap()[..] else { panic!("{told}") };
    assert_eq!((&ordered["state"], &requested["state"]), (&"ordered".into(), &"requested".into()));
    assert!(requested["command_id"].is_string() && requested["instance_id"].is_null(), "{told}");
    let lines = env.run(&["cancel", "last", "--output", "jsonl"]).exits(0).lines();
    assert_eq!(&lines, told["rows"].as_array().unwrap());
}
