//! `fleet rescue crowdstrike --replace`: groups end their impaired members and launch others, within
//! fleet's window and budget, each at most once, whatever is lost or dies on the way.

use std::{collections::BTreeMap, time::Instant};

use regex::Regex;
use serde_json::{Value, json};

use crate::support::{
    DEADLINE, FleetEnv, Output, SimProcess, each,
    scoped::{ROLE, Scoped, allow, allow_all},
};

/// One answers, and four do not.
const GROUP: &str = r#"
[[group]]
name = "win"
size = 5
platform = "Windows"
zones = ["us-east-1a"]
suspended = ["ReplaceUnhealthy"]
"#;

const SPEED: &str = "speed = 400.0\n";

const IMPAIRED: &str = r#"
instance = [
    { index = 1, impaired = true },
    { index = 2, impaired = true },
    { index = 3, impaired = true },
    { index = 4, impaired = true },
]
"#;

const REPLACE: [&str; 6] = ["rescue", "crowdstrike", "--asg", "win", "--replace", "--yes"];

/// What happened in a group.
#[derive(Debug)]
struct Activity {
    /// `Terminating` or `Launching`.
    verb: String,
    id: String,
    start: String,
    end: Option<String>,
}

struct Scene {
    sim: SimProcess,
    env: FleetEnv,
}

impl Scene {
    /// Returns a scene with keys of the group's own, and with more after its instances.
    fn of(keys: &str, more: &str) -> Self {
        let sim = SimProcess::start(&format!("{SPEED}{GROUP}{keys}{IMPAIRED}{more}"), &[]);
        let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01").unset("FLEET_NOW");
        Self { sim, env }
    }

    /// The oldest first.
    fn activities(&self) -> Vec<Activity> {
        let action = "DescribeScalingActivities&AutoScalingGroupName=win";
        let answer = self.sim.query("autoscaling", "2011-01-01", action);
        let one = Regex::new("(?s)<ActivityId>.*?</AutoScalingGroupARN>").unwrap();
        let mut res: Vec<Activity> = one.find_iter(&answer).map(|it| of(it.as_str())).collect();
        res.reverse();
        res
    }

    /// How often each instance was ended.
    fn ended(&self) -> BTreeMap<String, usize> {
        let mut res = BTreeMap::new();
        for it in self.activities().into_iter().filter(|it| it.verb == "Terminating") {
            *res.entry(it.id).or_default() += 1;
        }
        res
    }

    /// The lifecycle of each member.
    fn members(&self) -> BTreeMap<String, String> {
        let action = "DescribeAutoScalingGroups&AutoScalingGroupNames.member.1=win";
        let answer = self.sim.query("autoscaling", "2011-01-01", action);
        let one = Regex::new("(?s)<InstanceId>([^<]*).*?<LifecycleState>([^<]*)").unwrap();
        one.captures_iter(&answer).map(|it| (it[1].to_owned(), it[2].to_owned())).collect()
    }

    fn report(&self) -> Value {
        self.env.record().replayed().complete().clone()
    }
}

fn of(text: &str) -> Activity {
    let part = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0.to_owned())
    };
    let description = part("Description").unwrap();
    let (verb, rest) = description.split_once(' ').unwrap();
    let id = rest.split_once(": ").map(|(_, it)| it.to_owned()).unwrap_or_default();
    Activity { verb: verb.to_owned(), id, start: part("StartTime").unwrap(), end: part("EndTime") }
}

fn outcomes(report: &Value) -> Vec<&str> {
    let rows = report["instances"].as_array().unwrap().iter();
    let mut res: Vec<&str> = rows.map(|it| it["outcome"].as_str().unwrap()).collect();
    res.sort_unstable();
    res
}

#[test]
fn impaired_members_are_replaced_one_after_the_other_and_each_is_named_with_its_successor() {
    let scene = Scene::of("", "");
    let before = scene.members();
    let args = [&REPLACE[..], &["--max-concurrency", "1"]].concat();
    let output = scene.env.run(&args).exits(0);
    let report = scene.report();
    assert_eq!(outcomes(&report), ["succeeded"; 4], "{output}");
    assert_eq!(scene.sim.stats().calls("TerminateInstanceInAutoScalingGroup"), 4);
    let members = scene.members();
    assert_eq!(members.len(), 5, "{members:?}");
    assert!(members.values().all(|it| it == "InService"), "{members:?}");
    let stayed = members.keys().filter(|it| before.contains_key(*it)).count();
    assert_eq!(stayed, 1, "the one that answers: {members:?}");
    for row in report["instances"].as_array().unwrap() {
        let old = row["instance_id"].as_str().unwrap();
        let said = row["stdout"].as_str().unwrap();
        let new = said.split_whitespace().next().unwrap();
        assert!(!members.contains_key(old) && !before.contains_key(new), "{said}");
        assert!(members.contains_key(new), "{said}");
        let told = format!("{new} is in service in place of {old}");
        assert!(output.stdout.contains(&told), "{told}: {output}");
        assert!(said.ends_with("the group does not tell which launch is for which end"), "{said}");
    }
    // Nobody is ended before the one that is launched for the last one is in service.
    let activities = scene.activities();
    assert_eq!(activities.len(), 8);
    let mut replaced = String::new();
    for pair in activities.chunks(2) {
        let [ended, launched] = pair else { panic!("{activities:?}") };
        assert_eq!([&*ended.verb, &launched.verb], ["Terminating", "Launching"]);
        assert!(ended.start > replaced, "{activities:?}");
        replaced = launched.end.clone().unwrap();
    }
}

#[test]
fn as_many_as_the_window_allows_are_replaced_at_once() {
    let scene = Scene::of("termination_hook = \"30s\"\n", "");
    let args = [&REPLACE[..], &["--waves", "100%", "--max-concurrency", "4"]].concat();
    let output = scene.env.run(&args).exits(0);
    assert_eq!(outcomes(&scene.report()), ["succeeded"; 4], "{output}");
    assert_eq!(scene.ended().len(), 4);
    let said: Vec<String> = scene.report()["instances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["stdout"].as_str().unwrap()[..19].to_owned())
        .collect();
    let mut names = said.clone();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4, "each has a successor of its own: {said:?}");
}

#[test]
fn a_replacement_that_never_comes_is_a_failure_and_withholds_the_rest() {
    let mut scene = Scene::of("launch_failure = \"There is no m5.large capacity.\"\n", "");
    scene.env = scene.env.set("FLEET_PACE", "0.002");
    let output = scene.env.run(&REPLACE).exits(5);
    let report = scene.report();
    let expected = ["failed", "not_attempted", "not_attempted", "not_attempted"];
    assert_eq!(outcomes(&report), expected, "{output}");
    let rows = report["instances"].as_array().unwrap();
    let failed = rows.iter().find(|it| it["outcome"] == "failed").unwrap();
    let hint = failed["hint"].as_str().unwrap();
    assert!(hint.contains("There is no m5.large capacity."), "{hint}");
    // What was ended does not run on: what is left to look at is what its group does about it.
    let activities = "`aws autoscaling describe-scaling-activities --region us-east-1 \
                      --auto-scaling-group-name win`";
    assert!(hint.starts_with("it was ended, and nobody came in its place in time: "), "{hint}");
    assert!(hint.contains("the group goes on trying to launch another"), "{hint}");
    assert!(hint.contains(activities), "{hint}");
    assert!(output.stdout.contains(&format!("next        {}\n", activities.trim_matches('`'))));
    assert_eq!(scene.ended().len(), 1);
    // What the group could not do the last time is seen before anything is touched.
    let output = scene.env.run(&REPLACE).exits(4).complains(&["none can be replaced"]);
    assert!(output.stderr.contains("could not launch the last time"), "{output}");
    assert_eq!(scene.ended().len(), 1);
}

fn fault(kind: &str) -> String {
    format!(
        "[[fault]]\noperation = \"TerminateInstanceInAutoScalingGroup\"\ncalls = [1]\n\
         kind = \"{kind}\"\n"
    )
}

#[test]
fn a_lost_reply_ends_nobody_twice_and_nobody_else() {
    for kind in ["drop-after-accept", "error-500-after-accept"] {
        let scene = Scene::of("", &fault(kind));
        let output = scene.env.run(&REPLACE).exits(0);
        assert_eq!(outcomes(&scene.report()), ["succeeded"; 4], "{output}");
        assert!(scene.env.record().kinds().contains(&"send_doubted"), "{output}");
        assert_eq!(scene.sim.stats().calls("TerminateInstanceInAutoScalingGroup"), 4);
        assert_eq!(scene.ended().into_values().collect::<Vec<_>>(), [1; 4]);
    }
}

#[test]
fn a_request_that_never_arrived_is_unknown_and_not_made_again() {
    let scene = Scene::of("", &fault("drop-before-accept"));
    let output = scene.env.run(&REPLACE).exits(6);
    let expected = ["not_attempted", "not_attempted", "not_attempted", "unknown"];
    assert_eq!(outcomes(&scene.report()), expected, "{output}");
    assert_eq!(scene.sim.stats().calls("TerminateInstanceInAutoScalingGroup"), 1);
    assert_eq!(scene.activities().len(), 0);
}

#[test]
fn what_is_throttled_or_meets_another_change_of_the_group_is_asked_for_later() {
    for kind in ["throttle", "contention"] {
        let scene = Scene::of("", &fault(kind));
        let output = scene.env.run(&REPLACE).exits(0);
        assert_eq!(outcomes(&scene.report()), ["succeeded"; 4], "{output}");
        assert!(!scene.env.record().kinds().contains(&"send_doubted"), "{output}");
        assert_eq!(scene.sim.stats().calls("TerminateInstanceInAutoScalingGroup"), 5);
        assert_eq!(scene.ended().into_values().collect::<Vec<_>>(), [1; 4]);
    }
}

#[test]
fn whom_the_group_has_taken_out_itself_is_replaced_and_not_ended_again() {
    let scene = Scene::of("", "");
    let args = [&REPLACE[..], &["--waves", "1,100%", "--stop-after-wave", "1"]].concat();
    drop(scene.env.run(&args));
    let report = scene.report();
    let rows = report["instances"].as_array().unwrap();
    let left = rows.iter().find(|it| it["outcome"] == "not_attempted").unwrap();
    let left = left["instance_id"].as_str().unwrap();
    let end = format!(
        "TerminateInstanceInAutoScalingGroup&InstanceId={left}&ShouldDecrementDesiredCapacity=false"
    );
    drop(scene.sim.query("autoscaling", "2011-01-01", &end));
    let output = scene.env.run(&["watch", "last", "--continue", "--yes"]).exits(0);
    assert_eq!(outcomes(&scene.report()), ["succeeded"; 4], "{output}");
    assert_eq!(scene.ended().into_values().collect::<Vec<_>>(), [1; 4]);
    assert_eq!(scene.members().len(), 5);
}

#[test]
fn whoever_answers_again_before_its_turn_is_left_as_it_is() {
    let back = "[[outcome]]\nagent = \"offline\"\naway = \"1s\"\n";
    let scene = Scene::of("", back);
    let args = ["--waves", "1,100%", "--stop-after-wave", "1", "--max-errors", "1"];
    drop(scene.env.run(&[&REPLACE[..], &args].concat()));
    let report = scene.report();
    let rows = report["instances"].as_array().unwrap();
    let left = rows.iter().find(|it| it["outcome"] == "not_attempted").unwrap();
    let left = left["instance_id"].as_str().unwrap().to_owned();
    scene.sim.ssm(
        "SendCommand",
        &json!({
            "DocumentName": "AWS-RunPowerShellScript",
            "InstanceIds": [left],
            "Parameters": {"commands": ["hostname"]},
        }),
    );
    let plan = ["rescue", "plan", "crowdstrike", "--instance", &left, "--replace"];
    let end = Instant::now() + DEADLINE;
    while !scene.env.run(&plan).stdout.contains("its agent answers") {
        assert!(Instant::now() < end, "it never answers");
    }
    let output = scene.env.run(&["watch", "last", "--continue", "--yes"]).exits(1);
    let report = scene.report();
    let expected = ["not_attempted", "succeeded", "succeeded", "succeeded"];
    assert_eq!(outcomes(&report), expected, "{output}");
    assert!(!scene.ended().contains_key(&left), "{output}");
    let mut rows = report["instances"].as_array().unwrap().iter();
    let row = rows.find(|it| it["instance_id"] == left.as_str()).unwrap();
    assert!(row["hint"].as_str().unwrap().contains("answers by now"), "{row}");
}

/// Kills a rescue when it has told of so many events, goes on with it, and looks.
fn survives(n_events: usize) {
    let scene = Scene::of("", "");
    let args = [&REPLACE[..], &["--max-concurrency", "2", "--output", "jsonl"]].concat();
    let mut run = scene.env.spawn(&args);
    if run.wait_for_lines(n_events) {
        run.kill();
    }
    drop(run);
    let output = scene.env.run(&["watch", "last", "--continue", "--yes"]);
    let place = format!("killed after {n_events} events: {output}");
    accounted(&scene, &output, &place);
}

fn accounted(scene: &Scene, output: &Output, place: &str) {
    let (report, ended) = (scene.report(), scene.ended());
    assert!(ended.values().all(|it| *it == 1), "{ended:?}: {place}");
    let rows = report["instances"].as_array().unwrap();
    assert_eq!(rows.len(), 4, "{place}");
    for row in rows {
        let n_times = ended.get(row["instance_id"].as_str().unwrap()).copied().unwrap_or(0);
        match row["outcome"].as_str().unwrap() {
            "succeeded" => assert_eq!(n_times, 1, "{place}"),
            // What was written down and had not been sent is never asked for again.
            "unknown" | "not_attempted" => assert_eq!(n_times, 0, "{place}"),
            other => panic!("{other}: {place}"),
        }
    }
    let planned: Vec<&str> = rows.iter().map(|it| it["instance_id"].as_str().unwrap()).collect();
    assert!(ended.keys().all(|it| planned.contains(&it.as_str())), "{place}");
    let is_whole = outcomes(&report).iter().all(|it| *it == "succeeded");
    assert_eq!(output.code, Some(if is_whole { 0 } else { 6 }), "{place}");
    assert_eq!(report["verdict"]["exit_code"], output.code.unwrap(), "{place}");
}

#[test]
fn a_rescue_that_is_killed_after_any_of_its_events_is_continued_and_ends_nobody_twice() {
    let scene = Scene::of("", "");
    let args = [&REPLACE[..], &["--max-concurrency", "2", "--output", "jsonl"]].concat();
    let n_events = scene.env.run(&args).exits(0).lines().len();
    assert!((10..200).contains(&n_events), "{n_events} events");
    each(n_events, survives);
}

#[test]
fn a_dry_run_says_what_would_end_and_what_is_lost_and_touches_nothing() {
    let scene = Scene::of("", "");
    let args = ["rescue", "crowdstrike", "--asg", "win", "--replace", "--dry-run"];
    drop(scene.env.run(&args).exits(0).prints(&[
        "TerminateInstanceInAutoScalingGroup on --asg win",
        "4 instances",
        "at most 1 of 4 can fail",
        "volumes with DeleteOnTermination end with the instances",
        "launch templates",
    ]));
    for operation in scene.sim.stats().operations() {
        assert!(operation.starts_with("Describe") || operation.starts_with("Get"), "{operation}");
    }
    assert_eq!(scene.env.runs().len(), 0);
    let plan = scene.env.run(&["rescue", "plan", "crowdstrike", "--asg", "win", "--replace"]);
    drop(plan.exits(0).prints(&["would be replaced once you agree", "root volume"]));
}

#[test]
fn a_group_that_may_not_launch_replaces_nobody() {
    let groups = GROUP.replace("[\"ReplaceUnhealthy\"]", "[\"ReplaceUnhealthy\", \"Launch\"]");
    let sim = SimProcess::start(&format!("{SPEED}{groups}{IMPAIRED}"), &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01").unset("FLEET_NOW");
    drop(env.run(&REPLACE).exits(4).complains(&["Launch is suspended in win", "nothing was sent"]));
    assert_eq!(sim.stats().calls("TerminateInstanceInAutoScalingGroup"), 0);
}

#[test]
fn without_the_permission_nothing_is_touched() {
    let reads = json!(["autoscaling:Describe*", "ec2:Describe*", "ssm:Describe*"]);
    let (sim, env) = Scoped::of(&format!("{GROUP}{IMPAIRED}"), &allow(&reads, "*")).start();
    let env = env.unset("FLEET_NOW");
    let args = [&REPLACE[..], &["--role-arn", ROLE]].concat();
    let output = env.run(&args).exits(3);
    let said = "autoscaling:TerminateInstanceInAutoScalingGroup";
    assert!(output.stderr.contains(said) || output.stdout.contains(said), "{output}");
    let report = env.record().replayed().complete().clone();
    let expected = ["access_denied", "not_attempted", "not_attempted", "not_attempted"];
    assert_eq!(outcomes(&report), expected, "{output}");
    assert_eq!(sim.stats().calls("TerminateInstanceInAutoScalingGroup"), 1);
}

#[test]
fn a_session_that_is_narrowed_to_the_group_is_enough() {
    let (_sim, env) = Scoped::of(&format!("{GROUP}{IMPAIRED}"), &allow_all()).start();
    let env = env.unset("FLEET_NOW");
    let args = [&REPLACE[..], &["--role-arn", ROLE, "--max-concurrency", "4"]].concat();
    let output = env.run(&args).exits(0);
    let report = env.record().replayed().complete().clone();
    assert_eq!(outcomes(&report), ["succeeded"; 4], "{output}");
}

#[test]
fn what_is_replaced_can_neither_be_restored_nor_retried() {
    let mut scene = Scene::of("launch_failure = \"There is no m5.large capacity.\"\n", "");
    scene.env = scene.env.set("FLEET_PACE", "0.002");
    drop(scene.env.run(&REPLACE).exits(5));
    let again = ["retry", "last", "--yes"];
    drop(scene.env.run(&again).exits(2).complains(&["had groups replace instances", "--replace"]));
    drop(scene.env.run(&["restore", "last"]).exits(0).complains(&["nothing of run"]));
    let plan = scene.env.runs()[0].join("plan.json");
    let args = ["run", "--plan", plan.to_str().unwrap(), "--yes"];
    drop(scene.env.run(&args).exits(2));
    assert_eq!(scene.ended().len(), 1);
}

#[test]
fn what_says_how_to_rescue_says_nothing_of_a_replacement() {
    let scene = Scene::of("", "");
    for flag in ["--all-291", "--no-backup", "--accept-data-loss", "--no-report"] {
        let args = [&REPLACE[..], &[flag]].concat();
        drop(scene.env.run(&args).exits(2).complains(&["--replace"]));
    }
}

#[test]
fn whoever_a_check_has_kept_out_is_named_at_the_end_with_what_it_found() {
    let in_standby = IMPAIRED.replacen("index = 1,", "index = 1, lifecycle = \"Standby\",", 1);
    let sim = SimProcess::start(&format!("{SPEED}{GROUP}{in_standby}"), &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01").unset("FLEET_NOW");
    let args = [&REPLACE[..], &["--include", "standby", "--max-concurrency", "4"]].concat();
    let output = env.run(&args).exits(0);
    let report = env.record().replayed().complete().clone();
    assert_eq!(outcomes(&report), ["succeeded"; 3], "{output}");
    let excluded = report["population"]["excluded"].as_array().unwrap().iter();
    let mut kept = excluded.filter(|it| it["reason"] == "preflight");
    let kept = kept.next().unwrap_or_else(|| panic!("{report}"));
    let why = kept["why"].as_str().unwrap();
    assert!(why.starts_with("check ") && why.contains("it is in Standby"), "{why}");
    let id = kept["instance_id"].as_str().unwrap();
    let said = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = format!("1 left out: {id}: a check speaks against its rescue: check ");
    assert!(said.contains(&expected) && said.contains("it is in Standby"), "{output}");
}
