//! What a group did and does, for DescribeScalingActivities.
//! It tells; it changes nothing but itself.

use jiff::Timestamp;

use super::Scaling;
use crate::sim::ids;

/// One scaling activity.
#[derive(Debug, Clone)]
pub(crate) struct Activity {
    pub id: String,
    pub group: String,
    pub instance: String,
    pub zone: String,
    pub description: String,
    pub cause: String,
    pub start: Timestamp,
    /// `None`: it is under way.
    pub end: Option<Timestamp>,
    pub progress: Stage,
    /// What went wrong.
    pub message: Option<String>,
}

/// StatusCode, and Progress in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    InProgress(u8),
    PreInService(u8),
    MidLifecycleAction(u8),
    Successful,
    Failed,
}

impl Stage {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::InProgress(_) => "InProgress",
            Self::PreInService(_) => "PreInService",
            Self::MidLifecycleAction(_) => "MidLifecycleAction",
            Self::Successful => "Successful",
            Self::Failed => "Failed",
        }
    }

    pub(crate) fn percent(self) -> u8 {
        match self {
            Self::InProgress(it) | Self::PreInService(it) | Self::MidLifecycleAction(it) => it,
            Self::Successful | Self::Failed => 100,
        }
    }
}

/// Groups remember so many of their activities; AWS remembers six weeks of them.
const MAX_ACTIVITIES: usize = 50_000;

impl Scaling<'_> {
    /// The instant as the texts have it, such as `2026-01-01T00:00:00Z`.
    pub(super) fn instant(&self) -> String {
        self.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// Notes an activity that begins now.
    pub(super) fn begin(
        &mut self,
        group: &str,
        instance: &str,
        description: String,
        cause: String,
        progress: Stage,
    ) -> Activity {
        let zone = self.state.instances.get(instance).map(|it| it.zone.clone());
        let n = self.state.activities.len();
        let res = Activity {
            id: ids::named_uuid(self.seed, "activity", &n.to_string()),
            group: group.to_owned(),
            instance: instance.to_owned(),
            zone: zone.unwrap_or_default(),
            description,
            cause,
            start: self.at,
            end: None,
            progress,
            message: None,
        };
        if n < MAX_ACTIVITIES {
            self.state.activities.push(res.clone());
        }
        res
    }

    /// Notes a launch that has come to nothing, as the console shows one for want of capacity.
    pub(super) fn launch_failed(&mut self, group: &str, cause: String, why: &str) {
        let message = format!("{why} Launching EC2 instance failed.");
        let description = format!("Launching a new EC2 instance.  Status Reason: {message}");
        let at = self.at;
        let zone = self.group(group).zones.first().cloned().unwrap_or_default();
        let began = self.begin(group, "", description, cause, Stage::Failed);
        if let Some(it) = self.state.activities.last_mut().filter(|it| it.id == began.id) {
            it.end = Some(at);
            it.zone = zone;
            it.message = Some(message);
        }
    }

    /// Tells how far the instance's newest activity is.
    pub(super) fn progress(&mut self, instance: &str, progress: Stage) {
        let newest = self.state.activities.iter_mut().rev().find(|it| it.instance == instance);
        if let Some(it) = newest.filter(|it| it.end.is_none()) {
            it.progress = progress;
            it.end = (progress == Stage::Successful).then_some(self.at);
        }
    }
}
