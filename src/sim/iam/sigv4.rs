//! Verifies AWS Signature Version 4 in the headers of a request.
//! It looks up no keys, and takes no presigned URLs and no chunked payloads.

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use super::{canonical::canonical_request, sigerror::SigError};

/// What a request claims in its Authorization header; nothing of it is proven yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Presented {
    pub(crate) access_key_id: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) session_token: Option<String>,
    /// When the client says it signed.
    pub(crate) date: Timestamp,
    scope_date: String,
    signed_headers: Vec<String>,
    signature: String,
}

/// A request as it came in: nothing decoded, nothing added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestParts<'a> {
    pub(crate) method: &'a str,
    /// Before the `?`.
    pub(crate) path: &'a str,
    /// After the `?`, empty if there is none.
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// How far the client's clock may be from the simulator's: what AWS allows.
pub(crate) const MAX_SKEW: SignedDuration = SignedDuration::from_mins(5);

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";

/// Headers that change what a request means: one that is sent has to be signed.
const MUST_BE_SIGNED: [&str; 4] = ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-target"];

impl Presented {
    /// Reads the headers of a request.
    pub(crate) fn parse(headers: &HeaderMap) -> Result<Self, SigError> {
        let authorization = text(headers, "authorization").ok_or(SigError::MissingToken)?;
        let Some(fields) = authorization.trim().strip_prefix(ALGORITHM) else {
            return Err(SigError::Incomplete(format!(
                "Unsupported AWS 'algorithm': '{}'.",
                authorization.split_whitespace().next().unwrap_or_default()
            )));
        };
        let field = |name: &str| {
            let mut values = fields.split(',').filter_map(|it| it.trim().split_once('='));
            let value = values.find(|(key, _)| *key == name).map(|(_, value)| value);
            value.filter(|it| !it.is_empty()).ok_or_else(|| {
                SigError::Incomplete(format!("Authorization header requires '{name}' parameter."))
            })
        };
        let mut scope = field("Credential")?.rsplitn(5, '/');
        let mut next = || scope.next().filter(|it| !it.is_empty());
        let (Some(TERMINATOR), Some(service), Some(region), Some(scope_date), Some(key)) =
            (next(), next(), next(), next(), next())
        else {
            return Err(SigError::Incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term."
                    .to_owned(),
            ));
        };
        let signed_headers = field("SignedHeaders")?.split(';').map(str::to_lowercase).collect();
        let date = text(headers, "x-amz-date").and_then(parse_date).ok_or_else(|| {
            SigError::Incomplete("Date must be in ISO-8601 'basic format'.".to_owned())
        })?;
        Ok(Self {
            access_key_id: key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            session_token: text(headers, "x-amz-security-token").map(str::to_owned),
            date,
            scope_date: scope_date.to_owned(),
            signed_headers,
            signature: field("Signature")?.to_owned(),
        })
    }

    /// Checks that the request was signed for the service and the region that it arrived at.
    pub(crate) fn check_scope(&self, service: &str, region: &str) -> Result<(), SigError> {
        if self.service != service {
            return Err(SigError::Scope(format!(
                "Credential should be scoped to correct service: '{service}'."
            )));
        }
        if self.region != region {
            return Err(SigError::Scope(
                "Credential should be scoped to a valid region.".to_owned(),
            ));
        }
        Ok(())
    }

    /// Checks the session token against the one that was handed out with the access key, if
    /// there was one, and its expiry.
    pub(crate) fn check_token(
        &self,
        issued: Option<IssuedToken<'_>>,
        now: Timestamp,
    ) -> Result<(), SigError> {
        match (issued, &self.session_token) {
            (None, None) => Ok(()),
            (Some(issued), Some(token)) if is_equal(issued.token, token) => {
                if now < issued.expires { Ok(()) } else { Err(SigError::ExpiredToken) }
            }
            (None, Some(_)) | (Some(_), None | Some(_)) => Err(SigError::UnknownKey),
        }
    }
}

/// The session token of temporary credentials.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IssuedToken<'a> {
    pub(crate) token: &'a str,
    pub(crate) expires: Timestamp,
}

/// Verifies that the request was signed with `secret`, and within `MAX_SKEW` of `now`.
pub(crate) fn verify(
    presented: &Presented,
    parts: &RequestParts<'_>,
    secret: &str,
    now: Timestamp,
) -> Result<(), SigError> {
    verify_within(presented, parts, secret, now, Some(MAX_SKEW))
}

/// As `verify`, with a limit of the caller's on the clocks' difference, or none.
pub(crate) fn verify_within(
    presented: &Presented,
    parts: &RequestParts<'_>,
    secret: &str,
    now: Timestamp,
    max_skew: Option<SignedDuration>,
) -> Result<(), SigError> {
    for name in MUST_BE_SIGNED {
        let is_sent = parts.headers.contains_key(name);
        if is_sent && !presented.signed_headers.iter().any(|it| it == name) {
            return Err(SigError::Scope(format!(
                "'{name}' must be a 'SignedHeader' in the AWS Authorization."
            )));
        }
    }
    let stamp = stamp(presented.date);
    if !stamp.starts_with(&presented.scope_date) || presented.scope_date.len() != 8 {
        return Err(SigError::Scope(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '{}' != '{}', from '{stamp}'.",
            presented.scope_date,
            &stamp[..8]
        )));
    }
    if let Some(limit) = max_skew {
        check_skew(presented.date, now, limit)?;
    }
    let expected = signature(presented, parts, secret, &stamp);
    if is_equal(&expected, &presented.signature) { Ok(()) } else { Err(SigError::Mismatch) }
}

fn signature(presented: &Presented, parts: &RequestParts<'_>, secret: &str, stamp: &str) -> String {
    use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
    let Presented { region, service, scope_date, .. } = presented;
    let canonical = canonical_request(parts, &presented.signed_headers, service);
    let hash = super::canonical::sha256_hex(&canonical);
    let string_to_sign =
        format!("{ALGORITHM}\n{stamp}\n{scope_date}/{region}/{service}/{TERMINATOR}\n{hash}");
    let key = generate_signing_key(secret, presented.date.into(), region, service);
    calculate_signature(key, string_to_sign.as_bytes())
}

fn check_skew(date: Timestamp, now: Timestamp, limit: SignedDuration) -> Result<(), SigError> {
    let age = now.duration_since(date);
    if age.abs() <= limit {
        return Ok(());
    }
    let (date, now, minutes) = (stamp(date), stamp(now), limit.as_mins());
    Err(SigError::Skew(if age.is_positive() {
        format!("Signature expired: {date} is now earlier than {now} - {minutes} min.")
    } else {
        format!("Signature not yet current: {date} is still later than {now} + {minutes} min.")
    }))
}

/// Compares without telling by its time how much was right.
fn is_equal(a: &str, b: &str) -> bool {
    let differing = a.bytes().zip(b.bytes()).fold(0, |acc, (a, b)| acc | (a ^ b));
    a.len() == b.len() && differing == 0
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|it| it.to_str().ok())
}

fn parse_date(text: &str) -> Option<Timestamp> {
    let is_basic = text.len() == 16 && text.ends_with('Z');
    let date = DateTime::strptime("%Y%m%dT%H%M%SZ", text.trim()).ok().filter(|_| is_basic)?;
    // Years that SystemTime or the signing crate cannot hold are nobody's clock.
    let is_sane = (1970..=9000).contains(&date.year());
    date.to_zoned(TimeZone::UTC).ok().map(|it| it.timestamp()).filter(|_| is_sane)
}

fn stamp(date: Timestamp) -> String {
    date.strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests;
