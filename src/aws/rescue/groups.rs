//! The Auto Scaling groups that instances would be taken out of for a while.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::Instance;

use super::unread;
use crate::{
    aws::{clients::Aws, targets::read_groups},
    plan::{InstanceId, Selector},
    rescue::{Group, Members, Seen},
};

pub(super) async fn read(
    aws: &Aws,
    names: &[String],
    members: Members,
) -> Seen<BTreeMap<String, Group>> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let selector = Selector { groups: names.to_vec(), ..Selector::default() };
    let groups = read_groups(aws, &selector).await.map_err(|err| unread(&err))?;
    let id = |it: &Instance| InstanceId::parse(it.instance_id()?).ok();
    let is_protected = |it: &Instance| it.protected_from_scale_in().unwrap_or(false);
    let mut res = BTreeMap::new();
    for it in groups {
        let name = it.auto_scaling_group_name().unwrap_or_default();
        let size = |it: Option<i32>| usize::try_from(it.unwrap_or(0)).unwrap_or(0);
        let suspended = it.suspended_processes().iter();
        let group = Group {
            arn: it.auto_scaling_group_arn().unwrap_or_default().to_owned(),
            min: size(it.min_size()),
            desired: size(it.desired_capacity()),
            max: size(it.max_size()),
            members: it.instances().iter().filter_map(id).collect(),
            protected: it.instances().iter().filter(|it| is_protected(it)).filter_map(id).collect(),
            suspended: suspended.filter_map(|it| Some(it.process_name()?.to_owned())).collect(),
            refresh: aws.refresh_of(name).await.map_err(|err| unread(&err))?,
            failed_launch: match members {
                Members::Standby => Ok(None),
                Members::Replaced => aws.failed_launch(name).await.map_err(|err| unread(&err)),
            },
        };
        res.insert(name.to_owned(), group);
    }
    Ok(res)
}
