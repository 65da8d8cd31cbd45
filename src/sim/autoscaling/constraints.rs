//! The constraints on strings that the service model states, in AWS's words.
//! It knows no group: whether one exists is not its question.

use super::{ApiError, Form, invalid};

/// The constraints that a call breaks, all of them.
#[derive(Default)]
pub(super) struct Constraints(Vec<String>);

/// What the service calls an XmlString: whatever XML can carry.
const PATTERN: &str = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*";

impl Constraints {
    /// A list of names, each of 1 to `longest` characters. AWS reports it whole.
    pub(super) fn list(&mut self, member: &str, values: &[&str], longest: Option<usize>) {
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

    pub(super) fn token(&mut self, form: &Form) {
        self.text("nextToken", form.text("NextToken"));
    }

    pub(super) fn filters(&mut self, form: &Form) {
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

    pub(super) fn into_result(self) -> Result<(), ApiError> {
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
        let form = Form::parse(body.as_bytes());
        let mut found = Constraints::default();
        found.list("names", &form.texts("Names"), Some(5));
        found.token(&form);
        found.filters(&form);
        let said = found.into_result().err().and_then(|it| it.message).unwrap_or_default();
        assert_eq!(said.split(": Member").next(), Some(expected));
    }

    #[test]
    fn what_xml_cannot_carry_or_is_too_long_is_refused_by_the_member_s_name() {
        check("Names.member.1=web&NextToken=a%0A&Filters.member.1.Name=tag-key", "");
        let broken = |value: &str, member: &str| {
            format!(
                "1 validation error detected: Value '{value}' at '{member}' failed to satisfy \
                 constraint"
            )
        };
        check("Names.member.1=web&Names.member.2=longer", &broken("[web, longer]", "names"));
        check("Names.member.1=", &broken("[]", "names"));
        check("NextToken=%07", &broken("\u{7}", "nextToken"));
        let member = "filters.1.member.values";
        check("Filters.member.1.Values.member.1=%07", &broken("[\u{7}]", member));
    }
}
