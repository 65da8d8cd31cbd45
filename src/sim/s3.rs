//! S3, as far as output of commands is read from it: ListObjectsV2, HeadObject, HeadBucket and
//! GetObject with a range. Everything else is refused, and nothing can be stored by request.

use bytes::Bytes;
use form_urlencoded::byte_serialize;
use jiff::Timestamp;

use super::{
    api::{ApiError, Call, Facts},
    archive::Object,
    timeline,
    wire::{
        answer::{self, Answer},
        s3::Place,
        xml::Xml,
    },
};

/// ListObjectsV2: "Returns some or all (up to 1,000) of the objects".
const KEYS: usize = 1000;

/// The parameters of ListObjectsV2 that are understood; `x-id` is the SDKs' own.
const PARAMETERS: [&str; 10] = [
    "continuation-token",
    "delimiter",
    "encoding-type",
    "expected-bucket-owner",
    "fetch-owner",
    "list-type",
    "max-keys",
    "prefix",
    "start-after",
    "x-id",
];

/// Answers one request.
pub(crate) fn call(call: &Call, place: &Place, request_id: &str) -> Result<Answer, ApiError> {
    timeline::catch_up(&call.sim);
    if call.sim.state.borrow().archive.bucket(&place.bucket).is_none() {
        let message = "The specified bucket does not exist";
        return Err(ApiError::new("NoSuchBucket", message).with_status(404));
    }
    let unknown = place.query.names().find(|it| !PARAMETERS.contains(it));
    let is_list =
        !place.key.is_empty() || place.is_head || place.query.text("list-type") == Some("2");
    if let (Some(_), _) | (_, false) = (unknown, is_list) {
        let message = format!(
            "This simulator lists by ListObjectsV2 and reads objects; {} is not implemented.",
            unknown.unwrap_or("ListObjects")
        );
        return Err(ApiError::new("NotImplemented", message).with_status(501));
    }
    let bucket = format!("arn:aws:s3:::{}", place.bucket);
    if place.key.is_empty() {
        call.authorize("s3:ListBucket", Some(&bucket), &Facts::default())?;
        if place.is_head {
            return Ok(answer::s3(200, "application/xml", Bytes::new(), request_id));
        }
        return list(call, place, request_id);
    }
    call.authorize("s3:GetObject", Some(&format!("{bucket}/{}", place.key)), &Facts::default())?;
    let state = call.sim.state.borrow();
    let object = state.archive.bucket(&place.bucket).and_then(|it| it.get(&place.key));
    let Some(object) = object else {
        // "If you have the s3:ListBucket permission on the bucket, Amazon S3 returns an HTTP status
        // code 404 (Not Found) error. If you don't […] 403" (GetObject reference).
        call.authorize("s3:ListBucket", Some(&bucket), &Facts::default())?;
        let message = "The specified key does not exist.";
        return Err(ApiError::new("NoSuchKey", message).with_status(404));
    };
    object_answer(object, place.range.as_deref(), request_id)
}

fn object_answer(
    object: &Object,
    range: Option<&str>,
    request_id: &str,
) -> Result<Answer, ApiError> {
    let n = object.content.len();
    let range = range.and_then(|it| range_of(it, n));
    let (status, from, to) = match range {
        None => (200, 0, n),
        Some((from, to)) if from < n && from < to => (206, from, to),
        Some(_) => {
            let message = "The requested range is not satisfiable";
            return Err(ApiError::new("InvalidRange", message).with_status(416));
        }
    };
    let body = object.content.slice(from..to);
    let mut res = answer::s3(status, "binary/octet-stream", body, request_id);
    let stored = object.stored.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let mut headers = vec![
        ("accept-ranges", "bytes".to_owned()),
        ("etag", etag(object)),
        ("last-modified", stored),
    ];
    if status == 206 {
        headers.push(("content-range", format!("bytes {from}-{}/{n}", to - 1)));
    }
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            res.headers_mut().insert(name, value);
        }
    }
    Ok(res)
}

/// Reads `bytes=0-9`, `bytes=9-` or `bytes=-9` as a half-open range; anything else is no range, and
/// the whole object is the answer (RFC 9110, 14.2).
fn range_of(text: &str, n: usize) -> Option<(usize, usize)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    match (from, to) {
        ("", last) => Some((n.saturating_sub(last.parse().ok()?), n)),
        (from, "") => Some((from.parse().ok()?, n)),
        (from, to) => {
            let (from, to): (usize, usize) = (from.parse().ok()?, to.parse().ok()?);
            (from <= to).then(|| (from, to.saturating_add(1).min(n)))
        }
    }
}

/// S3's is an MD5 of the content; nobody may rely on it being one.
fn etag(object: &Object) -> String {
    let sum = object.content.iter().fold(0xcbf2_9ce4_8422_2325_u128, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    format!("\"{sum:032x}\"")
}

/// What a page of a listing shows at one place.
enum Item<'a> {
    Object(&'a str, &'a Object),
    Prefix(String),
}

fn list(call: &Call, place: &Place, request_id: &str) -> Result<Answer, ApiError> {
    let query = &place.query;
    let text = |it: &str| query.text(it).unwrap_or_default();
    let (prefix, delimiter) = (text("prefix"), text("delimiter"));
    let most = match query.text("max-keys").map(str::parse::<usize>) {
        None => KEYS,
        Some(Ok(it)) => it.min(KEYS),
        Some(Err(_)) => {
            let message = "Provided max-keys not an integer or within integer range";
            return Err(ApiError::new("InvalidArgument", message));
        }
    };
    let most = call.pages.of(most);
    let after = query.text("continuation-token").or(query.text("start-after"));
    let state = call.sim.state.borrow();
    let objects = state.archive.bucket(&place.bucket).into_iter().flatten();
    let mut items: Vec<Item<'_>> = Vec::new();
    let mut last = None;
    let mut is_truncated = false;
    for (key, object) in objects.filter(|(key, _)| key.starts_with(prefix)) {
        let shared = key[prefix.len()..].find(delimiter).filter(|_| !delimiter.is_empty());
        let shared = shared.map(|at| key[..prefix.len() + at + delimiter.len()].to_owned());
        let name = shared.as_deref().unwrap_or(key);
        let is_seen = after.is_some_and(|it| name <= it);
        let is_last = matches!(items.last(), Some(Item::Prefix(it)) if shared.as_ref() == Some(it));
        if is_seen || is_last {
            continue;
        }
        if items.len() == most {
            is_truncated = true;
            break;
        }
        last = Some(name.to_owned());
        items.push(match shared {
            Some(it) => Item::Prefix(it),
            None => Item::Object(key, object),
        });
    }
    let is_encoded = query.text("encoding-type") == Some("url");
    let shown = |it: &str| match is_encoded {
        true => byte_serialize(it.as_bytes()).collect::<String>().replace("%2F", "/"),
        false => it.to_owned(),
    };
    let mut xml = Xml::declared();
    xml.root("ListBucketResult", "http://s3.amazonaws.com/doc/2006-03-01/", |xml| {
        xml.text("Name", &place.bucket);
        xml.text("Prefix", &shown(prefix));
        if !delimiter.is_empty() {
            xml.text("Delimiter", &shown(delimiter));
        }
        if is_encoded {
            xml.text("EncodingType", "url");
        }
        xml.value("KeyCount", items.len());
        xml.value("MaxKeys", most);
        xml.value("IsTruncated", is_truncated);
        if let Some(it) = last.filter(|_| is_truncated) {
            xml.text("NextContinuationToken", &it);
        }
        for item in &items {
            match item {
                Item::Object(key, object) => xml.element("Contents", |xml| {
                    xml.text("Key", &shown(key));
                    xml.text("LastModified", &instant(object.stored));
                    xml.text("ETag", &etag(object));
                    xml.value("Size", object.content.len());
                    xml.text("StorageClass", "STANDARD");
                }),
                Item::Prefix(it) => {
                    xml.element("CommonPrefixes", |xml| xml.text("Prefix", &shown(it)));
                }
            }
        }
    });
    Ok(answer::s3(200, "application/xml", xml.into_bytes(), request_id))
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_a_part_of_what_there_is() {
        assert_eq!(range_of("bytes=0-9", 100), Some((0, 10)));
        assert_eq!(range_of("bytes=90-999", 100), Some((90, 100)));
        assert_eq!(range_of("bytes=90-", 100), Some((90, 100)));
        assert_eq!(range_of("bytes=-10", 100), Some((90, 100)));
        assert_eq!(range_of("bytes=9-0", 100), None);
        assert_eq!(range_of("lines=0-1", 100), None);
        assert_eq!(range_of("bytes=0-18446744073709551615", 3), Some((0, 3)));
    }
}
