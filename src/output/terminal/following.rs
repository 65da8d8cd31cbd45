//! What a terminal shows of a run that goes on: the board and what passes above it, or a log.

use super::{Format, Live, Log, Mode, Progress, Styles, Terminal, detail};
use crate::{
    output::{
        expectation::Expected,
        json,
        log::{Fit, Line},
        page::Page,
        progress,
        words::{cut, width},
    },
    run::{Event, EventKind},
};

/// What an instance says beside a board is cut to this: a narrow terminal breaks it, which is better
/// than half a hint.
const LONGEST: usize = 160;

impl Terminal {
    /// Takes in that another run follows the one that has ended.
    pub fn next_run(&mut self) {
        self.progress = Progress::default();
        self.log = Log::new(detail(self.mode));
    }

    /// Takes in how long the run may take.
    pub fn expect(&mut self, expected: Option<Expected>) {
        self.progress.expect(expected);
    }

    /// Takes an event of a run that another process began: its progress counts, its story has been
    /// told.
    pub fn recalled_event(&mut self, event: &Event) {
        self.progress.take(event);
        self.begin_or_end(event);
    }

    /// Takes an event of a run that goes on.
    pub fn event(&mut self, event: &Event) {
        if self.format == Format::Jsonl {
            self.print(&(json::line(event) + "\n"));
        }
        self.progress.take(event);
        let lines = self.log.tell(event, &self.progress);
        self.tell(lines);
        self.begin_or_end(event);
        self.draw_if_due();
    }

    /// Takes in that time has gone on, in milliseconds of the run. It is to be called several times a
    /// second, however little happens: lines wait for it, and clocks go by it.
    pub fn tick(&mut self, now_ms: u64) {
        self.progress.pass(now_ms);
        if self.progress.planned().is_some() || self.live.is_some() {
            let line = self.log.summary(&self.progress);
            self.tell(line.into_iter().collect());
        }
        self.draw_if_due();
    }

    /// Says who still runs and who is pending, also where nothing else is to be said.
    pub fn answer(&mut self) {
        let page = progress::answer(&self.progress, self.width.of_stderr());
        self.say(&page.into_text());
    }

    /// Takes in that the operator has ended a line on the terminal, which has moved the cursor.
    pub fn typed(&mut self) {
        if let Some(live) = &mut self.live {
            live.typed();
        }
    }

    /// Takes in that the process goes on after it was stopped: what stands on the terminal is somebody
    /// else's.
    pub fn returned(&mut self) {
        if let Some(live) = &mut self.live {
            live.forget();
        }
        self.draw();
    }

    fn begin_or_end(&mut self, event: &Event) {
        match event.data {
            EventKind::RunStarted { .. } | EventKind::RunResumed { .. }
                if self.mode == Mode::Live && self.live.is_none() =>
            {
                self.live = Some(Live::default());
            }
            EventKind::RunFinished { .. } => self.end_live(),
            // Everything else happens in between.
            _ => {}
        }
    }

    fn tell(&mut self, lines: Vec<Line>) {
        if lines.is_empty() {
            return;
        }
        let text = self.text_of(lines);
        let text = self.styled(&text).into_owned();
        match &mut self.live {
            // It appears with the next frame: ten thousand lines are not ten thousand frames.
            Some(live) => live.say(&text),
            None => drop(self.err.write(&text)),
        }
    }

    fn draw_if_due(&mut self) {
        if self.live.as_ref().is_some_and(|it| it.is_due(self.progress.now_ms())) {
            self.draw();
        }
    }

    pub(super) fn draw(&mut self) {
        let Some(live) = &mut self.live else { return };
        if !self.width.is_in_foreground() {
            return;
        }
        let (columns, rows) = self.width.size_of_stderr();
        let lines = progress::board(&self.progress, columns, rows);
        let lines = lines.into_iter().map(|spans| {
            let mut page = Page::default();
            let spans: Vec<_> = spans.iter().map(|(style, it)| (*style, it.as_str())).collect();
            page.line(&spans);
            let text = page.into_text();
            let text = text.trim_end_matches('\n');
            match self.styles {
                Styles::Kept => text.to_owned(),
                Styles::Stripped => anstream::adapter::strip_str(text).to_string(),
            }
        });
        let frame = live.frame(lines.collect(), columns, self.progress.now_ms());
        if !frame.is_empty() {
            drop(self.err.write(&frame));
        }
    }

    /// Takes the board away, with what was still to be said written where it stood.
    pub(super) fn end_live(&mut self) {
        if let Some(mut live) = self.live.take() {
            let rest = live.clear(self.width.of_stderr());
            drop(self.err.write(&rest));
        }
    }

    fn text_of(&self, lines: Vec<Line>) -> String {
        let mut page = Page::default();
        for Line { spans, fit } in lines {
            let mut room = match (fit, self.mode) {
                (Fit::Cut, Mode::Live) => self.width.of_stderr().max(LONGEST),
                (Fit::Cut | Fit::Whole, _) => usize::MAX,
            };
            let cut_to_room = |(style, text): &(anstyle::Style, String)| {
                let text = if room == 0 { String::new() } else { cut(text, room) };
                room -= width(&text).min(room);
                (*style, text)
            };
            let spans: Vec<_> = spans.iter().map(cut_to_room).collect();
            page.line(&spans.iter().map(|(style, it)| (*style, it.as_str())).collect::<Vec<_>>());
        }
        page.into_text()
    }
}
