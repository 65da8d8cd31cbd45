//! EC2's filters: the values of one are alternatives, and all filters have to match.
//! Names and values are case-sensitive; `*` and `?` in a value are wildcards.

use super::{ApiError, Form, Instance};

pub(super) struct Filter<'a> {
    name: Name<'a>,
    values: Vec<&'a str>,
}

enum Name<'a> {
    Tag(&'a str),
    TagKey,
    State,
    Id,
}

/// "The maximum number of filter values specified on a single call is 200."
const MAX_VALUES: usize = 200;

pub(super) fn filters(form: &Form) -> Result<Vec<Filter<'_>>, ApiError> {
    let read = |prefix: String| {
        let name = form.text(&format!("{prefix}.Name")).unwrap_or_default();
        let name = match (name, name.strip_prefix("tag:")) {
            ("tag-key", _) => Name::TagKey,
            ("instance-state-name", _) => Name::State,
            ("instance-id", _) => Name::Id,
            (_, Some(key)) => Name::Tag(key),
            _ => {
                let message = format!("The filter '{name}' is invalid");
                return Err(ApiError::new("InvalidParameterValue", message));
            }
        };
        Ok(Filter { name, values: form.flat_texts(&format!("{prefix}.Value")) })
    };
    let res: Vec<Filter> =
        form.flat_members("Filter").into_iter().map(read).collect::<Result<_, _>>()?;
    if res.iter().map(|it| it.values.len()).sum::<usize>() > MAX_VALUES {
        // UNVERIFIED wording.
        let message = "The maximum number of filter values specified on a single call is 200";
        return Err(ApiError::new("FilterLimitExceeded", message));
    }
    Ok(res)
}

impl Filter<'_> {
    pub(super) fn selects(&self, instance: &Instance) -> bool {
        let has = |it: &str| self.values.iter().any(|pattern| is_like(pattern, it));
        match self.name {
            Name::Tag(key) => instance.tags.get(key).is_some_and(|it| has(it)),
            Name::TagKey => instance.tags.keys().any(|it| has(it)),
            Name::State => has(&instance.ec2_state),
            Name::Id => has(&instance.id),
        }
    }
}

/// Whether `text` matches a pattern in which `*` stands for any characters and `?` for one.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(it) if *it == '?' || *it == text[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                // The last star takes one character more.
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                at = place + 1;
                from = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|it| *it == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_characters_or_for_one() {
        for (pattern, text, expected) in [
            ("web", "web", true),
            ("web", "Web", false),
            ("w?b", "web", true),
            ("w?", "web", false),
            ("*", "", true),
            ("*b*d", "abcbd", true),
            ("*b*d", "abcbe", false),
            ("", "a", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
        }
    }
}
