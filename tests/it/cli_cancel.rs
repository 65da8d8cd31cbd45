//! `fleet cancel`: from another process than the one that follows the run.

use crate::support::{FleetEnv, SimProcess, repository};

#[test]
fn a_run_is_cancelled_from_outside_and_its_process_sees_the_end() {
    let sim = SimProcess::of(&repository("tests/worlds/never_ends.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    let run = env.spawn(&["run", "--asg", "web", "--yes", "--max-concurrency", "3", "--", "true"]);
    sim.wait_for_call("ListCommandInvocations");
    let output = env.run(&["cancel", "last"]).exits(0);
    drop(output.prints(&["cancel requested for command"]).complains(&["no guarantee"]));
    let output = run.finish();
    assert_ne!(output.code, Some(0), "{output}");
    let record = env.record();
    assert_eq!(record.complete()["totals"]["cancelled"], 3);
}

#[test]
fn a_run_that_has_ended_has_nothing_to_cancel() {
    let sim = SimProcess::of(&repository("tests/worlds/three_healthy.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    drop(env.run(&["run", "--asg", "web", "--yes", "--", "true"]).exits(0));
    drop(env.run(&["cancel", "last"]).exits(4).complains(&["has ended", "nothing to cancel"]));
    assert_eq!(sim.stats().calls("CancelCommand"), 0);
}

#[test]
fn a_run_that_is_not_there_is_2() {
    let env = FleetEnv::new();
    drop(env.run(&["cancel", "nope"]).exits(2).complains(&["nope", "nothing was sent"]));
}
