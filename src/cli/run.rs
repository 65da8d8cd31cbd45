//! `fleet run`: plan, confirm, send, follow, report.

use std::path::{Path, PathBuf};

use clap::{Args, builder::NonEmptyStringValueParser};

use super::{
    access::AccessArgs,
    args::{DocumentArgs, LimitArgs, Origin, OutputArgs, Selection},
    context::{Connection, Context, Prepared, establish, prepare},
    execute::{Conduct, ConductArgs, Consent, interrupted},
    planning::{self, Planned},
    publishing::{self, Ahead},
    session::Purpose,
    then::{self, Follower, Wish, carry_out_both, one_document},
};
use crate::{
    error::{Error, allow},
    exit::Exit,
    output::{Seal, Terminal, read_plan_file},
    plan::{DocumentKind, Permission, Plan, differences},
    signal::Interrupts,
};

/// Run a document over a group's instances, within limits, and report on each of them
#[derive(Debug, Clone, Args)]
pub(super) struct RunArgs {
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
    /// Carry out the plan in this file, as `fleet plan -o` wrote it; refused if the world has moved
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    conduct: ConductArgs,
    /// Plan and show, send nothing
    #[arg(long, conflicts_with = "report")]
    dry_run: bool,
    /// Publish the document first, one of fleet's own, if the account has it not as fleet has it
    #[arg(long, requires = "doc", conflicts_with_all = ["doc_version", "plan"])]
    publish: bool,
    /// Run this document afterwards over the same instances, as Fleet-CheckSshd shows whether
    /// a repair worked: a run of its own. The worse verdict of the two is the exit code
    #[arg(long, value_name = "DOC", value_parser = NonEmptyStringValueParser::new())]
    then: Option<String>,
}

pub(super) async fn run(
    args: &RunArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let wanted = tokio::select! {
        wanted = wanted(args) => wanted?,
        () = interrupts.next() => return Err(interrupted()),
    };
    let is_followed = wanted.then.is_some();
    if is_followed && !args.dry_run {
        one_document(args.output.output)?;
    }
    let reports = args.conduct.reports()?;
    let after = is_followed.then(|| args.conduct.afterwards().reports()).transpose()?;
    let consent = Consent::of(args.dry_run, args.conduct.yes, &args.access, terminal)?;
    let context = Context::from_env()?;
    let canned = args.publish.then(|| publishing::canned(&args.document)).transpose()?;
    let prepared = tokio::select! {
        prepared = prepare(&wanted.access, &context, terminal) => prepared?,
        () = interrupts.next() => return Err(interrupted()),
    };
    let ahead = match canned {
        None => Ahead::Nothing,
        Some(canned) if consent == Consent::DryRun => tokio::select! {
            ahead = publishing::would(&prepared, canned, terminal) => ahead?,
            () = interrupts.next() => return Err(interrupted()),
        },
        Some(canned) => {
            publishing::publish(&prepared, canned, consent, terminal, interrupts).await?
        }
    };
    let planning = planned(wanted, prepared, ahead, consent, &context, terminal);
    let (connection, planned) = tokio::select! {
        planned = planning => planned?,
        () = interrupts.next() => return Err(interrupted()),
    };
    let on_interrupt = args.conduct.on_interrupt();
    let conduct = Conduct { consent, reports, on_interrupt, follows: None };
    let follower = after.map(|reports| Follower { reports, wider: None });
    carry_out_both(connection, planned, (&context, follower), conduct, terminal, interrupts).await
}

/// What is to be planned, and the plan that it must amount to, if there is one already.
struct Wanted {
    selection: Selection,
    document: DocumentArgs,
    limits: LimitArgs,
    access: AccessArgs,
    plan: Option<(Plan, Seal)>,
    then: Option<Wish>,
}

async fn wanted(args: &RunArgs) -> Result<Wanted, Error> {
    if let Some(path) = &args.plan {
        return frozen(path, args).await;
    }
    planning::something_to_run(&args.document)?;
    planning::selector(&args.selection)?;
    Ok(Wanted {
        selection: args.selection.clone(),
        document: args.document.clone().read().await?,
        limits: args.limits.clone(),
        access: args.access.clone(),
        plan: None,
        then: args.then.clone().map(Wish::Named),
    })
}

/// Reads a plan that was written down. Its flags were given then; now only `--param` may be given,
/// for values that the file withholds.
async fn frozen(path: &Path, args: &RunArgs) -> Result<Wanted, Error> {
    planning::nothing_again(&args.selection, &args.document, &args.limits)?;
    if args.then.is_some() {
        let message = "--plan has what follows, and --then says it again";
        return Err(Error::new(Exit::Usage, message)
            .hint("`fleet plan --then DOC -o FILE` makes a plan with it"));
    }
    let (mut plan, seal) = read_plan_file(path).map_err(|err| {
        let message = format!("the plan {} cannot be read", path.display());
        Error::new(Exit::Usage, message).because(&err)
    })?;
    if plan.document.kind() == DocumentKind::Replacement {
        let message = format!("the plan {} has groups replace instances", path.display());
        return Err(Error::new(Exit::Usage, message)
            .hint("it is one of `fleet rescue crowdstrike --replace`, which plans anew"));
    }
    let automation = plan.document.automation.as_ref();
    if automation.is_some_and(|it| it.recovery.is_some()) {
        let message = format!("the plan {} is of a rescue", path.display());
        return Err(Error::new(Exit::Usage, message).hint(
            "its runbook is not started without the checks, Standby and the proof: `fleet \
                   rescue` plans anew",
        ));
    }
    let document = DocumentArgs::again(&plan.document, &args.document.params).await?;
    let document = DocumentArgs { origin: Origin::Plan, ..document };
    plan.document.parameters = planning::given(&document)?;
    Ok(Wanted {
        selection: Selection::of_plan(&plan),
        document,
        limits: LimitArgs::of_plan(&plan),
        access: args.access.or_those_of(&plan.region, &plan.operator),
        then: plan.then.clone().map(Wish::Planned),
        plan: Some((plan, seal)),
    })
}

/// Plans, also what is to follow, and refuses if a plan that was written down does not describe the
/// world any more.
async fn planned(
    wanted: Wanted,
    prepared: Prepared,
    ahead: Ahead,
    consent: Consent,
    context: &Context,
    terminal: &mut Terminal,
) -> Result<(Connection, Planned), Error> {
    let Wanted { selection, document, limits, plan, then, .. } = wanted;
    let selector = planning::selector(&selection)?;
    let (documents, acting) = (document.documents(), document.acting());
    let outputs = &prepared.settings.limits(&limits).storage.outputs();
    let purpose = match consent {
        Consent::DryRun => Purpose::Read,
        Consent::Ask | Consent::Given if then.is_some() => Purpose::Runs,
        Consent::Ask | Consent::Given => {
            let documents = document.sent(&documents, acting.role());
            Purpose::Run { selector: &selector, documents, wider: None, outputs }
        }
    };
    let connection = establish(prepared, purpose, terminal).await?;
    let mut now =
        planning::plan(&connection, context, &selection, &document, &limits, ahead).await?;
    connection.admit(&now.plan, &document.origin)?;
    if let Some(then) = &then {
        let (first, ahead) = (&now.plan, Ahead::Nothing);
        let sequel =
            then::foresee(then, &connection, context, &selection, &limits, first, ahead).await?;
        now.plan.then = Some(Box::new(sequel));
    }
    let planned = match plan {
        None => now,
        Some(frozen) => thawed(frozen, now, &connection)?,
    };
    Ok((connection, planned))
}

/// Returns the plan that was written down, if it is the one that would be made now.
fn thawed(
    (plan, seal): (Plan, Seal),
    now: Planned,
    connection: &Connection,
) -> Result<Planned, Error> {
    let mut differences = differences(&plan, &now.plan);
    if seal == Seal::Broken {
        differences.push("its content is not what `fleet plan` wrote: it was edited".to_owned());
    }
    if !differences.is_empty() {
        let mut err = Error::new(Exit::Setup, "the plan is stale: the world has moved");
        err.causes = differences;
        if plan.document.hash.is_some() && now.plan.document.hash.is_none() {
            err = err.hint(allow(Permission::DescribeDocument));
        }
        return Err(err.hint("make a new plan with `fleet plan -o FILE`"));
    }
    // The plan as it was reviewed, under the name of this run and of whoever runs it.
    let Planned { plan: Plan { run_id, created, operator, then, .. }, groups } = now;
    // What follows is the same, with the secrets that are withheld in the file.
    let mut plan = Plan { run_id, created, operator, is_written: true, then, ..plan };
    let redaction = connection.aws.redaction.clone();
    plan.document.parameters = plan.document.parameters.withholding(redaction);
    Ok(Planned { plan, groups })
}
