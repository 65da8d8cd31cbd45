//! SSM documents as text: what one declares, and what is wrong with it. It reads no file and asks
//! no service.

mod canned;
mod diff;
mod foreign;
mod lint;
mod node;
mod sidecar;

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use self::{
    canned::{CANNED, Canned},
    diff::diff,
    foreign::{RESCUE, foreign, is_runbook},
    lint::{Finding, LARGEST, Level, lint},
    node::Place,
    sidecar::{BadSidecar, sidecar},
};
use crate::plan::{AssumeRole, Declared};

/// What a document's content says of itself, as far as fleet needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    #[serde(default)]
    pub schema_version: String,
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
    #[serde(default)]
    main_steps: Vec<Step>,
    #[serde(default)]
    assume_role: Option<Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Step {
    name: String,
}

/// Values are read leniently: the service has accepted the document already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Parameter {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "default")]
    default_value: Option<Value>,
    allowed_values: Vec<Value>,
    allowed_pattern: Option<String>,
}

/// Why a text is not a document.
#[derive(Debug, thiserror::Error)]
pub enum NotADocument {
    #[error("the content is not JSON: {0}")]
    Json(#[source] serde_json::Error),
    #[error("the content is not YAML: {0}")]
    Yaml(#[source] Box<serde_saphyr::Error>),
    #[error("the content has no schemaVersion, or no steps")]
    Empty,
}

/// In which of the two a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    Yaml,
    Json,
}

impl Notation {
    /// Returns the notation of a text: JSON if it begins like it, YAML otherwise.
    pub fn of(text: &str) -> Self {
        if text.trim_start().starts_with('{') { Self::Json } else { Self::Yaml }
    }

    /// Returns what SSM calls it (CreateDocument reference, DocumentFormat).
    pub fn name(self) -> &'static str {
        match self {
            Self::Yaml => "YAML",
            Self::Json => "JSON",
        }
    }
}

/// Reads what a document's content says of itself.
pub fn parse(text: &str) -> Result<Content, NotADocument> {
    read(text)
}

/// Returns the whole content of a document as data: JSON or YAML, but a document that declares its
/// schema and at least one step.
pub fn content(text: &str) -> Result<Value, NotADocument> {
    let value: Value = read(text)?;
    let has = |key: &str| value.get(key).is_some_and(|it| !it.is_null());
    if !has("schemaVersion") || !(has("mainSteps") || has("runtimeConfig")) {
        return Err(NotADocument::Empty);
    }
    Ok(value)
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, NotADocument> {
    match Notation::of(text) {
        Notation::Json => serde_json::from_str(text).map_err(NotADocument::Json),
        Notation::Yaml => {
            serde_saphyr::from_str(text).map_err(|err| NotADocument::Yaml(Box::new(err)))
        }
    }
}

/// Returns the SHA-256 of a content, in hexadecimal: what the service calls a document's hash.
pub fn hash(content: &str) -> String {
    Sha256::digest(content).iter().map(|it| format!("{it:02x}")).collect()
}

impl Content {
    /// Returns the names of its steps, in their order.
    pub fn steps(&self) -> Vec<String> {
        self.main_steps.iter().map(|it| it.name.clone()).collect()
    }

    /// Returns what a runbook says of the role that its steps act as.
    pub fn assume_role(&self) -> AssumeRole {
        let text = self.assume_role.as_ref().and_then(Value::as_str);
        AssumeRole::of(text.unwrap_or_default(), &self.declared())
    }

    pub fn declared(&self) -> BTreeMap<String, Declared> {
        let declared = |it: &Parameter| Declared {
            kind: it.kind.clone(),
            default: it.default_value.as_ref().map(as_text),
            allowed_values: it.allowed_values.iter().map(as_text).collect(),
            allowed_pattern: it.allowed_pattern.clone(),
        };
        self.parameters.iter().map(|(name, it)| (name.clone(), declared(it))).collect()
    }
}

/// Allowed values may be numbers or booleans; what is compared with them is text.
fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "\
schemaVersion: '2.2'
parameters:
  Mode:
    type: String
    default: Report
    allowedValues: [Report, 2, true]
  Users:
    type: String
    allowedPattern: '^[a-z]+$'
mainSteps: []
";

    #[test]
    fn both_notations_declare_the_same() {
        let from_yaml = parse(YAML).unwrap();
        let json = r#"{"schemaVersion":"2.2","mainSteps":[],"parameters":{
            "Mode":{"type":"String","default":"Report","allowedValues":["Report",2,true]},
            "Users":{"type":"String","allowedPattern":"^[a-z]+$"}}}"#;
        assert_eq!(parse(json).unwrap(), from_yaml);
        let declared = from_yaml.declared();
        assert_eq!(declared["Mode"].allowed_values, ["Report", "2", "true"]);
        assert_eq!(declared["Mode"].default.as_deref(), Some("Report"));
        assert_eq!(declared["Users"].default, None);
        assert_eq!(declared["Users"].allowed_pattern.as_deref(), Some("^[a-z]+$"));
    }

    #[test]
    fn a_text_that_is_no_document_is_an_error() {
        assert!(parse("{").is_err());
        assert!(parse("parameters: [").is_err());
    }
}
