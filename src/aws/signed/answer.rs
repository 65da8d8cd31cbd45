//! What comes back: content, or an error in the words of the service's protocol.

use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};

use super::xml::Element;

/// An answer that is no error, or one that says that a bucket is elsewhere.
#[derive(Debug)]
pub(in crate::aws) struct Answer {
    pub(in crate::aws) body: Vec<u8>,
    /// How many bytes there are of what this is a part of.
    pub(in crate::aws) total: Option<u64>,
    /// The region of the bucket, which is not the one that was asked.
    pub(in crate::aws) moved_to: Option<String>,
}

impl Answer {
    /// Reads the answer of a service that speaks JSON.
    pub(in crate::aws) fn json<T: serde::de::DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.body)
    }

    /// Reads the answer of a service that speaks XML.
    pub(in crate::aws) fn xml(&self) -> Option<Element> {
        Element::parse(&self.body)
    }
}

/// An error of the service.
#[derive(Debug)]
pub(in crate::aws) struct Failure(ErrorMetadata);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}

impl ProvideErrorMetadata for Failure {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

/// Reads an answer, whatever the protocol: each has a form of its own that no other has.
pub(super) fn read(response: &HttpResponse) -> Result<Answer, OrchestratorError<Failure>> {
    let header = |name: &str| response.headers().get(name);
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        // `bytes 0-9/1234`
        let total = header("content-range").and_then(|it| it.rsplit_once('/')?.1.parse().ok());
        return Ok(Answer { body: body.to_vec(), total, moved_to: None });
    }
    let (code, message) = said(header("x-amzn-errortype"), body);
    // An object without a byte has no part that begins with its first.
    if code == "InvalidRange" {
        return Ok(Answer { body: Vec::new(), total: Some(0), moved_to: None });
    }
    let region = header("x-amz-bucket-region");
    let is_elsewhere = ["PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"];
    if let Some(region) = region.filter(|_| is_elsewhere.contains(&code.as_str())) {
        let moved_to = Some(region.to_owned());
        return Ok(Answer { body: Vec::new(), total: None, moved_to });
    }
    let metadata = ErrorMetadata::builder().code(code).message(message).build();
    Err(OrchestratorError::operation(Failure(metadata)))
}

/// Returns the code and the words of an error; both are empty if it has none that can be read.
fn said(named: Option<&str>, body: &[u8]) -> (String, String) {
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) {
        let text = |it: &str| json.get(it).and_then(|it| it.as_str());
        let code = named.or(text("__type")).or(text("code")).unwrap_or_default();
        // `com.amazonaws.logs#ResourceNotFoundException:http://…` (awsJson1.1)
        let code = code.split(':').next().unwrap_or_default();
        let code = code.rsplit('#').next().unwrap_or_default();
        let message = text("message").or(text("Message")).unwrap_or_default();
        return (code.to_owned(), message.to_owned());
    }
    let Some(root) = Element::parse(body) else {
        return (named.unwrap_or_default().to_owned(), String::new());
    };
    let text = |it: &str| root.text_of(it).unwrap_or_default().to_owned();
    (text("Code"), text("Message"))
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn response(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> HttpResponse {
        let status = StatusCode::try_from(status).unwrap();
        let mut res = HttpResponse::new(status, SdkBody::from(body));
        for (name, value) in headers {
            res.headers_mut().insert(*name, *value);
        }
        res
    }

    #[test]
    fn errors_are_read_in_the_form_of_each_protocol() {
        let check = |body: &str, code: &str, message: &str| {
            assert_eq!(
                said(None, body.as_bytes()),
                (code.to_owned(), message.to_owned()),
                "{body}"
            );
        };
        check(r#"{"__type":"a#NotThere:http://x/","message":"no"}"#, "NotThere", "no");
        check(r#"{"__type":"Denied","Message":"No"}"#, "Denied", "No");
        check("<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>", "NoSuchKey", "gone");
        check(
            "<ErrorResponse><Error><Type>Sender</Type><Code>A</Code><Message>&amp;b</Message>\
             </Error><RequestId>1</RequestId></ErrorResponse>",
            "A",
            "&b",
        );
        check(
            "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>m</Message>\
             </Error></Errors><RequestID>1</RequestID></Response>",
            "UnauthorizedOperation",
            "m",
        );
        check("<html>bad gateway", "", "");
    }

    #[test]
    fn an_answer_is_what_it_holds_and_a_part_says_of_how_much() {
        let answer = read(&response(206, &[("content-range", "bytes 0-3/1234")], "abcd")).unwrap();
        assert_eq!((answer.body.as_slice(), answer.total), (b"abcd".as_slice(), Some(1234)));
        let answer = read(&response(200, &[], r#"{"a":1}"#)).unwrap();
        assert_eq!(answer.json::<serde_json::Value>().unwrap()["a"], 1);
        let answer = read(&response(200, &[], "<R><a>1</a></R>")).unwrap();
        assert_eq!(answer.xml().unwrap().text_of("a"), Some("1"));
        let empty = "<Error><Code>InvalidRange</Code></Error>";
        assert_eq!(read(&response(416, &[], empty)).unwrap().total, Some(0));
    }

    #[test]
    fn a_bucket_that_is_elsewhere_says_where() {
        let body = "<Error><Code>PermanentRedirect</Code></Error>";
        let answer = read(&response(301, &[("x-amz-bucket-region", "eu-west-1")], body)).unwrap();
        assert_eq!(answer.moved_to.as_deref(), Some("eu-west-1"));
        assert!(read(&response(301, &[], body)).is_err());
    }
}
