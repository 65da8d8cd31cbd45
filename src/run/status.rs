//! SSM's words for where an invocation stands, and what fleet makes of them at the end.
//! It reads StatusDetails, because Status alone lumps cases that matter.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An invocation's StatusDetails, open-ended: a word that is not known here is never success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    Pending,
    InProgress,
    Delayed,
    Cancelling,
    Success,
    Failed,
    ExecutionTimedOut,
    DeliveryTimedOut,
    Undeliverable,
    /// Withheld by SSM because its parent exceeded MaxErrors.
    Terminated,
    InvalidPlatform,
    AccessDenied,
    Cancelled,
    /// The runbook of a rescue succeeded, and that it has helped is not proved: no word of SSM's.
    Unproven,
    /// A word that is not known here. `is_final` is what Status, a closed enum, says of it.
    Unrecognized {
        details: String,
        is_final: bool,
    },
}

impl Status {
    /// Reads the pair as it comes on the wire. API prose spells some words with spaces; both
    /// spellings are taken (the wire has none: recorded answers).
    pub fn parse(status: &str, details: &str) -> Self {
        let word = if details.is_empty() { status } else { details };
        let word: String = word.chars().filter(|it| *it != ' ').collect();
        match word.as_str() {
            "Pending" => Self::Pending,
            "InProgress" => Self::InProgress,
            "Delayed" => Self::Delayed,
            "Cancelling" => Self::Cancelling,
            "Success" => Self::Success,
            "Failed" => Self::Failed,
            "ExecutionTimedOut" => Self::ExecutionTimedOut,
            "DeliveryTimedOut" => Self::DeliveryTimedOut,
            "Undeliverable" => Self::Undeliverable,
            "Terminated" => Self::Terminated,
            "InvalidPlatform" => Self::InvalidPlatform,
            "AccessDenied" => Self::AccessDenied,
            "Cancelled" => Self::Cancelled,
            // A foreign, open list: what is not known stays visible under its own name.
            _ => Self::Unrecognized {
                details: details.to_owned(),
                is_final: matches!(status, "Success" | "Failed" | "TimedOut" | "Cancelled"),
            },
        }
    }

    /// Reads the status of an execution of an automation (AutomationExecutionStatus of the API's
    /// model). What a new word means is not known, and whether it is final neither.
    pub fn of_automation(word: &str) -> Self {
        match word {
            "Pending" | "Scheduled" => Self::Pending,
            "InProgress"
            | "Waiting"
            | "PendingApproval"
            | "Approved"
            | "RunbookInProgress"
            | "PendingChangeCalendarOverride"
            | "ChangeCalendarOverrideApproved" => Self::InProgress,
            "Cancelling" => Self::Cancelling,
            "Success" | "CompletedWithSuccess" => Self::Success,
            "Failed" | "CompletedWithFailure" | "Rejected" | "ChangeCalendarOverrideRejected" => {
                Self::Failed
            }
            "TimedOut" => Self::ExecutionTimedOut,
            "Cancelled" => Self::Cancelled,
            // It has ended; whether it did what it was to do, the word does not say.
            "Exited" => Self::Unrecognized { details: word.to_owned(), is_final: true },
            _ => Self::Unrecognized { details: word.to_owned(), is_final: false },
        }
    }

    /// Returns what the invocation came to, or `None` while it may still change.
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Pending | Self::InProgress | Self::Delayed | Self::Cancelling => None,
            Self::Success => Some(Outcome::Succeeded),
            Self::Failed => Some(Outcome::Failed),
            Self::ExecutionTimedOut => Some(Outcome::ExecutionTimedOut),
            Self::DeliveryTimedOut => Some(Outcome::DeliveryTimedOut),
            Self::Undeliverable => Some(Outcome::Undeliverable),
            Self::Terminated => Some(Outcome::Terminated),
            Self::InvalidPlatform => Some(Outcome::InvalidPlatform),
            Self::AccessDenied => Some(Outcome::AccessDenied),
            Self::Cancelled => Some(Outcome::Cancelled),
            Self::Unproven => Some(Outcome::Unknown),
            Self::Unrecognized { is_final, .. } => is_final.then_some(Outcome::Unknown),
        }
    }
}

/// What became of one planned instance. Exactly one of these is reported for each.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Failed,
    ExecutionTimedOut,
    DeliveryTimedOut,
    Undeliverable,
    AccessDenied,
    InvalidPlatform,
    /// It left its group before it could finish.
    LeftGroup,
    /// SSM calls it a success, but a precondition skipped every step: nothing was done.
    Skipped,
    /// Sent, then lost track: it may have run, or still be running.
    Unknown,
    Cancelled,
    /// Withheld by SSM once the command's error limit was exceeded.
    Terminated,
    /// Never sent.
    NotAttempted,
    Succeeded,
}

impl Outcome {
    pub const ALL: [Self; 13] = [
        Self::Failed,
        Self::ExecutionTimedOut,
        Self::DeliveryTimedOut,
        Self::Undeliverable,
        Self::AccessDenied,
        Self::InvalidPlatform,
        Self::LeftGroup,
        Self::Skipped,
        Self::Unknown,
        Self::Cancelled,
        Self::Terminated,
        Self::NotAttempted,
        Self::Succeeded,
    ];

    /// What is tried again unless other outcomes are named: who did not succeed, is still there,
    /// and may succeed the next time.
    pub const RETRIED: [Self; 8] = [
        Self::Failed,
        Self::ExecutionTimedOut,
        Self::DeliveryTimedOut,
        Self::Undeliverable,
        Self::AccessDenied,
        Self::Cancelled,
        Self::Terminated,
        Self::NotAttempted,
    ];

    /// Returns whether the instance was left alone because the run stopped.
    pub fn is_untouched(self) -> bool {
        matches!(self, Self::Cancelled | Self::Terminated | Self::NotAttempted)
    }

    /// Returns whether it takes from the error budget: everything that is not a success, except
    /// what was never sent, and what the run itself took back. What somebody else cancelled, and
    /// what SSM withheld before the run had stopped, did not succeed either.
    ///
    /// SSM's own MaxErrors counts only Failed and ExecutionTimedOut (SendCommand reference), so
    /// a group full of dead agents would never stop it.
    pub fn counts_as_error(self, withheld_by: Option<Withholder>) -> bool {
        match self {
            Self::Succeeded | Self::NotAttempted => false,
            // Ledgers of versions that did not tell by whom did not count it.
            Self::Cancelled | Self::Terminated => {
                matches!(withheld_by, Some(Withholder::Service | Withholder::SomebodyElse))
            }
            Self::Failed
            | Self::ExecutionTimedOut
            | Self::DeliveryTimedOut
            | Self::Undeliverable
            | Self::AccessDenied
            | Self::InvalidPlatform
            | Self::LeftGroup
            | Self::Skipped
            | Self::Unknown => true,
        }
    }

    /// Returns whether it may mean no more than that the instance is gone.
    pub fn may_be_absence(self) -> bool {
        self.is_untouched()
            || matches!(self, Self::Undeliverable | Self::DeliveryTimedOut | Self::Unknown)
    }

    /// Returns whether the document came to an end by itself, so that what it printed is whole.
    pub(super) fn is_own_end(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }

    /// Returns the word as it stands in the report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::ExecutionTimedOut => "execution_timed_out",
            Self::DeliveryTimedOut => "delivery_timed_out",
            Self::Undeliverable => "undeliverable",
            Self::AccessDenied => "access_denied",
            Self::InvalidPlatform => "invalid_platform",
            Self::LeftGroup => "left_group",
            Self::Skipped => "skipped",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
            Self::Terminated => "terminated",
            Self::NotAttempted => "not_attempted",
            Self::Succeeded => "succeeded",
        }
    }
}

/// Who kept the document from an instance that was cancelled or terminated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withholder {
    /// The run: it had stopped, or was told to take the instance back.
    Run,
    /// SSM, by the error limit of the command, while the run's own budget was not spent.
    Service,
    /// Somebody who cancelled the command past the run, in the console for one.
    SomebodyElse,
}

/// What was given instead of an outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of {words}", words = words())]
pub struct NotAnOutcome(String);

fn words() -> String {
    Outcome::ALL.map(Outcome::word).join(", ")
}

impl FromStr for Outcome {
    type Err = NotAnOutcome;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|it| it.word() == text);
        found.ok_or_else(|| NotAnOutcome(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_pair_has_its_outcome() {
        let check = |status: &str, details: &str, outcome: Option<Outcome>| {
            assert_eq!(Status::parse(status, details).outcome(), outcome, "{status}/{details}");
        };
        check("Pending", "Pending", None);
        check("InProgress", "InProgress", None);
        check("Delayed", "Delayed", None);
        check("Cancelling", "Cancelling", None);
        check("Success", "Success", Some(Outcome::Succeeded));
        check("TimedOut", "DeliveryTimedOut", Some(Outcome::DeliveryTimedOut));
        check("TimedOut", "ExecutionTimedOut", Some(Outcome::ExecutionTimedOut));
        check("Failed", "Failed", Some(Outcome::Failed));
        check("Cancelled", "Cancelled", Some(Outcome::Cancelled));
        check("Failed", "Undeliverable", Some(Outcome::Undeliverable));
        check("Failed", "Terminated", Some(Outcome::Terminated));
        check("Failed", "InvalidPlatform", Some(Outcome::InvalidPlatform));
        check("Failed", "AccessDenied", Some(Outcome::AccessDenied));
        check("TimedOut", "Delivery Timed Out", Some(Outcome::DeliveryTimedOut));
        check("Success", "", Some(Outcome::Succeeded));
    }

    #[test]
    fn every_status_of_an_execution_has_its_outcome() {
        let check = |word: &str, outcome: Option<Outcome>| {
            assert_eq!(Status::of_automation(word).outcome(), outcome, "{word}");
        };
        for word in [
            "Pending",
            "InProgress",
            "Waiting",
            "Cancelling",
            "PendingApproval",
            "Approved",
            "Scheduled",
            "RunbookInProgress",
            "PendingChangeCalendarOverride",
            "ChangeCalendarOverrideApproved",
            "Hibernating",
        ] {
            check(word, None);
        }
        check("Success", Some(Outcome::Succeeded));
        check("CompletedWithSuccess", Some(Outcome::Succeeded));
        check("Failed", Some(Outcome::Failed));
        check("CompletedWithFailure", Some(Outcome::Failed));
        check("Rejected", Some(Outcome::Failed));
        check("ChangeCalendarOverrideRejected", Some(Outcome::Failed));
        check("TimedOut", Some(Outcome::ExecutionTimedOut));
        check("Cancelled", Some(Outcome::Cancelled));
        check("Exited", Some(Outcome::Unknown));
    }

    #[test]
    fn an_unknown_word_is_running_until_status_says_otherwise_and_never_success() {
        let check = |status: &str, outcome| {
            assert_eq!(Status::parse(status, "Rebooted").outcome(), outcome);
        };
        check("InProgress", None);
        check("Success", Some(Outcome::Unknown));
        check("Failed", Some(Outcome::Unknown));
        check("Hibernating", None);
    }

    #[test]
    fn everything_but_success_and_what_the_run_left_alone_takes_from_the_budget() {
        let check = |withheld_by, expected: &[Outcome]| {
            let spared = Outcome::ALL.into_iter().filter(|it| !it.counts_as_error(withheld_by));
            assert!(spared.eq(expected.iter().copied()), "{withheld_by:?}");
        };
        let left_alone =
            [Outcome::Cancelled, Outcome::Terminated, Outcome::NotAttempted, Outcome::Succeeded];
        check(None, &left_alone);
        check(Some(Withholder::Run), &left_alone);
        check(Some(Withholder::Service), &left_alone[2..]);
        check(Some(Withholder::SomebodyElse), &left_alone[2..]);
    }

    #[test]
    fn an_outcome_is_written_and_read_as_its_word() {
        for outcome in Outcome::ALL {
            let json = serde_json::to_string(&outcome).unwrap();
            assert_eq!(json, format!("\"{}\"", outcome.word()));
            assert_eq!(outcome.word().parse(), Ok(outcome));
        }
    }
}
