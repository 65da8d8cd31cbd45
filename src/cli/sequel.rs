//! What `fleet watch` does for the run that is to follow the watched one: it tells of it, and with
//! `--continue` begins it where it is due, or brings it to its end where it was begun.

use std::path::Path;

use super::{
    args::OutputFormat,
    context::{Context, connect_for, history},
    execute::{Conduct, Consent, interrupted},
    predecessor::Predecessor,
    session::Purpose,
    then::{Then, worse},
    watch::{WatchArgs, attach},
};
use crate::{
    error::Error,
    exit::Exit,
    output::{Ledger, Terminal, events, report},
    plan::{Plan, RunId, Sequel},
    run::{Event, LeftOver, SequelState, left_over, sequel_state},
    signal::Interrupts,
};

/// Returns whether what is to follow the run in `directory` comes before anything more of the run
/// itself: it is due, or has not ended.
///
/// # Errors
/// If two runs would be printed as one document.
pub(super) fn comes_first(args: &WatchArgs, directory: &Path) -> Result<bool, Error> {
    // What is wrong with a ledger is for others to say.
    let Ok(story) = events(directory) else { return Ok(false) };
    let state = state_of(&story);
    if !args.go_on || state == SequelState::Unplanned {
        return Ok(false);
    }
    if args.output.output == OutputFormat::Json {
        let message = "--output json is one document, and the run is followed by another";
        return Err(Error::new(Exit::Usage, message).hint(
            "--output jsonl has the events of both, `fleet report RUN` the document of each",
        ));
    }
    if Ledger::is_held(directory).unwrap_or(true) || is_simulated(&story) {
        return Ok(false);
    }
    Ok(match state {
        SequelState::Unplanned | SequelState::Ahead | SequelState::Withheld => false,
        SequelState::Due => true,
        SequelState::Begun { run_id } => has_ended(&run_id) == Some(false),
    })
}

/// Tells of what follows the run in `directory`, which has ended so, or brings it to its end, and
/// returns the worse verdict of the two.
pub(super) async fn take_up(
    args: &WatchArgs,
    directory: &Path,
    exit: Exit,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let Ok(story) = events(directory) else { return Ok(exit) };
    let Some((plan, _)) = story.first().and_then(Event::beginning) else { return Ok(exit) };
    let Some(sequel) = plan.then.as_deref().filter(|_| !plan.is_simulated) else {
        return Ok(exit);
    };
    let name = &sequel.document.name;
    match state_of(&story) {
        SequelState::Begun { run_id } if args.go_on && has_ended(&run_id).is_none() => {
            terminal
                .warning(&format!("run {run_id} of {name} followed it, and has no ledger here"));
            Ok(exit)
        }
        SequelState::Begun { run_id } if args.go_on => {
            let second = again(args, &run_id, sequel, terminal, interrupts).await?;
            let exit = worse(exit, second);
            if left_over(&story) == LeftOver::Waves && second != Exit::Interrupted {
                let hint = format!("`fleet watch {} --continue` sends what is left", plan.run_id);
                terminal.hint(&hint);
            }
            Ok(exit)
        }
        SequelState::Begun { run_id } => {
            terminal.hint(&format!("run {run_id} of {name} followed it: `fleet watch {run_id}`"));
            Ok(exit)
        }
        SequelState::Due if args.go_on => begin(args, directory, exit, terminal, interrupts).await,
        SequelState::Due => {
            let hint =
                format!("{name} is to follow: `fleet watch {} --continue` runs it", plan.run_id);
            terminal.hint(&hint);
            Ok(exit)
        }
        SequelState::Unplanned | SequelState::Ahead | SequelState::Withheld => Ok(exit),
    }
}

/// Follows what was begun, in this process if its own is gone.
async fn again(
    args: &WatchArgs,
    run_id: &RunId,
    sequel: &Sequel,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let directory = history()?.find(run_id.as_str())?;
    let args = WatchArgs {
        run: run_id.to_string(),
        params: args.params.among(&sequel.document.parameters),
        conduct: args.conduct.afterwards(),
        ..args.clone()
    };
    terminal.next_run();
    attach(&args, &directory, terminal, interrupts).await
}

async fn begin(
    args: &WatchArgs,
    directory: &Path,
    exit: Exit,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    let unheld = Ledger::reopen(directory).map_err(|err| {
        Error::new(Exit::Setup, "the ledger of the run cannot be read").because(&err)
    })?;
    let Some((ledger, story)) = unheld else {
        terminal.hint("the process of the run goes on, and begins what is to follow");
        return Ok(exit);
    };
    // Whoever held it may have begun it meanwhile.
    let (SequelState::Due, Some((plan, _))) =
        (state_of(&story), story.first().and_then(Event::beginning))
    else {
        return Ok(exit);
    };
    let Some(sequel) = plan.then.clone() else { return Ok(exit) };
    let plan = plan.clone();
    let report = report(directory)?;
    let files = args.conduct.reports()?.files;
    let first = Predecessor { ledger, events: story, files };
    let conduct = Conduct {
        consent: Consent::of(false, args.conduct.yes, &args.access, terminal)?,
        reports: args.conduct.afterwards().reports()?,
        on_interrupt: args.conduct.on_interrupt(),
        follows: None,
    };
    let then = Then::of(&plan, &sequel, &args.params, conduct).await?;
    let context = Context::from_env()?.beside(&plan.run_id)?;
    let access = args.access.or_those_of(&plan.region, &plan.operator);
    let connection = tokio::select! {
        it = connect_for(&access, &context, Purpose::Runs, terminal) => it,
        () = interrupts.next() => Err(interrupted()),
    };
    let connection = async {
        let connection = connection?;
        connection.require_home_of(plan.account.as_deref(), &plan.region, plan.is_simulated)?;
        Ok(connection)
    };
    then.run(connection, &context, (&report, exit), first, terminal, interrupts).await
}

/// Returns how it stands with what follows, whose process may have died before the first of its events:
/// one that is not told of was never sent.
fn state_of(story: &[Event]) -> SequelState {
    let state = sequel_state(story);
    let SequelState::Begun { run_id } = &state else { return state };
    let directory = history().ok().and_then(|it| it.find(run_id.as_str()).ok());
    let is_empty = directory.is_some_and(|it| {
        let events = std::fs::metadata(it.join("events.jsonl"));
        events.is_ok_and(|it| it.len() == 0) && Ledger::is_held(&it).is_ok_and(|it| !it)
    });
    if is_empty { SequelState::Due } else { state }
}

fn is_simulated(story: &[Event]) -> bool {
    let plan = story.first().and_then(Event::beginning).map(|(plan, _): (&Plan, _)| plan);
    plan.is_some_and(|it| it.is_simulated)
}

/// Returns whether a run has ended; `None` if there is none of this name.
fn has_ended(run_id: &RunId) -> Option<bool> {
    let directory = history().ok()?.find(run_id.as_str()).ok()?;
    Some(report(&directory).is_ok_and(|it| it.verdict.is_some()))
}
