//! Whether the agents can be reached that would run a document.

use super::{Check, Finding, Site, fail, pass, some_of, unknown, warn};
use crate::plan::{Agent, Target, count};

const NAME: &str = "agents";

/// From this version on a step can end a document (`finallyStep`, `onFailure`: amazon-ssm-agent
/// 3.0.502); older ones run on.
const OLDEST: [u32; 3] = [3, 0, 502];

pub(super) const AGENTS: Check = Check {
    name: NAME,
    reads: &["ssm:DescribeInstanceInformation"],
    look: |site| {
        Box::pin(async move {
            let Some(candidates) = site.candidates() else { return unseen(site) };
            if candidates.is_empty() {
                return Vec::new();
            }
            let n = candidates.len();
            let is_known = candidates.iter().any(|it| it.agent != Agent::Unknown);
            if !is_known {
                let said = "ssm:DescribeInstanceInformation is not permitted";
                let remedy = "a policy that allows it would show it";
                return vec![unknown(NAME, said, remedy)];
            }
            let online = site.count(Agent::Online);
            let said = format!("{} of {} online", online.len(), count(n, "agent"));
            let mut found = vec![match online.len() {
                0 => fail("agents", said, "nothing can be run here: see who is lost below"),
                it if it < n => warn("agents", said, "a run leaves the others out"),
                _ => pass("agents", said),
            }];
            found.extend(trouble(
                "agents lost",
                "lost",
                &site.count(Agent::ConnectionLost),
                "on the instance: `systemctl status amazon-ssm-agent`, its log, and whether it \
                 reaches the ssm, ssmmessages and ec2messages endpoints; disk and memory that ran \
                 out stop it too",
            ));
            found.extend(trouble(
                "agents missing",
                "never registered, or stopped",
                &site.count(Agent::NotRegistered),
                "the agent must be installed, its instance profile must allow what \
                 AmazonSSMManagedInstanceCore allows, and it must reach the endpoints of SSM",
            ));
            let is_old = |it: &&Target| it.agent_version.as_deref().is_some_and(is_old);
            let old: Vec<&Target> = candidates.iter().filter(is_old).collect();
            found.extend(trouble(
                "agents old",
                "older than 3.0.502",
                &old,
                "they do not stop a document at a failed step: AWS-UpdateSSMAgent brings them up",
            ));
            found
        })
    },
};

fn unseen(site: &Site) -> Vec<Finding> {
    match &site.population {
        Some(Ok(_)) => {
            let said = "which instances there are is not known";
            let remedy = "a policy that allows autoscaling:DescribeAutoScalingGroups and \
                          ssm:DescribeInstanceInformation would show it";
            vec![unknown(NAME, said, remedy)]
        }
        _ => Vec::new(),
    }
}

fn trouble(
    check: &'static str,
    what: &str,
    whom: &[&Target],
    remedy: &'static str,
) -> Option<Finding> {
    if whom.is_empty() {
        return None;
    }
    let names = some_of(whom.iter().map(|it| &it.id));
    Some(warn(check, format!("{} {what}: {names}", whom.len()), remedy))
}

fn is_old(version: &str) -> bool {
    let parts: Option<Vec<u32>> = version.split('.').take(3).map(|it| it.parse().ok()).collect();
    parts.is_some_and(|it| it.as_slice() < &OLDEST[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let check = |version: &str, expected| assert_eq!(is_old(version), expected, "{version}");
        check("3.3.987.0", false);
        check("3.0.502.0", false);
        check("3.0.99.0", true);
        check("2.3.1205.0", true);
        check("10.0.0.0", false);
        check("strange", false);
    }
}
