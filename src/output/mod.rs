//! What the operator, a script and the next command get to see: the only module that writes to a
//! terminal or a file. It decides nothing about a run, and nothing that came from an instance or
//! from AWS reaches a terminal without [`sanitize()`].

mod atomic;
mod confirm;
mod damage;
mod diagnosis;
mod differences;
mod documents;
mod expectation;
mod failure;
mod fetched;
mod findings;
mod folded;
mod formats;
mod history;
mod intents;
mod journal;
mod json;
mod ledger;
mod live;
mod lock;
mod log;
mod members;
mod orders;
mod page;
mod plan_file;
mod plan_text;
mod policy;
mod progress;
mod recap;
mod report_file;
mod rescue_plan;
mod restoration;
mod sanitize;
mod state;
mod stranded;
mod stream;
mod summary;
mod table;
mod tail;
mod targets;
mod telling;
mod terminal;
#[cfg(test)]
mod testing;
mod words;

pub use self::{
    confirm::{Confirmation, Echo, read_answer, read_line},
    damage::{Damage, read_events},
    diagnosis::Diagnosis,
    documents::{
        AccountCopy, DocumentRow, Linted, Ours, PublicationRow, PublicationState, Verified,
    },
    expectation::Expected,
    failure::failure,
    fetched::{OutputFolder, Writing},
    folded::{Folds, Members},
    formats::{ReportFormat, render, schema},
    history::{Entry, History, HistoryError, Salvage, events, report, salvage, stored_report},
    intents::intend,
    journal::{Journal, read_journal, read_returns},
    ledger::{Ledger, read_plan, state_dir},
    lock::{Lock, LockError},
    orders::Orders,
    plan_file::{Seal, read_plan_file, write_plan},
    policy::{NewDocument, Passed, Template, User, cloudformation, iam, terraform},
    report_file::ReportFile,
    rescue_plan::RescuePlan,
    restoration::{changed, lacking, left_behind, made, mended, unknown, unseen_leftovers},
    sanitize::sanitize,
    state::{StateTrouble, look_at_state},
    stranded::{Lost, LostState, Resumption},
    tail::Tail,
    terminal::{CancelRow, CancelState, Format, Terminal},
};
