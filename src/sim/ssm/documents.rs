//! The documents of the account and those that AWS owns, with their versions.
//! It finds and keeps them; the operations on them are in `document_api` and `document_changes`.

use std::{collections::BTreeMap, rc::Rc};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::content::Content;
use crate::sim::{
    api::ApiError,
    state::{Platform, Simulator},
};

/// Every document, by its short name.
#[derive(Debug)]
pub(super) struct Documents(pub BTreeMap<String, Document>);

#[derive(Debug)]
pub(super) struct Document {
    pub name: String,
    pub owner: Owner,
    pub target_type: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// Never empty; numbers ascend but may have gaps.
    pub versions: Vec<Version>,
    pub default_version: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Amazon,
    Account,
}

#[derive(Debug)]
pub(super) struct Version {
    pub number: u32,
    pub version_name: Option<String>,
    /// Exactly as stored; the hash is of these bytes.
    pub text: String,
    pub content: Rc<Content>,
    pub hash: String,
    pub created: Timestamp,
    /// When it stops being Creating or Updating.
    pub active: Timestamp,
}

/// A document, content and parameters together may have 64 KB.
pub(super) const SIZE_LIMIT: usize = 64 * 1024;

impl Default for Documents {
    fn default() -> Self {
        let mut res = Self(BTreeMap::new());
        for (name, text) in [
            ("AWS-RunShellScript", include_str!("builtin/AWS-RunShellScript.json")),
            ("AWS-RunPowerShellScript", include_str!("builtin/AWS-RunPowerShellScript.json")),
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
        if self.0.contains_key(name) {
            return Err(format!("document {name} exists already"));
        }
        let version = Version::new(1, text, created)?;
        let document = Document {
            name: name.to_owned(),
            owner,
            target_type: None,
            tags: BTreeMap::new(),
            versions: vec![version],
            default_version: 1,
        };
        self.0.insert(name.to_owned(), document);
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

    /// Returns the tags that conditions see; none for a document that does not exist.
    pub(super) fn tags(&self, sim: &Simulator, name: &str) -> BTreeMap<String, String> {
        self.find(sim, name).map(|it| it.tags.clone()).unwrap_or_default()
    }

    /// Returns the ARN to authorise against, also for a document that does not exist.
    pub(super) fn arn(&self, sim: &Simulator, name: &str) -> String {
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        // AWS-owned documents have an empty account field (aws-facts §8.1).
        let amazon = self.0.get(name).map_or_else(
            || name.starts_with("AWS-") || name.starts_with("Amazon"),
            |it| it.owner == Owner::Amazon,
        );
        let account = if amazon { "" } else { &sim.account };
        format!("arn:aws:ssm:{}:{account}:document/{name}", sim.region)
    }
}

impl Document {
    /// Returns the version that `$DEFAULT`, `$LATEST` or a number names; `None` is `$DEFAULT`.
    pub(super) fn version(&self, wanted: Option<&str>) -> Result<&Version, ApiError> {
        let found = match wanted {
            None | Some("$DEFAULT") => {
                self.versions.iter().find(|it| it.number == self.default_version)
            }
            Some("$LATEST") => self.versions.last(),
            Some(number) => self.versions.iter().find(|it| it.number.to_string() == number),
        };
        found.ok_or_else(no_such_version)
    }

    /// Also honours a version name, which must agree with the version if both are given.
    pub(super) fn named_version(
        &self,
        wanted: Option<&str>,
        version_name: Option<&str>,
    ) -> Result<&Version, ApiError> {
        let Some(version_name) = version_name else { return self.version(wanted) };
        let named = |it: &&Version| it.version_name.as_deref() == Some(version_name);
        let found = self.versions.iter().find(named).ok_or_else(no_such_version)?;
        match wanted {
            Some(_) if self.version(wanted)?.number != found.number => Err(no_such_version()),
            Some(_) | None => Ok(found),
        }
    }

    pub(super) fn latest(&self) -> &Version {
        self.versions.last().expect("a document has a version")
    }

    pub(super) fn default(&self) -> &Version {
        self.version(None).unwrap_or_else(|_| self.latest())
    }

    pub(super) fn owner(&self, sim: &Simulator) -> String {
        match self.owner {
            Owner::Amazon => "Amazon".to_owned(),
            Owner::Account => sim.account.clone(),
        }
    }
}

impl Version {
    /// The document's Status; only an Active one may be sent.
    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        match self.number {
            _ if self.active <= now => "Active",
            1 => "Creating",
            _ => "Updating", // a later version of something that exists
        }
    }

    pub(super) fn new(number: u32, text: &str, created: Timestamp) -> Result<Self, String> {
        if text.len() > SIZE_LIMIT {
            return Err("the document is larger than 64 KB".to_owned());
        }
        let content = Rc::new(Content::parse(text)?);
        let digest = Sha256::digest(text.as_bytes());
        let hash = digest.iter().map(|it| format!("{it:02x}")).collect();
        let text = text.to_owned();
        Ok(Self { number, version_name: None, text, content, hash, created, active: created })
    }
}

// UNVERIFIED wording: clients often see an empty message (aws-facts §1.5).
pub(super) fn missing(name: &str) -> ApiError {
    ApiError::new("InvalidDocument", format!("Document with name {name} does not exist."))
}

pub(super) fn no_such_version() -> ApiError {
    ApiError::new("InvalidDocumentVersion", "The document version isn't valid or doesn't exist.")
}

/// SSM's word for a platform.
pub(super) fn platform_word(platform: Platform) -> &'static str {
    match platform {
        Platform::Linux => "Linux",
        Platform::Windows => "Windows",
        Platform::MacOs => "MacOS",
    }
}
