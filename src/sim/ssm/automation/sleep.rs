//! How long a step of `aws:sleep` lasts: its Duration, or until its Timestamp.

use std::time::Duration;

use jiff::{SignedDuration, SpanRelativeTo, Timestamp, fmt::temporal::SpanParser};
use serde_json::Value;

use super::execution::Execution;
use crate::sim::ssm::content::plain;

/// "Automation supports a maximum delay of 604799 seconds (7 days)" (user guide, aws:sleep).
const LONGEST: SignedDuration = SignedDuration::from_secs(604_799);

/// Returns how long a step sleeps that begins at an instant, or why it cannot; `None`: it is no sleep.
pub(super) fn of(
    execution: &Execution,
    step: usize,
    at: Timestamp,
) -> Option<Result<Duration, String>> {
    let declared = &execution.runbook.steps[step];
    if declared.action != "aws:sleep" {
        return None;
    }
    let input = |name: &str| {
        let value = declared.inputs.get(name).filter(|it| !it.is_null());
        value.map(|it: &Value| execution.resolve(&plain(it)))
    };
    Some(match (input("Duration"), input("Timestamp")) {
        (Some(it), None) => duration(&it),
        (None, Some(it)) => until(&it, at),
        (None, None) => Err("Duration or Timestamp is required.".to_owned()),
        (Some(_), Some(_)) => {
            let why = "Duration and Timestamp together are not implemented by this simulator.";
            Err(why.to_owned())
        }
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    let span = SpanParser::new().parse_span(text);
    let span = span.map_err(|_| format!("{text} is no ISO 8601 duration."))?;
    if span.is_negative() {
        return Err(format!("{text} is negative."));
    }
    let is_longer = || format!("{text} is more than {} seconds.", LONGEST.as_secs());
    // A month is longer, whichever it is.
    let res = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| is_longer())?;
    if res > LONGEST {
        return Err(is_longer());
    }
    Ok(res.unsigned_abs())
}

fn until(text: &str, at: Timestamp) -> Result<Duration, String> {
    let until: Timestamp = text.parse().map_err(|_| format!("{text} is no ISO 8601 timestamp."))?;
    let res = until.duration_since(at);
    if res > LONGEST {
        return Err(format!("{text} is more than {} seconds from now.", LONGEST.as_secs()));
    }
    // "If the specified date and time has passed, the action proceeds immediately" (user guide).
    Ok(Duration::try_from(res).unwrap_or_default())
}
