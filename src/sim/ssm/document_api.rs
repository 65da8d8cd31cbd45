//! DescribeDocument, GetDocument and ListDocuments: what can be read of documents.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    content::{Content, Format, Kind, plain},
    document::{Document, Owner, Version},
    document_shapes::{DESCRIBE_DOCUMENT, GET_DOCUMENT, LIST_DOCUMENTS},
    documents::platform_word,
    page, tags,
    validate::{self, Checked, invalid},
    view::epoch,
};
use crate::sim::{
    api::{ApiError, Call, Facts},
    state::Simulator,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    name: String,
    document_version: Option<String>,
    version_name: Option<String>,
    document_format: Option<String>,
}

pub(super) fn describe_document(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let checked = Checked::of(DESCRIBE_DOCUMENT, body);
    authorize(call, "ssm:DescribeDocument", &checked)?;
    let request: Request = checked.request()?;
    let state = call.sim.state.borrow();
    let document = state.ssm.documents.find(&call.sim, &request.name)?;
    let version = request.version(document)?;
    Ok(json!({ "Document": description(&call.sim, document, version) }))
}

pub(super) fn get_document(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let checked = Checked::of(GET_DOCUMENT, body);
    authorize(call, "ssm:GetDocument", &checked)?;
    let request: Request = checked.request()?;
    let state = call.sim.state.borrow();
    let document = state.ssm.documents.find(&call.sim, &request.name)?;
    let version = request.version(document)?;
    let format = match request.document_format.as_deref() {
        None | Some("JSON") => Format::Json,
        Some("YAML") => Format::Yaml,
        Some(_) => return Err(invalid("DocumentFormat TEXT is not implemented by this simulator")),
    };
    let content = if version.content.format == format {
        version.text.clone()
    } else {
        version.content.converted(format)
    };
    let mut res = json!({
        "Name": document.full_name(&call.sim),
        "CreatedDate": epoch(version.created),
        "DocumentVersion": version.number.to_string(),
        "Status": version.status(call.sim.clock.now()),
        "Content": content,
        "DocumentType": kind_word(version.content.kind),
        "DocumentFormat": format_word(format),
    });
    if let Some(name) = &version.version_name {
        res["VersionName"] = json!(name);
    }
    if let Some(name) = &document.display_name {
        res["DisplayName"] = json!(name);
    }
    Ok(res)
}

/// Authorises the document as a resource, also one that does not exist. Which actions have the key
/// `ssm:DocumentType`, aws-facts §8.1 tells.
pub(super) fn authorize(call: &Call, action: &str, checked: &Checked) -> Result<(), ApiError> {
    let Some(name) = checked.text("Name") else {
        return call.authorize(action, None, &Facts::default()); // validation refuses it next
    };
    let (arn, facts) = {
        let state = call.sim.state.borrow();
        let documents = &state.ssm.documents;
        let facts = match action {
            // The document is what the request makes of it.
            "ssm:CreateDocument" => Facts {
                document_type: Some(checked.text("DocumentType").unwrap_or("Command").to_owned()),
                given: tags::given(checked),
                ..documents.facts(&call.sim, name)
            },
            "ssm:ListDocumentVersions" | "ssm:DescribeDocumentPermission" => {
                documents.facts(&call.sim, name)
            }
            _ => documents.typed_facts(&call.sim, name), // the other operations on a document
        };
        (documents.arn(&call.sim, name), facts)
    };
    call.authorize(action, Some(&arn), &facts)
}

impl Request {
    fn version<'a>(&self, document: &'a Document) -> Result<&'a Version, ApiError> {
        document.named_version(self.document_version.as_deref(), self.version_name.as_deref())
    }
}

/// The `DocumentDescription` of DescribeDocument, CreateDocument and UpdateDocument.
pub(super) fn description(sim: &Simulator, document: &Document, version: &Version) -> Value {
    let content = &version.content;
    let mut res = identifier(sim, document, version);
    res["Hash"] = json!(version.hash);
    res["HashType"] = json!("Sha256");
    res["Status"] = json!(version.status(sim.clock.now()));
    res["Description"] = json!(content.description);
    res["Parameters"] = parameters(content);
    res["LatestVersion"] = json!(document.latest().number.to_string());
    res["DefaultVersion"] = json!(document.default_version.to_string());
    res
}

fn parameters(content: &Content) -> Value {
    let parameter = |it: &super::content::Declared| {
        // The enum knows String and StringList; the richer types are reported as String.
        let kind = if it.kind == "StringList" { "StringList" } else { "String" };
        let mut res = json!({ "Name": it.name, "Type": kind, "Description": it.description });
        if let Some(default) = &it.default {
            res["DefaultValue"] = json!(plain(default));
        }
        res
    };
    content.parameters.iter().map(parameter).collect()
}

fn identifier(sim: &Simulator, document: &Document, version: &Version) -> Value {
    let content = &version.content;
    let platforms: Vec<_> = content.platforms().into_iter().map(platform_word).collect();
    let tag = |(key, value)| json!({ "Key": key, "Value": value });
    let tags: Vec<Value> = document.tags.iter().map(tag).collect();
    let mut res = json!({
        "Name": document.full_name(sim),
        "CreatedDate": epoch(version.created),
        "Owner": document.owner(sim),
        "PlatformTypes": platforms,
        "DocumentVersion": version.number.to_string(),
        "DocumentType": kind_word(content.kind),
        "SchemaVersion": content.schema,
        "DocumentFormat": format_word(content.format),
        "Tags": tags,
    });
    if let Some(name) = &document.display_name {
        res["DisplayName"] = json!(name);
    }
    // UNVERIFIED: "If you don't specify a value, the document can't run on any resources"
    // (CreateDocument reference), and yet Run Command runs such documents, AWS's own examples of
    // `create-document` among them. Here they run; the type is told, and filtered by.
    if let Some(target_type) = &document.target_type {
        res["TargetType"] = json!(target_type);
    }
    if let Some(name) = &version.version_name {
        res["VersionName"] = json!(name);
    }
    res
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct ListRequest {
    filters: Vec<Filter>,
    document_filter_list: Vec<LegacyFilter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Filter {
    key: String,
    values: Vec<String>,
}

#[derive(Deserialize)]
struct LegacyFilter {
    key: String,
    value: String,
}

const DEFAULT_PAGE: usize = 50;

pub(super) fn list_documents(call: &Call, body: &Value) -> Result<Value, ApiError> {
    call.authorize("ssm:ListDocuments", None, &Facts::default())?;
    let request: ListRequest = validate::request(LIST_DOCUMENTS, body)?;
    let legacy = request.document_filter_list.into_iter();
    let legacy = legacy.map(|it| Filter { key: it.key, values: vec![it.value] });
    let filters: Vec<Filter> = request.filters.into_iter().chain(legacy).collect();
    if filters.iter().any(|it| it.key == "SearchKeyword") {
        let message = "The filter key SearchKeyword is not implemented by this simulator";
        return Err(ApiError::new("InvalidFilterKey", message));
    }
    if filters.iter().any(|it| !it.is_known()) {
        return Err(ApiError::bare("InvalidFilterKey"));
    }
    let state = call.sim.state.borrow();
    let from = page::place("documents", request.next_token.as_deref())?.unwrap_or_default();
    let selected = |it: &Document| filters.iter().all(|filter| filter.selects(it));
    let mut found = state.ssm.documents.0.range(from..).filter(|(_, it)| selected(it));
    let size = call.pages.of(request.max_results.unwrap_or(DEFAULT_PAGE));
    let page: Vec<Value> =
        found.by_ref().take(size).map(|(_, it)| identifier(&call.sim, it, it.default())).collect();
    let mut res = json!({ "DocumentIdentifiers": page });
    if let Some((next, _)) = found.next() {
        res["NextToken"] = page::token("documents", next).into();
    }
    Ok(res)
}

impl Filter {
    fn is_known(&self) -> bool {
        let keys = ["Owner", "Name", "PlatformTypes", "DocumentType", "TargetType"];
        keys.contains(&self.key.as_str()) || self.key.starts_with("tag:")
    }

    fn selects(&self, document: &Document) -> bool {
        let content = &document.default().content;
        self.values.iter().any(|value| match self.key.as_str() {
            "Owner" => match document.owner {
                Owner::Amazon => matches!(value.as_str(), "Amazon" | "Public" | "All"),
                Owner::Account => matches!(value.as_str(), "Self" | "Private" | "All"),
                // "Private: documents that are shared with you" (user guide).
                Owner::Other(_) => matches!(value.as_str(), "Private" | "ThirdParty" | "All"),
            },
            "Name" => document.name.starts_with(value),
            "PlatformTypes" => {
                content.platforms().into_iter().map(platform_word).any(|it| it == value)
            }
            "DocumentType" => kind_word(content.kind) == value,
            "TargetType" => document.target_type.as_ref() == Some(value),
            key => {
                let tag = key.strip_prefix("tag:").and_then(|it| document.tags.get(it));
                tag == Some(value)
            }
        })
    }
}

pub(super) fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Command => "Command",
        Kind::Automation => "Automation",
        Kind::Session => "Session",
    }
}

pub(super) fn format_word(format: Format) -> &'static str {
    match format {
        Format::Json => "JSON",
        Format::Yaml => "YAML",
    }
}
