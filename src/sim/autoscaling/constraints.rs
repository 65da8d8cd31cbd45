//! The constraints on strings that the service model states, in AWS's words.
//! It knows no group: whether one exists is not its question.

use super::{ApiError, Form, invalid};

/// Any other operation is not there, whatever its strings.
pub(super) const OPERATIONS: [&str; 11] = [
    "DescribeAutoScalingGroups",
    "DescribeAutoScalingInstances",
    "DescribeInstanceRefreshes",
    "DescribeScalingActivities",
    "EnterStandby",
    "ExitStandby",
    "ResumeProcesses",
    "SetInstanceHealth",
    "SetInstanceProtection",
    "SuspendProcesses",
    "TerminateInstanceInAutoScalingGroup",
];

/// The strings of all operations: the model has the same constraints for a name wherever it occurs.
const TEXTS: [(&str, Option<usize>); 4] = [
    ("AutoScalingGroupName", Some(255)),
    ("HealthStatus", Some(32)),
    ("InstanceId", Some(19)),
    ("NextToken", None),
];
const LISTS: [(&str, Option<usize>); 5] = [
    ("AutoScalingGroupNames", Some(255)),
    ("InstanceIds", Some(19)),
    ("ScalingProcesses", Some(255)),
    ("ActivityIds", None),
    ("InstanceRefreshIds", Some(255)),
];

/// Lists that have to be there: an empty one cannot be told from none in this protocol.
const REQUIRED: [(&str, &str); 1] = [("SetInstanceProtection", "InstanceIds")];

/// Holds every string of a call against the model. It comes before the authorisation, unlike with
/// SSM: which of them is first is UNVERIFIED (D21), and this way it is in one place.
pub(super) fn check(operation: &str, form: &Form) -> Result<(), ApiError> {
    if !OPERATIONS.contains(&operation) {
        return Ok(());
    }
    let mut found = Constraints::default();
    for (_, name) in REQUIRED.iter().filter(|(it, _)| *it == operation) {
        if form.members(name)?.is_empty() {
            found.add("null", &lower_camel(name), "not be null");
        }
    }
    for (name, longest) in TEXTS {
        found.text(&lower_camel(name), form.text(name), longest);
    }
    for (name, longest) in LISTS {
        found.list(&lower_camel(name), &form.texts(name)?, longest);
    }
    found.filters(form)?;
    found.into_result()
}

fn lower_camel(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("{}{rest}", first.to_ascii_lowercase())
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
        let value = format!("'[{}]'", values.join(", "));
        let why = format!(
            "satisfy constraint: [{length}Member must satisfy regular expression pattern: {PATTERN}]"
        );
        self.add(&value, member, &why);
    }

    fn filters(&mut self, form: &Form) -> Result<(), ApiError> {
        for (index, prefix) in form.members("Filters")?.iter().enumerate() {
            let member = |part| format!("filters.{}.member.{part}", index + 1);
            self.text(&member("name"), form.text(&format!("{prefix}.Name")), None);
            self.list(&member("values"), &form.texts(&format!("{prefix}.Values"))?, None);
        }
        Ok(())
    }

    fn text(&mut self, member: &str, value: Option<&str>, longest: Option<usize>) {
        let Some(value) = value else { return };
        let quoted = format!("'{value}'");
        if let Some(most) = longest {
            if value.is_empty() {
                self.add(&quoted, member, "have length greater than or equal to 1");
            }
            if value.chars().count() > most {
                self.add(&quoted, member, &format!("have length less than or equal to {most}"));
            }
        }
        if !is_xml(value) {
            let why = format!("satisfy regular expression pattern: {PATTERN}");
            self.add(&quoted, member, &why);
        }
    }

    fn add(&mut self, value: &str, member: &str, why: &str) {
        self.0.push(format!(
            "Value {value} at '{member}' failed to satisfy constraint: Member must {why}"
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

    fn held(body: &str, expected: &str) {
        let form = Form::parse(body.as_bytes());
        let said = check("EnterStandby", &form).err().and_then(|it| it.message);
        assert_eq!(said.unwrap_or_default().split(": Member").next(), Some(expected));
    }

    #[test]
    fn what_xml_cannot_carry_or_is_too_long_is_refused_by_the_member_s_name() {
        held("NextToken=a%0A&Filters.member.1.Name=tag-key", "");
        held("AutoScalingGroupNames.member.1=web", "");
        let broken = |value: &str, member: &str| {
            format!(
                "1 validation error detected: Value '{value}' at '{member}' failed to satisfy \
                 constraint"
            )
        };
        let (names, long) = ("autoScalingGroupNames", "x".repeat(256));
        held("AutoScalingGroupNames.member.1=", &broken("[]", names));
        let body =
            format!("AutoScalingGroupNames.member.1=web&AutoScalingGroupNames.member.2={long}");
        held(&body, &broken(&format!("[web, {long}]"), names));
        held("AutoScalingGroupName=", &broken("", "autoScalingGroupName"));
        held("NextToken=%07", &broken("\u{7}", "nextToken"));
        let member = "filters.1.member.values";
        held("Filters.member.1.Values.member.1=%07", &broken("[\u{7}]", member));
    }
}
