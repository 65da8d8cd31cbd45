//! What a document takes and what it is given, checked before anything is sent.
//! The service checks again; this check exists so that its refusal is not the first word on it.

use std::{borrow::Cow, collections::BTreeMap};

use regex::Regex;
use serde::{Deserialize, Serialize, Serializer};

use super::{
    acting::may_be_role,
    redaction::{
        REDACTED, Redaction, is_reference, is_secret_name, is_secret_shape, looks_generated,
    },
};

/// A document's parameter as the document declares it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// SSM's type: String, StringList, Boolean, Integer, MapList, StringMap; of runbooks also
    /// `AWS::…`, which is what a text stands for, and `List<AWS::…>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is where it is not given; a list as JSON.
    pub default: Option<String>,
    pub allowed_values: Vec<String>,
    /// A regular expression of Java's kind; the service matches it against the whole value.
    pub allowed_pattern: Option<String>,
}

/// The parameters of a run. Whoever writes them down, in whatever way, writes them without their
/// secrets: the values of secret-looking names, and what the redaction knows.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "BTreeMap<String, Vec<String>>")]
pub struct Parameters(pub BTreeMap<String, Vec<String>>, Redaction);

/// Why a value is taken for a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// Its parameter's name says so: it is withheld.
    Name,
    /// Its shape says so: it is withheld.
    Shape,
    /// It looks generated; it may be a checksum, so it is shown.
    Randomness,
}

impl From<BTreeMap<String, Vec<String>>> for Parameters {
    fn from(values: BTreeMap<String, Vec<String>>) -> Self {
        Self(values, Redaction::default())
    }
}

impl FromIterator<(String, Vec<String>)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, Vec<String>)>>(values: I) -> Self {
        Self(values.into_iter().collect(), Redaction::default())
    }
}

/// What is withheld makes no difference to what is sent.
impl PartialEq for Parameters {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Parameters {}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Parameters").field(&self.redacted()).finish()
    }
}

impl Parameters {
    /// Withholds what `redaction` knows, besides the values of secret-looking names.
    pub fn withholding(self, redaction: Redaction) -> Self {
        Self(self.0, redaction)
    }

    /// Returns the parameters without their secrets.
    pub fn redacted(&self) -> BTreeMap<&str, Vec<Cow<'_, str>>> {
        self.0
            .iter()
            .map(|(name, values)| {
                let values = values.iter().map(|it| self.shown(name, it));
                (name.as_str(), values.collect())
            })
            .collect()
    }

    fn shown<'a>(&self, name: &str, value: &'a str) -> Cow<'a, str> {
        if is_secret(name, value) {
            return Cow::Borrowed(REDACTED);
        }
        match nested_secrets(value) {
            none if none.is_empty() => self.1.apply(value),
            // As JSON the members are escaped, and not as they will turn up elsewhere.
            found => {
                let hide = |res: String, it: &String| {
                    let escaped = serde_json::to_string(it).unwrap_or_default();
                    res.replace(escaped.trim_matches('"'), REDACTED)
                };
                let hidden = found.iter().fold(value.to_owned(), hide);
                Cow::Owned(self.1.apply(&hidden).into_owned())
            }
        }
    }

    /// Holds what is given for a role against what names one.
    pub(super) fn check_role(&self, name: &str) -> Result<(), BadParameter> {
        let wrong = self.0.get(name).into_iter().flatten().find(|it| !may_be_role(it));
        wrong.map_or(Ok(()), |it| {
            let (name, value) = (name.to_owned(), self.shown(name, it).into_owned());
            Err(BadParameter::WrongType { name, value, wanted: ROLE_ARN })
        })
    }

    /// Returns the names whose values are not here, because they were read from where they had been
    /// withheld.
    pub fn missing_secrets(&self) -> Vec<&str> {
        let is_missing = |values: &[String]| values.iter().any(|it| it.contains(REDACTED));
        let missing = self.0.iter().filter(|(_, values)| is_missing(values));
        missing.map(|(name, _)| name.as_str()).collect()
    }

    /// Returns whether values were withheld when it was written down: a document cannot be sent
    /// with these.
    pub fn is_redacted(&self) -> bool {
        !self.missing_secrets().is_empty()
    }

    /// Returns the names whose values are taken for secrets, and why.
    pub fn suspicions(&self) -> Vec<(&str, Suspicion)> {
        let suspect = |(name, values): (&'_ String, &'_ Vec<String>)| {
            let has = |is: &dyn Fn(&str) -> bool| values.iter().any(|it| is(it));
            if has(&|it| is_secret(name, it) || !nested_secrets(it).is_empty()) {
                Some(Suspicion::Name)
            } else if has(&is_secret_shape) {
                Some(Suspicion::Shape)
            } else {
                has(&looks_generated).then_some(Suspicion::Randomness)
            }
        };
        let found = self.0.iter().map(|(name, values)| (name.as_str(), suspect((name, values))));
        found.filter_map(|(name, why)| Some((name, why?))).collect()
    }

    /// Returns the secrets themselves that a name gives away, so that they are known by heart.
    pub fn secrets(&self) -> Vec<String> {
        let mut res = Vec::new();
        for (name, value) in
            self.0.iter().flat_map(|(name, all)| all.iter().map(move |it| (name, it)))
        {
            if is_secret(name, value) {
                res.push(value.clone());
            }
            res.extend(secret_members(name, value));
        }
        res
    }
}

impl Serialize for Parameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.redacted().serialize(serializer)
    }
}

/// Returns the secrets in a value that is a JSON object, as a StringMap is: of members whose name
/// says so.
fn nested_secrets(value: &str) -> Vec<String> {
    secret_members("", value)
}

/// Returns the secrets in a value that is a JSON object: all members where `name` says that it is
/// one, and the same for each object in it.
fn secret_members(name: &str, value: &str) -> Vec<String> {
    fn collect(name: &str, value: &serde_json::Value, res: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(members) => members.iter().for_each(|(own, it)| {
                collect(if is_secret_name(name) { name } else { own }, it, res);
            }),
            serde_json::Value::Array(items) => items.iter().for_each(|it| collect(name, it, res)),
            serde_json::Value::String(text) if !text.is_empty() && is_secret(name, text) => {
                res.push(text.clone());
            }
            _ => {}
        }
    }
    let mut res = Vec::new();
    if value.trim_start().starts_with('{')
        && let Ok(found) = serde_json::from_str(value)
    {
        collect(name, &found, &mut res);
    }
    res
}

/// A value that only says where the secret is can be shown.
fn is_secret(name: &str, value: &str) -> bool {
    is_secret_name(name) && !is_reference(value)
}

/// Why a parameter was refused. Every variant names the parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadParameter {
    #[error("document {document} takes no parameter `{name}`; it takes {}", listed(.known))]
    Unknown { document: String, name: String, known: Vec<String> },
    #[error("document {document} needs parameter `{name}` ({kind})")]
    Missing { document: String, name: String, kind: String },
    #[error("parameter `{name}` takes one value and was given {given}")]
    NotAList { name: String, given: usize },
    #[error("parameter `{name}` is `{value}`; document {document} allows {}", .allowed.join(", "))]
    NotAllowed { document: String, name: String, value: String, allowed: Vec<String> },
    #[error("parameter `{name}` is `{value}`, which does not match its pattern {pattern}")]
    PatternViolated { name: String, value: String, pattern: String },
    #[error("parameter `{name}` is `{value}`, which is not {wanted}")]
    WrongType { name: String, value: String, wanted: &'static str },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

const ROLE_ARN: &str =
    "the ARN of a role: arn:aws:iam::123456789012:role/NAME, with the twelve digits of its account";

/// Checks `given` against what `document` declares; the first thing wrong is returned.
pub fn check(
    document: &str,
    declared: &BTreeMap<String, Declared>,
    given: &Parameters,
) -> Result<(), BadParameter> {
    for (name, values) in &given.0 {
        let Some(parameter) = declared.get(name) else {
            return Err(BadParameter::Unknown {
                document: document.to_owned(),
                name: name.clone(),
                known: declared.keys().cloned().collect(),
            });
        };
        check_values(document, name, parameter, values, given)?;
    }
    let missing =
        declared.iter().find(|(name, it)| it.default.is_none() && !given.0.contains_key(*name));
    match missing {
        Some((name, parameter)) => Err(BadParameter::Missing {
            document: document.to_owned(),
            name: name.clone(),
            kind: parameter.kind.clone(),
        }),
        None => Ok(()),
    }
}

fn check_values(
    document: &str,
    name: &str,
    parameter: &Declared,
    values: &[String],
    given: &Parameters,
) -> Result<(), BadParameter> {
    let is_list = parameter.kind.ends_with("List") || parameter.kind.starts_with("List<");
    if !is_list && values.len() != 1 {
        return Err(BadParameter::NotAList { name: name.to_owned(), given: values.len() });
    }
    // A secret's value stays out of the error too.
    let shown = |it: &str| given.shown(name, it).into_owned();
    for value in values {
        let wanted = match parameter.kind.as_str() {
            "Boolean" if !matches!(value.to_ascii_lowercase().as_str(), "true" | "false") => {
                Some("true or false")
            }
            "Integer" if value.parse::<i64>().is_err() => Some("a whole number"),
            "AWS::IAM::Role::Arn" | "List<AWS::IAM::Role::Arn>" if !may_be_role(value) => {
                Some(ROLE_ARN)
            }
            // What Parameter Store has in its place is known to the service alone.
            "StringMap" if !is_reference(value) && !is_map(value) => Some("a JSON object"),
            "MapList" if !is_reference(value) && !is_map(value) && !is_maps(value) => {
                Some("a JSON object")
            }
            _ => None, // String, StringList and the other `AWS::…` types hold any text
        };
        if let Some(wanted) = wanted {
            let (name, value) = (name.to_owned(), shown(value));
            return Err(BadParameter::WrongType { name, value, wanted });
        }
        if !parameter.allowed_values.is_empty() && !parameter.allowed_values.contains(value) {
            return Err(BadParameter::NotAllowed {
                document: document.to_owned(),
                name: name.to_owned(),
                value: shown(value),
                allowed: parameter.allowed_values.clone(),
            });
        }
        if let Some(pattern) = &parameter.allowed_pattern
            && violates(pattern, value)
        {
            return Err(BadParameter::PatternViolated {
                name: name.to_owned(),
                value: shown(value),
                pattern: pattern.clone(),
            });
        }
    }
    Ok(())
}

fn is_map(value: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(value).is_ok_and(|it| it.is_object())
}

/// Returns whether `value` is a whole list of maps.
fn is_maps(value: &str) -> bool {
    let list: Result<Vec<serde_json::Value>, _> = serde_json::from_str(value);
    list.is_ok_and(|it| it.iter().all(serde_json::Value::is_object))
}

/// Returns whether `value` surely violates `pattern`. A pattern that only Java understands
/// (look-around, back references) is left to the service.
fn violates(pattern: &str, value: &str) -> bool {
    Regex::new(&format!(r"\A(?:{pattern})\z")).is_ok_and(|it| !it.is_match(value))
}

#[cfg(test)]
mod tests;
