//! design.md §3, a row at a time. A script may retry on 2, 3 and 4 and must not on the others.
//!
//! 70 is a panic, which cannot be had from outside: `cli::bug` tests what becomes of one.

use std::fs;

use crate::support::{FleetEnv, Output, Running, SimProcess, repository, skip};

fn world(name: &str) -> String {
    fs::read_to_string(repository(&format!("tests/worlds/{name}.toml"))).unwrap()
}

fn run(world_name: &str, flags: &[&str]) -> (FleetEnv, Output) {
    let env = FleetEnv::new();
    let sim = env.world(&world(world_name));
    let args = [&["run", sim.as_str(), "--asg", "web"], flags, &["--", "true"]].concat();
    let output = env.run(&args);
    (env, output)
}

#[test]
fn every_planned_instance_succeeded_is_0() {
    let (env, output) = run("three_healthy", &[]);
    drop(output.exits(0));
    let record = env.record();
    assert_eq!(record.complete()["totals"]["succeeded"], 3);
    assert_eq!(record.report["verdict"]["exit_code"], 0);
}

#[test]
fn finished_with_a_failure_is_1() {
    let (env, output) = run("one_fails", &["--max-errors", "1"]);
    drop(output.exits(1).prints(&["2 of 3 instances succeeded, 1 failed (exit code 1)"]));
    let record = env.record();
    assert_eq!(record.complete()["totals"]["failed"], 1);
    assert_eq!(record.report["totals"]["succeeded"], 2);
}

#[test]
fn a_bad_flag_is_2_and_nothing_was_sent() {
    let (env, output) = run("three_healthy", &["--max-errors", "few"]);
    drop(output.exits(2).complains(&["--max-errors", "few", "nothing was sent"]));
    assert!(env.runs().is_empty());
}

#[test]
fn a_document_that_is_not_there_is_3_and_nothing_was_sent() {
    let env = FleetEnv::new();
    let sim = env.world(&world("three_healthy"));
    let output = env.run(&["run", &sim, "--asg", "web", "--doc", "Missing"]);
    drop(output.exits(3).complains(&["Missing", "nothing was sent"]));
    assert!(env.runs().is_empty());
}

#[test]
fn nobody_eligible_is_4_and_nothing_was_sent() {
    let env = FleetEnv::new();
    let sim = env.world(&world("three_healthy"));
    let output = env.run(&["run", &sim, "--asg", "wbe", "--", "true"]);
    drop(output.exits(4).complains(&["wbe", "nothing was sent"]));
    assert!(env.runs().is_empty());
}

#[test]
fn a_spent_budget_is_5_and_the_rest_is_untouched() {
    let (env, output) = run("one_fails", &["--max-concurrency", "1"]);
    drop(output.exits(5));
    let record = env.record();
    let totals = &record.complete()["totals"];
    assert_eq!(totals["failed"], 1, "{totals}");
    assert_eq!(totals["terminated"], 2, "{totals}");
    // What SSM withheld was not tried, and is no error.
    assert_eq!(record.report["budget"]["used"], 1);
}

#[test]
fn a_spent_budget_is_5_when_instances_are_named_too() {
    let env = FleetEnv::new();
    let sim = env.world(&world("one_fails").replace("instances = [0]\n", ""));
    let listed = env.run(&["targets", &sim, "--asg", "web", "--output", "json"]).json();
    let id = |index: usize| listed["planned"][index]["id"].as_str().unwrap().to_owned();
    let (a, b, c) = (id(0), id(1), id(2));
    let flags = ["--instance", &a, "--instance", &b, "--instance", &c, "--max-concurrency", "1"];
    let output = env.run(&[&["run", &sim][..], &flags, &["--", "true"]].concat());
    drop(output.exits(5));
    let record = env.record();
    let totals = &record.complete()["totals"];
    assert_eq!(totals["failed"], 1, "{totals}");
    assert_eq!(totals["not_attempted"], 2, "{totals}");
    assert_eq!(record.kinds().iter().filter(|it| **it == "command_accepted").count(), 1);
}

/// Starts a run that is sent to `sim` and goes on.
fn follow(sim: &SimProcess, env: &FleetEnv) -> Running {
    let mut run = env.spawn(&["run", "--asg", "web", "--yes", "--", "true"]);
    run.wait_for("accepted");
    sim.wait_for_call("ListCommandInvocations");
    run
}

#[test]
fn aws_gone_in_mid_run_is_6() {
    let mut sim = SimProcess::start(&world("never_ends"), &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    let run = follow(&sim, &env);
    sim.kill();
    let output = run.finish().exits(6);
    assert!(!output.stderr.contains("nothing was sent"), "\n{output}");
    let record = env.record();
    assert_eq!(record.complete()["totals"]["unknown"], 3);
    assert_eq!(record.report["verdict"]["kind"], "unknown");
    // Whoever takes over needs the command's id.
    let command = record.report["waves"][0]["command_ids"][0].as_str().unwrap();
    let next = record.report["verdict"]["next_commands"].to_string();
    assert!(next.contains(command), "{next}");
    drop(output.prints(&[command]));
}

const DROPPED: &str = r#"
[[fault]]
operation = "SendCommand"
calls = [1]
kind = "drop-after-accept"
"#;

#[test]
fn a_lost_answer_is_settled_and_the_document_runs_once() {
    let sim = SimProcess::start(&(world("three_healthy") + DROPPED), &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.1");
    drop(env.run(&["run", "--asg", "web", "--yes", "--", "true"]).exits(0));
    let stats = sim.stats();
    assert_eq!((stats.commands(), stats.calls("SendCommand")), (1, 1));
    assert_eq!(stats.executions(), [1, 1, 1]);
    assert!(stats.calls("ListCommands") > 0);
    let record = env.record();
    assert!(record.kinds().contains(&"send_doubted"), "{:?}", record.kinds());
    assert_eq!(record.complete()["totals"]["succeeded"], 3);
}

#[test]
fn a_lost_answer_to_a_send_by_ids_is_settled_too_and_every_document_runs_once() {
    let fault = DROPPED.replace("[1]", "[1, 2, 3]");
    let sim = SimProcess::start(&(world("three_healthy") + &fault), &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.1");
    let listed = env.run(&["targets", "--asg", "web", "--output", "json"]).json();
    let ids = listed["planned"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap());
    let ids: Vec<&str> = ids.flat_map(|it| ["--instance", it]).collect();
    let args = [&["run", "--yes"], ids.as_slice(), &["--", "true"]].concat();
    drop(env.run(&args).exits(0));
    let stats = sim.stats();
    assert_eq!((stats.commands(), stats.calls("SendCommand")), (3, 3));
    assert_eq!(stats.executions(), [1, 1, 1]);
    assert_eq!(env.record().complete()["totals"]["succeeded"], 3);
}

/// Runs against a world in which the first answer to SendCommand is lost and `settling` goes wrong.
fn lost(settling: &str, files: &[(&str, &str)]) {
    let sim = SimProcess::start(&(world("three_healthy") + DROPPED + settling), files);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let output = env.run(&["run", "--asg", "web", "--yes", "--", "true"]).exits(6);
    assert!(!output.stderr.contains("nothing was sent"), "\n{output}");
    let stats = sim.stats();
    assert_eq!((stats.commands(), stats.calls("SendCommand")), (1, 1), "never sent again");
    let record = env.record();
    assert_eq!(record.complete()["totals"]["unknown"], 3);
    assert!(record.kinds().contains(&"send_lost"), "{:?}", record.kinds());
}

#[test]
fn a_lost_answer_that_may_not_be_settled_is_6_and_is_never_sent_again() {
    let user = r#"
[[user]]
name = "operator"
access_key_id = "AKIDOPERATOR"
secret_access_key = "secret"
policy = "policy.json"
"#;
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"ssm:ListCommands","Resource":"*"}]}"#;
    lost(user, &[("policy.json", policy)]);
}

#[test]
fn a_lost_answer_that_cannot_be_settled_is_6_and_is_never_sent_again() {
    let fault = r#"
[[fault]]
operation = "ListCommands"
rate = 1.0
kind = "error-500"
"#;
    lost(fault, &[]);
}

#[test]
fn an_interrupt_while_following_is_130_after_every_instance_has_ended() {
    let sim = SimProcess::start(&world("never_ends"), &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let run = follow(&sim, &env);
    run.interrupt();
    let output = run.finish().exits(130);
    assert!(!output.stderr.contains("nothing was sent"), "\n{output}");
    assert_eq!(sim.stats().calls("CancelCommand"), 1);
    let record = env.record();
    assert_eq!(record.complete()["verdict"]["kind"], "interrupted");
    let totals = record.report["totals"].as_object().unwrap();
    let ended = ["cancelled", "terminated", "not_attempted"];
    assert!(totals.keys().all(|it| ended.contains(&it.as_str())), "{totals:?}");
    assert_eq!(record.kinds().last(), Some(&"run_finished"));
}

#[test]
fn a_second_interrupt_stops_following_and_names_what_goes_on() {
    let stuck = r#"
[[fault]]
operation = "CancelCommand"
rate = 1.0
kind = "delay"
delay = "24h"
"#;
    let sim = SimProcess::start(&(world("never_ends") + stuck), &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let run = follow(&sim, &env);
    run.interrupt();
    sim.wait_for_call("CancelCommand");
    run.interrupt();
    let output = run.finish().exits(130);
    let record = env.record();
    let command = record.report["waves"][0]["command_ids"][0].as_str().unwrap();
    drop(output.prints(&[command]));
    assert_eq!(record.complete()["totals"]["unknown"], 3);
}

#[test]
fn an_interrupt_before_the_first_send_is_130_and_nothing_was_sent() {
    let slow = r#"
[[fault]]
operation = "DescribeAutoScalingGroups"
rate = 1.0
kind = "delay"
delay = "24h"
"#;
    for command in [&["run", "--yes"][..], &["plan"]] {
        let sim = SimProcess::start(&(world("three_healthy") + slow), &[]);
        let env = FleetEnv::of(&sim);
        let run = env.spawn(&[command, &["--asg", "web", "--", "true"]].concat());
        sim.wait_for_call("DescribeAutoScalingGroups");
        run.interrupt();
        drop(run.finish().exits(130).complains(&["interrupted", "nothing was sent"]));
        assert_eq!(sim.stats().commands(), 0);
        assert!(env.runs().is_empty());
    }
}

#[test]
fn at_the_prompt_an_interrupt_is_130_no_is_130_and_yes_runs() {
    let sim = SimProcess::start(&world("three_healthy"), &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    for (answer, code, n_commands) in [("\u{3}", 130, 0), ("n\n", 130, 0), ("y\n", 0, 1)] {
        let Some(mut run) = env.on_a_terminal("run --asg web -- true") else {
            return skip("the prompt", "script(1) of util-linux is missing");
        };
        run.wait_for("Run AWS-RunShellScript on 3 instances? [y/N]");
        assert_eq!(sim.stats().commands(), 0);
        run.type_in(answer);
        if n_commands > 0 {
            run.wait_for("exit code 0");
        }
        let output = run.finish().exits(code);
        assert_eq!(output.stdout.contains("nothing was sent"), n_commands == 0, "\n{output}");
        assert_eq!(sim.stats().commands(), n_commands);
    }
}
