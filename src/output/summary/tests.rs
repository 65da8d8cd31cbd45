use proptest::prelude::*;

use super::*;
use crate::{
    output::testing,
    plan::Note,
    run::{ChangeState, Folding, GroupChange, Joined, Outcome, TimedChange, Verdict, groups},
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

#[test]
fn a_run_that_has_not_ended_says_so_last_and_what_follows_it_to_its_end() {
    let mut report = testing::halted().report();
    report.verdict = None;
    let text = text(&report, &[], 80);
    assert!(text.contains("next        fleet watch 20240719-040900-abcdef\n"), "{text}");
    let end = "\n\nthe run has not ended: it goes on, or its process was killed\n";
    assert!(text.ends_with(end), "{text}");
}

fn left(text: String) -> TimedChange {
    let (group, state) = (Some("web".to_owned()), ChangeState::Remains);
    let change =
        GroupChange { group, state, processes: vec![text.clone()], instances: vec![], text };
    TimedChange { at: testing::at(1.0), change }
}

#[test]
fn what_is_changed_still_is_named_and_what_brings_it_back_comes_next() {
    let mut report = testing::halted().report();
    let texts = ["web: AZRebalance suspended", "web: into Standby: i-01234567"];
    report.changes = texts.iter().map(|it| left((*it).to_owned())).collect();
    report.verdict.as_mut().unwrap().next_commands = vec!["fleet restore 1".to_owned()];
    let found = text(&report, &[], 80);
    let expected = "  groups      changed still: web: AZRebalance suspended\n              web: into \
                    Standby: i-01234567\n";
    assert!(found.contains(expected), "{found}");
    assert!(found.contains("  next        fleet restore 1\n"), "{found}");
    report.changes = (0..9).map(|it| left(format!("{it}: Launch suspended"))).collect();
    let found = text(&report, &[], 80);
    let expected = "4: Launch suspended\n              and 4 more changes: fleet report 20240719-040900-abcdef";
    assert!(found.contains(expected), "{found}");
    assert!(found.contains("  next        fleet restore 1\n"), "{found}");
}

fn anything() -> impl Strategy<Value = Report> {
    let words = "[a-zé日=<\x1b ]{0,90}( [a-z]{1,9}){0,90}";
    let instance = (0..Outcome::ALL.len(), -2..260_i32, words, any::<bool>());
    let many = |n| prop::collection::vec(words, 0..n);
    let lists = (many(30), many(9), words, 0..40_u32, many(9));
    let base = testing::mixed().report();
    (prop::collection::vec(instance, 40), lists).prop_map(move |(instances, lists)| {
        let (notes, next_commands, sentence, n_joined, changes) = lists;
        let mut report = base.clone();
        report.totals.clear();
        for (it, (outcome, code, hint, has_hint)) in report.instances.iter_mut().zip(instances) {
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
        report.changes = changes.into_iter().map(left).collect();
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
