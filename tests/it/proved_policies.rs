//! Each policy that `fleet policy` prints is put into a world, where the run works under it and
//! fails, or names what is lost, when any one of its statements is taken out.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::support::{
    FleetEnv, Output, SimProcess,
    scoped::{DOCUMENT, ROLE, Scoped, allow_all, policy},
    skip,
};

const GROUPS: &str = r#"
[[group]]
name = "web"
size = 2
tags = { role = "web" }

[[group]]
name = "other"
size = 1
tags = { role = "other" }

[[outcome]]
after = "2s"
stdout = "up"
"#;

/// The world, with a role that may do what `role` says.
fn world(role: &Value) -> (SimProcess, FleetEnv) {
    world_of(GROUPS, role)
}

fn world_of(groups: &str, role: &Value) -> (SimProcess, FleetEnv) {
    Scoped { role: role.clone(), ..Scoped::of(groups, &json!([])) }.start()
}

/// The world, with a role that may do anything.
pub(crate) fn open_world() -> (SimProcess, FleetEnv) {
    world(&policy(&allow_all()))
}

/// Runs in a world with exactly this policy.
fn run_under(policy: &Value, flags: &[&str]) -> (Output, SimProcess, FleetEnv) {
    let (sim, env) = world(policy);
    let role = ["--role-arn", ROLE, "--session-policy", "none", "--yes", "--max-concurrency", "2"];
    let output = env.run(&[&["run"], flags, &["--doc", "Restart"], &role[..]].concat());
    (output, sim, env)
}

/// Returns the policy of `level` that a caller who may read everything is given for these flags.
pub(crate) fn policy_for(flags: &[&str], level: &str) -> Value {
    let (sim, env) = open_world();
    let args = [&["policy"], flags, &["--doc", "Restart", "--role-arn", ROLE, "--level", level]];
    let policy = env.run(&args.concat()).exits(0).json();
    assert_eq!(sim.stats().commands(), 0);
    policy
}

fn sid(statement: &Value) -> &str {
    statement["Sid"].as_str().unwrap()
}

fn without(policy: &Value, at: usize) -> Value {
    let mut policy = policy.clone();
    policy["Statement"].as_array_mut().unwrap().remove(at);
    policy
}

/// Requires what happens to the run once the statement `sid` is missing.
fn check_loss(sid: &str, action: &str, by_tag: bool, run: (Output, SimProcess, FleetEnv)) {
    let (output, sim, env) = run;
    let said = || format!("{}{}", output.stdout, output.stderr).replace('\n', " ");
    let n_commands = sim.stats().commands();
    if let Some(optional) = sid.strip_prefix("Optional") {
        assert_eq!(output.code, Some(0), "{sid}:\n{output}");
        // They were not needed here: nothing was in doubt or cancelled, no output was cut, one page
        // of rows tells as much as the counters, the group is small, and nobody left it.
        let unused = ["ListCommands", "GetCommandInvocation", "CancelCommand"];
        let of_others = ["DescribeInstanceProperties", "DescribeScalingActivities"];
        if unused.contains(&optional) || of_others.contains(&optional) {
            return;
        }
        let record = env.record();
        let notes = record.complete()["notes"].as_array().unwrap().clone();
        let texts = notes.iter().filter_map(|it| it["text"].as_str());
        let naming = texts.filter(|it| it.contains(action)).count();
        assert_eq!(naming, 1, "{sid}: {notes:?}\n{output}");
        assert_eq!(sim.stats().calls(optional), 1, "{sid} was asked for again");
        return;
    }
    match sid {
        "SendDocument" => {
            assert_eq!(output.code, Some(3), "{sid}:\n{output}");
            assert!(said().contains("document/Restart"), "{sid}:\n{output}");
            assert!(said().contains("nothing was sent"), "{sid}:\n{output}");
        }
        "SendToGroups" if by_tag => {
            // SSM takes a command by tag, and denies it an instance at a time.
            assert_eq!(output.code, Some(1), "{sid}:\n{output}");
            assert_eq!(env.record().complete()["totals"]["access_denied"], 2);
            assert_eq!(sim.stats().executions(), Vec::<u64>::new());
            return;
        }
        "ListCommandInvocations" => {
            assert_eq!(output.code, Some(6), "{sid}:\n{output}");
            assert_eq!(n_commands, 1);
            assert!(said().contains(action), "{sid}:\n{output}");
            return;
        }
        _ => {
            assert_eq!(output.code, Some(3), "{sid}:\n{output}");
            assert!(said().contains(action), "{sid} does not name {action}:\n{output}");
            assert!(said().contains("nothing was sent"), "{sid}:\n{output}");
        }
    }
    assert_eq!(n_commands, 0, "{sid}:\n{output}");
}

/// Proves a policy: the run works under it, and every one of its statements is needed or said to
/// be missed.
fn prove(flags: &[&str], level: &str, by_tag: bool, sids: &[&str]) {
    let policy = policy_for(flags, level);
    let statements = policy["Statement"].as_array().unwrap();
    assert_eq!(statements.iter().map(sid).collect::<Vec<_>>(), sids, "{flags:?}");
    let (output, sim, env) = run_under(&policy, flags);
    drop(output.exits(0));
    env.record().complete();
    assert!(sim.stats().executions().iter().all(|it| *it == 1));
    std::thread::scope(|scope| {
        for (at, statement) in statements.iter().enumerate() {
            let policy = &policy;
            scope.spawn(move || {
                let run = run_under(&without(policy, at), flags);
                check_loss(sid(statement), statement["Action"].as_str().unwrap(), by_tag, run);
            });
        }
    });
}

/// What every run can make use of, whomever it is over, at the end of a full policy.
const OF_EVERY_RUN: [&str; 5] = [
    "OptionalDescribeDocument",
    "OptionalGetDocument",
    "OptionalListCommands",
    "OptionalGetCommandInvocation",
    "OptionalCancelCommand",
];

/// Proves the full policy: the statements of the minimal one, then what shows whom the run is over,
/// then what every run can make use of.
fn prove_full(flags: &[&str], by_tag: bool, minimal: &[&str], showing: &[&str]) {
    prove(flags, "full", by_tag, &[minimal, showing, &OF_EVERY_RUN].concat());
}

const SEND: [&str; 3] = ["SendDocument", "SendToGroups", "ListCommandInvocations"];

#[test]
fn a_group_needs_two_statements_to_send_and_one_to_follow() {
    prove(&["--asg", "web"], "minimal", true, &SEND);
}

#[test]
fn each_optional_permission_of_a_group_is_missed_in_a_note_once() {
    let showing = [
        "OptionalDescribeAutoScalingGroups",
        "OptionalDescribeScalingActivities",
        "OptionalDescribeInstanceInformation",
        "OptionalDescribeInstanceProperties",
    ];
    prove_full(&["--asg", "web"], true, &SEND, &showing);
}

#[test]
fn waves_need_the_list_of_the_group() {
    let sids = [&SEND[..], &["DescribeAutoScalingGroups"]].concat();
    prove(&["--asg", "web", "--waves", "1"], "minimal", false, &sids);
}

#[test]
fn groups_by_a_tag_of_theirs_are_named_in_the_policy() {
    let flags = ["--asg-tag", "role=web"];
    let policy = policy_for(&flags, "minimal");
    let condition = &policy["Statement"][1]["Condition"]["StringEquals"];
    assert_eq!(condition["ssm:resourceTag/aws:autoscaling:groupName"], "web");
    let sids = [&SEND[..], &["DescribeAutoScalingGroups"]].concat();
    prove(&flags, "minimal", true, &sids);
    let showing = [
        "OptionalDescribeScalingActivities",
        "OptionalDescribeInstanceInformation",
        "OptionalDescribeInstanceProperties",
    ];
    prove_full(&flags, true, &sids, &showing);
}

#[test]
fn instances_by_a_tag_need_the_list_of_agents() {
    let flags = ["--tag", "role=web"];
    let send = ["SendDocument", "SendToTagged", "ListCommandInvocations"];
    let sids = [&send[..], &["DescribeInstanceInformation"]].concat();
    prove(&flags, "minimal", false, &sids);
    let showing = ["OptionalDescribeAutoScalingInstances"];
    prove_full(&flags, false, &sids, &showing);
}

#[test]
fn instances_by_id_are_named_one_by_one() {
    let (_sim, env) = open_world();
    let args = ["targets", "--asg", "web", "--role-arn", ROLE, "--output", "json"];
    let listed = env.run(&args).exits(0).json();
    let id = |at: usize| listed["planned"][at]["id"].as_str().unwrap().to_owned();
    let (first, second) = (id(0), id(1));
    let flags = ["--instance", &first, "--instance", &second];
    let policy = policy_for(&flags, "minimal");
    let arn = |id: &str| format!("arn:aws:ec2:us-east-1:123456789012:instance/{id}");
    assert_eq!(policy["Statement"][1]["Resource"], json!([arn(&first), arn(&second)]));
    let send = ["SendDocument", "SendToInstances", "ListCommandInvocations"];
    prove(&flags, "minimal", false, &send);
    let showing = ["OptionalDescribeAutoScalingInstances", "OptionalDescribeInstanceInformation"];
    prove_full(&flags, false, &send, &showing);
}

/// What some permissions buy is only needed when something happens: takes one out of the full
/// policy, and returns how the run ends with it and without it, and what is said without it.
fn miss(optional: &str, happening: &str, flags: &[&str]) -> [(Option<i32>, Value); 2] {
    let target = ["--asg", "web"];
    let groups = format!("[[group]]\nname = \"web\"\nsize = 3\n{happening}");
    let whole = policy_for(&target, "full");
    let statements = whole["Statement"].as_array().unwrap();
    let at = statements.iter().position(|it| sid(it) == format!("Optional{optional}")).unwrap();
    [whole.clone(), without(&whole, at)].map(|role| {
        let (sim, env) = world_of(&groups, &role);
        let args = ["run", "--yes", "--doc", "Restart", "--role-arn", ROLE];
        let output = env.run(&[&args[..], &target, &["--session-policy", "none"], flags].concat());
        let report = env.record().complete().clone();
        let notes = report["notes"].to_string();
        let is_missed = notes.contains(&format!("ssm:{optional} is not permitted"));
        assert_eq!(is_missed, role != whole, "{optional}: {notes}\n{output}");
        assert!(sim.stats().executions().iter().all(|it| *it <= 1), "{output}");
        (output.code, report)
    })
}

#[test]
fn without_the_list_of_commands_a_doubt_is_not_settled() {
    let happening = "[[fault]]\noperation = \"SendCommand\"\ncalls = [1]\n\
                     kind = \"drop-after-accept\"\n";
    let [with, without] = miss("ListCommands", happening, &[]);
    assert_eq!((with.0, &with.1["totals"]), (Some(0), &json!({"succeeded": 3})));
    assert_eq!((without.0, &without.1["totals"]), (Some(6), &json!({"unknown": 3})));
}

#[test]
fn without_the_whole_output_what_the_list_has_of_it_is_reported() {
    let happening = format!("[[outcome]]\nstdout = \"{}\"\n", "x".repeat(3_000));
    let [with, without] = miss("GetCommandInvocation", &happening, &[]);
    let shown = |report: &Value| {
        let it = &report["instances"][0];
        (it["stdout"].as_str().unwrap().len(), it["truncated"].as_bool().unwrap())
    };
    assert_eq!((with.0, shown(&with.1)), (Some(0), (3_000, false)));
    let (n_shown, is_truncated) = shown(&without.1);
    assert!(is_truncated && n_shown <= 2_500, "{n_shown}");
    assert_eq!(without.0, Some(0));
}

#[test]
fn without_cancelling_what_the_budget_stops_goes_on_to_its_end() {
    // SSM lets undeliverable instances pass; fleet's budget does not, and cancels the command.
    let happening = "[[outcome]]\ninstances = [0]\nafter = \"2s\"\nstatus = \"Undeliverable\"\n\
                     [[outcome]]\nafter = \"250s\"\n";
    let [with, without] = miss("CancelCommand", happening, &[]);
    assert_eq!((with.0, &with.1["totals"]["undeliverable"]), (Some(5), &json!(1)));
    // Whoever SSM starts while the call is under way is cancelled too.
    assert!(with.1["totals"]["cancelled"].as_u64() >= Some(1), "{}", with.1["totals"]);
    assert_eq!(without.1["totals"], json!({"succeeded": 2, "undeliverable": 1}));
}

/// Returns the policies of a template's role and of its user, as CloudFormation would have them in
/// the account of these tests, and the template's text without its functions.
fn deployed(template: &str) -> Value {
    let text = template
        .replace("!Ref PrincipalArn", "\"arn:aws:iam::123456789012:user/operator\"")
        .replace("!GetAtt User.Arn", "\"arn:aws:iam::123456789012:user/operator\"")
        .replace("!GetAtt Role.Arn", &format!("\"{ROLE}\""))
        .replace("!Not [!Equals [!Ref ExternalId, \"\"]]", "true")
        .replace("!Sub ", "")
        .replace("${AWS::Partition}", "aws")
        .replace("${AWS::Region}", "us-east-1")
        .replace("${AWS::AccountId}", "123456789012")
        .replace("${Document}", "Restart");
    // With an external id, the first of the two applies.
    let text = text.replace("Condition: !If\n", "Condition:\n");
    let text = text.replace("!Ref ExternalId", "\"incident-7\"").replace("!Ref ", "");
    serde_saphyr::from_str(&text).unwrap_or_else(|err| panic!("{err}:\n{text}"))
}

#[test]
fn a_deployed_template_is_enough_for_its_user_and_nobody_else() {
    let env = FleetEnv::new();
    let document = env.write("restart.yaml", DOCUMENT);
    let args = ["--region", "us-east-1", "--asg", "web", "--doc", "Restart", "--with-user"];
    let args =
        [&args[..], &["--format", "cloudformation", "--doc-file", document.to_str().unwrap()]];
    let account = ["policy", "--account", "123456789012", "--source-identity", "kim"];
    let template = deployed(&env.run(&[&account[..], &args.concat()].concat()).exits(0).stdout);
    let resources = &template["Resources"];
    let mut trust = resources["Role"]["Properties"]["AssumeRolePolicyDocument"].clone();
    let condition = &mut trust["Statement"][0]["Condition"];
    *condition = condition[1].clone();
    let role = &resources["Role"]["Properties"]["Policies"][0]["PolicyDocument"];
    let user = &resources["AssumeRole"]["Properties"]["PolicyDocument"];
    let content = &resources["Document"]["Properties"]["Content"];
    let (sim, env) = Scoped {
        groups: GROUPS.to_owned(),
        document: content.as_str().unwrap().to_owned(),
        trust,
        operator: user.clone(),
        role: role.clone(),
    }
    .start();
    let run = |group: &str, more: &[&str]| {
        let what = ["run", "--yes", "--asg", group, "--doc", "Restart", "--role-arn", ROLE];
        env.run(&[&what[..], more].concat())
    };
    let id = ["--external-id", "incident-7", "--max-concurrency", "2", "--source-identity", "kim"];
    drop(run("web", &id).exits(0));
    assert_eq!(sim.stats().executions(), [1, 1]);
    drop(run("other", &id).exits(1).prints(&["1 access denied"]));
    drop(run("web", &[]).exits(3).complains(&["external id", "nothing was sent"]));
    assert_eq!(sim.stats().executions(), [1, 1]);
}

#[test]
fn a_session_over_groups_by_a_tag_reaches_those_groups_alone() {
    let (sim, env) = open_world();
    let what = ["--asg-tag", "role=web", "--doc", "Restart", "--role-arn", ROLE];
    let args = [&["run", "--yes", "--max-concurrency", "2"], &what[..]].concat();
    drop(env.run(&args).exits(0));
    assert_eq!(sim.stats().executions(), [1, 1]);
    // A first session reads which groups they are; the one that sends is another.
    let stats = sim.stats();
    assert_eq!(stats.calls("AssumeRole"), 2);
    let record = env.record();
    let counted = &record.complete()["api_calls"]["by_operation"];
    assert_eq!(counted["AssumeRole"], 2, "{counted}");
    let args = ["--asg-tag", "role=nobody", "--doc", "Restart", "--role-arn", ROLE];
    drop(env.run(&[&["run", "--yes"], &args[..]].concat()).exits(4));
}

/// The AWS CLI with the keys of a session; `None` where there is none.
fn aws(sim: &SimProcess, keys: &Value, args: &[&str]) -> Option<Result<Value, String>> {
    let program = std::env::var("FLEET_TEST_AWS").unwrap_or_else(|_| "aws".to_owned());
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var("PATH").unwrap()).env("HOME", "/nonexistent");
    command.envs(sim.exports()).args(["--output", "json"]).args(args);
    let names = ["AccessKeyId", "SecretAccessKey", "SessionToken"];
    let variables = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    for (name, variable) in names.iter().zip(variables) {
        if let Some(it) = keys["Credentials"][name].as_str() {
            command.env(variable, it);
        }
    }
    let output = command.output().ok().filter(|it| it.status.code() != Some(127))?;
    let (out, err) = (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned());
    Some(if output.status.success() { Ok(serde_json::from_slice(&out).unwrap()) } else { Err(err) })
}

#[test]
fn the_session_refuses_everything_else_to_whoever_holds_its_keys() {
    let (sim, env) = open_world();
    let args = ["policy", "--format", "session", "--asg", "web", "--doc", "Restart"];
    let policy = env.run(&[&args[..], &["--role-arn", ROLE]].concat()).exits(0).stdout;
    let assume = ["sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "me"];
    let assume = [&assume[..], &["--policy", policy.trim_end()]].concat();
    let Some(keys) = aws(&sim, &Value::Null, &assume) else {
        return skip("a session's keys", "there is no AWS CLI: set FLEET_TEST_AWS");
    };
    let keys = keys.unwrap();
    let listed = |group: &str| {
        let args = ["targets", "--asg", group, "--role-arn", ROLE, "--output", "json"];
        let listed = env.run(&args).exits(0).json();
        listed["planned"][0]["id"].as_str().unwrap().to_owned()
    };
    let (inside, outside) = (listed("web"), listed("other"));
    let send = |document: &str, id: &str| {
        let args = ["ssm", "send-command", "--document-name", document, "--instance-ids", id];
        aws(&sim, &keys, &args).unwrap()
    };
    let refused = |answer: Result<Value, String>, resource: &str| {
        let err = answer.unwrap_err();
        assert!(err.contains("AccessDeniedException") && err.contains(resource), "{err}");
        let ending = "because no session policy allows the ssm:SendCommand action";
        assert!(err.contains(ending), "{err}");
    };
    refused(send("AWS-RunShellScript", &inside), "document/AWS-RunShellScript");
    refused(send("Restart", &outside), &format!("instance/{outside}"));
    assert_eq!(sim.stats().commands(), 0);
    send("Restart", &inside).unwrap();
    assert_eq!(sim.stats().commands(), 1);
    let terminate = ["ssm", "delete-document", "--name", "Restart"];
    assert!(aws(&sim, &keys, &terminate).unwrap().unwrap_err().contains("AccessDenied"));
}

#[test]
fn a_role_that_may_do_anything_is_narrowed_by_the_policy_that_is_printed() {
    let (sim, env) = open_world();
    let what = ["--asg", "web", "--doc", "Restart", "--role-arn", ROLE];
    let args = [&["policy", "--format", "session"], &what[..]].concat();
    let policy = env.run(&args).exits(0).stdout;
    assert!(policy.trim_end().len() <= 2048, "{policy}");
    let file = env.write("session.json", &policy);
    let run = |group: &str, document: &str| {
        let what = ["--asg", group, "--doc", document, "--role-arn", ROLE, "--yes"];
        let narrowed = ["--max-concurrency", "2", "--session-policy", file.to_str().unwrap()];
        env.run(&[&["run"], &what[..], &narrowed].concat())
    };
    drop(run("web", "Restart").exits(0));
    assert_eq!(sim.stats().executions(), [1, 1]);
    drop(run("other", "Restart").exits(1).prints(&["1 access denied"]));
    let refused = run("web", "AWS-RunShellScript").exits(3).complains(&["nothing was sent"]);
    let said = format!("{}{}", refused.stdout, refused.stderr).replace('\n', " ");
    assert!(said.contains("no session policy allows the ssm:SendCommand action"), "{said}");
    assert_eq!(sim.stats().executions(), [1, 1]);
    assert_eq!(fs::read_to_string(&file).unwrap(), policy);
}

#[test]
fn more_failures_than_a_session_policy_can_name_are_run_again_under_their_groups_tag() {
    let groups = "[[group]]\nname = \"web\"\nsize = 60\n\
                  [[outcome]]\nexit = 1\ninstances = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, \
                  14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, \
                  35, 36, 37, 38, 39, 40, 41, 42, 43, 44]\n";
    let (sim, env) = world_of(groups, &policy(&allow_all()));
    let what = ["run", "--yes", "--asg", "web", "--doc", "Restart", "--role-arn", ROLE];
    let limits = ["--max-errors", "100%", "--max-concurrency", "100%"];
    drop(env.run(&[&what[..], &limits].concat()).exits(1));
    let again = env.run(&["retry", "last", "--yes", "--only", "failed"]).exits(1);
    drop(again.complains(&["all of --asg web", "45 instances"]));
    assert_eq!(sim.stats().executions().iter().filter(|it| **it == 2).count(), 45);
}

#[test]
fn a_plan_that_was_written_down_is_carried_out_under_its_policy_and_held_against_the_world() {
    for flags in [
        &["--asg", "web"][..],
        &["--asg-tag", "role=web"],
        &["--tag", "role=web"],
        &["--asg", "web", "--waves", "1,2"],
        &["--asg", "web", "--then", "Restart"],
    ] {
        let (_sim, env) = open_world();
        let args = ["--doc", "Restart", "--role-arn", ROLE, "-o", "plan.json"];
        drop(env.run(&[&["plan"], flags, &args[..]].concat()).exits(0));
        let plan = env.path("plan.json");
        let plan = plan.to_str().unwrap();
        let policy = env.run(&["policy", "--plan", plan]).exits(0).json();
        let run = ["run", "--yes", "--plan", plan];
        for session in [&["--session-policy", "none"][..], &[]] {
            let (sim, env) = world(&policy);
            drop(env.run(&[&run[..], session].concat()).exits(0));
            assert!(!sim.stats().executions().is_empty(), "{flags:?}");
            // The document is another by now.
            let document = DOCUMENT.replace("name: run", "name: other");
            let (role, of) = (policy.clone(), Scoped::of(GROUPS, &json!([])));
            let (sim, env) = Scoped { role, document, ..of }.start();
            let output = env.run(&[&run[..], session].concat()).exits(3);
            drop(output.complains(&["the plan is stale", "the document's hash was"]));
            assert_eq!(sim.stats().commands(), 0);
        }
    }
}
