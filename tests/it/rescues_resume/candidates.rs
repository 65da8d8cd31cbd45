//! What is not proved is not taken, and the operator decides.

use regex::Regex;
use serde_json::json;

use super::{RESUME, Scene, WORLD, failing, helper_of, says};

#[test]
fn of_two_candidates_neither_is_taken_and_both_are_named_until_the_operator_decides() {
    let scene = Scene::failed_at("runScriptForWindows", &[1]);
    let id = &scene.ids[1];
    // Somebody hangs the root volume of another instance on the same helper.
    let other = scene.ids[2].as_str();
    let volume = scene.seen()[other].root.clone().unwrap().0;
    drop(scene.ec2(&format!("StopInstances&InstanceId.1={other}")));
    scene.wait_until(|| scene.seen()[other].state == "stopped");
    drop(scene.ec2(&format!("DetachVolume&VolumeId={volume}")));
    let helper = helper_of(&scene);
    let attach = format!("AttachVolume&VolumeId={volume}&InstanceId={helper}&Device=xvdg");
    drop(scene.ec2(&attach));
    let n_changes = scene.n_changes();
    let output = scene.env.run(&[&RESUME[..], &["--output", "json"]].concat()).exits(4);
    let found = output.json();
    let stuck = found["instances"].as_array().unwrap();
    let of = |id: &str| stuck.iter().find(|it| it["instance_id"] == id).unwrap().clone();
    let candidates = of(id)["candidates"].as_array().unwrap().clone();
    assert_eq!(candidates.len(), 2, "{found}");
    assert!(candidates.contains(&json!(volume)), "{found}");
    assert_eq!(of(other)["state"], "unproved", "{found}");
    assert_eq!(scene.n_changes(), n_changes, "nothing is tried");
    let own = candidates.iter().find(|it| **it != json!(volume)).unwrap().as_str().unwrap();
    let choice = format!("{id}={own}");
    let (first, second) = (choice.as_str(), format!("{other}={volume}"));
    let args = ["--volume", first, "--volume", second.as_str(), "--power", "running"];
    let output = scene.env.run(&[&RESUME[..], &args].concat()).exits(0);
    let seen = scene.seen();
    assert_eq!(seen[id].root.clone().unwrap().0, own, "{output}");
    assert_eq!(seen[other].root.clone().unwrap().0, volume, "{output}");
    assert!(seen.values().all(|it| it.state == "running"), "{seen:?}");
}

#[test]
fn an_execution_that_is_under_way_is_left_alone() {
    let world = failing("runScriptForWindows").replace("\"Failed\"", "\"InProgress\"");
    let scene = Scene::of(&world);
    let before = scene.seen();
    let id = &scene.ids[1];
    let execution = scene.start(id);
    scene.wait_until(|| scene.execution(&execution)["CurrentStepName"] == "runScriptForWindows");
    let output = scene.resume().exits(4);
    says(&output, &["is left alone", "two must not move one volume"]);
    let stop = format!("stop-automation-execution --automation-execution-id {execution}");
    drop(output.prints(&[&stop]));
    assert_eq!(scene.n_changes(), 0);
    let choice = format!("{id}=vol-0123456789abcdef0");
    let output = scene.env.run(&[&RESUME[..], &["--volume", &choice]].concat()).exits(4);
    says(&output, &["two must not move one volume"]);
    let body = json!({ "AutomationExecutionId": execution, "Type": "Cancel" });
    scene.sim.ssm("StopAutomationExecution", &body);
    scene.wait_for_end(&execution);
    let output = scene.resume().exits(0);
    assert_eq!(scene.seen(), before, "{output}");
}

#[test]
fn without_an_execution_nothing_is_proved_and_a_volume_that_cannot_be_it_is_refused() {
    let world = format!(
        "{WORLD}[[group]]\nname = \"far\"\nsize = 1\nplatform = \"Windows\"\n\
         zones = [\"us-east-1b\"]\nmin = 0\nsuspended = [\"ReplaceUnhealthy\"]\n"
    );
    let scene = Scene::of(&world);
    let id = &scene.ids[1];
    let volume = scene.seen()[id].root.clone().unwrap().0;
    drop(scene.ec2(&format!("StopInstances&InstanceId.1={id}")));
    scene.wait_until(|| scene.seen()[id].state == "stopped");
    drop(scene.ec2(&format!("DetachVolume&VolumeId={volume}")));
    let n_changes = scene.n_changes();
    let output = scene.resume().exits(4);
    let output = output.prints(&["stuck", "no execution on it is known"]);
    drop(output.complains(&["nothing was changed", "--volume INSTANCE=VOLUME"]));
    let far =
        scene.ec2("DescribeVolumes&Filter.1.Name=availability-zone&Filter.1.Value.1=us-east-1b");
    let far = Regex::new("<volumeId>([^<]*)").unwrap().captures(&far).unwrap()[1].to_owned();
    let try_volume = |volume: &str| {
        let choice = format!("{id}={volume}");
        scene.env.run(&[&RESUME[..], &["--volume", &choice]].concat())
    };
    let zones = ["is in zone us-east-1b, and the instance is in us-east-1a"];
    says(&try_volume(&far).exits(4), &zones);
    let others = scene.seen()[&scene.ids[2]].root.clone().unwrap().0;
    says(&try_volume(&others).exits(4), &["which is no helper of EC2Rescue's"]);
    let nothing = "vol-00000000000000000";
    says(&try_volume(nothing).exits(4), &["there is no volume vol-00000000000000000"]);
    drop(try_volume("vol").exits(2).complains(&["vol-0123456789abcdef0"]));
    assert_eq!(scene.n_changes(), n_changes);
    let output = try_volume(&volume).exits(0);
    assert_eq!(scene.seen()[id].root.clone().unwrap().0, volume, "{output}");
}
