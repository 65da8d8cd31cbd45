//! What a group has done and does: its scaling activities, page after page. It reads them, and judges
//! none.

use std::ops::ControlFlow;

use aws_sdk_autoscaling::{
    operation::describe_scaling_activities::DescribeScalingActivitiesOutput, types::Activity,
};
use jiff::Timestamp;

use super::{
    clients::Aws,
    command::{CLOCK_SKEW, timestamp},
    error::AwsError,
};
use crate::plan::InstanceId;

/// On one page (botocore model).
const PAGE: i32 = 100;

impl Aws {
    /// Shows `see` what a group does, and has done since `since`, the newest first, until it has seen
    /// enough. Clocks may differ: a little of what was before is among it.
    pub(super) async fn activities(
        &self,
        group: &str,
        since: Timestamp,
        mut see: impl FnMut(&Activity) -> ControlFlow<()>,
    ) -> Result<(), AwsError> {
        let since = since.saturating_sub(CLOCK_SKEW).unwrap_or(since);
        let request = self.autoscaling.describe_scaling_activities();
        let request = request.auto_scaling_group_name(group).max_records(PAGE);
        let page = |token| request.clone().set_next_token(token).send();
        let take = |page: DescribeScalingActivitiesOutput| {
            let seen = show(page.activities(), since, &mut see);
            page.next_token.filter(|_| seen.is_continue())
        };
        self.pages("DescribeScalingActivities", page, take).await
    }
}

/// Shows the activities of a page, and says whether the next page is wanted.
fn show(
    page: &[Activity],
    since: Timestamp,
    see: &mut impl FnMut(&Activity) -> ControlFlow<()>,
) -> ControlFlow<()> {
    for it in page {
        // "Activities are sorted by start time. Activities still in progress are described first"
        // (DescribeScalingActivities reference): only of what has ended all that follows is older.
        let is_before = it.start_time().and_then(timestamp).is_some_and(|it| it < since);
        if is_before && it.end_time().is_some() {
            return ControlFlow::Break(());
        }
        see(it)?;
    }
    ControlFlow::Continue(())
}

/// Returns what an activity does, and to whom: `Terminating EC2 instance: i-…`, `Detaching EC2
/// instance: i-…`, and `Launching a new EC2 instance: i-…`, whose id is missing where nothing was
/// launched (Auto Scaling guide, verify a scaling activity).
pub(super) fn deed(activity: &Activity) -> Option<(&str, Option<InstanceId>)> {
    let description = activity.description()?;
    let (what, rest) = description.split_once(':').unwrap_or((description, ""));
    let instance = rest.split_whitespace().next().and_then(|it| InstanceId::parse(it).ok());
    Some((what, instance))
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;

    use super::*;

    /// Returns an activity that began at a second, and has ended or goes on.
    fn activity(start: i64, end: Option<i64>) -> Activity {
        let at = DateTime::from_secs;
        let res = Activity::builder().activity_id(start.to_string()).start_time(at(start));
        res.set_end_time(end.map(at)).build()
    }

    /// Shows a page of what began at these seconds, and returns what was seen until it was over.
    fn seen(page: &[Activity], most: usize) -> (Vec<String>, ControlFlow<()>) {
        let mut seen = Vec::new();
        let mut see = |it: &Activity| {
            seen.push(it.activity_id().unwrap_or_default().to_owned());
            if seen.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let more = show(page, Timestamp::from_second(50).unwrap(), &mut see);
        (seen, more)
    }

    #[test]
    fn what_began_long_ago_and_goes_on_does_not_hide_what_has_ended_since() {
        let page = [activity(10, None), activity(70, Some(80))];
        assert_eq!(seen(&page, 9), (vec!["10".into(), "70".into()], ControlFlow::Continue(())));
        let page = [activity(70, Some(80)), activity(40, Some(90)), activity(60, Some(61))];
        assert_eq!(seen(&page, 9), (vec!["70".into()], ControlFlow::Break(())));
    }

    #[test]
    fn nothing_is_shown_to_who_has_seen_enough() {
        let page = [activity(70, Some(80)), activity(60, Some(61))];
        assert_eq!(seen(&page, 1), (vec!["70".into()], ControlFlow::Break(())));
    }
}
