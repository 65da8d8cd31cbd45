//! The targets of one step. It is cut once, by the plan, and never recomputed during its run.

use serde::{Deserialize, Serialize};

use super::ids::InstanceId;

/// A wave starts when the one before is entirely terminal and within its budget.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    /// From 1.
    pub index: u32,
    pub instances: Vec<InstanceId>,
    /// The one zone that all of them are in, if the waves go by zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Errors allowed within it; `None` where only the run's budget counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_errors: Option<u32>,
}
