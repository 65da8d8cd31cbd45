//! `fleet docs`: lint, list and show.

use std::fs;

use crate::support::{FleetEnv, SimProcess, repository};

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
