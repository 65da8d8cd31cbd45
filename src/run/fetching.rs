//! Output that is fetched after a run, into files: whose is wanted, and the events that tell of it.
//! A run has ended before: nothing here changes what became of anybody.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    event::{Event, EventKind, StoredStream},
    row::StepUrls,
    status::Outcome,
};
use crate::plan::{InstanceId, Note, Redaction};

/// One instance whose output the list has cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    pub instance_id: InstanceId,
    pub command_id: String,
    /// All of its steps, in their order.
    pub steps: Vec<FetchStep>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchStep {
    pub name: String,
    pub urls: StepUrls,
}

/// What a fetch came to.
#[derive(Debug, Clone)]
pub struct Fetched {
    pub instance_id: InstanceId,
    /// `None` where nothing could be written.
    pub streams: Option<[StoredStream; 2]>,
    /// Why something is missing.
    pub why: Option<String>,
}

/// The part of a story that is told after its end.
#[derive(Debug)]
pub struct Fetching {
    seq: u64,
    started: Timestamp,
    /// By what is missing and why: the first to whom it happened, and to how many.
    missing: BTreeMap<String, (InstanceId, usize)>,
}

/// Returns whose output is cut and not in files yet, those who failed first.
pub fn unfetched(events: &[Event]) -> Vec<Fetch> {
    let mut found: BTreeMap<InstanceId, (Outcome, Fetch)> = BTreeMap::new();
    let mut whole = BTreeSet::new();
    for event in events {
        match &event.data {
            EventKind::InstanceFinished {
                instance_id,
                command_id: Some(command_id),
                outcome,
                execution: Some(execution),
                ..
            } => {
                let urls = |at: usize| execution.cut_urls.get(at).cloned().unwrap_or_default();
                let steps = execution.cut_plugins.iter().enumerate();
                let steps =
                    steps.map(|(at, name)| FetchStep { name: name.clone(), urls: urls(at) });
                let fetch = Fetch {
                    instance_id: instance_id.clone(),
                    command_id: command_id.clone(),
                    steps: steps.collect(),
                };
                found.insert(instance_id.clone(), (*outcome, fetch));
            }
            EventKind::OutputStored { instance_id, stdout, stderr }
                if stdout.is_whole && stderr.is_whole =>
            {
                whole.insert(instance_id.clone());
            }
            _ => {} // nothing else is about output
        }
    }
    found.retain(|id, (_, fetch)| !fetch.steps.is_empty() && !whole.contains(id));
    let mut found: Vec<_> = found.into_values().collect();
    found.sort_by_key(|(outcome, _)| *outcome);
    found.into_iter().map(|(_, fetch)| fetch).collect()
}

impl Fetching {
    /// Goes on after `events`; `None` if there is no run that they could be of.
    pub fn after(events: &[Event]) -> Option<Self> {
        let (_, started) = events.first()?.beginning()?;
        let seq = events.last()?.seq;
        Some(Self { seq, started, missing: BTreeMap::new() })
    }

    /// Tells of one instance.
    pub fn fetched(
        &mut self,
        elapsed: Duration,
        fetched: Fetched,
        redaction: &Redaction,
    ) -> Option<Event> {
        let Fetched { instance_id, streams, why } = fetched;
        if let Some(mut why) = why {
            redaction.withhold(&mut why);
            let entry = self.missing.entry(why).or_insert_with(|| (instance_id.clone(), 0));
            entry.1 += 1;
        }
        let [stdout, stderr] = streams?;
        Some(self.event(elapsed, EventKind::OutputStored { instance_id, stdout, stderr }))
    }

    /// Tells what is missing, once for all to whom the same happened, and what was asked for.
    pub fn end(
        &mut self,
        elapsed: Duration,
        n_left: usize,
        api_calls: BTreeMap<String, u64>,
        throttled_by_operation: BTreeMap<String, u64>,
    ) -> Vec<Event> {
        let missing = std::mem::take(&mut self.missing);
        let mut texts: Vec<String> = missing
            .into_iter()
            .map(|(why, (first, n))| match n {
                1 => format!("the output of {first} is not whole: {why}"),
                n => format!("the output of {first} and {} more is not whole: {why}", n - 1),
            })
            .collect();
        if n_left > 0 {
            let text = format!("fetching was ended before the output of {n_left} was read");
            texts.push(text);
        }
        let notes =
            texts.into_iter().map(|it| EventKind::NoteTaken { note: Note::new("output.cut", it) });
        let calls = EventKind::OutputsFetched { api_calls, throttled_by_operation };
        notes
            .chain([calls])
            .collect::<Vec<_>>()
            .into_iter()
            .map(|it| self.event(elapsed, it))
            .collect()
    }

    fn event(&mut self, elapsed: Duration, data: EventKind) -> Event {
        self.seq += 1;
        let since = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX);
        let at = self.started.saturating_add(since).unwrap_or(self.started);
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        Event { seq: self.seq, at, elapsed_ms, data }
    }
}
