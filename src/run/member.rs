//! One instance's part in a run.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::{row::Execution, state::Run, status::Outcome};

#[derive(Debug)]
pub(super) struct Member {
    pub wave: u32,
    pub send: Option<usize>,
    /// The last StatusDetails that was seen.
    pub seen: Option<String>,
    /// At which step of an automation it was seen last.
    pub progress: Option<String>,
    pub outcome: Option<Outcome>,
    pub command_id: Option<String>,
    /// The steps to read whole, if the output of one was cut.
    pub cut: Vec<String>,
    /// Stands for what it said, as far as the list tells, if that was cut.
    pub said: u64,
    /// What it printed, which was to be findings, is not good or cannot be read.
    pub is_found_wanting: bool,
    /// Listed by the plan, or under a plan that lists nobody.
    pub is_planned: bool,
    /// It was among those whose cancellation was asked for by name, by this process.
    pub is_withheld: bool,
    /// As above, by this process or one before it.
    pub is_taken_back: bool,
    /// It was given up without a final word: it may still be running, and keeps its slot.
    pub is_adrift: bool,
}

impl Member {
    pub(super) fn planned(wave: u32) -> Self {
        Self {
            wave,
            send: None,
            seen: None,
            progress: None,
            outcome: None,
            command_id: None,
            cut: Vec::new(),
            said: 0,
            is_found_wanting: false,
            is_planned: true,
            is_withheld: false,
            is_taken_back: false,
            is_adrift: false,
        }
    }

    /// Keeps what is needed of its execution to read its output whole, if that was cut.
    pub(super) fn keep(&mut self, execution: &Execution) {
        self.cut.clone_from(&execution.cut_plugins);
        if !self.cut.is_empty() {
            let mut hasher = DefaultHasher::new();
            (&execution.stdout, &execution.stderr).hash(&mut hasher);
            self.said = hasher.finish();
        }
    }

    /// Returns whether it was sent to and has no outcome.
    pub(super) fn is_open(&self) -> bool {
        self.send.is_some() && self.outcome.is_none()
    }

    /// Returns whether it holds one of the window's slots.
    pub(super) fn holds_slot(&self) -> bool {
        self.is_open() || self.is_adrift
    }
}

impl Run {
    /// Returns the part of an instance that the plan does not list, and that the tag of a send has
    /// reached: it has joined, unless the plan lists nobody.
    pub(super) fn reached(&self, send: usize) -> Member {
        let is_planned = !self.plan.population.is_listed;
        Member { send: Some(send), is_planned, ..Member::planned(self.sends[send].wave) }
    }
}
