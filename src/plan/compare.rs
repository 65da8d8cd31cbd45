//! Whether the world is still the one that a plan was made for.

use std::collections::BTreeSet;

use super::{Bound, Dispatch, InstanceId, Limits, Plan, Sequel};

/// How many ids a difference names.
const NAMED: usize = 5;

/// Returns what has changed since `before` was made, a sentence each; `now` is the plan that the
/// same selection gives at present. Empty means that `before` may be carried out.
pub fn differences(before: &Plan, now: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, before: Option<&str>, now: Option<&str>| {
        if before != now {
            let shown = |it: Option<&str>| it.unwrap_or("unknown").to_owned();
            found.push(format!("{what} was {} and is {}", shown(before), shown(now)));
        }
    };
    compare("the account", before.account.as_deref(), now.account.as_deref());
    compare("the region", Some(&before.region), Some(&now.region));
    // A session's ARN has the run's name in it; who it stands for is the role.
    let role = |it: &Plan| it.operator.role_arn.clone();
    let caller = |it: &Plan| role(it).or_else(|| it.operator.caller_arn.clone());
    compare("the caller", caller(before).as_deref(), caller(now).as_deref());
    let (document, current) = (&before.document, &now.document);
    compare("the document's version", document.version.as_deref(), current.version.as_deref());
    compare("the document's hash", document.hash.as_deref(), current.hash.as_deref());
    let ids = |it: &Plan| -> BTreeSet<InstanceId> {
        it.population.planned.iter().map(|it| it.id.clone()).collect()
    };
    let (planned, current) = (ids(before), ids(now));
    found.extend(named("no longer planned", planned.difference(&current)));
    found.extend(named("planned now and not before", current.difference(&planned)));
    let by = |it: &Plan| match it.dispatch {
        Dispatch::Tag { .. } => "tag",
        Dispatch::Ids { .. } => "ids",
    };
    if by(before) != by(now) {
        found.push(format!("it was to go by {}, and would go by {}", by(before), by(now)));
    }
    found.extend(other_tags(before, now));
    found.extend(other_sequel(before.then.as_deref(), now.then.as_deref()));
    found.extend(unsound_waves(before));
    found.extend(unsound_limits(before));
    found
}

/// Names the tag that a plan was to go by, if now it would be another.
fn other_tags(before: &Plan, now: &Plan) -> Option<String> {
    let tag = |it: &Plan| match &it.dispatch {
        Dispatch::Tag { key, values, .. } => Some(format!("{key}={}", values.join(","))),
        Dispatch::Ids { .. } => None,
    };
    let (before, now) = (tag(before)?, tag(now)?);
    (before != now).then(|| format!("it was to go to {before}, and would go to {now}"))
}

/// Names what has changed of the document that is to follow.
fn other_sequel(before: Option<&Sequel>, now: Option<&Sequel>) -> Vec<String> {
    let named =
        |it: Option<&Sequel>| it.map_or("nothing".to_owned(), |it| it.document.name.clone());
    let (Some(before), Some(now)) = (before, now) else {
        let (before, now) = (named(before), named(now));
        let is_other = before != now;
        return is_other
            .then(|| format!("{before} was to follow, and {now} would"))
            .into_iter()
            .collect();
    };
    let (was, is) = (&before.document, &now.document);
    let parameters = |it: &Sequel| format!("{:?}", it.document.parameters.redacted());
    let (given, would_be) = (parameters(before), parameters(now));
    let shown = |it: Option<&String>| it.map_or("unknown".to_owned(), Clone::clone);
    [
        ("document", was.name.clone(), is.name.clone()),
        ("document's version", shown(was.version.as_ref()), shown(is.version.as_ref())),
        ("document's hash", shown(was.hash.as_ref()), shown(is.hash.as_ref())),
        ("document's parameters", given, would_be),
    ]
    .into_iter()
    .filter(|(_, was, is)| was != is)
    .map(|(what, was, is)| format!("the {what} that is to follow was {was} and is {is}"))
    .collect()
}

/// Returns where the waves of a plan are not its population, once each: a file can be edited.
fn unsound_waves(plan: &Plan) -> Vec<String> {
    let mut missing: BTreeSet<&InstanceId> =
        plan.population.planned.iter().map(|it| &it.id).collect();
    let planned = missing.clone();
    let mut found = Vec::new();
    if plan.waves.is_empty() {
        found.push("it has no waves".to_owned());
    }
    for id in plan.waves.iter().flat_map(|it| &it.instances) {
        if !planned.contains(id) {
            found.push(format!("its waves have an instance that it does not plan: {id}"));
        } else if !missing.remove(id) {
            found.push(format!("its waves have an instance twice: {id}"));
        }
    }
    if !plan.waves.is_empty() {
        found.extend(named("planned, and in none of its waves", missing.into_iter()));
    }
    found
}

/// Returns the limits whose integers are not what they mean for the population.
fn unsound_limits(plan: &Plan) -> Vec<String> {
    let population = plan.population.is_listed.then_some(plan.population.planned.len());
    let population = population.map(|it| u32::try_from(it).unwrap_or(u32::MAX));
    let Limits { max_concurrency, max_errors, .. } = plan.limits;
    let meant = Limits::resolve(max_concurrency.input, max_errors.input, population);
    let known = |it: Bound| it.resolved.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
    [
        ("max_concurrency", max_concurrency, meant.max_concurrency),
        ("max_errors", max_errors, meant.max_errors),
    ]
    .into_iter()
    .filter(|(_, stands, means)| stands != means)
    .map(|(name, stands, means)| {
        let (stands, input, means) = (known(stands), stands.input, known(means));
        format!("its {name} of {input} stands as {stands}, and means {means}")
    })
    .collect()
}

fn named<'a>(what: &str, ids: impl Iterator<Item = &'a InstanceId>) -> Option<String> {
    let ids: Vec<&str> = ids.map(InstanceId::as_str).collect();
    if ids.is_empty() {
        return None;
    }
    let shown = ids[..ids.len().min(NAMED)].join(", ");
    let more = ids.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Some(format!("{what}: {shown}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        build,
        build::tests::{draft, target},
    };

    #[test]
    fn nothing_has_changed_between_two_plans_of_one_world() {
        let plan = || build(draft(vec![target(0), target(1)])).unwrap();
        assert_eq!(differences(&plan(), &plan()), Vec::<String>::new());
    }

    #[test]
    fn each_difference_is_named() {
        let before = build(draft(vec![target(0), target(1)])).unwrap();
        let mut now = build(draft(vec![target(1), target(2)])).unwrap();
        now.document.hash = Some("abc".to_owned());
        now.operator.caller_arn = Some("arn:aws:iam::123456789012:user/b".to_owned());
        assert_eq!(
            differences(&before, &now),
            [
                "the caller was unknown and is arn:aws:iam::123456789012:user/b",
                "the document's hash was unknown and is abc",
                "no longer planned: i-00000000000000000",
                "planned now and not before: i-00000000000000002",
            ]
        );
    }

    #[test]
    fn limits_that_were_edited_by_hand_are_named() {
        let now = build(draft(vec![target(0), target(1)])).unwrap();
        let mut before = now.clone();
        before.limits.max_concurrency.resolved = Some(100_000);
        before.limits.max_errors.resolved = None;
        let (slots, errors) = (now.limits.max_concurrency, now.limits.max_errors);
        assert_eq!(
            differences(&before, &now),
            [
                format!("its max_concurrency of {} stands as 100000, and means 1", slots.input),
                format!("its max_errors of {} stands as unknown, and means 0", errors.input),
            ]
        );
    }

    #[test]
    fn sessions_of_one_role_are_one_caller() {
        let mut before = build(draft(vec![target(0)])).unwrap();
        before.operator.role_arn = Some("arn:aws:iam::123456789012:role/fleet".to_owned());
        let mut now = before.clone();
        now.operator.caller_arn =
            Some("arn:aws:sts::123456789012:assumed-role/fleet/fleet-2".to_owned());
        assert_eq!(differences(&before, &now), Vec::<String>::new());
    }
}
