//! Health checks: an instance that fails them is marked, and one that is marked is replaced.
//! Two processes do that, and each can be suspended alone: HealthCheck marks, ReplaceUnhealthy
//! replaces (user guide, suspend and resume processes). Protection from scale-in does not protect
//! from it, and what is in Standby is not looked at.

use std::time::Duration;

use super::Scaling;
use crate::sim::{
    state::Instance,
    timeline::{Happening, plus},
};

/// From the failure of a status check to what the group does about it. AWS gives no number.
pub(crate) const CHECK: Duration = Duration::from_secs(30);

/// Whether EC2 has stopped it, or is about to.
fn is_down(instance: &Instance) -> bool {
    matches!(instance.ec2_state.as_str(), "stopping" | "stopped")
}

impl Scaling<'_> {
    /// Lets the status checks of an instance fail from now on.
    pub(super) fn impair(&mut self, instance: &str) {
        let Some(it) = self.state.instances.get_mut(instance) else { return };
        it.impaired = true;
        it.impaired_since = Some(self.at);
        let group = it.group.clone();
        self.state.timeline.push(plus(self.at, CHECK), Happening::Examines(group));
    }

    /// Marks the members whose checks fail, and replaces those that are marked.
    pub(crate) fn examine(&mut self, name: &str) {
        if !self.group(name).suspended.contains_key("HealthCheck") {
            for it in self.in_service(name) {
                if let Some(it) =
                    self.state.instances.get_mut(&it).filter(|it| it.impaired || is_down(it))
                {
                    "Unhealthy".clone_into(&mut it.health);
                }
            }
        }
        let suspended = &self.group(name).suspended;
        // It terminates by Terminate (user guide, suspend and resume processes).
        if suspended.contains_key("ReplaceUnhealthy") || suspended.contains_key("Terminate") {
            return;
        }
        for it in self.in_service(name) {
            let instance = self.state.instances.get(&it).filter(|it| it.health == "Unhealthy");
            let Some(instance) = instance else { continue };
            let why = match (is_down(instance), instance.impaired) {
                (true, _) => "an EC2 health check indicating it has been terminated or stopped",
                (false, true) => "an EC2 instance status checks failure",
                (false, false) => "a user health-check",
            };
            let cause = format!(
                "At {} an instance was taken out of service in response to {why}.",
                self.instant()
            );
            self.take_out(name, &it, cause);
            self.replace(name);
        }
    }

    fn replace(&mut self, name: &str) {
        let group = self.group(name);
        if group.suspended.contains_key("Launch") || group.launches.failure.is_some() {
            group.owed += 1;
            self.settle(name);
        } else {
            self.launch(name, "an unhealthy instance needing to be replaced");
        }
    }

    fn in_service(&mut self, name: &str) -> Vec<String> {
        let members = self.group(name).members.clone();
        let is_in_service = |it: &String| {
            self.state.instances.get(it).is_some_and(|it| it.lifecycle == "InService")
        };
        members.into_iter().filter(is_in_service).collect()
    }
}
