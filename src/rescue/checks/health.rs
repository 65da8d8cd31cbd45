//! Whether the instance is one that has to be rescued at all.

use super::{Check, Judge, Judgement, Unknown, fail, known, pass, unknown, warn};
use crate::{
    plan::{Agent, Platform},
    rescue::facts::{Instance, Seen, Site},
};

pub(super) const PLATFORM: Check = Check {
    number: 1,
    name: "platform",
    reads: &["ec2:DescribeInstances"],
    unknown: Unknown::Stops,
    judge: Judge::Each(|site, it| {
        let is_windows = known(&it.described)?.is_windows;
        let name = if is_windows { "Windows" } else { "Linux" };
        match &site.cure.platform {
            Some(Platform::Windows) if !is_windows => {
                fail("it is not Windows", "leave it out: --exclude")
            }
            Some(Platform::Linux) if is_windows => fail("it is Windows", "leave it out: --exclude"),
            Some(_) | None => pass(name),
        }
    }),
};

pub(super) const DEAD: Check = Check {
    number: 2,
    name: "impaired",
    reads: &["ec2:DescribeInstanceStatus", "ssm:DescribeInstanceInformation"],
    unknown: Unknown::Stops,
    judge: Judge::Each(dead),
};

fn dead(site: &Site, it: &Instance) -> Seen<Judgement> {
    if it.target.agent == Agent::Online {
        let remedy = match &site.cure.online {
            Some(online) => format!(
                "it needs no rescue: fleet run --instance {} --doc {}",
                it.target.id, online.document
            ),
            None => "it needs no rescue: fleet run reaches it".to_owned(),
        };
        return fail("its agent answers", remedy);
    }
    if it.target.agent == Agent::Unknown {
        return unknown(
            "whether its agent answers is not known, and would not be known afterwards",
            "a policy that allows ssm:DescribeInstanceInformation would show it",
        );
    }
    if known(&it.described)?.state == "stopped" {
        return warn(
            "it is stopped: whether it would boot cannot be seen",
            "start it once to see; the runbook leaves it stopped",
        );
    }
    let status = known(&it.status)?;
    if status.system == "impaired" {
        return fail(
            "the system that it runs on is impaired, and not it alone",
            "stop and start it: it moves to other hardware",
        );
    }
    match (status.instance.as_str(), status.impaired_since) {
        ("impaired", Some(since)) => {
            let seconds = site.now.duration_since(since).as_secs().max(0);
            let wanted = site.wishes.impaired_for;
            if seconds < wanted {
                let said = format!("impaired for {seconds} s, and {wanted} s are waited for");
                return fail(
                    said,
                    "it may still come back by itself; --impaired-for says how long",
                );
            }
            pass(format!("impaired for {} min", seconds / 60))
        }
        ("impaired", None) => {
            unknown("impaired, and since when is not told", "look again in a few minutes")
        }
        ("initializing", _) => fail("it is still starting", "wait: it may come back by itself"),
        ("ok", _) => fail(
            "it passes its status checks, and its agent does not answer",
            "it has booted: look at the agent and its way to SSM, not at the root volume",
        ),
        (other, _) => unknown(format!("its status is {other}"), "look again in a few minutes"),
    }
}
