//! What the profile of the AWS configuration files says of MFA. The SDK passes over it without a
//! word (awslabs/aws-sdk-rust#527), and assumes the profile's role without a code.

use std::borrow::Cow;

use aws_config::profile;
use aws_types::os_shim_internal::{Env, Fs};

use super::clients::Access;

/// How many profiles are looked at: a chain may lead back to where it began.
const LONGEST_CHAIN: usize = 16;

/// A profile that names an MFA device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MfaProfile {
    pub name: String,
    pub mfa_serial: String,
    /// The role that the profile assumes; without one the device is for no call of the chain.
    pub role: Option<ProfileRole>,
    /// The profile that the chain would use, if it is another, whose credentials come from here.
    pub source_of: Option<String>,
}

/// The role of a profile, and whose credentials assume it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRole {
    pub arn: String,
    pub source_profile: Option<String>,
    pub external_id: Option<String>,
    /// Seconds.
    pub duration: Option<i32>,
}

/// Returns the profile that the chain would use, or the first of those behind it whose role it
/// would assume, that names an MFA device. Files that cannot be read are left for the chain to
/// complain about.
pub async fn mfa_profile(access: &Access) -> Option<MfaProfile> {
    // Keys in the environment come before a profile that was not asked for by name.
    let has_keys = std::env::var_os("AWS_ACCESS_KEY_ID").is_some();
    if access.fixed.is_some() || access.profile.is_none() && has_keys {
        return None;
    }
    let name = access.profile.clone().map(Cow::Owned);
    let (fs, env) = (Fs::real(), Env::real());
    let profiles = profile::load(&fs, &env, &Default::default(), name).await.ok()?;
    let selected = profiles.selected_profile().to_owned();
    let mut name = selected.clone();
    for _ in 0..LONGEST_CHAIN {
        let found = profiles.get_profile(&name)?;
        let get = |key: &str| found.get(key).map(ToOwned::to_owned);
        let role = get("role_arn").map(|arn| ProfileRole {
            arn,
            source_profile: get("source_profile"),
            external_id: get("external_id"),
            duration: get("duration_seconds").and_then(|it| it.parse().ok()),
        });
        if let Some(mfa_serial) = get("mfa_serial")
            && (role.is_some() || name == selected)
        {
            let source_of = (name != selected).then_some(selected);
            return Some(MfaProfile { name, mfa_serial, role, source_of });
        }
        name = role?.source_profile?;
    }
    None
}
