//! Documents of type Automation: the same plan, limits, ledger, report and exit codes as a command's.

mod counters;
mod failures;

use serde_json::{Value, json};

use crate::support::{
    FleetEnv, Output, SimProcess, each,
    scoped::{ROLE, Scoped, allow, policy},
};

const MEND: &str = r#"{"schemaVersion":"0.3","assumeRole":"{{ AutomationAssumeRole }}",
"parameters":{
  "InstanceId":{"type":"String"},
  "Action":{"type":"String","default":"Check","allowedValues":["Check","Fix"]},
  "AutomationAssumeRole":{"type":"String","default":""}},
"mainSteps":[
  {"name":"look","action":"aws:executeAwsApi","inputs":{"Of":"{{ InstanceId }}"}},
  {"name":"detachRootVolume","action":"aws:executeScript"},
  {"name":"tell","action":"aws:executeScript","isEnd":true}],
"outputs":["tell.Output"]}"#;

const SCRIPT: &str = "[[runbook]]\nafter = \"2s\"\n[[runbook.step]]\nname = \"tell\"\n\
                      outputs = { Output = \"mended\" }\n";

fn start_with(scripts: &str, size: usize) -> (SimProcess, FleetEnv) {
    let world = format!(
        "speed = 50.0\n[[group]]\nname = \"web\"\nsize = {size}\n\
         [[document]]\nname = \"Mend\"\nfile = \"mend.json\"\n{scripts}"
    );
    let sim = SimProcess::start(&world, &[("mend.json", MEND)]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02").unset("FLEET_NOW");
    (sim, env)
}

fn start() -> (SimProcess, FleetEnv) {
    start_with(SCRIPT, 4)
}

const RUN: [&str; 8] = ["run", "--asg", "web", "--doc", "Mend", "--param", "Action=Fix", "--yes"];

fn run(env: &FleetEnv, more: &[&str]) -> Output {
    env.run(&[&RUN[..], more].concat())
}

fn outcomes(report: &Value) -> Vec<&str> {
    let rows = report["instances"].as_array().unwrap().iter();
    rows.map(|it| it["outcome"].as_str().unwrap()).collect()
}

#[test]
fn what_instances_print_goes_nowhere_in_a_runbook() {
    let (sim, env) = start();
    for flags in [&["--output-s3", "s3://logs"][..], &["--output-logs", "x"], &["--full-output"]] {
        drop(run(&env, flags).exits(2).complains(&["Mend is a runbook", "nothing was sent"]));
    }
    // What a file says is for commands.
    let path = env.write("place.toml", "[output]\ns3 = \"s3://logs\"\n");
    drop(run(&env, &["--config", path.to_str().unwrap(), "--dry-run"]).exits(0));
    assert_eq!(sim.stats().calls("StartAutomationExecution"), 0);
}

/// A step of some instance that fails.
fn failing(instances: &str) -> String {
    format!(
        "[[runbook]]\ngroup = \"web\"\ninstances = {instances}\n[[runbook.step]]\n\
         name = \"detachRootVolume\"\nstatus = \"Failed\"\nmessage = \"no such volume\"\n\
         failure_type = \"Action\"\n{SCRIPT}"
    )
}

#[test]
fn a_runbook_is_run_over_a_group_like_a_command() {
    let (sim, env) = start();
    let output = run(&env, &["--max-concurrency", "2"]).exits(0);
    drop(output.complains(&[
        "runbook     Automation, 3 steps; InstanceId takes the instance",
        "AutomationAssumeRole is empty",
    ]));
    let record = env.record();
    let report = record.replayed().complete();
    assert_eq!(report["verdict"]["exit_code"], 0);
    assert_eq!(report["totals"]["succeeded"], 4);
    assert_eq!(report["document"]["automation"]["target_parameter"], "InstanceId");
    let rows = report["instances"].as_array().unwrap();
    assert!(rows.iter().all(|it| it["stdout"] == "mended"), "{rows:#?}");
    let executions: std::collections::BTreeSet<_> =
        rows.iter().map(|it| it["command_id"].as_str().unwrap()).collect();
    assert_eq!(executions.len(), 4);
    assert_eq!(sim.stats().executions(), [1, 1, 1, 1]);
    assert!(sim.stats().peak() <= 2);
}

#[test]
fn a_failure_names_its_step_and_counts_against_the_budget() {
    let (sim, env) = start_with(&failing("[1]"), 4);
    let output = run(&env, &["--max-concurrency", "4", "--max-errors", "1"]).exits(1);
    drop(output.prints(&["step 2 of 3: detachRootVolume", "no such volume"]));
    let record = env.record();
    let report = record.replayed().complete();
    let failed = report["instances"].as_array().unwrap().iter();
    let failed: Vec<_> = failed.filter(|it| it["outcome"] == "failed").collect();
    let [failed] = failed.as_slice() else { panic!("{failed:?}") };
    let hint = failed["hint"].as_str().unwrap();
    assert!(hint.starts_with("step 2 of 3: detachRootVolume: "), "{hint}");
    assert!(hint.contains("no such volume"), "{hint}");
    assert_eq!(sim.stats().executions(), [1, 1, 1, 1]);
}

#[test]
fn a_spent_budget_withholds_later_waves() {
    let (sim, env) = start_with(&failing("[0, 1, 2, 3]"), 4);
    drop(run(&env, &["--waves", "1,100%"]).exits(5));
    let record = env.record();
    let report = record.replayed().complete();
    let mut found = outcomes(report);
    found.sort_unstable();
    assert_eq!(found, ["failed", "not_attempted", "not_attempted", "not_attempted"]);
    assert_eq!(sim.stats().calls("StartAutomationExecution"), 1);
}

#[test]
fn a_start_whose_answer_is_lost_happens_once() {
    for kind in ["drop-after-accept", "drop-before-accept", "error-500-after-accept"] {
        let fault = format!(
            "{SCRIPT}[[fault]]\noperation = \"StartAutomationExecution\"\ncalls = [2]\n\
             kind = \"{kind}\"\n"
        );
        let (sim, env) = start_with(&fault, 4);
        drop(run(&env, &["--max-concurrency", "1"]).exits(0));
        let record = env.record();
        let report = record.replayed().complete();
        assert_eq!(report["totals"]["succeeded"], 4, "{kind}");
        assert!(record.kinds().contains(&"send_doubted"), "{kind}: {:?}", record.kinds());
        assert_eq!(sim.stats().executions(), [1, 1, 1, 1], "{kind}");
    }
}

#[test]
fn a_run_that_is_killed_after_any_of_its_events_is_finished_and_starts_nobody_twice() {
    let watch = ["watch", "last", "--continue", "--yes"];
    let flags = ["--waves", "1,3", "--max-concurrency", "2", "--output", "jsonl"];
    let args = [&RUN[..], &flags].concat();
    let begin = || start_with(SCRIPT, 3);
    let n_events = begin().1.run(&args).exits(0).lines().len();
    assert!((15..100).contains(&n_events), "{n_events} events");
    each(n_events, |n| {
        let (sim, env) = begin();
        let mut run = env.spawn(&args);
        if run.wait_for_lines(n) {
            run.kill();
        }
        drop(run);
        let output = env.run(&watch);
        let record = env.record();
        let place = format!("killed after {n} events: {:?}\n{output}", record.kinds());
        let report = record.replayed().complete();
        assert_eq!(output.code, Some(0), "{place}");
        assert_eq!(outcomes(report), ["succeeded"; 3], "{place}");
        assert_eq!(sim.stats().executions(), [1, 1, 1], "{place}");
    });
}

#[test]
fn an_interrupt_stops_what_runs() {
    let waiting =
        "[[runbook]]\n[[runbook.step]]\nname = \"detachRootVolume\"\nstatus = \"Waiting\"\n";
    let (sim, env) = start_with(waiting, 4);
    let mut run = env.spawn(&[&RUN[..], &["--max-concurrency", "2"]].concat());
    run.wait_for_times("step 2 of 3: detachRootVolume", 2);
    run.interrupt();
    drop(run.finish().exits(130));
    let record = env.record();
    let report = record.replayed().complete();
    let mut found = outcomes(report);
    found.sort_unstable();
    assert_eq!(found, ["cancelled", "cancelled", "not_attempted", "not_attempted"]);
    assert_eq!(sim.stats().calls("StopAutomationExecution"), 2);
}

#[test]
fn fleet_cancel_stops_what_a_dead_process_left() {
    let waiting = "[[runbook]]\n[[runbook.step]]\nname = \"look\"\nstatus = \"Waiting\"\n";
    let (sim, env) = start_with(waiting, 2);
    let mut run = env.spawn(&[&RUN[..], &["--max-concurrency", "2"]].concat());
    run.wait_for_times("step 1 of 3: look", 2);
    run.kill();
    drop(run);
    drop(env.run(&["cancel", "last"]).exits(0));
    assert_eq!(sim.stats().calls("StopAutomationExecution"), 2);
    drop(env.run(&["watch", "last"]).exits(130));
    let record = env.record();
    assert_eq!(outcomes(record.replayed().complete()), ["cancelled", "cancelled"]);
}

#[test]
fn a_retry_starts_those_that_failed_under_tokens_of_its_own() {
    let (sim, env) = start_with(&failing("[1]"), 3);
    drop(run(&env, &["--max-concurrency", "3", "--max-errors", "1"]).exits(1));
    drop(env.run(&["retry", "last", "--yes"]).exits(1));
    let mut executions = sim.stats().executions();
    executions.sort_unstable();
    assert_eq!(executions, [1, 1, 2]);
}

#[test]
fn what_is_wrong_is_said_before_anything_is_started() {
    let (sim, env) = start();
    let check = |args: &[&str], code, text: &str| {
        let args = [&["run", "--asg", "web", "--yes"], args].concat();
        drop(env.run(&args).exits(code).complains(&[text]));
    };
    let mend = ["--doc", "Mend"];
    let with = |more: &[&'static str]| [&mend[..], more].concat();
    check(&with(&["--param", "Action=Burn"]), 2, "document Mend allows Check, Fix");
    check(&with(&["--param", "Speed=1"]), 2, "takes no parameter `Speed`");
    check(&with(&["--param", "InstanceId=i-01234567"]), 2, "takes the instance");
    check(&with(&["--target-parameter", "Machine"]), 2, "takes no parameter `Machine`");
    let shell = ["--doc", "AWS-RunShellScript", "--automation"];
    check(&shell, 2, "--automation was passed, and document AWS-RunShellScript is of type Command");
    let shell = ["--doc", "AWS-RunShellScript", "--target-parameter", "InstanceId"];
    check(&shell, 2, "is of type Command");
    assert_eq!(sim.stats().calls("StartAutomationExecution"), 0);
    assert_eq!(sim.stats().calls("SendCommand"), 0);
}

#[test]
fn the_limits_of_awss_own_repair_of_sshd_are_told_before_it_is_started() {
    let env = FleetEnv::new();
    let sim = env.world("[[group]]\nname = \"web\"\nsize = 2\n");
    let args = ["plan", &sim, "--asg", "web", "--doc", "AWSSupport-TroubleshootSSH"];
    let output = env.run(&[&args[..], &["--waves", "1,100%"]].concat()).exits(0);
    drop(output.prints(&["does not look at services", "mode 0655", "may change the instances"]));
}

/// A world whose role may do what `fleet policy` with the same flags grants it.
fn scoped(more: &str, statements: &Value) -> (SimProcess, FleetEnv) {
    let groups = format!("[[group]]\nname = \"web\"\nsize = 3\n{SCRIPT}{more}");
    let mut world = Scoped::of(&groups, statements);
    MEND.clone_into(&mut world.document);
    world.start()
}

/// The role that the steps act as.
const RUNBOOKS: &str = "arn:aws:iam::123456789012:role/runbooks";

fn minimal() -> Value {
    let start = [
        "arn:aws:ssm:us-east-1:123456789012:document/Restart",
        "arn:aws:ssm:us-east-1:123456789012:automation-definition/Restart:*",
        "arn:aws:ssm:us-east-1:123456789012:automation-execution/*",
    ];
    json!([
        {"Effect": "Allow", "Action": "ssm:StartAutomationExecution", "Resource": start},
        allow(&json!("ssm:GetAutomationExecution"), start[2]),
        allow(&json!("autoscaling:DescribeAutoScalingGroups"), "*"),
    ])
}

#[test]
fn the_minimal_role_is_enough_and_what_it_lacks_is_a_note() {
    let (sim, env) = scoped("", &minimal());
    let args = ["run", "--yes", "--asg", "web", "--doc", "Restart", "--role-arn", ROLE];
    let kind = ["--automation", "--target-parameter", "InstanceId", "--session-policy", "none"];
    let limits = ["--max-concurrency", "2"];
    drop(env.run(&[&args[..], &kind, &limits].concat()).exits(0));
    let record = env.record();
    let report = record.complete();
    let notes = report["notes"].as_array().unwrap().iter();
    let missing = notes.filter(|it| it["code"] == "permission.missing");
    let missing: Vec<_> = missing.map(|it| it["text"].as_str().unwrap()).collect();
    let has = |action: &str| missing.iter().filter(|it| it.starts_with(action)).count();
    for action in ["ssm:DescribeDocument", "ssm:GetDocument"] {
        assert_eq!(has(action), 1, "{missing:?}");
    }
    assert_eq!(sim.stats().executions(), [1, 1, 1]);
}

#[test]
fn executions_that_may_not_be_listed_are_read_one_by_one() {
    let waiting = "[[runbook]]\n[[runbook.step]]\nname = \"look\"\nstatus = \"Waiting\"\n";
    let groups = format!("[[group]]\nname = \"web\"\nsize = 3\n{waiting}");
    let mut statements = minimal();
    let stop = json!("ssm:StopAutomationExecution");
    statements.as_array_mut().unwrap().push(allow(&stop, "*"));
    let mut world = Scoped::of(&groups, &statements);
    MEND.clone_into(&mut world.document);
    let (sim, env) = world.start();
    let args = ["run", "--yes", "--asg", "web", "--doc", "Restart", "--role-arn", ROLE];
    let kind = ["--automation", "--target-parameter", "InstanceId", "--session-policy", "none"];
    let mut run = env.spawn(&[&args[..], &kind, &["--max-concurrency", "2"]].concat());
    run.wait_for_times(" step look", 2);
    run.wait_for_times("ssm:DescribeAutomationExecutions is not permitted", 1);
    run.interrupt();
    drop(run.finish().exits(130));
    let record = env.record();
    let mut found = outcomes(record.replayed().complete());
    found.sort_unstable();
    assert_eq!(found, ["cancelled", "cancelled", "not_attempted"]);
    assert_eq!(sim.stats().calls("StopAutomationExecution"), 2);
}

/// A world with a role for steps to act as, and a role for fleet that may do what `may` says.
fn with_runbooks(document: &str, may: &Value) -> (SimProcess, FleetEnv) {
    let trust = policy(&json!({
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "ssm.amazonaws.com"},
    }));
    let may_change = policy(&allow(&json!("ec2:*"), "*"));
    let groups = format!(
        "[[group]]\nname = \"web\"\nsize = 3\n{SCRIPT}\n[[role]]\nname = \"runbooks\"\n\
         trust = \"runbooks-trust.json\"\npolicy = \"runbooks.json\"\n"
    );
    let mut world = Scoped::of(&groups, may);
    document.clone_into(&mut world.document);
    world.start_with(
        "",
        &[("runbooks-trust.json", &trust.to_string()), ("runbooks.json", &may_change.to_string())],
    )
}

fn broad() -> Value {
    json!([
        allow(&json!(["ssm:*", "autoscaling:Describe*"]), "*"),
        allow(&json!("iam:PassRole"), RUNBOOKS)
    ])
}

const NARROWED: [&str; 8] =
    ["run", "--yes", "--asg", "web", "--doc", "Restart", "--role-arn", ROLE];

/// The runbook with a role that is named otherwise, and the parameter that names it.
fn naming(assume_role: &str, parameter: &str, default: &str) -> String {
    MEND.replace("{{ AutomationAssumeRole }}", assume_role).replace(
        r#""AutomationAssumeRole":{"type":"String","default":""}"#,
        &format!(r#""{parameter}":{{"type":"String","default":"{default}"}}"#),
    )
}

#[test]
fn a_session_is_narrowed_to_the_runbook_once_its_type_is_known() {
    let (sim, env) = with_runbooks(MEND, &broad());
    let args = NARROWED;
    // The steps would act with a session that may do nothing but start them.
    drop(env.run(&args).exits(3).complains(&["its steps would act with that session"]));
    assert_eq!(sim.stats().calls("StartAutomationExecution"), 0);
    let role = format!("AutomationAssumeRole={RUNBOOKS}");
    let before = sim.stats().calls("AssumeRole");
    drop(env.run(&[&args[..], &["--param", &role]].concat()).exits(0));
    assert_eq!(sim.stats().calls("AssumeRole"), before + 2);
    drop(env.run(&[&args[..], &["--param", &role, "--automation"]].concat()).exits(0));
    assert_eq!(sim.stats().calls("AssumeRole"), before + 3);
    assert_eq!(sim.stats().executions(), [2, 2, 2]);
}

#[test]
fn a_role_that_the_content_or_a_default_names_is_passed_like_one_that_is_given() {
    let own = format!("MyRole={RUNBOOKS}");
    let check = |document: &str, more: &[&str]| {
        let (sim, env) = with_runbooks(document, &broad());
        let args = [&NARROWED[..], more].concat();
        let output = env.run(&args).exits(0);
        assert!(!output.stderr.contains("permissions of whoever starts it"), "{output}");
        // Whoever says beforehand that it is a runbook has a session that does not know the role.
        drop(env.run(&[&args[..], &["--automation"]].concat()).exits(0));
        assert_eq!(sim.stats().executions(), [2, 2, 2]);
        let flags = [&["policy"], &args[2..]].concat();
        let granted = env.run(&flags).exits(0).json().to_string();
        assert!(granted.contains("iam:PassRole") && granted.contains(RUNBOOKS), "{granted}");
    };
    check(&naming(RUNBOOKS, "Unused", ""), &[]);
    check(&naming("{{ AutomationAssumeRole }}", "AutomationAssumeRole", RUNBOOKS), &[]);
    check(&naming("{{ MyRole }}", "MyRole", ""), &["--param", &own]);
}

#[test]
fn advice_names_the_parameter_that_the_runbook_has_for_its_role() {
    let refused = |document: &str, texts: &[&str]| {
        let (sim, env) = with_runbooks(document, &broad());
        let output = env.run(&NARROWED).exits(3).complains(texts);
        assert!(!output.stderr.contains("AutomationAssumeRole"), "{output}");
        assert_eq!(sim.stats().calls("StartAutomationExecution"), 0);
    };
    refused(&naming("{{ MyRole }}", "MyRole", ""), &["--param MyRole=ARN names the role"]);
    refused(&naming("", "Unused", ""), &["only its content, as assumeRole, could name one"]);
    let variable = "arn:aws:iam::{{ global:ACCOUNT_ID }}:role/runbooks";
    refused(&naming(variable, "Unused", ""), &["cannot be told before it is started", variable]);
}

#[test]
fn what_is_given_for_a_role_and_is_the_arn_of_none_is_refused_before_anything_is_sent() {
    let (sim, env) = with_runbooks(MEND, &broad());
    let check = |args: &[&str], value: &str| {
        let role = format!("AutomationAssumeRole={value}");
        let output = env.run(&[args, &["--param", &role]].concat()).exits(2);
        let text = format!("parameter `AutomationAssumeRole` is `{value}`, which is not the ARN");
        drop(output.complains(&[&text, "arn:aws:iam::123456789012:role/NAME", "nothing was sent"]));
    };
    for value in ["my-role", "arn:aws:iam::123:role/x"] {
        check(&NARROWED, value);
        check(&[&NARROWED[..], &["--automation"]].concat(), value);
        check(&[&["plan"], &NARROWED[2..]].concat(), value);
        let account = ["--account", "123456789012", "--automation"];
        check(&[&["policy"], &NARROWED[2..6], &account].concat(), value);
    }
    assert_eq!(sim.stats().calls("StartAutomationExecution"), 0);
}

#[test]
fn a_run_with_the_flags_that_a_policy_was_made_for_works_under_it() {
    let role = format!("AutomationAssumeRole={RUNBOOKS}");
    let named = naming(RUNBOOKS, "Unused", "");
    let said = ["--automation", "--target-parameter", "InstanceId"];
    let check = |document: &str, flags: &[&str], reads: usize| {
        let args = [&NARROWED[2..], flags].concat();
        let (_sim, env) = with_runbooks(document, &broad());
        let granted = env.run(&[&["policy"], &args[..]].concat()).exits(0).json();
        assert_eq!(granted.to_string().matches("ssm:GetDocument").count(), reads, "{granted:#}");
        let (sim, env) = with_runbooks(document, &granted["Statement"]);
        drop(env.run(&[&["run", "--yes"], &args[..]].concat()).exits(0));
        assert_eq!(sim.stats().executions(), [1, 1, 1]);
    };
    check(MEND, &["--param", &role], 1);
    check(MEND, &[&["--param", &role], &said[..1]].concat(), 1);
    check(MEND, &[&["--param", &role], &said[..]].concat(), 0);
    // Its role stands in its content alone.
    check(&named, &[], 1);
    check(&named, &said, 1);
}

#[test]
fn the_plan_of_a_runbook_is_carried_out_under_its_policy_and_held_against_the_world() {
    let role = format!("AutomationAssumeRole={RUNBOOKS}");
    let check = |document: &str, flags: &[&str]| {
        let (_sim, env) = with_runbooks(document, &broad());
        let args = [&["plan"], &NARROWED[2..], flags, &["-o", "plan.json"]].concat();
        drop(env.run(&args).exits(0));
        let plan = env.path("plan.json");
        let plan = plan.to_str().unwrap();
        let granted = env.run(&["policy", "--plan", plan]).exits(0).json();
        for session in [&["--session-policy", "none"][..], &[]] {
            let run = [&["run", "--yes", "--plan", plan], session].concat();
            let (sim, env) = with_runbooks(document, &granted["Statement"]);
            drop(env.run(&run).exits(0));
            assert_eq!(sim.stats().executions(), [1, 1, 1]);
            let other = document.replace("detachRootVolume", "attachRootVolume");
            let (sim, env) = with_runbooks(&other, &granted["Statement"]);
            let output = env.run(&run).exits(3);
            drop(output.complains(&["the plan is stale", "the document's hash was"]));
            assert_eq!(sim.stats().calls("StartAutomationExecution"), 0);
        }
    };
    check(MEND, &["--param", &role]);
    // Its role stands in its content alone.
    check(&naming(RUNBOOKS, "Unused", ""), &[]);
}

#[test]
fn whoever_may_not_read_of_which_type_it_is_is_told_how_to_say_it() {
    let (sim, env) = scoped("", &minimal());
    let args = ["run", "--yes", "--asg", "web", "--doc", "Restart", "--role-arn", ROLE];
    let output = env.run(&[&args[..], &["--session-policy", "none"]].concat()).exits(3);
    let how = "Restart is taken for a command: its type may not be read; of a runbook, --automation \
               --target-parameter NAME says what it is";
    let record = env.record();
    let mut notes = record.report["notes"].as_array().unwrap().iter();
    let is_told = |it: &Value| it["code"] == "advice" && it["text"].as_str().unwrap().contains(how);
    assert!(notes.any(is_told), "{output}");
    assert_eq!(sim.stats().calls("SendCommand"), 1);
}

#[test]
fn a_plan_whose_document_is_of_another_type_by_now_is_stale() {
    let command = r#"{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"x",
        "inputs":{"runCommand":["id"]}}]}"#;
    let of = |document: &str| {
        let world = "[[group]]\nname = \"web\"\nsize = 1\n[[document]]\nname = \"Mend\"\n\
                     file = \"mend.json\"\n";
        let sim = SimProcess::start(world, &[("mend.json", document)]);
        let env = FleetEnv::of(&sim);
        (sim, env)
    };
    let check = |before: &str, now: &str, text: &str| {
        let (_sim, env) = of(before);
        drop(env.run(&["plan", "--asg", "web", "--doc", "Mend", "-o", "plan.json"]).exits(0));
        let plan = env.path("plan.json");
        let (sim, env) = of(now);
        let output = env.run(&["run", "--plan", plan.to_str().unwrap(), "--yes"]).exits(3);
        let output = output.complains(&["the plan is stale", text, "nothing was sent"]);
        assert!(!output.stderr.contains("--automation"), "{output}");
        assert_eq!(sim.stats().executions(), Vec::<u64>::new());
    };
    check(MEND, command, "document Mend was of type Automation and is of type Command");
    check(command, MEND, "document Mend was of type Command and is of type Automation");
}

#[test]
fn fleet_policy_grants_what_the_run_needs() {
    let (_sim, env) = start();
    let args = ["policy", "--asg", "web", "--doc", "Mend", "--param"];
    let role = format!("AutomationAssumeRole={RUNBOOKS}");
    let output = env.run(&[&args[..], &[&role]].concat()).exits(0);
    let granted: Value = serde_json::from_str(&output.stdout).unwrap();
    let statements = granted["Statement"].as_array().unwrap();
    let actions: Vec<_> = statements.iter().map(|it| it["Action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "ssm:StartAutomationExecution",
            "iam:PassRole",
            "autoscaling:DescribeAutoScalingGroups",
            "ssm:GetDocument",
            "ssm:GetAutomationExecution",
        ],
        "{granted:#}"
    );
    assert_eq!(
        statements[1]["Condition"]["StringEquals"]["iam:PassedToService"],
        "ssm.amazonaws.com"
    );
}
