//! `fleet plan`: what `fleet run` with the same flags would do.

use std::path::PathBuf;

use clap::{Args, builder::NonEmptyStringValueParser};

use super::{
    access::AccessArgs,
    args::{DocumentArgs, LimitArgs, OutputArgs, Selection},
    context::{Context, establish, prepare},
    planning,
    publishing::{self, Ahead},
    session::Purpose,
    then::{self, Wish},
};
use crate::{error::Error, exit::Exit, output::Terminal};

/// Show what a run with the same flags would do; it only reads
#[derive(Debug, Clone, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    document: DocumentArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// Also write the plan to this file, as JSON
    #[arg(long = "out", short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,
    /// Plan as if the document, one of fleet's own, had been published: see `fleet run --publish`
    #[arg(long, requires = "doc", conflicts_with = "doc_version")]
    publish: bool,
    /// Also plan what is run afterwards over the same instances: see `fleet run --then`
    #[arg(long, value_name = "DOC", value_parser = NonEmptyStringValueParser::new())]
    then: Option<String>,
}

pub(super) async fn plan(args: &PlanArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    planning::something_to_run(&args.document)?;
    let context = Context::from_env()?;
    planning::selector(&args.selection)?;
    let canned = args.publish.then(|| publishing::canned(&args.document)).transpose()?;
    let prepared = prepare(&args.access, &context, terminal).await?;
    let ahead = match canned {
        Some(canned) => publishing::would(&prepared, canned, terminal).await?,
        None => Ahead::Nothing,
    };
    let connection = establish(prepared, Purpose::Read, terminal).await?;
    let (selection, document) = (&args.selection, &args.document);
    let mut planned =
        planning::plan(&connection, &context, selection, document, &args.limits, ahead).await?;
    connection.admit(&planned.plan, &document.origin)?;
    if let Some(name) = &args.then {
        let (wish, limits, ahead) = (Wish::Named(name.clone()), &args.limits, Ahead::Nothing);
        let first = &planned.plan;
        let sequel =
            then::foresee(&wish, &connection, &context, selection, limits, first, ahead).await?;
        planned.plan.then = Some(Box::new(sequel));
    }
    if let Some(path) = &args.out {
        crate::output::write_plan(path, &planned.plan).map_err(|err| {
            let message = format!("the plan cannot be written to {}", path.display());
            Error::new(Exit::Usage, message).because(&err)
        })?;
    }
    terminal.plan(&planned.plan);
    Ok(Exit::Success)
}
