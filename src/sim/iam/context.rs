//! The facts of one request that conditions and policy variables look at.
//! It reads no clock and asks no one: the caller puts in what is true.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{keys, principal::Principal};

/// The condition keys of a request with their values. Key names ignore case, also in the part
/// that names a tag (IAM reference, condition keys); values do not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Context {
    keys: BTreeMap<String, Vec<String>>,
}

impl Context {
    /// Returns the keys that IAM itself puts into every request of `principal`.
    ///
    /// `aws:SecureTransport` is true: the loopback port stands for AWS's TLS endpoints, and a
    /// policy that asks for TLS must not refuse every rehearsal.
    pub(crate) fn of(principal: &Principal, now: Timestamp) -> Self {
        let now_seconds = now.as_second();
        let now_text = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let res = Self::default()
            .with("aws:CurrentTime", now_text)
            .with("aws:EpochTime", now_seconds.to_string())
            .with("aws:SecureTransport", "true")
            .with("aws:ViaAWSService", "false")
            .with("aws:PrincipalIsAWSService", "false");
        match principal {
            Principal::Anyone => res,
            Principal::User(user) => res
                .with("aws:username", &user.name)
                .with("aws:userid", &user.id)
                .with("aws:PrincipalType", "User")
                .with("aws:PrincipalArn", &user.arn)
                .with("aws:PrincipalAccount", principal.account().unwrap_or_default())
                .with_tags("aws:PrincipalTag", &user.tags),
            Principal::RoleSession(session) => {
                let issued = session.issued.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                let res = res
                    .with("aws:userid", &session.id)
                    .with("aws:PrincipalType", "AssumedRole")
                    // The role, not the session (IAM reference, aws:PrincipalArn).
                    .with("aws:PrincipalArn", &session.role_arn)
                    .with("aws:PrincipalAccount", principal.account().unwrap_or_default())
                    .with("aws:TokenIssueTime", issued)
                    // Long-term keys lack this key altogether (IAM reference).
                    .with("aws:MultiFactorAuthPresent", session.mfa.is_some().to_string())
                    .with_tags("aws:PrincipalTag", &session.tags);
                let res = match session.mfa {
                    // Seconds since the code was shown (IAM reference, aws:MultiFactorAuthAge).
                    Some(shown) => res.with(
                        "aws:MultiFactorAuthAge",
                        now.duration_since(shown).as_secs().to_string(),
                    ),
                    None => res,
                };
                match &session.source_identity {
                    Some(it) => res.with("aws:SourceIdentity", it),
                    None => res,
                }
            }
        }
    }

    /// Sets a key that has one value.
    pub(crate) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.keys.insert(known(key), vec![value.into()]);
        self
    }

    /// Sets a key that has any number of values, such as `aws:TagKeys`.
    pub(crate) fn with_all<T: Into<String>>(
        mut self,
        key: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.keys.insert(known(key), values.into_iter().map(Into::into).collect());
        self
    }

    /// Sets `prefix/tag-key` for each tag. Of two tags that differ only in case the first counts.
    pub(crate) fn with_tags<K: AsRef<str>, V: AsRef<str>>(
        mut self,
        prefix: &str,
        tags: &[(K, V)],
    ) -> Self {
        for (key, value) in tags {
            let key = format!("{prefix}/{}", key.as_ref());
            self.keys.entry(known(&key)).or_insert_with(|| vec![value.as_ref().to_owned()]);
        }
        self
    }

    /// Sets the tags of a resource under every name a policy may use for them in an action of
    /// `service`: `ssm:resourceTag/k` and `aws:ResourceTag/k`.
    pub(crate) fn with_resource_tags<K: AsRef<str>, V: AsRef<str>>(
        self,
        service: &str,
        tags: &[(K, V)],
    ) -> Self {
        self.with_tags(&format!("{service}:ResourceTag"), tags).with_tags("aws:ResourceTag", tags)
    }

    /// Returns the values of a key whose name is in lower case; none if it is absent or empty.
    pub(super) fn values(&self, key: &str) -> Option<&[String]> {
        self.keys.get(key).map(Vec::as_slice).filter(|it| !it.is_empty())
    }

    /// Returns the value of a key that has exactly one.
    pub(super) fn single(&self, key: &str) -> Option<&str> {
        match self.values(key)? {
            [it] => Some(it),
            _ => None,
        }
    }
}

/// Returns the name as keys are compared. What requests have, policies may ask for.
fn known(key: &str) -> String {
    let res = key.to_lowercase();
    debug_assert!(keys::is_modelled(&res), "{key} is provided, but no policy may name it");
    res
}

#[cfg(test)]
mod tests {
    use super::{super::principal::fixtures, *};

    #[track_caller]
    fn check(principal: &Principal, expected: &[(&str, Option<&str>)]) {
        let context = Context::of(principal, Timestamp::from_second(1_795_176_000).unwrap());
        for (key, value) in expected {
            assert_eq!(context.single(&key.to_lowercase()), *value, "{key} of {principal:?}");
        }
    }

    #[test]
    fn a_user_has_a_name_and_no_token() {
        check(
            &fixtures::user("123456789012"),
            &[
                ("aws:username", Some("ann")),
                ("aws:PrincipalArn", Some("arn:aws:iam::123456789012:user/ann")),
                ("aws:PrincipalAccount", Some("123456789012")),
                ("aws:PrincipalType", Some("User")),
                ("aws:CurrentTime", Some("2026-11-20T12:00:00Z")),
                ("aws:EpochTime", Some("1795176000")),
                ("aws:TokenIssueTime", None),
                ("aws:MultiFactorAuthPresent", None),
            ],
        );
    }

    #[test]
    fn a_session_shows_its_role_and_has_no_user_name() {
        check(
            &fixtures::session(),
            &[
                ("aws:username", None),
                ("aws:PrincipalArn", Some("arn:aws:iam::123456789012:role/path/base")),
                ("aws:userid", Some("AROABASE:s")),
                ("aws:PrincipalType", Some("AssumedRole")),
                ("aws:TokenIssueTime", Some("1970-01-01T00:00:00Z")),
                ("aws:MultiFactorAuthPresent", Some("false")),
                ("aws:MultiFactorAuthAge", None),
                ("aws:SourceIdentity", None),
            ],
        );
    }

    #[test]
    fn a_session_made_with_a_code_tells_its_age_in_seconds() {
        let Principal::RoleSession(session) = fixtures::session() else { unreachable!() };
        let shown = Some(Timestamp::from_second(1_795_175_910).unwrap());
        check(
            &Principal::RoleSession(super::super::principal::RoleSession { mfa: shown, ..session }),
            &[("aws:MultiFactorAuthPresent", Some("true")), ("aws:MultiFactorAuthAge", Some("90"))],
        );
    }
}
