//! Journals of what is changed: what a rescue changes in groups, a file beside the run's events, and
//! what is done to an instance that gets its root volume back, a file each. A line is on the disk before
//! what it says is done.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use super::{atomic, json};
use crate::{
    plan::InstanceId,
    rescue::{Entry, Return},
};

const FILE: &str = "groups.jsonl";

/// A journal, open for writing.
#[derive(Debug)]
pub struct Journal {
    file: File,
    length: u64,
}

impl Journal {
    /// Opens the journal of the run in `directory`, and returns what it has. A last line that was torn
    /// is cut off: what it was to say was not done yet.
    pub fn open(directory: &Path) -> io::Result<(Self, Vec<Entry>)> {
        Self::open_file(&directory.join(FILE))
    }

    /// Opens the journal of an instance that gets its root volume back, in an account and a region.
    pub fn of_instance(
        state_dir: &Path,
        place: (&str, &str),
        id: &InstanceId,
    ) -> io::Result<(Self, Vec<Return>)> {
        let path = returns(state_dir, place, id);
        if let Some(directory) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        Self::open_file(&path)
    }

    fn open_file<T: DeserializeOwned>(path: &Path) -> io::Result<(Self, Vec<T>)> {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(path)?;
        let entries = read_lines(path)?;
        let bytes = fs::read(path)?;
        let length = bytes.iter().rposition(|it| *it == b'\n').map_or(0, |it| it as u64 + 1);
        file.set_len(length)?;
        file.sync_all()?;
        atomic::sync_directory(path)?;
        Ok((Self { file, length }, entries))
    }

    /// Appends a line, which is on the disk when this returns.
    pub fn append<T: Serialize>(&mut self, entry: &T) -> io::Result<()> {
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
    read_lines(&directory.join(FILE))
}

/// Returns what the journal of an instance has; most have none.
pub fn read_returns(
    state_dir: &Path,
    place: (&str, &str),
    id: &InstanceId,
) -> io::Result<Vec<Return>> {
    read_lines(&returns(state_dir, place, id))
}

/// Ids, accounts and regions are letters, digits and hyphens.
fn returns(state_dir: &Path, (account, region): (&str, &str), id: &InstanceId) -> PathBuf {
    state_dir.join("returns").join(format!("{account}_{region}_{id}.jsonl"))
}

fn read_lines<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    let bytes = match fs::read(path) {
        Ok(it) => it,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(err) => return Err(err),
    };
    let whole = bytes.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
    let lines = bytes[..whole].split(|it| *it == b'\n').filter(|it| !it.is_empty());
    let read = |(n, line)| {
        let entry = serde_json::from_slice(line);
        entry.map_err(|err| {
            let name = path.file_name().unwrap_or_default().display();
            let text = format!("line {n} of {name} cannot be read: {err}");
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
