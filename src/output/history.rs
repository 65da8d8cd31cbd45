//! The runs that have a ledger: found by name, listed, and taken away. It changes no run.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    damage::{Damage, read_events, salvage_events},
    journal::read_journal,
    ledger::{Ledger, read_plan},
    page::{BOLD, Page},
    table,
    words::count,
};
use crate::{
    plan::{Note, RunId},
    rescue::Held,
    run::{Event, EventKind, Fold, Outcome, Report, SequelState, sequel_state},
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
    /// The groups that it selected by name, and those of its instances.
    pub groups: Vec<String>,
    /// Absent while it goes on, or after it was killed.
    pub exit_code: Option<u8>,
    /// How many instances may still be running, for all that its ledger knows. A simulator that was
    /// the run's own is gone with it.
    pub unknown: u32,
    /// Not everything that was changed of groups or instances for it is back: its ledger is what
    /// `fleet restore` does that from.
    pub left_changed: bool,
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
    #[error("the ledger of run {name} is damaged")]
    Damaged { name: String, source: io::Error },
    #[error("the runs in {} cannot be listed", runs.display())]
    Unlisted { runs: PathBuf, source: io::Error },
    #[error("run {name} has no beginning: its ledger has no run_started")]
    Empty { name: String },
    /// It is sent nothing, and its parent's process or the next one begins it.
    #[error("run {name} was to follow run {parent}, and its process died before it sent anything")]
    Unbegun {
        name: String,
        parent: RunId,
        /// The run that has followed instead.
        instead: Option<RunId>,
    },
}

impl HistoryError {
    /// Returns why the ledger of the run `name` could not be read.
    pub fn of(name: String, source: io::Error) -> Self {
        if source.get_ref().is_some_and(|it| it.is::<Damage>()) {
            Self::Damaged { name, source }
        } else {
            Self::Unreadable { name, source }
        }
    }
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
        let names = self.names()?;
        // It is the beginning of every name, and what a script passes whose variable is not set.
        if name.is_empty() {
            return Err(unknown());
        }
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

    /// Returns whether there is a run of exactly this name.
    pub fn has(&self, id: &RunId) -> bool {
        self.runs.join(id.as_str()).is_dir()
    }

    /// Returns the directories of all runs, the oldest first.
    pub fn directories(&self) -> Result<Vec<PathBuf>, HistoryError> {
        Ok(self.names()?.into_iter().map(|it| self.runs.join(it)).collect())
    }

    /// Returns the ids of the runs, the oldest first. They begin with their second; of those of one
    /// second, the plan that was written first is the older.
    fn names(&self) -> Result<Vec<String>, HistoryError> {
        let unlisted = |source| HistoryError::Unlisted { runs: self.runs.clone(), source };
        let entries = match fs::read_dir(&self.runs) {
            Ok(entries) => entries.collect::<io::Result<Vec<_>>>().map_err(unlisted)?,
            // Nothing was run here yet.
            Err(err) if err.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(err) => return Err(unlisted(err)),
        };
        let directories =
            entries.into_iter().filter(|it| it.file_type().is_ok_and(|it| it.is_dir()));
        let mut names: Vec<String> =
            directories.filter_map(|it| it.file_name().into_string().ok()).collect();
        names.sort_by_cached_key(|it| {
            let plan = fs::metadata(self.runs.join(it).join("plan.json"));
            let written = plan.and_then(|it| it.modified()).ok();
            (it.get(..SECOND).unwrap_or(it).to_owned(), written, it.clone())
        });
        Ok(names)
    }

    /// Returns every run of which anything can be read, the newest first, and what is wrong with
    /// others and with the ledgers of some.
    pub fn list(&self) -> Result<(Vec<Entry>, Vec<HistoryError>), HistoryError> {
        let (mut entries, mut errors) = (Vec::new(), Vec::new());
        for name in self.names()?.into_iter().rev() {
            let directory = self.runs.join(&name);
            match salvage(&directory) {
                Ok(Salvage { report, damage, .. }) => {
                    entries.push(Entry::of(&report, &directory));
                    errors.extend(damage);
                }
                // It is over, and another one is in the list.
                Err(HistoryError::Unbegun { instead: Some(_), .. }) => {}
                Err(err) => errors.push(err),
            }
        }
        Ok((entries, errors))
    }

    /// Returns where the reports of the runs are, if they have one, the newest first.
    pub(super) fn newest_reports(&self) -> Result<Vec<PathBuf>, HistoryError> {
        let names = self.names()?;
        Ok(names.iter().rev().map(|it| self.runs.join(it).join("report.json")).collect())
    }

    /// Takes the ledger of a run away.
    pub fn remove(&self, id: &RunId) -> io::Result<()> {
        fs::remove_dir_all(self.find(id.as_str()).map_err(io::Error::other)?)
    }
}

/// Returns the events of the run in `directory`, which must be all there.
pub fn events(directory: &Path) -> Result<Vec<Event>, HistoryError> {
    if let Some(err) = unbegun(directory) {
        return Err(err);
    }
    let events = read_events(&directory.join("events.jsonl"));
    events.map_err(|source| HistoryError::of(name_of(directory), source))
}

/// Returns the report of the run in `directory`, made anew from its events: it is the same as the
/// stored one, and a run that was killed has one too.
pub fn report(directory: &Path) -> Result<Report, HistoryError> {
    fold(&events(directory)?).ok_or_else(|| HistoryError::Empty { name: name_of(directory) })
}

/// What can be told of a run.
#[derive(Debug)]
pub struct Salvage {
    pub report: Report,
    pub events: Vec<Event>,
    /// Why that is not all.
    pub damage: Option<HistoryError>,
}

/// Returns whatever can be read of the run in `directory`. Where its events are damaged it is the
/// report that was stored, or what the others, or the plan alone, amount to; and a note says so.
pub fn salvage(directory: &Path) -> Result<Salvage, HistoryError> {
    if let Some(err) = unbegun(directory) {
        return Err(err);
    }
    let name = name_of(directory);
    let read = salvage_events(&directory.join("events.jsonl"));
    let (events, damage) = read.map_err(|source| HistoryError::of(name.clone(), source))?;
    let Some(damage) = damage else {
        let report = fold(&events).ok_or(HistoryError::Empty { name })?;
        return Ok(Salvage { report, events, damage: None });
    };
    let stored = stored_report(directory);
    let what = if stored.is_some() {
        "this is the report as it was stored"
    } else {
        "this is what the rest tells"
    };
    let text = format!("the ledger is damaged, and {what}: {damage}");
    let damage = HistoryError::of(name, damage.into());
    let Some(mut report) = stored.or_else(|| fold_with_plan(directory, &events)) else {
        return Err(damage);
    };
    report.notes.push(Note::new("ledger.damaged", text));
    Ok(Salvage { report, events, damage: Some(damage) })
}

/// Returns the report that was written down at the end of the run in `directory`.
pub fn stored_report(directory: &Path) -> Option<Report> {
    let text = fs::read(directory.join("report.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

fn fold(events: &[Event]) -> Option<Report> {
    let mut fold = Fold::default();
    events.iter().for_each(|it| fold.apply(it));
    fold.report()
}

/// Folds events whose first may be missing: it held the plan, which lies beside them as well.
fn fold_with_plan(directory: &Path, events: &[Event]) -> Option<Report> {
    if events.iter().any(|it| it.beginning().is_some()) {
        return fold(events);
    }
    let plan = read_plan(&directory.join("plan.json")).ok()?;
    let (at, plan) = (plan.created, Box::new(plan));
    let first = Event { seq: 0, at, elapsed_ms: 0, data: EventKind::RunStarted { plan } };
    let mut fold = Fold::default();
    std::iter::once(&first).chain(events).for_each(|it| fold.apply(it));
    fold.report()
}

/// Returns that the run in `directory` is one that was to follow another, and whose process died
/// before the first of its events: what it is about stands in the ledger of that other one.
fn unbegun(directory: &Path) -> Option<HistoryError> {
    let is_empty = fs::metadata(directory.join("events.jsonl")).is_ok_and(|it| it.len() == 0);
    let has_ended = directory.join("report.json").exists();
    if !is_empty || has_ended || Ledger::is_held(directory).unwrap_or(true) {
        return None;
    }
    let plan = read_plan(&directory.join("plan.json")).ok()?;
    let parent = plan.parent_id.filter(|_| plan.then.is_none())?;
    let story =
        read_events(&directory.with_file_name(parent.as_str()).join("events.jsonl")).ok()?;
    let (first, _) = story.first()?.beginning()?;
    if first.then.as_ref()?.document.name != plan.document.name {
        return None;
    }
    let instead = match sequel_state(&story) {
        SequelState::Due => None,
        SequelState::Begun { run_id } => Some(run_id).filter(|it| *it != plan.run_id),
        SequelState::Unplanned | SequelState::Ahead | SequelState::Withheld => return None,
    };
    Some(HistoryError::Unbegun { name: name_of(directory), parent, instead })
}

fn name_of(directory: &Path) -> String {
    directory.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Entry {
    fn of(report: &Report, directory: &Path) -> Self {
        let verdict = report.verdict.as_ref();
        let of_instances = report.instances.iter().filter_map(|it| it.group.as_ref());
        let groups: BTreeSet<&String> = report.selector.groups.iter().chain(of_instances).collect();
        Self {
            run_id: report.run.id.clone(),
            started: report.run.started,
            document: report.document.name.clone(),
            selector: report.selector.to_string(),
            groups: groups.into_iter().cloned().collect(),
            exit_code: verdict.map(|it| it.exit_code),
            unknown: match report.run.is_simulated && verdict.is_some() {
                true => 0,
                false => report.totals.get(&Outcome::Unknown).copied().unwrap_or(0),
            },
            left_changed: verdict.is_some() && is_left_changed(report, directory),
            sentence: verdict
                .map_or_else(|| not_ended(report, directory), |it| it.sentence.clone()),
        }
    }
}

/// Returns whether `fleet restore` has anything to do, for all that the ledger knows. A simulator that
/// was the run's own is gone with it.
fn is_left_changed(report: &Report, directory: &Path) -> bool {
    let is_held = || read_journal(directory).map_or(true, |it| !Held::of(&it).is_empty());
    !report.run.is_simulated && (!report.left_changed().is_empty() || is_held())
}

/// Returns how it stands with a run that has not ended.
fn not_ended(report: &Report, directory: &Path) -> String {
    let run = &report.run.id;
    match Ledger::is_held(directory) {
        Ok(true) => "goes on".to_owned(),
        Ok(false) if report.run.is_simulated => {
            "its process is gone, and its simulator with it".to_owned()
        }
        Ok(false) => format!("its process is gone: `fleet watch {run}` brings it to its end"),
        Err(_) => "goes on, or was killed".to_owned(),
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
    use crate::output::testing;

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
        for name in ["2025", ""] {
            assert!(matches!(history.find(name), Err(HistoryError::Unknown { .. })), "{name}");
        }
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
        let (entries, errors) = history.list().unwrap();
        assert!(errors.is_empty());
        assert_eq!((entries.len(), entries[0].exit_code), (1, None));
        assert_eq!(entries[0].sentence, "goes on");
        drop(ledger);
        let (entries, _) = history.list().unwrap();
        assert!(entries[0].sentence.starts_with("its process is gone: `fleet watch "));
        history.remove(&story.plan.run_id).unwrap();
        assert!(history.list().unwrap().0.is_empty());
    }
}
