//! What AssumeRole may ask for: duration, session policy, session tags, and the right to each.
//! It makes no credentials and reads no clock.

use super::{
    context::Context,
    evaluate::{Decision, PolicySet, Request, evaluate},
    policy::{Policy, TrustPolicy},
    principal::Principal,
    trust::authorise_on_role,
};

/// The parameters of an AssumeRole call that bear on permissions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AssumeRole {
    pub(crate) role_arn: String,
    pub(crate) session_name: String,
    pub(crate) external_id: Option<String>,
    pub(crate) source_identity: Option<String>,
    /// The session tags passed in the call.
    pub(crate) tags: Vec<(String, String)>,
    /// Transitive tags that the caller's own session hands down.
    pub(crate) inherited_tags: Vec<(String, String)>,
    pub(crate) transitive_tag_keys: Vec<String>,
    /// The one-time code that came with the call is the device's.
    pub(crate) has_mfa: bool,
}

/// A denied AssumeRole: which of the actions behind the call was denied, on the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AssumeDenied {
    /// `sts:AssumeRole`, `sts:TagSession` or `sts:SetSourceIdentity`
    pub(crate) action: &'static str,
    pub(crate) decision: Decision,
}

/// A parameter of AssumeRole that is refused: status 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParameterError {
    #[error("{0}")]
    Validation(String),
    #[error("The policy is not valid: {0}")]
    MalformedPolicy(String),
}

impl ParameterError {
    /// Returns the error code in awsQuery.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Validation(_) => "ValidationError",
            Self::MalformedPolicy(_) => "MalformedPolicyDocument",
        }
    }
}

/// Decides whether `caller` may assume the role with these parameters: the whole call fails if
/// one of the actions behind it is denied (aws-facts §4.2). `context` is `Context::of` the
/// caller with what the server adds; the keys of the call are added here.
pub(crate) fn authorise_assume_role(
    call: &AssumeRole,
    trust: &TrustPolicy,
    caller: &Principal,
    policies: &PolicySet,
    context: Context,
) -> Result<(), AssumeDenied> {
    let context = call.add_to(context);
    let request = |action| Request { action, resource: &call.role_arn, context: &context };
    let check = |action| {
        let decision = authorise_on_role(trust, caller, policies, &request(action));
        if decision.is_allowed() { Ok(()) } else { Err(AssumeDenied { action, decision }) }
    };
    check("sts:AssumeRole")?;
    if !call.tags.is_empty() || !call.inherited_tags.is_empty() {
        check("sts:TagSession")?;
    }
    if call.source_identity.is_some() {
        let action = "sts:SetSourceIdentity";
        check(action)?;
        // The caller's own policies have to allow it in any case (aws-facts §4.1).
        let own = evaluate(policies, &request(action));
        if !own.is_allowed() && *caller != Principal::Anyone {
            return Err(AssumeDenied { action, decision: own });
        }
    }
    Ok(())
}

impl AssumeRole {
    fn add_to(&self, context: Context) -> Context {
        let mut res = context.with("sts:RoleSessionName", &self.session_name);
        if let Some(it) = &self.external_id {
            res = res.with("sts:ExternalId", it);
        }
        if let Some(it) = &self.source_identity {
            res = res.with("sts:SourceIdentity", it);
        }
        if self.has_mfa {
            // This call is made with a code that was shown just now.
            res =
                res.with("aws:MultiFactorAuthPresent", "true").with("aws:MultiFactorAuthAge", "0");
        }
        // Inherited tags win: a transitive tag cannot be overridden (aws-facts §4.1).
        let tags = [self.inherited_tags.as_slice(), self.tags.as_slice()].concat();
        let keys = tags.iter().map(|(key, _)| key.as_str());
        res.with_tags("aws:RequestTag", &tags)
            .with_all("aws:TagKeys", keys)
            .with_all("sts:TransitiveTagKeys", self.transitive_tag_keys.iter().map(String::as_str))
    }
}

const MIN_DURATION: i64 = 900;
const MAX_DURATION: i64 = 43_200;
const DEFAULT_DURATION: i64 = 3_600;
const CHAINED_DURATION: i64 = 3_600;

/// Returns the seconds that the session lasts.
pub(crate) fn session_duration(
    requested: Option<i64>,
    max_of_role: i64,
    caller: &Principal,
) -> Result<i64, ParameterError> {
    let res = requested.unwrap_or(DEFAULT_DURATION);
    let refuse = |text: &str| Err(ParameterError::Validation(text.to_owned()));
    if res < MIN_DURATION {
        return refuse(&constraint(res, "greater than or equal to", MIN_DURATION));
    }
    if res > MAX_DURATION {
        return refuse(&constraint(res, "less than or equal to", MAX_DURATION));
    }
    if caller.is_role_session() && res > CHAINED_DURATION {
        return refuse(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by \
             role chaining.",
        );
    }
    if res > max_of_role {
        return refuse(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        );
    }
    Ok(res)
}

fn constraint(value: i64, relation: &str, limit: i64) -> String {
    format!(
        "1 validation error detected: Value '{value}' at 'durationSeconds' failed to satisfy \
         constraint: Member must have value {relation} {limit}"
    )
}

/// The characters of a session policy, and of it with the managed ones, at most (aws-facts §4.1).
pub(crate) const MAX_POLICY_CHARS: usize = 2_048;

/// Parses the session policy of the `Policy` parameter.
pub(crate) fn session_policy(text: &str) -> Result<Policy, ParameterError> {
    let refuse = |constraint: &str| {
        Err(ParameterError::Validation(format!(
            "1 validation error detected: Value '{text}' at 'policy' failed to satisfy \
             constraint: Member must {constraint}"
        )))
    };
    if text.is_empty() {
        return refuse("have length greater than or equal to 1");
    }
    if text.chars().count() > MAX_POLICY_CHARS {
        return refuse(&format!("have length less than or equal to {MAX_POLICY_CHARS}"));
    }
    let is_plain = |it| matches!(it, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}');
    if !text.chars().all(is_plain) {
        return refuse(
            "satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
        );
    }
    Policy::parse(text).map_err(|err| ParameterError::MalformedPolicy(err.to_string()))
}

#[cfg(test)]
mod tests;
