//! Whom a rescue is about: those of the selected instances that do not answer.

use crate::{
    aws::{self, Aws, Resolved},
    error::Error,
    exit::Exit,
    plan::{Agent, InstanceId, Selector, Target},
    rescue::Cure,
};

/// Who was selected, and is not excluded by name.
pub(super) struct Selected {
    pub resolved: Resolved,
    /// Those that a rescue is about: whoever does not answer, or is named by an id.
    pub targets: Vec<Target>,
    pub answering: Vec<InstanceId>,
}

/// Looks for those that are selected.
///
/// # Errors
/// If they cannot be listed.
pub(super) async fn select(aws: &Aws, selector: &Selector) -> Result<Selected, Error> {
    let resolved = aws::resolve(aws, selector).await?;
    let candidates = listed(&resolved)?;
    let is_wanted = |it: &&Target| {
        // Of a group's members those are meant that do not answer.
        it.agent != Agent::Online || selector.instances.contains(&it.id)
    };
    let meant = candidates.iter().filter(|it| !selector.exclude.contains(&it.id));
    let (targets, others): (Vec<&Target>, Vec<&Target>) = meant.partition(is_wanted);
    let targets = targets.into_iter().cloned().collect();
    let answering = others.into_iter().map(|it| it.id.clone()).collect();
    Ok(Selected { resolved, targets, answering })
}

/// Returns the instances, where the caller may list them.
pub(super) fn listed(resolved: &Resolved) -> Result<&[Target], Error> {
    resolved.candidates.as_deref().ok_or_else(|| {
        let message = "the instances cannot be listed by this caller";
        Error::new(Exit::Setup, message)
            .hint("the caller's policy must allow autoscaling:DescribeAutoScalingGroups")
    })
}

impl Selected {
    /// Refuses a rescue that nobody needs.
    pub(super) fn require_somebody(&self, cure: &Cure) -> Result<(), Error> {
        if !self.targets.is_empty() {
            return Ok(());
        }
        let message = match self.answering.len() {
            0 => "nobody was selected".to_owned(),
            n => format!("nobody needs a rescue: the agents of all {n} instances answer"),
        };
        let err = Error::new(Exit::NothingEligible, message);
        Err(match &cure.online {
            Some(it) if !self.answering.is_empty() => {
                err.hint(format!("fleet run --doc {} does the same online", it.document))
            }
            Some(_) | None => err,
        })
    }
}
