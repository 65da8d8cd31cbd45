//! Output beyond what SSM keeps: put into a bucket or a log group by the instances, fetched into
//! files beside the report, and said to be cut where it is.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::{Value, json};

use crate::support::{
    FleetEnv, Output, SimProcess,
    scoped::{ROLE, Scoped, allow, allow_all},
};

/// A hundred thousand bytes, in lines, with a control sequence and a secret.
fn said() -> String {
    let line = "\u{1b}[31mthe quick brown fox\n";
    let mut res = line.repeat(100_000 / line.len());
    res.push_str("AKIAIOSFODNN7EXAMPLE\n");
    res
}

/// What of it is written down.
fn kept() -> String {
    said().replace("AKIAIOSFODNN7EXAMPLE", "‹redacted›")
}

fn groups(more: &str) -> String {
    let said = said().replace('\u{1b}', "\\u001b").replace('\n', "\\n");
    format!(
        "speed = 50.0\nbuckets = [\"logs\"]\n[[group]]\nname = \"web\"\nsize = 3\n{more}\n\
         [[outcome]]\nstdout = \"{said}\"\nstderr = \"warning\"\n"
    )
}

fn serve(more: &str) -> (SimProcess, FleetEnv) {
    let sim = SimProcess::start(&groups(more), &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    (sim, env)
}

fn run(env: &FleetEnv, flags: &[&str]) -> Output {
    env.run(&[&["run", "--yes", "--asg", "web"], flags, &["--", "true"]].concat())
}

/// Returns the files beside the report, by name.
fn files(env: &FleetEnv) -> BTreeMap<String, String> {
    let folder = env.runs()[0].join("outputs");
    let mode = |it: &Path| fs::metadata(it).unwrap().permissions().mode() & 0o777;
    if !folder.exists() {
        return BTreeMap::new();
    }
    assert_eq!(mode(&folder), 0o700);
    let files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let read = |path: std::path::PathBuf| {
        assert_eq!(mode(&path), 0o600);
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(&path).unwrap())
    };
    files.map(read).collect()
}

/// Requires that every instance has both its files, with this in the first.
#[track_caller]
fn check_files(env: &FleetEnv, report: &Value, stdout: &str) {
    let files = files(env);
    assert_eq!(files.len(), 6, "{:?}", files.keys());
    for it in report["instances"].as_array().unwrap() {
        let id = it["instance_id"].as_str().unwrap();
        assert!(files[&format!("{id}.stdout")] == stdout, "{id}");
        assert_eq!(files[&format!("{id}.stderr")], "warning");
        assert_eq!(it["files"]["stdout"]["file"], format!("outputs/{id}.stdout"));
    }
}

fn notes(report: &Value) -> Vec<&str> {
    let notes = report["notes"].as_array().unwrap().iter();
    notes.filter(|it| it["code"] == "output.cut").map(|it| it["text"].as_str().unwrap()).collect()
}

#[test]
fn what_the_instances_put_into_a_bucket_is_fetched_whole() {
    let (sim, env) = serve("");
    let output = run(&env, &["--output-s3", "s3://logs/runs/", "--full-output"]).exits(0);
    let record = env.record();
    let report = record.replayed().complete();
    check_files(&env, report, &kept());
    let stored = &report["instances"][0]["files"]["stdout"];
    assert_eq!(stored["printed"], said().len());
    assert_eq!(stored["bytes"], kept().len());
    assert_eq!((&stored["from"], &stored["is_whole"]), (&json!("s3"), &json!(true)));
    // One part each; stderr was whole in SSM.
    assert_eq!(sim.stats().calls("GetObject"), 3);
    assert_eq!(report["api_calls"]["by_operation"]["GetObject"], 3);
    assert_eq!(report["outputs"]["s3"], json!({"bucket": "logs", "prefix": "runs"}));
    assert_eq!(notes(report), Vec::<&str>::new());
    assert!(output.stdout.contains(".stdout (100,"), "{output}");
}

#[test]
fn what_they_put_into_a_log_group_is_fetched_whole() {
    let (sim, env) = serve("");
    drop(run(&env, &["--output-logs", "/fleet/runs", "--full-output"]).exits(0));
    let record = env.record();
    let report = record.replayed().complete();
    check_files(&env, report, &kept());
    assert_eq!(report["instances"][0]["files"]["stdout"]["from"], "logs");
    // Each stream once, and once more for its end.
    assert_eq!(sim.stats().calls("GetLogEvents"), 6);
}

#[test]
fn without_such_a_place_what_ssm_keeps_is_fetched_and_said_to_be_cut() {
    let (sim, env) = serve("");
    let output = run(&env, &["--full-output"]).exits(0);
    let record = env.record();
    let report = record.replayed().complete();
    let stored = &report["instances"][0]["files"]["stdout"];
    assert_eq!((&stored["bytes"], &stored["printed"]), (&json!(24_000), &Value::Null));
    assert_eq!((&stored["from"], &stored["is_whole"]), (&json!("ssm"), &json!(false)));
    let [note] = notes(report)[..] else { panic!("{:?}", notes(report)) };
    assert!(note.contains(" and 2 more is not whole: "), "{note}");
    assert!(output.stdout.contains("(24,000 bytes, and more was printed)"), "{output}");
    assert_eq!(sim.stats().calls("GetObject"), 0);
    assert_eq!(files(&env).len(), 6);
}

#[test]
fn a_bucket_that_is_not_there_is_refused_before_anything_runs() {
    let (sim, env) = serve("");
    let output = run(&env, &["--output-s3", "s3://absent", "--full-output"]).exits(3);
    assert!(output.stderr.contains("InvalidOutputFolder"), "{output}");
    assert!(output.stderr.contains("nothing was sent"), "{output}");
    assert_eq!(sim.stats().executions(), Vec::<u64>::new());
    drop(run(&env, &["--output-s3", "logs/runs"]).exits(2).complains(&["s3://BUCKET"]));
}

#[test]
fn instances_that_may_not_write_there_leave_what_ssm_keeps() {
    let (_sim, env) = serve("stores_output = false");
    drop(run(&env, &["--output-s3", "s3://logs", "--full-output"]).exits(0));
    let record = env.record();
    let report = record.replayed().complete();
    let [note] = notes(report)[..] else { panic!("{:?}", notes(report)) };
    assert!(note.contains("its profile may lack s3:PutObject"), "{note}");
    assert_eq!(report["instances"][0]["files"]["stdout"]["bytes"], 24_000);
}

/// Runs under a role with these statements, with output in the bucket.
fn run_as(statements: &Value, flags: &[&str]) -> (SimProcess, FleetEnv, Output) {
    let groups = groups("").replacen("speed = 50.0\n", "", 1);
    let (bucket, groups) = groups.split_once('\n').unwrap();
    let (sim, env) = Scoped::of(groups, statements).start_with(bucket, &[]);
    let what = ["--asg", "web", "--doc", "Restart", "--role-arn", ROLE, "--output-s3", "s3://logs"];
    let output = env.run(&[&["run", "--yes", "--full-output"], &what[..], flags].concat());
    (sim, env, output)
}

#[test]
fn the_roles_session_may_read_the_place_and_without_that_the_cut_is_noted_once() {
    let (_sim, env, output) = run_as(&json!([allow_all()]), &[]);
    let output = output.exits(0);
    assert_eq!(notes(env.record().complete()), Vec::<&str>::new(), "{output}");
    check_files(&env, env.record().complete(), &kept());

    let role = json!([allow(&json!(["ssm:*", "autoscaling:*"]), "*")]);
    let (sim, env, output) = run_as(&role, &[]);
    drop(output.exits(0));
    let record = env.record();
    let report = record.replayed().complete();
    let [note] = notes(report)[..] else { panic!("{:?}", notes(report)) };
    assert!(note.contains("s3:GetObject on s3://logs is not permitted"), "{note}");
    assert!(sim.stats().calls("GetObject") <= 3);
}

#[test]
fn the_full_policy_lets_the_output_be_fetched_and_nothing_else_of_the_bucket() {
    let flags = ["--asg", "web", "--doc", "Restart", "--role-arn", ROLE];
    let place = ["--output-s3", "s3://logs", "--full-output"];
    let (sim, env, _) = run_as(&json!([allow_all()]), &["--dry-run"]);
    assert_eq!(sim.stats().commands(), 0);
    let args = [&["policy", "--level", "full"], &flags[..], &place[..]].concat();
    let policy = env.run(&args).exits(0).json();
    let statements = policy["Statement"].as_array().unwrap();
    let at = statements.iter().position(|it| it["Sid"] == "OptionalGetObject").unwrap();
    assert_eq!(statements[at]["Resource"], "arn:aws:s3:::logs/*");
    let (_sim, env, output) = run_as(&policy["Statement"], &["--session-policy", "none"]);
    drop(output.exits(0));
    check_files(&env, env.record().complete(), &kept());
    // Who fetches nothing is granted nothing.
    let args = [&["policy", "--level", "full"], &flags[..], &place[..2]].concat();
    let (_sim, env, _) = run_as(&json!([allow_all()]), &["--dry-run"]);
    assert!(!env.run(&args).exits(0).stdout.contains("s3:GetObject"));
}

#[test]
fn the_output_of_an_earlier_run_is_fetched_later_and_once() {
    let (sim, env) = serve("");
    drop(run(&env, &["--output-s3", "s3://logs"]).exits(0));
    assert!(files(&env).is_empty());
    drop(env.run(&["report", "last", "--full-output"]).exits(0));
    let record = env.record();
    check_files(&env, record.replayed().complete(), &kept());
    let n_calls = sim.stats().calls("GetObject");
    drop(env.run(&["report", "last", "--full-output", "--format", "json"]).exits(0));
    assert_eq!(sim.stats().calls("GetObject"), n_calls);
    drop(env.run(&["watch", "last"]).exits(0));
}

#[test]
fn a_process_that_is_killed_while_it_fetches_leaves_a_whole_report_and_no_half_files() {
    let fault = "[[fault]]\noperation = \"GetObject\"\ncalls = [3]\nkind = \"delay\"\n\
                 delay = \"600s\"\n";
    let sim = SimProcess::start(&(groups("") + fault), &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let args = ["run", "--yes", "--asg", "web", "--output-s3", "s3://logs", "--full-output"];
    let mut fleet = env.spawn(&[&args[..], &["--output", "jsonl", "--", "true"]].concat());
    fleet.wait_for("output_stored");
    fleet.kill();
    drop(fleet);
    let report: Value =
        serde_json::from_slice(&fs::read(env.runs()[0].join("report.json")).unwrap()).unwrap();
    assert_eq!(report["verdict"]["exit_code"], 0);
    let whole = files(&env).into_iter().filter(|(name, _)| name.ends_with(".stdout"));
    assert!(whole.into_iter().all(|(_, text)| text == kept()));
    sim.heal();
    drop(env.run(&["report", "last", "--full-output"]).exits(0));
    check_files(&env, env.record().replayed().complete(), &kept());
}
