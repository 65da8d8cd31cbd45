//! What a report says of each subject, in a sentence: what became of everybody, why instances failed,
//! what was not covered, what it took. How much of it there is room for is not decided here.

use std::collections::BTreeMap;

use crate::{
    output::words::{count, outcome, some_of, why, width},
    plan::Excluded,
    run::{Coverage, InstanceFacts, Outcome, Report},
};

pub(super) fn totals(report: &Report, room: usize) -> String {
    let mut totals: Vec<_> = report.totals.iter().collect();
    // Successes first: the reader wants to know how much is left standing.
    totals.sort_by_key(|(it, _)| (**it != Outcome::Succeeded, **it));
    let words: Vec<_> = totals.iter().map(|(it, n)| format!("{n} {}", outcome(**it))).collect();
    let planned = count(report.population.planned as usize, "instance");
    let words = words.join(", ");
    let all = format!("{words} of {planned}");
    match () {
        () if words.is_empty() => planned,
        // The verdict says how many there are, so it is no reason for another line.
        () if width(&words) <= room && width(&all) > room && report.verdict.is_some() => words,
        () => all,
    }
}

/// Returns each way in which instances did not succeed, with what it means and what to do about it,
/// or, where the document has failed by itself, what it said.
pub(super) fn failures(report: &Report) -> Vec<String> {
    let mut kinds: BTreeMap<_, Vec<&InstanceFacts>> = BTreeMap::new();
    // Whoever was sent nothing has not failed.
    let are_told =
        |it: &&InstanceFacts| !matches!(it.outcome, Outcome::Succeeded | Outcome::NotAttempted);
    for it in report.instances.iter().filter(are_told) {
        // What never began has a code of the service's, which says nothing.
        let code = it.response_code.filter(|code| *code != 0 && it.started.is_some());
        kinds.entry((it.outcome, code, it.hint.as_deref())).or_default().push(it);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    // Whoever was left alone comes last: it is a consequence.
    kinds.sort_by_key(|((it, ..), members)| (it.is_untouched(), std::cmp::Reverse(members.len())));
    let told = kinds.into_iter().map(|((word, code, hint), members)| {
        let code = code.map(|it| format!(", exit code {it}")).unwrap_or_default();
        let why = hint.map(str::to_owned).or_else(|| said(&members));
        let why = why.map(|it| format!(": {it}")).unwrap_or_default();
        format!("{} {}{code}{why}", members.len(), outcome(word))
    });
    told.collect()
}

/// Returns what most of them said.
fn said(members: &[&InstanceFacts]) -> Option<String> {
    let mut said: BTreeMap<String, usize> = BTreeMap::new();
    for it in members {
        *said.entry(why(it)?).or_default() += 1;
    }
    let others = said.len().saturating_sub(1);
    let most = said.into_iter().max_by_key(|it| it.1)?.0;
    Some(if others > 0 { format!("{most} (and {})", count(others, "other message")) } else { most })
}

pub(in crate::output) fn coverage(report: &Report) -> String {
    let selector = &report.selector;
    let is_of_groups = !(selector.groups.is_empty() && selector.group_tags.is_empty());
    let word = match report.coverage {
        Coverage::Complete => "complete: every instance of the group was planned",
        Coverage::Partial => "partial",
        Coverage::Unverified if is_of_groups => {
            "unverified: the group was not read again at the end"
        }
        Coverage::Unverified => {
            "unverified: no group was selected, and so nobody looked who joined"
        }
    };
    let population = &report.population;
    let joined = population.joined.iter().map(|it| match it.outcome {
        Some(found) => format!("{} {}", it.instance_id, outcome(found)),
        None => it.instance_id.to_string(),
    });
    let joined: Vec<_> = joined.collect();
    let left: Vec<_> = population.left.iter().collect();
    let mut parts = vec![word.to_owned()];
    if !population.excluded.is_empty() {
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for it in &population.excluded {
            // What was found of each is told where they are named.
            let it = Excluded { why: None, ..it.clone() }.to_string();
            let why = it.split(" (").next().unwrap_or_default().to_owned();
            *reasons.entry(why).or_default() += 1;
        }
        let reasons: Vec<_> = reasons.iter().map(|(it, n)| format!("{n} {it}")).collect();
        parts.push(format!("{} left out ({})", population.excluded.len(), reasons.join(", ")));
    }
    if !joined.is_empty() {
        parts.push(format!("{} joined ({})", joined.len(), some_of(&joined)));
    }
    if !left.is_empty() {
        parts.push(format!("{} left ({})", left.len(), some_of(&left)));
    }
    parts.join("; ")
}

pub(in crate::output) fn budget(report: &Report) -> String {
    let used = count(report.budget.used as usize, "error");
    match report.budget.limit {
        Some(limit) => format!("{used}, {limit} allowed"),
        None => format!("{used}, --max-errors {} allowed", report.limits.max_errors.input),
    }
}

/// Returns how many calls there were, how many of them were throttled, and of what most were; the
/// report has them all.
pub(super) fn calls(report: &Report) -> String {
    let calls = &report.api_calls;
    let mut most: Vec<_> = calls.by_operation.iter().collect();
    most.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    let most = most.iter().take(2).map(|(it, n)| format!("{n} {it}"));
    let most = most.collect::<Vec<_>>().join(", ");
    let total: u64 = calls.by_operation.values().sum();
    format!("{total}, {} throttled ({most})", calls.throttled)
}

pub(in crate::output) fn api_calls(report: &Report) -> String {
    let calls = &report.api_calls;
    let total: u64 = calls.by_operation.values().sum();
    let each = calls.by_operation.iter().map(|(operation, n)| {
        match calls.throttled_by_operation.get(operation) {
            Some(throttled) => format!("{operation} {n} ({throttled} throttled)"),
            None => format!("{operation} {n}"),
        }
    });
    let each = each.collect::<Vec<_>>().join(", ");
    match calls.throttled {
        0 => format!("{total}: {each}"),
        throttled => format!("{total}, {throttled} throttled: {each}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing;

    #[test]
    fn of_instances_that_were_named_no_group_is_said_not_to_have_been_read_again() {
        let mut report = testing::mixed().report();
        report.coverage = Coverage::Unverified;
        report.selector.groups = vec!["web".to_owned()];
        let group = "unverified: the group was not read again at the end";
        assert!(coverage(&report).starts_with(group), "{}", coverage(&report));
        report.selector.groups.clear();
        let nobody = "unverified: no group was selected, and so nobody looked who joined";
        assert!(coverage(&report).starts_with(nobody), "{}", coverage(&report));
    }
}
