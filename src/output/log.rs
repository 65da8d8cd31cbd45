//! What is said of a run while it goes on, in lines: each failure the moment it is known, each change
//! of where run, wave and command stand, and now and then a summary. Successes are only counted.

use std::collections::HashSet;

use anstyle::Style;

use super::{
    folded::tail,
    page::{DIM, PLAIN, RED},
    progress::Progress,
    telling,
    words::{clock, count, is_useful, one_line, outcome, why_of},
};
use crate::{
    plan::{InstanceId, plural},
    run::{Event, EventKind, Execution, Outcome},
};

/// Milliseconds between two summaries of a log.
const SUMMARIES: u64 = 30_000;

/// So many failures have a line of their own, and so many if each is unlike those before.
const FAILURES: usize = 100;
const KINDS: usize = 200;

/// Of the commands of a wave, so many have a line; where instances go out one by one there are
/// thousands.
const COMMANDS: usize = 10;

/// The most instances of a runbook whose every step has a line.
const STEPS: u32 = 20;

/// What is shown of what a failure said last.
const LAST_LINES: usize = 3;
const LAST_CHARS: usize = 600;

/// How much of the progress is put into lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// A board shows the counts; lines are for what must not be missed.
    BesideBoard,
    /// A log has nothing but lines.
    Log,
    /// Nobody reads them.
    Nothing,
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

/// What has been said.
#[derive(Debug)]
pub(super) struct Log {
    detail: Detail,
    n_failures: usize,
    kinds: HashSet<(Outcome, Option<i32>, String)>,
    /// Of the wave that goes on.
    n_commands: usize,
    throttled: Option<u32>,
    summary_ms: u64,
}

impl Log {
    pub(super) fn new(detail: Detail) -> Self {
        Self {
            detail,
            n_failures: 0,
            kinds: HashSet::new(),
            n_commands: 0,
            throttled: None,
            summary_ms: 0,
        }
    }

    /// Returns what is to be said about an event that `progress` has taken in.
    pub(super) fn tell(&mut self, event: &Event, progress: &Progress) -> Vec<Line> {
        if self.detail == Detail::Nothing {
            return Vec::new();
        }
        let mut lines = Vec::from_iter(self.summary(progress));
        let now = progress.now_ms();
        match &event.data {
            EventKind::WaveStarted { wave, instances } if self.is_log() => {
                self.n_commands = 0;
                let who = match progress.planned() {
                    Some(_) => count(*instances as usize, "instance"),
                    None => "whoever the tag reaches".to_owned(),
                };
                lines.push(line(now, PLAIN, format!("wave {wave} started: {who}")));
            }
            EventKind::WaveFinished { wave } if self.is_log() => {
                self.summary_ms = now;
                let text = format!("wave {wave} finished: {}", progress.summary());
                lines.push(line(now, PLAIN, text));
            }
            EventKind::CommandAccepted { send, command_id, .. } if self.is_log() => {
                lines.extend(self.accepted(*send, command_id, progress));
            }
            // A step of a runbook takes minutes, and is what an engineer waits for.
            EventKind::InvocationChanged { instance_id, progress: Some(step), .. }
                if self.is_log() && progress.planned().is_some_and(|it| it <= STEPS) =>
            {
                lines.push(line(now, DIM, format!("{instance_id} {step}")));
            }
            EventKind::InstanceFinished { instance_id, outcome, execution, hint, .. } => {
                // Whoever was left alone is told of by the counts: there may be ten thousand.
                if *outcome != Outcome::Succeeded && !outcome.is_untouched() {
                    let what = (*outcome, execution.as_ref(), hint.as_deref());
                    lines.extend(self.failed(instance_id, what, progress));
                }
            }
            // Said once for each send, however often it is tried.
            EventKind::SendThrottled { send } if self.throttled.replace(*send) == Some(*send) => {}
            // Under a plan that lists nobody, everybody joins.
            EventKind::InstanceJoined { .. } if progress.planned().is_none() => {}
            other => {
                let told = telling::of(other, progress.kind());
                lines.extend(told.map(|(style, it)| line(now, style, it)));
            }
        }
        lines
    }

    /// Returns the summary, if it is time for one.
    pub(super) fn summary(&mut self, progress: &Progress) -> Option<Line> {
        let now = progress.now_ms();
        if !self.is_log() || now < self.summary_ms + SUMMARIES {
            return None;
        }
        self.summary_ms = now;
        let commands = count(progress.n_commands(), progress.kind().sent_word());
        Some(line(now, PLAIN, format!("{} · {commands}", progress.summary())))
    }

    fn accepted(&mut self, send: u32, command_id: &str, progress: &Progress) -> Option<Line> {
        let (now, word) = (progress.now_ms(), progress.kind().sent_word());
        self.n_commands += 1;
        if self.n_commands > COMMANDS {
            let words = plural(word);
            let text = format!("further {words} of the wave are counted; the report lists them");
            return (self.n_commands == COMMANDS + 1).then(|| line(now, DIM, text));
        }
        let whom = progress.whom(send).map(|it| format!(" for {it}")).unwrap_or_default();
        Some(line(now, PLAIN, format!("{word} {command_id} accepted{whom}")))
    }

    fn failed(
        &mut self,
        id: &InstanceId,
        (ended, execution, hint): (Outcome, Option<&Execution>, Option<&str>),
        progress: &Progress,
    ) -> Vec<Line> {
        let code = execution.and_then(|it| it.response_code);
        let (stdout, stderr) =
            execution.map_or(("", ""), |it| (it.stdout.as_str(), it.stderr.as_str()));
        let (said, _) = tail(stderr, LAST_LINES + 1, LAST_CHARS);
        let said: Vec<_> = said.lines().filter(|it| is_useful(it)).map(one_line).collect();
        let said = &said[said.len().saturating_sub(LAST_LINES)..];
        self.n_failures += 1;
        let is_new = self.kinds.len() < KINDS && self.kinds.insert((ended, code, said.join("\n")));
        let now = progress.now_ms();
        if self.n_failures > FAILURES && !is_new {
            let text = "further failures like these are counted; the report has them all";
            let is_first = self.n_failures == FAILURES + 1;
            return Vec::from_iter(is_first.then(|| line(now, DIM, text.to_owned())));
        }
        let place = progress.place_of(id).map(|it| format!(" {it}")).unwrap_or_default();
        // What never began has a code of the service's, which says nothing.
        let has_begun = execution.is_some_and(|it| it.started.is_some());
        let code = code.filter(|_| has_begun).map(|it| format!(", exit code {it}"));
        let mut first = line(now, RED, format!("{id}{place} {}", outcome(ended)));
        first.fit = Fit::Cut;
        first.spans.push((PLAIN, code.unwrap_or_default()));
        if is_new && said.len() > 1 {
            first.spans.push((PLAIN, ":".to_owned()));
            let indent = " ".repeat(clock(now / 1000).len() + 1);
            let said = said.iter().map(|it| Line {
                spans: vec![(PLAIN, indent.clone()), (PLAIN, it.clone())],
                fit: Fit::Cut,
            });
            return std::iter::once(first).chain(said).collect();
        }
        let why = why_of(stderr, stdout, hint).map(|it| format!(": {it}")).unwrap_or_default();
        first.spans.push((PLAIN, why));
        vec![first]
    }

    fn is_log(&self) -> bool {
        self.detail == Detail::Log
    }
}

fn line(at_ms: u64, style: Style, text: String) -> Line {
    let time = (DIM, format!("{} ", clock(at_ms / 1000)));
    Line { spans: vec![time, (style, text)], fit: Fit::Whole }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{self, Story};

    fn log(story: &Story) -> String {
        let (mut progress, mut log) = (Progress::default(), Log::new(Detail::Log));
        let lines = story.events.iter().flat_map(|it| {
            progress.take(it);
            log.tell(it, &progress)
        });
        lines.map(|it| text(&it) + "\n").collect()
    }

    fn text(line: &Line) -> String {
        line.spans.iter().map(|it| it.1.as_str()).collect()
    }

    #[test]
    fn a_log_has_a_line_for_each_failure_and_the_last_lines_of_what_it_said() {
        insta::assert_snapshot!(log(&testing::mixed()), @r"
        00:00 wave 1 started: 40 instances
        00:00 command 11111111-2222-3333-4444-000000000001 accepted
        00:00 i-00000000000000003 web/us-east-1b failed, exit code 3: df: /var is full
        00:00 i-00000000000000007 web/us-east-1b failed, exit code -1: killed by a signal that the agent did not send, often for want of memory: look at the kernel's log
        00:00 i-0000000000000001f web/us-east-1b undeliverable: the agent could not be reached; it may have run all the same: look before repeating
        00:00 wave 1 finished: 40/40 · 37 succeeded · 2 failed · 1 undeliverable
        ");
    }

    #[test]
    fn a_log_says_why_a_run_stops() {
        insta::assert_snapshot!(log(&testing::halted()), @r"
        00:00 wave 1 started: 20 instances
        00:00 command 11111111-2222-3333-4444-000000000001 accepted for 2 instances
        00:00 command 11111111-2222-3333-4444-000000000002 accepted for 2 instances
        00:01 i-00000000000000003 web/us-east-1b failed, exit code 3: df: /var is full
        00:01 error budget spent: 1 error, 0 allowed; nothing more is sent
        00:01 wave 1 finished: 20/20 · 3 succeeded · 1 failed · 16 not attempted
        ");
    }

    #[test]
    fn ten_thousand_ends_and_five_minutes_are_a_few_hundred_lines() {
        let mut events = Vec::new();
        for n in 0..10_000_u32 {
            let stderr = if n % 10 > 0 { "" } else { "one\ntwo\nthree\nfour\n" };
            events.push(testing::ended(n, u64::from(n) * 30, stderr));
        }
        let (mut progress, mut log) = (Progress::default(), Log::new(Detail::Log));
        let lines = events.iter().flat_map(|it| {
            progress.take(it);
            log.tell(it, &progress)
        });
        let lines: Vec<_> = lines.map(|it| text(&it)).collect();
        let n = |part: &str| lines.iter().filter(|it| it.contains(part)).count();
        assert_eq!(n(" commands"), 9, "a summary every thirty seconds");
        assert_eq!(n(" failed, exit code 1"), FAILURES);
        assert_eq!(n("further failures like these"), 1);
        assert_eq!(
            &lines[..4],
            [
                "00:00 i-00000000000000000 failed, exit code 1:",
                "      two",
                "      three",
                "      four"
            ]
        );
        assert_eq!(lines[4], "00:00 i-0000000000000000a failed, exit code 1: four");
        assert_eq!(lines.len(), 9 + FAILURES + 3 + 1);
    }
}
