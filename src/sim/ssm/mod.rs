//! Systems Manager: Run Command, documents and managed nodes.

use serde_json::Value;

use super::api::{ApiError, Call};

/// What SSM remembers: documents and commands.
#[derive(Default)]
pub(crate) struct Store {}

/// Answers one SSM operation; `body` is the request's JSON object.
pub(crate) async fn call(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let _ = (call, body);
    Err(ApiError::new("UnknownOperationException", "not implemented by this simulator"))
}
