//! `fleet restore`: from whatever a rescue left when it died, the group is in the end as it was before,
//! and nobody is touched whom the rescue did not touch.

use regex::Regex;
use serde_json::json;

use crate::support::{FleetEnv, SimProcess};

/// One is in Standby before anything happens, and one process is held up.
const WORLD: &str = r#"
speed = 200.0
[[group]]
name = "web"
size = 4
min = 0
max = 8
suspended = ["AZRebalance"]
[[group.instance]]
index = 3
lifecycle = "Standby"
"#;

const VERSION: &str = "2011-01-01";

struct Scene {
    sim: SimProcess,
    env: FleetEnv,
    ids: Vec<String>,
}

impl Scene {
    /// A run that ended, and what of the group was read before it.
    fn new() -> Self {
        Self::of(WORLD)
    }

    fn of(world: &str) -> Self {
        let sim = SimProcess::start(world, &[]);
        let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.005").unset("FLEET_NOW");
        drop(env.run(&["run", "--asg", "web", "--yes", "--", "true"]).exits(0));
        let planned = env.record().report["instances"].clone();
        let ids = planned.as_array().unwrap().iter();
        let ids = ids.map(|it| it["instance_id"].as_str().unwrap().to_owned()).collect();
        Self { sim, env, ids }
    }

    /// The lifecycle of each member, the processes that are held up, and the capacity.
    fn group(&self) -> Vec<String> {
        let action = "DescribeAutoScalingGroups&AutoScalingGroupNames.member.1=web";
        let answer = self.sim.query("autoscaling", VERSION, action);
        let told =
            "<InstanceId>[^<]*|<LifecycleState>[^<]*|<ProcessName>[^<]*|<DesiredCapacity>[^<]*";
        let told = Regex::new(told).unwrap();
        told.find_iter(&answer).map(|it| it.as_str().to_owned()).collect()
    }

    fn wait_until(&self, text: &str, n: usize) {
        let end = std::time::Instant::now() + crate::support::DEADLINE;
        while self.group().iter().filter(|it| it.as_str() == text).count() != n {
            assert!(std::time::Instant::now() < end, "never {n} {text}: {:?}", self.group());
            std::thread::yield_now();
        }
    }

    fn scale(&self, action: &str) {
        let action = format!("{action}&AutoScalingGroupName=web");
        drop(self.sim.query("autoscaling", VERSION, &action));
    }

    fn suspend(&self) {
        self.scale(
            "SuspendProcesses&ScalingProcesses.member.1=HealthCheck&\
             ScalingProcesses.member.2=ReplaceUnhealthy",
        );
    }

    fn stand_by(&self, indices: &[usize]) {
        let ids =
            (1..).zip(indices).map(|(n, it)| format!("&InstanceIds.member.{n}={}", self.ids[*it]));
        let ids: String = ids.collect();
        self.scale(&format!("EnterStandby&ShouldDecrementDesiredCapacity=true{ids}"));
        self.wait_until("<LifecycleState>Standby", indices.len() + 1);
    }

    /// Writes the journal down as a rescue would have left it.
    fn journal(&self, entries: &[(&str, serde_json::Value)]) {
        let line = |(stage, change): &(&str, serde_json::Value)| {
            let at = "2024-07-19T05:30:00Z";
            json!({ "at": at, "group": "web", "stage": stage, "change": change }).to_string() + "\n"
        };
        let text: String = entries.iter().map(line).collect();
        std::fs::write(self.env.runs()[0].join("groups.jsonl"), text).unwrap();
    }

    fn processes(&self) -> serde_json::Value {
        json!({ "what": "suspend", "processes": ["HealthCheck", "ReplaceUnhealthy"] })
    }

    fn members(&self, indices: &[usize]) -> serde_json::Value {
        let ids: Vec<&String> = indices.iter().map(|it| &self.ids[*it]).collect();
        json!({ "what": "standby", "instances": ids })
    }
}

#[test]
fn a_group_is_as_it_was_and_a_second_time_changes_nothing() {
    let scene = Scene::new();
    let before = scene.group();
    scene.suspend();
    scene.stand_by(&[0, 1]);
    scene.journal(&[
        ("intended", scene.processes()),
        ("done", scene.processes()),
        ("intended", scene.members(&[0, 1])),
        ("done", scene.members(&[0, 1])),
    ]);
    let shown =
        scene.env.run(&["restore", "last", "--dry-run", "--output", "json"]).exits(0).json();
    assert_eq!(shown["rows"][0]["state"], "pending", "{shown}");
    assert_ne!(scene.group(), before, "it was a dry run");
    let restored = scene.env.run(&["restore", "last"]).exits(0);
    drop(restored.prints(&[&scene.ids[0], ": in service", "HealthCheck, ReplaceUnhealthy"]));
    assert_eq!(scene.group(), before);
    let n_calls = scene.sim.stats().calls("ExitStandby");
    let again = scene.env.run(&["restore", "last"]).exits(0);
    drop(again.complains(&["nothing of run", "left to restore"]));
    assert_eq!(scene.sim.stats().calls("ExitStandby"), n_calls);
    assert_eq!(scene.group(), before);
}

#[test]
fn a_throttle_makes_it_slower_and_leaves_nobody_in_standby() {
    let fault = "[[fault]]\noperation = \"ExitStandby\"\ncalls = [1, 2, 3, 4, 5, 6, 7]\n\
                 kind = \"throttle\"\n";
    let scene = Scene::of(&format!("{WORLD}{fault}"));
    let before = scene.group();
    scene.stand_by(&[0, 1]);
    scene.journal(&[("done", scene.members(&[0, 1]))]);
    drop(scene.env.run(&["restore", "last"]).exits(0));
    assert_eq!(scene.group(), before);
    assert_eq!(scene.sim.stats().calls("ExitStandby"), 8);
}

#[test]
fn what_was_intended_is_undone_if_it_was_done_and_left_alone_if_not() {
    let scene = Scene::new();
    let before = scene.group();
    // The first batch was done without an answer; the second was never asked for.
    scene.suspend();
    scene.stand_by(&[0]);
    scene.journal(&[
        ("intended", scene.processes()),
        ("intended", scene.members(&[0])),
        ("intended", scene.members(&[1, 2])),
    ]);
    drop(scene.env.run(&["restore", "last"]).exits(0));
    assert_eq!(scene.group(), before);
}

#[test]
fn what_somebody_puts_into_standby_afterwards_stays_there() {
    let scene = Scene::new();
    scene.stand_by(&[0]);
    scene.journal(&[("done", scene.members(&[0]))]);
    drop(scene.env.run(&["restore", "last"]).exits(0));
    scene.stand_by(&[0, 2]);
    let now = scene.group();
    drop(scene.env.run(&["restore", "last"]).exits(0));
    assert_eq!(scene.group(), now);
}

#[test]
fn an_instance_without_its_root_volume_stays_out_of_service_and_the_rest_comes_back() {
    let scene = Scene::new();
    let before = scene.group();
    scene.suspend();
    scene.stand_by(&[0, 1]);
    scene.journal(&[("done", scene.processes()), ("done", scene.members(&[0, 1]))]);
    let ec2 = |action: &str| scene.sim.query("ec2", "2016-11-15", action);
    let id = &scene.ids[0];
    drop(ec2(&format!("StopInstances&InstanceId.1={id}")));
    let volume = |answer: &str| {
        Regex::new("<volumeId>([^<]*)").unwrap().captures(answer).unwrap()[1].to_owned()
    };
    let filter = "DescribeVolumes&Filter.1.Name=attachment.instance-id&Filter.1.Value.1=";
    let volume = volume(&ec2(&format!("{filter}{id}")));
    let device = Regex::new("<rootDeviceName>([^<]*)").unwrap();
    let described = ec2(&format!("DescribeInstances&InstanceId.1={id}"));
    let device = &device.captures(&described).unwrap()[1];
    let is_stopped = || {
        let answer = ec2(&format!("DescribeInstances&InstanceId.1={id}"));
        answer.contains("<name>stopped</name>")
    };
    let end = std::time::Instant::now() + crate::support::DEADLINE;
    while !is_stopped() {
        assert!(std::time::Instant::now() < end);
    }
    drop(ec2(&format!("DetachVolume&VolumeId={volume}")));
    let output = scene.env.run(&["restore", "last"]).exits(1);
    drop(output.complains(&[id, "has no root volume at", "`fleet restore"]));
    let states = scene.group();
    let n_standby = states.iter().filter(|it| *it == "<LifecycleState>Standby").count();
    assert_eq!(n_standby, 2, "the one before, and the one without a volume: {states:?}");
    assert!(!states.contains(&"<ProcessName>HealthCheck".to_owned()), "{states:?}");
    drop(ec2(&format!("AttachVolume&VolumeId={volume}&InstanceId={id}&Device={device}")));
    drop(ec2(&format!("StartInstances&InstanceId.1={id}")));
    drop(scene.env.run(&["restore", "last"]).exits(0));
    assert_eq!(scene.group(), before);
}

#[test]
fn the_group_of_a_run_that_lives_is_left_to_it() {
    let world = format!("{WORLD}[[outcome]]\nstatus = \"InProgress\"\n");
    let sim = SimProcess::start(&world, &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.005").unset("FLEET_NOW");
    let mut run = env.spawn(&["run", "--asg", "web", "--yes", "--output", "jsonl", "--", "true"]);
    assert!(run.wait_for_lines(2));
    let output = env.run(&["restore", "last"]).exits(3);
    drop(output.complains(&["lives, and restores its groups itself"]));
    run.kill();
}

#[test]
fn a_run_that_changed_no_group_has_nothing_to_restore() {
    let scene = Scene::new();
    let output = scene.env.run(&["restore", "last", "--output", "json"]).exits(0);
    assert_eq!(output.json()["rows"], json!([]));
    drop(scene.env.run(&["restore", "nobody"]).exits(2).complains(&["there is no run `nobody`"]));
    scene.journal(&[("done", json!({ "what": "magic" }))]);
    let output = scene.env.run(&["restore", "last"]).exits(2);
    drop(output.complains(&["line 1 of groups.jsonl cannot be read"]));
}

#[test]
fn in_another_region_nothing_is_taken_for_gone() {
    let scene = Scene::new();
    let before = scene.group();
    scene.stand_by(&[0]);
    scene.journal(&[("done", scene.members(&[0]))]);
    let elsewhere = scene.env.run(&["restore", "last", "--region", "eu-west-1"]);
    drop(elsewhere.exits(3).complains(&["the run is of region us-east-1"]));
    drop(scene.env.run(&["restore", "last"]).exits(0));
    assert_eq!(scene.group(), before);
}

#[test]
fn a_ledger_from_which_something_is_to_be_restored_is_not_pruned() {
    let scene = Scene::new();
    scene.stand_by(&[0]);
    scene.journal(&[("done", scene.members(&[0]))]);
    let prune = || scene.env.run(&["runs", "prune", "--older-than", "0s"]).exits(0);
    drop(prune().prints(&["0 runs"]).complains(&["is kept", "`fleet restore"]));
    drop(scene.env.run(&["restore", "last"]).exits(0));
    drop(prune().prints(&["1 run"]));
}

#[test]
fn whoever_was_stopped_meanwhile_does_not_come_back_to_be_ended_by_its_group() {
    let scene = Scene::new();
    let before = scene.group();
    scene.stand_by(&[0]);
    scene.journal(&[("done", scene.members(&[0]))]);
    let id = &scene.ids[0];
    let ec2 = |action: &str| scene.sim.query("ec2", "2016-11-15", action);
    drop(ec2(&format!("StopInstances&InstanceId.1={id}")));
    let output = scene.env.run(&["restore", "last"]).exits(1);
    drop(output.complains(&[id, "it is stopped, and its group would end it in service"]));
    drop(ec2(&format!("StartInstances&InstanceId.1={id}")));
    drop(scene.env.run(&["restore", "last"]).exits(0));
    assert_eq!(scene.group(), before);
}

#[test]
fn of_whoever_was_ended_meanwhile_it_is_said_that_the_capacity_stays_lowered() {
    let scene = Scene::new();
    scene.stand_by(&[0, 1]);
    scene.journal(&[("done", scene.members(&[0, 1]))]);
    let id = &scene.ids[0];
    let end = "TerminateInstanceInAutoScalingGroup&ShouldDecrementDesiredCapacity=false";
    drop(scene.sim.query("autoscaling", VERSION, &format!("{end}&InstanceId={id}")));
    let output = scene.env.run(&["restore", "last"]).exits(0);
    drop(output.prints(&[id, "is not raised again for who has left"]));
    assert!(scene.group().contains(&"<DesiredCapacity>2".to_owned()), "{:?}", scene.group());
    let again = scene.env.run(&["restore", "last"]).exits(0);
    drop(again.complains(&["left to restore"]));
}
