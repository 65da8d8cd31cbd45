//! Holds the parameters of an execution against those that the runbook declares.
//! Run Command has words of its own for the same.

use serde_json::Value;

use crate::sim::{
    api::ApiError,
    ssm::{
        content::{Content, Declared, plain},
        parameters::Given,
    },
};

/// Refuses what Automation refuses. `targeted` are parameters whose values come from the targets.
pub(super) fn check(content: &Content, given: &Given, targeted: &[&str]) -> Result<(), ApiError> {
    for name in given.keys() {
        if !content.parameters.iter().any(|it| it.name == *name) {
            // UNVERIFIED wording, as everywhere here where no capture is named.
            return Err(refused(format!("Unknown parameter: {name} in user inputs.")));
        }
    }
    for declared in &content.parameters {
        match given.get(&declared.name) {
            Some(values) => accepts(declared, values)?,
            None if declared.default.is_none() && !targeted.contains(&declared.name.as_str()) => {
                // As CloudTrail shows it.
                let message =
                    format!("Missing required parameter: {} in user inputs.", declared.name);
                return Err(refused(message));
            }
            None => {}
        }
    }
    Ok(())
}

fn accepts(declared: &Declared, values: &[String]) -> Result<(), ApiError> {
    let name = &declared.name;
    let is_list = declared.kind.ends_with("List") || declared.kind.starts_with("List<");
    if !is_list && values.len() != 1 {
        let message = format!("Parameter \"{name}\" of type {} takes one value.", declared.kind);
        return Err(refused(message));
    }
    let n_items = values.len() as u64;
    if is_list && !within(n_items, declared.items) {
        return Err(refused(format!(
            "Parameter \"{name}\" has {n_items} items, which is not allowed."
        )));
    }
    for value in values {
        let fits = match declared.kind.as_str() {
            "Integer" => value.parse::<i64>().is_ok(),
            "Boolean" => matches!(value.to_ascii_lowercase().as_str(), "true" | "false"),
            "StringMap" | "MapList" => {
                serde_json::from_str::<Value>(value).is_ok_and(|it| it.is_object() || it.is_array())
            }
            _ => true, // the others hold any text
        };
        if !fits {
            let message = format!(
                "Parameter \"{name}\" has value \"{value}\", which is no {}.",
                declared.kind
            );
            return Err(refused(message));
        }
        if !declared.allowed_values.is_empty() && !declared.allowed_values.contains(value) {
            // As an issue of CrowdStrike's distributor quotes it.
            let allowed = declared.allowed_values.join(", ");
            let message =
                format!("Parameter \"{name}\" has value \"{value}\" not found in [{allowed}].");
            return Err(refused(message));
        }
        if declared.allowed_pattern.as_ref().is_some_and(|it| !it.is_match(value)) {
            let message = format!(
                "Parameter \"{name}\" has value \"{value}\" not matching its allowedPattern."
            );
            return Err(refused(message));
        }
        if !within(value.chars().count() as u64, declared.chars) {
            let message =
                format!("Parameter \"{name}\" has a value of a length that is not allowed.");
            return Err(refused(message));
        }
    }
    Ok(())
}

fn within(n: u64, (min, max): (Option<u64>, Option<u64>)) -> bool {
    min.is_none_or(|it| it <= n) && max.is_none_or(|it| n <= it)
}

/// Returns the parameters as an execution shows them: with the defaults of those not given.
pub(super) fn with_defaults(content: &Content, given: &Given) -> Given {
    let mut res = given.clone();
    for declared in &content.parameters {
        let Some(default) = &declared.default else { continue };
        res.entry(declared.name.clone()).or_insert_with(|| match default {
            Value::Array(all) => all.iter().map(plain).collect(),
            other => vec![plain(other)],
        });
    }
    res
}

pub(super) fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidAutomationExecutionParametersException", message)
}
