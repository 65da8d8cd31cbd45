//! `fleet rescue crowdstrike` over AWS's runbook as the simulator plays it: who is taken, that each is
//! back as it was, and that nothing stays elsewhere, whatever fails or dies on the way.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use crate::support::{FleetEnv, SimProcess, repository};

mod beforehand;
mod failures;
mod proof;
mod turns;

/// One answers; of the eight others one is of the marketplace, one encrypted, one has volumes of its
/// own, one is in another zone, one in Standby already, and three are like any other.
const WORLD: &str = r#"
speed = 400.0
[[document]]
name = "Fleet-CrowdStrike291"
file = "crowdstrike291.yaml"
[[group]]
name = "win"
size = 9
platform = "Windows"
zones = ["us-east-1a", "us-east-1c"]
min = 0
max = 20
suspended = ["ReplaceUnhealthy"]
instance = [
    { index = 1, impaired = true, ping = "ConnectionLost", product_codes = ["abc"] },
    { index = 2, impaired = true, ping = "ConnectionLost", encrypted = true },
    { index = 3, impaired = true, ping = "ConnectionLost", instance_type = "m5d.large" },
    { index = 4, impaired = true, ping = "ConnectionLost", zone = "us-east-1c" },
    { index = 5, impaired = true, ping = "ConnectionLost", lifecycle = "Standby" },
    { index = 6, impaired = true, ping = "ConnectionLost" },
    { index = 7, impaired = true, ping = "ConnectionLost" },
    { index = 8, impaired = true, ping = "ConnectionLost" },
]
"#;

const SAYS: &str = r#"
[[runbook]]
document = "AWSSupport-StartEC2RescueWorkflow"
[[runbook.step]]
name = "runScriptForWindows"
outputs = { Output = "F291 C-00000291-1.sys True\nF291 end ok n=1" }
"#;

const RESCUE: [&str; 11] = [
    "rescue",
    "crowdstrike",
    "--asg",
    "win",
    "--no-bitlocker",
    "--yes",
    "--max-concurrency",
    "100%",
    "--max-errors",
    "100%",
    "--accept-data-loss",
];

struct Scene {
    sim: SimProcess,
    env: FleetEnv,
}

impl Scene {
    fn of(more: &str) -> Self {
        let document = repository("documents/Fleet-CrowdStrike291.yaml");
        let document = std::fs::read_to_string(document).unwrap();
        let files = [("crowdstrike291.yaml", document.as_str())];
        let sim = SimProcess::start(&format!("{WORLD}{more}"), &files);
        let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01").unset("FLEET_NOW");
        Self { sim, env }
    }

    /// The lifecycle of each member, the processes that are held up, the capacity, and where each
    /// volume is with what becomes of it.
    fn state(&self) -> Vec<String> {
        let action = "DescribeAutoScalingGroups&AutoScalingGroupNames.member.1=win";
        let answer = self.sim.query("autoscaling", "2011-01-01", action);
        let told =
            "<InstanceId>[^<]*|<LifecycleState>[^<]*|<ProcessName>[^<]*|<DesiredCapacity>[^<]*";
        let mut res = found(told, &answer);
        let volumes = self.sim.query("ec2", "2016-11-15", "DescribeVolumes");
        let told = "<volumeId>[^<]*|<instanceId>[^<]*|<device>[^<]*|<deleteOnTermination>[^<]*";
        res.extend(found(told, &volumes));
        res
    }

    /// The members, in their order, each with its lifecycle.
    fn members(&self) -> Vec<(String, String)> {
        let answer = self.sim.query("autoscaling", "2011-01-01", "DescribeAutoScalingGroups");
        let one = Regex::new("(?s)<InstanceId>([^<]*).*?<LifecycleState>([^<]*)").unwrap();
        one.captures_iter(&answer).map(|it| (it[1].to_owned(), it[2].to_owned())).collect()
    }

    /// The power of each instance of the group.
    fn power(&self) -> BTreeMap<String, String> {
        let action =
            "DescribeInstances&Filter.1.Name=tag:aws:autoscaling:groupName&Filter.1.Value.1=win";
        let answer = self.sim.query("ec2", "2016-11-15", action);
        let one = Regex::new("(?s)<instanceId>([^<]*).*?<name>([^<]*)").unwrap();
        one.captures_iter(&answer).map(|it| (it[1].to_owned(), it[2].to_owned())).collect()
    }

    /// How often the online document has run on each that it has run on.
    fn n_reports(&self) -> Vec<u64> {
        let stats = self.sim.stats();
        let all = stats.0["executions"].as_object().unwrap().values();
        all.filter_map(|it| it["Fleet-CrowdStrike291"].as_u64()).collect()
    }

    /// Restores what a process that died has left, and whoever was planned is accounted for.
    fn is_restored(&self, before: &[String], power: &BTreeMap<String, String>, place: &str) {
        // What comes by itself is given time enough on any machine.
        let output = self.env.run_at_pace("0.05", &["restore", "last"]).exits(0);
        assert_eq!(own(&self.state()), own(before), "{place}: {output}");
        assert_eq!(self.power(), *power, "{place}: {output}");
        let watched = self.env.run(&["watch", "last"]);
        let report = self.env.record().replayed().complete().clone();
        assert_eq!(outcomes(&report).len(), 7, "{place}: {watched}");
        assert_eq!(own(&self.state()), own(before), "{place}: {watched}");
        assert!(self.n_reports().iter().all(|it| *it <= 1), "{place}: {watched}");
        assert!(!watched.stdout.contains("changed still"), "{place}: {watched}");
    }

    fn report(&self) -> Value {
        self.env.record().replayed().complete().clone()
    }
}

fn found(pattern: &str, text: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).unwrap();
    pattern.find_iter(text).map(|it| it.as_str().to_owned()).collect()
}

fn outcomes(report: &Value) -> Vec<String> {
    let rows = report["instances"].as_array().unwrap().iter();
    let mut res: Vec<String> = rows.map(|it| it["outcome"].as_str().unwrap().to_owned()).collect();
    res.sort();
    res
}

fn failing(step: &str) -> String {
    format!(
        "[[runbook]]\ndocument = \"AWSSupport-StartEC2RescueWorkflow\"\n[[runbook.step]]\n\
         name = \"{step}\"\nstatus = \"Failed\"\n"
    )
}

/// Leaves out the volumes of helpers, which the runbook of a failed rescue leaves behind.
fn own(state: &[String]) -> Vec<String> {
    let n = state.iter().position(|it| it.starts_with("<volumeId>")).unwrap_or(state.len());
    let volumes = state[n..].chunk_by(|_, it| !it.starts_with("<volumeId>"));
    let of_root = volumes.filter(|it| it.iter().any(|it| it == "<device>/dev/sda1"));
    let mut res = state[..n].to_vec();
    let members: Vec<String> =
        res.iter().filter(|it| it.starts_with("<InstanceId>")).cloned().collect();
    let is_members = |it: &&[String]| {
        let holder = it.iter().find(|it| it.starts_with("<instanceId>"));
        holder.is_some_and(|it| members.iter().any(|id| id[12..] == it[12..]))
    };
    res.extend(of_root.filter(is_members).flatten().cloned());
    res
}
