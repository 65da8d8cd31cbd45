//! Whether instances that a rescue took out of their group can come back: they have a root volume,
//! and nothing of the rescue is under way.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    automation,
    instances::{root_of, statuses},
};
use crate::{
    aws::clients::Aws,
    plan::InstanceId,
    rescue::{Condition, Status, Unread},
};

impl Aws {
    /// Reads how each of them is.
    pub async fn conditions(&self, ids: &BTreeSet<InstanceId>) -> BTreeMap<InstanceId, Condition> {
        if ids.is_empty() {
            return BTreeMap::new();
        }
        let unread = |it: Unread| match it.remedy.as_str() {
            // It may be read in a moment.
            "" => Condition::Busy(it.said),
            _ => Condition::Broken(format!("{}, and without it nobody is put back", it.said)),
        };
        let texts: Vec<&str> = ids.iter().map(InstanceId::as_str).collect();
        let (executions, roots, statuses) =
            tokio::join!(automation::executions(self), root_of(self, ids), statuses(self, &texts));
        // Whoever's checks cannot be read is not said to pass them.
        let statuses = statuses.unwrap_or_default();
        let each = ids.iter().map(|id| {
            let condition = match (&executions, &roots) {
                (Err(it), _) | (_, Err(it)) => unread(it.clone()),
                (Ok(executions), Ok(roots)) => {
                    let mut all = executions.iter();
                    match all.find(|it| it.instance.as_deref() == Some(id.as_str())) {
                        Some(it) => Condition::Busy(format!("execution {} is under way", it.id)),
                        None => match roots.get(id) {
                            Some(Condition::Whole) if is_sound(statuses.get(id.as_str())) => {
                                Condition::Sound
                            }
                            Some(it) => it.clone(),
                            None => Condition::Broken("EC2 does not know it".to_owned()),
                        },
                    }
                }
            };
            (id.clone(), condition)
        });
        each.collect()
    }
}

fn is_sound(status: Option<&Status>) -> bool {
    status.is_some_and(|it| it.system == "ok" && it.instance == "ok")
}
