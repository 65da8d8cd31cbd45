//! What the ledger of a run still tells of what is to be undone, also where a part of it is damaged or
//! gone: the journal of changes is enough for the groups, and the events tell what a lost journal had.

use std::{io, path::Path};

use jiff::Timestamp;

use crate::{
    error::Error,
    exit::Exit,
    output::{HistoryError, Journal, Ledger, Terminal, lacking, read_journal, read_plan},
    plan::Plan,
    rescue::{Entry, Held, Stage},
    run::{Event, Fold},
};

/// A run that is to be restored.
#[derive(Debug)]
pub(super) struct Remains {
    pub plan: Plan,
    /// `None` where its events cannot be read: nothing is told there then.
    pub ledger: Option<(Ledger, Vec<Event>)>,
    pub held: Held,
}

/// Reads what there is of the run in `directory`, and takes it from its process.
///
/// # Errors
/// If its process lives, or neither the plan nor the journal can be read.
pub(super) fn remains(
    name: &str,
    directory: &Path,
    at: Timestamp,
    terminal: &mut Terminal,
) -> Result<Remains, Error> {
    let unreadable = |source| HistoryError::of(name.to_owned(), source);
    let run = directory.file_name().unwrap_or_default().display();
    let lives = || {
        let message = format!("the process of run {run} lives, and restores its groups itself");
        Error::new(Exit::Setup, message)
            .hint(format!("`fleet watch {run}` follows it, `fleet cancel {run}` ends it"))
    };
    let ledger = match Ledger::reopen(directory) {
        Ok(Some(it)) => Some(it),
        Ok(None) => return Err(lives()),
        Err(_) if Ledger::is_held(directory).unwrap_or(false) => return Err(lives()),
        Err(err) => {
            terminal.warning(&format!(
                "the events of run {run} cannot be read ({err}): what the journal of its changes \
                 has is undone, and told here alone"
            ));
            None
        }
    };
    let told = ledger.as_ref().and_then(|(_, events)| events.first()?.beginning());
    let plan = match (read_plan(&directory.join("plan.json")), told) {
        (Ok(plan), _) => plan,
        (Err(_), Some((plan, _))) => plan.clone(),
        (Err(err), None) => {
            let err = io::Error::new(err.kind(), format!("plan.json: {err}"));
            return Err(unreadable(err).into());
        }
    };
    if let Some((_, events)) = &ledger {
        complete(directory, events, at, terminal).map_err(unreadable)?;
    }
    let held = Held::of(&read_journal(directory).map_err(unreadable)?);
    Ok(Remains { plan, ledger, held })
}

/// Writes into the journal of changes what the events tell and it has lost.
pub(super) fn complete(
    directory: &Path,
    events: &[Event],
    at: Timestamp,
    terminal: &mut Terminal,
) -> io::Result<()> {
    let mut fold = Fold::default();
    events.iter().for_each(|it| fold.apply(it));
    let left = fold.report().map(|it| it.left_changed()).unwrap_or_default();
    let entries = read_journal(directory)?;
    let lost = lacking(&entries, &left);
    if lost.is_empty() {
        return Ok(());
    }
    terminal.warning(
        "the journal of changes lacks some that the events tell of: they are taken from there",
    );
    let (mut journal, _) = Journal::open(directory)?;
    for (group, change) in lost {
        let why = Some("told by the events".to_owned());
        journal.append(&Entry { at, group, stage: Stage::Done, change, why })?;
    }
    Ok(())
}
