//! What the profile of the AWS configuration files says of roles and of MFA. The SDK would assume the
//! role under a name of its own and with all its permissions, and passes over the device without a
//! word (awslabs/aws-sdk-rust#527).

use std::borrow::Cow;

use aws_config::profile;
use aws_types::os_shim_internal::{Env, Fs};

use super::{clients::Access, error::chain};

/// How many profiles are looked at: a chain may lead back to where it began.
const LONGEST_CHAIN: usize = 16;

/// Why the AWS configuration files lead nowhere. The SDK would pass over them, and complain of what
/// it then misses.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("could not read the AWS configuration files: {reason}")]
    Unreadable { reason: String },
    #[error("there is no profile {name} in the AWS configuration files")]
    Unknown { name: String, known: Vec<String> },
}

/// Makes sure that the files can be read, and that the profile that was named is in them.
pub(super) async fn check(access: &Access) -> Result<(), ProfileError> {
    let has_keys = std::env::var_os("AWS_ACCESS_KEY_ID").is_some();
    if access.fixed.is_some() || access.profile.is_none() && has_keys {
        return Ok(());
    }
    let of_env = std::env::var("AWS_PROFILE").ok().filter(|it| !it.is_empty());
    let name = access.profile.clone().or(of_env);
    let (fs, env) = (Fs::real(), Env::real());
    let selected = name.clone().map(Cow::Owned);
    let profiles = profile::load(&fs, &env, &Default::default(), selected).await;
    let profiles = profiles.map_err(|err| ProfileError::Unreadable { reason: chain(&err) })?;
    match name.filter(|it| profiles.get_profile(it).is_none()) {
        None => Ok(()),
        Some(name) => {
            let mut known: Vec<String> = profiles.profiles().map(ToOwned::to_owned).collect();
            known.sort_unstable();
            Err(ProfileError::Unknown { name, known })
        }
    }
}

/// A profile that assumes a role, or names an MFA device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleProfile {
    pub name: String,
    pub mfa_serial: Option<String>,
    /// The role that the profile assumes; without one the device is for no call of the chain.
    pub role: Option<ProfileRole>,
    /// A profile behind this one, whose role needs the code of a device.
    pub device_behind: Option<(String, String)>,
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

/// Returns the profile that the chain would use, if it assumes a role or names an MFA device. Files
/// that cannot be read are left for the chain to complain about.
pub async fn role_profile(access: &Access) -> Option<RoleProfile> {
    // Keys in the environment come before a profile that was not asked for by name.
    let has_keys = std::env::var_os("AWS_ACCESS_KEY_ID").is_some();
    if access.fixed.is_some() || access.profile.is_none() && has_keys {
        return None;
    }
    let name = access.profile.clone().map(Cow::Owned);
    let (fs, env) = (Fs::real(), Env::real());
    let profiles = profile::load(&fs, &env, &Default::default(), name).await.ok()?;
    let selected = profiles.selected_profile().to_owned();
    let role_of = |get: &dyn Fn(&str) -> Option<String>| {
        get("role_arn").map(|arn| ProfileRole {
            arn,
            source_profile: get("source_profile"),
            external_id: get("external_id"),
            duration: get("duration_seconds").and_then(|it| it.parse().ok()),
        })
    };
    let read = |name: &str| {
        let found = profiles.get_profile(name)?;
        let get = |key: &str| found.get(key).map(ToOwned::to_owned);
        Some((get("mfa_serial"), role_of(&get)))
    };
    let (mfa_serial, role) = read(&selected)?;
    let mut device_behind = None;
    let mut next = role.as_ref().and_then(|it| it.source_profile.clone());
    for _ in 0..LONGEST_CHAIN {
        let Some(name) = next.take().filter(|it| *it != selected) else { break };
        let Some((serial, Some(role))) = read(&name) else { break };
        if let Some(serial) = serial {
            device_behind = Some((name, serial));
            break;
        }
        next = role.source_profile;
    }
    let says_something = mfa_serial.is_some() || role.is_some();
    says_something.then_some(RoleProfile { name: selected, mfa_serial, role, device_behind })
}
