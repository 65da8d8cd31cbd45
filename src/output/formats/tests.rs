//! Every format of one report: valid, inert and with the same totals, whatever the instances say.

use std::{collections::BTreeMap, path::Path};

use proptest::prelude::*;

use super::*;
use crate::{
    output::{changed, mended, testing},
    plan::Automation,
    rescue,
    run::{
        Change, ChangeFacts, ChangeState, CodeCount, CodeFacts, Event, EventKind, Finding,
        FindingSummary, GroupChange, Outcome, Reading, Report, SharedFacts, TimedChange,
        UnreadFacts, VerdictFacts,
    },
};

/// Texts that are markup, a formula or a control sequence somewhere.
const HOSTILE: [&str; 16] = [
    "</script><script>alert(1)</script>",
    "<!--",
    "]]>",
    "\"><img src=x onerror=alert(1)>",
    "&lt;b&#39;",
    "```\n# heading\n```",
    "~~~",
    "| a | b |\n|--|--|",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)\t=2",
    "\x1b]0;title\x07\x1b[2J\x1b[31mred",
    "\u{9b}31m\u{0}\u{8}\u{7f}",
    "abc\u{202e}fdp.exe \u{2066}\u{2028}\u{200b}",
    "\u{fffe}\u{ffff}\u{fffd}",
    "\r\n\r,\";\n-1",
    "[x](javascript:alert(1)) @everyone #1 www.example.org",
];

fn text() -> impl Strategy<Value = String> {
    let bytes = prop::collection::vec(any::<u8>(), 0..80);
    prop_oneof![
        6 => prop::collection::vec(prop::sample::select(&HOSTILE[..]), 1..4)
            .prop_map(|it| it.concat()),
        3 => any::<String>(),
        3 => bytes.prop_map(|it| String::from_utf8_lossy(&it).into_owned()),
        1 => (1..24_000_usize).prop_map(|it| "`x<".repeat(it / 3)),
    ]
}

/// A report in which everything that somebody else says is hostile.
fn report() -> impl Strategy<Value = Report> {
    let instance = (0..Outcome::ALL.len(), text(), text(), text(), -1..200_i32);
    (prop::collection::vec(instance, 20), text()).prop_map(|(instances, more)| {
        let mut report = testing::halted().report();
        report.totals = BTreeMap::new();
        for (it, (outcome, out, err, hint, code)) in report.instances.iter_mut().zip(instances) {
            it.outcome = Outcome::ALL[outcome];
            (it.stdout, it.stderr, it.response_code) = (out, err, Some(code));
            it.group = Some(hint.clone());
            it.findings = Some(Box::new(Reading::Unread { why: hint.clone() }));
            it.hint = Some(hint);
            *report.totals.entry(it.outcome).or_default() += 1;
        }
        report.run.reason = Some(more.clone());
        report.document.name = more.clone();
        report.notes.push(crate::plan::Note::new("test", more.clone()));
        report.findings = vec![found(&more)];
        report.verdict.as_mut().unwrap().sentence = more;
        report
    })
}

/// A summary of findings in which every word is `text`.
fn found(text: &str) -> FindingSummary {
    let text = || text.to_owned();
    let finding = Finding {
        code: text(),
        effect: Some(text()),
        severity: Some(text()),
        evidence: Some(text()),
        path: Some(text()),
        ..Finding::default()
    };
    let change = Change { action: text(), path: Some(text()), ..Change::default() };
    let instances = || vec![testing::id(1)];
    let codes = vec![CodeCount { code: text(), count: 1 }];
    FindingSummary {
        schema: text(),
        subject: text(),
        verdicts: vec![VerdictFacts { verdict: text(), good: None, count: 1, codes }],
        unread: vec![UnreadFacts { why: text(), instances: instances() }],
        without: 0,
        codes: vec![CodeFacts { code: text(), instances: instances(), sample: finding }],
        changed: vec![ChangeFacts { change, instances: instances() }],
        rolled_back: Vec::new(),
        shared: vec![SharedFacts { path: text(), values: vec![text()], instances: instances() }],
        truncated: false,
    }
}

fn rendered(format: ReportFormat, report: &Report) -> String {
    render(format, report, Folds::default(), Path::new("/nowhere")).unwrap()
}

/// Nothing in `text` acts on a terminal, reorders a line or hides.
fn is_inert(text: &str) -> bool {
    text.chars().all(|it| it == '\r' || crate::output::sanitize::is_plain(it) || it == '\u{2060}')
}

/// Reads CSV by the grammar of RFC 4180 and nothing beyond it.
fn cells(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut rest) = (Vec::new(), Vec::new(), text);
    while !rest.is_empty() {
        let mut cell = String::new();
        if let Some(mut quoted) = rest.strip_prefix('"') {
            loop {
                let (before, after) = quoted.split_once('"').expect("a quote is closed");
                cell.push_str(before);
                let Some(more) = after.strip_prefix('"') else {
                    rest = after;
                    break;
                };
                cell.push('"');
                quoted = more;
            }
        } else {
            let end = rest.find([',', '\r']).expect("a row has an end");
            assert!(!rest[..end].contains(['"', '\n']), "{:?}", &rest[..end]);
            cell.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        row.push(cell);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None => {
                rest = rest.strip_prefix("\r\n").expect("a cell ends with its row");
                rows.push(std::mem::take(&mut row));
            }
        }
    }
    rows
}

fn counted<'a>(words: impl Iterator<Item = &'a str>) -> BTreeMap<Outcome, u32> {
    let mut res = BTreeMap::new();
    for it in words {
        *res.entry(it.parse().unwrap()).or_default() += 1;
    }
    res
}

/// Reads the XML with a reader of its own, and returns the outcome of each case.
fn cases(xml: &str) -> Vec<String> {
    use quick_xml::{Reader, events::Event};
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let (mut res, mut depth) = (Vec::new(), 0);
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Start(it) => {
                depth += 1;
                let kind = it.try_get_attribute("type").unwrap();
                match (it.name().as_ref(), kind) {
                    (b"testcase", _) => res.push("succeeded".to_owned()),
                    (_, Some(kind)) => {
                        *res.last_mut().unwrap() = String::from_utf8(kind.value.into()).unwrap();
                    }
                    _ => {}
                }
            }
            Event::End(_) => depth -= 1,
            Event::Text(it) => drop(it.decode().unwrap()),
            _ => {}
        }
    }
    assert_eq!(depth, 0);
    res
}

/// Returns the text of the element that begins with `from`, which is all there is up to `to`.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).unwrap().1.split_once(to).unwrap().0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_format_is_valid_inert_and_of_the_same_totals(report in report()) {
        for format in ReportFormat::ENDINGS.map(|it| it.1) {
            if format != ReportFormat::Jsonl {
                let text = rendered(format, &report);
                prop_assert!(is_inert(&text), "{:?}: {:?}", format, text);
            }
        }
        for (n, it) in (0..).zip(&report.instances) {
            let mut event = testing::ended(n, 0, "");
            if let EventKind::InstanceFinished { execution: Some(execution), hint, .. } = &mut event.data {
                (execution.stdout, execution.stderr) = (it.stdout.clone(), it.stderr.clone());
                hint.clone_from(&it.hint);
            }
            let line = json::line(&event);
            prop_assert!(is_inert(&line) && !line.contains(['\n', '\r']), "{:?}", line);
            prop_assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
        }
        let json: Report = serde_json::from_str(&rendered(ReportFormat::Json, &report)).unwrap();
        prop_assert_eq!(&json.instances, &report.instances);

        let csv = rendered(ReportFormat::Csv, &report);
        let rows = cells(&csv);
        let at = rows[0].iter().position(|it| it == "outcome").unwrap();
        prop_assert!(rows.iter().all(|it| it.len() == rows[0].len()));
        prop_assert_eq!(counted(rows[1..].iter().map(|it| it[at].as_str())), report.totals.clone());
        for cell in rows.iter().flatten() {
            let is_formula = cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
            prop_assert!(!is_formula || cell.parse::<i32>().is_ok(), "{:?}", cell);
        }

        let cases = cases(&rendered(ReportFormat::Junit, &report));
        prop_assert_eq!(counted(cases.iter().map(String::as_str)), report.totals.clone());

        let html = rendered(ReportFormat::Html, &report);
        prop_assert_eq!(html.matches("<script").count(), 2);
        prop_assert_eq!(html.matches("</script").count(), 2);
        prop_assert!(!html.contains("<img") && !html.contains("<!--"));
        let data = between(&html, "id=\"data\">", "</script>");
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        let outcome = |row: &serde_json::Value| {
            let at = usize::try_from(row[4].as_u64().unwrap()).unwrap();
            data["outcomes"][at].as_str().unwrap().to_owned()
        };
        let outcomes: Vec<_> = data["rows"].as_array().unwrap().iter().map(outcome).collect();
        prop_assert_eq!(counted(outcomes.iter().map(String::as_str)), report.totals.clone());
        let text = rendered(ReportFormat::Text, &report);
        let told_by_text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let markdown = rendered(ReportFormat::Markdown, &report);
        for (it, n) in &report.totals {
            let words = it.word().replace('_', " ");
            let (legend, line) = (format!("<b>{n}</b> {words}</li>"), format!("| {words} | {n} |"));
            prop_assert!(html.contains(&legend));
            prop_assert!(markdown.contains(&line));
            let told = format!("{n} {words}");
            prop_assert!(told_by_text.contains(&told), "{}", told);
        }
    }
}

#[test]
fn a_success_with_findings_that_are_not_good_fails_in_ci() {
    let report = testing::checked(Some(testing::declared())).report();
    let xml = rendered(ReportFormat::Junit, &report);
    // Three failed, one succeeded with what cannot be read, one was not reached.
    assert!(xml.contains("tests=\"12\" failures=\"4\" errors=\"1\""), "{xml}");
    assert!(xml.contains("type=\"succeeded\" message=\"succeeded: no findings: "), "{xml}");
}

#[test]
fn what_is_changed_still_fails_in_ci_however_the_instances_did() {
    let mut report = testing::play(testing::twenty(), |_| testing::success("ok")).report();
    let told = |n, change: &rescue::Change| {
        let change = changed("web/blue", ChangeState::Remains, change, "no answer");
        TimedChange { at: testing::at(f64::from(n)), change }
    };
    let instances = (3..5).map(testing::id).collect();
    let processes = vec!["AZRebalance".to_owned(), "HealthCheck".to_owned()];
    report.changes = vec![
        TimedChange {
            at: testing::at(1.0),
            change: mended(&testing::id(3), ChangeState::Remains, "it has no root <volume>"),
        },
        told(2, &rescue::Change::Suspend { processes }),
        told(3, &rescue::Change::Standby { instances }),
    ];
    let xml = rendered(ReportFormat::Junit, &report);
    assert!(xml.contains("tests=\"23\" failures=\"3\" errors=\"0\" time"), "{xml}");
    let suite = &xml[xml.find("  <testsuite name=\"groups\"").unwrap()..];
    assert!(suite.contains("tests=\"3\" failures=\"3\" errors=\"0\" skipped=\"0\""), "{suite}");
    let cases = &suite[suite.find("    <testcase").unwrap()..];
    insta::assert_snapshot!(cases, @r#"
        <testcase name="instance i-00000000000000003" classname="web" time="0.000">
          <failure type="left_changed" message="i-00000000000000003: not as it was: it has no root &lt;volume&gt;; `fleet restore 20240719-040900-abcdef` brings it back">i-00000000000000003: not as it was: it has no root &lt;volume&gt;; `fleet restore 20240719-040900-abcdef` brings it back</failure>
        </testcase>
        <testcase name="processes AZRebalance, HealthCheck" classname="web.blue" time="0.000">
          <failure type="left_changed" message="web/blue: AZRebalance, HealthCheck not restored: no answer; `fleet restore 20240719-040900-abcdef` brings it back">web/blue: AZRebalance, HealthCheck not restored: no answer; `fleet restore 20240719-040900-abcdef` brings it back</failure>
        </testcase>
        <testcase name="members i-00000000000000003, i-00000000000000004" classname="web.blue" time="0.000">
          <failure type="left_changed" message="web/blue: i-00000000000000003, i-00000000000000004 not restored: no answer; `fleet restore 20240719-040900-abcdef` brings it back">web/blue: i-00000000000000003, i-00000000000000004 not restored: no answer; `fleet restore 20240719-040900-abcdef` brings it back</failure>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
    // What was undone afterwards is no failure any more.
    for it in 0..3 {
        let change = report.changes[it].change.clone();
        let change = GroupChange { state: ChangeState::Undone, ..change };
        report.changes.push(TimedChange { at: testing::at(4.0), change });
    }
    let xml = rendered(ReportFormat::Junit, &report);
    assert!(xml.contains("tests=\"20\" failures=\"0\" errors=\"0\" time"), "{xml}");
    assert!(!xml.contains("name=\"groups\""), "{xml}");
}

#[test]
fn jsonl_is_the_events_of_the_ledger() {
    let home = tempfile::tempdir().unwrap();
    let story = testing::halted();
    let mut ledger = crate::output::Ledger::create(home.path(), &story.plan).unwrap();
    ledger.append(&story.events).unwrap();
    let directory = ledger.directory();
    let text = render(ReportFormat::Jsonl, &story.report(), Folds::default(), directory).unwrap();
    assert_eq!(text, std::fs::read_to_string(directory.join("events.jsonl")).unwrap());
}

#[test]
fn markdown_fits_into_a_comment_however_much_was_printed() {
    let mut report = testing::mixed().report();
    for (n, it) in report.instances.iter_mut().enumerate() {
        it.stdout = format!("{n} {}", "x".repeat(24_000));
        it.stderr = format!("{n}\n").repeat(2_000);
    }
    let text = rendered(ReportFormat::Markdown, &report);
    assert!(text.len() < 65_536, "{}", text.len());
    assert!(text.contains(" are in the report."));
    assert!(text.contains("## Next"));
}

#[test]
fn markdown_fits_into_a_comment_however_much_was_given() {
    let mut report = testing::mixed().report();
    report.run.reason = Some("ü".repeat(70_000));
    report.document.parameters.0.insert("commands".to_owned(), vec!["`".repeat(70_000)]);
    let note = crate::plan::Note::new("x", "[x]".repeat(20_000));
    report.notes.extend(vec![note; 30]);
    let text = rendered(ReportFormat::Markdown, &report);
    assert!(text.chars().count() < 65_536, "{}", text.chars().count());
    assert!(text.contains("## Next") && text.contains("ü…"));
}

#[test]
fn markdown_names_fewer_instances_rather_than_leave_out_what_they_printed() {
    let mut report = testing::mixed().report();
    let mut one = report.instances[0].clone();
    one.stdout = "what it printed".to_owned();
    report.instances.extend(vec![one; 5_000]);
    let folds = Folds { members: crate::output::Members::All, ..Folds::default() };
    let text = render(ReportFormat::Markdown, &report, folds, Path::new("")).unwrap();
    assert!(text.chars().count() < 65_536, "{}", text.chars().count());
    assert!(text.contains("what it printed") && text.contains(" more\n"), "{text}");
}

#[test]
fn the_page_calls_what_was_sent_by_its_name() {
    let sent = |report: &Report| {
        let html = rendered(ReportFormat::Html, report);
        let data = between(&html, "id=\"data\">", "</script>");
        serde_json::from_str::<serde_json::Value>(data).unwrap()["sent"].clone()
    };
    let mut report = testing::mixed().report();
    assert_eq!(sent(&report), "command");
    report.document.automation = Some(Automation {
        target_parameter: "InstanceId".to_owned(),
        steps: Vec::new(),
        assume_role: None,
        recovery: None,
    });
    assert_eq!(sent(&report), "execution");
}
