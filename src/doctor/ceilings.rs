//! What `fleet.toml` allows at the most, and which of the flags a run would be refused for.

use super::{Check, Finding, Outlook, Site, fail, pass, warn};
use crate::{
    error::Error,
    plan::{Ceiling, CeilingRule, Ceilings, DocumentPattern, Plan},
};

const NAME: &str = "ceilings";

pub(super) const CEILINGS: Check =
    Check { name: NAME, reads: &[], look: |site| Box::pin(async move { judged(site) }) };

fn judged(site: &Site) -> Vec<Finding> {
    let Ceilings(ceilings) = &site.ceilings;
    if site.configuration.is_err() {
        let remedy = "mend the configuration first: a ceiling in it may refuse what passes here";
        return vec![super::unknown(NAME, "not known: the configuration is not followed", remedy)];
    }
    if ceilings.is_empty() {
        return vec![pass(NAME, "none is set")];
    }
    let plan = match &site.outlook {
        Outlook::Planned(plan) => Some(plan),
        Outlook::Unasked | Outlook::Blocked | Outlook::Refused(_) => None,
    };
    let refused: Vec<Finding> = plan.iter().flat_map(|it| refused(ceilings, it)).collect();
    if !refused.is_empty() {
        return refused;
    }
    let rules: Vec<String> = ceilings.iter().map(|it| told(&it.rule)).collect();
    let rules = rules.join("; ");
    let said = match plan {
        Some(_) => format!("these flags are within them: {rules}"),
        None => format!("held against no run, because there is no plan: {rules}"),
    };
    let Some(origin) = site.ceilings.requires_plan() else { return vec![pass(NAME, said)] };
    let remedy = "`fleet run` with these flags is refused: `fleet plan -o FILE`, then `fleet run \
                  --plan FILE`";
    vec![warn(NAME, format!("{said} ({origin})"), remedy)]
}

/// Returns each ceiling that the plan goes beyond, as the run would be told.
fn refused(ceilings: &[Ceiling], plan: &Plan) -> Vec<Finding> {
    let each = ceilings.iter().filter_map(|it| Ceilings(vec![it.clone()]).admit(plan).err());
    let told = each.map(|err| {
        let Error { message, causes, .. } = err.into();
        let remedy = "ask for less, or have the ceiling changed by whoever sets it";
        fail(NAME, [vec![message], causes].concat().join(": "), remedy)
    });
    told.collect()
}

fn told(rule: &CeilingRule) -> String {
    match rule {
        CeilingRule::MaxConcurrency(most) => format!("max_concurrency {most}"),
        CeilingRule::MaxErrors(most) => format!("max_errors {most}"),
        CeilingRule::RequirePlan => "every run carries out a plan that was written down".to_owned(),
        CeilingRule::AllowDocuments(patterns) if patterns.is_empty() => "no document".to_owned(),
        CeilingRule::AllowDocuments(patterns) => {
            let names: Vec<&str> = patterns.iter().map(|DocumentPattern(it)| it.as_str()).collect();
            format!("documents {}", names.join(", "))
        }
    }
}
