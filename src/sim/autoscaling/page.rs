//! Cuts answers into pages.
//! It selects nothing and sorts nothing.

use super::{ApiError, Form, invalid};

/// How many records a page has.
pub(super) struct Page {
    pub default: usize,
    pub most: usize,
}

impl Page {
    pub(super) fn size(&self, form: &Form) -> Result<usize, ApiError> {
        let Some(asked) = form.integer("MaxRecords")? else { return Ok(self.default) };
        let size = usize::try_from(asked).ok().filter(|it| (1..=self.most).contains(it));
        size.ok_or_else(|| {
            let (bound, limit) = if asked < 1 { ("greater", 1) } else { ("less", self.most) };
            invalid(&format!(
                "1 validation error detected: Value '{asked}' at 'maxRecords' failed to satisfy \
                 constraint: Member must have value {bound} than or equal to {limit}"
            ))
        })
    }
}

/// Cuts a page out of records that are sorted by `key`; its token names the last of the page, so
/// that groups which come and go between pages neither repeat nor hide the others.
pub(super) fn page<'a, T>(
    records: Vec<&'a T>,
    form: &Form,
    size: usize,
    key: impl Fn(&'a T) -> &'a str,
) -> Result<(Vec<&'a T>, Option<String>), ApiError> {
    let start = match form.text("NextToken").filter(|it| !it.is_empty()) {
        None => 0,
        Some(token) => {
            let last = read_token(token).ok_or_else(|| {
                ApiError::new("InvalidNextToken", "The token is not valid, ask from the start")
            })?;
            records.partition_point(|it| key(it) <= last.as_str())
        }
    };
    let rest = records.len() - start;
    let page: Vec<&T> = records.into_iter().skip(start).take(size).collect();
    let next = page.last().filter(|_| rest > size).map(|it| write_token(key(it)));
    Ok((page, next))
}

const TOKEN: &str = "fleet1-";

fn write_token(last: &str) -> String {
    let bytes: Vec<String> = last.bytes().map(|it| format!("{it:02x}")).collect();
    format!("{TOKEN}{}", bytes.concat())
}

fn read_token(token: &str) -> Option<String> {
    let hex = token.strip_prefix(TOKEN)?.as_bytes();
    let byte = |it: &[u8]| u8::from_str_radix(std::str::from_utf8(it).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = hex.chunks(2).map(byte).collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::any, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_read_as_it_was_written(last in any::<String>()) {
            prop_assert_eq!(read_token(&write_token(&last)), Some(last));
        }

        #[test]
        fn no_token_makes_it_panic(token in "(fleet1-)?\\PC{0,20}") {
            read_token(&token);
        }
    }
}
