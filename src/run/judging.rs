//! The verdict: the worst that applies, in one sentence, and what to do next.

use std::collections::BTreeMap;

use super::{
    send::{Send, SendState},
    state::{Run, Stop},
    status::Outcome,
    verdict::{Kind, Verdict},
};

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
        let is_lost = self.sends.iter().any(|it| it.state == SendState::Lost);
        // The worst that applies.
        let mut kind = Kind::Succeeded;
        if n(Outcome::Succeeded) < total || total == 0 {
            kind = kind.max(Kind::InstancesFailed);
        }
        let is_withheld = n(Outcome::Terminated) > 0;
        if is_withheld || (self.stop.is_some() && n_untouched > 0) {
            kind = kind.max(Kind::Halted);
        }
        if is_lost || n(Outcome::Unknown) > 0 {
            kind = kind.max(Kind::Unknown);
        }
        if !self.has_sent() && kind != Kind::Succeeded {
            kind = kind.max(Kind::NothingSent);
        }
        if self.interrupts > 0 {
            kind = kind.max(Kind::Interrupted);
        }
        let sentence = self.sentence(kind, &totals, total);
        let next_commands = self.next_commands(kind);
        Verdict { exit_code: kind.exit_code(), kind, sentence, next_commands }
    }

    fn sentence(&self, kind: Kind, totals: &BTreeMap<Outcome, usize>, total: usize) -> String {
        let n_succeeded = totals.get(&Outcome::Succeeded).copied().unwrap_or(0);
        let noun = if total == 1 { "instance" } else { "instances" };
        let others = totals.iter().filter(|(it, _)| **it != Outcome::Succeeded);
        let others: Vec<_> =
            others.map(|(it, n)| format!("{n} {}", it.word().replace('_', " "))).collect();
        let mut tally = format!("{n_succeeded} of {total} {noun} succeeded");
        if !others.is_empty() {
            tally = format!("{tally}, {}", others.join(", "));
        }
        let why = match (&self.stop, kind) {
            (_, Kind::Interrupted) => Some("interrupted".to_owned()),
            (Some(Stop::Refused { code, message }), _) => Some(format!("{code}: {message}")),
            (Some(Stop::Budget), Kind::Halted) => Some(format!(
                "stopped by the error budget ({} of {} allowed)",
                self.budget_used,
                self.error_limit()
            )),
            (Some(Stop::Deadline), _) => Some("stopped by the deadline".to_owned()),
            (Some(Stop::Lost), _) => Some("track was lost".to_owned()),
            (None, Kind::Halted) => Some("stopped by the command's own error limit".to_owned()),
            (_, Kind::Unknown) if total == 0 => Some("whom it reached is not known".to_owned()),
            _ if total == 0 => Some("the group's tag reached no instance".to_owned()),
            (Some(Stop::Budget | Stop::Interrupted) | None, _) => None,
        };
        match why {
            Some(why) => format!("{tally}: {why}"),
            None => tally,
        }
    }

    fn next_commands(&self, kind: Kind) -> Vec<String> {
        let is_open = matches!(kind, Kind::Unknown | Kind::Interrupted);
        let commands = self.sends.iter().filter(|it| is_open && !it.command.id.is_empty());
        let region = &self.plan.region;
        let line = |id: &str| {
            format!(
                "aws ssm list-command-invocations --region {region} --command-id {id} --details"
            )
        };
        let mut lines: Vec<_> = commands.map(|it| line(&it.command.id)).collect();
        let is_lost = |it: &&Send| it.state == SendState::Lost && it.command.id.is_empty();
        lines.extend(self.sends.iter().filter(is_lost).map(|it| {
            format!(
                "aws ssm list-commands --region {region} --query \"Commands[?Comment=='{}']\"",
                it.token
            )
        }));
        lines
    }
}
