//! DescribeInstanceProperties: the managed nodes again, a thousand on a page.
//! It filters nothing: a request that asks for a filter is refused.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    nodes::{Seen, is_managed},
    page,
    shapes::DESCRIBE_INSTANCE_PROPERTIES,
    validate,
};
use crate::sim::api::{ApiError, Call, Facts};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// UNVERIFIED: the model names none.
const DEFAULT_PAGE: usize = 50;

pub(super) fn describe_instance_properties(call: &Call, body: &Value) -> Result<Value, ApiError> {
    call.authorize("ssm:DescribeInstanceProperties", None, &Facts::default())?;
    let request: Request = validate::request(DESCRIBE_INSTANCE_PROPERTIES, body)?;
    let from = page::place("properties", request.next_token.as_deref())?.unwrap_or_default();
    let state = call.sim.state.borrow();
    let seen = Seen::at_present(call);
    // UNVERIFIED: that stopped instances are missing here too.
    let mut found = state.instances.range(from..).map(|(_, it)| it).filter(|it| is_managed(it));
    let size = call.pages.of(request.max_results.unwrap_or(DEFAULT_PAGE));
    let page = found.by_ref().take(size).map(|it| {
        let mut node = seen.information(it);
        node["InstanceState"] = it.ec2_state.as_str().into();
        node["AvailabilityZone"] = it.zone.as_str().into();
        if let Some(it) = node.as_object_mut() {
            it.remove("IsLatestVersion");
        }
        node
    });
    let mut res = json!({ "InstanceProperties": page.collect::<Vec<_>>() });
    if let Some(next) = found.next() {
        res["NextToken"] = page::token("properties", &next.id).into();
    }
    Ok(res)
}
