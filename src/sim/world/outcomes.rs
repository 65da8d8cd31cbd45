//! What documents do on the instances of a world, and what their agents do wrong.

use std::time::Duration;

use toml::Spanned;

use super::{
    WorldError,
    check::Source,
    groups::{GroupSpec, beyond},
    raw,
};
use crate::sim::state::{AgentFault, Outcome};

const DEFAULT_AFTER: Duration = Duration::from_secs(1);

/// How long a boot takes.
const DEFAULT_AWAY: Duration = Duration::from_secs(30);

/// The StatusDetails that an invocation may be scripted to have. `Delayed` is late by half of
/// `after` and then goes by `exit`; `InProgress` never replies.
const STATUSES: [&str; 11] = [
    "Success",
    "Failed",
    "Cancelled",
    "ExecutionTimedOut",
    "DeliveryTimedOut",
    "Undeliverable",
    "Terminated",
    "InvalidPlatform",
    "AccessDenied",
    "Delayed",
    "InProgress",
];

impl Source<'_> {
    pub(super) fn outcomes(
        &self,
        raw: Vec<raw::Outcome>,
        groups: &[GroupSpec],
    ) -> Result<Vec<Outcome>, WorldError> {
        raw.into_iter().map(|it| self.outcome(it, groups)).collect()
    }

    fn outcome(&self, raw: raw::Outcome, groups: &[GroupSpec]) -> Result<Outcome, WorldError> {
        let mut size = groups.iter().map(|it| it.instances.len()).max().unwrap_or(0);
        if let Some(name) = &raw.group {
            let Some(group) = groups.iter().find(|it| it.name == *name.get_ref()) else {
                let message = format!("the world has no group {:?}", name.get_ref());
                return Err(self.refuse(name, "outcome.group", message));
            };
            size = group.instances.len();
        }
        if let Some(indices) = &raw.instances
            && let Some(index) = indices.get_ref().iter().find(|it| **it >= size)
        {
            return Err(self.refuse(indices, "outcome.instances", beyond(*index, size)));
        }
        let agent = self.agent_fault(&raw)?;
        if let Some(status) = &raw.status {
            self.word(status, "outcome.status", &STATUSES.map(|it| (it, it)))?;
        }
        Ok(Outcome {
            group: raw.group.map(Spanned::into_inner),
            instances: raw.instances.map(Spanned::into_inner),
            document: raw.document.unwrap_or_else(|| "*".to_owned()),
            after: self.duration_or(raw.after, "outcome.after", DEFAULT_AFTER)?,
            exit: raw.exit.unwrap_or(0),
            status: raw.status.map(Spanned::into_inner),
            stdout: raw.stdout.unwrap_or_default(),
            stderr: raw.stderr.unwrap_or_default(),
            agent,
        })
    }

    fn agent_fault(&self, raw: &raw::Outcome) -> Result<Option<AgentFault>, WorldError> {
        let Some(word) = &raw.agent else {
            return match &raw.away {
                Some(it) => Err(self.refuse(it, "outcome.away", "expected agent beside it")),
                None => Ok(None),
            };
        };
        if let Some(it) = &raw.status {
            return Err(self.refuse(it, "outcome.status", "expected status or agent, not both"));
        }
        let away = raw.away.as_ref().map(|it| self.duration(it, "outcome.away")).transpose()?;
        let words = [
            ("offline", AgentFault::Offline(away)),
            ("lost", AgentFault::Lost),
            ("late", AgentFault::Late),
            ("duplicate", AgentFault::Duplicate),
            ("reboot", AgentFault::Reboot(away.unwrap_or(DEFAULT_AWAY))),
            ("hang", AgentFault::Hang),
        ];
        let res = self.word(word, "outcome.agent", &words)?;
        let is_away = matches!(res, AgentFault::Offline(_) | AgentFault::Reboot(_));
        if let Some(it) = raw.away.as_ref().filter(|_| !is_away) {
            let message = format!("an agent that is {:?} is not away", word.get_ref());
            return Err(self.refuse(it, "outcome.away", message));
        }
        Ok(Some(res))
    }
}
