//! How runbooks of Automation go, as the world orders it: how long a step takes, how it ends, what
//! it puts out. It plays nothing: `ssm::automation` does.

use std::{collections::BTreeMap, time::Duration};

use super::state::Instance;

/// One `[[runbook]]` of the world.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// `None`: every group, and executions that are about no instance.
    pub group: Option<String>,
    /// Indices within the group; `None`: all.
    pub instances: Option<Vec<usize>>,
    /// A document's name, `*` allowed as a wildcard.
    pub document: String,
    /// How long a step takes that has no duration of its own; `None`: what it takes unscripted.
    pub after: Option<Duration>,
    /// By the name of the step.
    pub steps: BTreeMap<String, StepScript>,
}

/// One `[[runbook.step]]`.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepScript {
    pub after: Option<Duration>,
    pub end: StepEnd,
    /// What AWS's sentence about the failure has in its middle.
    pub message: Option<String>,
    pub failure_type: Option<&'static str>,
    pub failure_stage: Option<&'static str>,
    pub outputs: BTreeMap<String, Vec<String>>,
}

/// What becomes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum StepEnd {
    #[default]
    Success,
    Failed,
    TimedOut,
    /// It runs until the step's own time-out, if it has one.
    InProgress,
    /// As `InProgress`, with the status Waiting.
    Waiting,
}

impl Script {
    /// Whether it is for executions of `document` that are about `instance`.
    pub(crate) fn is_for(&self, document: &str, instance: Option<&Instance>) -> bool {
        is_like(&self.document, document)
            && self.group.as_ref().is_none_or(|it| instance.is_some_and(|at| at.group == *it))
            && self
                .instances
                .as_ref()
                .is_none_or(|it| instance.is_some_and(|at| it.contains(&at.index)))
    }
}

/// Whether `text` matches a pattern in which `*` stands for anything.
pub(crate) fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|it| text.strip_prefix(it)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}
