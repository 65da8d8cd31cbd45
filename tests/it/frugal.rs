//! How much is asked of the service, and what becomes of that when it throttles.

use serde_json::Value;

use crate::support::{FleetEnv, Record, SimProcess};

/// A group of so many on which a document takes five simulated minutes.
fn large(size: usize, rest: &str) -> (SimProcess, FleetEnv) {
    let world = format!(
        "speed = 100.0\n[[group]]\nname = \"web\"\nsize = {size}\n{rest}\
         [[outcome]]\nafter = \"5m\"\nstdout = \"ok\"\n"
    );
    let sim = SimProcess::start(&world, &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    (sim, env)
}

const RUN: [&str; 6] = ["run", "--asg", "web", "--yes", "--max-concurrency", "100%"];

fn total(sim: &SimProcess) -> u64 {
    sim.stats().0["calls"].as_object().unwrap().values().filter_map(Value::as_u64).sum()
}

/// The report's books are those of the service.
fn agrees(sim: &SimProcess, record: &Record) {
    let counted = record.report["api_calls"]["by_operation"].as_object().unwrap();
    let counted: u64 = counted.values().filter_map(Value::as_u64).sum();
    assert_eq!(counted, total(sim), "{} and {:?}", record.report["api_calls"], sim.stats().0);
}

#[test]
fn ten_thousand_instances_for_five_minutes_cost_two_calls_for_fifty_of_them() {
    const SIZE: usize = 10_000;
    let (sim, env) = large(SIZE, "");
    drop(env.run(&[&RUN[..], &["--quiet", "--", "true"]].concat()).exits(0));
    let limit = 2 * (1 + SIZE.div_ceil(50) as u64);
    assert!(total(&sim) <= limit, "{} of {limit}: {:?}", total(&sim), sim.stats().0["calls"]);
    assert_eq!(sim.stats().calls("DescribeInstanceInformation"), 0);
    assert_eq!(sim.stats().calls("DescribeInstanceProperties"), 10);
    let record = env.record();
    assert_eq!(record.complete()["totals"]["succeeded"], SIZE);
    agrees(&sim, &record);
}

#[test]
fn whoever_is_not_online_is_left_out_of_a_large_group_with_the_reason() {
    let different = "[[group.instance]]\nindex = 7\nping = \"ConnectionLost\"\n\
                     [[group.instance]]\nindex = 8\nping = \"none\"\n\
                     [[group.instance]]\nindex = 9\nlifecycle = \"Standby\"\n";
    let (sim, env) = large(300, different);
    let plan = env.run(&["plan", "--asg", "web", "--output", "json", "--", "true"]).exits(0).json();
    let reasons = plan["population"]["excluded"].as_array().unwrap().iter();
    let mut reasons: Vec<_> = reasons.map(|it| it["reason"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["agent_not_registered", "agent_offline", "standby"]);
    assert_eq!(plan["population"]["planned"].as_array().unwrap().len(), 297);
    assert_eq!(plan["notes"], Value::Array(vec![]));
    let calls = |name| sim.stats().calls(name);
    // A page with everybody who is known, and a question about the one who is not.
    assert_eq!(calls("DescribeInstanceProperties"), 1);
    assert_eq!(calls("DescribeInstanceInformation"), 1);
}

#[test]
fn in_a_region_full_of_others_the_groups_tag_is_asked_after_all() {
    let others = "[[group]]\nname = \"others\"\nsize = 4000\n";
    let (sim, env) = large(150, others);
    let plan = env.run(&["plan", "--asg", "web", "--output", "json", "--", "true"]).exits(0).json();
    assert_eq!(plan["population"]["planned"].as_array().unwrap().len(), 150);
    let calls = |name| sim.stats().calls(name);
    assert!(calls("DescribeInstanceProperties") <= 2);
    assert!(calls("DescribeInstanceInformation") <= 3);
}

#[test]
fn without_the_permission_for_wide_pages_a_large_group_is_read_by_its_tag() {
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"ssm:DescribeInstanceProperties","Resource":"*"}]}"#;
    let world = "speed = 100.0\n[[group]]\nname = \"web\"\nsize = 120\n\
                 [[user]]\nname = \"u\"\naccess_key_id = \"AKIDOPERATOR\"\n\
                 secret_access_key = \"s\"\npolicy = \"p.json\"\n";
    let sim = SimProcess::start(world, &[("p.json", policy)]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    let plan = env.run(&["plan", "--asg", "web", "--output", "json", "--", "true"]).exits(0).json();
    assert_eq!(plan["population"]["planned"].as_array().unwrap().len(), 120);
    let note = plan["notes"][0]["text"].as_str().unwrap();
    assert!(note.contains("ssm:DescribeInstanceProperties is not permitted"), "{note}");
    assert_eq!(sim.stats().calls("DescribeInstanceInformation"), 3);
}

#[test]
fn what_ended_before_the_last_instance_is_not_read_again_after_it() {
    const SIZE: usize = 1_000;
    let world = format!("speed = 10.0\n[[group]]\nname = \"web\"\nsize = {SIZE}\n");
    let sim = SimProcess::start(&world, &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.1");
    let run = ["run", "--asg", "web", "--yes", "--max-concurrency", "10%", "--", "true"];
    drop(env.run(&run).exits(0));
    assert_eq!(env.record().complete()["totals"]["succeeded"], SIZE);
    // A tenth of the pages may be read twice, and those on which the tenth begins and ends.
    let (pages, n_read) = (SIZE as u64 / 50, sim.stats().calls("ListCommandInvocations"));
    assert!(n_read <= pages + pages / 10 + 2, "{n_read}");
}

#[test]
fn pages_that_are_stale_empty_or_short_hide_nobody_of_a_large_group() {
    const SIZE: usize = 260;
    let faults: String = ["stale-page", "empty-page", "short-page"]
        .map(|kind| {
            format!(
                "[[fault]]\noperation = \"ListCommandInvocations\"\nrate = 0.2\nkind = \"{kind}\"\n"
            )
        })
        .concat();
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"ssm:ListCommands","Resource":"*"}]}"#;
    let user = "[[user]]\nname = \"u\"\naccess_key_id = \"AKIDOPERATOR\"\n\
                secret_access_key = \"s\"\npolicy = \"p.json\"\n";
    for identities in ["", user] {
        let world = format!(
            "speed = 100.0\n[[group]]\nname = \"web\"\nsize = {SIZE}\n\
             [[outcome]]\nafter = \"20s\"\nstdout = \"ok\"\n{faults}{identities}"
        );
        let sim = SimProcess::start(&world, &[("p.json", policy)]);
        let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
        let run = ["run", "--asg", "web", "--yes", "--max-concurrency", "10%", "--", "true"];
        drop(env.run(&run).exits(0));
        assert_eq!(env.record().replayed().complete()["totals"]["succeeded"], SIZE);
    }
}

#[test]
fn a_service_that_throttles_every_other_call_only_makes_it_slower() {
    let throttle = "[[fault]]\noperation = \"*\"\nrate = 0.5\nkind = \"throttle\"\n";
    for (size, waves) in [(300, "100%"), (12, "1,3,100%")] {
        let (sim, env) = large(size, "");
        let calm = [&RUN[..], &["--waves", waves, "--", "true"]].concat();
        drop(env.run(&calm).exits(0));
        let n_calm = total(&sim);
        let sim = {
            let world = format!(
                "speed = 100.0\n[[group]]\nname = \"web\"\nsize = {size}\n\
                 [[outcome]]\nafter = \"5m\"\nstdout = \"ok\"\n{throttle}"
            );
            SimProcess::start(&world, &[])
        };
        let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
        drop(env.run(&calm).exits(0));
        let record = env.record();
        assert_eq!(record.replayed().complete()["totals"]["succeeded"], size);
        assert!(sim.stats().executions().iter().all(|it| *it == 1));
        let n_calls = total(&sim);
        assert!(n_calls <= 3 * n_calm, "{n_calls} calls, and {n_calm} without throttles");
        agrees(&sim, &record);
        let books = &record.report["api_calls"];
        assert_eq!(books["throttled"], sim.stats().0["throttled"], "{books}");
        let each = books["throttled_by_operation"].as_object().unwrap();
        let sum: u64 = each.values().filter_map(Value::as_u64).sum();
        assert_eq!(books["throttled"], sum, "{books}");
    }
}
