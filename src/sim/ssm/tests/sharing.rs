//! Documents between accounts, their versions, and how long commands are remembered.

use serde_json::{Value, json};

use super::{World, WorldSpec, request, simulated};

const THEIRS: &str = "arn:aws:ssm:us-east-1:210987654321:document/Theirs";

fn content(text: &str) -> String {
    json!({ "schemaVersion": "2.2", "description": text, "mainSteps": [
        { "action": "aws:runShellScript", "name": "only", "inputs": {} },
    ]})
    .to_string()
}

/// Lets another account share a document.
fn share(world: &World) {
    let now = world.sim.clock.now();
    let mut state = world.sim.state.borrow_mut();
    state.ssm.add_shared_document(THEIRS, &content("theirs"), now).unwrap();
}

fn permission(name: &str, more: &Value) -> Value {
    let mut res = json!({ "Name": name, "PermissionType": "Share" });
    for (name, value) in more.as_object().unwrap() {
        res[name.as_str()] = value.clone();
    }
    res
}

#[test]
fn a_document_of_another_account_is_found_by_its_arn_only_and_cannot_be_changed() {
    simulated(WorldSpec::default(), async |world: World| {
        share(&world);
        let found = world.ok("DescribeDocument", json!({ "Name": THEIRS })).await;
        let found = &found["Document"];
        assert_eq!((&found["Name"], &found["Owner"]), (&json!(THEIRS), &json!("210987654321")));
        let body = json!({ "Filters": [{ "Key": "Owner", "Values": ["Private"] }] });
        let listed = world.ok("ListDocuments", body).await;
        assert_eq!(listed["DocumentIdentifiers"][0]["Name"], THEIRS);
        let err = world.call("DescribeDocument", json!({ "Name": "Theirs" })).await.unwrap_err();
        assert_eq!(err.code, "InvalidDocument");

        let more = json!({ "DocumentName": THEIRS, "Parameters": null });
        let sent = world.ok("SendCommand", request(&more)).await;
        assert_eq!(sent["Command"]["DocumentName"], "Theirs");
        let more = json!({ "DocumentName": "Theirs", "Parameters": null });
        let err = world.call("SendCommand", request(&more)).await.unwrap_err();
        assert_eq!(err.code, "InvalidDocument");
    });
}

#[test]
fn who_may_use_a_document_is_told_and_changed() {
    simulated(WorldSpec::default(), async |world: World| {
        world.add_document("Own", &content("own"));
        let describe = async |more: Value| {
            world.ok("DescribeDocumentPermission", permission("Own", &more)).await
        };
        assert_eq!(
            describe(json!({})).await,
            json!({ "AccountIds": [], "AccountSharingInfoList": [] })
        );
        let add = json!({ "AccountIdsToAdd": ["210987654321"], "SharedDocumentVersion": "$ALL" });
        world.ok("ModifyDocumentPermission", permission("Own", &add)).await;
        // An id that is added and removed is removed.
        let both = json!({ "AccountIdsToAdd": ["111111111111", "222222222222"],
                           "AccountIdsToRemove": ["222222222222"] });
        world.ok("ModifyDocumentPermission", permission("Own", &both)).await;
        let first = describe(json!({ "MaxResults": 1 })).await;
        assert_eq!(first["AccountIds"], json!(["111111111111"]));
        let second = describe(json!({ "NextToken": first["NextToken"] })).await;
        assert_eq!(
            second["AccountSharingInfoList"],
            json!([{ "AccountId": "210987654321", "SharedDocumentVersion": "$ALL" }])
        );
        assert!(second.get("NextToken").is_none());

        let err = world.call("DeleteDocument", json!({ "Name": "Own" })).await.unwrap_err();
        assert_eq!(err.code, "InvalidDocumentOperation");
        let remove = json!({ "AccountIdsToRemove": ["111111111111", "210987654321"] });
        world.ok("ModifyDocumentPermission", permission("Own", &remove)).await;
        world.ok("DeleteDocument", json!({ "Name": "Own" })).await;
    });
}

#[test]
fn sharing_has_its_limits() {
    simulated(WorldSpec::default(), async |world: World| {
        let share = async |name: &str, ids: &[String]| {
            let more = json!({ "AccountIdsToAdd": ids });
            world.call("ModifyDocumentPermission", permission(name, &more)).await
        };
        for n in 0..6 {
            let name = format!("Own{n}");
            world.add_document(&name, &content(&name));
            let shared = share(&name, &["All".to_owned()]).await;
            let code = shared.map(drop).map_err(|it| it.code);
            let limit = Err("DocumentPermissionLimit".to_owned());
            assert_eq!(code, if n < 5 { Ok(()) } else { limit });
        }
        let ids: Vec<String> = (0..1_001).map(|it| format!("{it:012}")).collect();
        for some in ids[..1_000].chunks(20) {
            share("Own5", some).await.unwrap();
        }
        let err = share("Own5", &ids[1_000..]).await.unwrap_err();
        assert_eq!(err.code, "DocumentPermissionLimit");
        let err = share("Own5", &ids[..21]).await.unwrap_err();
        assert_eq!(err.code, "ValidationException");
        let err = share("AWS-RunShellScript", &ids[..1]).await.unwrap_err();
        assert_eq!(err.code, "InvalidDocument");
        let err = share("Absent", &ids[..1]).await.unwrap_err();
        assert_eq!(err.code, "InvalidDocument");
    });
}

#[test]
fn versions_are_listed_newest_first_with_their_names() {
    simulated(WorldSpec::default(), async |world: World| {
        let create = json!({ "Name": "Own", "Content": content("1"), "DisplayName": "Our own",
                             "VersionName": "v1", "TargetType": "/AWS::EC2::Instance" });
        let created = world.ok("CreateDocument", create).await;
        assert_eq!(created["DocumentDescription"]["DisplayName"], "Our own");
        for (n, name) in [(2, Value::Null), (3, json!("v3"))] {
            let update = json!({ "Name": "Own", "Content": content(&n.to_string()),
                                 "DocumentVersion": "$LATEST", "VersionName": name });
            world.ok("UpdateDocument", update).await;
        }
        let first =
            world.ok("ListDocumentVersions", json!({ "Name": "Own", "MaxResults": 2 })).await;
        let page = first["DocumentVersions"].as_array().unwrap();
        let numbers: Vec<&Value> = page.iter().map(|it| &it["DocumentVersion"]).collect();
        assert_eq!(numbers, ["3", "2"]);
        assert_eq!((&page[0]["VersionName"], page[1].get("VersionName")), (&json!("v3"), None));
        assert_eq!(page[0]["Status"], "Updating");
        let token = json!({ "Name": "Own", "NextToken": first["NextToken"] });
        let rest = world.ok("ListDocumentVersions", token).await;
        let last = &rest["DocumentVersions"][0];
        assert_eq!(
            [&last["DocumentVersion"], &last["IsDefaultVersion"], &last["DisplayName"]],
            [&json!("1"), &json!(true), &json!("Our own")]
        );
        let err = world.call("ListDocumentVersions", json!({ "Name": "None" })).await.unwrap_err();
        assert_eq!(err.code, "InvalidDocument");
        let other = json!({ "Name": "AWS-RunShellScript", "NextToken": first["NextToken"] });
        let err = world.call("ListDocumentVersions", other).await.unwrap_err();
        assert_eq!(err.code, "InvalidNextToken");
    });
}

#[test]
fn a_command_is_forgotten_after_thirty_days() {
    simulated(WorldSpec::default(), async |world: World| {
        let command = world.send(json!({})).await;
        let day = 86_400.0;
        world.wait(29.9 * day).await;
        assert_eq!(world.command(&command).await["Status"], "Success");
        world.wait(0.2 * day).await;
        assert_eq!(world.command(&command).await, Value::Null);
        let err = world.call("CancelCommand", json!({ "CommandId": command })).await.unwrap_err();
        assert_eq!(err.code, "InvalidCommandId");
        assert_eq!(world.sim.state.borrow().ssm.command_count(), 1);
    });
}
