//! The published Run Command walk-through by hand, with the AWS CLI: the simulator speaks to
//! clients that are not ours.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{FleetEnv, SimProcess, skip};

const WORLD: &str = r#"
speed = 50.0
[[group]]
name = "web"
size = 2
[[outcome]]
document = "AWS-RunShellScript"
after = "2s"
stdout = "up"
"#;

/// An AWS CLI that talks to `sim`.
struct Cli<'a> {
    program: String,
    sim: &'a SimProcess,
}

impl<'a> Cli<'a> {
    /// `None`, said loudly, where there is none.
    fn find(sim: &'a SimProcess, test: &str) -> Option<Self> {
        let program = std::env::var("FLEET_TEST_AWS").unwrap_or_else(|_| "aws".to_owned());
        let found = Command::new(&program).arg("--version").output();
        if !found.is_ok_and(|it| it.status.success()) {
            skip(test, "there is no AWS CLI: set FLEET_TEST_AWS, or put aws on the PATH");
            return None;
        }
        Some(Self { program, sim })
    }

    fn call(&self, args: &[&str]) -> Value {
        let mut command = Command::new(&self.program);
        command.env_clear().env("PATH", std::env::var("PATH").unwrap());
        command.env("HOME", "/nonexistent").env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(self.sim.exports()).env("AWS_PAGER", "").args(["--output", "json"]);
        let output = command.args(args).output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), output.stderr);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&err));
        serde_json::from_str(&out).unwrap_or(Value::Null)
    }

    /// Sends `commands` by the group's tag, one at a time, and returns the StatusDetails and the
    /// Status of each invocation once none of them is under way.
    fn walk_through(&self, commands: &str) -> Vec<(String, String)> {
        let sent = self.call(&[
            "ssm",
            "send-command",
            "--document-name",
            "AWS-RunShellScript",
            "--targets",
            "Key=tag:aws:autoscaling:groupName,Values=web",
            "--parameters",
            &format!("commands={commands}"),
            "--max-concurrency",
            "1",
            "--max-errors",
            "0",
        ]);
        let id = sent["Command"]["CommandId"].as_str().unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let listed =
                self.call(&["ssm", "list-command-invocations", "--command-id", id, "--details"]);
            let rows = listed["CommandInvocations"].as_array().unwrap().iter();
            let word = |it: &Value, field: &str| it[field].as_str().unwrap().to_owned();
            let rows: Vec<_> =
                rows.map(|it| (word(it, "Status"), word(it, "StatusDetails"))).collect();
            let under_way = ["Pending", "InProgress", "Delayed", "Cancelling"];
            if rows.len() == 2 && !rows.iter().any(|it| under_way.contains(&it.0.as_str())) {
                return rows;
            }
            assert!(Instant::now() < end, "{rows:?}");
        }
    }
}

fn pairs(rows: &[(String, String)]) -> Vec<(&str, &str)> {
    let mut rows: Vec<_> = rows.iter().map(|it| (it.0.as_str(), it.1.as_str())).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn a_command_by_tag_succeeds_on_both_instances() {
    let sim = SimProcess::start(WORLD, &[]);
    let Some(cli) = Cli::find(&sim, "the walk-through with the AWS CLI") else { return };
    let rows = cli.walk_through("uptime");
    assert_eq!(pairs(&rows), [("Success", "Success"), ("Success", "Success")]);
    assert_eq!(sim.stats().executions(), [1, 1]);
}

#[test]
fn a_failing_document_without_error_budget_fails_once_and_the_rest_is_terminated() {
    let sim = SimProcess::start(&WORLD.replace("after", "exit = 1\nafter"), &[]);
    let Some(cli) = Cli::find(&sim, "the failing walk-through with the AWS CLI") else { return };
    let rows = cli.walk_through("false");
    assert_eq!(pairs(&rows), [("Failed", "Failed"), ("Failed", "Terminated")]);
    assert_eq!(sim.stats().executions(), [1]);
}

#[test]
fn a_document_that_fleet_published_is_what_the_aws_cli_finds() {
    let sim = SimProcess::start(WORLD, &[]);
    let Some(cli) = Cli::find(&sim, "publishing, read with the AWS CLI") else { return };
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.05");
    let content = "# A comment.\nschemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n  \
                   name: a\n  inputs: {runCommand: ['true']}\n";
    let path = env.write("Mine.yaml", content).display().to_string();
    let publish = ["docs", "publish", "--file", &path, "--yes"];
    drop(env.run(&publish).exits(0));
    env.write("Mine.yaml", &content.replace("comment", "remark"));
    drop(env.run(&publish).exits(0));
    let described = cli.call(&["ssm", "describe-document", "--name", "Mine"]);
    let described = &described["Document"];
    assert_eq!(
        (&described["DefaultVersion"], &described["Status"]),
        (&"2".into(), &"Active".into())
    );
    let got = ["ssm", "get-document", "--name", "Mine", "--document-format", "YAML"];
    assert_eq!(cli.call(&got)["Content"], content.replace("comment", "remark"));
    let tags = ["ssm", "list-tags-for-resource", "--resource-type", "Document"];
    let tags = cli.call(&[&tags[..], &["--resource-id", "Mine"]].concat());
    assert_eq!(tags["TagList"][0]["Key"], "fleet:hash");
    assert_eq!(tags["TagList"][0]["Value"], described["Hash"]);
    let mine = ["ssm", "update-document", "--name", "Mine", "--document-version", "$LATEST"];
    let text = content.replace("true", "false");
    let more = ["--document-format", "YAML", "--content", &text];
    cli.call(&[&mine[..], &more].concat());
    // A newer version that is not the default changes nothing of what runs.
    drop(env.run(&["docs", "verify", "--file", &path]).exits(0).prints(&["version 2 of 3: same"]));
}
