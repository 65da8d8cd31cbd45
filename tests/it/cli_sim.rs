//! `fleet sim`: a simulator for any client.

use std::process::Command;

use crate::support::{FleetEnv, Running, SimProcess, repository};

#[test]
fn it_prints_what_to_export_and_fleet_runs_on_it() {
    let sim = SimProcess::of(&repository("tests/worlds/three_healthy.toml"));
    let names: Vec<&str> = sim.exports().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "AWS_ACCESS_KEY_ID",
            "AWS_DEFAULT_REGION",
            "AWS_ENDPOINT_URL",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY"
        ]
    );
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    drop(env.run(&["run", "--yes", "--asg", "web", "--", "true"]).exits(0));
    let stats = sim.stats();
    assert_eq!(stats.commands(), 1);
    assert_eq!(stats.executions(), [1, 1, 1]);
    assert_eq!(stats.0["throttled"], 0);
}

#[test]
fn an_interrupt_ends_it_well_and_a_port_that_is_taken_is_refused() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleet"));
    let mut sim = Running::start(command.env_clear().arg("sim"), &repository(""));
    sim.wait_for("serving until interrupted");
    sim.wait_for("export AWS_SECRET_ACCESS_KEY=");
    let text = sim.stdout();
    let (_, port) = text.lines().next().unwrap().rsplit_once(':').unwrap();
    let output = FleetEnv::new().run(&["sim", "--port", port]).exits(3);
    drop(output.complains(&["could not listen", port]));
    sim.interrupt();
    drop(sim.finish().exits(0));
}
