//! `fleet cancel`: takes a run back, or some of its instances. The order is written down first: the
//! process that carries the run out obeys it, and so does every later one. Then SSM is asked to
//! cancel what is out there.

use std::collections::BTreeSet;

use clap::Args;

use super::{
    access::AccessArgs,
    args::OutputArgs,
    context::{Connection, Context, connect_for, history},
    session::Purpose,
    standing::{Standing, Wanted},
};
use crate::{
    error::{Error, allow},
    exit::Exit,
    output::{Ledger, Orders, Terminal},
    plan::{InstanceId, Permission},
    run::{Cancellation, Observed, Settlement},
};

/// Cancel a run, or some instances of it: nothing more is sent, what was sent is cancelled
#[derive(Debug, Clone, Args)]
pub(super) struct CancelArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    run: String,
    /// Only this instance, the rest goes on; may be repeated
    #[arg(long = "instance", value_name = "ID")]
    instance: Vec<InstanceId>,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

pub(super) async fn cancel(args: &CancelArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let directory = history()?.find(&args.run)?;
    let named: BTreeSet<InstanceId> = args.instance.iter().cloned().collect();
    let before = Standing::of(&directory)?;
    if let Some(damage) = &before.damage {
        let cause = std::error::Error::source(damage).map(|it| format!(": {it}"));
        terminal.warning(&format!("{damage}{}", cause.unwrap_or_default()));
    }
    before.require_members(&named)?;
    before.require_something_to_cancel(&named)?;
    let context = Context::from_env()?;
    let what = match named.is_empty() {
        true => Cancellation::Run,
        false => Cancellation::Instances(named.clone()),
    };
    let mut exit = Exit::Success;
    if let Err(err) = Orders::leave(&directory, &what, context.now) {
        let place = directory.display();
        terminal.warning(&format!(
            "could not write the order to {place}: {err}: a process that carries the run out goes \
             on sending"
        ));
        exit = Exit::Setup;
    }
    // What was accepted in the meantime is there now, or is cancelled by the process of the run.
    let mut seen = Standing::of(&directory)?;
    let run = seen.report.run.id.clone();
    let is_alive = Ledger::is_held(&directory).unwrap_or(false);
    if named.is_empty() && exit == Exit::Success {
        terminal.line(&format!("run {run}: nothing more is sent"));
    }
    for id in &named {
        if let Some(text) = seen.without_a_call(&before, id) {
            terminal.line(&format!("{id}: {text}"));
        }
    }
    if seen.report.run.is_simulated && is_alive {
        terminal.hint("its process cancels what runs on its simulator");
        return Ok(exit);
    }
    if is_alive {
        // It hears of what comes of its sends itself.
        seen.doubted.clear();
    }
    let wanted = seen.commands_of(&named);
    if !(wanted.is_empty() && seen.doubted.is_empty()) {
        let report = &seen.report;
        let access = args.access.or_those_of(&report.region, &report.operator);
        let purpose = Purpose::Follow { selector: &report.selector };
        let connection = connect_for(&access, &context, purpose, terminal).await?;
        connection.require_home_of(report.account.as_deref(), report.run.is_simulated)?;
        if call(&seen, wanted, &connection, &named, terminal).await == Called::Refused {
            exit = Exit::Setup;
        }
        terminal.hint("there is no guarantee: SSM may still let what runs come to its end");
    }
    if is_alive {
        terminal.hint(&format!("the process of run {run} follows what was sent to its end"));
    } else {
        terminal.hint(&format!("`fleet watch {run}` follows what was sent to its end"));
    }
    Ok(exit)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Called {
    Answered,
    Refused,
}

/// Asks SSM to cancel `wanted`, and what comes of the sends of which nobody has heard.
async fn call(
    seen: &Standing,
    mut wanted: Vec<Wanted>,
    connection: &Connection,
    named: &BTreeSet<InstanceId>,
    terminal: &mut Terminal,
) -> Called {
    for (send, (token, ids)) in &seen.doubted {
        let on: Vec<_> = named.iter().filter(|it| ids.contains(it)).cloned().collect();
        let is_wanted = named.is_empty() || ids.is_empty() || !on.is_empty();
        let Some(plan) = seen.plan.as_ref().filter(|_| is_wanted) else { continue };
        match connection.aws.settle(plan, *send, token).await {
            Observed::Settled { settlement: Settlement::Accepted(it), .. } => {
                let on = if ids.is_empty() { named.iter().cloned().collect() } else { on };
                wanted.push((it.command_id, (!named.is_empty()).then_some(on)));
            }
            _ => terminal.warning(&format!(
                "send {send} is in doubt, and SSM does not show it: if it was accepted it goes \
                 on, and `fleet watch {}` finds and cancels it",
                seen.report.run.id
            )),
        }
    }
    let mut called = Called::Answered;
    for (command, instances) in wanted {
        match connection.aws.cancel(command.clone(), instances.clone()).await {
            Observed::CancelAnswered { refused: Some(why), denial, .. } => {
                called = Called::Refused;
                terminal.warning(&format!("command {command} could not be cancelled: {why}"));
                let permission = denial.and_then(|it| Permission::of_action(&it.action));
                if let Some(permission) = permission {
                    terminal.hint(&allow(permission));
                    break;
                }
            }
            _ => match instances {
                None => terminal.line(&format!("cancel requested for command {command}")),
                Some(ids) => ids.iter().for_each(|it| {
                    terminal.line(&format!("{it}: cancel requested of command {command}"));
                }),
            },
        }
    }
    called
}
