//! The door to stdout and stderr of one command: results go to stdout, everything else to stderr.
//! It never fails: a reader that has gone away is no error, and the run goes on without it.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use anstream::{AutoStream, StripStream};
use anstyle::Style;

use super::{
    failure::{self, labelled},
    history::{self, Entry},
    json,
    live::Bar,
    page::{CYAN, PLAIN, Page, YELLOW},
    plan_text,
    progress::{Detail, Fit, Line, Progress},
    recap,
    stream::{Stream, Width},
    targets,
    words::{cut, width},
};
use crate::{
    plan::{Excluded, Plan, Target},
    run::{Event, EventKind, Report},
};

/// Lines longer than this are hard to read, however wide the terminal is.
const WIDEST: usize = 120;

/// What stdout carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Human,
    /// One document at the end.
    Json,
    /// Each event as it happens.
    Jsonl,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Bar,
    Log,
    Silent,
}

/// One command's stdout and stderr.
pub struct Terminal {
    format: Format,
    quiet: bool,
    out: Stream,
    err: Stream,
    width: Width,
    mode: Mode,
    is_interactive: bool,
    /// Something that was asked for could not be written to stdout.
    has_failed: bool,
    progress: Option<Progress>,
    bar: Option<Bar>,
}

impl Terminal {
    /// Returns the real stdout and stderr. Colour is for terminals alone, and NO_COLOR, CLICOLOR
    /// and TERM=dumb are heeded; progress is a bar on a terminal and plain lines elsewhere.
    pub fn new(format: Format, quiet: bool) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let is_dumb = std::env::var_os("TERM").is_none_or(|it| it == "dumb");
        let mode = match format {
            _ if quiet => Mode::Silent,
            Format::Human | Format::Json if is_terminal && !is_dumb => Mode::Bar,
            Format::Human => Mode::Log,
            // A script that reads JSON reads no log.
            Format::Json | Format::Jsonl => Mode::Silent,
        };
        let out: Box<dyn Write> = match format {
            Format::Human => Box::new(AutoStream::auto(io::stdout())),
            Format::Json | Format::Jsonl => Box::new(io::stdout()),
        };
        Self {
            format,
            quiet,
            out: Stream::new(out),
            err: Stream::new(Box::new(AutoStream::auto(io::stderr()))),
            width: Width::OfTerminal,
            mode,
            is_interactive: is_terminal && io::stdin().is_terminal(),
            has_failed: false,
            progress: None,
            bar: None,
        }
    }

    /// Returns a terminal that writes to `out` and `err` what a pipe would get.
    pub fn with_writers(
        format: Format,
        quiet: bool,
        out: Box<dyn Write>,
        err: Box<dyn Write>,
        width: usize,
    ) -> Self {
        let mode = if quiet || format != Format::Human { Mode::Silent } else { Mode::Log };
        Self {
            format,
            quiet,
            out: Stream::new(Box::new(StripStream::new(out))),
            err: Stream::new(Box::new(StripStream::new(err))),
            width: Width::Fixed(width),
            mode,
            is_interactive: false,
            has_failed: false,
            progress: None,
            bar: None,
        }
    }

    /// Shows a plan as the result of a command.
    pub fn plan(&mut self, plan: &Plan) {
        let text = match self.format {
            Format::Human => plan_text::page(plan, self.width()).into_text(),
            Format::Json => json::pretty(plan) + "\n",
            Format::Jsonl => json::line(plan) + "\n",
        };
        self.print(&text);
    }

    /// Shows what is about to be done, to the operator and not to a script.
    pub fn plan_preview(&mut self, plan: &Plan) {
        if !self.quiet && self.format == Format::Human {
            let mut page = plan_text::page(plan, self.width());
            page.blank();
            self.say(&page.into_text());
        }
    }

    /// Shows who is in and who is out.
    pub fn targets(&mut self, planned: &[Target], excluded: &[Excluded]) {
        let text = match self.format {
            Format::Human => targets::page(planned, excluded, self.width()).into_text(),
            Format::Json => {
                json::pretty(&targets::Targets { schema: targets::SCHEMA, planned, excluded })
                    + "\n"
            }
            Format::Jsonl => {
                let lines = planned.iter().map(targets::Line::Planned);
                let lines = lines.chain(excluded.iter().map(targets::Line::Excluded));
                lines.map(|it| json::line(&it) + "\n").collect()
            }
        };
        self.print(&text);
    }

    /// Returns whether there is anybody to ask.
    pub fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    /// Returns whether stdout could not take what it was given. A reader that has gone away is no
    /// failure.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Lists earlier runs.
    pub fn runs(&mut self, entries: &[Entry]) {
        let text = match self.format {
            Format::Human => history::page(entries, self.width()).into_text(),
            Format::Json => json::pretty(&entries) + "\n",
            Format::Jsonl => entries.iter().map(|it| json::line(it) + "\n").collect(),
        };
        self.print(&text);
    }

    /// Takes an event of a run that another process began: its progress counts, its story has been
    /// told.
    pub fn recalled_event(&mut self, event: &Event) {
        let detail = match self.mode {
            Mode::Silent => return,
            Mode::Bar => Detail::BesideBar,
            Mode::Log => Detail::Log,
        };
        let progress = self.progress.get_or_insert_with(|| Progress::new(detail));
        progress.apply(event);
        if matches!(event.data, EventKind::RunStarted { .. }) && self.mode == Mode::Bar {
            self.bar = Some(Bar::start(progress));
        }
    }

    /// Takes an event of a run that is over: only a script that reads events gets to see it.
    pub fn stored_event(&mut self, event: &Event) {
        if self.format == Format::Jsonl {
            self.print(&(json::line(event) + "\n"));
        }
    }

    /// Takes an event of a run that goes on.
    pub fn event(&mut self, event: &Event) {
        if self.format == Format::Jsonl {
            self.print(&(json::line(event) + "\n"));
        }
        let detail = match self.mode {
            Mode::Silent => return,
            Mode::Bar => Detail::BesideBar,
            Mode::Log => Detail::Log,
        };
        let progress = self.progress.get_or_insert_with(|| Progress::new(detail));
        let lines = progress.apply(event);
        match event.data {
            EventKind::RunStarted { .. } if self.mode == Mode::Bar => {
                self.bar = Some(Bar::start(progress));
            }
            EventKind::RunFinished { .. } => self.clear_bar(),
            _ => {}
        }
        if !lines.is_empty() {
            let text = self.text_of(lines);
            self.say(&text);
        }
        if let (Some(bar), Some(progress)) = (&self.bar, &self.progress) {
            bar.update(progress, self.width.of_stderr());
        }
    }

    /// Shows what became of a run; `files` are where the report is.
    pub fn report(&mut self, report: &Report, files: &[PathBuf]) {
        self.clear_bar();
        let text = match self.format {
            Format::Human => recap::page(report, files, self.width()).into_text(),
            Format::Json => json::pretty(report) + "\n",
            // The events have said it.
            Format::Jsonl => return,
        };
        self.print(&text);
    }

    pub fn note(&mut self, text: &str) {
        if !self.quiet {
            self.labelled(CYAN, "note: ", text);
        }
    }

    pub fn hint(&mut self, text: &str) {
        self.labelled(CYAN, "hint: ", text);
    }

    pub fn warning(&mut self, text: &str) {
        self.labelled(YELLOW, "warning: ", text);
    }

    /// Shows that fleet could not do its job, as [`super::failure()`] does, in colour.
    pub fn failure(&mut self, message: &str, causes: &[String], hints: &[String]) {
        self.clear_bar();
        self.say(&failure::page(message, causes, hints).into_text());
    }

    /// Shows a result of one line.
    pub fn line(&mut self, text: &str) {
        let mut page = Page::default();
        page.line(&[(PLAIN, text)]);
        self.print(&page.into_text());
    }

    /// Shows a result of many lines that fleet itself made, as it is.
    pub fn text(&mut self, text: &str) {
        self.print(text);
    }

    fn labelled(&mut self, style: Style, label: &str, text: &str) {
        let mut page = Page::default();
        labelled(&mut page, (style, label), text);
        self.say(&page.into_text());
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    fn text_of(&self, lines: Vec<Line>) -> String {
        let mut page = Page::default();
        for Line { spans, fit } in lines {
            let mut room = match (fit, self.mode) {
                (Fit::Cut, Mode::Bar) => self.width.of_stderr(),
                (Fit::Cut | Fit::Whole, _) => usize::MAX,
            };
            let cut_to_room = |(style, text): &(Style, String)| {
                let text = cut(text, room);
                room -= width(&text).min(room);
                (*style, text)
            };
            let spans: Vec<_> = spans.iter().map(cut_to_room).collect();
            page.line(&spans.iter().map(|(style, it)| (*style, it.as_str())).collect::<Vec<_>>());
        }
        page.into_text()
    }

    pub(super) fn width(&self) -> usize {
        self.width.of_stdout().min(WIDEST)
    }

    fn clear_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.clear();
        }
    }

    pub(super) fn say(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => bar.above(|| drop(self.err.write(text))),
            None => drop(self.err.write(text)),
        }
    }

    fn print(&mut self, text: &str) {
        if let Err(err) = self.out.write(text) {
            self.has_failed = true;
            self.warning(&format!("could not write to standard output: {err}"));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.clear_bar();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        output::{
            sanitize,
            testing::{self, heard},
        },
        plan::Note,
    };

    /// Tells a terminal of a whole run.
    fn tell(terminal: &mut Terminal) {
        let story = testing::mixed();
        terminal.plan_preview(&story.plan);
        story.events.iter().for_each(|it| terminal.event(it));
        terminal.report(&story.report(), &[]);
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
            prop_assert!(is_harmless(&recap::page(&report, &[bad.clone().into()], 80).into_text()));

            let strings = std::slice::from_ref(&bad);
            prop_assert!(is_harmless(&failure::page(&bad, strings, strings).into_text()));
        }
    }
}
