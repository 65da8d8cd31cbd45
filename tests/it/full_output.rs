//! Output beyond what SSM keeps: put into a bucket or a log group by the instances, fetched into
//! files beside the report, and said to be cut where it is.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::{Value, json};

use crate::support::{
    FleetEnv, Output, SimProcess,
    scoped::{ROLE, Scoped, allow, allow_all},
    skip,
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

/// The same, over what else a world has.
fn serve_with(world: &str, files: &[(&str, &str)]) -> (SimProcess, FleetEnv) {
    let sim = SimProcess::start(world, files);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    (sim, env)
}

fn faults(faults: &[(&str, &str, &str)]) -> String {
    let one = |(operation, when, kind): &(&str, &str, &str)| {
        format!("[[fault]]\noperation = \"{operation}\"\n{when}\nkind = \"{kind}\"\n")
    };
    groups("") + &faults.iter().map(one).collect::<String>()
}

#[test]
fn answers_that_are_lost_broken_or_cut_are_asked_for_again() {
    let world = faults(&[
        ("GetObject", "calls = [1]", "drop-after-accept"),
        ("GetObject", "calls = [2]", "error-500"),
        ("GetObject", "calls = [3]", "throttle"),
        ("GetObject", "calls = [5]", "truncated-body"),
        ("GetCommandInvocation", "calls = [2]", "error-500-after-accept"),
    ]);
    let (sim, env) = serve_with(&world, &[]);
    drop(run(&env, &["--output-s3", "s3://logs", "--full-output"]).exits(0));
    let record = env.record();
    let report = record.replayed().complete();
    assert_eq!(notes(report), Vec::<&str>::new());
    check_files(&env, report, &kept());
    assert!(sim.stats().calls("GetObject") > 5);

    let world = faults(&[
        ("GetLogEvents", "calls = [1]", "drop-after-accept"),
        ("GetLogEvents", "calls = [3]", "error-500"),
    ]);
    let (_sim, env) = serve_with(&world, &[]);
    drop(run(&env, &["--output-logs", "/runs", "--full-output"]).exits(0));
    let record = env.record();
    assert_eq!(notes(record.replayed().complete()), Vec::<&str>::new());
    check_files(&env, record.complete(), &kept());
}

#[test]
fn a_place_that_never_answers_is_a_note_and_what_ssm_keeps_is_written_down() {
    for (operation, flag, place) in
        [("GetObject", "--output-s3", "s3://logs"), ("GetLogEvents", "--output-logs", "/runs")]
    {
        let world = faults(&[(operation, "rate = 1.0", "error-500")]);
        let (_sim, env) = serve_with(&world, &[]);
        drop(run(&env, &[flag, place, "--full-output"]).exits(0));
        let record = env.record();
        let report = record.replayed().complete();
        let [note] = notes(report)[..] else { panic!("{:?}", notes(report)) };
        assert!(note.contains(" and 2 more is not whole: ") && note.contains(operation), "{note}");
        assert_eq!(report["instances"][0]["files"]["stdout"]["bytes"], 24_000);
    }
}

#[test]
fn a_bucket_that_is_gone_when_it_is_read_is_a_note() {
    let (_sim, env) = serve("");
    drop(run(&env, &["--output-s3", "s3://logs"]).exits(0));
    let other = groups("").replace("buckets = [\"logs\"]\n", "");
    let other = SimProcess::start(&other, &[]);
    let env = env.set("AWS_ENDPOINT_URL", other.endpoint());
    drop(env.run(&["report", "last", "--full-output"]).exits(0));
    let record = env.record();
    let report = record.replayed().complete();
    let [note] = notes(report)[..] else { panic!("{:?}", notes(report)) };
    assert!(note.contains("there is no bucket logs"), "{note}");
    assert_eq!(report["verdict"]["exit_code"], 0);
}

#[test]
fn a_run_that_was_taken_over_fetches_for_all_of_its_instances() {
    let slow = groups("").replace("[[outcome]]\n", "[[outcome]]\nafter = \"40s\"\n");
    let (sim, env) = serve_with(&slow, &[]);
    let args = ["run", "--yes", "--asg", "web", "--waves", "1,3", "--max-concurrency", "3"];
    let more = ["--output-s3", "s3://logs", "--full-output", "--output", "jsonl", "--", "true"];
    let mut fleet = env.spawn(&[&args[..], &more[..]].concat());
    fleet.wait_for("command_accepted");
    fleet.kill();
    drop(fleet);
    drop(env.run(&["watch", "last", "--continue", "--yes"]).exits(0));
    assert_eq!(sim.stats().executions(), [1, 1, 1]);
    let record = env.record();
    check_files(&env, record.replayed().complete(), &kept());
    assert_eq!(notes(record.complete()), Vec::<&str>::new());
}

#[test]
fn each_step_of_a_document_is_fetched_in_its_order() {
    let step = |name: &str| json!({ "name": name, "action": "aws:runShellScript", "inputs": { "runCommand": ["true"] } });
    let steps = ["first-step", "second"].map(step);
    let document = json!({ "schemaVersion": "2.2", "description": "", "mainSteps": steps });
    let document = document.to_string();
    let world = groups("") + "[[document]]\nname = \"Two\"\nfile = \"two.json\"\n";
    for place in [["--output-s3", "s3://logs/a"], ["--output-logs", "runs"]] {
        let (_sim, env) = serve_with(&world, &[("two.json", &document)]);
        let args = ["run", "--yes", "--asg", "web", "--doc", "Two", "--full-output"];
        drop(env.run(&[&args[..], &place[..]].concat()).exits(0));
        let record = env.record();
        assert_eq!(notes(record.complete()), Vec::<&str>::new(), "{place:?}");
        check_files(&env, record.replayed().complete(), &kept());
    }
}

#[test]
fn bytes_that_are_no_text_stay_what_they_are() {
    let script = |n: u32| {
        let bytes = r"printf '\000\033[2J\377\376line\n%.0s'";
        format!("echo step {n}; {bytes} $(seq 3000); echo end {n} >&2")
    };
    let steps = [1, 2].map(|n| {
        let inputs = json!({ "runCommand": [script(n)] });
        json!({ "name": format!("step{n}"), "action": "aws:runShellScript", "inputs": inputs })
    });
    let document = json!({ "schemaVersion": "2.2", "description": "", "mainSteps": steps });
    let world = "speed = 50.0\nbuckets = [\"logs\"]\n[[group]]\nname = \"web\"\nsize = 1\n\
                 run = \"shell\"\n[[document]]\nname = \"Bytes\"\nfile = \"bytes.json\"\n";
    let (_sim, env) = serve_with(world, &[("bytes.json", &document.to_string())]);
    let args = ["run", "--yes", "--asg", "web", "--doc", "Bytes", "--full-output"];
    let output = env.run(&[&args[..], &["--output-s3", "s3://logs"]].concat());
    if output.code != Some(0) && format!("{output}").contains("cannot really run") {
        return skip("bytes_that_are_no_text", &output.stderr);
    }
    let output = output.exits(0);
    let record = env.record();
    assert_eq!(notes(record.complete()), Vec::<&str>::new(), "{output}");
    let id = record.complete()["instances"][0]["instance_id"].as_str().unwrap();
    let file = |it: &str| fs::read(env.runs()[0].join(format!("outputs/{id}.{it}"))).unwrap();
    let lines = b"\0\x1b[2J\xff\xfeline\n".repeat(3_000);
    let expected = [b"step 1\n", &lines[..], b"step 2\n", &lines[..]].concat();
    assert!(file("stdout") == expected, "{} bytes", file("stdout").len());
    assert_eq!(String::from_utf8(file("stderr")).unwrap(), "end 1\nend 2\n");
    // Neither the terminal nor a format shows them so.
    assert!(!output.stdout.contains('\u{1b}') && !output.stdout.contains('\0'));
}

#[test]
fn every_format_says_what_is_not_whole_and_where_the_rest_is() {
    let n_said = said().len();
    for (flags, said) in [
        (&["--full-output"][..], "(24,000 bytes, and more was printed)"),
        (&["--full-output", "--output-s3", "s3://logs"][..], "bytes, all of it)"),
        (&[][..], "More was printed than SSM kept"),
    ] {
        let (_sim, env) = serve("");
        drop(run(&env, flags).exits(0));
        for format in ["text", "md", "html", "junit"] {
            let text = env.run(&["report", "last", "--format", format]).exits(0).stdout;
            let plain = text.replace('\n', " ").replace('\\', "");
            assert!(plain.contains(said), "{format} lacks `{said}`:\n{text}");
        }
        let csv = env.run(&["report", "last", "--format", "csv"]).exits(0).stdout;
        assert!(csv.contains(",true,"), "{csv:.2000}");
        assert_eq!(csv.contains(".stdout\""), !flags.is_empty(), "{csv:.2000}");
        assert_eq!(csv.contains(&format!(",{n_said},")), flags.len() == 3, "{csv:.2000}");
    }
}

#[test]
fn fleet_toml_names_a_place_unless_it_was_only_found_here() {
    let (_sim, env) = serve("");
    let text = "[output]\ns3 = \"s3://logs/team\"\n";
    let path = env.write("place.toml", text);
    drop(run(&env, &["--config", path.to_str().unwrap()]).exits(0));
    let place = json!({ "bucket": "logs", "prefix": "team" });
    assert_eq!(env.record().complete()["outputs"]["s3"], place);
    env.write("fleet.toml", text);
    drop(run(&env, &[]).exits(2).complains(&["line 2: output.s3", "--config", "nothing was sent"]));
}

#[test]
fn bad_places_are_refused_before_anything_is_sent() {
    let (sim, env) = serve("");
    for (flags, said) in [
        (["--output-s3", "s3://Logs/a"], "lower-case"),
        (["--output-s3", "https://logs"], "s3://BUCKET"),
        (["--output-s3", "s3://"], "3 to 63"),
        (["--output-logs", "a b"], "log group"),
        (["--output-logs", ""], "log group"),
    ] {
        for command in ["run", "plan"] {
            let args = [&[command, "--asg", "web"], &flags[..], &["--", "true"]].concat();
            drop(env.run(&args).exits(2).complains(&[said]));
        }
    }
    assert_eq!(sim.stats().commands(), 0);
}

#[test]
fn doctor_tells_whether_the_place_could_be_read() {
    let (_sim, env) = serve("");
    let doctor = |place: &[&str]| {
        let args = [&["doctor", "--asg", "web", "--output", "json"], place, &["--", "true"]];
        env.run(&args.concat())
    };
    let found = |output: &Output| {
        let checks = output.json()["checks"].as_array().unwrap().clone();
        let found = checks.into_iter().find(|it| it["check"] == "output");
        found.map(|it| (it["verdict"].as_str().unwrap().to_owned(), it["said"].to_string()))
    };
    let s3 = ["--output-s3", "s3://logs/runs", "--full-output"];
    let (verdict, said) = found(&doctor(&s3)).unwrap();
    assert_eq!(verdict, "pass", "{said}");
    let (verdict, said) = found(&doctor(&["--output-logs", "/runs", "--full-output"])).unwrap();
    assert_eq!(verdict, "pass", "{said}");
    let (verdict, said) = found(&doctor(&["--output-s3", "s3://absent"])).unwrap();
    assert!(verdict == "fail" && said.contains("no bucket absent"), "{said}");
    assert_eq!(found(&doctor(&["--output-s3", "s3://logs"])), None);
    assert_eq!(found(&doctor(&[])), None);

    let role = json!([allow(&json!(["ssm:*", "autoscaling:*"]), "*")]);
    let (_sim, env, _) = run_as(&role, &["--dry-run"]);
    let args = ["doctor", "--asg", "web", "--doc", "Restart", "--role-arn", ROLE];
    let output = env.run(&[&args[..], &s3[..], &["--output", "json"]].concat());
    let (verdict, said) = found(&output).unwrap();
    assert!(verdict == "warn" && said.contains("s3:GetObject on s3://logs/runs"), "{said}");
}
