//! `fleet plan`: it says what would happen, and only reads.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use crate::support::{FleetEnv, SimProcess, repository};

#[test]
fn a_plan_names_who_is_in_who_is_out_and_the_worst_case() {
    let sim = SimProcess::of(&repository("tests/worlds/mixed.toml"));
    let env = FleetEnv::of(&sim);
    let args = ["plan", "--asg", "partly", "--max-concurrency", "2", "--", "uptime"];
    insta::assert_snapshot!(env.run(&args).exits(0), @r"
    -- stdout
    AWS-RunShellScript version 1 on --asg partly
      run         20240719-052700-000001
      account     123456789012, us-east-1
      caller      arn:aws:iam::123456789012:user/administrator
      parameters  commands = uptime
      planned     3 instances
                  partly 3: us-east-1a 3
      left out    1 instance, agent lost its connection (--include offline takes
                  it): i-[ID]
                  1 instance, in Standby (--include standby takes it):
                  i-[ID]
      dispatch    by ids, at most 50 a command: the tag would also reach instances
                  that the plan leaves out
      limits      budget 0, concurrency 2: at most 2 of 3 can fail
                  from --max-errors 0 and --max-concurrency 2
      delivery    given up without an answer after 600 seconds and the document's
                  own timeout
    -- stderr
    -- exit: 0
    ");
    let stats = sim.stats();
    let calls = stats.0["calls"].as_object().unwrap();
    assert!(
        calls.keys().all(|it| it.starts_with("Get") || it.starts_with("Describe")),
        "{calls:?}"
    );
    assert!(env.runs().is_empty());
}

#[test]
fn json_is_the_plan_and_so_is_the_file() {
    let env = FleetEnv::new();
    let world = format!("--sim={}", repository("tests/worlds/mixed.toml").display());
    let args = ["plan", &world, "--asg", "web", "--output", "json", "-o", "plan.json", "--", "w"];
    let output = env.run(&args).exits(0);
    assert_eq!(output.stderr, "");
    let file = env.path("plan.json");
    let mut written: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    // The file shows whether it was changed since.
    let seal = written.as_object_mut().unwrap().remove("seal").unwrap();
    assert_eq!((output.json(), seal.as_str().unwrap().len()), (written, 64));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let lines = env.run(&["plan", &world, "--asg", "web", "--output", "jsonl", "--", "w"]).exits(0);
    assert_eq!(lines.lines().len(), 1);
}

#[test]
fn a_plan_that_cannot_be_written_down_is_refused() {
    let env = FleetEnv::new();
    let world = format!("--sim={}", repository("tests/worlds/mixed.toml").display());
    let args = ["plan", &world, "--asg", "web", "-o", "nowhere/plan.json", "--", "w"];
    drop(env.run(&args).exits(2).complains(&["nowhere/plan.json", "nothing was sent"]));
}
