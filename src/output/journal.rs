//! The journal of what a rescue changes in groups: a file beside the run's events. A line is on the
//! disk before what it says is done.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::{atomic, json};
use crate::rescue::Entry;

const FILE: &str = "groups.jsonl";

/// The journal of one run, open for writing.
#[derive(Debug)]
pub struct Journal {
    file: File,
    length: u64,
}

impl Journal {
    /// Opens the journal of the run in `directory`, and returns what it has. A last line that was torn
    /// is cut off: what it was to say was not done yet.
    pub fn open(directory: &Path) -> io::Result<(Self, Vec<Entry>)> {
        let path = directory.join(FILE);
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(&path)?;
        let entries = read_journal(directory)?;
        let bytes = fs::read(&path)?;
        let length = bytes.iter().rposition(|it| *it == b'\n').map_or(0, |it| it as u64 + 1);
        file.set_len(length)?;
        file.sync_all()?;
        atomic::sync_directory(&path)?;
        Ok((Self { file, length }, entries))
    }

    /// Appends a line, which is on the disk when this returns.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let line = json::line(entry) + "\n";
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => {
                self.length += line.len() as u64;
                Ok(())
            }
            Err(err) => {
                // Half a line in the middle would make all that follows unreadable.
                drop(self.file.set_len(self.length));
                Err(err)
            }
        }
    }
}

/// Returns what the journal of the run in `directory` has; a run that changed no group has none.
pub fn read_journal(directory: &Path) -> io::Result<Vec<Entry>> {
    let bytes = match fs::read(directory.join(FILE)) {
        Ok(it) => it,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(err) => return Err(err),
    };
    let whole = bytes.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
    let lines = bytes[..whole].split(|it| *it == b'\n').filter(|it| !it.is_empty());
    let read = |(n, line)| {
        let entry = serde_json::from_slice(line);
        entry.map_err(|err| {
            let text = format!("line {n} of {FILE} cannot be read: {err}");
            io::Error::new(io::ErrorKind::InvalidData, text)
        })
    };
    (1..).zip(lines).map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rescue::{Change, Stage};

    fn entry(stage: Stage) -> Entry {
        let change = Change::Suspend { processes: vec!["AZRebalance".to_owned()] };
        let at = "2024-07-19T05:30:00Z".parse().unwrap();
        Entry { at, group: "web".to_owned(), stage, change, why: None }
    }

    #[test]
    fn what_was_written_is_read_and_a_torn_line_is_cut_off() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(read_journal(home.path()).unwrap(), []);
        let (mut journal, before) = Journal::open(home.path()).unwrap();
        assert_eq!(before, []);
        journal.append(&entry(Stage::Intended)).unwrap();
        drop(journal);
        let path = home.path().join(FILE);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{{\"at\":")).unwrap();
        let (mut journal, before) = Journal::open(home.path()).unwrap();
        assert_eq!(before, [entry(Stage::Intended)]);
        journal.append(&entry(Stage::Done)).unwrap();
        let all = [entry(Stage::Intended), entry(Stage::Done)];
        assert_eq!(read_journal(home.path()).unwrap(), all);
    }

    #[test]
    fn a_damaged_line_is_named_and_nothing_is_guessed() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(FILE), "{}\n").unwrap();
        let err = read_journal(home.path()).unwrap_err().to_string();
        assert!(err.starts_with("line 1 of groups.jsonl cannot be read"), "{err}");
        assert!(Journal::open(home.path()).is_err());
    }
}
