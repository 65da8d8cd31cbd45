//! `fleet rescue resume`: instances get back the root volume that a runbook has left elsewhere, also
//! where this machine has no ledger of it.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, ValueEnum};

use super::{
    manner::id_of,
    returning::{Site, permitted, unowned},
    wrecks::{Kept, Wanted, find, kept},
};
use crate::{
    cli::{
        access::AccessArgs,
        args::{OutputArgs, Selection},
        context::{Context, connect_for, history},
        execute::{Consent, interrupted},
        planning,
        prompt::{Answer, ask},
        restore::{self, RestoreArgs},
        session::Purpose,
    },
    error::Error,
    exit::Exit,
    output::{LostState, Resumption, Terminal, mended},
    plan::InstanceId,
    rescue::{Power, leftovers},
    run::{ChangeState, GroupChange},
    signal::Interrupts,
};

/// Put back what a rescue that died has left elsewhere: of a RUN, from its ledger, as `fleet restore`
/// does; of selected instances, whoever started it, the root volumes that EC2Rescue's helpers still have
#[derive(Debug, Clone, Args)]
pub(super) struct ResumeArgs {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN", conflicts_with_all = ["asg", "asg_tag", "instance", "tag"])]
    run: Option<String>,
    #[command(flatten)]
    selection: Selection,
    /// The root volume of an instance, where it cannot be proved which that is; may be repeated
    #[arg(long = "volume", value_name = "INSTANCE=VOLUME", value_parser = choice,
          conflicts_with = "run")]
    volumes: Vec<(InstanceId, String)>,
    /// What becomes of them then [default: as before, where the execution tells; stopped if not]
    #[arg(long, value_name = "STATE", conflicts_with = "run")]
    power: Option<PowerName>,
    /// Do not ask before anything is changed
    #[arg(long, short)]
    yes: bool,
    /// Show what would be put back, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// `--power`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PowerName {
    /// They are started
    Running,
    /// They stay stopped
    Stopped,
}

/// What it takes to find instances without a root volume, and what tells where that is.
const READS: [&str; 9] = [
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeAutoScalingInstances",
    "ec2:DescribeInstances",
    "ec2:DescribeVolumes",
    "ssm:DescribeAutomationExecutions",
    "ssm:DescribeAutomationStepExecutions",
    "ssm:DescribeInstanceInformation",
    "ssm:DescribeInstanceProperties",
    "ssm:GetAutomationExecution",
];

pub(super) async fn resume(
    args: &ResumeArgs,
    terminal: &mut Terminal,
    interrupts: &mut Interrupts,
) -> Result<Exit, Error> {
    if let Some(run) = &args.run {
        let args = RestoreArgs::of(run, args.dry_run, &args.access, &args.output);
        return restore::restore(&args, terminal, interrupts).await;
    }
    let selector = planning::selector(&args.selection)?;
    let chosen = chosen(&args.volumes)?;
    let power = match args.power {
        None => Power::AsBefore,
        Some(PowerName::Running) => Power::Running,
        Some(PowerName::Stopped) => Power::Stopped,
    };
    let consent = Consent::of(args.dry_run, args.yes, &args.access, terminal)?;
    let context = Context::from_env()?;
    let (kept, unread) = kept(&history()?, &selector)?;
    unread.iter().for_each(|it| terminal.warning(it));
    let groups: BTreeSet<String> = kept.iter().flat_map(|it| it.held.groups()).collect();
    let groups: Vec<String> = groups.into_iter().collect();
    let purpose = match consent {
        Consent::DryRun => Purpose::Look { actions: &READS },
        Consent::Ask | Consent::Given => {
            Purpose::Rescue { groups: &groups, role: None, online: None }
        }
    };
    let wanted = Wanted { selector: &selector, chosen: &chosen, power, kept: &kept };
    let looking = async {
        let connection = connect_for(&args.access, &context, purpose, terminal).await?;
        let found = find(&connection, &wanted).await?;
        Ok::<_, Error>((connection, found))
    };
    let (connection, found) = unless_interrupted(looking, interrupts).await?;
    found.warnings.iter().for_each(|it| terminal.warning(it));
    let kept: Vec<&Kept> = kept.iter().filter(|it| it.is_of(&connection)).collect();
    let region = connection.aws.region.clone();
    let account = connection.aws.account.clone();
    let mut told = Resumption::new(region.clone(), account, found.lost.clone());
    told.leftovers = leftovers(&found.wreckage, &region);
    // What is on these is about to be taken from them.
    let is_holder = |id: &String| found.lost.iter().any(|it| it.holder.as_ref() == Some(id));
    told.leftovers.retain(|it| !it.helper.as_ref().is_some_and(is_holder));
    let changed = unowned(&connection.aws, &found, &found.wreckage, &kept);
    let changed = unless_interrupted(async { Ok(changed.await) }, interrupts).await?;
    if found.lost.is_empty() {
        terminal.resume_plan(&told);
        terminal.hint("none of the selected instances has lost its root volume");
        for it in kept.iter().filter(|it| it.is_left(&found)) {
            let run = &it.plan.run_id;
            terminal.hint(&format!("`fleet restore {run}` restores the groups of run {run}"));
        }
        changed.iter().for_each(|it| terminal.hint(it));
        return Ok(Exit::Success);
    }
    let n_taken = found.lost.iter().filter(|it| it.is_taken()).count();
    if n_taken == 0 {
        terminal.resume_plan(&told);
        changed.iter().for_each(|it| terminal.hint(it));
        let err = Error::new(Exit::NothingEligible, "no root volume can be put back")
            .but("nothing was changed");
        let is_unproved = found.lost.iter().any(|it| it.state == LostState::Unproved);
        let decides = "--volume INSTANCE=VOLUME decides where nothing is proved";
        return Err(if is_unproved { err.hint(decides) } else { err });
    }
    if consent == Consent::DryRun {
        terminal.resume_plan(&told);
        changed.iter().for_each(|it| terminal.hint(it));
        terminal.hint("nothing was changed: this was a dry run");
        let is_all = n_taken == found.lost.len();
        return Ok(if is_all { Exit::Success } else { Exit::Verdict(1) });
    }
    unless_interrupted(permitted(&connection, &found), interrupts).await?;
    terminal.resume_preview(&told);
    for it in kept.iter().filter(|it| it.is_left(&found)) {
        let run = &it.plan.run_id;
        terminal
            .note(&format!("run {run} has left its groups changed: they are restored after it"));
    }
    if consent == Consent::Ask {
        let question = match n_taken {
            1 => "Bring this instance back?".to_owned(),
            n => format!("Bring these {n} instances back?"),
        };
        match ask(terminal, &question, interrupts).await {
            Answer::Yes => {}
            Answer::No => return Err(Error::new(Exit::Interrupted, "not confirmed")),
            Answer::Interrupted => return Err(interrupted()),
        }
    }
    let site = Site { connection: &connection, context: &context, found: &found, kept: &kept };
    let _lock = site.lock()?;
    if consent == Consent::Ask {
        // It took as long as the answer did.
        let again = unless_interrupted(find(&connection, &wanted), interrupts).await?;
        if again.taken() != found.taken() {
            let message = "what was shown has changed before it was confirmed";
            return Err(Error::new(Exit::Setup, message)
                .but("nothing was changed")
                .hint("the same command shows how it is now"));
        }
    }
    let doing = async {
        let rows = site.put_back(terminal).await?;
        site.back_in_service(rows, terminal).await
    };
    told.rows = tokio::select! {
        rows = doing => rows?,
        () = interrupts.next() => {
            let done = "some of it may be done: the same command goes on with it";
            return Err(interrupted().but(done));
        }
    };
    let left = found.lost.iter().filter(|it| !it.is_taken());
    let left = left.map(|it| mended(&it.instance_id, ChangeState::Remains, &it.said));
    told.rows.extend(left);
    let ids = found.ids();
    let nothing = BTreeSet::new();
    let mut now = tokio::select! {
        now = connection.aws.wreckage(&ids, &nothing) => now.map_err(|err| err.to_string()),
        () = interrupts.next() => Err("interrupted".to_owned()),
    };
    match &mut now {
        Ok(now) => {
            // What executions tell of their stacks was read before.
            now.traces.extend(found.wreckage.traces.iter().filter(|it| !it.is_under_way).cloned());
            told.leftovers = leftovers(now, &region);
        }
        Err(why) => terminal.warning(&format!("what is left behind could not be read: {why}")),
    }
    terminal.resumed(&told);
    let now = now.as_ref().unwrap_or(&found.wreckage);
    let changed = tokio::select! {
        it = unowned(&connection.aws, &found, now, &kept) => it,
        () = interrupts.next() => Vec::new(),
    };
    changed.iter().for_each(|it| terminal.hint(it));
    let remains = told.rows.iter().any(GroupChange::remains);
    if remains {
        terminal.hint("the same command again, when that is mended, goes on with the rest");
    }
    Ok(if remains { Exit::Verdict(1) } else { Exit::Success })
}

async fn unless_interrupted<T>(
    it: impl Future<Output = Result<T, Error>>,
    interrupts: &mut Interrupts,
) -> Result<T, Error> {
    tokio::select! {
        it = it => it,
        () = interrupts.next() => Err(interrupted()),
    }
}

fn choice(text: &str) -> Result<(InstanceId, String), String> {
    let (id, volume) = text.split_once('=').ok_or("it is not INSTANCE=VOLUME")?;
    let id = InstanceId::parse(id).map_err(|it| it.to_string())?;
    let volume = id_of("vol-")(volume)?;
    Ok((id, volume))
}

fn chosen(all: &[(InstanceId, String)]) -> Result<BTreeMap<InstanceId, String>, Error> {
    let mut res = BTreeMap::new();
    for (id, volume) in all {
        if let Some(other) = res.insert(id.clone(), volume.clone()) {
            let message = format!("--volume gives {id} both {other} and {volume}");
            return Err(Error::new(Exit::Usage, message));
        }
    }
    Ok(res)
}
