//! The Auto Scaling groups that instances would be taken out of for a while.

use std::collections::BTreeMap;

use super::unread;
use crate::{
    aws::{clients::Aws, targets::read_groups},
    plan::Selector,
    rescue::{Group, Seen},
};

pub(super) async fn read(aws: &Aws, names: &[String]) -> Seen<BTreeMap<String, Group>> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let selector = Selector { groups: names.to_vec(), ..Selector::default() };
    let groups = read_groups(aws, &selector).await.map_err(|err| unread(&err))?;
    let mut res = BTreeMap::new();
    for it in groups {
        let name = it.auto_scaling_group_name().unwrap_or_default();
        let size = |it: Option<i32>| usize::try_from(it.unwrap_or(0)).unwrap_or(0);
        let suspended = it.suspended_processes().iter();
        let group = Group {
            min: size(it.min_size()),
            desired: size(it.desired_capacity()),
            max: size(it.max_size()),
            n_members: it.instances().len(),
            suspended: suspended.filter_map(|it| Some(it.process_name()?.to_owned())).collect(),
            refresh: aws.refresh_of(name).await.map_err(|err| unread(&err))?,
        };
        res.insert(name.to_owned(), group);
    }
    Ok(res)
}
