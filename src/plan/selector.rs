//! What the user pointed at. It never reaches `aws` unparsed.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::InstanceId;

/// A tag's key and value, written `KEY=VALUE`. The value may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// What was given instead of a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not KEY=VALUE")]
pub struct NotATag(String);

impl FromStr for Tag {
    type Err = NotATag;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                Ok(Self { key: key.to_owned(), value: value.to_owned() })
            }
            _ => Err(NotATag(text.to_owned())),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// The union of what is named, less what is excluded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Selector {
    /// Auto Scaling groups by name.
    pub groups: Vec<String>,
    /// Auto Scaling groups by their own tags: all of them must match.
    pub group_tags: Vec<Tag>,
    pub instances: Vec<InstanceId>,
    /// Instances by their own tags: all of them must match.
    pub tags: Vec<Tag>,
    pub exclude: Vec<InstanceId>,
}

impl Selector {
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
            && self.group_tags.is_empty()
            && self.instances.is_empty()
            && self.tags.is_empty()
    }

    /// Returns the flags that make it, a word each.
    pub fn words(&self) -> Vec<String> {
        let flag = |name: &str, value: &dyn fmt::Display| [name.to_owned(), value.to_string()];
        let flags = self.groups.iter().map(|it| flag("--asg", it));
        let flags = flags.chain(self.group_tags.iter().map(|it| flag("--asg-tag", it)));
        let flags = flags.chain(self.instances.iter().map(|it| flag("--instance", it)));
        let flags = flags.chain(self.tags.iter().map(|it| flag("--tag", it)));
        let flags = flags.chain(self.exclude.iter().map(|it| flag("--exclude", it)));
        flags.flatten().collect()
    }

    /// Returns the same with the groups that its tags name, `groups`, by their names.
    #[must_use]
    pub fn naming(&self, groups: &[String]) -> Self {
        if self.group_tags.is_empty() {
            return self.clone();
        }
        Self { groups: groups.to_vec(), group_tags: Vec::new(), ..self.clone() }
    }

    /// Returns whether groups alone were named, so that their tag can stand for the population.
    pub fn is_groups_only(&self) -> bool {
        !(self.groups.is_empty() && self.group_tags.is_empty())
            && self.instances.is_empty()
            && self.tags.is_empty()
            && self.exclude.is_empty()
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_a_key_and_its_value_may_hold_anything() {
        let tag: Tag = "aws:autoscaling:groupName=a=b".parse().unwrap();
        assert_eq!((tag.key.as_str(), tag.value.as_str()), ("aws:autoscaling:groupName", "a=b"));
        assert_eq!("role=".parse::<Tag>().unwrap().value, "");
        assert!("role".parse::<Tag>().is_err());
        assert!("=web".parse::<Tag>().is_err());
    }

    #[test]
    fn a_selector_prints_as_the_flags_that_make_it() {
        let selector = Selector {
            groups: vec!["web".to_owned()],
            exclude: vec![InstanceId::parse("i-01234567").unwrap()],
            ..Selector::default()
        };
        assert_eq!(selector.to_string(), "--asg web --exclude i-01234567");
        assert!(!selector.is_groups_only());
    }
}
