//! Who a selector matches, and what Auto Scaling and SSM know of each.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::{AutoScalingGroup, Filter};
use aws_sdk_ssm::types::{InstanceInformation, InstanceInformationStringFilter, PingStatus};

use super::{
    clients::Aws,
    error::{AwsError, ErrorKind, explain},
};
use crate::plan::{Agent, GROUP_TAG, InstanceId, Note, Platform, Selector, Target};

/// Names or ids in one request: group names default to 50 a page, DescribeAutoScalingInstances
/// and SSM's pages take at most 50 (botocore models).
const BATCH: usize = 50;

/// What was found.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The groups, in the order in which they were named.
    pub groups: Vec<String>,
    /// `None` where the caller may not list the groups.
    pub candidates: Option<Vec<Target>>,
    pub notes: Vec<Note>,
}

/// Why the selection could not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum TargetsError {
    #[error("there is no Auto Scaling group {} in {region}", .names.join(", "))]
    UnknownGroup { names: Vec<String>, region: String },
    #[error("the selected instances could not be read")]
    Unreadable(#[source] AwsError),
}

impl From<AwsError> for TargetsError {
    fn from(err: AwsError) -> Self {
        Self::Unreadable(err)
    }
}

/// Resolves `selector`: groups through Auto Scaling, agents through SSM. It only reads.
pub async fn resolve(aws: &Aws, selector: &Selector) -> Result<Resolved, TargetsError> {
    let mut found = Vec::new();
    let mut groups = selector.groups.clone();
    let mut notes = Vec::new();
    if !selector.groups.is_empty() || !selector.group_tags.is_empty() {
        match read_groups(aws, selector).await {
            Ok(read) => {
                require_known(aws, selector, &read)?;
                for group in &read {
                    let name = group.auto_scaling_group_name().unwrap_or_default();
                    if !groups.iter().any(|it| it == name) {
                        groups.push(name.to_owned());
                    }
                    found.extend(members(group));
                }
            }
            // Groups that are named can be reached by their tag without being listed.
            Err(err) if err.kind == ErrorKind::Denied && selector.group_tags.is_empty() => {
                let text = format!(
                    "{} is not permitted: the instances cannot be listed beforehand, limits in \
                     percent are left to SSM, and coverage cannot be verified",
                    err.action()
                );
                notes.push(Note::new("permission.missing", text));
                return Ok(Resolved { groups, candidates: None, notes });
            }
            Err(err) => return Err(err.into()),
        }
    }
    let is_grouped = !found.is_empty() && selector.instances.is_empty() && selector.tags.is_empty();
    let named: Vec<InstanceId> = selector.instances.clone();
    let nodes = match read_nodes(aws, selector, &groups, is_grouped, &found, &named).await {
        Ok(nodes) => Some(nodes),
        Err(err) if err.kind == ErrorKind::Denied && selector.tags.is_empty() => {
            let text = format!(
                "{} is not permitted: whether the agents are online is not known, and the \
                 platform is not checked",
                err.action()
            );
            notes.push(Note::new("permission.missing", text));
            None
        }
        Err(err) => return Err(err.into()),
    };
    add_ungrouped(aws, &mut found, &named, nodes.as_ref(), selector, &mut notes).await?;
    for target in &mut found {
        describe_agent(target, nodes.as_ref());
    }
    Ok(Resolved { groups, candidates: Some(found), notes })
}

/// Returns the names of the groups that `selector` names, by name or by tags of theirs.
pub async fn group_names(aws: &Aws, selector: &Selector) -> Result<Vec<String>, TargetsError> {
    let mut names = selector.groups.clone();
    for group in read_groups(aws, selector).await? {
        let name = group.auto_scaling_group_name().unwrap_or_default().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

async fn read_groups(aws: &Aws, selector: &Selector) -> Result<Vec<AutoScalingGroup>, AwsError> {
    let mut read = Vec::new();
    for names in selector.groups.chunks(BATCH) {
        let request = aws.autoscaling.describe_auto_scaling_groups();
        let request = request.set_auto_scaling_group_names(Some(names.to_vec()));
        let mut pages = request.into_paginator().items().send();
        while let Some(group) = pages.next().await {
            read.push(group.map_err(|err| explain("DescribeAutoScalingGroups", &err))?);
        }
    }
    if !selector.group_tags.is_empty() {
        let filters = selector
            .group_tags
            .iter()
            .map(|it| Filter::builder().name(format!("tag:{}", it.key)).values(&it.value).build());
        let request = aws.autoscaling.describe_auto_scaling_groups();
        let request = request.set_filters(Some(filters.collect()));
        let mut pages = request.into_paginator().items().send();
        while let Some(group) = pages.next().await {
            read.push(group.map_err(|err| explain("DescribeAutoScalingGroups", &err))?);
        }
    }
    Ok(read)
}

/// Auto Scaling leaves unknown names out without an error (convention, UNVERIFIED).
fn require_known(
    aws: &Aws,
    selector: &Selector,
    read: &[AutoScalingGroup],
) -> Result<(), TargetsError> {
    let is_read =
        |name: &&String| read.iter().any(|it| it.auto_scaling_group_name() == Some(name.as_str()));
    let names: Vec<String> = selector.groups.iter().filter(|it| !is_read(it)).cloned().collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(TargetsError::UnknownGroup { names, region: aws.region.clone() })
}

fn members(group: &AutoScalingGroup) -> Vec<Target> {
    let instances = group.instances().iter();
    let parsed = instances.filter_map(|it| {
        Some(Target {
            id: InstanceId::parse(it.instance_id()?).ok()?,
            group: group.auto_scaling_group_name().map(ToOwned::to_owned),
            zone: it.availability_zone().map(ToOwned::to_owned),
            lifecycle: it.lifecycle_state().map(|it| it.as_str().to_owned()),
            health: it.health_status().map(ToOwned::to_owned),
            platform: None,
            agent: Agent::Unknown,
            agent_version: None,
            computer_name: None,
        })
    });
    parsed.collect()
}

type Nodes = BTreeMap<InstanceId, InstanceInformation>;

/// Reads what SSM knows: by the groups' tag where that says it all, otherwise by id and by tag.
///
/// An id that SSM does not know may fail a request that filters by ids (DescribeInstanceInformation
/// reference), which a tag never does.
async fn read_nodes(
    aws: &Aws,
    selector: &Selector,
    groups: &[String],
    is_grouped: bool,
    found: &[Target],
    named: &[InstanceId],
) -> Result<Nodes, AwsError> {
    let mut nodes = Nodes::new();
    if !found.is_empty() || is_grouped {
        let filter = filter(&format!("tag:{GROUP_TAG}"), groups.to_vec());
        read_filtered(aws, vec![filter], &mut nodes).await?;
    }
    if !selector.tags.is_empty() {
        let filters = selector.tags.iter();
        let filters = filters.map(|it| filter(&format!("tag:{}", it.key), vec![it.value.clone()]));
        read_filtered(aws, filters.collect(), &mut nodes).await?;
    }
    let unread: Vec<String> = named
        .iter()
        .filter(|it| !nodes.contains_key(it))
        .map(|it| it.as_str().to_owned())
        .collect();
    for ids in unread.chunks(BATCH) {
        let by_id = vec![filter("InstanceIds", ids.to_vec())];
        match read_filtered(aws, by_id, &mut nodes).await {
            // One of them is unknown: ask for each alone, and leave the unknown ones out.
            Err(err) if err.code == "InvalidInstanceId" => {
                for id in ids {
                    let alone = vec![filter("InstanceIds", vec![id.clone()])];
                    match read_filtered(aws, alone, &mut nodes).await {
                        Err(err) if err.code == "InvalidInstanceId" => {}
                        other => other?,
                    }
                }
            }
            other => other?,
        }
    }
    Ok(nodes)
}

fn filter(key: &str, values: Vec<String>) -> InstanceInformationStringFilter {
    InstanceInformationStringFilter::builder()
        .key(key)
        .set_values(Some(values))
        .build()
        .expect("both members are set")
}

async fn read_filtered(
    aws: &Aws,
    filters: Vec<InstanceInformationStringFilter>,
    nodes: &mut Nodes,
) -> Result<(), AwsError> {
    let request = aws.ssm.describe_instance_information().set_filters(Some(filters));
    let mut pages = request.max_results(50).into_paginator().items().send();
    while let Some(node) = pages.next().await {
        let node = node.map_err(|err| explain("DescribeInstanceInformation", &err))?;
        if let Some(id) = node.instance_id().and_then(|it| InstanceId::parse(it).ok()) {
            nodes.insert(id, node);
        }
    }
    Ok(())
}

/// Adds the instances that were named, or matched by their own tags, with the group they are in.
async fn add_ungrouped(
    aws: &Aws,
    found: &mut Vec<Target>,
    named: &[InstanceId],
    nodes: Option<&Nodes>,
    selector: &Selector,
    notes: &mut Vec<Note>,
) -> Result<(), AwsError> {
    let mut ids: Vec<InstanceId> = named.to_vec();
    if let Some(nodes) = nodes.filter(|_| !selector.tags.is_empty()) {
        ids.extend(nodes.keys().cloned());
    }
    ids.retain(|it| !found.iter().any(|target| target.id == *it));
    ids.sort();
    ids.dedup();
    let mut grouped = BTreeMap::new();
    for batch in ids.chunks(BATCH) {
        let batch = batch.iter().map(|it| it.as_str().to_owned()).collect();
        let request = aws.autoscaling.describe_auto_scaling_instances();
        let answer = request.set_instance_ids(Some(batch)).send().await;
        match answer.map_err(|err| explain("DescribeAutoScalingInstances", &err)) {
            Ok(answer) => {
                for it in answer.auto_scaling_instances.unwrap_or_default() {
                    grouped.insert(it.instance_id().unwrap_or_default().to_owned(), it);
                }
            }
            Err(err) if err.kind == ErrorKind::Denied => {
                let text = format!(
                    "{} is not permitted: whether the instances are in service is not known",
                    err.action()
                );
                notes.push(Note::new("permission.missing", text));
                break;
            }
            Err(err) => return Err(err),
        }
    }
    for id in ids {
        let it = grouped.get(id.as_str());
        let text = |it: Option<&str>| it.map(ToOwned::to_owned);
        found.push(Target {
            id,
            group: text(it.and_then(|it| it.auto_scaling_group_name())),
            zone: text(it.and_then(|it| it.availability_zone())),
            lifecycle: text(it.and_then(|it| it.lifecycle_state())),
            health: text(it.and_then(|it| it.health_status())),
            platform: None,
            agent: Agent::Unknown,
            agent_version: None,
            computer_name: None,
        });
    }
    Ok(())
}

fn describe_agent(target: &mut Target, nodes: Option<&Nodes>) {
    let Some(nodes) = nodes else { return };
    let Some(node) = nodes.get(&target.id) else {
        target.agent = Agent::NotRegistered;
        return;
    };
    target.agent = match node.ping_status() {
        Some(PingStatus::Online) => Agent::Online,
        Some(PingStatus::ConnectionLost) => Agent::ConnectionLost,
        // `Inactive` is deprecated, and more words may come.
        _ => Agent::Unknown,
    };
    target.platform = node.platform_type().map(|it| Platform::parse(it.as_str()));
    target.agent_version = node.agent_version().map(ToOwned::to_owned);
    target.computer_name = node.computer_name().map(ToOwned::to_owned);
}

/// Returns the ids that are in the groups now.
pub(super) async fn read_members(
    aws: &Aws,
    groups: &[String],
) -> Result<Vec<InstanceId>, AwsError> {
    let selector = Selector { groups: groups.to_vec(), ..Selector::default() };
    let read = read_groups(aws, &selector).await?;
    Ok(read.iter().flat_map(members).map(|it| it.id).collect())
}
