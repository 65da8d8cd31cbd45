//! What policies see of a request to SSM besides its resource: the document's type, the tags that
//! it gives, the bucket and the alarm that it names.

use std::rc::Rc;

use serde_json::{Value, json};

use super::{World, WorldSpec, request, simulated};
use crate::sim::{api::ApiError, authority::Authority, iam::Policy};

const CONTENT: &str = r#"{"schemaVersion":"2.2","mainSteps":[
    {"action":"aws:runShellScript","name":"a","inputs":{"runCommand":["true"]}}]}"#;
const AUTOMATION: &str =
    r#"{"schemaVersion":"0.3","mainSteps":[{"name":"a","action":"aws:sleep"}]}"#;

/// The caller may do everything but what the statement says; or, if it allows, only that.
fn limit(world: &mut World, statement: &Value) {
    let mut statements = vec![statement.clone()];
    if statement["Effect"] == "Deny" {
        statements.push(json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
    }
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    let policy = Policy::parse(&policy.to_string()).unwrap();
    world.caller = Rc::new(Authority::user("123456789012", 1, "limited", Some(policy))).caller();
}

async fn check(world: &World, operation: &str, body: Value, expected: Result<(), &str>) {
    match (world.call(operation, body.clone()).await, expected) {
        (Ok(_), Ok(())) => {}
        (Err(ApiError { code, message: Some(message), .. }), Err(why)) => {
            assert_eq!(code, "AccessDeniedException", "{message}");
            assert!(message.contains(why), "{message}");
        }
        (found, _) => panic!("{operation} {body}: {found:?}"),
    }
}

#[test]
fn a_documents_type_is_a_condition_of_the_operations_on_it() {
    simulated(WorldSpec::default(), async |mut world: World| {
        world.add_document("Script", CONTENT);
        world.add_document("Runbook", AUTOMATION);
        let condition = json!({ "StringEquals": { "ssm:DocumentType": "Automation" } });
        let statement = json!({ "Effect": "Deny", "Action": "ssm:*", "Resource": "*",
                                "Condition": condition });
        limit(&mut world, &statement);
        let denied = Err("with an explicit deny in an identity-based policy");
        for (operation, more) in [
            ("DescribeDocument", json!({})),
            ("GetDocument", json!({})),
            ("UpdateDocument", json!({ "Content": AUTOMATION })),
            ("UpdateDocumentDefaultVersion", json!({ "DocumentVersion": "1" })),
            ("ModifyDocumentPermission", json!({ "PermissionType": "Share" })),
            ("DeleteDocument", json!({})),
        ] {
            let mut body = more;
            body["Name"] = json!("Runbook");
            check(&world, operation, body, denied).await;
        }
        check(&world, "DescribeDocument", json!({ "Name": "Script" }), Ok(())).await;
        let create = json!({ "Name": "New", "Content": AUTOMATION, "DocumentType": "Automation" });
        check(&world, "CreateDocument", create, denied).await;
        // Without a type it is a Command document.
        check(&world, "CreateDocument", json!({ "Name": "New", "Content": CONTENT }), Ok(())).await;

        let condition = json!({ "StringEquals": { "ssm:DocumentType": "Command" } });
        let statement = json!({ "Effect": "Allow", "Action": "ssm:GetDocument", "Resource": "*",
                                "Condition": condition });
        limit(&mut world, &statement);
        check(&world, "GetDocument", json!({ "Name": "Script" }), Ok(())).await;
        let missing = Err("because no identity-based policy allows");
        check(&world, "GetDocument", json!({ "Name": "Runbook" }), missing).await;
        check(&world, "GetDocument", json!({ "Name": "Nothing" }), missing).await;
    });
}

#[test]
fn tags_that_a_request_gives_or_takes_are_conditions() {
    simulated(WorldSpec::default(), async |mut world: World| {
        world.add_document("Script", CONTENT);
        let tags = |value| json!([{ "Key": "team", "Value": value }]);
        let tag = |value| json!({ "ResourceType": "Document", "ResourceId": "Script", "Tags": tags(value) });
        let create = |name, value| json!({ "Name": name, "Content": CONTENT, "Tags": tags(value) });
        let missing = Err("because no identity-based policy allows");
        let condition = json!({ "StringEquals": { "aws:RequestTag/Team": "web" } });
        limit(
            &mut world,
            &json!({ "Effect": "Allow", "Resource": "*", "Condition": condition,
                     "Action": ["ssm:CreateDocument", "ssm:AddTagsToResource"] }),
        );
        check(&world, "AddTagsToResource", tag("web"), Ok(())).await;
        check(&world, "AddTagsToResource", tag("db"), missing).await;
        check(&world, "CreateDocument", create("One", "web"), Ok(())).await;
        check(&world, "CreateDocument", create("Two", "db"), missing).await;
        check(&world, "CreateDocument", json!({ "Name": "Two", "Content": CONTENT }), missing)
            .await;

        let condition = json!({ "ForAnyValue:StringEquals": { "aws:TagKeys": "team" } });
        let action = "ssm:RemoveTagsFromResource";
        limit(
            &mut world,
            &json!({ "Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition }),
        );
        let remove =
            |key| json!({ "ResourceType": "Document", "ResourceId": "Script", "TagKeys": [key] });
        check(&world, "RemoveTagsFromResource", remove("stage"), Ok(())).await;
        check(&world, "RemoveTagsFromResource", remove("team"), Err("explicit deny")).await;
    });
}

#[test]
fn the_bucket_of_a_command_may_be_denied_and_need_not_be_allowed() {
    let mut spec = WorldSpec::default();
    spec.elsewhere.buckets = ["logs".to_owned(), "other".to_owned()].into();
    simulated(spec, async |mut world: World| {
        let send = |bucket| request(&json!({ "OutputS3BucketName": bucket }));
        let deny = json!({ "Effect": "Deny", "Action": "ssm:SendCommand",
                           "Resource": "arn:aws:s3:::logs" });
        limit(&mut world, &deny);
        check(&world, "SendCommand", send("logs"), Err("on resource: arn:aws:s3:::logs with"))
            .await;
        check(&world, "SendCommand", send("other"), Ok(())).await;
        check(&world, "SendCommand", request(&json!({})), Ok(())).await;
        let resources = json!(["arn:aws:ssm:*::document/*", "arn:aws:ec2:*:*:instance/*"]);
        let allow =
            json!({ "Effect": "Allow", "Action": "ssm:SendCommand", "Resource": resources });
        limit(&mut world, &allow);
        check(&world, "SendCommand", send("logs"), Ok(())).await;
    });
}

#[test]
fn an_alarm_asks_for_the_right_to_make_the_service_linked_role() {
    simulated(WorldSpec::default(), async |mut world: World| {
        let alarm = json!({ "AlarmConfiguration": { "Alarms": [{ "Name": "web-5xx" }] } });
        let statement = |action| json!({ "Effect": "Allow", "Action": action, "Resource": "*" });
        limit(&mut world, &statement(json!("ssm:*")));
        check(&world, "SendCommand", request(&json!({})), Ok(())).await;
        let missing =
            Err("iam:CreateServiceLinkedRole on resource: arn:aws:iam::123456789012:role/");
        check(&world, "SendCommand", request(&alarm), missing).await;
        let mut both = statement(json!(["ssm:*", "iam:CreateServiceLinkedRole"]));
        limit(&mut world, &both);
        check(&world, "SendCommand", request(&alarm), Ok(())).await;
        both["Effect"] = json!("Deny");
        both["Condition"] =
            json!({ "StringEquals": { "iam:AWSServiceName": "ssm.amazonaws.com" } });
        limit(&mut world, &both);
        check(&world, "SendCommand", request(&alarm), Err("explicit deny")).await;
    });
}
