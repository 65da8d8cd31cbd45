//! `fleet cancel`: asks SSM to cancel what a run has out there. Whoever follows the run, this
//! process or another, sees what came of it.

use clap::Args;

use super::{
    access::AccessArgs,
    args::OutputArgs,
    context::{Context, connect, history},
};
use crate::{
    error::Error,
    exit::Exit,
    output::{Terminal, events, report as fold},
    plan::{InstanceId, Permission},
    run::{EventKind, InstanceFacts, Observed, Outcome},
};

/// Cancel the commands of a run
#[derive(Debug, Clone, Args)]
pub(super) struct CancelArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    run: String,
    /// Only on this instance; may be repeated
    #[arg(long = "instance", value_name = "ID")]
    instance: Vec<InstanceId>,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

pub(super) async fn cancel(args: &CancelArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let directory = history()?.find(&args.run)?;
    let report = fold(&directory)?;
    let commands = events(&directory)?.into_iter().filter_map(|it| match it.data {
        EventKind::CommandAccepted { command_id, .. } => Some(command_id),
        _ => None,
    });
    let commands: Vec<String> = commands.collect();
    if commands.is_empty() {
        let message = format!("run {} has no command", report.run.id);
        return Err(Error::new(Exit::NothingEligible, message));
    }
    // An instance that is unknown may still be running, also after the run's own end.
    let is_open = |it: &InstanceFacts| it.outcome == Outcome::Unknown;
    if report.verdict.is_some() && !report.instances.iter().any(is_open) {
        let message = format!("run {} has ended: there is nothing to cancel", report.run.id);
        return Err(Error::new(Exit::NothingEligible, message));
    }
    let context = Context::from_env()?;
    let access = args.access.or_those_of(&report.region, &report.operator);
    let connection = connect(&access, &context, &report.selector, &[], terminal).await?;
    connection.require_home_of(report.account.as_deref(), report.run.is_simulated)?;
    let mut is_refused = false;
    for command in commands {
        let on = report.instances.iter().filter(|it| it.command_id.as_ref() == Some(&command));
        let on: Vec<InstanceId> = on.map(|it| it.instance_id.clone()).collect();
        let named = args.instance.iter().filter(|it| on.contains(it) || on.is_empty());
        let named: Vec<InstanceId> = named.cloned().collect();
        if !args.instance.is_empty() && named.is_empty() {
            continue;
        }
        let instances = (!args.instance.is_empty()).then_some(named);
        match connection.aws.cancel(command.clone(), instances).await {
            Observed::CancelAnswered { refused: Some(why), denial, .. } => {
                is_refused = true;
                terminal.warning(&format!("command {command} could not be cancelled: {why}"));
                if let Some(permission) = denial.and_then(|it| Permission::of_action(&it.action)) {
                    terminal.hint(&crate::error::allow(permission));
                    break;
                }
            }
            _ => terminal.line(&format!("cancel requested for command {command}")),
        }
    }
    terminal.hint("there is no guarantee: SSM may still let what runs come to its end");
    Ok(if is_refused { Exit::Setup } else { Exit::Success })
}
