//! Pages that are not what they should be: the answer is changed on its way to the client.
//! The operation knows nothing of it.

use bytes::Bytes;
use serde_json::Value;

use crate::sim::{
    iam::Protocol,
    wire::{cbor, protocol::Asked},
};

/// The operations with pages, and what the list in their answer is called.
const LISTS: [(&str, &str); 16] = [
    ("DescribeAlarms", "MetricAlarms"),
    ("ListCommands", "Commands"),
    ("ListCommandInvocations", "CommandInvocations"),
    ("DescribeInstanceInformation", "InstanceInformationList"),
    ("DescribeInstanceProperties", "InstanceProperties"),
    ("DescribeAutomationExecutions", "AutomationExecutionMetadataList"),
    ("DescribeAutomationStepExecutions", "StepExecutions"),
    ("ListDocuments", "DocumentIdentifiers"),
    ("ListDocumentVersions", "DocumentVersions"),
    ("DescribeAutoScalingGroups", "AutoScalingGroups"),
    ("DescribeAutoScalingInstances", "AutoScalingInstances"),
    ("DescribeInstanceRefreshes", "InstanceRefreshes"),
    ("DescribeScalingActivities", "Activities"),
    ("DescribeVolumes", "volumeSet"),
    ("DescribeInstances", "reservationSet"),
    ("DescribeInstanceStatus", "instanceStatusSet"),
];

/// Put before a token, it makes another token for the same place; alone it is the start.
const AGAIN: &str = "again-";

pub(super) fn list_of(operation: &str) -> Option<&'static str> {
    LISTS.into_iter().find(|(it, _)| *it == operation).map(|(_, list)| list)
}

/// Takes a token that a fault has made back to the one that it stands for, and returns it as it
/// was sent.
pub(super) fn unwrap_token(asked: &mut Asked) -> String {
    let sent = asked.token().unwrap_or_default().to_owned();
    let plain = sent.trim_start_matches(AGAIN);
    if plain.len() < sent.len() {
        asked.set_token(plain);
    }
    sent
}

/// Empties the list, and lets the token lead to the place where it began.
pub(super) fn emptied(body: &Bytes, protocol: Protocol, operation: &str, sent: &str) -> Bytes {
    let Some(list) = list_of(operation) else { return body.clone() };
    let token = format!("{AGAIN}{sent}");
    match protocol {
        Protocol::Json | Protocol::Cbor => with_value(body, protocol, |it| {
            it[list] = Value::Array(Vec::new());
            it["NextToken"] = token.into();
        }),
        Protocol::Query | Protocol::Ec2 | Protocol::S3 => with_xml(body, |it| {
            let (before, rest) = it.split_once(&format!("<{list}>"))?;
            let (_, after) = rest.rsplit_once(&format!("</{list}>"))?;
            let whole = format!("{before}<{list}></{list}>{after}");
            with_token(&whole, list, protocol, &token)
        }),
    }
}

/// Gives the page the token that led to it; the first page gets one that leads to the start.
pub(super) fn repeated(body: &Bytes, protocol: Protocol, operation: &str, sent: &str) -> Bytes {
    let Some(list) = list_of(operation) else { return body.clone() };
    let token = if sent.is_empty() { AGAIN } else { sent };
    match protocol {
        Protocol::Json | Protocol::Cbor => {
            with_value(body, protocol, |it| it["NextToken"] = token.into())
        }
        Protocol::Query | Protocol::Ec2 | Protocol::S3 => {
            with_xml(body, |it| with_token(it, list, protocol, token))
        }
    }
}

/// An answer that is no page, such as a refusal, stays what it is.
fn with_value(body: &Bytes, protocol: Protocol, change: impl FnOnce(&mut Value)) -> Bytes {
    let is_cbor = protocol == Protocol::Cbor;
    let read = if is_cbor { cbor::read(body).ok() } else { serde_json::from_slice(body).ok() };
    match read {
        Some(mut it) if it.is_object() && it.get("__type").is_none() => {
            change(&mut it);
            if is_cbor { cbor::write(&it).into() } else { it.to_string().into() }
        }
        Some(_) | None => body.clone(),
    }
}

fn with_xml(body: &Bytes, change: impl FnOnce(&str) -> Option<String>) -> Bytes {
    let changed = std::str::from_utf8(body).ok().and_then(change);
    changed.map_or_else(|| body.clone(), Bytes::from)
}

/// Puts the token behind the list. Texts are escaped, so that a tag found is a tag.
fn with_token(xml: &str, list: &str, protocol: Protocol, token: &str) -> Option<String> {
    let name = if protocol == Protocol::Ec2 { "nextToken" } else { "NextToken" };
    let end = format!("</{list}>");
    let (before, after) = xml.rsplit_once(&end)?;
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let after = match after.split_once(&close) {
        Some((old, rest)) if old.starts_with(&open) => rest,
        Some(_) | None => after,
    };
    let token = token.replace('&', "&amp;").replace('<', "&lt;");
    Some(format!("{before}{end}{open}{token}{close}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(change: fn(&Bytes, Protocol, &str, &str) -> Bytes, sent: &str, expected: [&str; 2]) {
        let json = Bytes::from(r#"{"Commands":[1,2],"NextToken":"n"}"#);
        let changed = change(&json, Protocol::Json, "ListCommands", sent);
        assert_eq!(changed, expected[0]);
        let xml = Bytes::from("<R><reservationSet><a>b</a></reservationSet><x/></R>");
        let changed = change(&xml, Protocol::Ec2, "DescribeInstances", sent);
        assert_eq!(changed, expected[1]);
    }

    #[test]
    fn an_empty_page_leads_to_what_it_should_have_held() {
        let xml = "<R><reservationSet></reservationSet><nextToken>again-</nextToken><x/></R>";
        check(emptied, "", [r#"{"Commands":[],"NextToken":"again-"}"#, xml]);
    }

    #[test]
    fn a_repeated_page_has_the_token_that_led_to_it() {
        let xml = "<R><reservationSet><a>b</a></reservationSet><nextToken>t</nextToken><x/></R>";
        check(repeated, "t", [r#"{"Commands":[1,2],"NextToken":"t"}"#, xml]);
    }

    #[test]
    fn a_refusal_is_no_page() {
        let json = Bytes::from(r#"{"__type":"ThrottlingException"}"#);
        assert_eq!(emptied(&json, Protocol::Json, "ListCommands", ""), json);
        let xml = Bytes::from("<ErrorResponse></ErrorResponse>");
        assert_eq!(repeated(&xml, Protocol::Query, "DescribeScalingActivities", "t"), xml);
    }
}
