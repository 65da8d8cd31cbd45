//! What `fleet run` refuses, `fleet doctor` with the same flags does not pass.

use std::fs;

use serde_json::{Value, json};

use crate::{
    cli_doctor::{doctor, env, finds},
    support::{
        FleetEnv, Output, SimProcess,
        scoped::{ROLE, Scoped, allow, allow_all, policy},
    },
};

const WEB: &str = "[[group]]\nname = \"web\"\nsize = 10\n";

/// A document that cannot do without `unit`, and takes two modes.
const OWN: &str = "schemaVersion: \"2.2\"\nparameters:\n  unit: {type: String}\n  mode: {type: \
                   String, default: a, allowedValues: [a, b]}\nmainSteps:\n  - action: \
                   aws:runShellScript\n    name: run\n    inputs:\n      runCommand: [\"true\"]\n";

/// Requires that a run with these flags is refused with `code` and `text`, and that the doctor has
/// `check` fail with the same.
fn both_refuse(env: &FleetEnv, flags: &[&str], code: i32, check: &str, text: &str) {
    drop(env.run(&[&["run", "--yes"], flags].concat()).exits(code).complains(&[text]));
    let output = doctor(env, &[&["--output", "json"], flags].concat()).exits(3);
    finds(&output, check, "fail", &[text]);
}

#[test]
fn a_ceiling_that_refuses_a_flag_is_a_check_that_fails() {
    let sim = SimProcess::start(WEB, &[]);
    let env = FleetEnv::of(&sim).unset("FLEET_NOW");
    let web = ["--asg", "web", "--doc", "AWS-RunShellScript", "--param", "commands=true"];
    let with = |more: &[&'static str]| [&web[..], more].concat();
    let passes = |flags: &[&str], verdict: &str, texts: &[&str]| {
        let output = doctor(&env, &[&["--output", "json"], flags].concat()).exits(0);
        finds(&output, "ceilings", verdict, texts);
    };
    env.write("fleet.toml", "[ceilings]\nmax_concurrency = \"25%\"\nmax_errors = \"1\"\n");
    let origin = "line 2: ceilings.max_concurrency";
    both_refuse(&env, &with(&["--max-concurrency", "50%"]), 2, "ceilings", origin);
    both_refuse(&env, &with(&["--max-errors", "2"]), 2, "ceilings", "ceiling of 1");
    // Each of them is told, not the first alone.
    let flags = with(&["--max-errors", "2", "--max-concurrency", "50%", "--output", "json"]);
    let output = doctor(&env, &flags).exits(3);
    assert_eq!(output.json()["totals"]["fail"], 2, "\n{output}");
    passes(&web, "pass", &["within them", "max_concurrency 25%", "max_errors 1"]);
    passes(&[], "pass", &["held against no run", "max_errors 1"]);

    env.write("fleet.toml", "[ceilings]\nallow_documents = [\"Fleet-*\"]\n");
    both_refuse(&env, &web, 2, "ceilings", "not among those that are allowed: Fleet-*");
    // What a file sets is held against a ceiling as a flag is.
    env.write("fleet.toml", "[limits]\nmax_errors = \"3\"\n[ceilings]\nmax_errors = \"2\"\n");
    both_refuse(&env, &web, 2, "ceilings", "ceiling of 2");

    env.write("fleet.toml", "[ceilings]\nrequire_plan = true\n");
    drop(env.run(&[&["run", "--yes"], &web[..]].concat()).exits(2));
    passes(&web, "warn", &["line 2: ceilings.require_plan", "fleet run --plan FILE"]);
    assert_eq!(sim.stats().commands(), 0);
}

#[test]
fn a_session_policy_that_cannot_be_made_is_a_check_that_fails() {
    let names: Vec<String> = (0..60).map(|it| format!("{it}-{}", "g".repeat(40))).collect();
    let groups: Vec<String> =
        names.iter().map(|it| format!("[[group]]\nname = \"{it}\"\nsize = 1\n")).collect();
    let (sim, env) = Scoped::of(&groups.concat(), &json!([allow_all()])).start();
    let env = env.unset("FLEET_NOW");
    let flags = names.iter().flat_map(|it| ["--asg", it]);
    let flags: Vec<&str> = flags.chain(["--doc", "Restart", "--role-arn", ROLE]).collect();
    both_refuse(&env, &flags, 3, "session policy", "session policy for 60 groups has ");
    let output = doctor(&env, &[&flags[..], &["--output", "json"]].concat());
    finds(&output, "session policy", "fail", &["STS takes 2048", "--session-policy none"]);
    let alone = ["--session-policy", "none", "--output", "json"];
    let output = doctor(&env, &[&flags[..], &alone].concat()).exits(0);
    finds(&output, "session policy", "pass", &["the role alone decides"]);
    // So many groups are read in calls of fifty names each.
    finds(&output, "group", "pass", &["60 instances, 60 in service", "and 57 more"]);
    finds(&output, "processes", "pass", &["none is suspended"]);
    finds(&output, "refresh", "pass", &["and 57 more: none is under way"]);
    let longest = output.stdout.lines().map(str::len).max().unwrap();
    assert!(longest < 500, "{longest}\n{output}");
    assert_eq!(sim.stats().commands(), 0);
}

#[test]
fn a_runbook_whose_steps_would_act_as_a_narrowed_session_is_a_check_that_fails() {
    let (sim, env) = Scoped::of(WEB, &json!([allow_all()])).start();
    let env = env.unset("FLEET_NOW");
    let role = ["--asg", "web", "--role-arn", ROLE];
    let ssh = "AWSSupport-TroubleshootSSH";
    let text = "without a role of their own its steps would act with that session";
    let flags = [&role[..], &["--doc", ssh]].concat();
    both_refuse(&env, &flags, 3, "session policy", text);
    let output = doctor(&env, &[&flags[..], &["--output", "json"]].concat());
    finds(&output, "session policy", "fail", &["--param AutomationAssumeRole=ARN"]);
    let second = [&role[..], &["--doc", "Restart", "--then", ssh]].concat();
    both_refuse(&env, &second, 3, "then session", text);
    let absent = [&role[..], &["--doc", "Restart", "--then", "Fleet-CheckSshd"]].concat();
    let output = doctor(&env, &[&absent[..], &["--output", "json"]].concat()).exits(3);
    finds(&output, "then document", "fail", &["`fleet docs publish Fleet-CheckSshd`"]);
    assert!(!output.stdout.contains("fleet run --publish"), "{output}");
    let alone = ["--session-policy", "none", "--output", "json"];
    let output = doctor(&env, &[&flags[..], &alone].concat());
    finds(&output, "session policy", "pass", &["the role alone decides"]);
    assert_eq!(sim.stats().commands(), 0);
}

const DOCUMENT: &str = "arn:aws:ssm:us-east-1:123456789012:document/Restart";

/// What a role may do to send `document` to the instances that `condition` lets through.
fn sends(document: &str, condition: &Value) -> Vec<Value> {
    let instances = "arn:aws:ec2:us-east-1:123456789012:instance/*";
    let reads = json!(["ssm:List*", "ssm:Describe*", "ssm:Get*", "autoscaling:Describe*"]);
    let mut to_instances = allow(&json!("ssm:SendCommand"), instances);
    to_instances["Condition"] = condition.clone();
    let document = allow(&json!("ssm:SendCommand"), document);
    vec![allow(&reads, "*"), document, to_instances]
}

fn in_group(name: &str) -> Value {
    json!({"StringEquals": {"ssm:resourceTag/aws:autoscaling:groupName": name}})
}

#[test]
fn a_role_that_may_not_send_is_a_check_that_fails() {
    let cancel = allow(&json!("ssm:CancelCommand"), "*");
    let simulate = allow(&json!("iam:SimulatePrincipalPolicy"), ROLE);
    let assume = allow(&json!("sts:AssumeRole"), ROLE);
    let whole = [sends(DOCUMENT, &in_group("web")), vec![cancel.clone()]].concat();
    let finds_of = |role: Vec<Value>, code: i32, verdict: &str, texts: &[&str]| {
        // Either the operator may look at the role, or the role at itself.
        let own = [role.clone(), vec![simulate.clone()]].concat();
        for (operator, role) in
            [(vec![assume.clone(), simulate.clone()], role), (vec![assume.clone()], own)]
        {
            let operator = policy(&json!(operator));
            let scoped = Scoped { operator, ..Scoped::of(WEB, &json!(role)) };
            let (sim, env) = scoped.start();
            let env = env.unset("FLEET_NOW");
            for group in [&["--asg", "web"][..], &["--tag", "aws:autoscaling:groupName=web"]] {
                let flags = ["--doc", "Restart", "--role-arn", ROLE, "--output", "json"];
                let output = doctor(&env, &[group, &flags].concat()).exits(code);
                finds(&output, "send", verdict, texts);
            }
            assert_eq!(sim.stats().commands(), 0);
        }
    };
    finds_of(whole, 0, "pass", &[ROLE, "may send this, and cancel it"]);
    let uncancelled = sends(DOCUMENT, &in_group("web"));
    finds_of(uncancelled.clone(), 0, "warn", &["not ssm:CancelCommand", "fleet policy"]);
    let another = DOCUMENT.replace("Restart", "Another");
    let denied = [ROLE, "may not send", "no policy allows ssm:SendCommand on", DOCUMENT];
    finds_of(sends(&another, &in_group("web")), 3, "fail", &denied);
    finds_of(sends(DOCUMENT, &in_group("other")), 3, "fail", &["may not send", ":instance/"]);
    // Who the session will be is not known to the role's policies.
    let tagged = json!({"StringEquals": {"aws:PrincipalTag/team": "edge"}});
    let told = ["untested", "would have to be told of aws:principaltag/team"];
    finds_of(sends(DOCUMENT, &tagged), 0, "unknown", &told);
}

const RUNBOOKS: &str = "arn:aws:iam::123456789012:role/runbooks";

/// What a role may do to start AWS's own repair of sshd as these.
fn starts(on: &[&str], executions: &[&str], passing: &Value) -> Vec<Value> {
    let reads = json!(["ssm:List*", "ssm:Describe*", "ssm:GetDocument", "autoscaling:Describe*"]);
    let mut start = allow(&json!("ssm:StartAutomationExecution"), "");
    start["Resource"] = json!(on);
    let of_all = "arn:aws:ssm:us-east-1:123456789012:automation-execution/*";
    let mut pass = allow(&json!("iam:PassRole"), RUNBOOKS);
    pass["Condition"] = passing.clone();
    vec![allow(&reads, "*"), start, allow(&json!(executions), of_all), pass]
}

#[test]
fn a_role_that_may_not_start_a_runbook_is_a_check_that_fails() {
    let document = "arn:aws:ssm:us-east-1::document/AWSSupport-TroubleshootSSH";
    let definition = "arn:aws:ssm:us-east-1::automation-definition/AWSSupport-TroubleshootSSH:*";
    let execution = "arn:aws:ssm:us-east-1:123456789012:automation-execution/*";
    let all = [document, definition, execution];
    let both = ["ssm:GetAutomationExecution", "ssm:StopAutomationExecution"];
    let to = |service: &str| json!({"StringEquals": {"iam:PassedToService": service}});
    let to_ssm = to("ssm.amazonaws.com");
    let simulate = allow(&json!("iam:SimulatePrincipalPolicy"), ROLE);
    let finds_of = |role: Vec<Value>, code: i32, verdict: &str, texts: &[&str]| {
        let operator = policy(&json!([allow(&json!("sts:AssumeRole"), ROLE), simulate]));
        let (sim, env) = Scoped { operator, ..Scoped::of(WEB, &json!(role)) }.start();
        let env = env.unset("FLEET_NOW");
        let role = format!("AutomationAssumeRole={RUNBOOKS}");
        let flags = ["--asg", "web", "--doc", "AWSSupport-TroubleshootSSH", "--param", &role];
        let more = ["--param", "Action=FixAll", "--role-arn", ROLE, "--output", "json"];
        let output = doctor(&env, &[&flags[..], &more].concat()).exits(code);
        finds(&output, "send", verdict, texts);
        assert_eq!(sim.stats().calls("StartAutomationExecution"), 0);
    };
    let may = [ROLE, "may start this, and stop it", "What its steps may do was not weighed"];
    finds_of(starts(&all, &both, &to_ssm), 0, "pass", &may);
    let unpassed = ["may not start", "iam:PassRole", RUNBOOKS];
    finds_of(starts(&all, &both, &to("ec2.amazonaws.com")), 3, "fail", &unpassed);
    let denied = "ssm:StartAutomationExecution on arn:aws:ssm:us-east-1::automation-definition/";
    finds_of(starts(&[document, execution], &both, &to_ssm), 3, "fail", &[denied]);
    let unseen = "ssm:GetAutomationExecution on arn:aws:ssm:us-east-1:123456789012:automation-e";
    finds_of(starts(&all, &both[1..], &to_ssm), 3, "fail", &[unseen]);
    let listed = ["by one of its names", document];
    finds_of(starts(&all[1..], &both, &to_ssm), 0, "warn", &listed);
    let unstopped = "may start, and not ssm:StopAutomationExecution";
    finds_of(starts(&all, &both[..1], &to_ssm), 0, "warn", &[unstopped]);
}

#[test]
fn parameters_that_are_missing_or_not_allowed_are_a_check_that_fails() {
    let world = "[[document]]\nname = \"Own\"\nfile = \"own.yaml\"\n[[group]]\nname = \"web\"\n\
                 size = 1\n";
    let sim = SimProcess::start(world, &[("own.yaml", OWN)]);
    let env = FleetEnv::of(&sim).unset("FLEET_NOW");
    let own = ["--asg", "web", "--doc", "Own"];
    let given = |more: &[&'static str]| [&own[..], more].concat();
    both_refuse(&env, &own, 2, "parameters", "needs parameter `unit`");
    let wrong = given(&["--param", "unit=x", "--param", "mode=c"]);
    both_refuse(&env, &wrong, 2, "parameters", "allows a, b");
    let secret = given(&["--param", "unit=x", "--param", "mode=hunter2", "--redact", "hunter."]);
    let output = doctor(&env, &secret).exits(3);
    assert!(!output.stdout.contains("hunter2"), "\n{output}");
    let right = given(&["--param", "unit=x", "--output", "json"]);
    let output = doctor(&env, &right).exits(0);
    finds(&output, "plan", "pass", &["1 instance"]);
}

#[test]
fn parameters_of_no_document_and_a_role_that_is_none_are_refused_before_any_call() {
    let sim = SimProcess::start(WEB, &[]);
    let env = FleetEnv::of(&sim);
    let refused = |output: Output, text: &str| {
        drop(output.exits(2).complains(&[text, "nothing was sent"]));
        assert_eq!(sim.stats().0["calls"], json!({}));
    };
    refused(doctor(&env, &["--asg", "web", "--param", "a=b"]), "--doc NAME");
    for command in ["doctor", "plan"] {
        let args = [command, "--asg", "web", "--doc", "AWS-X", "--role-arn", "bad"];
        refused(env.run(&args), "not the ARN of a role");
    }
}

#[test]
fn a_configuration_that_is_not_understood_is_a_line_of_the_table() {
    let env = env();
    env.write("fleet.toml", "[ceilings]\nmax_errors = \"many\"\n");
    let flags = ["--sim", "--asg", "web"];
    let output = env.run(&[&["run"], &flags[..], &["--", "true"]].concat()).exits(2);
    drop(output.complains(&["fleet.toml, line 2: ceilings.max_errors"]));
    let output = doctor(&env, &[&flags[..], &["--output", "json"]].concat()).exits(3);
    finds(&output, "configuration", "fail", &["fleet.toml, line 2: ceilings.max_errors"]);
    finds(&output, "ceilings", "unknown", &["configuration"]);
    // What needs no file is looked at all the same.
    finds(&output, "group", "pass", &["6 instances"]);
    finds(&output, "credentials", "pass", &[]);
    fs::remove_file(env.path("fleet.toml")).unwrap();
    let output = doctor(&env, &["--sim", "--env", "nowhere", "--output", "json"]).exits(3);
    finds(&output, "configuration", "fail", &["no configuration file has an environment"]);
}

#[test]
fn canned_documents_that_are_not_there_or_not_fleets_are_told_by_name() {
    let sim = SimProcess::start(WEB, &[]);
    let env = FleetEnv::of(&sim).unset("FLEET_NOW");
    let check = |code: i32, verdict: &str, texts: &[&str]| {
        let output = doctor(&env, &["--output", "json"]).exits(code);
        finds(&output, "canned documents", verdict, texts);
    };
    check(0, "warn", &["none of", "`fleet docs publish`"]);
    let [here, there] = ["Fleet-CheckSshd", "Fleet-RepairSshd"];
    drop(env.run(&["docs", "publish", "--yes", here]).exits(0));
    check(0, "warn", &["not published here: ", there, "`fleet docs publish Fleet-"]);
    let world = format!("{WEB}[[document]]\nname = \"{here}\"\nfile = \"own.yaml\"\n");
    let sim = SimProcess::start(&world, &[("own.yaml", OWN)]);
    let env = FleetEnv::of(&sim).unset("FLEET_NOW");
    let output = doctor(&env, &["--output", "json"]).exits(3);
    finds(&output, "canned documents", "fail", &[here, "fleet docs verify"]);
}

#[test]
fn a_denial_names_the_action_that_there_is() {
    let reads = ["ssm:*", "autoscaling:DescribeAutoScalingGroups"];
    let (_sim, env) = Scoped::of(WEB, &json!([allow(&json!(reads), "*")])).start();
    let env = env.unset("FLEET_NOW");
    let flags = ["--asg", "web", "--role-arn", ROLE, "--output", "json"];
    let output = doctor(&env, &flags).exits(0);
    finds(&output, "refresh", "unknown", &["autoscaling:DescribeInstanceRefreshes"]);
    assert!(!output.stdout.contains("ssm:DescribeInstanceRefreshes"), "\n{output}");
}
