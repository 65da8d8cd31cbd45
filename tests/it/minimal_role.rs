//! A role that may send one document to one group and list invocations, and nothing else: what
//! works with it works, and what does not says which permission it lacks, once.

use serde_json::{Value, json};

use crate::support::{
    FleetEnv, Output, SimProcess,
    scoped::{ROLE, Scoped, allow},
};

/// The world with the minimal role, in which the document ends as `outcome` says.
fn world(outcome: &str) -> (SimProcess, FleetEnv) {
    let send = json!("ssm:SendCommand");
    let mut instances = allow(&send, "arn:aws:ec2:us-east-1:123456789012:instance/*");
    instances["Condition"] =
        json!({"StringEquals": {"ssm:resourceTag/aws:autoscaling:groupName": "web"}});
    let role = json!([
        allow(&send, "arn:aws:ssm:us-east-1:123456789012:document/Restart"),
        instances,
        allow(&json!("ssm:ListCommandInvocations"), "*"),
    ]);
    let groups = format!("[[group]]\nname = \"web\"\nsize = 3\n[[outcome]]\n{outcome}\n");
    Scoped::of(&groups, &role).start()
}

/// The flags that select the group and take the role.
const WHAT: [&str; 7] =
    ["--asg", "web", "--doc", "Restart", "--role-arn", ROLE, "--max-concurrency=1"];

fn run(env: &FleetEnv, more: &[&str]) -> Output {
    env.run(&[&["run", "--yes"], &WHAT[..], more].concat())
}

/// Returns the notes on permissions that are missing.
fn missing(report: &Value) -> Vec<&str> {
    let notes = report["notes"].as_array().unwrap().iter();
    let missing = notes.filter(|it| it["code"] == "permission.missing");
    missing.map(|it| it["text"].as_str().unwrap()).collect()
}

#[test]
fn the_whole_main_job_works_and_each_missing_permission_is_noticed_once() {
    let (sim, env) = world("after = \"2s\"\nstdout = \"ok\"");
    drop(run(&env, &[]).exits(0));
    let record = env.record();
    let report = record.complete();
    assert_eq!(
        (&report["coverage"], &report["dispatch"]["by"]),
        (&"unverified".into(), &"tag".into())
    );
    let notes = missing(report);
    let expected = [
        "autoscaling:DescribeAutoScalingGroups",
        "ssm:DescribeDocument",
        "ssm:GetDocument",
        "ssm:ListCommands",
    ];
    assert_eq!(notes.len(), expected.len(), "{notes:?}");
    let stats = sim.stats();
    for (note, action) in notes.iter().zip(expected) {
        assert!(note.starts_with(&format!("{action} is not permitted: ")), "{note}");
        let operation = action.split_once(':').unwrap().1;
        assert_eq!(stats.calls(operation), 1, "{operation}");
    }
    for operation in ["DescribeInstanceInformation", "GetCommandInvocation", "CancelCommand"] {
        assert_eq!(stats.calls(operation), 0, "{operation}");
    }
    assert_eq!((stats.commands(), stats.executions()), (1, vec![1, 1, 1]));
}

#[test]
fn output_that_was_cut_stays_cut_and_is_asked_for_once() {
    let long = "x".repeat(4_000);
    let (sim, env) = world(&format!("after = \"2s\"\nstdout = \"{long}\""));
    drop(run(&env, &[]).exits(0));
    let record = env.record();
    let notes = missing(record.complete());
    let naming =
        notes.iter().filter(|it| it.starts_with("ssm:GetCommandInvocation is not")).count();
    assert_eq!(naming, 1, "{notes:?}");
    assert_eq!(sim.stats().calls("GetCommandInvocation"), 1);
    assert_eq!(record.report["instances"][0]["truncated"], true);
}

#[test]
fn a_spent_budget_stops_by_ssms_own_limit() {
    let (sim, env) = world("after = \"2s\"\nexit = 1");
    drop(run(&env, &[]).exits(5));
    let record = env.record();
    let totals = &record.complete()["totals"];
    assert_eq!((&totals["failed"], &totals["terminated"]), (&1.into(), &2.into()), "{totals}");
    assert!(sim.stats().calls("CancelCommand") <= 1);
    assert_eq!(sim.stats().executions(), [1]);
}

#[test]
fn an_interrupt_that_may_not_cancel_says_so_and_follows_to_the_end() {
    let (sim, env) = world("after = \"100s\"");
    let run = env.spawn(&[&["run", "--yes"], &WHAT[..]].concat());
    sim.wait_for_call("ListCommandInvocations");
    run.interrupt();
    drop(run.finish().exits(130).complains(&["ssm:CancelCommand is not permitted"]));
    let record = env.record();
    assert_eq!(record.complete()["totals"]["succeeded"], 3);
    assert_eq!(sim.stats().calls("CancelCommand"), 1);
}

#[test]
fn what_needs_the_list_of_the_group_says_so_and_sends_nothing() {
    let (sim, env) = world("after = \"2s\"");
    let action = "autoscaling:DescribeAutoScalingGroups";
    for more in [&["--waves", "1"][..], &["--by-zone"], &["--exclude", "i-01234567"]] {
        drop(run(&env, more).exits(3).complains(&[action, "nothing was sent"]));
    }
    let by_tag = ["run", "--yes", "--asg-tag", "a=b", "--doc", "Restart", "--role-arn", ROLE];
    drop(env.run(&by_tag).exits(3).complains(&[action, "nothing was sent"]));
    let by_tag = ["run", "--yes", "--tag", "a=b", "--doc", "Restart", "--role-arn", ROLE];
    let action = "ssm:DescribeInstanceInformation";
    drop(env.run(&by_tag).exits(3).complains(&[action, "nothing was sent"]));
    let targets = ["targets", "--asg", "web", "--role-arn", ROLE];
    drop(env.run(&targets).exits(3).complains(&["autoscaling:DescribeAutoScalingGroups"]));
    assert_eq!(sim.stats().commands(), 0);
}

#[test]
fn those_that_failed_are_tried_again_by_id() {
    let (sim, env) = world("after = \"2s\"\nexit = 1\ninstances = [1]");
    drop(run(&env, &["--max-errors", "1"]).exits(1));
    let before = env.record();
    let id = before.report["run"]["id"].as_str().unwrap().to_owned();
    let retry = env.run(&["retry", &id, "--yes", "--only", "failed"]).exits(1);
    drop(retry.prints(&["0 of 1 instance succeeded"]));
    let mut executions = sim.stats().executions();
    executions.sort_unstable();
    assert_eq!(executions, [1, 1, 2]);
}

#[test]
fn a_run_whose_process_is_gone_is_taken_over_and_may_not_be_cancelled() {
    let (sim, env) = world("after = \"50s\"");
    let mut run = env.spawn(&[&["run", "--yes"], &WHAT[..]].concat());
    sim.wait_for_call("ListCommandInvocations");
    run.kill();
    let id = env.runs()[0].file_name().unwrap().to_str().unwrap().to_owned();
    let cancel = env.run(&["cancel", &id]).exits(3);
    drop(cancel.complains(&["ssm:CancelCommand", "could not be cancelled"]));
    drop(env.run(&["watch", &id]).exits(0));
    assert_eq!(env.record().complete()["totals"]["succeeded"], 3);
    assert_eq!(sim.stats().executions(), [1, 1, 1]);
}

#[test]
fn a_lost_answer_that_may_not_be_settled_is_unknown_and_never_sent_again() {
    let fault = "after = \"2s\"\n[[fault]]\noperation = \"SendCommand\"\ncalls = [1]\n\
                 kind = \"drop-after-accept\"";
    let (sim, env) = world(fault);
    let output = run(&env, &[]).exits(6);
    assert!(!output.stderr.contains("nothing was sent"), "\n{output}");
    drop(output.complains(&["ssm:ListCommands"]));
    assert_eq!(sim.stats().calls("SendCommand"), 1);
}
