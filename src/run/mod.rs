//! What is happening: observations go in, events and effects come out.
//! It knows no async, no clock, no IO and no AWS type; [`crate::drive`] has those.

mod answering;
mod cancelling;
mod change;
mod closing;
mod completing;
mod doubting;
mod event;
mod fetching;
mod findings;
mod fold;
mod following;
mod grouping;
mod hint;
mod judging;
mod losing;
mod masking;
mod member;
mod observed;
mod outputs;
mod proceeding;
mod reading;
mod rebuilding;
mod recalling;
mod reopening;
mod repeating;
mod report;
mod restoring;
mod resuming;
mod row;
mod send;
mod sending;
mod sequel;
mod state;
mod status;
mod stopping;
mod taking;
#[cfg(test)]
mod tests;
mod verdict;
mod withholding;

pub use self::{
    change::{ChangeState, GroupChange, ended},
    event::{
        Consequence, Coverage, Departure, Event, EventKind, OnInterrupt, Resume, StoredFrom,
        StoredStream,
    },
    fetching::{Fetch, FetchStep, Fetched, Fetching, unfetched},
    findings::{
        Change, ChangeFacts, CodeCount, CodeFacts, Finding, FindingSummary, Findings, Reading,
        SharedFacts, UnreadFacts, VerdictFacts,
    },
    fold::Fold,
    grouping::{Folding, Group, groups},
    observed::{
        Accepted, CancelAnswer, Cancellation, Conclusion, Counts, Denial, Effect, Found,
        Membership, Observed, Output, OutputAnswer, Pace, PuttingBack, ReadKind, ReadScope,
        Refusal, RefusalKind, SendRequest, SendTargets, Settlement, Stage, Step,
    },
    proceeding::{LeftOver, left_over},
    repeating::unsuccessful,
    report::{
        ApiCalls, BudgetFacts, InstanceFacts, Joined, OutputFiles, OutputGroup, PopulationFacts,
        Report, RunFacts, SCHEMA, TimedChange, WaveFacts,
    },
    row::{Execution, Plugin, Row, STDERR_TITLE, StepUrls, push_block},
    sequel::{SequelState, sequel_begun, sequel_state},
    state::Run,
    status::{NotAnOutcome, Outcome, Status, Withholder},
    taking::{Awaited, Taken},
    verdict::{Kind, Verdict},
    withholding::withheld,
};
