//! Managed nodes: which instances SSM knows, and DescribeInstanceInformation.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    documents::platform_word,
    engine::plus,
    page,
    shapes::DESCRIBE_INSTANCE_INFORMATION,
    validate::{self, invalid},
    view::epoch,
};
use crate::sim::{
    api::{ApiError, Call, Facts},
    state::{Instance, Ping, Platform},
};

/// Whether SSM has ever heard of it: its agent registered, and it is not gone. A tag also matches
/// a stopped instance that is still registered; its agent is then out of reach.
pub(super) fn is_registered(instance: &Instance) -> bool {
    instance.ping != Ping::None && instance.ec2_state != "terminated"
}

/// Whether it can be named: "does not return information for nodes that are either Stopped or
/// Terminated" (DescribeInstanceInformation), and SendCommand refuses those ids.
pub(super) fn is_managed(instance: &Instance) -> bool {
    is_registered(instance) && instance.ec2_state != "stopped"
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    filters: Vec<Filter>,
    #[serde(rename = "InstanceInformationFilterList")]
    legacy: Vec<LegacyFilter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    key: String,
    values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LegacyFilter {
    key: String,
    value_set: Vec<String>,
}

const DEFAULT_PAGE: usize = 10;
/// How old the last ping of a lost agent is at least. UNVERIFIED (D19).
const CONNECTION_LOST_AFTER: SignedDuration = SignedDuration::from_mins(5);

pub(super) fn describe_instance_information(call: &Call, body: &Value) -> Result<Value, ApiError> {
    call.authorize("ssm:DescribeInstanceInformation", None, &Facts::default())?;
    let request: Request = validate::request(DESCRIBE_INSTANCE_INFORMATION, body)?;
    let size = call.pages.of(request.max_results.unwrap_or(DEFAULT_PAGE));
    let from =
        page::place(&page::list("nodes", body), request.next_token.as_deref())?.unwrap_or_default();
    let filters = request.all_filters()?;
    let state = call.sim.state.borrow();
    for filter in filters.iter().filter(|it| it.key == "InstanceIds") {
        filter.check_ids(&state.instances)?;
    }
    let seen = Seen::at_present(call);
    let mut found = state
        .instances
        .range(from..)
        .map(|(_, it)| it)
        .filter(|it| is_managed(it) && filters.iter().all(|filter| filter.selects(it, &seen)));
    let page: Vec<Value> = found.by_ref().take(size).map(|it| seen.information(it)).collect();
    let mut res = json!({ "InstanceInformationList": page });
    if let Some(next) = found.next() {
        res["NextToken"] = page::token(&page::list("nodes", body), &next.id).into();
    }
    Ok(res)
}

impl Request {
    fn all_filters(self) -> Result<Vec<Filter>, ApiError> {
        if !self.filters.is_empty() && !self.legacy.is_empty() {
            return Err(invalid(
                "InstanceInformationFilterList and Filters cannot both be specified",
            ));
        }
        let legacy = self.legacy.into_iter().map(|it| Filter { key: it.key, values: it.value_set });
        let filters: Vec<Filter> = self.filters.into_iter().chain(legacy).collect();
        if filters.iter().any(|it| !it.is_known()) {
            return Err(ApiError::bare("InvalidFilterKey"));
        }
        let n_tags = filters.iter().filter(|it| it.is_tag()).count();
        if n_tags > 0 && n_tags < filters.len() {
            return Err(invalid("Tag filters can't be combined with other filter types."));
        }
        for filter in &filters {
            // The model has enums for these; that the last two are refused too is UNVERIFIED.
            let words: &[&str] = match filter.key.as_str() {
                "PlatformTypes" => &["Windows", "Linux", "MacOS"],
                "PingStatus" => &["Online", "ConnectionLost", "Inactive"],
                "ResourceType" => &["EC2Instance", "ManagedInstance"],
                _ => continue,
            };
            if !filter.values.iter().all(|it| words.contains(&it.as_str())) {
                return Err(ApiError::new(
                    "InvalidInstanceInformationFilterValue",
                    "The specified filter value isn't valid.",
                ));
            }
        }
        Ok(filters)
    }
}

impl Filter {
    fn is_tag(&self) -> bool {
        self.key == "tag-key" || self.key.starts_with("tag:")
    }

    fn is_known(&self) -> bool {
        const KEYS: [&str; 10] = [
            "ActivationIds",
            "AgentVersion",
            "AssociationStatus",
            "IamRole",
            "InstanceIds",
            "PingStatus",
            "PlatformTypes",
            "ResourceType",
            "SourceIds",
            "SourceTypes",
        ];
        self.is_tag() || KEYS.contains(&self.key.as_str())
    }

    /// "If you specify a node ID that isn't valid or that you don't own, you receive an error";
    /// one that exists but is not managed is merely absent.
    fn check_ids(&self, instances: &BTreeMap<String, Instance>) -> Result<(), ApiError> {
        let Some(unknown) = self.values.iter().find(|it| !instances.contains_key(*it)) else {
            return Ok(());
        };
        // UNVERIFIED wording.
        Err(ApiError::new("InvalidInstanceId", format!("Instance {unknown} does not exist")))
    }

    fn selects(&self, instance: &Instance, seen: &Seen) -> bool {
        let has = |value: &str| self.values.iter().any(|it| it == value);
        match self.key.as_str() {
            "InstanceIds" | "SourceIds" => has(&instance.id),
            "AgentVersion" => has(&instance.agent_version),
            "PingStatus" => has(seen.ping(instance)),
            "PlatformTypes" => has(platform_word(instance.platform)),
            "ResourceType" => has("EC2Instance"),
            "SourceTypes" => has("AWS::EC2::Instance"),
            "tag-key" => self.values.iter().any(|it| instance.tags.contains_key(it)),
            // ActivationIds and IamRole belong to nodes outside EC2, AssociationStatus to State Manager:
            // nothing here has them.
            key => {
                let tag = key.strip_prefix("tag:").and_then(|it| instance.tags.get(it));
                tag.is_some_and(|it| has(it))
            }
        }
    }
}

/// The instant of the question, and how late SSM notices that an agent is lost.
pub(super) struct Seen {
    now: Timestamp,
    lag: Duration,
}

impl Seen {
    pub(super) fn at_present(call: &Call) -> Self {
        Self { now: call.sim.clock.now(), lag: call.sim.ping_lag }
    }

    fn ping(&self, instance: &Instance) -> &'static str {
        let is_noticed = instance.lost.is_none_or(|it| plus(it, self.lag) <= self.now);
        match instance.ping {
            Ping::Online if instance.ec2_state == "running" => "Online",
            Ping::ConnectionLost if !is_noticed => "Online",
            Ping::Online | Ping::ConnectionLost | Ping::None => "ConnectionLost",
        }
    }

    fn last_ping(&self, instance: &Instance) -> Timestamp {
        let long_ago = self.now.saturating_sub(CONNECTION_LOST_AFTER).unwrap_or(self.now);
        match (instance.ping, instance.lost) {
            (Ping::ConnectionLost, Some(lost)) => lost,
            _ if self.ping(instance) == "Online" => self.now,
            _ => long_ago, // it was lost before the start
        }
    }

    pub(super) fn information(&self, instance: &Instance) -> Value {
        let (name, version) = match instance.platform {
            Platform::Linux => ("Amazon Linux", "2023"),
            Platform::Windows => ("Microsoft Windows Server 2022 Datacenter", "10.0.20348"),
            Platform::MacOs => ("macOS", "14.5"),
        };
        json!({
            "InstanceId": instance.id,
            "PingStatus": self.ping(instance),
            "LastPingDateTime": epoch(self.last_ping(instance)),
            "AgentVersion": instance.agent_version,
            "IsLatestVersion": true,
            "PlatformType": platform_word(instance.platform),
            "PlatformName": name,
            "PlatformVersion": version,
            "ResourceType": "EC2Instance",
            "IPAddress": instance.ip_address,
            "ComputerName": instance.computer_name,
            "SourceId": instance.id,
            "SourceType": "AWS::EC2::Instance",
        })
    }
}
