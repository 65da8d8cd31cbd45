//! Faults that are ordered while it runs, and sessions that end before their time.

use serde_json::{Value, json};

use super::client::{Key, Reply, form, send, signed, start};
use crate::sim::{Sim, World};

const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";

fn order(sim: &Sim, method: &str, body: &Value) -> Reply {
    let headers = [("content-type", "application/json")];
    send(sim, method, "/_fleet/faults", &headers, body.to_string().as_bytes()).unwrap()
}

#[test]
fn faults_come_and_go_while_it_runs() {
    let sim = start("");
    assert_eq!(order(&sim, "GET", &Value::Null).json(), json!([]));
    form(&sim, WHO).unwrap();
    let faults = json!([
        { "operation": "GetCallerIdentity", "kind": "throttle", "calls": [1, 3] },
        { "operation": "*", "kind": "delay", "rate": 0.0, "delay": "1m30s" },
        { "operation": "ListCommands", "kind": "stale-page", "calls": [1], "age": "20s" },
        { "operation": "SendCommand", "kind": "throttle", "calls_per_second": 2.5 },
    ]);
    let mut listed = order(&sim, "POST", &faults).json();
    assert_eq!(listed[1]["delay"], "1m 30s");
    assert_eq!(order(&sim, "GET", &Value::Null).json(), listed);
    listed[1]["delay"] = "1m30s".into();
    assert_eq!(listed, faults);
    let statuses = || [(); 3].map(|()| form(&sim, WHO).unwrap().status);
    assert_eq!(statuses(), [400, 200, 400], "counted from the order on");
    assert_eq!(order(&sim, "DELETE", &Value::Null).json(), json!([]));
    assert_eq!(statuses(), [200; 3]);
    let stats = send(&sim, "GET", "/_fleet/stats", &[], b"").unwrap().json();
    assert_eq!(stats["throttled"], 2);
}

#[test]
fn what_is_listed_can_be_ordered_again() {
    let sim =
        start("[[fault]]\noperation = \"*\"\nkind = \"delay\"\nrate = 0.5\ndelay = \"90s\"\n");
    let listed = order(&sim, "GET", &Value::Null).json();
    order(&sim, "DELETE", &Value::Null);
    assert_eq!(order(&sim, "POST", &listed).json(), listed);
}

#[test]
fn an_order_that_makes_no_sense_is_refused_whole() {
    let sim = start("");
    let good = json!({ "operation": "SendCommand", "kind": "throttle", "calls": [1] });
    for (bad, why) in [
        (json!({ "operation": "SendCommand" }), "fault 2 of the list: missing field `kind`"),
        (
            json!({ "operation": "SendCommand", "kind": "throttle", "rate": 2 }),
            "fault 2 of the list: rate: 2 is out of range: expected 0 to 1",
        ),
        (
            json!({ "operation": "SendCommand", "kind": "throttle", "often": true }),
            "fault 2 of the list: unknown field `often`",
        ),
        (json!({ "operation": null }), "fault 2 of the list: "),
    ] {
        let reply = order(&sim, "POST", &json!([good, bad]));
        assert!(reply.status == 400 && reply.body.starts_with(why), "{reply:?}");
    }
    for body in ["", "{}", "[1]", "null"] {
        let headers = [("content-type", "application/json; charset=utf-8")];
        let reply = send(&sim, "POST", "/_fleet/faults", &headers, body.as_bytes()).unwrap();
        assert_eq!(reply.status, 400, "{body}");
    }
    assert_eq!(order(&sim, "GET", &Value::Null).json(), json!([]));
}

#[test]
fn faults_are_json_and_a_thousand_at_the_most() {
    let sim = start("");
    let fault = json!({ "operation": "SendCommand", "kind": "throttle", "calls": [1] });
    let body = json!([fault]).to_string();
    for headers in [&[][..], &[("content-type", "text/plain")]] {
        let reply = send(&sim, "POST", "/_fleet/faults", headers, body.as_bytes()).unwrap();
        assert_eq!(reply.status, 415, "{reply:?}");
    }
    assert_eq!(order(&sim, "POST", &json!(vec![&fault; 999])).status, 200);
    let reply = order(&sim, "POST", &json!(vec![&fault; 2]));
    let why = "there may be 1000 faults at the most, and there are 999\n";
    assert_eq!((reply.status, reply.body.as_str()), (400, why));
    assert_eq!(order(&sim, "POST", &json!([fault])).json().as_array().unwrap().len(), 1_000);
}

#[test]
fn an_expired_token_ends_the_session_and_another_can_be_had() {
    let world = World::builtin(crate::sim::Execution::Scripted);
    let sim = Sim::start(world, ([127, 0, 0, 1], 0).into()).unwrap();
    let user = Key { id: "AKIDANY".to_owned(), secret: "any".to_owned(), token: None };
    let session = || {
        let assume = "Action=AssumeRole&Version=2011-06-15&RoleSessionName=test\
                      &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Ffleet";
        let reply = signed(&sim, &user, "sts", assume);
        Key {
            id: reply.element("AccessKeyId").to_owned(),
            secret: reply.element("SecretAccessKey").to_owned(),
            token: Some(reply.element("SessionToken").to_owned()),
        }
    };
    let first = session();
    assert_eq!(signed(&sim, &first, "sts", WHO).status, 200);
    let fault = json!([{ "operation": "*", "kind": "expired-token", "calls": [1] }]);
    order(&sim, "POST", &fault);
    for _ in 0..2 {
        assert_eq!(signed(&sim, &first, "sts", WHO).element("Code"), "ExpiredToken");
    }
    assert_eq!(signed(&sim, &session(), "sts", WHO).status, 200);
}
