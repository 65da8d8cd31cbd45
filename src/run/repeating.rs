//! Whom a later run takes up again.

use super::{report::Report, status::Outcome};
use crate::plan::InstanceId;

/// Returns the planned instances whose outcome is among `only`, in the report's order. If `only` is
/// empty they are those that did not succeed and may be tried again ([`Outcome::RETRIED`]): who is
/// unknown may still be running and must be named, and so must who left or has nothing to gain.
pub fn unsuccessful(report: &Report, only: &[Outcome]) -> Vec<InstanceId> {
    let wanted = if only.is_empty() { &Outcome::RETRIED } else { only };
    let chosen = report.instances.iter().filter(|it| wanted.contains(&it.outcome));
    chosen.map(|it| it.instance_id.clone()).collect()
}
