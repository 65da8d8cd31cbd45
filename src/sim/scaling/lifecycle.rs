//! The states that an instance goes through, and when it gets to the next.

use std::time::Duration;

use super::{Activity, Scaling, Stage};
use crate::sim::{
    ids, machines,
    state::{Instance, Ping, Platform},
    timeline::{Happening, plus},
};

/// Where an instance gets to next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Standby,
    InService,
    TerminatingWait,
    TerminatingProceed,
    Gone,
}

/// Groups here have no load balancer whose connections would have to drain.
const STANDBY: Duration = Duration::from_secs(5);
const OUT_OF_STANDBY: Duration = Duration::from_secs(5);
/// From the launch until the instance runs and its agent is there.
const BOOT: Duration = Duration::from_secs(10);
const SHUTDOWN: Duration = Duration::from_secs(5);
/// From Terminating to Terminating:Wait, where a group has a termination hook.
const HOOK: Duration = Duration::from_secs(1);

/// AWS puts it on every instance of a group.
pub(crate) const GROUP_TAG: &str = "aws:autoscaling:groupName";

impl Scaling<'_> {
    /// Lets an instance get to a phase, unless something else has happened to it since.
    pub(crate) fn move_on(&mut self, instance: &str, phase: Phase) {
        let lifecycle = self.state.instances.get(instance).map(|it| it.lifecycle.clone());
        match (lifecycle.as_deref(), phase) {
            (Some("EnteringStandby"), Phase::Standby) => {
                self.set_lifecycle(instance, "Standby");
                self.progress(instance, Stage::Successful);
            }
            (Some("Pending"), Phase::InService) => {
                self.set_lifecycle(instance, "InService");
                if let Some(it) = self.state.instances.get_mut(instance)
                    && it.ec2_state == "pending"
                {
                    "running".clone_into(&mut it.ec2_state);
                    it.ping = Ping::Online;
                }
                self.progress(instance, Stage::Successful);
                // One that is down, or fails its checks, is looked at like any other.
                let found = self.state.instances.get(instance);
                let group = found.filter(|it| it.impaired || it.ec2_state != "running");
                if let Some(group) = group.map(|it| it.group.clone()) {
                    let at = plus(self.at, super::CHECK);
                    self.state.timeline.push(at, Happening::Examines(group));
                }
            }
            (Some("Terminating"), Phase::TerminatingWait) => {
                self.set_lifecycle(instance, "Terminating:Wait");
                self.progress(instance, Stage::MidLifecycleAction(60));
                self.later(instance, Phase::TerminatingProceed);
            }
            (Some("Terminating:Wait"), Phase::TerminatingProceed) => {
                self.set_lifecycle(instance, "Terminating:Proceed");
                self.shut_down(instance);
            }
            (Some("Terminating" | "Terminating:Proceed"), Phase::Gone) => self.gone(instance),
            _ => {} // it went another way meanwhile
        }
    }

    /// Lets an instance get to a phase when that takes as long as it takes.
    pub(super) fn later(&mut self, instance: &str, phase: Phase) {
        let group = self.state.instances.get(instance).map(|it| it.group.clone());
        let wait = match phase {
            Phase::Standby => STANDBY,
            Phase::InService => {
                let state = self.state.instances.get(instance).map(|it| it.ec2_state.as_str());
                if state == Some("pending") { BOOT } else { OUT_OF_STANDBY }
            }
            Phase::TerminatingWait => HOOK,
            Phase::TerminatingProceed => {
                let group = self.state.groups.iter().find(|it| Some(&it.name) == group.as_ref());
                group.and_then(|it| it.launches.termination_hook).unwrap_or_default()
            }
            Phase::Gone => SHUTDOWN,
        };
        let at = plus(self.at, wait);
        self.state.timeline.push(at, Happening::Moves(instance.to_owned(), phase));
    }

    /// Starts to terminate a member.
    pub(super) fn take_out(&mut self, name: &str, instance: &str, cause: String) -> Activity {
        self.set_lifecycle(instance, "Terminating");
        let description = format!("Terminating EC2 instance: {instance}");
        let res = self.begin(name, instance, description, cause, Stage::InProgress(0));
        if self.group(name).launches.termination_hook.is_some() {
            self.later(instance, Phase::TerminatingWait);
        } else {
            self.shut_down(instance);
        }
        res
    }

    /// Launches a new member, and says in response to what.
    pub(super) fn launch(&mut self, name: &str, what: &str) {
        let number = self.state.instances.len();
        let (seed, at) = (self.seed, self.at);
        let group = self.group(name);
        let index = group.launches.next_index;
        group.launches.next_index += 1;
        let blank = Blank { seed, group: name, index, number, platform: group.launches.platform };
        let mut tags = group.tags.clone();
        tags.insert(GROUP_TAG.to_owned(), name.to_owned());
        let instance = Instance {
            zone: group.zones[index % group.zones.len()].clone(),
            lifecycle: "Pending".to_owned(),
            health: "Healthy".to_owned(),
            ping: Ping::None,
            agent_version: group.launches.agent_version.clone(),
            setup: group.launches.setup.clone(),
            hardware: group.launches.hardware.clone(),
            tags,
            run: group.launches.run,
            ec2_state: "pending".to_owned(),
            launched: Some(at),
            ..blank.instance()
        };
        let id = instance.id.clone();
        group.members.push(id.clone());
        machines::furnish(self.state, &instance);
        self.state.instances.insert(id.clone(), instance);
        let cause = format!("At {} an instance was started in response to {what}.", self.instant());
        let description = format!("Launching a new EC2 instance: {id}");
        self.begin(name, &id, description, cause, Stage::InProgress(30));
        self.later(&id, Phase::InService);
    }

    pub(super) fn is_counted(&self, instance: &str) -> bool {
        let counted = ["InService", "Pending", "Pending:Wait", "Pending:Proceed"];
        self.state.instances.get(instance).is_some_and(|it| counted.contains(&&*it.lifecycle))
    }

    pub(super) fn set_lifecycle(&mut self, instance: &str, lifecycle: &str) {
        if let Some(it) = self.state.instances.get_mut(instance) {
            lifecycle.clone_into(&mut it.lifecycle);
        }
    }

    /// The agent is gone with the first of it.
    fn shut_down(&mut self, instance: &str) {
        if let Some(it) = self.state.instances.get_mut(instance) {
            "shutting-down".clone_into(&mut it.ec2_state);
        }
        self.later(instance, Phase::Gone);
    }

    /// A terminated instance leaves its group; EC2 still knows it for a while.
    fn gone(&mut self, instance: &str) {
        self.progress(instance, Stage::Successful);
        let Some(it) = self.state.instances.get_mut(instance) else { return };
        "Terminated".clone_into(&mut it.lifecycle);
        "terminated".clone_into(&mut it.ec2_state);
        let group = std::mem::take(&mut it.group);
        machines::scrap(self.state, instance);
        self.group(&group).members.retain(|it| it != instance);
    }
}

/// What follows from an instance's place in the account alone.
pub(crate) struct Blank<'a> {
    pub seed: u64,
    pub group: &'a str,
    pub index: usize,
    /// Among all instances of the account.
    pub number: usize,
    pub platform: Platform,
}

impl Blank<'_> {
    /// Returns an instance that has its names and nothing else.
    pub(crate) fn instance(&self) -> Instance {
        let id = ids::instance_id(self.seed, self.group, self.index);
        let [a, b, c, _] = u32::try_from(self.number + 4).unwrap_or(u32::MAX).to_le_bytes();
        let computer_name = match self.platform {
            Platform::Linux => format!("ip-10-{c}-{b}-{a}.ec2.internal"),
            Platform::Windows => format!("EC2AMAZ-{}", id[12..].to_uppercase()),
            Platform::MacOs => format!("ip-10-{c}-{b}-{a}.local"),
        };
        Instance {
            id,
            group: self.group.to_owned(),
            index: self.index,
            platform: self.platform,
            computer_name,
            ip_address: format!("10.{c}.{b}.{a}"),
            ..Instance::default()
        }
    }
}
