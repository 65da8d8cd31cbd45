//! All checks over all facts, and whom a rescue would take.

mod deeds;

use serde::Serialize;

pub use self::deeds::deeds;
use super::{
    checks::{Check, Judge, Unknown, checks},
    facts::Site,
};
use crate::plan::{Finding, InstanceId, Verdict};

/// What a preflight came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// What holds for all instances.
    pub shared: Vec<Row>,
    pub instances: Vec<Judged>,
}

/// A finding, with the number of its check.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub number: u8,
    pub finding: Finding,
    /// It keeps a rescue from starting.
    pub stops: bool,
}

/// What was found of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub id: InstanceId,
    pub group: Option<String>,
    pub zone: Option<String>,
    pub readiness: Readiness,
    pub rows: Vec<Row>,
}

/// Whether a rescue would take an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    Ready,
    /// There is a warning, or something that need not be known, to be confirmed.
    Confirm,
    /// Something must be known first that could not be looked at.
    Unknown,
    /// A check failed.
    Refused,
}

/// Judges everything; the order of checks and instances is always the same.
pub fn preflight(site: &Site) -> Preflight {
    let checks = checks(site.wishes.members);
    let shared: Vec<Row> = checks
        .iter()
        .filter_map(|check| match check.judge {
            Judge::Once(judge) => Some(row(check, check.finding(judge(site)))),
            Judge::Each(_) => None,
        })
        .collect();
    let instances = site.instances.iter().map(|it| {
        let rows: Vec<Row> = checks
            .iter()
            .filter_map(|check| match check.judge {
                Judge::Each(judge) => Some(row(check, check.finding(judge(site, it)))),
                Judge::Once(_) => None,
            })
            .collect();
        Judged {
            id: it.target.id.clone(),
            group: it.target.group.clone(),
            zone: it.target.zone.clone(),
            readiness: Readiness::of(shared.iter().chain(&rows)),
            rows,
        }
    });
    Preflight { instances: instances.collect(), shared }
}

fn row(check: &Check, finding: Finding) -> Row {
    let stops = match finding.verdict {
        Verdict::Fail => true,
        Verdict::Unknown => check.unknown == Unknown::Stops,
        Verdict::Pass | Verdict::Warn => false,
    };
    Row { number: check.number, finding, stops }
}

impl Readiness {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        rows.map(|it| match (it.finding.verdict, it.stops) {
            (Verdict::Pass, _) => Self::Ready,
            (Verdict::Warn | Verdict::Unknown, false) => Self::Confirm,
            (Verdict::Unknown, true) => Self::Unknown,
            (Verdict::Fail, _) | (Verdict::Warn, true) => Self::Refused,
        })
        .max_by_key(|it| it.rank())
        .unwrap_or(Self::Ready)
    }

    fn rank(self) -> u8 {
        match self {
            Self::Ready => 0,
            Self::Confirm => 1,
            Self::Unknown => 2,
            Self::Refused => 3,
        }
    }

    /// Returns whether a rescue may start, once the operator agrees.
    pub fn may_start(self) -> bool {
        match self {
            Self::Ready | Self::Confirm => true,
            Self::Unknown | Self::Refused => false,
        }
    }
}

impl Preflight {
    pub fn count(&self, readiness: Readiness) -> usize {
        self.instances.iter().filter(|it| it.readiness == readiness).count()
    }
}

#[cfg(test)]
mod tests;
