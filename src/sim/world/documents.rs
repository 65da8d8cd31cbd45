//! The documents of a world: the account's own, and those that other accounts share with it.
//! Whether a text is a document is `ssm`'s to say.

use jiff::Timestamp;

use super::{
    WorldError,
    check::{ReadFile, Source, is_account},
    raw,
};
use crate::sim::ssm;

/// A document of the account, or one that is shared with it.
#[derive(Debug, Clone)]
pub(crate) struct DocumentSpec {
    /// Its name; its ARN if another account owns it.
    name: String,
    text: String,
    is_shared: bool,
}

impl DocumentSpec {
    /// Its name; its ARN if another account owns it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its short name.
    pub(super) fn short_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }

    pub(crate) fn add_to(&self, store: &mut ssm::Store, created: Timestamp) -> Result<(), String> {
        if self.is_shared {
            store.add_shared_document(&self.name, &self.text, created)
        } else {
            store.add_document(&self.name, &self.text, created)
        }
    }
}

impl Source<'_> {
    pub(super) fn documents(
        &self,
        raw: &[raw::Document],
        [account, region]: [&str; 2],
        read: ReadFile<'_>,
    ) -> Result<Vec<DocumentSpec>, WorldError> {
        // The store is what knows a good document; this one is thrown away.
        let mut store = ssm::Store::default();
        let mut res = Vec::new();
        for it in raw {
            let name = it.name.get_ref();
            let is_plain = |it: char| it.is_ascii_alphanumeric() || "_-.".contains(it);
            if !(3..=128).contains(&name.len()) || !name.chars().all(is_plain) {
                let message = format!(
                    "{name:?} is not a document's name: expected 3 to 128 letters, digits and _-."
                );
                return Err(self.refuse(&it.name, "document.name", message));
            }
            // AWS keeps these names for itself, so that nobody else can have one.
            let reserved = ["aws", "amazon", "amzn"];
            if reserved.iter().any(|it| name.to_ascii_lowercase().starts_with(it)) {
                let message = format!("{name:?} is reserved: only AWS's documents begin like that");
                return Err(self.refuse(&it.name, "document.name", message));
            }
            let owner = it.account.as_ref();
            if let Some(owner) = owner
                && (!is_account(owner.get_ref()) || owner.get_ref() == account)
            {
                let message = format!("{:?} is not another account", owner.get_ref());
                return Err(self.refuse(owner, "document.account", message));
            }
            let document = DocumentSpec {
                name: match owner {
                    Some(owner) => {
                        format!("arn:aws:ssm:{region}:{}:document/{name}", owner.get_ref())
                    }
                    None => name.clone(),
                },
                text: self.file(&it.file, "document.file", read)?,
                is_shared: owner.is_some(),
            };
            document
                .add_to(&mut store, Timestamp::UNIX_EPOCH)
                .map_err(|err| self.bad_file(&it.file, "document.file", &err))?;
            res.push(document);
        }
        Ok(res)
    }
}
