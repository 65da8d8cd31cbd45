//! From a plan to a report: what every command that sends does after planning.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};

use super::{
    access::AccessArgs,
    context::{Connection, Context, history, state_directory},
    folds::FoldArgs,
    planning::Planned,
    predecessor::Predecessor,
    prompt::{Answer, ask},
};
use crate::{
    aws::Aws,
    drive::{Beginning, Course, Sinks, drive, fetch},
    error::Error,
    exit::Exit,
    output::{Folds, Ledger, Lock, ReportFile, Terminal, events},
    plan::{Outputs, Plan, count},
    run::{Fold, Kind, OnInterrupt, Report},
    signal::Interrupts,
};

/// How a run is carried out, whatever its plan.
#[derive(Debug, Clone, Args)]
pub(super) struct ConductArgs {
    /// Do not ask before sending
    #[arg(long, short)]
    pub yes: bool,
    /// What becomes of what runs when Ctrl-C or SIGTERM ends the sending. Either way the run is
    /// followed to its end; a second one stops that too
    #[arg(long, value_name = "WHAT", default_value = "cancel")]
    on_interrupt: Running,
    /// Write the report to this file; may be repeated. Its format is its ending: .json, .jsonl,
    /// .html, .md, .csv, .xml (JUnit) or .txt. That of a run which follows this one goes beside it,
    /// to NAME.then.ENDING
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
    #[command(flatten)]
    folds: FoldArgs,
}

/// `--on-interrupt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Running {
    /// It is cancelled
    Cancel,
    /// It is left to run
    Leave,
}

impl ConductArgs {
    /// Refuses a report that could not be written, before anything is sent.
    pub(super) fn reports(&self) -> Result<Reports, Error> {
        Reports::check(&self.report, self.folds)
    }

    /// Returns the same for the run that follows: its report goes beside the first one's, to
    /// NAME.then.ENDING.
    pub(super) fn afterwards(&self) -> Self {
        let beside = |it: &PathBuf| {
            let ending = it.extension().unwrap_or_default().to_string_lossy();
            it.with_extension(format!("then.{ending}"))
        };
        Self { report: self.report.iter().map(beside).collect(), ..self.clone() }
    }

    pub(super) fn on_interrupt(&self) -> OnInterrupt {
        match self.on_interrupt {
            Running::Cancel => OnInterrupt::Cancel,
            Running::Leave => OnInterrupt::Leave,
        }
    }
}

/// How a plan is carried out.
#[derive(Debug)]
pub(super) struct Conduct {
    pub consent: Consent,
    pub reports: Reports,
    pub on_interrupt: OnInterrupt,
    /// The run that it is to follow.
    pub follows: Option<Predecessor>,
}

/// Where a report goes besides the ledger, and how it is shown.
#[derive(Debug)]
pub(super) struct Reports {
    pub files: Vec<ReportFile>,
    pub folds: Folds,
}

impl Reports {
    /// Refuses a report that could not be written.
    pub(super) fn check(paths: &[PathBuf], folds: FoldArgs) -> Result<Self, Error> {
        let check =
            |path: &PathBuf| ReportFile::check(path).map_err(|err| Error::of(Exit::Usage, &err));
        let files = paths.iter().map(check).collect::<Result<_, _>>()?;
        Ok(Self { files, folds: folds.folds() })
    }
}

/// Asks whether the plan is to be carried out.
pub(super) async fn confirm(
    plan: &Plan,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<(), Error> {
    confirm_despite(None, plan, terminal, interrupts).await
}

/// The same, where the question names what is in doubt.
pub(super) async fn confirm_despite(
    doubt: Option<&str>,
    plan: &Plan,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<(), Error> {
    let whom = match plan.planned() {
        Some(n) => count(n as usize, "instance"),
        None => "every instance that the group's tag reaches".to_owned(),
    };
    let doubt = doubt.map(|it| format!(", {it}")).unwrap_or_default();
    let question = format!("Run {} on {whom}{doubt}?", plan.document.name);
    match ask(terminal, &question, interrupts).await {
        Answer::Yes => Ok(()),
        Answer::No => Err(Error::new(Exit::Interrupted, "not confirmed")),
        Answer::Interrupted => Err(interrupted()),
    }
}

pub(super) fn interrupted() -> Error {
    Error::new(Exit::Interrupted, "interrupted")
}

/// What becomes of a plan once it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    /// It is shown, and nothing is sent.
    DryRun,
    /// It is carried out if the operator says yes.
    Ask,
    Given,
}

impl Consent {
    /// Reads the flags; a simulator of one's own needs no asking. Refuses a run that nobody can
    /// confirm, before anything is read.
    pub(super) fn of(
        dry_run: bool,
        yes: bool,
        access: &AccessArgs,
        terminal: &Terminal,
    ) -> Result<Self, Error> {
        let consent = match (dry_run, yes || access.sim.is_some()) {
            (true, _) => Self::DryRun,
            (false, true) => Self::Given,
            (false, false) => Self::Ask,
        };
        if consent == Self::Ask && !terminal.is_interactive() {
            let message =
                "there is no terminal to ask for confirmation on, and --yes was not passed";
            return Err(Error::new(Exit::Usage, message));
        }
        Ok(consent)
    }
}

/// What has become of a plan.
#[derive(Debug)]
pub(super) struct Carried {
    pub exit: Exit,
    /// None after a dry run.
    pub ended: Option<Ended>,
}

/// A run that has ended. It is this process's as long as its ledger is held.
#[derive(Debug)]
pub(super) struct Ended {
    pub report: Report,
    pub ledger: Ledger,
    /// Where its report was written besides.
    pub files: Vec<ReportFile>,
}

/// Shows a plan, has it confirmed, carries it out, and reports; it leaves the connection for the run after
/// it.
pub(super) async fn carry_out(
    connection: &mut Connection,
    planned: Planned,
    context: &Context,
    conduct: Conduct,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Carried, Error> {
    let Planned { plan, groups } = planned;
    let Conduct { consent, reports, on_interrupt, follows } = conduct;
    if consent == Consent::DryRun {
        terminal.plan(&plan);
        terminal.hint("nothing was sent: this was a dry run");
        return Ok(Carried { exit: Exit::Success, ended: None });
    }
    connection.settings.ceilings().admit_run(&plan).map_err(|err| {
        Error::from(err).hint("`fleet plan -o FILE`, then `fleet run --plan FILE`")
    })?;
    connection.let_send(&plan, &groups, terminal).await?;
    terminal.plan_preview(&plan);
    if consent == Consent::Ask {
        confirm(&plan, terminal, interrupts).await?;
    }
    // Nobody else can reach a simulator of its own, so nobody has to be kept out.
    let _lock = if connection.is_private() { None } else { Some(lock(&plan, &groups)?) };
    let mut ledger = ledger(&plan)?;
    if let Some(first) = follows {
        first.followed_by(&plan, context.started(), reports.folds, terminal)?;
    }
    let Connection { aws, pace, .. } = connection;
    let secrets = plan.document.parameters.secrets();
    aws.redaction = aws.redaction.clone().knowing(secrets.iter().map(String::as_str));
    terminal.expect(history()?.expected(&plan));
    let sinks = Sinks { terminal, ledger: &mut ledger };
    let course = Course { plan: &plan, groups: &groups, pace: *pace, on_interrupt, ward: None };
    let beginning = Beginning::New(context.started());
    let mut report = drive(aws, course, beginning, sinks, interrupts).await;
    if plan.outputs.full {
        report = fetched(aws, report, Duration::ZERO, (&mut ledger, terminal), interrupts).await;
    }
    let files = reports.files.clone();
    let exit = write_down(&report, &mut ledger, reports, terminal);
    Ok(Carried { exit, ended: Some(Ended { report, ledger, files }) })
}

/// Fetches into files what the list has cut of a run that has ended, and returns its report, which
/// tells of them. It began so long ago. The report was written down before: whatever happens here, the run has one.
pub(super) async fn fetched(
    aws: &mut Aws,
    report: Report,
    since: Duration,
    (ledger, terminal): (&mut Ledger, &mut Terminal),
    interrupts: &mut Interrupts,
) -> Report {
    if report.verdict.is_none() || !report.instances.iter().any(|it| it.command_id.is_some()) {
        return report;
    }
    if let Err(err) = ledger.finish(&report) {
        terminal.warning(&format!("could not write the report to the ledger: {err}"));
    }
    let outputs = Outputs { full: true, ..report.outputs.clone() };
    let res = async {
        let mut story = events(ledger.directory()).map_err(std::io::Error::other)?;
        let sinks = Sinks { terminal, ledger };
        story.extend(fetch(aws, &outputs, (&story, since), sinks, interrupts).await?);
        let mut fold = Fold::default();
        story.iter().for_each(|it| fold.apply(it));
        Ok::<_, std::io::Error>(fold.report())
    };
    match res.await {
        Ok(told) => told.unwrap_or(report),
        Err(err) => {
            terminal.warning(&format!("the output could not be fetched: {err}"));
            report
        }
    }
}

/// Writes the report wherever it belongs, shows it, and returns its verdict.
pub(super) fn finish(
    report: &Report,
    mut ledger: Ledger,
    reports: Reports,
    terminal: &mut Terminal,
) -> Exit {
    write_down(report, &mut ledger, reports, terminal)
}

fn write_down(
    report: &Report,
    ledger: &mut Ledger,
    reports: Reports,
    terminal: &mut Terminal,
) -> Exit {
    let mut files = Vec::new();
    match ledger.finish(report) {
        Ok(path) => files.push(path),
        Err(err) => terminal.warning(&format!("could not write the report to the ledger: {err}")),
    }
    show(report, (ledger.directory(), files), reports, terminal)
}

/// Writes the report to the files that were asked for, shows it, and returns its verdict. Its run
/// has this directory, and the files in it that are told of.
pub(super) fn show(
    report: &Report,
    (directory, mut files): (&Path, Vec<PathBuf>),
    reports: Reports,
    terminal: &mut Terminal,
) -> Exit {
    for file in reports.files {
        match file.write(report, reports.folds, directory) {
            Ok(()) => files.push(file.path().to_owned()),
            Err(err) => {
                let path = file.path().display();
                terminal.warning(&format!("could not write the report to {path}: {err}"));
            }
        }
    }
    terminal.report(report, &files, reports.folds);
    let Some(verdict) = &report.verdict else { return Exit::Bug };
    if verdict.kind == Kind::NothingSent {
        // Another run may have been made before it.
        terminal.hint(match &report.run.parent_id {
            None => "nothing was sent",
            Some(_) => "nothing of this run was sent",
        });
    }
    Exit::Verdict(verdict.exit_code)
}

/// Keeps other runs of this machine away from the groups that the plan touches.
pub(super) fn lock(plan: &Plan, groups: &[String]) -> Result<Lock, Error> {
    let mut names: Vec<String> = groups.to_vec();
    names.extend(plan.population.planned.iter().filter_map(|it| it.group.clone()));
    names.sort();
    names.dedup();
    let account = plan.account.as_deref().unwrap_or("unknown");
    Ok(Lock::take(&state_directory()?, account, &plan.region, &names, &plan.run_id)?)
}

pub(super) fn ledger(plan: &Plan) -> Result<Ledger, Error> {
    let directory = state_directory()?;
    Ledger::create(&directory, plan).map_err(|err| {
        // A file in the way of the directories is there already as well.
        if err.kind() == ErrorKind::AlreadyExists && history().is_ok_and(|it| it.has(&plan.run_id))
        {
            let message = format!("there is a ledger of another run {} already", plan.run_id);
            return Error::new(Exit::Setup, message)
                .hint("run it again: runs are named after their second");
        }
        let message = format!("could not create the ledger under {}", directory.display());
        Error::new(Exit::Setup, message)
            .because(&err)
            .hint("set XDG_STATE_HOME to a directory that can be written")
    })
}
