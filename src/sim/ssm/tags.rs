//! AddTagsToResource, RemoveTagsFromResource and ListTagsForResource, for documents alone.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    document::Owner,
    document_shapes::{ADD_TAGS, LIST_TAGS, REMOVE_TAGS},
    validate::{Checked, Member, invalid},
};
use crate::sim::api::{ApiError, Call, Facts};

/// "Each resource can have a maximum of 50 tags" (AddTagsToResource reference).
const MOST: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    resource_id: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

/// Returns the tags that a request puts on its resource, as conditions see them.
pub(super) fn given(checked: &Checked) -> Vec<(String, String)> {
    checked.list::<Tag>("Tags").into_iter().map(|it| (it.key, it.value)).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

pub(super) fn add(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let request = checked(call, "ssm:AddTagsToResource", ADD_TAGS, body)?;
    change(call, &request.resource_id, |tags| {
        tags.extend(request.tags.iter().map(|it| (it.key.clone(), it.value.clone())));
        if tags.len() > MOST {
            return Err(ApiError::new("TooManyTagsError", ""));
        }
        Ok(())
    })
}

pub(super) fn remove(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let request = checked(call, "ssm:RemoveTagsFromResource", REMOVE_TAGS, body)?;
    change(call, &request.resource_id, |tags| {
        tags.retain(|key, _| !request.tag_keys.contains(key));
        Ok(())
    })
}

pub(super) fn list(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let request = checked(call, "ssm:ListTagsForResource", LIST_TAGS, body)?;
    let state = call.sim.state.borrow();
    let document = state.ssm.documents.0.get(&request.resource_id).ok_or_else(missing)?;
    let tags = document.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
    Ok(json!({ "TagList": tags.collect::<Vec<_>>() }))
}

/// Changes the tags of a document of the account: all of the change, or none of it.
fn change(
    call: &Call,
    name: &str,
    apply: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), ApiError>,
) -> Result<Value, ApiError> {
    let mut state = call.sim.state.borrow_mut();
    let document = state.ssm.documents.0.get_mut(name).ok_or_else(missing)?;
    if document.owner == Owner::Amazon {
        return Err(missing());
    }
    let mut tags = document.tags.clone();
    apply(&mut tags)?;
    document.tags = tags;
    Ok(json!({}))
}

fn missing() -> ApiError {
    let message =
        "The resource ID isn't valid. Verify that you entered the correct ID and try again.";
    ApiError::new("InvalidResourceId", message) // UNVERIFIED wording
}

fn checked(
    call: &Call,
    action: &str,
    members: &'static [Member],
    body: &Value,
) -> Result<Request, ApiError> {
    let checked = Checked::of(members, body);
    let (arn, facts) = {
        let state = call.sim.state.borrow();
        let name = checked.text("ResourceId").unwrap_or_default();
        let documents = &state.ssm.documents;
        let facts = documents.facts(&call.sim, name);
        (documents.arn(&call.sim, name), facts)
    };
    let taken = checked.list("TagKeys");
    call.authorize(action, Some(&arn), &Facts { given: given(&checked), taken, ..facts })?;
    let kind = checked.text("ResourceType").unwrap_or_default().to_owned();
    let request = checked.request()?;
    if kind != "Document" {
        return Err(invalid(format!("ResourceType {kind} is not implemented by this simulator")));
    }
    Ok(request)
}
