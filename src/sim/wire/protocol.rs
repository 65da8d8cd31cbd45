//! Tells which operation of which service a request is for, whatever the protocol.
//! It decides nothing about the operation itself.

use http::{HeaderMap, Method, request::Parts};

use super::{
    cbor,
    form::Form,
    s3::{self, Place},
};
use crate::sim::{api::ApiError, iam::Protocol};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Ssm,
    Sts,
    AutoScaling,
    Ec2,
    Iam,
    CloudWatch,
    S3,
    Logs,
    Kms,
}

/// What a request asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// That the body is none is told to those alone who may ask at all (aws-facts D21).
    Json {
        service: Service,
        /// JSON, or CBOR, which says the same in other bytes.
        protocol: Protocol,
        operation: String,
        body: Result<serde_json::Value, ApiError>,
    },
    Form {
        service: Service,
        operation: String,
        form: Form,
    },
    S3(Place),
}

/// A request that is for no operation, in the shape of the protocol that it seems to speak.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unroutable {
    pub protocol: Protocol,
    pub error: ApiError,
}

const TOKEN: &str = "NextToken";

/// The services that are asked by JSON or CBOR, by their names there.
const NAMES: [(&str, Service); 4] = [
    ("AmazonSSM", Service::Ssm),
    ("Logs_20140328", Service::Logs),
    ("TrentService", Service::Kms),
    ("GraniteServiceVersion20100801", Service::CloudWatch),
];

/// The services that are asked by form, by the version of their interface.
const VERSIONS: [(&str, Service); 5] = [
    ("2010-05-08", Service::Iam),
    ("2010-08-01", Service::CloudWatch),
    ("2011-06-15", Service::Sts),
    ("2011-01-01", Service::AutoScaling),
    ("2016-11-15", Service::Ec2),
];

impl Service {
    /// The name in a signature's scope.
    pub(crate) fn signing_name(self) -> &'static str {
        match self {
            Self::Ssm => "ssm",
            Self::Sts => "sts",
            Self::AutoScaling => "autoscaling",
            Self::Ec2 => "ec2",
            Self::Iam => "iam",
            Self::CloudWatch => "monitoring",
            Self::S3 => "s3",
            Self::Logs => "logs",
            Self::Kms => "kms",
        }
    }

    pub(crate) fn xmlns(self) -> &'static str {
        match self {
            Self::Ssm | Self::Logs | Self::Kms | Self::S3 => "",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::AutoScaling => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
            Self::CloudWatch => "http://monitoring.amazonaws.com/doc/2010-08-01/",
        }
    }
}

impl Asked {
    pub(crate) fn service(&self) -> Service {
        match self {
            Self::Json { service, .. } | Self::Form { service, .. } => *service,
            Self::S3(_) => Service::S3,
        }
    }

    pub(crate) fn protocol(&self) -> Protocol {
        match self {
            Self::Json { protocol, .. } => *protocol,
            Self::Form { service: Service::Ec2, .. } => Protocol::Ec2,
            Self::Form { .. } => Protocol::Query,
            Self::S3(_) => Protocol::S3,
        }
    }

    pub(crate) fn operation(&self) -> &str {
        match self {
            Self::Json { operation, .. } | Self::Form { operation, .. } => operation,
            Self::S3(it) => it.operation(),
        }
    }

    /// Returns the token of the page that is asked for.
    pub(crate) fn token(&self) -> Option<&str> {
        match self {
            Self::Json { body, .. } => body.as_ref().ok()?.get(TOKEN)?.as_str(),
            Self::Form { form, .. } => form.text(TOKEN),
            Self::S3(_) => None,
        }
    }

    /// Asks for another page; an empty token for the first.
    pub(crate) fn set_token(&mut self, token: &str) {
        match self {
            Self::Json { body: Ok(body), .. } => body[TOKEN] = token.into(),
            Self::Json { body: Err(_), .. } | Self::S3(_) => {}
            Self::Form { form, .. } => form.set(TOKEN, token),
        }
    }
}

/// Returns the protocol that a request seems to speak, by its headers alone.
pub(crate) fn seeming(headers: &HeaderMap) -> Protocol {
    let is_json = |it: &str| it.starts_with("application/x-amz-json");
    let content_type = headers.get("content-type").and_then(|it| it.to_str().ok());
    if s3::is_meant(headers) {
        return Protocol::S3;
    }
    if headers.get("smithy-protocol").is_some_and(|it| it == "rpc-v2-cbor") {
        return Protocol::Cbor;
    }
    if headers.contains_key("x-amz-target") || content_type.is_some_and(is_json) {
        Protocol::Json
    } else {
        Protocol::Query
    }
}

/// Reads what a request asks for.
pub(crate) fn read(parts: &Parts, body: &[u8]) -> Result<Asked, Unroutable> {
    let protocol = seeming(&parts.headers);
    if protocol == Protocol::S3 {
        let place = Place::read(parts).map_err(|error| Unroutable { protocol, error })?;
        return Ok(Asked::S3(place));
    }
    let refuse = |status: u16, code: &str, message: String| {
        Err(Unroutable { protocol, error: ApiError::new(code, message).with_status(status) })
    };
    let unknown = match protocol {
        Protocol::Json | Protocol::Cbor => "UnknownOperationException",
        Protocol::Query | Protocol::Ec2 | Protocol::S3 => "InvalidAction",
    };
    if protocol != Protocol::Cbor && parts.uri.path() != "/" {
        return refuse(404, unknown, format!("there is no operation at {}", parts.uri.path()));
    }
    if parts.method != Method::POST {
        return refuse(405, unknown, format!("{} is not supported, use POST", parts.method));
    }
    match protocol {
        Protocol::Json => read_json(&parts.headers, body),
        Protocol::Cbor => read_cbor(parts.uri.path(), body),
        Protocol::Query | Protocol::Ec2 | Protocol::S3 => read_form(body),
    }
    .map_err(|(protocol, error)| Unroutable { protocol, error })
}

fn read_json(headers: &HeaderMap, body: &[u8]) -> Result<Asked, (Protocol, ApiError)> {
    let refuse = |error| Err((Protocol::Json, error));
    let target = headers.get("x-amz-target").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let (service, operation) = match target.split_once('.') {
        Some((name, operation)) => match service_called(name) {
            Ok(service) => (service, operation),
            Err(error) => return refuse(error),
        },
        None => return refuse(ApiError::bare("UnknownOperationException")),
    };
    // An operation without parameters may be asked without a body.
    let body = if body.is_empty() { b"{}" } else { body };
    let body = match serde_json::from_slice(body) {
        Ok(it @ serde_json::Value::Object(_)) => Ok(it),
        Ok(_) => Err("the body is not an object".to_owned()),
        Err(err) => Err(err.to_string()),
    };
    let body = body.map_err(|why| ApiError::new("SerializationException", why));
    let operation = operation.to_owned();
    Ok(Asked::Json { service, protocol: Protocol::Json, operation, body })
}

fn service_called(name: &str) -> Result<Service, ApiError> {
    if name.is_empty() {
        return Err(ApiError::bare("UnknownOperationException"));
    }
    let found = NAMES.into_iter().find(|(it, _)| *it == name);
    // AWS has such services, at other endpoints.
    let message = || format!("The service {name} is not implemented by this simulator");
    let unknown = || ApiError::new("UnknownOperationException", message());
    found.map(|(_, service)| service).ok_or_else(unknown)
}

/// `/service/NAME/operation/OPERATION` (Smithy RPC v2 CBOR protocol).
fn read_cbor(path: &str, body: &[u8]) -> Result<Asked, (Protocol, ApiError)> {
    let parts: Vec<&str> = path.split('/').collect();
    let ["", "service", name, "operation", operation] = parts[..] else {
        let error = ApiError::bare("UnknownOperationException").with_status(404);
        return Err((Protocol::Cbor, error));
    };
    // SSM is not asked this way.
    let service = service_called(name).ok().filter(|it| *it == Service::CloudWatch);
    let Some(service) = service else {
        let message = format!("The service {name} is not implemented by this simulator");
        let error = ApiError::new("UnknownOperationException", message).with_status(404);
        return Err((Protocol::Cbor, error));
    };
    let body = match body {
        [] => Ok(serde_json::json!({})),
        body => match cbor::read(body) {
            Ok(it @ serde_json::Value::Object(_)) => Ok(it),
            Ok(_) => Err("the body is not a map".to_owned()),
            Err(why) => Err(why),
        },
    };
    let body = body.map_err(|why| ApiError::new("SerializationException", why));
    let operation = operation.to_owned();
    Ok(Asked::Json { service, protocol: Protocol::Cbor, operation, body })
}

fn read_form(body: &[u8]) -> Result<Asked, (Protocol, ApiError)> {
    let form = Form::parse(body);
    let Some(operation) = form.text("Action").filter(|it| !it.is_empty()) else {
        let message = "The request must contain the parameter Action";
        return Err((Protocol::Query, ApiError::new("MissingAction", message)));
    };
    let version = form.text("Version").unwrap_or_default();
    let Some((_, service)) = VERSIONS.into_iter().find(|(it, _)| *it == version) else {
        let mut error = no_action(operation, version);
        // Of another service it may be the right one.
        if let Some(message) = &mut error.message {
            message.push_str(", which is none of the services that this simulator implements");
        }
        return Err((Protocol::Query, error));
    };
    Ok(Asked::Form { service, operation: operation.to_owned(), form })
}

/// The refusal of an operation that the service does not have, in AWS's words.
pub(crate) fn no_action(operation: &str, version: &str) -> ApiError {
    ApiError::new(
        "InvalidAction",
        format!("Could not find operation {operation} for version {version}"),
    )
}

/// The refusal of an operation that the service has and the simulator has not.
pub(crate) fn not_implemented(operation: &str) -> ApiError {
    let message = format!("The operation {operation} is not implemented by this simulator");
    ApiError::new("InvalidAction", message)
}

#[cfg(test)]
mod tests;
