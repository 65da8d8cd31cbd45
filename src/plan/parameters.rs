//! What a document takes and what it is given, checked before anything is sent.
//! The service checks again; this check exists so that its refusal is not the first word on it.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize, Serializer};

/// What stands in the place of a value that must not be written down.
pub const REDACTED: &str = "‹redacted›";

/// A document's parameter as the document declares it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// SSM's type: String, StringList, Boolean, Integer, MapList, StringMap.
    #[serde(rename = "type")]
    pub kind: String,
    pub has_default: bool,
    pub allowed_values: Vec<String>,
    /// A regular expression of Java's kind; the service matches it against the whole value.
    pub allowed_pattern: Option<String>,
}

/// The parameters of a run. Serialises with the values of secret-looking names withheld.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Parameters(pub BTreeMap<String, Vec<String>>);

impl Parameters {
    /// Returns the parameters with the values of secret-looking names withheld.
    pub fn redacted(&self) -> BTreeMap<&str, Vec<&str>> {
        self.0
            .iter()
            .map(|(name, values)| {
                let secret = looks_secret(name);
                let values =
                    values.iter().map(|it| if secret { REDACTED } else { it.as_str() }).collect();
                (name.as_str(), values)
            })
            .collect()
    }

    /// Returns the names whose values are not here, because they were read from where they had been
    /// withheld.
    pub fn missing_secrets(&self) -> Vec<&str> {
        let missing = self.0.iter().filter(|(_, values)| values.iter().any(|it| it == REDACTED));
        missing.map(|(name, _)| name.as_str()).collect()
    }

    /// Returns whether values were withheld when it was written down: a document cannot be sent
    /// with these.
    pub fn is_redacted(&self) -> bool {
        !self.missing_secrets().is_empty()
    }

    /// Returns the names whose values are withheld.
    pub fn secret_names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).filter(|it| looks_secret(it)).collect()
    }
}

impl Serialize for Parameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.redacted().serialize(serializer)
    }
}

fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let marks = ["password", "passwd", "secret", "token", "credential", "apikey", "privatekey"];
    marks.iter().any(|it| name.contains(it))
}

/// Why a parameter was refused. Every variant names the parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadParameter {
    #[error("document {document} takes no parameter `{name}`; it takes {}", listed(.known))]
    Unknown { document: String, name: String, known: Vec<String> },
    #[error("document {document} needs parameter `{name}` ({kind}): pass --param {name}=VALUE")]
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
        check_values(document, name, parameter, values)?;
    }
    let missing =
        declared.iter().find(|(name, it)| !it.has_default && !given.0.contains_key(*name));
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
) -> Result<(), BadParameter> {
    let is_list = parameter.kind.ends_with("List");
    if !is_list && values.len() != 1 {
        return Err(BadParameter::NotAList { name: name.to_owned(), given: values.len() });
    }
    // A secret's value stays out of the error too.
    let shown = |it: &str| if looks_secret(name) { REDACTED } else { it }.to_owned();
    for value in values {
        let wanted = match parameter.kind.as_str() {
            "Boolean" if !matches!(value.to_ascii_lowercase().as_str(), "true" | "false") => {
                Some("true or false")
            }
            "Integer" if value.parse::<i64>().is_err() => Some("a whole number"),
            _ => None,
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

/// Returns whether `value` surely violates `pattern`. A pattern that only Java understands
/// (look-around, back references) is left to the service.
fn violates(pattern: &str, value: &str) -> bool {
    Regex::new(&format!(r"\A(?:{pattern})\z")).is_ok_and(|it| !it.is_match(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> BTreeMap<String, Declared> {
        let one = |kind: &str, has_default| Declared {
            kind: kind.to_owned(),
            has_default,
            ..Declared::default()
        };
        let mode = Declared {
            allowed_values: vec!["Report".to_owned(), "Delete".to_owned()],
            ..one("String", true)
        };
        let timeout =
            Declared { allowed_pattern: Some("[1-9][0-9]{0,4}".to_owned()), ..one("String", true) };
        [
            ("commands", one("StringList", false)),
            ("mode", mode),
            ("timeout", timeout),
            ("dryRun", one("Boolean", true)),
        ]
        .into_iter()
        .map(|(name, it)| (name.to_owned(), it))
        .collect()
    }

    fn refusal(given: &[(&str, &[&str])]) -> Option<String> {
        let given = given.iter().map(|(name, values)| {
            ((*name).to_owned(), values.iter().map(|it| (*it).to_owned()).collect())
        });
        let given = Parameters(given.collect());
        check("Doc", &declared(), &given).err().map(|it| it.to_string())
    }

    #[test]
    fn a_good_set_passes() {
        assert_eq!(refusal(&[("commands", &["a", "b"]), ("mode", &["Delete"])]), None);
    }

    #[test]
    fn each_refusal_names_the_parameter() {
        let check = |given: &[(&str, &[&str])], expected: &str| {
            assert_eq!(refusal(given).as_deref(), Some(expected));
        };
        check(
            &[("command", &["ls"])],
            "document Doc takes no parameter `command`; it takes commands, dryRun, mode, timeout",
        );
        check(
            &[("mode", &["Delete"])],
            "document Doc needs parameter `commands` (StringList): pass --param commands=VALUE",
        );
        check(
            &[("commands", &["ls"]), ("mode", &["Burn"])],
            "parameter `mode` is `Burn`; document Doc allows Report, Delete",
        );
        check(
            &[("commands", &["ls"]), ("mode", &["Report", "Delete"])],
            "parameter `mode` takes one value and was given 2",
        );
        check(
            &[("commands", &["ls"]), ("timeout", &["10x"])],
            "parameter `timeout` is `10x`, which does not match its pattern [1-9][0-9]{0,4}",
        );
        check(
            &[("commands", &["ls"]), ("dryRun", &["maybe"])],
            "parameter `dryRun` is `maybe`, which is not true or false",
        );
    }

    #[test]
    fn a_pattern_that_only_java_knows_is_left_to_the_service() {
        assert!(!violates("(?!root).*", "root"));
        assert!(violates("a|b", "ab"));
    }

    #[test]
    fn secret_looking_values_are_never_serialised() {
        let given = [("dbPassword", "hunter2"), ("mode", "Report")];
        let given = given.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
        let json = serde_json::to_string(&Parameters(given.into())).unwrap();
        assert_eq!(json, r#"{"dbPassword":["‹redacted›"],"mode":["Report"]}"#);
    }
}
