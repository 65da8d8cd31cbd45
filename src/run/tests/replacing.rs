//! Members that their groups replace: what is said of those whose replacement is not seen to its end.

use super::{EventKind, by_ids, report, seconds, started};
use crate::{
    plan::Replacement,
    run::{Accepted, Counts, Event, Observed, OnInterrupt, Outcome, Pace, Run, Stage},
};

/// Has one member replaced, interrupts it twice after `seen`, and returns what is said of it.
fn given_up(seen: impl IntoIterator<Item = Observed>) -> String {
    let mut plan = by_ids(&[1], 1, 0);
    plan.document.replacement = Some(Replacement::default());
    let (mut run, step) = Run::start(plan, Pace::default(), started());
    let mut events: Vec<Event> = step.events;
    let interrupt = || Observed::Interrupted(OnInterrupt::Cancel);
    for (at, it) in (1..).zip(seen.into_iter().chain([interrupt(), interrupt()])) {
        events.extend(run.apply(seconds(at), it).events);
    }
    let told = events.iter().any(|it| matches!(it.data, EventKind::InstanceFinished { .. }));
    assert!(told, "{events:?}");
    let report = report(&events);
    assert_eq!(report.instances[0].outcome, Outcome::Unknown);
    report.instances[0].hint.clone().unwrap()
}

const LOOK: &str = "the group goes on trying to launch another by itself, and `aws autoscaling \
                    describe-scaling-activities --region us-east-1 --auto-scaling-group-name web` \
                    tells of each try";

#[test]
fn of_whoever_was_not_seen_to_be_replaced_it_is_told_what_the_group_does_and_where_to_look() {
    let command_id = || "activity-1".to_owned();
    let accepted = Accepted { command_id: command_id(), expires_in: None, expires_after: None };
    let stage = Stage {
        status_word: "InProgress".to_owned(),
        progress: Some("replacement: another one could not be launched: no capacity.".to_owned()),
    };
    let counts = Counts {
        command_id: command_id(),
        is_final: false,
        targets: 1,
        completed: 0,
        errors: 0,
        delivery_timed_out: 0,
        stage: Some(stage),
    };
    let accepted = Observed::Accepted { send: 1, accepted };
    let hint = given_up([accepted, Observed::Counted { counts: vec![counts] }]);
    let expected = format!(
        "its group was told to end it, and was not seen to have replaced it (last seen: \
         replacement: another one could not be launched: no capacity); {LOOK}"
    );
    assert_eq!(hint, expected);
}

#[test]
fn of_whoever_may_not_have_been_ended_that_is_not_said() {
    let hint = given_up([]);
    let expected = format!(
        "whether its group was told to end it is not known: look whether it is there; if it was, \
         {LOOK}"
    );
    assert_eq!(hint, expected);
}
