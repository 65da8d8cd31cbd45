//! What must hold of a world whatever happens in it, and what a test asks of it afterwards.

use std::collections::BTreeSet;

use super::{EventKind, Report, model::Command, random::check_events, world::World};
use crate::{
    plan::Dispatch,
    run::{Effect, Outcome, Status},
};

impl World {
    /// What holds at every moment.
    pub(super) fn check_now(&mut self) {
        let n_open = |it: &Command| it.invocations.values().filter(|it| it.ended.is_none()).count();
        let n_open = self.commands.iter().map(n_open).sum::<usize>();
        self.peak = self.peak.max(n_open);
        if let Some(slots) = self.slots {
            assert!(n_open <= slots, "{n_open} run in a window of {slots}");
        }
    }

    /// What holds of a run that has finished.
    pub(super) fn check_end(&self) {
        check_events(&self.events);
        let mut reached = BTreeSet::new();
        for id in self.commands.iter().flat_map(|it| it.invocations.keys()) {
            assert!(reached.insert(id), "{id} was sent to twice");
        }
        let report = self.report();
        let planned = report.population.planned;
        assert_eq!(report.totals.values().sum::<u32>(), planned);
        assert_eq!(report.instances.len(), planned as usize);
        let verdict = report.verdict.clone().expect("the run is finished");
        let promises_nothing = matches!(verdict.exit_code, 2..=4);
        assert!(!promises_nothing || self.commands.is_empty(), "{verdict:?}");
        if verdict.exit_code == 0 {
            for it in &report.instances {
                let found = self.commands.iter().find_map(|c| c.invocations.get(&it.instance_id));
                let words = found.and_then(|it| it.ended).map(|(_, words)| words);
                assert_eq!(words, Some(("Success", "Success")), "{}", it.instance_id);
            }
        }
        let intents =
            self.events.iter().filter(|it| matches!(it.data, EventKind::SendIntended { .. }));
        let n_sends = self.effects.iter().filter(|it| matches!(it, Effect::Send { .. })).count();
        assert!(intents.count() == n_sends || self.n_deaths > 0);
        self.check_truth(&report);
    }
}

impl World {
    /// What is reported of an instance is what became of it.
    fn check_truth(&self, report: &Report) {
        for it in &report.instances {
            let found = self.commands.iter().find_map(|c| c.invocations.get(&it.instance_id));
            let is_sent = matches!(report.dispatch, Dispatch::Ids { .. }) && found.is_some();
            assert!(!(is_sent && it.outcome == Outcome::NotAttempted), "{} was", it.instance_id);
            let said = it.outcome;
            if matches!(said, Outcome::Unknown | Outcome::NotAttempted | Outcome::LeftGroup) {
                continue;
            }
            let words = found.and_then(|it| it.ended).map(|(_, words)| words);
            let truth =
                words.and_then(|(status, details)| Status::parse(status, details).outcome());
            let is_unsent =
                words.is_none() && matches!(said, Outcome::Undeliverable | Outcome::AccessDenied);
            assert!(is_unsent || truth == Some(said), "{}: {words:?}, {said:?}", it.instance_id);
        }
    }
}

impl World {
    pub(super) fn budget_used(&self) -> u32 {
        self.run.budget_used
    }

    pub(super) fn exit_code(&self) -> u8 {
        self.report().verdict.expect("the run is finished").exit_code
    }

    /// Returns how many instances came to `outcome`.
    pub(super) fn n(&self, outcome: Outcome) -> u32 {
        self.report().totals.get(&outcome).copied().unwrap_or(0)
    }

    pub(super) fn count(&self, is_it: impl Fn(&EventKind) -> bool) -> usize {
        super::count(&self.events, is_it)
    }

    pub(super) fn has_note(&self, code: &str) -> bool {
        self.report().notes.iter().any(|it| it.code == code)
    }
}
