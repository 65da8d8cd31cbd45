//! What to do about a call that failed: the sentence, whose policy to look at, and the statement to
//! paste. It knows what services say, and decides nothing.

use serde_json::{Value, json};

use super::{
    denial::{self, Cause, Denied, Kind},
    error::{AwsError, ErrorKind},
};
use crate::plan::{Note, Permission};

/// The code of advice in words.
const ADVICE: &str = "advice";

/// The code of a statement to paste, which must stay on one line.
const STATEMENT: &str = "advice.statement";

impl AwsError {
    /// Returns advice, each piece of which can be shown on a line of its own; the most telling is
    /// first.
    pub fn advice(&self) -> Vec<Note> {
        let denied = || denial::read(&self.message);
        match self.kind {
            ErrorKind::Denied if self.message.contains("MultiFactorAuthentication") => vec![plain(
                "the code is wrong, or was used before: each is good once, for 30 seconds",
            )],
            ErrorKind::Denied => match denied() {
                Some(it) if it.action.starts_with("sts:") => of_trust(&it),
                Some(it) => of_denial(&it),
                None => of_unnamed(&self.action()),
            },
            ErrorKind::BadCredentials => vec![plain(of_credentials(&self.code, &self.message))],
            ErrorKind::SessionOver => vec![plain(
                "`fleet watch RUN --mfa-serial DEVICE` follows what was sent, with a new code; \
                 --duration asks for a session that lasts longer, and --deadline keeps a run within \
                 it",
            )],
            ErrorKind::NoCredentials => vec![plain(of_chain(&self.message))],
            ErrorKind::Unreachable | ErrorKind::Ambiguous => {
                vec![plain("check the region, the endpoint and the network")]
            }
            ErrorKind::Throttled => {
                vec![plain("the account's rate limit is exhausted: try again later")]
            }
            ErrorKind::Refused => {
                of_refusal(&self.code, &self.message).map(plain).into_iter().collect()
            }
        }
    }
}

fn plain(text: impl Into<String>) -> Note {
    Note::new(ADVICE, text)
}

/// A service that denies without a word: the action is known by the operation alone.
fn of_unnamed(action: &str) -> Vec<Note> {
    let sentence = format!(
        "the caller's policies must allow {action}, and no session policy, boundary or explicit \
         deny may stand against it"
    );
    vec![plain(sentence), pasteable(action, None)]
}

fn of_denial(denied: &Denied) -> Vec<Note> {
    let who = denied.who();
    let on = denied.resource.as_ref().map(|it| format!(" on {it}")).unwrap_or_default();
    let what = format!("{}{on}", denied.action);
    let named = denied.policy_arn.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
    let mut res = match denied.cause {
        Cause::NotAllowed(kind) => {
            let mut res = vec![plain(format!("no {}{named} of {who} allows {what}", word(kind)))];
            res.extend(whose(kind).map(plain));
            res.push(pasteable(&denied.action, denied.resource.as_deref()));
            res
        }
        Cause::Forbidden(kind) => {
            let sentence = format!(
                "a Deny in {}{named} stands against {what} for {who}: no Allow helps, only a \
                 change of that statement",
                with_article(kind)
            );
            let mut res = vec![plain(sentence)];
            res.extend(whose(kind).map(plain));
            res
        }
        Cause::Unsaid => vec![
            plain(format!("{who} is not allowed {what}; which policy decided was not said")),
            pasteable(&denied.action, denied.resource.as_deref()),
        ],
    };
    if let Some(permission) = Permission::of_action(&denied.action)
        && permission != Permission::SendCommand
    {
        res.push(plain(format!("{} buys {}", denied.action, permission.buys())));
    }
    res
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Identity => "identity-based policy",
        Kind::Session => "session policy",
        Kind::Boundary => "permissions boundary",
        Kind::ServiceControl => "service control policy",
        Kind::ResourceControl => "resource control policy",
        Kind::Resource => "resource-based policy",
        Kind::Trust => "trust policy",
        Kind::Endpoint => "VPC endpoint policy",
    }
}

fn with_article(kind: Kind) -> String {
    let article = if kind == Kind::Identity { "an" } else { "a" };
    format!("{article} {}", word(kind))
}

/// Returns where the policy is to be found, unless it is where one would look.
fn whose(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Identity | Kind::Trust => None,
        Kind::Session => Some(
            "fleet made the session policy for this document and these targets, or it is the FILE \
             of --session-policy; --session-policy none leaves it out, and the role alone decides",
        ),
        Kind::Boundary => Some("the boundary is a managed policy, set by whoever made the role"),
        Kind::ServiceControl | Kind::ResourceControl => {
            Some("it belongs to the organisation: ask whoever administers it")
        }
        Kind::Resource => Some("it is attached to the resource, not to the caller"),
        Kind::Endpoint => Some("it belongs to the VPC endpoint that the call went through"),
    }
}

fn pasteable(action: &str, resource: Option<&str>) -> Note {
    let statement = statement(&json!({
        "Effect": "Allow", "Action": action, "Resource": resource.unwrap_or("*"),
    }));
    Note::new(STATEMENT, format!("this statement would allow it: {statement}"))
}

/// Returns a statement in the order in which people write it.
fn statement(value: &Value) -> String {
    let keys = ["Effect", "Principal", "Action", "Resource"];
    let parts = keys.iter().filter_map(|key| Some(format!("\"{key}\":{}", value.get(key)?)));
    format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
}

/// STS answers alike whether a side lacks the permission, a condition of the trust policy does not
/// hold, or the role does not exist (aws-facts §4.3).
fn of_trust(denied: &Denied) -> Vec<Note> {
    let role = denied.resource.as_deref().unwrap_or("*");
    let who = denied.who();
    let principal = denied.trusted().unwrap_or_else(|| "CALLER".to_owned());
    let action = denied.action.as_str();
    let sentence = match denied.cause {
        Cause::Forbidden(kind) => {
            return vec![plain(format!(
                "a Deny in {} stands against {action} on {role} for {who}: no Allow helps, only \
                 a change of that statement",
                with_article(kind)
            ))];
        }
        _ if action == "sts:TagSession" => format!(
            "the role's trust policy must allow sts:TagSession to {who}, because session tags are \
             passed or inherited"
        ),
        _ if action == "sts:SetSourceIdentity" => format!(
            "{who} and the role's trust policy must both allow sts:SetSourceIdentity, because a \
             source identity is set"
        ),
        _ => format!(
            "the caller needs sts:AssumeRole on the role, and the role's trust policy must name \
             the caller, {who} (and its external id, MFA or other conditions, if it has any); no \
             explicit Deny may stand against it in either, in a boundary or in a policy of the \
             organisation; a role that does not exist is refused in the same words"
        ),
    };
    let own = statement(&json!({"Effect": "Allow", "Action": action, "Resource": role}));
    let trust = statement(&json!({
        "Effect": "Allow", "Principal": {"AWS": principal}, "Action": action,
    }));
    vec![
        plain(sentence),
        Note::new(STATEMENT, format!("in the policy of {who}: {own}")),
        Note::new(STATEMENT, format!("in the trust policy of the role: {trust}")),
    ]
}

fn of_credentials(code: &str, message: &str) -> &'static str {
    let is_about_time = ["Signature expired", "not yet current", "Request has expired", "skew"];
    let has_expired = code.starts_with("ExpiredToken");
    let is_clock =
        code == "RequestTimeTooSkewed" || is_about_time.iter().any(|it| message.contains(it));
    match code {
        _ if has_expired => {
            "the temporary credentials have expired: log in again, or take stale AWS_SESSION_TOKEN \
             and its keys out of the environment"
        }
        _ if is_clock => {
            "this machine's clock and AWS's are more than 5 minutes apart: set the clock"
        }
        _ if message.contains("valid region") => {
            "the endpoint is another region's than the one that the request was signed for: is \
             --region (AWS_REGION, the profile's region) the one of the endpoint?"
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" => {
            "the secret access key does not belong to the access key id, or was mistyped"
        }
        "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => {
            "the request went out without a signature: are there credentials?"
        }
        _ => {
            "the access key is not known here: log in again, or look at the keys. It was deleted, is \
             temporary and lacks its session token, belongs to another partition, or the region is \
             not enabled in the account"
        }
    }
}

/// What the SDK says of a chain that gave nothing names no file and no command.
fn of_chain(message: &str) -> &'static str {
    let is_said = |text: &str| message.contains(text);
    if is_said("SSO token") || is_said("sso") {
        return "the login has expired, or never was: aws sso login --profile NAME";
    }
    if is_said("external process") {
        return "the profile's credential_process failed: try it by hand";
    }
    if is_said("No such file") {
        return "a file of the chain is not there: AWS_WEB_IDENTITY_TOKEN_FILE, or the profile's \
                web_identity_token_file";
    }
    "set AWS_PROFILE, or log in, and try `aws sts get-caller-identity`"
}

fn of_refusal(code: &str, message: &str) -> Option<&'static str> {
    let text = match code {
        "PackedPolicyTooLarge" | "PackedPolicyTooLargeException" => {
            "session policy and session tags are packed together, and do not fit: pass fewer or \
             shorter --session-tag, name fewer groups, or let the role alone decide with \
             --session-policy none"
        }
        "MalformedPolicyDocument" => "the FILE of --session-policy is not a policy that STS takes",
        "RegionDisabledException" => {
            "STS is not enabled in this region for the account: pass another --region"
        }
        "ValidationError" if message.contains("role chaining") => {
            "the caller is a role itself, and roles that are assumed by roles last one hour at \
             the most: leave --duration out, or pass at most 1h"
        }
        "ValidationError" if message.contains("MaxSessionDuration") => {
            "pass a shorter --duration, or raise the role's MaxSessionDuration"
        }
        "InvalidParameterValue" if message.contains("transitive tag key") => {
            "the calling session has this tag already, and hands it on as it is: leave the \
             --session-tag of that key out"
        }
        // UNVERIFIED: the words. That it cannot be changed is in the guide (IAM guide, source
        // identity).
        "ValidationError" if message.to_lowercase().contains("source identity") => {
            "the calling session has a source identity already, and every role after it keeps it: \
             leave --source-identity out, or pass the same"
        }
        "InvalidDocument" => {
            "a document lives in one region of one account, and a shared one is named by its ARN: \
             are --region and --doc the right ones? One of fleet's own is put there by `fleet docs \
             publish`"
        }
        "InvalidDocumentVersion" => "`aws ssm list-document-versions` lists what there is",
        "InvalidInstanceId" => {
            "SSM knows no such instance that is running and registered in this region and account: \
             `fleet targets` shows what it knows"
        }
        "UnsupportedPlatformType" => "the document does not run on the platform of an instance",
        "InvalidParameters" => "the document declares other parameters: `--param NAME=VALUE`",
        _ => return None,
    };
    Some(text)
}

#[cfg(test)]
mod tests;
