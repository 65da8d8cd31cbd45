//! An HTTP client over a bare socket, and a signer.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};

use crate::sim::{Sim, World};

/// What came back.
#[derive(Debug)]
pub(in crate::sim) struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
    /// The body as it came, which need not be text.
    pub bytes: Vec<u8>,
}

impl Reply {
    /// Returns the text of the first element of that name.
    #[track_caller]
    pub(in crate::sim) fn element(&self, name: &str) -> &str {
        let (_, rest) = self.body.split_once(&format!("<{name}>")).expect(&self.body);
        rest.split_once(&format!("</{name}>")).expect(&self.body).0
    }

    /// Returns the texts of all elements of that name.
    pub(in crate::sim) fn elements(&self, name: &str) -> Vec<&str> {
        let parts = self.body.split(&format!("<{name}>")).skip(1).collect::<Vec<_>>();
        parts.into_iter().map(|it| it.split('<').next().unwrap()).collect()
    }

    pub(in crate::sim) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect(&self.body)
    }
}

pub(in crate::sim) fn start(world: &str) -> Sim {
    let world = World::parse(world, Path::new("w.toml")).unwrap();
    Sim::start(world, ([127, 0, 0, 1], 0).into()).unwrap()
}

/// Sends a request; `None` if the connection was closed without an answer.
pub(in crate::sim) fn send(
    sim: &Sim,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Reply> {
    let mut stream = TcpStream::connect(sim.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let headers: String =
        headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // A body that is refused for its size need not be taken whole.
    stream.write_all(body).ok();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).ok();
    let end = reply.windows(4).position(|it| it == b"\r\n\r\n")?;
    let bytes = reply.split_off(end + 4);
    let head = String::from_utf8(reply).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Some(Reply { status, head, body, bytes })
}

const ANYONE: &str = "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s/aws4_request, SignedHeaders=host, \
     Signature=0";

/// Sends a form as a caller whose signature is not looked at.
pub(in crate::sim) fn form(sim: &Sim, body: &str) -> Option<Reply> {
    let host = sim.address().to_string();
    let headers =
        [("host", host.as_str()), ("authorization", ANYONE), ("x-amz-date", "20260101T000000Z")];
    send(sim, "POST", "/", &headers, body.as_bytes())
}

/// Sends a JSON request as a caller whose signature is not looked at.
pub(in crate::sim) fn json(sim: &Sim, target: &str, body: &str) -> Option<Reply> {
    let host = sim.address().to_string();
    let headers = [
        ("host", host.as_str()),
        ("authorization", ANYONE),
        ("x-amz-date", "20260101T000000Z"),
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", target),
    ];
    send(sim, "POST", "/", &headers, body.as_bytes())
}

/// An access key.
#[derive(Debug, Clone)]
pub(in crate::sim) struct Key {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

/// Sends a form that is signed, at a time that is `late` seconds ago.
pub(in crate::sim) fn signed_at(
    sim: &Sim,
    key: &Key,
    service: &str,
    late: u64,
    body: &str,
) -> Reply {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    signed_with(sim, key, service, late, &headers, body)
}

/// Sends a JSON request that is signed.
pub(in crate::sim) fn signed_json(sim: &Sim, key: &Key, target: &str, body: &str) -> Reply {
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
    let service = if target.starts_with("TrentService.") { "kms" } else { "ssm" };
    signed_with(sim, key, service, 0, &headers, body)
}

fn signed_with(
    sim: &Sim,
    key: &Key,
    service: &str,
    late: u64,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let host = sim.address().to_string();
    let headers: Vec<(&str, &str)> =
        [("host", host.as_str())].into_iter().chain(headers.iter().copied()).collect();
    let identity = aws_credential_types::Credentials::new(
        key.id.clone(),
        key.secret.clone(),
        key.token.clone(),
        None,
        "test",
    )
    .into();
    let now = std::time::SystemTime::from(jiff::Timestamp::now());
    let params = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name(service)
        .time(now - Duration::from_secs(late))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let uri = format!("{}/", sim.endpoint());
    let signable = SignableRequest::new(
        "POST",
        &*uri,
        headers.iter().copied(),
        SignableBody::Bytes(body.as_bytes()),
    );
    let (instructions, _) = sign(signable.unwrap(), &params).unwrap().into_parts();
    let (added, _) = instructions.into_parts();
    let added: Vec<(&str, String)> =
        added.iter().map(|it| (it.name(), it.value().to_owned())).collect();
    let added = added.iter().map(|(name, value)| (*name, value.as_str()));
    let headers: Vec<(&str, &str)> = headers.into_iter().chain(added).collect();
    send(sim, "POST", "/", &headers, body.as_bytes()).expect("nothing drops it")
}

/// Sends a request of CloudWatch's newest protocol as a caller whose signature is not looked at.
pub(in crate::sim) fn cbor(sim: &Sim, path: &str, body: &[u8]) -> Reply {
    let host = sim.address().to_string();
    let headers = [
        ("host", host.as_str()),
        ("authorization", ANYONE),
        ("x-amz-date", "20260101T000000Z"),
        ("content-type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
    ];
    send(sim, "POST", path, &headers, body).expect("nothing drops it")
}

pub(in crate::sim) fn signed(sim: &Sim, key: &Key, service: &str, body: &str) -> Reply {
    signed_at(sim, key, service, 0, body)
}
