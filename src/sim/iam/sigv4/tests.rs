//! Signatures made by botocore 1.43.11 (as data) and by aws-sigv4 are verified here.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{super::sigerror::Protocol, *};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const NOW: &str = "2026-11-20T12:30:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A request that a client signed.
struct Signed {
    method: &'static str,
    target: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static [u8],
}

impl Signed {
    fn headers(&self) -> HeaderMap {
        let pairs = self.headers.iter().map(|(name, value)| {
            let name = HeaderName::try_from(*name).unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        });
        pairs.collect()
    }

    fn verify(&self, secret: &str, now: Timestamp) -> Result<(), SigError> {
        let headers = self.headers();
        let presented = Presented::parse(&headers)?;
        let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
        let parts =
            RequestParts { method: self.method, path, query, headers: &headers, body: self.body };
        verify(&presented, &parts, secret, now)
    }
}

fn send_command() -> Signed {
    Signed {
        method: "POST",
        target: "/",
        headers: vec![
            ("Host", "127.0.0.1:8080"),
            ("X-Amz-Target", "AmazonSSM.SendCommand"),
            ("Content-Type", "application/x-amz-json-1.1"),
            ("User-Agent", "Boto3/1.43"),
            ("X-Amz-Date", "20261120T123000Z"),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDOPERATOR/20261120/us-east-1/ssm/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
                 Signature=28fea6bf2ec6adf85b5f14c61dbf52462c9ca161aa0832675b1b3e425a351215",
            ),
        ],
        body: b"{\"DocumentName\": \"AWS-RunShellScript\", \"Comment\": \"caf\xc3\xa9\"}",
    }
}

fn assume_role() -> Signed {
    Signed {
        method: "POST",
        target: "/",
        headers: vec![
            ("Host", "127.0.0.1:8080"),
            ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("X-Amz-Date", "20261120T123000Z"),
            ("X-Amz-Security-Token", "FwoGZXIvYXdzEBYaDK/token=="),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDOPERATOR/20261120/us-east-1/sts/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
                 Signature=add35ee8d13a96ca516f68a166205fc13744104c1985508d70b6a4d8b55999da",
            ),
        ],
        body: b"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3A\
                role%2Fweb&RoleSessionName=cli-session",
    }
}

fn describe_by_get() -> Signed {
    Signed {
        method: "GET",
        target: "/?Version=2011-01-01&Action=DescribeAutoScalingGroups&Filter=a%20b%2Fc&empty=&X=~",
        headers: vec![
            ("Host", "localhost:8080"),
            ("X-Amz-Date", "20261120T123000Z"),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDOPERATOR/20261120/ap-northeast-1/autoscaling/aws4_request, \
                 SignedHeaders=host;x-amz-date, \
                 Signature=7c8c854cb95dc6560480b4d336a22ef7d6cd9dc93912c8a3f913740295f4c3b3",
            ),
        ],
        body: b"",
    }
}

fn odd_path_and_spaces() -> Signed {
    Signed {
        method: "POST",
        target: "/service/Granite%20Service/./operation//DescribeAlarms",
        headers: vec![
            ("Host", "127.0.0.1:8080"),
            ("Content-Type", "application/cbor"),
            ("X-Amz-Meta", "   a   b  c  "),
            ("X-Amz-Date", "20261120T123000Z"),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDOPERATOR/20261120/us-east-1/monitoring/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-meta, \
                 Signature=e7bbfa02a18a1628c6da15b91509bd421492d94644f49cae0c864e79a9c23331",
            ),
        ],
        body: b"\xa0",
    }
}

#[test]
fn what_botocore_signed_is_verified() {
    for it in [send_command(), assume_role(), describe_by_get(), odd_path_and_spaces()] {
        assert_eq!(it.verify(SECRET, now()), Ok(()), "{}", it.target);
    }
}

#[test]
fn what_the_client_claims_is_read_from_the_headers() {
    let presented = Presented::parse(&assume_role().headers()).unwrap();
    assert_eq!(presented.access_key_id, "AKIDOPERATOR");
    assert_eq!((presented.service.as_str(), presented.region.as_str()), ("sts", "us-east-1"));
    assert_eq!(presented.session_token.as_deref(), Some("FwoGZXIvYXdzEBYaDK/token=="));
    assert_eq!(presented.date, now());
}

#[test]
fn anything_changed_after_signing_is_a_mismatch() {
    let mut changed = vec![
        Signed { body: b"{}", ..send_command() },
        Signed { method: "PUT", ..send_command() },
        Signed { target: "/other", ..send_command() },
        Signed { target: "/?Action=X", ..send_command() },
    ];
    let mut target = send_command();
    target.headers[1].1 = "AmazonSSM.CancelCommand";
    changed.push(target);
    let mut host = send_command();
    host.headers[0].1 = "127.0.0.1:8081";
    changed.push(host);
    for it in changed {
        assert_eq!(it.verify(SECRET, now()), Err(SigError::Mismatch));
    }
    assert_eq!(send_command().verify("other secret", now()), Err(SigError::Mismatch));
    let mut truncated = send_command();
    let authorization = &mut truncated.headers.last_mut().unwrap().1;
    *authorization = &authorization[..authorization.len() - 1];
    assert_eq!(truncated.verify(SECRET, now()), Err(SigError::Mismatch));
}

#[test]
fn a_header_that_is_not_signed_may_change_unless_it_carries_the_meaning() {
    let mut agent = send_command();
    agent.headers[3].1 = "curl";
    assert_eq!(agent.verify(SECRET, now()), Ok(()));

    let mut target = assume_role();
    target.headers.push(("X-Amz-Target", "AmazonSSM.SendCommand"));
    let Err(err @ SigError::Scope(_)) = target.verify(SECRET, now()) else {
        panic!("an unsigned target is refused");
    };
    assert_eq!(
        err.to_string(),
        "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."
    );
}

#[test]
fn clocks_may_differ_by_five_minutes() {
    let at = |seconds: i64| now() + SignedDuration::from_secs(seconds);
    assert_eq!(send_command().verify(SECRET, at(300)), Ok(()));
    assert_eq!(send_command().verify(SECRET, at(-300)), Ok(()));
    let expired =
        "Signature expired: 20261120T123000Z is now earlier than 20261120T123501Z - 5 min.";
    assert_eq!(send_command().verify(SECRET, at(301)), Err(SigError::Skew(expired.to_owned())));
    let early =
        "Signature not yet current: 20261120T123000Z is still later than 20261120T122459Z + 5 min.";
    assert_eq!(send_command().verify(SECRET, at(-301)), Err(SigError::Skew(early.to_owned())));
}

#[test]
fn the_scope_has_to_be_the_services_and_the_days() {
    let presented = Presented::parse(&send_command().headers()).unwrap();
    assert_eq!(presented.check_scope("ssm", "us-east-1"), Ok(()));
    assert!(matches!(presented.check_scope("sts", "us-east-1"), Err(SigError::Scope(_))));
    assert!(matches!(presented.check_scope("ssm", "eu-west-1"), Err(SigError::Scope(_))));
    let mut other_day = send_command();
    other_day.headers[4].1 = "20261121T000000Z";
    assert!(matches!(
        other_day.verify(SECRET, "2026-11-21T00:00:00Z".parse().unwrap()),
        Err(SigError::Scope(_))
    ));
}

#[test]
fn a_session_token_has_to_be_the_one_issued_and_not_expired() {
    let with = Presented::parse(&assume_role().headers()).unwrap();
    let without = Presented::parse(&send_command().headers()).unwrap();
    let issued = |token, expires: &str| {
        Some(IssuedToken { token, expires: expires.parse::<Timestamp>().unwrap() })
    };
    let token = "FwoGZXIvYXdzEBYaDK/token==";
    assert_eq!(with.check_token(issued(token, "2026-11-20T12:30:01Z"), now()), Ok(()));
    assert_eq!(with.check_token(issued(token, NOW), now()), Err(SigError::ExpiredToken));
    assert_eq!(with.check_token(issued("other", NOW), now()), Err(SigError::UnknownKey));
    assert_eq!(with.check_token(None, now()), Err(SigError::UnknownKey));
    assert_eq!(without.check_token(issued(token, NOW), now()), Err(SigError::UnknownKey));
    assert_eq!(without.check_token(None, now()), Ok(()));
}

#[test]
fn each_protocol_has_its_own_codes() {
    let codes = |err: &SigError| {
        [Protocol::Json, Protocol::Query, Protocol::Ec2].map(|it| err.on_wire(it).code)
    };
    let missing = Presented::parse(&HeaderMap::new()).unwrap_err();
    let missing_query = "MissingAuthenticationToken";
    assert_eq!(
        codes(&missing),
        ["MissingAuthenticationTokenException", missing_query, missing_query]
    );
    let mismatch = SigError::Mismatch;
    assert_eq!(
        codes(&mismatch),
        ["InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure"]
    );
    let unknown = SigError::UnknownKey;
    assert_eq!(
        codes(&unknown),
        ["UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"]
    );
    let expired = SigError::ExpiredToken;
    assert_eq!(codes(&expired), ["ExpiredTokenException", "ExpiredToken", "RequestExpired"]);
    assert_eq!(mismatch.on_wire(Protocol::Json).status, 400);
    assert_eq!(mismatch.on_wire(Protocol::Query).status, 403);
}

#[test]
fn a_malformed_authorization_says_what_is_wrong_with_it() {
    let check = |authorization: &'static str, expected: &str| {
        let mut request = send_command();
        request.headers.last_mut().unwrap().1 = authorization;
        let err = request.verify(SECRET, now()).unwrap_err();
        assert_eq!(err.to_string(), expected);
        assert_eq!(err.on_wire(Protocol::Query).code, "IncompleteSignature");
    };
    check("Basic abc", "Unsupported AWS 'algorithm': 'Basic'.");
    check("AWS4-HMAC-SHA256 x", "Authorization header requires 'Credential' parameter.");
    check(
        "AWS4-HMAC-SHA256 Credential=AKID/20261120/us-east-1/ssm, SignedHeaders=host, Signature=0",
        "Credential must have exactly 5 slash-delimited elements, e.g. \
         keyid/date/region/service/term.",
    );
    check(
        "AWS4-HMAC-SHA256 Credential=AKID/20261120/us-east-1/ssm/aws4_request, Signature=0",
        "Authorization header requires 'SignedHeaders' parameter.",
    );
}

/// Signs with the SDK's own crate and verifies, with headers that the SDK sends.
#[test]
fn what_aws_sigv4_signed_is_verified() {
    let headers = [
        ("host", "127.0.0.1:4566"),
        ("content-type", "application/x-amz-json-1.1"),
        ("content-length", "2"),
        ("x-amz-target", "AmazonSSM.ListCommands"),
        ("x-amz-user-agent", "aws-sdk-rust/1.3  os/linux   lang/rust"),
        ("amz-sdk-request", "attempt=1; max=1"),
        ("amz-sdk-invocation-id", "5a0ff4a2-1111-2222-3333-444455556666"),
        ("user-agent", "aws-sdk-rust/1.3"),
    ];
    let target = "/a%20b/c?b=2&a=%2F1&a=0";
    let identity =
        Credentials::new("AKIDOPERATOR", SECRET, Some("token".to_owned()), None, "test").into();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(now().as_second().unsigned_abs());
    let params = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("ssm")
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let uri = format!("http://127.0.0.1:4566{target}");
    let body = SignableBody::Bytes(b"{}");
    let signable = SignableRequest::new("POST", &*uri, headers.into_iter(), body).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let mut request = http::Request::builder().method("POST").uri(&uri);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut request = request.body("{}").unwrap();
    instructions.apply_to_request_http1x(&mut request);
    let presented = Presented::parse(request.headers()).unwrap();
    assert_eq!(presented.session_token.as_deref(), Some("token"));
    let parts = RequestParts {
        method: "POST",
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
        body: b"{}",
    };
    assert_eq!(verify(&presented, &parts, SECRET, now()), Ok(()));
    assert_eq!(verify(&presented, &parts, "x", now()), Err(SigError::Mismatch));
}

proptest! {
    #[test]
    fn no_bytes_in_the_headers_make_it_panic(
        authorization in prop_oneof![
            "\\PC{0,80}",
            "AWS4-HMAC-SHA256 Credential=[a/]{0,12}/\\PC{0,8}/a/b/aws4_request,SignedHeaders=\\PC{1,9},Signature=\\PC{1,9}",
        ],
        date in prop_oneof!["\\PC{0,16}", "[0-9]{8}T[0-9]{6}Z"],
        path in "\\PC{0,20}", query in "\\PC{0,20}", body: Vec<u8>,
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in [("authorization", authorization), ("x-amz-date", date)] {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.insert(name, value);
            }
        }
        if let Ok(presented) = Presented::parse(&headers) {
            let parts = RequestParts {
                method: "POST", path: &path, query: &query, headers: &headers, body: &body,
            };
            prop_assert!(verify_within(&presented, &parts, "secret", now(), None).is_err());
        }
    }
}
