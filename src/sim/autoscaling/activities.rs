//! Scaling activities on the wire, and DescribeScalingActivities.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{arn, invalid, no_group, page::Page, subnet_id};
use crate::sim::{
    api::{ApiError, Call},
    scaling::Activity,
    wire::{form::Form, xml::Xml},
};

const PAGE: Page = Page { default: 100, most: 100 };

/// "Activities from the last six weeks" (API reference).
const REMEMBERED: SignedDuration = SignedDuration::from_hours(6 * 7 * 24);

pub(super) fn describe_scaling_activities(
    call: &Call,
    form: &Form,
    xml: &mut Xml,
) -> Result<(), ApiError> {
    if form.has("Filters") {
        return Err(invalid("Filters is not implemented by this simulator"));
    }
    let ids = form.texts("ActivityIds");
    let group = form.text("AutoScalingGroupName");
    let size = call.pages.of(PAGE.size(form)?);
    let state = call.sim.state.borrow();
    if let Some(name) = group
        && !state.groups.iter().any(|it| it.name == name)
    {
        return Err(no_group(name));
    }
    let since = call.sim.clock.now() - REMEMBERED;
    let is_wanted = |it: &&Activity| {
        group.is_none_or(|name| it.group == name)
            && (ids.is_empty() || ids.contains(&it.id.as_str()))
            && it.start >= since
    };
    let mut newest_first = state.activities.iter().rev().filter(is_wanted);
    if let Some(token) = form.text("NextToken").filter(|it| !it.is_empty()) {
        let last = token.strip_prefix(TOKEN);
        if !newest_first.by_ref().any(|it| Some(it.id.as_str()) == last) {
            let message = "The token is not valid, ask from the start";
            return Err(ApiError::new("InvalidNextToken", message));
        }
    }
    let mut rest = newest_first.peekable();
    let page: Vec<&Activity> = rest.by_ref().take(size).collect();
    let last = page.last().map(|it| it.id.as_str()).filter(|_| rest.peek().is_some());
    xml.list("Activities", page, |xml, it| write_activity(call, it, xml));
    if let Some(it) = last {
        xml.text("NextToken", &format!("{TOKEN}{it}"));
    }
    Ok(())
}

/// A token names the last activity of the page.
const TOKEN: &str = "fleet1-";

pub(super) fn write_activity(call: &Call, activity: &Activity, xml: &mut Xml) {
    xml.text("ActivityId", &activity.id);
    xml.text("AutoScalingGroupName", &activity.group);
    xml.text("Description", &activity.description);
    xml.text("Cause", &activity.cause);
    xml.text("StartTime", &instant(activity.start));
    if let Some(it) = activity.end {
        xml.text("EndTime", &instant(it));
    }
    xml.text("StatusCode", activity.progress.word());
    xml.value("Progress", activity.progress.percent());
    let details = json!({
        "Subnet ID": subnet_id(&activity.zone),
        "Availability Zone": activity.zone,
    });
    xml.value("Details", details);
    xml.text("AutoScalingGroupARN", &arn(call, &activity.group));
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
