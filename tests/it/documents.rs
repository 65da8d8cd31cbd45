//! The canned documents, read as text: what can be held of them without running one. Running them
//! on nodes with a real sshd is `tests/documents`.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command, sync::LazyLock};

use fleet::documents;
use jiff::{Timestamp, tz::Offset};
use proptest::prelude::*;
use regex::Regex;
use serde_json::Value;

use crate::support::{repository, skip};

/// The service refuses larger ones, and counts what a command passes to their parameters as well
/// (CreateDocument, Content).
const LARGEST: usize = 64 * 1024;

/// What eight users, a few codes and the other parameters take.
const PASSED: usize = 330;

struct Document {
    name: String,
    text: String,
    content: Value,
    sidecar: toml::Table,
}

impl Document {
    fn read(path: &PathBuf) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let sidecar = fs::read_to_string(path.with_extension("fleet.toml")).unwrap();
        Self {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            content: serde_saphyr::from_str(&text).unwrap(),
            sidecar: sidecar.parse().unwrap(),
            text,
        }
    }

    fn step(&self) -> &Value {
        let steps = self.content["mainSteps"].as_array().unwrap();
        assert_eq!(
            steps.len(),
            1,
            "{}: the answer of one step is found without its name",
            self.name
        );
        &steps[0]
    }

    fn script(&self) -> &str {
        let lines = self.step()["inputs"]["runCommand"].as_array().unwrap();
        assert_eq!(lines.len(), 1, "{}", self.name);
        lines[0].as_str().unwrap()
    }

    fn is_shell(&self) -> bool {
        self.step()["action"] == "aws:runShellScript"
    }
}

fn all() -> Vec<Document> {
    let files = fs::read_dir(repository("documents")).unwrap().map(|it| it.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|it| it.extension().is_some_and(|it| it == "yaml")).collect();
    files.sort();
    assert!(files.len() >= 2, "{files:?}");
    files.iter().map(Document::read).collect()
}

#[test]
fn a_document_has_one_step_a_platform_and_a_size_that_the_service_takes() {
    let named = Regex::new("^Fleet-[A-Za-z0-9]+$").unwrap();
    for it in all() {
        assert!(it.text.len() + PASSED <= LARGEST, "{} has {} bytes", it.name, it.text.len());
        assert_eq!(it.content["schemaVersion"], "2.2", "{}", it.name);
        assert!(named.is_match(&it.name), "{}", it.name);
        let platform = if it.is_shell() { "Linux" } else { "Windows" };
        let expected = serde_json::json!(["platformType", platform]);
        assert_eq!(it.step()["precondition"]["StringEquals"], expected, "{}", it.name);
        assert!(it.step()["inputs"]["timeoutSeconds"].is_string(), "{}", it.name);
        assert!(!documents::parse(&it.text).unwrap().declared().is_empty(), "{}", it.name);
    }
}

#[test]
fn a_document_opens_with_what_it_does_and_what_no_test_could_show() {
    let parts = ["Purpose", "Parameters", "Risk", "Changes", "Exit codes", "Not proved by tests"];
    for it in all() {
        let comment: Vec<&str> = it.text.lines().take_while(|it| it.starts_with('#')).collect();
        assert!(comment[0].starts_with(&format!("# {}: ", it.name)), "{}", it.name);
        let found: Vec<_> = parts
            .iter()
            .map(|part| comment.iter().position(|it| it.starts_with(&format!("# {part}: "))))
            .collect();
        assert!(found.iter().all(Option::is_some), "{}: {found:?}", it.name);
        assert!(found.is_sorted(), "{}: {found:?}", it.name);
    }
}

#[test]
fn a_parameter_is_used_once_in_single_quotes_and_its_pattern_admits_nothing_else() {
    let reference = Regex::new(r"\{\{ *(\w+) *\}\}").unwrap();
    for it in all() {
        let declared = it.content["parameters"].as_object().unwrap();
        let used: Vec<_> =
            reference.captures_iter(it.script()).map(|it| it[1].to_owned()).collect();
        assert_eq!(used.len(), declared.len(), "{}: {used:?}", it.name);
        assert_eq!(used.iter().collect::<BTreeSet<_>>(), declared.keys().collect(), "{}", it.name);
        assert_eq!(it.script().matches("{{").count(), used.len(), "{}", it.name);
        for (name, parameter) in declared {
            let quoted = format!("'{{{{ {name} }}}}'");
            assert!(it.script().contains(&quoted), "{}: {name}", it.name);
            let text = parameter["allowedPattern"].as_str().unwrap();
            assert!(text.starts_with('^') && text.ends_with('$'), "{}: {name}", it.name);
            let pattern = Regex::new(text).unwrap();
            let default = parameter["default"].as_str().unwrap();
            assert!(pattern.is_match(default), "{}: {name}", it.name);
            for hostile in [
                "'",
                "x'; id; '",
                "$(id)",
                "`id`",
                "a\nb",
                "\n",
                " ",
                "\\",
                "{{ Users }}",
                "-",
                "--help",
                "a;b",
                "a|b",
                "\"",
                "../..",
                "é",
                "\u{200b}",
                "%s",
                "*",
                "!",
            ] {
                assert!(!pattern.is_match(hostile), "{}: {name} takes {hostile:?}", it.name);
            }
        }
    }
}

#[test]
fn a_script_says_nothing_that_the_agent_reads_otherwise() {
    let reboots = Regex::new(r"(?m)\bexit +(194|168|169|137|3010)\b").unwrap();
    for it in all() {
        assert!(!it.script().contains("$$"), "{}: the agent makes one dollar of two", it.name);
        // A reboot is for those who ask for one, by a parameter of that name.
        let script = it.script().replace("{ exit 3010 }", "");
        assert!(!reboots.is_match(&script), "{}", it.name);
        let is_asked = it.content["parameters"].get("MaxReboots").is_some();
        assert!(script == it.script() || is_asked, "{}", it.name);
        assert!(it.script().is_ascii(), "{}", it.name);
        assert!(!it.is_shell() || it.script().starts_with("#!/bin/sh\n"), "{}", it.name);
    }
}

#[test]
fn check_and_repair_diagnose_with_the_same_lines() {
    let common = |it: &Document| {
        let from = it.script().find("# >>> common").unwrap();
        let to = it.script().find("# <<< common").unwrap();
        it.script()[from..to].to_owned()
    };
    let both = all().into_iter().filter(|it| it.name.ends_with("Sshd")).collect::<Vec<_>>();
    assert_eq!(both.len(), 2);
    assert_eq!(common(&both[0]), common(&both[1]));
}

#[test]
fn a_sidecar_says_what_its_document_prints_and_ends_with() {
    let names: BTreeSet<String> = all().into_iter().map(|it| it.name).collect();
    for it in all() {
        let version = it.sidecar["version"].as_str().unwrap();
        assert!(it.script().contains(version), "{}", it.name);
        let findings = it.sidecar["findings"].as_table().unwrap();
        assert!(it.script().contains(findings["schema"].as_str().unwrap()), "{}", it.name);
        let verdicts = findings["verdicts"].as_array().unwrap();
        for verdict in verdicts {
            assert!(it.script().contains(verdict.as_str().unwrap()), "{}: {verdict}", it.name);
        }
        for good in findings["good"].as_array().unwrap() {
            assert!(verdicts.contains(good), "{}: {good}", it.name);
        }
        for code in findings["exit"].as_table().unwrap().keys() {
            assert!(code.parse::<u8>().is_ok_and(|it| it != 194), "{}: {code}", it.name);
        }
        let parameters = it.content["parameters"].as_object().unwrap();
        let changes = it.sidecar["changes"].as_bool().unwrap();
        let rollout = it.sidecar.get("rollout").filter(|_| changes);
        let Some(rollout) = rollout else {
            assert!(!changes, "{}: what changes an instance says how it is rolled out", it.name);
            continue;
        };
        let verify = rollout["verify"].as_str().unwrap();
        assert!(names.contains(verify), "{}: {verify}", it.name);
        for name in rollout["verify_parameters"].as_array().unwrap() {
            assert!(parameters.contains_key(name.as_str().unwrap()), "{}: {name}", it.name);
        }
        for (name, value) in rollout["dry_run"].as_table().unwrap() {
            let pattern = Regex::new(parameters[name]["allowedPattern"].as_str().unwrap()).unwrap();
            assert!(pattern.is_match(value.as_str().unwrap()), "{}: {name}", it.name);
        }
    }
}

#[test]
fn shellcheck_has_nothing_to_say_of_the_scripts() {
    if Command::new("shellcheck").arg("--version").output().is_err() {
        return skip("shellcheck_has_nothing_to_say_of_the_scripts", "there is no shellcheck");
    }
    let folder = tempfile::tempdir().unwrap();
    for it in all().iter().filter(|it| it.is_shell()) {
        let file = folder.path().join(&it.name);
        fs::write(&file, it.script()).unwrap();
        let output = Command::new("shellcheck").args(["-s", "sh"]).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// The window of the bad channel file, read from the document, which is the one place that has it.
struct Window {
    from: Timestamp,
    until: Timestamp,
}

static WINDOW: LazyLock<Window> = LazyLock::new(Window::read);

impl Window {
    fn read() -> Self {
        let all = all();
        let it = all.iter().find(|it| it.name == "Fleet-CrowdStrike291").unwrap();
        let instant = |name: &str| -> Timestamp {
            let assignment = Regex::new(&format!(r"(?m)^\{name} = '([0-9TZ:-]+)'$")).unwrap();
            let found: Vec<_> = assignment.captures_iter(it.script()).collect();
            assert_eq!(found.len(), 1, "{name}");
            found[0][1].parse().unwrap()
        };
        // What the model below does, the script does: it includes the first instant, not the second.
        let compares = "($written -ge $from) -and ($written -lt $until)";
        assert!(it.script().contains(compares) && it.script().contains("$written -ge $until"));
        Self { from: instant("$badFrom"), until: instant("$badUntil") }
    }

    fn class(&self, written: Timestamp, created: Timestamp) -> &'static str {
        let is_inside = |it| it >= self.from && it < self.until;
        match (is_inside(written), is_inside(created)) {
            (true, true) => "bad",
            (false, false) if written >= self.until => "good",
            (false, false) => "old",
            _ => "unsure",
        }
    }
}

#[test]
fn the_window_is_that_of_crowdstrikes_statement_to_the_second() {
    let window = &*WINDOW;
    let class = |it: &str| window.class(it.parse().unwrap(), it.parse().unwrap());
    assert_eq!(class("2024-07-19T04:08:59.999Z"), "old");
    assert_eq!(class("2024-07-19T04:09:00Z"), "bad");
    assert_eq!(class("2024-07-19T05:26:59.999Z"), "bad");
    assert_eq!(class("2024-07-19T05:27:00Z"), "good");
    // The same hour on a wall in Tokyo, and in New York, is another instant.
    assert_eq!(class("2024-07-19T04:30:00+09:00"), "old");
    assert_eq!(class("2024-07-19T04:30:00-04:00"), "good");
    let restored = window.class("2024-07-19T04:30:00Z".parse().unwrap(), Timestamp::UNIX_EPOCH);
    assert_eq!(restored, "unsure");
}

proptest! {
    #[test]
    fn the_class_of_a_file_depends_on_the_instant_and_not_on_the_zone(
        seconds in -90_000_i64..90_000, quarters in -48_i32..=56, hours in -12_i8..=14,
    ) {
        let window = &*WINDOW;
        let instant = Timestamp::from_second(window.from.as_second() + seconds).unwrap();
        let zone = Offset::from_seconds(quarters * 900).unwrap();
        // Written down as the wall shows it, and read again with its zone.
        let local = zone.to_datetime(instant);
        let again = zone.to_timestamp(local).unwrap();
        prop_assert_eq!(window.class(again, again), window.class(instant, instant));
        let length = window.until.as_second() - window.from.as_second();
        prop_assert_eq!(window.class(instant, instant) == "bad", (0..length).contains(&seconds));
        // Who takes the wall for UTC is wrong by the zone: never in a bad file in a zone two hours away.
        let mistaken = Offset::UTC.to_timestamp(Offset::constant(hours).to_datetime(instant)).unwrap();
        if hours.abs() >= 2 && window.class(instant, instant) == "bad" {
            prop_assert_ne!(window.class(mistaken, mistaken), "bad");
        }
    }
}
