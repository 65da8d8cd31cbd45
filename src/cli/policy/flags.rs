//! What the flags of `fleet policy` may say.

use crate::{error::Error, exit::Exit, plan::is_account};

/// Refuses what SSM would not take as a name either (SendCommand reference), before it stands in a
/// policy.
pub(super) fn check_document_name(name: &str) -> Result<(), Error> {
    let is_good = |it: char| it.is_ascii_alphanumeric() || "_-.:/".contains(it);
    if (3..=128).contains(&name.len()) && name.chars().all(is_good) {
        return Ok(());
    }
    Err(Error::new(Exit::Usage, format!("`{name}` is not the name of a document, nor an ARN")))
}

pub(super) fn account(text: &str) -> Result<String, &'static str> {
    if is_account(text) {
        Ok(text.to_owned())
    } else {
        Err("it is not the 12 digits of an account")
    }
}

pub(super) fn partition(text: &str) -> Result<String, &'static str> {
    let is_partition = text == "aws"
        || text.strip_prefix("aws-").is_some_and(|it| {
            !it.is_empty() && it.bytes().all(|it| it.is_ascii_lowercase() || it == b'-')
        });
    if is_partition {
        Ok(text.to_owned())
    } else {
        Err("it is not aws, aws-cn, aws-us-gov or another")
    }
}
