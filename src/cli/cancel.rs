//! `fleet cancel`: takes a run back, or some of its instances. The order is written down first: the
//! process that carries the run out obeys it, and so does every later one. Then SSM is asked to
//! cancel what is out there.

use std::{collections::BTreeSet, path::Path};

use clap::Args;

use super::{
    access::AccessArgs,
    args::OutputArgs,
    context::{Connection, Context, connect_for, history},
    execute::interrupted,
    session::Purpose,
    standing::{Standing, Wanted},
};
use crate::{
    aws::ErrorKind,
    error::{Error, allow},
    exit::Exit,
    output::{CancelRow, CancelState, Ledger, Orders, Terminal},
    plan::{DocumentKind, IRREVOCABLE, InstanceId, Outputs, Permission},
    run::{Cancellation, Observed, Settlement},
    signal::Interrupts,
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

pub(super) async fn cancel(
    args: &CancelArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
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
    let run = before.report.run.id.clone();
    let order = Order::leave(&directory, &named, &context, terminal);
    let mut telling = Telling { terminal, rows: Vec::new() };
    let asking = ask(args, &directory, (&before, &named), (order, &context), &mut telling);
    let res = tokio::select! {
        res = asking => res.map_err(|err| (err, "was not asked to cancel what was sent")),
        () = interrupts.next() => {
            Err((interrupted(), "may not have been asked to cancel all that was sent"))
        }
    };
    let res = res.map_err(|(err, what)| {
        // Meanwhile the process of the run may have heard of it, or have died.
        let carrier = Carrier::of(&directory);
        let seen = Standing::of(&directory).unwrap_or(before);
        let carrier = carrier.knowing(&seen);
        let err = err.but(format!("{}; SSM {what}", order.words(carrier, &seen, &named)));
        carrier.restoring(&seen).into_iter().fold(err, Error::hint)
    });
    let Telling { terminal, rows } = telling;
    terminal.cancelled(&run, &rows);
    res
}

/// What became of the order to the process that carries the run out, and to every later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Stands,
    Unwritten,
}

impl Order {
    fn leave(
        directory: &Path,
        named: &BTreeSet<InstanceId>,
        context: &Context,
        terminal: &mut Terminal,
    ) -> Self {
        let what = match named.is_empty() {
            true => Cancellation::Run,
            false => Cancellation::Instances(named.clone()),
        };
        let Err(err) = Orders::leave(directory, &what, context.now) else { return Self::Stands };
        let place = directory.display();
        terminal.warning(&format!(
            "could not write the order to {place}: {err}: a process that carries the run out goes \
             on sending"
        ));
        Self::Unwritten
    }

    /// Returns what an error leaves behind.
    fn words(self, carrier: Carrier, seen: &Standing, named: &BTreeSet<InstanceId>) -> String {
        let run = &seen.report.run.id;
        let whom = if named.is_empty() { "of it" } else { "to those instances" };
        match (self, carrier) {
            (Self::Stands, Carrier::Lives) => {
                format!("the order to run {run} stands, and its process obeys it")
            }
            (Self::Stands, Carrier::Unclear) => {
                format!("the order to run {run} stands, and its process obeys it if it still lives")
            }
            (Self::Stands, Carrier::Gone) => format!(
                "the order to run {run} stands; its process is gone, and nobody who takes the run \
                 up sends anything more {whom}; {}",
                // A termination cannot be taken back.
                match (seen.report.document.kind(), named.is_empty()) {
                    (DocumentKind::Replacement, _) => seen.left_behind("follows what was begun"),
                    (_, true) => seen.left_behind("cancels what runs"),
                    (_, false) => seen.left_behind("cancels those"),
                }
            ),
            (Self::Stands, Carrier::Ended) => {
                format!("run {run} has ended; {}", seen.left_behind("looks for that"))
            }
            (Self::Unwritten, Carrier::Lives) => {
                format!("run {run} has no order to end, and its process goes on")
            }
            (Self::Unwritten, Carrier::Unclear) => format!("run {run} has no order to end"),
            (Self::Unwritten, Carrier::Ended) => format!(
                "run {run} has no order to end, and has ended; {}",
                seen.left_behind("looks for that")
            ),
            (Self::Unwritten, Carrier::Gone) => format!(
                "run {run} has no order to end; its process is gone; {}",
                seen.left_behind("follows what was sent")
            ),
        }
    }
}

/// Whether a process carries the run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Lives,
    /// It has come to its end.
    Ended,
    /// It has not, and there is no process.
    Gone,
    /// The lock of the ledger cannot be asked.
    Unclear,
}

impl Carrier {
    /// Looks whether there is a process, before the events are read: whoever has let go of the lock
    /// has written its end, if it came to one.
    fn of(directory: &Path) -> Self {
        match Ledger::is_held(directory) {
            Ok(true) => Self::Lives,
            Ok(false) => Self::Gone,
            Err(_) => Self::Unclear,
        }
    }

    /// Returns the same with what the events tell.
    fn knowing(self, seen: &Standing) -> Self {
        match self {
            Self::Gone if seen.report.verdict.is_some() => Self::Ended,
            Self::Lives | Self::Ended | Self::Gone | Self::Unclear => self,
        }
    }

    /// Returns by what a rescue brings back what it has changed, where its process will not.
    fn restoring(self, seen: &Standing) -> Option<String> {
        let run = &seen.report.run.id;
        let automation = seen.report.document.automation.as_ref();
        let is_rescue = automation.is_some_and(|it| it.recovery.is_some());
        let is_left = self == Self::Gone && is_rescue && !seen.report.run.is_simulated;
        is_left.then(|| {
            format!(
                "its process is gone, and instances and groups are as it left them: `fleet restore \
                 {run}` brings them back"
            )
        })
    }
}

/// Shows what is done, as it is done, and keeps it for a script.
struct Telling<'a> {
    terminal: &'a mut Terminal,
    rows: Vec<CancelRow>,
}

impl Telling<'_> {
    fn tell(
        &mut self,
        state: CancelState,
        (instance, command): (Option<&InstanceId>, Option<&str>),
        text: String,
    ) {
        let (instance_id, command_id) = (instance.cloned(), command.map(ToOwned::to_owned));
        let row = CancelRow { state, instance_id, command_id, text };
        self.terminal.cancel_row(&row);
        self.rows.push(row);
    }
}

/// Asks SSM to cancel what is out there, if that is for this process to do.
async fn ask(
    args: &CancelArgs,
    directory: &Path,
    (before, named): (&Standing, &BTreeSet<InstanceId>),
    (order, context): (Order, &Context),
    telling: &mut Telling<'_>,
) -> Result<Exit, Error> {
    // What was accepted in the meantime is there now, or is cancelled by the process of the run.
    let carrier = Carrier::of(directory);
    let mut seen = Standing::of(directory)?;
    let carrier = carrier.knowing(&seen);
    let run = seen.report.run.id.clone();
    if named.is_empty() && order == Order::Stands {
        let text = format!("run {run}: nothing more is sent");
        telling.tell(CancelState::Ordered, (None, None), text);
    }
    for id in named {
        if let Some(text) = seen.without_a_call(before, id) {
            telling.tell(CancelState::Settled, (Some(id), None), format!("{id}: {text}"));
        }
    }
    let mut exit = if order == Order::Stands { Exit::Success } else { Exit::Setup };
    if seen.report.run.is_simulated {
        telling.terminal.hint(&match carrier {
            Carrier::Lives => "its process cancels what runs on its simulator".to_owned(),
            Carrier::Unclear => {
                "its process cancels what runs on its simulator, if it still lives".to_owned()
            }
            Carrier::Ended => format!("it has ended: {}", seen.left_behind("looks for that")),
            Carrier::Gone => {
                format!("its process is gone: {}", seen.left_behind("cancels what runs"))
            }
        });
        return Ok(exit);
    }
    if carrier == Carrier::Lives {
        // It hears of what comes of its sends itself.
        seen.doubted.clear();
    }
    let wanted = seen.commands_of(named);
    if !(wanted.is_empty() && seen.doubted.is_empty()) {
        let report = &seen.report;
        let access = args.access.or_those_of(&report.region, &report.operator);
        let (selector, outputs) = (&report.selector, &Outputs::default());
        let purpose = Purpose::Follow { selector, kind: report.document.kind(), outputs };
        let connection = connect_for(&access, context, purpose, telling.terminal).await?;
        connection.require_home_of(
            report.account.as_deref(),
            &report.region,
            report.run.is_simulated,
        )?;
        if call(&seen, wanted, &connection, named, telling).await == Called::Refused {
            exit = Exit::Setup;
        }
        let hint = "there is no guarantee: SSM may still let what runs come to its end";
        telling.terminal.hint(hint);
    }
    telling.terminal.hint(&match carrier {
        Carrier::Lives => format!("the process of run {run} follows what was sent to its end"),
        Carrier::Ended => format!("it has ended: {}", seen.left_behind("looks for that")),
        Carrier::Gone => {
            format!("its process is gone: {}", seen.left_behind("follows what was sent"))
        }
        Carrier::Unclear => format!("`fleet watch {run}` follows what was sent to its end"),
    });
    if let Some(hint) = carrier.restoring(&seen) {
        telling.terminal.hint(&hint);
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
    telling: &mut Telling<'_>,
) -> Called {
    for (send, (token, ids)) in &seen.doubted {
        let on: Vec<_> = named.iter().filter(|it| ids.contains(it)).cloned().collect();
        let is_wanted = named.is_empty() || ids.is_empty() || !on.is_empty();
        let Some(plan) = seen.plan.as_ref().filter(|_| is_wanted) else { continue };
        if plan.document.kind() == DocumentKind::Replacement {
            telling.terminal.warning(&format!(
                "send {send} is in doubt: if it was accepted, the instance ends all the same"
            ));
            continue;
        }
        if plan.document.kind() == DocumentKind::Automation {
            // To ask for it again under its token could start it.
            telling.terminal.warning(&format!(
                "send {send} is in doubt, and executions do not show by which start they came: if \
                 it was accepted it goes on"
            ));
            continue;
        }
        match connection.aws.settle(plan, *send, token).await {
            Observed::Settled { settlement: Settlement::Accepted(it), .. } => {
                let on = if ids.is_empty() { named.iter().cloned().collect() } else { on };
                wanted.push((it.command_id, (!named.is_empty()).then_some(on)));
            }
            _ => telling.terminal.warning(&format!(
                "send {send} is in doubt, and SSM does not show it: if it was accepted it goes \
                 on, and `fleet watch {}` finds and cancels it",
                seen.report.run.id
            )),
        }
    }
    let mut called = Called::Answered;
    let what = seen.report.document.kind().sent_word();
    for (command, instances) in wanted {
        let asked = match seen.report.document.kind() {
            DocumentKind::Command => {
                connection.aws.request_cancel(&command, instances.as_deref()).await
            }
            DocumentKind::Automation => connection.aws.request_stop(&command).await,
            DocumentKind::Replacement => {
                called = Called::Refused;
                let text = format!("{what} {command} goes on: {IRREVOCABLE}");
                telling.tell(CancelState::Refused, (None, Some(&command)), text);
                continue;
            }
        };
        let about = Some(command.as_str());
        match (asked, &instances) {
            (Ok(()), None) => {
                let text = format!("cancel requested for {what} {command}");
                telling.tell(CancelState::Requested, (None, about), text);
            }
            (Ok(()), Some(ids)) => ids.iter().for_each(|it| {
                let text = format!("{it}: cancel requested of {what} {command}");
                telling.tell(CancelState::Requested, (Some(it), about), text);
            }),
            (Err(err), _) if !err.is_proof_of_nothing() => {
                called = Called::Refused;
                let text =
                    format!("whether {what} {command} is being cancelled is not known: {err}");
                telling.tell(CancelState::Unknown, (None, about), text);
            }
            (Err(err), _) => {
                called = Called::Refused;
                let text = format!("{what} {command} could not be cancelled: {err}");
                telling.tell(CancelState::Refused, (None, about), text);
                let is_denied = err.kind == ErrorKind::Denied;
                let action = is_denied.then(|| Permission::of_action(&err.action())).flatten();
                if let Some(permission) = action {
                    telling.terminal.hint(&allow(permission));
                    break;
                }
            }
        }
    }
    called
}
