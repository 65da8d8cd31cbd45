//! Instances that came to the same, told once: what is printed forty times hides what is printed
//! once.

use std::fmt::Display;

use super::{
    members::places,
    page::{BOLD, DIM, PLAIN, Page},
    sanitize::sanitize,
    words::{beyond, count, is_useful, outcome, place, some_of, why, width, wrap},
};
use crate::run::{Folding, Group, Outcome, Reading};

/// Lines shown of one output, and of what a failure said last.
const LINES_SHOWN: usize = 20;
const LAST_LINES: usize = 5;
const LAST_CHARS: usize = 1_000;

/// Kinds of output shown, unless there are few enough to show all.
const GROUPS_SHOWN: usize = 5;
const FEW_GROUPS: usize = 20;

/// Lines shown of all outputs together.
const LINES_IN_ALL: usize = 200;

/// How equal output is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Folds {
    pub folding: Folding,
    pub members: Members,
}

/// Whom of a group a reader gets to see by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Members {
    #[default]
    First,
    All,
}

/// Adds the output of those that succeeded, the largest group first.
pub(super) fn succeeded(page: &mut Page, groups: &[Group<'_>], folds: Folds, columns: usize) {
    let groups = groups.iter().filter(|it| it.outcome == Outcome::Succeeded);
    // Findings have been summed up: nobody reads them as JSON.
    let groups: Vec<_> = groups.filter(|it| !is_summed_up(it)).collect();
    // Whoever wants nothing folded wants everything.
    let (n_shown, lines) = match folds.folding {
        Folding::None => (groups.len(), usize::MAX),
        _ if groups.len() <= FEW_GROUPS => (groups.len(), LINES_IN_ALL),
        Folding::Exact | Folding::Masked => (GROUPS_SHOWN, LINES_IN_ALL),
    };
    let before = page.n_lines();
    let mut shown = 0;
    for group in groups.iter().take(n_shown) {
        let room = lines.saturating_sub(page.n_lines() - before);
        if room < 3 {
            break;
        }
        whole(page, group, room, columns);
        all_names(page, group, folds.members, columns);
        shown += 1;
    }
    let rest = &groups[shown..];
    if !rest.is_empty() {
        let n: usize = rest.iter().map(|it| it.members.len()).sum();
        let text = format!(
            "{} with {} are in the report",
            count(n, "more instance"),
            count(rest.len(), "other output")
        );
        page.line(&[(DIM, &text)]);
    }
}

/// Returns whether all that its instances printed are findings, which have been summed up.
pub(super) fn is_summed_up(group: &Group<'_>) -> bool {
    group.members.iter().all(|it| matches!(it.findings.as_deref(), Some(Reading::Read(_))))
}

/// Adds instances that failed alike: who, and what they said last. What it means stands at the end.
pub(super) fn failed(page: &mut Page, group: &Group<'_>, members: Members, columns: usize) {
    let places = format!(" ({}):", places(&group.members));
    page.line(&[(BOLD, &title(group)), (PLAIN, &places)]);
    let stream = if group.stderr.trim().is_empty() { &group.stdout } else { &group.stderr };
    if is_summed_up(group) {
        page.remark(&why(group.members[0]).unwrap_or_default(), columns);
    } else {
        let (text, _) = tail(stream, LAST_LINES, LAST_CHARS);
        page.quote("    ", text.lines().filter(|it| is_useful(it)), columns);
    }
    match members {
        Members::First => page.remark(&some_of(&names(group)), columns),
        Members::All => all_names(page, group, members, columns),
    }
}

/// Adds a group that succeeded in at most `room` lines.
fn whole(page: &mut Page, group: &Group<'_>, room: usize, columns: usize) {
    let stdout = sanitize(group.stdout.trim_end());
    let stderr = sanitize(group.stderr.trim_end());
    let title = succeeded_title(group);
    if let ("", [line]) = (&*stderr, stdout.lines().collect::<Vec<_>>().as_slice())
        && width(&title) + 2 + width(line) <= columns
        && !line.is_empty()
    {
        page.line(&[(BOLD, &title), (PLAIN, ": "), (PLAIN, line)]);
        return;
    }
    let end = if group.is_silent() { "" } else { ":" };
    page.line(&[(BOLD, &title), (PLAIN, end)]);
    let room = LINES_SHOWN.min(room.saturating_sub(2));
    let lines = stdout.lines().map(|it| ("    ", it));
    let lines = lines.chain(stderr.lines().map(|it| ("  ! ", it)));
    let lines: Vec<_> = lines.collect();
    for (mark, line) in lines.iter().take(room) {
        page.quote(mark, [*line], columns);
    }
    if let Some(n @ 1..) = lines.len().checked_sub(room) {
        page.line(&[(DIM, &format!("    … {} in the report", count(n, "more line")))]);
    }
    if let Some(text) = beyond(&group.members) {
        page.line(&[(DIM, &format!("    … {text}"))]);
    }
}

fn succeeded_title(group: &Group<'_>) -> String {
    if let [only] = group.members.as_slice() {
        let place = place(only.group.as_deref(), only.zone.as_deref());
        let tail = if group.is_silent() { " succeeded without output" } else { "" };
        return format!("{} {place}{tail}", only.instance_id);
    }
    let what = match () {
        () if group.is_silent() => "without output",
        () if group.is_masked => "with the same output but for what stands in ‹›",
        () => "with the same output",
    };
    let who = match group.members.len() {
        2 => some_of(&names(group)),
        _ => places(&group.members),
    };
    format!("{} succeeded {what} ({who})", group.members.len())
}

fn names<'a>(group: &'a Group<'_>) -> Vec<impl Display + 'a> {
    group.members.iter().map(|it| &it.instance_id).collect()
}

/// Adds the name of each member, if each is asked for.
pub(super) fn all_names(page: &mut Page, group: &Group<'_>, members: Members, columns: usize) {
    if members == Members::First || group.members.len() == 1 {
        return;
    }
    let names: Vec<_> = names(group).iter().map(ToString::to_string).collect();
    for line in wrap(&names.join(", "), columns.saturating_sub(4).max(20)) {
        page.line(&[(DIM, &format!("    {line}"))]);
    }
}

/// Returns `2 failed, exit code 3`.
pub(super) fn title(group: &Group<'_>) -> String {
    // What never began has a code of the service's, which says nothing.
    let has_begun = group.members.iter().any(|it| it.started.is_some());
    let code = group.response_code.filter(|it| *it != 0 && has_begun);
    let code = code.map(|it| format!(", exit code {it}")).unwrap_or_default();
    format!("{} {}{code}", group.members.len(), outcome(group.outcome))
}

/// Returns the end of `text`, made safe, in at most so many lines and characters, and how many lines
/// went before: scripts say why they fail at the end.
pub(super) fn tail(text: &str, lines: usize, chars: usize) -> (String, usize) {
    let text = sanitize(text);
    let all: Vec<&str> = text.trim_end().lines().collect();
    let mut kept = Vec::new();
    let mut room = chars;
    for line in all.iter().rev().take(lines) {
        let n_chars = line.chars().count();
        if n_chars > room {
            if kept.is_empty() {
                // One line without an end: its end is what there is room for.
                let end: String = line.chars().skip(n_chars - room).collect();
                return (format!("…{end}"), all.len() - 1);
            }
            break;
        }
        room -= n_chars;
        kept.push(*line);
    }
    let n_before = all.len() - kept.len();
    kept.reverse();
    (kept.join("\n"), n_before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_output_is_what_there_is_room_for() {
        let check = |text: &str, expected: &str, n_before: usize| {
            assert_eq!(tail(text, 2, 6), (expected.to_owned(), n_before), "{text:?}");
        };
        check("", "", 0);
        check("a\nb\nc\n", "b\nc", 1);
        check("long enough\nc\n", "c", 1);
        check("a\n0123456789", "…456789", 1);
    }
}
