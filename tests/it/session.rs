//! A role's session that ends in mid-run is renewed: nothing is lost, and nothing runs twice.

use crate::support::{FleetEnv, SimProcess};

const ROLE: &str = "arn:aws:iam::123456789012:role/fleet";

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
    "Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}"#;

const ALLOW_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// Four instances on which a document takes `minutes` of simulated time.
fn world(speed: u32, minutes: u32) -> (SimProcess, FleetEnv) {
    let world = format!(
        "speed = {speed}.0\n[[group]]\nname = \"web\"\nsize = 4\n\
         [[outcome]]\nafter = \"{minutes}m\"\nstdout = \"ok\"\n\
         [[user]]\nname = \"operator\"\naccess_key_id = \"AKIDOPERATOR\"\n\
         secret_access_key = \"secret\"\npolicy = \"all.json\"\n\
         [[role]]\nname = \"fleet\"\ntrust = \"trust.json\"\npolicy = \"all.json\"\n"
    );
    let sim = SimProcess::start(&world, &[("all.json", ALLOW_ALL), ("trust.json", TRUST)]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    (sim, env)
}

const RUN: [&str; 8] = ["run", "--asg", "web", "--yes", "--role-arn", ROLE, "--duration", "15m"];

#[test]
fn a_session_that_ends_while_following_is_renewed() {
    let (sim, env) = world(600, 20);
    drop(env.run(&[&RUN[..], &["--max-concurrency", "4", "--", "true"]].concat()).exits(0));
    let stats = sim.stats();
    assert!(stats.calls("AssumeRole") >= 2, "{:?}", stats.0);
    assert_eq!((stats.commands(), stats.executions()), (1, vec![1, 1, 1, 1]));
    assert_eq!(env.record().replayed().complete()["totals"]["succeeded"], 4);
}

#[test]
fn a_session_that_ends_before_a_send_is_renewed_and_the_send_is_made_once() {
    // The next send is due when the session has been over for minutes: nothing was asked meanwhile.
    let (sim, env) = world(1000, 1);
    let flags = ["--waves", "1,4", "--pause", "2s", "--max-concurrency", "4", "--", "true"];
    drop(env.run(&[&RUN[..], &flags].concat()).exits(0));
    let stats = sim.stats();
    assert!(stats.calls("AssumeRole") >= 2, "{:?}", stats.0);
    // One was refused, and proved that it had taken nothing.
    assert_eq!((stats.calls("SendCommand"), stats.commands()), (3, 2));
    assert_eq!(stats.executions(), [1, 1, 1, 1]);
    let record = env.record();
    assert_eq!(record.replayed().complete()["totals"]["succeeded"], 4);
    assert!(!record.kinds().contains(&"send_doubted"));
}
