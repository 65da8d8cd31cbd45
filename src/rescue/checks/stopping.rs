//! What a stop and a start mean for the instance.

use super::{Check, Judge, Judgement, Unknown, fail, known, pass, unknown, warn};
use crate::rescue::facts::{Instance, Seen, Site};

pub(super) const STOP: Check = Check {
    number: 10,
    name: "stop",
    reads: &["ec2:DescribeInstanceAttribute", "ec2:DescribeInstances"],
    unknown: Unknown::Stops,
    judge: Judge::Each(stop),
};

fn stop(_: &Site, it: &Instance) -> Seen<Judgement> {
    let described = known(&it.described)?;
    match described.state.as_str() {
        "running" | "stopped" => {}
        state @ ("terminated" | "shutting-down") => {
            return fail(format!("it is {state}"), "leave it out: --exclude");
        }
        state => return fail(format!("it is {state}"), "wait until it is running, or stopped"),
    }
    if let Some(lifecycle) = &described.lifecycle {
        // One-time requests of spot instances cannot be stopped (EC2 guide), and those of Auto
        // Scaling are one-time requests.
        return match (lifecycle.as_str(), &it.target.group) {
            ("spot", Some(_)) => fail(
                "it is a spot instance, and its request ends with it",
                "let the group replace it: --replace",
            ),
            ("spot", None) => unknown(
                "it is a spot instance, and of what kind its request is was not looked at",
                "only a persistent request lets it be stopped and started",
            ),
            (other, _) => fail(format!("it is of a {other}"), "it cannot be stopped and started"),
        };
    }
    if *known(&it.is_stop_protected)? {
        let said = "it is protected from being stopped (DisableApiStop)";
        let remedy = format!(
            "aws ec2 modify-instance-attribute --instance-id {} --no-disable-api-stop",
            it.target.id
        );
        return fail(said, remedy);
    }
    if described.tenancy == "host" {
        return warn("it is on a dedicated host", "see that its host has room for it to start");
    }
    if described.is_hibernation_set_up {
        return warn("it is set up for hibernation", "it is stopped and not hibernated");
    }
    pass(format!("{}, and may be stopped", described.state))
}

pub(super) const ADDRESSES: Check = Check {
    number: 11,
    name: "addresses",
    reads: &["ec2:DescribeInstances"],
    unknown: Unknown::Asks,
    judge: Judge::Each(|_, it| match &known(&it.described)?.passing_address {
        Some(_) => warn(
            "it has a public address that is not elastic",
            "the address will be another one; whoever knows it by that must be told",
        ),
        None => pass("none is lost"),
    }),
};

pub(super) const CAPACITY: Check = Check {
    number: 12,
    name: "capacity",
    reads: &["ec2:DescribeInstances"],
    unknown: Unknown::Asks,
    judge: Judge::Each(|_, it| match known(&it.described)? {
        it if it.has_reserved_capacity => pass("it has a capacity reservation"),
        it if it.kind.is_empty() => unknown("its type is not told", ""),
        it => warn(
            format!("no capacity is reserved for {} in {}", it.kind, it.zone),
            "after an event that many have, a start may find none (InsufficientInstanceCapacity): \
             rescue a few first",
        ),
    }),
};
