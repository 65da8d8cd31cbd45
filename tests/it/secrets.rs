//! A secret is planted wherever one can stand, and then looked for in everything that was written.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::support::{FleetEnv, Output, SimProcess};

/// By the name of its parameter.
const NAMED: &str = "correct-horse-battery";
/// By a pattern of the command line.
const FLAGGED: &str = "tok-98765";
/// By a pattern of fleet.toml.
const CONFIGURED: &str = "cfg-xyzzy";
/// By its shape.
const SHAPED: &str = "AKIAIOSFODNN7EXAMPLE";
/// The operator's own.
const KEY: &str = "zqx-the-operators-key";

const PLANTED: [&str; 5] = [NAMED, FLAGGED, CONFIGURED, SHAPED, KEY];

const DOCUMENT: &str = "
schemaVersion: '2.2'
parameters:
  dbPassword: { type: String }
  note: { type: String, default: none }
mainSteps:
  - action: aws:runShellScript
    name: login
    inputs: { runCommand: ['login {{ dbPassword }} {{ note }}'] }
";

const STRICT: &str = "
schemaVersion: '2.2'
parameters:
  dbPassword: { type: String, allowedPattern: '[a-z]+' }
mainSteps:
  - action: aws:runShellScript
    name: login
    inputs: { runCommand: ['login {{ dbPassword }}'] }
";

const TWO_STEPS: &str = "
schemaVersion: '2.2'
parameters:
  dbCredentials: { type: StringMap }
mainSteps:
  - action: aws:runShellScript
    name: login
    inputs: { runCommand: ['login'] }
  - action: aws:runShellScript
    name: after
    inputs: { runCommand: ['true'] }
";

/// Instances repeat what they were told; one fails, one prints more than fits.
fn world() -> String {
    let said = format!("in: {NAMED} {FLAGGED} {CONFIGURED} {SHAPED}\\n");
    let long = "x".repeat(2_490);
    // The agent cuts it at 23,980 characters.
    let longer = "x".repeat(23_968);
    format!(
        "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 3\n\
         [[document]]\nname = \"Login\"\nfile = \"login.yaml\"\n\
         [[document]]\nname = \"Strict\"\nfile = \"strict.yaml\"\n\
         [[user]]\nname = \"op\"\naccess_key_id = \"AKIDOPERATOR\"\nsecret_access_key = \"{KEY}\"\n\
         policy = \"all.json\"\n\
         [[role]]\nname = \"fleet\"\ntrust = \"trust.json\"\npolicy = \"all.json\"\n\
         [[document]]\nname = \"TwoSteps\"\nfile = \"two-steps.yaml\"\n\
         [[outcome]]\ndocument = \"TwoSteps\"\nstdout = \"{longer}{NAMED}{said}\"\n\
         [[outcome]]\ninstances = [0]\nexit = 1\nstdout = \"{said}\"\nstderr = \"err {said}\"\n\
         [[outcome]]\ninstances = [1]\nstdout = \"{long}{NAMED}{said}\"\nstderr = \"{said}\"\n\
         [[outcome]]\nstdout = \"{said}\"\n"
    )
}

fn sim() -> SimProcess {
    let allow =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"ext-id"}}}]}"#;
    let files = [
        ("login.yaml", DOCUMENT),
        ("strict.yaml", STRICT),
        ("two-steps.yaml", TWO_STEPS),
        ("all.json", allow),
        ("trust.json", trust),
    ];
    SimProcess::start(&world(), &files)
}

/// Returns an environment whose secrets are in a file, in fleet.toml and in the variables.
fn env(sim: &SimProcess) -> FleetEnv {
    let env = FleetEnv::of(sim);
    env.write("password", &format!("{NAMED}\n"));
    let config = "role_arn = \"arn:aws:iam::123456789012:role/fleet\"\nexternal_id = \"ext-id\"\n\
                  redact = [\"cfg-[a-z]+\"]\n";
    env.write("fleet.toml", config);
    env
}

/// Requires that nothing planted is in what was said.
fn is_silent(output: &Output) {
    for secret in PLANTED {
        assert!(!output.stdout.contains(secret), "stdout has {secret}:\n{}", output.stdout);
        assert!(!output.stderr.contains(secret), "stderr has {secret}:\n{}", output.stderr);
    }
}

/// Requires that nothing planted is in any file below `path` that fleet wrote, and that nobody
/// else may read them. Returns how many there are.
fn is_clean(path: &Path) -> usize {
    let mut n_files = 0;
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::metadata(&path).unwrap();
        if metadata.is_dir() {
            n_files += is_clean(&path);
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        if ["password", "fleet.toml"].contains(&name) {
            continue;
        }
        let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
        for secret in PLANTED {
            assert!(!text.contains(secret), "{} has {secret}", path.display());
        }
        // What is longer than a few characters of a secret that was cut is one too.
        assert!(!text.contains(&NAMED[..8]), "{} has a part of {NAMED}", path.display());
        assert_eq!(metadata.permissions().mode() & 0o077, 0, "{}", path.display());
        n_files += 1;
    }
    n_files
}

#[test]
fn a_planted_secret_is_found_in_nothing_that_was_written() {
    let sim = sim();
    let env = env(&sim);
    let flags = [
        "--asg",
        "web",
        "--doc",
        "Login",
        "--param-file",
        "dbPassword=password",
        "--redact",
        r"tok-\d+",
        "--max-errors",
        "100%",
    ];
    let note = format!("note={FLAGGED} {CONFIGURED} {SHAPED}");
    let reason = format!("because of {FLAGGED}");
    let flags = [&flags[..], &["--param", &note, "--reason", &reason]].concat();
    let plan = env.run(&[&["plan", "-o", "plan.json"], &flags[..]].concat()).exits(0);
    is_silent(&plan);
    drop(plan.prints(&["dbPassword is a secret by its name", "{{ssm:NAME}}", "30 days"]));
    for format in ["human", "json", "jsonl"] {
        let out = ["--yes", "--output", format, "--report", "report.json"];
        let output = env.run(&[&["run"], &flags[..], &out].concat()).exits(1);
        is_silent(&output);
        assert!(output.stdout.contains("‹redacted›"), "{format}:\n{output}");
    }
    is_silent(&env.run(&["report", "last"]).exits(0));
    is_silent(&env.run(&["report", "last", "--output", "json"]).exits(0));
    let retry =
        ["retry", "last", "--yes", "--param-file", "dbPassword=password", "--redact", r"tok-\d+"];
    // What was withheld must be given again, all of it.
    let output = env.run(&retry).exits(2).complains(&["note", "--param-file note=FILE"]);
    is_silent(&output);
    is_silent(&env.run(&[&retry[..], &["--param", &note]].concat()).exits(1));
    assert!(is_clean(env.path("").as_path()) > 12);
}

#[test]
fn a_member_of_a_secret_map_is_withheld_though_it_was_cut_in_two() {
    let sim = sim();
    let env = env(&sim);
    env.write("password", &format!("{{\"value\":\"{NAMED}\"}}"));
    let args = ["run", "--yes", "--asg", "web", "--doc", "TwoSteps", "--output", "jsonl"];
    let secret = ["--param-file", "dbCredentials=password", "--redact", r"tok-\d+"];
    let output = env.run(&[&args[..], &secret].concat()).exits(0);
    is_silent(&output);
    let stdout = env.record().report["instances"][0]["stdout"].as_str().unwrap().to_owned();
    assert!(stdout.len() > 20_000 && stdout.contains("‹redacted›"), "{} bytes", stdout.len());
    assert!(is_clean(env.path("").as_path()) > 2);
}

#[test]
fn a_refusal_does_not_repeat_the_secret_that_was_refused() {
    let sim = sim();
    let env = env(&sim);
    let run = ["run", "--yes", "--asg", "web", "--doc", "Login"];
    let two = ["--param", "dbPassword=correct-horse-battery", "--param", "dbPassword=x"];
    is_silent(&env.run(&[&run[..], &two].concat()).exits(2));
    let missing = ["--param-file", "dbPassword=missing"];
    let output = env.run(&[&run[..], &missing].concat()).exits(2);
    drop(output.complains(&["missing", "dbPassword", "nothing was sent"]));
    let strict = ["run", "--yes", "--asg", "web", "--doc", "Strict"];
    let output = env.run(&[&strict[..], &["--param-file", "dbPassword=password"]].concat());
    is_silent(&output.exits(2).complains(&["`dbPassword`", "‹redacted›", "[a-z]+"]));
    assert!(env.runs().is_empty());
}

#[test]
fn a_reference_is_sent_as_it_is_and_is_no_secret() {
    let sim = sim();
    let env = env(&sim);
    let args =
        ["plan", "--asg", "web", "--doc", "Login", "--param", "dbPassword={{ssm:/web/password}}"];
    let output = env.run(&args).exits(0).prints(&["dbPassword = {{ssm:/web/password}}"]);
    assert!(!output.stdout.contains("is a secret by its name"), "{output}");
}

/// One member that does not boot, and what the runbook's script printed.
const WRECK: &str = "speed = 400.0\n[[group]]\nname = \"win\"\nsize = 2\nplatform = \"Windows\"\n\
    min = 0\nsuspended = [\"ReplaceUnhealthy\"]\n\
    [[group.instance]]\nindex = 1\nimpaired = true\nping = \"ConnectionLost\"\n\
    [[runbook]]\ndocument = \"AWSSupport-StartEC2RescueWorkflow\"\n\
    [[runbook.step]]\nname = \"runScriptForWindows\"\noutputs = { Output = \"mounted with tok-98765\" }\n";

#[test]
fn a_secret_in_the_script_of_a_rescue_is_withheld_with_its_base64() {
    let sim = SimProcess::start(WRECK, &[]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01").unset("FLEET_NOW");
    let script = env.write("mount.ps1", &format!("net use z: {FLAGGED}\n\"done\"\n"));
    let script = script.to_str().unwrap();
    // Of `use z: tok-98765`, in the place where it stands.
    let encoded = "IHVzZSB6OiB0b2stOTg3NjUK";
    let is_silent = |output: &Output| {
        for text in [&output.stdout, &output.stderr] {
            for it in [FLAGGED, encoded] {
                assert!(!text.contains(it), "{it} stands in\n{text}");
            }
        }
    };
    let common = ["--asg", "win", "--no-bitlocker", "--redact", r"tok-\d+"];
    for more in [&["--output", "json"][..], &[]] {
        let args = [&["rescue", "plan", "--script", script], &common[..], more].concat();
        let output = env.run(&args).exits(0);
        assert!(output.stdout.contains("net use z: ‹redacted›"), "{output}");
        is_silent(&output);
    }
    let page = env.path("page.html");
    let more = ["--yes", "--report", page.to_str().unwrap()];
    let output = env.run(&[&["rescue", "script", script], &common[..], &more].concat());
    is_silent(&output.exits(0));
    assert!(is_clean(&env.path("state")) >= 4);
    fs::remove_file(script).unwrap();
    let written = std::process::Command::new("grep")
        .args(["-rlE", &format!("{FLAGGED}|{encoded}"), "."])
        .current_dir(env.path(""))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&written.stdout), "");
    // It was sent as it is, all the same.
    assert_eq!(sim.stats().calls("StartAutomationExecution"), 1);
}

#[test]
fn what_is_on_the_command_line_is_said_to_be_in_the_process_list() {
    let sim = sim();
    let env = env(&sim);
    let args = ["plan", "--asg", "web", "--doc", "Login", "--param"];
    let secret = format!("dbPassword={NAMED}");
    let output = env.run(&[&args[..], &[secret.as_str()]].concat()).exits(0);
    is_silent(&output);
    drop(output.prints(&["--param-file keeps it out of the process"]));
}

#[test]
fn nothing_that_fleet_starts_has_a_secret_on_its_command_line() {
    let env = FleetEnv::new();
    let secret = "seen-by-nobody-else";
    let script = format!("dbPassword={secret}\nfor it in 1 2 3 4 5 6 7 8; do sleep 0.1; done\n");
    env.write("script", &script);
    let args = ["run", "--sim", "--asg", "web", "--param-file", "commands=script"];
    let mut run = env.spawn(&[&args[..], &["--doc", "AWS-RunShellScript", "--quiet"]].concat());
    let mut lines = Vec::new();
    while !run.has_ended() {
        lines.extend(command_lines());
    }
    drop(run.finish());
    assert!(lines.iter().any(|it| it.contains("commands=script")), "fleet was never seen");
    assert_eq!(lines.iter().find(|it| it.contains(secret)), None);
}

/// Returns the command lines of all processes that can be seen.
fn command_lines() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let entries = entries.filter_map(|it| fs::read(it.ok()?.path().join("cmdline")).ok());
    entries.map(|it| String::from_utf8_lossy(&it).into_owned()).collect()
}
