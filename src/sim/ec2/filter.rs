//! EC2's filters: the values of one are alternatives, and all filters have to match.
//! Names and values are case-sensitive; `*` and `?` in a value are wildcards.

use super::{ApiError, Call, Form, Instance, absent, shapes};
use crate::sim::{autoscaling::subnet_id, machines::root_device, state::Platform};

/// The filters of one operation: those that there are here, and those that only EC2 has.
pub(super) struct Known {
    attributes: &'static [(&'static str, Attribute)],
    has_tags: HasTags,
    absent: &'static [&'static str],
}

/// Whether an operation filters by `tag:…` and `tag-key`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HasTags {
    Yes,
    No,
}

/// Reads what a filter looks at; `None` if the instance has no such thing.
type Attribute = fn(&Call, &Instance) -> Option<String>;

/// Those of DescribeInstances.
pub(super) const INSTANCES: Known = Known {
    attributes: &[
        ("architecture", |_, _| known("x86_64")),
        ("availability-zone", |_, it| known(&it.zone)),
        ("hypervisor", |_, _| known("xen")),
        ("image-id", |_, it| Some(shapes::image_id(&it.hardware, it.platform))),
        ("instance-id", |_, it| known(&it.id)),
        ("instance-state-code", |_, it| Some(shapes::state_code(it).to_string())),
        ("instance-state-name", |_, it| known(&it.ec2_state)),
        ("instance-lifecycle", |_, it| known("spot").filter(|_| it.hardware.is_spot)),
        ("instance-type", |_, it| known(&it.hardware.instance_type)),
        ("monitoring-state", |_, _| known("disabled")),
        ("owner-id", |call, _| known(&call.sim.account)),
        // "To list only Windows instances, use windows."
        ("platform", |_, it| known("windows").filter(|_| it.platform == Platform::Windows)),
        ("platform-details", |_, it| known(shapes::platform_details(it.platform))),
        ("private-dns-name", |_, it| known(&it.computer_name).filter(|_| shapes::is_there(it))),
        ("private-ip-address", |_, it| known(&it.ip_address).filter(|_| shapes::is_there(it))),
        ("reservation-id", |_, it| Some(shapes::reservation_id(it))),
        ("root-device-name", |_, it| known(root_device(it))),
        ("root-device-type", |_, it| known(shapes::root_type(it))),
        ("subnet-id", |_, it| Some(subnet_id(&it.zone)).filter(|_| shapes::is_there(it))),
        ("tenancy", |_, _| known("default")),
        ("virtualization-type", |_, _| known("hvm")),
        ("vpc-id", |_, it| known(shapes::VPC).filter(|_| shapes::is_there(it))),
    ],
    has_tags: HasTags::Yes,
    absent: &absent::OF_INSTANCES,
};

/// Those of DescribeInstanceStatus.
pub(super) const STATUSES: Known = Known {
    attributes: &[
        ("availability-zone", |_, it| known(&it.zone)),
        ("instance-state-code", |_, it| Some(shapes::state_code(it).to_string())),
        ("instance-state-name", |_, it| known(&it.ec2_state)),
        ("instance-status.reachability", |call, it| known(shapes::checks(call, it)[1].1)),
        ("instance-status.status", |call, it| known(shapes::checks(call, it)[1].0)),
        ("system-status.reachability", |call, it| known(shapes::checks(call, it)[0].1)),
        ("system-status.status", |call, it| known(shapes::checks(call, it)[0].0)),
    ],
    has_tags: HasTags::No,
    absent: &absent::OF_STATUSES,
};

fn known(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|it| !it.is_empty())
}

pub(super) struct Filter<'a> {
    name: Name<'a>,
    values: Vec<&'a str>,
}

enum Name<'a> {
    Tag(&'a str),
    TagKey,
    Attribute(Attribute),
}

/// "The maximum number of filter values specified on a single call is 200."
const MAX_VALUES: usize = 200;

impl Known {
    /// Reads the filters of a call to the operation.
    pub(super) fn read<'a>(&self, form: &'a Form) -> Result<Vec<Filter<'a>>, ApiError> {
        let read = |prefix: String| {
            let name = form.text(&format!("{prefix}.Name")).unwrap_or_default();
            let values = form.flat_texts(&format!("{prefix}.Value"))?;
            Ok(Filter { name: self.name(name)?, values })
        };
        let res: Vec<Filter> =
            form.flat_members("Filter")?.into_iter().map(read).collect::<Result<_, ApiError>>()?;
        if res.iter().map(|it| it.values.len()).sum::<usize>() > MAX_VALUES {
            // UNVERIFIED wording.
            let message = "The maximum number of filter values specified on a single call is 200";
            return Err(ApiError::new("FilterLimitExceeded", message));
        }
        Ok(res)
    }

    fn name<'a>(&self, name: &'a str) -> Result<Name<'a>, ApiError> {
        if self.has_tags == HasTags::Yes {
            match (name, name.strip_prefix("tag:")) {
                ("tag-key", _) => return Ok(Name::TagKey),
                (_, Some(key)) => return Ok(Name::Tag(key)),
                (_, None) => {}
            }
        }
        if let Some((_, it)) = self.attributes.iter().find(|(it, _)| *it == name) {
            return Ok(Name::Attribute(*it));
        }
        if self.absent.contains(&name) {
            let message = format!("The filter '{name}' is not implemented by this simulator.");
            return Err(ApiError::new("UnsupportedOperation", message));
        }
        let message = format!("The filter '{name}' is invalid");
        Err(ApiError::new("InvalidParameterValue", message))
    }
}

impl Filter<'_> {
    pub(super) fn selects(&self, call: &Call, instance: &Instance) -> bool {
        let has = |it: &str| self.values.iter().any(|pattern| is_like(pattern, it));
        match self.name {
            Name::Tag(key) => instance.tags.get(key).is_some_and(|it| has(it)),
            Name::TagKey => instance.tags.keys().any(|it| has(it)),
            Name::Attribute(read) => read(call, instance).is_some_and(|it| has(&it)),
        }
    }
}

/// Whether `text` matches a pattern in which `*` stands for any characters and `?` for one.
pub(super) fn is_like(pattern: &str, text: &str) -> bool {
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
