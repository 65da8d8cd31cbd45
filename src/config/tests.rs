//! What a file says, and what is said of a file that is wrong.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;

/// Loads `text` as the file in the working directory.
fn load(text: &str, environment: Option<&str>) -> Result<Config, ConfigError> {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join(FILE_NAME), text).unwrap();
    let working_directory = Some(home.path().to_owned());
    Config::load(&Places { working_directory, ..Places::default() }, environment)
}

fn refusal(text: &str) -> String {
    match load(text, None).unwrap_err() {
        ConfigError::Refused { origin, message, snippet } => {
            let at = format!("line {}: {}", origin.line, origin.key);
            format!("{at}: {message}\n{}", snippet.unwrap_or_default())
        }
        other => other.to_string(),
    }
}

#[test]
fn an_environment_stands_before_what_holds_for_all() {
    let text = r#"
region = "us-east-1"
redact = ["hunter\\d"]
[limits]
max_errors = "5%"
[profile.production]
role_arn = "arn:aws:iam::123456789012:role/fleet"
region = "eu-west-1"
duration = "1h"
[profile.production.session_tags]
team = "web"
"#;
    let config = load(text, Some("production")).unwrap();
    let [file] = config.files.as_slice() else { panic!("{config:?}") };
    let value = |it: Option<&Value<String>>| it.map(|it| it.value.clone());
    assert_eq!(value(file.first(|it| it.region.as_ref())).as_deref(), Some("eu-west-1"));
    let role = file.first(|it| it.role_arn.as_ref()).unwrap();
    assert_eq!((role.origin.line, role.origin.key.as_str()), (7, "profile.production.role_arn"));
    assert_eq!(file.first(|it| it.max_errors.as_ref()).unwrap().value, Limit::Percent(5));
    assert_eq!(file.first(|it| it.duration.as_ref()).unwrap().value, 3600);
    let tags = &file.first(|it| it.session_tags.as_ref()).unwrap().value;
    assert_eq!(tags, &[("team".to_owned(), "web".to_owned())]);
    assert_eq!(config.sections().map(|it| it.redact.len()).sum::<usize>(), 1);
    let config = load(text, None).unwrap();
    assert_eq!(value(config.files[0].first(|it| it.region.as_ref())).as_deref(), Some("us-east-1"));
}

#[test]
fn the_example_is_understood() {
    let text = include_str!("../../examples/fleet.toml");
    let config = load(text, Some("production")).unwrap();
    let [file] = config.files.as_slice() else { panic!("{config:?}") };
    assert_eq!(file.first(|it| it.source_identity.as_ref()).unwrap().value, "oncall");
    assert_eq!(config.sections().map(|it| it.ceilings.len()).sum::<usize>(), 4);
}

#[test]
fn what_is_wrong_is_named_by_line_and_key() {
    let check = |text: &str, expected: &[&str]| {
        let said = refusal(text);
        for it in expected {
            assert!(said.contains(it), "`{it}` is not in:\n{said}");
        }
    };
    check(
        "[ceilings]\nmax_concurency = \"25%\"\n",
        &["line 2: ceilings.max_concurency", "unknown field", "2 | max_concurency", "^^^^^^^"],
    );
    check(
        "[profile.p.limits]\nmax_errors = \"250%\"\n",
        &["line 2: profile.p.limits.max_errors", "`250%` is not", "2 | max_errors = \"250%\""],
    );
    check("[ceilings]\nmax_errors = 5\n", &["line 2: ceilings.max_errors", "expected a string"]);
    check("role_arn = \"fleet\"\n", &["line 1: role_arn", "not the ARN of a role"]);
    check("source_identity = \"a b\"\n", &["line 1: source_identity", "STS takes 2 to 64"]);
    check("external_id = \"x\"\n", &["line 1: external_id", "STS takes 2 to 1224"]);
    check("mfa_serial = \"x\"\n", &["line 1: mfa_serial", "not an MFA device"]);
    check("[session_tags]\n\"\" = \"x\"\n", &["session_tags", "a key of 1 to 128"]);
    check("duration = \"5m\"\n", &["line 1: duration", "15m to 12h"]);
    check("region = \"\"\n", &["line 1: region", "not a region"]);
    check("[profile.a.profile.b]\n", &["a profile holds no profile", "`b`"]);
    check("region = \"eu\"\nregion = \"us\"\n", &["line 2: region", "duplicate key"]);
    check("region = \"eu", &["line 1: region"]);
    check("aws_profile = \"admin\"\n", &["line 1: aws_profile", "--config"]);
    check("[output]\ns3 = \"s3://logs\"\n", &["line 2: output.s3", "--config"]);
    check("[profile.p.output]\nlogs = \"x\"\n", &["line 2: profile.p.output.logs"]);
}

#[test]
fn a_pattern_that_is_wrong_is_not_repeated() {
    let said = refusal("redact = [\n  \"hunter2(\",\n]\n");
    assert!(said.contains("line 2: redact: it is not a regular expression"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    assert!(refusal("redact = [\"x*\"]").contains("everywhere"));
    // Nor is what is no list of patterns, wherever the reader of TOML stops.
    for text in [
        "redact = \"hunter2-[0-9]+\"",
        "redact = hunter2",
        "redact = \"hunter2-[0-9]+",
        "redact = [\n  \"hunter2",
        "redact = [\n  \"x\"\n  \"hunter2\"\n]",
        "redact = [\"hunter2\\d\"]",
        "redact = [hunter2]",
        "redact = { hunter2 = 1 }",
        "redact = [\"a\"] # x\nredact = [\"hunter2\"]",
        "redact = '''\nhunter2\nx = hunter2",
        "redact = [\"a\", { hunter2 = 1 }]",
        "redact = [\n  \"a\"\n  \"hunter2=(\",\n]",
        "redact = [\n  \"hunter2=(\",\n]",
        "[profile.p]\nredact = \"hunter2\"",
        "profile.p.redact = \"hunter2\"",
        "redactt = [\"hunter2\"]",
        "redacted = [\n  \"hunter2\",\n]",
        "Redact = [\"hunter2\"]",
        "redact: [\"hunter2\"]",
    ] {
        let said = refusal(text);
        assert!(!said.contains("hunter2"), "{text}:\n{said}");
        assert!(said.to_lowercase().contains("redact"), "{text}:\n{said}");
    }
}

#[test]
fn the_users_own_file_stands_behind_and_its_ceilings_hold_as_well() {
    let (here, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(here.path().join(FILE_NAME), "[ceilings]\nmax_errors = \"50%\"\n").unwrap();
    let text = "aws_profile = \"work\"\n[ceilings]\nmax_errors = \"5%\"\nrequire_plan = false\n";
    fs::write(own.path().join(FILE_NAME), text).unwrap();
    let places = Places {
        named: None,
        working_directory: Some(here.path().to_owned()),
        own: Some(own.path().to_owned()),
    };
    let config = Config::load(&places, None).unwrap();
    let rules: Vec<_> =
        config.sections().flat_map(|it| &it.ceilings).map(|it| it.rule.clone()).collect();
    let most = |it| CeilingRule::MaxErrors(Limit::Percent(it));
    assert_eq!(rules, [most(50), most(5)]);
    // A file that was named is the only one.
    let named = Places { named: Some(own.path().join(FILE_NAME)), ..places };
    let config = Config::load(&named, None).unwrap();
    assert_eq!(config.files.len(), 1);
}

#[test]
fn an_environment_that_no_file_has_is_refused_with_those_there_are() {
    let err = load("[profile.staging]\n", Some("prod")).unwrap_err();
    let ConfigError::NoSuchEnvironment { name, known, looked_in } = err else { panic!("{err}") };
    assert_eq!((name.as_str(), known, looked_in.len()), ("prod", vec!["staging".to_owned()], 1));
}

#[test]
fn a_file_that_anybody_may_write_is_not_followed_where_it_was_only_found() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(FILE_NAME);
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let working_directory = Some(home.path().to_owned());
    let places = Places { working_directory, ..Places::default() };
    let err = Config::load(&places, None).unwrap_err();
    assert!(matches!(err, ConfigError::NotYours { .. }), "{err}");
    let named = Places { named: Some(path), ..Places::default() };
    assert!(Config::load(&named, None).is_ok());
}

#[test]
fn a_place_for_output_is_checked_in_a_file_that_was_chosen() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(FILE_NAME);
    let check = |text: &str| {
        fs::write(&path, text).unwrap();
        Config::load(&Places { named: Some(path.clone()), ..Places::default() }, None)
    };
    let config = check("[output]\ns3 = \"s3://logs/a/\"\nlogs = \"/runs\"\n").unwrap();
    let section = config.sections().next().unwrap();
    assert_eq!(section.output_s3.as_ref().unwrap().value.to_string(), "s3://logs/a");
    assert_eq!(section.output_logs.as_ref().unwrap().value, "/runs");
    let err = check("[output]\ns3 = \"logs\"\n").unwrap_err().to_string();
    assert!(err.contains("line 2: output.s3: it is not s3://BUCKET"), "{err}");
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let named = Some(PathBuf::from("/nowhere/fleet.toml"));
    let err = Config::load(&Places { named, ..Places::default() }, None).unwrap_err();
    assert!(matches!(err, ConfigError::Unreadable { .. }), "{err}");
    assert!(Config::load(&Places::default(), None).unwrap().files.is_empty());
}
