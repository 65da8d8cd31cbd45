//! Whether the flags make a plan: the same one that a run would be made from, by the same code.

use super::{Check, Finding, Outlook, fail, pass, unknown};
use crate::plan::{Dispatch, Plan, count};

const NAME: &str = "plan";

pub(super) const PLAN: Check =
    Check { name: NAME, reads: &[], look: |site| Box::pin(async move { judged(&site.outlook) }) };

fn judged(outlook: &Outlook) -> Vec<Finding> {
    vec![match outlook {
        Outlook::Unasked => return Vec::new(),
        Outlook::Blocked => {
            unknown(NAME, "there is none yet", "see the checks above that did not pass")
        }
        Outlook::Refused(it) => fail(NAME, it.said.clone(), it.remedy.clone()),
        Outlook::Planned(plan) => pass(NAME, told(plan)),
    }]
}

fn told(plan: &Plan) -> String {
    let whom = match plan.planned() {
        Some(n) => count(n as usize, "instance"),
        None => "whoever carries the group's tag".to_owned(),
    };
    let out = match plan.population.excluded.len() {
        0 => String::new(),
        n => format!(", {n} left out"),
    };
    let by = match &plan.dispatch {
        Dispatch::Tag { .. } => "one command by tag",
        Dispatch::Ids { .. } => "by their ids",
    };
    let limits = &plan.limits;
    let (at_once, errors) = (limits.max_concurrency.input, limits.max_errors.input);
    let waves = count(plan.waves.len().max(1), "wave");
    format!("{whom}{out}, {by}, {waves}, {at_once} at once, {errors} may fail")
}
