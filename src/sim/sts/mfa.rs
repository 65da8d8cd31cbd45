//! One-time codes of AssumeRole.
//! It knows one device a user, whose code is the world's: time makes it good again, and no other.

use jiff::Timestamp;

use super::{ApiError, Authority, parameters::OneTimeCode};

// The sentences are AWS's own, down to their blanks: aws-cli#6325 and sgviz#9 quote the first two,
// aws-facts §4.3 the third.
const HALF: &str =
    "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.";
const NOT_THEIRS: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please \
                          verify your MFA serial number is valid and associated with this user.";
const WRONG: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";

/// Refuses a code that is not that of the caller's own device, or that was used already: it is good
/// for one call within its window (aws-facts §4.1; that the refusal is that of a wrong code is
/// UNVERIFIED). A role has no device: a session can show no code.
pub(super) fn check(
    shown: OneTimeCode<'_>,
    caller: &Authority,
    now: Timestamp,
) -> Result<(), ApiError> {
    let refuse = |message: &str| Err(ApiError::new("AccessDenied", message).with_status(403));
    let OneTimeCode::Whole { serial, code } = shown else {
        return refuse(HALF);
    };
    match &caller.mfa {
        Some(device) if device.serial != serial => refuse(NOT_THEIRS),
        None => refuse(NOT_THEIRS),
        Some(device) if device.code != code || !device.use_up(now) => refuse(WRONG),
        Some(_) => Ok(()),
    }
}
