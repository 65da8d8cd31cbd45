//! Groups are changed for a rescue and changed back, as the core says: each change is in the journal
//! before it is asked for, and what came of it is seen in the group and not believed from an answer.

use std::{io, time::Duration};

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::{
    aws::{Aws, AwsError},
    output::{Journal, RestoreRow, RestoreState, Terminal},
    plan::InstanceId,
    rescue::{
        CannotTake, Change, Entry, GroupsNow, Held, Restoring, Stage, is_made, is_unmade,
        restoring, taking,
    },
};

/// How long it may take a member to go into Standby: a target group lets connections drain for an
/// hour at the most (Elastic Load Balancing, deregistration_delay.timeout_seconds).
const DRAINING: Duration = Duration::from_secs(3700);

/// How long is waited for what comes by itself before the rest is left to another `fleet restore`.
const RETURNING: Duration = Duration::from_secs(1800);

/// From one look at the groups to the next.
const GLANCE: Duration = Duration::from_secs(3);

/// The shortest pause, whatever the pace.
const BLINK: Duration = Duration::from_millis(20);

/// How often the service may refuse what is to be undone.
const TRIES: usize = 5;

/// Changes groups, and writes down what it does.
pub struct Keeper<'a> {
    pub aws: &'a Aws,
    pub journal: Journal,
    pub held: Held,
    /// What every wait is multiplied by: 1 is real time.
    pub factor: f64,
    pub clock: &'a dyn Fn() -> Timestamp,
}

/// Why instances are not out of their groups.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    #[error(transparent)]
    Cannot(#[from] CannotTake),
    #[error("the journal of changes could not be written, so {0} was not changed")]
    Unwritten(String, #[source] io::Error),
    #[error("{0} could not be changed")]
    Refused(String, #[source] AwsError),
    #[error("the groups could not be read")]
    Unread(#[source] AwsError),
    #[error("not all instances are in Standby after {} s: their connections still drain", .0.as_secs())]
    Late(Duration),
}

impl Keeper<'_> {
    /// Puts those who are in service into Standby, and holds up what would replace them.
    pub async fn take(
        &mut self,
        wanted: &[(String, Vec<InstanceId>)],
        terminal: &mut Terminal,
    ) -> Result<(), NotTaken> {
        let names: Vec<String> = wanted.iter().map(|(name, _)| name.clone()).collect();
        let now = self.aws.groups_now(&names).await.map_err(NotTaken::Unread)?;
        let changes = taking(&now, wanted)?;
        for (group, change) in &changes {
            self.make(group, change, &names, terminal).await?;
        }
        let draining = DRAINING.mul_f64(self.factor) + GLANCE;
        let began = Instant::now();
        loop {
            let now = self.aws.groups_now(&names).await.map_err(NotTaken::Unread)?;
            if changes.iter().all(|(group, change)| is_settled(&now, group, change)) {
                return Ok(());
            }
            if began.elapsed() > draining {
                return Err(NotTaken::Late(DRAINING));
            }
            self.pause().await;
        }
    }

    async fn make(
        &mut self,
        group: &str,
        change: &Change,
        names: &[String],
        terminal: &mut Terminal,
    ) -> Result<(), NotTaken> {
        let unwritten = |err| NotTaken::Unwritten(group.to_owned(), err);
        self.note(group, Stage::Intended, change, None).map_err(unwritten)?;
        terminal.changing(group, change);
        let Err(err) = self.aws.change_group(group, change).await else {
            return self.note(group, Stage::Done, change, None).map_err(unwritten);
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

    /// Undoes what is held, as far as that can be done now, and returns what became of it.
    pub async fn restore(&mut self) -> Result<Vec<RestoreRow>, AwsError> {
        let mut rows = Vec::new();
        let mut refusals: Vec<(String, Change, AwsError)> = Vec::new();
        let mut n_refused = 0;
        let returning = RETURNING.mul_f64(self.factor) + GLANCE;
        let began = Instant::now();
        loop {
            let next = self.look().await?;
            for (group, change, why) in &next.settled {
                rows.push(RestoreRow::new(group, RestoreState::Undone, change, why));
                // What is not written down is found to be undone once more.
                drop(self.note(group, Stage::Undone, change, Some(why.clone())));
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
            n_refused = if refusals.is_empty() { 0 } else { n_refused + 1 };
            self.pause().await;
        }
    }

    /// Returns what [`Keeper::restore`] would do next.
    pub async fn look(&self) -> Result<Restoring, AwsError> {
        let now = self.aws.groups_now(&self.held.groups()).await?;
        let conditions = self.aws.conditions(&self.held.instances()).await;
        Ok(restoring(&self.held, &now, &conditions))
    }

    fn note(
        &mut self,
        group: &str,
        stage: Stage,
        change: &Change,
        why: Option<String>,
    ) -> io::Result<()> {
        let at = (self.clock)();
        let entry = Entry { at, group: group.to_owned(), stage, change: change.clone(), why };
        self.journal.append(&entry)?;
        self.held.apply(&entry);
        Ok(())
    }

    async fn pause(&self) {
        sleep(GLANCE.mul_f64(self.factor).max(BLINK)).await;
    }
}

/// Returns what stays changed.
fn left(next: &Restoring, refusals: &[(String, Change, AwsError)]) -> Vec<RestoreRow> {
    let row = |group: &str, change: &Change, why: &str| {
        RestoreRow::new(group, RestoreState::Remains, change, why)
    };
    let mut res: Vec<RestoreRow> =
        next.remaining.iter().map(|it| row(&it.group, &it.change, &it.why)).collect();
    for (group, change) in &next.calls {
        let refusal = refusals.iter().find(|it| it.0 == *group && it.1 == *change);
        let why = refusal.map_or("it takes too long".to_owned(), |it| it.2.to_string());
        res.push(row(group, change, &why));
    }
    for (group, change, what) in &next.awaited {
        res.push(row(group, change, &format!("{what}, and that takes too long")));
    }
    res
}

/// Returns whether whoever goes into Standby has arrived there, or is gone.
fn is_settled(now: &GroupsNow, group: &str, change: &Change) -> bool {
    let (Some(group), Change::Standby { instances }) = (now.get(group), change) else {
        return true;
    };
    let is_on_its_way = |it: &&InstanceId| {
        group.members.get(it).is_some_and(|it| !["Standby", "InService"].contains(&it.as_str()))
    };
    !instances.iter().any(|it| is_on_its_way(&it))
}
