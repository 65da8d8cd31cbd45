//! What is asked of the service: the runbook, the script, and what else is under way.

use std::collections::BTreeSet;

use super::{Check, Judge, Unknown, fail, known, pass, warn};
use crate::{
    plan::{Selector, count},
    rescue::{
        facts::Site,
        script::LONGEST,
        wishes::{RUNBOOK as NAME, Unsayable, parameters},
    },
};

/// How many executions run at a time in a region (Systems Manager quotas).
const EXECUTIONS: usize = 100;

pub(super) const RUNBOOK: Check = Check {
    number: 19,
    name: "runbook",
    reads: &["ssm:DescribeDocument", "ssm:GetDocument"],
    unknown: Unknown::Stops,
    judge: Judge::Once(|site| {
        let runbook = known(&site.runbook)?;
        for it in &site.instances {
            if let Err(Unsayable { parameter, value }) = parameters(site, it, &runbook.declared) {
                let said = match value {
                    None => format!("{NAME} has no parameter {parameter} any more"),
                    Some(value) => format!("{NAME} does not take {value} as {parameter}"),
                };
                return match runbook.declared.get(parameter).map(|it| &it.allowed_values[..]) {
                    Some(allowed @ [_, ..]) => {
                        fail(said, format!("it takes {}", allowed.join(", ")))
                    }
                    Some([]) | None => {
                        fail(said, "the runbook has changed: see what it takes instead")
                    }
                };
            }
        }
        let version = runbook.version.as_deref().unwrap_or("unknown");
        let said = format!("{NAME}, version {version}, takes what it would be given");
        match (&site.cure.online, known(&site.online)?) {
            (Some(_), Some(it)) => pass(format!("{said}; {} reports afterwards", it.document)),
            (None, _) => pass(said),
            (Some(wanted), None) => {
                let name = &wanted.document;
                fail(
                    format!("there is no document {name}, which would report afterwards"),
                    format!("`fleet docs publish {name}`, or --no-report to do without"),
                )
            }
        }
    }),
};

pub(super) const SCRIPT: Check = Check {
    number: 20,
    name: "script",
    reads: &[],
    unknown: Unknown::Stops,
    judge: Judge::Once(|site| {
        let script = &site.cure.script;
        let (n_bytes, n_encoded) = (script.text().len(), script.encoded().len());
        pass(format!("ASCII, {n_bytes} bytes: {n_encoded} of {LONGEST} characters of base64"))
    }),
};

pub(super) const CONCURRENCY: Check = Check {
    number: 21,
    name: "executions",
    reads: &["ssm:DescribeAutomationExecutions", "ssm:GetAutomationExecution"],
    unknown: Unknown::Stops,
    judge: Judge::Each(|site, it| {
        let executions = known(&site.executions)?;
        let is_its = |instance: &Option<String>| instance.as_deref() == Some(it.target.id.as_str());
        if let Some(execution) = executions.iter().find(|it| is_its(&it.instance)) {
            return fail(
                format!("{NAME} is at work on it already: {}", execution.id),
                "wait until it has ended; two would take the volume from each other",
            );
        }
        if executions.len() + site.wishes.at_once > EXECUTIONS {
            let said = format!("{} are under way", count(executions.len(), "execution"));
            return warn(said, "further ones are queued by the service: rescue fewer at once");
        }
        pass("none is at work on it")
    }),
};

/// Returns flags that select these instances: their groups, and those by their ids that have none.
fn selection(site: &Site) -> String {
    let groups: BTreeSet<&String> =
        site.instances.iter().filter_map(|it| it.target.group.as_ref()).collect();
    let others = site.instances.iter().filter(|it| it.target.group.is_none());
    let selector = Selector {
        groups: groups.into_iter().cloned().collect(),
        instances: others.map(|it| it.target.id.clone()).collect(),
        ..Selector::default()
    };
    shell_words::join(selector.words())
}

pub(super) const LEFTOVERS: Check = Check {
    number: 23,
    name: "leftovers",
    reads: &[
        "ec2:DescribeInstances",
        "ec2:DescribeVolumes",
        "ssm:DescribeAutomationExecutions",
        "ssm:DescribeAutomationStepExecutions",
        "ssm:GetAutomationExecution",
    ],
    unknown: Unknown::Asks,
    judge: Judge::Once(|site| {
        let leftovers = known(&site.leftovers)?;
        if leftovers.is_empty() {
            return pass("no helper of an earlier rescue is there");
        }
        let said: Vec<&str> = leftovers.iter().map(|it| it.text.as_str()).collect();
        let remedies: Vec<&str> = leftovers.iter().filter_map(|it| it.command.as_deref()).collect();
        let remedy = match remedies.is_empty() {
            true => format!(
                "a volume on it is somebody's: `fleet rescue resume {}` puts back what it can",
                selection(site)
            ),
            false => remedies.join("; "),
        };
        warn(said.join("; "), remedy)
    }),
};
