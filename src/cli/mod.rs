//! The command line: the only module that names clap. One file a command; its doc comment is the
//! help text.

mod access;
mod args;
mod bug;
mod cancel;
mod context;
mod declarations;
mod device;
mod docs;
mod doctor;
mod execute;
mod folds;
mod generate;
mod plan;
mod planning;
mod policy;
mod predecessor;
mod prompt;
mod publishing;
mod remains;
mod report;
mod rescue;
mod restore;
mod retry;
mod run;
mod runs;
mod sequel;
mod session;
mod settings;
mod sim;
mod standing;
mod storage;
mod targets;
mod then;
mod watch;

use clap::{Parser, Subcommand};

pub use self::bug::guarded;
use crate::{
    error::Error,
    exit::Exit,
    output::{Format, Terminal},
    plan::REDACTED,
    signal::Interrupts,
};

/// Runs AWS Systems Manager documents over EC2 Auto Scaling groups, once, within limits, and
/// accounts for every instance.
#[derive(Debug, Parser)]
#[command(name = "fleet", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 all succeeded, 1 some did not, 2 usage, 3 setup, \
                        4 nothing eligible, 5 stopped with the rest untouched, 6 unknown, \
                        70 a bug, 130 interrupted. After 2, 3 and 4 nothing was sent.")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::RunArgs>),
    Plan(Box<plan::PlanArgs>),
    Targets(Box<targets::TargetsArgs>),
    Policy(Box<policy::PolicyArgs>),
    Doctor(Box<doctor::DoctorArgs>),
    Rescue(Box<rescue::RescueArgs>),
    Restore(Box<restore::RestoreArgs>),
    Runs(runs::RunsArgs),
    Report(Box<report::ReportArgs>),
    Watch(Box<watch::WatchArgs>),
    Cancel(Box<cancel::CancelArgs>),
    Retry(Box<retry::RetryArgs>),
    Docs(Box<docs::DocsArgs>),
    Sim(sim::SimArgs),
    Completions(generate::CompletionsArgs),
    Man(generate::ManArgs),
}

/// Parses the command line. The error holds the code to exit with; what there was to say, be it
/// help or a complaint, has been said.
pub fn parse() -> Result<Cli, Exit> {
    Cli::try_parse().map_err(|err| {
        let err = unseen(err);
        let printed = err.print();
        if err.exit_code() == 0 {
            return match printed {
                Err(err) if err.kind() != std::io::ErrorKind::BrokenPipe => {
                    let text = format!("could not write to standard output: {err}");
                    Terminal::new(Format::Human, false).warning(&text);
                    Exit::Setup
                }
                Ok(()) | Err(_) => Exit::Success,
            };
        }
        Terminal::new(Format::Human, false).hint("nothing was sent");
        Exit::Usage
    })
}

/// Takes out of a complaint what may be a secret, or the pattern of one. The name that a parameter
/// begins with stays.
fn unseen(mut err: clap::Error) -> clap::Error {
    use clap::error::{ContextKind, ContextValue};
    let (Some(ContextValue::String(flag)), Some(ContextValue::String(value))) =
        (err.get(ContextKind::InvalidArg), err.get(ContextKind::InvalidValue))
    else {
        return err;
    };
    let name = match flag.split(' ').next().unwrap_or_default() {
        "--param" | "--param-file" => {
            let end = value.find(|it: char| !(it.is_ascii_alphanumeric() || it == '_'));
            end.map_or(value.as_str(), |it| &value[..it])
        }
        "--redact" | "--mfa-token" => "",
        _ => return err,
    };
    if name != value {
        let shown = ContextValue::String(format!("{name}{REDACTED}"));
        err.insert(ContextKind::InvalidValue, shown);
    }
    err
}

/// Says that the async runtime could not be started.
pub fn no_runtime(err: &std::io::Error) -> Exit {
    let causes = [err.to_string()];
    let hints = ["nothing was sent".to_owned()];
    let message = "could not start the async runtime";
    Terminal::new(Format::Human, false).failure(message, &causes, &hints);
    Exit::Setup
}

/// Runs the command and returns how it ended; what there was to say has been said.
pub async fn run(cli: Cli) -> Exit {
    let mut terminal = cli.terminal();
    let is_silent = matches!(cli.command, Command::Sim(_)); // it never sends anything
    let result = match Interrupts::listen() {
        Ok(mut interrupts) => dispatch(&cli, &mut terminal, &mut interrupts).await,
        Err(err) => Err(Error::new(Exit::Setup, "could not listen for signals").because(&err)),
    };
    let result = result.map(|exit| match exit {
        // Its result is all that such a command is for. A run's is in its ledger as well.
        Exit::Success if terminal.has_failed() => Exit::Setup,
        exit => exit,
    });
    result.unwrap_or_else(|err| {
        let Error { exit, message, causes, mut hints, done } = err;
        // Every error stops fleet before its first send; afterwards there is only the report. What
        // an earlier process has sent, and what else was done, the error knows.
        if !is_silent {
            hints.push(done.unwrap_or_else(|| "nothing was sent".to_owned()));
        }
        terminal.failure(&message, &causes, &hints);
        exit
    })
}

async fn dispatch(
    cli: &Cli,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let interrupted = || Error::new(Exit::Interrupted, "interrupted");
    match &cli.command {
        Command::Run(args) => run::run(args, terminal, interrupts).await,
        Command::Plan(args) => tokio::select! {
            result = plan::plan(args, terminal) => result,
            () = interrupts.next() => Err(interrupted()),
        },
        Command::Targets(args) => tokio::select! {
            result = targets::targets(args, terminal) => result,
            () = interrupts.next() => Err(interrupted()),
        },
        Command::Policy(args) => tokio::select! {
            result = policy::policy(args, terminal) => result,
            () = interrupts.next() => Err(interrupted()),
        },
        Command::Doctor(args) => tokio::select! {
            result = doctor::doctor(args, terminal) => result,
            () = interrupts.next() => Err(interrupted()),
        },
        Command::Rescue(args) => rescue::rescue(args, terminal, interrupts).await,
        Command::Restore(args) => restore::restore(args, terminal, interrupts).await,
        Command::Cancel(args) => cancel::cancel(args, terminal, interrupts).await,
        Command::Watch(args) => watch::watch(args, terminal, interrupts).await,
        Command::Retry(args) => retry::retry(args, terminal, interrupts).await,
        Command::Runs(args) => runs::runs(args, terminal),
        Command::Report(args) => report::report(args, terminal, interrupts).await,
        Command::Docs(args) => docs::docs(args, terminal, interrupts).await,
        Command::Sim(args) => sim::sim(args, terminal, interrupts).await,
        Command::Completions(args) => generate::completions(args, terminal),
        Command::Man(args) => generate::man(args, terminal),
    }
}

impl Cli {
    fn terminal(&self) -> Terminal {
        match &self.command {
            Command::Run(args) => args.output.terminal(),
            Command::Plan(args) => args.output.terminal(),
            Command::Targets(args) => args.output.terminal(),
            Command::Policy(args) => Terminal::new(Format::Human, args.quiet),
            Command::Doctor(args) => args.output.terminal(),
            Command::Rescue(args) => args.terminal(),
            Command::Restore(args) => args.output.terminal(),
            Command::Watch(args) => args.output.terminal(),
            Command::Cancel(args) => args.output.terminal(),
            Command::Retry(args) => args.output.terminal(),
            Command::Runs(args) => args.output.terminal(),
            Command::Report(args) => args.terminal(),
            Command::Docs(args) => args.output().terminal(),
            Command::Sim(_) | Command::Completions(_) | Command::Man(_) => {
                Terminal::new(Format::Human, false)
            }
        }
    }
}
