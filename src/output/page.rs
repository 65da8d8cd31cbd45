//! Text on its way to a terminal. Whatever is put on a page is made safe; styles are added here
//! and nowhere else, and taken off again by the stream where colour is not wanted.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{
    sanitize::sanitize,
    words::{self, one_line},
};

pub(super) const PLAIN: Style = Style::new();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const RED: Style = AnsiColor::Red.on_default().bold();
pub(super) const GREEN: Style = AnsiColor::Green.on_default().bold();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const CYAN: Style = AnsiColor::Cyan.on_default();

/// Columns that the labels of a list of facts take.
pub(super) const LABEL: usize = 12;

/// About how many lines a remark takes at most.
const REMARK_LINES: usize = 3;

/// Lines of safe text.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn n_lines(&self) -> usize {
        self.text.lines().count()
    }

    /// Returns how many lines it takes on a terminal, which breaks what is longer.
    pub(super) fn n_rows(&self, columns: usize) -> usize {
        let text = anstream::adapter::strip_str(&self.text).to_string();
        text.lines().map(|it| words::width(it).div_ceil(columns.max(1)).max(1)).sum()
    }

    /// Adds the lines of another page.
    pub(super) fn append(&mut self, other: &Self) {
        self.text.push_str(&other.text);
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Adds one line of spans.
    pub(super) fn line(&mut self, spans: &[(Style, &str)]) {
        for (style, text) in spans {
            let text = sanitize(text).replace('\n', " ⏎ ").replace('\t', " ");
            if *style == PLAIN {
                self.text.push_str(&text);
            } else {
                write!(self.text, "{style}{text}{style:#}").expect("a string takes any text");
            }
        }
        self.text.push('\n');
    }

    /// Adds a text of many lines, tabs included.
    pub(super) fn whole(&mut self, text: &str) {
        self.text.push_str(&sanitize(text));
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Adds lines that belong to somebody else, indented and cut to `columns`.
    pub(super) fn quote<'a>(
        &mut self,
        indent: &str,
        lines: impl IntoIterator<Item = &'a str>,
        columns: usize,
    ) {
        for line in lines {
            let line = words::untabbed(&sanitize(line));
            let line = words::cut(line.trim_end(), columns.saturating_sub(indent.len()));
            self.line(&[(PLAIN, indent), (PLAIN, &line)]);
        }
    }

    /// Adds what there is to say about the line before, indented and wrapped; a long remark is cut.
    pub(super) fn remark(&mut self, text: &str, columns: usize) {
        let room = columns.saturating_sub(4).max(20);
        let text = words::cut(&one_line(text), room * REMARK_LINES - room / 4);
        for line in words::wrap(&text, room) {
            self.line(&[(DIM, &format!("    {line}"))]);
        }
    }

    /// Adds a labelled fact, wrapped under itself. An empty label continues the fact before.
    pub(super) fn fact(&mut self, label: &str, text: &str, columns: usize) {
        let room = columns.saturating_sub(LABEL + 2).max(20);
        for (n, line) in words::wrap(&one_line(text), room).iter().enumerate() {
            let label = if n == 0 { label } else { "" };
            let label = format!("  {label:LABEL$}");
            self.line(&[(DIM, &label), (PLAIN, line)]);
        }
    }

    /// Adds a labelled fact on one line however long, so that it can be copied.
    pub(super) fn whole_fact(&mut self, label: &str, text: &str) {
        let label = format!("  {label:LABEL$}");
        self.line(&[(DIM, &label), (PLAIN, &one_line(text))]);
    }
}
