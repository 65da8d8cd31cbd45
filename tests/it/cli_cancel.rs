//! `fleet cancel`: from another process than the one that follows the run.

use std::fs;

use serde_json::Value;

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
    let sim = SimProcess::of(&repository("tests/worlds/never_ends.toml"));
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
    drop(output.complains(&["no guarantee", "fleet watch"]));
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
