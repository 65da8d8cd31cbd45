//! `fleet docs publish`: documents into the account, only what is missing of them.

use clap::Args;

use super::wanted::Which;
use crate::{
    aws::{self, Aws, Change, Publication, PublishError},
    cli::{
        access::AccessArgs,
        args::OutputArgs,
        context::{Context, connect_for},
        execute::{Consent, interrupted},
        prompt::{Answer, ask},
        session::Purpose,
    },
    documents,
    error::Error,
    exit::Exit,
    output::{PublicationRow, PublicationState, Terminal},
    plan::count,
    signal::Interrupts,
};

/// Put documents into the account: create or update them, tag them, and make them the default
///
/// What is there already is left alone. A new version is waited for until it is active.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PublishArgs {
    #[command(flatten)]
    which: Which,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before publishing
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
}

pub(super) async fn publish(
    args: &PublishArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let wanted = args.which.publications()?;
    let consent = Consent::of(args.dry_run, args.yes, &args.access, terminal)?;
    let context = Context::from_env()?;
    let names: Vec<&str> = match consent {
        Consent::DryRun => Vec::new(),
        Consent::Ask | Consent::Given => wanted.iter().map(|it| it.name.as_str()).collect(),
    };
    let purpose = Purpose::Documents { published: &names };
    let reading = async {
        let connection = connect_for(&args.access, &context, purpose, terminal).await?;
        let mut rows = Vec::new();
        for it in &wanted {
            rows.push(planned(&connection.aws, it).await?);
        }
        Ok::<_, Error>((connection, rows))
    };
    let (connection, rows) = tokio::select! {
        result = reading => result?,
        () = interrupts.next() => return Err(interrupted()),
    };
    let n_changes = rows.iter().filter(|it| it.state != PublicationState::Unchanged).count();
    if consent == Consent::DryRun {
        terminal.publications(&rows);
        terminal.hint("nothing was changed: this was a dry run");
        return Ok(Exit::Success);
    }
    if n_changes == 0 {
        terminal.publications(&rows);
        return Ok(Exit::Success);
    }
    if consent == Consent::Ask {
        terminal.publications_preview(&rows);
        confirm(&connection.aws, n_changes, terminal, interrupts).await?;
    }
    let mut done = Vec::new();
    for (wanted, row) in wanted.iter().zip(rows) {
        let row = carried_out(&connection.aws, connection.speed, wanted, row, interrupts).await;
        done.push(row.map_err(|err| beside(err, &done))?);
    }
    terminal.publications(&done);
    Ok(Exit::Success)
}

/// Asks whether documents are to be published.
pub(in crate::cli) async fn confirm(
    aws: &Aws,
    n_changes: usize,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<(), Error> {
    let documents = count(n_changes, "document");
    let account = aws.account.as_deref().unwrap_or("unknown");
    let question = format!("Publish {documents} to account {account} in {}?", aws.region);
    match ask(terminal, &question, interrupts).await {
        Answer::Yes => Ok(()),
        Answer::No => Err(Error::new(Exit::Interrupted, "not confirmed")),
        Answer::Interrupted => Err(interrupted()),
    }
}

/// Does what `row` says would be done, and returns what was.
pub(in crate::cli) async fn carried_out(
    aws: &Aws,
    factor: f64,
    wanted: &Publication,
    row: PublicationRow,
    interrupts: &mut Interrupts,
) -> Result<PublicationRow, Error> {
    if row.state == PublicationState::Unchanged {
        return Ok(row);
    }
    let published = tokio::select! {
        result = aws::publish(aws, wanted, factor) => result,
        () = interrupts.next() => return Err(perhaps(interrupted(), wanted)),
    };
    let published = published.map_err(|aws::Unfinished { why, is_begun }| {
        let err = refused(&why);
        if is_begun { perhaps(err, wanted) } else { err }
    })?;
    Ok(PublicationRow { state: row.state.done(), version: Some(published.version), ..row })
}

/// Returns what publishing would do.
pub(in crate::cli) async fn planned(
    aws: &Aws,
    wanted: &Publication,
) -> Result<PublicationRow, Error> {
    let change = aws::change(aws, wanted).await.map_err(|err| refused(&err))?;
    let mut diff = None;
    let (state, version) = match change {
        Change::Nothing => (PublicationState::Unchanged, None),
        Change::Tag => (PublicationState::WouldTag, None),
        Change::MoveDefault { to, .. } => (PublicationState::WouldMoveDefault, Some(to)),
        Change::Create => {
            diff = Some(documents::diff(("/dev/null", ""), (&wanted.name, &wanted.content)));
            (PublicationState::WouldCreate, Some("1".to_owned()))
        }
        Change::Update { from } => {
            let theirs = aws::content(aws, &from).await;
            let theirs = theirs.map_err(|err| Error::of(Exit::Setup, &err))?;
            let before = format!("{} version {}", wanted.name, from.version);
            diff = Some(documents::diff((&before, &theirs), (&wanted.name, &wanted.content)));
            (PublicationState::WouldUpdate, None)
        }
    };
    Ok(PublicationRow {
        name: wanted.name.clone(),
        state,
        version,
        hash: wanted.hash.clone(),
        diff,
    })
}

pub(in crate::cli) fn refused(err: &PublishError) -> Error {
    let res = Error::of(Exit::Setup, err);
    match err {
        PublishError::Refused { source, .. } if source.kind == aws::ErrorKind::Denied => res.hint(
            "publishing needs ssm:CreateDocument, ssm:UpdateDocument, \
             ssm:UpdateDocumentDefaultVersion, ssm:AddTagsToResource and ssm:DescribeDocument on \
             the document",
        ),
        _ => res,
    }
}

/// Says that the account may have the document, or a new version of it, all the same.
fn perhaps(err: Error, wanted: &Publication) -> Error {
    let name = &wanted.name;
    err.but(format!(
        "{name} may have been published, and no command was sent: `fleet docs show --account \
         --doc-version '$LATEST' {name}` shows what is there"
    ))
}

/// Says which documents were published before the one that was not.
fn beside(err: Error, done: &[PublicationRow]) -> Error {
    let published: Vec<&str> = done
        .iter()
        .filter(|it| it.state != PublicationState::Unchanged)
        .map(|it| it.name.as_str())
        .collect();
    if published.is_empty() {
        return err;
    }
    let published = format!("published before that: {}", published.join(", "));
    match err.done {
        Some(_) => err.hint(published),
        None => err.but(published),
    }
}
