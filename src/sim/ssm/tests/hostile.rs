//! Whatever a body holds, an operation answers.

use proptest::{collection, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{World, WorldSpec, id, simulated};

const OPERATIONS: [&str; 15] = [
    "SendCommand",
    "CancelCommand",
    "ListCommands",
    "ListCommandInvocations",
    "GetCommandInvocation",
    "DescribeInstanceInformation",
    "DescribeInstanceProperties",
    "DescribeDocument",
    "GetDocument",
    "ListDocuments",
    "CreateDocument",
    "UpdateDocument",
    "UpdateDocumentDefaultVersion",
    "DeleteDocument",
    "PutParameter",
];

const NAMES: [&str; 30] = [
    "DocumentName",
    "Name",
    "InstanceIds",
    "Targets",
    "Key",
    "Values",
    "Parameters",
    "commands",
    "CommandId",
    "InstanceId",
    "PluginName",
    "Filters",
    "key",
    "value",
    "valueSet",
    "MaxResults",
    "NextToken",
    "Details",
    "Content",
    "DocumentVersion",
    "VersionName",
    "DocumentFormat",
    "MaxConcurrency",
    "MaxErrors",
    "TimeoutSeconds",
    "DocumentHash",
    "Comment",
    "InstanceInformationFilterList",
    "NotificationConfig",
    "Tags",
];

/// JSON that is likely to get past the first checks.
fn json_value() -> impl Strategy<Value = Value> {
    let words = vec![
        "AWS-RunShellScript",
        "$LATEST",
        "1",
        "100%",
        "0",
        "tag:aws:autoscaling:groupName",
        "web",
        "Status",
        "Failed",
        "InvokedAfter",
        "2026-01-01T00:00:00Z",
        "YAML",
        "InstanceIds",
        "schemaVersion: '2.2'\nmainSteps: []",
        "{\"schemaVersion\":\"1.2\",\"runtimeConfig\":[]}",
        "00000000-0000-4000-8000-000000000000",
        "i-00000000000000000",
        "696e766f636174696f6e732f",
        "arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
        "",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_i64..100).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        select(words).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            collection::vec((select(&NAMES[..]), inner), 0..8).prop_map(|all| {
                let members = all.into_iter().map(|(name, it)| (name.to_owned(), it));
                Value::Object(members.collect::<Map<_, _>>())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_body_makes_an_operation_panic(
        operation in select(&OPERATIONS[..]),
        body in json_value(),
        valid in any::<bool>(),
    ) {
        simulated(WorldSpec::default(), async |world: World| {
            let body = match (valid, &body) {
                // Wrong in one or a few members of a request that is good otherwise.
                (true, Value::Object(_)) if operation == "SendCommand" => super::request(&body),
                (true, Value::Object(members)) => {
                    let mut res = json!({ "Name": "Own", "InstanceId": id(0) });
                    res["CommandId"] = json!("00000000-0000-4000-8000-000000000000");
                    for (name, it) in members {
                        res[name.as_str()] = it.clone();
                    }
                    res
                }
                _ => body, // as it is
            };
            let answer = world.call(operation, body).await;
            if let Err(err) = &answer {
                assert!(!err.code.is_empty());
            }
            world.wait(20.0).await;
            world.ok("ListCommandInvocations", json!({ "Details": true })).await;
        });
    }
}

#[test]
fn an_unknown_operation_is_refused_by_name() {
    simulated(WorldSpec::default(), async |world: World| {
        let err = world.call("StartSession", json!({})).await.unwrap_err();
        assert_eq!((err.status, err.code.as_str()), (400, "UnknownOperationException"));
        assert!(err.message.unwrap().contains("StartSession"));
    });
}
