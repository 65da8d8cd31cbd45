//! A row an instance, for a spreadsheet (RFC 4180, UTF-8). No cell of it is a formula.

use jiff::Timestamp;

use super::super::sanitize::sanitize;
use crate::run::{InstanceFacts, Reading, Report, StoredStream};

/// New columns are added at the end, and none is renamed.
const COLUMNS: [&str; 28] = [
    "run_id",
    "instance_id",
    "group",
    "zone",
    "lifecycle",
    "platform",
    "wave",
    "command_id",
    "outcome",
    "status",
    "status_details",
    "response_code",
    "requested",
    "started",
    "ended",
    "seconds",
    "truncated",
    "output_group",
    "hint",
    "stdout",
    "stderr",
    "document",
    "verdict",
    "findings",
    "stdout_file",
    "stderr_file",
    "stdout_printed",
    "stderr_printed",
];

pub(super) fn render(report: &Report) -> String {
    let mut res = COLUMNS.join(",") + "\r\n";
    for it in &report.instances {
        res.push_str(&row(report, it).join(","));
        res.push_str("\r\n");
    }
    res
}

fn row(report: &Report, it: &InstanceFacts) -> [String; COLUMNS.len()] {
    let time = |it: Option<Timestamp>| it.map(|it| it.to_string()).unwrap_or_default();
    let took = it.started.zip(it.ended).map(|(from, to)| to.duration_since(from));
    // Numbers and times are fleet's own: as they are, so that they can be counted with.
    let number = |it: Option<i64>| it.map(|it| it.to_string()).unwrap_or_default();
    let files = it.files.as_deref();
    let printed = |it: Option<&StoredStream>| {
        it.and_then(|it| it.printed).map(|it| it.to_string()).unwrap_or_default()
    };
    let found = match it.findings.as_deref() {
        Some(Reading::Read(found)) => Some(found),
        Some(Reading::Unread { .. }) | None => None,
    };
    let codes = found.map(|it| it.findings.iter().map(|it| it.code.as_str()));
    let codes = codes.map(|it| it.collect::<Vec<_>>().join(" "));
    [
        text(report.run.id.as_str()),
        text(it.instance_id.as_str()),
        text(it.group.as_deref().unwrap_or_default()),
        text(it.zone.as_deref().unwrap_or_default()),
        text(it.lifecycle.as_deref().unwrap_or_default()),
        text(&it.platform.as_ref().map(ToString::to_string).unwrap_or_default()),
        it.wave.to_string(),
        text(it.command_id.as_deref().unwrap_or_default()),
        text(it.outcome.word()),
        text(it.status.as_deref().unwrap_or_default()),
        text(it.status_details.as_deref().unwrap_or_default()),
        number(it.response_code.map(Into::into)),
        time(it.requested),
        time(it.started),
        time(it.ended),
        took.map(|it| format!("{:.3}", it.as_secs_f64().max(0.0))).unwrap_or_default(),
        it.truncated.to_string(),
        number(it.output_group.map(Into::into)),
        text(it.hint.as_deref().unwrap_or_default()),
        text(&it.stdout),
        text(&it.stderr),
        text(&report.document.name),
        text(found.map(|it| it.verdict.as_str()).unwrap_or_default()),
        text(&codes.unwrap_or_default()),
        text(files.map(|it| it.stdout.file.as_str()).unwrap_or_default()),
        text(files.map(|it| it.stderr.file.as_str()).unwrap_or_default()),
        printed(files.map(|it| &it.stdout)),
        printed(files.map(|it| &it.stderr)),
    ]
}

/// Returns a quoted cell that no spreadsheet takes for a formula: an apostrophe stands before what
/// would begin one (OWASP, CSV injection), also where a spreadsheet passes over blanks or widths.
fn text(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let text = sanitize(text);
    let begins = text.trim_start().chars().next().or(text.chars().next());
    let is_formula = begins.is_some_and(|it| "=+-@\t\r\n＝＋－＠".contains(it))
        || text.starts_with(['\t', '\r', '\n']);
    let guard = if is_formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_a_formula_is_text() {
        let check = |it: &str, expected: &str| assert_eq!(text(it), expected);
        check("", "");
        check("up", "\"up\"");
        check("a \"b\", c\nd", "\"a \"\"b\"\", c\nd\"");
        check("=cmd()", "\"'=cmd()\"");
        check("+1", "\"'+1\"");
        check("-1+cmd|' /C calc'!A0", "\"'-1+cmd|' /C calc'!A0\"");
        check("@SUM(A1)", "\"'@SUM(A1)\"");
        check("\t=1", "\"'\t=1\"");
        check("\r=1", "\"'\n=1\"");
        check("  =1", "\"'  =1\"");
        check("\u{200b}=1", "\"'=1\"");
        check("＝1", "\"'＝1\"");
    }
}
