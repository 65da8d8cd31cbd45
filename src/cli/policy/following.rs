//! What `fleet policy` grants besides for a run that follows the first one.

use crate::{
    documents,
    plan::{
        DocumentKind, Documents, Grant, Level, Manner, Needs, Note, Outputs, Selector, Sequel,
        Statement, grant,
    },
};

/// What is run afterwards, over instances that were selected already.
pub(super) struct Following {
    pub document: String,
    /// The account has it already.
    pub is_published: bool,
    kind: DocumentKind,
    role: Option<String>,
    needs: Needs,
}

impl Following {
    /// Returns what follows if nothing but its name is known.
    pub(super) fn named(name: &str, outputs: &Outputs) -> Self {
        let is_runbook = documents::is_runbook(name);
        let kind = if is_runbook { DocumentKind::Automation } else { DocumentKind::Command };
        let manner = Manner { kind, reads_content: is_runbook, ..Manner::default() };
        Self {
            document: name.to_owned(),
            is_published: false,
            kind,
            role: None,
            needs: Needs::by_ids(manner, outputs),
        }
    }

    pub(super) fn planned(sequel: &Sequel) -> Self {
        Self::with(sequel, Needs::of_sequel(sequel))
    }

    /// The same where the plan was written down, and is held against the world.
    pub(super) fn written(sequel: &Sequel) -> Self {
        Self::with(sequel, Needs::of_written_sequel(sequel))
    }

    fn with(sequel: &Sequel, needs: Needs) -> Self {
        let Sequel { document, .. } = sequel;
        let is_unpublished = |it: &Note| it.code == "document.unpublished";
        Self {
            document: document.name.clone(),
            is_published: !sequel.notes.iter().any(is_unpublished),
            kind: document.kind(),
            role: document.passed_role(),
            needs,
        }
    }

    pub(super) fn granted(&self, whom: &Selector, level: Level) -> Vec<Statement> {
        let Self { document, kind, role, needs, .. } = self;
        let names = [document.as_str()];
        let documents = Documents { names: &names, kind: *kind, role: role.as_deref() };
        grant(Grant { whom, documents, needs, level })
    }
}
