//! What has changed by the time that an instance's turn comes, and what of a ledger is enough to bring
//! everything back.

use std::{collections::BTreeMap, fs};

use super::{RESCUE, SAYS, Scene, failing, outcomes, own};
use crate::support::FleetEnv;

const RUNBOOK: &str = "AWSSupport-StartEC2RescueWorkflow";

/// Somebody is left to be rescued then, however late the process is killed.
fn one_at_a_time(argument: &'static str) -> &'static str {
    if argument == "100%" { "1" } else { argument }
}

/// A rescue that was killed when it had put members into Standby.
fn killed() -> (Scene, Vec<String>) {
    let scene = Scene::of(SAYS);
    let before = scene.state();
    let mut run = scene.env.spawn(&RESCUE);
    scene.sim.wait_for_call("StartAutomationExecution");
    run.kill();
    drop(run);
    (scene, before)
}

#[test]
fn whoever_another_fleet_has_rescued_meanwhile_is_neither_taken_out_nor_stopped() {
    let scene = Scene::of(SAYS);
    let before = scene.state();
    let mut first = scene.env.spawn(&RESCUE);
    scene.sim.wait_for_call("EnterStandby");
    first.kill();
    drop(first);
    drop(scene.env.run(&["restore", "last"]).exits(0));
    let other = FleetEnv::of(&scene.sim).set("FLEET_PACE", "0.01").unset("FLEET_NOW");
    drop(other.run(&RESCUE).exits(0));
    let n_started = scene.sim.stats().calls("StartAutomationExecution");
    let n_taken = scene.sim.stats().calls("EnterStandby");
    let output = scene.env.run(&["watch", "last", "--continue", "--yes"]);
    assert_eq!(scene.sim.stats().calls("StartAutomationExecution"), n_started, "{output}");
    assert_eq!(scene.sim.stats().calls("EnterStandby"), n_taken, "{output}");
    let stats = scene.sim.stats();
    let all = stats.0["executions"].as_object().unwrap().values();
    assert!(all.filter_map(|it| it[RUNBOOK].as_u64()).all(|it| it == 1), "{output}");
    assert!(scene.report().to_string().contains("its agent answers by now"), "{output}");
    assert_eq!(own(&scene.state()), own(&before), "{output}");
}

#[test]
fn of_a_rescue_that_left_nothing_changed_it_is_said_that_nothing_is_left_to_restore() {
    let scene = Scene::of(SAYS);
    drop(scene.env.run(&RESCUE).exits(0));
    let says = ["there is nothing of run", "left to restore"];
    for args in
        [&["restore", "last"][..], &["restore", "last", "--dry-run"], &["rescue", "resume", "last"]]
    {
        drop(scene.env.run(args).exits(0).complains(&says));
    }
    let output = scene.env.run(&["restore", "last", "--output", "json"]).exits(0);
    assert_eq!(output.json()["rows"], serde_json::json!([]));
}

#[test]
fn where_an_execution_never_ends_it_is_said_what_stops_it() {
    let scene = Scene::of(&failing("describeInstance").replace("Failed", "InProgress"));
    let before = scene.state();
    let args = [&RESCUE[..], &["--output", "jsonl"]].concat();
    let mut run = scene.env.spawn(&args);
    run.wait_for("\"command_accepted\"");
    run.kill();
    let run = scene.env.runs()[0].file_name().unwrap().to_str().unwrap().to_owned();
    let restored = scene.env.run_at_pace("0.0001", &["restore", "last"]).exits(1);
    let cancel = format!("`fleet cancel {run}` stops what is under way of it");
    drop(restored.complains(&["is under way, and that takes too long", &cancel, "`fleet restore"]));
    // Of an execution that somebody else has started the run knows nothing.
    fs::remove_file(scene.env.runs()[0].join("events.jsonl")).unwrap();
    let restored = scene.env.run_at_pace("0.0001", &["restore", "last"]).exits(1);
    let stop = "aws ssm stop-automation-execution --automation-execution-id";
    let output = restored.complains(&[stop, "--region us-east-1"]);
    let ids: Vec<String> = regex::Regex::new(r"execution-id (\S+)")
        .unwrap()
        .captures_iter(&output.stderr)
        .map(|it| it[1].to_owned())
        .collect();
    for id in ids {
        let body = serde_json::json!({ "AutomationExecutionId": id, "Type": "Cancel" });
        scene.sim.ssm("StopAutomationExecution", &body);
    }
    drop(scene.env.run_at_pace("0.05", &["restore", "last"]).exits(0));
    assert_eq!(own(&scene.state()), own(&before));
}

#[test]
fn a_second_rescue_tells_of_the_first_that_left_the_group_changed() {
    let (scene, _) = killed();
    let first = scene.env.runs()[0].file_name().unwrap().to_str().unwrap().to_owned();
    let output = scene.env.run(&RESCUE);
    drop(output.complains(&[&first, "has changed win as well", "fleet restore"]));
}

#[test]
fn the_runbook_of_a_rescue_is_not_run_over_members_in_service() {
    let scene = Scene::of(SAYS);
    for command in [&["run", "--yes"][..], &["plan"]] {
        let args = ["--asg", "win", "--doc", RUNBOOK, "--param", "OfflineScript=ZGly"];
        let output = scene.env.run(&[command, &args].concat()).exits(3);
        drop(output.complains(&["would be replaced meanwhile", "fleet rescue script"]));
    }
    assert_eq!(scene.sim.stats().calls("StartAutomationExecution"), 0);
}

#[test]
fn the_journal_of_changes_is_enough_where_the_events_are_damaged_or_gone() {
    type Harm = fn(&str) -> Option<String>;
    let harms: [Harm; 3] = [
        |text| {
            Some(
                text.lines()
                    .filter(|it| !it.contains("\"seq\":3,"))
                    .map(|it| format!("{it}\n"))
                    .collect(),
            )
        },
        |_| Some(String::new()),
        |_| None,
    ];
    for harm in harms {
        let (scene, before) = killed();
        let events = scene.env.runs()[0].join("events.jsonl");
        match harm(&fs::read_to_string(&events).unwrap()) {
            Some(text) => fs::write(&events, text).unwrap(),
            None => fs::remove_file(&events).unwrap(),
        }
        let output = scene.env.run(&["restore", "last"]).exits(0);
        assert_eq!(own(&scene.state()), own(&before), "{output}");
        let again = scene.env.run(&["restore", "last"]).exits(0);
        assert_eq!(own(&scene.state()), own(&before), "{again}");
    }
}

#[test]
fn what_the_events_tell_is_brought_back_where_the_journal_is_gone() {
    for command in [&["restore", "last"][..], &["watch", "last", "--continue", "--yes"]] {
        let (scene, before) = killed();
        let journal = scene.env.runs()[0].join("groups.jsonl");
        fs::remove_file(&journal).unwrap();
        let output = scene.env.run(command);
        assert_eq!(own(&scene.state()), own(&before), "{output}");
        drop(output.complains(&["the journal of changes lacks some that the events tell of"]));
    }
}

#[test]
fn a_rescue_whose_ledger_is_taken_away_brings_everything_back_all_the_same() {
    // Its scripts take so long that it goes on when its ledger is gone, on any machine.
    let scene = Scene::of(&format!("{SAYS}after = \"2400s\"\n"));
    let (before, power) = (scene.state(), scene.power());
    let mut run = scene.env.spawn(&RESCUE);
    scene.sim.wait_for_call("StartAutomationExecution");
    fs::remove_dir_all(&scene.env.runs()[0]).unwrap();
    run.wait_for("could not write the report to the ledger");
    let output = run.finish();
    assert_eq!(own(&scene.state()), own(&before), "{output}");
    assert_eq!(scene.power(), power, "{output}");
}

#[test]
fn whoever_has_left_keeps_nobody_from_being_rescued() {
    let scene = Scene::of(SAYS);
    let mut run = scene.env.spawn(&RESCUE.map(one_at_a_time));
    scene.sim.wait_for_call("EnterStandby");
    run.kill();
    drop(run);
    drop(scene.env.run(&["restore", "last"]).exits(0));
    let (left, _) = scene.members().pop().unwrap();
    let end = "TerminateInstanceInAutoScalingGroup&ShouldDecrementDesiredCapacity=true";
    drop(scene.sim.query("autoscaling", "2011-01-01", &format!("{end}&InstanceId={left}")));
    let output = scene.env.run(&["watch", "last", "--continue", "--yes"]);
    let report = scene.report();
    let of = |outcome: &str| outcomes(&report).iter().filter(|it| *it == outcome).count();
    assert_eq!(of("succeeded"), 6, "{output}");
    let rows = report["instances"].as_array().unwrap();
    let row = rows.iter().find(|it| it["instance_id"] == left.as_str()).unwrap();
    assert_ne!(row["outcome"], "succeeded", "{output}");
}

#[test]
fn who_was_stopped_by_somebody_else_is_started_by_nobody() {
    let scene = Scene::of(SAYS);
    let before = scene.members();
    let mut run = scene.env.spawn(&RESCUE.map(one_at_a_time));
    scene.sim.wait_for_call("StartAutomationExecution");
    run.kill();
    drop(run);
    let ledger = fs::read_to_string(scene.env.runs()[0].join("events.jsonl")).unwrap();
    let intents: String = ledger.lines().filter(|it| it.contains("send_intended")).collect();
    let was_in_service = |id: &str| before.contains(&(id.to_owned(), "InService".to_owned()));
    let queued = scene.members().into_iter().find(|(id, lifecycle)| {
        lifecycle == "Standby" && was_in_service(id) && !intents.contains(id.as_str())
    });
    let (id, _) = queued.expect("not all have had their turn");
    let ec2 = |action: &str| scene.sim.query("ec2", "2016-11-15", action);
    drop(ec2(&format!("StopInstances&InstanceId.1={id}")));
    let output = scene.env.run_at_pace("0.05", &["restore", "last"]).exits(1);
    drop(output.complains(&[&id, "it is stopped, and its group would end it in service"]));
    assert_eq!(scene.power()[&id], "stopped");
    assert!(scene.members().contains(&(id.clone(), "Standby".to_owned())));
    drop(ec2(&format!("StartInstances&InstanceId.1={id}")));
    drop(scene.env.run_at_pace("0.05", &["restore", "last"]).exits(0));
    let mut after = scene.members();
    after.sort();
    let mut before = before;
    before.sort();
    assert_eq!(after, before);
}

#[test]
fn of_a_rescue_that_died_it_is_said_how_it_is_brought_back_and_not_that_it_is_retried() {
    let (scene, _) = killed();
    let cancelled = scene.env.run(&["cancel", "last"]).exits(0);
    drop(cancelled.complains(&["its process is gone", "`fleet restore"]));
    let watched = scene.env.run(&["watch", "last", "--continue", "--yes"]);
    assert!(watched.stderr.contains("`fleet rescue` with the same flags"), "{watched}");
    assert!(!watched.stderr.contains("fleet retry"), "{watched}");
}

#[test]
fn whom_a_rescue_could_not_help_is_not_brought_back_to_be_ended_by_its_group() {
    let scene = Scene::of(&failing("runScriptForWindows"));
    let power = scene.power();
    let run = scene.env.spawn(&RESCUE);
    scene.sim.wait_for_call("StartAutomationExecution");
    let goes_on =
        "ResumeProcesses&AutoScalingGroupName=win&ScalingProcesses.member.1=ReplaceUnhealthy";
    drop(scene.sim.query("autoscaling", "2011-01-01", goes_on));
    let why = "its group takes it for unhealthy, and would end it in service";
    let output = run.finish().exits(1).prints(&["changed still"]).complains(&[why]);
    assert!(!output.stdout.contains("as they were before"), "{output}");
    let out = |it: &(String, String)| it.1 == "Standby";
    let held: Vec<String> = scene.members().into_iter().filter(out).map(|it| it.0).collect();
    assert_eq!(held.len(), 7, "{output}");
    let is_as_before = |now: &BTreeMap<String, String>| held.iter().all(|it| now[it] == power[it]);
    assert!(is_as_before(&scene.power()), "{output}");
    let holds_up = goes_on.replace("Resume", "Suspend");
    drop(scene.sim.query("autoscaling", "2011-01-01", &holds_up));
    let output = scene.env.run_at_pace("0.05", &["restore", "last"]).exits(0);
    assert!(is_as_before(&scene.power()), "{output}");
    let n_left = scene.members().into_iter().filter(out).count();
    assert_eq!(n_left, 1, "who was there before stays there: {output}");
}
