//! `--then`: a document that shows afterwards whether the first one worked. It is a run of its own, over
//! those that it was for, and nothing of it is sent before that one has ended.

use std::collections::BTreeSet;

use super::{
    args::{Also, DocumentArgs, LimitArgs, Origin, OutputFormat, ParamArgs, Selection},
    context::{Connection, Context},
    execute::{Carried, Conduct, Consent, Ended, Reports, carry_out, interrupted},
    planning::{self, Planned},
    predecessor::Predecessor,
    publishing::Ahead,
    storage::StorageArgs,
};
use crate::{
    error::Error,
    exit::Exit,
    output::{Terminal, events},
    plan::{Document, Plan, Selector, Sequel},
    run::{InstanceFacts, Outcome, Report, SequelState, sequel_state},
    signal::Interrupts,
};

/// What promises that nothing was sent, which is not so once there was a first run.
const NOTHING_SENT: [u8; 3] = [2, 3, 4];

/// What is to follow: as the flag names it, or as a plan says that was written down.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    Named(String),
    Planned(Box<Sequel>),
}

impl Wish {
    /// Returns the document, with the parameters that `first` passes on to it.
    pub(super) fn document(&self, first: &Document) -> DocumentArgs {
        match self {
            Self::Named(name) => DocumentArgs::verifying(name, first),
            Self::Planned(it) => {
                let Sequel { document, .. } = &**it;
                DocumentArgs {
                    doc_version: document.version.clone(),
                    before: document.sidecar.clone(),
                    automation: document.automation.is_some(),
                    origin: Origin::Run,
                    ..DocumentArgs::verifying(&document.name, first)
                }
            }
        }
    }

    /// Takes as many at once, and gives them as much time, as the first run does. How many may fail
    /// is the document's own to say: who is broken still is for it to find.
    pub(super) fn limits(&self, first: &LimitArgs) -> LimitArgs {
        match self {
            Self::Named(_) => LimitArgs {
                max_concurrency: first.max_concurrency,
                timeout: first.timeout,
                storage: first.storage.clone(),
                ..LimitArgs::default()
            },
            Self::Planned(it) => planned(it),
        }
    }
}

/// Returns the limits that were planned.
fn planned(sequel: &Sequel) -> LimitArgs {
    LimitArgs {
        max_concurrency: Some(sequel.limits.max_concurrency.input),
        max_errors: Some(sequel.limits.max_errors.input),
        timeout: sequel.document.is_delivered().then_some(sequel.delivery_timeout),
        storage: StorageArgs::of(&sequel.outputs),
        ..LimitArgs::default()
    }
}

/// Plans before the first run what is to follow it, as if that had ended already, for those whom it
/// is for. It only reads.
///
/// # Errors
/// If it could not be sent to them: nothing has been sent then.
pub(super) async fn foresee(
    wish: &Wish,
    connection: &Connection,
    context: &Context,
    selection: &Selection,
    limits: &LimitArgs,
    first: &Plan,
    ahead: Ahead,
) -> Result<Sequel, Error> {
    let (document, limits) = (wish.document(&first.document), wish.limits(limits));
    let planned = planning::plan(connection, context, selection, &document, &limits, ahead).await?;
    connection.admit(&planned.plan, &document.origin)?;
    Ok(Sequel::of(&planned.plan, first))
}

/// Refuses to print two runs as one document.
pub(super) fn one_document(output: OutputFormat) -> Result<(), Error> {
    if output != OutputFormat::Json {
        return Ok(());
    }
    let message = "--output json is one document, and with --then there are two runs";
    Err(Error::new(Exit::Usage, message)
        .hint("--output jsonl has the events of both, `fleet report RUN` the document of each"))
}

/// What is to be known of the run that follows before the first one is carried out.
#[derive(Debug)]
pub(super) struct Follower {
    pub reports: Reports,
    /// What the instances of the first run were once selected by, where it names them by their ids.
    pub wider: Option<Selector>,
}

/// Carries a plan out, and what it says is to follow.
pub(super) async fn carry_out_both(
    mut connection: Connection,
    planned: Planned,
    (context, follower): (&Context, Option<Follower>),
    conduct: Conduct,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let then = match (&planned.plan.then, follower) {
        (Some(sequel), Some(Follower { reports, wider })) => {
            // Who has consented to the first has seen in its plan that this follows.
            let consent = Consent::Given;
            let conduct =
                Conduct { consent, reports, on_interrupt: conduct.on_interrupt, follows: None };
            let then = Then::of(&planned.plan, sequel, &ParamArgs::default(), conduct).await?;
            Some(Then { wider, ..then })
        }
        _ => None, // nothing is to follow
    };
    let done = carry_out(&mut connection, planned, context, conduct, terminal, interrupts).await?;
    match then {
        Some(then) => then.follow(connection, context, done, terminal, interrupts).await,
        None => Ok(done.exit),
    }
}

/// The run that is to follow one that has ended.
#[derive(Debug)]
pub(super) struct Then {
    document: DocumentArgs,
    limits: LimitArgs,
    /// Somebody could look at it beforehand.
    is_written: bool,
    /// What the instances were once selected by, where the first run names them by their ids.
    wider: Option<Selector>,
    conduct: Conduct,
}

impl Then {
    /// Returns what is to follow `plan`, with the parameters that were withheld from it.
    pub(super) async fn of(
        plan: &Plan,
        sequel: &Sequel,
        given: &ParamArgs,
        conduct: Conduct,
    ) -> Result<Self, Error> {
        let given = given.among(&sequel.document.parameters);
        Ok(Self {
            document: DocumentArgs::again(&sequel.document, &given).await?,
            limits: LimitArgs { reason: plan.reason.clone(), ..planned(sequel) },
            is_written: plan.is_written,
            wider: None,
            conduct,
        })
    }

    /// Runs it after the first run if that has ended as one that something follows, and returns the
    /// worse verdict of the two.
    pub(super) async fn follow(
        self,
        mut connection: Connection,
        context: &Context,
        first: Carried,
        terminal: &mut Terminal,
        interrupts: &mut Interrupts,
    ) -> Result<Exit, Error> {
        let Carried { exit, ended } = first;
        let Some(Ended { report, ledger, files }) = ended else { return Ok(exit) };
        let story = events(ledger.directory())?;
        let name = self.document.doc.clone().unwrap_or_default();
        if sequel_state(&story) != SequelState::Due {
            let run = &report.run.id;
            let why = match sequel_state(&story) {
                SequelState::Withheld => "nothing follows one that ended so",
                SequelState::Unplanned
                | SequelState::Ahead
                | SequelState::Due
                | SequelState::Begun { .. } => "it has not come to its end",
            };
            terminal.hint(&format!("{name} was not run after run {run}: {why}"));
            return Ok(exit);
        }
        let first = Predecessor { ledger, events: story, files };
        let (context, is_private) = (context.next()?, connection.is_private());
        let again = async {
            connection.begin_again(&context).await?;
            Ok(connection)
        };
        let run = report.run.id.clone();
        self.run(again, &context, (&report, exit), first, terminal, interrupts).await.map_err(
            |err| match is_private {
                true => err,
                false => err.hint(format!("`fleet watch {run} --continue` runs {name}")),
            },
        )
    }

    /// Runs it over those whom the first run was for, on the connection that there will be.
    pub(super) async fn run(
        self,
        connection: impl Future<Output = Result<Connection, Error>>,
        context: &Context,
        (report, exit): (&Report, Exit),
        first: Predecessor,
        terminal: &mut Terminal,
        interrupts: &mut Interrupts,
    ) -> Result<Exit, Error> {
        let Self { document, limits, is_written, wider, conduct } = self;
        let (name, run) = (document.doc.clone().unwrap_or_default(), report.run.id.clone());
        let meant = report.instances.iter().filter(was_meant);
        let ids: Vec<_> = meant.map(|it| it.instance_id.clone()).collect();
        if ids.is_empty() {
            terminal.hint(&format!("{name} was not run: run {run} was sent to nobody"));
            return Ok(exit);
        }
        // Whom the first run took although they are left out by default is looked at as well.
        let selection = Selection::of_instances(ids, Also::ALL.to_vec());
        let second = async {
            let planning = async {
                let wider = wider.unwrap_or_else(|| whom(report));
                let connection = connection.await?.narrowed_at_least_to(wider);
                let (document, limits) = (&document, &limits);
                let planned = planning::plan(
                    &connection,
                    context,
                    &selection,
                    document,
                    limits,
                    Ahead::Nothing,
                );
                let planned = planned.await?;
                connection.admit(&planned.plan, &document.origin)?;
                Ok::<_, Error>((connection, planned))
            };
            let (mut connection, planned) = tokio::select! {
                planned = planning => planned?,
                () = interrupts.next() => return Err(interrupted()),
            };
            let plan = Plan { parent_id: Some(run.clone()), is_written, ..planned.plan };
            let planned = Planned { plan, ..planned };
            let conduct = Conduct { follows: Some(first), ..conduct };
            carry_out(&mut connection, planned, context, conduct, terminal, interrupts).await
        };
        match second.await {
            Ok(second) => Ok(worse(exit, second.exit)),
            Err(err) => {
                let exit = match err.exit {
                    Exit::Interrupted => Exit::Interrupted,
                    _ => worse(exit, Exit::Verdict(1)), // whatever it is, the first run was sent
                };
                let done = format!("run {run} has ended, and {name} was not run after it");
                Err(Error { exit, ..err }.but(done))
            }
        }
    }
}

/// Returns what the first run was for, with the groups by their names.
pub(super) fn whom(report: &Report) -> Selector {
    if report.selector.group_tags.is_empty() {
        return report.selector.clone();
    }
    let groups = report.instances.iter().filter_map(|it| it.group.clone());
    let groups: BTreeSet<String> = groups.collect();
    report.selector.naming(&groups.into_iter().collect::<Vec<_>>())
}

/// Returns the worse of the verdicts of two runs, of which the first was sent.
pub(super) fn worse(first: Exit, second: Exit) -> Exit {
    let second = match second {
        it if NOTHING_SENT.contains(&it.code()) => Exit::Verdict(1),
        it => it,
    };
    // Success, failure, stopped, unknown; then whatever ended fleet itself.
    const ORDER: [u8; 4] = [0, 1, 5, 6];
    let rank = |it: Exit| ORDER.iter().position(|code| *code == it.code()).unwrap_or(ORDER.len());
    if rank(second) > rank(first) { second } else { first }
}

/// Returns whether the first run was for it. Whoever was refused or could not be reached is looked at
/// as well: that nobody could do anything there is no success.
fn was_meant(it: &&InstanceFacts) -> bool {
    match it.outcome {
        Outcome::Succeeded
        | Outcome::Failed
        | Outcome::ExecutionTimedOut
        | Outcome::DeliveryTimedOut
        | Outcome::Undeliverable
        | Outcome::AccessDenied
        | Outcome::InvalidPlatform
        | Outcome::Skipped
        | Outcome::Unknown => true,
        // What had begun may have been done by half.
        Outcome::Cancelled => it.started.is_some(),
        // It is gone, or was kept for another time.
        Outcome::LeftGroup | Outcome::Terminated | Outcome::NotAttempted => false,
    }
}
