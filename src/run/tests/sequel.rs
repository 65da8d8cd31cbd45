//! What follows a run is due once for each end that the run comes to.

use std::collections::BTreeMap;

use super::{Event, EventKind, by_ids, started};
use crate::{
    plan::{Plan, RunId, Sequel, Sidecar},
    run::{Kind, Resume, Run, SequelState, Verdict, sequel_state},
};

/// A plan that another document follows, which is known to change something or not.
fn followed(changes: bool) -> Plan {
    let plan = by_ids(&[1], 1, 0);
    let mut document = plan.document.clone();
    document.sidecar = Some(Sidecar { changes, ..Sidecar::default() });
    let sequel = Sequel {
        document,
        limits: plan.limits,
        delivery_timeout: 600,
        outputs: plan.outputs.clone(),
        notes: Vec::new(),
    };
    Plan { then: Some(Box::new(sequel)), ..plan }
}

fn ended(kind: Kind) -> EventKind {
    let verdict =
        Verdict { exit_code: 0, kind, sentence: String::new(), next_commands: Vec::new() };
    EventKind::RunFinished {
        verdict,
        api_calls: BTreeMap::new(),
        throttled: 0,
        throttled_by_operation: BTreeMap::new(),
    }
}

fn resumed() -> EventKind {
    EventKind::RunResumed { mode: Resume::Continue }
}

fn begun(n: u32) -> EventKind {
    EventKind::SequelBegun { run_id: RunId::new(started(), n), document: "Doc".to_owned() }
}

/// Returns how it stands once a run has told of this after its beginning.
fn state(plan: &Plan, told: Vec<EventKind>) -> SequelState {
    let (_, step) = Run::start(plan.clone(), super::Pace::default(), started());
    let mut events = step.events[..1].to_vec();
    for data in told {
        let seq = events.last().unwrap().seq + 1;
        events.push(Event { seq, at: started(), elapsed_ms: 0, data });
    }
    sequel_state(&events)
}

#[test]
fn what_follows_is_due_once_for_each_end() {
    let plan = followed(true);
    let run_id = RunId::new(started(), 7);
    for (told, expected) in [
        (vec![], SequelState::Ahead),
        (vec![ended(Kind::Succeeded)], SequelState::Due),
        (vec![ended(Kind::InstancesFailed)], SequelState::Due),
        (vec![ended(Kind::Succeeded), begun(7)], SequelState::Begun { run_id: run_id.clone() }),
        // It goes on, and so does everything behind its end.
        (vec![ended(Kind::Succeeded), resumed()], SequelState::Ahead),
        (vec![ended(Kind::Unknown), resumed()], SequelState::Ahead),
        (vec![ended(Kind::Succeeded), begun(7), resumed()], SequelState::Ahead),
        (
            vec![ended(Kind::Succeeded), begun(3), resumed(), ended(Kind::Succeeded)],
            SequelState::Due,
        ),
    ] {
        assert_eq!(state(&plan, told.clone()), expected, "{told:?}");
    }
    assert_eq!(state(&by_ids(&[1], 1, 0), vec![ended(Kind::Succeeded)]), SequelState::Unplanned);
}

#[test]
fn only_what_changes_nothing_follows_a_run_that_was_stopped() {
    for kind in [Kind::NothingSent, Kind::Unknown, Kind::Interrupted, Kind::Halted] {
        assert_eq!(state(&followed(true), vec![ended(kind)]), SequelState::Withheld, "{kind:?}");
        let expected = match kind {
            Kind::Halted => SequelState::Due,
            _ => SequelState::Withheld,
        };
        assert_eq!(state(&followed(false), vec![ended(kind)]), expected, "{kind:?}");
    }
}

#[test]
fn nothing_follows_a_run_that_was_cancelled_after_its_budget_had_stopped_it() {
    let cancelled = |kind| vec![EventKind::CancelOrdered { instances: None }, ended(kind)];
    let halted = state(&followed(false), cancelled(Kind::Halted));
    assert_eq!(halted, SequelState::Withheld);
    // This one was cancelled too late for anybody.
    assert_eq!(state(&followed(false), cancelled(Kind::Succeeded)), SequelState::Due);
}
