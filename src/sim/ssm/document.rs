//! One document: whose it is, and its versions.
//! Where it is found is `documents`' business, what it says `content`'s.

use std::{collections::BTreeMap, rc::Rc};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::content::{Content, Unreadable};
use crate::sim::{api::ApiError, state::Simulator};

#[derive(Debug)]
pub(super) struct Document {
    /// The short name, which commands show.
    pub name: String,
    pub owner: Owner,
    pub display_name: Option<String>,
    pub target_type: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// Never empty; numbers ascend but may have gaps.
    pub versions: Vec<Version>,
    pub default_version: u32,
    /// Whom it is shared with, an account or `all`, and which versions: `$ALL` and the like.
    pub shared: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    Amazon,
    Account,
    /// Another account, which shares it with this one.
    Other(String),
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

impl Document {
    pub(super) fn new(name: &str, owner: Owner, version: Version) -> Self {
        Self {
            name: name.to_owned(),
            owner,
            display_name: None,
            target_type: None,
            tags: BTreeMap::new(),
            versions: vec![version],
            default_version: 1,
            shared: BTreeMap::new(),
        }
    }

    /// Returns what the operations on documents call it: the ARN if another account owns it.
    pub(super) fn full_name(&self, sim: &Simulator) -> String {
        match &self.owner {
            Owner::Amazon | Owner::Account => self.name.clone(),
            Owner::Other(account) => {
                format!("arn:aws:ssm:{}:{account}:document/{}", sim.region, self.name)
            }
        }
    }

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
        match &self.owner {
            Owner::Amazon => "Amazon".to_owned(),
            Owner::Account => sim.account.clone(),
            Owner::Other(account) => account.clone(),
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

    pub(super) fn new(number: u32, text: &str, created: Timestamp) -> Result<Self, Unreadable> {
        if text.len() > SIZE_LIMIT {
            return Err(Unreadable::Content("the document is larger than 64 KB".to_owned()));
        }
        let content = Rc::new(Content::parse(text)?);
        let digest = Sha256::digest(text.as_bytes());
        let hash = digest.iter().map(|it| format!("{it:02x}")).collect();
        let text = text.to_owned();
        Ok(Self { number, version_name: None, text, content, hash, created, active: created })
    }
}

pub(super) fn no_such_version() -> ApiError {
    ApiError::new("InvalidDocumentVersion", "The document version isn't valid or doesn't exist.")
}
