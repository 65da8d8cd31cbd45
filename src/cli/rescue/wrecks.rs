//! Which of the selected instances have lost their root volume, which volume each gets back, and what
//! the ledgers and journals of this machine know of them. It only reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::selecting::listed;
use crate::{
    aws::{self, Aws, AwsError},
    cli::context::{Connection, state_directory},
    error::Error,
    exit::Exit,
    output::{History, Ledger, Lost, LostState, read_journal, read_plan, read_returns},
    plan::{Before, InstanceId, Plan, Selector, Target},
    rescue::{Belonging, Held, Known, Mend, Power, Wreckage, belongings, unfinished},
};

/// What was found.
pub(super) struct Found {
    pub targets: Vec<Target>,
    pub wreckage: Wreckage,
    pub lost: Vec<Lost>,
    pub warnings: Vec<String>,
}

/// What a run of this machine has put into Standby and not taken out again.
pub(super) struct Kept {
    pub plan: Plan,
    pub directory: PathBuf,
    pub held: Held,
}

/// Whom, and what the operator says of them.
pub(super) struct Wanted<'a> {
    pub selector: &'a Selector,
    pub chosen: &'a BTreeMap<InstanceId, String>,
    pub power: Power,
    pub kept: &'a [Kept],
}

impl Kept {
    /// Returns whether it was where the connection leads.
    pub(super) fn is_of(&self, connection: &Connection) -> bool {
        let aws = &connection.aws;
        !connection.is_private()
            && self.plan.account == aws.account
            && self.plan.region == aws.region
    }

    /// Returns whether it has left any of these in Standby or processes of their groups suspended, and
    /// its process is gone.
    pub(super) fn is_left(&self, found: &Found) -> bool {
        let held = self.held.instances();
        let is_suspended = |it: &Target| {
            let group = it.group.as_ref().and_then(|it| self.held.0.get(it));
            group.is_some_and(|it| !it.processes.is_empty())
        };
        let is_gone = || Ledger::is_held(&self.directory).is_ok_and(|it| !it);
        found.targets.iter().any(|it| held.contains(&it.id) || is_suspended(it)) && is_gone()
    }
}

impl Found {
    /// Returns who gets which volume back, and how they are to be.
    pub(super) fn taken(&self) -> Vec<(&InstanceId, &Before)> {
        self.lost.iter().filter_map(|it| Some((&it.instance_id, it.before.as_ref()?))).collect()
    }

    pub(super) fn ids(&self) -> BTreeSet<InstanceId> {
        self.targets.iter().map(|it| it.id.clone()).collect()
    }

    /// Returns the steps that bring an instance back to how it was, as far as can be foreseen.
    pub(super) fn steps(&self, it: &Lost) -> Vec<Mend> {
        let Some(before) = &it.before else { return Vec::new() };
        let Before { volume, root_device, state, delete_on_termination, .. } = before;
        let mut res = Vec::new();
        if self.wreckage.stranded.iter().any(|at| at.id == it.instance_id) {
            let helper = it.holder.as_deref().and_then(|id| self.wreckage.helper(id));
            if let Some(helper) = helper {
                let id = helper.id.clone();
                if helper.state != "stopped" {
                    res.push(Mend::Stop { helper: id.clone() });
                }
                res.push(Mend::Detach { volume: volume.clone(), helper: id });
            }
            let (volume, device) = (volume.clone(), root_device.clone());
            res.push(Mend::Attach { volume, device });
        }
        if *delete_on_termination {
            let device = root_device.clone();
            res.push(Mend::DeleteOnTermination { device, delete: true });
        }
        if state == "running" {
            res.push(Mend::Start);
        }
        res
    }
}

/// Looks for instances without a root volume among those that are selected.
pub(super) async fn find(connection: &Connection, wanted: &Wanted<'_>) -> Result<Found, Error> {
    let Wanted { selector, chosen, power, kept } = wanted;
    let aws = &connection.aws;
    let resolved = aws::resolve(aws, selector).await?;
    let is_meant = |it: &&Target| !selector.exclude.contains(&it.id);
    let targets: Vec<Target> = listed(&resolved)?.iter().filter(is_meant).cloned().collect();
    let mut warnings: Vec<String> = resolved.notes.into_iter().map(|it| it.text).collect();
    let ids: BTreeSet<InstanceId> = targets.iter().map(|it| it.id.clone()).collect();
    if let Some(id) = chosen.keys().find(|it| !ids.contains(*it)) {
        let message = format!("--volume names {id}, which is not among the selected instances");
        return Err(Error::new(Exit::Usage, message));
    }
    let begun = begun(connection, &ids)?;
    let volumes = chosen.values().chain(begun.values().map(|it| &it.volume));
    let volumes = volumes.map(String::as_str).collect();
    let wreckage = aws.wreckage(&ids, &volumes).await.map_err(|err| unreadable(&err))?;
    let belongings = belongings(&wreckage, chosen, *power);
    let is_stranded = |id: &InstanceId| wreckage.stranded.iter().any(|it| it.id == *id);
    for id in chosen.keys().filter(|it| !is_stranded(it)) {
        warnings.push(format!("{id} has its root volume, and is given no other"));
    }
    // Whoever has another root volume meanwhile, or is gone, is no business of what was begun.
    let is_open = |id: &InstanceId, before: &Before| match wreckage.roots.get(id) {
        Some(root) => *root == before.volume,
        None => is_stranded(id) && !chosen.contains_key(id),
    };
    let each = targets.iter().filter_map(|it| {
        let begun = begun.get(&it.id).filter(|before| is_open(&it.id, before));
        lost(it, belongings.get(&it.id), begun, &wreckage)
    });
    let kept = kept.iter().filter(|it| it.is_of(connection));
    let each = each.map(|it| kept.clone().fold(it, |it, kept| known_to(it, kept, *power)));
    let lost = each.collect();
    Ok(Found { targets, wreckage, lost, warnings })
}

/// Returns how instances are to be again that a process of this machine has begun with and not ended.
fn begun(
    connection: &Connection,
    ids: &BTreeSet<InstanceId>,
) -> Result<BTreeMap<InstanceId, Before>, Error> {
    let mut res = BTreeMap::new();
    if connection.is_private() {
        return Ok(res);
    }
    let directory = state_directory()?;
    for id in ids {
        let lines = read_returns(&directory, place(&connection.aws), id).map_err(|err| {
            let message = format!("what was begun with {id} cannot be read");
            Error::new(Exit::Setup, message).because(&err)
        })?;
        if let Some(before) = unfinished(&lines) {
            res.insert(id.clone(), before.clone());
        }
    }
    Ok(res)
}

/// Takes over how the instance was from a ledger of this machine, if it has had that volume.
fn known_to(it: Lost, kept: &Kept, power: Power) -> Lost {
    let automation = kept.plan.document.automation.as_ref();
    let recovery = automation.and_then(|it| it.recovery.as_ref());
    let was = recovery.and_then(|at| at.instances.get(&it.instance_id));
    match (was, &it.before) {
        (Some(was), Some(before)) if was.volume == before.volume => {
            let state = match power {
                Power::AsBefore => was.state.clone(),
                Power::Running | Power::Stopped => before.state.clone(),
            };
            Lost {
                said: format!("{}; run {} knows how it was", it.said, kept.plan.run_id),
                before: Some(Before { state, ..was.clone() }),
                notes: Vec::new(),
                ..it
            }
        }
        _ => it,
    }
}

/// Returns the account and the region.
pub(super) fn place(aws: &Aws) -> (&str, &str) {
    (aws.account.as_deref().unwrap_or("unknown"), &aws.region)
}

fn lost(
    it: &Target,
    belonging: Option<&Belonging>,
    begun: Option<&Before>,
    wreckage: &Wreckage,
) -> Option<Lost> {
    let of = |state: LostState, said: String| Lost {
        instance_id: it.id.clone(),
        group: it.group.clone(),
        zone: it.zone.clone(),
        lifecycle: it.lifecycle.clone(),
        state,
        before: None,
        holder: None,
        said,
        candidates: Vec::new(),
        notes: Vec::new(),
        next: Vec::new(),
    };
    let under_way = |execution: &str| Lost {
        next: vec![format!(
            "aws ssm stop-automation-execution --automation-execution-id {execution}"
        )],
        ..of(
            LostState::UnderWay,
            format!(
                "execution {execution} on it is under way, and two must not move one volume: wait \
                 for its end, or stop it"
            ),
        )
    };
    if let Some(trace) = wreckage.under_way(it.id.as_str()).filter(|_| begun.is_some()) {
        return Some(under_way(&trace.execution));
    }
    if let Some(before) = begun {
        let hold = wreckage.volumes.get(&before.volume).and_then(|it| it.held.clone());
        let holder = hold.map(|it| it.instance).filter(|holder| *holder != it.id.as_str());
        let said = "it was begun on this machine, and not ended".to_owned();
        return Some(Lost { before: Some(before.clone()), holder, ..of(LostState::Begun, said) });
    }
    Some(match belonging? {
        Belonging::Known(Known { before, holder, by, notes }) => {
            let mut notes = notes.clone();
            if it.lifecycle.as_deref() == Some("InService") {
                notes.push(
                    "it is in service: its group may replace it as long as it is stopped"
                        .to_owned(),
                );
            }
            Lost {
                before: Some(before.clone()),
                holder: holder.clone(),
                notes,
                ..of(LostState::Known, by.clone())
            }
        }
        Belonging::UnderWay(execution) => under_way(execution),
        Belonging::Unproved { why, candidates } => {
            let next = candidates.iter().map(|volume| format!("--volume {}={volume}", it.id));
            let next = next.collect();
            Lost { candidates: candidates.clone(), next, ..of(LostState::Unproved, why.clone()) }
        }
    })
}

/// Returns what runs of this machine hold in the groups that are selected, in any if that is not known
/// yet; and of which runs it cannot be read.
pub(super) fn kept(
    history: &History,
    selector: &Selector,
) -> Result<(Vec<Kept>, Vec<String>), Error> {
    let is_named = selector.group_tags.is_empty() && selector.is_groups_only();
    let is_selected = |group: &String| !is_named || selector.groups.contains(group);
    let (mut res, mut unread) = (Vec::new(), Vec::new());
    for directory in history.directories()? {
        let entries = read_journal(&directory);
        let read = entries.and_then(|entries| {
            let held = Held::of(&entries);
            if !held.groups().iter().any(is_selected) {
                return Ok(None);
            }
            let plan = read_plan(&directory.join("plan.json"))?;
            Ok(Some(Kept { plan, directory: directory.clone(), held }))
        });
        match read {
            Ok(it) => res.extend(it),
            Err(err) => {
                let run = directory.file_name().unwrap_or_default().display();
                unread.push(format!("what run {run} has changed in groups cannot be read: {err}"));
            }
        }
    }
    Ok((res, unread))
}

/// Says that something could not be read, and which permission would let it be.
pub(super) fn unreadable(err: &AwsError) -> Error {
    let message = "what tells where root volumes are could not be read";
    advised(Error::new(Exit::Setup, message).because(err), err)
}

pub(super) fn advised(it: Error, err: &AwsError) -> Error {
    err.advice().into_iter().fold(it, |it, advice| it.hint(advice.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_that_cannot_be_read_is_named_and_not_taken_for_an_empty_one() {
        let home = tempfile::tempdir().unwrap();
        for (run, journal) in [("run-1", "{}\n"), ("run-2", "")] {
            let directory = home.path().join("runs").join(run);
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(directory.join("groups.jsonl"), journal).unwrap();
        }
        let (kept, unread) = kept(&History::of(home.path()), &Selector::default()).unwrap();
        assert!(kept.is_empty());
        let [text] = unread.as_slice() else { panic!("{unread:?}") };
        assert!(text.starts_with("what run run-1 has changed in groups cannot be read"), "{text}");
    }
}
