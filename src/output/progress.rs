//! How far a run is, told from its events. It reads no clock: an event knows when it happened.

use std::collections::{BTreeMap, HashMap, HashSet};

use anstyle::Style;

use super::{
    page::{DIM, PLAIN, RED},
    telling,
    words::{clock, count, outcome, why_of},
};
use crate::{
    plan::{InstanceId, Plan},
    run::{Event, EventKind, Execution, Outcome},
};

/// The share of the population after which a log gets the next summary: a tenth.
const SUMMARIES: u32 = 10;

/// How much of the progress is put into lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// A bar shows the counts; lines are for what must not be missed.
    BesideBar,
    /// A log has nothing but lines.
    Log,
}

/// One line worth saying.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) spans: Vec<(Style, String)>,
    pub(super) fit: Fit,
}

/// Whether a line may be cut to the width of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// The report has the rest.
    Cut,
    Whole,
}

/// What is known so far.
#[derive(Debug)]
pub(super) struct Progress {
    detail: Detail,
    /// `None` while the population is not known.
    planned: Option<HashSet<InstanceId>>,
    totals: BTreeMap<Outcome, u32>,
    finished: HashMap<InstanceId, Outcome>,
    running: HashSet<InstanceId>,
    /// By command, how many the service says are completed.
    completed: HashMap<String, u32>,
    n_completed: u32,
    sends: HashMap<u32, usize>,
    throttled: Option<u32>,
    /// How many tenths the last summary told of, and whether the next one is due.
    tenths: u32,
    is_summary_due: bool,
    at_ms: u64,
}

impl Progress {
    pub(super) fn new(detail: Detail) -> Self {
        Self {
            detail,
            planned: None,
            totals: BTreeMap::new(),
            finished: HashMap::new(),
            running: HashSet::new(),
            completed: HashMap::new(),
            n_completed: 0,
            sends: HashMap::new(),
            throttled: None,
            tenths: 0,
            is_summary_due: false,
            at_ms: 0,
        }
    }

    /// Returns how many are planned, if that is known.
    pub(super) fn planned(&self) -> Option<u32> {
        self.planned.as_ref().map(|it| number(it.len()))
    }

    /// Returns how many are over, as far as rows or counters tell.
    pub(super) fn done(&self) -> u32 {
        let done = number(self.finished.len()).max(self.n_completed);
        self.planned().map_or(done, |it| done.min(it))
    }

    /// Returns `12/40 · 9 succeeded · 2 failed · 1 running`.
    pub(super) fn summary(&self) -> String {
        let done = self.done();
        let mut parts = vec![match self.planned() {
            Some(planned) => format!("{done}/{planned}"),
            None => format!("{done} done"),
        }];
        let mut totals: Vec<_> = self.totals.iter().collect();
        totals.sort_by_key(|(it, _)| (**it != Outcome::Succeeded, **it));
        parts.extend(totals.into_iter().map(|(it, n)| format!("{n} {}", outcome(*it))));
        // Counters run ahead of the rows, which tell how it went.
        if let Some(n @ 1..) = done.checked_sub(number(self.finished.len())) {
            parts.push(format!("{n} not read yet"));
        }
        if !self.running.is_empty() {
            parts.push(format!("{} running", self.running.len()));
        }
        parts.join(" · ")
    }

    /// Takes an event in and returns what is to be said about it.
    pub(super) fn apply(&mut self, event: &Event) -> Vec<Line> {
        let mut lines = Vec::new();
        // A poll brings many ends at once: they share one summary.
        if event.elapsed_ms > self.at_ms {
            self.summarise(&mut lines);
            self.at_ms = event.elapsed_ms;
        }
        match &event.data {
            EventKind::RunStarted { plan } => self.begin(plan),
            EventKind::WaveStarted { wave, instances } if self.is_log() => {
                let who = match self.planned() {
                    Some(_) => count(*instances as usize, "instance"),
                    None => "whoever the tag reaches".to_owned(),
                };
                lines.push(self.line(PLAIN, format!("wave {wave} started: {who}")));
            }
            EventKind::WaveFinished { wave } if self.is_log() => {
                self.is_summary_due = false;
                let text = format!("wave {wave} finished: {}", self.summary());
                lines.push(self.line(PLAIN, text));
            }
            EventKind::SendIntended { send, instances, .. } => {
                self.sends.insert(*send, instances.len());
            }
            EventKind::CommandAccepted { send, command_id, .. } if self.is_log() => {
                let n = self.sends.get(send).copied().filter(|it| *it > 0);
                let who = n.map(|it| format!(" for {}", count(it, "instance")));
                let text = format!("command {command_id} accepted{}", who.unwrap_or_default());
                lines.push(self.line(PLAIN, text));
            }
            EventKind::CommandCounted { command_id, completed, .. } => {
                let before = self.completed.insert(command_id.clone(), *completed).unwrap_or(0);
                self.n_completed = (self.n_completed + completed).saturating_sub(before);
            }
            EventKind::InvocationChanged { instance_id, status_details, .. } => {
                if status_details == "InProgress" {
                    self.running.insert(instance_id.clone());
                }
            }
            EventKind::InstanceFinished { instance_id, outcome, execution, hint, .. } => {
                let execution = execution.as_ref();
                lines.extend(self.finished(instance_id, *outcome, execution, hint.as_deref()));
            }
            // Said once for each send, however often it is tried.
            EventKind::SendThrottled { send } if self.throttled.replace(*send) == Some(*send) => {}
            // Under a plan that lists nobody, everybody joins.
            EventKind::InstanceJoined { .. } if self.planned.is_none() => {}
            other => lines.extend(telling::of(other).map(|(style, it)| self.line(style, it))),
        }
        lines
    }

    fn begin(&mut self, plan: &Plan) {
        let ids = plan.population.planned.iter().map(|it| it.id.clone());
        self.planned = plan.population.is_listed.then(|| ids.collect());
    }

    fn finished(
        &mut self,
        id: &InstanceId,
        ended: Outcome,
        execution: Option<&Execution>,
        hint: Option<&str>,
    ) -> Option<Line> {
        self.running.remove(id);
        // Who joined has an outcome of its own, but no place in the plan.
        if self.planned.as_ref().is_none_or(|it| it.contains(id)) {
            let before = self.finished.insert(id.clone(), ended);
            *self.totals.entry(ended).or_default() += 1;
            // Who was unknown when the run ended may have been found since.
            if let Some(n) = before.and_then(|it| self.totals.get_mut(&it)) {
                *n -= 1;
            }
            self.totals.retain(|_, n| *n > 0);
        }
        if let Some(planned @ 1..) = self.planned() {
            let tenths = self.done() * SUMMARIES / planned;
            if tenths > self.tenths {
                self.tenths = tenths;
                self.is_summary_due = true;
            }
        }
        // Whoever was left alone is told of by the counts: there may be ten thousand.
        if ended == Outcome::Succeeded || ended.is_untouched() {
            return None;
        }
        let code = execution.and_then(|it| it.response_code);
        let code = code.map(|it| format!(", exit code {it}")).unwrap_or_default();
        let (stdout, stderr) =
            execution.map_or(("", ""), |it| (it.stdout.as_str(), it.stderr.as_str()));
        let why = why_of(stderr, stdout, hint).map(|it| format!(": {it}")).unwrap_or_default();
        let mut line = self.line(RED, format!("{id} {}", outcome(ended)));
        line.spans.push((PLAIN, format!("{code}{why}")));
        Some(Line { fit: Fit::Cut, ..line })
    }

    fn summarise(&mut self, lines: &mut Vec<Line>) {
        if std::mem::take(&mut self.is_summary_due) && self.is_log() {
            lines.push(self.line(PLAIN, self.summary()));
        }
    }

    fn is_log(&self) -> bool {
        self.detail == Detail::Log
    }

    fn line(&self, style: Style, text: String) -> Line {
        let time = (DIM, format!("{} ", clock(self.at_ms / 1000)));
        Line { spans: vec![time, (style, text)], fit: Fit::Whole }
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        output::testing::{self, Story},
        plan::{self, Draft, Limit, Selector},
    };

    fn log(story: &Story) -> String {
        let mut progress = Progress::new(Detail::Log);
        let lines = story.events.iter().flat_map(|it| progress.apply(it));
        let lines =
            lines.map(|it| it.spans.into_iter().map(|(_, text)| text).collect::<String>() + "\n");
        lines.collect()
    }

    #[test]
    fn a_log_has_a_line_for_each_failure() {
        insta::assert_snapshot!(log(&testing::mixed()), @r"
        00:00 wave 1 started: 40 instances
        00:00 command 11111111-2222-3333-4444-000000000001 accepted
        00:00 i-00000000000000003 failed, exit code 3: df: /var is full
        00:00 i-00000000000000007 failed, exit code -1: killed by a signal that the agent did not send, often for want of memory
        00:00 i-0000000000000001f undeliverable: the agent could not be reached; it may have run all the same: look before repeating
        00:00 wave 1 finished: 40/40 · 37 succeeded · 2 failed · 1 undeliverable
        ");
    }

    #[test]
    fn a_log_says_why_a_run_stops() {
        insta::assert_snapshot!(log(&testing::halted()), @r"
        00:00 wave 1 started: 20 instances
        00:00 command 11111111-2222-3333-4444-000000000001 accepted for 2 instances
        00:00 command 11111111-2222-3333-4444-000000000002 accepted for 2 instances
        00:00 2/20 · 2 succeeded
        00:01 i-00000000000000003 failed, exit code 3: df: /var is full
        00:01 error budget spent: 1 error, 0 allowed; nothing more is sent
        00:01 wave 1 finished: 20/20 · 3 succeeded · 1 failed · 16 not attempted
        ");
    }

    #[test]
    fn a_log_has_at_most_one_summary_for_each_tenth() {
        let draft = Draft {
            max_concurrency: Limit::Count(1),
            selector: Selector { tags: vec!["role=web".parse().unwrap()], ..Selector::default() },
            ..testing::draft((0..40).map(testing::target).collect())
        };
        let story = testing::play(plan::build(draft).unwrap(), |_| testing::success(""));
        let log = log(&story);
        let summaries: Vec<_> = log.lines().filter_map(|it| it.split_once(" · ")).collect();
        assert_eq!(summaries.len(), 10, "{log}");
        assert!(summaries[0].0.ends_with(" 4/40"), "{log}");
    }

    #[test]
    fn counters_are_believed_before_the_rows_are_read() {
        let story = testing::mixed();
        let mut progress = Progress::new(Detail::BesideBar);
        progress.apply(&story.events[0]);
        let counted = EventKind::CommandCounted {
            command_id: "c".to_owned(),
            targets: 40,
            completed: 31,
            errors: 0,
        };
        progress.apply(&Event { data: counted, ..story.events[0].clone() });
        assert_eq!(progress.summary(), "31/40 · 31 not read yet");
    }
}
