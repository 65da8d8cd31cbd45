//! What documents do on the instances of a world, and what their agents do wrong.

use std::{ops::RangeInclusive, time::Duration};

use toml::Spanned;

use super::{
    WorldError,
    check::Source,
    groups::{GroupSpec, beyond},
    raw,
};
use crate::sim::state::{AgentFault, Outcome, Platform};

const DEFAULT_AFTER: Duration = Duration::from_secs(1);

/// The exit codes that there are, but on Windows, where they have 32 bits.
const EXITS: RangeInclusive<i32> = -1..=255;

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

/// Those that never get to run, or never tell.
const SILENT: [&str; 7] = [
    "Cancelled",
    "DeliveryTimedOut",
    "Undeliverable",
    "Terminated",
    "InvalidPlatform",
    "AccessDenied",
    "InProgress",
];

impl Outcome {
    /// Whether it matches everything that another one does.
    fn hides(&self, other: &Self) -> bool {
        let instances = match (&self.instances, &other.instances) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => others.iter().all(|it| own.contains(it)),
        };
        instances
            && (self.group.is_none() || self.group == other.group)
            && (self.document == "*" || self.document == other.document)
    }
}

impl Source<'_> {
    pub(super) fn outcomes(
        &self,
        raw: Vec<raw::Outcome>,
        groups: &[GroupSpec],
    ) -> Result<Vec<Outcome>, WorldError> {
        let mut res: Vec<Outcome> = Vec::new();
        for it in raw {
            // The key that stands first, for the place.
            let place = it.group.as_ref().map(Spanned::span);
            let place = place.or(it.document.as_ref().map(Spanned::span));
            let place = place.or(it.instances.as_ref().map(Spanned::span));
            let place = place.or(it.after.as_ref().map(Spanned::span));
            let outcome = self.outcome(it, groups)?;
            if let Some(index) = res.iter().position(|it| it.hides(&outcome)) {
                let message = format!(
                    "it never decides: outcome {} of this world comes first and takes all of it",
                    index + 1
                );
                return Err(self.refuse(
                    &Spanned::new(place.unwrap_or(0..0), ()),
                    "outcome",
                    message,
                ));
            }
            res.push(outcome);
        }
        Ok(res)
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
        self.check_exit(&raw, groups)?;
        self.check_status(&raw)?;
        Ok(Outcome {
            group: raw.group.map(Spanned::into_inner),
            instances: raw.instances.map(Spanned::into_inner),
            document: raw.document.map_or_else(|| "*".to_owned(), Spanned::into_inner),
            after: self.duration_or(raw.after, "outcome.after", DEFAULT_AFTER)?,
            exit: raw.exit.map_or(0, Spanned::into_inner),
            status: raw.status.map(Spanned::into_inner),
            stdout: raw.stdout.map(Spanned::into_inner).unwrap_or_default(),
            stderr: raw.stderr.map(Spanned::into_inner).unwrap_or_default(),
            agent,
        })
    }

    /// Refuses an exit code that no instance it is for can have.
    fn check_exit(&self, raw: &raw::Outcome, groups: &[GroupSpec]) -> Result<(), WorldError> {
        let Some(exit) = &raw.exit else { return Ok(()) };
        let is_meant =
            |it: &&GroupSpec| raw.group.as_ref().is_none_or(|name| *name.get_ref() == it.name);
        let has_windows = groups.iter().filter(is_meant).any(|it| {
            it.usual.platform == Platform::Windows
                || it.instances.iter().any(|it| it.platform == Platform::Windows)
        });
        // The agent says -1 of a script that a signal ended (aws-facts C7).
        if has_windows || EXITS.contains(exit.get_ref()) {
            return Ok(());
        }
        let message = format!(
            "{} is no exit code: expected 0 to 255, or -1 for what a signal ended",
            exit.get_ref()
        );
        Err(self.refuse(exit, "outcome.exit", message))
    }

    /// Refuses a `status` that is none, and whatever cannot be beside it.
    fn check_status(&self, raw: &raw::Outcome) -> Result<(), WorldError> {
        if let Some(it) = raw.instances.as_ref().filter(|it| it.get_ref().is_empty()) {
            return Err(self.refuse(it, "outcome.instances", "expected at least one index"));
        }
        let Some(status) = &raw.status else { return Ok(()) };
        let word = self.word(status, "outcome.status", &STATUSES.map(|it| (it, it)))?;
        if let Some(exit) = &raw.exit {
            let code = *exit.get_ref();
            // 168 is success, 194 and 3010 ask for a boot (aws-facts §A.3).
            let fits = match word {
                "Success" => matches!(code, 0 | 168 | 194 | 3010),
                "Failed" => !matches!(code, 0 | 168 | 194 | 3010),
                "ExecutionTimedOut" => matches!(code, 137 | -1),
                "Delayed" => true, // it goes by its exit code when it is there at last
                _ => false,
            };
            if !fits {
                let message = format!("{code} contradicts the status {word:?}");
                return Err(self.refuse(exit, "outcome.exit", message));
            }
        }
        if SILENT.contains(&word) {
            for (key, said) in [("outcome.stdout", &raw.stdout), ("outcome.stderr", &raw.stderr)] {
                if let Some(it) = said {
                    let message = format!("what ends as {word:?} has no output");
                    return Err(self.refuse(it, key, message));
                }
            }
        }
        match &raw.after {
            Some(it) if word == "InProgress" => {
                Err(self.refuse(it, "outcome.after", "what is \"InProgress\" never ends"))
            }
            Some(_) | None => Ok(()),
        }
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
