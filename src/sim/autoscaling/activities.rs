//! Scaling activities on the wire, and DescribeScalingActivities.

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{arn, no_group, page::Page, subnet_id};
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
    let ids = form.texts("ActivityIds")?;
    let group = form.text("AutoScalingGroupName");
    let size = call.pages.of(PAGE.size(form)?);
    let state = call.sim.state.borrow();
    if let Some(name) = group
        && !state.groups.iter().any(|it| it.name == name)
    {
        return Err(no_group(name));
    }
    let since = call.sim.clock.now() - REMEMBERED;
    let is_wanted = |it: &Activity| {
        group.is_none_or(|name| it.group == name)
            && (ids.is_empty() || ids.contains(&it.id.as_str()))
            && it.start >= since
    };
    // "Activities are sorted by start time. Activities still in progress are described first" (API
    // reference).
    let place = |at: usize, it: &Activity| (it.end.is_none(), at);
    let wanted = state.activities.iter().enumerate().filter(|(_, it)| is_wanted(it));
    let mut rest: Vec<((bool, usize), &Activity)> =
        wanted.map(|(at, it)| (place(at, it), it)).collect();
    rest.sort_by_key(|(place, _)| Reverse(*place));
    if let Some(token) = form.text("NextToken").filter(|it| !it.is_empty()) {
        let last = Token::read(token).and_then(|token| {
            let at = state.activities.iter().position(|it| it.id == token.id)?;
            Some((token.is_under_way, at))
        });
        let Some(last) = last else {
            let message = "The token is not valid, ask from the start";
            return Err(ApiError::new("InvalidNextToken", message));
        };
        rest.retain(|(place, _)| *place < last);
    }
    let is_more = rest.len() > size;
    rest.truncate(size);
    let last = rest.last().filter(|_| is_more);
    let token =
        last.map(|((is_under_way, _), it)| Token { id: &it.id, is_under_way: *is_under_way });
    let page = rest.iter().map(|(_, it)| *it);
    xml.list("Activities", page, |xml, it| write_activity(call, it, xml));
    if let Some(it) = token {
        xml.text("NextToken", &it.text());
    }
    Ok(())
}

/// Names the last activity of a page, and where it stood: it may have ended since.
struct Token<'a> {
    id: &'a str,
    is_under_way: bool,
}

impl<'a> Token<'a> {
    const UNDER_WAY: &'static str = "fleet1-under-way-";
    const ENDED: &'static str = "fleet1-ended-";

    fn read(text: &'a str) -> Option<Self> {
        let of = |beginning, is_under_way| {
            text.strip_prefix(beginning).map(|id| Self { id, is_under_way })
        };
        of(Self::UNDER_WAY, true).or_else(|| of(Self::ENDED, false))
    }

    fn text(&self) -> String {
        let beginning = if self.is_under_way { Self::UNDER_WAY } else { Self::ENDED };
        format!("{beginning}{}", self.id)
    }
}

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
    if let Some(it) = &activity.message {
        xml.text("StatusMessage", it);
    }
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
