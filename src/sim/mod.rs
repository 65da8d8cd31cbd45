//! The local AWS: it answers over HTTP as AWS would, and refuses what it does not implement.
//! It imports nothing from the rest of fleet, so that it cannot share its misunderstandings.

mod agent;
mod api;
mod clock;
mod iam;
mod ssm;
mod state;
