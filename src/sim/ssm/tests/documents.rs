//! Documents: read, listed, changed.

use serde_json::{Value, json};

use super::{World, WorldSpec, request, simulated};

fn content(description: &str) -> String {
    json!({
        "schemaVersion": "2.2",
        "description": description,
        "parameters": { "who": { "type": "String", "default": "you" } },
        "mainSteps": [{ "action": "aws:runShellScript", "name": "only", "inputs": {} }],
    })
    .to_string()
}

async fn describe(world: &World, name: &str, version: &str) -> Value {
    let body = json!({ "Name": name, "DocumentVersion": version });
    world.ok("DescribeDocument", body).await["Document"].clone()
}

#[test]
fn the_built_in_documents_are_amazons() {
    simulated(WorldSpec::default(), async |world: World| {
        let shell = describe(&world, "AWS-RunShellScript", "$DEFAULT").await;
        assert_eq!(shell["Owner"], "Amazon");
        assert_eq!(shell["SchemaVersion"], "1.2");
        assert_eq!(shell["PlatformTypes"], json!(["Linux", "MacOS"]));
        assert_eq!(shell["Parameters"][0]["Name"], "commands");
        assert_eq!(shell["Parameters"][0]["Type"], "StringList");
        assert!(shell["Parameters"][0].get("DefaultValue").is_none());
        assert_eq!(shell["Hash"].as_str().unwrap().len(), 64);
        let arn = "arn:aws:ssm:us-east-1::document/AWS-RunPowerShellScript";
        assert_eq!(describe(&world, arn, "1").await["PlatformTypes"], json!(["Windows"]));
    });
}

#[test]
fn a_document_is_given_as_stored_or_converted() {
    simulated(WorldSpec::default(), async |world: World| {
        world.add_document("Own", &content("one"));
        let get = async |format: Value| {
            let body = json!({ "Name": "Own", "DocumentFormat": format });
            world.ok("GetDocument", body).await["Content"].as_str().unwrap().to_owned()
        };
        assert_eq!(get(Value::Null).await, content("one"));
        let yaml: Value = serde_saphyr::from_str(&get(json!("YAML")).await).unwrap();
        assert_eq!(yaml, serde_json::from_str::<Value>(&content("one")).unwrap());
        let err = world.call("GetDocument", json!({ "Name": "None" })).await.unwrap_err();
        assert_eq!(err.code, "InvalidDocument");
        let body = json!({ "Name": "Own", "DocumentVersion": "2" });
        let err = world.call("DescribeDocument", body).await.unwrap_err();
        assert_eq!(err.code, "InvalidDocumentVersion");
    });
}

#[test]
fn a_hash_pins_the_version_that_is_sent() {
    simulated(WorldSpec::default(), async |world: World| {
        let hash = describe(&world, "AWS-RunShellScript", "1").await["Hash"].clone();
        let more = json!({ "DocumentHash": hash, "DocumentHashType": "Sha256" });
        world.ok("SendCommand", request(&more)).await;
    });
}

#[test]
fn a_document_lives_from_creation_over_versions_to_deletion() {
    simulated(WorldSpec::default(), async |world: World| {
        let create = json!({ "Name": "Own", "Content": content("one"), "DocumentType": "Command" });
        let answer = world.ok("CreateDocument", create.clone()).await;
        assert_eq!(answer["DocumentDescription"]["Status"], "Creating");
        let send = request(&json!({ "DocumentName": "Own", "Parameters": null }));
        let err = world.call("SendCommand", send.clone()).await.unwrap_err();
        assert_eq!(err.code, "InvalidDocument");
        let err = world.call("CreateDocument", create).await.unwrap_err();
        assert_eq!(err.code, "DocumentAlreadyExists");
        world.wait(2.0).await;
        assert_eq!(describe(&world, "Own", "1").await["Status"], "Active");
        world.ok("SendCommand", send).await;

        let update =
            json!({ "Name": "Own", "Content": content("two"), "DocumentVersion": "$LATEST" });
        let answer = world.ok("UpdateDocument", update.clone()).await;
        assert_eq!(answer["DocumentDescription"]["DocumentVersion"], "2");
        assert_eq!(answer["DocumentDescription"]["DefaultVersion"], "1");
        let err = world.call("UpdateDocument", update).await.unwrap_err();
        assert_eq!(err.code, "DuplicateDocumentContent");
        let old = json!({ "Name": "Own", "Content": content("three"), "DocumentVersion": "1" });
        let err = world.call("UpdateDocument", old).await.unwrap_err();
        assert_eq!(err.code, "InvalidDocumentVersion");

        let default = json!({ "Name": "Own", "DocumentVersion": "2" });
        world.ok("UpdateDocumentDefaultVersion", default.clone()).await;
        assert_eq!(describe(&world, "Own", "$DEFAULT").await["Description"], "two");
        let err = world.call("DeleteDocument", default).await.unwrap_err();
        assert_eq!(err.code, "InvalidDocumentOperation");
        world.ok("DeleteDocument", json!({ "Name": "Own" })).await;
        let err = world.call("DescribeDocument", json!({ "Name": "Own" })).await.unwrap_err();
        assert_eq!(err.code, "InvalidDocument");
    });
}

#[test]
fn bad_documents_are_refused() {
    simulated(WorldSpec::default(), async |world: World| {
        let check = async |name: &str, content: &str, code: &str| {
            let body = json!({ "Name": name, "Content": content });
            let err = world.call("CreateDocument", body).await.unwrap_err();
            assert_eq!(err.code, code, "{name}: {err:?}");
        };
        check("AWS-Own", &content("x"), "ValidationException").await;
        check("a/b", &content("x"), "ValidationException").await;
        check("Own", "{", "InvalidDocumentContent").await;
        check("Own", "schemaVersion: '2.2'", "InvalidDocumentContent").await;
        check("Own", r#"{"mainSteps":[]}"#, "InvalidDocumentContent").await;
        for schema in ["9.9", "3.0", "2.1", "0.4", "0.3"] {
            let content = json!({ "schemaVersion": schema, "mainSteps": [] }).to_string();
            check("Own", &content, "InvalidDocumentSchemaVersion").await;
        }
        check("Own", &content(&"x".repeat(70_000)), "MaxDocumentSizeExceeded").await;
        let body = json!({ "Name": "AWS-RunShellScript" });
        let err = world.call("DeleteDocument", body).await.unwrap_err();
        assert_eq!(err.code, "InvalidDocumentOperation");
    });
}

#[test]
fn documents_are_listed_by_owner_name_and_type() {
    simulated(WorldSpec::default(), async |world: World| {
        world.add_document("Own", &content("one"));
        let check = async |filters: Value, expected: &[&str]| {
            let answer = world.ok("ListDocuments", json!({ "Filters": filters })).await;
            let rows = answer["DocumentIdentifiers"].as_array().unwrap();
            let found: Vec<_> = rows.iter().map(|it| it["Name"].as_str().unwrap()).collect();
            assert_eq!(found, expected);
        };
        let filter = |key: &str, value: &str| json!([{ "Key": key, "Values": [value] }]);
        let runbooks = ["AWSSupport-StartEC2RescueWorkflow", "AWSSupport-TroubleshootSSH"];
        let [rescue, ssh] = runbooks;
        let all = ["AWS-RunPowerShellScript", "AWS-RunShellScript", rescue, ssh, "Own"];
        check(json!([]), &all).await;
        check(filter("Owner", "Self"), &["Own"]).await;
        check(filter("Name", "AWS-RunS"), &["AWS-RunShellScript"]).await;
        let on_windows = ["AWS-RunPowerShellScript", rescue, ssh];
        check(filter("PlatformTypes", "Windows"), &on_windows).await;
        check(filter("DocumentType", "Automation"), &runbooks).await;
        let body = json!({ "Filters": filter("Nonsense", "x") });
        let err = world.call("ListDocuments", body).await.unwrap_err();
        assert_eq!(err.code, "InvalidFilterKey");
    });
}

#[test]
fn the_tags_of_a_document_are_added_listed_and_removed() {
    simulated(WorldSpec::default(), async |world: World| {
        world.add_document("Own", &content("one"));
        let named = |more: Value| {
            let mut body = json!({ "ResourceType": "Document", "ResourceId": "Own" });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let list =
            async || world.ok("ListTagsForResource", named(json!({}))).await["TagList"].clone();
        assert_eq!(list().await, json!([]));
        let tags = json!([{ "Key": "a", "Value": "1" }, { "Key": "b", "Value": "" }]);
        world.ok("AddTagsToResource", named(json!({ "Tags": tags }))).await;
        assert_eq!(list().await, tags);
        assert_eq!(describe(&world, "Own", "$DEFAULT").await["Tags"], tags);
        let changed = json!([{ "Key": "a", "Value": "2" }]);
        world.ok("AddTagsToResource", named(json!({ "Tags": changed }))).await;
        world.ok("RemoveTagsFromResource", named(json!({ "TagKeys": ["b", "c"] }))).await;
        assert_eq!(list().await, changed);
        let many =
            (0..50).map(|n| json!({ "Key": n.to_string(), "Value": "" })).collect::<Vec<_>>();
        let refused = async |operation: &str, body: Value| {
            world.call(operation, body).await.unwrap_err().code
        };
        let too_many = named(json!({ "Tags": many }));
        assert_eq!(refused("AddTagsToResource", too_many).await, "TooManyTagsError");
        assert_eq!(list().await, changed);
        let other = json!({ "ResourceType": "Parameter", "ResourceId": "x", "Tags": [] });
        assert_eq!(refused("AddTagsToResource", other).await, "ValidationException");
        let nobody = json!({ "ResourceType": "Document", "ResourceId": "None" });
        assert_eq!(refused("ListTagsForResource", nobody).await, "InvalidResourceId");
        let amazons = json!({ "ResourceType": "Document", "ResourceId": "AWS-RunShellScript",
            "Tags": changed });
        assert_eq!(refused("AddTagsToResource", amazons).await, "InvalidResourceId");
    });
}
