//! DescribeAlarms, in the three protocols that its clients speak.

use serde_json::{Value, json};

use super::client::{self, Key, Reply, form, json as ask_json, signed, start};
use crate::sim::{Sim, World, wire::cbor};

const ALARMS: &str = r#"
speed = 3600.0
[[alarm]]
name = "loud"
state = "ALARM"
[[alarm]]
name = "quiet"
[[alarm]]
name = "late"
becomes = "INSUFFICIENT_DATA"
after = "1s"
since = "start"
"#;

const TARGET: &str = "GraniteServiceVersion20100801.DescribeAlarms";
const PATH: &str = "/service/GraniteServiceVersion20100801/operation/DescribeAlarms";

fn of_json(sim: &Sim, body: &Value) -> Reply {
    ask_json(sim, TARGET, &body.to_string()).unwrap()
}

fn of_cbor(sim: &Sim, body: &Value) -> Reply {
    client::cbor(sim, PATH, &cbor::write(body))
}

fn of_form(sim: &Sim, parameters: &str) -> Reply {
    form(sim, &format!("Action=DescribeAlarms&Version=2010-08-01{parameters}")).unwrap()
}

fn names(answer: &Value) -> Vec<&str> {
    let alarms = answer["MetricAlarms"].as_array().unwrap();
    alarms.iter().map(|it| it["AlarmName"].as_str().unwrap()).collect()
}

#[test]
fn every_protocol_tells_the_same_of_an_alarm() {
    let sim = start(ALARMS);
    let arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:loud";
    let asked = json!({"AlarmNames": ["loud", "nobody"], "MaxRecords": 100});
    let reply = of_json(&sim, &asked);
    assert!(reply.head.contains("application/x-amz-json-1.0"), "{}", reply.head);
    let answer = reply.json();
    assert_eq!(names(&answer), ["loud"]);
    let alarm = &answer["MetricAlarms"][0];
    assert_eq!((&alarm["AlarmArn"], &alarm["StateValue"]), (&arn.into(), &"ALARM".into()));

    let reply = of_cbor(&sim, &asked);
    assert!(reply.head.contains("smithy-protocol: rpc-v2-cbor"), "{}", reply.head);
    assert_eq!(cbor::read(&reply.bytes).unwrap(), answer);

    let reply = of_form(&sim, "&AlarmNames.member.1=loud&AlarmNames.member.2=nobody");
    assert!(reply.body.contains("<MetricAlarms><member>"), "{}", reply.body);
    assert_eq!(reply.elements("AlarmName"), ["loud"]);
    assert_eq!((reply.element("AlarmArn"), reply.element("StateValue")), (arn, "ALARM"));
    let at: jiff::Timestamp = reply.element("StateUpdatedTimestamp").parse().unwrap();
    assert_eq!(at.as_millisecond() as f64 / 1e3, alarm["StateUpdatedTimestamp"]);
}

#[test]
fn an_alarm_turns_as_the_world_says() {
    let sim = start(ALARMS);
    let state = || of_json(&sim, &json!({"AlarmNames": ["late"]})).json();
    let turned = (0..10_000)
        .map(|_| state())
        .find(|it| it["MetricAlarms"][0]["StateValue"] == "INSUFFICIENT_DATA");
    let alarm = &turned.expect("it turns")["MetricAlarms"][0];
    let since = |name: &str| alarm[name].as_f64().unwrap();
    let passed = since("StateUpdatedTimestamp") - since("AlarmConfigurationUpdatedTimestamp");
    assert!((passed - 1.0).abs() < 0.01, "{passed}");
}

#[test]
fn what_is_asked_for_decides_which_alarms_come() {
    let sim = start("[[alarm]]\nname = \"a\"\n[[alarm]]\nname = \"ab\"\nstate = \"ALARM\"\n");
    let check = |asked: Value, expected: &[&str]| {
        assert_eq!(names(&of_json(&sim, &asked).json()), expected, "{asked}");
    };
    check(json!({}), &["a", "ab"]);
    check(json!({"AlarmNamePrefix": "ab"}), &["ab"]);
    check(json!({"StateValue": "OK"}), &["a"]);
    check(json!({"StateValue": "ALARM", "AlarmNames": ["a"]}), &[]);
    check(json!({"AlarmTypes": ["MetricAlarm"]}), &["a", "ab"]);
    check(json!({"AlarmTypes": ["CompositeAlarm", "LogAlarm"]}), &[]);
    check(json!({"ActionPrefix": "arn:aws:sns:"}), &[]);
    check(json!({"ParentsOfAlarmName": "a"}), &[]);
}

#[test]
fn pages_hold_every_alarm_once() {
    let world: String = (0..7).map(|it| format!("[[alarm]]\nname = \"alarm-{it}\"\n")).collect();
    let sim = start(&world);
    let (mut seen, mut asked) = (Vec::new(), json!({"MaxRecords": 3}));
    loop {
        let answer = cbor::read(&of_cbor(&sim, &asked).bytes).unwrap();
        seen.extend(names(&answer).into_iter().map(ToOwned::to_owned));
        match answer.get("NextToken") {
            Some(token) => asked["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(seen, (0..7).map(|it| format!("alarm-{it}")).collect::<Vec<_>>());
    let reply = of_json(&sim, &json!({"NextToken": "x"}));
    assert_eq!((reply.status, &reply.json()["__type"]), (400, &"InvalidNextToken".into()));
}

#[test]
fn a_refusal_has_the_shape_of_its_protocol_and_the_code_of_the_oldest() {
    let sim = start(ALARMS);
    let asked = json!({"MaxRecords": 101, "StateValue": "LOUD"});
    let message = "2 validation errors detected: Value 'LOUD' at 'stateValue' failed to satisfy \
                   constraint: Member must satisfy enum value set: [OK, ALARM, \
                   INSUFFICIENT_DATA]; Value '101' at 'maxRecords' failed to satisfy constraint: \
                   Member must have value less than or equal to 100";
    let reply = of_json(&sim, &asked);
    assert!(reply.head.contains("x-amzn-query-error: ValidationError;Sender"), "{}", reply.head);
    assert_eq!(reply.json()["message"], message);
    let reply = of_cbor(&sim, &asked);
    assert!(reply.head.contains("x-amzn-query-error: ValidationError;Sender"), "{}", reply.head);
    let body = cbor::read(&reply.bytes).unwrap();
    assert_eq!(
        (&body["__type"], &body["message"]),
        (&"ValidationException".into(), &message.into())
    );
    let reply = of_form(&sim, "&MaxRecords=101&StateValue=LOUD");
    assert_eq!((reply.status, reply.element("Code")), (400, "ValidationError"));
    assert!(reply.body.contains("ErrorResponse xmlns=\"http://monitoring.amazonaws.com/"));

    for asked in [
        json!({"AlarmNames": ["a"], "AlarmNamePrefix": "a"}),
        json!({"ChildrenOfAlarmName": "a", "ParentsOfAlarmName": "a"}),
        json!({"ParentsOfAlarmName": "a", "StateValue": "OK"}),
        json!({"AlarmNames": vec!["a"; 101]}),
        json!({"AlarmNames": [""]}),
        json!({"AlarmTypes": ["Alarm"]}),
        json!({"MaxRecords": 0}),
    ] {
        let reply = of_json(&sim, &asked);
        assert_eq!(reply.json()["__type"], "ValidationException", "{asked}");
    }
    for (path, body) in [
        ("/service/Other/operation/DescribeAlarms", &b""[..]),
        ("/service/AmazonSSM/operation/ListCommands", b""),
        ("/service", b""),
        ("/service/GraniteServiceVersion20100801/operation/PutMetricAlarm", b""),
        (PATH, b"\x81"),
        (PATH, b"\x01"),
    ] {
        let reply = client::cbor(&sim, path, body);
        let refusal = cbor::read(&reply.bytes).unwrap();
        assert!((400..500).contains(&reply.status), "{path}");
        assert!(refusal["__type"].is_string(), "{path}: {refusal}");
    }
}

#[test]
fn an_alarm_is_a_resource_and_a_list_needs_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
        "Action":"cloudwatch:DescribeAlarms",
        "Resource":"arn:aws:cloudwatch:us-east-1:123456789012:alarm:web-*"}}"#;
    std::fs::write(folder.path().join("web.json"), policy).unwrap();
    let world = "[[alarm]]\nname = \"web-5xx\"\n[[user]]\nname = \"kim\"\n\
                 access_key_id = \"AKIDKIM\"\nsecret_access_key = \"secret\"\n\
                 policy = \"web.json\"\n";
    let world = World::parse(world, &folder.path().join("w.toml")).unwrap();
    let sim = Sim::start(world, ([127, 0, 0, 1], 0).into()).unwrap();
    let key = Key { id: "AKIDKIM".to_owned(), secret: "secret".to_owned(), token: None };
    let ask = |more: &str| {
        let body = format!("Action=DescribeAlarms&Version=2010-08-01{more}");
        signed(&sim, &key, "monitoring", &body)
    };
    assert_eq!(ask("&AlarmNames.member.1=web-5xx").elements("AlarmName"), ["web-5xx"]);
    for (more, resource) in [
        ("", "*"),
        ("&AlarmNames.member.1=web-5xx&AlarmNames.member.2=db", "db"),
        ("&AlarmNames.member.1=web-5xx&AlarmTypes.member.1=CompositeAlarm", "*"),
    ] {
        let reply = ask(more);
        let message = format!(
            "User: arn:aws:iam::123456789012:user/kim is not authorized to perform: \
             cloudwatch:DescribeAlarms on resource: \
             arn:aws:cloudwatch:us-east-1:123456789012:alarm:{resource} because no identity-based \
             policy allows the cloudwatch:DescribeAlarms action"
        );
        assert_eq!((reply.status, reply.element("Code")), (403, "AccessDenied"), "{more}");
        assert_eq!(reply.element("Message"), message);
    }
    assert_eq!(signed(&sim, &key, "ssm", "Action=DescribeAlarms&Version=2010-08-01").status, 403);
}

#[test]
fn faults_hit_it_in_every_protocol() {
    let fault = |kind: &str| {
        let fault = "[[fault]]\noperation = \"DescribeAlarms\"\ncalls = [1]\nkind = ";
        start(&format!("{ALARMS}\n{fault}\"{kind}\"\n"))
    };
    let reply = of_cbor(&fault("throttle"), &json!({}));
    assert_eq!(cbor::read(&reply.bytes).unwrap()["__type"], "ThrottlingException");
    assert!(reply.head.contains("x-amzn-query-error: Throttling;Sender"), "{}", reply.head);
    assert_eq!(of_form(&fault("throttle"), "").element("Code"), "Throttling");
    assert_eq!(of_json(&fault("error-500"), &json!({})).status, 500);
    let sim = fault("empty-page");
    let page = cbor::read(&of_cbor(&sim, &json!({})).bytes).unwrap();
    assert_eq!(page["MetricAlarms"], json!([]));
    let asked = json!({"NextToken": page["NextToken"]});
    assert_eq!(names(&cbor::read(&of_cbor(&sim, &asked).bytes).unwrap()).len(), 3);
    let page = of_form(&fault("empty-page"), "");
    assert_eq!((page.elements("AlarmName").len(), page.elements("NextToken").len()), (0, 1));
}
