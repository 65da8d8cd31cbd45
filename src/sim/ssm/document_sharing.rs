//! DescribeDocumentPermission and ModifyDocumentPermission: whom a document is shared with.
//! There is one account here, so that nobody can use what it shares; what others share with it is
//! the world's to say.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    document::{Document, Owner},
    document_changes::{checked, own},
    document_shapes::{DESCRIBE_DOCUMENT_PERMISSION, MODIFY_DOCUMENT_PERMISSION},
    page,
};
use crate::sim::api::{ApiError, Call};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    name: String,
    #[serde(default)]
    account_ids_to_add: Vec<String>,
    #[serde(default)]
    account_ids_to_remove: Vec<String>,
    shared_document_version: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// `AccountIds` has 20 members at most, whatever MaxResults says (the service model).
const PAGE: usize = 20;
/// "By default, you can share a private document with a maximum of 1,000 accounts and publicly
/// share up to five documents" (DocumentPermissionLimit).
const ACCOUNT_LIMIT: usize = 1_000;
const PUBLIC_LIMIT: usize = 5;
const EVERYONE: &str = "all";

pub(super) fn describe_document_permission(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let action = "ssm:DescribeDocumentPermission";
    let request: Request = checked(call, action, DESCRIBE_DOCUMENT_PERMISSION, body)?;
    let mut state = call.sim.state.borrow_mut();
    let document = own(&mut state.ssm.documents.0, &request.name)?;
    let list = format!("permissions of {}", request.name);
    let from = page::place(&list, request.next_token.as_deref())?.unwrap_or_default();
    let mut found = document.shared.range(from..);
    let size = call.pages.of(request.max_results.unwrap_or(PAGE).min(PAGE));
    let page: Vec<_> = found.by_ref().take(size).collect();
    let info = |(account, version): &(&String, &String)| json!({ "AccountId": account, "SharedDocumentVersion": version });
    let mut res = json!({
        "AccountIds": page.iter().map(|(account, _)| account).collect::<Vec<_>>(),
        "AccountSharingInfoList": page.iter().map(info).collect::<Vec<_>>(),
    });
    if let Some((next, _)) = found.next() {
        res["NextToken"] = page::token(&list, next).into();
    }
    Ok(res)
}

pub(super) fn modify_document_permission(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let action = "ssm:ModifyDocumentPermission";
    let request: Request = checked(call, action, MODIFY_DOCUMENT_PERMISSION, body)?;
    let mut state = call.sim.state.borrow_mut();
    let documents = &mut state.ssm.documents.0;
    let is_public = |it: &&Document| {
        it.owner == Owner::Account && it.name != request.name && it.shared.contains_key(EVERYONE)
    };
    let n_public = documents.values().filter(is_public).count();
    // Unlike the other operations, this one knows no InvalidDocumentOperation.
    let document = own(documents, &request.name)
        .map_err(|err| ApiError { code: "InvalidDocument".to_owned(), ..err })?;
    let mut shared = document.shared.clone();
    let version = request.shared_document_version.as_deref().unwrap_or("$DEFAULT");
    for account in &request.account_ids_to_add {
        shared.insert(account.to_ascii_lowercase(), version.to_owned());
    }
    // "This action has a higher priority than AccountIdsToAdd" (API reference).
    for account in &request.account_ids_to_remove {
        shared.remove(&account.to_ascii_lowercase());
    }
    let is_public = shared.contains_key(EVERYONE);
    if shared.len() > ACCOUNT_LIMIT || (is_public && n_public >= PUBLIC_LIMIT) {
        let message = "The document can't be shared with more Amazon Web Services accounts.";
        return Err(ApiError::new("DocumentPermissionLimit", message));
    }
    document.shared = shared;
    Ok(json!({}))
}
