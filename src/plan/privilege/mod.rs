//! What a run needs of whoever runs it, and what more would buy: permissions, and the policies that
//! grant them. It reads nothing, and knows no role but by its account.

mod arn;
mod fit;
mod grant;
mod needs;
mod permission;
mod statement;
mod union;

pub(super) use self::grant::{sending, used_on};
pub use self::{
    arn::{Resource, Scope, is_account, is_reserved_name},
    fit::{Fitting, LONGEST_MANAGED_POLICY, LONGEST_ROLE_POLICY, LONGEST_SESSION_POLICY, fit},
    grant::{Documents, Grant, Level, grant},
    needs::{Manner, Needs},
    permission::Permission,
    statement::{Condition, Policy, Purpose, Statement},
    union::union,
};
