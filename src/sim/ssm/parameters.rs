//! Holds the parameters of a SendCommand against those that the document declares, and resolves
//! `{{ name }}` where the service itself needs a value. The agent substitutes for the scripts.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::content::{Content, Declared, plain};
use crate::sim::api::ApiError;

/// Parameters as SendCommand carries them: every value is a list.
pub(super) type Given = BTreeMap<String, Vec<String>>;

/// Refuses what AWS refuses: unknown, missing, or not allowed by the declaration.
pub(super) fn check(document: &str, content: &Content, given: &Given) -> Result<(), ApiError> {
    if content.parameters.is_empty() && !given.is_empty() {
        return Err(refused(format!("document {document} does not support parameters.")));
    }
    let known = |name: &String| content.parameters.iter().any(|it| it.name == *name);
    if !given.keys().all(known) {
        return Err(refused("Parameters provided in document are invalid or not supported."));
    }
    for declared in &content.parameters {
        match given.get(&declared.name) {
            Some(values) => declared.accepts(values).map_err(refused)?,
            // UNVERIFIED wording, here and below: aws-facts §1.5 has captures of two texts only.
            None if declared.default.is_none() => {
                return Err(refused(format!("Parameter {} is required.", declared.name)));
            }
            None => {}
        }
    }
    Ok(())
}

impl Declared {
    fn accepts(&self, values: &[String]) -> Result<(), String> {
        let name = &self.name;
        let list = matches!(self.kind.as_str(), "StringList" | "MapList");
        if !list && values.len() != 1 {
            return Err(format!("Parameter {name} of type {} takes one value.", self.kind));
        }
        let n_items = values.len() as u64;
        if list && !within(n_items, self.items) {
            return Err(format!("Parameter {name} has a number of items that is not allowed."));
        }
        for value in values {
            let fits = match self.kind.as_str() {
                "Integer" => value.parse::<i64>().is_ok(),
                "Boolean" => matches!(value.as_str(), "true" | "false"),
                "StringMap" | "MapList" => serde_json::from_str::<Value>(value)
                    .is_ok_and(|it| it.is_object() || it.is_array()),
                _ => true, // String, StringList and the AWS:: types hold any text
            };
            if !fits {
                return Err(format!("Parameter {name} has a value that is no {}.", self.kind));
            }
            if !self.allowed_values.is_empty() && !self.allowed_values.contains(value) {
                let allowed = self.allowed_values.join(", ");
                return Err(format!("Parameter {name} has a value that is not in [{allowed}]."));
            }
            if self.allowed_pattern.as_ref().is_some_and(|it| !it.is_match(value)) {
                return Err(format!("Parameter {name} does not match its allowedPattern."));
            }
            if !within(value.chars().count() as u64, self.chars) {
                return Err(format!("Parameter {name} has a length that is not allowed."));
            }
        }
        Ok(())
    }
}

fn within(n: u64, (min, max): (Option<u64>, Option<u64>)) -> bool {
    min.is_none_or(|it| it <= n) && max.is_none_or(|it| n <= it)
}

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameters", message)
}

/// What "execution timeout" adds to ExpiresAfter: the document's `executionTimeout` parameter;
/// a "hard-coded default" of an hour without one (user guide, monitor-commands).
pub(super) fn execution_timeout(content: &Content, given: &Given) -> Duration {
    let declared = content.parameters.iter().find(|it| it.name == "executionTimeout");
    match declared.and_then(|it| value_of(it, given)) {
        Some(value) => plugin_timeout(&value),
        None => plugin_timeout(""),
    }
}

/// How long all steps together may take before the agent has killed the last of them.
pub(super) fn steps_timeout(content: &Content, given: &Given) -> Duration {
    let timeout = |value: &Value| plugin_timeout(&resolved(&plain(value), content, given));
    content
        .steps
        .iter()
        .map(|step| step.timeout.as_ref().map_or_else(|| plugin_timeout(""), timeout))
        .sum()
}

/// The agent's rule: unparsable or outside 5..=172800 is silently 3600 (pluginutil.go:36).
fn plugin_timeout(text: &str) -> Duration {
    let seconds = text.trim().parse().ok().filter(|it| (5..=172_800).contains(it));
    Duration::from_secs(seconds.unwrap_or(3600))
}

fn resolved(text: &str, content: &Content, given: &Given) -> String {
    let mut res = text.to_owned();
    for declared in &content.parameters {
        let Some(value) = value_of(declared, given) else { continue };
        let name = &declared.name;
        res = res.replace(&format!("{{{{ {name} }}}}"), &value);
        res = res.replace(&format!("{{{{{name}}}}}"), &value);
    }
    res
}

fn value_of(declared: &Declared, given: &Given) -> Option<String> {
    let sent = given.get(&declared.name).and_then(|it| it.first()).cloned();
    sent.or_else(|| declared.default.as_ref().map(plain))
}
