//! The only integration binary: the built program in a hermetic environment, against real HTTP on
//! loopback. Few tests a command: wiring and wording.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected is to fail loudly")]

/// The environment that fleet runs in, its output, and simulators of their own.
mod support;

/// One test for each row of the table of exit codes.
mod exit_codes;

/// Every bad input: its code, what is named, and that nothing was sent.
mod bad_input;

/// `fleet run`: plan, send, follow, report.
mod cli_run;

/// What a run shows while it goes on.
mod live;

/// `fleet.toml`: roles, limits, ceilings.
mod config;

/// SIGINT and SIGTERM in every phase of a run.
mod interrupts;

/// One window and one budget over all commands.
mod limits;

/// A session that ends in mid-run.
mod session;

/// Instances that leave their group in mid-run.
mod departures;

/// How much is asked of the service.
mod frugal;

/// What goes wrong on the wire.
mod faults;

/// How a role is assumed: codes, tags, names.
mod roles;

/// What the session of a command may do.
mod narrowing;

/// Where credentials come from, besides keys in the environment.
mod chain;

/// Planted secrets, and everything that was written.
mod secrets;

/// Documents that print findings, declare how they are rolled out, and are published first.
mod findings;

/// Documents of type Automation.
mod runbooks;

/// A document that is run after another one.
mod then;

/// The same, when a process dies in between.
mod sequels;

/// What `fleet run` leaves: stdout in its formats, the ledger, the report files.
mod records;

/// `fleet plan`, and `fleet run --dry-run`.
mod cli_plan;

/// `fleet doctor`: every check has a world in which it does not pass.
mod cli_doctor;

/// `fleet doctor` does not pass what `fleet run` refuses.
mod doctor_and_run;

/// `fleet rescue`: its preflight, and the role it needs.
mod cli_rescue;

/// `fleet rescue crowdstrike` over AWS's runbook.
mod rescues;

/// `fleet rescue crowdstrike --replace`: groups end their members and launch others.
mod rescues_replace;

/// `fleet rescue resume` of instances that this machine has no ledger of.
mod rescues_resume;

/// `fleet policy` as a command.
mod cli_policy;

/// What it prints is enough, and every statement of it is needed.
mod proved_policies;

/// A role that may do the main job and nothing else.
mod minimal_role;

/// What AWS refuses, and how it is explained.
mod refusals;

/// `fleet targets`.
mod cli_targets;

/// `fleet runs`.
mod cli_runs;

/// `fleet report`.
mod cli_report;

/// `fleet cancel`.
mod cli_cancel;

/// `fleet restore`.
mod cli_restore;

/// `fleet retry`.
mod cli_retry;

/// `fleet watch`.
mod cli_watch;

/// A run whose process is killed after each of its events, and which another one finishes.
mod crash;

/// Runs over worlds that a seed makes up, with faults of every kind.
mod chaos;

/// The canned documents, as text.
mod documents;

/// Ledgers that older versions wrote, those that newer ones may write, and damaged ones.
mod ledgers;

/// The benchmark of the floors.
mod floors;

/// Output beyond what SSM keeps, from S3 and CloudWatch Logs.
mod full_output;

/// Plans that were written down, and locks.
mod frozen;

/// `fleet docs`.
mod cli_docs;

/// `fleet sim`.
mod cli_sim;

/// `fleet completions`.
mod cli_completions;

/// `fleet man`.
mod cli_man;

/// Every world under examples/, and the published walk-through under a minimal role.
mod examples;

/// The published walk-through by hand, with the AWS CLI.
mod aws_cli;

/// What a document does to the machine that simulates the instance: nothing.
mod isolation;

/// The rules of design.md §7 that a machine can check.
mod tidy;
