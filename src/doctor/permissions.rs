//! What the session may do, by doing it, as far as that only reads.

use futures::future::join_all;

use super::{Check, fail, pass, unreached, warn};
use crate::aws::{ErrorKind, Read};

const NAME: &str = "reads";

/// What each read buys. The first is the one that a run cannot do without.
const BUYS: [(Read, &str); 6] = [
    (Read::ListCommandInvocations, "following a run to its end"),
    (Read::ListCommands, "settling doubt, and cheaper progress"),
    (Read::GetCommandInvocation, "output beyond 2,500 characters"),
    (Read::DescribeInstanceInformation, "who is online, and the platform"),
    (Read::DescribeAutoScalingGroups, "the population beforehand, limits in percent, coverage"),
    (Read::DescribeAutoScalingInstances, "the lifecycle of instances selected by id or tag"),
];

pub(super) const READS: Check = Check {
    name: NAME,
    reads: &[
        "ssm:ListCommandInvocations",
        "ssm:ListCommands",
        "ssm:GetCommandInvocation",
        "ssm:DescribeInstanceInformation",
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
    ],
    look: |site| {
        Box::pin(async move {
            let Some(aws) = site.session() else { return vec![unreached(NAME)] };
            let tries = BUYS.iter().map(|(read, _)| aws.try_read(*read));
            let answers = join_all(tries).await;
            let (mut missing, mut n_allowed) = (Vec::new(), 0);
            for ((read, buys), answer) in BUYS.iter().zip(answers) {
                match answer {
                    Ok(()) => n_allowed += 1,
                    Err(err) if err.kind == ErrorKind::Denied => {
                        missing.push((*read, err.action(), *buys));
                    }
                    Err(err) => {
                        let remedy = "check the region, the endpoint and the network";
                        return vec![fail(NAME, err.to_string(), remedy)];
                    }
                }
            }
            let listed: Vec<String> =
                missing.iter().map(|(_, action, buys)| format!("{action} buys {buys}")).collect();
            if missing.iter().any(|(read, ..)| *read == Read::ListCommandInvocations) {
                let said = "ssm:ListCommandInvocations is not permitted: no run can be followed";
                return vec![fail(NAME, said, format!("allow it; {}", listed.join("; ")))];
            }
            let said = format!("{n_allowed} of {} that a run may use are permitted", BUYS.len());
            if missing.is_empty() {
                return vec![pass(NAME, said)];
            }
            vec![warn(NAME, said, format!("a run works without the others: {}", listed.join("; ")))]
        })
    },
};
