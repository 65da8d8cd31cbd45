//! `fleet watch`: follows a run that goes on, or takes over one whose process is gone.

use std::{path::Path, time::Duration};

use clap::Args;
use tokio::time::sleep;

use super::{
    access::AccessArgs,
    args::{DocumentArgs, OutputArgs, ParamArgs},
    context::{Connection, Context, connect_for, history},
    execute::{ConductArgs, Consent, Reports, confirm, fetched, finish, interrupted, lock, show},
    planning,
    remains::complete,
    rescue::write_intents,
    retry::instead,
    sequel,
    session::Purpose,
    standing::Standing,
};
use crate::{
    drive::{Beginning, Course, Sinks, Ward, answer, drive},
    error::Error,
    exit::Exit,
    output::{
        HistoryError, Ledger, Orders, Tail, Terminal, events, read_plan, report, stored_report,
    },
    plan::{DocumentKind, Documents, Plan},
    run::{Cancellation, Event, EventKind, Fold, LeftOver, Report, Resume, left_over},
    signal::{Inquiries, Interrupts},
};

/// How often the ledger of a run that goes on is looked at.
const GLANCE: Duration = Duration::from_millis(200);

/// Follow a run to its end: one that goes on, one whose process is gone, or one that lost track
#[derive(Debug, Clone, Args)]
pub(super) struct WatchArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    pub(super) run: String,
    /// Also send what had not been sent when its process went, and run what is to follow it with
    /// `fleet run --then`
    #[arg(long = "continue")]
    pub(super) go_on: bool,
    #[command(flatten)]
    pub(super) params: ParamArgs,
    #[command(flatten)]
    pub(super) access: AccessArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) conduct: ConductArgs,
}

pub(super) async fn watch(
    args: &WatchArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let directory = history()?.find(&args.run)?;
    // What is due of another run comes before more of this one.
    let comes_first = sequel::comes_first(args, &directory)?;
    let first = WatchArgs { go_on: args.go_on && !comes_first, ..args.clone() };
    let watched = attach(&first, &directory, terminal, interrupts).await;
    match watched.map_err(|err| Standing::beside(err, &directory))? {
        Exit::Interrupted => Ok(Exit::Interrupted),
        exit => sequel::take_up(args, &directory, exit, terminal, interrupts).await,
    }
}

pub(super) async fn attach(
    args: &WatchArgs,
    directory: &Path,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let reports = args.conduct.reports()?;
    let unreadable = |source| HistoryError::of(args.run.clone(), source);
    let orders = Orders::of(directory).pending();
    let go_on = args.go_on && orders != Some(Cancellation::Run);
    if args.go_on && !go_on {
        terminal.warning(&format!("run {} was cancelled: nothing more of it is sent", args.run));
        let again = format!("`fleet retry {}` runs again over those that were left", args.run);
        let instead = report(directory).ok().and_then(|it| instead(&it));
        let hints = instead.map_or_else(|| vec![again], |it| it.hints);
        hints.iter().for_each(|it| terminal.hint(it));
    }
    let mode = if go_on { Resume::Continue } else { Resume::Follow };
    if !Ledger::is_held(directory).map_err(unreadable)?
        && let Some(report) = ended(directory, mode)?
    {
        // What is all there is only read: its directory need not be writable. A process that died
        // before it wrote the report down has it written now.
        if stored_report(directory).as_ref() == Some(&report) {
            let files = vec![directory.join("report.json")];
            return Ok(show(&report, (directory, files), reports, terminal));
        }
        return Ok(match Ledger::reopen(directory) {
            Ok(Some((ledger, _))) => finish(&report, ledger, reports, terminal),
            Ok(None) | Err(_) => show(&report, (directory, Vec::new()), reports, terminal),
        });
    }
    let mut following = None;
    let (ledger, events) = loop {
        if let Some(it) = Ledger::reopen(directory).map_err(unreadable)? {
            break it;
        }
        let (tail, fold) = match &mut following {
            Some(it) => it,
            None => {
                let tail = Tail::open(directory).map_err(unreadable)?;
                following.insert((tail, Fold::default()))
            }
        };
        match follow(directory, (tail, fold), terminal, interrupts).await? {
            Followed::ToItsEnd => {
                let report = std::mem::take(fold).report().ok_or_else(|| {
                    Error::new(Exit::Setup, "the ledger of the run has no beginning")
                })?;
                return Ok(show(&report, (directory, Vec::new()), reports, terminal));
            }
            Followed::UntilInterrupted => return Ok(Exit::Interrupted),
            // Somebody else may be faster to take it over.
            Followed::UntilItsProcessWasGone => {}
        }
    };
    if following.is_some() {
        terminal.warning(&format!("the process of run {} is gone: it is taken over", args.run));
    }
    if let Some(report) = ended(directory, mode)? {
        return Ok(finish(&report, ledger, reports, terminal));
    }
    let plan = match events.first().map(|it| &it.data) {
        Some(EventKind::RunStarted { plan }) => Plan::clone(plan),
        _ => read_plan(&directory.join("plan.json")).map_err(unreadable)?,
    };
    take_over(args, plan, ledger, (events, mode), reports, terminal, interrupts).await
}

/// Returns the report of a run that has ended and left nothing to be done.
fn ended(directory: &Path, mode: Resume) -> Result<Option<Report>, Error> {
    let events = events(directory)?;
    if !has_finished(&events) {
        return Ok(None);
    }
    let report = report(directory)?;
    let has_more = match left_over(&events) {
        LeftOver::Nothing => false,
        LeftOver::Unknown => true,
        LeftOver::Waves => mode == Resume::Continue,
    };
    // What was lost sight of is looked for again, but not on a simulator that is gone.
    let is_over = !has_more || report.run.is_simulated;
    Ok(is_over.then_some(report))
}

/// How far a run was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Followed {
    ToItsEnd,
    UntilInterrupted,
    UntilItsProcessWasGone,
}

/// Shows what the process of the run writes down, as long as there is one.
async fn follow(
    directory: &Path,
    (tail, fold): (&mut Tail, &mut Fold),
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Followed, Error> {
    let clock = Context::from_env()?.clock();
    let mut inquiries = Inquiries::listen();
    let mut started = None;
    loop {
        // Asked before the events are read: what it wrote last is among them.
        let is_held = Ledger::is_held(directory).unwrap_or(true);
        let added = tail.added().map_err(|err| {
            Error::new(Exit::Setup, "the ledger of the run cannot be read").because(&err)
        })?;
        let is_finished = has_finished(&added);
        for event in &added {
            if let Some((plan, at)) = event.beginning() {
                started = Some(at);
                terminal.expect(history()?.expected(plan));
            }
            fold.apply(event);
            terminal.event(event);
        }
        if is_finished {
            return Ok(Followed::ToItsEnd);
        }
        if !is_held {
            return Ok(Followed::UntilItsProcessWasGone);
        }
        let elapsed = started.map(|it| clock().duration_since(it).as_millis());
        terminal.tick(elapsed.and_then(|it| u64::try_from(it).ok()).unwrap_or_default());
        tokio::select! {
            () = sleep(GLANCE) => {}
            inquiry = inquiries.next() => answer(terminal, inquiry),
            () = interrupts.next() => {
                terminal.warning("stopped watching; the run goes on");
                return Ok(Followed::UntilInterrupted);
            }
        }
    }
}

/// Returns whether the last that is told of the run is its end.
fn has_finished(events: &[Event]) -> bool {
    let is_turn = |it: &&Event| {
        matches!(it.data, EventKind::RunFinished { .. } | EventKind::RunResumed { .. })
    };
    let last = events.iter().rfind(is_turn);
    last.is_some_and(|it| matches!(it.data, EventKind::RunFinished { .. }))
}

/// Brings a run to its end whose process is gone, or that ended without knowing everything.
async fn take_over(
    args: &WatchArgs,
    mut plan: Plan,
    mut ledger: Ledger,
    (events, mode): (Vec<Event>, Resume),
    reports: Reports,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let go_on = mode == Resume::Continue;
    // What only follows sends nothing that would have to be confirmed.
    let consent = Consent::of(false, args.conduct.yes || !go_on, &args.access, terminal)?;
    if go_on {
        let document = tokio::select! {
            document = DocumentArgs::again(&plan.document, &args.params) => document?,
            () = interrupts.next() => return Err(interrupted()),
        };
        plan.document.parameters = planning::given(&document)?;
    }
    let context = Context::from_env()?;
    let access = args.access.or_those_of(&plan.region, &plan.operator);
    let groups = groups_of(&plan);
    let documents = [plan.document.name.clone()];
    let documents = documents.each_ref().map(String::as_str);
    let kind = plan.document.kind();
    let role = plan.document.passed_role();
    // The groups that a tag named then: what it names by now is no part of the plan.
    let selector = plan.selector.naming(&groups);
    let outputs = plan.outputs.clone();
    let recovery = plan.document.automation.as_ref().and_then(|it| it.recovery.as_ref());
    let online = recovery.and_then(|it| it.online.as_ref()).map(|it| it.document.as_str());
    let purpose = match mode {
        _ if kind == DocumentKind::Replacement => Purpose::Replace { groups: &groups },
        _ if recovery.is_some() => {
            Purpose::Rescue { groups: &groups, role: role.as_deref(), online }
        }
        Resume::Continue => {
            let documents = Documents { names: &documents, kind, role: role.as_deref() };
            Purpose::Run { selector: &selector, documents, wider: None, outputs: &outputs }
        }
        Resume::Follow => Purpose::Follow { selector: &selector, kind, outputs: &outputs },
    };
    let mut connection = tokio::select! {
        it = connect_for(&access, &context, purpose, terminal) => it?,
        () = interrupts.next() => return Err(interrupted()),
    };
    connection.require_home_of(plan.account.as_deref(), &plan.region, plan.is_simulated)?;
    let aws = &mut connection.aws;
    let secrets = plan.document.parameters.secrets();
    aws.redaction = aws.redaction.clone().knowing(secrets.iter().map(String::as_str));
    plan.document.parameters = plan.document.parameters.withholding(aws.redaction.clone());
    if go_on {
        // Whatever it was begun under, these are the ceilings of whoever sends the rest.
        let ceilings = connection.settings.ceilings();
        ceilings.admit(&plan)?;
        ceilings.admit_run(&plan).map_err(|err| {
            let run = &plan.run_id;
            Error::from(err).hint(format!(
                "run {run} was begun without one. `fleet watch {run}` follows what was sent; for \
                 those that are left, `fleet plan -o FILE`, then `fleet run --plan FILE`"
            ))
        })?;
    }
    if consent == Consent::Ask {
        confirm(&plan, terminal, interrupts).await?;
    }
    // Whoever brings groups back must have them for itself, as whoever changes them.
    let is_alone = connection.is_private() || !(go_on || recovery.is_some());
    let _lock = if is_alone { None } else { Some(lock(&plan, &groups)?) };
    let Connection { aws, pace, speed, .. } = &mut connection;
    let (directory, clock) = (ledger.directory().to_owned(), context.clock());
    let sinks = Sinks { terminal, ledger: &mut ledger };
    let on_interrupt = args.conduct.on_interrupt();
    let ward = Ward { plan: &plan, directory: &directory, factor: *speed, clock: &clock };
    let ward = recovery.map(|_| ward);
    if ward.is_some() {
        let at = context.now;
        complete(&directory, &events, at, sinks.terminal).map_err(|err| {
            Error::new(Exit::Setup, "the journal of changes cannot be read").because(&err)
        })?;
    }
    write_intents(aws, &directory);
    let course = Course { plan: &plan, groups: &groups, pace: *pace, on_interrupt, ward };
    sinks.terminal.expect(history()?.expected(&plan));
    let beginning = Beginning::Left { events, mode, now: context.now };
    let mut report = drive(aws, course, beginning, sinks, interrupts).await;
    if plan.outputs.full {
        report = fetched(aws, report, Duration::ZERO, (&mut ledger, terminal), interrupts).await;
    }
    Ok(finish(&report, ledger, reports, terminal))
}

/// Returns the groups that the plan was made from, whose members are read again at the end. A plan of
/// an older version tells of those that were matched by their tags only through their instances.
fn groups_of(plan: &Plan) -> Vec<String> {
    if !plan.groups.is_empty() {
        return plan.groups.clone();
    }
    let mut groups = plan.selector.groups.clone();
    if plan.selector.is_groups_only() {
        groups.extend(plan.population.planned.iter().filter_map(|it| it.group.clone()));
    }
    groups.sort();
    groups.dedup();
    groups
}
