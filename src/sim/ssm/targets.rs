//! Which instances a SendCommand means: explicit ids, or `Targets` as SSM resolves them.
//! It chooses; it does not decide whether the caller may reach them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{command::Chosen, nodes, validate::invalid};
use crate::sim::{
    api::ApiError,
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

    fn matches(&self, instance: &Instance) -> bool {
        if let Some(ids) = self.ids() {
            return ids.contains(&instance.id);
        }
        if self.key == "tag-key" {
            return self.values.iter().any(|it| instance.tags.contains_key(it));
        }
        let tag = self.key.strip_prefix("tag:").and_then(|it| instance.tags.get(it));
        tag.is_some_and(|it| self.values.contains(it))
    }
}

/// Refuses keys that this simulator cannot resolve, rather than matching nothing.
pub(super) fn check(targets: &[Target]) -> Result<(), ApiError> {
    for target in targets {
        let key = target.key.as_str();
        if key.starts_with("resource-groups:") {
            return Err(invalid("resource-groups targets are not implemented by this simulator"));
        }
        let is_known = target.ids().is_some() || key == "tag-key" || key.starts_with("tag:");
        if !is_known {
            // UNVERIFIED: neither code nor wording of AWS's refusal is known.
            return Err(invalid(format!("Target key '{key}' is not supported")));
        }
    }
    Ok(())
}

/// Returns every managed instance that all entries match; several values of one entry are
/// alternatives (user guide, send-commands-multiple). Groups in order, members by index.
pub(super) fn resolve(targets: &[Target], state: &State) -> Vec<Chosen> {
    let matching = |it: &&Instance| {
        nodes::is_registered(it) && targets.iter().all(|target| target.matches(it))
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
