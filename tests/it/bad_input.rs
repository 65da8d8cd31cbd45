//! Issue 2, section 6: each bad input has the right code, names what was wrong, and says that
//! nothing was sent. Where a simulator of its own is asked, nothing was.

use std::fs;

use crate::support::{FleetEnv, SimProcess, repository};

/// Runs fleet with `args` against `sim` and requires that it is refused with `code`, that stderr
/// names all of `names`, and that neither a command nor a ledger came of it.
fn check(sim: &SimProcess, env: &FleetEnv, args: &[&str], code: i32, names: &[&str]) {
    let output = env.run(args).exits(code).complains(names).complains(&["hint: nothing was sent"]);
    assert_eq!(output.stdout, "", "{args:?}:\n{output}");
    assert_eq!(sim.stats().commands(), 0, "{args:?}");
    assert!(env.runs().is_empty(), "{args:?}");
}

fn mixed() -> SimProcess {
    SimProcess::of(&repository("tests/worlds/mixed.toml"))
}

#[test]
fn a_value_that_may_be_a_secret_is_not_repeated_in_a_complaint() {
    let env = FleetEnv::new();
    let check = |flag: &str, value: &str| {
        let output = env.run(&["run", "--asg", "web", "--doc", "D", flag, value]).exits(2);
        let output = output.complains(&[flag, "nothing was sent"]);
        assert!(!output.stderr.contains("hunter2"), "{output}");
    };
    check("--param", "dbPassword:hunter2");
    check("--param", "dbPassword hunter2");
    check("--param", "=hunter2");
    check("--param-file", "dbPassword:hunter2");
    check("--redact", "hunter2(");
    check("--mfa-token", "hunter2");
}

#[test]
fn a_report_of_what_is_not_run_is_not_promised() {
    let sim = mixed();
    let env = FleetEnv::of(&sim);
    let report = ["--dry-run", "--report", "report.json"];
    let run = [&["run", "--asg", "web"], &report[..], &["--", "true"]].concat();
    check(&sim, &env, &run, 2, &["--dry-run", "--report"]);
    check(&sim, &env, &[&["retry", "last"], &report[..]].concat(), 2, &["--dry-run", "--report"]);
}

#[test]
fn nobody_to_run_on() {
    let sim = mixed();
    let env = FleetEnv::of(&sim);
    let check = |flags: &[&str], names: &[&str]| {
        let run = [&["run", "--yes"], flags, &["--", "true"]].concat();
        check(&sim, &env, &run, 4, names);
        // The plan is the same code without its effects, so it says the same.
        let plan = [&["plan"], flags, &["--", "true"]].concat();
        check(&sim, &env, &plan, 4, names);
    };
    check(&["--asg", "wbe"], &["no Auto Scaling group wbe", "us-east-1"]);
    check(&["--asg", "web", "--asg", "wbe"], &["no Auto Scaling group wbe"]);
    check(&["--asg", "empty"], &["--asg empty matches no instance"]);
    check(
        &["--asg", "deaf"],
        &["--asg deaf", "none is eligible", "lost its connection", "not registered"],
    );
    check(&["--asg-tag", "role=none"], &["role=none"]);
    check(&["--tag", "role=none"], &["role=none"]);
    check(&["--instance", "i-00000000000000000"], &["i-00000000000000000"]);
}

#[test]
fn documents_that_cannot_be_run() {
    let sim = mixed();
    let env = FleetEnv::of(&sim);
    let check = |asg: &str, flags: &[&str], code, names: &[&str]| {
        check(&sim, &env, &[&["run", "--yes", "--asg", asg], flags].concat(), code, names);
    };
    check("web", &["--doc", "Missing"], 3, &["Missing"]);
    check("web", &["--doc", "Rescue"], 2, &["Rescue", "--target-parameter"]);
    check(
        "web",
        &["--doc", "Restart", "--doc-version", "7", "--param", "unit=a"],
        3,
        &["Restart", "7"],
    );
    check(
        "win",
        &["--doc", "AWS-RunShellScript", "--param", "commands=true"],
        3,
        &["AWS-RunShellScript", "Linux", "Windows"],
    );
    check(
        "web",
        &["--doc", "AWS-RunPowerShellScript", "--param", "commands=true"],
        3,
        &["AWS-RunPowerShellScript", "Windows", "Linux"],
    );
}

#[test]
fn parameters_that_the_document_does_not_take() {
    let sim = mixed();
    let env = FleetEnv::of(&sim);
    let check = |params: &[&str], names: &[&str]| {
        let run = ["run", "--yes", "--asg", "web", "--doc", "Restart"];
        let params = params.iter().flat_map(|it| ["--param", it]);
        let args: Vec<&str> = run.into_iter().chain(params).collect();
        check(&sim, &env, &args, 2, names);
    };
    check(&[], &["Restart", "`unit`", "--param unit="]);
    check(&["unit=sshd", "unti=sshd"], &["Restart", "`unti`", "mode, unit"]);
    check(&["unit=SSHD"], &["`unit`", "`SSHD`", "^[a-z]+$"]);
    check(&["unit=sshd\nreboot"], &["`unit`"]);
    check(&["unit=sshd", "mode=harsh"], &["`mode`", "`harsh`", "soft, hard"]);
    check(&["unit=a", "unit=b"], &["`unit`", "one value"]);
    check(&["unit"], &["--param", "unit", "NAME=VALUE"]);
}

#[test]
fn limits_that_are_none() {
    let sim = mixed();
    let env = FleetEnv::of(&sim);
    let check = |flag: &str, value: &str| {
        let args = ["run", "--yes", "--asg", "web", flag, value, "--", "true"];
        check(&sim, &env, &args, 2, &[flag, value]);
    };
    for value in ["0", "0%", "101%", "1.5", "abc", "-1", "", "10 %", "99999999999"] {
        check("--max-concurrency", value);
    }
    for value in ["101%", "1.5", "abc", "-1", ""] {
        check("--max-errors", value);
    }
    for (flag, value) in [("--timeout", "29s"), ("--timeout", "soon"), ("--deadline", "0s")] {
        check(flag, value);
    }
    for value in ["3,1", "1,2,2", "50%,10%", "1,,2", "0,3"] {
        check("--waves", value);
    }
    check("--stop-after-wave", "0");
    check("--on-interrupt", "run away");
}

#[test]
fn a_wave_to_stop_after_that_there_is_not() {
    let sim = mixed();
    let env = FleetEnv::of(&sim);
    for (waves, stop, names) in [("1,3", "3", "2 waves"), ("100%", "2", "1 wave")] {
        let args = ["run", "--yes", "--asg", "web", "--waves", waves, "--stop-after-wave", stop];
        let names = [&format!("no wave {stop}")[..], names];
        check(&sim, &env, &[&args[..], &["--", "true"]].concat(), 2, &names);
    }
}

#[test]
fn flags_that_contradict_each_other_or_are_missing() {
    let sim = mixed();
    let env = FleetEnv::of(&sim);
    let check = |args: &[&str], names: &[&str]| check(&sim, &env, args, 2, names);
    check(&["run", "--asg", "web"], &["--doc"]);
    check(&["run", "--yes", "--", "true"], &["no instances were selected", "--asg"]);
    check(&["run", "--asg", "web", "--doc", "Restart", "--", "true"], &["--doc"]);
    check(&["run", "--asg", "web", "--unheard-of", "--", "true"], &["--unheard-of"]);
    check(&["run", "--instance", "web-1", "--", "true"], &["--instance", "web-1"]);
    check(&["run", "--yes", "--asg", "web", "--external-id", "xyz", "--", "true"], &["--role-arn"]);
    check(
        &["run", "--yes", "--asg", "web", "--asg", "win", "--", "true"],
        &["one platform", "--doc AWS-RunShellScript"],
    );
    check(
        &["run", "--asg", "web", "--sim", "--endpoint-url", "http://127.0.0.1:9", "--", "true"],
        &["--endpoint-url", "--sim"],
    );
}

#[test]
fn empty_and_malformed_values_are_named() {
    let sim = mixed();
    let run = |flags: &[&str], names: &[&str]| {
        let args = [&["run", "--yes"], flags, &["--", "true"]].concat();
        check(&sim, &FleetEnv::of(&sim), &args, 2, names);
    };
    run(&["--asg", ""], &["--asg"]);
    run(&["--asg", "web", "--region", ""], &["--region"]);
    run(&["--asg", "web", "--endpoint-url", ""], &["--endpoint-url"]);
    run(&["--asg", "web", "--endpoint-url", "http:///"], &["--endpoint-url"]);
    let env = FleetEnv::of(&sim);
    check(&sim, &env, &["run", "--yes", "--asg", "web", "--", ""], 2, &["nothing to run"]);
    check(&sim, &env, &["run", "--yes", "--asg", "web", "--doc", ""], 2, &["--doc"]);
    let args = ["run", "--yes", "--asg", "web", "--", "true"];
    let env = FleetEnv::of(&sim).set("AWS_ENDPOINT_URL_SSM", "");
    check(&sim, &env, &args, 2, &["AWS_ENDPOINT_URL_SSM", "empty"]);
    let env = FleetEnv::of(&sim).set("AWS_REGION", "").set("AWS_DEFAULT_REGION", "");
    check(&sim, &env, &args, 3, &["no region is set"]);
}

#[test]
fn without_yes_somebody_must_be_there_to_ask() {
    let sim = mixed();
    let env = FleetEnv::of(&sim);
    check(&sim, &env, &["run", "--asg", "web", "--", "true"], 2, &["terminal", "--yes"]);
}

#[test]
fn reports_that_cannot_be_written_are_refused_before_the_send() {
    let sim = mixed();
    let env = FleetEnv::of(&sim);
    fs::create_dir(env.path("dir.json")).unwrap();
    let check = |path: &str, names: &[&str]| {
        let args = ["run", "--yes", "--asg", "web", "--report", path, "--", "true"];
        check(&sim, &env, &args, 2, &[&[path], names].concat());
    };
    check("nowhere/report.json", &["directory does not exist"]);
    check("dir.json", &["is a directory"]);
    check("report.exe", &[".json"]);
    check("report", &[".json"]);
    check("/proc/report.json", &[]);
    check("/dev/full/report.json", &[]);
}

#[test]
fn a_state_directory_that_cannot_be_written_is_refused_before_the_send() {
    let sim = mixed();
    let env = FleetEnv::of(&sim).set("XDG_STATE_HOME", "/proc/nowhere");
    let args = ["run", "--yes", "--asg", "web", "--", "true"];
    check(&sim, &env, &args, 3, &["/proc/nowhere/fleet", "XDG_STATE_HOME"]);
    let env = FleetEnv::of(&sim).unset("XDG_STATE_HOME").unset("HOME");
    check(&sim, &env, &args, 3, &["XDG_STATE_HOME or HOME"]);
}

#[test]
fn no_region_and_no_credentials() {
    let sim = mixed();
    let args = ["run", "--yes", "--asg", "web", "--", "true"];
    let env = FleetEnv::of(&sim).unset("AWS_REGION").unset("AWS_DEFAULT_REGION");
    check(&sim, &env, &args, 3, &["region", "--region", "AWS_REGION"]);
    let role = ["--role-arn", "arn:aws:iam::123456789012:role/fleet"];
    check(&sim, &env, &[&args[..4], &role, &args[4..]].concat(), 3, &["region", "--region"]);
    let env = FleetEnv::of(&sim).unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY");
    check(&sim, &env, &args, 3, &["credentials", "AWS_PROFILE"]);
    // A profile that is asked for is not replaced by the keys that happen to be there.
    let env = FleetEnv::of(&sim);
    let profile = [&args[..4], &["--profile", "ops"], &args[4..]].concat();
    check(&sim, &env, &profile, 3, &["ops"]);
}

#[test]
fn a_role_that_may_not_be_assumed() {
    let sim = SimProcess::of(&repository("examples/scoped-role/world.toml"));
    let env = FleetEnv::of(&sim);
    let check = |arn: &str, code, names: &[&str]| {
        let selection = ["--asg", "aaa-Ec2InstanceAutoScalingGroup-aaa"];
        let what = ["--doc", "aaa-SsmDocument-aaa", "--role-arn", arn];
        let args = [&["run", "--yes"], &selection[..], &what].concat();
        check(&sim, &env, &args, code, &[&[arn], names].concat());
    };
    let other = "arn:aws:iam::000000000000:role/bbb-other";
    check(
        other,
        3,
        &[
            "could not assume",
            "AccessDenied: User: arn:aws:iam::000000000000:user/aaa-IamUserAssumeRole-aaa is not \
         authorized to perform: sts:AssumeRole on resource: arn:aws:iam::000000000000:role/bbb-other",
            "trust policy",
        ],
    );
    check("aaa-IamRoleSendCommand-aaa", 2, &["not the ARN of a role"]);
}

#[test]
fn keys_that_nobody_knows() {
    let sim = SimProcess::of(&repository("examples/scoped-role/world.toml"));
    let args = ["run", "--yes", "--asg", "web", "--", "true"];
    let env = FleetEnv::of(&sim).set("AWS_ACCESS_KEY_ID", "AKIDNOBODY");
    check(&sim, &env, &args, 3, &["InvalidClientTokenId", "log in"]);
    let env = FleetEnv::of(&sim).set("AWS_SECRET_ACCESS_KEY", "wrong");
    check(&sim, &env, &args, 3, &["SignatureDoesNotMatch", "the secret access key"]);
}

#[test]
fn an_endpoint_that_nobody_answers_at() {
    let sim = mixed();
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01");
    for command in [&["run", "--yes"][..], &["plan"]] {
        let args = [command, &["--asg", "web", "--endpoint-url", "http://127.0.0.1:9"]].concat();
        let what = ["--", "true"];
        let run = [&args[..], &what].concat();
        check(&sim, &env, &run, 3, &["http://127.0.0.1:9", "endpoint"]);
        let role = ["--role-arn", "arn:aws:iam::123456789012:role/fleet"];
        let args = [&args[..], &role, &what].concat();
        check(&sim, &env, &args, 3, &["http://127.0.0.1:9", "role/fleet", "endpoint"]);
    }
}

#[test]
fn an_endpoint_that_accepts_and_never_answers_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let env = FleetEnv::of(&mixed());
    let args = ["run", "--yes", "--asg", "web", "--endpoint-url", &endpoint, "--", "true"];
    // Within the deadline that a test has for any process.
    let output = env.run(&args).exits(3);
    drop(output.complains(&[&endpoint, "nothing was sent"]));
}

#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let env = FleetEnv::new();
    let sim = format!("--sim={}", repository("tests/worlds/three_healthy.toml").display());
    let full = |args: &[&str]| {
        let out = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        env.command(args).stdout(out).output().unwrap()
    };
    for args in [
        &["plan", &sim, "--asg", "web", "--", "true"][..],
        &["targets", &sim, "--asg", "web"],
        &["runs"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
    ] {
        let output = full(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{args:?}: {stderr}");
        assert!(stderr.contains("could not write to standard output"), "{args:?}: {stderr}");
    }
    // What became of a run does not depend on who could be told; its report is in the ledger.
    let output = full(&["run", &sim, "--asg", "web", "--", "true"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("could not write to standard output"), "{stderr}");
    assert_eq!(env.record().complete()["totals"]["succeeded"], 3);
}

#[test]
fn worlds_that_are_none() {
    let env = FleetEnv::new();
    let check = |text: &str, names: &[&str]| {
        let path = env.write("bad.toml", text);
        let path = path.to_str().unwrap();
        let run = ["run", &format!("--sim={path}"), "--asg", "web", "--", "true"];
        let output = env.run(&run).exits(2).complains(names);
        drop(output.complains(&["bad.toml:", "hint: nothing was sent"]));
        let output = env.run(&["sim", "--world", path]).exits(2).complains(names);
        // It never sends anything, so that there is nothing to promise.
        assert!(!output.stderr.contains("nothing was sent"), "{output}");
    };
    check("speed = 1.0\nsped = 2.0\n", &["bad.toml:2:1", "sped"]);
    check("[[group]]\nname = \"web\"\nsize = 1\ncolour = \"red\"\n", &["bad.toml:4:1", "colour"]);
    check("[[group]]\nname = \"web\"\nsize = \"six\"\n", &["bad.toml:3:8", "size"]);
    check(
        "\n[[group]]\nname = \"web\"\nsize = 1\nplatform = \"Plan9\"\n",
        &["bad.toml:5:12", "group.platform", "Plan9"],
    );
    check("visible_after = \"soon\"\n", &["bad.toml:1:17", "visible_after", "soon"]);
    check("speed = 0\n", &["bad.toml:1:9", "speed"]);
    check(
        "[[role]]\nname = \"r\"\ntrust = \"no.json\"\n",
        &["bad.toml:3:9", "role.trust", "no.json"],
    );
    check(
        "[[fault]]\noperation = \"SendCommand\"\ncalls = [1]\nkind = \"explode\"\n",
        &["bad.toml:4:8", "fault.kind", "explode"],
    );
    check("[[group\n", &["bad.toml:1"]);
    let output = env.run(&["run", "--sim=missing.toml", "--asg", "web", "--", "true"]).exits(2);
    drop(output.complains(&["missing.toml", "hint: nothing was sent"]));
    assert!(env.runs().is_empty());
}

#[test]
fn pinned_values_that_are_none() {
    for (name, value) in
        [("FLEET_NOW", "yesterday"), ("FLEET_SEED", "many"), ("FLEET_PACE", "quick")]
    {
        let env = FleetEnv::new().set(name, value);
        let output = env.run(&["run", "--sim", "--asg", "web", "--", "true"]).exits(2);
        drop(output.complains(&[name, value, "hint: nothing was sent"]));
    }
}
