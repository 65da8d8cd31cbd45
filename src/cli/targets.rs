//! `fleet targets`: who matches, and what is known of each.

use clap::Args;

use super::{
    access::AccessArgs,
    args::{OutputArgs, Selection},
    context::{Context, connect_for},
    planning,
    session::Purpose,
};
use crate::{
    aws,
    error::Error,
    exit::Exit,
    output::Terminal,
    plan::{Excluded, Exclusion, exclusion},
};

/// List the instances that a selection matches, and which of them a run would take
#[derive(Debug, Clone, Args)]
pub(super) struct TargetsArgs {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

pub(super) async fn targets(args: &TargetsArgs, terminal: &mut Terminal) -> Result<Exit, Error> {
    let selector = planning::selector(&args.selection)?;
    let context = Context::from_env()?;
    let connection = connect_for(&args.access, &context, Purpose::Read, terminal).await?;
    let found = aws::resolve(&connection.aws, &selector).await?;
    for note in &found.notes {
        terminal.warning(&note.text);
    }
    let Some(candidates) = found.candidates else {
        let message = "the instances cannot be listed by this caller";
        return Err(Error::new(Exit::Setup, message)
            .hint("the caller's policy must allow autoscaling:DescribeAutoScalingGroups"));
    };
    let (mut planned, mut excluded) = (Vec::new(), Vec::new());
    for target in candidates {
        let by_name = selector.exclude.contains(&target.id).then_some(Exclusion::ByName);
        match by_name.or_else(|| exclusion(&target, args.selection.include(), &[])) {
            None => planned.push(target),
            Some(reason) => excluded.push(Excluded::new(&target, reason)),
        }
    }
    terminal.targets(&planned, &excluded);
    Ok(if planned.is_empty() { Exit::NothingEligible } else { Exit::Success })
}
