//! How the odd outputs differ from what most instances printed: the shortest answer to which one is
//! not like the others, and in what.

use std::cmp::Reverse;

use super::{
    documents::diff,
    folded::{self, Folds, Members},
    members::places,
    page::{BOLD, DIM, PLAIN, Page},
    terminal::Terminal,
    words::{count, some_of},
};
use crate::{
    documents,
    run::{Group, Outcome, Report, groups},
};

/// Groups that are held against the majority, and lines of one difference.
const GROUPS: usize = 20;
const LINES: usize = 200;

impl Terminal {
    /// Shows the odd outputs of a run against that of the majority.
    pub fn differences(&mut self, report: &Report, folds: Folds) {
        let text = page(report, folds, self.width()).into_text();
        self.text(&text);
    }
}

fn page(report: &Report, folds: Folds, columns: usize) -> Page {
    let mut page = Page::default();
    let groups = groups(report, folds.folding);
    let (said, silent): (Vec<_>, Vec<_>) = groups.iter().partition(|it| !it.is_silent());
    // The majority of those that succeeded, as it was meant to be; else of all.
    let rank = |it: &&&Group<'_>| (it.outcome == Outcome::Succeeded, it.members.len());
    let Some(most) = said.iter().rev().max_by_key(rank).copied() else {
        page.line(&[(PLAIN, "no instance printed anything")]);
        return page;
    };
    let mut odd: Vec<_> = said.into_iter().filter(|it| !std::ptr::eq(*it, most)).collect();
    odd.sort_by_key(|it| Reverse(it.members.len()));
    heading(&mut page, most, Members::First, columns);
    if odd.is_empty() {
        page.line(&[(PLAIN, "no other instance printed anything else")]);
    }
    for group in odd.iter().take(GROUPS) {
        page.blank();
        heading(&mut page, group, folds.members, columns);
        let streams = most.compared(folds.folding).into_iter().zip(group.compared(folds.folding));
        for (name, (before, after)) in ["stdout", "stderr"].into_iter().zip(streams) {
            let names = [most, group].map(|it| format!("{name} of {}", folded::title(it)));
            stream(&mut page, name, &names, [&before, &after]);
        }
    }
    if let Some(n @ 1..) = odd.len().checked_sub(GROUPS) {
        page.blank();
        page.line(&[(DIM, &format!("{} that differ", count(n, "more group")))]);
    }
    for group in silent {
        page.blank();
        heading(&mut page, group, folds.members, columns);
        page.line(&[(PLAIN, "no output")]);
    }
    page
}

/// Adds who the group is.
fn heading(page: &mut Page, group: &Group<'_>, members: Members, columns: usize) {
    let places = format!(" ({})", places(&group.members));
    page.line(&[(BOLD, &folded::title(group)), (PLAIN, &places)]);
    match members {
        Members::First => {
            let ids: Vec<_> = group.members.iter().map(|it| &it.instance_id).collect();
            page.remark(&some_of(&ids), columns);
        }
        Members::All => folded::all_names(page, group, members, columns),
    }
}

/// Adds what differs between two streams.
fn stream(page: &mut Page, name: &str, names: &[String; 2], texts: [&str; 2]) {
    let [before, after] = texts.map(whole);
    if after.is_empty() && !before.is_empty() {
        page.line(&[(DIM, &format!("no {name}"))]);
        return;
    }
    let text = documents::diff((&names[0], &before), (&names[1], &after));
    let lines: Vec<_> = text.lines().collect();
    diff(page, &lines[..lines.len().min(LINES)].join("\n"));
    if let Some(n @ 1..) = lines.len().checked_sub(LINES) {
        page.line(&[(DIM, &format!("… {}", count(n, "more line")))]);
    }
}

/// A last line that has no end would be told as a difference of its own.
fn whole(text: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() { String::new() } else { format!("{text}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing;

    #[test]
    fn the_odd_ones_are_held_against_the_majority() {
        let report = testing::mixed().report();
        let page = page(&report, Folds::default(), 80).into_text();
        let page = anstream::adapter::strip_str(&page).to_string();
        insta::assert_snapshot!(page, @r"
        34 succeeded (web ×34: us-east-1a 17, us-east-1b 17)
            i-00000000000000001, i-00000000000000002, i-00000000000000004,
            i-00000000000000005, i-00000000000000006 and 29 more

        3 succeeded (web ×3: us-east-1a)
            i-00000000000000000, i-00000000000000010, i-00000000000000020
        --- stdout of 34 succeeded
        +++ stdout of 3 succeeded
        @@ -1 +1,2 @@
        -nginx 1.24
        +nginx 1.25
        +two columns

        1 failed, exit code 3 (web ×1: us-east-1b)
            i-00000000000000003
        no stdout
        --- stderr of 34 succeeded
        +++ stderr of 1 failed, exit code 3
        @@ -0,0 +1 @@
        +df: /var is full

        1 failed, exit code -1 (web ×1: us-east-1b)
            i-00000000000000007
        no output

        1 undeliverable (web ×1: us-east-1b)
            i-0000000000000001f
        no output
        ");
    }
}
