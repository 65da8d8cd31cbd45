//! SSM as far as a run can see it: commands, their invocations, the ramp and the error limit.

use std::{collections::BTreeMap, time::Duration};

use super::seconds;
use crate::{
    plan::InstanceId,
    run::{Counts, Found, Plugin, Row, Stage, Status},
};

/// What an instance makes of a command.
#[derive(Debug, Clone)]
pub(super) struct Behaviour {
    pub takes: Duration,
    /// Status and StatusDetails at the end.
    pub words: (&'static str, &'static str),
    pub output: String,
    /// Its row is never shown.
    pub is_hidden: bool,
    /// It outlasts a cancellation.
    pub ignores_cancel: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            takes: seconds(2),
            words: ("Success", "Success"),
            output: "ok".to_owned(),
            is_hidden: false,
            ignores_cancel: false,
        }
    }
}

impl Behaviour {
    pub(super) fn ends(status: &'static str, details: &'static str) -> Self {
        Self { words: (status, details), ..Self::default() }
    }

    pub(super) fn fails() -> Self {
        Self::ends("Failed", "Failed")
    }
}

#[derive(Debug)]
pub(super) struct Command {
    pub id: String,
    pub is_automation: bool,
    pub token: String,
    pub accepted: Duration,
    pub slots: usize,
    pub errors: usize,
    /// As they were given: none where a tag names them.
    pub ids: Vec<InstanceId>,
    pub invocations: BTreeMap<InstanceId, Invocation>,
}

#[derive(Debug)]
pub(super) struct Invocation {
    pub behaviour: Behaviour,
    pub started: Option<Duration>,
    pub ended: Option<(Duration, (&'static str, &'static str))>,
}

impl Invocation {
    fn row(&self, id: &InstanceId, progress: Option<String>) -> Row {
        let (status, details) = match (self.started, self.ended) {
            (_, Some((_, words))) => words,
            (Some(_), None) => ("InProgress", "InProgress"),
            (None, None) => ("Pending", "Pending"),
        };
        let plugin = Plugin {
            name: "step".to_owned(),
            response_code: Some(i32::from(details != "Success")),
            started: None,
            ended: None,
            output: self.behaviour.output.clone(),
            urls: crate::run::StepUrls::default(),
        };
        let has_run = self.ended.is_some() && self.started.is_some();
        Row {
            instance_id: id.clone(),
            status: Status::parse(status, details),
            status_word: status.to_owned(),
            details_word: details.to_owned(),
            requested: None,
            progress,
            failure: None,
            note: None,
            plugins: if has_run { vec![plugin] } else { Vec::new() },
        }
    }
}

impl Command {
    /// Brings the invocations up to `now`. Starts and ends happen at whatever moments the world
    /// looks, which is often enough.
    pub(super) fn advance(&mut self, now: Duration) {
        for it in self.invocations.values_mut() {
            if let (Some(started), None) = (it.started, it.ended)
                && now >= started + it.behaviour.takes
            {
                it.ended = Some((now, it.behaviour.words));
            }
        }
        let n_errors = self.count(|details| matches!(details, "Failed" | "ExecutionTimedOut"));
        let n_running = self.running();
        let mut free = self.slots.saturating_sub(n_running);
        for it in self.invocations.values_mut().filter(|it| it.started.is_none()) {
            if it.ended.is_some() {
                continue;
            }
            if n_errors > self.errors {
                it.ended = Some((now, ("Failed", "Terminated")));
            } else if free > 0 {
                free -= 1;
                it.started = Some(now);
            }
        }
    }

    pub(super) fn running(&self) -> usize {
        self.invocations.values().filter(|it| it.started.is_some() && it.ended.is_none()).count()
    }

    pub(super) fn is_over(&self) -> bool {
        self.invocations.values().all(|it| it.ended.is_some())
    }

    /// Returns when something changes by itself.
    pub(super) fn next_change(&self) -> Option<Duration> {
        let running = self.invocations.values().filter(|it| it.ended.is_none());
        running.filter_map(|it| it.started.map(|at| at + it.behaviour.takes)).min()
    }

    pub(super) fn cancel(&mut self, now: Duration, instances: Option<&[InstanceId]>) {
        let asked = |id: &InstanceId| instances.is_none_or(|it| it.contains(id));
        for (_, it) in self.invocations.iter_mut().filter(|(id, _)| asked(id)) {
            if it.ended.is_none() && !(it.started.is_some() && it.behaviour.ignores_cancel) {
                it.ended = Some((now, ("Cancelled", "Cancelled")));
            }
        }
    }

    fn count(&self, is_it: impl Fn(&str) -> bool) -> usize {
        let ended = self.invocations.values().filter_map(|it| it.ended);
        ended.filter(|(_, (_, details))| is_it(details)).count()
    }

    pub(super) fn counts(&self) -> Counts {
        let number = |it: usize| u32::try_from(it).unwrap();
        let errors = self.count(|it| matches!(it, "Failed" | "ExecutionTimedOut"));
        Counts {
            command_id: self.id.clone(),
            is_final: self.is_over(),
            targets: number(self.invocations.len()),
            completed: number(self.count(|_| true)),
            errors: number(errors),
            delivery_timed_out: number(self.count(|it| it == "DeliveryTimedOut")),
            stage: self.stage(),
        }
    }

    /// Returns how far an execution is that has not ended.
    fn stage(&self) -> Option<Stage> {
        let (_, it) = self.invocations.first_key_value().filter(|_| self.is_automation)?;
        let status_word = match (it.started, it.ended) {
            (_, Some(_)) => return None,
            (Some(_), None) => "InProgress",
            (None, None) => "Pending",
        };
        let progress = it.started.map(|_| "step 1 of 2: look".to_owned());
        Some(Stage { status_word: status_word.to_owned(), progress })
    }

    pub(super) fn found(&self) -> Found {
        let send = self.token.rsplit(':').next().unwrap().parse().unwrap();
        Found {
            send,
            token: self.token.clone(),
            instances: self.ids.clone(),
            accepted: super::world::accepted(&self.id),
            max_concurrency: self.slots.to_string(),
            max_errors: self.errors.to_string(),
        }
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let visible = self.invocations.iter().filter(|(_, it)| !it.behaviour.is_hidden);
        visible.map(|(id, it)| it.row(id, self.stage().and_then(|it| it.progress))).collect()
    }
}
