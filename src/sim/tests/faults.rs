//! What the world orders to go wrong on the wire.

use super::client::{Reply, form, json, send, start};
use crate::sim::fault::FaultKind;

const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// Returns the answers to three calls, of which the second has the fault.
fn three(kind: &str) -> [Option<Reply>; 3] {
    let sim = start(&format!(
        "[[fault]]\noperation = \"GetCallerIdentity\"\ncalls = [2]\nkind = \"{kind}\"\n"
    ));
    [form(&sim, WHO), form(&sim, WHO), form(&sim, WHO)]
}

#[track_caller]
fn check(kind: &str, status: u16, code: &str) {
    let [first, second, third] = three(kind).map(Option::unwrap);
    assert_eq!((first.status, third.status), (200, 200), "{kind}");
    assert_eq!((second.status, second.element("Code")), (status, code), "{kind}");
}

#[test]
fn errors_have_the_shape_of_the_service() {
    check("error-500", 500, "InternalFailure");
    check("error-500-after-accept", 500, "InternalFailure");
    check("throttle", 400, "Throttling");
    check("expired-token", 403, "ExpiredToken");
}

#[test]
fn contention_is_a_500_of_auto_scaling_alone() {
    let ordered = "operation = \"EnterStandby\"\ncalls = [1]\nkind = \"contention\"\n";
    let sim = start(&format!("[[fault]]\n{ordered}"));
    let end = "Action=EnterStandby&Version=2011-01-01&AutoScalingGroupName=web\
               &ShouldDecrementDesiredCapacity=true";
    let reply = form(&sim, end).unwrap();
    assert_eq!((reply.status, reply.element("Code")), (500, "ResourceContention"));
    for operation in ["SendCommand", "*"] {
        assert!(!FaultKind::Contention.befalls(operation), "{operation}");
    }
}

#[test]
fn systems_manager_names_them_as_json_services_do() {
    for (kind, status, code) in [
        ("error-500", 500, "InternalServerError"),
        ("throttle", 400, "ThrottlingException"),
        ("expired-token", 400, "ExpiredTokenException"),
    ] {
        let sim = start(&format!(
            "[[fault]]\noperation = \"SendCommand\"\nrate = 1.0\nkind = \"{kind}\"\n"
        ));
        let reply = json(&sim, "AmazonSSM.SendCommand", "{}").unwrap();
        assert_eq!((reply.status, reply.json()["__type"].as_str()), (status, Some(code)));
        assert_eq!(reply.json()["message"], reply.json()["Message"]);
    }
}

#[test]
fn a_drop_closes_the_connection_without_an_answer() {
    for kind in ["drop-before-accept", "drop-after-accept"] {
        let [first, second, third] = three(kind);
        assert!(first.is_some() && second.is_none() && third.is_some(), "{kind}");
    }
}

/// Returns how many commands there are after one SendCommand with the fault.
fn commands_after(kind: &str) -> (Option<Reply>, serde_json::Value) {
    let sim = start(&format!(
        "[[group]]\nname = \"web\"\nsize = 1\n\
         [[fault]]\noperation = \"SendCommand\"\ncalls = [1]\nkind = \"{kind}\"\n"
    ));
    let request = serde_json::json!({
        "DocumentName": "AWS-RunShellScript",
        "Targets": [{ "Key": "tag:aws:autoscaling:groupName", "Values": ["web"] }],
        "Parameters": { "commands": ["true"] },
    });
    let reply = json(&sim, "AmazonSSM.SendCommand", &request.to_string());
    let mut stats = send(&sim, "GET", "/_fleet/stats", &[], b"").unwrap().json();
    assert_eq!(stats["calls"]["SendCommand"], 1);
    (reply, stats["commands"].take())
}

#[test]
fn what_fails_before_it_is_accepted_is_counted_and_not_done() {
    for kind in ["drop-before-accept", "error-500", "throttle", "expired-token", "html-500"] {
        let (reply, commands) = commands_after(kind);
        assert_eq!((reply.is_some(), commands), (kind != "drop-before-accept", 0.into()), "{kind}");
    }
}

#[test]
fn what_fails_after_it_was_accepted_was_done() {
    for kind in ["drop-after-accept", "error-500-after-accept", "truncated-body"] {
        let (reply, commands) = commands_after(kind);
        assert_eq!((reply.is_some(), commands), (kind != "drop-after-accept", 1.into()), "{kind}");
    }
}

#[test]
fn a_truncated_body_is_half_of_the_answer_and_a_page_is_none() {
    let [first, second, _] = three("truncated-body").map(Option::unwrap);
    assert_eq!(second.status, 200);
    assert_eq!(second.body.len(), first.body.len() / 2);
    let [_, second, _] = three("html-500").map(Option::unwrap);
    assert!(second.status == 500 && second.body.starts_with("<html>"), "{second:?}");
}

#[test]
fn a_delayed_call_is_answered_late_in_simulated_time() {
    let sim = start(
        "speed = 1000\n[[fault]]\noperation = \"GetCallerIdentity\"\nrate = 1.0\n\
         kind = \"delay\"\ndelay = \"1m\"\n",
    );
    let before = std::time::Instant::now();
    assert_eq!(form(&sim, WHO).unwrap().status, 200);
    assert!(before.elapsed() >= std::time::Duration::from_millis(60));
}

#[test]
fn throttles_are_counted() {
    let sim = start(
        "[[fault]]\noperation = \"GetCallerIdentity\"\ncalls = [1, 2]\nkind = \"throttle\"\n",
    );
    for _ in 0..3 {
        form(&sim, WHO).unwrap();
    }
    let stats = send(&sim, "GET", "/_fleet/stats", &[], b"").unwrap().json();
    assert_eq!(stats["throttled"], 2);
}
