//! `--then`: a document that shows afterwards whether the first one worked.

use std::fs;

use serde_json::{Value, json};

use crate::support::{
    FleetEnv, Record, SimProcess, repository,
    scoped::{ROLE, Scoped, allow},
};

const CHECK: &str = "Fleet-CheckSshd";

/// What is in a world's folder as fleet's own check.
fn check() -> (&'static str, String) {
    ("check.yaml", fs::read_to_string(repository("documents/Fleet-CheckSshd.yaml")).unwrap())
}

/// What the check prints.
fn found(verdict: &str) -> Value {
    json!({"schema": "fleet.sshd/1", "verdict": verdict, "findings": [], "changed": []})
        .to_string()
        .into()
}

/// Four instances; those of `broken` keep people out, whatever was repaired.
fn start(broken: &[usize], more: &str) -> (SimProcess, FleetEnv) {
    let is_broken = match broken {
        [] => String::new(),
        it => format!(
            "[[outcome]]\ngroup = \"web\"\ninstances = {it:?}\ndocument = \"{CHECK}\"\nexit = 10\n\
             stdout = {}\n",
            found("broken")
        ),
    };
    let world = format!(
        "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 4\n\
         [[document]]\nname = \"{CHECK}\"\nfile = \"check.yaml\"\n{more}{is_broken}\
         [[outcome]]\ndocument = \"{CHECK}\"\nstdout = {}\n",
        found("healthy"),
    );
    let (name, text) = check();
    let sim = SimProcess::start(&world, &[(name, &text)]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    (sim, env)
}

const REPAIR: [&str; 12] = [
    "run",
    "--asg",
    "web",
    "--yes",
    "--doc",
    "AWSSupport-TroubleshootSSH",
    "--param",
    "Action=FixAll",
    "--waves",
    "1,100%",
    "--then",
    CHECK,
];

/// Returns the runs of the repair and of the check, each complete.
fn both(env: &FleetEnv) -> (Record, Record) {
    let records: Vec<_> = env.runs().iter().map(|it| Record::read(it)).collect();
    for it in &records {
        it.replayed().complete();
    }
    let is_check = |it: &Record| it.report["document"]["name"] == CHECK;
    let (mut checks, mut repairs): (Vec<_>, Vec<_>) = records.into_iter().partition(is_check);
    assert_eq!((repairs.len(), checks.len()), (1, 1));
    (repairs.remove(0), checks.remove(0))
}

#[test]
fn awss_own_repair_goes_over_a_group_in_waves_and_fleets_check_decides() {
    let (sim, env) = start(&[2], "");
    let output = env.run(&[&REPAIR[..], &["--max-concurrency", "100%"]].concat()).exits(1);
    drop(output.complains(&["--then Fleet-CheckSshd", "mode 0655"]).prints(&["1 broken"]));
    let (repair, check) = both(&env);
    assert_eq!(repair.report["verdict"]["exit_code"], 0, "that it has ended is all that it knows");
    assert_eq!(repair.report["totals"], json!({"succeeded": 4}));
    assert_eq!(repair.report["waves"].as_array().unwrap().len(), 2);
    assert_eq!(check.report["run"]["parent_id"], repair.report["run"]["id"]);
    assert_eq!(check.report["totals"], json!({"succeeded": 3, "failed": 1}));
    assert_eq!(sim.stats().calls("StartAutomationExecution"), 4);
    assert_eq!(sim.stats().executions(), [2, 2, 2, 2]);
}

#[test]
fn a_check_that_finds_all_well_is_a_success() {
    let (_sim, env) = start(&[], "");
    drop(env.run(&REPAIR).exits(0));
    let (_, check) = both(&env);
    assert_eq!(check.report["totals"], json!({"succeeded": 4}));
}

#[test]
fn nothing_is_sent_where_what_is_to_follow_could_not_be() {
    let (sim, env) = start(&[], "");
    let refused = |more: &[&str], code, text: &str| {
        let output = env.run(&[&REPAIR[..10], more].concat()).exits(code);
        drop(output.complains(&[text, "nothing was sent"]));
    };
    refused(&["--then", "Fleet-RepairSshd"], 3, "fleet docs publish Fleet-RepairSshd");
    refused(&["--then", "AWS-RunPowerShellScript"], 2, "AWS-RunPowerShellScript");
    refused(&["--then", CHECK, "--output", "json"], 2, "there are two runs");
    assert_eq!(sim.stats().calls("StartAutomationExecution"), 0);
    assert_eq!(sim.stats().calls("SendCommand"), 0);
}

#[test]
fn nothing_follows_a_run_that_was_stopped() {
    let failing = "[[runbook]]\n[[runbook.step]]\nname = \"troubleshootSSH\"\nstatus = \"Failed\"\n\
                   message = \"no such tool\"\n";
    let (sim, env) = start(&[], failing);
    drop(env.run(&REPAIR).exits(5).complains(&["Fleet-CheckSshd was not run"]));
    assert_eq!(env.record().report["totals"], json!({"failed": 1, "not_attempted": 3}));
    assert_eq!(sim.stats().calls("SendCommand"), 0);
}

#[test]
fn each_of_the_two_runs_has_a_session_that_sends_its_own_document_alone() {
    let groups = format!(
        "[[group]]\nname = \"web\"\nsize = 2\n[[document]]\nname = \"{CHECK}\"\n\
         file = \"check.yaml\"\n[[outcome]]\ndocument = \"{CHECK}\"\nstdout = {}\n",
        found("healthy")
    );
    let broad = json!([allow(&json!(["ssm:*", "autoscaling:Describe*"]), "*")]);
    let (name, text) = check();
    let (sim, env) = Scoped::of(&groups, &broad).start_with("", &[(name, &text)]);
    let env = env.unset("FLEET_NOW").unset("FLEET_SEED");
    let args = ["run", "--yes", "--asg", "web", "--doc", "Restart", "--role-arn", ROLE];
    let then = ["--then", CHECK];
    drop(env.run(&[&args[..], &then].concat()).exits(0));
    // Each run reads in one session, and sends in another.
    assert_eq!(sim.stats().calls("AssumeRole"), 4);
    drop(env.run(&[&args[..], &then, &["--session-policy", "none"]].concat()).exits(0));
    assert_eq!(sim.stats().executions(), [4, 4]);
}
