//! How an instance gets back what a runbook that died has left elsewhere: its root volume, what
//! becomes of that at its end, and its state. One step at a time, from what is seen then; nothing is
//! done to what is as it was.

use serde::{Deserialize, Serialize};

use super::proof::Sight;
use crate::plan::Before;

/// A volume as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeNow {
    /// EC2's word, such as `available`.
    pub state: String,
    /// The instance that it is attached to, and how far that is (`attached`, `detaching`).
    pub attached: Option<(String, String)>,
    /// Whether that instance is a helper of EC2Rescue's, and its state.
    pub helper: Option<String>,
}

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Mend {
    Stop { helper: String },
    Detach { volume: String, helper: String },
    Attach { volume: String, device: String },
    DeleteOnTermination { device: String, delete: bool },
    Start,
}

/// How far an instance is from what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mending {
    Done,
    Do(Mend),
    /// What is under way ends by itself.
    Awaited(String),
    /// Somebody has to look.
    Stuck(String),
    /// There is nothing left that could come back.
    Gone(String),
}

/// Returns what brings the instance back to how it was.
pub fn mending(before: &Before, now: &Sight, volume: Option<&VolumeNow>) -> Mending {
    if ["terminated", "shutting-down"].contains(&now.state.as_str()) {
        return Mending::Gone(gone(&now.state, before, volume));
    }
    let Some((root, delete)) = &now.root else { return reattached(before, now, volume) };
    if *root != before.volume {
        let Before { volume, root_device, .. } = before;
        return Mending::Stuck(format!("{root} is at {root_device}, and it was {volume}"));
    }
    if *delete != before.delete_on_termination {
        let device = before.root_device.clone();
        let delete = before.delete_on_termination;
        return Mending::Do(Mend::DeleteOnTermination { device, delete });
    }
    match (before.state.as_str(), now.state.as_str()) {
        ("running", "stopped") => Mending::Do(Mend::Start),
        (_, "stopping" | "pending") => Mending::Awaited(format!("it is {}", now.state)),
        _ => Mending::Done,
    }
}

/// Returns what is left of an instance that was ended.
fn gone(how: &str, before: &Before, volume: Option<&VolumeNow>) -> String {
    let id = &before.volume;
    match volume {
        None => format!("it is {how}, and its root volume is gone"),
        Some(VolumeNow { attached: Some((holder, _)), .. }) => {
            format!("it is {how}; its root volume {id} is left, attached to {holder}")
        }
        Some(VolumeNow { state, .. }) => {
            format!("it is {how}; its root volume {id} is left, {state}")
        }
    }
}

fn reattached(before: &Before, now: &Sight, volume: Option<&VolumeNow>) -> Mending {
    let id = &before.volume;
    if now.state != "stopped" {
        return Mending::Awaited(format!("it is {} without its root volume", now.state));
    }
    let Some(volume) = volume else {
        return Mending::Stuck(format!("there is no volume {id} any more"));
    };
    match (&volume.attached, volume.state.as_str()) {
        (None, "available") => {
            let device = before.root_device.clone();
            Mending::Do(Mend::Attach { volume: id.clone(), device })
        }
        (Some((_, how)), _) if how == "detaching" || how == "attaching" => {
            Mending::Awaited(format!("its root volume {id} is {how}"))
        }
        (Some((holder, _)), _) => match volume.helper.as_deref() {
            Some("running" | "pending") => Mending::Do(Mend::Stop { helper: holder.clone() }),
            Some("stopping") => Mending::Awaited(format!("its helper {holder} is stopping")),
            Some(_) => Mending::Do(Mend::Detach { volume: id.clone(), helper: holder.clone() }),
            None => Mending::Stuck(format!(
                "its root volume {id} is attached to {holder}, which is no helper of EC2Rescue's"
            )),
        },
        (None, state) => Mending::Awaited(format!("its root volume {id} is {state}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn before(state: &str, delete: bool) -> Before {
        Before {
            state: state.to_owned(),
            root_device: "/dev/sda1".to_owned(),
            volume: "vol-1".to_owned(),
            delete_on_termination: delete,
            ..Before::default()
        }
    }

    /// Where a workflow may have died, as it leaves the instance and the volume.
    fn left(at: usize, was: &Before) -> (Sight, VolumeNow) {
        let state = |it: &str| Sight { state: it.to_owned(), ..Sight::default() };
        let root = |delete| Some((was.volume.clone(), delete));
        let held = |helper: &str, how: &str| VolumeNow {
            state: "in-use".to_owned(),
            attached: Some(("i-helper".to_owned(), how.to_owned())),
            helper: Some(helper.to_owned()),
        };
        let home = VolumeNow { state: "in-use".to_owned(), ..VolumeNow::default() };
        let free = VolumeNow { state: "available".to_owned(), ..VolumeNow::default() };
        match at {
            0 => (Sight { root: root(was.delete_on_termination), ..state(&was.state) }, home),
            1 => (Sight { root: root(was.delete_on_termination), ..state("stopping") }, home),
            2 => (Sight { root: root(was.delete_on_termination), ..state("stopped") }, home),
            3 => (state("stopped"), free),
            4 => (state("stopped"), held("running", "attached")),
            5 => (state("stopped"), held("stopping", "attached")),
            6 => (state("stopped"), held("stopped", "detaching")),
            7 => (Sight { root: root(false), ..state("stopped") }, home),
            _ => (Sight { root: root(false), ..state("pending") }, home),
        }
    }

    /// What a state becomes by itself.
    fn settled(state: &str) -> String {
        let settled = match state {
            "stopping" => "stopped",
            "pending" => "running",
            other => other,
        };
        settled.to_owned()
    }

    /// EC2, as far as it is asked; what is under way ends when nothing is asked.
    fn act(mending: &Mending, now: &mut Sight, volume: &mut VolumeNow, was: &Before) {
        match mending {
            Mending::Do(Mend::Stop { .. }) => volume.helper = Some("stopping".to_owned()),
            Mending::Do(Mend::Detach { .. }) => {
                assert_eq!(volume.helper.as_deref(), Some("stopped"), "while it runs");
                volume.attached = Some(("i-helper".to_owned(), "detaching".to_owned()));
            }
            Mending::Do(Mend::Attach { device, .. }) => {
                assert_eq!((volume.state.as_str(), device), ("available", &was.root_device));
                *volume = VolumeNow { state: "in-use".to_owned(), ..VolumeNow::default() };
                now.root = Some((was.volume.clone(), false));
            }
            Mending::Do(Mend::DeleteOnTermination { delete, .. }) => {
                now.root = Some((was.volume.clone(), *delete));
            }
            Mending::Do(Mend::Start) => now.state = "pending".to_owned(),
            Mending::Awaited(_) => {
                now.state = settled(&now.state);
                volume.helper = volume.helper.as_deref().map(settled);
                if volume.attached.as_ref().is_some_and(|(_, how)| how == "detaching") {
                    *volume = VolumeNow { state: "available".to_owned(), ..VolumeNow::default() };
                }
            }
            Mending::Done | Mending::Stuck(_) | Mending::Gone(_) => {}
        }
    }

    proptest! {
        #[test]
        fn wherever_it_died_the_instance_gets_back_what_it_had(
            at in 0..9_usize,
            delete in any::<bool>(),
            was_running in any::<bool>(),
        ) {
            // Who was stopped before is not stopped and started by the workflow.
            prop_assume!(was_running || ![1, 8].contains(&at));
            let was = before(if was_running { "running" } else { "stopped" }, delete);
            let (mut now, mut volume) = left(at, &was);
            let mut n_steps = 0;
            loop {
                let next = mending(&was, &now, Some(&volume));
                if next == Mending::Done {
                    break;
                }
                act(&next, &mut now, &mut volume, &was);
                n_steps += 1;
                prop_assert!(n_steps < 12, "{next:?}: {now:?} {volume:?}");
            }
            prop_assert_eq!(now.root, Some(("vol-1".to_owned(), delete)));
            prop_assert_eq!(now.state, was.state);
        }
    }

    #[test]
    fn what_belongs_to_others_is_not_touched() {
        let was = before("running", true);
        let (now, mut volume) = left(4, &was);
        volume.helper = None;
        let stuck = |it: &str| Mending::Stuck(it.to_owned());
        let elsewhere =
            "its root volume vol-1 is attached to i-helper, which is no helper of EC2Rescue's";
        assert_eq!(mending(&was, &now, Some(&volume)), stuck(elsewhere));
        assert_eq!(mending(&was, &now, None), stuck("there is no volume vol-1 any more"));
        let other = Sight { root: Some(("vol-2".to_owned(), true)), ..now.clone() };
        let text = "vol-2 is at /dev/sda1, and it was vol-1";
        assert_eq!(mending(&was, &other, Some(&volume)), stuck(text));
        let gone = Sight { state: "terminated".to_owned(), ..now };
        let gone = |volume| mending(&was, &gone, volume);
        let text = "it is terminated, and its root volume is gone";
        assert_eq!(gone(None), Mending::Gone(text.to_owned()));
        let text = "it is terminated; its root volume vol-1 is left, attached to i-helper";
        assert_eq!(gone(Some(&volume)), Mending::Gone(text.to_owned()));
    }
}
