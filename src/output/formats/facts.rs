//! What several formats tell of a run in the same words.

use super::super::{
    findings, summary,
    words::{between, count, one_line},
};
use crate::run::{Outcome, Report};

/// Returns what was run, by whom, on what and with what result, each with its label, in safe text.
pub(super) fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let mut res = vec![("Run", report.run.id.to_string())];
    let mut add = |label, text: Option<String>| {
        if let Some(text) = text {
            res.push((label, one_line(&text)));
        }
    };
    add("After run", report.run.parent_id.as_ref().map(ToString::to_string));
    add("Followed by run", report.run.followed_by.as_ref().map(ToString::to_string));
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
    for it in &report.findings {
        add("Findings", Some(findings::sentence(it)));
    }
    add("Coverage", Some(summary::coverage(report)));
    add("Error budget", Some(summary::budget(report)));
    if !report.api_calls.by_operation.is_empty() {
        add("API calls", Some(summary::api_calls(report)));
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

/// Returns `12 lines before these`, or nothing.
pub(super) fn cut_note(n_before: usize) -> Option<String> {
    (n_before > 0).then(|| format!("{} before these", count(n_before, "line")))
}
