//! On which platforms a step runs, and what a document of several steps does when one fails.

use super::{Document, finding::Findings, known::Kind};
use crate::documents::node::Node;

pub(super) fn check(findings: &mut Findings, document: &Document<'_>) {
    if document.kind != Kind::Steps {
        return;
    }
    for step in &document.steps {
        if let Some(it) = step.precondition {
            form(findings, document, it);
        }
    }
    missing(findings, document);
    let steps = &document.steps;
    let modifiers = ["onFailure", "onSuccess", "finallyStep"];
    let is_decided = |it: &Node| modifiers.iter().any(|key| it.get(key).is_some());
    let is_undecided = steps.iter().all(|it| !it.inputs.is_some_and(is_decided));
    let platforms = steps.iter().filter(|it| it.precondition.is_none()).count();
    if steps.len() > 1 && is_undecided && platforms > 1 {
        let message = "a step that fails does not stop those after it";
        let remedy = "put `onFailure: exit` into the inputs of a step that the others need";
        findings.advice(steps[0].place, "steps.continue", message, remedy);
    }
}

/// Only `StringEquals` with two arguments is known (aws-facts A.6).
fn form(findings: &mut Findings, document: &Document<'_>, precondition: &Node) {
    if document.version != "2.2" {
        let message = format!("schema {} has no preconditions: the step fails", document.version);
        findings.error(precondition.place, "precondition.schema", message, "use schemaVersion 2.2");
    }
    for entry in precondition.entries() {
        let is_known = entry.key == "StringEquals" && entry.value.items().len() == 2;
        if !is_known {
            let message = format!("the agent does not know this precondition: {}", entry.key);
            let remedy = "write `StringEquals: [platformType, Linux]`";
            findings.error(entry.place, "precondition.form", message, remedy);
        }
    }
}

/// A plugin that a platform lacks is skipped there, and the document is a success that did nothing.
fn missing(findings: &mut Findings, document: &Document<'_>) {
    let platform = |plugin: &str| match plugin {
        "aws:runShellScript" => Some("Linux"),
        "aws:runPowerShellScript" | "aws:psModule" | "aws:applications" => Some("Windows"),
        _ => None,
    };
    let platforms: Vec<_> = document.steps.iter().filter_map(|it| platform(&it.plugin)).collect();
    let is_mixed = platforms.windows(2).any(|it| it[0] != it[1]);
    for step in document.steps.iter().filter(|it| it.precondition.is_none()) {
        let Some(platform) = platform(&step.plugin) else { continue };
        if document.version != "2.2" {
            continue;
        }
        let plugin = &step.plugin;
        let remedy = format!("add `precondition: {{StringEquals: [platformType, {platform}]}}`");
        let code = "precondition.missing";
        if is_mixed {
            let message = format!("{plugin} also runs, or is skipped, on the other platform");
            findings.warning(step.place, code, message, remedy);
        } else {
            let message = format!("where there is no {plugin} the step is skipped as a success");
            findings.advice(step.place, code, message, remedy);
        }
    }
}
