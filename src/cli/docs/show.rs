//! `fleet docs show`: a document as it is.

use clap::{Args, builder::NonEmptyStringValueParser};

use crate::{
    aws,
    cli::{
        access::AccessArgs,
        args::{OutputArgs, document_version},
        context::{Context, connect_for},
        session::Purpose,
    },
    documents::Canned,
    error::Error,
    exit::Exit,
    output::Terminal,
};

/// Print a document: fleet's own, or the account's
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The document; one that fleet does not have is asked of the account
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// The account's copy, also of a document that fleet has
    #[arg(long)]
    account: bool,
    /// Version of the account's copy: a number, $LATEST or $DEFAULT
    #[arg(long, value_name = "VERSION", default_value = "$DEFAULT",
          value_parser = document_version)]
    doc_version: String,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
}

pub(super) async fn show(args: &ShowArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let name = &args.name;
    let canned = Canned::find(name).filter(|_| !args.account && args.doc_version == "$DEFAULT");
    if let Some(canned) = canned {
        terminal.document(name, None, canned.content);
        return Ok(Exit::Success);
    }
    let context = Context::from_env()?;
    let purpose = Purpose::Documents { published: &[] };
    let connection = connect_for(&args.access, &context, purpose, terminal).await?;
    let aws = &connection.aws;
    let failed = |err| Error::of(Exit::Setup, &err);
    let found = aws::describe(aws, name, &args.doc_version).await.map_err(failed)?;
    let Some(found) = found else {
        let message = format!("there is no document {name} in {}", aws.region);
        return Err(Error::new(Exit::Setup, message)
            .hint("`fleet docs list` lists fleet's documents and the account's"));
    };
    let content = aws::content(aws, &found).await.map_err(failed)?;
    terminal.document(name, Some(&found.version), &content);
    Ok(Exit::Success)
}
