//! The targets of a rate-controlled execution: which values its parameter takes, one a child.
//! It starts nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{parameters::refused, rate::Child, start::Request};
use crate::sim::{
    api::{ApiError, Call},
    ids,
    ssm::{nodes, parameters::Given},
    state::{Instance, Simulator, State},
};

impl Request {
    pub(super) fn is_targeted(&self) -> bool {
        !self.targets.is_empty() || !self.target_maps.is_empty()
    }

    /// The parameters that the targets give their values to.
    pub(super) fn targeted(&self) -> Vec<&str> {
        let of_maps = self.target_maps.iter().flat_map(BTreeMap::keys);
        self.target_parameter_name.iter().chain(of_maps).map(String::as_str).collect()
    }

    /// Refuses targets that are none. Except where a capture is named, codes and wordings are
    /// UNVERIFIED.
    pub(super) fn check_targets(&self, declared: &[&str]) -> Result<(), ApiError> {
        if !self.targets.is_empty() && !self.target_maps.is_empty() {
            return Err(refused("Both Targets and TargetMaps cannot be specified together."));
        }
        match (&self.target_parameter_name, self.is_targeted()) {
            (None, true) if self.target_maps.is_empty() => {
                return Err(refused("TargetParameterName is required if Targets are specified."));
            }
            (Some(_), false) => {
                return Err(refused("Targets are required if TargetParameterName is specified."));
            }
            _ => {}
        }
        for name in self.targeted() {
            if !declared.contains(&name) {
                let message = format!("Target parameter {name} is not a parameter of the runbook.");
                return Err(refused(message));
            }
        }
        let [target] = self.targets.as_slice() else {
            // As an issue of the aws CLI quotes it.
            let message = "Only one resource group or tag can be specified at a time";
            return if self.targets.is_empty() { Ok(()) } else { Err(refused(message)) };
        };
        match target.key.as_str() {
            "ParameterValues" | "ResourceGroup" => Ok(()),
            "InstanceIds" | "AWS::EC2::Instance" if target.values == ["*"] => Ok(()),
            "InstanceIds" | "AWS::EC2::Instance" => {
                Err(refused(format!("Target key {} takes the value * only.", target.key)))
            }
            key if key.strip_prefix("tag:").is_some_and(|it| !it.is_empty()) => Ok(()),
            key => {
                let message = format!(
                    "Target key can have only following values : ParameterValues, ResourceGroup, \
                     tag:<key>, InstanceIds, AWS::EC2::Instance; {key} is none of them"
                );
                Err(refused(message))
            }
        }
    }

    /// Returns the targets in their order, each with what it gives the parameters.
    pub(super) fn children(
        &self,
        call: &Call,
        state: &State,
        id: &str,
    ) -> Result<Vec<Child>, ApiError> {
        let sim = &call.sim;
        let child = |index: usize, target: String, own: Given| {
            let mut parameters = self.parameters.clone();
            parameters.extend(own);
            Child {
                step_id: ids::named_uuid(sim.seed, "target", &format!("{id}/{index}")),
                target,
                parameters,
                execution: None,
                status: super::execution::Status::Pending,
            }
        };
        if let Some(target) = self.targets.first() {
            let name = self.target_parameter_name.clone().unwrap_or_default();
            let values = values(sim, state, &target.key, &target.values)?;
            let values = values.into_iter().enumerate();
            let children = values
                .map(|(at, it)| child(at, it.clone(), Given::from([(name.clone(), vec![it])])));
            return Ok(children.collect());
        }
        let maps = self.target_maps.iter().enumerate();
        let of_map = |(at, map): (usize, &Given)| {
            let target = map.values().flatten().next().cloned().unwrap_or_default();
            child(at, target, map.clone())
        };
        Ok(maps.map(of_map).collect())
    }

    pub(super) fn targets_json(&self) -> Value {
        self.targets.iter().map(|it| json!({ "Key": it.key, "Values": it.values })).collect()
    }
}

fn values(
    sim: &Simulator,
    state: &State,
    key: &str,
    values: &[String],
) -> Result<Vec<String>, ApiError> {
    let is_meant: Box<dyn Fn(&Instance) -> bool> = match key {
        "ParameterValues" => return Ok(values.to_vec()),
        "ResourceGroup" => {
            let groups = &sim.elsewhere.resource_groups;
            let tags: Option<Vec<_>> = values.iter().map(|it| groups.get(it)).collect();
            let tags = tags.ok_or_else(|| {
                let message = "The target isn't valid or doesn't exist. It might not be \
                               configured for Systems Manager or you might not have permission to \
                               perform the operation.";
                ApiError::new("InvalidTarget", message)
            })?;
            Box::new(move |it| {
                tags.iter()
                    .any(|tags| tags.iter().all(|(key, value)| it.tags.get(key) == Some(value)))
            })
        }
        "InstanceIds" => Box::new(nodes::is_managed),
        "AWS::EC2::Instance" => Box::new(|_| true),
        tag => {
            let tag = tag.strip_prefix("tag:").unwrap_or(tag);
            Box::new(move |it| it.tags.get(tag).is_some_and(|it| values.contains(it)))
        }
    };
    // What a tag means are EC2's instances, whether an agent is on them or not: runbooks need none.
    let there = |it: &&Instance| it.ec2_state != "terminated" && is_meant(it);
    let mut found: Vec<&Instance> = state.instances.values().filter(there).collect();
    found.sort_by(|a, b| (&a.group, a.index, &a.id).cmp(&(&b.group, b.index, &b.id)));
    Ok(found.into_iter().map(|it| it.id.clone()).collect())
}
