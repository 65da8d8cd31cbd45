//! How groups change: standby, termination, launches, and what a group owes its capacity.
//! It is told the instant and never waits; what comes later goes to the timeline. Whether a
//! caller may ask for it, `autoscaling` decides.

mod activity;
mod health;
mod lifecycle;

use std::time::Duration;

pub(crate) use self::{
    activity::{Activity, Stage},
    health::CHECK,
    lifecycle::{Blank, GROUP_TAG, Phase},
};
use super::{
    state::{Capacity, Event, EventKind, Group, State, Which},
    timeline::{Happening, plus},
};

/// From a launch that failed to the next try. AWS gives no number, and waits longer each time.
const RETRY: Duration = Duration::from_secs(60);

/// The account at an instant at which a group changes.
pub(crate) struct Scaling<'a> {
    pub state: &'a mut State,
    pub seed: u64,
    pub at: jiff::Timestamp,
}

impl Scaling<'_> {
    /// Moves a member that is InService to Standby, and returns its activity.
    pub(crate) fn enter_standby(&mut self, instance: &str, capacity: Capacity) -> Activity {
        let name = self.group_of(instance);
        let mut cause = format!(
            "At {} instance {instance} was moved to standby in response to a user request",
            self.instant()
        );
        match capacity {
            Capacity::Follows => {
                let (from, to) = self.resize(&name, -1);
                cause = format!("{cause}, shrinking the capacity from {from} to {to}");
            }
            Capacity::Stays => self.group(&name).owed += 1,
        }
        cause.push('.');
        self.set_lifecycle(instance, "EnteringStandby");
        self.later(instance, Phase::Standby);
        let description = format!("Moving EC2 instance to Standby: {instance}");
        let res = self.begin(&name, instance, description, cause, Stage::InProgress(50));
        self.settle(&name);
        res
    }

    /// Moves a member out of Standby, which always raises the desired capacity.
    pub(crate) fn exit_standby(&mut self, instance: &str) -> Activity {
        let name = self.group_of(instance);
        let (from, to) = self.resize(&name, 1);
        let cause = format!(
            "At {} instance {instance} was moved out of standby in response to a user request, \
             increasing the capacity from {from} to {to}.",
            self.instant()
        );
        self.set_lifecycle(instance, "Pending");
        self.later(instance, Phase::InService);
        let description = format!("Moving EC2 instance out of Standby: {instance}");
        self.begin(&name, instance, description, cause, Stage::PreInService(30))
    }

    /// Terminates a member as a user asks.
    pub(crate) fn terminate(&mut self, instance: &str, capacity: Capacity) -> Activity {
        let name = self.group_of(instance);
        // One in Standby is not counted, so that its end changes no capacity. UNVERIFIED.
        let is_counted = self.is_counted(instance);
        let mut cause = format!(
            "At {} instance {instance} was taken out of service in response to a user request",
            self.instant()
        );
        match capacity {
            Capacity::Follows if is_counted => {
                let (from, to) = self.resize(&name, -1);
                cause = format!("{cause}, shrinking the capacity from {from} to {to}");
            }
            Capacity::Stays if is_counted => self.group(&name).owed += 1,
            Capacity::Follows | Capacity::Stays => {}
        }
        cause.push('.');
        let res = self.take_out(&name, instance, cause);
        self.settle(&name);
        res
    }

    /// Launches and terminates what the group owes its capacity, unless that is suspended.
    pub(crate) fn settle(&mut self, name: &str) {
        loop {
            let group = self.group(name);
            let owed = group.owed;
            if owed > 0 && !group.suspended.contains_key("Launch") {
                if let Some(why) = group.launches.failure.clone() {
                    return self.fail_to_launch(name, &why);
                }
                group.owed -= 1;
                self.launch(name, "a difference between desired and actual capacity");
            } else if owed < 0 && !group.suspended.contains_key("Terminate") {
                let Some(victim) = self.victim(name) else { return };
                self.group(name).owed += 1;
                let cause = format!(
                    "At {at} an instance was taken out of service in response to a difference \
                     between desired and actual capacity.  At {at} instance {victim} was \
                     selected for termination.",
                    at = self.instant()
                );
                self.take_out(name, &victim, cause);
            } else {
                return;
            }
        }
    }

    /// Notes that nobody could be launched, and tries again later: no more often than once a while.
    fn fail_to_launch(&mut self, name: &str, why: &str) {
        if std::mem::replace(&mut self.group(name).launches.is_retried, true) {
            return;
        }
        let cause = format!(
            "At {} an instance was started in response to a difference between desired and actual \
             capacity.",
            self.instant()
        );
        self.launch_failed(name, cause, why);
        self.state.timeline.push(plus(self.at, RETRY), Happening::Launches(name.to_owned()));
    }

    /// Tries again what could not be launched.
    pub(crate) fn retry(&mut self, name: &str) {
        self.group(name).launches.is_retried = false;
        self.settle(name);
    }

    /// Lets one of the world's events happen.
    pub(crate) fn event(&mut self, event: &Event) {
        let name = event.group.as_str();
        match event.kind {
            EventKind::ScaleOut => {
                let Which::Count(count) = &event.which else { return };
                for _ in 0..*count {
                    if self.group(name).desired < self.group(name).max_size {
                        self.resize(name, 1);
                        self.group(name).owed += 1;
                    }
                }
                self.settle(name);
            }
            EventKind::ScaleIn => match &event.which {
                Which::Count(count) => {
                    for _ in 0..*count {
                        if self.group(name).desired > self.group(name).min_size {
                            self.resize(name, -1);
                            self.group(name).owed -= 1;
                        }
                    }
                    self.settle(name);
                }
                Which::Indices(_) => {
                    for it in self.meant(event) {
                        self.terminate(&it, Capacity::Follows);
                    }
                }
            },
            EventKind::Standby => {
                for it in self.meant(event) {
                    self.enter_standby(&it, Capacity::Follows);
                }
            }
            EventKind::Impair => {
                for it in self.meant(event) {
                    self.impair(&it);
                }
            }
            EventKind::LoseAgent => {
                for it in self.meant(event) {
                    if let Some(it) = self.state.instances.get_mut(&it) {
                        it.lose_agent(self.at);
                    }
                }
            }
        }
    }

    /// The members in service that an event means, by index or the first so many.
    fn meant(&mut self, event: &Event) -> Vec<String> {
        let members = self.group(&event.group).members.clone();
        let mut in_service = members.into_iter().filter_map(|it| {
            let it = self.state.instances.get(&it)?;
            (it.lifecycle == "InService").then(|| (it.index, it.id.clone()))
        });
        match &event.which {
            Which::Count(count) => in_service.by_ref().take(*count).map(|(_, id)| id).collect(),
            Which::Indices(indices) => {
                in_service.filter(|(it, _)| indices.contains(it)).map(|(_, id)| id).collect()
            }
        }
    }

    /// The one that scale-in takes first: of the fullest zone, the oldest that is not protected.
    fn victim(&mut self, name: &str) -> Option<String> {
        let members = self.group(name).members.clone();
        let members = members.iter().filter_map(|it| self.state.instances.get(it));
        let in_service: Vec<_> = members.filter(|it| it.lifecycle == "InService").collect();
        let crowd = |zone: &str| in_service.iter().filter(|it| it.zone == zone).count();
        let free = in_service.iter().filter(|it| !it.protected);
        let victim = free.min_by_key(|it| (std::cmp::Reverse(crowd(&it.zone)), it.index));
        victim.map(|it| it.id.clone())
    }

    /// Changes the desired capacity, and returns it before and after.
    fn resize(&mut self, name: &str, by: i32) -> (u32, u32) {
        let group = self.group(name);
        let before = group.desired;
        group.desired = before.saturating_add_signed(by);
        (before, group.desired)
    }

    pub(crate) fn group(&mut self, name: &str) -> &mut Group {
        let found = self.state.groups.iter_mut().find(|it| it.name == name);
        found.expect("whoever asks has found the group or is a member of it")
    }

    fn group_of(&self, instance: &str) -> String {
        self.state.instances.get(instance).map(|it| it.group.clone()).unwrap_or_default()
    }
}
