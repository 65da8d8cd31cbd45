//! What became of a run, in the order in which it matters: who did not succeed, what the others
//! said, and at the very end, where the eye rests, the verdict.

use std::{collections::BTreeMap, path::PathBuf};

use anstyle::Style;

use super::{
    findings,
    folded::{self, Folds, Members},
    page::{BOLD, DIM, GREEN, PLAIN, Page, RED, YELLOW},
    table,
    words::{between, count, one_line, outcome, some_of, wrap},
};
use crate::run::{Coverage, Group, Kind, Outcome, Report, groups};

/// Failures shown one by one; the report has them all.
const FAILURES_SHOWN: usize = 100;

/// From so many on, instances that failed alike are told together.
const ALIKE: usize = 2;

pub(super) fn page(report: &Report, files: &[PathBuf], folds: Folds, columns: usize) -> Page {
    let mut page = Page::default();
    let groups = groups(report, folds.folding);
    failures(&mut page, &groups, folds.members, columns);
    let before = page.n_lines();
    folded::succeeded(&mut page, &groups, folds, columns);
    if page.n_lines() > before {
        page.blank();
    }
    findings::add(&mut page, report, columns);
    facts(&mut page, report, files, columns);
    page
}

fn failures(page: &mut Page, groups: &[Group<'_>], members: Members, columns: usize) {
    let groups = groups.iter().filter(|it| it.outcome != Outcome::Succeeded);
    let (untouched, failed): (Vec<_>, Vec<_>) = groups.partition(|it| is_untouched(it));
    let (many, few): (Vec<_>, Vec<_>) =
        failed.into_iter().partition(|it| it.members.len() >= ALIKE);
    for group in &many {
        folded::failed(page, group, members, columns);
    }
    if !many.is_empty() {
        page.blank();
    }
    let failed: Vec<_> = few.iter().flat_map(|it| it.members.iter().copied()).collect();
    if !failed.is_empty() {
        table::failures(page, &failed[..failed.len().min(FAILURES_SHOWN)], columns);
        if let Some(n @ 1..) = failed.len().checked_sub(FAILURES_SHOWN) {
            page.line(&[(DIM, &format!("{} in the report", count(n, "more instance")))]);
        }
        page.blank();
    }
    let mut folded: BTreeMap<(Outcome, Option<&str>), Vec<_>> = BTreeMap::new();
    for it in untouched.iter().flat_map(|it| &it.members) {
        folded.entry((it.outcome, it.hint.as_deref())).or_default().push(&it.instance_id);
    }
    for ((word, hint), ids) in &folded {
        let why = hint.map(|it| format!(": {it}")).unwrap_or_default();
        let title = format!("{} {}", ids.len(), outcome(*word));
        page.line(&[(BOLD, &title), (PLAIN, &why)]);
        page.remark(&some_of(ids), columns);
    }
    if !folded.is_empty() {
        page.blank();
    }
}

/// Whoever was left alone has nothing to tell; a hundred lines of that would hide the cause.
fn is_untouched(it: &Group<'_>) -> bool {
    it.outcome.is_untouched() && it.is_silent()
}

fn facts(page: &mut Page, report: &Report, files: &[PathBuf], columns: usize) {
    let took = report.run.ended.map(|it| format!(", took {}", between(report.run.started, it)));
    let run = format!("{}{}", report.run.id, took.unwrap_or_default());
    page.fact("run", &run, columns);
    page.fact("outcomes", &totals(report), columns);
    page.fact("coverage", &coverage(report), columns);
    page.fact("budget", &budget(report), columns);
    if !report.api_calls.by_operation.is_empty() {
        page.fact("API calls", &api_calls(report), columns);
    }
    for note in &report.notes {
        // What is to be pasted must not be broken.
        if note.code == "advice.statement" {
            page.whole_fact("note", &note.text);
        } else {
            page.fact("note", &note.text, columns);
        }
    }
    for file in files {
        page.whole_fact("report", &file.display().to_string());
    }
    let Some(verdict) = &report.verdict else { return };
    for command in &verdict.next_commands {
        page.whole_fact("next", command);
    }
    page.blank();
    let sentence = format!("{} (exit code {})", one_line(&verdict.sentence), verdict.exit_code);
    for line in wrap(&sentence, columns) {
        page.line(&[(style(verdict.kind), &line)]);
    }
}

fn style(kind: Kind) -> Style {
    match kind {
        Kind::Succeeded => GREEN,
        Kind::InstancesFailed | Kind::NothingSent => RED,
        Kind::Halted | Kind::Unknown | Kind::Interrupted => YELLOW,
    }
}

fn totals(report: &Report) -> String {
    let mut totals: Vec<_> = report.totals.iter().collect();
    // Successes first: the reader wants to know how much is left standing.
    totals.sort_by_key(|(it, _)| (**it != Outcome::Succeeded, **it));
    let words: Vec<_> = totals.iter().map(|(it, n)| format!("{n} {}", outcome(**it))).collect();
    let planned = count(report.population.planned as usize, "instance");
    match words.as_slice() {
        [] => planned,
        _ => format!("{} of {planned}", words.join(", ")),
    }
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
        parts.push(format!("{} left out", population.excluded.len()));
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
    use super::*;
    use crate::{
        output::testing::{self, Story},
        plan,
        run::Joined,
    };

    fn text(story: &Story) -> String {
        let files = ["/tmp/report.json".into()];
        let page = page(&story.report(), &files, Folds::default(), 80).into_text();
        anstream::adapter::strip_str(&page).to_string()
    }

    #[test]
    fn failures_come_first_and_equal_output_once() {
        insta::assert_snapshot!(text(&testing::mixed()), @r"
        INSTANCE             GROUP/ZONE      OUTCOME        EXIT  TIME
        i-00000000000000003  web/us-east-1b  failed            3  1.2s
            df: /var is full
        i-00000000000000007  web/us-east-1b  failed           -1  1.2s
            killed by a signal that the agent did not send, often for want of memory
        i-0000000000000001f  web/us-east-1b  undeliverable     -     -
            the agent could not be reached; it may have run all the same: look before
            repeating

        34 succeeded with the same output (web ×34: us-east-1a 17, us-east-1b 17):
            nginx 1.24
        3 succeeded with the same output (web ×3: us-east-1a):
            nginx 1.25
            two     columns

          run         20240719-040900-abcdef, took 0.5s
          outcomes    37 succeeded, 2 failed, 1 undeliverable of 40 instances
          coverage    complete: every instance of the group was planned
          budget      3 errors, 4 allowed
          API calls   4: ListCommandInvocations 3, SendCommand 1
          report      /tmp/report.json
          next        fleet retry 20240719-040900-abcdef --only failed,undeliverable

        37 of 40 instances succeeded, 2 failed, 1 undeliverable (exit code 1)
        ");
    }

    #[test]
    fn who_joined_and_who_left_is_told_with_the_coverage() {
        let mut report = testing::halted().report();
        report.population.left.push(testing::id(4));
        for (n, outcome) in [(30, None), (31, Some(Outcome::Failed))] {
            report.population.joined.push(Joined { instance_id: testing::id(n), outcome });
        }
        let expected = "partial; 3 left out; 2 joined (i-0000000000000001e, \
                        i-0000000000000001f failed); 1 left (i-00000000000000004)";
        assert_eq!(coverage(&report), expected);
    }

    #[test]
    fn whoever_was_left_alone_is_one_line() {
        insta::assert_snapshot!(text(&testing::halted()), @r"
        INSTANCE             GROUP/ZONE      OUTCOME  EXIT  TIME
        i-00000000000000003  web/us-east-1b  failed      3  1.2s
            df: /var is full

        16 not attempted: nothing was sent to it
            i-00000000000000004, i-00000000000000005, i-00000000000000006,
            i-00000000000000007, i-00000000000000008 and 11 more

        3 succeeded with the same output (web ×3: us-east-1a 2, us-east-1b 1):
            Linux web 6.1

          run         20240719-040900-abcdef, took 1.0s
          outcomes    3 succeeded, 1 failed, 16 not attempted of 20 instances
          coverage    partial; 3 left out
          budget      1 error, 0 allowed
          API calls   4: ListCommandInvocations 3, SendCommand 1
          report      /tmp/report.json
          next        fleet retry 20240719-040900-abcdef --only failed,not_attempted

        3 of 20 instances succeeded, 1 failed, 16 not attempted: stopped by the error
        budget (1 error, 0 allowed) (exit code 5)
        ");
    }

    #[test]
    fn a_few_instances_that_differ_are_all_shown() {
        let draft = testing::draft((0..6).map(testing::target).collect());
        let outputs = ["nginx 1.1", "nginx 1.2", "nginx 1.3", "nginx 1.4", "nginx 1.5", ""];
        let story = testing::play(plan::build(draft).unwrap(), |it| {
            testing::success(outputs[usize::from(it.as_str().as_bytes()[18] - b'0')])
        });
        insta::assert_snapshot!(text(&story), @r"
        i-00000000000000000 web/us-east-1a: nginx 1.1
        i-00000000000000001 web/us-east-1b: nginx 1.2
        i-00000000000000002 web/us-east-1a: nginx 1.3
        i-00000000000000003 web/us-east-1b: nginx 1.4
        i-00000000000000004 web/us-east-1a: nginx 1.5
        i-00000000000000005 web/us-east-1b succeeded without output

          run         20240719-040900-abcdef, took 0.5s
          outcomes    6 succeeded of 6 instances
          coverage    complete: every instance of the group was planned
          budget      0 errors, 0 allowed
          API calls   4: ListCommandInvocations 3, SendCommand 1
          report      /tmp/report.json

        6 of 6 instances succeeded (exit code 0)
        ");
    }
}
