//! `--publish`: one of fleet's own documents into the account, before it is planned and run.

use super::{
    args::DocumentArgs,
    context::{Prepared, connect_beside},
    docs::{
        publish::{carried_out, confirm, planned},
        wanted::{named, of_canned},
    },
    execute::{Consent, interrupted},
};
use crate::{
    aws::{Aws, Found, Publication},
    documents::{self, Canned},
    error::Error,
    exit::Exit,
    output::{PublicationRow, PublicationState, Terminal},
    plan::{AboveCeiling, DocumentKind, Note},
    signal::Interrupts,
};

/// What becomes of the document before it is planned.
#[derive(Debug, Default)]
pub(super) enum Ahead {
    /// Nothing: the account has what it has.
    #[default]
    Nothing,
    /// It was published, or was there.
    Done(Option<Note>),
    /// It would be published: what the account would have then.
    Would(Box<Found>),
    /// Where it is not there, the plan is of what fleet has: it is not to be sent, but to be made
    /// ready for.
    Foreseen,
}

/// Returns the document that `--publish` is about.
pub(super) fn canned(document: &DocumentArgs) -> Result<&'static Canned, Error> {
    let Some(name) = &document.doc else {
        let message = "--publish puts a document of fleet's into the account, and none was named";
        return Err(Error::new(Exit::Usage, message).hint("pass --doc NAME"));
    };
    named(name)
}

/// Publishes the document, as `fleet docs publish` does, if the operator says yes.
pub(super) async fn publish(
    prepared: &Prepared,
    canned: &Canned,
    consent: Consent,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Ahead, Error> {
    // What could not be run anyway is not published on the way to it.
    let ceilings = prepared.settings.ceilings();
    ceilings.admit_document(canned.name)?;
    if let Some(origin) = ceilings.requires_plan() {
        let err = Error::from(AboveCeiling::unwritten(origin));
        return Err(err.hint(format!("`fleet docs publish {}`, then a plan of it", canned.name)));
    }
    let published = [canned.name];
    let reading = read(prepared, canned, &published, terminal);
    let (aws, wanted, row) = tokio::select! {
        result = reading => result?,
        () = interrupts.next() => return Err(interrupted()),
    };
    if row.state == PublicationState::Unchanged {
        return Ok(Ahead::Done(None));
    }
    let rows = [row];
    terminal.publications_preview(&rows);
    if consent == Consent::Ask {
        confirm(&aws, 1, terminal, interrupts).await?;
    }
    let [row] = rows;
    let row = carried_out(&aws, prepared.speed, &wanted, row, interrupts).await?;
    let note = note("document.published", &row);
    // Whatever refuses the run from here on, this was done.
    terminal.note(&note.text);
    Ok(Ahead::Done(Some(note)))
}

/// Returns what the account would have if the document were published. It only reads.
pub(super) async fn would(
    prepared: &Prepared,
    canned: &Canned,
    terminal: &mut Terminal,
) -> Result<Ahead, Error> {
    let (_, _, row) = read(prepared, canned, &[], terminal).await?;
    if row.state == PublicationState::Unchanged {
        return Ok(Ahead::Nothing);
    }
    let notes = vec![note("document.unpublished", &row)];
    let declared = documents::parse(canned.content).ok().map(|it| it.declared());
    let (version, hash, platforms) = (row.version, Some(row.hash), canned.platforms());
    Ok(Ahead::Would(Box::new(Found {
        version,
        hash,
        kind: Some(DocumentKind::Command),
        platforms,
        declared,
        notes,
        ..Found::default()
    })))
}

async fn read(
    prepared: &Prepared,
    canned: &Canned,
    published: &[&str],
    terminal: &mut Terminal,
) -> Result<(Aws, Publication, PublicationRow), Error> {
    let wanted = of_canned(canned)?;
    let aws = connect_beside(prepared, published, terminal).await?;
    let row = planned(&aws, &wanted).await?;
    Ok((aws, wanted, row))
}

fn note(code: &str, row: &PublicationRow) -> Note {
    let version = row.version.as_ref().map(|it| format!(" version {it}")).unwrap_or_default();
    Note::new(code, format!("{}{version}: {}", row.name, row.state.words()))
}
