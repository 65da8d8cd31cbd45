//! Groups are changed for a rescue and changed back, as the core says: each change is in the journal
//! before it is asked for, and what came of it is seen in the group and not believed from an answer.

use std::{collections::BTreeMap, io, time::Duration};

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::waits::Waits;
use crate::{
    aws::{Aws, AwsError, ErrorKind},
    output::{Journal, changed, made},
    plan::InstanceId,
    rescue::{
        CannotTake, Change, Condition, Entry, GroupsNow, Held, Restoring, Stage, is_leaving,
        is_made, is_unmade, restoring, taking,
    },
    run::{Awaited, ChangeState, GroupChange, Taken},
};

/// How long is waited for what comes by itself before the rest is left to another `fleet restore`.
const RETURNING: Duration = Duration::from_secs(1800);

/// From one look at the groups to the next.
const GLANCE: Duration = Duration::from_secs(3);

/// The shortest pause, whatever the pace.
const BLINK: Duration = Duration::from_millis(20);

/// How often the service may refuse what is to be undone. A throttle is no refusal.
const TRIES: usize = 5;

/// Why processes stay suspended although nobody refuses to resume them.
const HELD_UP: &str = "suspended until no member of the rescue is on the way back any more";

/// How often it is looked whether groups show a change.
const LOOKS: usize = 20;

/// Changes groups, and writes down what it does.
pub(super) struct Keeper<'a> {
    pub aws: &'a Aws,
    /// Where it is gone or cannot be written, nothing is changed, and what is changed already is
    /// undone all the same.
    pub journal: Result<Journal, io::Error>,
    pub held: Held,
    /// What is known of instances besides what is read of them: whoever is not as it was would be
    /// ended by its group if it came back into service.
    pub known: BTreeMap<InstanceId, Condition>,
    /// What every wait is multiplied by: 1 is real time.
    pub factor: f64,
    pub clock: &'a dyn Fn() -> Timestamp,
}

/// Why instances are not out of their groups.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTaken {
    #[error(transparent)]
    Cannot(#[from] CannotTake),
    #[error("the journal of changes could not be written, so {0} was not changed")]
    Unwritten(String, #[source] io::Error),
    #[error("{0} could not be changed")]
    Refused(String, #[source] AwsError),
    #[error("the groups could not be read")]
    Unread(#[source] AwsError),
    #[error("{0} does not show what was changed")]
    Unseen(String),
}

impl Keeper<'_> {
    /// Makes the next change that takes those who are in service into Standby, and holds up what would
    /// replace them; or waits a moment for what was changed to arrive.
    pub(super) async fn take_next(
        &mut self,
        wanted: &[(String, Vec<InstanceId>)],
    ) -> Result<Taken, NotTaken> {
        let names: Vec<String> = wanted.iter().map(|(name, _)| name.clone()).collect();
        let now = self.aws.groups_now(&names).await.map_err(NotTaken::Unread)?;
        let changes = taking(&now, wanted)?;
        if let Some((group, change)) = changes.first() {
            return match self.make(group, change, &names).await {
                Ok(()) => Ok(Taken::Changed(made(group, change))),
                // Slower, never failed.
                Err(NotTaken::Refused(_, err)) if err.kind == ErrorKind::Throttled => {
                    self.pause().await;
                    Ok(Taken::Awaited(Awaited::Throttle))
                }
                Err(err) => Err(err),
            };
        }
        if are_out(&now, wanted) {
            return Ok(Taken::All);
        }
        self.pause().await;
        Ok(Taken::Awaited(Awaited::Standby))
    }

    async fn make(
        &mut self,
        group: &str,
        change: &Change,
        names: &[String],
    ) -> Result<(), NotTaken> {
        let unwritten = |err| NotTaken::Unwritten(group.to_owned(), err);
        self.note(group, Stage::Intended, change, None).map_err(unwritten)?;
        let Err(err) = self.aws.change_group(group, change).await else {
            self.note(group, Stage::Done, change, None).map_err(unwritten)?;
            return self.until_seen(group, change, names).await;
        };
        // An answer may be lost and the change be made all the same.
        let said = Some(err.to_string());
        match self.aws.groups_now(names).await {
            Ok(now) if is_made(&now, group, change) => {
                return self.note(group, Stage::Done, change, said).map_err(unwritten);
            }
            Ok(now) if err.is_proof_of_nothing() && is_unmade(&now, group, change) => {
                self.note(group, Stage::Refused, change, said).map_err(unwritten)?;
            }
            // It stays intended: whatever of it is there is undone.
            Ok(_) | Err(_) => {}
        }
        Err(NotTaken::Refused(group.to_owned(), err))
    }

    /// Waits until the groups show what was answered to be changed: what comes next is decided from
    /// them, and they may lag behind.
    async fn until_seen(
        &self,
        group: &str,
        change: &Change,
        names: &[String],
    ) -> Result<(), NotTaken> {
        for _ in 0..LOOKS {
            let now = self.aws.groups_now(names).await.map_err(NotTaken::Unread)?;
            if is_made(&now, group, change) {
                return Ok(());
            }
            self.pause().await;
        }
        Err(NotTaken::Unseen(group.to_owned()))
    }

    /// Undoes what is held, as far as that can be done now, and returns what became of it.
    pub(super) async fn restore(&mut self, waits: &Waits) -> Result<Vec<GroupChange>, AwsError> {
        let mut rows = Vec::new();
        let mut refusals: Vec<(String, Change, AwsError)> = Vec::new();
        let mut n_refused = 0;
        let returning = RETURNING.mul_f64(self.factor) + GLANCE;
        let began = Instant::now();
        loop {
            let next = match look(self.aws, &self.held, &self.known).await {
                Ok(it) => it,
                // What cannot be read for a moment is read again.
                Err(err) if err.kind != ErrorKind::Denied && began.elapsed() <= returning => {
                    waits.say(vec![err.to_string()]);
                    self.pause().await;
                    continue;
                }
                Err(err) => return Err(err),
            };
            for (group, change, why) in &next.settled {
                rows.push(changed(group, ChangeState::Undone, change, why));
                self.let_go(group, change, why);
            }
            for (group, change, why) in &next.departed {
                rows.push(changed(group, ChangeState::LeftBehind, change, why));
                self.let_go(group, change, why);
            }
            let is_late = began.elapsed() > returning || n_refused >= TRIES;
            if next.is_over() || is_late {
                rows.extend(left(&next, &refusals));
                return Ok(rows);
            }
            refusals.clear();
            for (group, change) in next.calls {
                if let Err(err) = self.aws.change_group_back(&group, &change).await {
                    refusals.push((group, change, err));
                }
            }
            for (group, id) in next.healing {
                if let Err(err) = self.aws.heal(&id).await {
                    refusals.push((group, Change::Standby { instances: vec![id] }, err));
                }
            }
            let is_refused = refusals.iter().any(|it| it.2.kind != ErrorKind::Throttled);
            n_refused = if is_refused { n_refused + 1 } else { 0 };
            waits.say(awaited(&next.awaited, &refusals));
            self.pause().await;
        }
    }

    fn note(
        &mut self,
        group: &str,
        stage: Stage,
        change: &Change,
        why: Option<String>,
    ) -> io::Result<()> {
        let entry = self.entry(group, stage, change, why);
        self.append(&entry)?;
        self.held.apply(&entry);
        Ok(())
    }

    /// Holds no longer what is undone. What is not written down of it is found to be undone by whoever
    /// looks next.
    fn let_go(&mut self, group: &str, change: &Change, why: &str) {
        let entry = self.entry(group, Stage::Undone, change, Some(why.to_owned()));
        drop(self.append(&entry));
        self.held.let_go(group, change);
    }

    fn entry(&self, group: &str, stage: Stage, change: &Change, why: Option<String>) -> Entry {
        Entry { at: (self.clock)(), group: group.to_owned(), stage, change: change.clone(), why }
    }

    fn append(&mut self, entry: &Entry) -> io::Result<()> {
        match &mut self.journal {
            Ok(it) => it.append(entry),
            Err(err) => Err(io::Error::new(err.kind(), err.to_string())),
        }
    }

    async fn pause(&self) {
        sleep(GLANCE.mul_f64(self.factor).max(BLINK)).await;
    }
}

/// Returns what is done next to undo what is held; what is `known` of instances goes before what is
/// read of them.
pub(super) async fn look(
    aws: &Aws,
    held: &Held,
    known: &BTreeMap<InstanceId, Condition>,
) -> Result<Restoring, AwsError> {
    let now = aws.groups_now(&held.groups()).await?;
    let mut conditions = aws.conditions(&held.instances()).await;
    conditions.extend(known.clone());
    Ok(restoring(held, &now, &conditions))
}

/// Returns what would be done next, as it is told.
pub(super) fn foreseen(next: &Restoring) -> Vec<GroupChange> {
    let mut res = Vec::new();
    for (group, change, why) in &next.settled {
        res.push(changed(group, ChangeState::Undone, change, why));
    }
    for (group, change, why) in &next.departed {
        res.push(changed(group, ChangeState::LeftBehind, change, why));
    }
    for (group, change) in &next.calls {
        res.push(changed(group, ChangeState::Pending, change, "it would be undone now"));
    }
    for (group, id) in &next.healing {
        let change = Change::Standby { instances: vec![id.clone()] };
        let why = "its group would take it for healthy again";
        res.push(changed(group, ChangeState::Pending, &change, why));
    }
    for (group, change, what) in &next.awaited {
        res.push(changed(group, ChangeState::Pending, change, what));
    }
    for (group, change) in &next.held_up {
        res.push(changed(group, ChangeState::Pending, change, HELD_UP));
    }
    for it in &next.remaining {
        res.push(changed(&it.group, ChangeState::Remains, &it.change, &it.why));
    }
    res
}

/// Returns what is waited for before the next look.
fn awaited(
    awaited: &[(String, Change, String)],
    refusals: &[(String, Change, AwsError)],
) -> Vec<String> {
    let said = |(group, change, what): &(String, Change, String)| {
        changed(group, ChangeState::Pending, change, what).text
    };
    let refused = refusals.iter().map(|it| format!("{}: {}", it.0, it.2));
    awaited.iter().map(said).chain(refused).collect()
}

/// Returns what stays changed.
fn left(next: &Restoring, refusals: &[(String, Change, AwsError)]) -> Vec<GroupChange> {
    let row =
        |group: &str, change: &Change, why: &str| changed(group, ChangeState::Remains, change, why);
    let mut res: Vec<GroupChange> =
        next.remaining.iter().map(|it| row(&it.group, &it.change, &it.why)).collect();
    for (group, change) in &next.calls {
        let refusal = refusals.iter().find(|it| it.0 == *group && it.1 == *change);
        let why = refusal.map_or("it takes too long".to_owned(), |it| it.2.to_string());
        res.push(row(group, change, &why));
    }
    for (group, id) in &next.healing {
        let change = Change::Standby { instances: vec![id.clone()] };
        let refusal = refusals.iter().find(|it| it.0 == *group && it.1 == change);
        let why = refusal.map_or("it takes too long".to_owned(), |it| it.2.to_string());
        let why = format!("its group takes it for unhealthy still: {why}");
        res.push(row(group, &change, &why));
    }
    for (group, change, what) in &next.awaited {
        res.push(row(group, change, &format!("{what}, and that takes too long")));
    }
    res.extend(next.held_up.iter().map(|(group, change)| row(group, change, HELD_UP)));
    res
}

/// Returns whether everybody is in Standby, or gone.
fn are_out(now: &GroupsNow, wanted: &[(String, Vec<InstanceId>)]) -> bool {
    let is_out = |group: &String, id: &InstanceId| {
        let lifecycle = now.get(group).and_then(|it| it.members.get(id));
        lifecycle.is_none_or(|it| it == "Standby" || is_leaving(it))
    };
    wanted.iter().all(|(group, ids)| ids.iter().all(|id| is_out(group, id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_would_be_done_is_foreseen() {
        let group = || "web".to_owned();
        let id = InstanceId::parse("i-01234567").unwrap();
        let standby = Change::Standby { instances: vec![id.clone()] };
        let next = Restoring {
            calls: vec![(group(), Change::Suspend { processes: vec!["HealthCheck".to_owned()] })],
            healing: vec![(group(), id)],
            awaited: vec![(group(), standby, "it is pending".to_owned())],
            held_up: vec![(group(), Change::Suspend { processes: vec!["AZRebalance".to_owned()] })],
            ..Restoring::default()
        };
        let found: Vec<String> = foreseen(&next).into_iter().map(|it| it.text).collect();
        let expected = [
            "web: HealthCheck: it would be undone now",
            "web: i-01234567: its group would take it for healthy again",
            "web: i-01234567: it is pending",
            "web: AZRebalance: suspended until no member of the rescue is on the way back any more",
        ];
        assert_eq!(found, expected);
        let found: Vec<String> = left(&next, &[]).into_iter().map(|it| it.text).collect();
        let last = "web: AZRebalance not restored: suspended until no member of the rescue is on the \
                    way back any more";
        assert_eq!(found.last().map(String::as_str), Some(last), "{found:?}");
    }
}
