//! What SSM knows of the instances: whose agent is online, and on which platform.
//!
//! DescribeInstanceInformation answers for a tag, fifty instances a page, and it alone says that
//! SSM does not know an instance. DescribeInstanceProperties has a thousand a page (botocore model),
//! of all instances of the region: for a large group it costs a twentieth. What it shows of an
//! instance is believed; whoever it does not show is asked for by name.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::{
    operation::{
        describe_instance_information::DescribeInstanceInformationOutput,
        describe_instance_properties::DescribeInstancePropertiesOutput,
    },
    types::{InstanceInformationStringFilter, PingStatus, PlatformType},
};

use super::{
    clients::Aws,
    error::{AwsError, ErrorKind},
    targets::BATCH,
};
use crate::plan::{Agent, GROUP_TAG, InstanceId, Note, Platform, Selector, Target};

/// The most on one page of DescribeInstanceProperties (botocore model).
const WIDE_PAGE: i32 = 1000;

/// The most values of one filter of DescribeInstanceInformation (botocore model).
const VALUES_PER_FILTER: usize = 100;

/// From this many on, a group is read by wide pages first.
const LARGE: usize = 2 * BATCH;

/// One instance that SSM knows.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) agent: Agent,
    pub(super) platform: Option<Platform>,
    pub(super) agent_version: Option<String>,
    pub(super) computer_name: Option<String>,
}

pub(super) type Nodes = BTreeMap<InstanceId, Node>;

/// Whose nodes are to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) selector: &'a Selector,
    pub(super) groups: &'a [String],
    /// The members of the groups.
    pub(super) found: &'a [Target],
    pub(super) named: &'a [InstanceId],
}

/// Reads what SSM knows of whoever is wanted; who is not in the answer is not known to SSM.
pub(super) async fn read_nodes(
    aws: &Aws,
    wanted: Wanted<'_>,
    notes: &mut Vec<Note>,
) -> Result<Nodes, AwsError> {
    let Wanted { selector, groups, found, named } = wanted;
    let mut nodes = Nodes::new();
    if !found.is_empty() && !read_large(aws, found, &mut nodes, notes).await? {
        for groups in groups.chunks(VALUES_PER_FILTER) {
            let filter = filter(&format!("tag:{GROUP_TAG}"), groups.to_vec());
            read_filtered(aws, vec![filter], &mut nodes).await?;
        }
    }
    if !selector.tags.is_empty() {
        let filters = selector.tags.iter();
        let filters = filters.map(|it| filter(&format!("tag:{}", it.key), vec![it.value.clone()]));
        read_filtered(aws, filters.collect(), &mut nodes).await?;
    }
    let unread: Vec<_> = named.iter().filter(|it| !nodes.contains_key(it)).cloned().collect();
    for ids in unread.chunks(BATCH) {
        match read_by_id(aws, ids, &mut nodes).await {
            // One of them is unknown: ask for each alone, and leave the unknown ones out.
            Err(err) if is_unknown_id(&err) => {
                for id in ids {
                    match read_by_id(aws, std::slice::from_ref(id), &mut nodes).await {
                        Err(err) if is_unknown_id(&err) => {}
                        other => other?,
                    }
                }
            }
            other => other?,
        }
    }
    Ok(nodes)
}

/// Reads a large group by wide pages, and by name whoever is not on them. Returns whether all of
/// the group has been read; if not, its tag must be asked.
async fn read_large(
    aws: &Aws,
    found: &[Target],
    nodes: &mut Nodes,
    notes: &mut Vec<Note>,
) -> Result<bool, AwsError> {
    if found.len() < LARGE {
        return Ok(false);
    }
    match read_widely(aws, found, nodes).await {
        Ok(()) => {}
        Err(err) if err.kind == ErrorKind::Denied => {
            let text = format!(
                "{} is not permitted: the agents of a large group are read {BATCH} a call, not \
                 {WIDE_PAGE}",
                err.action()
            );
            notes.push(Note::new("permission.missing", text));
            return Ok(false);
        }
        // The other operation knows everything as well.
        Err(_) => return Ok(false),
    }
    let unread = found.iter().map(|it| &it.id).filter(|it| !nodes.contains_key(it));
    let unread: Vec<_> = unread.cloned().collect();
    for ids in unread.chunks(BATCH) {
        match read_by_id(aws, ids, nodes).await {
            Err(err) if is_unknown_id(&err) => return Ok(false),
            other => other?,
        }
    }
    Ok(true)
}

/// Reads wide pages until all of `found` were on them. There may be many more instances in the
/// region: it is given up at half of what asking for the tag would cost.
async fn read_widely(aws: &Aws, found: &[Target], nodes: &mut Nodes) -> Result<(), AwsError> {
    let mut unseen: BTreeSet<&InstanceId> = found.iter().map(|it| &it.id).collect();
    let mut n_left = found.len().div_ceil(2 * BATCH);
    let request = aws.ssm.describe_instance_properties().max_results(WIDE_PAGE);
    let page = |token| request.clone().set_next_token(token).send();
    let take = |page: DescribeInstancePropertiesOutput| {
        for it in page.instance_properties() {
            let Some(id) = it.instance_id().and_then(|it| InstanceId::parse(it).ok()) else {
                continue;
            };
            // Only what says whether the agent is online is worth anything here.
            if it.ping_status().is_some() && unseen.remove(&id) {
                let node = Node {
                    agent: agent(it.ping_status()),
                    platform: platform(it.platform_type()),
                    agent_version: it.agent_version().map(ToOwned::to_owned),
                    computer_name: it.computer_name().map(ToOwned::to_owned),
                };
                nodes.insert(id, node);
            }
        }
        n_left -= 1;
        page.next_token.filter(|_| !unseen.is_empty() && n_left > 0)
    };
    aws.pages("DescribeInstanceProperties", page, take).await
}

/// An id that SSM does not know may fail a request that filters by ids (DescribeInstanceInformation
/// reference), which a tag never does.
async fn read_by_id(aws: &Aws, ids: &[InstanceId], nodes: &mut Nodes) -> Result<(), AwsError> {
    let ids = ids.iter().map(|it| it.as_str().to_owned()).collect();
    read_filtered(aws, vec![filter("InstanceIds", ids)], nodes).await
}

fn is_unknown_id(err: &AwsError) -> bool {
    err.code == "InvalidInstanceId"
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
    let request = request.max_results(50);
    let page = |token| request.clone().set_next_token(token).send();
    let take = |page: DescribeInstanceInformationOutput| {
        for it in page.instance_information_list() {
            if let Some(id) = it.instance_id().and_then(|it| InstanceId::parse(it).ok()) {
                let node = Node {
                    agent: agent(it.ping_status()),
                    platform: platform(it.platform_type()),
                    agent_version: it.agent_version().map(ToOwned::to_owned),
                    computer_name: it.computer_name().map(ToOwned::to_owned),
                };
                nodes.insert(id, node);
            }
        }
        page.next_token
    };
    aws.pages("DescribeInstanceInformation", page, take).await
}

fn agent(status: Option<&PingStatus>) -> Agent {
    match status {
        Some(PingStatus::Online) => Agent::Online,
        Some(PingStatus::ConnectionLost) => Agent::ConnectionLost,
        // `Inactive` is deprecated, and more words may come.
        _ => Agent::Unknown,
    }
}

fn platform(kind: Option<&PlatformType>) -> Option<Platform> {
    kind.map(|it| Platform::parse(it.as_str()))
}
