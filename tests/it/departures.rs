//! Instances that leave their group in mid-run, and what took them.

use serde_json::{Value, json};

use crate::support::{FleetEnv, SimProcess};

/// Three instances; the first is taken in mid-run by a scale-in.
const WORLD: &str = "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 3\nmin = 0\n\
                     [[outcome]]\nafter = \"60s\"\nstdout = \"ok\"\n\
                     [[event]]\ngroup = \"web\"\nkind = \"scale-in\"\nafter = \"10s\"\n\
                     since = \"command\"\ninstances = [0]\n";

fn run(sim: &SimProcess, code: i32) -> (FleetEnv, String) {
    let env = FleetEnv::of(sim).set("FLEET_PACE", "0.02").unset("FLEET_NOW");
    let flags = ["--max-concurrency", "3", "--timeout", "30s", "--doc", "AWS-RunShellScript"];
    let what = ["--param", "commands=true", "--param", "executionTimeout=60"];
    let output = env.run(&[&["run", "--asg", "web", "--yes"], &flags[..], &what].concat());
    let output = output.exits(code);
    (env, output.stdout)
}

fn left(report: &Value) -> &Value {
    let is_it = |it: &&Value| it["instance_id"] == report["population"]["left"][0];
    report["instances"].as_array().unwrap().iter().find(is_it).unwrap()
}

#[test]
fn an_instance_that_left_names_the_activity_that_took_it() {
    let sim = SimProcess::start(WORLD, &[]);
    let (env, said) = run(&sim, 1);
    let record = env.record();
    let report = record.replayed().complete();
    assert_eq!(report["population"]["left"].as_array().unwrap().len(), 1, "{report}");
    let left = left(report);
    assert_eq!(left["outcome"], "left_group", "{left}");
    let cause = left["departure"]["cause"].as_str().unwrap();
    assert!(left["departure"]["activity_id"].as_str().is_some_and(|it| !it.is_empty()));
    assert!(left["departure"]["started"].is_string(), "{left}");
    assert!(left["hint"].as_str().unwrap().contains(cause), "{left}");
    // The recap says it too, as far as the line goes.
    let beginning: String = cause.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
    assert!(said.contains("left its Auto Scaling group during the run"), "{said}");
    assert!(said.split_whitespace().collect::<Vec<_>>().join(" ").contains(&beginning), "{said}");
    assert_eq!(sim.stats().calls("DescribeScalingActivities"), 1);
}

#[test]
fn who_may_not_ask_for_the_activity_is_told_so_once() {
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"autoscaling:DescribeScalingActivities","Resource":"*"}]}"#;
    let user = "[[user]]\nname = \"u\"\naccess_key_id = \"AKIDOPERATOR\"\n\
                secret_access_key = \"s\"\npolicy = \"p.json\"\n";
    let sim = SimProcess::start(&(WORLD.to_owned() + user), &[("p.json", policy)]);
    let (env, _) = run(&sim, 1);
    let record = env.record();
    let report = record.replayed().complete();
    assert!(left(report)["departure"].is_null());
    assert_eq!(left(report)["outcome"], "left_group");
    let notes = report["notes"].as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap());
    let action = "autoscaling:DescribeScalingActivities is not permitted";
    assert_eq!(notes.filter(|it| it.contains(action)).count(), 1);
    assert_eq!(sim.stats().calls("DescribeScalingActivities"), 1);
}

#[test]
fn where_nobody_left_nobody_is_asked() {
    let (world, _) = WORLD.split_once("[[event]]").unwrap();
    let sim = SimProcess::start(world, &[]);
    let (env, _) = run(&sim, 0);
    assert_eq!(env.record().complete()["coverage"], "complete");
    assert_eq!(sim.stats().calls("DescribeScalingActivities"), 0);
}

/// A run over one group and an instance of another.
const TWO_GROUPS: &str = "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 2\n\
                          [[group]]\nname = \"db\"\nsize = 2\n\
                          [[outcome]]\nafter = \"40s\"\n";

#[test]
fn who_was_named_leaves_no_group_that_was_not_and_takes_nobody_of_it_along() {
    let sim = SimProcess::start(TWO_GROUPS, &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let targets = env.run(&["targets", "--asg", "db", "--output", "json"]).exits(0).json();
    let id = targets["planned"][0]["id"].as_str().unwrap().to_owned();
    let run = ["run", "--asg", "web", "--instance", &id, "--yes", "--max-concurrency", "3"];
    let check = || {
        let report = env.run(&["report", "last", "--output", "json"]).exits(0).json();
        assert_eq!(report["totals"]["succeeded"], 3, "{report}");
        assert_eq!(report["coverage"], "complete");
        let population = &report["population"];
        assert_eq!((&population["left"], &population["joined"]), (&json!([]), &json!([])));
    };
    drop(env.run(&[&run[..], &["--", "true"]].concat()).exits(0));
    check();
    // Whoever takes it over reads the same groups again.
    let mut run = env.spawn(&[&run[..], &["--output", "jsonl", "--", "true"]].concat());
    run.wait_for("command_accepted");
    run.kill();
    drop(run);
    drop(env.run(&["watch", "last"]).exits(0));
    check();
    assert_eq!(sim.stats().calls("DescribeScalingActivities"), 0);
}
