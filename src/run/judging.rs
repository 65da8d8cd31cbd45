//! The verdict: the worst that applies, in one sentence, and what to do next.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    member::Member,
    send::{Send, SendState},
    sequel::{follows, follows_cancelled},
    state::{Run, Stop},
    status::Outcome,
    verdict::{Kind, Verdict, restoring},
};
use crate::plan::{
    Document, DocumentKind, InstanceId, Parameters, Plan, REDACTED, Sequel, activities_of, count,
};

/// The most lines that look at what may still be running.
const LOOKS: usize = 5;

impl Run {
    pub(super) fn verdict(&self) -> Verdict {
        let mut totals: BTreeMap<Outcome, usize> = BTreeMap::new();
        for outcome in self.members.values().filter(|it| it.is_planned).filter_map(|it| it.outcome)
        {
            *totals.entry(outcome).or_default() += 1;
        }
        let total = totals.values().sum::<usize>();
        let n = |outcome| totals.get(&outcome).copied().unwrap_or(0);
        let n_untouched: usize =
            totals.iter().filter(|(it, _)| it.is_untouched()).map(|(_, n)| n).sum();
        // The worst that applies.
        let mut kind = Kind::Succeeded;
        if n(Outcome::Succeeded) < total || total == 0 {
            kind = kind.max(Kind::InstancesFailed);
        }
        let is_withheld = n(Outcome::Terminated) > 0;
        if is_withheld || (self.stop.is_some() && n_untouched > 0) {
            kind = kind.max(Kind::Halted);
        }
        let n_wanting = self.n_wanting();
        if n_wanting > 0 || self.is_left_changed {
            kind = kind.max(Kind::InstancesFailed);
        }
        if self.is_anybody_unknown(&totals) {
            kind = kind.max(Kind::Unknown);
        }
        // Where groups stay changed it is no code that promises that nothing was done.
        if !self.has_sent() && kind != Kind::Succeeded && !self.is_left_changed {
            kind = kind.max(Kind::NothingSent);
        }
        // Where a cancel came too late for everybody, all is done; where the run had stopped before
        // it, the rest owes its peace to that.
        let is_cancelled = self.is_recalled && !self.had_stopped() && kind != Kind::Succeeded;
        if self.is_cut_short || is_cancelled {
            kind = kind.max(Kind::Interrupted);
        }
        let mut sentence = self.sentence(kind, &totals, total);
        if n_wanting > 0 {
            let text = format!(
                "; the findings of {n_wanting} that succeeded are not good or cannot be read"
            );
            sentence.push_str(&text);
        }
        let next_commands = self.next_commands(kind, &totals);
        let verdict = Verdict { exit_code: kind.exit_code(), kind, sentence, next_commands };
        if !self.is_left_changed {
            return verdict;
        }
        let restore = (!self.plan.is_simulated).then(|| restoring(&self.plan.run_id));
        verdict.leaving_changed(restore)
    }

    /// Returns whether the run had stopped by itself, and left somebody alone by that, before
    /// `fleet cancel` took it back.
    fn had_stopped(&self) -> bool {
        self.members.iter().any(|(id, it)| self.is_left_by_stop(id, it))
    }

    fn is_left_by_stop(&self, id: &InstanceId, member: &Member) -> bool {
        if self.recalled.contains(id) {
            return false;
        }
        match (&self.stop, member.outcome) {
            (
                Some(Stop::Budget | Stop::WaveBudget(_) | Stop::Refused { .. } | Stop::Deadline),
                Some(Outcome::NotAttempted | Outcome::Terminated),
            )
            | (Some(Stop::Deadline), Some(Outcome::Cancelled)) => true,
            // Of what was sent, a budget takes back by name what has not started, and leaves the rest
            // to run.
            (
                Some(Stop::Budget | Stop::WaveBudget(_) | Stop::Refused { .. }),
                Some(Outcome::Cancelled),
            ) => member.is_taken_back,
            // It was reached, or the run was stopped by an operator or has lost track.
            _ => false,
        }
    }

    /// Returns how many succeeded by their exit code alone: what they found is not good, or could
    /// not be read.
    fn n_wanting(&self) -> usize {
        let is_it = |it: &&Member| {
            it.is_planned && it.outcome == Some(Outcome::Succeeded) && it.is_found_wanting
        };
        self.members.values().filter(is_it).count()
    }

    fn sentence(&self, kind: Kind, totals: &BTreeMap<Outcome, usize>, total: usize) -> String {
        let n_succeeded = totals.get(&Outcome::Succeeded).copied().unwrap_or(0);
        let all = count(total, "instance");
        let others = totals.iter().filter(|(it, _)| **it != Outcome::Succeeded);
        let others: Vec<_> =
            others.map(|(it, n)| format!("{n} {}", it.word().replace('_', " "))).collect();
        let mut tally = format!("{n_succeeded} of {all} succeeded");
        if !others.is_empty() {
            tally = format!("{tally}, {}", others.join(", "));
        }
        let why = match (&self.stop, kind) {
            (_, Kind::Interrupted) if self.is_recalled && !self.is_cut_short => {
                Some("cancelled by `fleet cancel`".to_owned())
            }
            (_, Kind::Interrupted) => Some("interrupted".to_owned()),
            (Some(Stop::Refused { code, message }), _) => Some(format!("{code}: {message}")),
            (Some(Stop::Budget), Kind::Halted) => {
                let (used, limit) = (errors(self.budget_used), self.error_limit());
                Some(format!("stopped by the error budget ({used}, {limit} allowed)"))
            }
            (Some(Stop::WaveBudget(wave)), Kind::Halted) => {
                let (used, limit) = (errors(self.wave_used), self.wave_limit().unwrap_or(0));
                Some(format!("stopped by the budget of wave {wave} ({used}, {limit} allowed)"))
            }
            (Some(Stop::Asked { after }), Kind::Halted) => {
                Some(format!("stopped after wave {after}, as asked"))
            }
            // What came after everybody had ended stopped nothing.
            (Some(Stop::Deadline | Stop::Lost), Kind::Succeeded) => None,
            (Some(Stop::Deadline), _) => Some("stopped by the deadline".to_owned()),
            (Some(Stop::Lost), _) => Some("track was lost".to_owned()),
            (None, Kind::Halted) => Some("stopped by the command's own error limit".to_owned()),
            (_, Kind::Unknown) if total == 0 => Some("whom it reached is not known".to_owned()),
            _ if total == 0 => Some("the group's tag reached no instance".to_owned()),
            (Some(Stop::Budget | Stop::WaveBudget(_) | Stop::Asked { .. }), _) => None,
            (Some(Stop::NotContinued), Kind::Halted) => {
                Some("what was left was not sent, because the run was followed only".to_owned())
            }
            (Some(Stop::Interrupted | Stop::Cancelled | Stop::NotContinued) | None, _) => None,
        };
        let has_cancelled = |(id, it): (&InstanceId, &Member)| {
            it.outcome == Some(Outcome::Cancelled) && !self.is_left_by_stop(id, it)
        };
        let is_recalled = self.is_recalled && kind == Kind::Halted;
        let is_cancelled = is_recalled && self.members.iter().any(has_cancelled);
        match why {
            Some(why) if is_cancelled => {
                format!("{tally}: {why}, what still ran cancelled by `fleet cancel`")
            }
            Some(why) => format!("{tally}: {why}"),
            None => tally,
        }
    }

    /// Lines to paste: where something may still run, the one that takes the run up again, and
    /// those that look without fleet; where waves were not asked for, the one that goes on with
    /// them; otherwise the one that sends again to whoever did not succeed.
    ///
    /// What changes instances may name a document that shows whether it worked.
    fn next_commands(&self, kind: Kind, totals: &BTreeMap<Outcome, usize>) -> Vec<String> {
        // There is nothing left to run them on.
        if self.plan.is_simulated {
            return Vec::new();
        }
        if self.is_anybody_unknown(totals) {
            let watch = format!("fleet watch {}", self.plan.run_id);
            let watch = self.is_worth_watching().then_some(watch);
            return watch.into_iter().chain(self.looks()).collect();
        }
        if self.can_go_on() {
            return vec![format!("fleet watch {} --continue", self.plan.run_id)];
        }
        let mut res = Vec::from_iter(match &self.plan.then {
            Some(then) if self.is_recalled && follows_cancelled(then, kind) => None,
            Some(then) if !self.is_recalled && follows(then, kind) => None,
            Some(then) => self.has_sent().then(|| self.second(then)),
            None => self.verification(),
        });
        // A rescue is done again from its checks on.
        let automation = self.plan.document.automation.as_ref();
        let is_replacement = self.plan.document.kind() == DocumentKind::Replacement;
        if is_replacement {
            res.extend(self.vacancies());
        }
        if is_replacement || automation.is_some_and(|it| it.recovery.is_some()) {
            return res;
        }
        let present = Outcome::RETRIED.into_iter().filter(|it| totals.contains_key(it));
        let present: Vec<_> = present.map(Outcome::word).collect();
        match kind {
            Kind::InstancesFailed | Kind::Halted | Kind::Interrupted if !present.is_empty() => {
                res.push(format!("fleet retry {} --only {}", self.plan.run_id, present.join(",")));
            }
            _ => {}
        }
        res
    }

    /// Returns the lines that show what groups do about members that they have not replaced.
    fn vacancies(&self) -> Vec<String> {
        let is_failed = |it: &InstanceId| {
            self.members.get(it).is_some_and(|it| it.outcome == Some(Outcome::Failed))
        };
        let failed = self.plan.population.planned.iter().filter(|it| is_failed(&it.id));
        let groups: BTreeSet<&str> = failed.filter_map(|it| it.group.as_deref()).collect();
        groups.into_iter().take(LOOKS).map(|it| activities_of(it, &self.plan.region)).collect()
    }

    /// Returns the line that shows whether the document has done what it is for, where it declares
    /// one and has changed something.
    fn verification(&self) -> Option<String> {
        let document = &self.plan.document;
        let rollout = &document.sidecar.as_ref()?.rollout;
        let verify = rollout.verify.as_ref()?;
        if document.dry_run == Some(true) || !self.has_sent() {
            return None;
        }
        let names = rollout.verify_parameters.iter().map(String::as_str);
        Some(self.line(verify, names, &document.parameters))
    }

    /// Returns the line that runs what was to follow, and does not after all.
    fn second(&self, then: &Sequel) -> String {
        let Document { name, parameters, .. } = &then.document;
        self.line(name, parameters.0.keys().map(String::as_str), parameters)
    }

    /// Returns the line that sends a document to whom the plan is for, with those of the parameters
    /// that are no secrets.
    fn line<'a>(
        &self,
        document: &str,
        names: impl Iterator<Item = &'a str>,
        parameters: &Parameters,
    ) -> String {
        let Plan { selector, operator, region, .. } = &self.plan;
        let mut words = ["fleet", "run", "--region", region].map(ToOwned::to_owned).to_vec();
        words.extend(operator.role_arn.iter().flat_map(|it| ["--role-arn".to_owned(), it.clone()]));
        words.extend(selector.words());
        words.extend(["--doc".to_owned(), document.to_owned()]);
        let given = parameters.redacted();
        for name in names {
            let values = given.get(name).into_iter().flatten();
            for value in values.filter(|it| !it.contains(REDACTED)) {
                words.extend(["--param".to_owned(), format!("{name}={value}")]);
            }
        }
        shell_words::join(words)
    }

    fn is_anybody_unknown(&self, totals: &BTreeMap<Outcome, usize>) -> bool {
        let is_lost = self.sends.iter().any(|it| it.state == SendState::Lost);
        is_lost || totals.contains_key(&Outcome::Unknown)
    }

    /// Returns the lines that look at what may still be running.
    fn looks(&self) -> Vec<String> {
        let (region, kind) = (&self.plan.region, self.plan.document.kind());
        let line = |it: &Send| match (kind, it.command.id.as_str()) {
            (DocumentKind::Automation, "") => format!(
                "aws ssm describe-automation-executions --region {region} --filters \
                 Key=DocumentNamePrefix,Values={}",
                self.plan.document.name
            ),
            (DocumentKind::Automation, id) => format!(
                "aws ssm get-automation-execution --region {region} --automation-execution-id {id}"
            ),
            (DocumentKind::Replacement, "") => format!(
                "aws autoscaling describe-auto-scaling-instances --region {region} --instance-ids {}",
                it.token
            ),
            (DocumentKind::Replacement, id) => format!(
                "aws autoscaling describe-scaling-activities --region {region} --activity-ids {id}"
            ),
            (DocumentKind::Command, "") => format!(
                "aws ssm list-commands --region {region} --query \"Commands[?Comment=='{}']\"",
                it.token
            ),
            (DocumentKind::Command, id) => format!(
                "aws ssm list-command-invocations --region {region} --command-id {id} --details"
            ),
        };
        self.unaccounted().map(line).take(LOOKS).collect()
    }

    /// Returns the sends of which something is not known.
    fn unaccounted(&self) -> impl Iterator<Item = &Send> {
        let unknown = self.members.values().filter(|it| it.outcome == Some(Outcome::Unknown));
        let unknown: BTreeSet<_> = unknown.filter_map(|it| it.send).collect();
        let sends = self.sends.iter().enumerate();
        let open =
            sends.filter(move |(at, it)| it.state == SendState::Lost || unknown.contains(at));
        open.map(|(_, it)| it)
    }

    /// Returns whether a process that takes the run up again may learn more. Of an execution whose id
    /// never came it asks nothing: that might start it.
    fn is_worth_watching(&self) -> bool {
        let is_runbook = self.plan.document.kind() == DocumentKind::Automation;
        let mut sends = self.unaccounted().peekable();
        let is_nobody = sends.peek().is_none();
        is_nobody || !is_runbook || sends.any(|it| !it.command.id.is_empty())
    }
}

fn errors(n: u32) -> String {
    count(n as usize, "error")
}
