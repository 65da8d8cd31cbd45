//! The output of instances that succeeded, identical output once: what is printed forty times
//! hides what is printed once.

use std::collections::BTreeMap;

use super::{
    page::{BOLD, DIM, PLAIN, Page},
    sanitize::sanitize,
    words::{count, place, some_of, width},
};
use crate::run::{InstanceFacts, Outcome, Report};

/// Lines shown of one output.
const LINES_SHOWN: usize = 20;

/// Kinds of output shown, unless there are few enough to show all.
const GROUPS_SHOWN: usize = 5;
const FEW_GROUPS: usize = 20;

/// Lines shown of all outputs together.
const LINES_IN_ALL: usize = 200;

/// Adds the output of those that succeeded, the largest group first.
pub(super) fn add(page: &mut Page, report: &Report, columns: usize) {
    let mut members: BTreeMap<u32, Vec<&InstanceFacts>> = BTreeMap::new();
    for it in report.instances.iter().filter(|it| it.outcome == Outcome::Succeeded) {
        members.entry(it.output_group.unwrap_or_default()).or_default().push(it);
    }
    // The ids of groups are in the order of their sizes.
    let groups: Vec<_> = members.into_values().map(|members| Folded { members }).collect();
    let n_shown = if groups.len() <= FEW_GROUPS { groups.len() } else { GROUPS_SHOWN };
    let before = page.n_lines();
    let mut shown = 0;
    for group in groups.iter().take(n_shown) {
        let room = LINES_IN_ALL.saturating_sub(page.n_lines() - before);
        if room < 3 {
            break;
        }
        group.add(page, room, columns);
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

/// Instances with the same output; there is at least one.
struct Folded<'a> {
    members: Vec<&'a InstanceFacts>,
}

impl Folded<'_> {
    /// Adds the group in at most `room` lines.
    fn add(&self, page: &mut Page, room: usize, columns: usize) {
        let sample = self.members[0];
        let stdout = sanitize(sample.stdout.trim_end());
        let stderr = sanitize(sample.stderr.trim_end());
        let title = self.title(stdout.is_empty() && stderr.is_empty());
        if let ("", [line]) = (&*stderr, stdout.lines().collect::<Vec<_>>().as_slice())
            && width(&title) + 2 + width(line) <= columns
            && !line.is_empty()
        {
            page.line(&[(BOLD, &title), (PLAIN, ": "), (PLAIN, line)]);
            return;
        }
        let end = if stdout.is_empty() && stderr.is_empty() { "" } else { ":" };
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
        } else if sample.truncated {
            page.line(&[(DIM, "    … cut by the agent")]);
        }
    }

    fn title(&self, is_silent: bool) -> String {
        if let [only] = self.members.as_slice() {
            let place = place(only.group.as_deref(), only.zone.as_deref());
            let tail = if is_silent { " succeeded without output" } else { "" };
            return format!("{} {place}{tail}", only.instance_id);
        }
        let what = if is_silent { "without output" } else { "with the same output" };
        format!("{} succeeded {what} ({})", self.members.len(), self.who())
    }

    /// Returns the members as counts by group and zone, or by name if they are few.
    fn who(&self) -> String {
        if self.members.len() <= 2 {
            return some_of(&self.members.iter().map(|it| &it.instance_id).collect::<Vec<_>>());
        }
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for it in &self.members {
            *places.entry(place(it.group.as_deref(), it.zone.as_deref())).or_default() += 1;
        }
        let places: Vec<_> = places.iter().map(|(place, n)| format!("{place} {n}")).collect();
        some_of(&places)
    }
}
