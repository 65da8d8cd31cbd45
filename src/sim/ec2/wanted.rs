//! Which of the things that are told a call means: ids, filters, and a page of them.
//! What a thing is, its describer knows.

use super::{ApiError, Call, Form, filter::is_like};

/// The filters of a call, each with its alternatives.
pub(super) struct Wanted<'a>(Vec<(&'a str, Vec<&'a str>)>);

impl<'a> Wanted<'a> {
    /// Reads the filters; those that are not `known` are refused: AWS may have them, the simulator
    /// has not.
    pub(super) fn read(form: &'a Form, known: &[&str]) -> Result<Self, ApiError> {
        let mut res = Vec::new();
        for prefix in form.flat_members("Filter")? {
            let name = form.text(&format!("{prefix}.Name")).unwrap_or_default();
            let is_tag = known.contains(&"tag") && (name == "tag-key" || name.starts_with("tag:"));
            if !known.contains(&name) && !is_tag {
                let message = format!("The filter '{name}' is not implemented by this simulator.");
                return Err(ApiError::new("UnsupportedOperation", message));
            }
            res.push((name, form.flat_texts(&format!("{prefix}.Value"))?));
        }
        Ok(Self(res))
    }

    /// Whether all filters match a thing, whose values of a name `of` returns.
    pub(super) fn selects(&self, of: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|(name, patterns)| {
            of(name).iter().any(|it| patterns.iter().any(|pattern| is_like(pattern, it)))
        })
    }
}

/// Refuses ids of which nothing is known, in the words of EC2.
pub(super) fn check_ids(
    ids: &[&str],
    known: impl Fn(&str) -> bool,
    (code, noun): (&str, &str),
) -> Result<(), ApiError> {
    let unknown: Vec<&&str> = ids.iter().filter(|it| !known(it)).collect();
    let Some(first) = unknown.first() else { return Ok(()) };
    Err(ApiError::new(code, format!("The {noun} '{first}' does not exist.")))
}

const TOKEN: &str = "fleet2-";

/// Cuts a page out of a list, and returns it with the token of the next.
pub(super) fn cut<T>(
    call: &Call,
    form: &Form,
    all: Vec<T>,
    sizes: &super::page::Page,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let from = match form.text("NextToken").filter(|it| !it.is_empty()) {
        None => 0,
        Some(token) => {
            token.strip_prefix(TOKEN).and_then(|it| it.parse().ok()).ok_or_else(|| {
                ApiError::new("InvalidNextToken", "The token is not valid, ask from the start")
            })?
        }
    };
    let size = sizes.size(form)?.map_or(usize::MAX, |it| call.pages.of(it));
    let n = all.len();
    let page: Vec<T> = all.into_iter().skip(from).take(size).collect();
    let end = from.saturating_add(page.len());
    Ok((page, (end < n).then(|| format!("{TOKEN}{end}"))))
}
