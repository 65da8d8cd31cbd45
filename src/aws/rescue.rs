//! Everything that is read before a rescue. What cannot be read is told as such, with the action
//! that would have shown it; nothing here decides anything, and nothing changes anything.

mod account;
mod ask;
mod authority;
mod automation;
pub(super) mod changes;
mod conditions;
mod groups;
mod guard;
mod instances;
mod network;
mod sights;
mod stranded;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{clients::Aws, error::AwsError};
use crate::{
    plan::{Scope, Target},
    rescue::{Cure, Members, Network, Reach, Seen, Site, Unread, Wishes},
};

/// Reads all that the checks look at, for these instances.
pub async fn rescue_site(
    aws: &Aws,
    cure: Cure,
    wishes: Wishes,
    targets: &[Target],
    now: Timestamp,
) -> Site {
    if wishes.members == Members::Replaced {
        return replacing_site(aws, cure, wishes, targets, now).await;
    }
    let instances = instances::read(aws, targets).await;
    let described = || instances.iter().filter_map(|it| it.described.as_ref().ok());
    let kinds: BTreeSet<&str> = described().map(|it| it.kind.as_str()).collect();
    let images: BTreeSet<&str> = described().map(|it| it.image.as_str()).collect();
    let keys = instances.iter().filter_map(|it| it.volume.as_ref().ok());
    let keys = keys.filter_map(|it| Some(it.key.as_ref()?.as_ref().ok()?.arn.as_str()));
    let keys: BTreeSet<&str> = keys.collect();
    let names: BTreeSet<String> = targets.iter().filter_map(|it| it.group.clone()).collect();
    let names: Vec<String> = names.into_iter().collect();
    let scope = scope(aws);
    let (network, runbook, online, executions, leftovers, groups) = tokio::join!(
        network::read(aws, &wishes, &instances),
        automation::runbook(aws),
        automation::online(aws, cure.online.as_ref()),
        automation::executions(aws),
        account::leftovers(aws),
        groups::read(aws, &names, wishes.members),
    );
    let arns: Vec<&str> = groups.iter().flatten().map(|(_, it)| it.arn.as_str()).collect();
    let of_caller = Reach {
        groups: &arns,
        instance: targets.first().map(|it| (it.id.as_str(), it.group.as_deref())),
        online: cure.online.as_ref().map(|it| it.document.as_str()),
    };
    let (encryption, vpcs, types, images, role) = tokio::join!(
        account::encryption(aws),
        account::vpcs(aws, &wishes.subnet),
        account::types(aws, &kinds),
        account::images(aws, &images),
        authority::read(aws, scope.as_ref(), &wishes, &keys, of_caller),
    );
    Site {
        cure,
        wishes,
        account: aws.account.clone(),
        now,
        runbook,
        online,
        role,
        encryption,
        vpcs,
        executions,
        leftovers,
        groups,
        types,
        images,
        network,
        instances,
    }
}

/// Reads what the checks look at where groups replace their members: no runbook is at work.
async fn replacing_site(
    aws: &Aws,
    cure: Cure,
    wishes: Wishes,
    targets: &[Target],
    now: Timestamp,
) -> Site {
    fn unasked<T>() -> Seen<T> {
        let said = "it was not looked at: groups replace their members".to_owned();
        Err(Unread { said, remedy: String::new() })
    }
    let names: BTreeSet<String> = targets.iter().filter_map(|it| it.group.clone()).collect();
    let names: Vec<String> = names.into_iter().collect();
    let groups = groups::read(aws, &names, wishes.members).await;
    Site {
        cure,
        wishes,
        account: aws.account.clone(),
        now,
        runbook: unasked(),
        online: Ok(None),
        role: unasked(),
        encryption: unasked(),
        vpcs: unasked(),
        executions: unasked(),
        leftovers: unasked(),
        groups,
        types: unasked(),
        images: unasked(),
        network: Network {
            subnets: unasked(),
            endpoints: unasked(),
            security_groups: unasked(),
            helper_zones: unasked(),
        },
        instances: instances::read(aws, targets).await,
    }
}

fn scope(aws: &Aws) -> Option<Scope> {
    let region = aws.region.clone();
    let partition = Scope::partition_of(&region).to_owned();
    Some(Scope { partition, region, account: aws.account.clone()? })
}

/// Returns why something is not known.
fn unread(err: &AwsError) -> Unread {
    match err.kind {
        super::ErrorKind::Denied => Unread::not_permitted(&err.action()),
        _ => Unread { said: err.to_string(), remedy: String::new() },
    }
}
