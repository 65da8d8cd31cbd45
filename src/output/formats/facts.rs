//! What several formats tell of a run in the same words.

use super::super::{
    recap,
    sanitize::sanitize,
    words::{between, count, one_line, outcome},
};
use crate::run::{Group, Outcome, Report};

/// Returns what was run, by whom, on what and with what result, each with its label, in safe text.
pub(super) fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let mut res = vec![("Run", report.run.id.to_string())];
    let mut add = |label, text: Option<String>| {
        if let Some(text) = text {
            res.push((label, one_line(&text)));
        }
    };
    add("Retry of", report.run.parent_id.as_ref().map(ToString::to_string));
    add("Reason", report.run.reason.clone());
    let version = report.document.version.as_deref();
    let version = version.map(|it| format!(", version {it}")).unwrap_or_default();
    add("Document", Some(format!("{}{version}", report.document.name)));
    add("Parameters", parameters(report));
    add("Selection", Some(report.selector.to_string()));
    let account = report.account.as_deref().unwrap_or("unknown");
    let simulated = if report.run.is_simulated { ", simulated" } else { "" };
    add("Where", Some(format!("account {account}, {}{simulated}", report.region)));
    add("Operator", report.operator.caller_arn.clone());
    let took = report.run.ended.map(|it| format!(", took {}", between(report.run.started, it)));
    let started = report.run.started.strftime("%Y-%m-%d %H:%M:%S UTC");
    add("Started", Some(format!("{started}{}", took.unwrap_or_default())));
    add("Coverage", Some(recap::coverage(report)));
    add("Error budget", Some(recap::budget(report)));
    if !report.api_calls.by_operation.is_empty() {
        add("API calls", Some(recap::api_calls(report)));
    }
    res
}

fn parameters(report: &Report) -> Option<String> {
    // As JSON: that is how secrets are left out.
    let values = serde_json::to_value(&report.document.parameters).ok()?;
    let each = values.as_object()?.iter().map(|(name, values)| {
        let values = values.as_array().into_iter().flatten();
        let values: Vec<_> = values.filter_map(|it| it.as_str()).collect();
        format!("{name}={}", values.join(", "))
    });
    let each: Vec<_> = each.collect();
    (!each.is_empty()).then(|| each.join("; "))
}

/// Returns the verdict in a sentence.
pub(super) fn sentence(report: &Report) -> String {
    let sentence = report.verdict.as_ref().map(|it| one_line(&it.sentence));
    sentence.unwrap_or_else(|| "the run goes on, or its process was killed".to_owned())
}

/// Returns the totals, successes first.
pub(super) fn totals(report: &Report) -> Vec<(Outcome, u32)> {
    let mut totals: Vec<_> = report.totals.iter().map(|(it, n)| (*it, *n)).collect();
    totals.sort_by_key(|(it, _)| (*it != Outcome::Succeeded, *it));
    totals
}

/// Returns `2 failed, exit code 3`.
pub(super) fn title(group: &Group<'_>) -> String {
    // What never began has a code of the service's, which says nothing.
    let has_begun = group.members.iter().any(|it| it.started.is_some());
    let code = group.response_code.filter(|it| *it != 0 && has_begun);
    let code = code.map(|it| format!(", exit code {it}")).unwrap_or_default();
    format!("{} {}{code}", group.members.len(), outcome(group.outcome))
}

/// Returns the end of `text`, made safe, in at most so many lines and characters, and how many lines
/// went before: scripts say why they fail at the end.
pub(super) fn tail(text: &str, lines: usize, chars: usize) -> (String, usize) {
    let text = sanitize(text);
    let all: Vec<&str> = text.trim_end().lines().collect();
    let mut kept = Vec::new();
    let mut room = chars;
    for line in all.iter().rev().take(lines) {
        let n_chars = line.chars().count();
        if n_chars > room {
            if kept.is_empty() {
                // One line without an end: its end is what there is room for.
                kept.push(line.chars().skip(n_chars - room).collect::<String>());
                kept.push("…".to_owned());
            }
            break;
        }
        room -= n_chars;
        kept.push((*line).to_owned());
    }
    let n_before = all.len().saturating_sub(kept.iter().filter(|it| *it != "…").count());
    kept.reverse();
    (kept.join("\n"), n_before)
}

/// Returns `12 lines before are in the report`, or nothing.
pub(super) fn cut_note(n_before: usize) -> Option<String> {
    (n_before > 0).then(|| format!("{} before these", count(n_before, "line")))
}
