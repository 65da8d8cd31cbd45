//! What the session of a command may do, tried with the session's own keys, under a role that may do
//! everything.

use aws_credential_types::Credentials;
use aws_sdk_ssm::config::{BehaviorVersion, Region};
use aws_smithy_types::{error::metadata::ProvideErrorMetadata as _, retry::RetryConfig};
use serde_json::{Value, json};

use crate::support::{
    FleetEnv, Keys, SimProcess, Tap,
    scoped::{ROLE, Scoped, allow, allow_all},
};

const SHELL: &str = "AWS-RunShellScript";
const POWERSHELL: &str = "AWS-RunPowerShellScript";

const GROUPS: &str = "[[group]]\nname = \"web\"\nsize = 2\ntags = { role = \"web\" }\n\
                      [[group]]\nname = \"other\"\nsize = 1\n\
                      [[group]]\nname = \"slow\"\nsize = 1\n\
                      [[group]]\nname = \"win\"\nsize = 1\nplatform = \"Windows\"\n\
                      [[outcome]]\ngroup = \"slow\"\nafter = \"50s\"\n";

struct World {
    sim: SimProcess,
    tap: Tap,
    env: FleetEnv,
}

fn world(role: &Value) -> World {
    let (sim, env) = Scoped::of(GROUPS, role).start();
    let tap = Tap::on(&sim);
    let env = env.set("AWS_ENDPOINT_URL", tap.endpoint());
    World { sim, tap, env }
}

impl World {
    /// Runs fleet under the role, and returns the sessions that it had.
    fn sessions(&self, args: &[&str], code: i32) -> Vec<Keys> {
        let before = self.tap.sessions();
        let (command, what): (Vec<&str>, Vec<&str>) = match args.iter().position(|it| *it == "--") {
            Some(n) => (args[..n].to_vec(), args[n..].to_vec()),
            None => (args.to_vec(), Vec::new()),
        };
        let args = [&command[..], &["--role-arn", ROLE], &what].concat();
        drop(self.env.run(&args).exits(code));
        self.tap.sessions().into_iter().filter(|it| !before.contains(it)).collect()
    }

    /// Returns the first instance of a group.
    fn member(&self, group: &str) -> String {
        let args = ["targets", "--asg", group, "--output", "json"];
        let listed = self.env.run(&[&args[..], &["--role-arn", ROLE]].concat()).exits(0).json();
        listed["planned"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Sends `document` to `instance` as the session, and returns what it is told: `Ok` or a refusal.
    fn sends(&self, keys: &Keys, document: &str, instance: &str) -> Result<(), String> {
        let (id, secret) = (&keys.access_key_id, &keys.secret_access_key);
        let token = Some(keys.session_token.clone());
        let config = aws_sdk_ssm::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(self.sim.endpoint())
            .retry_config(RetryConfig::disabled())
            .credentials_provider(Credentials::new(id, secret, token, None, "test"))
            .build();
        let client = aws_sdk_ssm::Client::from_conf(config);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let sent = runtime.block_on(
            client
                .send_command()
                .document_name(document)
                .instance_ids(instance)
                .parameters("commands", vec!["true".to_owned()])
                .send(),
        );
        sent.map(drop).map_err(|err| {
            assert_eq!(err.code(), Some("AccessDeniedException"), "{err:?}");
            err.message().unwrap_or_default().to_owned()
        })
    }

    /// Holds that the session may send nothing, because of its own policy.
    fn only_reads(&self, keys: &Keys, instance: &str) {
        for document in [SHELL, POWERSHELL] {
            let refusal = self.sends(keys, document, instance).unwrap_err();
            let why = "because no session policy allows the ssm:SendCommand action";
            assert!(refusal.contains(why), "{refusal}");
        }
    }
}

#[test]
fn a_command_is_sent_by_a_session_that_may_send_no_other_document() {
    let world = world(&allow_all());
    let run = |group: &str| {
        let args = ["run", "--yes", "--asg", group, "--max-concurrency", "2", "--", "true"];
        let sessions = world.sessions(&args, 0);
        let [reader, sender] = <[Keys; 2]>::try_from(sessions).unwrap();
        world.only_reads(&reader, &world.member(group));
        sender
    };
    let (web, win) = (world.member("web"), world.member("win"));
    let sender = run("web");
    let refusal = world.sends(&sender, POWERSHELL, &web).unwrap_err();
    assert!(refusal.contains(POWERSHELL) && refusal.contains("no session policy"), "{refusal}");
    let refusal = world.sends(&sender, SHELL, &world.member("other")).unwrap_err();
    assert!(refusal.contains("no session policy"), "{refusal}");
    world.sends(&sender, SHELL, &web).unwrap();
    let sender = run("win");
    let refusal = world.sends(&sender, SHELL, &win).unwrap_err();
    assert!(refusal.contains(SHELL) && refusal.contains("no session policy"), "{refusal}");
    world.sends(&sender, POWERSHELL, &win).unwrap();
}

#[test]
fn groups_by_a_tag_are_sent_to_by_a_session_that_reaches_no_others() {
    let world = world(&allow_all());
    let args = ["run", "--yes", "--asg-tag", "role=web", "--max-concurrency", "2", "--", "true"];
    let [reader, sender] = <[Keys; 2]>::try_from(world.sessions(&args, 0)).unwrap();
    world.only_reads(&reader, &world.member("web"));
    world.sends(&sender, SHELL, &world.member("web")).unwrap();
    let refusal = world.sends(&sender, SHELL, &world.member("other")).unwrap_err();
    assert!(refusal.contains("no session policy"), "{refusal}");
}

#[test]
fn whatever_only_reads_has_a_session_that_only_reads() {
    let world = world(&allow_all());
    let web = world.member("web");
    let command = ["--asg", "web", "--", "true"];
    let document = ["--asg", "web", "--doc", "Restart"];
    let by_tag = ["--asg-tag", "role=web", "--doc", "Restart"];
    let dry = ["run", "--dry-run"];
    for (args, code) in [
        ([&["plan"], &command[..]].concat(), 0),
        ([&["plan"], &document[..]].concat(), 0),
        ([&["plan"], &by_tag[..]].concat(), 0),
        ([&dry[..], &command[..]].concat(), 0),
        ([&dry[..], &document[..]].concat(), 0),
        (vec!["targets", "--asg", "web"], 0),
        ([&["policy"], &document[..]].concat(), 0),
        ([&["doctor"], &document[..]].concat(), 3),
    ] {
        let sessions = world.sessions(&args, code);
        assert_eq!(sessions.len(), 1, "{args:?}");
        world.only_reads(&sessions[0], &web);
    }
    assert_eq!(world.sim.stats().commands(), 0);
}

#[test]
fn a_run_that_is_only_followed_has_a_session_that_sends_nothing() {
    let world = world(&allow_all());
    let args = ["run", "--yes", "--asg", "slow", "--doc", "Restart", "--role-arn", ROLE];
    let mut run = world.env.spawn(&args);
    world.sim.wait_for_call("ListCommandInvocations");
    run.kill();
    let id = world.env.runs()[0].file_name().unwrap().to_str().unwrap().to_owned();
    let sessions = world.sessions(&["watch", &id], 0);
    assert_eq!(sessions.len(), 1);
    world.only_reads(&sessions[0], &world.member("slow"));
}

#[test]
fn a_role_that_reads_nothing_sends_a_command_for_a_shell_and_says_so() {
    let statements = json!([
        allow(&json!("ssm:SendCommand"), "*"),
        allow(&json!("ssm:ListCommandInvocations"), "*"),
    ]);
    let world = world(&statements);
    let command = ["run", "--yes", "--asg", "web", "--role-arn", ROLE, "--", "true"];
    let output = world.env.run(&command).exits(0);
    drop(output.complains(&["the platform of the instances is not known", POWERSHELL]));
    assert_eq!(world.sim.stats().executions(), [1, 1]);
    let sender = world.tap.sessions().pop().unwrap();
    let stats = world.sim.stats();
    let (web, _) = stats.0["executions"].as_object().unwrap().iter().next().unwrap();
    let refusal = world.sends(&sender, POWERSHELL, web).unwrap_err();
    assert!(refusal.contains("no session policy"), "{refusal}");
}
