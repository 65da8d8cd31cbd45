//! What STS takes of those who name a session: checked where it is written down, by a flag or in a
//! file, so that a mistake has its place. Whether a role wants it is for AWS to say.

/// Parses an MFA device: 9 to 256 of `[\w+=/:,.@-]` (AssumeRole reference).
pub fn parse_mfa_serial(text: &str) -> Result<String, &'static str> {
    let is_serial = (9..=256).contains(&text.len()) && is_made_of(text, b"_+=/:,.@-");
    if is_serial {
        return Ok(text.to_owned());
    }
    Err("it is not an MFA device such as arn:aws:iam::123456789012:mfa/name")
}

/// Parses the code of a device: six digits (AssumeRole reference).
pub fn parse_mfa_token(text: &str) -> Result<String, &'static str> {
    let is_code = text.len() == 6 && text.bytes().all(|it| it.is_ascii_digit());
    if is_code { Ok(text.to_owned()) } else { Err("a code has six digits") }
}

/// Parses an external id: 2 to 1,224 of `[\w+=,.@:/-]` (AssumeRole reference).
pub fn parse_external_id(text: &str) -> Result<String, &'static str> {
    let is_taken = (2..=1_224).contains(&text.len()) && is_made_of(text, b"_+=,.@:/-");
    if is_taken { Ok(text.to_owned()) } else { Err("STS takes 2 to 1224 of A-Z a-z 0-9 _+=,.@:/-") }
}

/// Parses who is behind a session: 2 to 64 of `[\w+=,.@-]`, not beginning with `aws:`
/// (AssumeRole reference).
pub fn parse_source_identity(text: &str) -> Result<String, &'static str> {
    let is_taken = (2..=64).contains(&text.len()) && is_made_of(text, b"_+=,.@-");
    if is_taken { Ok(text.to_owned()) } else { Err("STS takes 2 to 64 of A-Z a-z 0-9 _+=,.@-") }
}

/// Checks a session tag: a key of 1 to 128 characters and a value of at most 256 (AssumeRole
/// reference).
pub fn check_session_tag(key: &str, value: &str) -> Result<(), &'static str> {
    if !(1..=128).contains(&key.chars().count()) || value.chars().count() > 256 {
        return Err("STS takes a key of 1 to 128 characters and a value of at most 256");
    }
    Ok(())
}

fn is_made_of(text: &str, marks: &[u8]) -> bool {
    text.bytes().all(|it| it.is_ascii_alphanumeric() || marks.contains(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sts_would_refuse_is_refused_here() {
        assert!(parse_mfa_serial("arn:aws:iam::123456789012:mfa/kim").is_ok());
        assert!(parse_mfa_serial("GAHT12345678").is_ok());
        assert!(parse_mfa_serial("x").is_err() && parse_mfa_serial("a b c d e f").is_err());
        assert!(parse_mfa_token("012345").is_ok());
        assert!(parse_mfa_token("01234").is_err() && parse_mfa_token("01234x").is_err());
        assert!(parse_external_id("incident:7/a").is_ok());
        assert!(parse_external_id("x").is_err() && parse_external_id("a b").is_err());
        assert!(parse_external_id(&"x".repeat(1_225)).is_err());
        assert!(parse_source_identity("kim@example.com").is_ok());
        assert!(parse_source_identity("a b").is_err() && parse_source_identity("aws:kim").is_err());
        assert!(check_session_tag("team", "").is_ok());
        assert!(check_session_tag("", "x").is_err());
        assert!(check_session_tag(&"k".repeat(129), "x").is_err());
        assert!(check_session_tag("k", &"v".repeat(257)).is_err());
    }
}
