//! Where a run stands, as its ledger tells: what of it is out there, and what of that could be taken
//! back. It asks nobody and changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{
    error::Error,
    exit::Exit,
    output::{HistoryError, Salvage, salvage},
    plan::{InstanceId, Plan, count},
    run::{Event, EventKind, InstanceFacts, LeftOver, Outcome, Report, left_over},
};

/// A command to cancel, and on which instances; `None`: on all of them.
pub(super) type Wanted = (String, Option<Vec<InstanceId>>);

/// What the ledger says of a run.
pub(super) struct Standing {
    pub report: Report,
    pub plan: Option<Plan>,
    commands: Vec<String>,
    /// Why the ledger does not tell everything.
    pub damage: Option<HistoryError>,
    /// It ended with waves that could still be sent.
    can_go_on: bool,
    /// Sends of which it is not known whether they were accepted: their tokens, and their instances
    /// or none where a tag names them.
    pub doubted: BTreeMap<u32, (String, Vec<InstanceId>)>,
}

impl Standing {
    pub(super) fn of(directory: &Path) -> Result<Self, Error> {
        // What a damaged ledger tells of can be cancelled all the same.
        let Salvage { report, events, damage } = salvage(directory)?;
        let mut seen = Self {
            report,
            plan: None,
            commands: Vec::new(),
            can_go_on: false,
            damage,
            doubted: BTreeMap::new(),
        };
        seen.can_go_on = left_over(&events) == LeftOver::Waves;
        for Event { data, .. } in events {
            match data {
                EventKind::RunStarted { plan } => seen.plan = Some(*plan),
                EventKind::SendIntended { send, token, instances, .. } => {
                    seen.doubted.insert(send, (token, instances));
                }
                EventKind::SendRefused { send, .. } | EventKind::SendThrottled { send } => {
                    seen.doubted.remove(&send);
                }
                EventKind::CommandAccepted { send, command_id, .. } => {
                    seen.doubted.remove(&send);
                    seen.commands.push(command_id);
                }
                // Nothing else says whether a send was accepted.
                _ => {}
            }
        }
        Ok(seen)
    }

    /// Returns `err`, of a command that sends nothing, with what the run in `directory` may still be
    /// doing meanwhile.
    pub(super) fn beside(err: Error, directory: &Path) -> Error {
        let Ok(seen) = Self::of(directory) else { return err };
        let run = &seen.report.run.id;
        if seen.report.run.is_simulated || !seen.is_anything_open() {
            return err;
        }
        err.but(format!(
            "nothing was sent by this command; what run {run} has sent may still be running"
        ))
    }

    fn is_anything_open(&self) -> bool {
        !(self.commands_of(&BTreeSet::new()).is_empty() && self.doubted.is_empty())
    }

    /// Returns what a process that is gone has left running, and by which command, which `does` this
    /// to it, that comes to its end.
    pub(super) fn left_behind(&self, does: &str) -> String {
        let run = &self.report.run.id;
        if self.report.run.is_simulated {
            return "its simulator is gone with it, and nothing of it is running".to_owned();
        }
        if self.is_anything_open() {
            let is_open = |it: &&InstanceFacts| {
                let is_sent = it.command_id.is_some() || self.is_doubted(&it.instance_id);
                it.outcome == Outcome::Unknown && is_sent
            };
            let n_open = self.report.instances.iter().filter(is_open).count();
            let what = match n_open {
                // Nobody lists whom its tag has reached.
                0 => "what it has sent".to_owned(),
                n => count(n, "instance"),
            };
            return format!(
                "{what} may still be running, and `fleet watch {run}` {does} and brings the run to \
                 its end"
            );
        }
        let text = "nothing that it has sent is running";
        match &self.report.verdict {
            Some(_) => text.to_owned(),
            None => format!("{text}, and `fleet watch {run}` brings the run to its end"),
        }
    }

    fn facts(&self, id: &InstanceId) -> Option<&InstanceFacts> {
        self.report.instances.iter().find(|it| it.instance_id == *id)
    }

    /// Returns whether the plan lists whom it is for. If not, anybody may be reached.
    fn is_listed(&self) -> bool {
        self.plan.as_ref().is_none_or(|it| it.population.is_listed)
    }

    pub(super) fn require_members(&self, named: &BTreeSet<InstanceId>) -> Result<(), Error> {
        let joined = &self.report.population.joined;
        let is_joined = |id: &InstanceId| joined.iter().any(|it| it.instance_id == *id);
        let is_foreign = |id: &&InstanceId| self.facts(id).is_none() && !is_joined(id);
        let foreign = named.iter().filter(|_| self.is_listed()).filter(is_foreign);
        let foreign: Vec<_> = foreign.map(ToString::to_string).collect();
        if foreign.is_empty() {
            return Ok(());
        }
        let message = format!("not in run {}: {}", self.report.run.id, foreign.join(", "));
        Err(Error::new(Exit::Usage, message).hint("nothing was cancelled"))
    }

    pub(super) fn require_something_to_cancel(
        &self,
        named: &BTreeSet<InstanceId>,
    ) -> Result<(), Error> {
        let run = &self.report.run.id;
        let has_ended = self.report.verdict.is_some();
        // An instance that is unknown may still be running, also after the run's own end.
        let is_open = |it: &&InstanceFacts| it.outcome == Outcome::Unknown;
        let open = self.report.instances.iter().filter(is_open);
        let mut open = open.filter(|it| named.is_empty() || named.contains(&it.instance_id));
        let is_anybody_open = open.next().is_some();
        if has_ended && !is_anybody_open && !self.can_go_on {
            let message = format!("run {run} has ended: there is nothing to cancel");
            return Err(Error::new(Exit::NothingEligible, message));
        }
        let is_left = |it: &InstanceId| {
            self.can_go_on && self.facts(it).is_some_and(|it| it.outcome == Outcome::NotAttempted)
        };
        if named.is_empty() || is_anybody_open || !self.is_listed() || named.iter().any(is_left) {
            return Ok(());
        }
        let mut err = Error::new(Exit::NothingEligible, "there is nothing to cancel");
        err.causes = named
            .iter()
            .filter_map(|it| Some(format!("{it}: {}", self.without_a_call(self, it)?)))
            .collect();
        Err(err)
    }

    /// Returns what is to be said of an instance of which SSM is not asked, after it was taken back
    /// as it stood `before`.
    pub(super) fn without_a_call(&self, before: &Self, id: &InstanceId) -> Option<String> {
        let facts = self.facts(id)?;
        if facts.outcome == Outcome::NotAttempted {
            return Some("was not sent to, and will not be".to_owned());
        }
        if facts.outcome != Outcome::Unknown {
            let word = facts.outcome.word().replace('_', " ");
            // The process of the run may have been faster than this one.
            return Some(if before.facts(id).is_some_and(|it| it.outcome == Outcome::Unknown) {
                format!("is {word} by now")
            } else {
                format!("{word}: there is nothing to cancel")
            });
        }
        let text = match (&facts.command_id, self.is_doubted(id)) {
            (Some(_), _) => return None,
            (None, true) => "its send is not answered yet: what comes of it is cancelled",
            (None, false) => "was not sent to, and will not be",
        };
        Some(text.to_owned())
    }

    fn is_doubted(&self, id: &InstanceId) -> bool {
        self.doubted.values().any(|(_, ids)| ids.is_empty() || ids.contains(id))
    }

    /// Returns the commands that have instances to cancel, and which: `None` means all of it.
    pub(super) fn commands_of(&self, named: &BTreeSet<InstanceId>) -> Vec<Wanted> {
        let of = |command: &String| {
            let on = self.report.instances.iter();
            let on = on.filter(|it| it.command_id.as_ref() == Some(command));
            let open = on.filter(|it| it.outcome == Outcome::Unknown);
            let open: BTreeSet<_> = open.map(|it| &it.instance_id).collect();
            if named.is_empty() {
                // Where nobody was listed, who has shown no row yet may be running.
                let is_wanted = !open.is_empty() || !self.is_listed();
                return is_wanted.then(|| (command.clone(), None));
            }
            let is_wanted = |it: &&InstanceId| open.contains(it) || self.facts(it).is_none();
            let on: Vec<_> = named.iter().filter(is_wanted).cloned().collect();
            (!on.is_empty()).then(|| (command.clone(), Some(on)))
        };
        self.commands.iter().filter_map(of).collect()
    }
}
