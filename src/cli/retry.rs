//! `fleet retry`: a new run over the instances of an earlier one that did not get there.

use std::path::Path;

use clap::Args;

use super::{
    access::AccessArgs,
    args::{Also, DocumentArgs, LimitArgs, OutputArgs, ParamArgs, Selection},
    context::{Context, establish, history, prepare},
    execute::{Conduct, ConductArgs, Consent, execute, interrupted},
    planning,
    publishing::Ahead,
    session::Purpose,
};
use crate::{
    error::Error,
    exit::Exit,
    output::{Terminal, read_plan, report as fold},
    run::{Outcome, unsuccessful},
    signal::Interrupts,
};

/// Run the same again over the instances that did not succeed, or were never sent to
#[derive(Debug, Clone, Args)]
pub(super) struct RetryArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    run: String,
    /// Only instances with these outcomes, instead of all that failed or were never sent to; who is
    /// unknown may have run, and is taken only if named
    #[arg(long, value_name = "OUTCOME,…", value_delimiter = ',')]
    only: Vec<Outcome>,
    /// Also take instances that are left out by default [default: those that the earlier run took]
    #[arg(long = "include", value_name = "WHOM", value_delimiter = ',')]
    include: Vec<Also>,
    #[command(flatten)]
    params: ParamArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    conduct: ConductArgs,
    /// Plan and show, send nothing
    #[arg(long, conflicts_with = "report")]
    dry_run: bool,
}

pub(super) async fn retry(
    args: &RetryArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let reports = args.conduct.reports()?;
    let directory = history()?.find(&args.run)?;
    let before = fold(&directory)?;
    let consent = Consent::of(args.dry_run, args.conduct.yes, &args.access, terminal)?;
    if before.verdict.is_none() {
        let message = format!("run {} has not ended", before.run.id);
        return Err(Error::new(Exit::Usage, message)
            .hint(format!("`fleet watch {}` brings it to its end", before.run.id)));
    }
    if args.only.contains(&Outcome::Succeeded) {
        let message = "instances that succeeded are not run again: start a new run over them";
        return Err(Error::new(Exit::Usage, message));
    }
    let only = if args.only.is_empty() { &Outcome::RETRIED[..] } else { &args.only };
    let again = unsuccessful(&before, only);
    if again.is_empty() {
        let words: Vec<_> = only.iter().map(|it| it.word()).collect();
        let message =
            format!("run {} has no instance that is {}", before.run.id, words.join(" or "));
        return Err(Error::new(Exit::NothingEligible, message));
    }
    let context = Context::from_env()?;
    let selection = Selection::of_instances(again, included(args, &directory));
    let document = tokio::select! {
        document = DocumentArgs::again(&before.document, &args.params) => document?,
        () = interrupts.next() => return Err(interrupted()),
    };
    let access = args.access.or_those_of(&before.region, &before.operator);
    let limits = args.limits.or_those_of(&before);
    let selector = planning::selector(&selection)?;
    let documents = document.documents();
    let planning = async {
        let prepared = prepare(&access, &context, terminal).await?;
        let outputs = &prepared.settings.limits(&limits).storage.outputs();
        let purpose = match consent {
            Consent::DryRun => Purpose::Read,
            Consent::Ask | Consent::Given => {
                let wider = Some(&before.selector);
                let documents = document.sent(&documents);
                Purpose::Run { selector: &selector, documents, wider, outputs }
            }
        };
        let connection = establish(prepared, purpose, terminal).await?;
        connection.require_home_of(before.account.as_deref(), before.run.is_simulated)?;
        let planned =
            planning::plan(&connection, &context, &selection, &document, &limits, Ahead::Nothing)
                .await?;
        connection.admit(&planned.plan)?;
        Ok::<_, Error>((connection, planned))
    };
    let (connection, mut planned) = tokio::select! {
        planned = planning => planned?,
        () = interrupts.next() => return Err(interrupted()),
    };
    planned.plan.parent_id = Some(before.run.id);
    let conduct = Conduct { consent, reports, on_interrupt: args.conduct.on_interrupt() };
    execute(connection, planned, &context, conduct, terminal, interrupts).await
}

/// Returns whom to take besides: whoever could be run on then is not left out now.
fn included(args: &RetryArgs, directory: &Path) -> Vec<Also> {
    if !args.include.is_empty() {
        return args.include.clone();
    }
    let plan = read_plan(&directory.join("plan.json"));
    plan.map(|it| Also::of_plan(&it)).unwrap_or_default()
}
