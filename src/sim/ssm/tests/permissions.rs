//! Who may send what where: every document and every named instance is a resource of its own.

use std::rc::Rc;

use serde_json::{Value, json};

use super::{World, WorldSpec, id, request, simulated};
use crate::sim::{api::ApiError, authority::Authority, iam::Policy, state::Instance};

/// Lets the caller send AWS-RunShellScript to instances of the group `web`, and watch.
fn limited(world: &mut World) {
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ssm:SendCommand",
          "Resource": "arn:aws:ssm:us-east-1::document/AWS-RunShellScript" },
        { "Effect": "Allow", "Action": "ssm:SendCommand",
          "Resource": "arn:aws:ec2:us-east-1:123456789012:instance/*",
          "Condition": { "StringEquals": { "ssm:resourceTag/team": "a" } } },
        { "Effect": "Allow", "Action": "ssm:List*", "Resource": "*" },
    ]});
    let policy = Policy::parse(&policy.to_string()).unwrap();
    world.caller = Rc::new(Authority::user("123456789012", 1, "limited", Some(policy))).caller();
}

fn world() -> WorldSpec {
    let change = |index: usize, it: &mut Instance| {
        let team = if index == 1 { "b" } else { "a" };
        it.tags.insert("team".to_owned(), team.to_owned());
    };
    WorldSpec { change, ..WorldSpec::default() }
}

async fn denied(world: &World, more: Value) -> String {
    let ApiError { status, code, message } =
        world.call("SendCommand", request(&more)).await.unwrap_err();
    assert_eq!((status, code.as_str()), (400, "AccessDeniedException"));
    message.unwrap()
}

#[test]
fn a_tag_target_out_of_reach_becomes_an_access_denied_invocation() {
    simulated(world(), async |mut world: World| {
        limited(&mut world);
        let command = world.send(json!({})).await;
        world.wait(9.0).await;
        assert_eq!(world.statuses(&command).await, ["Success", "AccessDenied", "Success"]);
        let row = &world.rows(&command).await[1];
        assert_eq!(
            (&row["Status"], &row["CommandPlugins"][0]["ResponseCode"]),
            (&json!("Failed"), &json!(-1))
        );
        assert_eq!(world.command(&command).await["StatusDetails"], "Success");
        let targets = json!([{ "Key": "tag:team", "Values": ["b"] }]);
        let command = world.send(json!({ "Targets": targets })).await;
        world.wait(9.0).await;
        let view = world.command(&command).await;
        assert_eq!(
            (&view["Status"], &view["StatusDetails"]),
            (&json!("Failed"), &json!("AccessDenied"))
        );
        assert!(!world.sim.state.borrow().executions.contains_key(&id(1)));
    });
}

#[test]
fn a_named_instance_out_of_reach_is_refused_before_anything_else() {
    simulated(world(), async |mut world: World| {
        limited(&mut world);
        let who = "User: arn:aws:iam::123456789012:user/limited is not authorized to perform: \
                   ssm:SendCommand on resource: ";
        let why = " because no identity-based policy allows the ssm:SendCommand action";
        let instance = format!("arn:aws:ec2:us-east-1:123456789012:instance/{}", id(1));
        // Also with a value that validation would refuse: authorisation comes first (D21).
        let more = json!({ "InstanceIds": [id(0), id(1)], "TimeoutSeconds": 1 });
        assert_eq!(denied(&world, more).await, format!("{who}{instance}{why}"));
        let targets = json!([{ "Key": "InstanceIds", "Values": [id(1)] }]);
        let message = denied(&world, json!({ "Targets": targets })).await;
        assert_eq!(message, format!("{who}{instance}{why}"));
        world.ok("SendCommand", request(&json!({ "InstanceIds": [id(0)] }))).await;
    });
}

#[test]
fn another_document_is_refused_by_its_arn_whether_it_exists_or_not() {
    simulated(world(), async |mut world: World| {
        limited(&mut world);
        for (name, account) in [("AWS-RunPowerShellScript", ""), ("Nothing", "123456789012")] {
            let arn =
                format!("on resource: arn:aws:ssm:us-east-1:{account}:document/{name} because");
            let message = denied(&world, json!({ "DocumentName": name })).await;
            assert!(message.contains(&arn), "{message}");
        }
        let arn = "arn:aws:ssm:us-east-1::document/AWS-RunShellScript";
        let answer = world.ok("SendCommand", request(&json!({ "DocumentName": arn }))).await;
        assert_eq!(answer["Command"]["DocumentName"], "AWS-RunShellScript");
    });
}

#[test]
fn every_other_operation_asks_for_its_own_permission() {
    simulated(world(), async |mut world: World| {
        limited(&mut world);
        let command = "00000000-0000-4000-8000-000000000000";
        for (operation, body) in [
            ("CancelCommand", json!({ "CommandId": command })),
            ("GetCommandInvocation", json!({ "CommandId": command, "InstanceId": id(0) })),
            ("DescribeInstanceInformation", json!({})),
            ("DescribeInstanceProperties", json!({})),
            ("DescribeDocument", json!({ "Name": "AWS-RunShellScript" })),
            ("GetDocument", json!({ "Name": "AWS-RunShellScript" })),
            ("CreateDocument", json!({ "Name": "Own", "Content": "{}" })),
            ("UpdateDocument", json!({ "Name": "Own", "Content": "{}" })),
            ("UpdateDocumentDefaultVersion", json!({ "Name": "Own", "DocumentVersion": "1" })),
            ("DeleteDocument", json!({ "Name": "Own" })),
        ] {
            let err = world.call(operation, body).await.unwrap_err();
            assert_eq!(err.code, "AccessDeniedException");
            assert!(
                err.message
                    .unwrap()
                    .contains(&format!("ssm:{operation} on resource: arn:aws:ssm:"))
            );
        }
        world.ok("ListDocuments", json!({})).await;
    });
}
