//! What a plan knows of an Automation document: which parameter takes the instance, what its steps
//! are called, and by which token the service knows one start from another.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{AssumeRole, Declared, InstanceId, Parameters, Recovery, RunId};

/// What is done to the instances, and by whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DocumentKind {
    /// Run Command: the agent of each instance runs it.
    #[default]
    Command,
    /// Automation: the service carries out its steps, an execution for each instance.
    Automation,
    /// No document at all: Auto Scaling ends each instance and launches another.
    Replacement,
}

impl DocumentKind {
    /// Returns what the service calls that which comes of a send.
    pub fn sent_word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Automation => "execution",
            Self::Replacement => "activity",
        }
    }
}

/// How an Automation document is run over instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Automation {
    /// The parameter that takes the instance.
    pub target_parameter: String,
    /// The names of its steps, in the order in which they stand; empty where the content could not
    /// be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    /// What its content says of the role that its steps act as; absent where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assume_role: Option<AssumeRole>,
    /// Of a rescue: what each instance is given, and how its outcome is proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
}

/// What the parameter that takes an instance is of, where the document says it by type (Automation
/// guide, parameter types).
const INSTANCE_TYPES: [&str; 2] = ["AWS::EC2::Instance::Id", "List<AWS::EC2::Instance::Id>"];

/// What it is called by those that do not.
const INSTANCE_NAMES: [&str; 2] = ["InstanceId", "InstanceIds"];

/// Why no parameter takes the instances.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTargetParameter {
    #[error(
        "which parameter of {document} takes the instance cannot be told: its content may not be read"
    )]
    Unreadable { document: String },
    #[error("document {document} has no parameter for an instance; it takes {}", listed(.known))]
    None { document: String, known: Vec<String> },
    #[error("which parameter of {document} takes the instance cannot be told: {} do", .found.join(" and "))]
    Several { document: String, found: Vec<String> },
    #[error("document {document} takes no parameter `{name}`; it takes {}", listed(.known))]
    Unknown { document: String, name: String, known: Vec<String> },
    #[error("parameter `{name}` takes the instance, a different one in each execution")]
    Given { name: String },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Returns the parameter of `document` that takes the instance: the one that was `named`, or the
/// only one that is declared as such.
pub fn target_parameter(
    document: &str,
    declared: Option<&BTreeMap<String, Declared>>,
    named: Option<&str>,
    given: &Parameters,
) -> Result<String, NoTargetParameter> {
    let document = || document.to_owned();
    let known = || declared.into_iter().flatten().map(|(name, _)| name.clone()).collect();
    let found = match (named, declared) {
        (Some(name), Some(declared)) if !declared.contains_key(name) => {
            let name = name.to_owned();
            return Err(NoTargetParameter::Unknown { document: document(), name, known: known() });
        }
        (Some(name), _) => name.to_owned(),
        (None, None) => return Err(NoTargetParameter::Unreadable { document: document() }),
        (None, Some(declared)) => {
            let of_type: Vec<String> = declared
                .iter()
                .filter(|(_, it)| INSTANCE_TYPES.contains(&it.kind.as_str()))
                .map(|(name, _)| name.clone())
                .collect();
            let by_name = INSTANCE_NAMES.into_iter().find(|it| declared.contains_key(*it));
            match (of_type.as_slice(), by_name) {
                ([only], _) => only.clone(),
                (_, Some(name)) => name.to_owned(),
                ([], None) => {
                    return Err(NoTargetParameter::None { document: document(), known: known() });
                }
                (_, None) => {
                    return Err(NoTargetParameter::Several {
                        document: document(),
                        found: of_type,
                    });
                }
            }
        }
    };
    if given.0.contains_key(&found) {
        return Err(NoTargetParameter::Given { name: found });
    }
    Ok(found)
}

impl Automation {
    /// Returns how far an execution is that is at this step: `step 7 of 14: detachRootVolume`.
    pub fn progress(&self, step: &str) -> String {
        match self.steps.iter().position(|it| it == step) {
            Some(at) => format!("step {} of {}: {step}", at + 1, self.steps.len()),
            None => format!("step {step}"),
        }
    }
}

/// Returns the ClientToken of a run's execution for an instance: a UUID, always the same.
///
/// A run starts a document on an instance once, so nothing else goes into it: also a process that
/// has lost what the one before had written asks under the same token, and starts nobody twice.
pub fn client_token(run_id: &RunId, instance: &InstanceId) -> String {
    let digest = Sha256::digest(format!("fleet:{run_id}:{instance}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    // Version 8, whose bits are the maker's own, and the variant of RFC 9562.
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|it| format!("{it:02x}")).collect();
    let part = |from: usize, to: usize| &hex[from..to];
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(parameters: &[(&str, &str)]) -> BTreeMap<String, Declared> {
        let one = |(name, kind): &(&str, &str)| {
            ((*name).to_owned(), Declared { kind: (*kind).to_owned(), ..Declared::default() })
        };
        parameters.iter().map(one).collect()
    }

    fn found(parameters: &[(&str, &str)], named: Option<&str>) -> Result<String, String> {
        let declared = declared(parameters);
        let res = target_parameter("Doc", Some(&declared), named, &Parameters::default());
        res.map_err(|it| it.to_string())
    }

    #[test]
    fn the_parameter_that_takes_the_instance_is_found_by_type_and_then_by_name() {
        let check = |parameters: &[(&str, &str)], named, expected: &str| {
            assert_eq!(found(parameters, named).as_deref(), Ok(expected), "{parameters:?}");
        };
        check(&[("InstanceId", "String"), ("Action", "String")], None, "InstanceId");
        check(&[("Machine", "AWS::EC2::Instance::Id"), ("Action", "String")], None, "Machine");
        check(&[("InstanceIds", "StringList")], None, "InstanceIds");
        check(&[("Source", "String"), ("InstanceId", "String")], Some("Source"), "Source");
        let both = [("A", "AWS::EC2::Instance::Id"), ("InstanceId", "AWS::EC2::Instance::Id")];
        check(&both, None, "InstanceId");
    }

    #[test]
    fn what_cannot_be_told_is_asked_for() {
        let check = |parameters: &[(&str, &str)], named, expected: &str| {
            assert_eq!(found(parameters, named), Err(expected.to_owned()));
        };
        let none = "document Doc has no parameter for an instance; it takes Action";
        check(&[("Action", "String")], None, none);
        let two = [("A", "AWS::EC2::Instance::Id"), ("B", "AWS::EC2::Instance::Id")];
        let several = "which parameter of Doc takes the instance cannot be told: A and B do";
        check(&two, None, several);
        let unknown = "document Doc takes no parameter `C`; it takes A, B";
        check(&two, Some("C"), unknown);
        let unread = target_parameter("Doc", None, None, &Parameters::default());
        assert!(matches!(unread, Err(NoTargetParameter::Unreadable { .. })));
        let named = target_parameter("Doc", None, Some("X"), &Parameters::default());
        assert_eq!(named.as_deref(), Ok("X"));
    }

    #[test]
    fn the_instance_cannot_be_given_as_a_parameter() {
        let given = [("InstanceId".to_owned(), vec!["i-01234567".to_owned()])];
        let declared = declared(&[("InstanceId", "String")]);
        let res = target_parameter("Doc", Some(&declared), None, &given.into_iter().collect());
        assert!(matches!(res, Err(NoTargetParameter::Given { .. })));
    }

    #[test]
    fn a_token_is_a_uuid_of_the_run_and_the_instance() {
        let run = RunId::new("2024-07-19T04:09:00Z".parse().unwrap(), 1);
        let other_run = RunId::new("2024-07-19T04:09:00Z".parse().unwrap(), 2);
        let one = InstanceId::parse("i-01234567").unwrap();
        let other = InstanceId::parse("i-01234568").unwrap();
        let token = client_token(&run, &one);
        let pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";
        assert!(regex::Regex::new(pattern).unwrap().is_match(&token), "{token}");
        assert_eq!(token, client_token(&run, &one));
        assert_ne!(token, client_token(&run, &other));
        assert_ne!(token, client_token(&other_run, &one));
    }

    #[test]
    fn progress_counts_the_steps_that_are_known() {
        let steps = ["stop", "detach"].map(ToOwned::to_owned).to_vec();
        let target_parameter = "InstanceId".to_owned();
        let known = Automation { target_parameter, steps, assume_role: None, recovery: None };
        assert_eq!(known.progress("detach"), "step 2 of 2: detach");
        assert_eq!(known.progress("other"), "step other");
    }
}
