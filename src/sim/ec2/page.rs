//! Cuts EC2's answers into pages. A token names the last instance of its page.

use super::{ApiError, Form, Instance};

/// How many results a page may be asked to have.
pub(super) struct Page {
    pub least: usize,
    pub most: usize,
}

impl Page {
    pub(super) fn size(&self, form: &Form) -> Result<Option<usize>, ApiError> {
        let Some(asked) = form.integer("MaxResults")? else { return Ok(None) };
        let Self { least, most } = self;
        let size = usize::try_from(asked).ok().filter(|it| (*least..=*most).contains(it));
        size.map(Some).ok_or_else(|| {
            let message = format!(
                "Value ( {asked} ) for parameter maxResults is invalid. Expecting a value \
                 between {least} and {most}."
            );
            ApiError::new("InvalidParameterValue", message)
        })
    }
}

const TOKEN: &str = "fleet1-";

/// Cuts a page out of instances that are sorted by id.
pub(super) fn next_page<'a>(
    found: Vec<&'a Instance>,
    form: &Form,
    size: usize,
) -> Result<(Vec<&'a Instance>, Option<String>), ApiError> {
    let start = match form.text("NextToken").filter(|it| !it.is_empty()) {
        None => 0,
        Some(token) => {
            let last = token.strip_prefix(TOKEN).ok_or_else(|| {
                ApiError::new("InvalidNextToken", "The token is not valid, ask from the start")
            })?;
            found.partition_point(|it| it.id.as_str() <= last)
        }
    };
    let rest = found.len() - start;
    let page: Vec<&Instance> = found.into_iter().skip(start).take(size).collect();
    let next = page.last().filter(|_| rest > size).map(|it| format!("{TOKEN}{}", it.id));
    Ok((page, next))
}
