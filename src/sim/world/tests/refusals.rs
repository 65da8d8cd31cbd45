//! What a world may not say, each with its place.

use super::{GROUP, check, parse};

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
        (
            format!("{GROUP}setup = \"image.sh\""),
            "4:9: group.setup: only the instances of a group with run = \"shell\" have a machine",
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
            "speed = 1000001".to_owned(),
            "1:9: speed: 1000001 is out of range: expected 0.001 to 1,000,000",
        ),
        (
            format!("{outcome}exit = 300"),
            "5:8: outcome.exit: 300 is no exit code: expected 0 to 255, or -1 for what a signal \
             ended",
        ),
        (
            format!(
                "{GROUP}[[event]]\ngroup = \"web\"\nafter = \"1s\"\nkind = \"scale-in\"\ncount = 9"
            ),
            "8:9: event.count: 9 is out of range: the group has 4 instances at the most",
        ),
        (
            format!("{fault}kind = \"oops\"\ncalls = [1]"),
            "3:8: fault.kind: unknown value \"oops\", expected drop-before-accept, \
             drop-after-accept, error-500, error-500-after-accept, throttle, delay, \
             expired-token, empty-page, repeated-page, stale-page, short-page, truncated-body, \
             html-500, empty-message or contention",
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
            format!("{GROUP}tags = {{ \"\" = \"y\" }}"),
            "4:8: group.tags: \"\" is not the key of a tag: expected 1 to 128 characters",
        ),
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
            "7:8: event.kind: unknown value \"explode\", expected scale-in, scale-out, standby, \
             lose-agent or impair",
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
fn what_contradicts_itself_is_refused_where_it_does() {
    let outcome = format!("{GROUP}[[outcome]]\n");
    let status = |status: &str, more: &str| format!("{outcome}status = \"{status}\"\n{more}\n");
    let instance = |more: &str| format!("{GROUP}[[group.instance]]\nindex = 1\n{more}\n");
    let shell = "run = \"shell\"\n";
    let cases = [
        (status("Success", "exit = 1"), "6:8: outcome.exit: 1 contradicts the status \"Success\""),
        (status("Failed", "exit = 0"), "6:8: outcome.exit: 0 contradicts the status \"Failed\""),
        (
            status("ExecutionTimedOut", "exit = 1"),
            "6:8: outcome.exit: 1 contradicts the status \"ExecutionTimedOut\"",
        ),
        (
            status("Undeliverable", "exit = 0"),
            "6:8: outcome.exit: 0 contradicts the status \"Undeliverable\"",
        ),
        (
            status("AccessDenied", "stdout = \"a\""),
            "6:10: outcome.stdout: what ends as \"AccessDenied\" has no output",
        ),
        (
            status("Terminated", "stderr = \"a\""),
            "6:10: outcome.stderr: what ends as \"Terminated\" has no output",
        ),
        (
            status("InProgress", "after = \"1s\""),
            "6:9: outcome.after: what is \"InProgress\" never ends",
        ),
        (
            format!("{outcome}instances = []\n"),
            "5:13: outcome.instances: expected at least one index",
        ),
        (
            format!(
                "{GROUP}[[event]]\ngroup = \"web\"\nafter = \"1s\"\nkind = \"impair\"\ninstances = []"
            ),
            "8:13: event.instances: expected at least one index",
        ),
        (
            format!("{GROUP}{shell}platform = \"Windows\"\n"),
            "4:7: group.run: documents really run on Linux only, and there is Windows in it",
        ),
        (
            format!("{GROUP}{shell}[[group.instance]]\nindex = 0\nplatform = \"MacOS\"\n"),
            "4:7: group.run: documents really run on Linux only, and there is MacOS in it",
        ),
        (
            format!("{}[[group.instance]]\nindex = 1\n", instance("")),
            "8:9: group.instance.index: instance 1 is made different twice",
        ),
        (
            format!("{GROUP}min = 3\n"),
            "4:7: group.min: min 3, desired 2 and max 4 are not in order",
        ),
        (
            format!("{GROUP}max = 1\n"),
            "4:7: group.max: min 0, desired 2 and max 1 are not in order",
        ),
        (
            format!("{GROUP}desired = 5\n"),
            "4:11: group.desired: min 0, desired 5 and max 4 are not in order",
        ),
        (
            format!("{GROUP}[[group.instance]]\nindex = 0\nzone = \"us-east-1c\"\n"),
            "6:8: group.instance.zone: \"us-east-1c\" is none of the group's zones: us-east-1a, \
             us-east-1b",
        ),
        (
            format!("{GROUP}desired = 3\n"),
            "4:11: group.desired: 3 is not what the group has: expected 2, its instances without \
             those in Standby",
        ),
        (
            format!("{GROUP}desired = 2\n[[group.instance]]\nindex = 0\nlifecycle = \"Standby\"\n"),
            "4:11: group.desired: 2 is not what the group has: expected 1, its instances without \
             those in Standby",
        ),
        (
            format!(
                "{GROUP}desired = 0\n[[group.instance]]\nindex = 0\nlifecycle = \"Terminating\"\n"
            ),
            "4:11: group.desired: 0 is not what the group has: expected 1 to 2, its instances \
             without those in Standby",
        ),
        (
            format!("{outcome}after = \"2s\"\n[[outcome]]\ngroup = \"web\"\nexit = 1\n"),
            "7:9: outcome: it never decides: outcome 1 of this world comes first and takes all of \
             it",
        ),
        (
            format!(
                "{outcome}instances = [0, 1]\n[[outcome]]\ninstances = [1]\ndocument = \"a\"\n"
            ),
            "8:12: outcome: it never decides: outcome 1 of this world comes first and takes all of \
             it",
        ),
        (
            "[[document]]\nname = \"AWS-Own\"\nfile = \"a\"\n".to_owned(),
            "2:8: document.name: \"AWS-Own\" is reserved: only AWS's documents begin like that",
        ),
    ];
    for (text, expected) in cases {
        check(&text, &format!("w.toml:{expected}"));
    }
    for good in [
        status("Success", "exit = 168"),
        status("Failed", "exit = 3"),
        status("ExecutionTimedOut", "exit = 137"),
        status("Delayed", "exit = 4"),
        format!("{outcome}instances = [0]\n[[outcome]]\ninstances = [0, 1]\n"),
        format!("{outcome}document = \"AWS-*\"\n[[outcome]]\ndocument = \"Own\"\n"),
    ] {
        parse(&good).unwrap();
    }
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
        &format!("{user}tags = {{ \"\" = \"a\" }}\n"),
        "w.toml:5:8: user.tags: \"\" is not the key of a tag: expected 1 to 128 characters",
    );
    check(
        &format!("{user}tags = {{ \"aws:a\" = \"a\" }}\n"),
        "w.toml:5:8: user.tags: \"aws:a\" is reserved: tags that begin with aws: are AWS's own",
    );
    check(
        "[[policy]]\narn = \"arn:aws:iam::1:policy/a\"\nfile = \"a.json\"\n",
        "w.toml:2:7: policy.arn: \"arn:aws:iam::1:policy/a\" is not a managed policy of this \
         account: expected such as \"arn:aws:iam::123456789012:policy/narrow\"",
    );
}

#[test]
fn images_and_keys_are_checked_as_those_who_have_them_are() {
    let image = "[[image]]\nname = \"golden\"\nplatform = \"Windows\"\n";
    check(
        "[[image]]\nname = \"my image\"\n",
        "w.toml:2:8: image.name: \"my image\" is not a name: expected 3 to 128 letters, digits, \
         -, _ and .",
    );
    check(&format!("{image}{image}"), "w.toml:5:8: image.name: \"golden\" exists already");
    check(
        "[[key]]\nname = \"disks\"\nstate = \"PendingImport\"\n",
        "w.toml:3:9: key.state: unknown value \"PendingImport\", expected Enabled, Disabled or \
         PendingDeletion",
    );
    check(
        "[[key]]\nname = \"disks\"\naccount = \"1\"\n",
        "w.toml:3:11: key.account: \"1\" is not an account: expected 12 digits",
    );
    check(
        &format!("{GROUP}image = \"none\"\n"),
        "w.toml:4:9: group.image: there is no [[image]] \"none\"",
    );
    check(
        &format!("{GROUP}[[group.instance]]\nindex = 0\nkey = \"none\"\n"),
        "w.toml:6:7: group.instance.key: there is no [[key]] \"none\"",
    );
    check(
        &format!("{GROUP}image = \"golden\"\n{image}"),
        "w.toml:4:9: group.image: the image \"golden\" is of Windows, and the instance of Linux",
    );
    check(
        &format!(
            "{GROUP}platform = \"Windows\"\nimage = \"golden\"\n[[group.instance]]\nindex = 1\n\
             root = \"instance-store\"\n{image}"
        ),
        "w.toml:7:9: group.instance.image: the image \"golden\" has its root on a volume",
    );
    check(
        &format!(
            "{GROUP}[[group.instance]]\nindex = 0\nencrypted = false\nkey = \"disks\"\n[[key]]\n\
             name = \"disks\"\n"
        ),
        "w.toml:6:13: group.instance.encrypted: what has a key of its own is encrypted",
    );
    check(
        "[network]\nebs_key = \"none\"\n",
        "w.toml:2:11: network.ebs_key: there is no [[key]] \"none\"",
    );
    check(
        "[network]\nvpcs = 0\n",
        "w.toml:2:8: network.vpcs: 0 is out of range: expected 1 to 1,000",
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
fn a_world_that_is_no_text_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.toml");
    std::fs::write(&path, b"seed = 1\n# caf\xe9\n").unwrap();
    let message = crate::sim::World::load(&path).unwrap_err().to_string();
    assert!(message.ends_with("w.toml:2:6: this is not UTF-8"), "{message}");
}

#[test]
fn the_limits_that_a_refusal_names_are_within_them() {
    for speed in ["0.001", "1000000"] {
        parse(&format!("speed = {speed}")).unwrap();
    }
    for (platform, exit) in [("Linux", -1), ("Linux", 255), ("Windows", 3010), ("Windows", 300)] {
        parse(&format!("{GROUP}platform = \"{platform}\"\n[[outcome]]\nexit = {exit}")).unwrap();
    }
    let event = "[[event]]\ngroup = \"web\"\nafter = \"1s\"\nkind = \"scale-out\"\ncount = 4";
    parse(&format!("{GROUP}{event}")).unwrap();
}
