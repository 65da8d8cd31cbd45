//! Whether an instance refresh is replacing the instances that a run would send to.

use super::{Check, Finding, group::groups, pass, some_of, unread, warn};

const NAME: &str = "refresh";

pub(super) const REFRESH: Check = Check {
    name: NAME,
    reads: &["autoscaling:DescribeInstanceRefreshes"],
    look: |site| {
        Box::pin(async move {
            let (Some(aws), Some(groups)) = (site.session(), groups(site)) else {
                return Vec::new();
            };
            let mut under_way = Vec::new();
            for group in groups {
                match aws.refresh_of(group).await {
                    Ok(None) => {}
                    Ok(Some(status)) => under_way.push((group.as_str(), status)),
                    // What is not permitted for one is not for the next one either.
                    Err(err) => return vec![unread(NAME, &err)],
                }
            }
            judged(groups, &under_way)
        })
    },
};

fn judged(groups: &[String], under_way: &[(&str, String)]) -> Vec<Finding> {
    if groups.is_empty() {
        return Vec::new();
    }
    if under_way.is_empty() {
        return vec![pass(NAME, format!("{}: none is under way", some_of(groups.iter())))];
    }
    let remedy = "instances leave the group while it goes on: wait for it, or `aws autoscaling \
                  cancel-instance-refresh`";
    let told = under_way.iter().map(|(group, status)| {
        warn(NAME, format!("{group}: an instance refresh is {status}"), remedy)
    });
    told.collect()
}
