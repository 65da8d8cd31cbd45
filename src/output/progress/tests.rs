//! The board and the answer to an inquiry, of runs at every point of their story.

use super::*;
use crate::{
    output::testing::{self, Story},
    plan::{self, Draft, Limit, Rollout},
    run::{Event, EventKind},
};

/// Three waves of which the first has ended and the second goes on, in the middle of its events.
fn rolled() -> Story {
    let draft = Draft {
        max_concurrency: Limit::Count(4),
        max_errors: Limit::Count(5),
        rollout: Rollout {
            waves: vec![Limit::Count(2), Limit::Percent(50), Limit::Percent(100)],
            ..Rollout::default()
        },
        ..testing::draft((0..20).map(testing::target).collect())
    };
    testing::play(plan::build(draft).unwrap(), |it| match it.as_str() {
        it if it.ends_with("03") => testing::failure(3, "one\n\x1b[31mtwo\x1b[0m"),
        _ => testing::success("ok"),
    })
}

/// Plays the story up to and with the `n`th end of an instance.
fn after(story: &Story, n: usize) -> Progress {
    let mut progress = Progress::default();
    let mut ends = 0;
    for event in &story.events {
        progress.take(event);
        ends += usize::from(matches!(event.data, EventKind::InstanceFinished { .. }));
        if ends == n {
            break;
        }
    }
    progress
}

fn text(lines: Vec<board::Spans>) -> String {
    let line = |it: board::Spans| it.into_iter().map(|it| it.1).collect::<String>() + "\n";
    lines.into_iter().map(line).collect()
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn a_board_has_a_line_a_wave_a_bar_with_the_time_and_the_slowest() {
    let mut progress = after(&rolled(), 3);
    progress.expect(Some(Expected { took_ms: 70_000, runs: 3 }));
    progress.pass(42_000);
    insta::assert_snapshot!(text(board(&progress, 120, 40)), @r"
    wave 1 2/2 · 2 succeeded · took 00:00
    wave 2 1/8 · 1 succeeded · 3 running
    wave 3 0/10 waits
    [====>                         ] 3/20 · 00:42 of about 01:10 (by 3 earlier runs)
    slowest: i-00000000000000006 web/us-east-1a 00:41, i-00000000000000008 web/us-east-1a 00:41
    ");
}

#[test]
fn a_narrow_board_has_numbers_and_no_line_is_wider_than_the_terminal() {
    let mut progress = after(&rolled(), 16);
    progress.expect(Some(Expected { took_ms: 7_000, runs: 1 }));
    progress.pass(42_000);
    insta::assert_snapshot!(text(board(&progress, 30, 40)), @r"
    wave 1 2/2
    wave 2 8/8
    wave 3 6/10 ✗1
    00:42/00:07 16/20
    00:39 i-00000000000000005
    ");
    for columns in 1..200 {
        for rows in 1..60 {
            let lines = board(&progress, columns, rows);
            assert!(lines.len() <= (rows / 2).max(1), "{columns}x{rows}");
            for line in lines {
                let wide: usize = line.iter().map(|it| crate::output::words::width(&it.1)).sum();
                assert!(wide < columns.max(2), "{columns}x{rows}: {line:?}");
            }
        }
    }
}

#[test]
fn waves_that_there_is_no_room_for_are_told_together() {
    let draft = Draft {
        max_concurrency: Limit::Count(1),
        max_errors: Limit::Count(5),
        rollout: Rollout { waves: vec![Limit::Count(1)], ..Rollout::default() },
        ..testing::draft((0..20).map(testing::target).collect())
    };
    let story = testing::play(plan::build(draft).unwrap(), |_| testing::success("ok"));
    insta::assert_snapshot!(text(board(&after(&story, 9), 80, 14)), @r"
    waves 1-7 7/7
    wave 8 1/1 · 1 succeeded · took 00:00
    wave 9 1/1 · 1 succeeded
    wave 10 0/1 waits
    waves 11-20 0/10
    [=========>          ] 9/20 · 00:04
    ");
}

#[test]
fn counters_are_believed_before_the_rows_are_read() {
    let story = testing::mixed();
    let mut progress = Progress::default();
    let accepted = |it: &&Event| !matches!(it.data, EventKind::InstanceFinished { .. });
    story.events.iter().take_while(accepted).for_each(|it| progress.take(it));
    let counted = EventKind::CommandCounted {
        command_id: "11111111-2222-3333-4444-000000000001".to_owned(),
        targets: 40,
        completed: 31,
        errors: 0,
    };
    progress.take(&Event { data: counted, ..story.events[0].clone() });
    assert_eq!(progress.summary(), "31/40 · 31 not read yet · 9 running");
    // Nobody knows who of them.
    assert!(!text(board(&progress, 80, 24)).contains("slowest"));
}

#[test]
fn an_inquiry_names_who_runs_and_who_is_pending() {
    let mut progress = after(&rolled(), 3);
    progress.pass(61_000);
    insta::assert_snapshot!(plain(&answer(&progress, 80).into_text()), @r"
    01:01 3/20 · 3 succeeded · 3 running
    in progress (3):
      01:00 i-00000000000000006 web/us-east-1a
      01:00 i-00000000000000008 web/us-east-1a
      01:00 i-0000000000000000d web/us-east-1b
    pending (14):
      wave 2 ×4: i-00000000000000000, i-00000000000000001, i-00000000000000009,
      i-00000000000000012
      wave 3 ×10: i-00000000000000002, i-00000000000000003, i-00000000000000005,
      i-0000000000000000a, i-0000000000000000b and 5 more
    ");
}

#[test]
fn an_inquiry_before_anything_was_sent_says_so() {
    let text = answer(&Progress::default(), 80).into_text();
    assert!(text.contains("nothing has been sent yet"), "{text}");
}

#[test]
fn a_run_that_is_over_has_no_one_left() {
    let story = rolled();
    let progress = after(&story, usize::MAX);
    assert_eq!(progress.summary(), "20/20 · 19 succeeded · 1 failed");
    assert_eq!((progress.done(), progress.running().len()), (20, 0));
}
