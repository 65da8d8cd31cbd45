//! Systems Manager: Run Command, documents and managed nodes.

use serde_json::Value;

use super::api::{ApiError, Call};

/// What SSM remembers: documents and commands.
#[derive(Default)]
pub(crate) struct Store {}

impl Store {
    /// Adds a document of the account, at its version 1; the error says why it is none.
    pub(crate) fn add_document(
        &mut self,
        name: &str,
        text: &str,
        created: jiff::Timestamp,
    ) -> Result<(), String> {
        let _ = (name, text, created);
        Ok(())
    }

    /// Returns how many commands were accepted since the start.
    pub(crate) fn command_count(&self) -> usize {
        0
    }
}

/// Answers one SSM operation; `body` is the request's JSON object.
pub(crate) async fn call(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let _ = (call, body);
    Err(ApiError::new("UnknownOperationException", "not implemented by this simulator"))
}
