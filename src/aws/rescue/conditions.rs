//! Whether instances that a rescue took out of their group can come back: they have a root volume,
//! and nothing of the rescue is under way.

use std::collections::{BTreeMap, BTreeSet};

use super::{automation, instances::root_of};
use crate::{
    aws::clients::Aws,
    plan::InstanceId,
    rescue::{Condition, Unread},
};

impl Aws {
    /// Reads how each of them is.
    pub async fn conditions(&self, ids: &BTreeSet<InstanceId>) -> BTreeMap<InstanceId, Condition> {
        if ids.is_empty() {
            return BTreeMap::new();
        }
        let unread = |it: Unread| match it.remedy.as_str() {
            "" => Condition::Broken(it.said),
            remedy => Condition::Broken(format!("{}: {remedy}", it.said)),
        };
        let (executions, roots) = tokio::join!(automation::executions(self), root_of(self, ids));
        let each = ids.iter().map(|id| {
            let condition = match (&executions, &roots) {
                (Err(it), _) | (_, Err(it)) => unread(it.clone()),
                (Ok(executions), Ok(roots)) => {
                    let mut all = executions.iter();
                    match all.find(|it| it.instance.as_deref() == Some(id.as_str())) {
                        Some(it) => Condition::Busy(format!("execution {} is under way", it.id)),
                        None => roots.get(id).cloned().unwrap_or_else(|| {
                            Condition::Broken("EC2 does not know it".to_owned())
                        }),
                    }
                }
            };
            (id.clone(), condition)
        });
        each.collect()
    }
}
