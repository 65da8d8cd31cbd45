//! Whether a step's preconditions hold on this platform, in the agent's words.
//! It knows one operator, `StringEquals`, as the agent does.

use super::document::{Argument, Condition};

const PLATFORM_TYPE: &str = "platformType";
const THIS_PLATFORM: &str = "linux";

/// What the preconditions of one step say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Satisfied,
    /// The step is skipped; the text names the conditions.
    Unsatisfied(String),
    /// The step fails; the text names the conditions.
    Unrecognized(String),
}

/// Judges every condition; a false one outweighs one that the agent does not recognize.
pub(super) fn judge(conditions: &[Condition]) -> Verdict {
    let mut holds = true;
    let mut complaints = Vec::new();
    for condition in conditions {
        let quoted = format!("\"{}\"", condition.operator);
        if condition.operator != "StringEquals" {
            complaints.push(format!("unrecognized operator: {quoted}"));
            continue;
        }
        match equals(&condition.arguments) {
            Ok(true) => {}
            Ok(false) => {
                holds = false;
                let [a, b] = [0, 1].map(|it| &condition.arguments[it].initial);
                complaints.push(format!("{quoted}: [{a}, {b}]"));
            }
            Err(complaint) => complaints.push(format!("{quoted}: {complaint}")),
        }
    }
    match complaints.join(", ") {
        text if !holds => Verdict::Unsatisfied(text),
        text if text.is_empty() => Verdict::Satisfied,
        text => Verdict::Unrecognized(text),
    }
}

fn equals(arguments: &[Argument]) -> Result<bool, String> {
    let [a, b] = arguments else {
        return Err("operator accepts exactly 2 arguments".to_owned());
    };
    if a.initial == b.initial {
        return Err(if a.initial == PLATFORM_TYPE {
            format!("[{} {}]", a.initial, b.initial)
        } else {
            "operator's arguments can't be identical".to_owned()
        });
    }
    let reads = |prefix: &str| [a, b].iter().any(|it| refers_to(&it.initial, prefix));
    if reads("ssm:") {
        return Err("operator's arguments can't contain SSM parameters".to_owned());
    }
    if reads("ssm-secure:") {
        return Err("operator's arguments can't contain secure SSM parameters".to_owned());
    }
    let other = match (a.initial.as_str(), b.initial.as_str()) {
        (PLATFORM_TYPE, _) => Some(b),
        (_, PLATFORM_TYPE) => Some(a),
        _ => None,
    };
    if let Some(other) = other {
        if !other.initial.eq_ignore_ascii_case(&other.resolved) {
            return Err(
                "the second argument for the platformType variable can't contain document parameters"
                    .to_owned(),
            );
        }
        return Ok(other.initial.eq_ignore_ascii_case(THIS_PLATFORM));
    }
    if a.initial == a.resolved && b.initial == b.resolved {
        return Err("at least one of operator's arguments must contain a valid document parameter"
            .to_owned());
    }
    Ok(a.resolved == b.resolved)
}

fn refers_to(text: &str, prefix: &str) -> bool {
    text.match_indices("{{").any(|(at, _)| text[at + 2..].trim_start().starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(operator: &str, arguments: &[(&str, &str)], expected: &Verdict) {
        let argument = |&(initial, resolved): &(&str, &str)| Argument {
            initial: initial.to_owned(),
            resolved: resolved.to_owned(),
        };
        let condition = Condition {
            operator: operator.to_owned(),
            arguments: arguments.iter().map(argument).collect(),
        };
        assert_eq!(&judge(&[condition]), expected, "{operator} {arguments:?}");
    }

    const PLATFORM: (&str, &str) = ("platformType", "platformType");

    #[test]
    fn the_platform_is_compared_in_either_order() {
        check("StringEquals", &[PLATFORM, ("Linux", "Linux")], &Verdict::Satisfied);
        check("StringEquals", &[("linux", "linux"), PLATFORM], &Verdict::Satisfied);
        let text = "\"StringEquals\": [platformType, Windows]".to_owned();
        check("StringEquals", &[PLATFORM, ("Windows", "Windows")], &Verdict::Unsatisfied(text));
    }

    #[test]
    fn a_parameter_is_compared_by_its_value() {
        check("StringEquals", &[("{{ a }}", "x"), ("x", "x")], &Verdict::Satisfied);
        let text = "\"StringEquals\": [{{ a }}, x]".to_owned();
        check("StringEquals", &[("{{ a }}", "y"), ("x", "x")], &Verdict::Unsatisfied(text));
    }

    #[test]
    fn what_the_agent_does_not_recognize_is_said() {
        let says = |text: &str| Verdict::Unrecognized(text.to_owned());
        check("NumberEquals", &[], &says("unrecognized operator: \"NumberEquals\""));
        check(
            "StringEquals",
            &[PLATFORM],
            &says("\"StringEquals\": operator accepts exactly 2 arguments"),
        );
        check(
            "StringEquals",
            &[PLATFORM, PLATFORM],
            &says("\"StringEquals\": [platformType platformType]"),
        );
        check(
            "StringEquals",
            &[("a", "a"), ("b", "b")],
            &says(
                "\"StringEquals\": at least one of operator's arguments must contain a valid document parameter",
            ),
        );
        check(
            "StringEquals",
            &[("{{ssm:a}}", "{{ssm:a}}"), ("b", "b")],
            &says("\"StringEquals\": operator's arguments can't contain SSM parameters"),
        );
    }
}
