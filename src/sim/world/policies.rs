//! The policies that a world names: those of its users and roles, and the managed ones.
//! It reads their files; what a policy means is `iam`'s to say.

use toml::Spanned;

use super::{
    WorldError,
    check::{ReadFile, Source},
    raw,
};
use crate::sim::iam::Policy;

/// A managed policy, which AssumeRole may take as a session policy.
#[derive(Debug, Clone)]
pub(crate) struct PolicySpec {
    pub arn: String,
    pub policy: Policy,
}

impl Source<'_> {
    /// Reads the managed policies: the account's own, and stand-ins for those of AWS.
    pub(super) fn policies(
        &self,
        raw: &[raw::ManagedPolicy],
        account: &str,
        read: ReadFile<'_>,
    ) -> Result<Vec<PolicySpec>, WorldError> {
        let mut res: Vec<PolicySpec> = Vec::new();
        for it in raw {
            let arn = it.arn.get_ref();
            let name = [account, "aws"]
                .iter()
                .find_map(|owner| arn.strip_prefix(&format!("arn:aws:iam::{owner}:policy/")));
            let is_plain = |it: char| it.is_ascii_alphanumeric() || "_+=,.@-/".contains(it);
            if !name.is_some_and(|it| !it.is_empty() && it.chars().all(is_plain)) {
                let message = format!(
                    "{arn:?} is not a managed policy of this account: expected such as \
                     \"arn:aws:iam::{account}:policy/narrow\""
                );
                return Err(self.refuse(&it.arn, "policy.arn", message));
            }
            if res.iter().any(|known| known.arn == *arn) {
                return Err(self.refuse(&it.arn, "policy.arn", format!("{arn:?} exists already")));
            }
            let policy = self.read_policy(&it.file, "policy.file", read)?;
            res.push(PolicySpec { arn: arn.clone(), policy });
        }
        Ok(res)
    }

    /// Reads the policy of a user or a role, if it has one.
    pub(super) fn policy(
        &self,
        file: Option<&Spanned<String>>,
        key: &str,
        read: ReadFile<'_>,
    ) -> Result<Option<Policy>, WorldError> {
        file.map(|it| self.read_policy(it, key, read)).transpose()
    }

    fn read_policy(
        &self,
        file: &Spanned<String>,
        key: &str,
        read: ReadFile<'_>,
    ) -> Result<Policy, WorldError> {
        let text = self.file(file, key, read)?;
        Policy::parse(&text).map_err(|err| self.bad_file(file, key, &err.to_string()))
    }
}
