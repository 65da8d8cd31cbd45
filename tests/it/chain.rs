//! Where credentials come from: a program, a container's agent, an instance's metadata service. The
//! last two are stood in for by a server that knows their answers; AWS itself is the simulator.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    thread,
};

use serde_json::json;

use crate::support::{FleetEnv, SimProcess};

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":
    {"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// A world that knows one user, so that no other key opens it.
fn sim() -> SimProcess {
    let world = "[[group]]\nname = \"web\"\nsize = 2\n\
        [[user]]\nname = \"operator\"\naccess_key_id = \"AKIDOPERATOR\"\n\
        secret_access_key = \"not-a-secret\"\npolicy = \"all.json\"\n";
    SimProcess::start(world, &[("all.json", POLICY)])
}

/// A world that takes every key, but not their absence: sessions that others hand out are good there.
fn open_sim() -> SimProcess {
    SimProcess::start("[[group]]\nname = \"web\"\nsize = 2\n", &[])
}

/// Nothing but what a test adds leads to keys.
fn bare(sim: &SimProcess) -> FleetEnv {
    let env = FleetEnv::of(sim).unset("FLEET_NOW");
    env.unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY").unset("AWS_SESSION_TOKEN")
}

/// Returns who a plan says that it acts for.
fn caller(env: &FleetEnv, flags: &[&str]) -> String {
    let args = [&["plan", "--asg", "web", "--output", "json"], flags, &["--", "true"]].concat();
    let made = env.run(&args).exits(0).json();
    made["operator"]["caller_arn"].as_str().unwrap().to_owned()
}

/// Answers each path with its text until the process ends; whatever else is asked is not there.
fn serve(answers: Vec<(&'static str, String)>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let mut line = String::new();
            if reader.read_line(&mut line).is_err() {
                continue;
            }
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            while reader.read_line(&mut line).is_ok_and(|n| n > 2) {}
            let found = answers.iter().find(|(it, _)| *it == path);
            let (status, body) = match found {
                Some((_, body)) => ("200 OK", body.as_str()),
                None => ("404 Not Found", ""),
            };
            let lifetime = "x-aws-ec2-metadata-token-ttl-seconds: 21600";
            let head = format!("content-length: {}\r\nconnection: close\r\n{lifetime}", body.len());
            // A client that is gone needs no answer.
            write!(&stream, "HTTP/1.1 {status}\r\n{head}\r\n\r\n{body}").ok();
        }
    });
    port
}

/// A session as both services tell it.
fn session() -> String {
    json!({
        "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
        "AccessKeyId": "ASIDSESSION", "SecretAccessKey": "not-a-secret", "Token": "a-token",
        "Expiration": "2099-01-01T00:00:00Z",
    })
    .to_string()
}

#[test]
fn a_profile_may_name_a_program_that_prints_the_keys() {
    let sim = sim();
    let env = bare(&sim);
    let text = r#"{"Version":1,"AccessKeyId":"AKIDOPERATOR","SecretAccessKey":"not-a-secret"}"#;
    let program = env.write("keys", &format!("#!/bin/sh\nprintf '%s' '{text}'\n"));
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let config = format!("[profile work]\ncredential_process = {}\n", program.display());
    let path = env.write("aws-config", &config);
    let env = env.set("AWS_CONFIG_FILE", path.to_str().unwrap());
    assert_eq!(caller(&env, &["--profile", "work"]), "arn:aws:iam::123456789012:user/operator");

    let failing = "#!/bin/sh\necho the vault is sealed >&2\nexit 7\n";
    env.write("keys", failing);
    let args = ["run", "--yes", "--asg", "web", "--profile", "work", "--", "true"];
    let output = env.run(&args).exits(3);
    drop(output.complains(&["no credentials were found in the profile work", "nothing was sent"]));
}

#[test]
fn a_containers_agent_is_asked() {
    let sim = open_sim();
    let port = serve(vec![("/keys", session())]);
    let url = format!("http://127.0.0.1:{port}/keys");
    caller(&bare(&sim).set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url), &[]);
}

#[test]
fn an_instances_role_is_asked_of_its_metadata_service() {
    let sim = open_sim();
    let port = serve(vec![
        ("/latest/api/token", "a-token".to_owned()),
        ("/latest/meta-data/iam/security-credentials/", "operator".to_owned()),
        ("/latest/meta-data/iam/security-credentials/operator", session()),
    ]);
    let env = bare(&sim).unset("AWS_EC2_METADATA_DISABLED");
    let url = format!("http://127.0.0.1:{port}");
    caller(&env.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", url), &[]);
}

#[test]
fn a_chain_that_leads_nowhere_says_where_it_ended() {
    let sim = open_sim();
    let env = bare(&sim);
    let config = "[profile sso]\nsso_session = corp\nsso_account_id = 123456789012\n\
        sso_role_name = ops\n[sso-session corp]\nsso_region = us-east-1\n\
        sso_start_url = https://example.awsapps.com/start\n\
        [profile web]\nrole_arn = arn:aws:iam::123456789012:role/x\n\
        web_identity_token_file = /nowhere/token\n\
        [profile program]\ncredential_process = /bin/false\n";
    let path = env.write("aws-config", config);
    let env = env.set("AWS_CONFIG_FILE", path.to_str().unwrap());
    let check = |env: &FleetEnv, profile: &str, says: &[&str]| {
        let output =
            env.run(&["plan", "--asg", "web", "--profile", profile, "--", "true"]).exits(3);
        drop(output.complains(says).complains(&["nothing was sent"]));
    };
    check(&env, "sso", &["in the profile sso", "aws sso login"]);
    check(&env, "web", &["in the profile web", "web_identity_token_file"]);
    check(&env, "program", &["in the profile program", "credential_process"]);
    let env = env.unset("AWS_REGION").unset("AWS_DEFAULT_REGION");
    check(&env, "nobody", &["there is no profile nobody", "program, sso, web"]);
    env.write("aws-config", "[profile\n");
    check(
        &env,
        "sso",
        &["could not read the AWS configuration files", "aws-config", "AWS_CONFIG_FILE"],
    );
}

#[test]
fn where_no_source_has_keys_nothing_is_sent() {
    let sim = open_sim();
    let output = bare(&sim).run(&["run", "--yes", "--asg", "web", "--", "true"]).exits(3);
    drop(output.complains(&["no credentials were found", "nothing was sent"]));
    assert_eq!(sim.stats().commands(), 0);
}
