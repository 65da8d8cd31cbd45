//! The edge over real HTTP on loopback: a client of a few lines, so that no SDK is believed; and
//! the account on a paused clock, where waiting takes no time.

mod absent;
mod account;
mod agents;
mod alarms;
pub(super) mod client;
mod events;
mod faults;
mod groups;
mod health;
mod hostile;
mod keys;
mod orders;
mod pages;
mod permissions;
mod refusals;
mod rescue;
mod routes;
mod sessions;
mod standby;
