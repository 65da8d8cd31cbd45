//! The constraints on strings that the service model states, in AWS's words.
//! It knows no group: whether one exists is not its question.

use super::{ApiError, Form, invalid};

/// Holds the strings of DescribeAutoScalingGroups against the model.
pub(super) fn groups(form: &Form) -> Result<(), ApiError> {
    let mut found = Constraints::default();
    found.list("autoScalingGroupNames", &form.texts("AutoScalingGroupNames"), Some(255));
    found.text("nextToken", form.text("NextToken"));
    found.filters(form);
    found.into_result()
}

/// Holds the strings of DescribeAutoScalingInstances against the model.
pub(super) fn instances(form: &Form) -> Result<(), ApiError> {
    let mut found = Constraints::default();
    found.list("instanceIds", &form.texts("InstanceIds"), Some(19));
    found.text("nextToken", form.text("NextToken"));
    found.into_result()
}

/// The constraints that a call breaks, all of them.
#[derive(Default)]
struct Constraints(Vec<String>);

/// What the service calls an XmlString: whatever XML can carry.
const PATTERN: &str = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*";

impl Constraints {
    /// A list of names, each of 1 to `longest` characters. AWS reports it whole.
    fn list(&mut self, member: &str, values: &[&str], longest: Option<usize>) {
        let is_long = |it: &str| longest.is_some_and(|most| it.chars().count() > most);
        let fits = |it: &&str| is_xml(it) && longest.is_none_or(|_| !it.is_empty()) && !is_long(it);
        if values.iter().all(fits) {
            return;
        }
        let length = longest.map_or_else(String::new, |most| {
            format!(
                "Member must have length less than or equal to {most}, \
                 Member must have length greater than or equal to 1, "
            )
        });
        let value = format!("[{}]", values.join(", "));
        let why = format!(
            "satisfy constraint: [{length}Member must satisfy regular expression pattern: {PATTERN}]"
        );
        self.add(&value, member, &why);
    }

    fn filters(&mut self, form: &Form) {
        for (index, prefix) in form.members("Filters").iter().enumerate() {
            let member = |part| format!("filters.{}.member.{part}", index + 1);
            self.text(&member("name"), form.text(&format!("{prefix}.Name")));
            self.list(&member("values"), &form.texts(&format!("{prefix}.Values")), None);
        }
    }

    fn text(&mut self, member: &str, value: Option<&str>) {
        if let Some(it) = value.filter(|it| !is_xml(it)) {
            self.add(it, member, &format!("satisfy regular expression pattern: {PATTERN}"));
        }
    }

    fn add(&mut self, value: &str, member: &str, why: &str) {
        self.0.push(format!(
            "Value '{value}' at '{member}' failed to satisfy constraint: Member must {why}"
        ));
    }

    fn into_result(self) -> Result<(), ApiError> {
        let count = self.0.len();
        if count == 0 {
            return Ok(());
        }
        let plural = if count == 1 { "" } else { "s" };
        let all = self.0.join("; ");
        Err(invalid(&format!("{count} validation error{plural} detected: {all}")))
    }
}

fn is_xml(text: &str) -> bool {
    let fits = |it: char| matches!(it, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &str) {
        let said = groups(&Form::parse(body.as_bytes())).err().and_then(|it| it.message);
        assert_eq!(said.unwrap_or_default().split(": Member").next(), Some(expected));
    }

    #[test]
    fn what_xml_cannot_carry_or_is_too_long_is_refused_by_the_member_s_name() {
        check("NextToken=a%0A&Filters.member.1.Name=tag-key", "");
        check("AutoScalingGroupNames.member.1=web", "");
        let broken = |value: &str, member: &str| {
            format!(
                "1 validation error detected: Value '{value}' at '{member}' failed to satisfy \
                 constraint"
            )
        };
        let (names, long) = ("autoScalingGroupNames", "x".repeat(256));
        check("AutoScalingGroupNames.member.1=", &broken("[]", names));
        let body =
            format!("AutoScalingGroupNames.member.1=web&AutoScalingGroupNames.member.2={long}");
        check(&body, &broken(&format!("[web, {long}]"), names));
        check("NextToken=%07", &broken("\u{7}", "nextToken"));
        let member = "filters.1.member.values";
        check("Filters.member.1.Values.member.1=%07", &broken("[\u{7}]", member));
    }
}
