//! Puts documents into the account: each call as small as it can be, and only towards what is
//! wanted, so that doing it again does nothing.

use std::time::Duration;

use aws_sdk_ssm::types::{DocumentFormat, DocumentType, ResourceTypeForTagging, Tag};

use super::{
    clients::Aws,
    error::AwsError,
    published::{Published, describe},
};
use crate::documents::Notation;

/// How often a new version is asked whether it is active, and how long it may take.
const ASK_EVERY: Duration = Duration::from_millis(500);
const ACTIVE_WITHIN: Duration = Duration::from_secs(60);

/// A document as it is to be in the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    pub name: String,
    pub content: String,
    /// SHA-256 of the content, in hexadecimal.
    pub hash: String,
    pub notation: Notation,
    pub kind: Kind,
    pub tags: Vec<(String, String)>,
}

/// The types of document that can be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Command,
    Automation,
}

/// What the account lacks of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Create,
    /// A new version, which becomes the default.
    Update {
        from: Published,
    },
    /// The content is there, as this version, but is not what runs.
    MoveDefault {
        from: String,
        to: String,
    },
    /// Only the tags are not those of fleet.
    Tag,
    Nothing,
}

/// Why a document could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("document {name} could not be published")]
    Refused { name: String, source: AwsError },
    #[error("version {version} of document {name} is {status}, not Active, after {seconds} s")]
    NotActive { name: String, version: String, status: String, seconds: u64 },
    #[error("document {name} is there as {found}, and cannot become {wanted}")]
    WrongType { name: String, found: String, wanted: &'static str },
}

/// A publication that did not come to its end.
#[derive(Debug)]
pub struct Unfinished {
    pub why: PublishError,
    /// Whether the account may have something of it all the same.
    pub is_begun: bool,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Command => "Command",
            Self::Automation => "Automation",
        }
    }
}

/// Returns what has to change for `wanted` to be what the account runs. It only reads.
pub async fn change(aws: &Aws, wanted: &Publication) -> Result<Change, PublishError> {
    let refused = |source| PublishError::Refused { name: wanted.name.clone(), source };
    let Some(latest) = describe(aws, &wanted.name, "$LATEST").await.map_err(refused)? else {
        return Ok(Change::Create);
    };
    if latest.kind != wanted.kind.word() {
        let (name, found, wanted) = (latest.name, latest.kind, wanted.kind.word());
        return Err(PublishError::WrongType { name, found, wanted });
    }
    if latest.hash == wanted.hash && latest.version == latest.default_version {
        let has = |(key, value): &(String, String)| latest.tags.get(key) == Some(value);
        let is_tagged = wanted.tags.iter().all(has);
        return Ok(if is_tagged { Change::Nothing } else { Change::Tag });
    }
    let default = describe(aws, &wanted.name, "$DEFAULT").await.map_err(refused)?;
    let default = default.unwrap_or_else(|| latest.clone());
    if latest.hash == wanted.hash {
        return Ok(Change::MoveDefault { from: default.version, to: latest.version });
    }
    Ok(Change::Update { from: default })
}

/// Publishes `wanted`, whatever of it is missing, and returns the version that is the default then.
/// `factor` scales its waits: 1 is real time.
///
/// An answer that is lost is no reason to stop: what was asked for shows in the account.
pub async fn publish(
    aws: &Aws,
    wanted: &Publication,
    factor: f64,
) -> Result<Published, Unfinished> {
    let name = &wanted.name;
    let refused = |source| PublishError::Refused { name: name.clone(), source };
    let change = change(aws, wanted).await;
    let mut is_begun = false;
    let asked = match change.map_err(|why| Unfinished { why, is_begun })? {
        Change::Create => Some(("CreateDocument", create(aws, wanted).await)),
        Change::Update { .. } => Some(("UpdateDocument", update(aws, wanted).await)),
        Change::MoveDefault { .. } | Change::Tag | Change::Nothing => None,
    };
    if let Some((operation, answer)) = asked {
        // Another operation was only asked because of what the first may have done.
        let is_harmless = |it: &AwsError| it.operation == operation && it.is_proof_of_nothing();
        is_begun = !answer.as_ref().is_err_and(is_harmless);
        answer.map_err(|err| Unfinished { why: refused(err), is_begun })?;
    }
    let latest = active(aws, wanted, factor).await;
    let latest = latest.map_err(|why| Unfinished { why, is_begun })?;
    let after = |err: AwsError, is_begun| {
        let is_begun = is_begun || !err.is_proof_of_nothing();
        Unfinished { why: refused(err), is_begun }
    };
    if latest.default_version != latest.version {
        let request = aws.ssm.update_document_default_version().name(name);
        let request = request.document_version(&latest.version);
        let answer = aws.ask("UpdateDocumentDefaultVersion", || request.clone().send()).await;
        answer.map_err(|err| after(err, is_begun))?;
        is_begun = true;
    }
    if !wanted.tags.iter().all(|(key, value)| latest.tags.get(key) == Some(value)) {
        tag(aws, wanted).await.map_err(|err| after(err, is_begun))?;
    }
    Ok(Published { default_version: latest.version.clone(), ..latest })
}

async fn create(aws: &Aws, wanted: &Publication) -> Result<(), AwsError> {
    let request = aws.ssm.create_document().name(&wanted.name).content(&wanted.content);
    let request = request
        .document_type(match wanted.kind {
            Kind::Command => DocumentType::Command,
            Kind::Automation => DocumentType::Automation,
        })
        .document_format(format(wanted.notation))
        .set_tags(Some(tags(wanted)))
        // Without one "the document can't run on any resources"; `/` is all of them (CreateDocument
        // reference).
        .target_type("/");
    match aws.ask("CreateDocument", || request.clone().send()).await {
        // The SDK repeats what has no answer, and the first of the two may have been taken.
        Err(err) if err.code == "DocumentAlreadyExists" => update(aws, wanted).await,
        answer => answer.map(drop),
    }
}

async fn update(aws: &Aws, wanted: &Publication) -> Result<(), AwsError> {
    let request = aws.ssm.update_document().name(&wanted.name).content(&wanted.content);
    let request = request.document_format(format(wanted.notation)).document_version("$LATEST");
    match aws.ask("UpdateDocument", || request.clone().send()).await {
        // "The content … matches another document": it is there already.
        Err(err) if err.code == "DuplicateDocumentContent" => Ok(()),
        answer => answer.map(drop),
    }
}

async fn tag(aws: &Aws, wanted: &Publication) -> Result<(), AwsError> {
    let request = aws.ssm.add_tags_to_resource().resource_id(&wanted.name);
    let request = request.resource_type(ResourceTypeForTagging::Document);
    let request = request.set_tags(Some(tags(wanted)));
    aws.ask("AddTagsToResource", || request.clone().send()).await.map(drop)
}

/// Waits until the latest version, which is `wanted`, can be sent.
async fn active(aws: &Aws, wanted: &Publication, factor: f64) -> Result<Published, PublishError> {
    let name = || wanted.name.clone();
    let end = tokio::time::Instant::now() + ACTIVE_WITHIN;
    loop {
        let latest = describe(aws, &wanted.name, "$LATEST").await;
        let latest = latest.map_err(|source| PublishError::Refused { name: name(), source })?;
        let (status, version) = match latest {
            Some(it) if it.status == "Active" && it.hash == wanted.hash => return Ok(it),
            Some(it) => (it.status, it.version),
            None => ("not there".to_owned(), "1".to_owned()),
        };
        if status == "Failed" || tokio::time::Instant::now() > end {
            let seconds = ACTIVE_WITHIN.as_secs();
            return Err(PublishError::NotActive { name: name(), version, status, seconds });
        }
        tokio::time::sleep(ASK_EVERY.mul_f64(factor.clamp(0.01, 1.0))).await;
    }
}

fn tags(wanted: &Publication) -> Vec<Tag> {
    let tag = |(key, value): &(String, String)| {
        Tag::builder().key(key).value(value).build().expect("a tag has a key and a value")
    };
    wanted.tags.iter().map(tag).collect()
}

fn format(notation: Notation) -> DocumentFormat {
    match notation {
        Notation::Yaml => DocumentFormat::Yaml,
        Notation::Json => DocumentFormat::Json,
    }
}
