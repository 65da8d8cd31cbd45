//! Instances get back what a runbook has left elsewhere, one step at a time, as the core says from
//! what is seen. An execution that goes on is waited for: two must not move one volume.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::waits::Waits;
use crate::{
    aws::Aws,
    output::mended,
    plan::{Before, InstanceId, Plan},
    rescue::{Condition, Mend, Mending, Sight, mending},
    run::{ChangeState, GroupChange},
};

/// How long is waited for what comes by itself: an execution takes about a quarter of an hour.
const LONGEST: Duration = Duration::from_secs(2700);

const GLANCE: Duration = Duration::from_secs(3);
const BLINK: Duration = Duration::from_millis(20);

/// How often the service may refuse a step.
const TRIES: usize = 5;

/// Brings these instances of a rescue back to how they were, and says what was done and what remains;
/// of a run that is no rescue there is nothing to say.
pub(super) async fn mend(
    aws: &Aws,
    plan: &Plan,
    instances: &[InstanceId],
    factor: f64,
    waits: &Waits,
) -> Vec<GroupChange> {
    mend_each(aws, before(plan, instances), (factor, waits), |_, _| Ok(())).await
}

/// Brings these instances back to how they were. A step is taken once `about` has written it down.
pub async fn mend_each(
    aws: &Aws,
    mut open: BTreeMap<InstanceId, &Before>,
    (factor, waits): (f64, &Waits),
    mut about: impl FnMut(&InstanceId, &Mend) -> io::Result<()>,
) -> Vec<GroupChange> {
    let mut done: BTreeSet<InstanceId> = BTreeSet::new();
    let mut refused: BTreeMap<InstanceId, usize> = BTreeMap::new();
    let mut rows = Vec::new();
    let began = Instant::now();
    while !open.is_empty() {
        let next = look(aws, &open).await;
        let is_late = began.elapsed() > LONGEST.mul_f64(factor) + GLANCE;
        let time = if is_late { Time::Up } else { Time::Left };
        let mut awaited = Vec::new();
        for (id, next) in next {
            let stuck = match turn(next, time) {
                Turn::Over => {
                    if done.contains(&id) {
                        rows.push(mended(&id, ChangeState::Undone, "it is as it was"));
                    }
                    open.remove(&id);
                    continue;
                }
                Turn::Wait(what) => {
                    awaited.push(format!("{id}: {what}"));
                    continue;
                }
                Turn::Gone(why) => {
                    rows.push(mended(&id, ChangeState::LeftBehind, &why));
                    open.remove(&id);
                    continue;
                }
                Turn::Take(mend) => match about(&id, &mend) {
                    Err(err) => format!("the next step could not be written down: {err}"),
                    Ok(()) => {
                        done.insert(id.clone());
                        let Err(err) = aws.mend(&id, &mend).await else { continue };
                        let n = refused.entry(id.clone()).or_default();
                        *n += 1;
                        if *n < TRIES {
                            awaited.push(format!("{id}: {err}"));
                            continue;
                        }
                        err.to_string()
                    }
                },
                Turn::Stuck(why) => why,
            };
            rows.push(mended(&id, ChangeState::Remains, &stuck));
            open.remove(&id);
        }
        waits.say(awaited);
        if !open.is_empty() {
            sleep(GLANCE.mul_f64(factor).max(BLINK)).await;
        }
    }
    rows
}

/// Whether anything more is begun.
#[derive(Debug, Clone, Copy)]
enum Time {
    Left,
    Up,
}

/// What is done about an instance now.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Over,
    Wait(String),
    Take(Mend),
    Stuck(String),
    Gone(String),
}

/// A step that is answered and never seen ends with the time, as what is waited for does.
fn turn(next: Mending, time: Time) -> Turn {
    match (next, time) {
        (Mending::Done, _) => Turn::Over,
        (Mending::Stuck(why), _) => Turn::Stuck(why),
        (Mending::Gone(why), _) => Turn::Gone(why),
        (Mending::Do(mend), Time::Left) => Turn::Take(mend),
        (Mending::Awaited(what), Time::Left) => Turn::Wait(what),
        (Mending::Do(mend), Time::Up) => {
            Turn::Stuck(format!("{}, and that takes too long", would(&mend)))
        }
        (Mending::Awaited(what), Time::Up) => {
            Turn::Stuck(format!("{what}, and that takes too long"))
        }
    }
}

/// Returns what would be done to these instances next, and what cannot be done; nothing of whoever is
/// as it was.
pub(super) async fn outlook(aws: &Aws, plan: &Plan, instances: &[InstanceId]) -> Vec<GroupChange> {
    let open = before(plan, instances);
    let next = look(aws, &open).await.into_iter().filter_map(|(id, next)| {
        Some(match next {
            Mending::Done => return None,
            Mending::Do(mend) => mended(&id, ChangeState::Pending, &would(&mend)),
            Mending::Awaited(what) => mended(&id, ChangeState::Pending, &what),
            Mending::Stuck(why) => mended(&id, ChangeState::Remains, &why),
            Mending::Gone(why) => mended(&id, ChangeState::LeftBehind, &why),
        })
    });
    next.collect()
}

/// Returns how those of the instances were that the plan knows of.
fn before<'a>(plan: &'a Plan, instances: &[InstanceId]) -> BTreeMap<InstanceId, &'a Before> {
    let recovery = plan.document.automation.as_ref().and_then(|it| it.recovery.as_ref());
    let all = recovery.iter().flat_map(|it| &it.instances);
    all.filter(|(id, _)| instances.contains(id)).map(|(id, it)| (id.clone(), it)).collect()
}

fn would(mend: &Mend) -> String {
    match mend {
        Mend::Stop { helper } => {
            format!("its helper {helper} would be stopped, and its root volume come back")
        }
        Mend::Detach { volume, helper } => {
            format!("its root volume {volume} would be taken from helper {helper} and come back")
        }
        Mend::Attach { volume, device } => {
            format!("its root volume {volume} would be attached at {device}")
        }
        Mend::DeleteOnTermination { delete, .. } => {
            format!("DeleteOnTermination of its root volume would be {delete}")
        }
        Mend::Start => "it would be started".to_owned(),
    }
}

/// Returns what comes next for each.
async fn look(aws: &Aws, open: &BTreeMap<InstanceId, &Before>) -> Vec<(InstanceId, Mending)> {
    let ids = open.keys().cloned().collect();
    let conditions = aws.conditions(&ids).await;
    let sights = aws.sights(&ids).await;
    let volumes: Vec<&str> = open.values().map(|it| it.volume.as_str()).collect();
    let volumes = aws.volumes_now(&volumes).await;
    // EC2 knows an instance for about an hour after its end (EC2 guide).
    let forgotten = Sight { state: "terminated".to_owned(), ..Sight::default() };
    let each = open.iter().map(|(id, before)| {
        let next = match (conditions.get(id), &sights, &volumes) {
            (Some(Condition::Busy(what)), ..) => Mending::Awaited(what.clone()),
            (_, Err(it), _) | (_, _, Err(it)) if it.remedy.is_empty() => {
                Mending::Awaited(it.said.clone())
            }
            (_, Err(it), _) | (_, _, Err(it)) => {
                Mending::Stuck(format!("{}: {}", it.said, it.remedy))
            }
            (_, Ok(sights), Ok(volumes)) => {
                let now = sights.get(id).unwrap_or(&forgotten);
                mending(before, now, volumes.get(&before.volume))
            }
        };
        (id.clone(), next)
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_step_is_taken_for_ever() {
        assert_eq!(turn(Mending::Do(Mend::Start), Time::Left), Turn::Take(Mend::Start));
        let late = |next| turn(next, Time::Up);
        let stuck = |it: &str| Turn::Stuck(it.to_owned());
        let start = "it would be started, and that takes too long";
        assert_eq!(late(Mending::Do(Mend::Start)), stuck(start));
        let awaited = Mending::Awaited("it is pending".to_owned());
        assert_eq!(late(awaited), stuck("it is pending, and that takes too long"));
        assert_eq!(late(Mending::Done), Turn::Over);
    }
}
