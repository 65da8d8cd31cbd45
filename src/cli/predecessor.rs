//! A run that has ended, until its ledger says which one follows it.

use jiff::Timestamp;

use crate::{
    error::Error,
    exit::Exit,
    output::{Folds, Ledger, ReportFile, Terminal},
    plan::Plan,
    run::{Event, Fold, sequel_begun},
};

/// A run that has ended, and that another one is to follow. As long as its ledger is held nobody else
/// begins it.
#[derive(Debug)]
pub(super) struct Predecessor {
    pub ledger: Ledger,
    pub events: Vec<Event>,
    /// Where its report was written besides.
    pub files: Vec<ReportFile>,
}

impl Predecessor {
    /// Writes down that `plan` follows it, of which nothing was sent before.
    ///
    /// # Errors
    /// If it cannot be written down: it could be begun again then.
    pub(super) fn followed_by(
        mut self,
        plan: &Plan,
        now: Timestamp,
        folds: Folds,
        terminal: &mut Terminal,
    ) -> Result<(), Error> {
        let (run, name) = (plan.run_id.clone(), plan.document.name.clone());
        let Some(event) = sequel_begun(&self.events, now, run, name) else { return Ok(()) };
        self.ledger.append(std::slice::from_ref(&event)).map_err(|err| {
            let directory = self.ledger.directory().display();
            let message = format!("could not write down in {directory} which run follows");
            Error::new(Exit::Setup, message).because(&err)
        })?;
        terminal.event(&event);
        terminal.next_run();
        let mut fold = Fold::default();
        self.events.iter().chain([&event]).for_each(|it| fold.apply(it));
        let Some(report) = fold.report() else { return Ok(()) };
        let directory = self.ledger.directory().to_owned();
        let in_ledger = self.ledger.finish(&report).map(drop);
        let written = self.files.iter().map(|it| it.write(&report, folds, &directory));
        for err in [in_ledger].into_iter().chain(written).filter_map(Result::err) {
            terminal.warning(&format!("the report does not name the run that follows: {err}"));
        }
        Ok(())
    }
}
