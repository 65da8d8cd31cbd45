//! The canonical form of a request that Signature Version 4 signs.
//! It follows the client's list of signed headers and never adds to it.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::sigv4::RequestParts;

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Returns the canonical request; header values may be any bytes, so it is bytes as well.
pub(super) fn canonical_request(
    parts: &RequestParts<'_>,
    signed_headers: &[String],
    service: &str,
) -> Vec<u8> {
    // S3 signs a path as it is sent: neither normalised nor encoded once more (S3 reference).
    let path = match service {
        "s3" => parts.path.to_owned(),
        _ => canonical_path(parts.path),
    };
    let query = canonical_query(parts.query);
    let mut res = format!("{}\n{path}\n{query}\n", parts.method).into_bytes();
    for name in signed_headers {
        res.extend_from_slice(name.as_bytes());
        res.push(b':');
        res.extend_from_slice(&header_value(parts, name));
        res.push(b'\n');
    }
    let list = signed_headers.join(";");
    // The payload's own hash, unless S3 is told that it is not signed; no other service takes that.
    let unsigned = parts.headers.get("x-amz-content-sha256").filter(|it| *it == UNSIGNED);
    let hash = match unsigned {
        Some(_) if service == "s3" => UNSIGNED.to_owned(),
        Some(_) | None => sha256_hex(parts.body),
    };
    res.extend_from_slice(format!("\n{list}\n{hash}").as_bytes());
    res
}

pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    let mut res = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(res, "{byte:02x}").expect("a string takes all text");
    }
    res
}

/// All values of a header, trimmed, runs of white space made one space, joined by commas.
fn header_value(parts: &RequestParts<'_>, name: &str) -> Vec<u8> {
    let mut res = Vec::new();
    for (n, value) in parts.headers.get_all(name).iter().enumerate() {
        if n > 0 {
            res.push(b',');
        }
        let words = value.as_bytes().split(u8::is_ascii_whitespace).filter(|it| !it.is_empty());
        res.extend_from_slice(&words.collect::<Vec<_>>().join(&b' '));
    }
    res
}

/// Dot segments resolved, then encoded once more than it came: twice in all, as every service
/// but S3 has it.
fn canonical_path(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(uri_encode(segment.bytes())),
        }
    }
    let is_folder = path.ends_with('/') && !segments.is_empty();
    format!("/{}{}", segments.join("/"), if is_folder { "/" } else { "" })
}

/// Each name and value encoded anew, in the order of their encoded text.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|it| !it.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((uri_encode(percent_decode(name)), uri_encode(percent_decode(value))));
    }
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn uri_encode(bytes: impl IntoIterator<Item = u8>) -> String {
    let mut res = String::new();
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            res.push(char::from(byte));
        } else {
            write!(res, "%{byte:02X}").expect("a string takes all text");
        }
    }
    res
}

fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut res = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).filter(|_| byte == b'%');
        let digits = digits.filter(|it| it.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|it| std::str::from_utf8(it).ok());
        match digits.and_then(|it| u8::from_str_radix(it, 16).ok()) {
            Some(decoded) => {
                res.push(decoded);
                at += 3;
            }
            None => {
                res.push(byte);
                at += 1;
            }
        }
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_normalised_and_encoded_again() {
        assert_eq!(canonical_path(""), "/");
        assert_eq!(canonical_path("/"), "/");
        assert_eq!(canonical_path("/a/../../b//./c%20d/"), "/b/c%2520d/");
    }

    #[test]
    fn a_query_is_sorted_and_encoded_the_same_way_whatever_came() {
        assert_eq!(canonical_query("b=2&a=%7e&a=%2F&c"), "a=%2F&a=~&b=2&c=");
        assert_eq!(canonical_query("x=%zz%4"), "x=%25zz%254");
    }
}
