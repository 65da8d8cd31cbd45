//! What a world file may say, and how it is told what it may not.

mod readme;
mod refusals;
mod runbooks;

use std::fs;

use super::*;
use crate::sim::state::{Ping, Platform};

fn parse(text: &str) -> Result<World, WorldError> {
    World::parse(text, Path::new("w.toml"))
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
}

/// A group of two.
const GROUP: &str = "[[group]]\nname = \"web\"\nsize = 2\n";

#[test]
fn an_empty_world_has_defaults() {
    let world = parse("").unwrap();
    assert_eq!(world.to_string(), "account 123456789012 in us-east-1: 0 groups, 0 instances");
    assert_eq!((world.seed, world.visible_after), (1, Duration::from_secs(1)));
}

#[test]
fn a_group_has_instances_alike_but_for_those_made_different() {
    let world = parse(&format!(
        "{GROUP}platform = \"Windows\"\nzones = [\"a-1\"]\n[[group.instance]]\nindex = 1\n\
         ping = \"none\"\nlifecycle = \"Terminating:Wait\"\nplatform = \"MacOS\"\n\
         health = \"Unhealthy\"\nagent_version = \"2.0\"\n"
    ))
    .unwrap();
    let group = &world.groups[0];
    assert_eq!((group.min, group.max, group.desired), (0, 4, 2));
    let [usual, other] = group.instances.as_slice() else { panic!("there are two") };
    assert_eq!((usual.platform, usual.ping), (Platform::Windows, Ping::Online));
    assert_eq!((other.platform, other.ping), (Platform::MacOs, Ping::None));
    assert_eq!((other.lifecycle, other.health), ("Terminating:Wait", "Unhealthy"));
    let state = world.populate();
    let id = &state.groups[0].members[1];
    assert_eq!(state.instances[id].tags["aws:autoscaling:groupName"], "web");
    assert_eq!(state.instances[id].zone, "a-1");
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    check(
        "region = \"us-east-1\"\nspeeed = 2\n",
        "w.toml:2:1: speeed: unknown field `speeed`, expected one of `account`, `region`, \
         `seed`, `speed`, `visible_after`, `ping_lag`, `sts_active`, `buckets`, `topics`, `network`, \
         `image`, `key`, `group`, `outcome`, \
         `runbook`, `document`, `user`, `role`, `policy`, `alarm`, `resource_group`, `fault`, \
         `event`",
    );
    check(
        &format!("{GROUP}[[group.instance]]\nindex = 0\nlife = 1\n"),
        "w.toml:6:1: group.instance.life: unknown field `life`, expected one of `index`, \
         `ping`, `lifecycle`, `platform`, `health`, `agent_version`, `setup`, `zone`, `state`, `impaired`, \
         `instance_type`, `root`, `encrypted`, `image`, `key`, `snapshot`, `product_codes`, `spot`, \
         `stop_protection`, `public_ip`",
    );
}

#[test]
fn a_missing_key_is_named_with_its_table() {
    check("[[group]]\nsize = 1\n", "w.toml:1:1: group: missing field `name`");
}

#[test]
fn a_value_of_another_type_is_named_with_its_line() {
    check(
        "[[group]]\nname = \"web\"\nsize = \"2\"\n",
        "w.toml:3:8: group.size: invalid type: string \"2\", expected usize",
    );
}

#[test]
fn text_that_is_no_toml_is_refused_with_its_place() {
    let message = parse("region = \"us-east-1\"\n= 3\n").unwrap_err().to_string();
    assert!(message.starts_with("w.toml:2:1: "), "{message}");
}

#[test]
fn a_world_that_cannot_be_read_is_named() {
    let err = World::load(Path::new("/nowhere/w.toml")).unwrap_err();
    assert_eq!(err.to_string(), "could not read the world /nowhere/w.toml");
}

#[test]
fn users_and_roles_are_read_from_the_folder_of_the_world() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let statement = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#;
    write("policy.json", &format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#));
    write("bad.json", "{}");
    let trust = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"}}"#;
    write("trust.json", &format!(r#"{{"Version":"2012-10-17","Statement":{trust}}}"#));
    let world = "[[user]]\nname = \"operator\"\naccess_key_id = \"AKID\"\n\
                 secret_access_key = \"secret\"\npolicy = \"policy.json\"\n\
                 [[role]]\nname = \"web\"\ntrust = \"trust.json\"\npolicy = \"policy.json\"\n";
    write("good.toml", world);
    let good = World::load(&folder.path().join("good.toml")).unwrap();
    assert_eq!((good.users.len(), good.roles.len()), (1, 1));

    write("bad.toml", &world.replace("trust.json", "bad.json"));
    let err = World::load(&folder.path().join("bad.toml")).unwrap_err().to_string();
    assert!(err.contains("bad.toml:8:9: role.trust: could not use bad.json: "), "{err}");
}

#[test]
fn the_builtin_world_has_what_the_contract_says() {
    let world = World::builtin(Execution::Scripted);
    assert_eq!(world.group_names().collect::<Vec<_>>(), ["web", "batch", "win"]);
    assert_eq!(world.instance_count(), 50);
    let batch = &world.groups[1].instances;
    assert_eq!(batch.iter().filter(|it| it.ping == Ping::ConnectionLost).count(), 1);
    assert_eq!(batch.iter().filter(|it| it.lifecycle == "Standby").count(), 1);
    assert!(world.groups[2].instances.iter().all(|it| it.platform == Platform::Windows));
    assert!(world.notices.is_empty());
}

/// The example of design.md §6, as it stands there.
const CONTRACT: &str = r#"
account = "123456789012"
region = "us-east-1"
seed = 1                       # all randomness comes from it
speed = 1.0                    # simulated seconds per real second
visible_after = "1s"           # ListCommandInvocations is empty until then

[[group]]
name = "web"
size = 6
platform = "Linux"             # Linux | Windows | MacOS
zones = ["us-east-1a", "us-east-1b"]
tags = { role = "web" }
run = "outcomes"               # outcomes: as scripted below | shell: really run, isolated

[[group.instance]]             # one instance made different, by index
index = 2
ping = "ConnectionLost"        # Online | ConnectionLost | none
lifecycle = "Standby"

[[outcome]]                    # the first that matches decides; without one: exit 0 after 1 s
group = "web"
instances = [3]                # indices within the group
document = "*"
after = "5s"
exit = 1                       # or status = "Undeliverable" | "DeliveryTimedOut" | …
stdout = "…"
stderr = "…"

[[document]]                   # besides the AWS-owned ones that are built in
name = "aaa-SsmDocument-aaa"
file = "doc.yaml"

[[user]]
name = "operator"
access_key_id = "AKIDOPERATOR"
secret_access_key = "secret"
policy = "operator-policy.json"

[[role]]                       # evaluated on every call, session policy included
name = "fleet-web"
trust = "trust-policy.json"
policy = "role-policy.json"

[[fault]]
operation = "SendCommand"
calls = [1]                    # or rate = 0.3
kind = "drop-after-accept"
"#;

#[test]
fn the_example_of_the_contract_loads_whole() {
    let folder = tempfile::tempdir().unwrap();
    let statement = |to| format!(r#"{{"Statement":{{"Effect":"Allow","Action":"sts:*",{to}}}}}"#);
    let policy = statement(r#""Resource":"*""#);
    let trust = statement(r#""Principal":{"AWS":"123456789012"}"#);
    let document = "schemaVersion: \"2.2\"\nmainSteps:\n- action: aws:runShellScript\n  \
                    name: a\n  inputs:\n    runCommand: [\"true\"]\n";
    for (name, text) in [
        ("w.toml", CONTRACT),
        ("doc.yaml", document),
        ("operator-policy.json", policy.as_str()),
        ("trust-policy.json", &trust),
        ("role-policy.json", &policy),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let world = World::load(&folder.path().join("w.toml")).unwrap();
    assert_eq!(world.groups[0].instances[2].lifecycle, "Standby");
    assert_eq!(world.outcomes[0].after, Duration::from_secs(5));
    let counts = [&world.documents.len(), &world.users.len(), &world.roles.len()];
    assert_eq!((counts, world.faults.len()), ([&1; 3], 1));

    fs::write(folder.path().join("doc.yaml"), "schemaVersion: \"9\"\n").unwrap();
    let err = World::load(&folder.path().join("w.toml")).unwrap_err().to_string();
    assert!(err.contains("document.file: could not use doc.yaml: "), "{err}");
}
