//! CreateDocument, UpdateDocument, UpdateDocumentDefaultVersion and DeleteDocument.
//! AWS's own documents are never changed.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    content::{Format, Unreadable, schema_of},
    document::{Document, Owner, SIZE_LIMIT, Version, no_such_version},
    document_api::{authorize, description, kind_word},
    document_shapes::{
        CREATE_DOCUMENT, DELETE_DOCUMENT, UPDATE_DOCUMENT, UPDATE_DOCUMENT_DEFAULT_VERSION,
    },
    documents::missing,
    engine::plus,
    validate::{Checked, Member, invalid},
};
use crate::sim::api::{ApiError, Call};

/// How long a new version is Creating or Updating before SendCommand may use it.
const ACTIVE_AFTER: Duration = Duration::from_secs(1);
/// "You can have at most 500 active SSM documents" (DocumentLimitExceeded).
const DOCUMENT_LIMIT: usize = 500;
const RESERVED: [&str; 3] = ["aws", "amazon", "amzn"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    name: String,
    #[serde(default)]
    content: String,
    document_version: Option<String>,
    version_name: Option<String>,
    document_type: Option<String>,
    document_format: Option<String>,
    display_name: Option<String>,
    target_type: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

pub(super) fn create_document(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let request: Request = checked(call, "ssm:CreateDocument", CREATE_DOCUMENT, body)?;
    let lower = request.name.to_ascii_lowercase();
    if RESERVED.iter().any(|it| lower.starts_with(it)) {
        // UNVERIFIED in code and wording.
        return Err(invalid(format!("The document name {} is reserved", request.name)));
    }
    let wanted = request.document_type.as_deref().unwrap_or("Command");
    if !["Command", "Automation", "Session"].contains(&wanted) {
        return Err(invalid(format!("DocumentType {wanted} is not implemented by this simulator")));
    }
    if let Some((schema, kind)) = schema_of(&request.content)
        && kind_word(kind) != wanted
    {
        let message = format!("schemaVersion {schema} is not supported for {wanted} documents");
        return Err(ApiError::new("InvalidDocumentSchemaVersion", message));
    }
    let version = request.version(call, 1)?;
    let mut state = call.sim.state.borrow_mut();
    let documents = &mut state.ssm.documents.0;
    if documents.contains_key(&request.name) {
        let message = "The specified document already exists.";
        return Err(ApiError::new("DocumentAlreadyExists", message));
    }
    if documents.values().filter(|it| it.owner == Owner::Account).count() >= DOCUMENT_LIMIT {
        let message = "You can have at most 500 active SSM documents.";
        return Err(ApiError::new("DocumentLimitExceeded", message));
    }
    let document = Document {
        display_name: request.display_name,
        target_type: request.target_type,
        tags: request.tags.into_iter().map(|it| (it.key, it.value)).collect(),
        ..Document::new(&request.name, Owner::Account, version)
    };
    let answer = accepted(description(&call.sim, &document, document.latest()), "Creating");
    documents.insert(request.name, document);
    Ok(answer)
}

/// Adds a version; the default version does not move.
pub(super) fn update_document(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let request: Request = checked(call, "ssm:UpdateDocument", UPDATE_DOCUMENT, body)?;
    let mut state = call.sim.state.borrow_mut();
    let document = own(&mut state.ssm.documents.0, &request.name)?;
    let latest = document.latest();
    let number = latest.number.to_string();
    if request.document_version.as_ref().is_some_and(|it| it != "$LATEST" && *it != number) {
        return Err(no_such_version());
    }
    if latest.content.schema == "1.2" {
        // The user guide has them deleted and created again. UNVERIFIED code.
        let message = "Documents of schema version 1.2 cannot be updated.";
        return Err(ApiError::new("InvalidDocumentSchemaVersion", message));
    }
    if latest.text == request.content {
        let message = "The content of the association document matches another document. \
                       Change the content of the document and try again.";
        return Err(ApiError::new("DuplicateDocumentContent", message)); // D15
    }
    let named = |it: &Version| it.version_name.is_some() && it.version_name == request.version_name;
    if document.versions.iter().any(named) {
        let message = "The version name has already been used in this document.";
        return Err(ApiError::new("DuplicateDocumentVersionName", message));
    }
    let version = request.version(call, latest.number + 1)?;
    if version.content.kind != latest.content.kind {
        let message = "The document type cannot be changed.";
        return Err(ApiError::new("InvalidDocumentSchemaVersion", message));
    }
    document.versions.push(version);
    document.display_name = request.display_name.or(document.display_name.take());
    document.target_type = request.target_type.or(document.target_type.take());
    Ok(accepted(description(&call.sim, document, document.latest()), "Updating"))
}

/// The answer comes before the version is active, however fast the world's time is.
fn accepted(mut description: Value, status: &str) -> Value {
    description["Status"] = json!(status);
    json!({ "DocumentDescription": description })
}

pub(super) fn update_document_default_version(
    call: &Call,
    body: &Value,
) -> Result<Value, ApiError> {
    let action = "ssm:UpdateDocumentDefaultVersion";
    let request: Request = checked(call, action, UPDATE_DOCUMENT_DEFAULT_VERSION, body)?;
    let mut state = call.sim.state.borrow_mut();
    let document = own(&mut state.ssm.documents.0, &request.name)?;
    let number = document.version(request.document_version.as_deref())?.number;
    document.default_version = number;
    Ok(json!({
        "Description": { "Name": request.name, "DefaultVersion": number.to_string() },
    }))
}

/// Deletes one version, or all of them.
pub(super) fn delete_document(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let request: Request = checked(call, "ssm:DeleteDocument", DELETE_DOCUMENT, body)?;
    let mut state = call.sim.state.borrow_mut();
    let documents = &mut state.ssm.documents.0;
    let document = own(documents, &request.name)?;
    if request.document_version.is_none() && request.version_name.is_none() {
        if !document.shared.is_empty() {
            let message = "You attempted to delete a document while it is still shared. You must \
                           stop sharing the document before you can delete it.";
            return Err(ApiError::new("InvalidDocumentOperation", message));
        }
        documents.remove(&request.name);
        return Ok(json!({}));
    }
    let (version, name) = (request.document_version.as_deref(), request.version_name.as_deref());
    let number = document.named_version(version, name)?.number;
    if number == document.default_version {
        // UNVERIFIED wording.
        let message = "The default version of a document cannot be deleted.";
        return Err(ApiError::new("InvalidDocumentOperation", message));
    }
    document.versions.retain(|it| it.number != number);
    Ok(json!({}))
}

pub(super) fn checked<T: DeserializeOwned>(
    call: &Call,
    action: &str,
    members: &'static [Member],
    body: &Value,
) -> Result<T, ApiError> {
    let checked = Checked::of(members, body);
    authorize(call, action, &checked)?;
    checked.request()
}

pub(super) fn own<'a>(
    documents: &'a mut BTreeMap<String, Document>,
    name: &str,
) -> Result<&'a mut Document, ApiError> {
    let document = documents.get_mut(name).ok_or_else(|| missing(name))?;
    let owner = match &document.owner {
        Owner::Account => return Ok(document),
        Owner::Amazon => "Amazon",
        Owner::Other(account) => account,
    };
    // UNVERIFIED in code and wording.
    let message = format!("{name} is owned by {owner} and cannot be changed.");
    Err(ApiError::new("InvalidDocumentOperation", message))
}

impl Request {
    fn version(&self, call: &Call, number: u32) -> Result<Version, ApiError> {
        if self.content.len() > SIZE_LIMIT {
            let message = "The size limit of a document is 64 KB.";
            return Err(ApiError::new("MaxDocumentSizeExceeded", message));
        }
        let format = match self.document_format.as_deref() {
            None | Some("JSON") => Format::Json,
            Some("YAML") => Format::Yaml,
            Some(_) => {
                return Err(invalid("DocumentFormat TEXT is not implemented by this simulator"));
            }
        };
        let now = call.sim.clock.now();
        let refused = |why: Unreadable| {
            // "The version of the document schema is not supported" (aws-facts §6.2).
            let code = match why {
                Unreadable::Schema(_) => "InvalidDocumentSchemaVersion",
                Unreadable::Content(_) => "InvalidDocumentContent",
            };
            ApiError::new(code, why.to_string())
        };
        let mut res = Version::new(number, &self.content, now).map_err(refused)?;
        // JSON is YAML as well, but not the other way round.
        if format == Format::Json && res.content.format == Format::Yaml {
            return Err(refused(Unreadable::Content(
                "The document content is not valid JSON.".to_owned(),
            )));
        }
        res.version_name.clone_from(&self.version_name);
        res.active = plus(now, ACTIVE_AFTER);
        Ok(res)
    }
}
