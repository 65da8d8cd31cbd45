//! Makes the instances of a world, the same ones from run to run.
//! It starts nothing.

use std::collections::BTreeMap;

use super::{GroupSpec, InstanceSpec, World};
use crate::sim::{
    machines,
    scaling::{Blank, GROUP_TAG},
    state::{Group, Instance, Launches, State},
};

/// What a group says of a process that the world has suspended.
const SUSPENDED: &str = "User suspended at 2026-01-01T00:00:00Z";

impl World {
    /// Returns the account as the world has it at the start, without documents.
    pub(crate) fn populate(&self) -> State {
        let mut res = State::default();
        for spec in &self.groups {
            let mut members = Vec::with_capacity(spec.instances.len());
            for (index, instance) in spec.instances.iter().enumerate() {
                let number = res.instances.len();
                let instance = self.instance(spec, index, instance, number);
                machines::furnish(&mut res, &instance);
                members.push(instance.id.clone());
                res.instances.insert(instance.id.clone(), instance);
            }
            res.groups.push(Group {
                name: spec.name.clone(),
                min_size: spec.min,
                max_size: spec.max,
                desired: spec.desired,
                zones: spec.zones.clone(),
                tags: spec.tags.clone(),
                members,
                suspended: spec
                    .suspended
                    .iter()
                    .map(|it| (it.clone(), SUSPENDED.to_owned()))
                    .collect(),
                refresh: spec.refresh,
                owed: 0,
                launches: Launches {
                    next_index: spec.instances.len(),
                    platform: spec.usual.platform,
                    run: spec.run,
                    agent_version: spec.usual.agent_version.clone(),
                    setup: spec.usual.setup.clone(),
                    hardware: spec.usual.hardware.clone(),
                    termination_hook: spec.termination_hook,
                    failure: spec.launch_failure.clone(),
                    is_retried: false,
                },
            });
        }
        res
    }

    fn instance(
        &self,
        group: &GroupSpec,
        index: usize,
        spec: &InstanceSpec,
        number: usize,
    ) -> Instance {
        let mut tags: BTreeMap<String, String> = group.tags.clone();
        tags.insert(GROUP_TAG.to_owned(), group.name.clone());
        let (seed, platform) = (self.seed, spec.platform);
        Instance {
            zone: spec
                .zone
                .clone()
                .unwrap_or_else(|| group.zones[index % group.zones.len()].clone()),
            lifecycle: spec.lifecycle.to_owned(),
            health: spec.health.to_owned(),
            ping: spec.ping,
            agent_version: spec.agent_version.clone(),
            setup: spec.setup.clone(),
            hardware: spec.hardware.clone(),
            impaired: spec.impaired,
            tags,
            run: group.run,
            ec2_state: spec.state.unwrap_or_else(|| ec2_state(spec.lifecycle)).to_owned(),
            ..Blank { seed, group: &group.name, index, number, platform }.instance()
        }
    }
}

/// Returns EC2's word for an instance that Auto Scaling has in this state.
fn ec2_state(lifecycle: &str) -> &'static str {
    match lifecycle {
        "Terminated" => "terminated",
        // EC2 itself terminates the instance only after the lifecycle hook.
        "Terminating:Proceed" => "shutting-down",
        "Pending" => "pending",
        _ => "running",
    }
}
