//! The parameters of AssumeRole, with the constraints of the API reference.
//! It grants nothing.

use super::{ApiError, AssumeRole, Authority, Form, violations::Violations};
use crate::sim::{absent, iam::Principal};

/// What an AssumeRole call asks for; every constraint on a single parameter holds.
pub(super) struct Asked<'a> {
    pub role_arn: String,
    session_name: String,
    pub duration: Option<i64>,
    pub policy: Option<&'a str>,
    external_id: Option<&'a str>,
    pub mfa: Option<OneTimeCode<'a>>,
    pub policy_arns: Vec<&'a str>,
    source_identity: Option<&'a str>,
    tags: Vec<(String, String)>,
    transitive_tag_keys: Vec<String>,
}

/// What is shown to prove that a device is at hand.
#[derive(Debug, Clone, Copy)]
pub(super) enum OneTimeCode<'a> {
    Whole {
        serial: &'a str,
        code: &'a str,
    },
    /// The serial number without a code, or a code without a serial number.
    Half,
}

/// The parameters that AssumeRole has and the simulator has not (the service model 2011-06-15).
const ABSENT: [&str; 2] = ["MinimumSessionTokenSize", "ProvidedContexts"];

const MAX_TAGS: usize = 50;
const MAX_POLICY_ARNS: usize = 10;

impl<'a> Asked<'a> {
    pub(super) fn read(form: &'a Form) -> Result<Self, ApiError> {
        absent::check_form(form, &ABSENT, "ValidationError")?;
        let mut found = Violations::default();
        let tags: Vec<(String, String)> = form
            .members("Tags")?
            .iter()
            .map(|it| {
                let part = |name| form.text(&format!("{it}.{name}")).unwrap_or_default().to_owned();
                (part("Key"), part("Value"))
            })
            .collect();
        let transitive_tag_keys: Vec<String> =
            form.texts("TransitiveTagKeys")?.into_iter().map(str::to_owned).collect();
        found.arn("roleArn", form.text("RoleArn"));
        found.required(
            "roleSessionName",
            form.text("RoleSessionName"),
            2..=64,
            Some(("[\\w+=,.@-]*", "+=,.@-")),
        );
        found.optional(
            "externalId",
            form.text("ExternalId"),
            2..=1224,
            "[\\w+=,.@:\\/-]*",
            "+=,.@:/-",
        );
        found.optional(
            "serialNumber",
            form.text("SerialNumber"),
            9..=256,
            "[\\w+=/:,.@-]*",
            "+=/:,.@-",
        );
        found.optional("tokenCode", form.text("TokenCode"), 6..=6, "[\\d]*", "");
        found.optional(
            "sourceIdentity",
            form.text("SourceIdentity"),
            2..=64,
            "[\\w+=,.@-]*",
            "+=,.@-",
        );
        let duration = form.integer("DurationSeconds")?;
        found.range("durationSeconds", duration, 900..=43_200);
        if let Some(policy) = form.text("Policy") {
            found.policy(policy);
        }
        for (index, prefix) in form.members("Tags")?.iter().enumerate() {
            let member = |part| format!("tags.{}.member.{part}", index + 1);
            let part = |name| form.text(&format!("{prefix}.{name}"));
            found.required(&member("key"), part("Key"), 1..=128, None);
            found.tag(&member("key"), part("Key"), "+");
            found.required(&member("value"), part("Value"), 0..=256, None);
            found.tag(&member("value"), part("Value"), "*");
        }
        found.transitive_tag_keys(&transitive_tag_keys);
        let policy_arns = form.members("PolicyArns")?;
        for (index, prefix) in policy_arns.iter().enumerate() {
            let member = format!("policyArns.{}.member.arn", index + 1);
            found.arn(&member, form.text(&format!("{prefix}.arn")));
        }
        let part = |prefix: &str, name| form.text(&format!("{prefix}.{name}")).unwrap_or_default();
        let shown_tags = form.members("Tags")?.into_iter().map(|it| {
            format!(r#"{{"Key":"{}","Value":"{}"}}"#, part(&it, "Key"), part(&it, "Value"))
        });
        let shown_arns = policy_arns.iter().map(|it| format!(r#"{{"arn":"{}"}}"#, part(it, "arn")));
        // UNVERIFIED: how AWS prints a list of structures.
        for (name, items, limit) in [
            ("tags", shown_tags.collect(), MAX_TAGS),
            ("transitiveTagKeys", transitive_tag_keys.clone(), MAX_TAGS),
            ("policyArns", shown_arns.collect::<Vec<String>>(), MAX_POLICY_ARNS),
        ] {
            if items.len() > limit {
                let constraint = format!("have length less than or equal to {limit}");
                found.add(&format!("[{}]", items.join(", ")), name, &constraint);
            }
        }
        found.into_result()?;
        let role_arn = form.text("RoleArn").unwrap_or_default().to_owned();
        if !role_arn.starts_with("arn:") || role_arn.split(':').count() < 6 {
            return Err(ApiError::new("ValidationError", "Request ARN is invalid"));
        }
        Ok(Self {
            role_arn,
            session_name: form.text("RoleSessionName").unwrap_or_default().to_owned(),
            duration,
            policy: form.text("Policy"),
            external_id: form.text("ExternalId"),
            mfa: match (form.text("SerialNumber"), form.text("TokenCode")) {
                (None, None) => None,
                (Some(serial), Some(code)) => Some(OneTimeCode::Whole { serial, code }),
                (Some(_), None) | (None, Some(_)) => Some(OneTimeCode::Half),
            },
            policy_arns: policy_arns
                .iter()
                .filter_map(|it| form.text(&format!("{it}.arn")))
                .collect(),
            source_identity: form.text("SourceIdentity"),
            tags,
            transitive_tag_keys,
        })
    }

    /// Returns what the policies decide on, after the checks of the tags against each other and
    /// the caller's own session.
    pub(super) fn request(&self, caller: &Authority) -> Result<AssumeRole, ApiError> {
        let refuse = |code: &str, message: &str| Err(ApiError::new(code, message));
        let mut keys: Vec<String> = self.tags.iter().map(|(key, _)| key.to_lowercase()).collect();
        keys.sort_unstable();
        if keys.windows(2).any(|it| it[0] == it[1]) {
            let message =
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return refuse("InvalidParameterValue", message);
        }
        let is_passed = |it: &String| keys.contains(&it.to_lowercase());
        if !self.transitive_tag_keys.iter().all(is_passed) {
            let message =
                "The specified transitive tag key must be included in the requested tags.";
            return refuse("ValidationError", message);
        }
        if caller.transitive_tags.iter().any(|(key, _)| keys.contains(&key.to_lowercase())) {
            let message = "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.";
            return refuse("InvalidParameterValue", message);
        }
        // A source identity stays for as long as roles are chained (IAM guide).
        let inherited = match &caller.principal {
            Principal::RoleSession(it) => it.source_identity.clone(),
            Principal::User(_) | Principal::Anyone => None,
        };
        let asked = self.source_identity.map(str::to_owned);
        if inherited.is_some() && asked.is_some() && inherited != asked {
            let message = "The source identity cannot be changed in a chained session.";
            return refuse("ValidationError", message);
        }
        Ok(AssumeRole {
            role_arn: self.role_arn.clone(),
            session_name: self.session_name.clone(),
            external_id: self.external_id.map(str::to_owned),
            source_identity: asked.or(inherited),
            tags: self.tags.clone(),
            inherited_tags: caller.transitive_tags.clone(),
            transitive_tag_keys: self.transitive_tag_keys.clone(),
            has_mfa: self.mfa.is_some(),
        })
    }

    /// Returns the characters of the session policies, inline and by ARN, which share one limit
    /// (aws-facts §4.1).
    pub(super) fn policy_chars(&self) -> usize {
        let texts = self.policy.iter().chain(&self.policy_arns);
        texts.map(|it| it.chars().count()).sum()
    }

    /// Returns a measure of the session policies and tags, packed.
    pub(super) fn packed_size(&self) -> usize {
        let tags: usize = self.tags.iter().map(|(key, value)| key.len() + value.len()).sum();
        let arns: usize = self.policy_arns.iter().map(|it| it.len()).sum();
        self.policy.map_or(0, str::len) + arns + tags
    }
}
