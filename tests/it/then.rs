//! `--then`: a document that shows afterwards whether the first one worked, planned along with it.

use std::fs;

use serde_json::{Value, json};

use crate::support::{
    FleetEnv, Record, SimProcess, repository,
    scoped::{DOCUMENT, ROLE, Scoped, allow, allow_all, policy},
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
    let sim = SimProcess::start(&world, &[(name, &text), ("restart.yaml", DOCUMENT)]);
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
    drop(output.complains(&["then        Fleet-CheckSshd", "mode 0655"]).prints(&["1 broken"]));
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

const FAILING: &str = "[[runbook]]\n[[runbook.step]]\nname = \"troubleshootSSH\"\n\
                       status = \"Failed\"\nmessage = \"no such tool\"\n";

#[test]
fn a_check_shows_how_those_are_that_a_run_was_stopped_after() {
    let (sim, env) = start(&[], FAILING);
    let output = env.run(&REPAIR).exits(5);
    drop(output.prints(&["1 healthy"]));
    let (repair, check) = both(&env);
    assert_eq!(repair.report["totals"], json!({"failed": 1, "not_attempted": 3}));
    let failed = repair.report["instances"].as_array().unwrap().iter();
    let failed: Vec<_> = failed.filter(|it| it["outcome"] == "failed").collect();
    assert_eq!(check.ids("instances", "instance_id"), [failed[0]["instance_id"].as_str().unwrap()]);
    assert_eq!(sim.stats().calls("SendCommand"), 1);
}

#[test]
fn nothing_that_may_change_anything_follows_a_run_that_was_stopped() {
    let (sim, env) = start(&[], &format!("{FAILING}{RESTART}"));
    let output = env.run(&[&REPAIR[..11], &["Restart"]].concat()).exits(5);
    let by_hand = "fleet run --region us-east-1 --asg web --doc Restart";
    drop(output.complains(&["Restart was not run"]).prints(&[by_hand]));
    assert_eq!(env.record().report["totals"], json!({"failed": 1, "not_attempted": 3}));
    assert_eq!(sim.stats().calls("SendCommand"), 0);
}

const RESTART: &str = "[[document]]\nname = \"Restart\"\nfile = \"restart.yaml\"\n\
                       [[outcome]]\ngroup = \"web\"\ninstances = [0]\ndocument = \"Restart\"\n\
                       exit = 1\n";

#[test]
fn two_runs_are_a_success_if_both_are() {
    let (_sim, env) = start(&[], RESTART);
    let args = ["run", "--asg", "web", "--yes", "--doc", "Restart", "--max-errors", "1"];
    let output = env.run(&[&args[..], &["--then", CHECK]].concat()).exits(1);
    drop(output.prints(&["3 of 4 instances succeeded, 1 failed", "4 of 4 instances succeeded"]));
    let [restart, check] = in_order(&env);
    assert_eq!(restart.report["verdict"]["exit_code"], 1);
    assert_eq!(check.report["totals"], json!({"succeeded": 4}), "who failed is looked at as well");
}

/// Returns the first run and the second.
fn in_order(env: &FleetEnv) -> [Record; 2] {
    let mut records: Vec<_> = env.runs().iter().map(|it| Record::read(it)).collect();
    records.sort_by_key(|it| !it.report["run"]["parent_id"].is_null());
    records.try_into().unwrap_or_else(|it: Vec<_>| panic!("there are {} runs", it.len()))
}

#[test]
fn each_run_has_a_report_of_its_own_and_the_first_names_the_second() {
    let (_sim, env) = start(&[], "");
    drop(
        env.run(&[&REPAIR[..], &["--report", "ssh.json", "--report", "ssh.md"]].concat()).exits(0),
    );
    let read = |name: &str| fs::read_to_string(env.path(name)).unwrap();
    let report = |name: &str| -> Value { serde_json::from_str(&read(name)).unwrap() };
    let (repair, check) = both(&env);
    assert_eq!(report("ssh.json"), repair.report);
    assert_eq!(report("ssh.then.json"), check.report);
    assert_eq!(repair.report["run"]["followed_by"], check.report["run"]["id"]);
    let id = check.report["run"]["id"].as_str().unwrap();
    assert!(read("ssh.md").contains(&format!("Followed by run: `{id}`")), "{}", read("ssh.md"));
    assert!(read("ssh.then.md").contains("After run"));
    // Where the second cannot be written, the first is not sent.
    fs::create_dir(env.path("other.then.json")).unwrap();
    let refused = env.run(&[&REPAIR[..], &["--report", "other.json"]].concat()).exits(2);
    drop(refused.complains(&["other.then.json", "nothing was sent"]));
}

#[test]
fn a_plan_shows_both_documents_and_sends_nothing() {
    let (sim, env) = start(&[], "");
    let plan = |more: &[&str]| {
        let flags: Vec<_> = REPAIR[1..].iter().copied().filter(|it| *it != "--yes").collect();
        env.run(&[&["plan"], &flags[..], more].concat()).exits(0)
    };
    let texts = ["then        Fleet-CheckSshd version 1", "at most 4 of 4 can fail"];
    drop(plan(&[]).prints(&texts));
    let then = plan(&["--output", "json"]).json()["then"].clone();
    assert_eq!(
        (&then["document"]["name"], &then["document"]["version"]),
        (&CHECK.into(), &"1".into())
    );
    let shown = env.run(&[&REPAIR[..], &["--dry-run", "--output", "json"]].concat()).exits(0);
    assert_eq!(shown.json()["then"], then);
    let flags = ["--asg", "web", "--doc", "AWSSupport-TroubleshootSSH"];
    let refused = env.run(&[&["plan"], &flags[..], &["--then", "Fleet-RepairSshd"]].concat());
    drop(refused.exits(3).complains(&["fleet docs publish Fleet-RepairSshd"]));
    assert_eq!(sim.stats().calls("StartAutomationExecution"), 0);
    assert_eq!(sim.stats().calls("SendCommand"), 0);
}

#[test]
fn a_plan_that_was_written_down_is_carried_out_with_what_follows() {
    let (sim, env) = start(&[], "");
    let flags: Vec<_> = REPAIR[1..].iter().copied().filter(|it| *it != "--yes").collect();
    drop(env.run(&[&["plan", "-o", "plan.json"], &flags[..]].concat()).exits(0));
    let run = ["run", "--plan", "plan.json", "--yes"];
    let twice = env.run(&[&run[..], &["--then", CHECK]].concat()).exits(2);
    drop(twice.complains(&["--then says it again", "nothing was sent"]));
    let text = fs::read_to_string(env.path("plan.json")).unwrap();
    let mut other: Value = serde_json::from_str(&text).unwrap();
    other["then"]["document"]["hash"] = "0".repeat(64).into();
    env.write("other.json", &other.to_string());
    let stale = env.run(&["run", "--plan", "other.json", "--yes"]).exits(3);
    drop(stale.complains(&["stale", "hash that is to follow was 000000", "nothing was sent"]));
    assert_eq!(sim.stats().calls("StartAutomationExecution"), 0);
    drop(env.run(&run).exits(0));
    let (_, check) = both(&env);
    assert_eq!(check.report["totals"], json!({"succeeded": 4}));
}

#[test]
fn a_policy_holds_what_both_runs_need() {
    let groups = "[[group]]\nname = \"web\"\nsize = 2\n[[document]]\nname = \"Fleet-CheckSshd\"\n\
                  file = \"check.yaml\"\n";
    let groups =
        format!("{groups}[[outcome]]\ndocument = \"{CHECK}\"\nstdout = {}\n", found("healthy"));
    let (name, text) = check();
    let world =
        |role| Scoped { role, ..Scoped::of(&groups, &json!([])) }.start_with("", &[(name, &text)]);
    let flags = ["--asg", "web", "--doc", "Restart", "--then", CHECK, "--role-arn", ROLE];
    for level in ["minimal", "full"] {
        let (_sim, env) = world(policy(&allow_all()));
        let made = env.run(&[&["policy", "--level", level], &flags[..]].concat()).exits(0).json();
        let sids: Vec<_> =
            made["Statement"].as_array().unwrap().iter().map(|it| &it["Sid"]).collect();
        assert_eq!(sids[..3], ["SendDocument", "SendToGroups", "ListCommandInvocations"]);
        let documents = made["Statement"][0]["Resource"].as_array().unwrap();
        assert_eq!(documents.len(), 2, "{made}");
        let (sim, env) = world(made);
        let run = ["run", "--yes", "--session-policy", "none"];
        drop(env.run(&[&run[..], &flags].concat()).exits(0));
        assert_eq!(sim.stats().executions(), [2, 2], "{level}");
    }
    let (_sim, env) = world(policy(&allow_all()));
    let session = env.run(&[&["policy", "--format", "session"], &flags[..]].concat()).exits(2);
    drop(session.complains(&["a session of its own"]));
}

#[test]
fn a_template_for_a_repair_of_awss_brings_the_check_along() {
    let env = FleetEnv::new().set("AWS_REGION", "us-east-1");
    let args = [
        "policy",
        "--account",
        "123456789012",
        "--asg",
        "web",
        "--automation",
        "--doc",
        "AWSSupport-TroubleshootSSH",
        "--then",
        CHECK,
        "--format",
    ];
    let output = env.run(&[&args[..], &["cloudformation"]].concat()).exits(0);
    drop(output.prints(&[
        "Name: \"Fleet-CheckSshd\"",
        "document/${Document}",
        "ssm:StartAutomationExecution",
        "ssm:SendCommand",
        "ssm:GetAutomationExecution",
        "ssm:ListCommandInvocations",
    ]));
}

#[test]
fn a_session_that_has_no_room_for_all_the_ids_may_send_to_their_group() {
    let groups = format!(
        "[[group]]\nname = \"web\"\nsize = 60\n[[document]]\nname = \"{CHECK}\"\n\
         file = \"check.yaml\"\n[[outcome]]\ndocument = \"{CHECK}\"\nstdout = {}\n",
        found("healthy")
    );
    let (name, text) = check();
    let broad = json!([allow(&json!(["ssm:*", "autoscaling:Describe*"]), "*")]);
    let (sim, env) = Scoped::of(&groups, &broad).start_with("", &[(name, &text)]);
    let args = ["run", "--yes", "--asg", "web", "--doc", "Restart", "--role-arn", ROLE];
    let more = ["--max-concurrency", "100%", "--then", CHECK];
    let output = env.run(&[&args[..], &more].concat()).exits(0);
    drop(output.complains(&["may send to all of --asg web", "60 named instances"]));
    assert!(sim.stats().executions().iter().all(|it| *it == 2));
}

#[test]
fn a_code_of_a_device_opens_one_session_and_two_runs_take_two() {
    let groups = "[[group]]\nname = \"web\"\nsize = 2\n";
    let (sim, env) = Scoped::of(groups, &json!([allow(&json!("*"), "*")])).start();
    let device = "arn:aws:iam::123456789012:mfa/operator";
    let args = ["run", "--yes", "--asg", "web", "--doc", "Restart", "--then", "Restart"];
    let code = ["--role-arn", ROLE, "--mfa-serial", device, "--mfa-token", "314159"];
    let output = env.run(&[&args[..], &code].concat()).exits(2);
    drop(output.complains(&["--then takes a session of its own", "nothing was sent"]));
    assert_eq!(sim.stats().calls("AssumeRole"), 0, "the code is still good");
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
    let args = ["run", "--yes", "--asg", "web", "--doc", "Restart", "--role-arn", ROLE];
    let then = ["--then", CHECK];
    drop(env.run(&[&args[..], &then].concat()).exits(0));
    // Each run reads in one session, and sends in another.
    assert_eq!(sim.stats().calls("AssumeRole"), 4);
    drop(env.run(&[&args[..], &then, &["--session-policy", "none"]].concat()).exits(0));
    assert_eq!(sim.stats().executions(), [4, 4]);
}

#[test]
fn advice_on_what_is_to_follow_says_what_does_not_reach_it() {
    let runbook = |parameters: &str| {
        format!(
            r#"{{"schemaVersion":"0.3","assumeRole":"{{{{ MyRole }}}}","parameters":{{{parameters}}},
            "mainSteps":[{{"name":"look","action":"aws:executeScript","isEnd":true}}]}}"#
        )
    };
    let role = r#""MyRole":{"type":"String","default":""}"#;
    let instance = format!(r#""InstanceId":{{"type":"String"}},{role}"#);
    let files = [
        ("roleless.json", runbook(&instance)),
        ("blind.json", runbook(role)),
        ("asking.json", runbook(&format!(r#""Why":{{"type":"String"}},{instance}"#))),
    ];
    let names = ["roleless", "blind", "asking"];
    let documents =
        names.map(|it| format!("[[document]]\nname = \"{it}\"\nfile = \"{it}.json\"\n"));
    let groups = format!("[[group]]\nname = \"web\"\nsize = 1\n{}", documents.concat());
    let broad = json!([allow(&json!(["ssm:*", "autoscaling:Describe*"]), "*")]);
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let (sim, env) = Scoped::of(&groups, &broad).start_with("", &files);
    let check = |then: &str, code: i32, text: &str, useless: &str| {
        let args = ["run", "--yes", "--asg", "web", "--doc", "Restart", "--role-arn", ROLE];
        let output = env.run(&[&args[..], &["--then", then]].concat()).exits(code);
        let output = output.complains(&[text, "nothing was sent"]);
        assert!(!output.stderr.contains(useless), "{output}");
    };
    let of = |flag: &str, name: &str| {
        format!("{flag} is about the document of --doc, and none reaches {name}")
    };
    check("roleless", 3, &of("--param", "roleless"), "--param MyRole=ARN");
    check("blind", 2, &of("--target-parameter", "blind"), "says which one");
    check("asking", 2, &of("--param", "asking"), "pass --param");
    // `fleet run --publish` is about the document of --doc as well.
    check(CHECK, 3, "`fleet docs publish Fleet-CheckSshd` puts it there", "run --publish");
    assert_eq!(sim.stats().calls("SendCommand"), 0);
}

#[test]
fn a_retry_takes_along_what_followed_the_run() {
    let (sim, env) = start(&[], RESTART);
    let args = ["run", "--asg", "web", "--yes", "--doc", "Restart", "--max-errors", "1"];
    drop(env.run(&[&args[..], &["--then", CHECK]].concat()).exits(1));
    let first = &in_order(&env)[0].report["run"]["id"].as_str().unwrap().to_owned();
    let retry = |more: &[&str]| env.run(&[&["retry", first], more].concat());
    drop(retry(&["--dry-run"]).exits(0).prints(&["then        Fleet-CheckSshd version 1"]));
    drop(retry(&["--yes", "--output", "json"]).exits(2).complains(&["there are two runs"]));
    drop(retry(&["--dry-run", "--then", "Nothing"]).exits(3).complains(&["Nothing"]));
    let alone = retry(&["--dry-run", "--no-then", "--output", "json"]).exits(0).json();
    assert!(alone["then"].is_null(), "{alone}");
    assert_eq!(env.runs().len(), 2);
    let output = retry(&["--yes", "--report", "again.json"]).exits(1);
    drop(output.complains(&["then        Fleet-CheckSshd"]).prints(&["1 healthy"]));
    let read = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(env.path(name)).unwrap()).unwrap()
    };
    let (again, check) = (read("again.json"), read("again.then.json"));
    assert_eq!(again["run"]["parent_id"], first.as_str());
    assert_eq!(again["totals"], json!({"failed": 1}));
    assert_eq!(check["run"]["parent_id"], again["run"]["id"]);
    assert_eq!(check["document"]["name"], CHECK);
    assert_eq!(check["totals"], json!({"succeeded": 1}));
    // Four and one restarts, and as many checks.
    assert_eq!(sim.stats().executions().iter().sum::<u64>(), 10);
}

#[test]
fn who_has_nobody_to_retry_is_told_of_the_check_that_failed() {
    let (_sim, env) = start(&[2], "");
    drop(env.run(&[&REPAIR[..], &["--max-concurrency", "100%"]].concat()).exits(1));
    let (repair, check) = both(&env);
    let [first, second] = [&repair, &check].map(|it| it.report["run"]["id"].as_str().unwrap());
    let refused = env.run(&["retry", first, "--yes"]).exits(4);
    let way = format!("`fleet retry {second}` runs {CHECK} again");
    drop(refused.complains(&["has nobody to retry: 4 succeeded", &way, "nothing was sent"]));
}

#[test]
fn a_retry_whose_check_is_gone_sends_nothing_and_says_what_leaves_it_out() {
    let (sim, env) = start(&[], RESTART);
    let args = ["run", "--asg", "web", "--yes", "--doc", "Restart", "--max-errors", "1"];
    drop(env.run(&[&args[..], &["--then", CHECK]].concat()).exits(1));
    let first = &in_order(&env)[0].report["run"]["id"].as_str().unwrap().to_owned();
    let n_before = sim.stats().commands();
    drop(sim.ask_ssm("DeleteDocument", &json!({ "Name": CHECK })));
    let refused = env.run(&["retry", first, "--yes"]).exits(3);
    drop(refused.complains(&[CHECK, "--no-then", "nothing was sent"]));
    assert_eq!(sim.stats().commands(), n_before);
    drop(env.run(&["retry", first, "--yes", "--no-then"]).exits(1));
    assert_eq!(sim.stats().commands(), n_before + 1);
}

#[test]
fn each_run_of_a_retry_has_a_session_that_sends_its_own_document_alone() {
    let groups = format!(
        "[[group]]\nname = \"web\"\nsize = 2\n[[document]]\nname = \"{CHECK}\"\n\
         file = \"check.yaml\"\n[[outcome]]\ndocument = \"{CHECK}\"\nstdout = {}\n\
         [[outcome]]\ninstances = [0]\ngroup = \"web\"\ndocument = \"Restart\"\nexit = 1\n",
        found("healthy")
    );
    let broad = json!([allow(&json!(["ssm:*", "autoscaling:Describe*"]), "*")]);
    let (name, text) = check();
    let (sim, env) = Scoped::of(&groups, &broad).start_with("", &[(name, &text)]);
    let env = env.unset("FLEET_NOW");
    let args = ["run", "--yes", "--asg", "web", "--doc", "Restart", "--max-errors", "1"];
    let role = ["--role-arn", ROLE, "--then", CHECK];
    drop(env.run(&[&args[..], &role].concat()).exits(1));
    let first = &in_order(&env)[0].report["run"]["id"].as_str().unwrap().to_owned();
    drop(env.run(&["retry", first, "--yes"]).exits(1));
    assert_eq!(sim.stats().calls("AssumeRole"), 8);
    assert_eq!(sim.stats().executions().iter().sum::<u64>(), 6);
}
