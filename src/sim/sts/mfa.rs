//! One-time codes of AssumeRole.
//! It knows one device a user, whose code is the world's: no clock turns it.

use super::{ApiError, Authority, parameters::OneTimeCode};

// The sentences are AWS's own, down to their blanks: aws-cli#6325 and sgviz#9 quote the first two,
// aws-facts §4.3 the third.
const HALF: &str =
    "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.";
const NOT_THEIRS: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please \
                          verify your MFA serial number is valid and associated with this user.";
const WRONG: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";

/// Refuses a code that is not that of the caller's own device. A role has no device: a session
/// can show no code.
pub(super) fn check(shown: OneTimeCode<'_>, caller: &Authority) -> Result<(), ApiError> {
    let refuse = |message: &str| Err(ApiError::new("AccessDenied", message).with_status(403));
    let OneTimeCode::Whole { serial, code } = shown else {
        return refuse(HALF);
    };
    match &caller.mfa {
        Some(device) if device.serial != serial => refuse(NOT_THEIRS),
        None => refuse(NOT_THEIRS),
        Some(device) if device.code != code => refuse(WRONG),
        Some(_) => Ok(()),
    }
}
