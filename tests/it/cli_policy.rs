//! `fleet policy`: each policy that it prints is put into a world, where the run works under it and
//! fails, or names what is lost, when any one of its statements is taken out.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::support::{FleetEnv, Output, SimProcess, skip};

const ROLE: &str = "arn:aws:iam::123456789012:role/fleet";

const WORLD: &str = r#"
speed = 50.0

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

[[document]]
name = "Restart"
file = "restart.yaml"

[[user]]
name = "operator"
access_key_id = "AKIDOPERATOR"
secret_access_key = "secret"
policy = "operator.json"

[[role]]
name = "fleet"
trust = "trust.json"
policy = "role.json"
"#;

const DOCUMENT: &str = "schemaVersion: \"2.2\"\nmainSteps:\n  - action: aws:runShellScript\n    \
                        name: run\n    inputs:\n      runCommand: [\"true\"]\n";

const ALLOW_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// The world, with a role that may do what `policy` says.
fn world(policy: &str) -> SimProcess {
    let trust = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:user/operator"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }});
    let operator = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE,
    }});
    SimProcess::start(
        WORLD,
        &[
            ("restart.yaml", DOCUMENT),
            ("trust.json", &trust.to_string()),
            ("operator.json", &operator.to_string()),
            ("role.json", policy),
        ],
    )
}

fn env(sim: &SimProcess) -> FleetEnv {
    FleetEnv::of(sim).set("FLEET_PACE", "0.02")
}

/// Runs in a world with exactly this policy.
fn run_under(policy: &Value, flags: &[&str]) -> (Output, SimProcess, FleetEnv) {
    let sim = world(&policy.to_string());
    let env = env(&sim);
    let role = ["--role-arn", ROLE, "--session-policy", "none", "--yes", "--max-concurrency", "2"];
    let output = env.run(&[&["run"], flags, &["--doc", "Restart"], &role[..]].concat());
    (output, sim, env)
}

/// Returns the policy of `level` that a caller who may read everything is given for these flags.
fn policy_for(flags: &[&str], level: &str) -> Value {
    let sim = world(ALLOW_ALL);
    let args = [&["policy"], flags, &["--doc", "Restart", "--role-arn", ROLE, "--level", level]];
    let policy = env(&sim).run(&args.concat()).exits(0).json();
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

const SEND: [&str; 3] = ["SendDocument", "SendToGroups", "ListCommandInvocations"];

#[test]
fn a_group_needs_two_statements_to_send_and_one_to_follow() {
    prove(&["--asg", "web"], "minimal", true, &SEND);
}

#[test]
fn each_optional_permission_of_a_group_is_missed_in_a_note_once() {
    let optional = [
        "OptionalDescribeAutoScalingGroups",
        "OptionalDescribeScalingActivities",
        "OptionalDescribeInstanceInformation",
        "OptionalDescribeInstanceProperties",
        "OptionalDescribeDocument",
        "OptionalGetDocument",
        "OptionalListCommands",
        "OptionalGetCommandInvocation",
        "OptionalCancelCommand",
    ];
    prove(&["--asg", "web"], "full", true, &[&SEND[..], &optional].concat());
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
}

#[test]
fn instances_by_a_tag_need_the_list_of_agents() {
    let flags = ["--tag", "role=web"];
    let send = ["SendDocument", "SendToTagged", "ListCommandInvocations"];
    let sids = [&send[..], &["DescribeInstanceInformation"]].concat();
    prove(&flags, "minimal", false, &sids);
    let optional = [
        "OptionalDescribeAutoScalingInstances",
        "OptionalDescribeDocument",
        "OptionalGetDocument",
        "OptionalListCommands",
        "OptionalGetCommandInvocation",
        "OptionalCancelCommand",
    ];
    prove(&flags, "full", false, &[&sids[..], &optional].concat());
}

#[test]
fn instances_by_id_are_named_one_by_one() {
    let sim = world(ALLOW_ALL);
    let args = ["targets", "--asg", "web", "--role-arn", ROLE, "--output", "json"];
    let listed = env(&sim).run(&args).exits(0).json();
    let id = |at: usize| listed["planned"][at]["id"].as_str().unwrap().to_owned();
    let (first, second) = (id(0), id(1));
    let flags = ["--instance", &first, "--instance", &second];
    let policy = policy_for(&flags, "minimal");
    let arn = |id: &str| format!("arn:aws:ec2:us-east-1:123456789012:instance/{id}");
    assert_eq!(policy["Statement"][1]["Resource"], json!([arn(&first), arn(&second)]));
    let send = ["SendDocument", "SendToInstances", "ListCommandInvocations"];
    prove(&flags, "minimal", false, &send);
}

/// Returns what a policy that is printed without reading anything is.
fn offline(args: &[&str]) -> Output {
    // There is nothing to reach, and no key to reach it with.
    let env = FleetEnv::new();
    env.run(&[&["policy", "--account", "123456789012"], args].concat())
}

#[test]
fn with_an_account_nothing_is_read() {
    let flags = ["--region", "eu-west-1", "--asg", "web", "--doc", "Restart"];
    let output = offline(&flags).exits(0).complains(&["nothing was read"]);
    insta::assert_snapshot!(output.stdout, @r#"
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "SendDocument",
          "Effect": "Allow",
          "Action": "ssm:SendCommand",
          "Resource": "arn:aws:ssm:eu-west-1:123456789012:document/Restart"
        },
        {
          "Sid": "SendToGroups",
          "Effect": "Allow",
          "Action": "ssm:SendCommand",
          "Resource": "arn:aws:ec2:eu-west-1:123456789012:instance/*",
          "Condition": {
            "StringEquals": {
              "ssm:resourceTag/aws:autoscaling:groupName": "web"
            }
          }
        },
        {
          "Sid": "ListCommandInvocations",
          "Effect": "Allow",
          "Action": "ssm:ListCommandInvocations",
          "Resource": "*"
        }
      ]
    }
    "#);
}

#[test]
fn what_is_read_and_what_is_not_come_to_the_same() {
    for flags in
        [&["--asg", "web"][..], &["--asg", "web", "--asg", "other"], &["--tag", "role=web"]]
    {
        for level in ["minimal", "full"] {
            let args = [flags, &["--doc", "Restart", "--region", "us-east-1", "--level", level]];
            assert_eq!(offline(&args.concat()).exits(0).json(), policy_for(flags, level));
        }
    }
}

#[test]
fn partitions_and_documents_have_their_own_arns() {
    let check = |flags: &[&str], document: &str, instances: &str| {
        let policy = offline(&[flags, &["--asg", "web"]].concat()).exits(0).json();
        assert_eq!(policy["Statement"][0]["Resource"], document, "{flags:?}");
        assert_eq!(policy["Statement"][1]["Resource"], instances, "{flags:?}");
    };
    check(
        &["--region", "cn-north-1", "--doc", "AWS-RunShellScript"],
        "arn:aws-cn:ssm:cn-north-1::document/AWS-RunShellScript",
        "arn:aws-cn:ec2:cn-north-1:123456789012:instance/*",
    );
    let shared = "arn:aws-us-gov:ssm:us-gov-west-1:210987654321:document/Theirs";
    check(
        &["--region", "us-gov-west-1", "--doc", shared],
        shared,
        "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:instance/*",
    );
    check(
        &["--region", "xx-new-1", "--partition", "aws-new", "--doc", "Restart"],
        "arn:aws-new:ssm:xx-new-1:123456789012:document/Restart",
        "arn:aws-new:ec2:xx-new-1:123456789012:instance/*",
    );
}

#[test]
fn a_plan_that_was_written_down_has_a_policy_without_reading_anything() {
    let sim = world(ALLOW_ALL);
    let env = env(&sim);
    let flags = ["--asg-tag", "role=web", "--doc", "Restart", "--role-arn", ROLE];
    drop(env.run(&[&["plan", "-o", "plan.json"], &flags[..]].concat()).exits(0));
    let offline = FleetEnv::new();
    let plan = env.path("plan.json");
    let output = offline.run(&["policy", "--plan", plan.to_str().unwrap()]).exits(0);
    assert_eq!(output.json(), policy_for(&flags[..2], "minimal"));
}

#[test]
fn a_policy_that_does_not_fit_is_refused_in_words() {
    let ids: Vec<String> = (0..400).map(|it| format!("i-{it:017x}")).collect();
    let flags = |n: usize| -> Vec<&str> {
        let what = ["--region", "us-east-1", "--doc", "Restart"];
        what.into_iter().chain(ids[..n].iter().flat_map(|it| ["--instance", it])).collect()
    };
    let session = ["--format", "session"];
    let check = |n, format: &[&str], code, says: &[&str]| {
        drop(offline(&[&flags(n), format].concat()).exits(code).complains(says));
    };
    check(25, &session, 0, &["by their ids alone"]);
    check(
        50,
        &session,
        3,
        &["50 instances", "STS takes 2048", "--session-policy none", "nothing was sent"],
    );
    check(100, &[], 0, &["too long for a managed policy", "6144"]);
    check(200, &[], 0, &["by their ids alone"]);
    check(400, &[], 3, &["IAM takes 10240", "nothing was sent"]);
}

#[test]
fn a_run_whose_session_cannot_be_narrowed_is_refused_unless_that_is_given_up() {
    let sim = world(ALLOW_ALL);
    let env = env(&sim);
    let groups: Vec<String> = (0..60).map(|it| format!("{it}-{}", "g".repeat(40))).collect();
    let groups: Vec<&str> = groups.iter().flat_map(|it| ["--asg", it]).collect();
    let args = ["run", "--yes", "--doc", "Restart", "--role-arn", ROLE];
    let args = [&args[..], &groups].concat();
    let says = ["60 groups", "STS takes 2048", "--session-policy none", "nothing was sent"];
    drop(env.run(&args).exits(3).complains(&says));
    assert_eq!(sim.stats().calls("AssumeRole"), 0);
    // Whoever gives it up hears next that the groups are not there.
    let args = [&args[..], &["--session-policy", "none"]].concat();
    drop(env.run(&args).exits(4));
    assert_eq!(sim.stats().calls("AssumeRole"), 1);
}

#[test]
fn flags_that_make_no_policy_are_refused() {
    let check = |args: &[&str], says: &str| {
        let args = [&["--region", "us-east-1"], args].concat();
        drop(offline(&args).exits(2).complains(&[says, "nothing was sent"]));
    };
    check(&["--doc", "Restart"], "no instances were selected");
    check(&["--asg", "web"], "nothing to run");
    check(&["--asg", "web", "--doc", "Re*"], "not the name of a document");
    check(&["--asg", "web", "--doc", "Restart", "--account", "12"], "--account");
    check(&["--asg", "web", "--doc", "Restart", "--partition", "azure"], "--partition");
    check(&["--asg", "web", "--doc", "Restart", "--with-user"], "--with-user belongs to");
    check(
        &["--asg", "web", "--doc", "AWS-X", "--format", "terraform", "--doc-file", "x.yaml"],
        "x.yaml",
    );
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
    let template = deployed(&offline(&args.concat()).exits(0).stdout);
    let resources = &template["Resources"];
    let mut trust = resources["Role"]["Properties"]["AssumeRolePolicyDocument"].clone();
    let condition = &mut trust["Statement"][0]["Condition"];
    *condition = condition[1].clone();
    let role = &resources["Role"]["Properties"]["Policies"][0]["PolicyDocument"];
    let user = &resources["AssumeRole"]["Properties"]["PolicyDocument"];
    let content = &resources["Document"]["Properties"]["Content"];
    let sim = SimProcess::start(
        WORLD,
        &[
            ("restart.yaml", &content.to_string()),
            ("trust.json", &trust.to_string()),
            ("operator.json", &user.to_string()),
            ("role.json", &role.to_string()),
        ],
    );
    let env = self::env(&sim);
    let run = |group: &str, more: &[&str]| {
        let what = ["run", "--yes", "--asg", group, "--doc", "Restart", "--role-arn", ROLE];
        env.run(&[&what[..], more].concat())
    };
    let id = ["--external-id", "incident-7", "--max-concurrency", "2"];
    drop(run("web", &id).exits(0));
    assert_eq!(sim.stats().executions(), [1, 1]);
    drop(run("other", &id).exits(1).prints(&["1 access denied"]));
    drop(run("web", &[]).exits(3).complains(&["external id", "nothing was sent"]));
    assert_eq!(sim.stats().executions(), [1, 1]);
}

#[test]
fn a_session_over_groups_by_a_tag_reaches_those_groups_alone() {
    let sim = world(ALLOW_ALL);
    let env = env(&sim);
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
    let sim = world(ALLOW_ALL);
    let env = env(&sim);
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
    let sim = world(ALLOW_ALL);
    let env = env(&sim);
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
