//! Durations as people type them, within what AWS takes. A number without a unit is none.

use jiff::SignedDuration;

fn seconds(text: &str) -> Result<i64, String> {
    let duration: SignedDuration =
        text.parse().map_err(|_| "it is not a duration such as 90s, 10m or 1h30m".to_owned())?;
    Ok(duration.as_secs())
}

/// Parses how long SSM tries to reach an instance, in seconds: SendCommand takes 30 s to 30 days
/// (botocore model).
pub fn parse_delivery_timeout(text: &str) -> Result<u32, String> {
    let seconds = seconds(text)?;
    let is_taken = (30..=2_592_000).contains(&seconds);
    u32::try_from(seconds)
        .ok()
        .filter(|_| is_taken)
        .ok_or_else(|| "SSM takes 30s to 720h".to_owned())
}

/// Parses the length of a role's session, in seconds: AssumeRole takes 900 to 43200 (botocore
/// model), and the role may allow less.
pub fn parse_session_length(text: &str) -> Result<i32, String> {
    let seconds = seconds(text)?;
    let is_taken = (900..=43_200).contains(&seconds);
    i32::try_from(seconds)
        .ok()
        .filter(|_| is_taken)
        .ok_or_else(|| "STS takes 15m to 12h".to_owned())
}

/// Parses a length of time above zero, in seconds.
pub fn parse_deadline(text: &str) -> Result<u64, String> {
    let seconds = seconds(text)?;
    u64::try_from(seconds).ok().filter(|it| *it > 0).ok_or_else(|| "it is not positive".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_bounds() {
        assert_eq!(parse_delivery_timeout("10m"), Ok(600));
        assert_eq!(parse_delivery_timeout("1h30m"), Ok(5400));
        assert!(parse_delivery_timeout("29s").is_err());
        assert!(parse_delivery_timeout("31d").is_err());
        assert!(parse_delivery_timeout("600").is_err());
        assert_eq!(parse_session_length("1h"), Ok(3600));
        assert!(parse_deadline("0s").is_err());
    }
}
