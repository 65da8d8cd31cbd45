//! `fleet run`: what it sends, to whom, and where it goes.

use std::process::{Command, Stdio};

use crate::support::{FleetEnv, Output, SimProcess, repository};

fn mixed() -> String {
    format!("--sim={}", repository("tests/worlds/mixed.toml").display())
}

#[test]
fn a_run_shows_its_plan_its_progress_and_a_report_with_the_verdict_last() {
    let env = FleetEnv::new();
    let output = env.run(&["run", &mixed(), "--asg", "web", "--reason", "INC-7", "--", "uptime"]);
    insta::assert_snapshot!(output.exits(0), @r"
    -- stdout
    3 succeeded with the same output (web ×3: us-east-1a 2, us-east-1b 1): ok

      run         20240719-052700-000001, took [DURATION]
      outcomes    3 succeeded of 3 instances
      coverage    complete: every instance of the group was planned
      budget      0 errors, 0 allowed
      report      [HOME]/state/fleet/runs/20240719-052700-000001/report.json

    3 of 3 instances succeeded (exit code 0)
    -- stderr
    AWS-RunShellScript version 1 on --asg web
      run         20240719-052700-000001
      account     123456789012, us-east-1
      caller      arn:aws:iam::123456789012:user/administrator
      reason      INC-7
      parameters  commands = uptime
      planned     3 instances
                  web 3: us-east-1a 2, us-east-1b 1
      dispatch    one command by tag aws:autoscaling:groupName=web: the plan is
                  exactly what the group's tag matches, in one wave
      limits      budget 0, concurrency 1: at most 1 of 3 can fail
                  SSM does not count whom it cannot reach or is denied, and goes on
                  until fleet sees it
                  from --max-errors 0 and --max-concurrency 10%
      delivery    given up without an answer after 600 seconds and the document's
                  own timeout

    [TIME] wave 1 started: 3 instances
    [TIME] command [UUID] accepted
    [TIME] wave 1 finished: 3/3 · 3 succeeded
    -- exit: 0
    ");
}

#[test]
fn failures_come_first_and_unfolded() {
    let env = FleetEnv::new();
    let world = format!("--sim={}", repository("tests/worlds/one_fails.toml").display());
    let args = ["run", &world, "--asg", "web", "--max-errors", "1", "--quiet", "--", "uptime"];
    insta::assert_snapshot!(env.run(&args).exits(1), @r"
    -- stdout
    INSTANCE             GROUP/ZONE      OUTCOME  EXIT  TIME
    i-[ID]  web/us-east-1a  failed      9  [DURATION]
        disk full

    2 succeeded with the same output (i-[ID], i-[ID]): ok

      run         20240719-052700-000001, took [DURATION]
      outcomes    2 succeeded, 1 failed of 3 instances
      failures    1 failed, exit code 9: disk full
      coverage    complete: every instance of the group was planned
      budget      1 error, 1 allowed
      report      [HOME]/state/fleet/runs/20240719-052700-000001/report.json
      next        fleet report 20240719-052700-000001 --diff

    2 of 3 instances succeeded, 1 failed (exit code 1)
    -- stderr
    -- exit: 1
    ");
}

#[test]
fn quiet_leaves_the_report_alone() {
    let env = FleetEnv::new();
    let output = env.run(&["run", &mixed(), "--asg", "web", "--quiet", "--", "uptime"]).exits(0);
    assert_eq!(output.stderr, "");
    drop(output.prints(&["3 of 3 instances succeeded (exit code 0)"]));
}

#[test]
fn a_whole_group_is_one_command_by_tag() {
    let env = FleetEnv::new();
    drop(env.run(&["run", &mixed(), "--asg", "web", "--", "uptime"]).exits(0));
    let record = env.record();
    let report = record.complete();
    assert_eq!(report["dispatch"]["by"], "tag", "{}", report["dispatch"]);
    assert_eq!(report["api_calls"]["by_operation"]["SendCommand"], 1);
    assert_eq!(report["coverage"], "complete");
}

#[test]
fn a_group_with_instances_left_out_is_sent_ids_and_they_are_named_with_the_reason() {
    let env = FleetEnv::new();
    let args = ["run", &mixed(), "--asg", "partly", "--max-concurrency", "2", "--", "uptime"];
    drop(env.run(&args).exits(0).complains(&["lost its connection", "in Standby"]));
    let record = env.record();
    let report = record.complete();
    assert_eq!(report["dispatch"]["by"], "ids", "{}", report["dispatch"]);
    assert_eq!(report["population"]["planned"], 3);
    let excluded = report["population"]["excluded"].as_array().unwrap();
    let reasons: Vec<_> = excluded.iter().map(|it| it["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["agent_offline", "standby"]);
    assert_eq!(report["coverage"], "partial");
    for id in excluded.iter().map(|it| it["instance_id"].as_str().unwrap()) {
        assert!(!record.ids("instances", "instance_id").contains(&id));
    }
}

#[test]
fn instances_are_also_selected_by_tags_and_left_out_by_name() {
    let env = FleetEnv::new();
    drop(env.run(&["run", &mixed(), "--asg-tag", "role=web", "--", "uptime"]).exits(0));
    let record = env.record();
    let planned = record.ids("instances", "instance_id");
    assert_eq!(planned.len(), 3);

    let env = FleetEnv::new();
    let args = ["run", &mixed(), "--tag", "role=web", "--exclude", planned[0], "--", "uptime"];
    drop(env.run(&args).exits(0));
    assert_eq!(env.record().complete()["population"]["planned"], 2);
    assert!(!env.record().ids("instances", "instance_id").contains(&planned[0]));
}

#[test]
fn a_command_is_a_shell_script_on_linux_and_a_powershell_script_on_windows() {
    let check = |asg: &str, document: &str| {
        let env = FleetEnv::new();
        drop(env.run(&["run", &mixed(), "--asg", asg, "--", "echo", "a b"]).exits(0));
        let record = env.record();
        assert_eq!(record.complete()["document"]["name"], document);
        record.plan["document"]["parameters"]["commands"][0].as_str().unwrap().to_owned()
    };
    assert_eq!(check("web", "AWS-RunShellScript"), "echo 'a b'");
    assert_eq!(check("win", "AWS-RunPowerShellScript"), "echo a b");
}

#[test]
fn a_dry_run_shows_the_plan_and_sends_nothing() {
    let sim = SimProcess::of(&repository("tests/worlds/mixed.toml"));
    let env = FleetEnv::of(&sim);
    let output = env.run(&["run", "--asg", "web", "--dry-run", "--", "uptime"]).exits(0);
    let output = output.complains(&["nothing was sent: this was a dry run"]);
    let plan = env.run(&["plan", "--asg", "web", "--", "uptime"]).exits(0);
    let run = |it: &Output| it.stdout.replace("-000001", "").replace("-000002", "");
    assert_eq!(run(&output), run(&plan));
    assert_eq!(sim.stats().commands(), 0);
    assert!(env.runs().is_empty());
}

#[test]
fn limits_are_integers_with_their_worst_case() {
    let env = FleetEnv::new();
    let world = format!("--sim={}", repository("examples/worlds/thousand.toml").display());
    let limits = ["--max-concurrency", "0.1%", "--max-errors", "0.5%"];
    // Fractions of a percent are refused rather than rounded.
    drop(
        env.run(&[&["plan", &world, "--asg", "web"], &limits[..], &["--", "x"]].concat()).exits(2),
    );
    let limits = ["--max-concurrency", "7%", "--max-errors", "2%"];
    let output = env.run(&[&["plan", &world, "--asg", "web"], &limits[..], &["--", "x"]].concat());
    drop(output.exits(0).prints(&["budget 20, concurrency 70: at most 90 of 1000 can fail"]));
}

#[test]
fn a_thousand_instances_run_to_a_complete_report() {
    let env = FleetEnv::new();
    let world = format!("--sim={}", repository("examples/worlds/thousand.toml").display());
    let limits = ["--max-concurrency", "20%", "--max-errors", "1%"];
    let args = [&["run", &world, "--asg", "web"], &limits[..], &["--", "true"]].concat();
    drop(env.run(&args).exits(1));
    let record = env.record();
    let report = record.complete();
    assert_eq!(
        (&report["totals"]["succeeded"], &report["totals"]["failed"]),
        (&995.into(), &5.into())
    );
    let calls = report["api_calls"]["by_operation"].as_object().unwrap().values();
    let calls: u64 = calls.filter_map(serde_json::Value::as_u64).sum();
    assert!(calls <= 2 * (1 + 1000 / 50) + 60, "{calls} calls");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let env = FleetEnv::new();
    for format in ["human", "json", "jsonl"] {
        let args = ["run", &mixed(), "--asg", "web", "--output", format, "--quiet", "--", "uptime"];
        let mut fleet = env.command(&args);
        let mut head = Command::new("head");
        let head = head.args(["-c", "1"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut head = head.spawn().unwrap();
        let end = head.stdin.take().unwrap();
        fleet.stdout(end).stderr(Stdio::piped());
        let fleet = fleet.spawn().unwrap();
        let output = fleet.wait_with_output().unwrap();
        head.wait().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{format}");
        assert_eq!(output.status.code(), Some(0), "{format}");
    }
    assert_eq!(env.runs().len(), 3);
}

#[test]
fn a_send_that_is_refused_is_3_and_says_that_nothing_was_sent() {
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"ssm:SendCommand","Resource":"*"}]}"#;
    let world = "[[group]]\nname = \"web\"\nsize = 2\n[[user]]\nname = \"reader\"\n\
                 access_key_id = \"AKIDREADER\"\nsecret_access_key = \"s\"\npolicy = \"p.json\"\n";
    let sim = SimProcess::start(world, &[("p.json", policy)]);
    let env = FleetEnv::of(&sim);
    let output = env.run(&["run", "--yes", "--asg", "web", "--", "true"]).exits(3);
    drop(
        output
            .prints(&["AccessDeniedException", "ssm:SendCommand"])
            .complains(&["nothing was sent"]),
    );
    assert_eq!(sim.stats().commands(), 0);
    env.record().complete();
}

#[test]
fn a_permission_that_is_missing_is_a_note_and_no_crash() {
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[
        "ssm:SendCommand","ssm:ListCommandInvocations"],"Resource":"*"}]}"#;
    let world = "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 2\n[[user]]\nname = \"minimal\"\n\
                 access_key_id = \"AKIDMINIMAL\"\nsecret_access_key = \"s\"\npolicy = \"p.json\"\n";
    let sim = SimProcess::start(world, &[("p.json", policy)]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.02");
    let args = ["run", "--yes", "--asg", "web", "--doc", "AWS-RunShellScript"];
    let args = [&args[..], &["--max-concurrency", "1", "--param", "commands=true"]].concat();
    drop(env.run(&args).exits(0));
    let record = env.record();
    let notes = record.complete()["notes"].to_string();
    for action in ["autoscaling:DescribeAutoScalingGroups", "ssm:DescribeDocument"] {
        assert!(notes.contains(action), "{action}: {notes}");
    }
    assert_eq!(record.report["coverage"], "unverified");
    assert_eq!(sim.stats().executions(), [1, 1]);
}

#[test]
fn a_throttled_service_makes_it_slower_and_nothing_else() {
    let faults = ["SendCommand", "ListCommandInvocations", "ListCommands"].map(|operation| {
        format!("[[fault]]\noperation = \"{operation}\"\nrate = 0.5\nkind = \"throttle\"\n")
    });
    let env = FleetEnv::new();
    let world = std::fs::read_to_string(repository("tests/worlds/three_healthy.toml")).unwrap();
    let sim = env.world(&(world + &faults.concat()));
    drop(env.run(&["run", &sim, "--asg", "web", "--", "true"]).exits(0));
    let record = env.record();
    assert_eq!(record.complete()["totals"]["succeeded"], 3);
    assert!(record.report["api_calls"]["throttled"].as_u64() > Some(0));
}

#[test]
fn throttles_of_every_service_are_counted() {
    for operation in ["DescribeAutoScalingGroups", "ListCommandInvocations", "AssumeRole"] {
        let fault =
            format!("[[fault]]\noperation = \"{operation}\"\ncalls = [1]\nkind = \"throttle\"\n");
        let env = FleetEnv::new();
        let world = std::fs::read_to_string(repository("tests/worlds/three_healthy.toml")).unwrap();
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
            "Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}"#;
        let policy = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        env.write("trust.json", trust);
        env.write("policy.json", policy);
        let role = "[[role]]\nname = \"r\"\ntrust = \"trust.json\"\npolicy = \"policy.json\"\n";
        let sim = env.world(&(world + &fault + role));
        let role = ["--role-arn", "arn:aws:iam::123456789012:role/r"];
        let args = [&["run", &sim, "--asg", "web"], &role[..], &["--", "true"]].concat();
        drop(env.run(&args).exits(0));
        assert_eq!(env.record().complete()["api_calls"]["throttled"], 1, "{operation}");
    }
}

#[test]
fn a_profile_that_is_named_is_used_whatever_keys_are_around() {
    let sim = SimProcess::of(&repository("examples/scoped-role/world.toml"));
    let keys = "[ops]\naws_access_key_id = AKIDOPERATOR\naws_secret_access_key = not-a-secret\n";
    let env = FleetEnv::of(&sim).set("AWS_ACCESS_KEY_ID", "AKIDNOBODY");
    env.write("no-credentials", keys);
    let role = "arn:aws:iam::000000000000:role/aaa-IamRoleSendCommand-aaa";
    let what = ["--asg", "aaa-Ec2InstanceAutoScalingGroup-aaa", "--doc", "aaa-SsmDocument-aaa"];
    let access = ["--profile", "ops", "--role-arn", role, "--yes", "--max-concurrency", "1"];
    let env = env.set("FLEET_PACE", "0.05");
    drop(env.run(&[&["run"], &what[..], &access].concat()).exits(0));
    assert_eq!(env.record().report["operator"]["role_arn"], role);
}

#[test]
fn endpoints_of_the_environment_are_honoured_one_service_at_a_time() {
    let sim = SimProcess::of(&repository("tests/worlds/mixed.toml"));
    let env = FleetEnv::of(&sim).set("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let env = ["STS", "SSM", "AUTO_SCALING"]
        .iter()
        .fold(env, |env, service| env.set(&format!("AWS_ENDPOINT_URL_{service}"), sim.endpoint()));
    // What is meant for this machine does not go through a proxy.
    let env = env.set("HTTP_PROXY", "http://127.0.0.1:9").set("FLEET_PACE", "0.02");
    drop(env.run(&["run", "--yes", "--asg", "web", "--", "true"]).exits(0));
    assert_eq!(sim.stats().commands(), 1);
}

#[test]
fn the_flag_and_the_simulator_win_over_the_environments_endpoints() {
    let sim = SimProcess::of(&repository("tests/worlds/mixed.toml"));
    let env = ["", "_STS", "_SSM", "_AUTO_SCALING"].iter().fold(FleetEnv::of(&sim), |env, it| {
        env.set(&format!("AWS_ENDPOINT_URL{it}"), "http://127.0.0.1:9")
    });
    let env = env.set("FLEET_PACE", "0.02");
    let at = ["--endpoint-url", sim.endpoint()];
    drop(env.run(&[&["run", "--yes", "--asg", "web"], &at[..], &["--", "true"]].concat()).exits(0));
    assert_eq!(sim.stats().commands(), 1);
    let keyless = env.set("AWS_ACCESS_KEY_ID", "AKIDNOBODY").set("AWS_PROFILE", "nobody");
    drop(keyless.run(&["run", &mixed(), "--asg", "web", "--", "true"]).exits(0));
    assert_eq!(sim.stats().commands(), 1);
}
