//! A rescue that fails, and one that dies: no volume stays elsewhere, and nobody out of service.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use serde_json::json;

use super::{RESCUE, SAYS, Scene, failing, outcomes, own};
use crate::support::{DEADLINE, Output, each};

/// The steps after which something of the instance is elsewhere, and those around them.
const STEPS: [&str; 13] = [
    "describeInstance",
    "createRescueStack",
    "launchHelperInstance",
    "stopInstance",
    "preScriptBackup",
    "installEC2Rescue",
    "detachRootVolume",
    "attachRootVolumeToHelper",
    "runScriptForWindows",
    "stopHelperInstance",
    "detachRootVolumeFromHelper",
    "reattachRootVolume",
    "restoreInstanceState",
];

#[test]
fn a_failure_at_any_step_leaves_no_volume_elsewhere_and_nobody_out_of_service() {
    let scene = Scene::of(SAYS);
    let plan = scene.env.run(&[&RESCUE[..5], &["--dry-run", "--output", "json"]].concat());
    let plan = plan.exits(0).json();
    let steps = plan["document"]["automation"]["steps"].as_array().unwrap();
    let steps: Vec<&str> = steps.iter().map(|it| it.as_str().unwrap()).collect();
    assert!(STEPS.iter().all(|it| steps.contains(it)), "{steps:?}");
    each(steps.len(), |n| {
        let step = steps[n - 1];
        let scene = Scene::of(&failing(step));
        let (before, power) = (scene.state(), scene.power());
        let output: Output = scene.env.run(&RESCUE);
        let report = scene.report();
        // Who never comes to a step, on another branch, has no script that says how it ended.
        let outcome = outcomes(&report).remove(0);
        let is_reached = outcome == "failed";
        assert!(is_reached || !STEPS.contains(&step) && outcome == "unknown", "{step}: {output}");
        assert_eq!(outcomes(&report), vec![outcome; 7], "{step}: {output}");
        let hint = report["instances"][0]["hint"].as_str().unwrap_or_default();
        assert!(!is_reached || hint.contains(step), "{step}: {hint}");
        assert_eq!(own(&scene.state()), own(&before), "{step}: {output}");
        assert_eq!(scene.power(), power, "{step}: {output}");
        if step == "runScriptForWindows" {
            let told = report["changes"].as_array().unwrap().iter();
            let helpers = told.filter(|it| it["change"]["state"] == "left_behind");
            let texts: Vec<&str> =
                helpers.map(|it| it["change"]["text"].as_str().unwrap()).collect();
            assert_eq!(texts.len(), 7, "{output}");
            assert!(texts.iter().all(|it| it.contains("aws cloudformation delete-stack")));
        }
    });
}

/// Kills a rescue when it has told of so many events, restores, and looks.
fn survives(n_events: usize) {
    let scene = Scene::of(SAYS);
    let (before, power) = (scene.state(), scene.power());
    let args = [&RESCUE[..], &["--output", "jsonl"]].concat();
    let mut run = scene.env.spawn(&args);
    if run.wait_for_lines(n_events) {
        run.kill();
    }
    drop(run);
    scene.is_restored(&before, &power, &format!("killed after {n_events} events"));
}

/// Kills a rescue when its journal of changes has so many lines. Returns whether it lived to write
/// them.
fn survives_changes(n_lines: usize) -> bool {
    let scene = Scene::of(SAYS);
    let (before, power) = (scene.state(), scene.power());
    let mut run = scene.env.spawn(&RESCUE);
    let is_there = || {
        let journal = scene.env.runs().first().map(|it| it.join("groups.jsonl"));
        let text = journal.and_then(|it| std::fs::read_to_string(it).ok()).unwrap_or_default();
        text.matches('\n').count() >= n_lines
    };
    let end = Instant::now() + DEADLINE;
    while !is_there() && !run.has_ended() {
        assert!(Instant::now() < end, "never {n_lines} lines");
        std::thread::yield_now();
    }
    let has_died = !run.has_ended();
    run.kill();
    drop(run);
    scene.is_restored(&before, &power, &format!("killed at line {n_lines} of the journal"));
    has_died
}

#[test]
fn a_rescue_that_is_killed_after_any_of_its_events_is_restored() {
    let scene = Scene::of(SAYS);
    let args = [&RESCUE[..], &["--output", "jsonl"]].concat();
    let n_events = scene.env.run(&args).exits(0).lines().len();
    assert!((10..400).contains(&n_events), "{n_events} events");
    each(n_events, survives);
}

#[test]
fn a_rescue_that_is_killed_between_any_two_changes_is_restored() {
    let n_died = AtomicUsize::new(0);
    each(8, |n_lines| {
        if survives_changes(n_lines) {
            n_died.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert!(n_died.into_inner() >= 4, "most are killed in the middle of it");
}

#[test]
fn a_rescue_is_not_retried_but_done_again_from_its_checks_on() {
    let scene = Scene::of(&failing("runScriptForWindows"));
    let before = scene.state();
    let output = scene.env.run(&RESCUE).exits(1);
    assert!(!output.stdout.contains("fleet retry"), "{output}");
    let n = scene.sim.stats().calls("StartAutomationExecution");
    let retried = scene.env.run(&["retry", "last", "--yes"]).exits(2);
    drop(retried.complains(&["was a rescue", "`fleet rescue` with the same flags"]));
    let plan = scene.env.runs()[0].join("plan.json");
    let planned = scene.env.run(&["run", "--plan", plan.to_str().unwrap(), "--yes"]).exits(2);
    drop(planned.complains(&["is of a rescue", "plans anew"]));
    assert_eq!(scene.sim.stats().calls("StartAutomationExecution"), n);
    assert_eq!(own(&scene.state()), own(&before));
}

#[test]
fn who_cannot_be_started_again_stays_out_of_service() {
    let faults = "[[fault]]\noperation = \"StartInstances\"\nrate = 1.0\nkind = \"error-500\"\n";
    let scene = Scene::of(&format!("{}{faults}", failing("preScriptBackup")));
    let output = scene.env.run(&RESCUE).exits(1);
    let power = scene.power();
    for (id, _) in scene.members().iter().filter(|it| it.1 == "InService") {
        assert_eq!(power[id], "running", "its group would end it: {output}");
    }
    let report = scene.report();
    let changes = report["changes"].as_array().unwrap().iter();
    assert!(changes.clone().any(|it| it["change"]["state"] == "remains"), "{output}");
}

#[test]
fn what_is_refused_for_a_moment_is_asked_for_again() {
    let faults = "[[fault]]\noperation = \"StartInstances\"\ncalls = [1, 2, 3, 4, 5, 6]\n\
                  kind = \"error-500\"\n";
    let scene = Scene::of(&format!("{}{faults}", failing("preScriptBackup")));
    let (before, power) = (scene.state(), scene.power());
    let output = scene.env.run(&RESCUE).exits(1);
    assert_eq!(scene.power(), power, "{output}");
    assert_eq!(own(&scene.state()), own(&before), "{output}");
}

#[test]
fn whoever_is_back_in_service_before_its_turn_is_not_started() {
    // An execution goes on until it is stopped, so that there is time for somebody to interfere.
    let scene = Scene::of(&failing("describeInstance").replace("Failed", "InProgress"));
    let members = scene.members();
    let both: Vec<&str> = [6, 7].iter().map(|it| members[*it].0.as_str()).collect();
    let args = ["rescue", "crowdstrike", "--no-bitlocker", "--no-report", "--yes"];
    let whom = ["--instance", both[0], "--instance", both[1]];
    let limits = ["--waves", "100%", "--max-concurrency", "1", "--max-errors", "100%"];
    let run = scene.env.spawn(&[&args[..], &whom, &limits].concat());
    scene.sim.wait_for_call("StartAutomationExecution");
    let executions = || {
        let all = scene.sim.ask_ssm("DescribeAutomationExecutions", &json!({}));
        all["AutomationExecutionMetadataList"].as_array().unwrap().clone()
    };
    wait_until(|| !executions().is_empty());
    let execution = executions()[0]["AutomationExecutionId"].clone();
    let body = json!({ "AutomationExecutionId": execution });
    let told = scene.sim.ask_ssm("GetAutomationExecution", &body)["AutomationExecution"].clone();
    let first = told["Parameters"]["InstanceId"][0].as_str().unwrap().to_owned();
    let second = *both.iter().find(|it| **it != first).unwrap();
    let exit = format!("ExitStandby&AutoScalingGroupName=win&InstanceIds.member.1={second}");
    drop(scene.sim.query("autoscaling", "2011-01-01", &exit));
    wait_until(|| scene.members().contains(&(second.to_owned(), "InService".to_owned())));
    let stop = json!({ "AutomationExecutionId": execution, "Type": "Cancel" });
    scene.sim.ssm("StopAutomationExecution", &stop);
    let output = run.finish();
    assert_ne!(output.code, Some(0), "{output}");
    let said = format!("{second} is in service in win");
    assert!(scene.report().to_string().contains(&said), "{}", scene.report());
    assert_eq!(scene.sim.stats().calls("StartAutomationExecution"), 1, "{output}");
    assert_eq!(scene.power()[second], "running", "{output}");
}

/// A fault of the first call of an operation.
fn fault(operation: &str, kind: &str) -> String {
    format!("[[fault]]\noperation = \"{operation}\"\ncalls = [1]\nkind = \"{kind}\"\n")
}

#[test]
fn a_change_of_a_group_whose_answer_is_lost_is_seen_and_not_asked_for_again() {
    for (operation, kind, n_calls) in [
        ("SuspendProcesses", "error-500-after-accept", 1),
        ("EnterStandby", "drop-after-accept", 1),
        ("EnterStandby", "throttle", 2),
    ] {
        let scene = Scene::of(&format!("{SAYS}{}", fault(operation, kind)));
        let before = scene.state();
        let output = scene.env.run(&RESCUE).exits(0);
        assert_eq!(scene.state(), before, "{operation} {kind}: {output}");
        let n = scene.sim.stats().calls(operation);
        assert_eq!(n, n_calls, "{operation} {kind}: {output}");
    }
}

#[test]
fn a_change_of_a_group_is_written_down_before_it_is_asked_for() {
    for (operation, word) in [("SuspendProcesses", "AZRebalance"), ("EnterStandby", "standby")] {
        let slow = fault(operation, "delay") + "delay = \"24h\"\n";
        let scene = Scene::of(&format!("{SAYS}{slow}"));
        let (before, power) = (scene.state(), scene.power());
        let mut run = scene.env.spawn(&RESCUE);
        scene.sim.wait_for_call(operation);
        let journal = std::fs::read_to_string(scene.env.runs()[0].join("groups.jsonl")).unwrap();
        let last = journal.lines().last().unwrap_or_default();
        assert!(last.contains("\"intended\"") && last.contains(word), "{operation}: {journal}");
        run.kill();
        drop(run);
        scene.is_restored(&before, &power, operation);
    }
}

fn wait_until(is_so: impl Fn() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < end, "it never came to that");
        std::thread::yield_now();
    }
}

#[test]
fn a_dry_run_of_a_restoration_shows_what_it_would_do_to_instances_and_groups() {
    let faults = "[[fault]]\noperation = \"AttachVolume\"\nrate = 1.0\nkind = \"error-500\"\n";
    let scene = Scene::of(&format!("{}{faults}", failing("attachRootVolumeToHelper")));
    drop(scene.env.run(&RESCUE).exits(1));
    let output = scene.env.run(&["restore", "last", "--dry-run"]).exits(0);
    let n_told = |text: &str| output.stdout.matches(text).count();
    assert_eq!(n_told("would be attached at /dev/sda1"), 7, "{output}");
    assert_eq!(n_told("it is brought back itself first"), 6, "{output}");
    assert_eq!(n_told("not restored"), 0, "{output}");
}

#[test]
fn of_a_member_that_was_ended_meanwhile_the_report_says_what_stays_of_it() {
    let slow = fault("StartAutomationExecution", "delay") + "delay = \"24h\"\n";
    let scene = Scene::of(&format!("{SAYS}{slow}"));
    let mut run = scene.env.spawn(&RESCUE);
    scene.sim.wait_for_call("StartAutomationExecution");
    run.kill();
    drop(run);
    let journal = std::fs::read_to_string(scene.env.runs()[0].join("groups.jsonl")).unwrap();
    let (_, after) = journal.rsplit_once("\"instances\":[\"").unwrap();
    let id = after[..19].to_owned();
    let end = "TerminateInstanceInAutoScalingGroup&ShouldDecrementDesiredCapacity=false";
    drop(scene.sim.query("autoscaling", "2011-01-01", &format!("{end}&InstanceId={id}")));
    drop(scene.env.run_at_pace("0.05", &["restore", "last"]).exits(0));
    for format in ["text", "md", "html"] {
        let output = scene.env.run(&["report", "last", "--format", format]);
        let said = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let expected = format!("as they were before, but for win: {id}: ");
        assert!(said.contains(&expected), "{output}");
        assert!(said.contains("is not raised again for who has left"), "{output}");
    }
}
