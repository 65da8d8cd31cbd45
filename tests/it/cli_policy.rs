//! `fleet policy` as a command: what it reads, which ARNs it writes, what it refuses.

use crate::{
    proved_policies::{open_world, policy_for},
    support::{FleetEnv, Output, repository, scoped::ROLE},
};

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
fn a_runbook_is_known_without_being_read_by_its_name_or_by_the_flag_that_a_note_names() {
    let runbooks = "arn:aws:iam::123456789012:role/runbooks";
    let role = format!("AutomationAssumeRole={runbooks}");
    let flags = ["--region", "us-east-1", "--asg", "web", "--doc"];
    let with = |more: &[&str]| offline(&[&flags[..], more].concat()).exits(0);
    let known = with(&["AWSSupport-TroubleshootSSH", "--param", &role]);
    assert!(!known.stdout.contains("SendCommand"), "{known}");
    drop(known.prints(&["ssm:StartAutomationExecution", "iam:PassRole", runbooks]));
    let unknown = with(&["Mend"]).prints(&["ssm:SendCommand"]);
    let taken = "Mend is taken for a command: pass --automation if it is a runbook";
    drop(unknown.complains(&[taken]));
    let said = with(&["Mend", "--automation"]).complains(&["which role the steps of Mend act as"]);
    assert!(!said.stderr.contains("taken for a command"), "{said}");
    let own = with(&["Fleet-CheckSshd"]);
    assert!(!own.stderr.contains("taken for a command"), "{own}");
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
    let (_sim, env) = open_world();
    let flags = ["--asg-tag", "role=web", "--doc", "Restart", "--role-arn", ROLE];
    drop(env.run(&[&["plan", "-o", "plan.json"], &flags[..]].concat()).exits(0));
    let offline = FleetEnv::new();
    let plan = env.path("plan.json");
    let output = offline.run(&["policy", "--plan", plan.to_str().unwrap()]).exits(0);
    // What it holds the plan against, besides.
    let mut policy = output.json();
    let mut compared = Vec::new();
    policy["Statement"].as_array_mut().unwrap().retain(|it| {
        let is_needed = it["Action"] != "ssm:DescribeDocument";
        compared.extend((!is_needed).then(|| it["Resource"].clone()));
        is_needed
    });
    assert_eq!(compared, ["arn:aws:ssm:us-east-1:123456789012:document/Restart"]);
    assert_eq!(policy, policy_for(&flags[..2], "minimal"));
}

#[test]
fn a_plan_of_a_published_document_has_a_template_without_it() {
    let (_sim, env) = open_world();
    let role = ["--role-arn", ROLE];
    let publish = ["docs", "publish", "--yes", "Fleet-CheckSshd"];
    drop(env.run(&[&publish[..], &role].concat()).exits(0));
    let plan = ["plan", "--asg", "web", "--doc", "Fleet-CheckSshd"];
    drop(env.run(&[&plan[..], &role, &["-o", "plan.json"]].concat()).exits(0));
    let template = ["policy", "--plan", "plan.json", "--format", "cloudformation"];
    let output = env.run(&template).exits(0).prints(&["document/Fleet-CheckSshd"]);
    let output = output.complains(&["published already, as version 1: the template leaves it out"]);
    assert!(!output.stdout.contains("Type: AWS::SSM::Document"), "{output}");
    // One that would be published is deployed.
    let (_sim, env) = open_world();
    drop(env.run(&[&plan[..], &role, &["--publish", "-o", "plan.json"]].concat()).exits(0));
    drop(env.run(&template).exits(0).prints(&["Type: AWS::SSM::Document"]));
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
    let (sim, env) = open_world();
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

#[test]
fn a_template_deploys_the_document_of_fleet_that_the_role_may_send() {
    let flags = ["--region", "eu-west-1", "--asg", "web", "--doc", "Fleet-CheckSshd"];
    let template = |format: &str, more: &[&str]| {
        offline(&[&flags[..], &["--format", format], more].concat()).exits(0)
    };
    let shipped = std::fs::read_to_string(repository("documents/Fleet-CheckSshd.yaml")).unwrap();
    let cloudformation = template("cloudformation", &[]).complains(&["--s3-bucket"]);
    for text in ["Type: AWS::SSM::Document", "Name: \"Fleet-CheckSshd\"", "fleet:hash"] {
        assert!(cloudformation.stdout.contains(text), "{text}\n{cloudformation}");
    }
    // Byte for byte: its hash is the one that `fleet docs verify` knows.
    let indented: String = shipped
        .lines()
        .map(|it| if it.is_empty() { "\n".to_owned() } else { format!("        {it}\n") })
        .collect();
    assert!(cloudformation.stdout.contains(&format!("      Content: |\n{indented}")));
    let terraform = template("terraform", &[]).stdout;
    let resource = "resource \"aws_ssm_document\" \"fleet\" {";
    assert!(terraform.contains(resource) && terraform.contains("document_format = \"YAML\""));
    assert!(terraform.contains("max_session_duration = var.max_session_duration"));
    // A version that somebody has published is theirs to deploy.
    assert!(!template("terraform", &["--doc-version", "3"]).stdout.contains(resource));
    assert_eq!(template("iam", &[]).json()["Statement"].as_array().unwrap().len(), 3);
}

#[test]
fn a_document_of_fleet_that_is_not_published_yet_has_its_policy() {
    let (sim, env) = open_world();
    let flags = ["policy", "--asg", "web", "--role-arn", ROLE, "--doc"];
    let output = env.run(&[&flags[..], &["Fleet-CheckSshd"]].concat()).exits(0);
    let document = &output.json()["Statement"][0]["Resource"];
    assert_eq!(document, "arn:aws:ssm:us-east-1:123456789012:document/Fleet-CheckSshd");
    drop(output.complains(&["not published in us-east-1 yet"]));
    // Once it is published, a stack could not make it again.
    drop(env.run(&["docs", "publish", "--yes", "--role-arn", ROLE, "Fleet-CheckSshd"]).exits(0));
    let template = ["Fleet-CheckSshd", "--format", "cloudformation"];
    let output = env.run(&[&flags[..], &template].concat()).exits(0);
    let resource = "Type: AWS::SSM::Document";
    drop(output.prints(&[resource]).complains(&["published already", "--doc-version 1 leaves"]));
    let left_out = [&flags[..], &template, &["--doc-version", "1"]].concat();
    assert!(!env.run(&left_out).exits(0).stdout.contains(resource));
    let other = env.run(&[&flags[..], &["Fleet-Unheard"]].concat()).exits(3);
    drop(other.complains(&["there is no document Fleet-Unheard"]));
    assert_eq!(sim.stats().commands(), 0);
}

#[test]
fn a_source_identity_is_trusted_where_one_is_to_be_set() {
    let flags = ["--region", "eu-west-1", "--asg", "web", "--doc", "Restart", "--with-user"];
    for format in ["cloudformation", "terraform"] {
        let template = |more: &[&str]| {
            offline(&[&flags[..], &["--format", format], more].concat()).exits(0).stdout
        };
        let count = |text: &str| text.matches("sts:SetSourceIdentity").count();
        assert_eq!(count(&template(&[])), 0);
        // The role's trust, and the policy of the user.
        assert_eq!(count(&template(&["--source-identity", "kim"])), 2, "{format}");
    }
    let (_sim, env) = open_world();
    let flags = ["policy", "--asg", "web", "--doc", "Restart", "--format", "terraform"];
    // It is for the role that is to be made: whoever reads assumes none.
    let output = env.run(&[&flags[..], &["--source-identity", "kim"]].concat()).exits(0);
    drop(output.prints(&["sts:SetSourceIdentity"]));
}

#[test]
fn what_cannot_be_of_one_partition_or_region_is_refused() {
    let check = |flags: &[&str], says: &str| {
        let output = offline(&[flags, &["--asg", "web"]].concat()).exits(2);
        drop(output.complains(&[says, "nothing was sent"]));
    };
    let china = ["--partition", "aws-cn", "--region", "us-east-1", "--doc", "Restart"];
    check(&china, "us-east-1 is a region of aws");
    let arn = "arn:aws:ssm:us-east-1:210987654321:document/Theirs";
    check(&["--region", "cn-north-1", "--doc", arn], "is not of cn-north-1");
    check(&["--region", "eu-west-1", "--doc", arn], "is not of eu-west-1");
}

#[test]
fn what_run_command_does_not_send_is_deployed_by_no_template() {
    let env = FleetEnv::new();
    let flags = ["policy", "--account", "123456789012", "--region", "eu-west-1", "--asg", "web"];
    let deploy = ["--doc", "Mine", "--format", "cloudformation", "--doc-file", "mine.yaml"];
    for (schema, kind) in [("'0.3'", "an Automation runbook"), ("1.0", "a Session document")] {
        env.write("mine.yaml", &format!("schemaVersion: {schema}\nmainSteps: [{{name: a}}]\n"));
        let output = env.run(&[&flags[..], &deploy].concat()).exits(2);
        drop(output.complains(&["mine.yaml", kind, "nothing was sent"]));
    }
}
