//! Wherever an execution has died, and whenever the resumption does, the instance gets back what it had.

use std::time::Instant;

use regex::Regex;
use serde_json::json;

use super::{RESUME, Scene, Seen, WORLD, failing, says};
use crate::support::{DEADLINE, each};

/// The steps after which something of an instance is not as it was.
const STEPS: [&str; 8] = [
    "installEC2Rescue",
    "attachRootVolumeToHelper",
    "runScriptForWindows",
    "stopHelperInstance",
    "detachRootVolumeFromHelper",
    "reattachRootVolume",
    "restoreDeleteOnTermination",
    "restoreInstanceState",
];

#[test]
fn wherever_an_execution_died_the_instance_gets_back_what_it_had_and_twice_changes_nothing() {
    each(STEPS.len(), |n| {
        let step = STEPS[n - 1];
        let scene = Scene::of(&failing(step));
        let before = scene.seen();
        for it in [1, 2] {
            let execution = scene.start(&scene.ids[it]);
            scene.wait_for_end(&execution);
        }
        assert_ne!(scene.seen(), before, "{step}");
        let output = scene.resume().exits(0);
        assert_eq!(scene.seen(), before, "{step}: {output}");
        let n_changes = scene.n_changes();
        let again = scene.resume().exits(0);
        drop(again.complains(&["none of the selected instances has lost its root volume"]));
        assert_eq!((scene.seen(), scene.n_changes()), (before, n_changes), "{step}");
    });
}

#[test]
fn a_second_execution_that_failed_at_its_first_look_leaves_the_first_ones_proof_as_it_is() {
    let scene = Scene::of(&failing("runScriptForWindows"));
    let before = scene.seen();
    for _ in 0..2 {
        let execution = scene.start(&scene.ids[1]);
        scene.wait_for_end(&execution);
    }
    let output = scene.resume().exits(0);
    says(&output, &["has changed nothing"]);
    assert_eq!(scene.seen(), before, "{output}");
}

#[test]
fn what_the_execution_does_not_tell_is_said_and_the_volume_is_kept() {
    let world = failing("runScriptForWindows").replace("\"True\"", "\"?\"");
    let world = format!(
        "{world}[[runbook.step]]\nname = \"describeInstance\"\noutputs = {{ State = \"?\" }}\n"
    );
    let scene = Scene::of(&world);
    let before = scene.seen();
    let execution = scene.start(&scene.ids[1]);
    scene.wait_for_end(&execution);
    let output = scene.resume().exits(0);
    says(
        &output,
        &[
            "whether it was running is not told: it stays stopped (--power running starts it)",
            "whether the volume was to go with the instance is not told: it is kept",
        ],
    );
    let id = &scene.ids[1];
    let volume = before[id].root.clone().unwrap().0;
    let expected = |state: &str| Seen {
        state: state.to_owned(),
        root: Some((volume.clone(), "false".to_owned())),
    };
    assert_eq!(scene.seen()[id], expected("stopped"));
    let args = [&RESUME[..], &["--power", "running"]].concat();
    drop(scene.env.run(&args).exits(0));
    assert_eq!(scene.seen()[id], expected("running"));
}

/// Kills a resumption when it has asked for so many changes, does it again, and looks.
fn survives(n_changes: u64) {
    let scene = Scene::of(&failing("runScriptForWindows"));
    let before = scene.seen();
    let execution = scene.start(&scene.ids[1]);
    scene.wait_for_end(&execution);
    let mut run = scene.env.spawn(&RESUME);
    let end = Instant::now() + DEADLINE;
    while scene.n_changes() < n_changes && !run.has_ended() {
        assert!(Instant::now() < end, "never {n_changes} changes");
    }
    run.kill();
    drop(run);
    let output = scene.resume().exits(0);
    assert_eq!(scene.seen(), before, "killed after {n_changes} changes: {output}");
}

#[test]
fn a_resumption_that_is_killed_after_any_of_its_changes_is_gone_on_with() {
    let scene = Scene::failed_at("runScriptForWindows", &[1]);
    drop(scene.resume().exits(0));
    let n_changes = scene.n_changes();
    assert!((6..50).contains(&n_changes), "{n_changes} changes");
    each(usize::try_from(n_changes).unwrap(), |n| survives(n as u64));
}

#[test]
fn what_was_begun_on_the_operators_word_is_gone_on_with_without_it() {
    // The first call only asks whether it may be made.
    let calls: Vec<u32> = (2..40).collect();
    let fault = format!(
        "[[fault]]\noperation = \"StartInstances\"\ncalls = {calls:?}\nkind = \"error-500\"\n"
    );
    let scene = Scene::of(&format!("{WORLD}{fault}"));
    let id = &scene.ids[1];
    let volume = scene.seen()[id].root.clone().unwrap().0;
    drop(scene.ec2(&format!("StopInstances&InstanceId.1={id}")));
    scene.wait_until(|| scene.seen()[id].state == "stopped");
    drop(scene.ec2(&format!("DetachVolume&VolumeId={volume}")));
    let choice = format!("{id}={volume}");
    let args = [&RESUME[..], &["--volume", &choice, "--power", "running"]].concat();
    let output = scene.env.run(&args).exits(1);
    let seen = scene.seen()[id].clone();
    assert_eq!((seen.state.as_str(), seen.root.unwrap().0), ("stopped", volume), "{output}");
    scene.sim.heal();
    let output = scene.resume().exits(0);
    says(&output, &["it was begun on this machine, and not ended"]);
    assert_eq!(scene.seen()[id].state, "running", "{output}");
}

#[test]
fn who_is_in_standby_comes_back_into_service_only_if_a_ledger_says_that_fleet_put_them_there() {
    let lifecycle = |scene: &Scene, id: &str| {
        let action = "DescribeAutoScalingGroups&AutoScalingGroupNames.member.1=win";
        let answer = scene.sim.query("autoscaling", "2011-01-01", action);
        let member = Regex::new("(?s)<member>.*?</member>").unwrap();
        let of = member.find_iter(&answer).find(|it| it.as_str().contains(id)).unwrap();
        Regex::new("<LifecycleState>([^<]*)").unwrap().captures(of.as_str()).unwrap()[1].to_owned()
    };
    let scene = Scene::failed_at("runScriptForWindows", &[3]);
    let id = &scene.ids[3];
    let output = scene.resume().exits(0);
    drop(output.complains(&["aws autoscaling exit-standby --auto-scaling-group-name win", id]));
    assert_eq!(lifecycle(&scene, id), "Standby");

    let scene = Scene::of(&failing("runScriptForWindows"));
    let id = &scene.ids[3];
    drop(scene.env.run(&["run", "--asg", "win", "--yes", "--", "dir"]).exits(0));
    let entry = json!({
        "at": "2024-07-19T05:30:00Z", "group": "win", "stage": "done",
        "change": { "what": "standby", "instances": [id] },
    });
    let journal = scene.env.runs()[0].join("groups.jsonl");
    std::fs::write(journal, entry.to_string() + "\n").unwrap();
    let execution = scene.start(id);
    scene.wait_for_end(&execution);
    let output = scene.resume().exits(0);
    assert_eq!(lifecycle(&scene, id), "InService", "{output}");
    assert_eq!(scene.seen()[id].state, "running");
}

#[test]
fn what_is_changed_of_a_group_and_in_no_ledger_is_named_with_what_undoes_it() {
    let scene = Scene::of(&failing("runScriptForWindows"));
    let [first, standby] = [1, 3].map(|it| scene.ids[it].clone());
    let processes = "no ledger here tells who has suspended HealthCheck, ReplaceUnhealthy in win";
    let resume = "aws autoscaling resume-processes --auto-scaling-group-name win \
                  --scaling-processes HealthCheck ReplaceUnhealthy --region us-east-1";
    let exit = format!(
        "aws autoscaling exit-standby --auto-scaling-group-name win --instance-ids {standby} \
         --region us-east-1"
    );
    let suspend = "SuspendProcesses&AutoScalingGroupName=win&ScalingProcesses.member.1=HealthCheck";
    drop(scene.sim.query("autoscaling", "2011-01-01", suspend));
    let whole = "none of the selected instances has lost its root volume";
    let output = scene.resume().exits(0);
    says(&output, &[whole, processes, resume, "who has put", &exit, "if nobody else wants that"]);

    // While a root volume is elsewhere, the group is not to look after its members.
    let execution = scene.start(&first);
    scene.wait_for_end(&execution);
    let later = "once all its members are well";
    let dry = scene.env.run(&["rescue", "resume", "--asg", "win", "--dry-run"]).exits(0);
    says(&dry, &[processes, later, resume]);
    let output = scene.resume().exits(0);
    says(&output, &[processes, resume, &exit]);

    drop(scene.ec2(&format!("StopInstances&InstanceId.1={standby}")));
    scene.wait_until(|| scene.seen()[&standby].state == "stopped");
    says(&scene.resume().exits(0), &["once started", "aws ec2 start-instances", &exit, later]);
    assert_eq!(scene.sim.stats().calls("ExitStandby"), 0);
    assert_eq!(scene.sim.stats().calls("ResumeProcesses"), 0);
}

#[test]
fn processes_that_a_ledger_tells_of_are_named_with_the_run_that_restores_them() {
    let scene = Scene::of(WORLD);
    drop(scene.env.run(&["run", "--asg", "win", "--yes", "--", "dir"]).exits(0));
    let entry = json!({
        "at": "2024-07-19T05:30:00Z", "group": "win", "stage": "done",
        "change": { "what": "suspend", "processes": ["HealthCheck"] },
    });
    let journal = scene.env.runs()[0].join("groups.jsonl");
    std::fs::write(journal, entry.to_string() + "\n").unwrap();
    let suspend = "SuspendProcesses&AutoScalingGroupName=win&ScalingProcesses.member.1=HealthCheck";
    drop(scene.sim.query("autoscaling", "2011-01-01", suspend));
    let output = scene.resume().exits(0);
    says(&output, &["`fleet restore", "who has suspended ReplaceUnhealthy in win"]);
}

#[test]
fn what_a_ledger_of_this_machine_knows_is_believed_and_its_groups_are_restored() {
    let scene = Scene::of(&failing("runScriptForWindows").replace("\"True\"", "\"?\""));
    let group = || {
        let action = "DescribeAutoScalingGroups&AutoScalingGroupNames.member.1=win";
        let answer = scene.sim.query("autoscaling", "2011-01-01", action);
        let told = "<LifecycleState>[^<]*|<ProcessName>[^<]*|<DesiredCapacity>[^<]*";
        let told = Regex::new(told).unwrap();
        told.find_iter(&answer).map(|it| it.as_str().to_owned()).collect::<Vec<_>>()
    };
    let before = (scene.seen(), group());
    let rescue =
        ["rescue", "crowdstrike", "--asg", "win", "--no-bitlocker", "--no-report", "--yes"];
    let mut run = scene.env.spawn(&rescue);
    scene.sim.wait_for_call("StartAutomationExecution");
    run.kill();
    drop(run);
    scene.wait_until(|| {
        let body = json!({ "Filters": [{ "Key": "ExecutionStatus", "Values": ["Failed"] }] });
        let ended = scene.sim.ask_ssm("DescribeAutomationExecutions", &body);
        ended["AutomationExecutionMetadataList"].as_array().is_some_and(|it| !it.is_empty())
    });
    let output = scene.resume().exits(0);
    says(&output, &["knows how it was", "DeleteOnTermination true"]);
    assert_eq!((scene.seen(), group()), before, "{output}");
}
