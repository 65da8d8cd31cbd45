//! What AWS refuses, on the wire: the sentence, whose policy it was, the statement to paste, and
//! whether anything was sent.

use serde_json::{Value, json};

use crate::support::{
    FleetEnv, Output, SimProcess,
    scoped::{ROLE, Scoped, allow_all, policy},
};

fn trust_in(statement: &Value) -> Value {
    let mut trust = json!({"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": "arn:aws:iam::123456789012:user/operator"}});
    trust.as_object_mut().unwrap().extend(statement.as_object().unwrap().clone());
    trust
}

/// The world with a role of these statements, and whatever else is in `more`. Its operator may do
/// anything.
fn world(role: &Value, trust: &Value, more: &str) -> (SimProcess, FleetEnv) {
    let groups = format!("[[group]]\nname = \"web\"\nsize = 2\n{more}");
    let world = Scoped {
        trust: policy(trust),
        operator: policy(&allow_all()),
        ..Scoped::of(&groups, role)
    };
    world.start()
}

/// Requires that nothing was sent, and that all of `texts` were said.
fn refused(sim: &SimProcess, output: Output, texts: &[&str]) {
    let output = output.exits(3).complains(&["nothing was sent"]);
    for text in texts {
        assert!(output.stderr.contains(text), "`{text}` is missing:\n{output}");
    }
    assert_eq!(sim.stats().commands(), 0);
}

const WHAT: [&str; 6] = ["run", "--yes", "--asg", "web", "--doc", "Restart"];

fn run(env: &FleetEnv, more: &[&str]) -> Output {
    env.run(&[&WHAT[..], more].concat())
}

const AS_ROLE: [&str; 2] = ["--role-arn", ROLE];

#[test]
fn a_role_that_lacks_the_document_is_told_the_statement() {
    let reads = json!({"Effect": "Allow", "Action": ["ssm:List*", "ssm:Describe*", "ssm:Get*",
        "autoscaling:*"], "Resource": "*"});
    let (sim, env) = world(&reads, &trust_in(&json!({})), "");
    let document = "arn:aws:ssm:us-east-1:123456789012:document/Restart";
    refused(
        &sim,
        run(&env, &AS_ROLE),
        &[
            &format!(
                "no identity-based policy of the role fleet allows ssm:SendCommand on {document}"
            ),
            &format!(
                "this statement would allow it: {{\"Effect\":\"Allow\",\"Action\":\"ssm:SendCommand\",\
                 \"Resource\":\"{document}\"}}"
            ),
        ],
    );
    let record = env.record();
    let notes = record.complete()["notes"].to_string();
    assert!(notes.contains("advice.statement"), "{notes}");
}

#[test]
fn a_session_policy_that_refuses_is_named_as_fleets_own() {
    let (sim, env) = world(&allow_all(), &trust_in(&json!({})), "");
    let narrow = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow",
        "Action": ["ssm:Describe*", "ssm:Get*", "autoscaling:Describe*"], "Resource": "*"}});
    let file = env.write("session.json", &narrow.to_string());
    let flags = [&AS_ROLE[..], &["--session-policy", file.to_str().unwrap()]].concat();
    let bad = env.write("bad.json", "{\"Statement\":{}}");
    let malformed = [&AS_ROLE[..], &["--session-policy", bad.to_str().unwrap()]].concat();
    let texts = ["MalformedPolicyDocument", "the FILE of --session-policy is not a policy"];
    refused(&sim, run(&env, &malformed), &texts);
    refused(
        &sim,
        run(&env, &flags),
        &["no session policy of the role fleet allows ssm:SendCommand", "--session-policy none"],
    );
}

#[test]
fn an_explicit_deny_is_no_want_of_an_allow() {
    let deny = json!({"Effect": "Deny", "Action": "ssm:SendCommand", "Resource": "*"});
    let (sim, env) = world(&json!([allow_all(), deny]), &trust_in(&json!({})), "");
    let output = run(&env, &AS_ROLE);
    assert!(!output.stderr.contains("\"Effect\":\"Allow\""), "\n{output}");
    refused(&sim, output, &["a Deny in an identity-based policy", "no Allow helps"]);
}

#[test]
fn instances_that_are_denied_one_by_one_are_told_the_statement_and_whose_policy() {
    let document = "arn:aws:ssm:us-east-1:123456789012:document/Restart";
    let role = json!([{"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": document},
        {"Effect": "Allow", "Action": "ssm:ListCommandInvocations", "Resource": "*"}]);
    let (_sim, env) = world(&role, &trust_in(&json!({})), "");
    let output = run(&env, &[&AS_ROLE[..], &["--max-errors", "1"]].concat()).exits(1);
    let statement = "this statement would allow it: {\"Effect\":\"Allow\",\"Action\":\"ssm:SendCommand\",\
                     \"Resource\":\"arn:aws:ec2:us-east-1:123456789012:instance/*\",\"Condition\":\
                     {\"StringEquals\":{\"ssm:resourceTag/aws:autoscaling:groupName\":\"web\"}}}";
    let whose = [
        "ssm:SendCommand was denied on 2 instances: the policy of the role",
        "one from the FILE of --session-policy has to as well",
    ];
    let record = env.record();
    assert_eq!(record.complete()["totals"]["access_denied"], 2);
    let notes = record.complete()["notes"].as_array().unwrap().clone();
    let texts: Vec<&str> = notes.iter().filter_map(|it| it["text"].as_str()).collect();
    for text in [&whose[..], &[statement]].concat() {
        assert_eq!(texts.iter().filter(|it| it.contains(text)).count(), 1, "{text}: {texts:#?}");
    }
    drop(output.complains(&[statement]));
}

#[test]
fn an_instance_that_ssm_does_not_take_is_told_what_may_be_wrong_with_it() {
    let role = json!([allow_all(), {"Effect": "Deny", "Action": "ssm:DescribeInstance*",
        "Resource": "*"}]);
    let lost = "[[group.instance]]\nindex = 1\nping = \"none\"\n";
    let (_sim, env) = world(&role, &trust_in(&json!({})), lost);
    let waves = ["--waves", "1,100%", "--max-errors", "1"];
    drop(run(&env, &[&AS_ROLE[..], &waves].concat()).exits(1));
    let record = env.record();
    assert_eq!(record.complete()["totals"]["undeliverable"], 1);
    let rows = record.complete()["instances"].to_string();
    for text in ["InvalidInstanceId", "stopped or terminated", "instance profile", "fleet targets"]
    {
        assert!(rows.contains(text), "{text} is missing: {rows}");
    }
}

#[test]
fn what_is_too_large_for_a_session_is_refused_with_its_size_before_any_call() {
    let (sim, env) = world(&allow_all(), &trust_in(&json!({})), "");
    let tags: Vec<String> = (0..51).map(|it| format!("k{it}=v")).collect();
    let tags: Vec<&str> = tags.iter().flat_map(|it| ["--session-tag", it.as_str()]).collect();
    let allow = allow_all().to_string();
    let statements = vec![allow.as_str(); 45].join(",");
    let policy = format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{statements}]}}");
    let file = env.write("long.json", &policy);
    let too_long = ["--session-policy", file.to_str().unwrap()];
    let size = format!("long.json has {} characters, and STS takes 2048", policy.len());
    for (flags, text) in
        [(tags.as_slice(), "51 session tags, and STS takes 50"), (&too_long[..], &size)]
    {
        for command in [&WHAT[..], &["doctor"]] {
            let output = env.run(&[command, &AS_ROLE, flags].concat()).exits(2);
            assert!(!output.stderr.contains("\"Statement\""), "\n{output}");
            drop(output.complains(&[text, "nothing was sent"]));
        }
    }
    assert_eq!(sim.stats().calls("AssumeRole"), 0);
}

#[test]
fn trust_that_is_not_given_shows_both_sides() {
    let both = [
        "no explicit Deny may stand against it",
        "could not assume arn:aws:iam::123456789012:role/fleet",
        "in the policy of the user operator: {\"Effect\":\"Allow\"",
        "in the trust policy of the role: {\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\
         \"arn:aws:iam::123456789012:user/operator\"}",
    ];
    let nobody = json!({"Principal": {"AWS": "arn:aws:iam::123456789012:user/nobody"}});
    let (sim, env) = world(&allow_all(), &trust_in(&nobody), "");
    refused(&sim, run(&env, &AS_ROLE), &both);

    let id = json!({"Condition": {"StringEquals": {"sts:ExternalId": "incident-7"}}});
    let (sim, env) = world(&allow_all(), &trust_in(&id), "");
    refused(&sim, run(&env, &AS_ROLE), &both);
    refused(&sim, run(&env, &[&AS_ROLE[..], &["--external-id", "wrong"]].concat()), &both);
    let right = [&AS_ROLE[..], &["--external-id", "incident-7", "--dry-run"]].concat();
    drop(env.run(&[&WHAT[..1], &WHAT[2..], &right].concat()).exits(0));

    let (sim, env) = world(&allow_all(), &trust_in(&json!({})), "");
    let tagged = [&AS_ROLE[..], &["--session-tag", "team=web"]].concat();
    refused(&sim, run(&env, &tagged), &["sts:TagSession", "session tags are passed"]);
    let another = ["--role-arn", "arn:aws:iam::123456789012:role/flet"];
    refused(&sim, run(&env, &another), &["a role that does not exist"]);
}

#[test]
fn tags_and_a_policy_that_cannot_be_packed_are_refused_with_what_to_leave_out() {
    let trust = trust_in(&json!({"Action": ["sts:AssumeRole", "sts:TagSession"]}));
    let (sim, env) = world(&allow_all(), &trust, "");
    let tags: Vec<String> = (0..20).map(|it| format!("k{it}={}", "v".repeat(200))).collect();
    let tags = tags.iter().flat_map(|it| ["--session-tag", it.as_str()]);
    let flags: Vec<&str> = AS_ROLE.into_iter().chain(tags).collect();
    refused(&sim, run(&env, &flags), &["Packed size", "fewer or shorter --session-tag"]);
}

#[test]
fn credentials_that_do_not_work_are_told_apart() {
    let (sim, env) = world(&allow_all(), &trust_in(&json!({})), "");
    let env = env.set("AWS_SECRET_ACCESS_KEY", "mistyped");
    refused(&sim, run(&env, &[]), &["the secret access key does not belong"]);
    let env = env.set("AWS_ACCESS_KEY_ID", "AKIDNOBODY");
    refused(&sim, run(&env, &[]), &["the access key is not known here"]);
    let env = env.set("AWS_ACCESS_KEY_ID", "");
    drop(run(&env, &[]).exits(3).complains(&["nothing was sent"]));

    let expired = "[[fault]]\noperation = \"DescribeAutoScalingGroups\"\nrate = 1.0\n\
                   kind = \"expired-token\"\n";
    let (sim, env) = world(&allow_all(), &trust_in(&json!({})), expired);
    refused(&sim, run(&env, &[]), &["have expired: log in again"]);
    let expired = expired.replace("DescribeAutoScalingGroups", "SendCommand");
    let (sim, env) = world(&allow_all(), &trust_in(&json!({})), &expired);
    refused(&sim, run(&env, &[]), &["have expired: log in again"]);
}

#[test]
fn credentials_that_expire_in_mid_run_are_why_track_was_lost() {
    let expired = "[[fault]]\noperation = \"ListCommandInvocations\"\nrate = 1.0\n\
                   kind = \"expired-token\"\n";
    let (_sim, env) = world(&allow_all(), &trust_in(&json!({})), expired);
    let output = run(&env.set("FLEET_PACE", "0.002"), &[]).exits(6);
    assert!(!output.stderr.contains("nothing was sent"), "\n{output}");
    drop(output.complains(&["ExpiredToken", "have expired: log in again"]));
}

#[test]
fn a_role_that_may_send_and_not_follow_is_told_what_it_lacks_and_that_something_was_sent() {
    let send = json!({"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*"});
    let (sim, env) = world(&send, &trust_in(&json!({})), "");
    let output = run(&env, &AS_ROLE).exits(6);
    assert!(!output.stderr.contains("nothing was sent"), "\n{output}");
    let statement = "{\"Effect\":\"Allow\",\"Action\":\"ssm:ListCommandInvocations\",\
                     \"Resource\":\"*\"}";
    let texts = [statement, "no identity-based policy of the role fleet allows"];
    drop(output.complains(&texts));
    assert_eq!(sim.stats().calls("ListCommandInvocations"), 1);
}

#[test]
fn a_document_of_another_region_is_missed_before_and_at_the_send() {
    let (sim, env) = world(&allow_all(), &trust_in(&json!({})), "");
    let elsewhere = ["run", "--yes", "--asg", "web", "--doc", "Elsewhere"];
    let texts = ["no document Elsewhere in us-east-1", "lives in one region"];
    refused(&sim, env.run(&elsewhere), &texts);
    let blind = json!([allow_all(), {"Effect": "Deny", "Resource": "*",
        "Action": ["ssm:DescribeDocument", "ssm:GetDocument"]}]);
    let (sim, env) = world(&blind, &trust_in(&json!({})), "");
    let flags = [&elsewhere[..], &AS_ROLE].concat();
    refused(&sim, env.run(&flags), &["InvalidDocument", "are --region and --doc the right ones?"]);
}
