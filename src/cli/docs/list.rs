//! `fleet docs list`: the documents that fleet has, and those that the account has.

use clap::Args;

use crate::{
    aws::{self, Aws, AwsError, ErrorKind, Published, Standing},
    cli::{
        access::AccessArgs,
        args::OutputArgs,
        context::{Context, connect_for},
        session::Purpose,
    },
    documents::{CANNED, Canned},
    error::Error,
    exit::Exit,
    output::{AccountCopy, DocumentRow, Ours, Terminal},
};

/// List the documents of fleet and of the account, and whether the account's are fleet's
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ListArgs {
    /// Only fleet's own; nobody is asked
    #[arg(long)]
    embedded: bool,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
}

pub(super) async fn list(args: &ListArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let mut rows: Vec<DocumentRow> = CANNED.iter().map(row).collect::<Result<_, _>>()?;
    if args.embedded {
        terminal.documents(&rows, None);
        return Ok(Exit::Success);
    }
    let context = Context::from_env()?;
    let purpose = Purpose::Documents { published: &[] };
    let connection = match connect_for(&args.access, &context, purpose, terminal).await {
        Ok(it) => it,
        // What fleet itself has can be listed anywhere.
        Err(err) if err.exit == Exit::Setup && !args.access.is_given() => {
            terminal.warning(&format!("the account's documents are not listed: {}", err.message));
            terminal.documents(&rows, None);
            return Ok(Exit::Success);
        }
        Err(err) => return Err(err),
    };
    let aws = &connection.aws;
    for (row, canned) in rows.iter_mut().zip(CANNED) {
        match aws::describe(aws, canned.name, "$DEFAULT").await {
            Ok(it) => {
                row.account = it.map_or(AccountCopy::Absent, |it| compare(&canned.hash(), &it));
            }
            Err(err) => not_permitted(&err, terminal)?,
        }
    }
    rows.extend(others(aws, terminal).await?);
    terminal.documents(&rows, Some((aws.account.as_deref(), &aws.region)));
    Ok(Exit::Success)
}

/// Returns the account's documents that are not fleet's.
async fn others(aws: &Aws, terminal: &mut Terminal) -> Result<Vec<DocumentRow>, Error> {
    let own = match aws::own_documents(aws).await {
        Ok(it) => it,
        Err(err) => {
            not_permitted(&err, terminal)?;
            return Ok(Vec::new());
        }
    };
    let others = own.into_iter().filter(|it| Canned::find(&it.name).is_none());
    let row = |it: aws::Listed| DocumentRow {
        name: it.name,
        kind: it.kind,
        ours: None,
        account: AccountCopy::Own { default_version: it.version },
    };
    Ok(others.map(row).collect())
}

fn not_permitted(err: &AwsError, terminal: &mut Terminal) -> Result<(), Error> {
    if err.kind != ErrorKind::Denied {
        return Err(Error::of(Exit::Setup, err));
    }
    terminal.warning(&format!("{} is not permitted: the list is not whole", err.action()));
    Ok(())
}

fn row(canned: &Canned) -> Result<DocumentRow, Error> {
    let sidecar = canned.sidecar().map_err(|err| {
        Error::new(Exit::Bug, format!("the sidecar of {} cannot be read", canned.name))
            .because(&err)
    })?;
    Ok(DocumentRow {
        name: canned.name.to_owned(),
        kind: "Command".to_owned(),
        ours: Some(Ours {
            version: sidecar.version,
            hash: canned.hash(),
            changes: sidecar.changes,
        }),
        account: AccountCopy::Unknown,
    })
}

/// Returns what the account's document is to the one with this hash.
pub(super) fn compare(hash: &str, published: &Published) -> AccountCopy {
    let default_version = published.default_version.clone();
    let latest_version = published.latest_version.clone();
    match published.standing(hash) {
        Standing::Same => AccountCopy::Same { default_version, latest_version },
        Standing::Outdated { tool_version } => {
            AccountCopy::Outdated { default_version, latest_version, tool_version }
        }
        Standing::Modified => AccountCopy::Modified { default_version, latest_version },
    }
}
