//! `fleet watch`: a run whose process was killed is taken over, and one that goes on is followed.

use std::{fs, os::unix::fs::MetadataExt as _};

use crate::support::{FleetEnv, SimProcess, repository};

/// Four instances on which everything succeeds, but not before the process can be killed.
const SLOW: &str = "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 4\n\
                    [[outcome]]\nafter = \"40s\"\nstdout = \"ok\"\n";

const RUN: [&str; 9] =
    ["run", "--asg", "web", "--yes", "--waves", "1,2,4", "--max-concurrency", "4", "--output"];

const SHELL: [&str; 3] = ["jsonl", "--", "true"];

fn slow() -> (SimProcess, FleetEnv) {
    let sim = SimProcess::start(SLOW, &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    (sim, env)
}

/// Starts a run, and kills it while its first wave is under way.
fn leave(env: &FleetEnv, what: &[&str]) {
    let mut run = env.spawn(&[&RUN[..], what].concat());
    run.wait_for("command_accepted");
    run.kill();
}

#[test]
fn without_continue_what_was_sent_is_followed_and_nothing_more_is_sent() {
    let (sim, env) = slow();
    leave(&env, &SHELL);
    assert_eq!(sim.stats().commands(), 1);
    drop(env.run(&["watch", "last"]).exits(5).prints(&["1 of 4 instances succeeded"]));
    assert_eq!((sim.stats().commands(), sim.stats().executions()), (1, vec![1]));
    let record = env.record();
    let totals = &record.replayed().complete()["totals"];
    assert_eq!((&totals["succeeded"], &totals["not_attempted"]), (&1.into(), &3.into()));
}

#[test]
fn with_continue_the_rest_is_sent_as_well_and_nothing_runs_twice() {
    let (sim, env) = slow();
    leave(&env, &SHELL);
    drop(env.run(&["watch", "last", "--continue", "--yes"]).exits(0));
    assert_eq!(sim.stats().executions(), [1, 1, 1, 1]);
    let record = env.record();
    assert_eq!(record.replayed().complete()["totals"]["succeeded"], 4);
    let n_begun = record.kinds().iter().filter(|it| **it == "run_started").count();
    assert_eq!(n_begun, 1, "{:?}", record.kinds());
    assert!(record.kinds().contains(&"run_resumed"));
}

#[test]
fn a_lost_answer_that_could_not_be_settled_is_settled_later() {
    let faults = [
        "SendCommand\"\ncalls = [1]\nkind = \"drop-after-accept",
        "ListCommands\"\nrate = 1.0\nkind = \"error-500",
    ];
    let faults = faults.map(|it| format!("[[fault]]\noperation = \"{it}\"\n")).concat();
    let world = fs::read_to_string(repository("tests/worlds/three_healthy.toml")).unwrap();
    let sim = SimProcess::start(&(world + &faults), &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let output = env.run(&["run", "--asg", "web", "--yes", "--", "true"]).exits(6);
    let run = env.record().report["run"]["id"].as_str().unwrap().to_owned();
    drop(output.prints(&[&format!("fleet watch {run}")]));
    // As long as nothing more can be told, it stays so.
    drop(env.run(&["watch", &run]).exits(6));
    sim.heal();
    drop(env.run(&["watch", &run]).exits(0));
    let record = env.record();
    assert_eq!(record.replayed().complete()["totals"]["succeeded"], 3);
    assert_eq!(record.report["budget"]["used"], 0);
    assert_eq!((sim.stats().commands(), sim.stats().executions()), (1, vec![1, 1, 1]));
    // Now that all is known, nobody is asked any more.
    let n_calls = sim.stats().calls("ListCommands");
    drop(env.run(&["watch", &run]).exits(0));
    assert_eq!(sim.stats().calls("ListCommands"), n_calls);
}

#[test]
fn what_the_process_before_printed_is_not_printed_again() {
    let (_sim, env) = slow();
    leave(&env, &SHELL);
    let output = env.run(&["watch", "last", "--continue", "--yes", "--output", "jsonl"]).exits(0);
    let printed = output.lines();
    assert_eq!(printed[0]["data"]["kind"], "run_resumed");
    let events = env.record().events;
    assert_eq!(printed, events[events.len() - printed.len()..]);
}

#[test]
fn a_run_in_another_process_is_followed_to_its_end_and_its_verdict_is_ours() {
    let world = fs::read_to_string(repository("tests/worlds/one_fails.toml")).unwrap();
    let world = world.replace("exit = 9", "exit = 9\nafter = \"40s\"");
    let sim = SimProcess::start(&world, &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let limits = ["--max-errors", "1", "--max-concurrency", "3"];
    let args = [&["run", "--asg", "web", "--yes"], &limits[..], &["--", "true"]].concat();
    let mut run = env.spawn(&args);
    run.wait_for("accepted");
    let watch = env.run(&["watch", "last", "--output", "json", "--report", "watched.json"]);
    let watched = watch.exits(1).json();
    drop(run.finish().exits(1));
    let record = env.record();
    assert_eq!(&watched, record.replayed().complete());
    let written = fs::read_to_string(env.path("watched.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), watched);
    assert_eq!(sim.stats().calls("SendCommand"), 1);
}

#[test]
fn a_run_whose_process_dies_while_it_is_watched_is_taken_over_by_the_watcher() {
    let sim = SimProcess::of(&repository("tests/worlds/never_ends.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let run = ["run", "--asg", "web", "--yes", "--max-concurrency", "3", "--", "true"];
    let mut run = env.spawn(&run);
    run.wait_for("accepted");
    let mut watch = env.spawn(&["watch", "last", "--output", "jsonl"]);
    watch.wait_for("command_accepted");
    run.kill();
    watch.wait_for("run_resumed");
    drop(env.run(&["cancel", "last"]).exits(0));
    let output = watch.finish().exits(130).complains(&["is gone: it is taken over"]);
    let record = env.record();
    assert_eq!(record.replayed().complete()["totals"]["cancelled"], 3);
    assert_eq!((output.lines(), sim.stats().commands()), (record.events, 1));
}

#[test]
fn an_interrupt_of_the_watcher_leaves_the_run_going() {
    let sim = SimProcess::of(&repository("tests/worlds/never_ends.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let mut run = env.spawn(&["run", "--asg", "web", "--yes", "--", "true"]);
    run.wait_for("accepted");
    let mut watch = env.spawn(&["watch", "last", "--output", "jsonl"]);
    watch.wait_for("command_accepted");
    watch.interrupt();
    drop(watch.finish().exits(130).complains(&["the run goes on"]));
    assert_eq!(sim.stats().calls("CancelCommand"), 0);
    // It can still be told to end: it is there.
    drop(env.run(&["cancel", "last"]).exits(0));
    assert_ne!(run.finish().code, None);
    assert_eq!(env.record().replayed().complete()["totals"]["cancelled"], 3);
}

#[test]
fn a_finished_run_shows_its_report_and_exits_with_its_code() {
    let sim = SimProcess::of(&repository("tests/worlds/one_fails.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    drop(env.run(&["run", "--asg", "web", "--yes", "--max-errors", "1", "--", "true"]).exits(1));
    let before = env.record();
    let calls = sim.stats().0["calls"].clone();
    // It is only read: a file that is written again is another one.
    let written = || fs::metadata(env.record().directory.join("report.json")).unwrap().ino();
    let file = written();
    for flags in [&[][..], &["--continue", "--yes"]] {
        let output = env.run(&[&["watch"], flags, &["--output", "json"]].concat()).exits(1);
        assert_eq!(output.json(), before.report);
    }
    assert_eq!(sim.stats().0["calls"], calls);
    assert_eq!((env.record().events, written()), (before.events, file));
}

/// Four instances in waves, of which no more than the first is asked for.
fn stopped(waves: &str) -> (SimProcess, FleetEnv) {
    let sim = SimProcess::start("speed = 100.0\n[[group]]\nname = \"web\"\nsize = 4\n", &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let args = ["run", "--asg", "web", "--yes", "--waves", waves, "--stop-after-wave", "1"];
    drop(env.run(&[&args[..], &["--", "true"]].concat()).exits(5));
    (sim, env)
}

#[test]
fn a_run_that_stopped_after_a_wave_goes_on_with_the_line_that_it_printed() {
    let (sim, env) = stopped("1,2,4");
    let report = env.record().report;
    let next = report["verdict"]["next_commands"][0].as_str().unwrap().to_owned();
    let next: Vec<&str> = next.split_whitespace().skip(1).chain(["--yes"]).collect();
    // Looking at it sends nothing.
    drop(env.run(&["watch", "last"]).exits(5));
    assert_eq!(sim.stats().executions(), [1]);
    drop(env.run(&next).exits(0).prints(&["4 of 4 instances succeeded"]));
    assert_eq!(sim.stats().executions(), [1, 1, 1, 1]);
    let record = env.record();
    let waves = record.replayed().complete()["waves"].as_array().unwrap();
    assert!(waves.iter().all(|it| it["started"].is_string()), "{waves:?}");
    assert_eq!(record.report["run"]["id"], report["run"]["id"]);
    // Again it has nothing to do.
    let n_commands = sim.stats().commands();
    drop(env.run(&next).exits(0));
    assert_eq!((sim.stats().commands(), env.record().events), (n_commands, record.events));
}

#[test]
fn a_run_that_stopped_after_a_wave_can_be_cancelled_for_good() {
    let (sim, env) = stopped("1,4");
    drop(env.run(&["cancel", "last"]).exits(0).prints(&["nothing more is sent"]));
    let output = env.run(&["watch", "last", "--continue", "--yes"]).exits(5);
    drop(output.complains(&["was cancelled", "fleet retry"]));
    assert_eq!(sim.stats().executions(), [1]);
}

#[test]
fn a_run_that_is_not_there_is_2() {
    let env = FleetEnv::new();
    for run in ["nope", "last"] {
        drop(env.run(&["watch", run]).exits(2).complains(&[run, "nothing was sent"]));
    }
}

#[test]
fn credentials_of_another_account_are_3() {
    let (sim, env) = slow();
    leave(&env, &SHELL);
    let other = SimProcess::start(&format!("account = \"210987654321\"\n{SLOW}"), &[]);
    let watch = ["watch", "last", "--continue", "--yes", "--endpoint-url", other.endpoint()];
    let output = env.run(&watch).exits(3);
    drop(output.complains(&["123456789012", "210987654321"]));
    assert_eq!((sim.stats().commands(), other.stats().commands()), (1, 0));
    // Nothing is spoilt by it.
    drop(env.run(&["watch", "last", "--continue", "--yes"]).exits(0));
}

#[test]
fn to_continue_without_a_terminal_needs_yes() {
    let (sim, env) = slow();
    leave(&env, &SHELL);
    let calls = |operation| sim.stats().calls(operation);
    let (n_sends, n_callers) = (calls("SendCommand"), calls("GetCallerIdentity"));
    let output = env.run(&["watch", "last", "--continue"]).exits(2);
    drop(output.complains(&["--yes", "nothing was sent"]));
    assert_eq!((calls("SendCommand"), calls("GetCallerIdentity")), (n_sends, n_callers));
}

#[test]
fn a_value_that_the_ledger_withholds_must_be_given_again_to_continue() {
    let text = fs::read_to_string(repository("tests/worlds/secret.yaml")).unwrap();
    let document = "[[document]]\nname = \"Secretive\"\nfile = \"secret.yaml\"\n";
    let sim = SimProcess::start(&format!("{SLOW}{document}"), &[("secret.yaml", &text)]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let secret = "dbPassword=hunter2";
    leave(&env, &["jsonl", "--doc", "Secretive", "--param", secret]);
    let watch = ["watch", "last", "--continue", "--yes"];
    let output = env.run(&watch).exits(2);
    drop(output.complains(&["dbPassword", "--param", "nothing was sent"]));
    assert_eq!(sim.stats().commands(), 1);
    drop(env.run(&[&watch[..], &["--param", secret]].concat()).exits(0));
    assert_eq!(sim.stats().executions(), [1, 1, 1, 1]);
    let events = fs::read_to_string(env.record().directory.join("events.jsonl")).unwrap();
    assert!(!events.contains("hunter2"));
}

#[test]
fn ceilings_hold_for_whoever_sends_the_rest_of_a_run() {
    let (sim, env) = slow();
    leave(&env, &SHELL);
    let go_on = ["watch", "last", "--continue", "--yes"];
    for (ceiling, says) in [
        ("require_plan = true", &["ceilings.require_plan = true", "begun without one"][..]),
        ("max_concurrency = \"3\"", &["--max-concurrency 4", "ceilings.max_concurrency"]),
        ("allow_documents = [\"Fleet-*\"]", &["AWS-RunShellScript", "ceilings.allow_documents"]),
    ] {
        env.write("fleet.toml", &format!("[ceilings]\n{ceiling}\n"));
        drop(env.run(&go_on).exits(2).complains(says));
        assert_eq!(sim.stats().commands(), 1);
    }
    // Whoever only follows sends nothing, and is not held up.
    drop(env.run(&["watch", "last"]).exits(5));
    assert_eq!(sim.stats().executions(), [1]);
}

#[test]
fn a_run_of_a_plan_that_was_written_down_is_taken_over_where_one_is_required() {
    let (sim, env) = slow();
    env.write("fleet.toml", "[ceilings]\nrequire_plan = true\n");
    let limits = ["--waves", "1,2,4", "--max-concurrency", "4", "-o", "plan.json"];
    drop(env.run(&[&["plan", "--asg", "web"], &limits[..], &["--", "true"]].concat()).exits(0));
    let args = ["run", "--plan", "plan.json", "--yes", "--output", "jsonl"];
    let mut run = env.spawn(&args);
    run.wait_for("command_accepted");
    run.kill();
    drop(env.run(&["watch", "last", "--continue", "--yes"]).exits(0));
    assert_eq!(sim.stats().executions(), [1, 1, 1, 1]);
}
