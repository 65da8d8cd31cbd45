//! Instances that are stopped are out of service before anything is started on them, and what was
//! changed for that is brought back, or said to remain.

use std::collections::BTreeMap;

use super::{EventKind, as_runbook, by_ids, count, id, report, seconds, started};
use crate::{
    plan::{Plan, Recovery},
    run::{
        Awaited, ChangeState, Conclusion, Effect, Event, GroupChange, Kind, Observed, OnInterrupt,
        Pace, PuttingBack, Report, Resume, Run, Step, Taken,
    },
};

fn rescue(n: usize) -> Plan {
    let mut plan = as_runbook(by_ids(&[n], 2, 0));
    plan.document.automation.as_mut().unwrap().recovery = Some(Recovery::default());
    plan
}

fn change(state: ChangeState, text: &str) -> GroupChange {
    let (processes, instances) = (vec!["AZRebalance".to_owned()], Vec::new());
    GroupChange {
        group: Some("web".to_owned()),
        state,
        processes,
        instances,
        text: text.to_owned(),
    }
}

struct Story {
    run: Run,
    events: Vec<Event>,
    effects: Vec<Effect>,
}

impl Story {
    fn of(plan: Plan) -> Self {
        let (run, step) = Run::start(plan, Pace::default(), started());
        Self { run, events: step.events, effects: step.effects }
    }

    /// Keeps the events, and only the newest effects.
    fn see(&mut self, at: u64, observed: Observed) -> Vec<Effect> {
        let Step { events, effects, .. } = self.run.apply(seconds(at), observed);
        self.events.extend(events);
        effects
    }

    fn conclude(&mut self, at: u64, changes: Vec<GroupChange>) -> Report {
        let (api_calls, throttled) = (BTreeMap::new(), BTreeMap::new());
        let concluded = Observed::Concluded { changes, api_calls, throttled };
        assert_eq!(self.see(at, concluded), []);
        report(&self.events)
    }

    /// Adds what a later restoration tells.
    fn tell(&mut self, change: GroupChange) {
        let last = self.events.last().unwrap();
        let (seq, at, elapsed_ms) = (last.seq + 1, last.at, last.elapsed_ms);
        let data = EventKind::GroupChanged { change };
        self.events.push(Event { seq, at, elapsed_ms, data });
    }
}

fn asks_for(effects: &[Effect]) -> usize {
    match effects {
        [Effect::TakeOut { instances }] => instances.len(),
        _ => panic!("{effects:?}"),
    }
}

fn failed() -> Observed {
    Observed::Taken(Taken::Failed { reason: "web has MinSize 4 of 4 wanted".to_owned() })
}

#[test]
fn nothing_is_started_before_everybody_is_out() {
    let mut story = Story::of(rescue(4));
    assert_eq!(asks_for(&story.effects), 4);
    let made = Taken::Changed(change(ChangeState::Made, "web: AZRebalance suspended"));
    assert_eq!(asks_for(&story.see(1, Observed::Taken(made))), 4);
    assert_eq!(asks_for(&story.see(2, Observed::Taken(Taken::Awaited(Awaited::Standby)))), 4);
    assert_eq!(asks_for(&story.see(3, Observed::Taken(Taken::Awaited(Awaited::Standby)))), 4);
    let effects = story.see(4, Observed::Taken(Taken::All));
    assert!(matches!(&effects[..], [Effect::Send { .. }]), "{effects:?}");
    assert_eq!(count(&story.events, |it| matches!(it, EventKind::NoteTaken { .. })), 1);
    assert_eq!(report(&story.events).changes[0].change.text, "web: AZRebalance suspended");
    // An answer that comes twice changes nothing.
    assert_eq!(story.see(5, Observed::Taken(Taken::Awaited(Awaited::Standby))), []);
}

fn concluding(putting_back: PuttingBack) -> Effect {
    Effect::Conclude(Conclusion { putting_back, sent: Vec::new(), changed: Vec::new() })
}

#[test]
fn who_needs_nobody_out_of_service_starts_at_once() {
    let story = Story::of(as_runbook(by_ids(&[4], 2, 0)));
    assert!(matches!(&story.effects[..], [Effect::Send { .. }]), "{:?}", story.effects);
}

#[test]
fn where_somebody_cannot_be_taken_out_nothing_is_sent_and_all_is_brought_back() {
    let mut story = Story::of(rescue(4));
    let effects = story.see(1, failed());
    let expected = concluding(PuttingBack::Now);
    assert_eq!(effects, [expected]);
    let undone = change(ChangeState::Undone, "web: AZRebalance resumed");
    let report = story.conclude(2, vec![undone.clone()]);
    let verdict = report.verdict.clone().unwrap();
    assert_eq!((verdict.kind, verdict.exit_code), (Kind::NothingSent, 3));
    assert!(
        verdict.sentence.ends_with("NotTakenOut: web has MinSize 4 of 4 wanted"),
        "{verdict:?}"
    );
    assert_eq!(report.changes.len(), 1);
    assert_eq!(report.changes[0].change, undone);
}

#[test]
fn an_interrupt_waits_for_the_change_under_way_and_brings_it_back() {
    let mut story = Story::of(rescue(4));
    let interrupted = || Observed::Interrupted(OnInterrupt::Cancel);
    assert_eq!(story.see(1, interrupted()), [], "the change may be made yet");
    let effects = story.see(2, Observed::Taken(Taken::All));
    let expected = concluding(PuttingBack::Now);
    assert_eq!(effects, [expected]);

    let mut story = Story::of(rescue(4));
    assert_eq!(story.see(1, interrupted()), []);
    let effects = story.see(2, interrupted());
    let expected = concluding(PuttingBack::Later);
    assert_eq!(effects, [expected], "who does not wait is not made to");
}

#[test]
fn connections_that_drain_for_ever_stop_the_run() {
    let mut story = Story::of(rescue(4));
    let patience = Pace::default().taken_within.as_secs();
    assert_eq!(
        asks_for(&story.see(patience, Observed::Taken(Taken::Awaited(Awaited::Standby)))),
        4
    );
    let effects = story.see(patience + 1, Observed::Taken(Taken::Awaited(Awaited::Standby)));
    assert!(matches!(&effects[..], [Effect::Conclude { .. }]), "{effects:?}");
    let sentence = story.conclude(patience + 2, Vec::new()).verdict.unwrap().sentence;
    assert!(sentence.ends_with("their connections still drain"), "{sentence}");
}

#[test]
fn a_throttle_is_told_as_one_and_not_as_connections_that_drain() {
    let mut story = Story::of(rescue(4));
    let throttled = || Observed::Taken(Taken::Awaited(Awaited::Throttle));
    let patience = Pace::default().taken_within.as_secs();
    assert_eq!(asks_for(&story.see(1, throttled())), 4);
    assert_eq!(asks_for(&story.see(2, Observed::Taken(Taken::Awaited(Awaited::Standby)))), 4);
    drop(story.see(patience + 2, throttled()));
    let report = story.conclude(patience + 3, Vec::new());
    let told = story.events.iter().filter_map(|it| match &it.data {
        EventKind::NoteTaken { note } => Some(note.code.as_str()),
        // Only what is told while it lasts.
        _ => None,
    });
    let codes: Vec<&str> = told.collect();
    assert!(codes.ends_with(&["standby.throttled", "standby.awaited"]), "{codes:?}");
    assert_eq!(report.notes, [], "what was waited for is over, and is no fact of the report");
    let sentence = report.verdict.unwrap().sentence;
    assert!(
        sentence.ends_with("the service throttles what is asked of their groups"),
        "{sentence}"
    );
}

#[test]
fn what_stays_changed_is_no_success_and_says_how_it_is_undone() {
    let mut plan = rescue(1);
    plan.selector.groups.clear();
    let name = plan.run_id.to_string();
    let (mut run, mut step) = Run::start(plan, Pace::default(), started());
    let mut events = std::mem::take(&mut step.events);
    let accepted = crate::run::Accepted {
        command_id: "execution-1".to_owned(),
        expires_in: None,
        expires_after: None,
    };
    let row = crate::run::Row {
        instance_id: id(0),
        status: crate::run::Status::Success,
        status_word: "Success".to_owned(),
        details_word: "Success".to_owned(),
        requested: None,
        progress: None,
        failure: None,
        note: None,
        plugins: Vec::new(),
    };
    let seen = [
        Observed::Taken(Taken::All),
        Observed::Accepted { send: 1, accepted },
        Observed::Read {
            command_id: "execution-1".to_owned(),
            scope: crate::run::ReadScope::All,
            rows: vec![row],
        },
        Observed::Concluded {
            changes: vec![change(ChangeState::Remains, "web: 1 instance not restored")],
            api_calls: BTreeMap::new(),
            throttled: BTreeMap::new(),
        },
    ];
    for (at, observed) in (1..).zip(seen) {
        events.extend(run.apply(seconds(at), observed).events);
    }
    let verdict = report(&events).verdict.unwrap();
    assert_eq!((verdict.kind, verdict.exit_code), (Kind::InstancesFailed, 1));
    assert!(
        verdict.sentence.starts_with("1 of 1 instance succeeded; not everything"),
        "{verdict:?}"
    );
    assert_eq!(verdict.next_commands[0], format!("fleet restore {name}"));

    let change = change(ChangeState::Undone, "web: AZRebalance resumed");
    let last = events.last().unwrap();
    let (seq, at) = (last.seq + 1, last.at);
    let data = EventKind::GroupChanged { change };
    events.push(Event { seq, at, elapsed_ms: last.elapsed_ms, data });
    let restored = report(&events).verdict.unwrap();
    assert_eq!((restored.kind, restored.exit_code), (verdict.kind, verdict.exit_code));
    assert_eq!(
        restored.sentence,
        "1 of 1 instance succeeded; exit code 1 is for what was still changed for the run when it \
         ended, and that was undone afterwards"
    );
    assert_eq!(restored.next_commands, verdict.next_commands[1..]);
}

#[test]
fn what_is_undone_after_the_end_is_not_why_a_run_failed_in_which_instances_did() {
    let mut story = Story::of(rescue(1));
    drop(story.see(1, failed()));
    drop(story.conclude(2, vec![change(ChangeState::Remains, "web: not restored: Denied")]));
    story.tell(change(ChangeState::Undone, "web: it goes on"));
    let sentence = report(&story.events).verdict.unwrap().sentence;
    assert!(
        sentence.ends_with("; what was changed for the run was undone after its end"),
        "{sentence}"
    );
}

#[test]
fn the_latest_word_of_what_stays_changed_takes_the_place_of_the_one_before() {
    let mut story = Story::of(rescue(1));
    drop(story.see(1, failed()));
    let remains = |why: &str| change(ChangeState::Remains, why);
    drop(story.conclude(2, vec![remains("first")]));
    let behind = |text: &str| GroupChange {
        group: None,
        state: ChangeState::LeftBehind,
        processes: Vec::new(),
        instances: Vec::new(),
        text: text.to_owned(),
    };
    let other = GroupChange { group: Some("batch".to_owned()), ..remains("other") };
    let told = [remains("second"), behind("a helper"), other, remains("third")];
    told.into_iter().for_each(|it| story.tell(it));
    story.tell(behind("a stack"));
    story.tell(behind("a helper"));
    let texts = |story: &Story| {
        let changes = report(&story.events).changes.into_iter();
        changes.map(|it| it.change.text).collect::<Vec<_>>()
    };
    assert_eq!(texts(&story), ["other", "third", "a stack", "a helper"]);
    story.tell(change(ChangeState::Undone, "undone"));
    story.tell(remains("again"));
    assert_eq!(texts(&story), ["other", "third", "a stack", "a helper", "undone", "again"]);
    assert_eq!(report(&story.events).left_changed().len(), 2);
}

#[test]
fn whoever_takes_over_takes_out_only_who_is_left_and_only_to_send() {
    let mut story = Story::of(rescue(4));
    let effects = story.see(1, Observed::Taken(Taken::All));
    assert!(matches!(&effects[..], [Effect::Send { .. }]));
    let resumed = |mode| {
        let plan = rescue(4);
        Run::resume(plan, Pace::default(), started(), &story.events, seconds(9), mode, None).1
    };
    let taken = |mode| {
        let effects = resumed(mode).effects;
        effects.into_iter().find(|it| matches!(it, Effect::TakeOut { .. }))
    };
    assert_eq!(taken(Resume::Follow), None);
    let left = Effect::TakeOut { instances: (1..4).map(id).collect() };
    assert_eq!(taken(Resume::Continue), Some(left));
}

#[test]
fn what_a_process_undid_that_did_not_live_to_tell_is_told_by_the_next() {
    let mut story = Story::of(rescue(1));
    let made = Taken::Changed(change(ChangeState::Made, "web: AZRebalance suspended"));
    drop(story.see(1, Observed::Taken(made)));
    drop(story.see(2, failed()));
    let report = story.conclude(3, Vec::new());
    let states: Vec<ChangeState> = report.changes.iter().map(|it| it.change.state).collect();
    assert_eq!(states, [ChangeState::Made, ChangeState::Undone]);
    assert_eq!(report.left_changed(), []);
}
