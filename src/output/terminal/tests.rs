use proptest::prelude::*;

use super::*;
use crate::{
    output::{
        sanitize,
        testing::{self, heard},
        words::width,
    },
    plan::{self, Note},
    run::EventKind,
};

/// Tells a terminal of a whole run.
fn tell(terminal: &mut Terminal) {
    let story = testing::mixed();
    terminal.plan_preview(&story.plan);
    story.events.iter().for_each(|it| terminal.event(it));
    terminal.report(&story.report(), &[], Folds::default());
}

#[test]
fn jsonl_is_the_events_and_nothing_else() {
    let heard = heard(Format::Jsonl, tell);
    let events: Vec<Event> =
        heard.out.text().lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(json::line(&events), json::line(&testing::mixed().events));
    assert_eq!(heard.err.text(), "");
}

#[test]
fn json_is_the_report_and_nothing_else() {
    let heard = heard(Format::Json, tell);
    let report: Report = serde_json::from_str(&heard.out.text()).unwrap();
    assert_eq!(json::line(&report), json::line(&testing::mixed().report()));
    assert_eq!(heard.err.text(), "");
}

#[test]
fn a_pipe_gets_no_control_characters() {
    let heard = heard(Format::Human, tell);
    for text in [heard.out.text(), heard.err.text()] {
        assert!(!text.is_empty());
        assert!(text.chars().all(|it| it == '\n' || !it.is_control()), "{text:?}");
    }
}

#[test]
fn every_line_of_a_report_fits_into_eighty_columns() {
    let heard = heard(Format::Human, tell);
    let long: Vec<_> =
        heard.out.text().lines().filter(|it| width(it) > 80).map(str::to_owned).collect();
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn quiet_leaves_results_hints_and_warnings() {
    let heard = testing::Heard::default();
    let (out, err) = (Box::new(heard.out.clone()), Box::new(heard.err.clone()));
    let mut terminal = Terminal::with_writers(Format::Human, true, out, err, 80);
    tell(&mut terminal);
    terminal.note("a note");
    terminal.hint("a hint");
    terminal.warning("a warning\nof two lines");
    assert!(heard.out.text().contains("37 succeeded"));
    assert_eq!(heard.err.text(), "hint: a hint\nwarning: a warning\n    of two lines\n");
}

#[test]
fn a_line_stays_one_line_and_a_text_keeps_its_lines() {
    let heard = heard(Format::Human, |it| {
        it.line("one\nline");
        it.text("a script\n\tof two lines\n");
    });
    assert_eq!(heard.out.text(), "one ⏎ line\na script\n\tof two lines\n");
}

#[test]
fn nobody_is_asked_where_nobody_is() {
    let heard = heard(Format::Human, |it| {
        assert!(!it.is_interactive());
    });
    assert_eq!(heard.err.text(), "");
}

#[test]
fn a_reader_that_leaves_is_no_error_and_a_full_disk_is_a_warning() {
    struct Failing(io::ErrorKind);
    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let check = |kind, expected: &str| {
        let err = testing::Buffer::default();
        let (out, said) = (Box::new(Failing(kind)), Box::new(err.clone()));
        let mut terminal = Terminal::with_writers(Format::Json, false, out, said, 80);
        tell(&mut terminal);
        tell(&mut terminal);
        assert_eq!(err.text(), expected);
    };
    check(io::ErrorKind::BrokenPipe, "");
    check(
        io::ErrorKind::StorageFull,
        "warning: could not write to standard output: no storage space\n",
    );
}

#[test]
fn targets_are_listed_in_and_out() {
    let plan = testing::twenty();
    let (planned, excluded) = (&plan.population.planned[..2], &plan.population.excluded);
    let human = heard(Format::Human, |it| it.targets(planned, excluded));
    insta::assert_snapshot!(human.out.text(), @r"
    INSTANCE             GROUP/ZONE      LIFECYCLE  PLATFORM  AGENT
    i-00000000000000000  web/us-east-1a  InService  Linux     online 3.3.551.0
    i-00000000000000001  web/us-east-1b  InService  Linux     online 3.3.551.0

    LEFT OUT             GROUP  LIFECYCLE
    i-00000000000000014  web    Standby
        in Standby (--include standby takes it)
    i-00000000000000015  web    InService
        agent lost its connection (--include offline takes it)
    i-00000000000000016  web    InService
        agent lost its connection (--include offline takes it)

    2 instances planned, 3 left out
    ");
    let lines = heard(Format::Jsonl, |it| it.targets(planned, excluded));
    assert_eq!(lines.out.text().lines().count(), 5);
    let json = heard(Format::Json, |it| it.targets(planned, excluded));
    let json: serde_json::Value = serde_json::from_str(&json.out.text()).unwrap();
    assert_eq!(json["planned"][1]["id"], testing::id(1).as_str());
}

/// Returns a terminal with a board, of eighty columns.
fn live(heard: &testing::Heard) -> Terminal {
    let (out, err) = (Box::new(heard.out.clone()), Box::new(heard.err.clone()));
    let mut terminal = Terminal::with_writers(Format::Human, false, out, err, 80);
    (terminal.mode, terminal.log) = (Mode::Live, Log::new(detail(Mode::Live)));
    terminal
}

#[test]
fn ten_thousand_ends_are_no_more_than_ten_frames_a_second() {
    let heard = testing::Heard::default();
    let mut terminal = live(&heard);
    let draft = testing::draft((0..10_000).map(testing::target).collect());
    let plan = Box::new(plan::build(draft).unwrap());
    let started = EventKind::RunStarted { plan };
    terminal.event(&Event { data: started, ..testing::mixed().events[0].clone() });
    // In five seconds, with as many ticks between them.
    for n in 0..10_000 {
        terminal.event(&testing::ended(n, u64::from(n) / 2, if n % 7 > 0 { "" } else { "a\nb" }));
        terminal.tick(u64::from(n) / 2);
    }
    let frames = heard.err.text().matches("\x1b[J").count();
    // One that is drawn below new lines clears twice.
    assert!((45..=2 * 51).contains(&frames), "{frames}");
    terminal.end_live();
    let text = heard.err.text();
    assert_eq!(text.matches(" failed, exit code 1").count(), 100);
    assert!(text.ends_with("\x1b[J"), "{text}");
}

#[test]
fn a_board_without_colours_moves_the_cursor_all_the_same() {
    let heard = testing::Heard::default();
    let mut terminal = live(&heard);
    testing::mixed().events.iter().take(5).for_each(|it| terminal.event(it));
    terminal.tick(5_000);
    let plain = heard.err.text();
    assert!(plain.contains("\x1b[J") && !plain.contains("\x1b[1m"), "{plain:?}");
    terminal.styles = Styles::Kept;
    terminal.tick(7_000);
    assert!(heard.err.text()[plain.len()..].contains("\x1b[1m"));
}

#[test]
fn nothing_is_drawn_after_the_end_and_results_stand_alone() {
    let heard = testing::Heard::default();
    let mut terminal = live(&heard);
    let story = testing::mixed();
    story.events.iter().for_each(|it| terminal.event(it));
    let before = heard.err.text();
    terminal.tick(60_000);
    terminal.report(&story.report(), &[], Folds::default());
    assert_eq!(heard.err.text(), before);
    assert!(!heard.out.text().contains('\x1b'));
}

#[test]
fn who_asks_is_answered_also_where_all_else_is_quiet() {
    for format in [Format::Human, Format::Json, Format::Jsonl] {
        let heard = testing::Heard::default();
        let (out, err) = (Box::new(heard.out.clone()), Box::new(heard.err.clone()));
        let mut terminal = Terminal::with_writers(format, true, out, err, 80);
        testing::halted().events.iter().take(6).for_each(|it| terminal.event(it));
        terminal.answer();
        assert!(heard.err.text().contains("in progress ("), "{format:?}");
        assert!(!heard.out.text().contains("in progress ("), "{format:?}");
    }
}

/// Returns whether `text`, without the styles that fleet adds, is harmless.
fn is_harmless(text: &str) -> bool {
    let own = regex::Regex::new("\x1b\\[[0-9]*m").unwrap();
    own.replace_all(text, "").chars().all(|it| it != '\t' && sanitize::is_plain(it))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_that_an_instance_or_aws_says_reaches_a_terminal_as_it_is(
        bad in "[\x1b\u{9b}\\[0-9mHJ\x07\x08\r\n\t\x7fé\u{202e}\u{200b}\u{feff}a ]{0,60}"
    ) {
        let mut story = testing::halted();
        story.plan.document.name.clone_from(&bad);
        story.plan.reason = Some(bad.clone());
        story.plan.population.planned[0].zone = Some(bad.clone());
        story.plan.notes.push(Note::new("bad", bad.clone()));
        prop_assert!(is_harmless(&plan_text::page(&story.plan, 80).into_text()));

        let mut report = story.report();
        for (n, it) in report.instances.iter_mut().enumerate() {
            it.zone = Some(bad.clone());
            it.hint = Some(bad.clone());
            it.stdout = format!("{bad}{n}");
            it.stderr.clone_from(&bad);
        }
        report.run.reason = Some(bad.clone());
        let verdict = report.verdict.as_mut().unwrap();
        verdict.sentence.clone_from(&bad);
        verdict.next_commands.push(bad.clone());
        prop_assert!(is_harmless(&recap::page(&report, &[bad.clone().into()], Folds::default(), 80).into_text()));

        let strings = std::slice::from_ref(&bad);
        prop_assert!(is_harmless(&failure::page(&bad, strings, strings).into_text()));
    }
}
