//! A request before it has an endpoint and a signature, in the protocol of its service.

use super::service::Service;

#[derive(Debug, Clone)]
pub(in crate::aws) struct Request {
    pub(super) service: &'static Service,
    pub(super) host: Host,
    pub(super) method: &'static str,
    /// Encoded, and beginning with a slash.
    pub(super) path_and_query: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// The answer is somebody's content, and not words of the service.
    pub(super) is_content: bool,
}

/// What is asked for other than the service's own address in the region of the connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Host {
    /// Before the service's name: a bucket's.
    pub(super) bucket: Option<String>,
    pub(super) region: Option<String>,
}

impl Request {
    fn post(service: &'static Service, content_type: &str, body: Vec<u8>) -> Self {
        Self {
            service,
            host: Host::default(),
            method: "POST",
            path_and_query: "/".to_owned(),
            headers: vec![("content-type", content_type.to_owned())],
            body,
            is_content: false,
        }
    }

    /// An operation of a service that speaks awsJson1.1.
    pub(in crate::aws) fn json(
        service: &'static Service,
        operation: &str,
        body: &serde_json::Value,
    ) -> Self {
        let mut res =
            Self::post(service, "application/x-amz-json-1.1", body.to_string().into_bytes());
        res.headers.push(("x-amz-target", format!("{}.{operation}", service.interface)));
        res
    }

    /// An operation of a service that speaks awsQuery or ec2Query: its parameters by the names that
    /// the protocol makes of members and lists (`Filter.1.Value.1`).
    pub(in crate::aws) fn query(
        service: &'static Service,
        operation: &str,
        parameters: &[(String, String)],
    ) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", operation).append_pair("Version", service.interface);
        form.extend_pairs(parameters);
        Self::post(service, "application/x-www-form-urlencoded", form.finish().into_bytes())
    }

    /// A part of an object in a bucket: bytes `from` to `to`, both included. The bucket's region
    /// is that of the connection unless it is given.
    pub(in crate::aws) fn object(
        bucket: &str,
        key: &str,
        (from, to): (u64, u64),
        region: Option<&str>,
    ) -> Self {
        let host = Host { bucket: Some(bucket.to_owned()), region: region.map(str::to_owned) };
        Self {
            service: &Service::S3,
            host,
            method: "GET",
            path_and_query: format!("/{}", encoded_key(key)),
            headers: vec![("range", format!("bytes={from}-{to}"))],
            body: Vec::new(),
            is_content: true,
        }
    }
}

/// Encodes a key for a path as S3 signs it: once, and its slashes not at all.
fn encoded_key(key: &str) -> String {
    let mut res = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                res.push(char::from(byte));
            }
            _ => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                res.push('%');
                res.push(char::from(HEX[usize::from(byte >> 4)]));
                res.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_encoded_once_and_keeps_its_slashes_and_dots() {
        assert_eq!(encoded_key("a b/../c%20d//é+"), "a%20b/../c%2520d//%C3%A9%2B");
    }

    #[test]
    fn a_part_of_an_object_is_asked_for_in_the_region_of_its_bucket() {
        let request = Request::object("logs", "a b/stdout", (0, 9), Some("eu-west-1"));
        assert_eq!(request.path_and_query, "/a%20b/stdout");
        assert_eq!(request.headers, [("range", "bytes=0-9".to_owned())]);
        assert_eq!(request.host.region.as_deref(), Some("eu-west-1"));
    }

    #[test]
    fn an_operation_in_json_is_named_by_its_target() {
        let body = serde_json::json!({ "logGroupName": "a" });
        let request = Request::json(&Service::LOGS, "GetLogEvents", &body);
        assert!(request.headers.contains(&("x-amz-target", "Logs_20140328.GetLogEvents".into())));
        assert_eq!(request.body, br#"{"logGroupName":"a"}"#);
    }

    #[test]
    fn parameters_of_a_query_are_encoded_as_a_form() {
        let parameters = [("Filter.1.Name".to_owned(), "tag:a b".to_owned())];
        let request = Request::query(&Service::EC2, "DescribeVolumes", &parameters);
        let body = String::from_utf8(request.body).unwrap();
        assert_eq!(body, "Action=DescribeVolumes&Version=2016-11-15&Filter.1.Name=tag%3Aa+b");
    }
}
