use super::*;

fn declared() -> BTreeMap<String, Declared> {
    let one = |kind: &str, default: Option<&str>| Declared {
        kind: kind.to_owned(),
        default: default.map(ToOwned::to_owned),
        ..Declared::default()
    };
    let mode = Declared {
        allowed_values: vec!["Report".to_owned(), "Delete".to_owned()],
        ..one("String", Some("60"))
    };
    let timeout = Declared {
        allowed_pattern: Some("[1-9][0-9]{0,4}".to_owned()),
        ..one("String", Some("60"))
    };
    [
        ("commands", one("StringList", None)),
        ("mode", mode),
        ("timeout", timeout),
        ("dryRun", one("Boolean", Some("true"))),
    ]
    .into_iter()
    .map(|(name, it)| (name.to_owned(), it))
    .collect()
}

fn refusal(given: &[(&str, &[&str])]) -> Option<String> {
    let given = given.iter().map(|(name, values)| {
        ((*name).to_owned(), values.iter().map(|it| (*it).to_owned()).collect())
    });
    let given: Parameters = given.collect();
    check("Doc", &declared(), &given).err().map(|it| it.to_string())
}

#[test]
fn a_good_set_passes() {
    assert_eq!(refusal(&[("commands", &["a", "b"]), ("mode", &["Delete"])]), None);
}

#[test]
fn each_refusal_names_the_parameter() {
    let check = |given: &[(&str, &[&str])], expected: &str| {
        assert_eq!(refusal(given).as_deref(), Some(expected));
    };
    check(
        &[("command", &["ls"])],
        "document Doc takes no parameter `command`; it takes commands, dryRun, mode, timeout",
    );
    check(&[("mode", &["Delete"])], "document Doc needs parameter `commands` (StringList)");
    check(
        &[("commands", &["ls"]), ("mode", &["Burn"])],
        "parameter `mode` is `Burn`; document Doc allows Report, Delete",
    );
    check(
        &[("commands", &["ls"]), ("mode", &["Report", "Delete"])],
        "parameter `mode` takes one value and was given 2",
    );
    check(
        &[("commands", &["ls"]), ("timeout", &["10x"])],
        "parameter `timeout` is `10x`, which does not match its pattern [1-9][0-9]{0,4}",
    );
    check(
        &[("commands", &["ls"]), ("dryRun", &["maybe"])],
        "parameter `dryRun` is `maybe`, which is not true or false",
    );
}

#[test]
fn a_role_by_type_is_the_arn_of_one() {
    let check = |kind: &str, values: &[&str]| {
        let declared = Declared { kind: kind.to_owned(), ..Declared::default() };
        let declared = [("Role".to_owned(), declared)].into();
        let given = values.iter().map(|it| (*it).to_owned()).collect();
        check("Doc", &declared, &[("Role".to_owned(), given)].into_iter().collect())
    };
    let role = "arn:aws:iam::123456789012:role/x";
    for kind in ["AWS::IAM::Role::Arn", "List<AWS::IAM::Role::Arn>"] {
        assert_eq!(check(kind, &[role]), Ok(()));
        assert_eq!(check(kind, &["{{ssm:role}}"]), Ok(()));
        let refused = check(kind, &["my-role"]).unwrap_err().to_string();
        let text = "parameter `Role` is `my-role`, which is not the ARN of a role";
        assert!(refused.starts_with(text), "{refused}");
    }
    assert_eq!(check("String", &["my-role"]), Ok(()));
}

#[test]
fn each_documented_type_takes_what_it_is_of() {
    let check = |kind: &str, values: &[&str], expected: Option<&str>| {
        let declared = Declared { kind: kind.to_owned(), ..Declared::default() };
        let declared = [("It".to_owned(), declared)].into();
        let given = values.iter().map(|it| (*it).to_owned()).collect();
        let given = [("It".to_owned(), given)].into_iter().collect();
        let refused = check("Doc", &declared, &given).err().map(|it| it.to_string());
        assert_eq!(refused.as_deref(), expected, "{kind} {values:?}");
    };
    let ids = ["i-0123456789abcdef0", "i-0123456789abcdef1"];
    let buckets = ["one", "two"];
    let roles = ["arn:aws:iam::123456789012:role/x", "arn:aws:iam::123456789012:role/y"];
    for (of, values) in
        [("EC2::Instance::Id", ids), ("S3::Bucket::Name", buckets), ("IAM::Role::Arn", roles)]
    {
        check(&format!("List<AWS::{of}>"), &values, None);
        check(&format!("AWS::{of}"), &values[..1], None);
        let two = "parameter `It` takes one value and was given 2";
        check(&format!("AWS::{of}"), &values, Some(two));
    }
    check("StringList", &["a", "b"], None);
    let maps = [r#"{"a":"b"}"#, r#"{"c":["d"]}"#];
    check("MapList", &maps, None);
    check("MapList", &[r#"[{"a":"b"},{"c":"d"}]"#], None);
    check("StringMap", &maps[..1], None);
    for kind in ["String", "Boolean", "Integer", "StringMap"] {
        check(kind, &maps, Some("parameter `It` takes one value and was given 2"));
    }
    let no_map = "parameter `It` is `a=b`, which is not a JSON object";
    check("StringMap", &["a=b"], Some(no_map));
    check("MapList", &[maps[0], "a=b"], Some(no_map));
    check("StringMap", &["{{ssm:map}}"], None);
    for value in ["true", "True", "false"] {
        check("Boolean", &[value], None);
    }
    check("Boolean", &["1"], Some("parameter `It` is `1`, which is not true or false"));
    check("Integer", &["-5"], None);
    check("Integer", &["5.5"], Some("parameter `It` is `5.5`, which is not a whole number"));
}

#[test]
fn a_pattern_that_only_java_knows_is_left_to_the_service() {
    assert!(!violates("(?!root).*", "root"));
    assert!(violates("a|b", "ab"));
}

#[test]
fn secret_looking_values_are_never_serialised() {
    let given = [("dbPassword", "hunter2"), ("mode", "Report")];
    let given = given.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
    let given: Parameters = given.into_iter().collect();
    assert!(!format!("{given:?}").contains("hunter2"));
    let json = serde_json::to_string(&given).unwrap();
    assert_eq!(json, r#"{"dbPassword":["‹redacted›"],"mode":["Report"]}"#);
}

#[test]
fn a_secret_in_a_map_is_withheld_and_known_by_heart() {
    let map = r#"{"password":"map\"sec777","db":{"apiKeys":["k1-secret"]},"mode":"fast"}"#;
    let given: Parameters = [("settings".to_owned(), vec![map.to_owned()])].into_iter().collect();
    assert_eq!(given.secrets(), ["k1-secret", "map\"sec777"]);
    assert_eq!(given.suspicions(), [("settings", Suspicion::Name)]);
    let expected = r#"{"password":"‹redacted›","db":{"apiKeys":["‹redacted›"]},"mode":"fast"}"#;
    assert_eq!(given.redacted()["settings"], [expected]);
}

#[test]
fn every_member_of_a_map_with_a_secret_name_is_known_by_heart() {
    let check = |name: &str, map: &str, expected: &[&str]| {
        let given: Parameters = [(name.to_owned(), vec![map.to_owned()])].into_iter().collect();
        assert_eq!(given.secrets(), expected);
    };
    let map = r#"{"password":"hunter22","value":"other","from":"{{ssm:/x}}"}"#;
    check("dbPassword", map, &[map, "hunter22", "other"]);
    let nested = format!(r#"{{"mode":"fast","dbPassword":{map}}}"#);
    check("settings", &nested, &["hunter22", "other"]);
}

#[test]
fn what_a_pattern_or_a_shape_gives_away_is_withheld_and_the_rest_stays() {
    let given = [("commands", "login hunter2 AKIAIOSFODNN7EXAMPLE"), ("dbToken", "{{ssm:/t}}")];
    let given = given.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
    let given: Parameters = given.into_iter().collect();
    assert_eq!(given.suspicions(), [("commands", Suspicion::Shape)]);
    assert!(given.secrets().is_empty());
    let given = given.withholding(Redaction::new(vec![Regex::new("hunter.").unwrap()]));
    let json = serde_json::to_string(&given).unwrap();
    let expected = r#"{"commands":["login ‹redacted› ‹redacted›"],"dbToken":["{{ssm:/t}}"]}"#;
    assert_eq!(json, expected);
    let read: Parameters = serde_json::from_str(&json).unwrap();
    assert_eq!(read.missing_secrets(), ["commands"]);
}
