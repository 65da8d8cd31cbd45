//! The document that is to be run: whether it is there, of the right kind, and what it takes.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::DocumentFormat;

use super::{
    clients::Aws,
    error::{AwsError, ErrorKind},
};
use crate::{
    documents,
    plan::{AssumeRole, Declared, DocumentKind, Note, Platform},
};

/// What is known of a document. What could not be read is absent, and a note says why.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// A number: what `$DEFAULT` stands for now, so that what was reviewed is what runs.
    pub version: Option<String>,
    /// SHA-256 of the content.
    pub hash: Option<String>,
    /// Absent where the document may neither be described nor read.
    pub kind: Option<DocumentKind>,
    pub platforms: Vec<Platform>,
    pub declared: Option<BTreeMap<String, Declared>>,
    /// The names of its steps, in their order.
    pub steps: Vec<String>,
    /// Of a runbook; absent where its content may not be read.
    pub assume_role: Option<AssumeRole>,
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
    let mut undescribed = None;
    let mut found = match aws.ask("DescribeDocument", || request.clone().send()).await {
        Ok(answer) => described(name, &answer.document.unwrap_or_else(empty))?,
        Err(err) if err.kind == ErrorKind::Denied => {
            undescribed = Some(err.action());
            Found { version: version.map(ToOwned::to_owned), ..Found::default() }
        }
        Err(err) => return Err(refused(aws, name, version, err)),
    };
    let request = aws.ssm.get_document().name(name).document_format(DocumentFormat::Json);
    let request = request.set_document_version(found.version.clone());
    match aws.ask("GetDocument", || request.clone().send()).await {
        Ok(answer) => {
            // It says of which type the document is as well (GetDocument reference).
            if let (None, Some(kind)) = (found.kind, answer.document_type()) {
                found.kind = Some(kind_of(name, kind.as_str())?);
            }
            match documents::parse(answer.content().unwrap_or_default()) {
                Ok(content) => {
                    found.declared = Some(content.declared());
                    found.steps = content.steps();
                    found.assume_role = Some(content.assume_role());
                }
                Err(err) => {
                    let text = format!("the parameters are not checked: {err}");
                    found.notes.push(Note::new("document.unreadable", text));
                }
            }
        }
        Err(err) if err.kind == ErrorKind::Denied => {
            let text = format!(
                "{} is not permitted: the parameters are checked by the service alone",
                err.action()
            );
            found.notes.push(Note::new("permission.missing", text));
        }
        Err(err) => return Err(refused(aws, name, version, err)),
    }
    if let Some(action) = undescribed {
        let what = match found.kind {
            Some(_) => "the document's platforms and hash",
            None => "the document's type, platforms and hash",
        };
        let text = format!("{action} is not permitted: {what} are not checked");
        found.notes.insert(0, Note::new("permission.missing", text));
    }
    Ok(found)
}

fn empty() -> aws_sdk_ssm::types::DocumentDescription {
    aws_sdk_ssm::types::DocumentDescription::builder().build()
}

/// Returns what SSM does with a document of this type.
fn kind_of(name: &str, kind: &str) -> Result<DocumentKind, DocumentError> {
    match kind {
        "Command" => Ok(DocumentKind::Command),
        "Automation" => Ok(DocumentKind::Automation),
        other => Err(DocumentError::WrongType { name: name.to_owned(), kind: other.to_owned() }),
    }
}

fn described(
    name: &str,
    it: &aws_sdk_ssm::types::DocumentDescription,
) -> Result<Found, DocumentError> {
    // Older answers leave it out, and older documents are commands.
    let kind = kind_of(name, it.document_type().map_or("Command", |it| it.as_str()))?;
    if let Some(status) = it.status().filter(|it| it.as_str() != "Active") {
        let (name, status) = (name.to_owned(), status.as_str().to_owned());
        return Err(DocumentError::NotActive { name, status });
    }
    let platforms = it.platform_types().iter().map(|it| Platform::parse(it.as_str()));
    Ok(Found {
        version: it.document_version().map(ToOwned::to_owned),
        hash: it.hash().map(ToOwned::to_owned),
        kind: Some(kind),
        platforms: platforms.collect(),
        ..Found::default()
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
