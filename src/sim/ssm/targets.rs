//! Which instances a SendCommand means: explicit ids, or `Targets` as SSM resolves them.
//! It chooses; it does not decide whether the caller may reach them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{command::Chosen, nodes, validate::invalid};
use crate::sim::{
    api::ApiError,
    elsewhere::Elsewhere,
    state::{Instance, State},
};

/// One entry of `Targets`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
pub(super) struct Target {
    key: String,
    values: Vec<String>,
}

impl Target {
    /// The key's spelling is echoed back as it was given (C12).
    pub(super) fn to_json(&self) -> Value {
        json!({ "Key": self.key, "Values": self.values })
    }

    /// Returns the ids if the entry names instances; the key's case does not matter (C12).
    pub(super) fn ids(&self) -> Option<&[String]> {
        self.key.eq_ignore_ascii_case("InstanceIds").then_some(self.values.as_slice())
    }

    /// Returns the resource groups that the entry names.
    pub(super) fn resource_groups(&self) -> &[String] {
        if self.key == GROUP_NAME { &self.values } else { &[] }
    }

    fn matches(&self, instance: &Instance, elsewhere: &Elsewhere) -> bool {
        if let Some(ids) = self.ids() {
            return ids.contains(&instance.id);
        }
        match self.key.as_str() {
            "tag-key" => self.values.iter().any(|it| instance.tags.contains_key(it)),
            GROUP_NAME => {
                let groups = self.values.iter().filter_map(|it| elsewhere.resource_groups.get(it));
                groups.into_iter().any(|tags| {
                    tags.iter().all(|(key, value)| instance.tags.get(key) == Some(value))
                })
            }
            GROUP_TYPES => self.values.iter().any(|it| is_of_type(it)),
            key => {
                let tag = key.strip_prefix("tag:").and_then(|it| instance.tags.get(it));
                tag.is_some_and(|it| self.values.contains(it))
            }
        }
    }
}

const GROUP_NAME: &str = "resource-groups:Name";
const GROUP_TYPES: &str = "resource-groups:ResourceTypeFilters";
/// "You can specify only one resource group", and five types (user guide, send-commands-multiple).
const MAX_GROUPS: usize = 1;
const MAX_TYPES: usize = 5;

/// Tells whether the simulator's instances are resources of a type. The user guide writes
/// `AWS::EC2::INSTANCE`, Resource Groups `AWS::EC2::Instance`.
fn is_of_type(name: &str) -> bool {
    ["AWS::EC2::Instance", "AWS::SSM::ManagedInstance", "AWS::AllSupported"]
        .iter()
        .any(|it| it.eq_ignore_ascii_case(name))
}

/// Refuses keys that SSM does not know, and more values than it takes, rather than matching
/// nothing. UNVERIFIED: neither codes nor wordings of AWS's refusals are known.
pub(super) fn check(targets: &[Target]) -> Result<(), ApiError> {
    for target in targets {
        let key = target.key.as_str();
        let (limit, is_known) = match key {
            GROUP_NAME => (MAX_GROUPS, true),
            GROUP_TYPES => (MAX_TYPES, true),
            "tag-key" => (usize::MAX, true),
            _ => (usize::MAX, target.ids().is_some() || key.starts_with("tag:")),
        };
        if !is_known {
            return Err(invalid(format!("Target key '{key}' is not supported")));
        }
        if target.values.len() > limit {
            return Err(invalid(format!("Target key '{key}' takes {limit} values at most")));
        }
        let is_type = |it: &String| it.to_ascii_uppercase().starts_with("AWS::");
        if key == GROUP_TYPES
            && let Some(it) = target.values.iter().find(|it| !is_type(it))
        {
            return Err(invalid(format!("'{it}' is not a resource type")));
        }
    }
    Ok(())
}

/// Returns every managed instance that all entries match; several values of one entry are
/// alternatives (user guide, send-commands-multiple). Groups in order, members by index.
pub(super) fn resolve(targets: &[Target], state: &State, elsewhere: &Elsewhere) -> Vec<Chosen> {
    let matching = |it: &&Instance| {
        nodes::is_registered(it) && targets.iter().all(|target| target.matches(it, elsewhere))
    };
    let mut res: Vec<Chosen> = state.instances.values().filter(matching).map(chosen).collect();
    res.sort_by(|a, b| (&a.group, a.index, &a.instance).cmp(&(&b.group, b.index, &b.instance)));
    res
}

pub(super) fn chosen(instance: &Instance) -> Chosen {
    Chosen {
        instance: instance.id.clone(),
        platform: instance.platform,
        group: instance.group.clone(),
        index: instance.index,
        refused: None,
    }
}
