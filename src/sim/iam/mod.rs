//! Who may do what: signatures, policies and trust, as IAM and STS have them.
//! It is pure: the server looks up keys, roles and tags, reads the clock, and passes them in.
//!
//! A request is authenticated first, unless the world has no users:
//!
//! ```text
//! let presented = Presented::parse(&headers)?;             // SigError::on_wire(protocol)
//! let key = keys.get(&presented.access_key_id).ok_or(SigError::UnknownKey)?;
//! presented.check_scope("ssm", &world.region)?;
//! verify(&presented, &parts, &key.secret, now)?;
//! presented.check_token(key.issued_token(), now)?;         // expiry of sessions
//! ```
//!
//! Then it is authorised, once for each resource that it touches:
//!
//! ```text
//! let context = Context::of(&key.principal, now).with("aws:RequestedRegion", &world.region);
//! let document = context.clone().with_resource_tags("ssm", &document_tags);
//! let request = Request { action: "ssm:SendCommand", resource: &document_arn, context: &document };
//! match authorise(&key.principal, &key.policies, &request) {
//!     Decision::Allowed => (),
//!     denied => refuse(Form::Ssm, message(arn, "ssm:SendCommand", Some(&document_arn), denied, Form::Ssm)),
//! }
//! // … and in the same way each instance, with its own tags in a context of its own.
//! ```
//!
//! The tests below walk through the published article in this way. GetCallerIdentity is not
//! authorised at all: it cannot be denied.

mod canonical;
mod comparison;
mod condition;
mod context;
mod denial;
mod evaluate;
mod json;
mod keys;
mod parse;
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
    evaluate::{Decision, PolicyKind, PolicySet, Request, authorise, missing_keys, simulate},
    keys::{actions, is_condition_key},
    policy::{Policy, TrustPolicy},
    principal::{Principal, RoleSession, User},
    session::{
        AssumeRole, MAX_POLICY_CHARS, ParameterError, authorise_assume_role, session_duration,
        session_policy,
    },
    sigerror::{Protocol, SigError},
    sigv4::{IssuedToken, Presented, RequestParts, verify},
};

#[cfg(test)]
mod tests;
