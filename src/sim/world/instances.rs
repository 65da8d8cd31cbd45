//! Makes the instances of a world, the same ones from run to run.
//! It starts nothing.

use std::collections::BTreeMap;

use super::{GroupSpec, InstanceSpec, World};
use crate::sim::{
    ids,
    state::{Group, Instance, Platform, State},
};

/// AWS puts it on every instance of a group.
const GROUP_TAG: &str = "aws:autoscaling:groupName";

impl World {
    /// Returns the account as the world has it at the start, without documents.
    pub(crate) fn populate(&self) -> State {
        let mut res = State::default();
        for spec in &self.groups {
            let mut members = Vec::with_capacity(spec.instances.len());
            for (index, instance) in spec.instances.iter().enumerate() {
                let number = res.instances.len();
                let instance = self.instance(spec, index, instance, number);
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
        let id = ids::instance_id(self.seed, &group.name, index);
        let [a, b, c, _] = u32::try_from(number + 4).unwrap_or(u32::MAX).to_le_bytes();
        let computer_name = match spec.platform {
            Platform::Linux => format!("ip-10-{c}-{b}-{a}.ec2.internal"),
            Platform::Windows => format!("EC2AMAZ-{}", id[12..].to_uppercase()),
            Platform::MacOs => format!("ip-10-{c}-{b}-{a}.local"),
        };
        let mut tags: BTreeMap<String, String> = group.tags.clone();
        tags.insert(GROUP_TAG.to_owned(), group.name.clone());
        Instance {
            group: group.name.clone(),
            index,
            zone: group.zones[index % group.zones.len()].clone(),
            lifecycle: spec.lifecycle.to_owned(),
            health: spec.health.to_owned(),
            platform: spec.platform,
            ping: spec.ping,
            agent_version: spec.agent_version.clone(),
            computer_name,
            ip_address: format!("10.{c}.{b}.{a}"),
            tags,
            run: group.run,
            ec2_state: ec2_state(spec.lifecycle).to_owned(),
            id,
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
