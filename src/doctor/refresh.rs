//! Whether an instance refresh is replacing the instances that a run would send to.

use super::{Check, group::groups, pass, unread, warn};

const NAME: &str = "refresh";

pub(super) const REFRESH: Check = Check {
    name: NAME,
    reads: &["autoscaling:DescribeInstanceRefreshes"],
    look: |site| {
        Box::pin(async move {
            let (Some(aws), Some(groups)) = (site.session(), groups(site)) else {
                return Vec::new();
            };
            let mut found = Vec::new();
            for group in groups {
                found.push(match aws.refresh_of(group).await {
                    Ok(None) => pass(NAME, format!("{group}: none is under way")),
                    Ok(Some(status)) => {
                        let remedy = "instances leave the group while it goes on: wait for it, or \
                                      `aws autoscaling cancel-instance-refresh`";
                        warn(NAME, format!("{group}: an instance refresh is {status}"), remedy)
                    }
                    Err(err) => unread(NAME, &err),
                });
            }
            found
        })
    },
};
