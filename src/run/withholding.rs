//! Secrets stay out of a run: what was seen loses them before the core sees it, so that no event,
//! no report and no screen can have them.

use super::{
    observed::{CancelAnswer, Membership, Observed, OutputAnswer, Settlement},
    row::{CUT_MARKS, STDERR_TITLE},
};
use crate::plan::Redaction;

impl Observed {
    /// Takes out of what was seen whatever is to be withheld.
    pub fn withhold(&mut self, redaction: &Redaction) {
        match self {
            Self::Refused { refusal, .. } => redaction.withhold(&mut refusal.message),
            Self::Doubted { reason, .. }
            | Self::Settled { settlement: Settlement::Failed { reason, .. }, .. }
            | Self::SendsNotListed { reason, .. }
            | Self::ReadFailed { reason, .. } => redaction.withhold(reason),
            Self::Read { rows, .. } => {
                for row in rows.iter_mut() {
                    row.failure.iter_mut().for_each(|it| redaction.withhold(it));
                    row.note.iter_mut().for_each(|it| redaction.withhold(&mut it.text));
                    for plugin in &mut row.plugins {
                        plugin.output = withheld(&plugin.output, redaction);
                    }
                }
            }
            Self::OutputRead { answer: OutputAnswer::Read(it), .. } => {
                it.stdout = withheld(&it.stdout, redaction);
                it.stderr = withheld(&it.stderr, redaction);
            }
            Self::CancelAnswered { answer: CancelAnswer::Refused(why), .. }
            | Self::OutputRead { answer: OutputAnswer::Failed(why), .. } => redaction.withhold(why),
            Self::MembershipRead { membership: Membership { note: Some(note), .. } } => {
                redaction.withhold(&mut note.text);
            }
            Self::Accepted { .. }
            | Self::Settled { .. }
            | Self::SendsListed { .. }
            | Self::Counted { .. }
            | Self::CancelAnswered {
                answer: CancelAnswer::Taken | CancelAnswer::Denied(_), ..
            }
            | Self::OutputRead { answer: OutputAnswer::Denied(_), .. }
            | Self::MembershipRead { .. }
            | Self::Taken(_)
            | Self::Concluded { .. }
            | Self::Tick
            | Self::Interrupted(_)
            | Self::CancelOrdered(_) => {}
        }
    }
}

/// Returns an output without what is to be withheld, in each of its streams; either may have been cut
/// in the middle of it.
pub fn withheld(text: &str, redaction: &Redaction) -> String {
    let streams = text.split(STDERR_TITLE).map(|stream| {
        let mark = CUT_MARKS.iter().find(|it| stream.trim_end().ends_with(**it));
        let Some(mark) = mark else { return redaction.apply_to_cut(stream).into_owned() };
        let at = stream.rfind(mark).unwrap_or(stream.len());
        let (body, end) = stream.split_at(at);
        let body = body.trim_end();
        format!("{}\n{end}", redaction.apply_to_cut(body))
    });
    streams.collect::<Vec<_>>().join(STDERR_TITLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_was_cut_is_withheld_in_either_stream() {
        let redaction = Redaction::default().knowing(["correct-horse"]);
        let check = |text: &str, expected: &str| assert_eq!(withheld(text, &redaction), expected);
        check("a correct-horse b", "a ‹redacted› b");
        check("a correct-ho\n---Output truncated---", "a ‹redacted›\n---Output truncated---");
        check(
            "a correct-ho\n----------ERROR-------\nb corre",
            "a ‹redacted›\n----------ERROR-------\nb ‹redacted›",
        );
        check("nothing here\n", "nothing here\n");
    }
}
