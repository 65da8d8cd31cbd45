//! What a run leaves on the disk while it goes on: its plan, its events, in the end its report.
//! An event that must outlive a crash is on the disk before `append` returns.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{atomic, damage::read_events, json};
use crate::{
    plan::{Plan, RunId},
    run::{Event, Report},
};

/// Bytes after which lines are handed to the kernel.
const WRITTEN_AT_ONCE: usize = 64 * 1024;

/// One run's directory, `STATE_DIR/runs/RUN_ID`, which only its owner may read.
#[derive(Debug)]
pub struct Ledger {
    directory: PathBuf,
    events: File,
    /// How many bytes of events are whole lines.
    length: u64,
}

/// Reads the plan of a ledger.
pub fn read_plan(path: &Path) -> io::Result<Plan> {
    let text = fs::read(path)?;
    // A plan of another schema may have other fields: that it is of another comes first.
    let plan: serde_json::Value = serde_json::from_slice(&text)?;
    require_schema(&plan)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Refuses a plan whose schema is not ours; one without a schema is for the reader of its fields.
pub(super) fn require_schema(plan: &serde_json::Value) -> io::Result<()> {
    let ours = crate::plan::SCHEMA;
    match plan["schema"].as_str() {
        None => Ok(()),
        Some(schema) if schema == ours => Ok(()),
        Some(schema) => {
            let text = format!("its schema is {schema}, of a newer fleet; this one reads {ours}");
            Err(io::Error::new(io::ErrorKind::InvalidData, text))
        }
    }
}

/// Returns where fleet keeps its state: `$XDG_STATE_HOME/fleet`, by default
/// `~/.local/state/fleet`. `None` if the environment names neither.
pub fn state_dir(env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    // A relative path is to be ignored (XDG base directory specification).
    let absolute = |name| env(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let state = absolute("XDG_STATE_HOME");
    let state = state.or_else(|| absolute("HOME").map(|it| it.join(".local/state")));
    state.map(|it| it.join("fleet"))
}

impl Ledger {
    /// Opens the ledger of a new run and writes its plan down. A run that has one is refused.
    pub fn create(state_dir: &Path, plan: &Plan) -> io::Result<Self> {
        let directory = state_dir.join("runs").join(file_name(&plan.run_id)?);
        let runs = state_dir.join("runs");
        DirBuilder::new().recursive(true).mode(0o700).create(&runs)?;
        DirBuilder::new().mode(0o700).create(&directory)?;
        let text = json::pretty(plan) + "\n";
        atomic::write(&directory.join("plan.json"), text.as_bytes())?;
        let path = directory.join("events.jsonl");
        let events = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path)?;
        events.try_lock()?;
        atomic::sync_directory(&path)?;
        atomic::sync_directory(&directory)?;
        Ok(Self { directory, events, length: 0 })
    }

    /// Opens the ledger of a run whose process is gone, and returns the events that it has. A last
    /// line that was torn is cut off. `None` while the run's process lives.
    pub fn reopen(directory: &Path) -> io::Result<Option<(Self, Vec<Event>)>> {
        let path = directory.join("events.jsonl");
        let file = OpenOptions::new().append(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(err)) => return Err(err),
        }
        // What cannot be read is left as it is.
        let events = read_events(&path)?;
        let length = whole_lines(&fs::read(&path)?);
        file.set_len(length)?;
        Ok(Some((Self { directory: directory.to_owned(), events: file, length }, events)))
    }

    /// Returns whether a process carries out the run in `directory`, or takes it over just now.
    pub fn is_held(directory: &Path) -> io::Result<bool> {
        match File::open(directory.join("events.jsonl"))?.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(err)) => Err(err),
        }
    }

    /// Appends `events`, a line each; they are on the disk when it returns.
    pub fn append(&mut self, events: &[Event]) -> io::Result<()> {
        self.append_unsynced(events)?;
        self.events.sync_data()
    }

    /// Appends `events`, which a crash of the machine, but not of fleet, may lose.
    pub fn append_unsynced(&mut self, events: &[Event]) -> io::Result<()> {
        match write_lines(&mut self.events, events) {
            Ok(written) => {
                self.length += written;
                Ok(())
            }
            Err(err) => {
                // Half a line in the middle would make all that follows unreadable.
                drop(self.events.set_len(self.length));
                Err(err)
            }
        }
    }

    /// Writes the report down and returns where.
    pub fn finish(&mut self, report: &Report) -> io::Result<PathBuf> {
        self.events.sync_data()?;
        let path = self.directory.join("report.json");
        let text = json::pretty(report) + "\n";
        atomic::write(&path, text.as_bytes())?;
        Ok(path)
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// Writes `events`, a line each, and returns how many bytes that were. The rows of a large group come
/// all at once: their text is not held in memory a second time.
fn write_lines(file: &mut File, events: &[Event]) -> io::Result<u64> {
    let mut length = 0;
    let mut text = String::new();
    for (at, event) in events.iter().enumerate() {
        text.push_str(&json::line(event));
        text.push('\n');
        if text.len() >= WRITTEN_AT_ONCE || at + 1 == events.len() {
            file.write_all(text.as_bytes())?;
            length += text.len() as u64;
            text.clear();
        }
    }
    Ok(length)
}

/// Returns how many bytes belong to lines that are complete.
fn whole_lines(bytes: &[u8]) -> u64 {
    bytes.iter().rposition(|it| *it == b'\n').map_or(0, |it| it as u64 + 1)
}

/// A run id may come from a file that somebody else wrote; it must stay one name.
fn file_name(id: &RunId) -> io::Result<&str> {
    let text = id.as_str();
    let is_name = text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    if is_name && !text.is_empty() {
        return Ok(text);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{text}` is not a run id")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::{output::testing, run::Fold};

    #[test]
    fn a_replayed_ledger_gives_the_report_that_was_written() {
        let home = tempfile::tempdir().unwrap();
        let story = testing::halted();
        let mut ledger = Ledger::create(home.path(), &story.plan).unwrap();
        let (first, rest) = story.events.split_at(3);
        ledger.append(first).unwrap();
        ledger.append_unsynced(rest).unwrap();
        let path = ledger.finish(&story.report()).unwrap();
        let written: Report = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        assert_eq!(json::line(&written), json::line(&story.report()));
        let events = read_events(&ledger.directory().join("events.jsonl")).unwrap();
        assert_eq!(json::line(&events), json::line(&story.events));
        let mut fold = Fold::default();
        events.iter().for_each(|it| fold.apply(it));
        assert_eq!(fold.report(), Some(written));
    }

    #[test]
    fn only_the_owner_may_read_it_and_nothing_else_is_left() {
        let home = tempfile::tempdir().unwrap();
        let story = testing::halted();
        let mut ledger = Ledger::create(home.path(), &story.plan).unwrap();
        ledger.finish(&story.report()).unwrap();
        let mode = |it: &Path| fs::metadata(it).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(ledger.directory()), 0o700);
        let entries = fs::read_dir(ledger.directory()).unwrap().map(|it| it.unwrap().path());
        let mut names: Vec<_> = entries
            .map(|it| (it.file_name().unwrap().to_string_lossy().into_owned(), mode(&it)))
            .collect();
        names.sort();
        let expected = ["events.jsonl", "plan.json", "report.json"];
        assert_eq!(names, expected.map(|it| (it.to_owned(), 0o600)));
    }

    #[test]
    fn a_run_that_has_a_ledger_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let story = testing::halted();
        Ledger::create(home.path(), &story.plan).unwrap();
        let err = Ledger::create(home.path(), &story.plan).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_ledger_is_opened_again_when_its_process_is_gone_and_not_before() {
        let home = tempfile::tempdir().unwrap();
        let story = testing::halted();
        let mut ledger = Ledger::create(home.path(), &story.plan).unwrap();
        let (first, rest) = story.events.split_at(3);
        ledger.append(first).unwrap();
        let directory = ledger.directory().to_owned();
        assert!(Ledger::reopen(&directory).unwrap().is_none());
        drop(ledger);
        let path = directory.join("events.jsonl");
        let torn = fs::read_to_string(&path).unwrap() + r#"{"seq":4,"at"#;
        fs::write(&path, torn).unwrap();
        let (mut ledger, events) = Ledger::reopen(&directory).unwrap().unwrap();
        assert_eq!(json::line(&events), json::line(&first));
        ledger.append(rest).unwrap();
        assert_eq!(json::line(&read_events(&path).unwrap()), json::line(&story.events));
    }

    #[test]
    fn a_run_id_cannot_lead_out_of_the_directory() {
        let home = tempfile::tempdir().unwrap();
        let mut plan = testing::halted().plan;
        plan.run_id = serde_json::from_str("\"../../etc\"").unwrap();
        assert!(Ledger::create(home.path(), &plan).is_err());
    }

    #[test]
    fn the_state_directory_is_the_users_choice() {
        let check = |env: &[(&str, &str)], expected: Option<&str>| {
            let get = |name: &str| env.iter().find(|it| it.0 == name).map(|it| it.1.into());
            assert_eq!(state_dir(get), expected.map(PathBuf::from));
        };
        check(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")], Some("/s/fleet"));
        check(&[("XDG_STATE_HOME", "s"), ("HOME", "/h")], Some("/h/.local/state/fleet"));
        check(&[("XDG_STATE_HOME", ""), ("HOME", "/h")], Some("/h/.local/state/fleet"));
        check(&[], None);
    }
}
