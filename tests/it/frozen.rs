//! `fleet plan -o` and `fleet run --plan`: what was reviewed is what runs, or nothing does.
//! And one run at a time over a group.

use std::fs;

use serde_json::Value;

use crate::support::{FleetEnv, SimProcess, repository};

fn healthy() -> (SimProcess, FleetEnv) {
    let sim = SimProcess::of(&repository("tests/worlds/three_healthy.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    (sim, env)
}

/// Writes a plan, changes it, and returns what carrying it out says.
fn stale(change: impl FnOnce(&mut Value), names: &[&str]) {
    let (sim, env) = healthy();
    drop(env.run(&["plan", "--asg", "web", "-o", "plan.json", "--", "true"]).exits(0));
    let path = env.path("plan.json");
    let mut plan: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut plan);
    fs::write(&path, plan.to_string()).unwrap();
    let output = env.run(&["run", "--plan", "plan.json", "--yes"]).exits(3);
    drop(output.complains(&["stale", "nothing was sent"]).complains(names));
    assert_eq!(sim.stats().commands(), 0);
}

#[test]
fn a_plan_that_still_holds_is_carried_out() {
    let (sim, env) = healthy();
    let plan = ["plan", "--asg", "web", "--max-errors", "1", "-o", "plan.json", "--", "true"];
    drop(env.run(&plan).exits(0));
    assert_eq!(sim.stats().commands(), 0);
    drop(env.run(&["run", "--plan", "plan.json", "--yes"]).exits(0));
    assert_eq!(env.record().complete()["limits"]["max_errors"]["input"], "1");
    assert_eq!(sim.stats().executions(), [1, 1, 1]);
}

#[test]
fn a_plan_is_refused_when_the_group_has_changed() {
    let drop_one = |plan: &mut Value| {
        plan["population"]["planned"].as_array_mut().unwrap().pop();
    };
    stale(drop_one, &["planned now and not before: i-"]);
}

#[test]
fn a_plan_is_refused_whose_waves_are_not_its_population() {
    stale(|plan| plan["waves"] = serde_json::json!([]), &["it has no waves"]);
    let other = "i-0123456789abcdef0";
    stale(
        |plan| plan["waves"][0]["instances"][0] = other.into(),
        &["does not plan: i-0123456789abcdef0", "in none of its waves: i-"],
    );
    let twice = |plan: &mut Value| {
        let wave = plan["waves"][0].clone();
        plan["waves"].as_array_mut().unwrap().push(wave);
    };
    stale(twice, &["an instance twice: i-"]);
}

#[test]
fn a_plan_is_refused_that_goes_to_another_tag() {
    let names = ["was to go to aws:autoscaling:groupName=batch", "groupName=web"];
    stale(|plan| plan["dispatch"]["values"][0] = "batch".into(), &names);
}

#[test]
fn a_plan_is_refused_when_the_document_has_changed() {
    stale(|plan| plan["document"]["hash"] = "0".repeat(64).into(), &["the document's hash was 00"]);
}

#[test]
fn a_plan_is_refused_when_somebody_else_runs_it() {
    let other = "arn:aws:iam::123456789012:user/other";
    stale(|plan| plan["operator"]["caller_arn"] = other.into(), &["the caller was", other]);
}

#[test]
fn a_plan_is_refused_that_was_edited_by_hand() {
    let parameters = |plan: &mut Value| {
        plan["document"]["parameters"]["commands"][0] = "rm -rf /".into();
    };
    stale(parameters, &["its content is not what `fleet plan` wrote: it was edited"]);
    stale(|plan| plan["deadline"] = 60.into(), &["it was edited"]);
}

#[test]
fn a_plan_with_a_key_that_means_nothing_is_2() {
    let (sim, env) = healthy();
    drop(env.run(&["plan", "--asg", "web", "-o", "plan.json", "--", "true"]).exits(0));
    let text = fs::read_to_string(env.path("plan.json")).unwrap();
    let mut plan: Value = serde_json::from_str(&text).unwrap();
    plan["limits"]["max_erors"] = 5.into();
    fs::write(env.path("plan.json"), plan.to_string()).unwrap();
    let output = env.run(&["run", "--plan", "plan.json", "--yes"]).exits(2);
    drop(output.complains(&["plan.json", "limits.max_erors", "nothing was sent"]));
    assert_eq!(sim.stats().commands(), 0);
}

#[test]
fn a_plan_takes_no_flags_that_say_the_same_and_must_be_one() {
    let (sim, env) = healthy();
    drop(env.run(&["plan", "--asg", "web", "-o", "plan.json", "--", "true"]).exits(0));
    let said: [&[&str]; 11] = [
        &["--asg", "web"],
        &["--asg-tag", "role=web"],
        &["--instance", "i-0123456789abcdef0"],
        &["--tag", "role=web"],
        &["--exclude", "i-0123456789abcdef0"],
        &["--include", "standby"],
        &["--doc", "AWS-RunShellScript"],
        &["--sidecar", "restart.fleet.toml"],
        &["--waves", "1,100%"],
        &["--max-errors", "1"],
        &["--", "false"],
    ];
    for flags in said {
        for command in [&["run", "--yes"][..], &["policy"]] {
            let output = env.run(&[command, &["--plan", "plan.json"], flags].concat());
            drop(output.exits(2).complains(&["no flag may say so again", "nothing was sent"]));
        }
    }
    let output = env.run(&["policy", "--plan", "plan.json", "--param", "commands=false"]);
    drop(output.exits(2).complains(&["--param", "nothing was sent"]));
    env.write("plan.json", "{}");
    let output = env.run(&["run", "--plan", "plan.json", "--yes"]);
    drop(output.exits(2).complains(&["plan.json", "nothing was sent"]));
    assert_eq!(sim.stats().commands(), 0);
}

#[test]
fn two_runs_over_one_group_are_kept_apart_and_the_holder_is_named() {
    let sim = SimProcess::of(&repository("tests/worlds/never_ends.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    let first = env.spawn(&["run", "--asg", "web", "--yes", "--", "true"]);
    sim.wait_for_call("ListCommandInvocations");
    let n_commands = sim.stats().commands();
    let output = env.run(&["run", "--asg", "web", "--yes", "--", "true"]).exits(3);
    drop(output.complains(&["another run is under way over web: run ", "nothing was sent"]));
    assert_eq!(sim.stats().commands(), n_commands);
    // A process that is gone holds nothing.
    drop(first);
    let mut second = env.spawn(&["run", "--asg", "web", "--yes", "--", "true"]);
    second.wait_for("accepted");
}
