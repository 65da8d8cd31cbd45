//! The edge over real HTTP on loopback: a client of a few lines, so that no SDK is believed.

mod client;
mod faults;
mod groups;
mod orders;
mod pages;
mod permissions;
mod routes;
