//! `fleet docs`: lint, list, show, publish and verify.

use std::fs;

use crate::support::{FleetEnv, Output, Running, SimProcess, repository};

const UNSOUND: &str = "schemaVersion: '2.2'
parameters:
  Path: {type: String}
mainSteps:
- action: aws:runShellScript
  name: tidy
  precondition: {StringEquals: [platformType, Linux]}
  inputs:
    runCommand:
    - cd {{ Path }}
    - rm -rf *
";

#[test]
fn lint_names_the_place_the_code_and_the_remedy() {
    let env = FleetEnv::new();
    let path = env.write("tidy.yaml", UNSOUND);
    let output = env.run(&["docs", "lint", path.to_str().unwrap()]).exits(3);
    insta::assert_snapshot!(output, @r"
    -- stdout
    [HOME]/tidy.yaml:3:3: advice: parameter Path takes any value [parameter.unconstrained]
        add an allowedPattern, anchored with ^ and $, or allowedValues
    [HOME]/tidy.yaml:10:7: warning: what fails before the last command does not fail the step [script.last-exit-code]
        begin with `set -eu`, or end with an exit code of your own
    [HOME]/tidy.yaml:10:10: warning: {{ Path }} becomes part of the script, unquoted, and Path takes any value [script.injection]
        give Path an allowedPattern such as ^[\w.-]*$ and put it in single quotes,
        or interpolationType: ENV_VAR (agent 3.3.2746.0)

    1 document, 2 warnings, 1 piece of advice
    -- stderr
    -- exit: 3
    ");
    let output = env.run(&["docs", "lint", path.to_str().unwrap(), "--output", "json"]).exits(3);
    let found = &output.json()["documents"][0]["findings"];
    assert_eq!(found[2]["code"], "script.injection");
    assert_eq!(found[2]["place"], serde_json::json!({"line": 10, "column": 10}));
    let lines = env.run(&["docs", "lint", path.to_str().unwrap(), "--output", "jsonl"]).exits(3);
    assert_eq!(lines.lines().len(), 3);
}

#[test]
fn lint_tells_a_bad_file_from_a_bad_document() {
    let env = FleetEnv::new();
    let path = |name: &str, text: &str| env.write(name, text).to_str().unwrap().to_owned();
    let lint = |path: &str| env.run(&["docs", "lint", path]);
    drop(lint("nowhere.yaml").exits(2).complains(&["could not read nowhere.yaml", "nothing was"]));
    fs::write(env.path("bytes.yaml"), [0xff, 0xfe, 0]).unwrap();
    drop(lint("bytes.yaml").exits(2).complains(&["bytes.yaml is not text"]));
    drop(
        lint(&path("cut.json", "{"))
            .exits(3)
            .prints(&["cut.json:1:1: error: ", "[document.syntax]"]),
    );
    drop(lint(&path("README.md", "# hello")).exits(2).complains(&["none of the files"]));
    let deep = format!("a: {}", "[".repeat(5000));
    drop(lint(&path("deep.yaml", &deep)).exits(3).prints(&["[document.syntax]"]));
    // What would act on a terminal does not get there.
    let hostile = "schemaVersion: '2.2'\n\"\\e]0;title\\a\\e[2J\": 1\nmainSteps: []\n";
    let output = lint(&path("hostile.yaml", hostile)).exits(3);
    assert!(output.stdout.chars().all(|it| it == '\n' || !it.is_control()), "{output}");
}

#[test]
fn every_document_of_the_repository_is_clean() {
    let files = ["documents", "examples/scoped-role"];
    let files = files.iter().flat_map(|it| fs::read_dir(repository(it)).unwrap());
    let files = files.map(|it| it.unwrap().path().display().to_string());
    let files: Vec<String> = files.filter(|it| it.ends_with(".yaml")).collect();
    let mut args = vec!["docs", "lint"];
    args.extend(files.iter().map(String::as_str));
    drop(FleetEnv::new().run(&args).exits(0));
}

const WORLD: &str = r#"
account = "123456789012"
region = "eu-west-1"

[[document]]
name = "Restart"
file = "restart.yaml"
"#;

fn sim() -> SimProcess {
    let restart = fs::read_to_string(repository("tests/worlds/restart.yaml")).unwrap();
    SimProcess::start(WORLD, &[("restart.yaml", &restart)])
}

#[test]
fn the_accounts_documents_are_listed_and_shown_as_they_are() {
    let sim = sim();
    let env = FleetEnv::of(&sim);
    drop(env.run(&["docs", "list"]).exits(0).prints(&["Restart", "the account's own"]));
    let list = env.run(&["docs", "list", "--output", "json"]).exits(0).json();
    assert_eq!(list["account"], "123456789012");
    let rows = list["documents"].as_array().unwrap();
    let row = rows.iter().find(|it| it["name"] == "Restart").unwrap();
    assert_eq!(row["account"]["state"], "own");
    let shown = env.run(&["docs", "show", "Restart"]).exits(0);
    let text = fs::read_to_string(repository("tests/worlds/restart.yaml")).unwrap();
    assert_eq!(shown.stdout, text);
    let message = "there is no document Nothing in eu-west-1";
    drop(env.run(&["docs", "show", "Nothing"]).exits(3).complains(&[message, "nothing was sent"]));
}

#[test]
fn fleets_own_documents_are_listed_where_there_is_no_account() {
    let env = FleetEnv::new();
    let output = env.run(&["docs", "list"]).exits(0);
    drop(output.complains(&["the account's documents are not listed: no region is set"]));
    let output = env.run(&["docs", "list", "--embedded", "--output", "json"]).exits(0);
    assert_eq!((output.json()["account"].is_null(), output.stderr.as_str()), (true, ""));
}

const ROTATE: &str = "# Rotates the logs.
schemaVersion: '2.2'
description: Rotates the logs
mainSteps:
- action: aws:runShellScript
  name: rotate
  precondition: {StringEquals: [platformType, Linux]}
  inputs:
    timeoutSeconds: '60'
    runCommand: [logrotate -f /etc/logrotate.conf]
";

/// Returns the arguments of a command about this file.
fn about<'a>(command: &'a str, path: &'a str, flags: &[&'a str]) -> Vec<&'a str> {
    [&["docs", command, "--file", path], flags].concat()
}

#[test]
fn a_document_is_published_updated_and_verified_and_twice_is_once() {
    let sim = sim();
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.05");
    let path = env.write("Rotate.yaml", ROTATE).to_str().unwrap().to_owned();
    env.write("Rotate.fleet.toml", "version = '1.2.0'\nchanges = true\n");
    let run = |command: &str, flags: &[&str]| env.run(&about(command, &path, flags));

    drop(run("verify", &[]).exits(3).prints(&["Rotate: not published\n0 of 1 document as they"]));
    drop(run("publish", &["--dry-run"]).exits(0).prints(&["Rotate version 1: would be created"]));
    assert_eq!(sim.stats().calls("CreateDocument"), 0);
    drop(run("publish", &["--yes"]).exits(0).prints(&["Rotate version 1: created\n"]));
    drop(run("verify", &[]).exits(0).prints(&["Rotate version 1: same\n1 of 1 document"]));
    drop(run("publish", &["--yes"]).exits(0).prints(&["Rotate: is there already\n"]));
    assert_eq!(sim.stats().calls("CreateDocument") + sim.stats().calls("UpdateDocument"), 1);

    env.write("Rotate.yaml", &ROTATE.replace("'60'", "'90'"));
    drop(run("verify", &[]).exits(3).prints(&["Rotate version 1: another version\n"]));
    let dry = run("publish", &["--dry-run"]).exits(0);
    insta::assert_snapshot!(dry, @r"
    -- stdout
    Rotate: would get a new version, and that would be the default
    --- Rotate version 1
    +++ Rotate
    @@ -6,5 +6,5 @@
       name: rotate
       precondition: {StringEquals: [platformType, Linux]}
       inputs:
    -    timeoutSeconds: '60'
    +    timeoutSeconds: '90'
         runCommand: [logrotate -f /etc/logrotate.conf]
    -- stderr
    hint: nothing was changed: this was a dry run
    -- exit: 0
    ");
    let updated = run("publish", &["--yes", "--output", "json"]).exits(0).json();
    assert_eq!(updated["documents"][0]["state"], "updated");
    assert_eq!(updated["documents"][0]["version"], "2");
    let verified = run("verify", &["--output", "json"]).exits(0).json();
    assert_eq!(verified["documents"][0]["account"]["default_version"], "2");
    let list = env.run(&["docs", "list", "--output", "jsonl"]).exits(0).lines();
    assert!(list.iter().any(|it| it["name"] == "Rotate"), "{list:?}");
    drop(env.run(&["docs", "show", "Rotate", "--doc-version", "1"]).exits(0).prints(&["'60'"]));
}

#[test]
fn somebody_elses_change_is_seen_and_what_is_there_becomes_the_default_again() {
    let other = ROTATE.replace("logrotate -f", "logrotate");
    let world = WORLD.replace("Restart", "Rotate").replace("restart.yaml", "Rotate.yaml");
    let sim = SimProcess::start(&world, &[("Rotate.yaml", &other)]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.05");
    let path = env.write("Rotate.yaml", ROTATE).to_str().unwrap().to_owned();
    let run = |command: &str, flags: &[&str]| env.run(&about(command, &path, flags));
    let verified = run("verify", &[]).exits(3);
    drop(verified.prints(&["Rotate version 1: modified\n", "-    runCommand: [logrotate /etc"]));
    drop(run("publish", &["--yes"]).exits(0).prints(&["Rotate version 2: updated"]));
    drop(run("verify", &[]).exits(0));
}

#[test]
fn what_cannot_be_published_is_refused_before_anything_is_asked_or_changed() {
    let sim = sim();
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.05");
    let publish = |name: &str, text: &str| {
        let path = env.write(name, text).to_str().unwrap().to_owned();
        env.run(&about("publish", &path, &["--yes"]))
    };
    let unknown = env.run(&["docs", "publish", "Nothing", "--yes"]).exits(2);
    drop(unknown.complains(&["fleet has no document Nothing", "nothing was sent"]));
    drop(publish("a b.yaml", ROTATE).exits(2).complains(&["`a b`, from", "3 to 128"]));
    let typo = ROTATE.replace("runShellScript", "runShelScript");
    drop(publish("Typo.yaml", &typo).exits(2).complains(&["Typo.yaml:5:11: there is no plugin"]));
    env.write("Side.fleet.toml", "version = 1");
    drop(publish("Side.yaml", ROTATE).exits(2).complains(&["Side.fleet.toml cannot be read"]));
    let twice = env.write("Rotate.yaml", ROTATE).to_str().unwrap().to_owned();
    let args = about("publish", &twice, &["--yes", "--file", &twice]);
    drop(env.run(&args).exits(2).complains(&["Rotate is named twice"]));
    let unasked = env.run(&about("publish", &twice, &[])).exits(2);
    drop(unasked.complains(&["there is no terminal to ask for confirmation on"]));
    drop(publish("aws-mine.yaml", ROTATE).exits(3).complains(&["document aws-mine could not be"]));
    assert_eq!(sim.stats().calls("UpdateDocument"), 0);
}

#[test]
fn a_lost_answer_and_a_throttle_do_not_publish_twice() {
    let faults = r#"
[[fault]]
operation = "CreateDocument"
calls = [1]
kind = "drop-after-accept"

[[fault]]
operation = "DescribeDocument"
calls = [2]
kind = "throttle"
"#;
    let restart = fs::read_to_string(repository("tests/worlds/restart.yaml")).unwrap();
    let world = format!("{WORLD}{faults}");
    let sim = SimProcess::start(&world, &[("restart.yaml", &restart)]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.05");
    let path = env.write("Rotate.yaml", ROTATE).to_str().unwrap().to_owned();
    drop(env.run(&about("publish", &path, &["--yes"])).exits(0).prints(&["version 1: created"]));
    drop(env.run(&about("verify", &path, &[])).exits(0));
}

#[test]
fn a_roles_session_may_publish_what_was_named_and_read_the_rest() {
    let world = format!(
        "{WORLD}\n[[role]]\nname = \"docs\"\ntrust = \"trust.json\"\npolicy = \"admin.json\"\n"
    );
    let restart = fs::read_to_string(repository("tests/worlds/restart.yaml")).unwrap();
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
        "Principal":{"AWS":"arn:aws:iam::123456789012:root"}}]}"#;
    let admin = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let files = [("restart.yaml", &*restart), ("trust.json", trust), ("admin.json", admin)];
    let sim = SimProcess::start(&world, &files);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.05");
    let path = env.write("Rotate.yaml", ROTATE).to_str().unwrap().to_owned();
    let role = ["--role-arn", "arn:aws:iam::123456789012:role/docs"];
    let publish = |policy: &[&str]| {
        env.run(&about("publish", &path, &[&["--yes"], &role[..], policy].concat()))
    };
    let read_only = env.write(
        "read.json",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:Describe*","Resource":"*"}]}"#,
    );
    let denied = publish(&["--session-policy", read_only.to_str().unwrap()]).exits(3);
    let denied = denied.complains(&["document Rotate could not be published"]);
    drop(denied.complains(&["ssm:CreateDocument", "nothing was sent"]));
    drop(publish(&[]).exits(0).prints(&["Rotate version 1: created"]));
}

/// Returns a simulator with this fault, and publishes ROTATE there.
fn publishing_under(fault: &str) -> (SimProcess, FleetEnv, Running) {
    let restart = fs::read_to_string(repository("tests/worlds/restart.yaml")).unwrap();
    let world = format!("{WORLD}\n[[fault]]\n{fault}\n");
    let sim = SimProcess::start(&world, &[("restart.yaml", &restart)]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.05");
    let path = env.write("Rotate.yaml", ROTATE).to_str().unwrap().to_owned();
    let publish = env.spawn(&about("publish", &path, &["--yes"]));
    (sim, env, publish)
}

#[test]
fn a_document_that_may_have_been_published_is_not_said_to_be_untouched() {
    let check = |env: &FleetEnv, output: Output, code: i32| {
        let next = "fleet docs show --account --doc-version '$LATEST' Rotate";
        let output = output.exits(code).complains(&["Rotate may have been published", next]);
        assert!(!output.stderr.contains("nothing was sent"), "{output}");
        let next: Vec<String> = shell_words::split(next).unwrap();
        let next: Vec<&str> = next.iter().skip(1).map(String::as_str).collect();
        assert_eq!(env.run(&next).exits(0).stdout, ROTATE);
    };
    // The third look is whether what was created is active.
    let late = "operation = \"DescribeDocument\"\ncalls = [3]\nkind = \"delay\"\ndelay = \"24h\"";
    let (sim, env, publish) = publishing_under(late);
    sim.wait_for_call("CreateDocument");
    while sim.stats().calls("DescribeDocument") < 3 {
        std::thread::yield_now();
    }
    publish.interrupt();
    check(&env, publish.finish(), 130);
    let lost = "operation = \"CreateDocument\"\nrate = 1.0\nkind = \"drop-after-accept\"";
    let (_sim, env, publish) = publishing_under(lost);
    check(&env, publish.finish(), 3);
}
