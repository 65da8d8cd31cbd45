//! What AWS's model has for an operation and nothing here looks at is refused by its name, whatever
//! the service; what the model does not have is ignored, as AWS ignores it.

use serde_json::{Value, json};

use super::client::{self, form, start};

fn sentence(name: &str) -> String {
    format!("The parameter {name} is not implemented by this simulator.")
}

#[test]
fn a_form_that_asks_for_more_than_is_looked_at_is_refused() {
    let sim = start("");
    let assume = "&RoleArn=arn:aws:iam::123456789012:role/web&RoleSessionName=ci";
    let simulate = "&PolicySourceArn=arn:aws:iam::123456789012:role/web\
                    &ActionNames.member.1=ssm:SendCommand";
    let ended = "&InstanceId=i-0123456789abcdef0&ShouldDecrementDesiredCapacity=true";
    for (version, operation, parameters, code) in [
        ("2011-01-01", "DescribeAutoScalingGroups", "&IncludeManagedResources=false", ERROR),
        ("2011-01-01", "DescribeAutoScalingInstances", "&IncludeManagedResources=false", ERROR),
        ("2011-01-01", "DescribeScalingActivities", "&IncludeManagedResources=false", ERROR),
        ("2011-01-01", "DescribeScalingActivities", "&IncludeDeletedGroups=true", ERROR),
        ("2011-01-01", "DescribeScalingActivities", "&Filters.member.1.Name=Status", ERROR),
        ("2011-01-01", ENDS, &format!("&InstanceIds.member.1=i-0123456789abcdef0{ended}"), ERROR),
        ("2011-01-01", ENDS, &format!("&AutoScalingGroupName=web{ended}"), ERROR),
        ("2011-06-15", "AssumeRole", &format!("&MinimumSessionTokenSize=9{assume}"), ERROR),
        (
            "2011-06-15",
            "AssumeRole",
            &format!("&ProvidedContexts.member.1.ProviderArn=a{assume}"),
            ERROR,
        ),
        (
            "2010-05-08",
            "SimulatePrincipalPolicy",
            &format!("&CallerArn=arn:aws:iam::123456789012:user/bob{simulate}"),
            "InvalidInput",
        ),
        (
            "2010-05-08",
            "SimulatePrincipalPolicy",
            &format!("&ResourceOwner=arn:aws:iam::123456789012:root{simulate}"),
            "InvalidInput",
        ),
        (
            "2016-11-15",
            "DescribeInstances",
            "&IncludeManagedResources=true",
            "UnsupportedOperation",
        ),
    ] {
        let asked = format!("Action={operation}&Version={version}{parameters}");
        let reply = form(&sim, &asked).unwrap();
        assert_eq!((reply.status, reply.element("Code")), (400, code), "{asked}: {}", reply.body);
        let name = parameters[1..].split(['.', '=']).next().unwrap();
        assert_eq!(reply.element("Message"), sentence(name), "{asked}");
    }
    // No service model has it.
    for (version, operation) in [
        ("2011-01-01", "DescribeAutoScalingGroups"),
        ("2011-06-15", "GetCallerIdentity"),
        ("2010-08-01", "DescribeAlarms"),
    ] {
        let asked = format!("Action={operation}&Version={version}&Colour.member.1=red");
        assert_eq!(form(&sim, &asked).unwrap().status, 200, "{asked}");
    }
}

const ERROR: &str = "ValidationError";
const ENDS: &str = "TerminateInstanceInAutoScalingGroup";

#[test]
fn a_body_that_asks_for_more_than_is_looked_at_is_refused() {
    let sim = start("");
    let document = json!({ "Name": "Own-One", "Content": "{}" });
    let ssm = "ValidationException";
    let logs = "InvalidParameterException";
    let streams = json!({ "logGroupName": "a" });
    let events = json!({ "logGroupName": "a", "logStreamName": "b" });
    for (target, body, name, value, code) in [
        ("AmazonSSM.CreateDocument", &document, "Requires", json!([{ "Name": "a" }]), ssm),
        ("AmazonSSM.CreateDocument", &document, "Attachments", json!([]), ssm),
        ("AmazonSSM.UpdateDocument", &document, "Attachments", json!([]), ssm),
        (START, &json!({ "DocumentName": "Own" }), "TargetLocations", json!([{}]), ssm),
        (START, &json!({ "DocumentName": "Own" }), "TargetLocationsURL", json!("https://a"), ssm),
        (START, &json!({ "DocumentName": "Own" }), "AlarmConfiguration", json!({}), ssm),
        (PROPERTIES, &json!({}), "InstancePropertyFilterList", json!([{ "key": "a" }]), ssm),
        (PROPERTIES, &json!({}), "FiltersWithOperator", json!([{ "Key": "a" }]), ssm),
        ("Logs_20140328.DescribeLogStreams", &streams, "logGroupIdentifier", json!("a"), logs),
        ("Logs_20140328.DescribeLogStreams", &streams, "orderBy", json!("LastEventTime"), logs),
        ("Logs_20140328.DescribeLogStreams", &streams, "descending", json!(true), logs),
        ("Logs_20140328.GetLogEvents", &events, "logGroupIdentifier", json!("a"), logs),
        ("Logs_20140328.GetLogEvents", &events, "startTime", json!(1), logs),
        ("Logs_20140328.GetLogEvents", &events, "endTime", json!(1), logs),
        ("Logs_20140328.GetLogEvents", &events, "unmask", json!(true), logs),
        (
            "TrentService.DescribeKey",
            &json!({ "KeyId": "alias/aws/ebs" }),
            "GrantTokens",
            json!(["a"]),
            "UnsupportedOperationException",
        ),
    ] {
        let mut asked = body.clone();
        asked[name] = value;
        let reply = client::json(&sim, target, &asked.to_string()).unwrap();
        assert_eq!(reply.status, 400, "{target} {asked}");
        let reply = reply.json();
        let said = (&reply["__type"], &reply["message"]);
        assert_eq!(said, (&json!(code), &json!(sentence(name))), "{target} {asked}");
        asked[name] = Value::Null;
        let reply = client::json(&sim, target, &asked.to_string()).unwrap();
        assert!(!reply.body.contains("not implemented"), "{target} {asked}: {}", reply.body);
    }
    // No service model has it.
    for (target, body) in [
        ("AmazonSSM.ListCommands", json!({ "Colour": "red" })),
        ("TrentService.DescribeKey", json!({ "KeyId": "alias/aws/ebs", "Colour": "red" })),
    ] {
        assert_eq!(client::json(&sim, target, &body.to_string()).unwrap().status, 200, "{body}");
    }
}

const START: &str = "AmazonSSM.StartAutomationExecution";
const PROPERTIES: &str = "AmazonSSM.DescribeInstanceProperties";
