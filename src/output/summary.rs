//! The last lines of a report, where the eye rests: the verdict, what it counts, what the failures
//! mean, what was not covered, where the report is and what can be done next. They are twenty at the
//! most, whatever has happened.

use std::{collections::BTreeMap, path::PathBuf};

use anstyle::Style;

use super::{
    folded::is_summed_up,
    page::{GREEN, LABEL, Page, RED, YELLOW},
    words::{between, count, cut, one_line, outcome, some_of, why, width, wrap},
};
use crate::run::{Coverage, Group, InstanceFacts, Kind, Outcome, Report};

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
    Budget,
    Calls,
    Notes,
    Files,
    Next,
    Verdict,
}

/// What is given up first where there is no room for everything, and how much of it stays.
const GIVEN_UP: [(Subject, usize); 10] = [
    (Subject::Calls, 0),
    (Subject::Notes, 1),
    (Subject::Failures, 6),
    (Subject::Notes, 0),
    (Subject::Files, 1),
    (Subject::Failures, 3),
    (Subject::Next, 2),
    (Subject::Failures, 1),
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

fn totals(report: &Report, room: usize) -> String {
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
fn failures(report: &Report) -> Vec<String> {
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

pub(super) fn coverage(report: &Report) -> String {
    let word = match report.coverage {
        Coverage::Complete => "complete: every instance of the group was planned",
        Coverage::Partial => "partial",
        Coverage::Unverified => "unverified: the group was not read again at the end",
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
            let why = it.to_string();
            let why = why.split(" (").next().unwrap_or_default().to_owned();
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

pub(super) fn budget(report: &Report) -> String {
    let used = count(report.budget.used as usize, "error");
    match report.budget.limit {
        Some(limit) => format!("{used}, {limit} allowed"),
        None => format!("{used}, --max-errors {} allowed", report.limits.max_errors.input),
    }
}

/// Returns how many calls there were, and of what most of them; the report has them all.
fn calls(report: &Report) -> String {
    let calls = &report.api_calls;
    let mut most: Vec<_> = calls.by_operation.iter().collect();
    most.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    let most = most.iter().take(2).map(|(it, n)| format!("{n} {it}"));
    let most = most.collect::<Vec<_>>().join(", ");
    let total: u64 = calls.by_operation.values().sum();
    match calls.throttled {
        0 => format!("{total} ({most})"),
        throttled => format!("{total}, {throttled} throttled ({most})"),
    }
}

pub(super) fn api_calls(report: &Report) -> String {
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
    use proptest::prelude::*;

    use super::*;
    use crate::{
        output::testing,
        plan::Note,
        run::{Folding, Joined, Verdict, groups},
    };

    fn text(report: &Report, files: &[PathBuf], columns: usize) -> String {
        let mut page = Page::default();
        add(&mut page, (report, &groups(report, Folding::Masked)), files, columns);
        anstream::adapter::strip_str(&page.into_text()).to_string()
    }

    #[test]
    fn who_joined_and_who_left_is_told_with_the_coverage() {
        let mut report = testing::halted().report();
        report.population.left.push(testing::id(4));
        for (n, outcome) in [(30, None), (31, Some(Outcome::Failed))] {
            report.population.joined.push(Joined { instance_id: testing::id(n), outcome });
        }
        let expected = "partial; 3 left out (2 agent lost its connection, 1 in Standby); 2 joined \
                        (i-0000000000000001e, i-0000000000000001f failed); 1 left \
                        (i-00000000000000004)";
        assert_eq!(coverage(&report), expected);
    }

    #[test]
    fn many_kinds_of_failure_are_told_up_to_what_there_is_room_for() {
        let mut report = testing::mixed().report();
        for (n, it) in report.instances.iter_mut().enumerate() {
            it.outcome = Outcome::Failed;
            it.response_code = Some(i32::try_from(n).unwrap() + 1);
            it.started = Some(testing::at(0.0));
            it.hint = Some(format!("this is what {n} means and what can be done about it"));
        }
        let files = ["/tmp/report.json".into()];
        let text = text(&report, &files, 80);
        assert!((LINES - 1..=LINES).contains(&text.lines().count()), "{text}");
        assert!(text.contains("and 29 more kinds: fleet report 20240719-040900-abcdef"), "{text}");
        for it in ["exit code 1: this is what 0 means", "/tmp/report.json", "fleet retry "] {
            assert!(text.contains(it), "{text}");
        }
    }

    #[test]
    fn one_word_of_an_instance_takes_no_screen_and_a_long_path_counts_as_what_it_takes() {
        let mut report = testing::mixed().report();
        for (n, it) in report.instances.iter_mut().enumerate().skip(20) {
            (it.outcome, it.hint) = (Outcome::Failed, None);
            it.response_code = Some(i32::try_from(n).unwrap());
            it.stderr = "x".repeat(24_000);
        }
        let files = [PathBuf::from("/a/long/way".repeat(12)), "/tmp/report.html".into()];
        let text = text(&report, &files, 80);
        let n_rows: usize = text.lines().map(|it| it.chars().count().div_ceil(80).max(1)).sum();
        assert!((LINES - 1..=LINES).contains(&n_rows), "{text}");
        assert!(text.contains("xxx…\n"), "{text}");
    }

    #[test]
    fn what_most_say_is_held_against_what_the_odd_ones_say() {
        let mut report = testing::mixed().report();
        let line = "next        fleet report 20240719-040900-abcdef --diff";
        assert!(text(&report, &[], 80).contains(line));
        for (n, it) in report.instances.iter_mut().enumerate() {
            it.stdout = ["one", "two", "three"][n % 3].to_owned();
        }
        assert!(!text(&report, &[], 80).contains("--diff"), "there is no majority");
        report.instances.iter_mut().for_each(|it| it.stdout = "one".to_owned());
        report.instances.retain(|it| it.outcome == Outcome::Succeeded);
        assert!(!text(&report, &[], 80).contains("--diff"), "nobody is odd");
    }

    fn anything() -> impl Strategy<Value = Report> {
        let words = "[a-zé日=<\x1b ]{0,90}( [a-z]{1,9}){0,90}";
        let instance = (0..Outcome::ALL.len(), -2..260_i32, words, any::<bool>());
        let lists = (
            prop::collection::vec(words, 0..30),
            prop::collection::vec(words, 0..9),
            words,
            0..40_u32,
        );
        let base = testing::mixed().report();
        (prop::collection::vec(instance, 40), lists).prop_map(move |(instances, lists)| {
            let (notes, next_commands, sentence, n_joined) = lists;
            let mut report = base.clone();
            report.totals.clear();
            for (it, (outcome, code, hint, has_hint)) in report.instances.iter_mut().zip(instances)
            {
                it.outcome = Outcome::ALL[outcome];
                it.response_code = Some(code);
                it.stderr.clone_from(&hint);
                it.hint = has_hint.then_some(hint);
                *report.totals.entry(it.outcome).or_default() += 1;
            }
            report.notes = notes.into_iter().map(|it| Note::new("any", it)).collect();
            for n in 0..n_joined {
                let instance_id = testing::id(100 + n);
                report.population.joined.push(Joined { instance_id, outcome: None });
            }
            let kind = Kind::Halted;
            report.verdict = Some(Verdict { exit_code: 5, kind, sentence, next_commands });
            report
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn there_are_twenty_lines_at_the_most(
            report in anything(), columns in 20..130_usize, n_files in 0..9_usize
        ) {
            let files = vec![PathBuf::from("/tmp/a/long/way/to/the/report.json"); n_files];
            let text = text(&report, &files, columns);
            prop_assert!(text.lines().count() <= LINES, "{}", text);
        }
    }
}
