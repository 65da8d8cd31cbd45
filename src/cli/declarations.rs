//! What a document declares beyond what SSM has a place for, and what of it holds for a run: how
//! its findings are read, how it is rolled out, with which parameters it changes nothing.

use std::{collections::BTreeMap, path::Path};

use super::args::{DocumentArgs, LimitArgs};
use crate::{
    documents::{self, Canned},
    error::Error,
    exit::Exit,
    plan::{Declared, Note, Parameters, Sidecar},
};

/// The declarations that hold for a run of `name`.
#[derive(Debug)]
pub(super) struct Declarations {
    name: String,
    pub sidecar: Option<Sidecar>,
    /// Fleet's own document of this name, if there is one.
    canned: Option<&'static Canned>,
}

impl Declarations {
    /// Returns those that were named, those of an earlier plan, or those of fleet's own document.
    pub(super) fn of(document: &DocumentArgs, name: &str) -> Result<Self, Error> {
        // A shared document is named by its ARN: `arn:…:document/NAME`.
        let canned = Canned::find(name.rsplit('/').next().unwrap_or(name));
        let sidecar = match (&document.sidecar, &document.before, canned) {
            (Some(path), ..) => Some(read(path)?),
            (None, Some(before), _) => Some(before.clone()),
            (None, None, Some(canned)) => Some(canned.sidecar().map_err(|err| {
                let message = format!("the sidecar of {} cannot be read", canned.name);
                Error::new(Exit::Bug, message).because(&err)
            })?),
            (None, None, None) => documents::foreign(name).transpose().map_err(|err| {
                let message = format!("the sidecar of {name} cannot be read");
                Error::new(Exit::Bug, message).because(&err)
            })?,
        };
        Ok(Self { name: name.to_owned(), sidecar, canned })
    }

    /// Returns the limits that were given, with the declared ones where none were, and where these
    /// came from.
    pub(super) fn limits(&self, given: LimitArgs) -> (LimitArgs, Option<Note>) {
        let Some(rollout) = self.sidecar.as_ref().map(|it| &it.rollout) else {
            return (given, None);
        };
        let mut res = given;
        let mut taken = Vec::new();
        let steps = rollout.steps();
        if res.waves.is_none() && !steps.is_empty() {
            let text: Vec<_> = steps.iter().map(ToString::to_string).collect();
            taken.push(format!("--waves {}", text.join(",")));
            res.waves = Some(steps.into());
        }
        if let (None, Some(max_errors)) = (res.max_errors, rollout.max_errors) {
            taken.push(format!("--max-errors {max_errors}"));
            res.max_errors = Some(max_errors);
        }
        let (name, taken_text) = (&self.name, taken.join(" and "));
        let text = format!("{name} declares {taken_text}, as no flag says otherwise");
        (res, (!taken.is_empty()).then(|| Note::new("document.rollout", text)))
    }

    /// Returns whether these parameters make it a dry run, if it declares any that do. `declared`
    /// is what the account's copy takes, where that could be read.
    pub(super) fn dry_run(
        &self,
        given: &Parameters,
        declared: Option<&BTreeMap<String, Declared>>,
    ) -> Option<bool> {
        let dry = &self.sidecar.as_ref()?.rollout.dry_run;
        let ours = || Some(documents::parse(self.canned?.content).ok()?.declared());
        let declared = declared.cloned().or_else(ours).unwrap_or_default();
        let is_dry = |(name, value): (&String, &String)| match given.0.get(name) {
            Some(given) => given.len() == 1 && given[0] == *value,
            None => declared.get(name).and_then(|it| it.default.as_ref()) == Some(value),
        };
        (!dry.is_empty()).then(|| dry.iter().all(is_dry))
    }

    /// Returns what the reader of the plan should know before the document is sent.
    pub(super) fn notes(&self, hash: Option<&str>, dry_run: Option<bool>) -> Vec<Note> {
        let name = &self.name;
        let mut notes = Vec::new();
        if let (Some(canned), Some(hash)) = (self.canned, hash)
            && canned.hash() != hash
        {
            let text = format!(
                "the account's {name} is not the one that this fleet has: what is said of it here \
                 is said of fleet's; `fleet docs verify {}` shows the difference",
                canned.name
            );
            notes.push(Note::new("document.differs", text));
        }
        let Some(sidecar) = &self.sidecar else { return notes };
        notes.extend(sidecar.caveats.iter().map(|it| Note::new("document.caveat", it)));
        if dry_run == Some(true) {
            let parameters = sidecar.rollout.dry_run.iter();
            let parameters: Vec<_> = parameters.map(|(key, it)| format!("{key} = {it}")).collect();
            let text = format!(
                "a dry run on the instances: with {} {name} tells what it would change, and \
                 changes nothing. What it finds counts as an error: --max-errors 100% goes on all \
                 the same",
                parameters.join(" and ")
            );
            notes.push(Note::new("document.dry_run", text));
        } else if sidecar.changes {
            let text = format!("{name} may change the instances that it is sent to");
            notes.push(Note::new("document.changes", text));
        }
        notes
    }
}

fn read(path: &Path) -> Result<Sidecar, Error> {
    let refused =
        || Error::new(Exit::Usage, format!("the sidecar {} cannot be read", path.display()));
    let text = std::fs::read_to_string(path).map_err(|err| refused().because(&err))?;
    documents::sidecar(&text).map_err(|err| {
        refused()
            .because(&err)
            .hint("`documents/README.md` of fleet's repository describes the file")
    })
}
