//! The filters of DescribeAutoScalingGroups.

use super::{ApiError, Form, Group, invalid};

/// One of the `Filters`: the values of one are alternatives, and all filters have to match.
pub(super) struct Filter<'a> {
    name: FilterName<'a>,
    values: Vec<&'a str>,
}

enum FilterName<'a> {
    Key,
    Value,
    Tag(&'a str),
}

impl Filter<'_> {
    pub(super) fn matches(&self, group: &Group) -> bool {
        let has = |it: &String| self.values.contains(&it.as_str());
        match self.name {
            FilterName::Key => group.tags.keys().any(has),
            FilterName::Value => group.tags.values().any(has),
            FilterName::Tag(key) => group.tags.get(key).is_some_and(has),
        }
    }
}

pub(super) fn filters(form: &Form) -> Result<Vec<Filter<'_>>, ApiError> {
    let read = |prefix: String| {
        let name = form.text(&format!("{prefix}.Name")).unwrap_or_default();
        let name = match (name, name.strip_prefix("tag:")) {
            ("tag-key", _) => FilterName::Key,
            ("tag-value", _) => FilterName::Value,
            (_, Some(key)) => FilterName::Tag(key),
            _ => {
                return Err(invalid(&format!(
                    "Filter type {name} is not correct. Allowed Filter types are: tag-key, tag-value, tag:<key>"
                )));
            }
        };
        Ok(Filter { name, values: form.texts(&format!("{prefix}.Values"))? })
    };
    form.members("Filters")?.into_iter().map(read).collect()
}
