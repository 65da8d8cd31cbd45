//! S3's own way of asking: a method, a path that names a bucket and a key, and a query.
//! Buckets are in the path or before the host's name; nothing is read from them here.

use http::{HeaderMap, Method, header::HOST, request::Parts};

use super::form::Form;
use crate::sim::api::ApiError;

/// What a request is about.
#[derive(Debug)]
pub(crate) struct Place {
    pub bucket: String,
    /// Empty: the bucket itself.
    pub key: String,
    pub query: Form,
    /// The `Range` header, whatever it says.
    pub range: Option<String>,
    pub is_head: bool,
}

/// Tells whether a request is signed for S3: nothing else in it says so for certain.
pub(super) fn is_meant(headers: &HeaderMap) -> bool {
    let authorization = headers.get("authorization").and_then(|it| it.to_str().ok());
    authorization.is_some_and(|it| it.contains("/s3/aws4_request"))
}

impl Place {
    pub(super) fn read(parts: &Parts) -> Result<Self, ApiError> {
        let host = parts.headers.get(HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let path = parts.uri.path().trim_start_matches('/');
        let (bucket, key) = match bucket_of(host) {
            Some(bucket) => (bucket.to_owned(), path),
            None => {
                let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
                (decoded(bucket)?, key)
            }
        };
        if parts.method != Method::GET && parts.method != Method::HEAD || bucket.is_empty() {
            let message = "A header you provided implies functionality that is not implemented by \
                           this simulator, which lists buckets and reads objects.";
            return Err(ApiError::new("NotImplemented", message).with_status(501));
        }
        let range = parts.headers.get("range").and_then(|it| it.to_str().ok());
        Ok(Self {
            bucket,
            key: decoded(key)?,
            query: Form::parse(parts.uri.query().unwrap_or_default().as_bytes()),
            range: range.map(str::to_owned),
            is_head: parts.method == Method::HEAD,
        })
    }

    pub(super) fn operation(&self) -> &'static str {
        match (self.key.is_empty(), self.is_head) {
            (false, true) => "HeadObject",
            (false, false) => "GetObject",
            (true, true) => "HeadBucket",
            (true, false) => "ListObjectsV2",
        }
    }
}

/// Returns the bucket that a host's name begins with: `logs.localhost`, `logs.s3.….amazonaws.com`.
fn bucket_of(host: &str) -> Option<&str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let of_service = name.find(".s3.").or_else(|| name.find(".s3-"));
    let end = of_service.or_else(|| name.strip_suffix(".localhost").map(str::len))?;
    Some(&name[..end]).filter(|it| !it.is_empty())
}

/// Decodes what a path has encoded: what means something in a form stands for itself there.
fn decoded(text: &str) -> Result<String, ApiError> {
    let plain = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let res: String = form_urlencoded::parse(plain.as_bytes()).map(|(it, _)| it).collect();
    if res.contains('\u{fffd}') {
        let message = "Couldn't parse the specified URI.";
        return Err(ApiError::new("InvalidURI", message));
    }
    Ok(res)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_in_the_hosts_name_or_in_the_path() {
        assert_eq!(bucket_of("logs.localhost:4566"), Some("logs"));
        assert_eq!(bucket_of("a.b.s3.eu-west-1.amazonaws.com"), Some("a.b"));
        for host in ["127.0.0.1:4566", "localhost:4566", "s3.us-east-1.amazonaws.com", ""] {
            assert_eq!(bucket_of(host), None, "{host}");
        }
    }

    #[test]
    fn a_key_is_decoded_once() {
        assert_eq!(decoded("a%20b/c%2520+&=%26").unwrap(), "a b/c%20+&=&");
        assert!(decoded("%ff").is_err());
    }
}
