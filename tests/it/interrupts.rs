//! SIGINT and SIGTERM, in every phase of a run: nothing more is sent, what runs comes to an end, and
//! the second one says how to take it up again.

use std::{
    fs::{self, OpenOptions},
    process::Command,
    sync::mpsc::channel,
};

use serde_json::json;

use crate::support::{DEADLINE, FleetEnv, Running, SimProcess, repository, skip};

/// Both mean the same.
const SIGNALS: [fn(&Running); 2] = [Running::interrupt, Running::terminate];

fn world(name: &str) -> String {
    fs::read_to_string(repository(&format!("tests/worlds/{name}.toml"))).unwrap()
}

fn delayed(operation: &str, calls: &str) -> String {
    format!("[[fault]]\noperation = \"{operation}\"\n{calls}\nkind = \"delay\"\ndelay = \"24h\"\n")
}

/// Until it is healed nobody sees that anything has ended, however fast this machine is.
const BLIND: &str =
    "[[fault]]\noperation = \"ListCommandInvocations\"\nrate = 1.0\nkind = \"throttle\"\n";

fn start(world: &str) -> (SimProcess, FleetEnv) {
    let sim = SimProcess::start(world, &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    (sim, env)
}

fn spawn(env: &FleetEnv, flags: &[&str]) -> Running {
    env.spawn(&[&["run", "--asg", "web", "--yes"], flags, &["--", "true"]].concat())
}

#[test]
fn before_the_plan_nothing_was_sent() {
    for signal in SIGNALS {
        let slow = world("three_healthy") + &delayed("DescribeAutoScalingGroups", "rate = 1.0");
        let (sim, env) = start(&slow);
        let run = spawn(&env, &[]);
        sim.wait_for_call("DescribeAutoScalingGroups");
        signal(&run);
        drop(run.finish().exits(130).complains(&["interrupted", "nothing was sent"]));
        assert_eq!(sim.stats().commands(), 0);
        assert!(env.runs().is_empty());
    }
}

#[test]
fn while_a_value_is_waited_for_nothing_was_sent() {
    let (sim, env) = start(&world("three_healthy"));
    let path = env.path("commands");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    for (command, signal) in [("run", SIGNALS[0]), ("plan", SIGNALS[1]), ("doctor", SIGNALS[0])] {
        let value =
            ["--asg", "web", "--doc", "AWS-RunShellScript", "--param-file", "commands=commands"];
        let yes: &[&str] = if command == "run" { &["--yes"] } else { &[] };
        let run = env.spawn(&[&[command], &value[..], yes].concat());
        // It can be opened once it is read, and nobody writes to it.
        let (sender, opened) = channel();
        let to = path.clone();
        std::thread::spawn(move || sender.send(OpenOptions::new().write(true).open(to)));
        let writer = opened.recv_timeout(DEADLINE).unwrap().unwrap();
        signal(&run);
        drop(run.finish().exits(130).complains(&["interrupted", "nothing was sent"]));
        drop(writer);
    }
    assert_eq!(sim.stats().commands(), 0);
}

#[test]
fn at_the_prompt_sigterm_means_no() {
    let (sim, env) = start(&world("three_healthy"));
    let Some(mut run) = env.on_a_terminal("run --asg web -- true") else {
        return skip("the prompt", "script(1) of util-linux is missing");
    };
    run.wait_for("Run AWS-RunShellScript on 3 instances? [y/N]");
    run.terminate_child();
    let output = run.finish().exits(130);
    assert!(output.stdout.contains("nothing was sent"), "\n{output}");
    assert_eq!(sim.stats().commands(), 0);
    assert!(env.runs().is_empty());
}

#[test]
fn during_a_send_its_answer_is_waited_for_and_what_came_of_it_is_cancelled() {
    for signal in SIGNALS {
        let slow = delayed("SendCommand", "calls = [1]").replace("24h", "50s");
        let (sim, env) = start(&(world("never_ends") + &slow));
        let run = spawn(&env, &[]);
        sim.wait_for_call("SendCommand");
        signal(&run);
        drop(run.finish().exits(130));
        assert_eq!((sim.stats().commands(), sim.stats().calls("CancelCommand")), (1, 1));
        assert_eq!(env.record().complete()["verdict"]["kind"], "interrupted");
    }
}

#[test]
fn during_a_send_what_came_of_it_can_be_left() {
    let slow = delayed("SendCommand", "calls = [1]").replace("24h", "50s");
    let (sim, env) = start(&(world("three_healthy") + &slow + BLIND));
    let mut run = spawn(&env, &["--on-interrupt", "leave", "--output", "jsonl"]);
    sim.wait_for_call("SendCommand");
    run.interrupt();
    run.wait_for("interrupted");
    sim.heal();
    drop(run.finish().exits(130));
    assert_eq!((sim.stats().commands(), sim.stats().calls("CancelCommand")), (1, 0));
    assert_eq!(sim.stats().executions(), [1, 1, 1]);
    assert_eq!(env.record().complete()["totals"]["succeeded"], 3);
}

#[test]
fn between_waves_the_next_one_is_not_sent() {
    for signal in SIGNALS {
        let (sim, env) = start(&world("three_healthy"));
        let mut run = spawn(&env, &["--waves", "1,3", "--pause", "24h", "--output", "jsonl"]);
        run.wait_for("pause_started");
        signal(&run);
        drop(run.finish().exits(130));
        assert_eq!((sim.stats().commands(), sim.stats().calls("CancelCommand")), (1, 0));
        let record = env.record();
        let totals = &record.replayed().complete()["totals"];
        assert_eq!((&totals["succeeded"], &totals["not_attempted"]), (&1.into(), &2.into()));
    }
}

#[test]
fn while_following_what_runs_is_cancelled_and_followed_to_its_end() {
    for signal in SIGNALS {
        let (sim, env) = start(&world("never_ends"));
        let run = spawn(&env, &["--max-concurrency", "3"]);
        sim.wait_for_call("ListCommandInvocations");
        signal(&run);
        drop(run.finish().exits(130));
        assert_eq!(sim.stats().calls("CancelCommand"), 1);
        let record = env.record();
        let totals = record.replayed().complete()["totals"].as_object().unwrap();
        let ended = ["cancelled", "terminated", "not_attempted"];
        assert!(totals.keys().all(|it| ended.contains(&it.as_str())), "{totals:?}");
    }
}

const SLOW: &str = "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 4\n\
                    [[outcome]]\nafter = \"40s\"\nstdout = \"ok\"\n";

#[test]
fn while_following_what_runs_can_be_left_to_its_end() {
    for signal in SIGNALS {
        let (sim, env) = start(&(SLOW.to_owned() + BLIND));
        let flags = ["--waves", "2,4", "--max-concurrency", "4", "--on-interrupt", "leave"];
        let mut run = spawn(&env, &[&flags[..], &["--output", "jsonl"]].concat());
        run.wait_for("command_accepted");
        signal(&run);
        run.wait_for("interrupted");
        sim.heal();
        let output = run.finish().exits(130);
        assert!(!output.stderr.contains("nothing was sent"), "\n{output}");
        assert_eq!((sim.stats().commands(), sim.stats().calls("CancelCommand")), (1, 0));
        assert_eq!(sim.stats().executions(), [1, 1]);
        let record = env.record();
        let report = record.replayed().complete();
        assert_eq!(report["totals"]["succeeded"], 2);
        assert_eq!(report["totals"]["not_attempted"], 2);
        assert_eq!(report["verdict"]["kind"], "interrupted");
        let words = record.events.iter().find(|it| it["data"]["kind"] == "interrupted").unwrap();
        assert_eq!(words["data"]["running"], "leave");
    }
}

#[test]
fn a_run_that_was_taken_over_can_leave_what_runs_as_well() {
    let (sim, env) = start(&(SLOW.to_owned() + BLIND));
    let mut run = spawn(&env, &["--waves", "2,4", "--max-concurrency", "4", "--output", "jsonl"]);
    run.wait_for("command_accepted");
    run.kill();
    drop(run);
    let watch = ["watch", "last", "--continue", "--yes", "--on-interrupt", "leave"];
    let mut watch = env.spawn(&[&watch[..], &["--output", "jsonl"]].concat());
    watch.wait_for("run_resumed");
    watch.interrupt();
    watch.wait_for("interrupted");
    sim.heal();
    drop(watch.finish().exits(130));
    assert_eq!((sim.stats().commands(), sim.stats().calls("CancelCommand")), (1, 0));
    assert_eq!(env.record().replayed().complete()["totals"]["succeeded"], 2);
}

#[test]
fn a_retry_can_leave_what_runs_as_well() {
    let (sim, env) = start(&SLOW.replace("stdout = \"ok\"", "exit = 1"));
    drop(spawn(&env, &["--max-errors", "4", "--max-concurrency", "4"]).finish().exits(1));
    sim.order(&json!([
        { "operation": "ListCommandInvocations", "rate": 1.0, "kind": "throttle" }
    ]));
    let retry = ["retry", "last", "--yes", "--on-interrupt", "leave", "--output", "jsonl"];
    let mut retry = env.spawn(&retry);
    retry.wait_for("command_accepted");
    retry.interrupt();
    retry.wait_for("interrupted");
    sim.heal();
    drop(retry.finish().exits(130));
    assert_eq!((sim.stats().commands(), sim.stats().calls("CancelCommand")), (2, 0));
}

#[test]
fn while_the_report_is_made_the_last_reads_end_and_the_verdict_stays() {
    for signal in SIGNALS {
        let slow = delayed("DescribeAutoScalingGroups", "calls = [2]");
        let (sim, env) = start(&(world("three_healthy") + &slow));
        // Time alone cuts them short after three minutes, in which nobody is too slow.
        let env = env.set("FLEET_PACE", "1");
        let mut run = spawn(&env, &["--output", "jsonl"]);
        run.wait_for("wave_finished");
        signal(&run);
        drop(run.finish().exits(0));
        let record = env.record();
        assert_eq!(record.replayed().complete()["totals"]["succeeded"], 3);
        let note = &record.report["notes"][0];
        assert_eq!(note["code"], "closing.cut");
        assert!(note["text"].as_str().unwrap().contains("by an interrupt"), "{note}");
        assert_eq!(sim.stats().executions(), [1, 1, 1]);
    }
}

#[test]
fn a_second_one_names_the_commands_and_the_line_that_takes_the_run_up_again() {
    for signal in SIGNALS {
        let stuck = SLOW.to_owned() + BLIND + &delayed("CancelCommand", "rate = 1.0");
        let (sim, env) = start(&stuck);
        let mut run = spawn(&env, &["--max-concurrency", "4"]);
        run.wait_for("accepted");
        sim.wait_for_call("ListCommandInvocations");
        signal(&run);
        sim.wait_for_call("CancelCommand");
        signal(&run);
        let output = run.finish().exits(130);
        let record = env.record();
        assert_eq!(record.replayed().complete()["totals"]["unknown"], 4);
        let command = record.report["waves"][0]["command_ids"][0].as_str().unwrap();
        let again = format!("fleet watch {}", record.report["run"]["id"].as_str().unwrap());
        drop(output.prints(&[command, &again]));
        // What that line does: nothing more is sent, and what ran is known in the end.
        sim.heal();
        drop(env.run(&["watch", "last"]).exits(130));
        let record = env.record();
        let totals = &record.replayed().complete()["totals"];
        assert!(totals["unknown"].is_null(), "{totals}");
        assert_eq!(sim.stats().commands(), 1);
    }
}

#[test]
fn a_terminal_that_goes_away_asks_once_however_often_that_is_said() {
    // Nothing ends before it was asked twice.
    let (sim, env) = start(&(SLOW.to_owned() + BLIND));
    let flags = ["--max-concurrency", "4", "--on-interrupt", "leave", "--output", "jsonl"];
    let mut run = spawn(&env, &flags);
    run.wait_for("command_accepted");
    run.hang_up();
    run.wait_for("interrupted");
    run.hang_up();
    sim.heal();
    drop(run.finish().exits(130));
    let record = env.record();
    assert_eq!(record.replayed().complete()["totals"]["succeeded"], 4);
    assert_eq!(record.kinds().iter().filter(|it| **it == "interrupted").count(), 1);
}
