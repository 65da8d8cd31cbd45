//! The form and the XML of awsQuery, which older clients of CloudWatch speak, to and from JSON.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::sim::{
    api::ApiError,
    wire::{cbor::is_timestamp, form::Form, xml::Xml},
};

const TEXTS: [&str; 6] = [
    "AlarmNamePrefix",
    "ChildrenOfAlarmName",
    "ParentsOfAlarmName",
    "StateValue",
    "ActionPrefix",
    "NextToken",
];
const LISTS: [&str; 2] = ["AlarmNames", "AlarmTypes"];
const INTEGERS: [&str; 1] = ["MaxRecords"];

/// Returns the parameters of a form as the JSON protocol has them.
pub(crate) fn asked(form: &Form) -> Result<Value, ApiError> {
    let mut res = Map::new();
    for name in TEXTS {
        res.extend(form.text(name).map(|it| (name.to_owned(), it.into())));
    }
    for name in LISTS.into_iter().filter(|it| form.has(it)) {
        res.insert(name.to_owned(), form.texts(name)?.into());
    }
    for name in INTEGERS {
        res.extend(form.integer(name)?.map(|it| (name.to_owned(), it.into())));
    }
    Ok(res.into())
}

/// Writes the members of an answer.
pub(crate) fn write(answer: &Value, xml: &mut Xml) {
    for (name, value) in answer.as_object().into_iter().flatten() {
        put(name, value, xml);
    }
}

fn put(name: &str, value: &Value, xml: &mut Xml) {
    match value {
        Value::Null => {}
        Value::Bool(it) => xml.value(name, it),
        Value::Number(it) if is_timestamp(name) => {
            let at =
                Timestamp::from_millisecond((it.as_f64().unwrap_or_default() * 1e3).round() as i64);
            xml.value(name, at.unwrap_or_default());
        }
        Value::Number(it) => xml.value(name, it),
        Value::String(it) => xml.text(name, it),
        Value::Array(items) => xml.element(name, |xml| {
            items.iter().for_each(|it| put("member", it, xml));
        }),
        Value::Object(_) => xml.element(name, |xml| write(value, xml)),
    }
}

/// Returns an error as the query protocol has it. A denial has the status that it has with the other
/// services of that protocol; UNVERIFIED for CloudWatch (aws-facts §8.3).
pub(crate) fn in_queries(error: &ApiError) -> ApiError {
    let code = code_in_queries(&error.code);
    let status = if code == "AccessDenied" { 403 } else { error.status };
    ApiError { status, code: code.to_owned(), message: error.message.clone() }
}

/// Returns the code that an error has for clients of the query protocol. Those of the newer ones get
/// it in a header (`x-amzn-query-error`, aws-facts §10.4).
pub(crate) fn code_in_queries(code: &str) -> &str {
    match code {
        "AccessDeniedException" => "AccessDenied",
        "ValidationException" => "ValidationError",
        "ThrottlingException" => "Throttling",
        "InternalServerError" => "InternalFailure",
        "ExpiredTokenException" => "ExpiredToken",
        "UnrecognizedClientException" => "InvalidClientTokenId",
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
        "IncompleteSignatureException" => "IncompleteSignature",
        "SerializationException" => "MalformedInput",
        "UnknownOperationException" => "InvalidAction",
        other => other,
    }
}
