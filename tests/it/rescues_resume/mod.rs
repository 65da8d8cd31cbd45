//! `fleet rescue resume` of instances whose rescue somebody else has started, and of which this machine
//! has no ledger: the root volume that is proved to be theirs comes back, and no other.

use std::{collections::BTreeMap, time::Instant};

use regex::Regex;
use serde_json::{Value, json};

use crate::support::{DEADLINE, FleetEnv, Output, SimProcess};

mod candidates;
mod deaths;
mod limits;

const RUNBOOK: &str = "AWSSupport-StartEC2RescueWorkflow";

/// One answers, three do not; one of these is in Standby.
const WORLD: &str = r#"
speed = 400.0
[[group]]
name = "win"
size = 4
platform = "Windows"
zones = ["us-east-1a"]
min = 0
max = 20
suspended = ["ReplaceUnhealthy"]
instance = [
    { index = 1, impaired = true, ping = "ConnectionLost" },
    { index = 2, impaired = true, ping = "ConnectionLost" },
    { index = 3, impaired = true, ping = "ConnectionLost", lifecycle = "Standby" },
]
"#;

const RESUME: [&str; 5] = ["rescue", "resume", "--asg", "win", "--yes"];

/// What changes instances and volumes.
const CHANGES: [&str; 5] =
    ["StopInstances", "DetachVolume", "AttachVolume", "ModifyInstanceAttribute", "StartInstances"];

struct Scene {
    sim: SimProcess,
    env: FleetEnv,
    /// The members, in their order.
    ids: Vec<String>,
}

/// An instance, as far as a rescue changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    state: String,
    /// The volume at the root device, and its DeleteOnTermination.
    root: Option<(String, String)>,
}

impl Scene {
    fn of(world: &str) -> Self {
        let sim = SimProcess::start(world, &[]);
        let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01").unset("FLEET_NOW");
        let action = "DescribeAutoScalingGroups&AutoScalingGroupNames.member.1=win";
        let group = sim.query("autoscaling", "2011-01-01", action);
        let id = Regex::new("<InstanceId>([^<]*)").unwrap();
        let ids = id.captures_iter(&group).map(|it| it[1].to_owned()).collect();
        Self { sim, env, ids }
    }

    /// A world in which an execution on the members of these indices fails at a step, and has ended.
    fn failed_at(step: &str, indices: &[usize]) -> Self {
        let scene = Self::of(&failing(step));
        for it in indices {
            let execution = scene.start(&scene.ids[*it]);
            scene.wait_for_end(&execution);
        }
        scene
    }

    /// Starts the workflow as the console or the aws CLI does, and returns the execution.
    fn start(&self, id: &str) -> String {
        let body = json!({
            "DocumentName": RUNBOOK,
            "Parameters": { "InstanceId": [id], "OfflineScript": ["ZGly"] },
        });
        let answer = self.sim.ask_ssm("StartAutomationExecution", &body);
        answer["AutomationExecutionId"].as_str().unwrap().to_owned()
    }

    fn execution(&self, id: &str) -> Value {
        let body = json!({ "AutomationExecutionId": id });
        self.sim.ask_ssm("GetAutomationExecution", &body)["AutomationExecution"].clone()
    }

    fn wait_for_end(&self, execution: &str) {
        self.wait_until(|| {
            let status = self.execution(execution)["AutomationExecutionStatus"].clone();
            ["Failed", "Success", "Cancelled", "TimedOut"].contains(&status.as_str().unwrap())
        });
    }

    fn wait_until(&self, is_so: impl Fn() -> bool) {
        let end = Instant::now() + DEADLINE;
        while !is_so() {
            assert!(Instant::now() < end, "it never came: {:?}", self.seen());
            std::thread::yield_now();
        }
    }

    fn ec2(&self, action: &str) -> String {
        self.sim.query("ec2", "2016-11-15", action)
    }

    /// Returns the members by their ids.
    fn seen(&self) -> BTreeMap<String, Seen> {
        let answer = self.ec2(
            "DescribeInstances&Filter.1.Name=tag:aws:autoscaling:groupName&Filter.1.Value.1=win",
        );
        let instance = Regex::new("(?s)<reservationId>.*?</instancesSet>").unwrap();
        let first = |pattern: &str, text: &str| {
            Regex::new(pattern).unwrap().captures(text).map(|it| it[1].to_owned())
        };
        let each = instance.find_iter(&answer).map(|it| {
            let text = it.as_str();
            let id = first("<instanceId>([^<]*)", text).unwrap();
            let state = first("(?s)<instanceState>.*?<name>([^<]*)", text).unwrap();
            let root = Regex::new(
                "(?s)<deviceName>/dev/sda1</deviceName>.*?<volumeId>([^<]*).*?\
                 <deleteOnTermination>([^<]*)",
            );
            let root = root.unwrap().captures(text);
            let root = root.map(|it| (it[1].to_owned(), it[2].to_owned()));
            (id, Seen { state, root })
        });
        each.collect()
    }

    fn resume(&self) -> Output {
        self.env.run(&RESUME)
    }

    fn n_changes(&self) -> u64 {
        let stats = self.sim.stats();
        CHANGES.iter().map(|it| stats.calls(it)).sum()
    }
}

/// Requires that it says all this, wherever lines end.
#[track_caller]
fn says(output: &Output, texts: &[&str]) {
    let said = format!("{} {}", output.stdout, output.stderr);
    let said: Vec<&str> = said.split_whitespace().collect();
    for text in texts {
        assert!(said.join(" ").contains(text), "it does not say `{text}`: {output}");
    }
}

fn failing(step: &str) -> String {
    format!(
        "{WORLD}[[runbook]]\ndocument = \"{RUNBOOK}\"\n[[runbook.step]]\n\
         name = \"{step}\"\nstatus = \"Failed\"\n\
         [[runbook.step]]\nname = \"describeRootVolume\"\n\
         outputs = {{ DeleteOnTermination = \"True\" }}\n"
    )
}

fn helper_of(scene: &Scene) -> String {
    let answer = scene
        .ec2("DescribeInstances&Filter.1.Name=tag:Name&Filter.1.Value.1=AWSSupport-EC2Rescue*");
    let id = Regex::new("<instanceId>([^<]*)").unwrap();
    id.captures(&answer).unwrap()[1].to_owned()
}
