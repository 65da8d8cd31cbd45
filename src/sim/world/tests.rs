//! What a world file may say, and how it is told what it may not.

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
         `seed`, `speed`, `visible_after`, `buckets`, `topics`, `group`, `outcome`, `document`, \
         `user`, `role`, `policy`, `alarm`, `resource_group`, `fault`, `event`",
    );
    check(
        &format!("{GROUP}[[group.instance]]\nindex = 0\nlife = 1\n"),
        "w.toml:6:1: group.instance.life: unknown field `life`, expected one of `index`, \
         `ping`, `lifecycle`, `platform`, `health`, `agent_version`",
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
fn a_bad_value_is_named_with_its_line() {
    let instance = format!("{GROUP}[[group.instance]]\nindex = 0\n");
    let outcome = format!("{GROUP}[[outcome]]\n");
    let fault = "[[fault]]\noperation = \"SendCommand\"\n";
    let cases = [
        (
            format!("{instance}ping = \"Offline\""),
            "6:8: group.instance.ping: unknown value \"Offline\", expected Online, \
             ConnectionLost or none",
        ),
        (
            format!("{GROUP}platform = \"linux\""),
            "4:12: group.platform: unknown value \"linux\", expected Linux, Windows or MacOS",
        ),
        (
            format!("{GROUP}run = \"really\""),
            "4:7: group.run: unknown value \"really\", expected outcomes or shell",
        ),
        (
            format!("{GROUP}[[group.instance]]\nindex = 2"),
            "5:9: group.instance.index: 2 is out of range: the group has 2 instances, counted \
             from 0",
        ),
        (format!("{outcome}group = \"db\""), "5:9: outcome.group: the world has no group \"db\""),
        (
            format!("{outcome}group = \"web\"\ninstances = [0, 7]"),
            "6:13: outcome.instances: 7 is out of range: the group has 2 instances, counted \
             from 0",
        ),
        (
            format!("{outcome}after = \"soon\""),
            "5:9: outcome.after: \"soon\" is not a duration: expected such as \"1s\", \
             \"500ms\" or \"1h30m\", up to a year",
        ),
        (
            "visible_after = \"-1s\"".to_owned(),
            "1:17: visible_after: \"-1s\" is not a duration: expected such as \"1s\", \
             \"500ms\" or \"1h30m\", up to a year",
        ),
        (
            "account = \"12\"".to_owned(),
            "1:11: account: \"12\" is not an account: expected 12 digits",
        ),
        ("speed = 0".to_owned(), "1:9: speed: 0 is out of range: expected 0.001 to 1,000,000"),
        (
            format!("{fault}kind = \"oops\"\ncalls = [1]"),
            "3:8: fault.kind: unknown value \"oops\", expected drop-before-accept, \
             drop-after-accept, error-500, error-500-after-accept, throttle, delay, \
             expired-token, empty-page, repeated-page, stale-page, truncated-body or html-500",
        ),
        (
            format!("{fault}kind = \"throttle\""),
            "2:13: fault.operation: expected calls or rate beside it, to say when",
        ),
        (
            format!("{fault}kind = \"throttle\"\nrate = 1.5"),
            "4:8: fault.rate: 1.5 is out of range: expected 0 to 1",
        ),
        (
            format!("{fault}kind = \"throttle\"\ncalls = [0]"),
            "4:9: fault.calls: expected numbers of calls, counted from 1",
        ),
        (
            format!("{fault}kind = \"throttle\"\ncalls_per_second = 0"),
            "4:20: fault.calls_per_second: 0 is out of range: expected above 0",
        ),
        (
            format!("{fault}kind = \"error-500\"\ncalls_per_second = 1"),
            "4:20: fault.calls_per_second: a fault of kind \"error-500\" has no calls_per_second",
        ),
        (
            format!("{fault}kind = \"stale-page\"\ncalls = [1]"),
            "2:13: fault.operation: SendCommand cannot have a stale-page",
        ),
        (
            "# é\n[[document]]\nname = \"doc\"\nfile = \"absent.yaml\"".to_owned(),
            "4:8: document.file: could not read absent.yaml: No such file or directory (os \
             error 2)",
        ),
        (format!("{GROUP}\n{GROUP}"), "6:8: group.name: the group \"web\" exists already"),
        (
            format!("{GROUP}tags = {{ \"aws:x\" = \"y\" }}"),
            "4:8: group.tags: \"aws:x\" is reserved: tags that begin with aws: are AWS's own",
        ),
    ];
    for (text, expected) in cases {
        check(&text, &format!("w.toml:{expected}"));
    }
    let agent = format!("{outcome}agent = \"lost\"\n");
    let event = format!("{GROUP}[[event]]\ngroup = \"web\"\nafter = \"1s\"\n");
    let cases = [
        (
            format!("{agent}status = \"Failed\""),
            "6:10: outcome.status: expected status or agent, not both",
        ),
        (
            format!("{agent}away = \"1s\""),
            "6:8: outcome.away: an agent that is \"lost\" is not away",
        ),
        (format!("{outcome}away = \"1s\""), "5:8: outcome.away: expected agent beside it"),
        (
            format!("{outcome}agent = \"gone\""),
            "5:9: outcome.agent: unknown value \"gone\", expected offline, lost, late, \
             duplicate, reboot or hang",
        ),
        (
            format!("{event}kind = \"explode\""),
            "7:8: event.kind: unknown value \"explode\", expected scale-in, scale-out, standby \
             or lose-agent",
        ),
        (
            format!("{event}kind = \"scale-in\"\ninstances = [2]"),
            "8:13: event.instances: 2 is out of range: the group has 2 instances, counted from 0",
        ),
        (
            format!("{event}kind = \"scale-out\"\ninstances = [0]"),
            "8:13: event.instances: the instances of a scale-out do not exist yet: expected count",
        ),
        (
            format!("{event}kind = \"standby\"\ncount = 1\ninstances = [0]"),
            "9:13: event.instances: expected count or instances, not both",
        ),
        (format!("{event}kind = \"standby\"\ncount = 0"), "8:9: event.count: expected at least 1"),
        (
            format!("{event}kind = \"standby\"\nwhen = 1"),
            "8:1: event.when: unknown field `when`, expected one of `after`, `since`, `group`, \
             `kind`, `count`, `instances`",
        ),
        (
            format!("{}kind = \"standby\"", event.replace("\"web\"\nafter", "\"db\"\nafter")),
            "5:9: event.group: the world has no group \"db\"",
        ),
    ];
    for (text, expected) in cases {
        check(&text, &format!("w.toml:{expected}"));
    }
    let status = parse(&format!("{outcome}status = \"Undelivered\"")).unwrap_err().to_string();
    assert!(status.starts_with("w.toml:5:10: outcome.status: unknown value \"Undelivered\""));
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
fn a_device_and_a_managed_policy_are_whole_or_refused() {
    let user = "[[user]]\nname = \"ann\"\naccess_key_id = \"AKID\"\nsecret_access_key = \"s\"\n";
    check(
        &format!("{user}mfa_serial = \"GAHT12345678\"\n"),
        "w.toml:5:14: user.mfa_serial: mfa_code is missing beside it",
    );
    check(
        &format!("{user}mfa_code = \"123456\"\n"),
        "w.toml:5:12: user.mfa_code: mfa_serial is missing beside it",
    );
    check(
        &format!("{user}mfa_serial = \"a b\"\nmfa_code = \"123456\"\n"),
        "w.toml:5:14: user.mfa_serial: \"a b\" is not a serial number: expected such as \
         \"arn:aws:iam::123456789012:mfa/ann\"",
    );
    check(
        &format!("{user}mfa_serial = \"GAHT12345678\"\nmfa_code = \"12345\"\n"),
        "w.toml:6:12: user.mfa_code: \"12345\" is not a code: expected six digits",
    );
    let device = "mfa_serial = \"GAHT12345678\"\nmfa_code = \"123456\"\n";
    let bob = user.replace("ann", "bob").replace("AKID", "AKID2");
    check(
        &format!("{user}{device}{bob}{device}"),
        "w.toml:11:14: user.mfa_serial: \"GAHT12345678\" is the device of another user already",
    );
    check(
        &format!("{user}tags = {{ Team = \"a\", team = \"b\" }}\n"),
        "w.toml:5:8: user.tags: \"team\" is given twice, in another case",
    );
    check(
        "[[policy]]\narn = \"arn:aws:iam::1:policy/a\"\nfile = \"a.json\"\n",
        "w.toml:2:7: policy.arn: \"arn:aws:iam::1:policy/a\" is not a managed policy of this \
         account: expected such as \"arn:aws:iam::123456789012:policy/narrow\"",
    );
}

#[test]
fn what_other_services_hold_is_checked() {
    check(
        "buckets = [\"logs\", \"Logs\"]\n",
        "w.toml:1:11: buckets: \"Logs\" is not a bucket such as \"logs\"",
    );
    check(
        "topics = [\"ops\"]\n",
        "w.toml:1:10: topics: \"ops\" is not a topic such as \
         \"arn:aws:sns:us-east-1:123456789012:ops\"",
    );
    let alarm = "[[alarm]]\nname = \"a\"\n";
    check(
        &format!("{alarm}state = \"LOUD\"\n"),
        "w.toml:3:9: alarm.state: unknown value \"LOUD\", expected OK, ALARM or \
         INSUFFICIENT_DATA",
    );
    check(
        &format!("{alarm}becomes = \"ALARM\"\n"),
        "w.toml:3:11: alarm.becomes: after is missing beside it",
    );
    check(
        &format!("{alarm}after = \"1s\"\n"),
        "w.toml:3:9: alarm.after: becomes is missing beside it",
    );
    check(
        &format!("{alarm}since = \"start\"\n"),
        "w.toml:3:9: alarm.since: becomes is missing beside it",
    );
    check(&format!("{alarm}{alarm}"), "w.toml:4:8: alarm.name: \"a\" exists already");
    check(
        "[[resource_group]]\nname = \"a\"\ntags = {}\n",
        "w.toml:3:8: resource_group.tags: expected at least one tag, which its instances have",
    );
    let document = "[[document]]\nname = \"Doc\"\nfile = \"d\"\n";
    check(
        &document.replace("Doc", "a b"),
        "w.toml:2:8: document.name: \"a b\" is not a document's name: expected 3 to 128 letters, \
         digits and _-.",
    );
    check(
        &format!("{document}account = \"123456789012\"\n"),
        "w.toml:4:11: document.account: \"123456789012\" is not another account",
    );
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
