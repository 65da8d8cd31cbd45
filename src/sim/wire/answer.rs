//! Writes answers in the shape of their protocol: awsJson, CBOR, awsQuery, ec2Query, S3's XML.
//! It chooses no words.

use bytes::Bytes;
use http::{Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use serde_json::{Value, json};

use super::{cbor, protocol::Service, xml::Xml};
use crate::sim::{api::ApiError, cloudwatch, iam::Protocol};

pub(crate) type Answer = Response<Full<Bytes>>;

const JSON: &str = "application/x-amz-json-1.1";
const JSON_1_0: &str = "application/x-amz-json-1.0";
const CBOR: &str = "application/cbor";
const XML: &str = "text/xml";

/// The operations that have no output in the service's model, and so no wrapper in the answer.
const WITHOUT_OUTPUT: [&str; 3] = ["SuspendProcesses", "ResumeProcesses", "SetInstanceHealth"];

/// The answer of an operation that was asked by JSON or CBOR.
pub(crate) fn json(
    value: &Value,
    service: Service,
    protocol: Protocol,
    request_id: &str,
) -> Answer {
    match protocol {
        Protocol::Cbor => with_cbor(200, value, request_id),
        Protocol::Json | Protocol::Query | Protocol::Ec2 | Protocol::S3 => {
            answer(200, json_type(Some(service)), value.to_string().into_bytes(), request_id)
        }
    }
}

fn with_cbor(status: u16, value: &Value, request_id: &str) -> Answer {
    let mut res = answer(status, CBOR, cbor::write(value), request_id);
    let protocol = http::HeaderValue::from_static("rpc-v2-cbor");
    res.headers_mut().insert("smithy-protocol", protocol);
    res
}

fn json_type(service: Option<Service>) -> &'static str {
    match service {
        Some(Service::CloudWatch) => JSON_1_0,
        Some(
            Service::Ssm
            | Service::Sts
            | Service::AutoScaling
            | Service::Ec2
            | Service::Iam
            | Service::S3
            | Service::Logs
            | Service::Kms,
        )
        | None => JSON,
    }
}

/// The answer of an awsQuery operation, whose result `write` writes.
pub(crate) fn query(
    service: Service,
    operation: &str,
    request_id: &str,
    write: impl FnOnce(&mut Xml) -> Result<(), ApiError>,
) -> Result<Answer, ApiError> {
    let mut xml = Xml::new();
    let mut res = Ok(());
    // The wrapper has to be there and come first, even when it is empty: SDKs insist on it.
    xml.root(&format!("{operation}Response"), service.xmlns(), |xml| {
        if WITHOUT_OUTPUT.contains(&operation) {
            res = write(xml);
        } else {
            xml.element(&format!("{operation}Result"), |xml| res = write(xml));
        }
        xml.element("ResponseMetadata", |xml| xml.text("RequestId", request_id));
    });
    res.map(|()| answer(200, XML, xml.into_bytes(), request_id))
}

/// The answer of an ec2Query operation: no wrapper, and the request's id first.
pub(crate) fn ec2(
    operation: &str,
    request_id: &str,
    write: impl FnOnce(&mut Xml) -> Result<(), ApiError>,
) -> Result<Answer, ApiError> {
    let mut xml = Xml::declared();
    let mut res = Ok(());
    xml.root(&format!("{operation}Response"), Service::Ec2.xmlns(), |xml| {
        xml.text("requestId", request_id);
        res = write(xml);
    });
    res.map(|()| answer(200, XML, xml.into_bytes(), request_id))
}

/// An error; `service` is `None` if the request was for none.
pub(crate) fn error(
    error: &ApiError,
    protocol: Protocol,
    service: Option<Service>,
    request_id: &str,
) -> Answer {
    match protocol {
        Protocol::Json => json_error(error, service, request_id),
        Protocol::Cbor => {
            let mut res = with_cbor(error.status, &error_body(error), request_id);
            tell_query_code(&mut res, error);
            res
        }
        Protocol::Query => query_error(error, service.map_or("", Service::xmlns), request_id),
        Protocol::Ec2 => ec2_error(error, request_id),
        Protocol::S3 => s3_error(error, request_id),
    }
}

fn error_body(error: &ApiError) -> Value {
    match &error.message {
        // Clients read one or the other, and services send one or the other.
        Some(it) => json!({ "__type": error.code, "message": it, "Message": it }),
        None => json!({ "__type": error.code }),
    }
}

fn json_error(error: &ApiError, service: Option<Service>, request_id: &str) -> Answer {
    let body = error_body(error).to_string().into_bytes();
    let mut res = answer(error.status, json_type(service), body, request_id);
    if let Ok(code) = error.code.parse() {
        res.headers_mut().insert("x-amzn-errortype", code);
    }
    if service == Some(Service::CloudWatch) {
        tell_query_code(&mut res, error);
    }
    res
}

/// Adds the code that the error has in the older protocol, by which clients know it (aws-facts §10.4).
fn tell_query_code(res: &mut Answer, error: &ApiError) {
    let code = cloudwatch::code_in_queries(&error.code);
    if let Ok(it) = format!("{code};{}", side(error)).parse() {
        res.headers_mut().insert("x-amzn-query-error", it);
    }
}

/// Whose fault it is.
fn side(error: &ApiError) -> &'static str {
    if error.status < 500 { "Sender" } else { "Receiver" }
}

fn query_error(error: &ApiError, xmlns: &str, request_id: &str) -> Answer {
    let mut xml = Xml::new();
    xml.root("ErrorResponse", xmlns, |xml| {
        xml.element("Error", |xml| {
            xml.text("Type", side(error));
            code_and_message(xml, error);
        });
        xml.text("RequestId", request_id);
    });
    answer(error.status, XML, xml.into_bytes(), request_id)
}

fn ec2_error(error: &ApiError, request_id: &str) -> Answer {
    let mut xml = Xml::declared();
    xml.element("Response", |xml| {
        xml.element("Errors", |xml| xml.element("Error", |xml| code_and_message(xml, error)));
        xml.text("RequestID", request_id);
    });
    answer(error.status, XML, xml.into_bytes(), request_id)
}

/// An answer of S3's, whose content is what was asked for.
pub(crate) fn s3(
    status: u16,
    content_type: &'static str,
    body: impl Into<Bytes>,
    request_id: &str,
) -> Answer {
    let mut res = plain(status, content_type, body);
    if let Ok(it) = request_id.parse() {
        res.headers_mut().insert("x-amz-request-id", it);
    }
    res
}

fn s3_error(error: &ApiError, request_id: &str) -> Answer {
    let mut xml = Xml::declared();
    xml.element("Error", |xml| {
        code_and_message(xml, error);
        xml.text("RequestId", request_id);
        xml.text("HostId", "simulator");
    });
    s3(error.status, "application/xml", xml.into_bytes(), request_id)
}

fn code_and_message(xml: &mut Xml, error: &ApiError) {
    xml.text("Code", &error.code);
    if let Some(it) = &error.message {
        xml.text("Message", it);
    }
}

/// An answer that is not AWS's: the page of a proxy, or the simulator's own.
pub(crate) fn plain(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut res = Response::new(Full::new(body.into()));
    *res.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    res.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    res
}

fn answer(status: u16, content_type: &'static str, body: Vec<u8>, request_id: &str) -> Answer {
    let mut res = plain(status, content_type, body);
    if let Ok(it) = request_id.parse() {
        res.headers_mut().insert("x-amzn-requestid", it);
    }
    res
}
