//! How a role is assumed: with a code, with tags, under a name; and what is said where that ends.

use serde_json::json;

use crate::support::{FleetEnv, Output, Running, SimProcess};

const DEVICE: &str = "arn:aws:iam::123456789012:mfa/operator";
const ROLE: &str = "arn:aws:iam::123456789012:role/guarded";
const CODE: &str = "314159";

/// A role that wants a code, and one that wants a tag and a name.
fn sim() -> SimProcess {
    let world = format!(
        "[[group]]\nname = \"web\"\nsize = 2\n\
         [[user]]\nname = \"operator\"\naccess_key_id = \"AKIDOPERATOR\"\n\
         secret_access_key = \"x\"\npolicy = \"all.json\"\n\
         mfa_serial = \"{DEVICE}\"\nmfa_code = \"{CODE}\"\n\
         [[role]]\nname = \"guarded\"\ntrust = \"mfa.json\"\npolicy = \"all.json\"\n\
         [[role]]\nname = \"tagged\"\ntrust = \"tags.json\"\npolicy = \"all.json\"\n\
         [[role]]\nname = \"open\"\ntrust = \"open.json\"\npolicy = \"all.json\"\n"
    );
    let policy = |statement| json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let trusted = |actions, condition| {
        let principal = json!({"AWS": "arn:aws:iam::123456789012:root"});
        policy(json!({"Effect": "Allow", "Principal": principal, "Action": actions,
            "Condition": condition}))
    };
    let all = policy(json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    let mfa = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    let mfa = trusted(json!("sts:AssumeRole"), mfa);
    let tags = json!({"StringEquals": {"aws:RequestTag/team": "web", "sts:SourceIdentity": "kim"}});
    let tags = trusted(json!(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]), tags);
    let open = trusted(json!("sts:AssumeRole"), json!({}));
    let files =
        [("all.json", &*all), ("mfa.json", &mfa), ("tags.json", &tags), ("open.json", &open)];
    SimProcess::start(&world, &files)
}

fn plan(env: &FleetEnv, flags: &[&str]) -> Output {
    env.run(&[&["plan", "--asg", "web"], flags, &["--", "true"]].concat())
}

#[test]
fn a_code_opens_the_role_and_the_end_of_its_session_is_told() {
    let sim = sim();
    let env = FleetEnv::of(&sim).unset("FLEET_NOW");
    drop(plan(&env, &["--role-arn", ROLE]).exits(3).complains(&["could not assume", ROLE]));
    let device = ["--role-arn", ROLE, "--mfa-serial", DEVICE];
    let wrong = plan(&env, &[&device[..], &["--mfa-token", "000000"]].concat());
    drop(wrong.exits(3).complains(&["could not assume", "MultiFactorAuthentication"]));
    let with = |flags: &[&str]| plan(&env, &[&device[..], &["--mfa-token", CODE], flags].concat());
    drop(
        with(&[]).exits(0).prints(&["the session of the MFA code ends at", "nobody can renew it"]),
    );
    let again = with(&[]).exits(3);
    drop(again.complains(&["MultiFactorAuthentication", "was used before: each is good once"]));
}

#[test]
fn where_sts_is_not_activated_another_region_is_advised() {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]});
    let world = "sts_active = false\n[[group]]\nname = \"web\"\nsize = 1\n\
                 [[role]]\nname = \"guarded\"\ntrust = \"trust.json\"\n";
    let sim = SimProcess::start(world, &[("trust.json", &trust.to_string())]);
    let env = FleetEnv::of(&sim).unset("FLEET_NOW");
    let refused = plan(&env, &["--role-arn", ROLE]).exits(3);
    drop(refused.complains(&["could not assume", "STS is not activated", "pass another --region"]));
}

#[test]
fn the_end_of_a_session_is_held_against_the_deadline_of_the_run() {
    let check = |flags: &[&str], says: &[&str]| {
        let sim = sim();
        let env = FleetEnv::of(&sim).unset("FLEET_NOW");
        let code = ["--role-arn", ROLE, "--mfa-serial", DEVICE, "--mfa-token", CODE];
        let made = plan(&env, &[&code[..], &["--output", "json"], flags].concat()).exits(0).json();
        let notes = made["notes"].to_string();
        assert!(says.iter().all(|it| notes.contains(it)), "{says:?} in {notes}");
    };
    check(&["--deadline", "30m"], &["Z, after the deadline of the run"]);
    check(&["--deadline", "2h"], &["Z, before the deadline of the run", "--duration 7200s"]);
    check(&["--duration", "15m", "--deadline", "30m"], &["before the deadline", "1800s"]);
}

#[test]
fn a_code_is_asked_for_on_a_terminal_and_not_shown() {
    let sim = sim();
    let env = FleetEnv::of(&sim).unset("FLEET_NOW").set("TERM", "dumb");
    let fleet = env!("CARGO_BIN_EXE_fleet");
    let line = format!(
        "{fleet} plan --asg web --role-arn {ROLE} --mfa-serial {DEVICE} -- true; \
         stty -a | tr ' ' '\\n' | grep -x echo"
    );
    let mut command = env.program("script", &["-qec", &line, "/dev/null"]);
    let mut running = Running::start(&mut command, env.path("").as_path());
    running.wait_for("Code of");
    running.type_in("12\n");
    running.wait_for("six digits");
    running.wait_for_times("Code of", 2);
    running.type_in(&format!("{CODE}\n"));
    running.wait_for("the session of the MFA code");
    let output = running.finish();
    assert!(!output.stdout.contains(CODE), "{output}");
    let is_shown_again = output.stdout.lines().any(|it| it.trim() == "echo");
    assert!(is_shown_again, "the terminal is left without its echo:\n{output}");
}

#[test]
fn a_profile_with_a_device_is_followed_and_never_passed_over() {
    let sim = sim();
    let env = FleetEnv::of(&sim).unset("FLEET_NOW");
    let env = env.unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY").unset("AWS_REGION");
    let config = format!(
        "[profile op]\naws_access_key_id = AKIDOPERATOR\naws_secret_access_key = x\n\
         [profile work]\nregion = us-east-1\nrole_arn = {ROLE}\nsource_profile = op\n\
         mfa_serial = {DEVICE}\n"
    );
    let path = env.write("aws-config", &config);
    let env = env.set("AWS_CONFIG_FILE", path.to_str().unwrap()).unset("AWS_DEFAULT_REGION");
    let work = ["--profile", "work"];
    drop(plan(&env, &work).exits(2).complains(&[DEVICE, "no terminal", "--mfa-token"]));
    let made = plan(&env, &[&work[..], &["--mfa-token", CODE, "--output", "json"]].concat());
    let made = made.exits(0).json();
    assert_eq!(made["operator"]["role_arn"], ROLE);
    assert!(made["operator"]["session_name"].as_str().unwrap().starts_with("fleet-"));
    assert_eq!(made["region"], "us-east-1");
    let other = ["--role-arn", "arn:aws:iam::123456789012:role/tagged", "--mfa-token", CODE];
    let output = plan(&env, &[&work[..], &other].concat()).exits(3);
    drop(output.complains(&[DEVICE, "--profile op"]));
}

#[test]
fn a_device_behind_another_profile_is_told_and_not_passed_over() {
    let sim = sim();
    let env = FleetEnv::of(&sim).unset("FLEET_NOW");
    let env = env.unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY");
    let config = format!(
        "[profile op]\naws_access_key_id = AKIDOPERATOR\naws_secret_access_key = x\n\
         [profile hub]\nrole_arn = {ROLE}\nsource_profile = op\nmfa_serial = {DEVICE}\n\
         [profile spoke]\nrole_arn = arn:aws:iam::123456789012:role/tagged\nsource_profile = hub\n\
         [profile ring]\nrole_arn = {ROLE}\nsource_profile = ring\n"
    );
    let path = env.write("aws-config", &config);
    let env = env.set("AWS_CONFIG_FILE", path.to_str().unwrap());
    let output = plan(&env, &["--profile", "spoke"]).exits(3);
    drop(output.complains(&["spoke", "hub", DEVICE, "export-credentials", "nothing was sent"]));
    assert_eq!(sim.stats().calls("AssumeRole"), 0);
    drop(plan(&env, &["--profile", "ring"]).exits(3).complains(&["nothing was sent"]));
}

#[test]
fn the_role_of_a_profile_is_named_after_the_run_and_narrowed_to_it() {
    let sim = sim();
    let env = FleetEnv::of(&sim).unset("FLEET_NOW").set("FLEET_PACE", "0.02");
    let env = env.unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY");
    let open = "arn:aws:iam::123456789012:role/open";
    let config = format!(
        "[profile op]\naws_access_key_id = AKIDOPERATOR\naws_secret_access_key = x\n\
         [profile work]\nrole_arn = {open}\nsource_profile = op\nduration_seconds = 1800\n\
         [profile self]\naws_access_key_id = AKIDOPERATOR\naws_secret_access_key = x\n\
         role_arn = {open}\nsource_profile = self\n"
    );
    let path = env.write("aws-config", &config);
    let env = env.set("AWS_CONFIG_FILE", path.to_str().unwrap());
    let document = ["--doc", "AWS-RunShellScript", "--param", "commands=true"];
    let run = ["run", "--yes", "--asg", "web", "--max-concurrency", "2", "--profile"];
    drop(env.run(&[&run[..], &["work"], &document].concat()).exits(0));
    let record = env.record();
    let operator = &record.complete()["operator"];
    assert_eq!(operator["role_arn"], open);
    let name = format!("fleet-{}", record.complete()["run"]["id"].as_str().unwrap());
    assert_eq!(operator["session_name"], name);
    // The session may send what was planned, and nothing else: the refusal is of its policy.
    let narrow = env.write(
        "narrow.json",
        r#"{"Version":"2012-10-17","Statement":
        {"Effect":"Allow","Action":"ssm:ListCommands","Resource":"*"}}"#,
    );
    let narrow = ["--session-policy", narrow.to_str().unwrap()];
    let output = env.run(&[&run[..], &["work"], &document, &narrow].concat()).exits(3);
    drop(output.complains(&["no session policy allows", "nothing was sent"]));
    let output = plan(&env, &["--profile", "self"]).exits(0);
    drop(output.complains(&["the SDK assumes the role of the profile self"]));
}

#[test]
fn tags_and_a_name_are_part_of_the_session() {
    let sim = sim();
    let env = FleetEnv::of(&sim);
    let role = ["--role-arn", "arn:aws:iam::123456789012:role/tagged"];
    drop(plan(&env, &role).exits(3).complains(&["could not assume"]));
    let tags = ["--session-tag", "team=web", "--transitive-tag", "team"];
    let who = ["--source-identity", "kim"];
    drop(plan(&env, &[&role[..], &tags, &who].concat()).exits(0));
    let config = "role_arn = \"arn:aws:iam::123456789012:role/tagged\"\n\
                  source_identity = \"kim\"\n[session_tags]\nteam = \"web\"\n";
    env.write("fleet.toml", config);
    drop(plan(&env, &[]).exits(0));
    let other = ["--session-tag", "team=db"];
    drop(plan(&env, &other).exits(3).complains(&["could not assume"]));
}

#[test]
fn a_role_that_is_assumed_from_a_role_has_an_hour() {
    let world = "[[group]]\nname = \"web\"\nsize = 2\n\
                 [[role]]\nname = \"first\"\ntrust = \"trust.json\"\npolicy = \"all.json\"\n\
                 [[role]]\nname = \"second\"\ntrust = \"trust.json\"\npolicy = \"all.json\"\n\
                 max_session_duration = \"12h\"\n";
    let policy = |statement| json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let all = policy(json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    let principal = json!({"AWS": "arn:aws:iam::123456789012:root"});
    let trust = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
    let sim = SimProcess::start(world, &[("all.json", &all), ("trust.json", &policy(trust))]);
    let answer = sim.query(
        "sts",
        "2011-06-15",
        "AssumeRole&RoleArn=arn:aws:iam::123456789012:role/first&RoleSessionName=somebody",
    );
    let get = |tag: &str| {
        let (_, rest) = answer.split_once(&format!("<{tag}>")).unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let env = FleetEnv::of(&sim)
        .set("AWS_ACCESS_KEY_ID", get("AccessKeyId"))
        .set("AWS_SECRET_ACCESS_KEY", get("SecretAccessKey"))
        .set("AWS_SESSION_TOKEN", get("SessionToken"));
    let role = ["--role-arn", "arn:aws:iam::123456789012:role/second", "--duration", "2h"];
    let output = plan(&env, &role).exits(0);
    drop(output.prints(&["assumed-role/first/somebody", "an hour at the most"]));
}
