//! Who may do what.
#![cfg_attr(not(test), expect(dead_code, reason = "the server that calls this is being written"))]
#![expect(unused_imports, reason = "the server that calls this is being written")]

mod canonical;
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
mod session;
mod sigerror;
mod sigv4;
mod trust;

pub(crate) use self::{
    context::Context,
    denial::{Form, message},
    evaluate::{Decision, PolicyKind, PolicySet, Request, authorise, evaluate},
    policy::{Policy, PolicyError, TrustPolicy},
    principal::{Principal, RoleSession, User},
    session::{
        AssumeDenied, AssumeRole, ParameterError, authorise_assume_role, duration, session_policy,
    },
    sigerror::{Protocol, SigError, WireError},
    sigv4::{IssuedToken, MAX_SKEW, Presented, RequestParts, verify, verify_within},
    trust::{authorise_on_role, trust},
};
