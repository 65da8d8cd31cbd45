//! fleet runs AWS Systems Manager documents over EC2 Auto Scaling groups: once, within limits,
//! with a report that accounts for every instance.
//!
//! ```text
//! argv ─clap→ Args ─aws::targets→ Plan ─→ Run ──effects──→ drive ──HTTP──→ AWS or the simulator
//!                                   │       ↑                 │
//!                      fleet plan ←─┘       └──── Observed ←──┘
//!                                           └─ events → output {human, jsonl, ledger} and the Report
//! ```
//!
//! The modules are listed in reading order; imports point down: `cli → {drive, documents, sim}`,
//! `drive → {aws, output}`, `{aws, output} → {run, rescue, documents} → plan`. `sim` imports none of the others.

pub mod plan;
pub mod rescue;
pub mod run;

pub mod aws;
pub mod config;
pub mod documents;
pub mod output;

pub mod doctor;
pub mod drive;
pub mod error;
pub mod exit;
pub mod signal;

pub mod cli;

pub mod sim;
