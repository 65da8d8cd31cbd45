//! What a rescue knows of its instances before it touches them: what it gives the runbook for each,
//! and what has to be as it was before anything is a success.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::InstanceId;

/// How the outcome of an offline recovery is proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recovery {
    /// What the line begins with by which the script says how it ended; absent if it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentinel: Option<String>,
    /// The words after it that are a success.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub good: Vec<String>,
    /// Whether the instance has to answer afterwards: a script that only looks brings nobody back.
    #[serde(default = "yes")]
    pub answers: bool,
    /// What tells afterwards whether anything is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<Online>,
    pub instances: BTreeMap<InstanceId, Before>,
}

fn yes() -> bool {
    true
}

/// A document of type Command that changes nothing and tells how an instance is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Online {
    pub document: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    pub parameters: BTreeMap<String, Vec<String>>,
    /// The exit codes with which it says that the instance is as it should be.
    pub good: Vec<i32>,
    /// Those with which it says that it is not; any other says that this is not known.
    pub bad: Vec<i32>,
}

impl Default for Recovery {
    fn default() -> Self {
        Self {
            sentinel: None,
            good: Vec::new(),
            answers: true,
            online: None,
            instances: BTreeMap::new(),
        }
    }
}

/// An instance as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Before {
    /// EC2's word, such as `running`.
    pub state: String,
    pub root_device: String,
    pub volume: String,
    /// Whether the volume goes with the instance.
    pub delete_on_termination: bool,
    /// What the runbook is given for this instance besides the document's parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Vec<String>>,
}
