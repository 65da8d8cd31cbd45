//! How the runbooks of a world go, step by step, checked.
//! It plays nothing: `ssm` does.

use std::collections::BTreeMap;

use jiff::Timestamp;
use toml::Spanned;

use super::{
    WorldError,
    check::Source,
    documents::DocumentSpec,
    groups::{GroupSpec, beyond},
    raw,
};
use crate::sim::{
    scripts::{Script, StepEnd, StepScript},
    ssm,
};

const ENDS: [(&str, StepEnd); 5] = [
    ("Success", StepEnd::Success),
    ("Failed", StepEnd::Failed),
    ("TimedOut", StepEnd::TimedOut),
    ("InProgress", StepEnd::InProgress),
    ("Waiting", StepEnd::Waiting),
];

/// FailureDetails, FailureType (API reference).
const FAILURE_TYPES: [(&str, &str); 5] = [
    ("Action", "Action"),
    ("Permission", "Permission"),
    ("Throttling", "Throttling"),
    ("Verification", "Verification"),
    ("Internal", "Internal"),
];

/// FailureDetails, FailureStage (API reference).
const FAILURE_STAGES: [(&str, &str); 4] = [
    ("InputValidation", "InputValidation"),
    ("PreVerification", "PreVerification"),
    ("Invocation", "Invocation"),
    ("PostVerification", "PostVerification"),
];

impl Script {
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
    pub(super) fn runbooks(
        &self,
        raw: Vec<raw::Runbook>,
        groups: &[GroupSpec],
        documents: &[DocumentSpec],
    ) -> Result<Vec<Script>, WorldError> {
        // The store is what knows a document's steps; this one is thrown away.
        let mut store = ssm::Store::default();
        for it in documents {
            // Whether it is one was asked before.
            it.add_to(&mut store, Timestamp::UNIX_EPOCH).ok();
        }
        let steps_of = |name: &str| {
            let own = documents.iter().find(|it| it.short_name() == name);
            store.runbook_steps(own.map_or(name, DocumentSpec::name))
        };
        let mut res: Vec<Script> = Vec::new();
        for it in raw {
            let place = it.document.as_ref().map(Spanned::span);
            let place = place.or(it.group.as_ref().map(Spanned::span));
            let place = place.or(it.step.first().map(|it| it.name.span()));
            let script = self.runbook(it, groups, &steps_of)?;
            if let Some(index) = res.iter().position(|it| it.hides(&script)) {
                let message = format!(
                    "it never decides: runbook {} of this world comes first and takes all of it",
                    index + 1
                );
                let place = Spanned::new(place.unwrap_or(0..0), ());
                return Err(self.refuse(&place, "runbook", message));
            }
            res.push(script);
        }
        Ok(res)
    }

    fn runbook(
        &self,
        raw: raw::Runbook,
        groups: &[GroupSpec],
        steps_of: &dyn Fn(&str) -> Option<Vec<String>>,
    ) -> Result<Script, WorldError> {
        let mut size = groups.iter().map(|it| it.instances.len()).max().unwrap_or(0);
        if let Some(name) = &raw.group {
            let Some(group) = groups.iter().find(|it| it.name == *name.get_ref()) else {
                let message = format!("the world has no group {:?}", name.get_ref());
                return Err(self.refuse(name, "runbook.group", message));
            };
            size = group.instances.len();
        }
        if let Some(indices) = &raw.instances {
            if indices.get_ref().is_empty() {
                let message = "expected at least one index";
                return Err(self.refuse(indices, "runbook.instances", message));
            }
            if let Some(index) = indices.get_ref().iter().find(|it| **it >= size) {
                return Err(self.refuse(indices, "runbook.instances", beyond(*index, size)));
            }
        }
        let document = raw.document.map_or_else(|| "*".to_owned(), Spanned::into_inner);
        let known = steps_of(&document);
        let mut steps = BTreeMap::new();
        for it in raw.step {
            let name = it.name.get_ref().clone();
            if let Some(known) = known.as_ref().filter(|known| !known.contains(&name)) {
                let message =
                    format!("{document} has no step {name:?}, it has {}", known.join(", "));
                return Err(self.refuse(&it.name, "runbook.step.name", message));
            }
            if steps.contains_key(&name) {
                let message = format!("the step {name:?} is scripted twice");
                return Err(self.refuse(&it.name, "runbook.step.name", message));
            }
            steps.insert(name, self.runbook_step(it)?);
        }
        Ok(Script {
            group: raw.group.map(Spanned::into_inner),
            instances: raw.instances.map(Spanned::into_inner),
            document,
            after: raw.after.map(|it| self.duration(&it, "runbook.after")).transpose()?,
            steps,
        })
    }

    fn runbook_step(&self, raw: raw::RunbookStep) -> Result<StepScript, WorldError> {
        let end = match &raw.status {
            Some(it) => self.word(it, "runbook.step.status", &ENDS)?,
            None => StepEnd::Success,
        };
        let fails = matches!(end, StepEnd::Failed | StepEnd::TimedOut);
        for (key, it) in [
            ("runbook.step.message", &raw.message),
            ("runbook.step.failure_type", &raw.failure_type),
            ("runbook.step.failure_stage", &raw.failure_stage),
        ] {
            if let Some(it) = it.as_ref().filter(|_| !fails) {
                let message = "expected status \"Failed\" or \"TimedOut\" beside it";
                return Err(self.refuse(it, key, message));
            }
        }
        if let Some(it) = raw.outputs.as_ref().filter(|_| end != StepEnd::Success) {
            let message = "a step that does not succeed puts nothing out";
            return Err(self.refuse(it, "runbook.step.outputs", message));
        }
        if let Some(it) = &raw.after
            && matches!(end, StepEnd::InProgress | StepEnd::Waiting)
        {
            let message = "such a step ends with its own timeoutSeconds, or never";
            return Err(self.refuse(it, "runbook.step.after", message));
        }
        let outputs = raw.outputs.map(Spanned::into_inner).unwrap_or_default().into_iter();
        let outputs = outputs.map(|(name, it)| match it {
            raw::Texts::One(it) => (name, vec![it]),
            raw::Texts::Many(it) => (name, it),
        });
        let failure_type =
            raw.failure_type.map(|it| self.word(&it, "runbook.step.failure_type", &FAILURE_TYPES));
        let failure_stage = raw
            .failure_stage
            .map(|it| self.word(&it, "runbook.step.failure_stage", &FAILURE_STAGES));
        Ok(StepScript {
            after: raw.after.map(|it| self.duration(&it, "runbook.step.after")).transpose()?,
            end,
            message: raw.message.map(Spanned::into_inner),
            failure_type: failure_type.transpose()?,
            failure_stage: failure_stage.transpose()?,
            outputs: outputs.collect(),
        })
    }
}
