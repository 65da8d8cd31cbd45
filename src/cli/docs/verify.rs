//! `fleet docs verify`: whether the account's documents are what they should be.

use clap::Args;

use super::{list::compare, wanted::Which};
use crate::{
    aws::{self, Aws, ErrorKind, Publication},
    cli::{
        access::AccessArgs,
        args::OutputArgs,
        context::{Context, connect_for},
        session::Purpose,
    },
    documents,
    error::Error,
    exit::Exit,
    output::{AccountCopy, Terminal, Verified},
};

/// Check that what the account runs under a name is fleet's document, by hash and by content
///
/// The default version is looked at. Ends with 0 if every document is the same, with 3 if one is
/// not, or is not there.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct VerifyArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
}

pub(super) async fn verify(args: &VerifyArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let wanted = args.which.publications()?;
    let context = Context::from_env()?;
    let purpose = Purpose::Documents { published: &[] };
    let connection = connect_for(&args.access, &context, purpose, terminal).await?;
    let mut found = Vec::new();
    for it in &wanted {
        found.push(verified(&connection.aws, it, terminal).await?);
    }
    terminal.verified(&found);
    let is_same = found.iter().all(Verified::is_same);
    Ok(if is_same { Exit::Success } else { Exit::Setup })
}

async fn verified(
    aws: &Aws,
    wanted: &Publication,
    terminal: &mut Terminal,
) -> Result<Verified, Error> {
    let failed = |err: &_| Error::of(Exit::Setup, err);
    let found = aws::describe(aws, &wanted.name, "$DEFAULT").await.map_err(|err| failed(&err))?;
    let (name, hash) = (wanted.name.clone(), wanted.hash.clone());
    let Some(found) = found else {
        return Ok(Verified { name, hash, account: AccountCopy::Absent, diff: None });
    };
    let mut account = compare(&wanted.hash, &found);
    let content = match aws::content(aws, &found).await {
        Ok(it) => it,
        Err(err) if err.kind == ErrorKind::Denied => {
            let action = err.action();
            terminal
                .warning(&format!("{action} is not permitted: {name} is compared by hash alone"));
            return Ok(Verified { name, hash, account, diff: None });
        }
        Err(err) => return Err(failed(&err)),
    };
    if content == wanted.content {
        return Ok(Verified { name, hash, account, diff: None });
    }
    // A hash that is the same over a content that is not proves that one of them is not true.
    if let AccountCopy::Same { default_version, latest_version } = account {
        account = AccountCopy::Modified { default_version, latest_version };
    }
    let theirs = format!("{name} version {}", found.version);
    let diff = documents::diff((&theirs, &content), (&name, &wanted.content));
    Ok(Verified { name, hash, account, diff: Some(diff) })
}
