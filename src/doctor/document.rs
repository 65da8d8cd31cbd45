//! Whether the document is there, and takes what it would be given.

use super::{Asked, Check, Finding, Outlook, Site, fail, pass, unknown, unreached};
use crate::{
    aws::Found,
    plan::{DocumentKind, Parameters, Platform, check_parameters, check_roles, target_parameter},
};

const NAME: &str = "document";
const PARAMETERS_NAME: &str = "parameters";

pub(super) const DOCUMENT: Check = Check {
    name: NAME,
    reads: &["ssm:DescribeDocument", "ssm:GetDocument"],
    look: |site| {
        Box::pin(async move {
            vec![match &site.asked {
                None => return Vec::new(),
                Some(Err(it)) => fail(NAME, it.said.clone(), it.remedy.clone()),
                Some(Ok(Asked { found: None, .. })) => unreached(NAME),
                Some(Ok(Asked { found: Some(Err(it)), .. })) => {
                    fail(NAME, it.said.clone(), it.remedy.clone())
                }
                Some(Ok(Asked { name, found: Some(Ok(found)), .. })) => judged(site, name, found),
            }]
        })
    },
};

fn judged(site: &Site, name: &str, found: &Found) -> Finding {
    let Found { version, hash, platforms, declared, notes, kind, .. } = found;
    let missing: Vec<&str> = notes.iter().map(|it| it.text.as_str()).collect();
    if version.is_none() && hash.is_none() {
        let remedy = "a policy that allows ssm:DescribeDocument and ssm:GetDocument would show it";
        return unknown(NAME, format!("{name}: {}", missing.join("; ")), remedy);
    }
    let candidates = site.candidates().unwrap_or_default();
    let reached: Vec<&Platform> = candidates.iter().filter_map(|it| it.platform.as_ref()).collect();
    let runs_on: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    let is_wrong = !platforms.is_empty()
        && !reached.is_empty()
        && !reached.iter().any(|it| platforms.contains(it));
    if is_wrong {
        let said = format!("{name} runs on {}, and no instance is that", runs_on.join(", "));
        return fail(NAME, said, "name the document for the group's platform");
    }
    let hash = hash.as_deref().unwrap_or_default();
    let hash = if hash.is_empty() { String::new() } else { format!(", sha256 {hash:.12}…") };
    let version = version.as_deref().unwrap_or("unknown");
    let takes = match declared {
        None => "what it takes is not known".to_owned(),
        Some(it) if it.is_empty() => "takes no parameters".to_owned(),
        Some(it) => {
            let names: Vec<String> = it
                .iter()
                .map(
                    |(name, it)| {
                        if it.default.is_some() { format!("[{name}]") } else { name.clone() }
                    },
                )
                .collect();
            format!("takes {}", names.join(", "))
        }
    };
    let runs_on = if runs_on.is_empty() { "any platform".to_owned() } else { runs_on.join(", ") };
    let name = match kind {
        Some(DocumentKind::Automation) => format!("{name}, an Automation runbook"),
        Some(DocumentKind::Command | DocumentKind::Replacement) | None => name.to_owned(),
    };
    pass(NAME, format!("{name}, version {version}{hash}, on {runs_on}, {takes}"))
}

/// Returns the parameter of a runbook that takes the instance, as far as that is known.
fn takes_the_instance(
    site: &Site,
    name: &str,
    found: &Found,
    given: &Parameters,
) -> Option<String> {
    if let Outlook::Planned(plan) = &site.outlook {
        return plan.document.automation.as_ref().map(|it| it.target_parameter.clone());
    }
    let declared = found.declared.as_ref().filter(|_| found.kind == Some(DocumentKind::Automation));
    target_parameter(name, Some(declared?), None, given).ok()
}

pub(super) const PARAMETERS: Check = Check {
    name: PARAMETERS_NAME,
    reads: &["ssm:GetDocument"],
    look: |site| {
        Box::pin(async move {
            let Some(Ok(Asked { name, parameters, found: Some(Ok(found)), .. })) = &site.asked
            else {
                return Vec::new();
            };
            let Some(declared) = &found.declared else {
                let remedy = "a policy that allows ssm:GetDocument would show it";
                let said = "what the document takes is not known";
                return vec![unknown(PARAMETERS_NAME, said, remedy)];
            };
            let mut declared = declared.clone();
            // The run fills it in, for each instance.
            if let Some(it) = takes_the_instance(site, name, found, parameters) {
                declared.remove(&it);
            }
            let is_runbook = found.kind == Some(DocumentKind::Automation);
            let checked = check_parameters(name, &declared, parameters).and_then(|()| {
                let content = found.assume_role.as_ref();
                if is_runbook { check_roles(content, parameters) } else { Ok(()) }
            });
            vec![match checked {
                Ok(()) => pass(PARAMETERS_NAME, "what is given is what the document declares"),
                Err(err) => {
                    let remedy = "a run with these flags is refused before anything is sent: \
                                  `aws ssm describe-document` shows what the document declares";
                    fail(PARAMETERS_NAME, err.to_string(), remedy)
                }
            }]
        })
    },
};
