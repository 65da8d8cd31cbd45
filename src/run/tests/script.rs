//! What a world is like: how each call is answered, and what each instance makes of a command.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Range,
    time::Duration,
};

use super::{model::Behaviour, seconds};
use crate::{
    plan::{InstanceId, Plan},
    run::{Cancellation, OnInterrupt},
};

/// How SendCommand is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Accept,
    Throttle,
    Deny,
    Refuse,
    /// No answer; accepted all the same.
    DropAfter,
    /// No answer, and not accepted.
    DropBefore,
    /// Accepted, and the answer takes this many seconds.
    Late(u64),
    Never,
}

/// How a read or a look for a token is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    True,
    Denied,
    Failing,
    Never,
}

/// What the world is like. Every field has a harmless default.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub answers: VecDeque<Answer>,
    pub then: Answer,
    pub behaviours: BTreeMap<InstanceId, Behaviour>,
    /// Ids that SSM refuses a command for, and whether it says which.
    pub unusable: BTreeSet<InstanceId>,
    pub names_unusable: bool,
    /// Whom the tag reaches.
    pub tagged: Vec<InstanceId>,
    pub latency: Duration,
    pub cancel_latency: Duration,
    pub visible_after: Duration,
    pub counts: Reads,
    /// Reads of counters fail meanwhile.
    pub counts_fail: Range<Duration>,
    pub rows: Reads,
    /// Reads of rows fail from then on.
    pub rows_fail_from: Option<Duration>,
    pub settles: Reads,
    pub closing: Reads,
    /// One read in this many is as old as the one before, and one is missing every second row.
    pub stale: Option<u64>,
    pub interrupts: VecDeque<Duration>,
    pub on_interrupt: OnInterrupt,
    /// Whom somebody cancels past the run, and when.
    pub strangers: VecDeque<(Duration, Vec<InstanceId>)>,
    /// What `fleet cancel` takes back, and when.
    pub recalls: VecDeque<(Duration, Cancellation)>,
    pub members: Option<Vec<InstanceId>>,
    pub seed: u64,
}

impl Script {
    pub(super) fn of(plan: &Plan) -> Self {
        let planned: Vec<_> = plan.population.planned.iter().map(|it| it.id.clone()).collect();
        Self {
            answers: VecDeque::new(),
            then: Answer::Accept,
            behaviours: BTreeMap::new(),
            unusable: BTreeSet::new(),
            names_unusable: true,
            tagged: planned.clone(),
            latency: Duration::from_millis(30),
            cancel_latency: Duration::from_millis(30),
            visible_after: seconds(1),
            counts: Reads::True,
            counts_fail: Duration::ZERO..Duration::ZERO,
            rows: Reads::True,
            rows_fail_from: None,
            settles: Reads::True,
            closing: Reads::True,
            stale: None,
            interrupts: VecDeque::new(),
            on_interrupt: OnInterrupt::Cancel,
            strangers: VecDeque::new(),
            recalls: VecDeque::new(),
            members: Some(planned),
            seed: 1,
        }
    }

    pub(super) fn behave(&mut self, ids: impl IntoIterator<Item = usize>, behaviour: &Behaviour) {
        self.behaviours.extend(ids.into_iter().map(|it| (super::id(it), behaviour.clone())));
    }
}
