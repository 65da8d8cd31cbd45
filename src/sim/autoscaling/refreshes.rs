//! DescribeInstanceRefreshes: the refresh that the world says a group is in.
//! It replaces no instance: a world schedules who leaves and who comes as events.

use super::{Form, invalid, no_group, page::Page};
use crate::sim::{
    api::{ApiError, Call},
    ids,
    wire::xml::Xml,
};

/// "The default value is 50 and the maximum value is 100" (botocore model).
const PAGE: Page = Page { default: 50, most: 100 };

pub(super) fn describe_instance_refreshes(
    call: &Call,
    form: &Form,
    xml: &mut Xml,
) -> Result<(), ApiError> {
    let Some(name) = form.text("AutoScalingGroupName") else {
        return Err(invalid(
            "1 validation error detected: Value null at 'autoScalingGroupName' failed to satisfy \
             constraint: Member must not be null",
        ));
    };
    PAGE.size(form)?;
    // A group has one refresh at the most here, so no page has a next one.
    if form.text("NextToken").is_some_and(|it| !it.is_empty()) {
        let message = "The token is not valid, ask from the start";
        return Err(ApiError::new("InvalidNextToken", message));
    }
    let state = call.sim.state.borrow();
    let group = state.groups.iter().find(|it| it.name == name).ok_or_else(|| no_group(name))?;
    let id = ids::named_uuid(0, "refresh", name);
    let wanted = form.texts("InstanceRefreshIds")?;
    let is_wanted = wanted.is_empty() || wanted.contains(&id.as_str());
    let found = group.refresh.iter().filter(|_| is_wanted);
    xml.list("InstanceRefreshes", found, |xml, status| {
        xml.text("InstanceRefreshId", &id);
        xml.text("AutoScalingGroupName", name);
        xml.text("Status", status);
    });
    Ok(())
}
