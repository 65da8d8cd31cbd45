//! Opaque page tokens. A token names the next item's place, not a count, so that pages stay whole
//! while new items arrive.

use serde_json::Value;

use crate::sim::{api::ApiError, ids};

/// Names the list that `body` asks for: a token belongs to the question that it was given for.
/// UNVERIFIED: what AWS makes of one that comes with another filter.
pub(crate) fn list(name: &str, body: &Value) -> String {
    let mut asked = body.clone();
    if let Some(asked) = asked.as_object_mut() {
        asked.retain(|key, _| {
            !matches!(key.as_str(), "NextToken" | "MaxResults" | "MaxRecords" | "Details")
        });
    }
    format!("{name} {}", ids::named_uuid(0, name, &asked.to_string()))
}

/// Encodes a place within the list `of`.
pub(crate) fn token(of: &str, place: &str) -> String {
    format!("{of}/{place}").bytes().map(|it| format!("{it:02x}")).collect()
}

/// Returns the place of a token of the list `of`; `None` without a token or with an empty one.
pub(crate) fn place(of: &str, token: Option<&str>) -> Result<Option<String>, ApiError> {
    let Some(token) = token.filter(|it| !it.is_empty()) else { return Ok(None) };
    let decoded = decode(token);
    let place = decoded.as_deref().and_then(|it| it.strip_prefix(of)?.strip_prefix('/'));
    place.map(|it| Some(it.to_owned())).ok_or_else(invalid)
}

pub(crate) fn invalid() -> ApiError {
    ApiError::new("InvalidNextToken", "The specified token isn't valid.")
}

fn decode(token: &str) -> Option<String> {
    let byte = |it: &[u8]| u8::from_str_radix(str::from_utf8(it).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = token.as_bytes().chunks(2).map(byte).collect();
    String::from_utf8(bytes?).ok()
}
