//! The events of a run that another process goes on writing, as they come.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use crate::run::Event;

/// Reads a ledger from its beginning, and then what is added.
#[derive(Debug)]
pub struct Tail {
    file: File,
    /// Bytes of a line whose end has not been written yet.
    rest: Vec<u8>,
}

impl Tail {
    /// Opens the ledger of the run in `directory`.
    pub fn open(directory: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(directory.join("events.jsonl"))?, rest: Vec::new() })
    }

    /// Returns the events that were added since the last call; there may be none.
    pub fn added(&mut self) -> io::Result<Vec<Event>> {
        self.file.read_to_end(&mut self.rest)?;
        let whole = self.rest.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        let lines = lines.split(|it| *it == b'\n').filter(|it| !it.is_empty());
        lines.map(|it| Ok(serde_json::from_slice(it)?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, io::Write as _};

    use super::*;
    use crate::output::{json, testing};

    #[test]
    fn an_event_is_read_when_its_line_is_whole() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("events.jsonl");
        let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let events = testing::halted().events;
        let lines: Vec<String> = events.iter().map(|it| json::line(it) + "\n").collect();
        // As they are written down: without secrets.
        let as_written = |it: &[Event]| it.iter().map(json::line).collect::<Vec<_>>();
        let mut tail = Tail::open(home.path()).unwrap();
        assert_eq!(tail.added().unwrap(), []);
        let (head, torn) = lines[1].split_at(9);
        write!(file, "{}{head}", lines[0]).unwrap();
        assert_eq!(as_written(&tail.added().unwrap()), as_written(&events[..1]));
        assert_eq!(tail.added().unwrap(), []);
        write!(file, "{torn}{}", lines[2]).unwrap();
        assert_eq!(as_written(&tail.added().unwrap()), as_written(&events[1..3]));
    }
}
