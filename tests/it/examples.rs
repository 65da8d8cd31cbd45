//! Every world under examples/ loads and runs, and the published walk-through works under its
//! minimal role and nowhere beyond it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use regex::Regex;
use serde_json::Value;

use crate::support::{FleetEnv, Output, Record, SimProcess, repository, skip};

/// Returns every file of this ending below examples/.
fn examples(ending: &str) -> Vec<PathBuf> {
    let folders = fs::read_dir(repository("examples")).unwrap().map(|it| it.unwrap().path());
    let folders = folders.filter(|it| it.is_dir());
    let files = folders.flat_map(|it| fs::read_dir(it).unwrap().map(|it| it.unwrap().path()));
    files.filter(|it| it.extension().is_some_and(|it| it == ending)).collect()
}

#[test]
fn the_scripted_rollout_runs_retries_and_reads_its_report() {
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !is_there("jq") {
        return skip("the_scripted_rollout_runs_retries_and_reads_its_report", "there is no jq");
    }
    let env = FleetEnv::new().set("FLEET_PACE", "0.05").unset("FLEET_NOW");
    let output = env
        .program("bash", &[repository("examples/rollout.sh").to_str().unwrap()])
        .env("FLEET", env!("CARGO_BIN_EXE_fleet"))
        .output()
        .unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    assert!(
        out.starts_with("rollout ended with 1: 10 of 12 instances succeeded, 2 failed\n"),
        "{out}"
    );
    assert_eq!(out.lines().filter(|it| it.ends_with(" failed 1")).count(), 2, "{out}");
    assert!(out.ends_with("retry ended with 1: 0 of 2 instances succeeded, 2 failed\n"), "{out}");
    assert_eq!(env.runs().len(), 2);
}

/// Runs the scripted repair over a world; `None` where this machine has no sshd, or cannot isolate, or
/// where others compete for it: the documents give their probes seconds, as they must on an instance.
fn repaired(test: &str, env: &FleetEnv, world: Option<&Path>) -> Option<(Option<i32>, String)> {
    if std::env::var_os("FLEET_TEST_SSHD").is_none() {
        let alone = "FLEET_TEST_SSHD=1 cargo test --test it -- sshd_ --test-threads 1";
        skip(test, &format!("it wants the machine for itself: {alone}"));
        return None;
    }
    let script = repository("examples/sshd-repair.sh");
    let mut command = env.program("bash", &[script.to_str().unwrap()]);
    command.env("FLEET", env!("CARGO_BIN_EXE_fleet"));
    if let Some(world) = world {
        command.env("FLEET_WORLD", world);
    }
    let output = command.output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() != Some(77) {
        return Some((output.status.code(), format!("{out}{err}")));
    }
    // It says itself why it cannot be run.
    let is_told = err.contains("there is no") || err.contains("cannot isolate");
    assert!(is_told && out.is_empty(), "{out}{err}");
    skip(test, err.trim());
    None
}

/// Returns how many instances each repair was sent to.
fn repairs(env: &FleetEnv) -> Vec<u64> {
    let reports = env.runs().into_iter().map(|it| Record::read(&it).report);
    let repairs = reports.filter(|it| it["document"]["name"] == "Fleet-RepairSshd");
    repairs.map(|it| it["population"]["planned"].as_u64().unwrap()).collect()
}

#[test]
fn one_broken_sshd_is_repaired_first_and_the_rest_when_the_check_says_so() {
    let env = FleetEnv::new().set("FLEET_PACE", "0.2").unset("FLEET_NOW");
    let test = "one_broken_sshd_is_repaired_first_and_the_rest_when_the_check_says_so";
    let Some((code, text)) = repaired(test, &env, None) else { return };
    assert_eq!(code, Some(0), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let before = "before: sshd: 1 healthy, 1 latent (config.syntax), 4 broken (";
    assert!(lines[0].starts_with(before), "{text}");
    assert_eq!(lines[1], "before-logins: 2 of 6 can log in", "{text}");
    assert_eq!(lines[2], "gate: sshd: 1 healthy", "{text}");
    assert!(lines.contains(&"after: sshd: 6 healthy"), "{text}");
    assert_eq!(lines.last(), Some(&"after-logins: 6 of 6 can log in"), "{text}");
    // Whoever was healthy was let alone.
    assert_eq!(repairs(&env), [1, 4]);
}

#[test]
fn every_other_sshd_is_left_alone_where_the_first_repair_did_not_work() {
    let env = FleetEnv::new().set("FLEET_PACE", "0.2").unset("FLEET_NOW");
    let image = repository("examples/worlds/sshd/image.sh");
    // Who may log in is never changed by a repair.
    env.write("deny.sh", "echo 'AllowUsers nobody' >/etc/ssh/sshd_config.d/50-users.conf\n");
    let instance = |n| format!("[[group.instance]]\nindex = {n}\nsetup = \"deny.sh\"\n");
    let world = format!(
        "[[group]]\nname = \"web\"\nsize = 2\nrun = \"shell\"\nsetup = {image:?}\n{}{}",
        instance(0),
        instance(1)
    );
    let world = env.write("denied.toml", &world);
    let test = "every_other_sshd_is_left_alone_where_the_first_repair_did_not_work";
    let Some((code, text)) = repaired(test, &env, Some(&world)) else { return };
    assert_eq!(code, Some(5), "{text}");
    assert!(text.ends_with("gate: closed; the other 1 were left alone\n"), "{text}");
    assert_eq!(repairs(&env), [1]);
}

#[test]
fn every_world_runs_as_its_comment_says() {
    let worlds = examples("toml");
    assert!(worlds.len() >= 3, "{worlds:?}");
    for world in worlds {
        let text = fs::read_to_string(&world).unwrap();
        let comment = text.lines().take_while(|it| it.starts_with('#'));
        let comment: Vec<&str> = comment.map(|it| it.trim_start_matches('#').trim()).collect();
        let start = comment.iter().position(|it| it.starts_with("fleet run "));
        let start = start.unwrap_or_else(|| panic!("{} shows no command", world.display()));
        let lines = comment[start..].iter().take_while(|it| !it.is_empty() && !it.starts_with('#'));
        let line: String = lines.map(|it| it.trim_end_matches('\\')).collect();
        let ends = comment[start..].iter().find_map(|it| it.strip_prefix("# "));
        // What comes of documents that really run is the machine's matter too.
        let is_scripted = !text.contains("\nrun = \"shell\"");
        assert!(ends.is_some() || !is_scripted, "{} says no outcomes", world.display());
        let words = shell_words::split(&line).unwrap();
        let mut words: Vec<String> = words.into_iter().skip(1).collect();
        for word in &mut words {
            if let Some(path) = word.strip_prefix("--sim=") {
                assert_eq!(repository(path), world);
                *word = format!("--sim={}", world.display());
            }
        }
        let env = FleetEnv::new();
        let args: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = env.run(&args);
        // Daemons of their own take a program and namespaces that not every machine has.
        let has_daemons = text.contains("\nsetup = \"sshd/");
        let is_missing = !Path::new("/usr/sbin/sshd").exists();
        if has_daemons && (is_missing || output.stdout.contains("cannot isolate")) {
            skip("every_world_runs_as_its_comment_says", "sshd.toml: no sshd, or no isolation");
            continue;
        }
        let record = env.record();
        let totals = &record.complete()["totals"];
        if let Some(ends) = ends {
            check_totals(ends, totals, &output);
        }
        let all_succeeded = totals.as_object().unwrap().keys().eq(["succeeded"]);
        assert_eq!(output.code, Some(if all_succeeded { 0 } else { 1 }), "{output}");
    }
}

/// Returns the blocks of README that show a run of fleet: its arguments and what it printed.
fn captures() -> Vec<(Vec<String>, String)> {
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let blocks = readme.split("```console\n$ fleet ").skip(1);
    let blocks = blocks.map(|it| it.split_once("```").unwrap().0);
    let captures = blocks.map(|block| {
        let (line, printed) = block.split_once('\n').unwrap();
        (shell_words::split(line).unwrap(), printed.to_owned())
    });
    captures.collect()
}

#[test]
fn what_the_readme_shows_is_what_is_printed() {
    let captures = captures();
    assert_eq!(captures.len(), 2);
    // A run has a name, a time and a place of its own; all else is as it was.
    let run = Regex::new(r"\b\d{8}-\d{6}-[0-9a-f]{6}\b").unwrap();
    let blanks = Regex::new(r" +(\[DURATION\])").unwrap();
    for (words, shown) in captures {
        let examples = format!("--sim={}/", repository("examples").display());
        let words = words.iter().map(|it| it.replace("--sim=examples/", &examples));
        let words: Vec<String> = words.collect();
        let args: Vec<&str> = words.iter().map(String::as_str).collect();
        let env = FleetEnv::new();
        let output = env.run(&args).exits(1);
        let home = env.path("home/.local/state");
        let redacted = |text: &str| {
            let text = text.replace("~/.local/state", home.to_str().unwrap());
            let text = text.replace(env.path("state").to_str().unwrap(), home.to_str().unwrap());
            let text = run.replace_all(&text, "[RUN]");
            blanks.replace_all(&output.redacted(&text), " $1").into_owned()
        };
        assert_eq!(redacted(&output.stdout), redacted(&shown));
        // With the command and the prompt after it.
        assert!(output.stdout.lines().count() + 2 <= 40, "{output}");
        assert_eq!(output.stderr, "");
    }
}

#[test]
fn what_the_readme_shows_of_a_ceiling_is_what_is_said() {
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let (_, shown) = readme.split_once("```\nerror: --max-concurrency").unwrap();
    let shown = format!("error: --max-concurrency{}", shown.split_once("```").unwrap().0);
    let env = FleetEnv::new();
    let example = fs::read_to_string(repository("examples/fleet.toml")).unwrap();
    let file = env.write("fleet.toml", &example);
    let args = ["run", "--sim", "--asg", "web", "--max-concurrency", "50%", "--", "true"];
    let output = env.run(&args).exits(2);
    assert_eq!(output.stderr.replace(file.to_str().unwrap(), "/srv/web/fleet.toml"), shown);
}

/// Holds the totals against the line below a command: `3 succeeded, 1 left group or failed`.
fn check_totals(line: &str, totals: &Value, output: &Output) {
    let mut accounted_for = 0;
    for part in line.split(", ") {
        let (count, outcomes) = part.split_once(' ').unwrap();
        let count_of = |it: &str| totals[it.replace(' ', "_")].as_u64().unwrap_or_default();
        let found: u64 = outcomes.split(" or ").map(count_of).sum();
        assert_eq!(found, count.parse::<u64>().unwrap(), "{part}, but {totals}:\n{output}");
        accounted_for += found;
    }
    let all = totals.as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>();
    assert_eq!(accounted_for, all, "{line}, but {totals}:\n{output}");
}

#[test]
fn the_incident_leaves_two_out_and_reports_each_of_the_others_once() {
    let env = FleetEnv::new();
    let world = format!("--sim={}", repository("examples/worlds/incident.toml").display());
    let args = ["run", &world, "--asg", "web", "--max-errors", "1", "--", "true"];
    drop(env.run(&args).exits(1));
    let record = env.record();
    let report = record.complete();
    assert_eq!(report["population"]["planned"], 4);
    assert_eq!(report["population"]["excluded"].as_array().unwrap().len(), 2);
    assert_eq!(report["totals"].to_string(), r#"{"failed":1,"succeeded":3}"#);
}

const GROUP: &str = "aaa-Ec2InstanceAutoScalingGroup-aaa";
const OTHER_GROUP: &str = "bbb-Ec2InstanceAutoScalingGroup-bbb";
const DOCUMENT: &str = "aaa-SsmDocument-aaa";
const ROLE: &str = "arn:aws:iam::000000000000:role/aaa-IamRoleSendCommand-aaa";

/// The walk-through's simulator, and an environment with the user's keys.
fn scoped() -> (SimProcess, FleetEnv) {
    let sim = SimProcess::of(&repository("examples/scoped-role/world.toml"));
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.05");
    (sim, env)
}

fn run(env: &FleetEnv, group: &str, document: &str, flags: &[&str]) -> Output {
    let what = ["--asg", group, "--doc", document, "--max-concurrency", "1", "--yes"];
    env.run(&[&["run", "--role-arn", ROLE], &what[..], flags].concat())
}

#[test]
fn the_minimal_role_is_enough() {
    let (sim, env) = scoped();
    drop(run(&env, GROUP, DOCUMENT, &[]).exits(0));
    let record = env.record();
    // The group may not be listed, so its instances are known from their invocations.
    assert_eq!(record.complete()["coverage"], "unverified");
    let arn = record.report["operator"]["caller_arn"].as_str().unwrap();
    let session = "arn:aws:sts::000000000000:assumed-role/aaa-IamRoleSendCommand-aaa/fleet-";
    assert!(arn.starts_with(session), "{arn}");
    let stats = sim.stats();
    assert_eq!((stats.commands(), stats.executions()), (1, vec![1, 1]));
    assert_eq!(stats.calls("AssumeRole"), 1);
}

/// Requires a refusal that quotes AWS's own sentence, after which nothing was sent.
fn refused(output: Output, sentence: &str) {
    let output = output.exits(3).complains(&["nothing was sent"]);
    let said = format!("{}{}", output.stdout, output.stderr).replace('\n', " ");
    assert!(said.contains(sentence), "`{sentence}` is missing:\n{output}");
}

#[test]
fn another_document_is_refused_in_awss_own_words() {
    let (sim, env) = scoped();
    for flags in [&[][..], &["--quiet"], &["--session-policy", "none"]] {
        refused(
            run(&env, GROUP, "xx-SsmDocument-xx", flags),
            "is not authorized to perform: ssm:SendCommand on resource: \
             arn:aws:ssm:ap-northeast-1:000000000000:document/xx-SsmDocument-xx because no \
             identity-based policy allows the ssm:SendCommand action",
        );
    }
    assert_eq!(sim.stats().commands(), 0);
}

#[test]
fn an_instance_of_another_group_is_refused_in_awss_own_words() {
    let (sim, env) = scoped();
    // SSM takes a command by tag, and denies it an instance at a time.
    drop(run(&env, OTHER_GROUP, DOCUMENT, &[]).exits(1));
    let record = env.record();
    let [row] = record.complete()["instances"].as_array().unwrap().as_slice() else {
        panic!("{}", record.report)
    };
    assert_eq!(
        (&row["outcome"], &row["status_details"]),
        (&"access_denied".into(), &"AccessDenied".into())
    );
    let id = row["instance_id"].as_str().unwrap();
    let args = ["run", "--yes", "--role-arn", ROLE, "--instance", id, "--doc", DOCUMENT];
    refused(
        env.run(&args),
        &format!(
            "is not authorized to perform: ssm:SendCommand on resource: \
             arn:aws:ec2:ap-northeast-1:000000000000:instance/{id} because no \
             identity-based policy allows the ssm:SendCommand action"
        ),
    );
    assert_eq!(sim.stats().executions(), Vec::<u64>::new());
}

/// The walk-through's world with another policy of the role.
fn with_a_role(policy: &str) -> SimProcess {
    let example =
        |it: &str| fs::read_to_string(repository(&format!("examples/scoped-role/{it}"))).unwrap();
    SimProcess::start(
        &example("world.toml"),
        &[
            ("systemctl.yaml", &example("systemctl.yaml")),
            ("trust-policy.json", &example("trust-policy.json")),
            ("user-policy.json", &example("user-policy.json")),
            ("role-policy.json", policy),
        ],
    )
}

#[test]
fn the_walk_through_ends_as_it_says_line_by_line() {
    let text = fs::read_to_string(repository("examples/scoped-role/README.md")).unwrap();
    let lines: Vec<&str> = text.lines().filter_map(|it| it.strip_prefix("fleet ")).collect();
    assert!(lines.len() >= 6, "{lines:?}");
    for line in lines {
        let (line, code) = line.split_once("  # ").unwrap();
        // The paths are the repository's.
        let line = line.replace("examples/", &format!("{}/", repository("examples").display()));
        let words = shell_words::split(&line).unwrap();
        let args: Vec<&str> = words.iter().map(String::as_str).collect();
        drop(FleetEnv::new().run(&args).exits(code.parse().unwrap()));
    }
}

#[test]
fn the_policy_that_fleet_writes_takes_the_place_of_the_published_one() {
    let account = ["--account", "000000000000", "--region", "ap-northeast-1"];
    let what = ["policy", "--asg", GROUP, "--doc", DOCUMENT];
    let policy = FleetEnv::new().run(&[&what[..], &account].concat()).exits(0).stdout;
    let sim = with_a_role(&policy);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.05");
    drop(run(&env, GROUP, DOCUMENT, &[]).exits(0));
    assert_eq!(sim.stats().executions(), [1, 1]);
    refused(run(&env, GROUP, "xx-SsmDocument-xx", &[]), "document/xx-SsmDocument-xx");
    drop(run(&env, OTHER_GROUP, DOCUMENT, &[]).exits(1).prints(&["1 access denied"]));
    assert_eq!(sim.stats().executions(), [1, 1]);
}

#[test]
fn an_administrators_session_is_narrowed_to_the_plan() {
    let admin = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let sim = with_a_role(admin);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.05");
    drop(run(&env, GROUP, DOCUMENT, &[]).exits(0));
    assert_eq!(sim.stats().executions(), [1, 1]);

    // A session that was narrowed to one document and one group refuses all else: the policy that
    // fleet made for the run above, around a run of something else.
    let scope = |document: &str, group: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Action":["ssm:Describe*","ssm:Get*","ssm:List*",
              "autoscaling:Describe*"],"Resource":"*"}},
            {{"Effect":"Allow","Action":"ssm:SendCommand",
              "Resource":"arn:aws:ssm:ap-northeast-1:000000000000:document/{document}"}},
            {{"Effect":"Allow","Action":"ssm:SendCommand",
              "Resource":"arn:aws:ec2:ap-northeast-1:000000000000:instance/*",
              "Condition":{{"StringEquals":
                {{"ssm:resourceTag/aws:autoscaling:groupName":"{group}"}}}}}}]}}"#
        )
    };
    let policy = env.write("session.json", &scope(DOCUMENT, GROUP));
    let flags = ["--session-policy", policy.to_str().unwrap()];
    refused(
        run(&env, GROUP, "xx-SsmDocument-xx", &flags),
        "because no session policy allows the ssm:SendCommand action",
    );
    drop(run(&env, OTHER_GROUP, DOCUMENT, &flags).exits(1).prints(&["1 access denied"]));
    assert_eq!(sim.stats().executions(), [1, 1]);
    drop(run(&env, GROUP, DOCUMENT, &flags).exits(0));
    assert_eq!(sim.stats().executions(), [2, 2]);
    // Without a session policy the administrator's role reaches everything.
    drop(run(&env, OTHER_GROUP, "xx-SsmDocument-xx", &["--session-policy", "none"]).exits(0));
    assert_eq!(sim.stats().executions().len(), 3);
}
