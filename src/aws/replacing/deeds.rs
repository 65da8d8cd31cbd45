//! What a group has ended and launched, as the core judges it.

use std::ops::ControlFlow;

use aws_sdk_autoscaling::types::Activity as Told;
use jiff::Timestamp;

use crate::{
    aws::{activities::deed, clients::Aws, command::timestamp, error::AwsError},
    rescue::{Activity, ActivityStage, Deed},
};

impl Aws {
    /// Reads what a group has ended and launched since, the oldest first.
    pub(super) async fn deeds(
        &self,
        group: &str,
        since: Timestamp,
    ) -> Result<Vec<Activity>, AwsError> {
        let mut res = Vec::new();
        let see = |it: &Told| {
            res.extend(activity(it));
            ControlFlow::Continue(())
        };
        self.activities(group, since, see).await?;
        res.reverse();
        res.sort_by_key(|it| it.started);
        Ok(res)
    }

    /// Returns why the group's newest launch failed, if it did.
    pub(in crate::aws) async fn failed_launch(
        &self,
        group: &str,
    ) -> Result<Option<String>, AwsError> {
        let mut newest = None;
        let see = |it: &Told| {
            newest = activity(it).filter(|it| matches!(it.deed, Deed::Launches { .. }));
            if newest.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        // As far back as the service remembers.
        self.activities(group, Timestamp::MIN, see).await?;
        let failed = newest.filter(|it| it.stage == ActivityStage::Failed);
        Ok(failed.map(|it| it.message.unwrap_or(it.word)))
    }
}

/// Reads an activity that ends or launches an instance.
fn activity(it: &Told) -> Option<Activity> {
    let (what, instance) = deed(it)?;
    let deed = if what.starts_with("Terminating") {
        let is_shrinking = it.cause().is_some_and(|it| it.contains("shrinking the capacity"));
        Deed::Ends { instance: instance?, is_shrinking }
    } else if what.starts_with("Launching") {
        Deed::Launches { instance }
    } else {
        return None;
    };
    let word = it.status_code().map(|it| it.as_str()).unwrap_or("unknown");
    let stage = match word {
        "Successful" => ActivityStage::Successful,
        "Failed" => ActivityStage::Failed,
        "Cancelled" => ActivityStage::Cancelled,
        // A foreign list: the others are stages, and what is not known has not ended.
        _ => ActivityStage::UnderWay,
    };
    Some(Activity {
        id: it.activity_id()?.to_owned(),
        deed,
        word: it.progress().map_or_else(|| word.to_owned(), |n| format!("{word}, {n}%")),
        stage,
        message: it.status_message().map(ToOwned::to_owned).filter(|it| !it.is_empty()),
        started: it.start_time().and_then(timestamp),
        ended: it.end_time().and_then(timestamp),
    })
}
