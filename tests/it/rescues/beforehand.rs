//! What is said and refused before a rescue touches anything.

use serde_json::{Value, json};

use super::{RESCUE, SAYS, Scene, WORLD};
use crate::support::{
    FleetEnv, SimProcess, repository,
    scoped::{allow_all, policy},
    skip,
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

#[test]
fn who_is_asked_is_told_what_is_done_and_that_bitlocker_may_lock_what_it_is_done_to() {
    let scene = Scene::of(SAYS);
    for (flag, question) in [
        ("", "on 6 instances, though BitLocker may lock root volumes"),
        ("--no-bitlocker", "Run AWSSupport-StartEC2RescueWorkflow on 6 instances? [y/N]"),
    ] {
        let args = format!("rescue crowdstrike --asg win {flag}");
        let Some(mut run) = scene.env.on_a_terminal(args.trim()) else {
            return skip("the question", "script(1) of util-linux is missing");
        };
        run.wait_for(question);
        run.type_in("n\n");
        let output = run.finish().exits(130);
        assert!(output.stdout.contains("6 instances are stopped for it"), "{output}");
        let is_in_doubt = output.stdout.contains("whether BitLocker is used is not known");
        assert_eq!(is_in_doubt, flag.is_empty(), "{output}");
    }
    assert_eq!(scene.sim.stats().calls("SuspendProcesses"), 0);
}

#[test]
fn where_all_do_not_fit_beside_min_size_a_smaller_selection_is_named_and_works() {
    let world = WORLD.replace("min = 0", "min = 7");
    let document =
        std::fs::read_to_string(repository("documents/Fleet-CrowdStrike291.yaml")).unwrap();
    let sim = SimProcess::start(&format!("{world}{SAYS}"), &[("crowdstrike291.yaml", &document)]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01").unset("FLEET_NOW");
    let plan = ["rescue", "plan", "crowdstrike", "--no-bitlocker", "--output", "json"];
    let json = env.run(&[&plan[..], &["--asg", "win"]].concat()).exits(3).json();
    let ready = |it: &&Value| ["ready", "confirm"].iter().any(|word| it["readiness"] == *word);
    let remedies = json.to_string();
    assert!(remedies.contains("select at most 1 of them at a time"), "{json}");
    let instances = json["instances"].as_array().unwrap();
    assert_eq!(instances.iter().filter(ready).count(), 1, "who is in Standby already: {json}");
    let fits_alone = |it: &&Value| {
        let mut failed =
            it["checks"].as_array().unwrap().iter().filter(|it| it["verdict"] == "fail");
        !ready(it) && failed.all(|it| it["check"] == "group")
    };
    let id = instances.iter().find(fits_alone).unwrap()["instance_id"].as_str().unwrap();
    let json = env.run(&[&plan[..], &["--instance", id]].concat()).exits(0).json();
    assert_eq!(json["instances"].as_array().unwrap().iter().filter(ready).count(), 1, "{json}");
    let does = json["does"].to_string();
    assert!(does.contains("goes from 8 to 7 meanwhile"), "{does}");
}

#[test]
fn who_may_not_see_whether_anybody_answers_rescues_nobody() {
    let action = "ssm:DescribeInstanceInformation";
    let (sim, env) = without(&["iam:SimulatePrincipalPolicy", action]);
    drop(env.run(&RESCUE).exits(4).complains(&[action, "nothing was sent"]));
    assert_eq!(sim.stats().calls("SuspendProcesses"), 0);
}

/// A world whose operator may do all but this, and whose administrator everything.
fn without(actions: &[&str]) -> (SimProcess, FleetEnv) {
    let operator = "[[user]]\nname = \"operator\"\naccess_key_id = \"AKIDOPERATOR\"\n\
                    secret_access_key = \"secret\"\npolicy = \"operator.json\"\n\
                    [[user]]\nname = \"admin\"\naccess_key_id = \"AKIDADMIN\"\n\
                    secret_access_key = \"secret\"\npolicy = \"admin.json\"\n";
    let document =
        std::fs::read_to_string(repository("documents/Fleet-CrowdStrike291.yaml")).unwrap();
    let denied = json!({"Effect": "Deny", "Action": actions, "Resource": "*"});
    let admin = policy(&allow_all()).to_string();
    let operator_policy = policy(&json!([allow_all(), denied])).to_string();
    let files = [
        ("crowdstrike291.yaml", document.as_str()),
        ("operator.json", &operator_policy),
        ("admin.json", &admin),
    ];
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
fn who_may_not_see_what_is_under_way_is_told_that_nobody_is_put_back_without_it() {
    let action = "ssm:DescribeAutomationExecutions";
    let (sim, env) = without(&[action]);
    let env = env.set("AWS_ACCESS_KEY_ID", "AKIDADMIN");
    let mut run = env.spawn(&RESCUE);
    sim.wait_for_call("StartAutomationExecution");
    run.kill();
    drop(run);
    let output = env.set("AWS_ACCESS_KEY_ID", "AKIDOPERATOR").run(&["restore", "last"]).exits(1);
    let said = format!("{action} is not permitted, and without it nobody is put back");
    drop(output.complains(&[&said]));
}

#[test]
fn a_dry_run_checks_and_shows_and_touches_nothing() {
    let scene = Scene::of(SAYS);
    let args = ["rescue", "crowdstrike", "--asg", "win", "--no-bitlocker", "--dry-run"];
    let output = scene.env.run(&args).exits(0).prints(&["AWSSupport-StartEC2RescueWorkflow"]);
    // The two of the marketplace and with volumes of their own are refused.
    let said = output.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in [
        "6 instances are stopped for it, and started again",
        "win: 5 members go out of service into Standby, all before the first is rescued",
        "desired capacity goes from 8 to 3 meanwhile",
        "win: AZRebalance, HealthCheck are suspended meanwhile",
        "win: 1 member is in Standby already, and not brought back from it",
        "these 6 stay, and cost until somebody deletes them",
        "a helper instance (t3.medium)",
        "Fleet-CrowdStrike291 is sent to each afterwards",
    ] {
        assert!(said.contains(text), "{text}: {output}");
    }
    for operation in scene.sim.stats().operations() {
        let is_read =
            ["Describe", "Get", "List", "Simulate"].iter().any(|it| operation.starts_with(it));
        assert!(is_read, "{operation}");
    }
    assert_eq!(scene.env.runs().len(), 0);
}
