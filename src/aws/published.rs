//! The documents of the account, as they are: what is there, under which hash, with which tags.

use std::collections::BTreeMap;

use aws_sdk_ssm::{
    operation::list_documents::ListDocumentsOutput,
    types::{DocumentFormat, DocumentKeyValuesFilter},
};

use super::{clients::Aws, error::AwsError};

/// The tags of a document that fleet published.
pub const VERSION_TAG: &str = "fleet:version";
pub const HASH_TAG: &str = "fleet:hash";

/// What a published document is to the one that fleet has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The same, byte for byte.
    Same,
    /// What another version of fleet published, since nobody has touched it.
    Outdated { tool_version: String },
    /// Somebody else's content under the name.
    Modified,
}

/// One version of a document of the account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    pub name: String,
    /// The version that was asked for.
    pub version: String,
    pub default_version: String,
    pub latest_version: String,
    /// SHA-256 of the content.
    pub hash: String,
    pub status: String,
    /// `YAML` or `JSON`.
    pub format: String,
    /// Command, Automation, Session, …
    pub kind: String,
    pub schema: String,
    pub tags: BTreeMap<String, String>,
}

/// A document of the account as a list has it: its default version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub kind: String,
    pub version: String,
}

impl Published {
    /// Returns what it is to the document with this hash.
    pub fn standing(&self, hash: &str) -> Standing {
        if self.hash == hash {
            return Standing::Same;
        }
        match self.tags.get(VERSION_TAG) {
            Some(version) if self.tags.get(HASH_TAG) == Some(&self.hash) => {
                Standing::Outdated { tool_version: version.clone() }
            }
            _ => Standing::Modified,
        }
    }
}

/// Describes `version` of a document, which is a number, `$LATEST` or `$DEFAULT`. Returns `None`
/// if there is no such document.
pub async fn describe(aws: &Aws, name: &str, version: &str) -> Result<Option<Published>, AwsError> {
    let request = aws.ssm.describe_document().name(name).document_version(version);
    let answer = match aws.ask("DescribeDocument", || request.clone().send()).await {
        Err(err) if err.code == "InvalidDocument" => return Ok(None),
        answer => answer?,
    };
    let Some(it) = answer.document else { return Ok(None) };
    let text = |it: Option<&str>| it.unwrap_or_default().to_owned();
    let tags = it.tags().iter().map(|it| (it.key().to_owned(), it.value().to_owned()));
    Ok(Some(Published {
        name: name.to_owned(),
        version: text(it.document_version()),
        default_version: text(it.default_version()),
        latest_version: text(it.latest_version()),
        hash: text(it.hash()),
        status: text(it.status().map(|it| it.as_str())),
        format: text(it.document_format().map(|it| it.as_str())),
        kind: text(it.document_type().map(|it| it.as_str())),
        schema: text(it.schema_version()),
        tags: tags.collect(),
    }))
}

/// Returns the content of a version in the notation that it was written in, in which the service
/// gives it back unchanged (UNVERIFIED: the comments of YAML as well).
pub async fn content(aws: &Aws, document: &Published) -> Result<String, AwsError> {
    let format = match document.format.as_str() {
        "YAML" => DocumentFormat::Yaml,
        "TEXT" => DocumentFormat::Text,
        _ => DocumentFormat::Json,
    };
    let request = aws.ssm.get_document().name(&document.name).document_format(format);
    let request = request.document_version(&document.version);
    let answer = aws.ask("GetDocument", || request.clone().send()).await?;
    Ok(answer.content.unwrap_or_default())
}

/// Lists the documents that the account owns.
pub async fn own_documents(aws: &Aws) -> Result<Vec<Listed>, AwsError> {
    let filter = DocumentKeyValuesFilter::builder().key("Owner").values("Self").build();
    let call = |token| {
        let request = aws.ssm.list_documents().filters(filter.clone()).max_results(50);
        request.set_next_token(token).send()
    };
    let mut res = Vec::new();
    let take = |page: ListDocumentsOutput| {
        res.extend(page.document_identifiers().iter().map(|it| Listed {
            name: it.name().unwrap_or_default().to_owned(),
            kind: it.document_type().map(|it| it.as_str().to_owned()).unwrap_or_default(),
            version: it.document_version().unwrap_or_default().to_owned(),
        }));
        page.next_token
    };
    aws.pages("ListDocuments", call, take).await?;
    Ok(res)
}
