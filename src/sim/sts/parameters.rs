//! The parameters of AssumeRole, with the constraints of the API reference.
//! It grants nothing.

use super::{ApiError, AssumeRole, Authority, Form};
use crate::sim::iam::Principal;

/// What an AssumeRole call asks for; every constraint on a single parameter holds.
pub(super) struct Asked<'a> {
    pub role_arn: String,
    session_name: String,
    pub duration: Option<i64>,
    pub policy: Option<&'a str>,
    external_id: Option<&'a str>,
    pub serial_number: Option<&'a str>,
    source_identity: Option<&'a str>,
    tags: Vec<(String, String)>,
    transitive_tag_keys: Vec<String>,
}

const MAX_TAGS: usize = 50;

impl<'a> Asked<'a> {
    pub(super) fn read(form: &'a Form) -> Result<Self, ApiError> {
        // Refused rather than ignored: the session would have other rights than were asked for.
        for name in ["PolicyArns", "ProvidedContexts", "MinimumSessionTokenSize"] {
            if form.has(name) {
                let message = format!("{name} is not implemented by this simulator");
                return Err(ApiError::new("ValidationError", message));
            }
        }
        let mut found = Violations::default();
        let tags: Vec<(String, String)> = form
            .members("Tags")
            .iter()
            .map(|it| {
                let part = |name| form.text(&format!("{it}.{name}")).unwrap_or_default().to_owned();
                (part("Key"), part("Value"))
            })
            .collect();
        let transitive_tag_keys: Vec<String> =
            form.texts("TransitiveTagKeys").into_iter().map(str::to_owned).collect();
        found.required("roleArn", form.text("RoleArn"), 20..=2048, None);
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
        for (index, prefix) in form.members("Tags").iter().enumerate() {
            let member = |part| format!("tags.{}.member.{part}", index + 1);
            let part = |name| form.text(&format!("{prefix}.{name}"));
            found.required(&member("key"), part("Key"), 1..=128, None);
            found.tag(&member("key"), part("Key"), "+");
            found.required(&member("value"), part("Value"), 0..=256, None);
            found.tag(&member("value"), part("Value"), "*");
        }
        found.transitive_tag_keys(&transitive_tag_keys);
        for (name, count) in
            [("tags", tags.len()), ("transitiveTagKeys", transitive_tag_keys.len())]
        {
            if count > MAX_TAGS {
                found.add("", name, &format!("have length less than or equal to {MAX_TAGS}"));
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
            serial_number: form.text("SerialNumber").or(form.text("TokenCode")),
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
        })
    }

    /// Returns a measure of the session policy and tags, packed.
    pub(super) fn packed_size(&self) -> usize {
        let tags: usize = self.tags.iter().map(|(key, value)| key.len() + value.len()).sum();
        self.policy.map_or(0, str::len) + tags
    }
}

const TAG_PATTERN: &str = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]";

fn may_be_in_tag(it: char) -> bool {
    it.is_alphanumeric() || it == ' ' || "_.:/=+-@".contains(it)
}

/// The constraints that a call breaks, in AWS's words.
#[derive(Default)]
struct Violations(Vec<String>);

impl Violations {
    fn add(&mut self, value: &str, member: &str, constraint: &str) {
        let value = if value.is_empty() { "null".to_owned() } else { format!("'{value}'") };
        self.0.push(format!(
            "Value {value} at '{member}' failed to satisfy constraint: Member must {constraint}"
        ));
    }

    fn length(&mut self, member: &str, value: &str, length: std::ops::RangeInclusive<usize>) {
        let quoted = format!(
            "Value '{value}' at '{member}' failed to satisfy constraint: Member must have length"
        );
        let count = value.chars().count();
        if count < *length.start() {
            self.0.push(format!("{quoted} greater than or equal to {}", length.start()));
        }
        if count > *length.end() {
            self.0.push(format!("{quoted} less than or equal to {}", length.end()));
        }
    }

    fn range(&mut self, member: &str, value: Option<i64>, range: std::ops::RangeInclusive<i64>) {
        let Some(value) = value.filter(|it| !range.contains(it)) else { return };
        let (bound, limit) = match value < *range.start() {
            true => ("greater", range.start()),
            false => ("less", range.end()),
        };
        let constraint = format!("have value {bound} than or equal to {limit}");
        self.add(&value.to_string(), member, &constraint);
    }

    /// The session policy: neither empty nor beyond Latin-1. Its size is measured elsewhere.
    fn policy(&mut self, policy: &str) {
        self.length("policy", policy, 1..=usize::MAX);
        let fits = |it: char| matches!(it, '\t' | '\n' | '\r' | ' '..='\u{ff}');
        if !policy.chars().all(fits) {
            let pattern = r"[\u0009\u000A\u000D\u0020-\u00FF]+";
            let constraint = format!("satisfy regular expression pattern: {pattern}");
            self.add(policy, "policy", &constraint);
        }
    }

    /// A key or value of a tag; `repeat` is what ends the pattern.
    fn tag(&mut self, member: &str, value: Option<&str>, repeat: &str) {
        let Some(value) = value.filter(|it| !it.chars().all(may_be_in_tag)) else { return };
        let constraint = format!("satisfy regular expression pattern: {TAG_PATTERN}{repeat}");
        self.add(value, member, &constraint);
    }

    /// AWS reports a list of strings whole.
    fn transitive_tag_keys(&mut self, keys: &[String]) {
        let fits =
            |it: &String| (1..=128).contains(&it.chars().count()) && it.chars().all(may_be_in_tag);
        if !keys.iter().all(fits) {
            let constraint = format!(
                "satisfy constraint: [Member must have length less than or equal to 128, Member \
                 must have length greater than or equal to 1, Member must satisfy regular \
                 expression pattern: {TAG_PATTERN}+]"
            );
            self.add(&format!("[{}]", keys.join(", ")), "transitiveTagKeys", &constraint);
        }
    }

    /// `pattern` is as AWS words it; the characters are letters, digits, `_` and these.
    fn required(
        &mut self,
        member: &str,
        value: Option<&str>,
        length: std::ops::RangeInclusive<usize>,
        pattern: Option<(&str, &str)>,
    ) {
        let Some(value) = value else {
            return self.add("", member, "not be null");
        };
        self.length(member, value, length);
        if let Some((pattern, others)) = pattern {
            self.pattern(member, value, pattern, others);
        }
    }

    fn optional(
        &mut self,
        member: &str,
        value: Option<&str>,
        length: std::ops::RangeInclusive<usize>,
        pattern: &str,
        others: &str,
    ) {
        if value.is_some() {
            self.required(member, value, length, Some((pattern, others)));
        }
    }

    fn pattern(&mut self, member: &str, value: &str, pattern: &str, others: &str) {
        let is_digits = pattern == "[\\d]*";
        let fits = |it: char| match is_digits {
            true => it.is_ascii_digit(),
            false => it.is_ascii_alphanumeric() || it == '_' || others.contains(it),
        };
        if !value.chars().all(fits) {
            let constraint = format!("satisfy regular expression pattern: {pattern}");
            self.0.push(format!(
                "Value '{value}' at '{member}' failed to satisfy constraint: Member must {constraint}"
            ));
        }
    }

    fn into_result(self) -> Result<(), ApiError> {
        let count = self.0.len();
        if count == 0 {
            return Ok(());
        }
        let plural = if count == 1 { "" } else { "s" };
        let message = format!("{count} validation error{plural} detected: {}", self.0.join("; "));
        Err(ApiError::new("ValidationError", message))
    }
}
