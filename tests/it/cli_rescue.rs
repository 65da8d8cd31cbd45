//! `fleet rescue`: what is refused before anything is asked, what a preflight says of each instance,
//! and that it changes nothing.

use serde_json::{Value, json};

use crate::support::{
    FleetEnv, Output, SimProcess,
    scoped::{ROLE, Scoped, allow},
};

/// Two of three do not answer; one of these is in Standby.
const GROUP: &str = r#"
[[group]]
name = "win"
size = 3
platform = "Windows"
instance = [
    { index = 1, ping = "ConnectionLost" },
    { index = 2, ping = "ConnectionLost", lifecycle = "Standby" },
]
"#;

fn plan(env: &FleetEnv, args: &[&str]) -> Output {
    env.run(&[&["rescue", "plan"], args].concat())
}

/// Returns what was found of the `n`th instance by a check, or of all.
fn found<'a>(json: &'a Value, n: Option<usize>, check: &str) -> &'a Value {
    let rows = n.map_or(&json["checks"], |it| &json["instances"][it]["checks"]);
    let rows = rows.as_array().unwrap();
    rows.iter().find(|it| it["check"] == check).unwrap_or_else(|| panic!("no {check}: {json}"))
}

#[test]
fn a_script_that_the_runbook_would_not_read_is_refused_before_anything_is_asked() {
    let sim = SimProcess::start(GROUP, &[]);
    let env = FleetEnv::of(&sim);
    let check = |script: &[u8], text: &str| {
        let path = env.path("script.ps1");
        std::fs::write(&path, script).unwrap();
        let output = plan(&env, &["--script", path.to_str().unwrap(), "--asg", "win"]);
        drop(output.exits(2).complains(&[text, "cannot be sent", "nothing was sent"]));
    };
    let utf16: Vec<u8> = "get-childitem".encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(&utf16, "The term 'g' is not recognized");
    check(b"\xef\xbb\xbfdir", "byte order mark");
    check("dir 'é'".as_bytes(), "0xc3 at line 1, column 6");
    check(&[b'a'; 385], "516 characters of base64");
    check(b"exit 0", "`exit` at line 1");
    check(b"throw 'no'", "`throw` at line 1");
    assert_eq!(sim.stats().operations(), [""; 0]);
    let output = plan(&env, &["--script", "/nowhere", "--asg", "win"]);
    drop(output.exits(2).complains(&["could not read the script /nowhere"]));
    drop(plan(&env, &["--asg", "win"]).exits(2).complains(&["RECIPE"]));
    drop(plan(&env, &["crowdstrike"]).exits(2).complains(&["no instances were selected"]));
    let args = ["crowdstrike", "--all-291", "--report-only", "--asg", "win"];
    drop(plan(&env, &args).exits(2));
    let args = ["crowdstrike", "--asg", "win", "--subnet", "subnet"];
    drop(plan(&env, &args).exits(2).complains(&["subnet-0123456789abcdef0"]));
}

#[test]
fn who_does_not_answer_is_judged_by_every_check_and_nothing_is_changed() {
    let sim = SimProcess::start(GROUP, &[]);
    let env = FleetEnv::of(&sim);
    let args = ["crowdstrike", "--asg", "win", "--no-bitlocker", "--output", "json"];
    let json = plan(&env, &args).json();
    assert_eq!(json["schema"], "fleet.rescue-plan/v1");
    assert_eq!((&json["answering"], json["instances"].as_array().unwrap().len()), (&1.into(), 2));
    let rows = |it: &Value| it["checks"].as_array().unwrap().len();
    assert_eq!(rows(&json) + rows(&json["instances"][0]), 24);
    assert_eq!(found(&json, Some(0), "platform")["verdict"], "pass");
    assert_eq!(found(&json, None, "BitLocker")["verdict"], "pass");
    assert_eq!(
        found(&json, None, "script")["said"],
        "ASCII, 356 bytes: 476 of 512 characters of base64"
    );
    assert_eq!(found(&json, Some(1), "group")["said"], "it is in Standby already, and stays there");
    let encoded = json["recipe"]["encoded"].as_str().unwrap();
    assert!(encoded.len() <= 512 && !encoded.contains('\n'));
    for operation in sim.stats().operations() {
        let is_read =
            ["Describe", "Get", "List", "Simulate"].iter().any(|it| operation.starts_with(it));
        assert!(is_read, "{operation}");
    }
}

#[test]
fn who_is_excluded_by_name_is_not_counted_among_those_that_answer() {
    let sim = SimProcess::start(GROUP, &[]);
    let env = FleetEnv::of(&sim);
    let json = plan(&env, &["crowdstrike", "--asg", "win", "--output", "json"]).json();
    let id = json["instances"][1]["instance_id"].as_str().unwrap();
    let args = ["crowdstrike", "--asg", "win", "--exclude", id];
    drop(plan(&env, &args).prints(&["1 instance: ", "; 1 more answer"]));
    let rescue = [&["rescue"], &args[..], &["--no-report", "--dry-run"]].concat();
    drop(env.run(&rescue).complains(&["1 instance: ", "; 1 more answer"]));
}

#[test]
fn every_check_has_an_answer_where_everything_may_be_read() {
    let sim = SimProcess::start(GROUP, &[]);
    let env = FleetEnv::of(&sim);
    for flags in [&["--no-backup"][..], &["--no-backup", "--subnet", "new"]] {
        let args = ["crowdstrike", "--asg", "win", "--no-bitlocker", "--output", "json"];
        let json = plan(&env, &[&args[..], flags].concat()).json();
        let rows = json["instances"].as_array().unwrap().iter().map(|it| &it["checks"]);
        for it in rows.chain([&json["checks"]]).flat_map(|it| it.as_array().unwrap()) {
            assert_ne!(it["verdict"], "unknown", "{it}");
        }
    }
}

/// What each of them is found to have, with `--no-backup`.
const MATERIALS: &str = r#"
key = [
    { name = "off", state = "Disabled" },
    { name = "doomed", state = "PendingDeletion" },
    { name = "theirs", account = "210987654321" },
]

[[image]]
name = "sold"
platform = "Windows"
product_codes = ["abc"]

[network]
ebs_encryption = true
ebs_key = "theirs"
vpcs = 5

[[group]]
name = "win"
size = 4
platform = "Windows"
instance = [
    { index = 0, ping = "ConnectionLost", image = "sold" },
    { index = 1, ping = "ConnectionLost", image = "sold", product_codes = [], key = "off" },
    { index = 2, ping = "ConnectionLost", key = "doomed", snapshot = "2h", public_ip = true },
    { index = 3, ping = "ConnectionLost", key = "theirs", snapshot = "25h" },
]
"#;

#[test]
fn images_keys_and_snapshots_are_judged_as_the_account_has_them() {
    let sim = SimProcess::start(MATERIALS, &[]);
    let env = FleetEnv::of(&sim).unset("FLEET_NOW");
    let args = ["crowdstrike", "--asg", "win", "--no-backup", "--subnet", "new"];
    let json = plan(&env, &[&args[..], &["--output", "json"]].concat()).json();
    let check = |n: Option<usize>, check: &str, verdict: &str, said: &str| {
        let row = found(&json, n, check);
        assert_eq!(row["verdict"], verdict, "{n:?} {check}: {row}");
        assert!(row["said"].as_str().unwrap().contains(said), "{n:?} {check}: {row}");
    };
    check(Some(0), "marketplace", "fail", "the instance has the marketplace code abc");
    check(Some(1), "marketplace", "fail", "its image has the marketplace code abc");
    check(Some(2), "marketplace", "pass", "no code");
    check(Some(0), "encryption", "pass", "not encrypted");
    check(Some(1), "encryption", "fail", "its key is Disabled");
    check(Some(2), "encryption", "fail", "its key is PendingDeletion");
    check(Some(3), "encryption", "warn", "of another account: arn:aws:kms:us-east-1:210987654321:");
    check(Some(2), "backup", "pass", "a snapshot is younger than a day");
    check(Some(3), "backup", "warn", "no snapshot is younger than a day");
    check(Some(2), "addresses", "warn", "a public address that is not elastic");
    check(None, "encrypted helper", "warn", "on, with arn:aws:kms:us-east-1:210987654321:key/");
    check(None, "new VPC", "unknown", "5 VPCs are there");
}

#[test]
fn every_script_of_the_recipe_can_be_chosen() {
    let sim = SimProcess::start(GROUP, &[]);
    let env = FleetEnv::of(&sim);
    let script = |flags: &[&str]| {
        let args = ["crowdstrike", "--asg", "win", "--output", "json"];
        let json = plan(&env, &[&args, flags].concat()).json();
        json["recipe"]["script"].as_str().unwrap().to_owned()
    };
    assert!(script(&[]).contains("ri -Force"));
    assert!(
        script(&["--all-291"]).starts_with("get-childitem -path \"$env:EC2RESCUE_OFFLINE_DRIVE")
    );
    assert!(!script(&["--report-only"]).contains("ri -Force"));
}

#[test]
fn who_answers_needs_no_rescue() {
    let world = "[[group]]\nname = \"win\"\nsize = 2\nplatform = \"Windows\"\n";
    let sim = SimProcess::start(world, &[]);
    let env = FleetEnv::of(&sim);
    let output = plan(&env, &["crowdstrike", "--asg", "win"]).exits(4);
    drop(output.complains(&["all 2 instances answer", "--doc Fleet-CrowdStrike291"]));
    let targets = env.run(&["targets", "--asg", "win", "--output", "json"]).json();
    let id = targets["planned"][0]["id"].as_str().unwrap_or_else(|| panic!("{targets}"));
    let args = ["crowdstrike", "--instance", id, "--output", "json"];
    let output = plan(&env, &args).exits(3);
    let json = output.json();
    let row = found(&json, Some(0), "impaired");
    assert_eq!((&row["verdict"], &row["said"]), (&"fail".into(), &"its agent answers".into()));
    assert_eq!(json["instances"][0]["readiness"], "refused");
}

#[test]
fn an_instance_of_another_platform_is_refused_with_what_would_help() {
    let group = GROUP.replace("Windows", "Linux");
    let sim = SimProcess::start(&group, &[]);
    let output = plan(&FleetEnv::of(&sim), &["crowdstrike", "--asg", "win"]).exits(3);
    drop(output.prints(&[
        "1 fail     platform",
        "it is not Windows",
        "leave it out: --exclude",
        "would not be rescued",
        "2 refused; 1 more answer and need no rescue",
        "F291 end $s n=$n",
    ]));
}

#[test]
fn what_may_not_be_read_is_unknown_and_named() {
    let actions = json!([
        "autoscaling:Describe*",
        "ssm:DescribeInstanceInformation",
        "ssm:DescribeInstanceProperties",
    ]);
    let (_sim, env) = Scoped::of(GROUP, &json!([allow(&actions, "*")])).start();
    let args = ["crowdstrike", "--asg", "win", "--role-arn", ROLE, "--output", "json"];
    let json = plan(&env, &args).exits(3).json();
    let row = found(&json, Some(0), "platform");
    assert_eq!(row["verdict"], "unknown");
    assert_eq!(row["said"], "ec2:DescribeInstances is not permitted");
    assert_eq!(row["remedy"], "a policy that allows ec2:DescribeInstances would show it");
    assert_eq!(found(&json, None, "runbook")["said"], "ssm:GetDocument is not permitted");
    // What was not shown to the checks is not shown to a rescue either.
    let lacking = found(&json, None, "permissions");
    assert_eq!(lacking["verdict"], "fail");
    let said = lacking["said"].as_str().unwrap();
    assert!(said.contains("the caller lacks ec2:DescribeInstanceStatus, ec2:DescribeInstances, "));
    assert_eq!(json["instances"][0]["readiness"], "refused");
    assert_eq!(json["totals"]["refused"], 2);
}

#[test]
fn the_session_of_a_preflight_can_do_nothing_but_read() {
    let everything = json!([allow(&json!("*"), "*")]);
    let (_sim, env) = Scoped::of(GROUP, &everything).start();
    let args = ["crowdstrike", "--asg", "win", "--role-arn", ROLE, "--output", "json"];
    let json = plan(&env, &args).json();
    assert_eq!(found(&json, Some(0), "platform")["verdict"], "pass");
}

#[test]
fn the_template_of_the_role_is_printed_with_how_to_deploy_it() {
    let output = FleetEnv::new().run(&["rescue", "prepare"]).exits(0);
    assert!(output.stdout.contains("AWSTemplateFormatVersion"), "{output}");
    assert!(output.stderr.contains("aws cloudformation deploy"), "{output}");
    let quiet = FleetEnv::new().run(&["rescue", "prepare", "--quiet"]).exits(0);
    assert_eq!((quiet.stdout, quiet.stderr.as_str()), (output.stdout, ""));
}
