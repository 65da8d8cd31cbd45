//! What a plan knows of instances that their groups replace: no document runs, the group ends each and
//! launches another in its place.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InstanceId, Note};

/// The operation that stands in the place of the document.
pub const TERMINATION: &str = "TerminateInstanceInAutoScalingGroup";

/// What becomes of a request to cancel one.
pub const IRREVOCABLE: &str = "Auto Scaling takes no termination back";

/// The groups that replace their members.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replacement {
    /// Who was in each when the plan was made: whoever comes later is new.
    pub groups: BTreeMap<String, BTreeSet<InstanceId>>,
}

impl Replacement {
    /// Returns what the reader of a plan should know before instances are ended for good.
    pub fn notes(&self) -> [Note; 2] {
        [
            Note::new(
                "replacement.loss",
                "volumes with DeleteOnTermination end with the instances, root volumes as a rule: \
                 what is only there is lost, and `fleet restore` brings none of it back",
            ),
            Note::new(
                "replacement.image",
                "their groups launch others from their launch templates; whether what those name \
                 boots is seen only when the first one is there",
            ),
        ]
    }
}
