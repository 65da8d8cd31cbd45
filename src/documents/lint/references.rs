//! `{{ name }}`: what is referred to and not declared, and what is declared and not referred to.

use std::sync::LazyLock;

use regex::Regex;

use super::{Document, finding::Findings, known::Kind};
use crate::documents::node::Node;

/// One `{{ … }}` in a text.
#[derive(Debug)]
pub(super) struct Reference<'a> {
    pub node: &'a Node,
    /// As it is written, braces included.
    pub written: &'a str,
    pub name: &'a str,
    /// Where it begins in its text, in bytes.
    pub at: usize,
    /// How many of the same writing stand before it in the same text.
    pub nth: usize,
}

static REFERENCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{\s*([^{}]*?)\s*\}\}").expect("the pattern is well formed"));

/// Returns the references in `text`, which `node` holds.
pub(super) fn references<'a>(node: &'a Node, text: &'a str) -> Vec<Reference<'a>> {
    let mut res: Vec<Reference<'a>> = Vec::new();
    for found in REFERENCE.captures_iter(text) {
        let (Some(whole), Some(name)) = (found.get(0), found.get(1)) else { continue };
        let nth = res.iter().filter(|it| it.written == whole.as_str()).count();
        let (written, name, at) = (whole.as_str(), name.as_str(), whole.start());
        res.push(Reference { node, written, name, at, nth });
    }
    res
}

/// Returns whether `text` is one reference and nothing else.
pub(super) fn is_whole(text: &str, reference: &Reference<'_>) -> bool {
    text.trim() == reference.written
}

pub(super) fn check(findings: &mut Findings, document: &Document<'_>) {
    let outside = document.root.entries().iter().filter(|it| it.key != "parameters");
    let texts: Vec<_> = outside.flat_map(|it| it.value.texts()).collect();
    let found = texts.iter().flat_map(|(node, text)| references(node, text));
    let found: Vec<_> = found.filter(|it| !it.name.is_empty()).collect();
    for it in &found {
        if let Some(remedy) = document.is_unknown(it.name) {
            let message = match document.kind {
                Kind::Automation => format!("{} refers to nothing in the document", it.written),
                _ => format!("{} is not declared: the agent leaves it as it is", it.written),
            };
            let place = it.node.place_of(document.source, it.written, it.nth);
            findings.error(place, "reference.undeclared", message, remedy);
        }
    }
    if document.kind == Kind::Session {
        return;
    }
    for parameter in &document.parameters {
        let name = parameter.name.as_str();
        let variable = format!("SSM_{name}");
        let is_used = found.iter().any(|it| it.name == name)
            || parameter.is_variable && texts.iter().any(|(_, it)| it.contains(&variable));
        if !is_used {
            let message = format!("parameter {name} is not used");
            let remedy = format!("use {{{{ {name} }}}}, or take the parameter out");
            findings.warning(parameter.place, "parameter.unused", message, remedy);
        }
    }
}

impl Document<'_> {
    /// Returns what to do about a name that nothing in the document has, or `None` for one that is
    /// known, or that somebody else resolves.
    fn is_unknown(&self, name: &str) -> Option<String> {
        let is_word = |it: &str| {
            !it.is_empty() && it.chars().all(|it| it.is_alphanumeric() || "_-".contains(it))
        };
        if self.parameters.iter().any(|it| it.name == name) {
            return None;
        }
        // `{{ssm:name}}` and its like are resolved elsewhere; `{{ .State }}` is another template's.
        if is_word(name) {
            let parameters = self.parameters.iter().map(|it| it.name.as_str());
            return Some(match super::known::nearest(name, parameters) {
                Some(it) => format!("write {{{{ {it} }}}}"),
                None => format!("declare the parameter {name}"),
            });
        }
        let (step, _) = name.split_once('.').filter(|_| self.kind == Kind::Automation)?;
        if !is_word(step) || self.steps.iter().any(|it| it.name.as_deref() == Some(step)) {
            return None;
        }
        Some(format!("name a step of the document; there is no {step}"))
    }
}
