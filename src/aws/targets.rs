//! Who a selector matches, and what Auto Scaling and SSM know of each.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::{
    operation::describe_auto_scaling_groups::{
        DescribeAutoScalingGroupsOutput, builders::DescribeAutoScalingGroupsFluentBuilder,
    },
    types::{AutoScalingGroup, Filter},
};

use super::{
    clients::Aws,
    error::{AwsError, ErrorKind},
    nodes::{Nodes, Wanted, read_nodes},
};
use crate::plan::{Agent, InstanceId, Note, Selector, Target};

/// Names or ids in one request: group names default to 50 a page, DescribeAutoScalingInstances
/// and SSM's pages take at most 50 (botocore models).
pub(super) const BATCH: usize = 50;

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
                    "{} is not permitted: the instances cannot be listed beforehand, nobody \
                     is left out (not who is in Standby either), limits in percent are left to \
                     SSM, and coverage cannot be verified",
                    err.action()
                );
                notes.push(Note::new("permission.missing", text));
                return Ok(Resolved { groups, candidates: None, notes });
            }
            Err(err) => return Err(err.into()),
        }
    }
    let named: Vec<InstanceId> = selector.instances.clone();
    let wanted = Wanted { selector, groups: &groups, found: &found, named: &named };
    let nodes = match read_nodes(aws, wanted, &mut notes).await {
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

/// Reads the groups that `selector` names, `BATCH` names a call, and those that its tags match.
pub(super) async fn read_groups(
    aws: &Aws,
    selector: &Selector,
) -> Result<Vec<AutoScalingGroup>, AwsError> {
    let mut read = Vec::new();
    for names in selector.groups.chunks(BATCH) {
        let request = aws.autoscaling.describe_auto_scaling_groups();
        let request = request.set_auto_scaling_group_names(Some(names.to_vec()));
        read_group_pages(aws, &request, &mut read).await?;
    }
    if !selector.group_tags.is_empty() {
        let filters = selector
            .group_tags
            .iter()
            .map(|it| Filter::builder().name(format!("tag:{}", it.key)).values(&it.value).build());
        let request = aws.autoscaling.describe_auto_scaling_groups();
        let request = request.set_filters(Some(filters.collect()));
        read_group_pages(aws, &request, &mut read).await?;
    }
    Ok(read)
}

/// Adds every group on the pages of `request` to `read`.
async fn read_group_pages(
    aws: &Aws,
    request: &DescribeAutoScalingGroupsFluentBuilder,
    read: &mut Vec<AutoScalingGroup>,
) -> Result<(), AwsError> {
    let page = |token| request.clone().set_next_token(token).send();
    let take = |page: DescribeAutoScalingGroupsOutput| {
        read.extend(page.auto_scaling_groups.unwrap_or_default());
        page.next_token
    };
    aws.pages("DescribeAutoScalingGroups", page, take).await
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
        let request = request.set_instance_ids(Some(batch));
        match aws.ask("DescribeAutoScalingInstances", || request.clone().send()).await {
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
    target.agent = node.agent;
    target.platform.clone_from(&node.platform);
    target.agent_version.clone_from(&node.agent_version);
    target.computer_name.clone_from(&node.computer_name);
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
