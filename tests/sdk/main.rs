//! aws-sdk-rust against the simulator: it parses every answer, maps every modelled error that the
//! simulator gives to its typed variant, and leaves the others to `.code()`.

use std::path::Path;

use aws_credential_types::Credentials;
use aws_sdk_ssm::types::{
    CommandFilter, CommandInvocationStatus, CommandStatus, DocumentHashType, DocumentStatus,
    DocumentType, InstanceInformationStringFilter, NotificationConfig, Tag, Target,
};
use aws_smithy_types::{error::metadata::ProvideErrorMetadata, retry::RetryConfig};
use fleet::sim::{Sim, World};

const SHELL: &str = "AWS-RunShellScript";
const UNKNOWN: &str = "i-0123456789abcdef0";
const NO_COMMAND: &str = "00000000-0000-4000-8000-000000000000";
const CONTENT: &str = r#"{"schemaVersion":"2.2","description":"d","mainSteps":[
    {"action":"aws:runShellScript","name":"run","inputs":{"runCommand":["true"]}}]}"#;
const RUNBOOK: &str = r#"{"schemaVersion":"0.3","mainSteps":[
    {"name":"wait","action":"aws:sleep","inputs":{"Duration":"PT1S"}}]}"#;

/// Enough of a world for every error: an hour of it takes a second.
const WORLD: &str = r#"
speed = 3600.0
visible_after = "0s"
[[group]]
name = "web"
size = 13
tags = { role = "web" }
[[group]]
name = "win"
size = 1
platform = "Windows"
[[group]]
name = "slow"
size = 1
[[outcome]]
group = "slow"
after = "300h"
[[outcome]]
group = "web"
instances = [1]
exit = 3
stdout = "out"
stderr = "err"
"#;

struct Aws {
    sim: Sim,
    ssm: aws_sdk_ssm::Client,
    sts: aws_sdk_sts::Client,
    autoscaling: aws_sdk_autoscaling::Client,
}

impl Aws {
    fn of(world: &str) -> Self {
        let world = World::parse(world, Path::new("tests/world.toml")).expect("the world is one");
        let sim = Sim::start(world, ([127, 0, 0, 1], 0).into()).expect("a port is free");
        let (key, secret) = sim.credentials();
        let keys = Credentials::new(key, secret, None, None, "test");
        Self::with(sim, &keys)
    }

    fn with(sim: Sim, keys: &Credentials) -> Self {
        macro_rules! client {
            ($sdk:ident) => {
                $sdk::Client::from_conf(
                    $sdk::Config::builder()
                        .behavior_version($sdk::config::BehaviorVersion::latest())
                        .region($sdk::config::Region::new(sim.region().to_owned()))
                        .endpoint_url(sim.endpoint())
                        .retry_config(RetryConfig::disabled())
                        .credentials_provider(keys.clone())
                        .build(),
                )
            };
        }
        Self {
            ssm: client!(aws_sdk_ssm),
            sts: client!(aws_sdk_sts),
            autoscaling: client!(aws_sdk_autoscaling),
            sim,
        }
    }

    /// Returns the ids of a group's instances.
    async fn members(&self, group: &str) -> Vec<String> {
        let asked = self.autoscaling.describe_auto_scaling_groups();
        let found = asked.auto_scaling_group_names(group).send().await.expect("it is answered");
        let members = found.auto_scaling_groups()[0].instances().iter();
        members.filter_map(|it| it.instance_id().map(str::to_owned)).collect()
    }

    fn send(&self) -> aws_sdk_ssm::operation::send_command::builders::SendCommandFluentBuilder {
        self.ssm.send_command().document_name(SHELL).parameters("commands", vec!["true".to_owned()])
    }

    /// Sends by id and waits for the end.
    async fn run(&self, instances: &[String]) -> String {
        let sent = self.send().set_instance_ids(Some(instances.to_vec())).send().await;
        let id = sent.expect("it is accepted").command.and_then(|it| it.command_id);
        let id = id.expect("a command has an id");
        self.ended(&id).await;
        id
    }

    async fn ended(&self, id: &str) -> CommandStatus {
        loop {
            let found = self.ssm.list_commands().command_id(id).send().await;
            let found = found.expect("it is answered").commands.unwrap_or_default();
            let status = found.first().and_then(|it| it.status.clone());
            match status.expect("a command has a status") {
                CommandStatus::Pending | CommandStatus::InProgress | CommandStatus::Cancelling => {}
                other => return other,
            }
        }
    }

    async fn create(&self, name: &str, content: &str, kind: DocumentType) {
        let asked = self.ssm.create_document().name(name).content(content).document_type(kind);
        let found = asked.send().await.expect("it is created");
        let found = found.document_description.and_then(|it| it.status);
        assert_eq!(found, Some(DocumentStatus::Creating));
        loop {
            let found = self.ssm.describe_document().name(name).send().await;
            let found = found.expect("it is answered").document.and_then(|it| it.status);
            if found == Some(DocumentStatus::Active) {
                return;
            }
        }
    }
}

/// Asserts that a call is refused with the typed variant of the operation's error, and its code.
macro_rules! refused {
    ($call:expr, $is:ident, $code:literal) => {{
        let error = $call.send().await.expect_err($code).into_service_error();
        assert!(error.$is(), "{} is {error:?}", stringify!($is));
        assert_eq!(error.code(), Some($code));
    }};
    // An error that the operation does not model.
    ($call:expr, $code:literal, $status:literal) => {{
        let error = $call.send().await.expect_err($code);
        let status = error.raw_response().map(|it| it.status().as_u16());
        assert_eq!((error.code(), status), (Some($code), Some($status)));
        assert!(error.message().is_some_and(|it| !it.is_empty()), "{error:?}");
    }};
}

/// Documents: what is said of them, and what is refused.
mod documents;

fn by_group(name: &str) -> Target {
    Target::builder().key("tag:aws:autoscaling:groupName").values(name).build()
}

fn filter(key: &str, value: &str) -> InstanceInformationStringFilter {
    let built = InstanceInformationStringFilter::builder().key(key).values(value).build();
    built.expect("it has a key and values")
}

fn by(key: aws_sdk_ssm::types::CommandFilterKey, value: &str) -> CommandFilter {
    CommandFilter::builder().key(key).value(value).build().expect("it has both")
}

#[tokio::test]
async fn every_answer_about_commands_is_parsed() {
    let aws = Aws::of(WORLD);
    let web = aws.members("web").await;
    let sent = aws.send().targets(by_group("web")).comment("c").send().await.unwrap();
    let command = sent.command.unwrap();
    assert_eq!((command.target_count, command.status), (0, Some(CommandStatus::Pending)));
    assert_eq!(command.comment.as_deref(), Some("c"));
    assert!(command.expires_after.unwrap().secs() > command.requested_date_time.unwrap().secs());

    let id = aws.run(&web[..2]).await;
    let listed = aws.ssm.list_commands().command_id(&id).send().await.unwrap();
    assert_eq!((listed.commands()[0].target_count, listed.commands()[0].error_count), (2, 1));
    let rows = aws.ssm.list_command_invocations().command_id(&id).details(true).send().await;
    let rows = rows.unwrap().command_invocations.unwrap();
    let failed = rows.iter().find(|it| it.instance_id() == Some(&web[1])).unwrap();
    assert_eq!(failed.status, Some(CommandInvocationStatus::Failed));
    let plugin = &failed.command_plugins()[0];
    assert_eq!((plugin.name(), plugin.response_code), (Some("aws:runShellScript"), 3));
    assert!(plugin.response_start_date_time.is_some());
    let got = aws.ssm.get_command_invocation().command_id(&id).instance_id(&web[1]);
    let got = got.send().await.unwrap();
    assert_eq!((got.response_code, got.standard_output_content()), (3, Some("out")));
    assert_eq!(got.status_details(), Some("Failed"));

    let slow = aws.send().targets(by_group("slow")).send().await.unwrap().command.unwrap();
    let slow = slow.command_id.unwrap();
    aws.ssm.cancel_command().command_id(&slow).send().await.unwrap();
    assert_eq!(aws.ended(&slow).await, CommandStatus::Cancelled);
}

#[tokio::test]
async fn every_answer_about_nodes_groups_and_callers_is_parsed() {
    let aws = Aws::of(WORLD);
    let nodes = aws.ssm.describe_instance_information().filters(filter("tag:role", "web"));
    let nodes = nodes.max_results(50).send().await.unwrap();
    assert_eq!(nodes.instance_information_list().len(), 13);
    assert!(nodes.instance_information_list()[0].last_ping_date_time().is_some());
    let groups = aws.autoscaling.describe_auto_scaling_groups().send().await.unwrap();
    let names = groups.auto_scaling_groups().iter().map(|it| it.auto_scaling_group_name().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["slow", "web", "win"]);
    assert!(groups.auto_scaling_groups()[0].created_time().is_some());
    let instances = aws.autoscaling.describe_auto_scaling_instances().send().await.unwrap();
    assert_eq!(instances.auto_scaling_instances().len(), 15);
    let caller = aws.sts.get_caller_identity().send().await.unwrap();
    assert!(caller.arn().is_some_and(|it| it.contains(":user/")));
}

#[tokio::test]
async fn the_properties_of_nodes_are_parsed_and_refused_by_variant() {
    let aws = Aws::of(WORLD);
    let found = aws.ssm.describe_instance_properties().max_results(1_000).send().await.unwrap();
    let nodes = found.instance_properties();
    assert_eq!(nodes.len(), 15);
    assert!(nodes.iter().all(|it| it.ping_status().is_some() && it.instance_state().is_some()));
    let stray = aws.ssm.describe_instance_properties().next_token("nowhere");
    refused!(stray, is_invalid_next_token, "InvalidNextToken");
}

#[tokio::test]
async fn the_errors_of_send_command_have_their_variants() {
    let aws = Aws::of(WORLD);
    let (web, win) = (aws.members("web").await, aws.members("win").await);
    let send = || aws.send().instance_ids(&web[0]);
    aws.create("runbook", RUNBOOK, DocumentType::Automation).await;
    refused!(send().instance_ids(&web[0]), is_duplicate_instance_id, "DuplicateInstanceId");
    refused!(send().instance_ids(UNKNOWN), is_invalid_instance_id, "InvalidInstanceId");
    refused!(send().document_name("nothing"), is_invalid_document, "InvalidDocument");
    refused!(send().document_name("runbook"), is_invalid_document, "InvalidDocument");
    let hash = send().document_hash("0").document_hash_type(DocumentHashType::Sha256);
    refused!(hash, is_invalid_document, "InvalidDocument");
    refused!(send().document_version("9"), is_invalid_document_version, "InvalidDocumentVersion");
    let bucket = send().output_s3_bucket_name("no-bucket");
    refused!(bucket, is_invalid_output_folder, "InvalidOutputFolder");
    let other = send().parameters("other", vec!["x".to_owned()]);
    refused!(other, is_invalid_parameters, "InvalidParameters");
    let windows = aws.send().instance_ids(&win[0]);
    refused!(windows, is_unsupported_platform_type, "UnsupportedPlatformType");
    let large = send().parameters("commands", vec!["x".repeat(65_536)]);
    refused!(large, is_max_document_size_exceeded, "MaxDocumentSizeExceeded");
    refused!(send().service_role_arn("nonsense"), is_invalid_role, "InvalidRole");
    let topic = NotificationConfig::builder().notification_arn("arn:aws:sns:r:a:t").build();
    let role = "arn:aws:iam::123456789012:role/notify";
    let topic = send().notification_config(topic).service_role_arn(role);
    refused!(topic, is_invalid_notification_config, "InvalidNotificationConfig");
    // The SDK sends what botocore would not.
    refused!(send().timeout_seconds(5), "ValidationException", 400);
    refused!(aws.ssm.send_command().document_name(SHELL), "ValidationException", 400);
}

#[tokio::test]
async fn the_errors_about_commands_have_their_variants() {
    use aws_sdk_ssm::types::CommandFilterKey::{ExecutionStage, Status};
    let aws = Aws::of(WORLD);
    let web = aws.members("web").await;
    let id = aws.run(&web[..1]).await;
    let cancel = || aws.ssm.cancel_command();
    refused!(cancel().command_id(NO_COMMAND), is_invalid_command_id, "InvalidCommandId");
    let elsewhere = cancel().command_id(&id).instance_ids(&web[5]);
    refused!(elsewhere, is_invalid_instance_id, "InvalidInstanceId");
    let twice = cancel().command_id(&id).instance_ids(&web[0]).instance_ids(&web[0]);
    refused!(twice, is_duplicate_instance_id, "DuplicateInstanceId");
    let get = || aws.ssm.get_command_invocation().instance_id(&web[0]);
    refused!(get().command_id(NO_COMMAND), is_invocation_does_not_exist, "InvocationDoesNotExist");
    let step = get().command_id(&id).plugin_name("no-such-step");
    refused!(step, is_invalid_plugin_name, "InvalidPluginName");
    let list = || aws.ssm.list_command_invocations();
    let stage = list().filters(by(ExecutionStage, "Complete"));
    refused!(stage, is_invalid_filter_key, "InvalidFilterKey");
    refused!(list().next_token("nowhere"), is_invalid_next_token, "InvalidNextToken");
    let list = || aws.ssm.list_commands();
    refused!(list().next_token("nowhere"), is_invalid_next_token, "InvalidNextToken");
    refused!(list().filters(by(Status, "Undeliverable")), "ValidationException", 400);
    refused!(list().max_results(51), "ValidationException", 400);
}

#[tokio::test]
async fn the_errors_about_nodes_and_groups_have_their_variants() {
    let aws = Aws::of(WORLD);
    let nodes = || aws.ssm.describe_instance_information();
    let unknown = nodes().filters(filter("InstanceIds", UNKNOWN));
    refused!(unknown, is_invalid_instance_id, "InvalidInstanceId");
    refused!(nodes().filters(filter("Colour", "red")), is_invalid_filter_key, "InvalidFilterKey");
    refused!(
        nodes().filters(filter("PlatformTypes", "BeOS")),
        is_invalid_instance_information_filter_value,
        "InvalidInstanceInformationFilterValue"
    );
    for (key, value) in [("PingStatus", "online"), ("ResourceType", "EC2")] {
        refused!(
            nodes().filters(filter(key, value)),
            is_invalid_instance_information_filter_value,
            "InvalidInstanceInformationFilterValue"
        );
    }
    refused!(nodes().next_token("nowhere"), is_invalid_next_token, "InvalidNextToken");
    // A token belongs to the question that it was given for.
    let page = nodes().max_results(5).send().await.unwrap();
    let elsewhere = nodes().filters(filter("PingStatus", "Online"));
    let elsewhere = elsewhere.set_next_token(page.next_token().map(str::to_owned));
    refused!(elsewhere, is_invalid_next_token, "InvalidNextToken");
    let groups = || aws.autoscaling.describe_auto_scaling_groups();
    refused!(groups().next_token("nowhere"), is_invalid_next_token, "InvalidNextToken");
    refused!(groups().max_records(101), "ValidationError", 400);
    let instances = || aws.autoscaling.describe_auto_scaling_instances();
    refused!(instances().next_token("nowhere"), is_invalid_next_token, "InvalidNextToken");
}

const SESSIONS: &str = r#"
[[user]]
name = "operator"
access_key_id = "AKIDOPERATOR"
secret_access_key = "not-a-secret"
policy = "conformance/worlds/sessions/anything.json"
[[role]]
name = "plain"
trust = "conformance/worlds/sessions/trust.json"
policy = "conformance/worlds/sessions/anything.json"
"#;

#[tokio::test]
async fn sessions_are_parsed_and_their_errors_have_variants() {
    let aws = Aws::of(SESSIONS);
    let role = "arn:aws:iam::123456789012:role/plain";
    let assume = || aws.sts.assume_role().role_arn(role).role_session_name("session");
    let policy = r#"{"Version":"2012-10-17","Statement":
        {"Effect":"Allow","Action":"ssm:ListCommands","Resource":"*"}}"#;
    let got = assume().policy(policy).duration_seconds(900).send().await.unwrap();
    let keys = got.credentials().unwrap();
    assert!(keys.expiration().secs() > 0);
    assert_eq!(
        got.assumed_role_user().unwrap().arn(),
        "arn:aws:sts::123456789012:assumed-role/plain/session"
    );

    let nonsense = assume().policy("nonsense");
    refused!(nonsense, is_malformed_policy_document_exception, "MalformedPolicyDocument");
    let mut tagged = assume();
    for n in 0..20 {
        let tag =
            aws_sdk_sts::types::Tag::builder().key(format!("{n:0128}")).value("v".repeat(256));
        tagged = tagged.tags(tag.build().unwrap());
    }
    refused!(tagged, is_packed_policy_too_large_exception, "PackedPolicyTooLarge");
    refused!(assume().duration_seconds(7200), "ValidationError", 400);
    refused!(assume().role_arn(role.replace("plain", "nobody")), "AccessDenied", 403);

    let keys = Credentials::new(
        keys.access_key_id(),
        keys.secret_access_key(),
        Some(keys.session_token().to_owned()),
        None,
        "test",
    );
    let session = Aws::with(aws.sim, &keys);
    session.ssm.list_commands().send().await.unwrap();
    refused!(session.ssm.describe_instance_information(), "AccessDeniedException", 400);
    refused!(session.autoscaling.describe_auto_scaling_groups(), "AccessDenied", 403);
}

#[tokio::test]
async fn whoever_is_not_known_is_refused_by_code() {
    let aws = Aws::of(SESSIONS);
    let stranger = Credentials::new("AKIDNOBODY", "x", None, None, "test");
    let stranger = Aws::with(aws.sim, &stranger);
    refused!(stranger.ssm.list_commands(), "UnrecognizedClientException", 400);
    refused!(stranger.sts.get_caller_identity(), "InvalidClientTokenId", 403);
    let forger = Credentials::new("AKIDOPERATOR", "wrong", None, None, "test");
    let forger = Aws::with(stranger.sim, &forger);
    refused!(forger.ssm.list_commands(), "InvalidSignatureException", 400);
    refused!(forger.sts.get_caller_identity(), "SignatureDoesNotMatch", 403);
}

#[tokio::test]
async fn what_is_not_implemented_is_refused_by_code() {
    let aws = Aws::of(WORLD);
    let tag = Tag::builder().key("k").value("v").build().unwrap();
    let put = aws.ssm.put_parameter().name("n").value("v").tags(tag);
    refused!(put, "UnknownOperationException", 400);
    refused!(aws.sts.get_session_token(), "InvalidAction", 400);
    let delete = aws.autoscaling.delete_auto_scaling_group().auto_scaling_group_name("web");
    refused!(delete, "InvalidAction", 400);
}

#[tokio::test]
async fn faults_are_what_the_sdk_takes_them_for() {
    let fault = |operation, kind| {
        format!("[[fault]]\noperation = \"{operation}\"\ncalls = [1]\nkind = \"{kind}\"\n")
    };
    let faults = [
        fault("ListCommands", "throttle"),
        fault("ListDocuments", "error-500"),
        fault("DescribeDocument", "html-500"),
        fault("GetDocument", "truncated-body"),
        fault("ListCommandInvocations", "expired-token"),
        fault("SendCommand", "drop-after-accept"),
        fault("GetCallerIdentity", "throttle"),
        fault("DescribeAutoScalingGroups", "truncated-body"),
    ];
    let aws = Aws::of(&format!("{WORLD}{}", faults.concat()));
    refused!(aws.ssm.list_commands(), "ThrottlingException", 400);
    refused!(aws.ssm.list_documents(), is_internal_server_error, "InternalServerError");
    refused!(aws.ssm.list_command_invocations(), "ExpiredTokenException", 400);
    refused!(aws.sts.get_caller_identity(), "Throttling", 400);
    let page = aws.ssm.describe_document().name(SHELL).send().await.expect_err("a page is none");
    assert_eq!(page.raw_response().map(|it| it.status().as_u16()), Some(500));
    let half = aws.ssm.get_document().name(SHELL).send().await.expect_err("half is none");
    assert!(matches!(half, aws_sdk_ssm::error::SdkError::ResponseError(_)), "{half:?}");
    // Whoever reads XML with aws-sdk-rust has to count for himself: it takes half an answer, if the
    // HTTP around it is whole, for one with fewer members. botocore refuses it.
    let half = aws.autoscaling.describe_auto_scaling_groups().send().await.unwrap();
    let members: usize = half.auto_scaling_groups().iter().map(|it| it.instances().len()).sum();
    assert!(members < 15, "half of it is there: {members}");
    let lost = aws.send().targets(by_group("web")).send().await.expect_err("it was dropped");
    assert!(matches!(lost, aws_sdk_ssm::error::SdkError::DispatchFailure(_)), "{lost:?}");
    assert_eq!(aws.ssm.list_commands().send().await.unwrap().commands().len(), 1);
}

#[tokio::test]
async fn paginators_lose_nothing_and_repeat_nothing() {
    let aws = Aws::of(WORLD);
    let web = aws.members("web").await;
    let id = aws.run(&web).await;
    for _ in 0..6 {
        aws.run(&web[..1]).await;
    }
    macro_rules! whole {
        ($paginator:expr, $count:expr, |$it:ident| $key:expr) => {{
            let items = $paginator.items().send().collect::<Result<Vec<_>, _>>().await.unwrap();
            let mut keys: Vec<String> = items.iter().map(|$it| $key.unwrap().to_owned()).collect();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!((items.len(), keys.len()), ($count, $count));
        }};
    }
    let rows = aws.ssm.list_command_invocations().command_id(id);
    whole!(rows.into_paginator().page_size(4), 13, |it| it.instance_id());
    whole!(aws.ssm.list_commands().into_paginator().page_size(2), 7, |it| it.command_id());
    let nodes = aws.ssm.describe_instance_information();
    whole!(nodes.into_paginator().page_size(5), 15, |it| it.instance_id());
    // Two documents to run and two runbooks are built in.
    whole!(aws.ssm.list_documents().into_paginator().page_size(1), 4, |it| it.name());
    let groups = aws.autoscaling.describe_auto_scaling_groups();
    whole!(groups.into_paginator().page_size(1), 3, |it| it.auto_scaling_group_name());
    let instances = aws.autoscaling.describe_auto_scaling_instances();
    whole!(instances.into_paginator().page_size(4), 15, |it| it.instance_id());
}
