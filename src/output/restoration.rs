//! What is told of groups that are changed for a rescue, and changed back.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    json,
    terminal::{Format, Terminal},
    words::some_of,
};
use crate::{
    plan::{InstanceId, RunId},
    rescue::{Change, Entry, Leftover, unwritten},
    run::{ChangeState, GroupChange, Report},
};

const SCHEMA: &str = "fleet.restore/v1";

/// The most changes that are named where there is no list of them.
pub(super) const PARTS: usize = 5;

/// Tells how a change of a group stands, and why.
pub fn changed(group: &str, state: ChangeState, change: &Change, why: &str) -> GroupChange {
    let what = words(change);
    let text = match state {
        ChangeState::Remains => format!("{group}: {what} not restored: {why}"),
        ChangeState::Made
        | ChangeState::Undone
        | ChangeState::Pending
        | ChangeState::LeftBehind => format!("{group}: {what}: {why}"),
    };
    of_group(group, state, change, text)
}

/// Returns what the entries of a journal have no word of, of what was told to be changed still: a
/// journal may be cut off, or gone.
pub fn lacking(entries: &[Entry], told: &[GroupChange]) -> Vec<(String, Change)> {
    let changes = |it: &GroupChange| {
        let suspend = Change::Suspend { processes: it.processes.clone() };
        let standby = Change::Standby { instances: it.instances.clone() };
        [suspend, standby].into_iter().filter(|it| !it.is_empty())
    };
    let each = told.iter().filter_map(|it| Some((it.group.clone()?, changes(it))));
    let each = each.flat_map(|(group, it)| it.map(move |change| (group.clone(), change)));
    each.filter_map(|(group, it)| {
        let lost = unwritten(entries, &group, &it)?;
        Some((group, lost))
    })
    .collect()
}

/// Tells of an instance that was to get back its volume and its state.
pub fn mended(id: &InstanceId, state: ChangeState, why: &str) -> GroupChange {
    let text = match state {
        ChangeState::Remains => format!("{id}: not as it was: {why}"),
        ChangeState::Made
        | ChangeState::Undone
        | ChangeState::Pending
        | ChangeState::LeftBehind => format!("{id}: {why}"),
    };
    let instances = vec![id.clone()];
    GroupChange { group: None, state, processes: Vec::new(), instances, text }
}

/// Tells of a helper or a stack that nobody has deleted.
pub fn left_behind(it: &Leftover) -> GroupChange {
    let command = it.command.as_ref().map(|it| format!(": {it}")).unwrap_or_default();
    let text = format!("{}{command}", it.text);
    nameless(ChangeState::LeftBehind, text)
}

/// Tells that it is not known whether there is any.
pub fn unseen_leftovers(why: &str) -> GroupChange {
    let text = format!("whether helpers and stacks are left could not be read: {why}");
    nameless(ChangeState::LeftBehind, text)
}

/// Tells that how groups stand is not known, which is not that they are as they were.
pub fn unknown(why: &str) -> GroupChange {
    nameless(ChangeState::Remains, format!("what is changed of groups is not known: {why}"))
}

fn nameless(state: ChangeState, text: String) -> GroupChange {
    GroupChange { group: None, state, processes: Vec::new(), instances: Vec::new(), text }
}

fn of_group(group: &str, state: ChangeState, change: &Change, text: String) -> GroupChange {
    let (processes, instances) = match change {
        Change::Suspend { processes } => (processes.clone(), Vec::new()),
        Change::Standby { instances } => (Vec::new(), instances.clone()),
    };
    GroupChange { group: Some(group.to_owned()), state, processes, instances, text }
}

/// Tells of a change that was made for a run.
pub fn made(group: &str, change: &Change) -> GroupChange {
    let what = words(change);
    let text = match change {
        Change::Suspend { .. } => format!("{group}: {what} suspended"),
        Change::Standby { .. } => format!("{group}: into Standby: {what}"),
    };
    of_group(group, ChangeState::Made, change, text)
}

/// Returns how what was changed for a run stands at its end.
pub(super) fn stand(report: &Report) -> String {
    let parts = standing(report);
    let n_more = parts.len().saturating_sub(PARTS);
    let more = if n_more > 0 { format!("; and {n_more} more") } else { String::new() };
    format!("{}{more}", parts[..parts.len() - n_more].join("; "))
}

/// Returns the same in parts, a part for each change that is not undone; there is always one.
pub(super) fn standing(report: &Report) -> Vec<String> {
    let mut parts = alike(&report.left_changed());
    match parts.first_mut() {
        Some(first) => *first = format!("changed still: {first}"),
        None => parts.push(match departed(report) {
            None => {
                "as they were before: everything that was changed for the run is undone".to_owned()
            }
            Some(it) => format!("as they were before, but for {it}"),
        }),
    }
    parts.extend(leavings(report));
    parts
}

/// Returns what runbooks have left elsewhere, which costs money until somebody deletes it.
fn leavings(report: &Report) -> Option<String> {
    let changes = report.changes.iter().map(|it| &it.change);
    let left = changes.filter(|it| it.group.is_none() && it.state == ChangeState::LeftBehind);
    let texts: BTreeSet<&str> = left.map(|it| it.text.as_str()).collect();
    (!texts.is_empty()).then(|| {
        format!(
            "helpers and stacks: {} to look at, which `fleet report {} --format md` names",
            texts.len(),
            report.run.id
        )
    })
}

/// Returns what each change says; instances of which the same is said are named together.
fn alike(changes: &[GroupChange]) -> Vec<String> {
    let mut res: Vec<(Vec<&InstanceId>, &str)> = Vec::new();
    for it in changes {
        let own = match (&it.group, &it.instances[..]) {
            (None, [id]) => it.text.strip_prefix(id.as_str()).map(|rest| (id, rest)),
            (Some(_) | None, _) => None,
        };
        let Some((id, rest)) = own else {
            res.push((Vec::new(), &it.text));
            continue;
        };
        match res.iter_mut().find(|(ids, text)| !ids.is_empty() && *text == rest) {
            Some((ids, _)) => ids.push(id),
            None => res.push((vec![id], rest)),
        }
    }
    res.into_iter().map(|(ids, text)| format!("{}{text}", some_of(&ids))).collect()
}

/// Returns what is said of the members who were taken out of their groups by somebody else.
fn departed(report: &Report) -> Option<String> {
    let changes = report.changes.iter().map(|it| &it.change);
    let of_members = changes.filter(|it| it.group.is_some() && !it.instances.is_empty());
    let mut texts: Vec<&str> = of_members
        .filter(|it| it.state == ChangeState::LeftBehind)
        .map(|it| it.text.as_str())
        .collect();
    texts.dedup();
    let (first, rest) = texts.split_first()?;
    Some(match rest.len() {
        0 => (*first).to_owned(),
        n => format!("{first}, and {n} more"),
    })
}

/// Returns what a change is about.
fn words(change: &Change) -> String {
    match change {
        Change::Suspend { processes } => processes.join(", "),
        Change::Standby { instances } => some_of(instances),
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    schema: &'static str,
    run_id: &'a RunId,
    rows: &'a [GroupChange],
}

impl Terminal {
    /// Shows what was undone, as the result of a command.
    pub fn restored(&mut self, run_id: &RunId, rows: &[GroupChange]) {
        self.left_changed(rows);
        let text = match self.format() {
            Format::Human => done(rows),
            Format::Json => json::pretty(&Whole { schema: SCHEMA, run_id, rows }) + "\n",
            Format::Jsonl => rows.iter().map(|it| json::line(it) + "\n").collect::<String>(),
        };
        self.text(&text);
    }

    /// Warns of what stays changed.
    pub(super) fn left_changed(&mut self, rows: &[GroupChange]) {
        rows.iter().filter(|it| it.remains()).for_each(|it| self.warning(&it.text));
    }
}

/// Returns a line for each that does not stay changed.
pub(super) fn done(rows: &[GroupChange]) -> String {
    let done = rows.iter().filter(|it| !it.remains());
    done.map(|it| super::sanitize(&it.text) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{output::testing, run::TimedChange};

    fn standby(ids: &[u32]) -> Change {
        Change::Standby { instances: ids.iter().map(|it| testing::id(*it)).collect() }
    }

    fn suspend(names: &[&str]) -> Change {
        Change::Suspend { processes: names.iter().map(|it| (*it).to_owned()).collect() }
    }

    #[track_caller]
    fn check(changes: Vec<GroupChange>, expected: &str) {
        let mut report = testing::halted().report();
        let at = testing::at(1.0);
        report.changes = changes.into_iter().map(|change| TimedChange { at, change }).collect();
        assert_eq!(stand(&report), expected);
    }

    #[test]
    fn each_change_that_is_not_undone_is_named() {
        let (processes, one) = (suspend(&["AZRebalance"]), standby(&[1]));
        let left = |group: &str, change: &Change| {
            changed(group, ChangeState::Remains, change, "no answer")
        };
        check(
            vec![made("web", &processes), left("web", &one)],
            "changed still: web: AZRebalance suspended; web: i-00000000000000001 not restored: no \
             answer",
        );
        let of_groups = ["a", "b", "c", "d", "e", "f", "g"];
        check(
            of_groups.iter().map(|it| left(it, &processes)).collect(),
            "changed still: a: AZRebalance not restored: no answer; \
             b: AZRebalance not restored: no answer; c: AZRebalance not restored: no answer; \
             d: AZRebalance not restored: no answer; e: AZRebalance not restored: no answer; \
             and 2 more",
        );
    }

    #[test]
    fn instances_of_which_the_same_is_said_are_named_together() {
        let stuck = |n, why| mended(&testing::id(n), ChangeState::Remains, why);
        check(
            vec![stuck(1, "it has no root volume"), stuck(2, "no answer"), stuck(3, "no answer")],
            "changed still: i-00000000000000001: not as it was: it has no root volume; \
             i-00000000000000002, i-00000000000000003: not as it was: no answer",
        );
    }

    #[test]
    fn what_runbooks_have_left_is_told_though_groups_are_as_they_were() {
        let leftover = |n| {
            let text = format!("helper {n} is running");
            left_behind(&Leftover { helper: None, stack: None, text, command: None })
        };
        check(
            vec![leftover(1), leftover(2), leftover(1)],
            "as they were before: everything that was changed for the run is undone; helpers and \
             stacks: 2 to look at, which `fleet report 20240719-040900-abcdef --format md` names",
        );
    }

    #[test]
    fn whoever_has_left_is_an_exception_to_groups_being_as_they_were() {
        let (members, processes) = (standby(&[1, 2]), suspend(&["AZRebalance"]));
        let why = "it has left the group, whose desired capacity is not raised again";
        let undone = |it| changed("web", ChangeState::Undone, it, "back");
        let both = [made("web", &processes), made("web", &members)];
        let end = [undone(&members), undone(&processes)];
        check(
            [&both[..], &end].concat(),
            "as they were before: everything that was changed for the run is undone",
        );
        let departed = changed("web", ChangeState::LeftBehind, &standby(&[2]), why);
        let end = [undone(&standby(&[1])), undone(&processes), departed];
        check(
            [&both[..], &end].concat(),
            "as they were before, but for web: i-00000000000000002: it has left the group, whose \
             desired capacity is not raised again",
        );
    }
}
