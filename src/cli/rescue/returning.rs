//! What is done to instances that get their root volumes back: each thing is written down before it is
//! done, and the same command goes on with it wherever it was ended.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use super::wrecks::{Found, Kept, advised, place};
use crate::{
    aws::Aws,
    cli::context::{Connection, Context, state_directory},
    drive::{Waits, Ward, mend_each},
    error::Error,
    exit::Exit,
    output::{Journal, Ledger, Lock, Lost, Terminal, mended},
    plan::{Before, InstanceId},
    rescue::{HeldGroup, Mend, Return, Returned, Wreckage},
    run::{ChangeState, GroupChange},
};

/// Where it is done, and to whom.
pub(super) struct Site<'a> {
    pub connection: &'a Connection,
    pub context: &'a Context,
    pub found: &'a Found,
    pub kept: &'a [&'a Kept],
}

/// Refuses what would stop half-way for the want of a permission, before anything is touched.
pub(super) async fn permitted(connection: &Connection, found: &Found) -> Result<(), Error> {
    for it in found.lost.iter().filter(|it| it.is_taken()) {
        for step in found.steps(it) {
            let asked = connection.aws.may_mend(&it.instance_id, &step).await;
            let id = &it.instance_id;
            asked.map_err(|err| {
                let message =
                    format!("{id} cannot be brought back: {} is not permitted", err.action());
                advised(Error::new(Exit::Setup, message).because(&err), &err)
            })?;
        }
    }
    Ok(())
}

impl Site<'_> {
    /// Keeps other processes of this machine away: by groups from rescues, by ids from those that have
    /// selected the same instances otherwise.
    pub(super) fn lock(&self) -> Result<Option<Lock>, Error> {
        let Self { connection, context, found, kept } = self;
        if connection.is_private() {
            return Ok(None);
        }
        let taken: Vec<&Lost> = found.lost.iter().filter(|it| it.is_taken()).collect();
        let mut names: Vec<String> = taken.iter().filter_map(|it| it.group.clone()).collect();
        names.extend(taken.iter().map(|it| it.instance_id.to_string()));
        let left = kept.iter().filter(|it| it.is_left(found));
        names.extend(left.flat_map(|it| it.held.groups()));
        names.sort();
        names.dedup();
        let (account, region) = place(&connection.aws);
        Ok(Some(Lock::take(&state_directory()?, account, region, &names, &context.run_id)?))
    }

    /// Writes down what is to be done, does it, and writes down what is done.
    pub(super) async fn put_back(
        &self,
        terminal: &mut Terminal,
    ) -> Result<Vec<GroupChange>, Error> {
        let Self { connection, context, found, .. } = self;
        let clock = context.clock();
        let unwritten = |id: &InstanceId, err: &std::io::Error| {
            let message = format!("what is to be done to {id} could not be written down");
            Error::new(Exit::Setup, message).because(err).but("nothing was changed")
        };
        let mut journals = BTreeMap::new();
        let mut wanted: BTreeMap<InstanceId, &Before> = BTreeMap::new();
        for it in &found.lost {
            let (id, Some(before)) = (&it.instance_id, &it.before) else { continue };
            wanted.insert(id.clone(), before);
            if connection.is_private() {
                continue;
            }
            let opened = Journal::of_instance(&state_directory()?, place(&connection.aws), id);
            let (mut journal, _) = opened.map_err(|err| unwritten(id, &err))?;
            let stage = Returned::Intended { before: before.clone(), by: it.said.clone() };
            journal.append(&Return { at: clock(), stage }).map_err(|err| unwritten(id, &err))?;
            journals.insert(id.clone(), journal);
        }
        let journals = RefCell::new(journals);
        let write = |id: &InstanceId, stage: Returned| match journals.borrow_mut().get_mut(id) {
            Some(journal) => journal.append(&Return { at: clock(), stage }),
            None => Ok(()),
        };
        let about = |id: &InstanceId, mend: &Mend| write(id, Returned::Step { mend: mend.clone() });
        let (waits, speed) = (Waits::default(), connection.speed);
        let work = mend_each(&connection.aws, wanted.clone(), (speed, &waits), about);
        let done = waits.noted(work, speed, terminal).await;
        let mut rows = Vec::new();
        for (id, before) in wanted {
            let is_stuck = |it: &&GroupChange| it.remains() && it.instances.contains(&id);
            if let Some(it) = done.iter().find(is_stuck) {
                rows.push(it.clone());
                continue;
            }
            let Before { volume, root_device, state, delete_on_termination, .. } = before;
            let why = format!(
                "{volume} is at {root_device}, DeleteOnTermination {delete_on_termination}; it is {state}"
            );
            // What is not written down is found to be over once more.
            drop(write(&id, Returned::Over { why: why.clone() }));
            rows.push(mended(&id, ChangeState::Undone, &why));
        }
        Ok(rows)
    }

    /// Takes those out of Standby of whom a ledger tells that fleet has put them there.
    pub(super) async fn back_in_service(
        &self,
        mut rows: Vec<GroupChange>,
        terminal: &mut Terminal,
    ) -> Result<Vec<GroupChange>, Error> {
        let Self { connection, context, found, kept } = self;
        let clock = context.clock();
        for it in *kept {
            if !it.is_left(found) {
                continue;
            }
            let run = &it.plan.run_id;
            let unusable = |err: &std::io::Error| {
                let message = format!("the ledger of run {run} cannot be used");
                Error::new(Exit::Setup, message).because(err).but("the root volumes are back")
            };
            let Some(_ledger) = Ledger::reopen(&it.directory).map_err(|err| unusable(&err))? else {
                let text =
                    format!("the process of run {run} lives, and restores its groups itself");
                terminal.hint(&text);
                continue;
            };
            let factor = connection.speed;
            let ward = Ward { plan: &it.plan, directory: &it.directory, factor, clock: &clock };
            let waits = Waits::default();
            let work = ward.put_back(&connection.aws, &[], &[], &waits);
            let restored = waits.noted(work, factor, terminal).await;
            rows.extend(
                restored
                    .map_err(|err| Error::of(Exit::Setup, &err).but("the root volumes are back"))?,
            );
        }
        Ok(rows)
    }
}

/// Says what of the groups of the selected instances is changed and in none of these ledgers. It may be
/// somebody else's wish, so that nothing of it is undone here. `now` is how the instances are.
pub(super) async fn unowned(
    aws: &Aws,
    found: &Found,
    now: &Wreckage,
    kept: &[&Kept],
) -> Vec<String> {
    let names: BTreeSet<String> = found.targets.iter().filter_map(|it| it.group.clone()).collect();
    let names: Vec<String> = names.into_iter().collect();
    let groups = match aws.groups_now(&names).await {
        Ok(it) => it,
        Err(err) => {
            return vec![format!(
                "whether {} is changed still is not known: {err}",
                names.join(", ")
            )];
        }
    };
    let ids = found.ids();
    let mut res = Vec::new();
    for (group, it) in groups {
        let owned: Vec<&HeldGroup> = kept.iter().filter_map(|it| it.held.0.get(&group)).collect();
        let is_owned = |id: &InstanceId| owned.iter().any(|it| it.standby.contains(id));
        let is_lost = |id: &InstanceId| now.stranded.iter().any(|it| it.id == *id);
        let is_halted = |id: &InstanceId| now.halted.iter().any(|it| it.id == *id);
        let standby = it.members.iter().filter(|(id, it)| *it == "Standby" && ids.contains(*id));
        let standby = standby.map(|it| it.0).filter(|id| !is_owned(id) && !is_lost(id));
        let (halted, running): (Vec<&InstanceId>, Vec<&InstanceId>) =
            standby.partition(|it| is_halted(it));
        let place = format!("--auto-scaling-group-name {group}");
        let region = &aws.region;
        for (ids, is_well) in [(running, true), (halted, false)] {
            if ids.is_empty() {
                continue;
            }
            let ids = ids.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(" ");
            let first = match is_well {
                true => String::new(),
                false => format!(
                    "once started, as the group ends in service who is stopped \
                     (aws ec2 start-instances --instance-ids {ids} --region {region}), and "
                ),
            };
            res.push(format!(
                "no ledger here tells who has put {ids} into Standby; {first}if nobody else wants that: \
                 aws autoscaling exit-standby {place} --instance-ids {ids} --region {region}"
            ));
        }
        let is_owned = |name: &String| owned.iter().any(|it| it.processes.contains(name));
        let suspended = it.suspended.iter().filter(|it| !is_owned(it)).map(String::as_str);
        let suspended: Vec<&str> = suspended.collect();
        if suspended.is_empty() {
            continue;
        }
        // A group that looks after its members again ends whoever is stopped.
        let is_broken = it.members.keys().any(|it| is_lost(it) || is_halted(it));
        let first = match is_broken || !it.unhealthy.is_empty() {
            true => "once all its members are well, as the group may end the others, and ",
            false => "",
        };
        res.push(format!(
            "no ledger here tells who has suspended {} in {group}; {first}if nobody else wants that: \
             aws autoscaling resume-processes {place} --scaling-processes {} --region {region}",
            suspended.join(", "),
            suspended.join(" "),
        ));
    }
    res
}
