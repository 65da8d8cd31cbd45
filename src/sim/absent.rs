//! What AWS's service models have for an operation and nothing here looks at: it is refused by its
//! name, because an answer that leaves it out would be the answer to another question. What the
//! models do not have is each service's own to refuse; all but EC2 ignore it.

use serde_json::Value;

use super::{api::ApiError, wire::form::Form};

/// Refuses a form with one of the parameters in `absent`, whole or in part.
pub(crate) fn check_form(form: &Form, absent: &[&str], code: &str) -> Result<(), ApiError> {
    check(form.names().map(whole), absent, code)
}

/// Refuses a JSON object with one of the members in `absent`. One that is null is not there.
pub(crate) fn check_body(body: &Value, absent: &[&str], code: &str) -> Result<(), ApiError> {
    let members = body.as_object().into_iter().flatten();
    check(members.filter(|(_, it)| !it.is_null()).map(|(name, _)| name.as_str()), absent, code)
}

/// Returns what a parameter of a form is a part of: `Filters` of `Filters.member.1.Name`.
pub(crate) fn whole(parameter: &str) -> &str {
    parameter.split_once('.').map_or(parameter, |(whole, _)| whole)
}

/// Refuses the first of the names given that is in `absent`.
pub(crate) fn check<'a>(
    mut given: impl Iterator<Item = &'a str>,
    absent: &[&str],
    code: &str,
) -> Result<(), ApiError> {
    let Some(name) = given.find(|it| absent.contains(it)) else { return Ok(()) };
    let message = format!("The parameter {name} is not implemented by this simulator.");
    Err(ApiError::new(code, message))
}
