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

/// Returns the line that shows what a group has ended and launched.
pub fn activities_of(group: &str, region: &str) -> String {
    let group = shell_words::quote(group);
    format!(
        "aws autoscaling describe-scaling-activities --region {region} --auto-scaling-group-name {group}"
    )
}

/// Returns where it is seen what a group has done about a replacement, and that it goes on by itself: a
/// group that does not reach its capacity launches again and again (Auto Scaling guide, suspended
/// processes: for over 24 hours, before AWS may suspend Launch).
pub fn awaited_by(group: &str, region: &str) -> String {
    let look = activities_of(group, region);
    format!("the group goes on trying to launch another by itself, and `{look}` tells of each try")
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
