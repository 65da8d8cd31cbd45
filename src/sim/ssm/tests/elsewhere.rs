//! What a command names of other services: buckets, topics, alarms, resource groups.

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use serde_json::{Value, json};

use super::{World, WorldSpec, id, outcome, request, simulated};
use crate::sim::{
    authority::Authority,
    elsewhere::{Alarm, AlarmState, Elsewhere},
    iam::Policy,
    state::Outcome,
    timeline::Happening,
};

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:ops";

fn elsewhere() -> Elsewhere {
    let alarm = |name: &str, state| Alarm { name: name.to_owned(), state, turn: None };
    let tags =
        |value: &str| BTreeMap::from([("aws:autoscaling:groupName".to_owned(), value.to_owned())]);
    Elsewhere {
        shut_out: std::collections::BTreeSet::default(),
        buckets: ["logs".to_owned()].into(),
        topics: [TOPIC.to_owned()].into(),
        resource_groups: [
            ("nodes".to_owned(), tags("web")),
            ("nothing".to_owned(), tags("nowhere")),
        ]
        .into(),
        alarms: vec![
            alarm("fine", AlarmState::Ok),
            alarm("unsure", AlarmState::InsufficientData),
            alarm("loud", AlarmState::Alarm),
            Alarm {
                turn: Some(crate::sim::elsewhere::Turn {
                    to: AlarmState::Alarm,
                    after: Duration::from_secs(5),
                    since: crate::sim::state::Since::Start,
                }),
                ..alarm("turning", AlarmState::Ok)
            },
        ],
        roles: ["notify".to_owned()].into(),
    }
}

fn world() -> WorldSpec {
    WorldSpec { elsewhere: elsewhere(), ..WorldSpec::default() }
}

fn alarm(name: &str, ignores: bool) -> Value {
    json!({ "Alarms": [{ "Name": name }], "IgnorePollAlarmFailure": ignores })
}

#[test]
fn an_alarm_that_is_loud_or_cannot_be_read_withholds_the_command() {
    for (name, ignores, status, triggered) in [
        ("fine", false, "Success", json!([])),
        ("unsure", false, "Success", json!([])),
        ("loud", false, "Cancelled", json!([{ "Name": "loud", "State": "ALARM" }])),
        ("loud", true, "Cancelled", json!([{ "Name": "loud", "State": "ALARM" }])),
        ("absent", false, "Cancelled", json!([{ "Name": "absent", "State": "UNKNOWN" }])),
        ("absent", true, "Success", json!([])),
    ] {
        simulated(world(), async |world: World| {
            let more = json!({ "AlarmConfiguration": alarm(name, ignores) });
            let answer = world.ok("SendCommand", request(&more)).await["Command"].clone();
            let expected = alarm(name, ignores);
            assert_eq!(answer["AlarmConfiguration"], expected);
            assert_eq!(answer["TriggeredAlarms"], json!([]));
            world.wait(9.0).await;
            let command = answer["CommandId"].as_str().unwrap();
            let view = world.command(command).await;
            assert_eq!((&view["Status"], &view["TriggeredAlarms"]), (&json!(status), &triggered));
            assert_eq!(world.statuses(command).await, [status; 3], "{name} {ignores}");
            let ran = world.sim.state.borrow().executions.len();
            assert_eq!(ran, if status == "Success" { 3 } else { 0 });
        });
    }
}

#[test]
fn an_alarm_that_turns_stops_what_is_pending_and_lets_what_runs_run_on() {
    let slow = Outcome { after: Duration::from_secs(20), ..outcome(&[0, 1, 2]) };
    let spec = WorldSpec { outcomes: vec![slow], ..world() };
    simulated(spec, async |world: World| {
        let now = world.sim.clock.now();
        world
            .sim
            .state
            .borrow_mut()
            .timeline
            .push(crate::sim::timeline::plus(now, Duration::from_secs(5)), Happening::Turns(3));
        let more = json!({
            "AlarmConfiguration": alarm("turning", false), "MaxConcurrency": "1",
        });
        let command = world.send(more).await;
        world.wait(4.0).await;
        assert_eq!(world.command(&command).await["TriggeredAlarms"], json!([]));
        world.wait(2.0).await;
        assert_eq!(world.statuses(&command).await, ["InProgress", "Cancelled", "Cancelled"]);
        let view = world.command(&command).await;
        assert_eq!(view["Status"], "InProgress");
        assert_eq!(view["TriggeredAlarms"], json!([{ "Name": "turning", "State": "ALARM" }]));
        world.wait(30.0).await;
        assert_eq!(world.statuses(&command).await, ["Success", "Cancelled", "Cancelled"]);
        assert_eq!(world.command(&command).await["StatusDetails"], "Incomplete");
    });
}

#[test]
fn output_is_said_to_be_where_the_agent_would_put_it() {
    simulated(world(), async |world: World| {
        world.add_document(
            "Steps",
            &json!({ "schemaVersion": "2.2", "mainSteps": [
                { "action": "aws:runShellScript", "name": "first", "inputs": {} },
                { "action": "aws:runShellScript", "name": "second:part", "inputs": {} },
            ]})
            .to_string(),
        );
        let more = json!({
            "InstanceIds": [id(0)], "OutputS3BucketName": "logs", "OutputS3KeyPrefix": "/a/b/",
            "OutputS3Region": "eu-west-1",
            "CloudWatchOutputConfig": {
                "CloudWatchLogGroupName": "/fleet", "CloudWatchOutputEnabled": true,
            },
        });
        let answer = world.ok("SendCommand", request(&more)).await["Command"].clone();
        assert_eq!(answer["OutputS3BucketName"], "logs");
        assert_eq!(answer["OutputS3KeyPrefix"], "/a/b/");
        assert_eq!(answer["OutputS3Region"], ""); // "The system ignores it"
        let command = answer["CommandId"].as_str().unwrap();
        world.wait(5.0).await;
        let folder = format!("a/b/{command}/{}/awsrunShellScript", id(0));
        let url = format!("https://s3.us-east-1.amazonaws.com/logs/{folder}/0.awsrunShellScript");
        let row = world.rows(command).await[0].clone();
        assert_eq!(row["StandardOutputUrl"], format!("{url}/stdout"));
        let plugin = &row["CommandPlugins"][0];
        assert_eq!(plugin["StandardErrorUrl"], format!("{url}/stderr"));
        assert_eq!(plugin["OutputS3BucketName"], "logs");
        assert_eq!(plugin["OutputS3KeyPrefix"], folder);
        assert_eq!(row["CloudWatchOutputConfig"], more["CloudWatchOutputConfig"]);
        let body = json!({ "CommandId": command, "InstanceId": id(0) });
        let one = world.ok("GetCommandInvocation", body).await;
        assert_eq!(one["StandardOutputUrl"], format!("{url}/stdout"));

        // Several plugins: the invocation has no URL of its own, each of them has.
        let steps = json!({
            "InstanceIds": [id(0)], "OutputS3BucketName": "logs", "DocumentName": "Steps",
            "Parameters": null,
        });
        let command = world.send(steps).await;
        world.wait(5.0).await;
        let row = world.rows(&command).await[0].clone();
        assert_eq!(row["StandardOutputUrl"], "");
        let url = row["CommandPlugins"][1]["StandardOutputUrl"].as_str().unwrap();
        assert!(url.ends_with("/awsrunShellScript/secondpart/stdout"), "{url}");
    });
}

#[test]
fn notifications_are_echoed_if_their_topic_and_role_exist_and_the_role_may_be_passed() {
    simulated(world(), async |mut world: World| {
        let role = "arn:aws:iam::123456789012:role/service/notify";
        let notify = json!({
            "NotificationArn": TOPIC, "NotificationEvents": ["Failed", "TimedOut"],
            "NotificationType": "Invocation",
        });
        let more = json!({ "NotificationConfig": notify, "ServiceRoleArn": role });
        let answer = world.ok("SendCommand", request(&more)).await["Command"].clone();
        assert_eq!(
            (&answer["NotificationConfig"], &answer["ServiceRole"]),
            (&notify, &json!(role))
        );
        world.wait(5.0).await;
        let rows = world.rows(answer["CommandId"].as_str().unwrap()).await;
        assert_eq!(rows[0]["NotificationConfig"], notify);

        for (config, role, code) in [
            (&notify, "", "InvalidRole"),
            (&notify, "arn:aws:iam::123456789012:role/absent", "InvalidRole"),
            (&notify, "arn:aws:iam::210987654321:role/notify", "InvalidRole"),
            (
                &json!({ "NotificationArn": "arn:aws:sns:us-east-1:123456789012:absent" }),
                role,
                "InvalidNotificationConfig",
            ),
        ] {
            let more = json!({ "NotificationConfig": config, "ServiceRoleArn": role });
            let err = world.call("SendCommand", request(&more)).await.unwrap_err();
            assert_eq!(err.code, code, "{more}");
        }

        let policy = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "ssm:*", "Resource": "*" },
            { "Effect": "Allow", "Action": "iam:PassRole", "Resource": role,
              "Condition": { "StringEquals": { "iam:PassedToService": "ssm.amazonaws.com" } } },
        ]});
        let policy = Policy::parse(&policy.to_string()).unwrap();
        world.caller = Rc::new(Authority::user("123456789012", 1, "ann", Some(policy))).caller();
        world.ok("SendCommand", request(&more)).await;
        let other = json!({ "ServiceRoleArn": "arn:aws:iam::123456789012:role/notify" });
        let err = world.call("SendCommand", request(&other)).await.unwrap_err();
        assert_eq!(
            (err.code.as_str(), err.message.as_deref()),
            (
                "AccessDeniedException",
                Some(
                    "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: \
                     iam:PassRole on resource: arn:aws:iam::123456789012:role/notify because no \
                     identity-based policy allows the iam:PassRole action"
                )
            )
        );
    });
}

#[test]
fn a_resource_group_is_its_instances_and_one_that_is_not_there_has_none() {
    let name = "resource-groups:Name";
    let types = "resource-groups:ResourceTypeFilters";
    for (targets, expected) in [
        (json!([{ "Key": name, "Values": ["nodes"] }]), 3),
        (json!([{ "Key": name, "Values": ["nothing"] }]), 0),
        (json!([{ "Key": name, "Values": ["absent"] }]), 0),
        (json!([{ "Key": types, "Values": ["AWS::EC2::INSTANCE", "AWS::EC2::VPC"] }]), 3),
        (json!([{ "Key": types, "Values": ["AWS::EC2::VPC"] }]), 0),
        (
            json!([{ "Key": name, "Values": ["nodes"] },
                   { "Key": types, "Values": ["AWS::EC2::Instance"] }]),
            3,
        ),
    ] {
        simulated(world(), async |world: World| {
            let command = world.send(json!({ "Targets": targets })).await;
            world.wait(9.0).await;
            let view = world.command(&command).await;
            assert_eq!(view["TargetCount"], expected, "{targets}");
            let details = if expected == 0 { "NoInstancesInTag" } else { "Success" };
            assert_eq!(view["StatusDetails"], details);
        });
    }
}

#[test]
fn a_resource_group_that_the_caller_may_not_look_into_makes_the_command_access_denied() {
    simulated(world(), async |mut world: World| {
        let policy = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "ssm:*", "Resource": "*" },
        ]});
        let policy = Policy::parse(&policy.to_string()).unwrap();
        world.caller = Rc::new(Authority::user("123456789012", 1, "ann", Some(policy))).caller();
        let targets = json!([{ "Key": "resource-groups:Name", "Values": ["nodes"] }]);
        let command = world.send(json!({ "Targets": targets })).await;
        world.wait(9.0).await;
        let view = world.command(&command).await;
        let status = [&view["Status"], &view["StatusDetails"], &view["TargetCount"]];
        assert_eq!(status, [&json!("Failed"), &json!("AccessDenied"), &json!(0)]);
    });
}
