//! The runs that have a ledger: found by name, listed, and taken away. It changes no run.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    ledger::read_events,
    page::{BOLD, Page},
    table,
    words::count,
};
use crate::{
    plan::RunId,
    run::{Event, Fold, Report},
};

/// Where the ledgers are.
#[derive(Debug, Clone)]
pub struct History {
    runs: PathBuf,
}

/// One run in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    pub run_id: RunId,
    pub started: Timestamp,
    pub document: String,
    pub selector: String,
    /// The groups that it selected by name.
    pub groups: Vec<String>,
    /// Absent while it goes on, or after it was killed.
    pub exit_code: Option<u8>,
    pub sentence: String,
}

/// Why a run cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("there is no run `{name}` in {}", runs.display())]
    Unknown { name: String, runs: PathBuf },
    #[error("`{name}` is the beginning of {} runs", found.len())]
    Ambiguous { name: String, found: Vec<String> },
    #[error("run {name} cannot be read")]
    Unreadable { name: String, source: io::Error },
    #[error("run {name} has no beginning: its ledger has no run_started")]
    Empty { name: String },
}

/// How much of a run's id is its second: `20261121-010000`.
const SECOND: usize = 15;

impl History {
    /// Returns the history under `state_dir`; there may be none yet.
    pub fn of(state_dir: &Path) -> Self {
        Self { runs: state_dir.join("runs") }
    }

    /// Returns the directory of the run that `name` means: its id, the beginning of it, or `last`.
    pub fn find(&self, name: &str) -> Result<PathBuf, HistoryError> {
        let unknown = || HistoryError::Unknown { name: name.to_owned(), runs: self.runs.clone() };
        let names = self.names();
        if name == "last" {
            return names.last().map(|it| self.runs.join(it)).ok_or_else(unknown);
        }
        let found: Vec<String> = names.into_iter().filter(|it| it.starts_with(name)).collect();
        match found.as_slice() {
            [] => Err(unknown()),
            [only] => Ok(self.runs.join(only)),
            // A whole id is never the beginning of another: ids have one length.
            _ => Err(HistoryError::Ambiguous { name: name.to_owned(), found }),
        }
    }

    /// Returns the ids of the runs, the oldest first. They begin with their second; of those of one
    /// second, the plan that was written first is the older.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.runs).into_iter().flatten().flatten();
        let directories = entries.filter(|it| it.file_type().is_ok_and(|it| it.is_dir()));
        let mut names: Vec<String> =
            directories.filter_map(|it| it.file_name().into_string().ok()).collect();
        names.sort_by_cached_key(|it| {
            let plan = fs::metadata(self.runs.join(it).join("plan.json"));
            let written = plan.and_then(|it| it.modified()).ok();
            (it.get(..SECOND).unwrap_or(it).to_owned(), written, it.clone())
        });
        names
    }

    /// Returns every run that can be read, the newest first, and why others cannot.
    pub fn list(&self) -> (Vec<Entry>, Vec<HistoryError>) {
        let (mut entries, mut errors) = (Vec::new(), Vec::new());
        for name in self.names().into_iter().rev() {
            match report(&self.runs.join(&name)) {
                Ok(report) => entries.push(Entry::of(&report)),
                Err(err) => errors.push(err),
            }
        }
        (entries, errors)
    }

    /// Takes the ledger of a run away.
    pub fn remove(&self, id: &RunId) -> io::Result<()> {
        fs::remove_dir_all(self.find(id.as_str()).map_err(io::Error::other)?)
    }
}

/// Returns the events of the run in `directory`.
pub fn events(directory: &Path) -> Result<Vec<Event>, HistoryError> {
    read_events(&directory.join("events.jsonl")).map_err(|source| {
        let name = name_of(directory);
        HistoryError::Unreadable { name, source }
    })
}

/// Returns the report of the run in `directory`, made anew from its events: it is the same as the
/// stored one, and a run that was killed has one too.
pub fn report(directory: &Path) -> Result<Report, HistoryError> {
    let mut fold = Fold::default();
    for event in events(directory)? {
        fold.apply(&event);
    }
    fold.report().ok_or_else(|| HistoryError::Empty { name: name_of(directory) })
}

fn name_of(directory: &Path) -> String {
    directory.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Entry {
    fn of(report: &Report) -> Self {
        let verdict = report.verdict.as_ref();
        Self {
            run_id: report.run.id.clone(),
            started: report.run.started,
            document: report.document.name.clone(),
            selector: report.selector.to_string(),
            groups: report.selector.groups.clone(),
            exit_code: verdict.map(|it| it.exit_code),
            sentence: verdict
                .map_or_else(|| "goes on, or was killed".to_owned(), |it| it.sentence.clone()),
        }
    }
}

pub(super) fn page(entries: &[Entry], columns: usize) -> Page {
    let mut page = Page::default();
    let rows = entries.iter().map(|it| {
        let started = it.started.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let exit = it.exit_code.map_or_else(|| "-".to_owned(), |it| it.to_string());
        let cells = vec![it.run_id.to_string(), started, exit, it.document.clone()];
        (cells, Some(format!("{}: {}", it.selector, it.sentence)))
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        table::add(&mut page, &["RUN", "STARTED", "EXIT", "DOCUMENT"], &rows, columns);
        page.blank();
    }
    page.line(&[(BOLD, &count(entries.len(), "run"))]);
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Ledger, testing};

    #[test]
    fn a_run_is_found_by_the_beginning_of_its_name_and_by_being_the_last() {
        let home = tempfile::tempdir().unwrap();
        let history = History::of(home.path());
        assert!(matches!(history.find("last"), Err(HistoryError::Unknown { .. })));
        let story = testing::halted();
        let mut ledger = Ledger::create(home.path(), &story.plan).unwrap();
        ledger.append(&story.events).unwrap();
        for name in ["last", story.plan.run_id.as_str(), "2024"] {
            assert_eq!(history.find(name).unwrap(), ledger.directory(), "{name}");
        }
        fs::create_dir(home.path().join("runs/20240101-000000-000000")).unwrap();
        assert!(matches!(history.find("2024"), Err(HistoryError::Ambiguous { .. })));
        assert!(matches!(history.find("2025"), Err(HistoryError::Unknown { .. })));
    }

    #[test]
    fn of_two_runs_in_one_second_the_last_is_the_one_whose_plan_was_written_later() {
        let home = tempfile::tempdir().unwrap();
        let history = History::of(home.path());
        let start = std::time::SystemTime::UNIX_EPOCH;
        for (name, at) in [("20240101-000000-aaaaaa", 2), ("20240101-000000-bbbbbb", 1)] {
            let run = home.path().join("runs").join(name);
            fs::create_dir_all(&run).unwrap();
            let plan = fs::File::create(run.join("plan.json")).unwrap();
            plan.set_modified(start + std::time::Duration::from_millis(at)).unwrap();
        }
        assert!(history.find("last").unwrap().ends_with("20240101-000000-aaaaaa"));
    }

    #[test]
    fn a_run_that_was_killed_is_listed_and_has_a_report() {
        let home = tempfile::tempdir().unwrap();
        let story = testing::halted();
        let mut ledger = Ledger::create(home.path(), &story.plan).unwrap();
        ledger.append(&story.events[..4]).unwrap();
        let history = History::of(home.path());
        let (entries, errors) = history.list();
        assert!(errors.is_empty());
        assert_eq!((entries.len(), entries[0].exit_code), (1, None));
        history.remove(&story.plan.run_id).unwrap();
        assert!(history.list().0.is_empty());
    }
}
