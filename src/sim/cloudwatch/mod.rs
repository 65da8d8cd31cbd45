//! CloudWatch, as far as a command's alarm is concerned: DescribeAlarms.
//! Everything else is refused, and it changes nothing: alarms turn as the world says.

mod absent;
mod describe;
mod query;

use serde_json::Value;

pub(crate) use self::query::{asked, code_in_queries, in_queries, write};
use super::{
    api::{ApiError, Call},
    timeline,
};

/// Answers one operation; `body` is the request's JSON object, whatever the protocol was.
pub(crate) fn call(call: &Call, body: &Value) -> Result<Value, ApiError> {
    timeline::catch_up(&call.sim);
    match call.operation.as_str() {
        "DescribeAlarms" => describe::describe_alarms(call, body),
        other if absent::OPERATIONS.contains(&other) => {
            let message = format!("The operation {other} is not implemented by this simulator");
            Err(ApiError::new("UnknownOperationException", message))
        }
        other => {
            let message = format!("Could not find operation {other} for version 2010-08-01");
            Err(ApiError::new("UnknownOperationException", message))
        }
    }
}
