//! The last lines of a report, where the eye rests: the verdict, what it counts, what the failures
//! mean, what was not covered, where the report is and what can be done next. They are twenty at the
//! most, whatever has happened.

mod sentences;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::PathBuf};

use anstyle::Style;

pub(super) use self::sentences::{api_calls, budget, coverage};
use self::sentences::{calls, failures, totals};
use super::{
    folded::is_summed_up,
    page::{GREEN, LABEL, Page, RED, YELLOW},
    restoration::{PARTS, standing},
    words::{between, count, cut, one_line, wrap},
};
use crate::run::{Group, Kind, Report};

/// The most lines.
const LINES: usize = 20;

/// The most lines of one thing said: of the counts, of what was not covered, of a failure unless
/// there are too many kinds of it.
const OUTCOME_LINES: usize = 5;
const COVERAGE_LINES: usize = 2;
const FAILURE_LINES: usize = 2;
const NOTE_LINES: usize = 3;

/// What is said about one subject, the most important first.
#[derive(Default)]
struct Section {
    items: Vec<Page>,
    n_hidden: usize,
    /// How what is hidden is called, and where it is found; nothing is said of it without.
    more: Option<(&'static str, String)>,
}

/// The subjects, in the order in which they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Run,
    Outcomes,
    Failures,
    Coverage,
    Groups,
    Budget,
    Calls,
    Notes,
    Files,
    Next,
    Verdict,
}

/// What is given up first where there is no room for everything, and how much of it stays.
const GIVEN_UP: [(Subject, usize); 12] = [
    (Subject::Calls, 0),
    (Subject::Notes, 1),
    (Subject::Failures, 6),
    (Subject::Notes, 0),
    (Subject::Files, 1),
    (Subject::Failures, 3),
    (Subject::Next, 2),
    (Subject::Groups, 3),
    (Subject::Failures, 1),
    (Subject::Groups, 1),
    (Subject::Next, 1),
    (Subject::Verdict, 2),
];

/// Adds the last lines of a report whose `groups` have been told; `files` are where it is.
pub(super) fn add(
    page: &mut Page,
    (report, groups): (&Report, &[Group<'_>]),
    files: &[PathBuf],
    columns: usize,
) {
    let mut sections = sections(report, files, columns);
    let n_lines = |sections: &BTreeMap<_, Section>| {
        sections.values().map(|it| it.n_lines(columns)).sum::<usize>()
    };
    if let Some(it) = differences(report, groups) {
        let next = sections.entry(Subject::Next).or_default();
        next.items.push(whole("next", &it));
    }
    if n_lines(&sections) > LINES {
        // Half of what each means is better than most of them left out.
        sections.insert(Subject::Failures, told_failures(report, columns, 1));
    }
    for (subject, least) in GIVEN_UP {
        let excess = n_lines(&sections).saturating_sub(LINES);
        if let Some(it) = sections.get_mut(&subject) {
            it.give_up(excess, least, columns);
        }
    }
    sections.into_values().for_each(|it| it.add_to(page, columns));
}

impl Section {
    fn of(items: impl IntoIterator<Item = Page>) -> Self {
        Self { items: items.into_iter().collect(), ..Self::default() }
    }

    /// Returns how many lines it takes, where a terminal breaks what is longer than it is wide.
    fn n_lines(&self, columns: usize) -> usize {
        let more = usize::from(self.n_hidden > 0 && self.more.is_some());
        self.items.iter().map(|it| it.n_rows(columns)).sum::<usize>() + more
    }

    /// Hides its last items until so many lines are free, or only `least` items are left.
    fn give_up(&mut self, excess: usize, least: usize, columns: usize) {
        let wanted = self.n_lines(columns).saturating_sub(excess);
        while self.n_lines(columns) > wanted && self.items.len() > least {
            self.items.pop();
            self.n_hidden += 1;
        }
    }

    fn add_to(self, page: &mut Page, columns: usize) {
        self.items.iter().for_each(|it| page.append(it));
        if let (n @ 1.., Some((what, place))) = (self.n_hidden, self.more) {
            let text = format!("and {}: {place}", count(n, what));
            page.fact("", &cut(&text, room(columns)), columns);
        }
    }
}

fn fact(label: &str, text: &str, lines: usize, columns: usize) -> Page {
    let mut page = Page::default();
    page.fact(label, &fitted(text, room(columns), lines), columns);
    page
}

/// Returns where a reader finds what there is no room for.
fn more(what: &'static str, report: &Report) -> Option<(&'static str, String)> {
    Some((what, format!("fleet report {} --format md", report.run.id)))
}

/// Returns how groups stand: what is changed still, one under the other. What undoes it comes next.
fn told_changes(report: &Report, columns: usize) -> Section {
    let parts = standing(report);
    let n_hidden = parts.len().saturating_sub(PARTS);
    let told = parts.into_iter().take(PARTS).enumerate().map(|(n, it)| {
        let label = if n == 0 { "groups" } else { "" };
        fact(label, &it, COVERAGE_LINES, columns)
    });
    Section { n_hidden, more: more("more change", report), ..Section::of(told) }
}

/// Returns each kind of failure in so many lines at the most.
fn told_failures(report: &Report, columns: usize, lines: usize) -> Section {
    let failures = failures(report).into_iter().enumerate().map(|(n, it)| {
        let it = short_words(&it, room(columns));
        fact(if n == 0 { "failures" } else { "" }, &it, lines, columns)
    });
    Section { more: more("more kind", report), ..Section::of(failures) }
}

fn sections(report: &Report, files: &[PathBuf], columns: usize) -> BTreeMap<Subject, Section> {
    let fact = |label: &str, text: &str, lines: usize| fact(label, text, lines, columns);
    let took = report.run.ended.map(|it| format!(", took {}", between(report.run.started, it)));
    let run = format!("{}{}", report.run.id, took.unwrap_or_default());
    let mut res = BTreeMap::from([
        (Subject::Run, Section::of([fact("run", &run, 1)])),
        (
            Subject::Outcomes,
            Section::of([fact("outcomes", &totals(report, room(columns)), OUTCOME_LINES)]),
        ),
        (Subject::Coverage, Section::of([fact("coverage", &coverage(report), COVERAGE_LINES)])),
        (Subject::Budget, Section::of([fact("budget", &budget(report), 1)])),
    ]);
    res.insert(Subject::Failures, told_failures(report, columns, FAILURE_LINES));
    if !report.changes.is_empty() {
        res.insert(Subject::Groups, told_changes(report, columns));
    }
    // How many there were is in the report; here it matters only where they slowed the run down.
    if report.api_calls.throttled > 0 {
        let calls = fact("API calls", &calls(report), 1);
        res.insert(Subject::Calls, Section::of([calls]));
    }
    let notes = report.notes.iter().map(|it| {
        // What is to be pasted must not be broken.
        if it.code == "advice.statement" {
            whole("note", &it.text)
        } else {
            fact("note", &it.text, NOTE_LINES)
        }
    });
    res.insert(Subject::Notes, Section { more: more("more note", report), ..Section::of(notes) });
    let files = files.iter().map(|it| whole("report", &it.display().to_string()));
    res.insert(Subject::Files, Section::of(files));
    if report.verdict.is_none() {
        let text = "the run has not ended: it goes on, or its process was killed";
        let mut page = Page::default();
        page.blank();
        wrap(text, columns).iter().for_each(|it| page.line(&[(YELLOW, it)]));
        res.insert(Subject::Verdict, Section::of([page]));
        // A simulator of its own is gone with its process.
        let watch = (!report.run.is_simulated).then(|| format!("fleet watch {}", report.run.id));
        res.insert(Subject::Next, Section::of(watch.map(|it| whole("next", &it))));
    }
    if let Some(verdict) = &report.verdict {
        let next = verdict.next_commands.iter().map(|it| whole("next", it));
        res.insert(Subject::Next, Section::of(next));
        let sentence = format!("{} (exit code {})", one_line(&verdict.sentence), verdict.exit_code);
        let lines = wrap(&sentence, columns).into_iter().map(|it| {
            let mut page = Page::default();
            page.line(&[(style(verdict.kind), &it)]);
            page
        });
        let mut blank = Page::default();
        blank.blank();
        res.insert(Subject::Verdict, Section::of(std::iter::once(blank).chain(lines)));
    }
    res
}

/// Returns the columns that a fact may take.
fn room(columns: usize) -> usize {
    columns.saturating_sub(LABEL + 2).max(20)
}

/// Returns the words of `text` that fit into so many lines.
fn fitted(text: &str, room: usize, lines: usize) -> String {
    let text = one_line(text);
    if lines == 1 {
        return cut(&text, room);
    }
    let all = wrap(&text, room);
    if all.len() <= lines {
        return text;
    }
    let mut kept = all[..lines].to_vec();
    if let Some(last) = kept.last_mut() {
        *last = format!("{}…", cut(last, room - 1).trim_end_matches('…'));
    }
    kept.join(" ")
}

/// Returns `text` with no word that is wider than so much: what an instance says may be one word.
fn short_words(text: &str, room: usize) -> String {
    one_line(text).split(' ').map(|it| cut(it, room)).collect::<Vec<_>>().join(" ")
}

/// Returns the line that shows how the odd ones differ, where most instances said the same.
fn differences(report: &Report, groups: &[Group<'_>]) -> Option<String> {
    let said = groups.iter().filter(|it| !it.is_silent() && !is_summed_up(it));
    let said: Vec<_> = said.map(|it| it.members.len()).collect();
    let (most, all) = (said.iter().max()?, said.iter().sum::<usize>());
    let is_odd = said.len() > 1 && most * 2 > all;
    is_odd.then(|| format!("fleet report {} --diff", report.run.id))
}

fn whole(label: &str, text: &str) -> Page {
    let mut page = Page::default();
    page.whole_fact(label, text);
    page
}

fn style(kind: Kind) -> Style {
    match kind {
        Kind::Succeeded => GREEN,
        Kind::InstancesFailed | Kind::NothingSent => RED,
        Kind::Halted | Kind::Unknown | Kind::Interrupted => YELLOW,
    }
}
