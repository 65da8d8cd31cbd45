//! What a document declares of its parameters.

use regex::Regex;

use super::{
    finding::Findings,
    known::{self, Kind, nearest},
    pattern::Pattern,
    shape::keys,
};
use crate::documents::node::{Node, Place};

/// One declared parameter.
#[derive(Debug)]
pub(super) struct Parameter {
    pub name: String,
    pub place: Place,
    pub kind: String,
    pub allowed_pattern: Option<String>,
    pub has_allowed_values: bool,
    /// It reaches the script as an environment variable, not as text.
    pub is_variable: bool,
}

impl Parameter {
    /// Returns whether the type alone leaves no room for a shell's characters.
    pub(super) fn is_scalar(&self) -> bool {
        matches!(self.kind.as_str(), "Integer" | "Boolean")
    }
}

pub(super) fn parameters(findings: &mut Findings, root: &Node, kind: Kind) -> Vec<Parameter> {
    let Some(declared) = root.get("parameters") else { return Vec::new() };
    declared
        .entries()
        .iter()
        .map(|it| {
            let parameter = Parameter::read(&it.key, it.place, &it.value);
            parameter.check(findings, &it.value, kind);
            parameter
        })
        .collect()
}

impl Parameter {
    fn read(name: &str, place: Place, node: &Node) -> Self {
        let text = |key| node.get(key).and_then(Node::text);
        Self {
            name: name.to_owned(),
            place,
            kind: text("type").unwrap_or_default(),
            allowed_pattern: text("allowedPattern"),
            has_allowed_values: node.get("allowedValues").is_some_and(|it| !it.items().is_empty()),
            is_variable: text("interpolationType").as_deref() == Some("ENV_VAR"),
        }
    }

    fn check(&self, findings: &mut Findings, node: &Node, kind: Kind) {
        let name = &self.name;
        let what = format!("parameter {name}");
        keys(findings, node, &what, "parameter.unknown-key", &known::PARAMETER);
        self.check_type(findings, node);
        // The agent drops any other name with a line in its own log, and `{{ my_name }}` stays
        // (amazon-ssm-agent, parameters.go). Automation has no such rule.
        let is_plain = !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric());
        if !is_plain && kind != Kind::Automation {
            let message = format!("the agent cannot interpolate {name}: it stays as it is written");
            let remedy = "name it with letters and digits alone";
            findings.error(self.place, "parameter.name", message, remedy);
        }
        if node.get("default").is_some_and(|it| it.text().is_some() || !it.items().is_empty()) {
            self.check_default(findings, node);
        }
        let Some(pattern) = &self.allowed_pattern else {
            let is_free = !self.has_allowed_values && !self.is_scalar();
            // Automation hands its values to APIs, which check them; those that reach a script are
            // found there.
            if is_free && kind != Kind::Automation {
                let message = format!("{what} takes any value");
                let remedy = "add an allowedPattern, anchored with ^ and $, or allowedValues";
                findings.advice(self.place, "parameter.unconstrained", message, remedy);
            }
            return;
        };
        let is_anchored = Pattern::parse(pattern).is_none_or(|it| it.is_anchored());
        if !is_anchored && kind != Kind::Automation {
            let place = node.get("allowedPattern").map_or(self.place, |it| it.place);
            let message = format!(
                "the allowedPattern of {name} is not anchored: the service matches the whole \
                 value, the agent any part of it"
            );
            let code = "parameter.pattern-unanchored";
            findings.advice(place, code, message, "begin it with ^ and end it with $");
        }
    }

    fn check_type(&self, findings: &mut Findings, node: &Node) {
        let place = node.get("type").map_or(self.place, |it| it.place);
        let name = &self.name;
        if self.kind.is_empty() {
            let message = format!("parameter {name} has no type");
            findings.error(place, "parameter.type", message, "add `type: String`");
        } else if !known::TYPES.contains(&self.kind.as_str()) && !self.kind.contains("AWS::") {
            let message = format!("parameter {name} has the unknown type {}", self.kind);
            let remedy = match nearest(&self.kind, known::TYPES) {
                Some(it) => format!("write {it}"),
                None => format!("the types are {}", known::TYPES.join(", ")),
            };
            findings.error(place, "parameter.type", message, remedy);
        }
    }

    fn check_default(&self, findings: &mut Findings, node: &Node) {
        let Some(default) = node.get("default") else { return };
        let values = match default.text() {
            Some(it) => vec![it],
            None => default.items().iter().filter_map(Node::text).collect(),
        };
        let allowed = node.get("allowedValues").map_or(&[][..], Node::items);
        let allowed: Vec<String> = allowed.iter().filter_map(Node::text).collect();
        // Java's syntax and Rust's differ in what is rarely used; what cannot be read is passed over.
        let pattern = self.allowed_pattern.as_ref();
        let pattern = pattern.and_then(|it| Regex::new(&format!(r"\A(?:{it})\z")).ok());
        for value in values {
            let is_refused = if !allowed.is_empty() && !allowed.contains(&value) {
                Some("allowedValues")
            } else if pattern.as_ref().is_some_and(|it| !it.is_match(&value)) {
                Some("allowedPattern")
            } else {
                None
            };
            if let Some(by) = is_refused {
                let message = format!("the default of {} does not fit its {by}", self.name);
                let remedy = format!("change the default or the {by}");
                findings.error(default.place, "parameter.default", message, remedy);
            }
        }
    }
}
