//! Where text goes and how wide it may be there. It knows streams, not what is said on them.

use std::{
    io::{self, Write},
    os::fd::AsFd,
};

use rustix::{
    process::getpgrp,
    termios::{tcgetpgrp, tcgetwinsize},
};

/// The size where nobody knows the terminal's.
const USUAL_WIDTH: usize = 80;
const USUAL_HEIGHT: usize = 24;

/// A writer that is written to until it fails.
pub(super) struct Stream {
    to: Option<Box<dyn Write>>,
    has_failed: bool,
}

impl Stream {
    pub(super) fn new(to: Box<dyn Write>) -> Self {
        Self { to: Some(to), has_failed: false }
    }

    /// Returns whether something could not be written, though somebody was there to read it.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Writes and flushes. The first failure ends all writing; that nobody reads any more is none.
    pub(super) fn write(&mut self, text: &str) -> io::Result<()> {
        let Some(to) = &mut self.to else { return Ok(()) };
        let res = to.write_all(text.as_bytes()).and_then(|()| to.flush());
        if res.is_err() {
            self.to = None;
        }
        match res {
            Err(err) if err.kind() != io::ErrorKind::BrokenPipe => {
                self.has_failed = true;
                Err(err)
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Width {
    Fixed(usize),
    /// Asked for each time, because terminals are resized.
    OfTerminal,
}

impl Width {
    /// A file gets the usual width, whatever terminal it is made from.
    pub(super) fn of_stdout(self) -> usize {
        self.of(io::stdout())
    }

    pub(super) fn of_stderr(self) -> usize {
        self.of(io::stderr())
    }

    /// Returns columns and rows.
    pub(super) fn size_of_stderr(self) -> (usize, usize) {
        self.size_of(io::stderr())
    }

    /// Returns whether stderr may be drawn on: a process in the background would draw over what the
    /// operator does meanwhile.
    pub(super) fn is_in_foreground(self) -> bool {
        match self {
            Self::Fixed(_) => true,
            // A terminal that is not the controlling one has no foreground.
            Self::OfTerminal => tcgetpgrp(io::stderr()).map_or(true, |it| it == getpgrp()),
        }
    }

    fn of(self, stream: impl AsFd) -> usize {
        self.size_of(stream).0
    }

    fn size_of(self, stream: impl AsFd) -> (usize, usize) {
        let known = |it: u16, usual| if it > 0 { usize::from(it) } else { usual };
        match self {
            Self::Fixed(columns) => (columns, USUAL_HEIGHT),
            Self::OfTerminal => match tcgetwinsize(stream) {
                Ok(it) => (known(it.ws_col, USUAL_WIDTH), known(it.ws_row, USUAL_HEIGHT)),
                Err(_) => (USUAL_WIDTH, USUAL_HEIGHT),
            },
        }
    }
}
