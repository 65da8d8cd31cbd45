//! The local AWS: it answers over HTTP as AWS would, and refuses what it does not implement.
//! It imports nothing from the rest of fleet, so that it cannot share its misunderstandings.

mod absent;
mod agent;
mod api;
mod archive;
mod authority;
mod autoscaling;
mod clock;
mod cloudwatch;
mod ec2;
mod elsewhere;
mod fault;
mod iam;
mod identity;
mod ids;
mod isolation;
mod keyring;
mod kms;
mod logs;
mod machines;
mod network;
mod opening;
mod page;
mod running;
mod s3;
mod scaling;
mod scripts;
mod server;
mod ssm;
mod state;
mod stats;
mod sts;
mod text;
mod timeline;
mod validate;
mod wire;
mod world;

pub use self::{
    running::{Sim, SimError},
    world::{Execution, World, WorldError},
};

#[cfg(test)]
mod tests;
