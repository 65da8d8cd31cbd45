//! The checks before a rescue, in the order in which they are numbered and shown.
//!
//! A check is one value: its number and name, the actions that it needs, what an unknown means, and
//! a function from facts to a finding. Everything before the runbook stops the instance fails
//! without touching it; these checks find most of that sooner, and for all instances at once.

mod authority;
mod group;
mod health;
mod network;
mod order;
mod stopping;
mod storage;

use std::collections::BTreeSet;

use super::{
    facts::{Instance, Seen, Site, Unread},
    wishes::Members,
};
use crate::plan::{Finding, Verdict};

pub(super) const CHECKS: [&Check; 24] = [
    &health::PLATFORM,
    &health::DEAD,
    &storage::MARKETPLACE,
    &storage::ROOT_DEVICE,
    &storage::INSTANCE_STORE,
    &storage::ENCRYPTION,
    &storage::BY_DEFAULT,
    &storage::BITLOCKER,
    &group::GROUP,
    &stopping::STOP,
    &stopping::ADDRESSES,
    &stopping::CAPACITY,
    &network::SUBNET,
    &network::PATH,
    &network::SECURITY_GROUP,
    &network::NEW_VPC,
    &authority::ROLE,
    &authority::PERMISSIONS,
    &order::RUNBOOK,
    &order::SCRIPT,
    &order::CONCURRENCY,
    &storage::BACKUP,
    &order::LEFTOVERS,
    &group::BLAST_RADIUS,
];

/// The checks where groups replace their members, under the same numbers: no runbook is at work.
pub(super) const REPLACING: [&Check; 5] =
    [&health::PLATFORM, &health::DEAD, &group::REPLACEMENT, &storage::LOSS, &group::BLAST_RADIUS];

/// Returns the checks for what is to become of the instances.
pub(super) fn checks(members: Members) -> &'static [&'static Check] {
    match members {
        Members::Standby => &CHECKS,
        Members::Replaced => &REPLACING,
    }
}

/// One thing that is looked at.
pub(super) struct Check {
    pub(super) number: u8,
    pub(super) name: &'static str,
    /// The actions of IAM that it needs to see anything.
    pub(super) reads: &'static [&'static str],
    pub(super) unknown: Unknown,
    pub(super) judge: Judge,
}

/// What it means that something could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// A rescue without it could cost the instance or its data.
    Stops,
    /// The operator is asked.
    Asks,
}

pub(super) enum Judge {
    /// Of all instances at once.
    Once(fn(&Site) -> Seen<Judgement>),
    Each(fn(&Site, &Instance) -> Seen<Judgement>),
}

/// What a check makes of what is known.
pub(super) struct Judgement {
    verdict: Verdict,
    said: String,
    remedy: Option<String>,
}

impl Check {
    pub(super) fn finding(&self, judged: Seen<Judgement>) -> Finding {
        let it = judged.unwrap_or_else(|Unread { said, remedy }| Judgement {
            verdict: Verdict::Unknown,
            said,
            remedy: Some(remedy).filter(|it| !it.is_empty()),
        });
        let Judgement { verdict, said, remedy } = it;
        Finding { check: self.name, verdict, said, remedy }
    }
}

/// Returns the actions that all checks need, each once: what a role's session is for here.
pub fn actions() -> Vec<&'static str> {
    let all = CHECKS.iter().chain(&REPLACING);
    let actions: BTreeSet<&str> = all.flat_map(|it| it.reads).copied().collect();
    actions.into_iter().collect()
}

fn pass(said: impl Into<String>) -> Seen<Judgement> {
    Ok(Judgement { verdict: Verdict::Pass, said: said.into(), remedy: None })
}

fn warn(said: impl Into<String>, remedy: impl Into<String>) -> Seen<Judgement> {
    Ok(Judgement { verdict: Verdict::Warn, said: said.into(), remedy: Some(remedy.into()) })
}

fn fail(said: impl Into<String>, remedy: impl Into<String>) -> Seen<Judgement> {
    Ok(Judgement { verdict: Verdict::Fail, said: said.into(), remedy: Some(remedy.into()) })
}

fn unknown(said: impl Into<String>, remedy: impl Into<String>) -> Seen<Judgement> {
    Err(Unread { said: said.into(), remedy: remedy.into() })
}

/// Returns what was read, or why it was not.
fn known<T>(seen: &Seen<T>) -> Seen<&T> {
    seen.as_ref().map_err(Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_check_needs_changes_anything() {
        for action in actions() {
            let verb = action.split(':').nth(1).unwrap_or_default();
            let is_read =
                ["Describe", "Get", "List", "Simulate"].iter().any(|it| verb.starts_with(it));
            assert!(is_read, "{action}");
        }
    }

    #[test]
    fn the_checks_are_numbered_in_their_order_and_each_has_a_name_of_its_own() {
        let numbers: Vec<usize> = CHECKS.iter().map(|it| usize::from(it.number)).collect();
        assert_eq!(numbers, (1..=CHECKS.len()).collect::<Vec<_>>());
        let names: BTreeSet<&str> = CHECKS.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), CHECKS.len());
    }
}
