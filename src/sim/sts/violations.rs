//! The constraints on single parameters of AssumeRole, and how AWS words that one is broken.
//! It knows no role and no caller.

use super::ApiError;

const TAG_PATTERN: &str = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]";

/// What an ARN may hold (the service model, `arnType`).
const ARN_PATTERN: &str =
    r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+";

fn may_be_in_arn(it: char) -> bool {
    matches!(
        it,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..
    )
}

fn may_be_in_tag(it: char) -> bool {
    it.is_alphanumeric() || it == ' ' || "_.:/=+-@".contains(it)
}

/// The constraints that a call breaks, in AWS's words.
#[derive(Default)]
pub(super) struct Violations(Vec<String>);

impl Violations {
    pub(super) fn add(&mut self, value: &str, member: &str, constraint: &str) {
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

    pub(super) fn range(
        &mut self,
        member: &str,
        value: Option<i64>,
        range: std::ops::RangeInclusive<i64>,
    ) {
        let Some(value) = value.filter(|it| !range.contains(it)) else { return };
        let (bound, limit) = match value < *range.start() {
            true => ("greater", range.start()),
            false => ("less", range.end()),
        };
        let constraint = format!("have value {bound} than or equal to {limit}");
        self.add(&value.to_string(), member, &constraint);
    }

    /// The session policy: neither empty nor beyond Latin-1. Its size is measured elsewhere.
    pub(super) fn policy(&mut self, policy: &str) {
        self.length("policy", policy, 1..=usize::MAX);
        let fits = |it: char| matches!(it, '\t' | '\n' | '\r' | ' '..='\u{ff}');
        if !policy.chars().all(fits) {
            let pattern = r"[\u0009\u000A\u000D\u0020-\u00FF]+";
            let constraint = format!("satisfy regular expression pattern: {pattern}");
            self.add(policy, "policy", &constraint);
        }
    }

    /// A key or value of a tag; `repeat` is what ends the pattern.
    pub(super) fn tag(&mut self, member: &str, value: Option<&str>, repeat: &str) {
        let Some(value) = value.filter(|it| !it.chars().all(may_be_in_tag)) else { return };
        let constraint = format!("satisfy regular expression pattern: {TAG_PATTERN}{repeat}");
        self.add(value, member, &constraint);
    }

    /// An ARN, which has to be there.
    pub(super) fn arn(&mut self, member: &str, value: Option<&str>) {
        self.required(member, value, 20..=2048, None);
        if let Some(value) = value.filter(|it| !it.chars().all(may_be_in_arn)) {
            let constraint = format!("satisfy regular expression pattern: {ARN_PATTERN}");
            self.add(value, member, &constraint);
        }
    }

    /// AWS reports a list of strings whole.
    pub(super) fn transitive_tag_keys(&mut self, keys: &[String]) {
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
    pub(super) fn required(
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

    pub(super) fn optional(
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

    pub(super) fn into_result(self) -> Result<(), ApiError> {
        let count = self.0.len();
        if count == 0 {
            return Ok(());
        }
        let plural = if count == 1 { "" } else { "s" };
        let message = format!("{count} validation error{plural} detected: {}", self.0.join("; "));
        Err(ApiError::new("ValidationError", message))
    }
}
