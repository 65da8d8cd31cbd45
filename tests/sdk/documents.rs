//! Documents: their versions, their tags and with whom they are shared.

use aws_sdk_ssm::types::{
    DocumentKeyValuesFilter, DocumentPermissionType, DocumentType, ResourceTypeForTagging, Tag,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{Aws, CONTENT, RUNBOOK, SHELL, WORLD};

#[tokio::test]
async fn every_answer_about_documents_is_parsed() {
    let aws = Aws::of(WORLD);
    aws.create("doc", CONTENT, DocumentType::Command).await;
    let described = aws.ssm.describe_document().name("doc").send().await.unwrap().document.unwrap();
    assert_eq!(
        (described.schema_version(), described.document_version()),
        (Some("2.2"), Some("1"))
    );
    assert!(described.created_date().is_some());
    let got = aws.ssm.get_document().name("doc").send().await.unwrap();
    assert_eq!(got.content(), Some(CONTENT));
    let changed = CONTENT.replace("\"d\"", "\"e\"");
    let updated =
        aws.ssm.update_document().name("doc").content(changed).document_version("$LATEST");
    let updated = updated.send().await.unwrap().document_description.unwrap();
    assert_eq!(updated.latest_version(), Some("2"));
    let moved = aws.ssm.update_document_default_version().name("doc").document_version("2");
    let moved = moved.send().await.unwrap().description.unwrap();
    assert_eq!(moved.default_version(), Some("2"));
    let own = DocumentKeyValuesFilter::builder().key("Owner").values("Self").build();
    let listed = aws.ssm.list_documents().filters(own).send().await.unwrap();
    assert_eq!(listed.document_identifiers()[0].name(), Some("doc"));
    aws.ssm.delete_document().name("doc").send().await.unwrap();
}

#[tokio::test]
async fn every_answer_about_versions_sharing_and_tags_is_parsed() {
    let aws = Aws::of(WORLD);
    aws.create("doc", CONTENT, DocumentType::Command).await;
    let changed = CONTENT.replace("\"d\"", "\"e\"");
    let update = aws.ssm.update_document().name("doc").content(changed).version_name("second");
    update.document_version("$LATEST").send().await.unwrap();
    let versions = aws.ssm.list_document_versions().name("doc").send().await.unwrap();
    let versions = versions.document_versions().iter();
    let mut versions: Vec<_> =
        versions.map(|it| (it.document_version(), it.version_name())).collect();
    versions.sort_unstable();
    assert_eq!(versions, [(Some("1"), None), (Some("2"), Some("second"))]);

    let share = DocumentPermissionType::Share;
    let modify = aws.ssm.modify_document_permission().name("doc").permission_type(share.clone());
    modify.account_ids_to_add("210987654321").send().await.unwrap();
    let described = aws.ssm.describe_document_permission().name("doc").permission_type(share);
    let described = described.send().await.unwrap();
    assert_eq!(described.account_ids(), ["210987654321"]);
    assert_eq!(described.account_sharing_info_list()[0].account_id(), Some("210987654321"));

    let document = ResourceTypeForTagging::Document;
    let tag = Tag::builder().key("team").value("web").build().unwrap();
    let add = aws.ssm.add_tags_to_resource().resource_type(document.clone()).resource_id("doc");
    add.tags(tag.clone()).send().await.unwrap();
    let list = || {
        let list = aws.ssm.list_tags_for_resource().resource_type(document.clone());
        list.resource_id("doc").send()
    };
    assert_eq!(list().await.unwrap().tag_list(), [tag]);
    let remove = aws.ssm.remove_tags_from_resource().resource_type(document.clone());
    remove.resource_id("doc").tag_keys("team").send().await.unwrap();
    assert!(list().await.unwrap().tag_list().is_empty());
}

#[tokio::test]
async fn the_errors_about_documents_have_their_variants() {
    let aws = Aws::of(WORLD);
    aws.create("doc", CONTENT, DocumentType::Command).await;
    for name in ["other", SHELL] {
        let describe = aws.ssm.describe_document().name(name);
        let get = aws.ssm.get_document().name(name);
        if name == SHELL {
            let (describe, get) = (describe.document_version("9"), get.document_version("9"));
            refused!(describe, is_invalid_document_version, "InvalidDocumentVersion");
            refused!(get, is_invalid_document_version, "InvalidDocumentVersion");
        } else {
            refused!(describe, is_invalid_document, "InvalidDocument");
            refused!(get, is_invalid_document, "InvalidDocument");
        }
    }
    let list = || aws.ssm.list_documents();
    refused!(list().next_token("nowhere"), is_invalid_next_token, "InvalidNextToken");
    let colour = DocumentKeyValuesFilter::builder().key("Colour").values("red").build();
    refused!(list().filters(colour), is_invalid_filter_key, "InvalidFilterKey");

    let create = || aws.ssm.create_document().name("new").content(CONTENT);
    let large = CONTENT.replace("\"d\"", &format!("\"{}\"", "x".repeat(65_536)));
    refused!(create().name("doc"), is_document_already_exists, "DocumentAlreadyExists");
    refused!(create().content(&large), is_max_document_size_exceeded, "MaxDocumentSizeExceeded");
    refused!(create().content("{"), is_invalid_document_content, "InvalidDocumentContent");
    refused!(
        create().content(RUNBOOK).document_type(DocumentType::Command),
        is_invalid_document_schema_version,
        "InvalidDocumentSchemaVersion"
    );

    let changed = CONTENT.replace("\"d\"", "\"e\"");
    let update = || aws.ssm.update_document().name("doc").content(&changed);
    refused!(update().name("other"), is_invalid_document, "InvalidDocument");
    refused!(update().document_version("9"), is_invalid_document_version, "InvalidDocumentVersion");
    refused!(update().content(CONTENT), is_duplicate_document_content, "DuplicateDocumentContent");
    refused!(update().content("{"), is_invalid_document_content, "InvalidDocumentContent");
    refused!(update().content(&large), is_max_document_size_exceeded, "MaxDocumentSizeExceeded");
    refused!(update().name(SHELL), is_invalid_document_operation, "InvalidDocumentOperation");
    refused!(
        update().content(RUNBOOK),
        is_invalid_document_schema_version,
        "InvalidDocumentSchemaVersion"
    );
    update().version_name("named").send().await.unwrap();
    refused!(
        update().content(CONTENT).version_name("named").document_version("$LATEST"),
        is_duplicate_document_version_name,
        "DuplicateDocumentVersionName"
    );

    let default = || aws.ssm.update_document_default_version().document_version("9");
    refused!(default().name("other"), is_invalid_document, "InvalidDocument");
    refused!(default().name("doc"), is_invalid_document_version, "InvalidDocumentVersion");
    let delete = || aws.ssm.delete_document();
    refused!(delete().name("other"), is_invalid_document, "InvalidDocument");
    refused!(
        delete().name("doc").document_version("1"),
        is_invalid_document_operation,
        "InvalidDocumentOperation"
    );
    for n in 1..500 {
        create().name(format!("doc-{n}")).send().await.unwrap();
    }
    refused!(create(), is_document_limit_exceeded, "DocumentLimitExceeded");
}

#[tokio::test]
async fn the_errors_about_versions_sharing_and_tags_have_their_variants() {
    let aws = Aws::of(WORLD);
    aws.create("doc", CONTENT, DocumentType::Command).await;
    let versions = || aws.ssm.list_document_versions();
    refused!(versions().name("other"), is_invalid_document, "InvalidDocument");
    refused!(
        versions().name("doc").next_token("nowhere"),
        is_invalid_next_token,
        "InvalidNextToken"
    );

    let share = || DocumentPermissionType::Share;
    let describe = || aws.ssm.describe_document_permission().permission_type(share());
    refused!(describe().name("other"), is_invalid_document, "InvalidDocument");
    let modify = || aws.ssm.modify_document_permission().permission_type(share());
    refused!(
        modify().name("other").account_ids_to_add("210987654321"),
        is_invalid_document,
        "InvalidDocument"
    );

    let document = || ResourceTypeForTagging::Document;
    let list = || aws.ssm.list_tags_for_resource().resource_type(document());
    refused!(list().resource_id("other"), is_invalid_resource_id, "InvalidResourceId");
    let add = || aws.ssm.add_tags_to_resource().resource_type(document());
    let tag = |n: usize| Tag::builder().key(format!("k{n}")).value("v").build().unwrap();
    refused!(add().resource_id("other").tags(tag(0)), is_invalid_resource_id, "InvalidResourceId");
    let remove = || aws.ssm.remove_tags_from_resource().resource_type(document()).tag_keys("k");
    refused!(remove().resource_id("other"), is_invalid_resource_id, "InvalidResourceId");
    for n in 0..50 {
        add().resource_id("doc").tags(tag(n)).send().await.unwrap();
    }
    refused!(add().resource_id("doc").tags(tag(50)), is_too_many_tags_error, "TooManyTagsError");
}
