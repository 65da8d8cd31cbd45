//! The core against a model of the outside world. No test here waits, sleeps or knows a runtime.

mod automation;
mod budget;
mod checks;
mod completing;
mod counters;
mod crashing;
mod doubt;
mod dying;
mod ending;
mod ids;
mod model;
mod nonsense;
mod random;
mod recalling;
mod refusals;
mod replacing;
mod resuming;
mod script;
mod sequel;
mod tag;
mod taking;
mod waves;
mod world;

use std::time::Duration;

use jiff::Timestamp;

use super::{Event, EventKind, Fold, Outcome, Pace, Report};
use crate::plan::{
    Agent, Automation, Bound, Dispatch, Document, GROUP_TAG, InstanceId, Limit, Limits, Operator,
    Parameters, Plan, Platform, Population, Rollout, RunId, SCHEMA, Selector, Target, Wave,
};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn started() -> Timestamp {
    "2024-07-19T04:09:00Z".parse().unwrap()
}

/// The instance number `n`.
fn id(n: usize) -> InstanceId {
    InstanceId::parse(&format!("i-{n:017x}")).unwrap()
}

fn target(n: usize) -> Target {
    Target {
        id: id(n),
        group: Some("web".to_owned()),
        zone: None,
        lifecycle: Some("InService".to_owned()),
        health: None,
        platform: Some(Platform::Linux),
        agent: Agent::Online,
        agent_version: None,
        computer_name: None,
    }
}

/// A plan over `n` instances by ids, in waves of these sizes.
fn by_ids(waves: &[usize], slots: u32, errors: u32) -> Plan {
    let n: usize = waves.iter().sum();
    let mut next = 0..n;
    let wave = |(at, size): (usize, &usize)| Wave {
        index: u32::try_from(at).unwrap() + 1,
        instances: next.by_ref().take(*size).map(id).collect(),
        ..Wave::default()
    };
    let population = u32::try_from(n).unwrap();
    Plan {
        outputs: crate::plan::Outputs::default(),
        schema: SCHEMA.to_owned(),
        run_id: RunId::new(started(), 1),
        parent_id: None,
        created: started(),
        tool_version: "0".to_owned(),
        reason: None,
        operator: Operator::default(),
        account: None,
        region: "us-east-1".to_owned(),
        is_simulated: false,
        is_written: false,
        selector: Selector { groups: vec!["web".to_owned()], ..Selector::default() },
        groups: vec!["web".to_owned()],
        document: Document {
            name: "Doc".to_owned(),
            version: None,
            hash: None,
            parameters: Parameters::default(),
            sidecar: None,
            dry_run: None,
            automation: None,
            replacement: None,
        },
        limits: Limits::resolve(Limit::Count(slots), Limit::Count(errors), Some(population)),
        delivery_timeout: 600,
        deadline: None,
        dispatch: Dispatch::Ids { why: String::new() },
        population: Population {
            is_listed: true,
            planned: (0..n).map(target).collect(),
            excluded: Vec::new(),
        },
        waves: waves.iter().enumerate().map(wave).collect(),
        rollout: Rollout::default(),
        then: None,
        notes: Vec::new(),
    }
}

/// The same plan for a runbook: an execution for each instance.
fn as_runbook(plan: Plan) -> Plan {
    let automation = Automation {
        target_parameter: "InstanceId".to_owned(),
        steps: ["look", "mend"].map(ToOwned::to_owned).to_vec(),
        assume_role: None,
        recovery: None,
    };
    let document = Document { automation: Some(automation), ..plan.document };
    Plan { document, ..plan }
}

/// A plan over `n` instances by their group's tag.
fn by_tag(n: usize, slots: u32, errors: u32) -> Plan {
    let dispatch = Dispatch::Tag {
        key: GROUP_TAG.to_owned(),
        values: vec!["web".to_owned()],
        why: String::new(),
    };
    Plan { dispatch, ..by_ids(&[n], slots, errors) }
}

/// A plan for a group that may not be listed.
fn unlisted(slots: Limit, errors: Limit) -> Plan {
    let bound = |input| Bound { input, resolved: None };
    Plan {
        limits: Limits {
            max_concurrency: bound(slots),
            max_errors: bound(errors),
            worst_case_failures: None,
        },
        population: Population { is_listed: false, planned: Vec::new(), excluded: Vec::new() },
        waves: vec![Wave { index: 1, ..Wave::default() }],
        ..by_tag(0, 1, 0)
    }
}

/// Returns the report of `events`, which must be the same when they are read from a ledger.
fn report(events: &[Event]) -> Report {
    let (mut live, mut replayed) = (Fold::default(), Fold::default());
    for event in events {
        live.apply(event);
        let line = serde_json::to_string(event).unwrap();
        let read: Event = serde_json::from_str(&line).unwrap();
        assert_eq!(&read, event);
        replayed.apply(&read);
    }
    let live = live.report().expect("a run has started");
    assert_eq!(Some(&live), replayed.report().as_ref());
    live
}

fn count(events: &[Event], is_it: impl Fn(&EventKind) -> bool) -> usize {
    events.iter().filter(|it| is_it(&it.data)).count()
}
