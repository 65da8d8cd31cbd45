//! What became of a run, in the order in which it matters: who did not succeed, what the others
//! said, and at the very end, where the eye rests, the verdict.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    findings,
    folded::{self, Folds, Members},
    page::{BOLD, DIM, Page},
    summary, table,
    words::{count, outcome, some_of},
};
use crate::{
    plan::{Exclusion, InstanceId},
    run::{Group, Outcome, Report, groups},
};

/// Failures shown one by one; the report has them all.
const FAILURES_SHOWN: usize = 100;

/// From so many on, instances that failed alike are told together.
const ALIKE: usize = 2;

pub(super) fn page(report: &Report, files: &[PathBuf], folds: Folds, columns: usize) -> Page {
    let mut page = Page::default();
    let groups = groups(report, folds.folding);
    failures(&mut page, &groups, folds.members, columns);
    refused(&mut page, report, columns);
    let before = page.n_lines();
    folded::succeeded(&mut page, &groups, folds, columns);
    if page.n_lines() > before {
        page.blank();
    }
    findings::add(&mut page, report, columns);
    summary::add(&mut page, (report, &groups), files, columns);
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
    for ((word, _), ids) in &folded {
        let title = format!("{} {}:", ids.len(), outcome(*word));
        page.line(&[(BOLD, &title)]);
        page.remark(&some_of(ids), columns);
    }
    if !folded.is_empty() {
        page.blank();
    }
}

/// Names those whom a check has kept out, with what it found: the operator has asked for them.
fn refused(page: &mut Page, report: &Report, columns: usize) {
    let mut whys: BTreeMap<String, Vec<&InstanceId>> = BTreeMap::new();
    for it in report.population.excluded.iter().filter(|it| it.reason == Exclusion::Preflight) {
        whys.entry(it.to_string()).or_default().push(&it.instance_id);
    }
    for (why, ids) in &whys {
        page.line(&[(BOLD, &format!("{} left out:", ids.len()))]);
        page.remark(&format!("{}: {why}", some_of(ids)), columns);
    }
    if !whys.is_empty() {
        page.blank();
    }
}

/// Whoever was left alone has nothing to tell; a hundred lines of that would hide the cause.
fn is_untouched(it: &Group<'_>) -> bool {
    it.outcome.is_untouched() && it.is_silent()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        output::testing::{self, Story},
        plan,
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
            killed by a signal that the agent did not send, often for want of memory:
            look at the kernel's log
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
          failures    1 failed, exit code -1: killed by a signal that the agent did not
                      send, often for want of memory: look at the kernel's log
                      1 failed, exit code 3: df: /var is full
                      1 undeliverable: the agent could not be reached; it may have run
                      all the same: look before repeating
          coverage    complete: every instance of the group was planned
          budget      3 errors, 4 allowed
          report      /tmp/report.json
          next        fleet retry 20240719-040900-abcdef --only failed,undeliverable
          next        fleet report 20240719-040900-abcdef --diff

        37 of 40 instances succeeded, 2 failed, 1 undeliverable (exit code 1)
        ");
    }

    #[test]
    fn whoever_was_left_alone_is_one_line() {
        insta::assert_snapshot!(text(&testing::halted()), @r"
        INSTANCE             GROUP/ZONE      OUTCOME  EXIT  TIME
        i-00000000000000003  web/us-east-1b  failed      3  1.2s
            df: /var is full

        16 not attempted:
            i-00000000000000004, i-00000000000000005, i-00000000000000006,
            i-00000000000000007, i-00000000000000008 and 11 more

        3 succeeded with the same output (web ×3: us-east-1a 2, us-east-1b 1):
            Linux web 6.1

          run         20240719-040900-abcdef, took 1.0s
          outcomes    3 succeeded, 1 failed, 16 not attempted of 20 instances
          failures    1 failed, exit code 3: df: /var is full
          coverage    partial; 3 left out (2 agent lost its connection, 1 in Standby)
          budget      1 error, 0 allowed
          report      /tmp/report.json
          next        fleet retry 20240719-040900-abcdef --only failed,not_attempted
          next        fleet report 20240719-040900-abcdef --diff

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
          report      /tmp/report.json

        6 of 6 instances succeeded (exit code 0)
        ");
    }
}
