//! The door to stdout and stderr of one command: results go to stdout, everything else to stderr.
//! It never fails: a reader that has gone away is no error, and the run goes on without it.

mod cancelling;
mod docs;
mod following;

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use anstream::{AutoStream, ColorChoice, StripStream};
use anstyle::Style;

pub use self::cancelling::{CancelRow, CancelState};
use super::{
    failure::{self, labelled},
    folded::Folds,
    history::{self, Entry},
    json,
    live::Live,
    log::{Detail, Log},
    page::{CYAN, PLAIN, Page, YELLOW},
    plan_text,
    progress::Progress,
    recap,
    stream::{Stream, Width},
    targets,
};
use crate::{
    plan::{Excluded, Plan, Target},
    run::{Event, Report},
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
    /// A board at the bottom, which is drawn again and again.
    Live,
    /// Lines alone.
    Log,
    Silent,
}

/// What becomes of styles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Styles {
    Kept,
    Stripped,
}

/// One command's stdout and stderr.
pub struct Terminal {
    format: Format,
    quiet: bool,
    out: Stream,
    err: Stream,
    width: Width,
    mode: Mode,
    /// On stderr, where a board moves the cursor even if nobody wants colours.
    styles: Styles,
    is_interactive: bool,
    progress: Progress,
    log: Log,
    /// While a run goes on.
    live: Option<Live>,
}

impl Terminal {
    /// Returns the real stdout and stderr. Colour is for terminals alone, unless CLICOLOR_FORCE wants
    /// it; NO_COLOR, CLICOLOR and TERM=dumb are heeded. Progress is a board on a terminal and plain
    /// lines elsewhere, and in CI, which keeps every frame.
    pub fn new(format: Format, quiet: bool) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let is_dumb = std::env::var_os("TERM").is_none_or(|it| it == "dumb");
        let is_ci = std::env::var_os("CI").is_some_and(|it| !it.is_empty() && it != "false");
        let mode = match format {
            _ if quiet => Mode::Silent,
            Format::Human | Format::Json if is_terminal && !is_dumb && !is_ci => Mode::Live,
            Format::Human => Mode::Log,
            // A script that reads JSON reads no log.
            Format::Json | Format::Jsonl => Mode::Silent,
        };
        let out: Box<dyn Write> = match format {
            Format::Human => Box::new(AutoStream::auto(io::stdout())),
            Format::Json | Format::Jsonl => Box::new(io::stdout()),
        };
        let styles = match AutoStream::choice(&io::stderr()) {
            ColorChoice::Never => Styles::Stripped,
            ColorChoice::Auto | ColorChoice::Always | ColorChoice::AlwaysAnsi => Styles::Kept,
        };
        Self {
            format,
            quiet,
            out: Stream::new(out),
            err: Stream::new(Box::new(io::stderr())),
            width: Width::OfTerminal,
            mode,
            styles,
            is_interactive: is_terminal && io::stdin().is_terminal(),
            progress: Progress::default(),
            log: Log::new(detail(mode)),
            live: None,
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
            err: Stream::new(err),
            width: Width::Fixed(width),
            mode,
            styles: Styles::Stripped,
            is_interactive: false,
            progress: Progress::default(),
            log: Log::new(detail(mode)),
            live: None,
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
        self.out.has_failed()
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

    /// Takes an event of a run that is over: only a script that reads events gets to see it.
    pub fn stored_event(&mut self, event: &Event) {
        if self.format == Format::Jsonl {
            self.print(&(json::line(event) + "\n"));
        }
    }

    /// Shows what became of a run; `files` are where the report is.
    pub fn report(&mut self, report: &Report, files: &[PathBuf], folds: Folds) {
        self.end_live();
        let text = match self.format {
            Format::Human => recap::page(report, files, folds, self.width()).into_text(),
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
        self.end_live();
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

    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub(super) fn width(&self) -> usize {
        self.width.of_stdout().min(WIDEST)
    }

    /// Says `text` on stderr, above the board if there is one.
    pub(super) fn say(&mut self, text: &str) {
        let text = self.styled(text).into_owned();
        match &mut self.live {
            Some(live) => {
                live.say(&text);
                self.draw();
            }
            None => drop(self.err.write(&text)),
        }
    }

    fn styled<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.styles {
            Styles::Kept => Cow::Borrowed(text),
            Styles::Stripped => Cow::Owned(anstream::adapter::strip_str(text).to_string()),
        }
    }

    fn print(&mut self, text: &str) {
        self.end_live();
        if let Err(err) = self.out.write(text) {
            self.warning(&format!("could not write to standard output: {err}"));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.end_live();
    }
}

fn detail(mode: Mode) -> Detail {
    match mode {
        Mode::Live => Detail::BesideBoard,
        Mode::Log => Detail::Log,
        Mode::Silent => Detail::Nothing,
    }
}

#[cfg(test)]
mod tests;
