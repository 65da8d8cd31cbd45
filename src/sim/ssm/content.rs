//! What a document's content says: its schema, parameters, steps and platforms.
//! It reads; it neither stores documents nor runs them.

use std::rc::Rc;

use regex::Regex;
use serde_json::{Map, Value};

use super::{
    automation::Runbook,
    steps::{Step, main_steps, plugins},
};
use crate::sim::state::Platform;

/// A document's content, understood.
#[derive(Debug)]
pub(super) struct Content {
    pub value: Value,
    pub format: Format,
    pub schema: String,
    pub kind: Kind,
    pub description: String,
    pub parameters: Vec<Declared>,
    /// Those that Run Command reports.
    pub steps: Vec<Step>,
    /// What Automation plays.
    pub runbook: Option<Rc<Runbook>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
}

/// The document type, which the schema version decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Command,
    Automation,
    Session,
}

/// One declared parameter.
#[derive(Debug)]
pub(super) struct Declared {
    pub name: String,
    /// String, StringList, Integer, Boolean, MapList or StringMap.
    pub kind: String,
    pub description: String,
    pub default: Option<Value>,
    pub allowed_values: Vec<String>,
    /// Compiled to match the whole value.
    pub allowed_pattern: Option<Regex>,
    pub chars: (Option<u64>, Option<u64>),
    pub items: (Option<u64>, Option<u64>),
}

/// Why a text is not a document's content, in one sentence.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("schemaVersion {0} is not supported")]
    Schema(String),
    #[error("{0}")]
    Content(String),
}

impl From<String> for Unreadable {
    fn from(why: String) -> Self {
        Self::Content(why)
    }
}

impl Content {
    /// Reads JSON or YAML.
    pub(super) fn parse(text: &str) -> Result<Self, Unreadable> {
        let (value, format) = read(text)?;
        Self::of(value, format)
    }

    fn of(value: Value, format: Format) -> Result<Self, Unreadable> {
        let refuse = |why: &str| Err(Unreadable::Content(why.to_owned()));
        let Value::Object(object) = &value else {
            return refuse("the content is no map");
        };
        let (schema, kind) = kind_of(object)?;
        let steps = match (kind, schema.as_str()) {
            (Kind::Command, "1.2") => plugins(object)?,
            (Kind::Command, _) => main_steps(object)?,
            (Kind::Automation | Kind::Session, _) => Vec::new(),
        };
        let runbook = match kind {
            Kind::Automation => Some(Rc::new(Runbook::read(object)?)),
            Kind::Command | Kind::Session => None,
        };
        let mut parameters = Vec::new();
        match object.get("parameters") {
            None | Some(Value::Null) => {}
            Some(Value::Object(all)) => {
                for (name, it) in all {
                    parameters.push(Declared::read(name, it)?);
                }
            }
            Some(_) => return refuse("parameters is no map"),
        }
        let description = text(object, "description").unwrap_or_default();
        Ok(Self { format, schema, kind, description, parameters, steps, runbook, value })
    }

    /// Returns the platforms the document can run on, derived from its steps as AWS does.
    pub(super) fn platforms(&self) -> Vec<Platform> {
        let all = [Platform::Windows, Platform::Linux, Platform::MacOs];
        if self.steps.is_empty() {
            return all.to_vec();
        }
        all.into_iter().filter(|it| self.steps.iter().any(|step| step.applies_to(*it))).collect()
    }

    /// Returns the content as JSON or YAML text, converted.
    pub(super) fn converted(&self, to: Format) -> String {
        match to {
            Format::Json => serde_json::to_string_pretty(&self.value).unwrap_or_default(),
            Format::Yaml => serde_saphyr::to_string(&self.value).unwrap_or_default(),
        }
    }
}

/// Returns what a text is, as JSON or YAML.
fn read(text: &str) -> Result<(Value, Format), Unreadable> {
    match serde_json::from_str(text) {
        Ok(it) => Ok((it, Format::Json)),
        Err(err) if text.trim_start().starts_with('{') => {
            Err(Unreadable::Content(format!("the JSON is invalid: {err}")))
        }
        Err(_) => {
            let value = serde_saphyr::from_str(text)
                .map_err(|err| format!("the YAML is invalid: {err}"))?;
            Ok((value, Format::Yaml))
        }
    }
}

/// Returns the schema version and the type that follows from it.
fn kind_of(object: &Map<String, Value>) -> Result<(String, Kind), Unreadable> {
    let schema = match object.get("schemaVersion") {
        Some(Value::String(it)) => it.clone(),
        Some(Value::Number(it)) => it.to_string(),
        // Neither text nor number.
        _ => return Err(Unreadable::Content("schemaVersion is missing".to_owned())),
    };
    let kind = match schema.as_str() {
        "1.0" if object.contains_key("sessionType") => Kind::Session,
        "1.2" | "2.0" | "2.0.1" | "2.0.2" | "2.0.3" | "2.2" => Kind::Command,
        "0.3" => Kind::Automation,
        other => return Err(Unreadable::Schema(other.to_owned())),
    };
    Ok((schema, kind))
}

/// Returns a document's schema version and its type, whatever else is wrong with it.
pub(super) fn schema_of(text: &str) -> Option<(String, Kind)> {
    kind_of(read(text).ok()?.0.as_object()?).ok()
}

impl Declared {
    fn read(name: &str, value: &Value) -> Result<Self, String> {
        let Value::Object(object) = value else {
            return Err(format!("parameter {name} is no map"));
        };
        let kind = text(object, "type").ok_or(format!("parameter {name} has no type"))?;
        let known = ["String", "StringList", "Integer", "Boolean", "MapList", "StringMap"];
        // AWS-owned Automation documents also use types such as AWS::EC2::Instance::Id.
        if !known.contains(&kind.as_str()) && !kind.contains("AWS::") {
            return Err(format!("parameter {name} has the unknown type {kind}"));
        }
        let allowed_pattern = text(object, "allowedPattern")
            .map(|it| {
                Regex::new(&format!(r"\A(?:{it})\z")).map_err(|_| {
                    format!("parameter {name} has an allowedPattern this simulator cannot evaluate")
                })
            })
            .transpose()?;
        let allowed = object.get("allowedValues").and_then(Value::as_array);
        let number = |key| object.get(key).and_then(Value::as_u64);
        Ok(Self {
            name: name.to_owned(),
            description: text(object, "description").unwrap_or_default(),
            default: object.get("default").filter(|it| !it.is_null()).cloned(),
            allowed_values: allowed.map(|it| it.iter().map(plain).collect()).unwrap_or_default(),
            allowed_pattern,
            chars: (number("minChars"), number("maxChars")),
            items: (number("minItems"), number("maxItems")),
            kind,
        })
    }
}

/// A scalar as text; anything else as JSON.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(it) => it.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    object.get(key).filter(|it| it.is_string() || it.is_number()).map(plain)
}
