//! SendCommand: authorises, refuses what AWS refuses at once, and accepts the rest.
//! The order of the checks is UNVERIFIED (D21): authorisation, validation, document, instances
//! and platform, parameters.

use std::{collections::BTreeSet, rc::Rc};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    alarm,
    content::{Content, Kind},
    document::SIZE_LIMIT,
    documents::{missing, platform_word},
    drive, nodes,
    outputs::NotificationConfig,
    parameters::{self, Given},
    shapes::SEND_COMMAND,
    summary::Summary,
    targets::{self, Target},
    validate::{Checked, invalid},
};
use crate::sim::{
    api::{ApiError, Call, Facts},
    authority,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    pub document_name: String,
    pub instance_ids: Vec<String>,
    pub targets: Vec<Target>,
    pub document_version: Option<String>,
    pub document_hash: Option<String>,
    pub document_hash_type: Option<String>,
    pub timeout_seconds: Option<i64>,
    pub comment: String,
    pub parameters: Given,
    #[serde(rename = "OutputS3BucketName")]
    pub bucket: Option<String>,
    #[serde(rename = "OutputS3KeyPrefix")]
    pub key_prefix: String,
    pub max_concurrency: Option<String>,
    pub max_errors: Option<String>,
    pub service_role_arn: String,
    pub notification_config: Option<NotificationConfig>,
    pub cloud_watch_output_config: CloudWatch,
    pub alarm_configuration: alarm::Configuration,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CloudWatch {
    pub cloud_watch_log_group_name: String,
    pub cloud_watch_output_enabled: bool,
}

pub(super) fn send_command(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let checked = Checked::of(SEND_COMMAND, body);
    authorize(call, &checked)?;
    let request: Request = checked.request()?;
    request.check_shape()?;
    let (document, content) = request.document(call)?;
    request.check_instances(call, &content)?;
    parameters::check(&document, &content, &request.parameters)?;
    request.check_size(call)?;
    request.check_outputs(call)?;
    let chosen = request.chosen(call, &content);
    let command = request.command(call, document, content, chosen);
    let answer = json!({ "Command": Summary::of(&command).to_json() });
    drive::launch(&call.sim, command);
    Ok(answer)
}

/// The role that Systems Manager acts with by itself.
const SERVICE_LINKED_ROLE: &str = "aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM";

/// Authorises the document and every instance that is named, each as a resource of its own.
fn authorize(call: &Call, checked: &Checked) -> Result<(), ApiError> {
    let action = "ssm:SendCommand";
    let none = Facts::default();
    if let Some(name) = checked.text("DocumentName") {
        let (arn, facts) = {
            let state = call.sim.state.borrow();
            let documents = &state.ssm.documents;
            (documents.arn(&call.sim, name), documents.facts(&call.sim, name))
        };
        call.authorize(action, Some(&arn), &facts)?;
    }
    let mut ids = checked.list::<String>("InstanceIds");
    ids.extend(checked.list::<Target>("Targets").iter().filter_map(Target::ids).flatten().cloned());
    for id in ids {
        authorize_instance(call, &id)?;
    }
    // The bucket is an optional resource of the action (service authorization reference). That a
    // Deny of it counts and a missing Allow does not is UNVERIFIED.
    if let Some(bucket) = checked.text("OutputS3BucketName").filter(|it| !it.is_empty()) {
        authority::heed_denial(call, action, &format!("arn:aws:s3:::{bucket}"), &none)?;
    }
    // The role is handed to SNS on the caller's behalf (user guide, monitoring with SNS).
    if let Some(role) = checked.text("ServiceRoleArn").filter(|it| !it.is_empty()) {
        call.authorize("iam:PassRole", Some(role), &none)?;
    }
    // "To use an alarm, the caller needs iam:CreateServiceLinkedRole" (aws-facts §1.10). For which
    // role, and whether also when that exists already, is UNVERIFIED.
    if checked.has("AlarmConfiguration") {
        let role = format!("arn:aws:iam::{}:role/{SERVICE_LINKED_ROLE}", call.sim.account);
        call.authorize("iam:CreateServiceLinkedRole", Some(&role), &none)?;
    }
    Ok(())
}

/// The instance resource is EC2's, also for ids that do not exist: those have no tags.
pub(super) fn authorize_instance(call: &Call, id: &str) -> Result<(), ApiError> {
    let sim = &call.sim;
    let arn = format!("arn:aws:ec2:{}:{}:instance/{id}", sim.region, sim.account);
    let tags = sim.state.borrow().instances.get(id).map(|it| it.tags.clone());
    call.authorize("ssm:SendCommand", Some(&arn), &Facts::of_tags(tags.unwrap_or_default()))
}

impl Request {
    fn check_shape(&self) -> Result<(), ApiError> {
        // D1, UNVERIFIED in code and wording.
        match (self.instance_ids.is_empty(), self.targets.is_empty()) {
            (true, true) => Err(invalid("Either InstanceIds or Targets must be specified")),
            (false, false) => Err(invalid("InstanceIds and Targets cannot both be specified")),
            (true, false) | (false, true) => targets::check(&self.targets),
        }
    }

    fn document(&self, call: &Call) -> Result<(String, Rc<Content>), ApiError> {
        let state = call.sim.state.borrow();
        let document = state.ssm.documents.find(&call.sim, &self.document_name)?;
        let version = document.version(self.document_version.as_deref())?;
        if version.content.kind != Kind::Command {
            return Err(missing(&self.document_name)); // "wrong type" is InvalidDocument as well
        }
        let status = version.status(call.sim.clock.now());
        if status != "Active" {
            // UNVERIFIED in code and wording; that it must be Active is documented.
            let message = format!("Document {} is {status}, not Active.", document.name);
            return Err(ApiError::new("InvalidDocument", message));
        }
        if let Some(hash) = &self.document_hash {
            let is_sha256 = self.document_hash_type.as_deref() != Some("Sha1");
            if !is_sha256 || !hash.eq_ignore_ascii_case(&version.hash) {
                // D2, UNVERIFIED.
                return Err(ApiError::new("InvalidDocument", "The document hash does not match."));
            }
        }
        Ok((document.name.clone(), Rc::clone(&version.content)))
    }

    /// One unusable id fails the whole call; no invocation is created (aws-facts §1.5).
    fn check_instances(&self, call: &Call, content: &Content) -> Result<(), ApiError> {
        let unique: BTreeSet<_> = self.instance_ids.iter().collect();
        if unique.len() < self.instance_ids.len() {
            return Err(ApiError::bare("DuplicateInstanceId"));
        }
        let named = self.targets.iter().filter_map(Target::ids).flatten();
        let state = call.sim.state.borrow();
        let platforms = content.platforms();
        let (mut unusable, mut misplaced) = (Vec::new(), None);
        for id in self.instance_ids.iter().chain(named) {
            match state.instances.get(id).filter(|it| nodes::is_managed(it)) {
                None => unusable.push(id.as_str()),
                Some(it) if !platforms.contains(&it.platform) => {
                    misplaced = misplaced.or(Some((id, it.platform)));
                }
                Some(_) => {}
            }
        }
        if !unusable.is_empty() {
            let (ids, account) = (unusable.join(", "), &call.sim.account);
            let message = format!("Instances [[{ids}]] not in a valid state for account {account}");
            return Err(ApiError::new("InvalidInstanceId", message));
        }
        if let Some((id, platform)) = misplaced {
            let platform = platform_word(platform);
            let message = format!(
                "Cannot perform operation for instance id {id} of platform type {platform}"
            );
            return Err(ApiError::new("UnsupportedPlatformType", message));
        }
        Ok(())
    }

    /// "This quota also includes the content specified for input parameters at runtime."
    fn check_size(&self, call: &Call) -> Result<(), ApiError> {
        let state = call.sim.state.borrow();
        let document = state.ssm.documents.find(&call.sim, &self.document_name)?;
        let text = &document.version(self.document_version.as_deref())?.text;
        let given: usize = self
            .parameters
            .iter()
            .map(|(name, values)| name.len() + values.iter().map(String::len).sum::<usize>())
            .sum();
        if text.len() + given > SIZE_LIMIT {
            let message = "The size limit of a document is 64 KB.";
            return Err(ApiError::new("MaxDocumentSizeExceeded", message));
        }
        Ok(())
    }
}
