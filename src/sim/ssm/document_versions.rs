//! ListDocumentVersions: newest first (UNVERIFIED, as all orders are).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    document::{Document, Version},
    document_api::{authorize, format_word},
    document_shapes::LIST_DOCUMENT_VERSIONS,
    page,
    validate::Checked,
    view::epoch,
};
use crate::sim::api::{ApiError, Call};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    name: String,
    max_results: Option<usize>,
    next_token: Option<String>,
}

const DEFAULT_PAGE: usize = 50;

pub(super) fn list_document_versions(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let checked = Checked::of(LIST_DOCUMENT_VERSIONS, body);
    authorize(call, "ssm:ListDocumentVersions", &checked)?;
    let request: Request = checked.request()?;
    let state = call.sim.state.borrow();
    let document = state.ssm.documents.find(&call.sim, &request.name)?;
    // The list's name is the document's, so that a token leads nowhere else.
    let list = format!("versions of {}", request.name);
    let place = page::place(&list, request.next_token.as_deref())?;
    let from = place.map(|it| it.parse().map_err(|_| page::invalid())).transpose()?;
    let mut found =
        document.versions.iter().rev().filter(|it| it.number <= from.unwrap_or(u32::MAX));
    let size = call.pages.of(request.max_results.unwrap_or(DEFAULT_PAGE));
    let now = call.sim.clock.now();
    let info = |it: &Version| {
        let mut res = json!({
            "Name": document.name,
            "DocumentVersion": it.number.to_string(),
            "CreatedDate": epoch(it.created),
            "IsDefaultVersion": it.number == document.default_version,
            "DocumentFormat": format_word(it.content.format),
            "Status": it.status(now),
        });
        named(document, it, &mut res);
        res
    };
    let versions: Vec<Value> = found.by_ref().take(size).map(info).collect();
    let mut res = json!({ "DocumentVersions": versions });
    if let Some(next) = found.next() {
        res["NextToken"] = page::token(&list, &next.number.to_string()).into();
    }
    Ok(res)
}

fn named(document: &Document, version: &Version, res: &mut Value) {
    for (member, name) in
        [("DisplayName", &document.display_name), ("VersionName", &version.version_name)]
    {
        if let Some(name) = name {
            res[member] = json!(name);
        }
    }
}
