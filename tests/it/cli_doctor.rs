//! `fleet doctor`: every check has a world in which it fails, and one in which it passes.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use crate::support::{
    FleetEnv, Output, SimProcess, repository,
    scoped::{ROLE, Scoped, allow_all},
};

/// Nothing pins the clock: it is one of the things that are looked at.
pub(crate) fn env() -> FleetEnv {
    FleetEnv::new().unset("FLEET_NOW")
}

pub(crate) fn doctor(env: &FleetEnv, args: &[&str]) -> Output {
    env.run(&[&["doctor"], args].concat())
}

/// Requires that a check came out as `verdict` and says all of `texts`.
pub(crate) fn finds(output: &Output, check: &str, verdict: &str, texts: &[&str]) {
    let json = output.json();
    let checks = json["checks"].as_array().unwrap();
    let is_it = |it: &&Value| it["check"] == check;
    let found = checks.iter().find(is_it).unwrap_or_else(|| panic!("no {check}:\n{output}"));
    assert_eq!(found["verdict"], verdict, "{check}:\n{output}");
    for text in texts {
        let said = format!("{} {}", found["said"], found["remedy"]);
        assert!(said.contains(text), "{check} lacks `{text}`: {said}");
    }
}

#[test]
fn a_healthy_world_passes_but_for_what_cannot_be_known() {
    let group = "[[group]]\nname = \"web\"\nsize = 6\n";
    let (_sim, env) = Scoped::of(group, &json!([allow_all()])).start();
    let env = env.unset("FLEET_NOW");
    drop(env.run(&["docs", "publish", "--yes", "--role-arn", ROLE]).exits(0));
    let args = ["--asg", "web", "--role-arn", ROLE, "--output", "json", "--", "uptime"];
    let output = doctor(&env, &args).exits(0);
    let json = output.json();
    assert_eq!(json["schema"], "fleet.doctor/v1");
    assert_eq!((&json["totals"]["warn"], &json["totals"]["fail"]), (&0.into(), &0.into()));
    finds(&output, "configuration", "pass", &["no fleet.toml"]);
    finds(&output, "credentials", "pass", &["user/operator of account 123456789012"]);
    finds(&output, "role", "pass", &[ROLE, "fleet-"]);
    finds(&output, "reads", "pass", &["6 of 6"]);
    finds(&output, "send", "pass", &["IAM says that", ROLE, "may send", "nothing was sent"]);
    finds(&output, "group", "pass", &["web: 6 instances, 6 in service"]);
    finds(&output, "processes", "pass", &["none"]);
    finds(&output, "agents", "pass", &["6 of 6"]);
    finds(&output, "session policy", "pass", &["of 2048 characters"]);
    finds(&output, "refresh", "pass", &["web: none"]);
    finds(&output, "document", "pass", &["version 1", "commands"]);
    finds(&output, "parameters", "pass", &[]);
    finds(&output, "plan", "pass", &["6 instances, one command by tag, 1 wave, 10% at once"]);
    finds(&output, "ceilings", "pass", &["none is set"]);
    finds(&output, "canned documents", "pass", &["as they were shipped"]);
    finds(&output, "clock", "pass", &[]);
    finds(&output, "state directory", "pass", &[]);
}

#[test]
fn it_is_a_table_in_a_fixed_order() {
    let args = ["--sim", "--asg", "web", "--doc", "Missing"];
    let output = doctor(&env(), &args).exits(3);
    let lines = output.stdout.lines().filter(|it| !it.starts_with(' ') && !it.is_empty());
    let heads: Vec<String> = lines.map(|it| it.chars().take(27).collect()).collect();
    let heads: Vec<String> = heads.iter().map(|it| it.trim_end().to_owned()).collect();
    assert_eq!(
        heads,
        [
            "pass     configuration",
            "pass     region",
            "pass     credentials",
            "pass     role",
            "pass     reads",
            "pass     send",
            "pass     group",
            "pass     processes",
            "pass     refresh",
            "pass     agents",
            "fail     document",
            "unknown  plan",
            "pass     ceilings",
            "warn     canned documents",
            "pass     clock",
            "pass     state directory",
            "16 checks: 13 passed, 1 war",
        ]
    );
    drop(output.prints(&[
        "there is no document Missing",
        "another account shares",
        "1 failed, 1 unknown",
    ]));
}

#[test]
fn a_group_in_trouble_is_told_by_its_instances_and_agents() {
    let world = format!("--sim={}", repository("tests/worlds/mixed.toml").display());
    let check = |asg: &str, code: i32, expected: &[(&str, &str, &str)]| {
        let args = [&world, "--asg", asg, "--output", "json"];
        let output = doctor(&env(), &args).exits(code);
        for (name, verdict, text) in expected {
            finds(&output, name, verdict, &[text]);
        }
    };
    check(
        "partly",
        0,
        &[
            ("group", "warn", "5 instances, 4 in service"),
            ("agents", "warn", "4 of 5"),
            ("agents lost", "warn", "1 lost: i-"),
        ],
    );
    let args = [&world, "--asg", "deaf", "--output", "json", "--", "uptime"];
    finds(&doctor(&env(), &args).exits(3), "plan", "fail", &["none is eligible"]);
    check("deaf", 3, &[("agents", "fail", "0 of"), ("agents missing", "warn", "never registered")]);
    check("empty", 3, &[("group", "fail", "nobody")]);
    check("wbe", 3, &[("group", "fail", "no Auto Scaling group wbe")]);
}

#[test]
fn a_refresh_that_is_under_way_is_told_and_one_that_ended_is_not() {
    for (status, verdict, text) in [
        ("InProgress", "warn", "web: an instance refresh is InProgress"),
        ("Baking", "warn", "cancel-instance-refresh"),
        ("Successful", "pass", "none is under way"),
    ] {
        let group = "[[group]]\nname = \"web\"\nsize = 1\n";
        let world = format!("{group}instance_refresh = \"{status}\"\n");
        let sim = SimProcess::start(&world, &[]);
        let env = FleetEnv::of(&sim).unset("FLEET_NOW");
        let output = doctor(&env, &["--asg", "web", "--output", "json"]).exits(0);
        finds(&output, "refresh", verdict, &[text]);
    }
}

#[test]
fn agents_of_long_ago_are_told() {
    let env = env();
    let world = env.world(
        "[[group]]\nname = \"web\"\nsize = 2\n[[group.instance]]\nindex = 1\n\
         agent_version = \"2.3.1205.0\"\n",
    );
    let output = doctor(&env, &[&world, "--asg", "web", "--output", "json"]).exits(0);
    finds(&output, "agents old", "warn", &["1 older", "AWS-UpdateSSMAgent"]);
}

#[test]
fn a_document_is_held_against_parameters_and_platforms() {
    let world = format!("--sim={}", repository("tests/worlds/mixed.toml").display());
    let check = |args: &[&str], name: &str, text: &str| {
        let args = [&[world.as_str(), "--output", "json"], args].concat();
        finds(&doctor(&env(), &args).exits(3), name, "fail", &[text]);
    };
    check(&["--asg", "web", "--doc", "Rescue"], "plan", "--target-parameter");
    check(&["--asg", "web", "--doc", "Restart", "--doc-version", "9"], "document", "no version 9");
    check(&["--asg", "web", "--doc", "Restart", "--param", "unti=a"], "parameters", "`unti`");
    check(&["--asg", "win", "--doc", "AWS-RunShellScript"], "document", "no instance is that");
}

#[test]
fn processes_that_are_held_up_are_told() {
    let sim = SimProcess::of(&repository("tests/worlds/three_healthy.toml"));
    drop(sim.query(
        "autoscaling",
        "2011-01-01",
        "SuspendProcesses&AutoScalingGroupName=web&ScalingProcesses.member.1=Launch",
    ));
    let env = FleetEnv::of(&sim).unset("FLEET_NOW");
    let output = doctor(&env, &["--asg", "web", "--output", "json"]).exits(0);
    finds(&output, "processes", "warn", &["web: Launch suspended", "resume-processes"]);
}

#[test]
fn instances_that_cannot_leave_standby_are_told() {
    let env = env();
    let world = env.world(
        "[[group]]\nname = \"web\"\nsize = 2\nsuspended = [\"Launch\"]\n\
         [[group.instance]]\nindex = 1\nlifecycle = \"Standby\"\n",
    );
    let output = doctor(&env, &[&world, "--asg", "web", "--output", "json"]).exits(3);
    finds(&output, "processes", "fail", &["web: Launch is suspended", "leave Standby: i-"]);
}

#[test]
fn a_read_that_the_endpoint_does_not_answer_fails_its_check() {
    for (operation, check) in
        [("DescribeInstanceRefreshes", "refresh"), ("DescribeAutoScalingGroups", "group")]
    {
        let world = format!(
            "[[group]]\nname = \"web\"\nsize = 1\n[[fault]]\noperation = \"{operation}\"\n\
             kind = \"html-500\"\nrate = 1.0\n"
        );
        let sim = SimProcess::start(&world, &[]);
        let env = FleetEnv::of(&sim).unset("FLEET_NOW").set("FLEET_PACE", "0.02");
        let output = doctor(&env, &["--asg", "web", "--output", "json"]).exits(3);
        finds(&output, check, "fail", &[operation]);
    }
}

#[test]
fn the_published_minimal_role_has_unknowns_and_no_failures() {
    let sim = SimProcess::of(&repository("examples/scoped-role/world.toml"));
    let role = "arn:aws:iam::000000000000:role/aaa-IamRoleSendCommand-aaa";
    let group = "aaa-Ec2InstanceAutoScalingGroup-aaa";
    let args = ["--asg", group, "--doc", "aaa-SsmDocument-aaa", "--role-arn", role];
    let env = FleetEnv::of(&sim).unset("FLEET_NOW");
    let output = doctor(&env, &[&args[..], &["--output", "json"]].concat()).exits(0);
    finds(&output, "role", "pass", &[role]);
    finds(&output, "reads", "warn", &["1 of 6", "ssm:ListCommands buys settling doubt"]);
    let unseen = "autoscaling:DescribeAutoScalingGroups";
    finds(&output, "group", "unknown", &[unseen, "by its tag without it"]);
    finds(&output, "processes", "unknown", &[unseen]);
    finds(&output, "agents", "unknown", &["ssm:DescribeInstanceInformation"]);
    finds(&output, "document", "unknown", &["ssm:DescribeDocument"]);
    finds(&output, "send", "unknown", &["untested", "iam:SimulatePrincipalPolicy", "no dry run"]);
    assert_eq!(sim.stats().commands(), 0);
    let role = "arn:aws:iam::000000000000:role/bbb";
    let output = doctor(&env, &["--asg", group, "--role-arn", role, "--output", "json"]).exits(3);
    finds(&output, "role", "fail", &["could not assume", "sts:AssumeRole"]);
    finds(&output, "reads", "unknown", &["no session"]);
}

#[test]
fn a_session_that_cannot_list_invocations_cannot_follow() {
    let allow = |action: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#
        )
    };
    let world = "[[group]]\nname = \"web\"\nsize = 1\n[[user]]\nname = \"op\"\n\
                 access_key_id = \"AKIDOPERATOR\"\nsecret_access_key = \"x\"\npolicy = \"p.json\"\n";
    let sim = SimProcess::start(world, &[("p.json", &allow("autoscaling:*"))]);
    let env = FleetEnv::of(&sim).unset("FLEET_NOW");
    let output = doctor(&env, &["--asg", "web", "--output", "json"]).exits(3);
    finds(&output, "reads", "fail", &["ssm:ListCommandInvocations", "no run can be followed"]);
}

#[test]
fn no_network_no_credentials_and_no_region_are_told_in_the_table() {
    let output = doctor(
        &env()
            .set("AWS_ACCESS_KEY_ID", "AKIDX")
            .set("AWS_SECRET_ACCESS_KEY", "x")
            .set("AWS_REGION", "eu-west-1"),
        &["--asg", "web", "--output", "json"],
    )
    .exits(3);
    finds(&output, "region", "pass", &["eu-west-1"]);
    finds(&output, "credentials", "fail", &["could not ask", "network"]);
    finds(&output, "group", "unknown", &["no session"]);
    finds(&output, "state directory", "pass", &[]);
    let output = doctor(&env().set("AWS_REGION", "eu-west-1"), &["--output", "json"]).exits(3);
    finds(&output, "credentials", "fail", &["no credentials were found", "AWS_PROFILE"]);
    let output = doctor(&env(), &["--output", "json"]).exits(3);
    finds(&output, "region", "fail", &["no region is set", "--region"]);
    finds(&output, "credentials", "unknown", &["no region"]);
}

#[test]
fn a_clock_that_is_off_is_told() {
    let env = FleetEnv::new();
    let output = doctor(&env, &["--sim", "--output", "json"]).exits(3);
    finds(&output, "clock", "fail", &["behind the service", "ntp"]);
}

#[test]
fn a_state_directory_that_others_may_read_is_told() {
    let env = env();
    let path = env.path("state/fleet");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let output = doctor(&env, &["--sim", "--output", "json"]).exits(3);
    finds(&output, "state directory", "fail", &["mode 755", "chmod 700"]);
    let env = env.set("XDG_STATE_HOME", "/proc/self/status");
    let output = doctor(&env, &["--sim", "--output", "json"]).exits(3);
    finds(&output, "state directory", "fail", &["cannot be written", "XDG_STATE_HOME"]);
}

/// A group, and a document that is to look at it afterwards.
fn with_a_check(more: &str) -> (SimProcess, FleetEnv) {
    let look = "schemaVersion: \"2.2\"\nmainSteps:\n  - action: aws:runShellScript\n    name: \
                run\n    inputs:\n      runCommand: [\"true\"]\n";
    let world = format!(
        "[[group]]\nname = \"web\"\nsize = 3\n[[document]]\nname = \"Look\"\n\
         file = \"look.yaml\"\n{more}"
    );
    let sim = SimProcess::start(&world, &[("look.yaml", look)]);
    let env = FleetEnv::of(&sim).unset("FLEET_NOW");
    (sim, env)
}

#[test]
fn what_is_to_follow_is_weighed_as_the_run_would_have_it() {
    let (_sim, env) = with_a_check("");
    let flags = ["--asg", "web", "--max-concurrency", "2", "--output", "json"];
    let with = |then: &str, more: &[&str]| {
        let args = [&flags[..], &["--then", then], more, &["--", "uptime"]].concat();
        doctor(&env, &args)
    };
    let output = with("Look", &[]).exits(0);
    finds(&output, "then document", "pass", &["Look, version 1"]);
    finds(&output, "then send", "pass", &["IAM says that", "may send"]);
    finds(&output, "then plan", "pass", &["3 instances", "2 at once"]);
    finds(&output, "then ceilings", "pass", &["none is set"]);
    // A run with the same flags is refused for the same.
    let refused = ["run", "--yes", "--asg", "web", "--then", "Nothing", "--", "uptime"];
    drop(env.run(&refused).exits(3).complains(&["there is no document Nothing"]));
    let output = with("Nothing", &[]).exits(3);
    finds(&output, "then document", "fail", &["there is no document Nothing"]);
    finds(&output, "then plan", "unknown", &["there is none yet"]);
    finds(&output, "plan", "pass", &["3 instances"]);
    env.write("fleet.toml", "[ceilings]\nallow_documents = [\"AWS-*\"]\n");
    let output = with("Look", &[]).exits(3);
    finds(&output, "ceilings", "pass", &["within them"]);
    finds(&output, "then ceilings", "fail", &["not among those that are allowed: AWS-*"]);
}

#[test]
fn what_is_to_follow_what_is_not_planned_is_unknown_and_follows_nothing_alone() {
    let (_sim, env) = with_a_check("");
    let args = ["--asg", "web", "--doc", "Nothing", "--then", "Look", "--output", "json"];
    let output = doctor(&env, &args).exits(3);
    finds(&output, "then", "unknown", &["has no plan yet"]);
    let alone = doctor(&env, &["--asg", "web", "--then", "Look"]).exits(2);
    drop(alone.complains(&["--then says what follows a document"]));
}
