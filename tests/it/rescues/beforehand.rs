//! What is said and refused before a rescue touches anything.

use serde_json::json;

use super::{RESCUE, SAYS, Scene, WORLD};
use crate::support::{
    FleetEnv, SimProcess, repository,
    scoped::{allow_all, policy},
};

#[test]
fn where_the_online_document_is_not_published_nothing_is_touched() {
    let world = WORLD.replace("Fleet-CrowdStrike291", "Another");
    let document =
        std::fs::read_to_string(repository("documents/Fleet-CrowdStrike291.yaml")).unwrap();
    let sim = SimProcess::start(&format!("{world}{SAYS}"), &[("crowdstrike291.yaml", &document)]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01").unset("FLEET_NOW");
    let scene = Scene { sim, env };
    let published = "`fleet docs publish Fleet-CrowdStrike291`, or --no-report";
    drop(scene.env.run(&RESCUE).exits(3).complains(&[published]));
    assert_eq!(scene.sim.stats().calls("SuspendProcesses"), 0);
    let without = [&RESCUE[..], &["--no-report"]].concat();
    drop(scene.env.run(&without).exits(0));
    assert_eq!(scene.sim.stats().calls("SendCommand"), 0);
}

#[test]
fn each_of_the_eight_has_a_verdict_before_anything_is_touched() {
    let scene = Scene::of(SAYS);
    let args = ["rescue", "plan", "crowdstrike", "--asg", "win", "--no-bitlocker"];
    let json = scene.env.run(&[&args[..], &["--output", "json"]].concat()).exits(3).json();
    let verdicts = json["instances"].as_array().unwrap().iter().map(|it| {
        let checks = it["checks"].as_array().unwrap().iter();
        let failed = checks.filter(|it| it["verdict"] == "fail");
        failed.map(|it| it["check"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    });
    let verdicts: Vec<Vec<String>> = verdicts.collect();
    let none: [&str; 0] = [];
    let expected: [&[&str]; 8] =
        [&["marketplace"], &none, &["instance store"], &none, &none, &none, &none, &none];
    assert_eq!(verdicts, expected, "{json}");
    assert_eq!(scene.sim.stats().calls("SuspendProcesses"), 0);
}

#[test]
fn a_narrowed_session_needs_a_role_for_the_runbook() {
    let scene = Scene::of(SAYS);
    let role = ["--role-arn", "arn:aws:iam::123456789012:role/fleet"];
    let output = scene.env.run(&[&RESCUE[..], &role].concat()).exits(2);
    drop(output.complains(&["narrowed to starting it", "--automation-role ARN"]));
    assert_eq!(scene.sim.stats().operations(), [""; 0]);
}

/// A world whose operator may do all but this.
fn without(actions: &[&str]) -> (SimProcess, FleetEnv) {
    let operator = "[[user]]\nname = \"operator\"\naccess_key_id = \"AKIDOPERATOR\"\n\
                    secret_access_key = \"secret\"\npolicy = \"operator.json\"\n";
    let document =
        std::fs::read_to_string(repository("documents/Fleet-CrowdStrike291.yaml")).unwrap();
    let denied = json!({"Effect": "Deny", "Action": actions, "Resource": "*"});
    let policy = policy(&json!([allow_all(), denied])).to_string();
    let files = [("crowdstrike291.yaml", document.as_str()), ("operator.json", &policy)];
    let sim = SimProcess::start(&format!("{WORLD}{SAYS}{operator}"), &files);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01").unset("FLEET_NOW");
    (sim, env)
}

#[test]
fn what_is_needed_later_and_refused_beforehand_stops_a_rescue_though_nobody_may_ask_iam() {
    for action in [
        "ssm:DescribeAutomationExecutions",
        "ssm:GetAutomationExecution",
        "ssm:ListCommandInvocations",
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeVolumes",
    ] {
        let (sim, env) = without(&["iam:SimulatePrincipalPolicy", action]);
        let lacks = format!("check 18, permissions: the caller lacks {action}, without which");
        drop(env.run(&RESCUE).exits(3).complains(&[&lacks, "nothing was sent"]));
        assert_eq!(sim.stats().calls("SuspendProcesses"), 0, "{action}");
    }
}

#[test]
fn a_dry_run_checks_and_shows_and_touches_nothing() {
    let scene = Scene::of(SAYS);
    let args = ["rescue", "crowdstrike", "--asg", "win", "--no-bitlocker", "--dry-run"];
    drop(scene.env.run(&args).exits(0).prints(&["AWSSupport-StartEC2RescueWorkflow"]));
    for operation in scene.sim.stats().operations() {
        let is_read =
            ["Describe", "Get", "List", "Simulate"].iter().any(|it| operation.starts_with(it));
        assert!(is_read, "{operation}");
    }
    assert_eq!(scene.env.runs().len(), 0);
}
