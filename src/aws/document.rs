//! The document that is to be run: whether it is there, of the right kind, and what it takes.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::DocumentFormat;

use super::{
    clients::Aws,
    error::{AwsError, ErrorKind},
};
use crate::{
    documents,
    plan::{Declared, DocumentKind, Note, Platform},
};

/// What is known of a document. What could not be read is absent, and a note says why.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// A number: what `$DEFAULT` stands for now, so that what was reviewed is what runs.
    pub version: Option<String>,
    /// SHA-256 of the content.
    pub hash: Option<String>,
    /// Absent where the document may not be described.
    pub kind: Option<DocumentKind>,
    pub platforms: Vec<Platform>,
    pub declared: Option<BTreeMap<String, Declared>>,
    /// The names of its steps, in their order.
    pub steps: Vec<String>,
    pub notes: Vec<Note>,
}

/// Why a document cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("there is no document {name} in {region}")]
    Unknown { name: String, region: String },
    #[error("document {name} has no version {version}")]
    UnknownVersion { name: String, version: String },
    #[error("document {name} is of type {kind}; only Command and Automation documents can be run")]
    WrongType { name: String, kind: String },
    #[error("document {name} is not active: {status}")]
    NotActive { name: String, status: String },
    #[error("document {name} could not be read")]
    Unreadable { name: String, source: AwsError },
}

/// Looks `name` up; `version` is a number, `$LATEST` or `$DEFAULT`, and defaults to the latter.
pub async fn find_document(
    aws: &Aws,
    name: &str,
    version: Option<&str>,
) -> Result<Found, DocumentError> {
    let request = aws.ssm.describe_document().name(name);
    let request = request.set_document_version(version.map(ToOwned::to_owned));
    let mut found = match aws.ask("DescribeDocument", || request.clone().send()).await {
        Ok(answer) => described(name, &answer.document.unwrap_or_else(empty))?,
        Err(err) if err.kind == ErrorKind::Denied => {
            let text = format!(
                "{} is not permitted: the document's type, platforms and hash are not checked",
                err.action()
            );
            let notes = vec![Note::new("permission.missing", text)];
            Found { version: version.map(ToOwned::to_owned), notes, ..Found::default() }
        }
        Err(err) => return Err(refused(aws, name, version, err)),
    };
    let request = aws.ssm.get_document().name(name).document_format(DocumentFormat::Json);
    let request = request.set_document_version(found.version.clone());
    match aws.ask("GetDocument", || request.clone().send()).await {
        Ok(answer) => match documents::parse(answer.content().unwrap_or_default()) {
            Ok(content) => {
                found.declared = Some(content.declared());
                found.steps = content.steps();
            }
            Err(err) => {
                let text = format!("the parameters are not checked: {err}");
                found.notes.push(Note::new("document.unreadable", text));
            }
        },
        Err(err) if err.kind == ErrorKind::Denied => {
            let text = format!(
                "{} is not permitted: the parameters are checked by the service alone",
                err.action()
            );
            found.notes.push(Note::new("permission.missing", text));
        }
        Err(err) => return Err(refused(aws, name, version, err)),
    }
    Ok(found)
}

fn empty() -> aws_sdk_ssm::types::DocumentDescription {
    aws_sdk_ssm::types::DocumentDescription::builder().build()
}

fn described(
    name: &str,
    it: &aws_sdk_ssm::types::DocumentDescription,
) -> Result<Found, DocumentError> {
    let name = || name.to_owned();
    let kind = match it.document_type().map(|it| it.as_str()) {
        // Older answers leave it out, and older documents are commands.
        None | Some("Command") => DocumentKind::Command,
        Some("Automation") => DocumentKind::Automation,
        Some(other) => {
            return Err(DocumentError::WrongType { name: name(), kind: other.to_owned() });
        }
    };
    if let Some(status) = it.status().filter(|it| it.as_str() != "Active") {
        return Err(DocumentError::NotActive { name: name(), status: status.as_str().to_owned() });
    }
    let platforms = it.platform_types().iter().map(|it| Platform::parse(it.as_str()));
    Ok(Found {
        version: it.document_version().map(ToOwned::to_owned),
        hash: it.hash().map(ToOwned::to_owned),
        kind: Some(kind),
        platforms: platforms.collect(),
        declared: None,
        steps: Vec::new(),
        notes: Vec::new(),
    })
}

fn refused(aws: &Aws, name: &str, version: Option<&str>, source: AwsError) -> DocumentError {
    let name = name.to_owned();
    match source.code.as_str() {
        "InvalidDocument" => DocumentError::Unknown { name, region: aws.region.clone() },
        "InvalidDocumentVersion" => DocumentError::UnknownVersion {
            name,
            version: version.unwrap_or("$DEFAULT").to_owned(),
        },
        _ => DocumentError::Unreadable { name, source },
    }
}
