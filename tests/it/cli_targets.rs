//! `fleet targets`: who matches, and which of them a run would take.

use crate::support::{FleetEnv, Output, SimProcess, repository};

fn targets(flags: &[&str]) -> Output {
    let world = format!("--sim={}", repository("tests/worlds/mixed.toml").display());
    FleetEnv::new().run(&[&["targets", &world], flags].concat())
}

#[test]
fn everybody_is_listed_with_the_reason_for_being_left_out() {
    insta::assert_snapshot!(targets(&["--asg", "partly"]).exits(0), @r"
    -- stdout
    INSTANCE             GROUP/ZONE         LIFECYCLE  PLATFORM  AGENT
    i-[ID]  partly/us-east-1a  InService  Linux     online 3.3.987.0
    i-[ID]  partly/us-east-1a  InService  Linux     online 3.3.987.0
    i-[ID]  partly/us-east-1a  InService  Linux     online 3.3.987.0

    LEFT OUT             GROUP   LIFECYCLE
    i-[ID]  partly  InService
        agent lost its connection (--include offline takes it)
    i-[ID]  partly  Standby
        in Standby (--include standby takes it)

    3 instances planned, 2 left out
    -- stderr
    -- exit: 0
    ");
}

#[test]
fn what_is_left_out_can_be_asked_for() {
    let output = targets(&["--asg", "partly", "--include", "standby,offline", "--output", "json"]);
    let listed = output.exits(0).json();
    assert_eq!(listed["planned"].as_array().unwrap().len(), 5);
    assert_eq!(listed["excluded"].as_array().unwrap().len(), 0);
    let lines = targets(&["--asg", "partly", "--output", "jsonl"]).exits(0).lines();
    assert_eq!(lines.len(), 5);
}

#[test]
fn nobody_eligible_is_4_with_everybody_listed() {
    let output = targets(&["--asg", "deaf"]).exits(4);
    drop(output.prints(&["agent lost its connection", "not registered with SSM"]));
    drop(targets(&["--asg", "empty"]).exits(4));
    drop(targets(&["--asg", "wbe"]).exits(4).complains(&["wbe", "nothing was sent"]));
    drop(targets(&[]).exits(2).complains(&["--asg", "nothing was sent"]));
}

#[test]
fn more_groups_than_one_filter_takes_are_asked_for_in_several() {
    let group = |n: usize| {
        let size = usize::from(n.is_multiple_of(50));
        format!("[[group]]\nname = \"g{n}\"\nsize = {size}\ntags = {{ env = \"prod\" }}\n")
    };
    let sim = SimProcess::start(&(0..101).map(group).collect::<String>(), &[]);
    let env = FleetEnv::of(&sim);
    let listed = env.run(&["targets", "--asg-tag", "env=prod", "--output", "json"]).exits(0).json();
    assert_eq!(listed["planned"].as_array().unwrap().len(), 3);
    assert_eq!(sim.stats().calls("DescribeInstanceInformation"), 2);
}
