//! How a world's process dies, and how another one takes over.

use std::time::Duration;

use super::{Event, Pace, started, world::World};
use crate::run::{Resume, Run};

/// What a process that dies with its last step written down still does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastWords {
    Performed,
    Withheld,
}

impl World {
    /// The process is gone, and what was on its way to it; what the service took stays.
    pub(super) fn die(&mut self) {
        self.is_dead = true;
        self.n_deaths += 1;
        self.replies.clear();
        (self.dies, self.wake) = (None, None);
    }

    /// Takes the run over, `after` the last one died.
    pub(super) fn resume(
        &mut self,
        after: Duration,
        mode: Resume,
        dies: Option<(usize, LastWords)>,
    ) {
        assert!(std::mem::take(&mut self.is_dead));
        (self.now, self.dies, self.is_finished) = (self.now + after, dies, false);
        for command in &mut self.commands {
            command.advance(self.now);
        }
        let lines: Vec<_> =
            self.events.iter().map(|it| serde_json::to_string(it).unwrap()).collect();
        let read: Vec<Event> = lines.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
        let plan = self.run.plan.clone();
        let (run, step) = {
            let recalled = self.recalled.clone();
            Run::resume(plan, Pace::default(), started(), &read, self.now, mode, recalled)
        };
        self.run = run;
        self.take(step);
    }
}
