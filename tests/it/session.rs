//! A role's session that ends in mid-run is renewed: nothing is lost, and nothing runs twice.

use crate::{
    cli_doctor::finds,
    support::{FleetEnv, SimProcess},
};

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
         mfa_serial = \"{DEVICE}\"\nmfa_code = \"314159\"\n\
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
    let (sim, env) = world(100, 1);
    let flags = ["--waves", "1,4", "--pause", "10s", "--max-concurrency", "4", "--", "true"];
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

const DEVICE: &str = "arn:aws:iam::123456789012:mfa/operator";

#[test]
fn a_session_that_takes_a_code_ends_in_words_and_another_code_goes_on() {
    // It has nine seconds, of which the send takes less than one; what is sent takes twelve.
    let (sim, env) = world(100, 20);
    let code = ["--mfa-serial", DEVICE, "--mfa-token", "314159"];
    let what =
        ["--max-concurrency", "4", "--doc", "AWS-RunShellScript", "--param", "commands=true"];
    let output = env.run(&[&RUN[..], &code, &what].concat()).exits(6);
    let ended = ["the session that a code of", DEVICE, "has ended", "fleet watch RUN --mfa-serial"];
    drop(output.complains(&ended));
    assert_eq!(sim.stats().commands(), 1);
    let output = env.run(&[&["watch", "last"], &code[..]].concat()).exits(0);
    drop(output.prints(&["4 of 4 instances succeeded"]));
    assert_eq!((sim.stats().commands(), sim.stats().executions()), (1, vec![1, 1, 1, 1]));
}

#[test]
fn a_send_after_the_end_of_a_session_that_takes_a_code_is_refused_in_words() {
    // Of the nine seconds that it has, the first wave takes less than one; the second is sent after ten.
    let (sim, env) = world(100, 1);
    let code = ["--mfa-serial", DEVICE, "--mfa-token", "314159"];
    let what = ["--doc", "AWS-RunShellScript", "--param", "commands=true"];
    let flags = ["--waves", "1,4", "--pause", "10s", "--max-concurrency", "4"];
    let output = env.run(&[&RUN[..], &code, &flags, &what].concat()).exits(5);
    drop(output.complains(&["the session that a code of", DEVICE, "has ended"]));
    let executions = sim.stats().executions();
    assert_eq!(executions.iter().sum::<u64>(), 1, "{executions:?}");
}

#[test]
fn a_code_that_is_not_enough_for_what_follows_is_told_by_the_doctor_as_by_the_run() {
    let (sim, env) = world(600, 20);
    let code = ["--role-arn", ROLE, "--mfa-serial", DEVICE, "--mfa-token", "314159"];
    let flags = ["--asg", "web", "--then", "AWS-RunShellScript", "--output"];
    let told = "--then takes a session of its own";
    let run = [&["run", "--yes"], &flags[..], &["jsonl"], &code, &["--", "true"]].concat();
    drop(env.run(&run).exits(2).complains(&[told, "nothing was sent"]));
    let doctor = [&["doctor"], &flags[..], &["json"], &code, &["--", "true"]].concat();
    let output = env.run(&doctor).exits(3);
    finds(&output, "plan", "pass", &["4 instances"]);
    finds(&output, "then session", "fail", &[told, "the next code"]);
    assert_eq!(sim.stats().commands(), 0);
}
