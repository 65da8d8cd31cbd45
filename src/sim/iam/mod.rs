//! Who may do what.
#![expect(dead_code, unused_imports, reason = "the server that calls this is being written")]

mod comparison;
mod condition;
mod context;
mod denial;
mod evaluate;
mod json;
mod pattern;
mod policy;
mod principal;
mod principals;
mod trust;

pub(crate) use self::{
    context::Context,
    denial::{Form, message},
    evaluate::{Decision, PolicyKind, PolicySet, Request, authorise, evaluate},
    policy::{Policy, PolicyError, TrustPolicy},
    principal::{Principal, RoleSession, User},
    trust::{authorise_on_role, trust},
};
