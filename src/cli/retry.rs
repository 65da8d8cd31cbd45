//! `fleet retry`: a new run over the instances of an earlier one that did not get there.

use clap::{Args, builder::NonEmptyStringValueParser};

use super::{
    access::AccessArgs,
    args::{Also, DocumentArgs, LimitArgs, OutputArgs, ParamArgs, Selection},
    context::{Context, establish, history, prepare},
    execute::{Conduct, ConductArgs, Consent, interrupted},
    planning,
    publishing::Ahead,
    session::Purpose,
    then::{self, Follower, Wish, carry_out_both, one_document, whom},
};
use crate::{
    error::Error,
    exit::Exit,
    output::{Terminal, events, report as fold},
    plan::{DocumentKind, Plan, Sequel},
    run::{Event, Outcome, Report, unsuccessful},
    signal::Interrupts,
};

/// Run the same again over the instances that did not succeed, or were never sent to, and afterwards
/// what followed the run
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
    /// Run this document afterwards, instead of the one that the earlier run had with --then
    #[arg(long, value_name = "DOC", value_parser = NonEmptyStringValueParser::new())]
    then: Option<String>,
    /// Run nothing afterwards
    #[arg(long, conflicts_with = "then")]
    no_then: bool,
}

impl RetryArgs {
    /// Returns what is to follow: what the flag names, or what followed the run that `plan` was of.
    fn wish(&self, plan: Option<&Plan>) -> Option<Wish> {
        if let Some(name) = &self.then {
            return Some(Wish::Named(name.clone()));
        }
        let sequel = plan?.then.as_deref().filter(|_| !self.no_then)?;
        let mut sequel = Sequel::clone(sequel);
        // It takes as many at once, and gives them as much time, as the run that it follows.
        if let Some(it) = self.limits.max_concurrency {
            sequel.limits.max_concurrency.input = it;
        }
        sequel.delivery_timeout = self.limits.timeout.unwrap_or(sequel.delivery_timeout);
        Some(Wish::Planned(Box::new(sequel)))
    }
}

/// Returns what is said instead of a retry where groups were changed for the run.
pub(super) fn instead(report: &Report) -> Option<Error> {
    let run = &report.run.id;
    let refused = |message, hint| Some(Error::new(Exit::Usage, message).hint(hint));
    if report.document.kind() == DocumentKind::Replacement {
        return refused(
            format!("run {run} had groups replace instances, and sent no document"),
            "`fleet rescue crowdstrike --replace` with the same flags looks at the groups again, and \
             takes whoever needs it by now",
        );
    }
    report.document.automation.as_ref()?.recovery.as_ref()?;
    refused(
        format!(
            "run {run} was a rescue: its runbook is not started without the checks, Standby and the proof"
        ),
        "`fleet rescue` with the same flags checks them again, and takes whoever needs it by now",
    )
}

pub(super) async fn retry(
    args: &RetryArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let reports = args.conduct.reports()?;
    let directory = history()?.find(&args.run)?;
    let before = fold(&directory)?;
    let story = events(&directory)?;
    let plan = story.first().and_then(Event::beginning).map(|(plan, _)| plan);
    let wish = args.wish(plan);
    if wish.is_some() && !args.dry_run {
        one_document(args.output.output)?;
    }
    let after = wish.is_some().then(|| args.conduct.afterwards().reports()).transpose()?;
    let consent = Consent::of(args.dry_run, args.conduct.yes, &args.access, terminal)?;
    if before.verdict.is_none() {
        let message = format!("run {} has not ended", before.run.id);
        return Err(Error::new(Exit::Usage, message)
            .hint(format!("`fleet watch {}` brings it to its end", before.run.id)));
    }
    if let Some(instead) = instead(&before) {
        return Err(instead);
    }
    if args.only.contains(&Outcome::Succeeded) {
        let message = "instances that succeeded are not run again: start a new run over them";
        return Err(Error::new(Exit::Usage, message));
    }
    let only = if args.only.is_empty() { &Outcome::RETRIED[..] } else { &args.only };
    let again = unsuccessful(&before, only);
    if again.is_empty() {
        return Err(nobody(&before, &args.only));
    }
    let context = Context::from_env()?;
    let selection = Selection::of_instances(again, included(args, plan));
    let document = tokio::select! {
        document = DocumentArgs::again(&before.document, &args.params) => document?,
        () = interrupts.next() => return Err(interrupted()),
    };
    let access = args.access.or_those_of(&before.region, &before.operator);
    let limits = args.limits.or_those_of(&before);
    let selector = planning::selector(&selection)?;
    let (documents, acting) = (document.documents(), document.acting());
    let planning = async {
        let prepared = prepare(&access, &context, terminal).await?;
        let outputs = &prepared.settings.limits(&limits).storage.outputs();
        let purpose = match consent {
            Consent::DryRun => Purpose::Read,
            Consent::Ask | Consent::Given if wish.is_some() => Purpose::Runs,
            Consent::Ask | Consent::Given => {
                let wider = Some(&before.selector);
                let documents = document.sent(&documents, acting.role());
                Purpose::Run { selector: &selector, documents, wider, outputs }
            }
        };
        let connection = establish(prepared, purpose, terminal).await?;
        connection.require_home_of(
            before.account.as_deref(),
            &before.region,
            before.run.is_simulated,
        )?;
        let connection = connection.narrowed_at_least_to(whom(&before));
        let mut planned =
            planning::plan(&connection, &context, &selection, &document, &limits, Ahead::Nothing)
                .await?;
        connection.admit(&planned.plan, &document.origin)?;
        if let Some(wish) = &wish {
            let (first, ahead) = (&planned.plan, Ahead::Nothing);
            let sequel =
                then::foresee(wish, &connection, &context, &selection, &limits, first, ahead);
            let sequel = sequel.await.map_err(|err| match wish {
                Wish::Named(_) => err,
                Wish::Planned(_) => err.hint(
                    "it followed the earlier run: --then DOC names another, --no-then runs nothing \
                     afterwards",
                ),
            })?;
            planned.plan.then = Some(Box::new(sequel));
        }
        Ok::<_, Error>((connection, planned))
    };
    let (connection, mut planned) = tokio::select! {
        planned = planning => planned?,
        () = interrupts.next() => return Err(interrupted()),
    };
    planned.plan.parent_id = Some(before.run.id.clone());
    let on_interrupt = args.conduct.on_interrupt();
    let conduct = Conduct { consent, reports, on_interrupt, follows: None };
    let follower = after.map(|reports| Follower { reports, wider: Some(whom(&before)) });
    carry_out_both(connection, planned, (&context, follower), conduct, terminal, interrupts).await
}

/// Returns that nobody is to be retried, and where to look instead.
fn nobody(before: &Report, only: &[Outcome]) -> Error {
    let run = &before.run.id;
    let totals = before.totals.iter();
    let totals: Vec<_> =
        totals.map(|(it, n)| format!("{n} {}", it.word().replace('_', " "))).collect();
    let words: Vec<_> = only.iter().map(|it| it.word()).collect();
    let message = match only {
        [] => format!("run {run} has nobody to retry: {}", totals.join(", ")),
        _ => format!("run {run} has no instance that is {}", words.join(" or ")),
    };
    let mut err = Error::new(Exit::NothingEligible, message);
    if only.is_empty() && before.totals.contains_key(&Outcome::Unknown) {
        err = err.hint("who is unknown may have run, and is taken only if named: --only unknown");
    }
    let next = before.run.followed_by.as_ref();
    let next = next.and_then(|it| fold(&history().ok()?.find(it.as_str()).ok()?).ok());
    if let Some(next) = next.filter(|it| !unsuccessful(it, &Outcome::RETRIED).is_empty()) {
        let (id, name) = (&next.run.id, &next.document.name);
        err = err.hint(format!(
            "run {id} of {name} followed it, and not everybody succeeded there: `fleet retry {id}` runs \
             {name} again; `fleet run --instance ID` runs anything over those alone"
        ));
    }
    err
}

/// Returns whom to take besides: whoever could be run on then is not left out now.
fn included(args: &RetryArgs, plan: Option<&Plan>) -> Vec<Also> {
    if !args.include.is_empty() {
        return args.include.clone();
    }
    plan.map(Also::of_plan).unwrap_or_default()
}
