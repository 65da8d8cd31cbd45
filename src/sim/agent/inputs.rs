//! The inputs of `aws:runShellScript`, read as Go's JSON reader would.
//! It refuses a value of the wrong type in the agent's words, and guesses nothing.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

const DEFAULT_TIMEOUT: i64 = 3_600;
const TIMEOUTS: std::ops::RangeInclusive<i64> = 5..=172_800;

/// One script to run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inputs {
    /// The property's, in schema 1.x.
    pub(super) id: String,
    pub(super) commands: Vec<String>,
    pub(super) working_directory: String,
    /// In simulated seconds.
    pub(super) timeout: i64,
    pub(super) environment: BTreeMap<String, String>,
}

impl Inputs {
    /// Reads them. The error is what the agent puts into the step's error output.
    pub(super) fn parse(value: &Value) -> Result<Self, String> {
        let read = || {
            Ok(Self {
                id: text(value, "ID")?,
                commands: list(value, "RunCommand")?,
                working_directory: text(value, "WorkingDirectory")?,
                timeout: timeout(member(value, "TimeoutSeconds")),
                environment: map(value, "Environment")?,
            })
        };
        if !matches!(value, Value::Object(_) | Value::Null) {
            let kind = kind(value);
            return Err(invalid(
                value,
                &format!(
                    "json: cannot unmarshal {kind} into Go value of type runscript.RunScriptPluginInput"
                ),
            ));
        }
        read().map_err(|error: String| invalid(value, &error))
    }
}

fn invalid(value: &Value, error: &str) -> String {
    format!("Invalid format in plugin properties {};\nerror {error}", go_print(value))
}

/// Go matches the names of members whatever their case.
fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    let mut members = value.as_object().into_iter().flat_map(Map::iter).rev();
    let found = members.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map_or(&Value::Null, |(_, value)| value)
}

fn text(value: &Value, name: &str) -> Result<String, String> {
    string(member(value, name), name, "string")
}

fn list(value: &Value, name: &str) -> Result<Vec<String>, String> {
    match member(value, name) {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(|it| string(it, name, "string")).collect(),
        other => Err(mismatch(other, name, "[]string")),
    }
}

fn map(value: &Value, name: &str) -> Result<BTreeMap<String, String>, String> {
    match member(value, name) {
        Value::Null => Ok(BTreeMap::new()),
        Value::Object(members) => {
            members.iter().map(|(k, it)| Ok((k.clone(), string(it, name, "string")?))).collect()
        }
        other => Err(mismatch(other, name, "map[string]string")),
    }
}

fn string(value: &Value, name: &str, wanted: &str) -> Result<String, String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        other => Err(mismatch(other, name, wanted)),
    }
}

fn mismatch(value: &Value, name: &str, wanted: &str) -> String {
    let kind = kind(value);
    format!(
        "json: cannot unmarshal {kind} into Go struct field RunScriptPluginInput.{name} of type {wanted}"
    )
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Outside 5 seconds to 48 hours the agent takes its default, an hour.
fn timeout(value: &Value) -> i64 {
    let seconds = match value {
        Value::String(text) => text.parse().ok().or_else(|| text.parse().ok().map(whole)),
        Value::Number(number) => number.as_f64().map(whole),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    seconds.filter(|it| TIMEOUTS.contains(it)).unwrap_or(DEFAULT_TIMEOUT)
}

fn whole(seconds: f64) -> i64 {
    seconds as i64
}

/// What Go's `%v` prints.
fn go_print(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(go_print).collect::<Vec<_>>().join(" "))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(key, it)| format!("{key}:{}", go_print(it)));
            format!("map[{}]", members.collect::<Vec<_>>().join(" "))
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_timeout_out_of_range_is_the_default() {
        let cases = [
            (json!("60"), 60),
            (json!("5"), 5),
            (json!("4"), 3600),
            (json!("0"), 3600),
            (json!("172800"), 172_800),
            (json!("172801"), 3600),
            (json!("soon"), 3600),
            (json!("12.9"), 12),
            (json!(7), 7),
            (json!(7.9), 7),
            (json!(null), 3600),
        ];
        for (value, expected) in cases {
            assert_eq!(timeout(&value), expected, "{value}");
        }
    }

    #[test]
    fn names_are_read_in_any_case() {
        let inputs =
            Inputs::parse(&json!({ "runcommand": ["a", null], "TIMEOUTSECONDS": "9" })).unwrap();
        assert_eq!((inputs.commands, inputs.timeout), (vec!["a".to_owned(), String::new()], 9));
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused_in_the_words_of_go() {
        assert_eq!(
            Inputs::parse(&json!({ "runCommand": "echo", "id": "x" })).unwrap_err(),
            "Invalid format in plugin properties map[id:x runCommand:echo];\nerror json: cannot unmarshal \
             string into Go struct field RunScriptPluginInput.RunCommand of type []string",
        );
    }
}
