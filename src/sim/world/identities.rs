//! The users and roles of a world.
//! It reads the files that they name; policies are `iam`'s to understand.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use toml::Spanned;

use super::{
    WorldError,
    check::{ReadFile, Source},
    raw,
};
use crate::sim::{
    authority::MfaDevice,
    iam::{Policy, TrustPolicy},
};

/// A user with a long-term access key.
#[derive(Debug, Clone)]
pub(crate) struct UserSpec {
    pub name: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub policy: Option<Policy>,
    /// For conditions on `aws:PrincipalTag/…`.
    pub tags: BTreeMap<String, String>,
    pub mfa: Option<MfaDevice>,
}

/// A role to assume.
#[derive(Debug, Clone)]
pub(crate) struct RoleSpec {
    pub name: String,
    pub trust: TrustPolicy,
    /// As it is written.
    pub trust_text: String,
    pub policy: Option<Policy>,
    pub max_session_duration: Duration,
    /// For `aws:ResourceTag/…` when it is assumed, `aws:PrincipalTag/…` of its sessions.
    pub tags: BTreeMap<String, String>,
}

/// What a role's MaxSessionDuration may be, and is if the world does not say (IAM CreateRole).
const SESSION_DURATIONS: [Duration; 2] = [Duration::from_secs(3_600), Duration::from_secs(43_200)];

impl Source<'_> {
    pub(super) fn users(
        &self,
        raw: &[raw::User],
        read: ReadFile<'_>,
    ) -> Result<Vec<UserSpec>, WorldError> {
        let mut names = BTreeSet::new();
        let mut keys = BTreeSet::new();
        let mut serials = BTreeSet::new();
        let mut res = Vec::new();
        for it in raw {
            self.name(&it.name, "user.name", &mut names)?;
            self.name(&it.access_key_id, "user.access_key_id", &mut keys)?;
            if it.secret_access_key.get_ref().is_empty() {
                let refusal = "expected a secret, it is empty";
                return Err(self.refuse(&it.secret_access_key, "user.secret_access_key", refusal));
            }
            res.push(UserSpec {
                name: it.name.get_ref().clone(),
                access_key_id: it.access_key_id.get_ref().clone(),
                secret_access_key: it.secret_access_key.get_ref().clone(),
                policy: self.policy(it.policy.as_ref(), "user.policy", read)?,
                tags: self.identity_tags(it.tags.as_ref(), "user.tags")?,
                mfa: self.mfa(it, &mut serials)?,
            });
        }
        Ok(res)
    }

    pub(super) fn roles(
        &self,
        raw: &[raw::Role],
        read: ReadFile<'_>,
    ) -> Result<Vec<RoleSpec>, WorldError> {
        let mut names = BTreeSet::new();
        let mut res = Vec::new();
        for it in raw {
            self.name(&it.name, "role.name", &mut names)?;
            let trust = self.file(&it.trust, "role.trust", read)?;
            let trust_text = trust.clone();
            let trust = TrustPolicy::parse(&trust)
                .map_err(|err| self.bad_file(&it.trust, "role.trust", &err.to_string()))?;
            res.push(RoleSpec {
                name: it.name.get_ref().clone(),
                trust,
                trust_text,
                policy: self.policy(it.policy.as_ref(), "role.policy", read)?,
                max_session_duration: self.session_duration(it.max_session_duration.as_ref())?,
                tags: self.identity_tags(it.tags.as_ref(), "role.tags")?,
            });
        }
        Ok(res)
    }

    /// Reads a user's device for one-time codes.
    fn mfa(
        &self,
        user: &raw::User,
        serials: &mut BTreeSet<String>,
    ) -> Result<Option<MfaDevice>, WorldError> {
        let (serial, code) = match (&user.mfa_serial, &user.mfa_code) {
            (None, None) => return Ok(None),
            (Some(serial), Some(code)) => (serial, code),
            (Some(it), None) => {
                return Err(self.refuse(it, "user.mfa_serial", "mfa_code is missing beside it"));
            }
            (None, Some(it)) => {
                return Err(self.refuse(it, "user.mfa_code", "mfa_serial is missing beside it"));
            }
        };
        let text = serial.get_ref();
        let is_plain = |it: char| it.is_ascii_alphanumeric() || "_+=/:,.@-".contains(it);
        if !(9..=256).contains(&text.len()) || !text.chars().all(is_plain) {
            let message = format!(
                "{text:?} is not a serial number: expected such as \
                 \"arn:aws:iam::123456789012:mfa/{}\"",
                user.name.get_ref()
            );
            return Err(self.refuse(serial, "user.mfa_serial", message));
        }
        if !serials.insert(text.clone()) {
            let message = format!("{text:?} is the device of another user already");
            return Err(self.refuse(serial, "user.mfa_serial", message));
        }
        if code.get_ref().len() != 6 || !code.get_ref().bytes().all(|it| it.is_ascii_digit()) {
            let message = format!("{:?} is not a code: expected six digits", code.get_ref());
            return Err(self.refuse(code, "user.mfa_code", message));
        }
        Ok(Some(MfaDevice::new(text, code.get_ref())))
    }

    fn identity_tags(
        &self,
        raw: Option<&Spanned<BTreeMap<String, String>>>,
        key: &str,
    ) -> Result<BTreeMap<String, String>, WorldError> {
        let Some(it) = raw else { return Ok(BTreeMap::new()) };
        self.check_tag_keys(it, key)?;
        let mut seen = BTreeSet::new();
        // The names of tags differ in more than case (IAM guide, tagging).
        match it.get_ref().keys().find(|it| !seen.insert(it.to_lowercase())) {
            Some(twice) => {
                let message = format!("{twice:?} is given twice, in another case");
                Err(self.refuse(it, key, message))
            }
            None => Ok(it.get_ref().clone()),
        }
    }

    fn session_duration(&self, raw: Option<&Spanned<String>>) -> Result<Duration, WorldError> {
        let key = "role.max_session_duration";
        let [shortest, longest] = SESSION_DURATIONS;
        let Some(it) = raw else { return Ok(shortest) };
        let res = self.duration(it, key)?;
        if res < shortest || res > longest {
            return Err(self.refuse(it, key, "out of range: expected \"1h\" to \"12h\""));
        }
        Ok(res)
    }

    fn name(
        &self,
        it: &Spanned<String>,
        key: &str,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), WorldError> {
        let name = it.get_ref();
        let is_plain = |it: char| it.is_ascii_alphanumeric() || "_+=,.@-".contains(it);
        if name.is_empty() || name.len() > 128 || !name.chars().all(is_plain) {
            let message =
                format!("{name:?} is not a name: expected letters, digits and _+=,.@- only");
            return Err(self.refuse(it, key, message));
        }
        if !seen.insert(name.clone()) {
            return Err(self.refuse(it, key, format!("{name:?} exists already")));
        }
        Ok(())
    }

    pub(super) fn bad_file(&self, file: &Spanned<String>, key: &str, why: &str) -> WorldError {
        self.refuse(file, key, format!("could not use {}: {why}", file.get_ref()))
    }
}
