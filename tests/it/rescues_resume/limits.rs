//! What a resumption shows, leaves and may do.

use serde_json::{Value, json};

use super::{CHANGES, RESUME, RUNBOOK, Scene, failing, helper_of};
use crate::support::{
    FleetEnv, SimProcess,
    scoped::{ROLE, Scoped, allow_all},
};

#[test]
fn a_dry_run_shows_what_would_be_put_back_and_touches_nothing() {
    let scene = Scene::failed_at("stopHelperInstance", &[1]);
    let before = scene.seen();
    let args = ["rescue", "resume", "--asg", "win", "--dry-run", "--output", "json"];
    let found = scene.env.run(&args).exits(0).json();
    assert_eq!(found["schema"], "fleet.resume/v1");
    let it = &found["instances"][0];
    assert_eq!((&it["state"], &it["instance_id"]), (&json!("known"), &json!(scene.ids[1])));
    assert_eq!(it["before"]["state"], "running");
    assert_eq!(it["before"]["delete_on_termination"], true);
    assert_eq!(it["holder"], json!(helper_of(&scene)));
    for operation in scene.sim.stats().operations() {
        let is_read = ["Describe", "Get", "List"].iter().any(|it| operation.starts_with(it));
        assert!(is_read || operation == "StartAutomationExecution", "{operation}");
    }
    assert_eq!(scene.seen(), before);
    assert!(!scene.env.path("state/fleet/returns").exists());
    drop(scene.env.run(&["rescue", "resume", "--asg", "win"]).exits(2).complains(&["--yes"]));
    drop(scene.env.run(&["rescue", "resume", "--dry-run"]).exits(2).complains(&["--asg"]));
}

#[test]
fn helpers_and_stacks_that_are_left_are_told_with_what_deletes_them() {
    let scene = Scene::failed_at("runScriptForWindows", &[1]);
    let helper = helper_of(&scene);
    let delete = "aws cloudformation delete-stack --stack-name AWSSupport-EC2Rescue-";
    let output = scene.resume().exits(0);
    drop(output.complains(&[&helper, "nothing needs it any more", delete]));
    // It is there until somebody deletes it, and so it is told until then.
    drop(scene.resume().exits(0).complains(&[&helper, delete]));
    assert_eq!(scene.sim.stats().calls("TerminateInstances"), 0);
}

/// A world in which others may do everything, and the role of this machine what it is told.
fn scoped(role: &Value) -> (SimProcess, FleetEnv) {
    let groups = failing("runScriptForWindows").replace("speed = 400.0", "");
    // Whoever is in service is not for the runbook by itself.
    let standby = ", lifecycle = \"Standby\"";
    let groups = groups.replace(standby, "");
    let groups = groups.replace(", impaired = true, ping = \"ConnectionLost\"", standby);
    let first = format!("    {{ index = 0{standby} }},\n    {{ index = 1");
    let groups = groups.replace("    { index = 1", &first);
    let admin = "[[user]]\nname = \"admin\"\naccess_key_id = \"AKIDADMIN\"\n\
                 secret_access_key = \"secret\"\npolicy = \"admin.json\"\n";
    let policy = crate::support::scoped::policy(&allow_all()).to_string();
    let world = Scoped::of(&format!("{admin}{groups}"), role);
    let (sim, env) = world.start_with("", &[("admin.json", &policy)]);
    let others = FleetEnv::of(&sim)
        .set("AWS_ACCESS_KEY_ID", "AKIDADMIN")
        .set("AWS_SECRET_ACCESS_KEY", "secret")
        .set("FLEET_PACE", "0.02");
    let run = ["run", "--asg", "win", "--doc", RUNBOOK, "--yes", "--include", "standby"];
    let more = ["--param", "OfflineScript=ZGly", "--max-concurrency", "100%", "--max-errors", "9"];
    let more = [&more[..], &["--waves", "100%"]].concat();
    drop(others.run(&[&run[..], &more].concat()).exits(1));
    (sim, env)
}

#[test]
fn without_a_permission_nothing_is_touched_and_it_is_named() {
    let lacking = |action: &str| json!([allow_all(), { "Effect": "Deny", "Action": action, "Resource": "*" }]);
    let (sim, env) = scoped(&lacking("ec2:AttachVolume"));
    let args = [&RESUME[..], &["--role-arn", ROLE]].concat();
    let output = env.run(&args).exits(3);
    drop(output.complains(&["ec2:AttachVolume is not permitted", "nothing was sent"]));
    let stranded = sim.stats();
    let (sim, env) = scoped(&lacking("ssm:GetAutomationExecution"));
    let output = env.run(&args).exits(3);
    drop(output.complains(&["ssm:GetAutomationExecution", "nothing was sent"]));
    assert_eq!(CHANGES.iter().map(|it| sim.stats().calls(it)).sum::<u64>(), 0);
    assert_eq!(stranded.calls("StartInstances"), 0);
    assert!(!env.path("state/fleet/returns").exists());
}

#[test]
fn the_session_of_a_role_can_do_what_it_takes() {
    let (_sim, env) = scoped(&json!([allow_all()]));
    let args = [&RESUME[..], &["--role-arn", ROLE, "--output", "json"]].concat();
    let done = env.run(&args).exits(0).json();
    let rows = done["rows"].as_array().unwrap();
    assert!(rows.len() >= 3 && rows.iter().all(|it| it["state"] == "undone"), "{done}");
}
