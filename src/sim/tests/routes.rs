//! What is asked of whom, and how it is refused.

use super::client::{form, json, send, start};
use crate::sim::{Sim, SimError, World};

#[test]
fn it_listens_on_loopback_only() {
    let world = World::parse("", "w.toml".as_ref()).unwrap();
    let err = Sim::start(world, ([0, 0, 0, 0], 0).into()).unwrap_err();
    assert!(matches!(err, SimError::NotLoopback(_)), "{err}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let sim = start("");
    let world = World::parse("", "w.toml".as_ref()).unwrap();
    let err = Sim::start(world, sim.address()).unwrap_err();
    assert_eq!(err.to_string(), format!("could not listen on {}", sim.address()));
}

#[test]
fn its_port_is_free_once_it_has_stopped() {
    let sim = start("");
    let address = sim.address();
    sim.stop();
    Sim::start(World::parse("", "w.toml".as_ref()).unwrap(), address).unwrap();
}

#[test]
fn the_exports_lead_clients_to_it() {
    let sim = start("region = \"eu-west-1\"");
    let exports = sim.exports();
    assert_eq!(exports[0], ("AWS_ENDPOINT_URL".to_owned(), sim.endpoint()));
    assert_eq!(exports[1], ("AWS_REGION".to_owned(), "eu-west-1".to_owned()));
}

#[test]
fn who_one_is_needs_no_user_in_the_world() {
    let reply = form(&start(""), "Action=GetCallerIdentity&Version=2011-06-15").unwrap();
    assert_eq!(reply.status, 200);
    assert!(
        reply.body.starts_with(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/administrator</Arn>"
        ),
        "{}",
        reply.body
    );
    assert!(reply.head.contains("x-amzn-requestid: "), "{}", reply.head);
}

#[test]
fn unknown_actions_versions_and_targets_are_refused_in_their_protocols_shape() {
    let sim = start("");
    let cases = [
        ("Action=Foo&Version=2011-06-15", 400, "InvalidAction"),
        ("Action=Foo&Version=2011-01-01", 400, "InvalidAction"),
        ("Action=GetCallerIdentity&Version=1999-01-01", 400, "InvalidAction"),
        ("Version=2011-06-15", 400, "MissingAction"),
        ("", 400, "MissingAction"),
        ("Action=RunInstances&Version=2016-11-15", 400, "UnsupportedOperation"),
    ];
    for (body, status, code) in cases {
        let reply = form(&sim, body).unwrap();
        assert_eq!((reply.status, reply.element("Code")), (status, code), "{body}");
    }
    let ec2 = form(&sim, "Action=RunInstances&Version=2016-11-15").unwrap();
    assert!(ec2.body.contains("<Response><Errors><Error><Code>"), "{}", ec2.body);
    assert!(!ec2.element("RequestID").is_empty());

    for (target, body, code) in [
        ("Granite.Foo", "{}", "UnknownOperationException"),
        ("AmazonSSM", "{}", "UnknownOperationException"),
        ("AmazonSSM.NoSuchOperation", "{}", "UnknownOperationException"),
        ("AmazonSSM.ListCommands", "{", "SerializationException"),
        ("AmazonSSM.ListCommands", "[]", "SerializationException"),
        ("AmazonSSM.ListCommands", "\u{0}", "SerializationException"),
    ] {
        let reply = json(&sim, target, body).unwrap();
        assert_eq!((reply.status, reply.json()["__type"].as_str()), (400, Some(code)), "{target}");
        assert!(reply.head.contains(&format!("x-amzn-errortype: {code}")), "{}", reply.head);
    }
}

#[test]
fn what_aws_has_and_the_simulator_has_not_is_said_to_be_missing_here() {
    let sim = start("");
    let here = "is not implemented by this simulator";
    for (body, message) in [
        (
            "Action=GetSessionToken&Version=2011-06-15",
            format!("The operation GetSessionToken {here}"),
        ),
        (
            "Action=SetDesiredCapacity&Version=2011-01-01",
            format!("The operation SetDesiredCapacity {here}"),
        ),
        (
            "Action=Foo&Version=2011-06-15",
            "Could not find operation Foo for version 2011-06-15".to_owned(),
        ),
        (
            "Action=Foo&Version=2011-01-01",
            "Could not find operation Foo for version 2011-01-01".to_owned(),
        ),
        (
            "Action=GetSubscriptionAttributes&Version=2010-03-31",
            "Could not find operation GetSubscriptionAttributes for version 2010-03-31, which is \
             none of the services that this simulator implements"
                .to_owned(),
        ),
        (
            "Action=PutMetricAlarm&Version=2010-08-01",
            format!("The operation PutMetricAlarm {here}"),
        ),
        (
            "Action=Foo&Version=2010-08-01",
            "Could not find operation Foo for version 2010-08-01".to_owned(),
        ),
    ] {
        let reply = form(&sim, body).unwrap();
        assert_eq!((reply.element("Code"), reply.element("Message")), ("InvalidAction", &*message));
    }
    for (target, body, message) in [
        ("DynamoDB_20120810.GetItem", "{}", format!("The service DynamoDB_20120810 {here}")),
        ("Logs_20140328.PutLogEvents", "{}", format!("The operation PutLogEvents {here}")),
        ("AmazonSSM.PutParameter", "{}", format!("The operation PutParameter {here}")),
        (
            "AmazonSSM.ListDocuments",
            r#"{"Filters":[{"Key":"SearchKeyword","Values":["a"]}]}"#,
            format!("The filter key SearchKeyword {here}"),
        ),
    ] {
        assert_eq!(json(&sim, target, body).unwrap().json()["message"], message, "{target}");
    }
    // What AWS does not have either is refused in AWS's words.
    let reply =
        json(&sim, "AmazonSSM.ListDocuments", r#"{"Filters":[{"Key":"Colour","Values":["a"]}]}"#);
    assert_eq!(reply.unwrap().json(), serde_json::json!({ "__type": "InvalidFilterKey" }));
}

#[test]
fn other_methods_paths_and_oversize_bodies_are_refused() {
    let sim = start("");
    assert_eq!(send(&sim, "GET", "/", &[], b"").unwrap().status, 405);
    assert_eq!(send(&sim, "POST", "/x", &[], b"").unwrap().status, 404);
    assert_eq!(send(&sim, "GET", "/_fleet/other", &[], b"").unwrap().status, 404);
    assert_eq!(send(&sim, "PUT", "/_fleet/faults", &[], b"").unwrap().status, 405);
    assert_eq!(send(&sim, "DELETE", "/_fleet/stats", &[], b"").unwrap().status, 405);
    let body = vec![b'a'; 1024 * 1024 + 1];
    assert_eq!(send(&sim, "POST", "/", &[], &body).unwrap().status, 413);
}

#[test]
fn a_request_without_a_signature_is_refused() {
    let body = b"Action=GetCallerIdentity&Version=2011-06-15";
    let reply = send(&start(""), "POST", "/", &[], body).unwrap();
    assert_eq!((reply.status, reply.element("Code")), (403, "MissingAuthenticationToken"));
}

#[test]
fn the_stats_count_the_calls_by_operation() {
    let sim = start("");
    form(&sim, "Action=GetCallerIdentity&Version=2011-06-15").unwrap();
    form(&sim, "Action=GetCallerIdentity&Version=2011-06-15").unwrap();
    form(&sim, "Action=DescribeAutoScalingGroups&Version=2011-01-01").unwrap();
    let mut stats = send(&sim, "GET", "/_fleet/stats", &[], b"").unwrap().json();
    let now = stats.as_object_mut().unwrap().remove("now").unwrap();
    now.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(
        stats,
        serde_json::json!({
            "calls": { "GetCallerIdentity": 2, "DescribeAutoScalingGroups": 1 },
            "throttled": 0,
            "commands": 0,
            "executions": {},
            "last_finished": null,
            "peak": 0,
        })
    );
}

#[test]
fn a_bucket_may_be_in_the_hosts_name() {
    let sim = start("buckets = [\"logs\"]");
    let signed = "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request, \
                  SignedHeaders=host, Signature=0";
    let ask = |host: &str, path: &str| {
        let headers =
            [("host", host), ("authorization", signed), ("x-amz-date", "20260101T000000Z")];
        send(&sim, "GET", path, &headers, b"").unwrap()
    };
    for (host, path) in [("logs.localhost", "/?list-type=2"), ("127.0.0.1", "/logs?list-type=2")] {
        let reply = ask(host, path);
        assert_eq!((reply.status, reply.element("Name")), (200, "logs"), "{host}");
    }
    assert_eq!(ask("logs.localhost", "/a/b").element("Code"), "NoSuchKey");
    let reply = ask("127.0.0.1", "/");
    assert_eq!((reply.status, reply.element("Code")), (501, "NotImplemented"));
    assert!(reply.head.contains("x-amz-request-id: "), "{}", reply.head);
}
