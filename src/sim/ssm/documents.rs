//! The documents of the account, those that AWS owns, and those that other accounts share.
//! It finds and keeps them; the operations on them are in `document_api` and `document_changes`.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    document::{Document, Owner, Version},
    document_api::kind_word,
};
use crate::sim::{
    api::{ApiError, Facts},
    state::{Platform, Simulator},
};

/// Every document, by its short name; one that another account shares by its ARN, because only
/// the ARN leads to it (user guide, sharing documents).
#[derive(Debug)]
pub(super) struct Documents(pub BTreeMap<String, Document>);

impl Default for Documents {
    fn default() -> Self {
        let mut res = Self(BTreeMap::new());
        for (name, text) in [
            ("AWS-RunShellScript", include_str!("builtin/AWS-RunShellScript.json")),
            ("AWS-RunPowerShellScript", include_str!("builtin/AWS-RunPowerShellScript.json")),
            (
                "AWSSupport-StartEC2RescueWorkflow",
                include_str!("builtin/AWSSupport-StartEC2RescueWorkflow.json"),
            ),
            ("AWSSupport-TroubleshootSSH", include_str!("builtin/AWSSupport-TroubleshootSSH.json")),
        ] {
            res.add(name, text, Owner::Amazon, Timestamp::UNIX_EPOCH)
                .expect("the built-in documents are valid");
        }
        res
    }
}

impl Documents {
    /// Stores version 1 of a new document.
    pub(super) fn add(
        &mut self,
        name: &str,
        text: &str,
        owner: Owner,
        created: Timestamp,
    ) -> Result<(), String> {
        let version = Version::new(1, text, created).map_err(|it| it.to_string())?;
        self.insert(name.to_owned(), Document::new(name, owner, version))
    }

    /// Stores a document that another account shares, under its ARN.
    pub(super) fn add_shared(
        &mut self,
        arn: &str,
        text: &str,
        created: Timestamp,
    ) -> Result<(), String> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, "ssm", _, account, resource] = parts.as_slice() else {
            return Err(format!("{arn} is not the ARN of a document"));
        };
        let name = resource.strip_prefix("document/").unwrap_or(resource);
        let version = Version::new(1, text, created).map_err(|it| it.to_string())?;
        let owner = Owner::Other((*account).to_owned());
        self.insert(arn.to_owned(), Document::new(name, owner, version))
    }

    fn insert(&mut self, key: String, document: Document) -> Result<(), String> {
        if self.0.contains_key(&key) {
            return Err(format!("document {key} exists already"));
        }
        self.0.insert(key, document);
        Ok(())
    }

    /// Finds by short name or by the ARN of one's own or an AWS-owned document.
    pub(super) fn find(&self, sim: &Simulator, name: &str) -> Result<&Document, ApiError> {
        let own = format!("arn:aws:ssm:{}:{}:document/", sim.region, sim.account);
        let amazon = format!("arn:aws:ssm:{}::document/", sim.region);
        let found = if let Some(short) = name.strip_prefix(&own) {
            self.0.get(short).filter(|it| it.owner == Owner::Account)
        } else if let Some(short) = name.strip_prefix(&amazon) {
            self.0.get(short).filter(|it| it.owner == Owner::Amazon)
        } else {
            self.0.get(name)
        };
        found.ok_or_else(|| missing(name))
    }

    /// Returns what conditions see of a document: its tags; nothing if it does not exist.
    pub(super) fn facts(&self, sim: &Simulator, name: &str) -> Facts {
        Facts::of_tags(self.find(sim, name).map(|it| it.tags.clone()).unwrap_or_default())
    }

    /// As `facts`, for an action that has the key `ssm:DocumentType` as well.
    pub(super) fn typed_facts(&self, sim: &Simulator, name: &str) -> Facts {
        let kind = self.find(sim, name).ok().map(|it| kind_word(it.default().content.kind));
        Facts { document_type: kind.map(str::to_owned), ..self.facts(sim, name) }
    }

    /// Returns the ARN to authorise against, also for a document that does not exist.
    pub(super) fn arn(&self, sim: &Simulator, name: &str) -> String {
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        // AWS-owned documents have an empty account field (aws-facts §8.1).
        let amazon = self.0.get(name).map_or_else(
            || ["AWS-", "AWSSupport-", "Amazon"].iter().any(|it| name.starts_with(it)),
            |it| it.owner == Owner::Amazon,
        );
        let account = if amazon { "" } else { &sim.account };
        format!("arn:aws:ssm:{}:{account}:document/{name}", sim.region)
    }
}

// UNVERIFIED wording: clients often see an empty message (aws-facts §1.5).
pub(super) fn missing(name: &str) -> ApiError {
    ApiError::new("InvalidDocument", format!("Document with name {name} does not exist."))
}

/// SSM's word for a platform.
pub(super) fn platform_word(platform: Platform) -> &'static str {
    match platform {
        Platform::Linux => "Linux",
        Platform::Windows => "Windows",
        Platform::MacOs => "MacOS",
    }
}
